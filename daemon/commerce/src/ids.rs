//! Identifiers. They are parsed at the edge and trusted afterwards. Each is a string in JSON, in paths and on paper.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} `{}`: {expected}", text.escape_debug())]
pub struct InvalidId {
    what: &'static str,
    text: String,
    expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        Self { what, text: text.to_owned(), expected }
    }
}

/// Serde and OpenAPI as a string.
macro_rules! as_text {
    ($type:ident, $pattern:expr, $example:literal) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let text = utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .examples([$example]);
                text.into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.to_string()
            }
        }
    };
}

pub(crate) use as_text;

/// An id that is a letter and a number.
macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident, $letter:literal, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(pub u64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let number = text.strip_prefix($letter).and_then(number);
                let expected = concat!("`", $letter, "` and a number, such as `", $example, "`");
                number.map(Self).ok_or_else(|| InvalidId { what: $what, text: text.to_owned(), expected })
            }
        }

        as_text!($type, concat!("^", $letter, "(0|[1-9][0-9]{0,19})$"), $example);
    };
}

/// A name of 1 to 40 letters, digits or `-`.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let is_name = (1..=40).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let expected = "1 to 40 letters, digits or `-`";
                let invalid = || InvalidId { what: $what, text: text.to_owned(), expected };
                if is_name { Ok(Self(text.to_owned())) } else { Err(invalid()) }
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        as_text!($type, "^[A-Za-z0-9-]{1,40}$", $example);
    };
}

/// Parses decimal digits without a leading zero, so that a number has one spelling.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

numbered!(
    /// A basket, counted from 1 in its store. 0 until the commit that numbers it.
    BasketId, "b", "basket id", "b12"
);
numbered!(
    /// A card payment, counted from 1 in its store.
    PaymentId, "p", "payment id", "p12"
);
named!(
    /// A register, as named in the config.
    RegisterName, "register name", "till-1"
);
named!(
    /// A program with its own account, such as an ERP system or a catalog loader.
    ServiceName, "service name", "erp"
);
named!(
    /// A person who works at a register.
    OperatorId, "operator id", "1042"
);
named!(
    /// A till: a drawer whose cash is counted.
    TillName, "till name", "drawer-1"
);
named!(
    /// A customer's order, as the shop that took it calls it. Unique in the retailer for all time.
    OrderId, "order id", "web-10234"
);

/// An id of two numbers: an epoch of the store and a number in it.
macro_rules! in_epoch {
    (
        $(#[$doc:meta])* $type:ident { $(#[$of_number:meta])* $number:ident },
        $what:literal, $expected:literal, $example:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type {
            /// The store's epoch.
            pub epoch: u64,
            $(#[$of_number])*
            pub $number: u64,
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", self.epoch, self.$number)
            }
        }

        impl FromStr for $type {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let parts = text.split_once('-').and_then(|(epoch, own)| Some((number(epoch)?, number(own)?)));
                let invalid = || InvalidId { what: $what, text: text.to_owned(), expected: $expected };
                let (epoch, $number) = parts.ok_or_else(invalid)?;
                Ok(Self { epoch, $number })
            }
        }

        as_text!($type, "^(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})$", $example);
    };
}

in_epoch!(
    /// A sale: the epoch of its store and its sequence number in the stream of sales. Never reused by a hub.
    SaleId {
        /// The sequence number in the stream of sales.
        sequence
    },
    "sale id", "epoch and sequence, such as `1764201600000-77`", "1764201600000-77"
);
in_epoch!(
    /// A shift of a till: the epoch of its store and its number there. Never reused by a hub.
    ShiftId {
        /// The number of the shift, from 1 in its store.
        number
    },
    "shift id", "epoch and number, such as `1764201600000-12`", "1764201600000-12"
);

/// The day that a transaction is booked on: a calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BusinessDay {
    year: u16,
    month: u8,
    day: u8,
}

impl BusinessDay {
    /// The earliest day.
    pub const FIRST: Self = Self { year: 1, month: 1, day: 1 };

