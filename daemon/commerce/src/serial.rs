//! Units with serial numbers, and their warranties.
//!
//! ```text
//!             sell                    come back
//!   (unknown) ----> sold ------------------------------> back { sellable: it can be sold again }
//!       |            ^                                      |
//!       |            +--------------- sell -----------------+
//!       +-- block --> blocked -- unblock --> (as before)
//! ```
//!
//! The store does not register serial numbers when goods arrive, so a unit is known from its first sale on. A unit that
//! is sold can't be sold again before it has come back; one that was never sold here can't come back without an
//! override.
//!
//! A warranty begins on the day of the sale and lasts whole months. It ends on the same day of the month, or on the
//! last day of a shorter month: sold on 31 August with six months, it ends on 28 February. A return ends it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{BusinessDay, SaleId},
    item::Sku,
    returns::Disposition,
};

/// A serial number: 1 to 20 printable ASCII characters without spaces, as in GS1's application identifier 21.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, min_length = 1, max_length = 20, pattern = "^[!-~]{1,20}$"))]
pub struct SerialNumber(String);

impl SerialNumber {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SerialNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        let text = text.escape_debug();
        Err(format!("Invalid serial number `{text}`: 1 to 20 printable ASCII characters without spaces"))
    }
}

impl TryFrom<String> for SerialNumber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SerialNumber> for String {
    fn from(number: SerialNumber) -> Self {
        number.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a unit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = UnitState))]
pub enum State {
    /// A customer has it.
    Sold {
        /// The sale.
        sale: SaleId,
        /// Its line.
        line: u32,
    },
    /// It came back.
    Back {
        /// Where it went.
        disposition: Disposition,
    },
}

/// A unit with a serial number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SerialUnit))]
pub struct Unit {
    /// The item.
    pub sku: Sku,
    /// The serial number.
    pub serial: SerialNumber,
    /// What it is.
    pub unit: State,
    /// Its warranty, if it has one that a return did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty: Option<Warranty>,
    /// When it last changed: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A warranty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warranty {
    /// The first day.
    pub start: BusinessDay,
    /// How many months.
    pub months: u16,
    /// The last day.
    pub ends: BusinessDay,
}

impl Warranty {
    /// A warranty from a day on; `None` for no months.
    pub fn new(start: BusinessDay, months: u16) -> Option<Self> {
        (months > 0).then(|| Self { start, months, ends: start.months_later(months) })
    }
}

/// Why a unit can't be sold, or come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is sold.
    #[error("unit {serial} of item {sku} was sold with sale {sale} and has not come back; check the number")]
    Sold {
        /// The item.
        sku: Sku,
        /// The number.
        serial: SerialNumber,
        /// The sale.
        sale: SaleId,
    },
    /// It came back and is not for sale.
    #[error("unit {serial} of item {sku} came back as {}; it can't be sold", disposition.name())]
    NotForSale {
        /// The item.
        sku: Sku,
        /// The number.
        serial: SerialNumber,
        /// Where it went.
        disposition: Disposition,
    },
    /// Another unit was sold.
    #[error("the sale has unit {sold} of item {sku}, not {brought}")]
    OtherUnit {
        /// The item.
        sku: Sku,
        /// The unit of the sale.
        sold: SerialNumber,
        /// The unit that was brought.
        brought: SerialNumber,
    },
    /// The number was not read.
    #[error("item {sku} has serial numbers; read the number on the goods")]
    Missing {
        /// The item.
        sku: Sku,
    },
    /// It is not with this customer.
    #[error("unit {serial} of item {sku} is not sold: it came back before, or was sold elsewhere")]
    NotSold {
        /// The item.
        sku: Sku,
        /// The number.
        serial: SerialNumber,
    },
}

/// Whether a unit may be sold. `known` is what the store knows of it.
///
/// # Errors
/// It is sold, or came back and is not for sale.
pub fn may_be_sold(sku: &Sku, serial: &SerialNumber, known: Option<&Unit>) -> Result<(), Fault> {
    let (sku, serial) = (sku.clone(), serial.clone());
    match known.map(|unit| &unit.unit) {
        None | Some(State::Back { disposition: Disposition::Sellable }) => Ok(()),
        Some(State::Back { disposition }) => Err(Fault::NotForSale { sku, serial, disposition: *disposition }),
        Some(State::Sold { sale, .. }) => Err(Fault::Sold { sku, serial, sale: *sale }),
    }
}

