//! The stock ledger: what moves, between which states, and what that leaves.
//!
//! # What this module promises
//!
//! - **A position is the sum of its movements.** A [`Line`] takes so much of an item from one state to another, or into
//!   or out of the store; nothing else changes a [`Position`]. A correction is another movement, never a "set to".
//! - **States part the physical stock.** What is in the store is in exactly one of them; `available_to_sell` is
//!   derived, never stored.
//! - **Below zero is a policy.** A fact (goods sold, sent away, broken) may take on_hand below zero if the item's
//!   [`Rule`] lets it; a promise (a reservation) never may; no other state ever goes below zero.
//! - **Units don't mix.** A position is of an item *and* a unit: an item that was sold by the piece and is weighed from
//!   today has two, and the old one is counted out: a count names it by its unit. So no sale can fail on a unit. The
//!   item's policy is by the unit it was set in, and must be set again.
//!
//! # States
//!
//! ```text
//!            receipt, transfer_in, return                       sale
//!  (outside) ----------------------------> on_hand -----------------------------> (outside)
//!                                           |  ^ \ <-- count --> (outside)            ^
//!            reservation, release           |  |  \                                   |
//!                                           v  |   `-- transfer_out --> in_transit ---+ arrival, shortfall
//!                                        reserved -------------------- sale ----------+
//!                                                                                     |
//!  on_hand <-- quarantine, clear --> quarantined -- damage --> damaged -- write_off --+
//!  on_hand --- damage ------------------------------------------^
//! ```
//!
//! What comes in broken or doubtful goes straight to damaged or quarantined. [`Kind::allows`] is the table; a test
//! walks every cell.
//!
//! | module | holds |
//! | --- | --- |
//! | [`position`] | what is there of an item, and what a line does to it |
//! | [`policy`] | how an item is kept: below zero or not, safety stock, lead time, pack |
//! | [`reservation`] | stock promised to somebody |
//! | [`notice`] | what was announced, and what came of it |
//! | [`transfer`] | what was sent to another store |
//! | [`count`] | cycle counts |
//! | [`quota`] | what the web may sell without asking |
//! | [`reorder`] | when to order, and how much |

pub mod count;
pub mod notice;
pub mod policy;
pub mod position;
pub mod quota;
pub mod reorder;
pub mod reservation;
pub mod transfer;

use std::collections::BTreeMap;

pub use count::{Count, CountLine, Decided, Decision, Tally};
pub use notice::{Condition, Delivered, DeliveryNote, Notice, NoticeLine, Source};
pub use policy::{Policy, Rule};
pub use position::Position;
pub use reorder::{Demand, Suggestion};
pub use reservation::{Reservation, ReservationState};
use serde::{Deserialize, Serialize};
pub use transfer::{Transfer, TransferLine};

use crate::{
    MAX_LINES,
    actor::Actor,
    ids::BasketId,
    item::Sku,
    quantity::{Quantity, Unit},
};

/// Where stock is. Where no state is named, it is outside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StockState))]
pub enum State {
    /// On the shelf or in the back room, free to be sold.
    OnHand,
    /// Set aside for somebody.
    Reserved,
    /// On its way to another store.
    InTransit,
    /// Kept back until somebody has looked at it.
    Quarantined,
    /// Broken; waits to be written off.
    Damaged,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OnHand, Self::Reserved, Self::InTransit, Self::Quarantined, Self::Damaged];

    /// The name used in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnHand => "on_hand",
            Self::Reserved => "reserved",
            Self::InTransit => "in_transit",
            Self::Quarantined => "quarantined",
            Self::Damaged => "damaged",
        }
    }
}

