//! Minor units, currencies and rounding.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, Neg, Sub},
};

use serde::{Deserialize, Serialize};

/// An amount in minor units (cents) of the currency that its owner names.
///
/// Amounts from outside are between -10^15 and 10^15, so the sum of the parts of any basket fits into 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = i64, minimum = -1_000_000_000_000_000_i64,
    maximum = 1_000_000_000_000_000_i64))]
pub struct Minor(i64);

impl Minor {
    /// Zero.
    pub const ZERO: Self = Self(0);
    const LIMIT: i64 = 1_000_000_000_000_000;

    /// Checks an amount from outside; `None` if it is out of range.
    pub const fn new(minor: i64) -> Option<Self> {
        if minor >= -Self::LIMIT && minor <= Self::LIMIT { Some(Self(minor)) } else { None }
    }

    /// Makes an amount of a constant.
    ///
    /// # Panics
    /// If the constant is out of range, at compile time.
    pub const fn literal(minor: i64) -> Self {
        assert!(minor >= -Self::LIMIT && minor <= Self::LIMIT, "amount out of range");
        Self(minor)
    }

    /// The number of minor units.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether the amount is zero; for serde.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Whether the amount is less than zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether the amount is greater than zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The amount for people, such as `12.05`, with as many decimals as the currency has.
    pub fn display(self, currency: Currency) -> impl fmt::Display {
        let digits = currency.exponent();
        let scale = 10_u64.pow(digits);
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        fmt::from_fn(move |f| {
            write!(f, "{sign}{}", magnitude / scale)?;
            if digits > 0 { write!(f, ".{:0width$}", magnitude % scale, width = digits as usize) } else { Ok(()) }
        })
    }
}

impl TryFrom<i64> for Minor {
    type Error = String;

    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        Self::new(minor)
            .ok_or_else(|| format!("the amount {minor} is out of range; it must be at most 10^15 minor units"))
    }
}

impl From<Minor> for i64 {
    fn from(minor: Minor) -> Self {
        minor.0
    }
}

impl Add for Minor {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Minor {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Minor {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Minor {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Z]{3}$", example = "USD"))]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Finds a currency by its three-letter code in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The ISO 4217 number, such as 840 for USD.
    pub fn number(self) -> u16 {
        self.0.numeric()
    }

    /// The number of decimals: 2 for USD, 0 for JPY.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// The largest banknote in use; limits how much cash is plausible. A million for currencies that are not listed.
    pub fn largest_note(self) -> Minor {
        let units = match self.code() {
            "BHD" | "KWD" => 20,
            "GBP" | "OMR" => 50,
            "AUD" | "BGN" | "CAD" | "CNY" | "MYR" | "NZD" | "USD" => 100,
            "BRL" | "EGP" | "ILS" | "MAD" | "PEN" | "TRY" | "ZAR" => 200,
            "EUR" | "PLN" | "QAR" | "RON" | "SAR" => 500,
            "AED" | "BDT" | "CHF" | "DKK" | "HKD" | "KES" | "MXN" | "NGN" | "NOK" | "PHP" | "SEK" | "SGD" | "THB"
            | "UAH" => 1_000,
            "INR" | "TWD" => 2_000,
            "CZK" | "LKR" | "PKR" | "RUB" => 5_000,
            "ISK" | "JPY" => 10_000,
            "ARS" | "CLP" | "HUF" => 20_000,
            "KRW" => 50_000,
            "COP" | "IDR" => 100_000,
            "VND" => 500_000,
            _ => 1_000_000,
        };
        Minor(units * 10_i64.pow(self.exponent()))
    }