/// Whether a unit may come back of a sale's line that sold `sold`; `None` if the line has no number.
///
/// # Errors
/// The number is missing, is another one, or the unit is not sold.
pub fn may_come_back(
    sku: &Sku,
    sold: Option<&SerialNumber>,
    brought: Option<&SerialNumber>,
    known: Option<&Unit>,
    own_sale: Option<SaleId>,
) -> Result<(), Fault> {
    let sku = sku.clone();
    let Some(brought) = brought.cloned() else { return Err(Fault::Missing { sku }) };
    if let Some(sold) = sold.filter(|sold| **sold != brought) {
        return Err(Fault::OtherUnit { sku, sold: sold.clone(), brought });
    }
    let Some(own_sale) = own_sale else { return Ok(()) };
    match known.map(|unit| &unit.unit) {
        Some(State::Sold { sale, .. }) if *sale == own_sale => Ok(()),
        _ => Err(Fault::NotSold { sku, serial: brought }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku() -> Sku {
        "818981".parse().unwrap()
    }

    fn number(text: &str) -> SerialNumber {
        text.parse().unwrap()
    }

    fn unit(unit: State) -> Unit {
        Unit { sku: sku(), serial: number("A1"), unit, warranty: None, at_ms: 1 }
    }

    const SALE: SaleId = SaleId { epoch: 1, sequence: 7 };

    #[test]
    fn a_unit_is_sold_once_until_it_comes_back_sellable() {
        let sold = unit(State::Sold { sale: SALE, line: 1 });
        let may = |known: Option<&Unit>| may_be_sold(&sku(), &number("A1"), known);
        assert_eq!(may(None), Ok(()));
        assert!(matches!(may(Some(&sold)), Err(Fault::Sold { .. })));
        assert_eq!(may(Some(&unit(State::Back { disposition: Disposition::Sellable }))), Ok(()));
        for disposition in [Disposition::Damaged, Disposition::Quarantine, Disposition::Vendor] {
            assert!(matches!(may(Some(&unit(State::Back { disposition }))), Err(Fault::NotForSale { .. })));
        }
    }

    #[test]
    fn only_the_unit_that_was_sold_comes_back_and_once() {
        let sold = unit(State::Sold { sale: SALE, line: 1 });
        let may = |brought: Option<&str>, known: Option<&Unit>| {
            let brought = brought.map(number);
            may_come_back(&sku(), Some(&number("A1")), brought.as_ref(), known, Some(SALE))
        };
        assert_eq!(may(Some("A1"), Some(&sold)), Ok(()));
        assert!(matches!(may(Some("A2"), Some(&sold)), Err(Fault::OtherUnit { .. })));
        assert!(matches!(may(None, Some(&sold)), Err(Fault::Missing { .. })));
        let back = unit(State::Back { disposition: Disposition::Sellable });
        assert!(matches!(may(Some("A1"), Some(&back)), Err(Fault::NotSold { .. })));
        assert!(matches!(may(Some("A1"), None), Err(Fault::NotSold { .. })));
        let other = unit(State::Sold { sale: SaleId { epoch: 1, sequence: 8 }, line: 1 });
        assert!(matches!(may(Some("A1"), Some(&other)), Err(Fault::NotSold { .. })));
    }

    #[test]
    fn a_warranty_ends_on_the_same_day_of_the_month_or_the_last() {
        let ends = |start: &str, months| Warranty::new(start.parse().unwrap(), months).unwrap().ends.to_string();
        assert_eq!(ends("2026-03-01", 24), "2028-03-01");
        assert_eq!(ends("2026-08-31", 6), "2027-02-28");
        assert_eq!(ends("2027-08-31", 6), "2028-02-29");
        assert_eq!(ends("2026-12-31", 1), "2027-01-31");
        assert_eq!(Warranty::new("2026-03-01".parse().unwrap(), 0), None);
        let days =
            |from: &str, to: &str| crate::returns::decide::days_between(from.parse().unwrap(), to.parse().unwrap());
        assert_eq!((days("2026-02-28", "2026-03-01"), days("2028-02-28", "2028-03-01")), (1, 2));
        assert_eq!((days("2026-01-01", "2027-01-01"), days("2027-12-31", "2028-12-31")), (365, 366));
    }

    #[test]
    fn a_serial_number_is_that_of_gs1() {
        for bad in ["", "a b", "123456789012345678901", "\u{e4}"] {
            assert!(bad.parse::<SerialNumber>().is_err(), "{bad}");
        }
        assert_eq!(serde_json::to_value(number("A1")).unwrap(), "A1");
    }

    #[test]
    fn a_number_is_written_as_it_was_read() {
        let number = number("A1-~");
        assert_eq!((number.as_str(), number.to_string().as_str()), ("A1-~", "A1-~"));
    }
}