/// Why stock moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = MovementKind))]
pub enum Kind {
    /// Sold. The reference is the sale.
    Sale,
    /// Brought back by a customer.
    Return,
    /// Delivered by a supplier. The reference is the notice.
    Receipt,
    /// Delivered by another store. The reference is [`transfer::reference`], as of the three below.
    TransferIn,
    /// Sent to another store.
    TransferOut,
    /// The other store has it.
    Arrival,
    /// Sent, and never arrived.
    Shortfall,
    /// A count's approved variance. The reference is the count.
    Count,
    /// Broken in the store.
    Damage,
    /// Thrown away.
    WriteOff,
    /// Taken off the shelf until somebody has looked at it.
    Quarantine,
    /// Looked at, and good.
    Clear,
    /// Promised to somebody. The reference is the reservation.
    Reservation,
    /// Promised no longer. The reference is the reservation.
    Release,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Sale,
        Self::Return,
        Self::Receipt,
        Self::TransferIn,
        Self::TransferOut,
        Self::Arrival,
        Self::Shortfall,
        Self::Count,
        Self::Damage,
        Self::WriteOff,
        Self::Quarantine,
        Self::Clear,
        Self::Reservation,
        Self::Release,
    ];

    /// Whether it takes stock from here to there.
    pub fn allows(self, from: Option<State>, to: Option<State>) -> bool {
        use State::{Damaged, InTransit, OnHand, Quarantined, Reserved};
        matches!(
            (self, from, to),
            (Self::Sale, Some(OnHand | Reserved), None)
                | (Self::Return | Self::Receipt | Self::TransferIn, None, Some(OnHand | Quarantined | Damaged))
                | (Self::TransferOut, Some(OnHand), Some(InTransit))
                | (Self::Arrival | Self::Shortfall, Some(InTransit), None)
                | (Self::Count, None, Some(OnHand))
                | (Self::Count, Some(OnHand), None)
                | (Self::Damage, Some(OnHand | Quarantined), Some(Damaged))
                | (Self::WriteOff, Some(Damaged), None)
                | (Self::Quarantine, Some(OnHand), Some(Quarantined))
                | (Self::Clear, Some(Quarantined), Some(OnHand))
                | (Self::Reservation, Some(OnHand), Some(Reserved))
                | (Self::Release, Some(Reserved), Some(OnHand))
        )
    }
}

/// A quantity of an item, as documents and commands name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Portion {
    /// Of what.
    pub sku: Sku,
    /// How much.
    pub quantity: Quantity,
}

/// A position's key.
pub type Place = (Sku, Unit);

/// Quantities by item and unit, in thousandths.
pub type Sums = BTreeMap<Place, i64>;

/// Adds portions up; several of one item become one, and those of nothing none.
///
/// # Errors
/// None, or more than [`MAX_LINES`], or nothing left.
pub fn sum(portions: impl IntoIterator<Item = Portion>) -> Result<Sums, Refusal> {
    let mut sums = Sums::new();
    for (count, Portion { sku, quantity }) in portions.into_iter().enumerate() {
        if count >= MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        if quantity.milli() > 0 {
            *sums.entry((sku, quantity.unit())).or_default() += quantity.milli();
        }
    }
    if sums.is_empty() { Err(Refusal::NoLines) } else { Ok(sums) }
}

/// A line of a movement: so much of an item goes from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = MovementLine))]
pub struct Line {
    /// Of what.
    pub sku: Sku,
    /// Thousandths of the unit, more than zero.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
    /// Where it was; outside the store if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// Where it is now; outside the store if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
}

impl Line {
    /// Lines that take sums from one state to another.
    pub fn of(sums: impl IntoIterator<Item = (Place, i64)>, from: Option<State>, to: Option<State>) -> Vec<Self> {
        let line = |((sku, unit), milli): (Place, i64)| Self { sku, milli, unit, from, to };
        sums.into_iter().filter(|(_, milli)| *milli > 0).map(line).collect()
    }

    /// What it adds to a state; negative if it takes away.
    pub fn effect(&self, state: State) -> i64 {
        i64::from(self.to == Some(state)) * self.milli - i64::from(self.from == Some(state)) * self.milli
    }
}

/// What happened to stock at one moment, for one reason. Never changed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Movement {
    /// Counts from 1 without gaps.
    pub number: u64,
    /// Why.
    pub kind: Kind,
    /// What it belongs to: a sale, a reservation, a notice, a transfer, a count; or a person's reason.
    pub reference: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who.
    pub by: Actor,
    /// What moved.
    pub lines: Vec<Line>,
}

