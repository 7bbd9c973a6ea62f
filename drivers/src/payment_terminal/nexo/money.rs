//! Amounts as decimal numbers of a currency's main unit.

use serde_json::{Number, Value};

/// A currency: its ISO 4217 letters and the digits of its minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Currency {
    pub(super) number: u16,
    pub(super) code: &'static str,
    pub(super) digits: u32,
}

/// The currencies in which such terminals are sold.
const CURRENCIES: &[(u16, &str, u32)] = &[
    (36, "AUD", 2),
    (124, "CAD", 2),
    (156, "CNY", 2),
    (203, "CZK", 2),
    (208, "DKK", 2),
    (344, "HKD", 2),
    (348, "HUF", 2),
    (392, "JPY", 0),
    (458, "MYR", 2),
    (484, "MXN", 2),
    (554, "NZD", 2),
    (578, "NOK", 2),
    (702, "SGD", 2),
    (752, "SEK", 2),
    (756, "CHF", 2),
    (784, "AED", 2),
    (826, "GBP", 2),
    (840, "USD", 2),
    (946, "RON", 2),
    (975, "BGN", 2),
    (978, "EUR", 2),
    (985, "PLN", 2),
    (986, "BRL", 2),
];

impl Currency {
    pub(super) fn of(number: u16) -> Option<Self> {
        let (number, code, digits) = *CURRENCIES.iter().find(|(known, ..)| *known == number)?;
        Some(Self { number, code, digits })
    }

    /// An amount as a JSON number, such as 12.3 for 1230 cents.
    pub(super) fn number(self, minor: u64) -> Option<Number> {
        if self.digits == 0 {
            return Some(minor.into());
        }
        let unit = 10_u64.pow(self.digits);
        let text = format!("{}.{:0width$}", minor / unit, minor % unit, width = self.digits as usize);
        serde_json::from_str(&text).ok()
    }

    /// A JSON number in minor units; `None` if it is negative or has more digits than the currency.
    pub(super) fn minor(self, number: &Value) -> Option<u64> {
        let text = number.as_number()?.to_string();
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = part.trim_end_matches('0');
        let digits = self.digits as usize;
        if part.len() > digits || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        format!("{whole}{part:0<digits$}").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        let euro = Currency::of(978).unwrap();
        for (number, minor) in [(json!(12.34), Some(1234)), (json!(12), Some(1200)), (json!(0.1), Some(10))] {
            assert_eq!(euro.minor(&number), minor);
        }
        for bad in [json!(12.345), json!(-1), json!("12"), json!(null), json!(1e300)] {
            assert_eq!(euro.minor(&bad), None, "{bad}");
        }
        let yen = Currency::of(392).unwrap();
        assert_eq!(
            (yen.minor(&json!(500)), yen.minor(&json!(500.0)), yen.minor(&json!(0.5))),
            (Some(500), Some(500), None)
        );
        assert_eq!(yen.number(500).unwrap().to_string(), "500");
        assert_eq!(Currency::of(999), None);
    }

    proptest! {
        #[test]
        fn amounts_round_trip(minor in 0_u64..1_000_000_000_000) {
            for (number, ..) in CURRENCIES {
                let currency = Currency::of(*number).unwrap();
                prop_assert_eq!(currency.minor(&Value::Number(currency.number(minor).unwrap())), Some(minor));
            }
        }
    }
}
