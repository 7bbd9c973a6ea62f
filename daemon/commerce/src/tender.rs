//! How the customer pays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{gift_card::CardKind, ids::PaymentId, money::Minor};

/// The data that a card payment leaves behind. No field can hold a card number: PCI DSS 3.4.1 allows the first six and
/// last four digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CardSlip {
    /// The hub's payment id.
    pub payment: PaymentId,
    /// The masked number, such as `476173******0119`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pan: Option<String>,
    /// The scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// How the card was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryMode>,
    /// The bank's authorisation code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation: Option<String>,
    /// The token of the card, by which its owner is recognised without its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The hash of the token, which is the same in all stores of the retailer; returns find the card's sales by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The terminal's numbers for the transaction.
    #[serde(default, skip_serializing_if = "CardReference::is_empty")]
    pub reference: CardReference,
}

impl CardSlip {
    /// The slip of a payment whose terminal reported nothing more, such as one that a person decided.
    pub fn bare(payment: PaymentId) -> Self {
        Self {
            payment,
            masked_pan: None,
            scheme: None,
            entry: None,
            authorisation: None,
            token: None,
            identity: None,
            reference: CardReference::default(),
        }
    }
}

/// How a card was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum EntryMode {
    /// Chip.
    Chip,
    /// Contactless card or phone.
    Contactless,
    /// Magnetic stripe.
    Stripe,
    /// Keyed in at the terminal.
    Manual,
    /// A code on the customer's or the terminal's display.
    Qr,
}

/// The numbers that a payment terminal has for a transaction, under the names of its protocol (`trace`, `receipt`).
/// They are bounded, so that no terminal can make a sale too large to store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, String>))]
pub struct CardReference(BTreeMap<String, String>);

/// The card reference is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid card reference: at most 6 entries, names of 1 to 24 lower-case letters, digits or `_`, values of 1 to 40 \
     printable ASCII characters other than quotes and backslashes"
)]
pub struct InvalidCardReference;

impl CardReference {
    /// The maximum number of entries.
    pub const MAX_ENTRIES: usize = 6;
    /// The maximum length of a name, in bytes.
    pub const MAX_NAME: usize = 24;
    /// The maximum length of a value, in bytes.
    pub const MAX_VALUE: usize = 40;