/// Why the rules of the stock refuse a command. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Less is there than was requested.
    #[error(
        "not enough stock of item {sku}: requested {}, {} {}; reduce the quantity, or receive or count the item first",
        exact(*requested), state.map_or("available to sell", State::name), exact(*available)
    )]
    Insufficient {
        /// Which item.
        sku: Sku,
        /// How much there is, in thousandths; of a reservation less the safety stock.
        available: i64,
        /// How much was requested, in thousandths.
        requested: i64,
        /// In which state; `None` for what is available to sell.
        state: Option<State>,
    },
    /// The same, as who counts the item may hear it.
    #[error(
        "not enough stock of item {sku} for {}; the quantity is hidden while the item is being counted",
        exact(*requested)
    )]
    InsufficientWhileCounted {
        /// Which item.
        sku: Sku,
        /// How much was requested, in thousandths.
        requested: i64,
    },
    /// The item's stock is not kept.
    #[error("the stock of item {sku} is not tracked; change its stock policy first")]
    Untracked {
        /// Which item.
        sku: Sku,
    },
    /// Nothing to do.
    #[error("no line has a quantity; send at least one")]
    NoLines,
    /// Too many lines.
    #[error("a document has at most {MAX_LINES} lines; use several documents")]
    TooManyLines,
    /// The same item twice where it may stand once.
    #[error("item {sku} is named twice; name it once")]
    Twice {
        /// Which item.
        sku: Sku,
    },
    /// The same delivery once more.
    #[error(
        "delivery note {note} was booked before{}; nothing was booked now",
        movement.map_or_else(String::new, |movement| format!(", as movement {movement}"))
    )]
    DeliveryKnown {
        /// The delivery note.
        note: String,
        /// What was booked; none if nothing of it is tracked.
        movement: Option<u64>,
    },
    /// Too many delivery notes.
    #[error("the notice has {} delivery notes, the most it takes; close it and enter another", notice::MAX_NOTES)]
    TooManyNotes,
    /// Goods for another store.
    #[error("the transfer goes to {to}, but this store is {here}; enter it there")]
    NotForHere {
        /// The store it goes to.
        to: String,
        /// This store.
        here: String,
    },
    /// Goods that a store sends to itself.
    #[error("{here} is this store; a transfer goes from one store to another")]
    ToItself {
        /// This store.
        here: String,
    },
    /// Another unit than the item's.
    #[error("item {sku} is kept by {}, not by {}", kept.name(), asked.name())]
    WrongUnit {
        /// Which item.
        sku: Sku,
        /// The item's.
        kept: Unit,
        /// The command's.
        asked: Unit,
    },
    /// It is over.
    #[error("the {document} is closed; open another")]
    Closed {
        /// A notice, a transfer, a count, a reservation.
        document: &'static str,
    },
    /// It is not over.
    #[error("the {document} is open, so it can't be reopened")]
    Open {
        /// A notice.
        document: &'static str,
    },
    /// A notice of a supplier's order.
    #[error("the notice of a supplier's order is not reopened; enter the order again, and receive against that")]
    NotReopened,
    /// The reservation belongs to a basket.
    #[error("the reservation is in basket {basket}; sell or abandon that")]
    InBasket {
        /// Which.
        basket: BasketId,
    },
    /// The document does not have it.
    #[error("the {document} has no item {sku}")]
    NoSuchItem {
        /// Which item.
        sku: Sku,
        /// A transfer, a count.
        document: &'static str,
    },
    /// Counted before the count began, or in the future.
    #[error("`counted_at_ms` of item {sku} must lie between the count's opening and now")]
    NotDuringTheCount {
        /// Which item.
        sku: Sku,
    },
    /// There is nothing to approve or reject.
    #[error("item {sku} of the count has no variance that waits for a decision")]
    NothingToDecide {
        /// Which item.
        sku: Sku,
    },
    /// The variance is not the one that was read.
    #[error(
        "item {sku} was counted again: its variance is {} now, not {}; read the variances again and decide",
        exact(*now), exact(*seen)
    )]
    Recounted {
        /// Which item.
        sku: Sku,
        /// The variance that whoever decides has seen, in thousandths.
        seen: i64,
        /// The variance now, in thousandths.
        now: i64,
    },
    /// A number is out of range.
    #[error("`{field}` is out of range; {range}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        range: &'static str,
    },
}

impl Refusal {
    /// The item of which it says how much there is.
    pub fn reveals_stock_of(&self) -> Option<&Sku> {
        if let Self::Insufficient { sku, .. } = self { Some(sku) } else { None }
    }

    /// The same without saying how much there is.
    #[must_use]
    pub fn without_quantity(self) -> Self {
        match self {
            Self::Insufficient { sku, requested, .. } => Self::InsufficientWhileCounted { sku, requested },
            other => other,
        }
    }
}

/// Thousandths as a decimal number.
fn exact(milli: i64) -> String {
    let (sign, magnitude) = (if milli < 0 { "-" } else { "" }, milli.unsigned_abs());
    match magnitude % 1000 {
        0 => format!("{sign}{}", magnitude / 1000),
        part => format!("{sign}{}.{part:03}", magnitude / 1000),
    }
}

#[cfg(test)]
mod tests;
