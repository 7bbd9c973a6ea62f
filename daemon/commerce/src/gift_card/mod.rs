//! Gift cards and store credit: the number, and where the money of a card is.
//!
//! # Promises
//!
//! - **A number is never guessed.** It has 18 random digits and two check digits (ISO 7064, MOD 97-10), which find
//!   every wrong digit and every exchange of two neighbours. It is longer than a payment card's number, so it isn't
//!   one.
//! - **Money is in one place.** Each minor unit of a card's balance is either free at HQ or held by one hub, its
//!   **escrow**. A hub redeems what it holds, also without HQ; HQ hands out what is free.
//! - **Totals only grow** ([`Totals`]). Both sides send their totals, never changes, so that a message that is lost,
//!   repeated or late does no harm. So no order of events redeems more than was loaded.
//!
//! ```text
//!   load at a hub ----> held by the hub ----redeem----> spent
//!                        |          ^
//!                     give back   grant
//!                        v          |
//!   load by HQ -------> free at HQ ----redeem by the web shop----> spent
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | a grant is lost | HQ counts the money as held; the hub's next question gets the same total again |
//! | a hub's report is lost | the next one has the same totals and more |
//! | a store lost its disk | what its last epoch held stays held there until a person at HQ releases it |
//! | a store is restored | the same: the escrow of an earlier epoch is void at the hub |

mod account;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

pub use account::{Account, Held, Overspent, Totals};
use serde::{Deserialize, Serialize};

/// The number of a card: 18 digits and two check digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9]{20}$", example = "30141592653589793210"))]
pub struct CardNumber(String);

/// The number is not one of a gift card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid number of a gift card: expected 20 digits with valid check digits; check what was keyed")]
pub struct InvalidCardNumber;

/// ISO 7064, MOD 97-10: a number is valid if its remainder is 1.
const MODULUS: u128 = 97;

/// The number of digits before the check digits, as a power.
const NUMBERS: u128 = 1_000_000_000_000_000_000;

impl CardNumber {
    /// Makes a number of random bytes, which must come from a cryptographically secure source.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes) % NUMBERS;
        let check = (MODULUS + 1 - number * 100 % MODULUS) % MODULUS;
        Self(format!("{number:018}{check:02}"))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last four digits, for receipts, lists and the log.
    pub fn masked(&self) -> String {
        format!("*{}", self.0.get(16..).unwrap_or_default())
    }
}

impl TryFrom<String> for CardNumber {
    type Error = InvalidCardNumber;

    fn try_from(text: String) -> Result<Self, InvalidCardNumber> {
        let is_plain = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u128 = if is_plain { text.parse().map_err(|_| InvalidCardNumber)? } else { 0 };
        if number % MODULUS == 1 { Ok(Self(text)) } else { Err(InvalidCardNumber) }
    }
}

impl FromStr for CardNumber {
    type Err = InvalidCardNumber;

    /// Reads a number as keyed or scanned, with or without spaces.
    fn from_str(text: &str) -> Result<Self, InvalidCardNumber> {
        text.chars().filter(|sign| *sign != ' ').collect::<String>().try_into()
    }
}

impl From<CardNumber> for String {
    fn from(number: CardNumber) -> Self {
        number.0
    }
}

/// As the number is money to whoever knows it, it is masked.
impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The kind of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = GiftCardKind))]
pub enum CardKind {
    /// Sold to a customer.
    #[default]
    GiftCard,
    /// Given to a customer in place of money.
    StoreCredit,
    /// The loyalty points of a customer, by what they are worth.
    LoyaltyPoints,
}

impl CardKind {
    /// The name of the kind and of its tender.
    pub fn name(self) -> &'static str {
        match self {
            Self::GiftCard => "gift_card",
            Self::StoreCredit => "store_credit",
            Self::LoyaltyPoints => "loyalty_points",
        }
    }

    /// The name on receipts.
    pub fn title(self) -> &'static str {
        match self {
            Self::GiftCard => "Gift card",
            Self::StoreCredit => "Store credit",
            Self::LoyaltyPoints => "Points",
        }
    }
}

/// What happened to the money of a card at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = GiftCardMovementKind))]
pub enum MovementKind {
    /// Sold: the card was paid for.
    Load,
    /// It paid.
    Redeem,
    /// A payment with it was taken back before the sale was completed, or the sale was voided.
    GiveBack,
    /// A refund went to it.
    Refund,
    /// The sale that loaded it was voided.
    Unload,
    /// The hub gave its escrow back to HQ.
    Return,
}

impl MovementKind {
    /// The name in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Redeem => "redeem",
            Self::GiveBack => "give_back",
            Self::Refund => "refund",
            Self::Unload => "unload",
            Self::Return => "return",
        }
    }

    /// Whether the amount becomes the card's.
    pub fn is_in(self) -> bool {
        matches!(self, Self::Load | Self::GiveBack | Self::Refund)
    }
}
