//! What identifies a receipt: its number, and the prefix of a store that could not learn where its numbers had ended.
//! Receipts of training have numbers of their own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// A receipt number, counted from 1 without gaps in a register's fiscal year and prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = u64))]
pub struct ReceiptNumber(pub u64);

impl fmt::Display for ReceiptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// The prefix of receipt numbers: 1 to 13 digits and capital letters, such as `TP7L6O`. Most stores have none.
///
/// It is the second in which the store's epoch began, in base 36, so two epochs of a store have different prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiptPrefix(u64);

impl ReceiptPrefix {
    /// The prefix of an epoch, which is a moment in milliseconds since 1970.
    pub fn of_epoch(epoch: u64) -> Self {
        Self(epoch / 1_000)
    }
}

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl fmt::Display for ReceiptPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut text) = (self.0, Vec::new());
        loop {
            let digit = usize::try_from(rest % 36).unwrap_or_default();
            text.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        f.write_str(&text.into_iter().rev().collect::<String>())
    }
}

impl FromStr for ReceiptPrefix {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_canonical = |prefix: &Self| prefix.to_string() == text;
        let parsed = u64::from_str_radix(text, 36).ok().map(Self).filter(is_canonical);
        parsed.ok_or_else(|| InvalidId::new("receipt prefix", text, "digits and capital letters, such as `TP7L6O`"))
    }
}

crate::ids::as_text!(ReceiptPrefix, "^(0|[1-9A-Z][0-9A-Z]{0,12})$", "TP7L6O");

/// The number of a training sale, such as `T12`: counted from 1 in a store, apart from the numbers of receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrainingNumber(pub u64);

impl fmt::Display for TrainingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}", self.0)
    }
}

impl FromStr for TrainingNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix('T').and_then(|digits| digits.parse().ok());
        let parsed = digits.map(Self).filter(|number| number.0 > 0 && number.to_string() == text);
        parsed.ok_or_else(|| InvalidId::new("training number", text, "a T and a number from 1, such as `T12`"))
    }
}

crate::ids::as_text!(TrainingNumber, "^T[1-9][0-9]{0,19}$", "T12");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_receipt_number_has_six_digits_and_more_when_it_needs_them() {
        let read = [1, 999_999, 1_000_000].map(|number| ReceiptNumber(number).to_string());
        assert_eq!(read, ["000001", "999999", "1000000"]);
    }

    #[test]
    fn a_training_number_is_no_receipt_number() {
        assert_eq!("T12".parse(), Ok(TrainingNumber(12)));
        assert_eq!(TrainingNumber(12).to_string(), "T12");
        for bad in ["12", "T", "T0", "T012", "t12", "T-1", "000012"] {
            assert!(bad.parse::<TrainingNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_canonical_prefixes_are_read() {
        assert_eq!(ReceiptPrefix::of_epoch(1_795_863_552_123).to_string(), "TP7L6O");
        for bad in ["", "tp7l6o", "01", "+1", "-", "ZZZZZZZZZZZZZZ", "A B"] {
            assert!(bad.parse::<ReceiptPrefix>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_is_read_as_it_was_written_and_a_later_epoch_has_another(epoch in 0..u64::MAX / 2,
            later in 1_000..u64::MAX / 2) {
            let prefix = ReceiptPrefix::of_epoch(epoch);
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
            prop_assert_ne!(prefix, ReceiptPrefix::of_epoch(epoch + later));
        }
    }
}