    /// The symbol, such as `$`.
    pub fn symbol(self) -> String {
        self.0.symbol().to_string()
    }
}

impl TryFrom<String> for Currency {
    type Error = String;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::from_code(&code)
            .ok_or_else(|| format!("`{code}` is not an ISO 4217 currency; use its three letters, such as EUR"))
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// How a fraction of a minor unit is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Half away from zero, as tills and weighing regulations require.
    HalfAwayFromZero,
    /// Half to even, for many small shares of one amount.
    HalfEven,
    /// Up to the next whole number, so that an order does not fall short.
    Up,
    /// Toward zero, where a tax rule requires it.
    TowardZero,
}

impl Rounding {
    /// `numerator / denominator`, rounded. The denominator is positive.
    pub fn divide(self, numerator: i128, denominator: i128) -> i128 {
        debug_assert!(denominator > 0, "denominators are positive constants");
        let (quotient, remainder) = (numerator / denominator, numerator % denominator);
        let half = (remainder.abs() * 2).cmp(&denominator);
        let away = match self {
            Self::HalfAwayFromZero => half.is_ge(),
            Self::HalfEven => half.is_gt() || (half.is_eq() && quotient % 2 != 0),
            Self::Up => remainder > 0,
            Self::TowardZero => false,
        };
        if away { quotient + numerator.signum() } else { quotient }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_with_the_decimals_of_their_currency() {
        let show = |minor, code| Minor::literal(minor).display(Currency::from_code(code).unwrap()).to_string();
        assert_eq!(show(1205, "USD"), "12.05");
        assert_eq!(show(-7, "EUR"), "-0.07");
        assert_eq!(show(1205, "JPY"), "1205");
        assert_eq!(show(1205, "KWD"), "1.205");
    }

    #[test]
    fn nothing_has_no_sign() {
        let zero = Minor::ZERO;
        assert_eq!(zero.display(Currency::from_code("USD").unwrap()).to_string(), "0.00");
        assert_eq!((zero.is_negative(), zero.is_positive()), (false, false));
        let (cent, owed) = (Minor::literal(1), -Minor::literal(1));
        assert_eq!((cent.is_negative(), cent.is_positive()), (false, true));
        assert_eq!((owed.is_negative(), owed.is_positive()), (true, false));
        assert_eq!((owed.get(), (zero - cent).get(), (cent + cent).get()), (-1, -1, 2));
    }

    #[test]
    fn a_currency_has_a_code_a_number_and_a_sign() {
        let euro = Currency::from_code("EUR").unwrap();
        assert_eq!((euro.code(), euro.number(), euro.symbol().as_str()), ("EUR", 978, "€"));
        assert_eq!(serde_json::to_string(&euro).unwrap(), "\"EUR\"");
        assert_eq!(serde_json::from_str::<Currency>("\"EUR\"").unwrap(), euro);
        assert_eq!(Currency::from_code("XXY"), None);
    }

    #[test]
    fn the_largest_note_is_in_minor_units() {
        for (note, code) in [
            ("20.000", "KWD"),
            ("50.00", "GBP"),
            ("100.00", "USD"),
            ("200.00", "BRL"),
            ("500.00", "EUR"),
            ("1000.00", "CHF"),
            ("2000.00", "INR"),
            ("5000.00", "CZK"),
            ("10000", "JPY"),
            ("20000.00", "HUF"),
            ("50000", "KRW"),
            ("100000.00", "COP"),
            ("500000", "VND"),
            ("1000000.00", "XCD"),
        ] {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!(currency.largest_note().display(currency).to_string(), note, "{code}");
        }
    }

    #[test]
    fn halves_go_where_the_name_says() {
        let both = |n| (Rounding::HalfAwayFromZero.divide(n, 10), Rounding::HalfEven.divide(n, 10));
        assert_eq!(both(25), (3, 2));
        assert_eq!(both(35), (4, 4));
        assert_eq!(both(-25), (-3, -2));
        assert_eq!(both(24), (2, 2));
        assert_eq!(both(26), (3, 3));
        assert_eq!(both(-26), (-3, -3));
        let up = |n| Rounding::Up.divide(n, 10);
        assert_eq!((up(20), up(21), up(-21), up(-20)), (2, 3, -2, -2));
    }

    #[test]
    #[should_panic(expected = "denominators are positive")]
    fn nothing_is_divided_by_zero() {
        Rounding::Up.divide(1, 0);
    }

    #[test]
    fn an_amount_out_of_range_is_refused() {
        for limit in [1_000_000_000_000_000_i64, -1_000_000_000_000_000] {
            let beyond = limit + limit.signum();
            assert_eq!(serde_json::from_str::<Minor>(&limit.to_string()).unwrap(), Minor::literal(limit));
            assert!(serde_json::from_str::<Minor>(&beyond.to_string()).is_err());
            assert!(std::panic::catch_unwind(|| Minor::literal(beyond)).is_err());
        }
        assert!(serde_json::from_str::<Minor>("1.5").is_err());
        assert!(serde_json::from_str::<Currency>("\"usd\"").is_err());
    }

    proptest! {
        #[test]
        fn rounding_is_never_off_by_more_than_a_half(n in any::<i64>(), d in 1_i64..1_000_000) {
            for rounding in [Rounding::HalfAwayFromZero, Rounding::HalfEven] {
                let (n, d) = (i128::from(n), i128::from(d));
                prop_assert!((rounding.divide(n, d) * d - n).abs() * 2 <= d);
            }
        }
    }
}
