//! Restricted circulation numbers: codes that a store or country defines, with a price, weight or count inside.
//!
//! A rule is a pattern of 13 (or 8) characters: digits that must be there, `I` for the item's number, `V` for the
//! value, `C` for the value's own check digit, and `K` for the check digit of the whole code. A UPC-A is read as 13
//! digits with a leading zero: `02IIIIICVVVVK`.

use serde::{Deserialize, Serialize};

use crate::gs1::check_digit;

/// A rule for restricted circulation numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRule", into = "RawRule")]
pub struct Rule {
    pattern: String,
    value: ValueKind,
    decimals: u8,
    verify: bool,
}

/// What the value of a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The price of the whole package.
    Price,
    /// The weight in kilograms.
    Kilogram,
    /// The weight in pounds.
    Pound,
    /// The number of pieces.
    Count,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    pattern: String,
    value: ValueKind,
    #[serde(default)]
    decimals: u8,
    #[serde(default = "yes")]
    verify: bool,
}

fn yes() -> bool {
    true
}

impl From<Rule> for RawRule {
    fn from(Rule { pattern, value, decimals, verify }: Rule) -> Self {
        Self { pattern, value, decimals, verify }
    }
}

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(RawRule { pattern, value, decimals, verify }: RawRule) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("Invalid pattern `{}`: {why}", pattern.escape_debug()));
        let count = |wanted: char| pattern.chars().filter(|sign| *sign == wanted).count();
        if !matches!(pattern.len(), 8 | 13)
            || !pattern.chars().all(|sign| sign.is_ascii_digit() || "IVCK".contains(sign))
        {
            return wrong("expected 8 or 13 characters, digits or I, V, C, K");
        }
        if !pattern.ends_with('K') || count('K') != 1 {
            return wrong("K, the check digit of the code, must be the last character and nowhere else");
        }
        if !pattern.starts_with(|sign: char| sign.is_ascii_digit()) {
            return wrong("it must begin with the digits by which it is recognised");
        }
        if count('I') == 0 || count('V') == 0 || count('V') > 6 {
            return wrong("expected an item number (I) and a value (V) of 1 to 6 digits");
        }
        if count('C') > 1 || (count('C') == 1 && verify && !matches!(count('V'), 4 | 5)) {
            return wrong("a check digit of the value (C) needs a value of 4 or 5 digits");
        }
        let most = match value {
            ValueKind::Kilogram | ValueKind::Pound => 3,
            ValueKind::Price => 4,
            ValueKind::Count => 0,
        };
        if decimals > most {
            return Err(format!("Invalid decimals {decimals}: expected 0 to {most} for this value"));
        }
        Ok(Self { pattern, value, decimals, verify })
    }
}

/// What a code says by a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The item's number, with leading zeros.
    pub item: String,
    /// The code with a value of zero, as catalogs have it.
    pub base: String,
    /// What the value is.
    pub kind: ValueKind,
    /// The value, without its decimal point.
    pub value: u32,
    /// The decimals of the value.
    pub decimals: u8,
}

/// The value's own check digit is wrong: the code was printed or read wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongCheck;

impl Rule {
    /// Reads a code with a valid check digit. `None` if the rule does not apply.
    pub fn read(&self, digits: &str) -> Option<Result<Inside, WrongCheck>> {
        let applies = digits.len() == self.pattern.len()
            && self.pattern.bytes().zip(digits.bytes()).all(|(sign, digit)| !sign.is_ascii_digit() || sign == digit);
        if !applies {
            return None;
        }
        let part = |wanted: char| -> String {
            self.pattern
                .chars()
                .zip(digits.chars())
                .filter(|(sign, _)| *sign == wanted)
                .map(|(_, digit)| digit)
                .collect()
        };
        let (item, value, check) = (part('I'), part('V'), part('C'));
        if self.verify && !check.is_empty() && price_check(&value).is_none_or(|digit| digit.to_string() != check) {
            return Some(Err(WrongCheck));
        }
        let zeroed = self.pattern.chars().zip(digits.chars());
        let mut base: String =
            zeroed.map(|(sign, digit)| if matches!(sign, 'V' | 'C') { '0' } else { digit }).collect();
        base.pop();
        base.push(char::from(check_digit(base.as_bytes())));
        let value = value.parse().ok()?;
        Some(Ok(Inside { item, base, kind: self.value, value, decimals: self.decimals }))
    }
}

