//! Returns and exchanges: what may come back, what is given back for it, and who has to agree.
//!
//! # What this module promises
//!
//! - **Never more than was sold, never more than was paid.** [`share`] divides what the customer paid for a line among
//!   its units: discounts, deposits, fees and taxes included. The shares of all units sum to the line exactly, and no
//!   sequence of partial returns exceeds it.
//! - **A return never changes its sale.** The goods that come back are lines with opposite amounts in another sale,
//!   which names the first ([`Returned`]). So every sum of amounts over sales is right without knowing of returns, and
//!   an exchange is one sale with lines in both directions.
//! - **Each decision can be explained.** [`decide`] is a function of the ticket, the policies and the history. It lists
//!   the rules that fired; the strictest one counts. HQ runs the same function over the same inputs.
//! - **The money goes back the way it came.** [`plan`] divides a refund among the tenders of the sale by their shares:
//!   cards first, cash last. A refund that fails goes to store credit, and what succeeded before stays.
//!
//! | module | contents |
//! | --- | --- |
//! | [`share`] | what was really paid for some units of a line |
//! | [`keep`] | the price of what is kept when an offer is broken up |
//! | [`policy`] | windows, classes of goods, limits |
//! | [`decide`] | the decision and the rules behind it |
//! | [`plan`] | the tenders of a refund |
//! | [`find`] | what a sale is looked for by without its receipt |

pub mod decide;
pub mod find;
pub mod keep;
pub mod plan;
pub mod policy;
pub mod share;
#[cfg(test)]
mod tests;

pub use decide::{Decision, Fired, Outcome, Past, Rule, Ticket, TicketLine, Validated};
pub use find::SoughtBy;
pub use plan::{RefundStep, RefundTo, StepState};
pub use policy::{Limits, Policies};
use serde::{Deserialize, Serialize};
pub use share::Back;

use crate::{
    ids::{OperatorId, SaleId},
    loyalty::PointsBack,
    money::Minor,
    stock::State,
};

/// Where the goods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Disposition {
    /// On hand again.
    Sellable,
    /// To be written off.
    Damaged,
    /// Held back until somebody has inspected it.
    Quarantine,
    /// Held back until the vendor takes it.
    Vendor,
}

impl Disposition {
    /// The state of the stock.
    pub fn state(self) -> State {
        match self {
            Self::Sellable => State::OnHand,
            Self::Damaged => State::Damaged,
            Self::Quarantine | Self::Vendor => State::Quarantined,
        }
    }

    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sellable => "sellable",
            Self::Damaged => "damaged",
            Self::Quarantine => "quarantine",
            Self::Vendor => "vendor",
        }
    }
}

/// Why the customer brings goods back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnReason))]
pub enum Reason {
    /// The customer does not want it.
    Unwanted,
    /// It does not fit.
    Size,
    /// It is not what was ordered.
    WrongItem,
    /// It does not work.
    Defective,
    /// It arrived damaged.
    Damaged,
    /// It is recalled.
    Recalled,
}

impl Reason {
    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unwanted => "unwanted",
            Self::Size => "size",
            Self::WrongItem => "wrong_item",
            Self::Defective => "defective",
            Self::Damaged => "damaged",
            Self::Recalled => "recalled",
        }
    }
}

/// What a line with opposite amounts takes back, or charges for an offer that is broken up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Returned {
    /// The sale of the goods; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SoldIn>,
    /// The line of that sale; 0 without a receipt.
    pub line: u32,
    /// Why the goods come back.
    pub reason: Reason,
    /// Where they go.
    pub disposition: Disposition,
    /// What the line does.
    #[serde(default, skip_serializing_if = "Way::is_back")]
    pub way: Way,
    /// The line's part of the rounding of taxes by document.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub tax_rounding: Minor,
}

/// What a line of a return does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnWay))]
pub enum Way {
    /// It takes goods back.
    #[default]
    Back,
    /// It charges for goods that are kept, because they no longer earn an offer, or gives that back. Nothing moves.
    Recharge,
    /// It sells goods at the price of those that come back: an even exchange.
    Exchange,
}

impl Way {
    /// Whether it takes goods back; for serde.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
    pub fn is_back(&self) -> bool {
        *self == Self::Back
    }
}

/// A sale, of this store or of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SoldIn {
    /// The store; absent if it is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// The sale.
    pub sale: SaleId,
}

impl SoldIn {
    /// The key of records about the sale: `store/1-7`, or `1-7` in this store.
    pub fn key(&self) -> String {
        match &self.store {
            Some(store) => format!("{store}/{}", self.sale),
            None => self.sale.to_string(),
        }
    }
}

/// The hash that identifies the customer of a ticket: its first identity that is not the hash of the card.
pub fn who<'t>(identities: &'t [String], card: Option<&String>) -> Option<&'t String> {
    identities.iter().find(|identity| card != Some(*identity))
}

/// A return in a basket or sale: the goods of one receipt, or goods without one, with the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReturnTicket {
    /// The sale of the goods; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SoldIn>,
    /// The lines of this basket that belong to it.
    pub lines: Vec<u32>,
    /// How the receipt was verified.
    pub validated: Validated,
    /// Hashes by which the customer is recognised. They can't be turned back into a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<String>,
    /// The hash of the card that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether the receipt's number was keyed instead of scanned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
    /// What is given back for its lines.
    pub refund: Minor,
    /// The decision.
    pub decision: Decision,
    /// Who agreed, where the decision needs an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<OperatorId>,
    /// The amounts of the policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// The loyalty points of the sale that are taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsBack>,
    /// What is left of the sale's tenders to be given back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<plan::Left>,
}

/// Why goods can't come back. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReturnable {
    /// The line does not exist.
    #[error("sale {sale} has no line {line}")]
    NoSuchLine {
        /// The sale.
        sale: SaleId,
        /// The line.
        line: u32,
    },
    /// The line is a return itself, or loads a gift card.
    #[error("line {line} of sale {sale} is a return itself, or loads a gift card")]
    Return {
        /// The sale.
        sale: SaleId,
        /// The line.
        line: u32,
    },
    /// The sale was voided, or is a void.
    #[error("sale {sale} is void; everything was given back already")]
    Void {
        /// The sale.
        sale: SaleId,
    },
    /// More than is left.
    #[error("line {line} of sale {sale}: {} thousandths were sold and {} came back; {} can't", sold, back, asked)]
    TooMuch {
        /// The sale.
        sale: SaleId,
        /// The line.
        line: u32,
        /// Thousandths that were sold.
        sold: i64,
        /// Thousandths that came back before.
        back: i64,
        /// Thousandths that were asked for.
        asked: i64,
    },
    /// Another unit than the line's, or nothing.
    #[error("line {line} of sale {sale}: the quantity must be positive and in the unit of the sale")]
    BadQuantity {
        /// The sale.
        sale: SaleId,
        /// The line.
        line: u32,
    },
}
