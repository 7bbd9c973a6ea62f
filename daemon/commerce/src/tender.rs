//! How the customer pays.

use serde::{Deserialize, Serialize};

use crate::{ids::PaymentId, money::Minor};

/// What a card payment leaves behind. There is no field that could hold a card number: PCI DSS 3.4.1 allows first six and last four.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CardSlip {
    /// The hub's payment it came from.
    pub payment: PaymentId,
    /// Such as `476173******0119`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pan: Option<String>,
    /// Scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The terminal's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<String>,
    /// The terminal's trace number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<u32>,
    /// The terminal's receipt number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<u16>,
}

/// A part of the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tender", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Tender {
    /// Notes and coins as handed over; the change is the sale's.
    Cash {
        /// What was handed over.
        amount: Minor,
    },
    /// A card, by a payment terminal.
    Card {
        /// What was authorised.
        amount: Minor,
        /// Its traces.
        slip: CardSlip,
    },
    /// A coupon of the maker, which pays the store back. A tender, not a discount.
    ManufacturerCoupon {
        /// Its worth.
        amount: Minor,
        /// Its code, if it was scanned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
}

impl Tender {
    /// What it pays.
    pub fn amount(&self) -> Minor {
        match self {
            Self::Cash { amount } | Self::Card { amount, .. } | Self::ManufacturerCoupon { amount, .. } => *amount,
        }
    }

    /// The name used in the API, on pages and towards HQ.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cash { .. } => "cash",
            Self::Card { .. } => "card",
            Self::ManufacturerCoupon { .. } => "manufacturer_coupon",
        }
    }
}