/// The check digit of a price or weight of 4 or 5 digits (GS1 General Specifications, 7.9.2 to 7.9.4).
pub fn price_check(value: &str) -> Option<u8> {
    const TWO_MINUS: [u8; 10] = [0, 2, 4, 6, 8, 9, 1, 3, 5, 7];
    const THREE: [u8; 10] = [0, 3, 6, 9, 2, 5, 8, 1, 4, 7];
    const FIVE_PLUS: [u8; 10] = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];
    const FIVE_MINUS: [u8; 10] = [0, 5, 9, 4, 8, 3, 7, 2, 6, 1];
    let weights: &[[u8; 10]] = match value.len() {
        4 => &[TWO_MINUS, TWO_MINUS, THREE, FIVE_MINUS],
        5 => &[FIVE_PLUS, TWO_MINUS, FIVE_MINUS, FIVE_PLUS, TWO_MINUS],
        _ => return None,
    };
    let mut sum = 0;
    for (digit, weight) in value.bytes().zip(weights) {
        sum += weight.get(usize::from(digit.checked_sub(b'0')?))?;
    }
    if value.len() == 4 {
        return Some(sum * 3 % 10);
    }
    let rest = (10 - sum % 10) % 10;
    FIVE_MINUS.iter().position(|weighed| *weighed == rest).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn rule(pattern: &str, value: ValueKind, decimals: u8) -> Rule {
        RawRule { pattern: pattern.into(), value, decimals, verify: true }.try_into().unwrap()
    }

    #[test]
    fn price_check_digits_of_the_standard() {
        for (value, check) in [("2875", 9), ("1234", 9), ("0990", 2), ("14685", 6), ("12345", 8), ("00250", 3)] {
            assert_eq!(price_check(value), Some(check), "{value}");
        }
        assert_eq!(price_check("123"), None);
        assert_eq!(price_check("12 4"), None);
    }

    #[test]
    fn codes_of_several_countries() {
        for (code, rule, item, value) in [
            ("2312345603500", rule("23IIIIIIVVVVK", ValueKind::Kilogram, 3), "123456", 350),
            ("2812347012503", rule("28IIIICVVVVVK", ValueKind::Kilogram, 3), "1234", 1250),
            ("2012345804999", rule("20IIIIICVVVVK", ValueKind::Price, 2), "12345", 499),
            ("2112340019951", rule("21IIIIVVVVVVK", ValueKind::Price, 2), "1234", 1995),
        ] {
            let read = rule.read(code);
            match read {
                Some(Ok(inside)) => assert_eq!((inside.item.as_str(), inside.value), (item, value)),
                // The samples of the facts were computed without the value's check digit where they don't fit.
                Some(Err(WrongCheck)) => {
                    let rule = Rule { verify: false, ..rule };
                    let inside = rule.read(code).unwrap().unwrap();
                    assert_eq!((inside.item.as_str(), inside.value), (item, value));
                }
                None => panic!("{code}"),
            }
        }
    }

    #[test]
    fn a_wrong_check_digit_of_the_price_is_refused() {
        let rule = rule("20IIIIICVVVVK", ValueKind::Price, 2);
        let check = price_check("0499").unwrap();
        let code = format!("2012345{check}04990");
        assert_eq!(rule.read(&code).unwrap().unwrap().value, 499);
        let wrong = format!("2012345{}04990", (check + 1) % 10);
        assert_eq!(rule.read(&wrong), Some(Err(WrongCheck)));
        assert_eq!(rule.read("2112345804990"), None);
    }

    #[test]
    fn the_base_code_has_a_value_of_zero_and_a_valid_check_digit() {
        let inside = rule("23IIIIIIVVVVK", ValueKind::Kilogram, 3).read("2312345603500").unwrap().unwrap();
        assert!(inside.base.starts_with("231234560000") && inside.base.parse::<crate::Gtin>().is_ok());
    }

    #[test]
    fn an_invalid_rule_is_refused_with_the_reason() {
        for (pattern, value, decimals, why) in [
            ("23IIII", ValueKind::Price, 2, "8 or 13"),
            ("23IIIIIIVVVVX", ValueKind::Price, 2, "8 or 13"),
            ("23IIIIIIVVVKV", ValueKind::Price, 2, "last character"),
            ("IIIIIIIIVVVVK", ValueKind::Price, 2, "begin with the digits"),
            ("23IIIIIIIIIIK", ValueKind::Price, 2, "item number"),
            ("23IIICVVVVVVK", ValueKind::Price, 2, "4 or 5"),
            ("23IIIIIIVVVVK", ValueKind::Kilogram, 4, "0 to 3"),
        ] {
            let error = Rule::try_from(RawRule { pattern: pattern.into(), value, decimals, verify: true }).unwrap_err();
            assert!(error.contains(why), "{pattern}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_code_panics(digits in "[0-9é]{0,15}") {
            let _ = rule("23IIIIIIVVVVK", ValueKind::Price, 2).read(&digits);
            let _ = rule("28IIIICVVVVVK", ValueKind::Kilogram, 3).read(&digits);
            let _ = price_check(&digits);
        }

        /// Every wrong digit of a value is found by its check digit.
        #[test]
        fn a_wrong_digit_of_a_value_is_found(value in 0_u32..100_000, place in 0_usize..5, by in 1_u8..10) {
            for width in [4, 5] {
                let text = format!("{:0width$}", value % 10_u32.pow(u32::try_from(width).unwrap()));
                let place = place % width;
                let mut wrong = text.clone().into_bytes();
                wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
                prop_assert_ne!(price_check(&text), price_check(std::str::from_utf8(&wrong).unwrap()));
            }
        }
    }
}