    /// A date of years 1 to 9999; `None` if it does not exist.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => 0,
        };
        ((1..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// The calendar year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The number of days since 1 March of the year 0, to count the days between two dates.
    pub fn days(self) -> i64 {
        // Years that begin in March have their leap day at the end.
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
    }

    /// The same day of the month some months later, or that month's last day if it has no such day; 9999-12-31 at most.
    #[must_use]
    pub fn months_later(self, months: u16) -> Self {
        let month = u32::from(self.month) - 1 + u32::from(months);
        let year = u32::from(self.year) + month / 12;
        let (Ok(year), Ok(month)) = (u16::try_from(year), u8::try_from(month % 12 + 1)) else { return self };
        let there = (1..=self.day).rev().find_map(|day| Self::new(year, month, day));
        there.unwrap_or(Self { year: 9999, month: 12, day: 31 })
    }
}

impl fmt::Display for BusinessDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for BusinessDay {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parse = || {
            let has_shape = text.len() == 10
                && text.bytes().enumerate().all(|(place, byte)| match place {
                    4 | 7 => byte == b'-',
                    _ => byte.is_ascii_digit(),
                });
            if !has_shape {
                return None;
            }
            Self::new(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?)
        };
        let expected = "a date such as `2026-11-24`";
        parse().ok_or_else(|| InvalidId { what: "business day", text: text.to_owned(), expected })
    }
}

as_text!(BusinessDay, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-11-24");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form() {
        assert_eq!("b12".parse(), Ok(BasketId(12)));
        assert_eq!("p0".parse(), Ok(PaymentId(0)));
        assert_eq!("1-77".parse(), Ok(SaleId { epoch: 1, sequence: 77 }));
        for text in ["", "12", "b", "b-1", "b012", "b 1", "p12", "b99999999999999999999", "b１"] {
            assert!(text.parse::<BasketId>().is_err(), "{text}");
        }
        for text in ["", "1", "1-", "-1", "1-2-3", "01-2", "1-02", "+1-2"] {
            assert!(text.parse::<SaleId>().is_err(), "{text}");
        }
        let told = "b012".parse::<BasketId>().unwrap_err().to_string();
        assert_eq!(told, "invalid basket id `b012`: `b` and a number, such as `b12`");
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        for text in ["0-0", "1764201600000-77", "18446744073709551615-18446744073709551615"] {
            assert_eq!(text.parse::<SaleId>().unwrap().to_string(), text);
        }
        assert_eq!("b18446744073709551615".parse::<BasketId>().unwrap().to_string(), "b18446744073709551615");
    }

    #[test]
    fn names_are_plain() {
        assert_eq!("till-1".parse::<RegisterName>().unwrap().as_str(), "till-1");
        for text in ["", "till 1", "till/1", "(console)", "tïll", &"a".repeat(41)] {
            assert!(text.parse::<RegisterName>().is_err(), "{text}");
        }
        assert!("a".repeat(40).parse::<OperatorId>().is_ok());
    }

    #[test]
    fn a_business_day_is_a_day_of_the_calendar() {
        for text in ["2026-11-24", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<BusinessDay>().unwrap().to_string(), text);
        }
        for text in [
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-1-01",
            "0000-01-01",
            "２026-1-1",
            "2026-11-024",
            "2026/11/24",
        ] {
            assert!(text.parse::<BusinessDay>().is_err(), "{text}");
        }
        assert!(BusinessDay::new(2026, 11, 24) < BusinessDay::new(2026, 12, 1));
        assert_eq!(BusinessDay::new(2026, 11, 24).unwrap().year(), 2026);
        assert_eq!(BusinessDay::new(10_000, 1, 1), None);
    }

    #[test]
    fn ids_are_text_in_json() {
        let sale = SaleId { epoch: 1, sequence: 77 };
        assert_eq!(serde_json::to_string(&sale).unwrap(), "\"1-77\"");
        assert_eq!(serde_json::from_str::<SaleId>("\"1-77\"").unwrap(), sale);
        assert!(serde_json::from_str::<BasketId>("12").is_err());
    }

    #[test]
    fn days_are_counted_from_march_of_the_year_0() {
        // As Python counts them: `(day - date(1970, 1, 1)).days`, and 719468 days before 1970.
        for (day, days) in [
            ("0001-03-01", 365),
            ("1600-03-01", 584_388),
            ("1900-02-28", 693_959),
            ("1900-03-01", 693_960),
            ("1970-01-01", 719_468),
            ("2000-02-29", 730_484),
            ("2000-03-01", 730_485),
            ("2024-12-31", 739_556),
            ("2026-11-28", 740_253),
        ] {
            assert_eq!(day.parse::<BusinessDay>().unwrap().days(), days, "{day}");
        }
    }

    #[test]
    fn months_end_on_their_last_day() {
        let later = |day: &str, months| day.parse::<BusinessDay>().unwrap().months_later(months).to_string();
        assert_eq!(later("2026-08-31", 6), "2027-02-28");
        assert_eq!(later("2026-11-28", 0), "2026-11-28");
        assert_eq!(later("2026-11-28", 1), "2026-12-28");
        assert_eq!(later("2026-12-01", 1), "2027-01-01");
        assert_eq!(later("2026-01-31", 25), "2028-02-29");
        assert_eq!(later("9999-12-31", 1), "9999-12-31");
    }
}