    /// Keeps the valid entries and drops the others: a payment stays valid whatever its terminal reports.
    pub fn of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kept = entries.into_iter().filter(|(name, value)| name_is_valid(name) && value_is_valid(value));
        Self(kept.take(Self::MAX_ENTRIES).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All entries, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn name_is_valid(name: &str) -> bool {
    (1..=CardReference::MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn value_is_valid(value: &str) -> bool {
    (1..=CardReference::MAX_VALUE).contains(&value.len())
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

impl TryFrom<BTreeMap<String, String>> for CardReference {
    type Error = InvalidCardReference;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, InvalidCardReference> {
        let valid = entries.len() <= Self::MAX_ENTRIES
            && entries.iter().all(|(name, value)| name_is_valid(name) && value_is_valid(value));
        if valid { Ok(Self(entries)) } else { Err(InvalidCardReference) }
    }
}

impl From<CardReference> for BTreeMap<String, String> {
    fn from(reference: CardReference) -> Self {
        reference.0
    }
}

/// A means of payment and its amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tender", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Tender {
    /// Notes and coins as handed over; the change is part of the sale.
    Cash {
        /// The amount handed over.
        amount: Minor,
    },
    /// A card, charged by a payment terminal.
    Card {
        /// The authorised amount.
        amount: Minor,
        /// The data of the payment.
        slip: CardSlip,
    },
    /// A manufacturer's coupon, which the manufacturer reimburses. A tender, not a discount.
    ManufacturerCoupon {
        /// The value of the coupon.
        amount: Minor,
        /// The coupon's code, if it was scanned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// A payment that the web shop took with the order. Only the handover of an order has it.
    Prepaid {
        /// The part of the payment that these goods cost.
        amount: Minor,
        /// The payment's number in the shop.
        reference: String,
    },
    /// A gift card or store credit.
    GiftCard {
        /// The redeemed amount.
        amount: Minor,
        /// The kind of card.
        kind: CardKind,
        /// The last four digits of its number.
        card: String,
        /// The movement of the card, counted from 1 in the store.
        movement: u64,
    },
}

impl Tender {
    /// The amount that it pays.
    pub fn amount(&self) -> Minor {
        match self {
            Self::Cash { amount }
            | Self::Card { amount, .. }
            | Self::ManufacturerCoupon { amount, .. }
            | Self::Prepaid { amount, .. }
            | Self::GiftCard { amount, .. } => *amount,
        }
    }

    /// The name in the API, on pages and in events to HQ.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cash { .. } => "cash",
            Self::Card { .. } => "card",
            Self::ManufacturerCoupon { .. } => "manufacturer_coupon",
            Self::Prepaid { .. } => "prepaid",
            Self::GiftCard { kind, .. } => kind.name(),
        }
    }
}

/// A tender of a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BasketTender {
    /// Counts from 1 in the order of entry; never reused.
    pub number: u32,
    /// The payment.
    #[serde(flatten)]
    pub tender: Tender,
    /// Given back to the customer; not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<CardReference, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_card_reference_reads_back_as_it_was_written() {
        let json = r#"{"receipt":"3","terminal_id":"52523535","trace":"17"}"#;
        let reference = read(json).unwrap();
        assert_eq!(reference.get("trace"), Some("17"));
        assert_eq!(serde_json::to_string(&reference).unwrap(), json);
        assert_eq!(CardReference::of(reference.iter()), reference);
    }

    #[test]
    fn the_largest_card_reference_is_taken() {
        let (name, value) = ("n".repeat(CardReference::MAX_NAME - 1), "~".repeat(CardReference::MAX_VALUE));
        let entries: BTreeMap<_, _> =
            (0..CardReference::MAX_ENTRIES).map(|number| (format!("{name}{number}"), value.clone())).collect();
        let reference = CardReference::try_from(entries.clone()).unwrap();
        assert_eq!(reference.get(&format!("{name}0")), Some(value.as_str()));
        assert_eq!((reference.get("trace"), reference.is_empty()), (None, false));
        assert_eq!(BTreeMap::from(reference), entries);
        let shortest = CardReference::of([("_", " ")]);
        assert_eq!(shortest.iter().collect::<Vec<_>>(), [("_", " ")]);
    }

    #[test]
    fn tenders_have_the_kind_of_the_api_and_an_amount() {
        let slip = CardSlip::bare(PaymentId(1));
        let amount = Minor::literal(369);
        for (tender, kind) in [
            (Tender::Cash { amount }, "cash"),
            (Tender::Card { amount, slip }, "card"),
            (Tender::ManufacturerCoupon { amount, code: None }, "manufacturer_coupon"),
        ] {
            assert_eq!((tender.kind(), tender.amount()), (kind, amount));
            assert_eq!(serde_json::to_value(&tender).unwrap()["tender"], kind);
        }
    }

    #[test]
    fn a_card_reference_is_bounded_wherever_it_comes_from() {
        let long = "1".repeat(CardReference::MAX_VALUE + 1);
        let many: Vec<String> = (0..=CardReference::MAX_ENTRIES).map(|number| format!("\"n{number}\":\"1\"")).collect();
        for bad in [
            format!("{{{}}}", many.join(",")),
            format!(r#"{{"trace":"{long}"}}"#),
            format!(r#"{{"{}":"1"}}"#, "n".repeat(CardReference::MAX_NAME + 1)),
            r#"{"Trace":"1"}"#.into(),
            r#"{"":"1"}"#.into(),
            r#"{"trace":""}"#.into(),
            r#"{"trace":"a\"b"}"#.into(),
            r#"{"trace":"a\\b"}"#.into(),
            r#"{"trace":"1","Trace":"1"}"#.into(),
            r#"{"trace":"a\u0007"}"#.into(),
        ] {
            assert!(read(&bad).unwrap_err().contains("Invalid card reference"), "{bad}");
        }
        assert!(CardReference::of([("trace", long.as_str()), ("Trace", "1")]).is_empty());
        let names: Vec<String> = (0..10).map(|number| format!("n{number}")).collect();
        assert_eq!(CardReference::of(names.iter().map(|name| (name.as_str(), "1"))).iter().count(), 6);
    }
}
