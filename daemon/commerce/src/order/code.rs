//! The code by which a customer proves that an order is theirs: on the phone, or as a QR code of the same text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A pickup code: 4 to 64 printable ASCII characters without blanks. It is shown only to the customer.
///
/// Comparisons take constant time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, min_length = 4, max_length = 64, pattern = "^[!-~]{4,64}$"))]
pub struct PickupCode(String);

impl PickupCode {
    /// The longest, in bytes.
    const MAX: usize = 64;
    /// The shortest.
    const MIN: usize = 4;

    /// The bytes, padded with zeros, and the length: all codes have the same size.
    fn padded(&self) -> [u8; Self::MAX + 1] {
        let mut padded = [0; Self::MAX + 1];
        for (slot, byte) in padded.iter_mut().zip(self.0.bytes()) {
            *slot = byte;
        }
        padded[Self::MAX] = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        padded
    }
}

impl PartialEq for PickupCode {
    /// Compares every byte, also after a difference.
    fn eq(&self, other: &Self) -> bool {
        let differs = self.padded().into_iter().zip(other.padded()).fold(0, |differs, (own, theirs)| {
            // Otherwise the compiler could stop at the first difference.
            std::hint::black_box(differs | (own ^ theirs))
        });
        differs == 0
    }
}

impl Eq for PickupCode {}

impl fmt::Debug for PickupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PickupCode(..)")
    }
}

impl TryFrom<String> for PickupCode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (Self::MIN..=Self::MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err("invalid pickup code: 4 to 64 printable ASCII characters without blanks")
        }
    }
}

impl From<PickupCode> for String {
    fn from(code: PickupCode) -> Self {
        code.0
    }
}
