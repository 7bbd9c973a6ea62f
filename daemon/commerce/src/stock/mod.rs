//! The stock ledger: movements between states, and the positions that result.
//!
//! # What this module promises
//!
//! - **A position is the sum of its movements.** A [`Line`] moves a quantity of an item from one state to another, or
//!   into or out of the store; nothing else changes a [`Position`]. A correction is another movement, never a "set to".
//! - **States partition the physical stock.** Every piece in the store is in exactly one state; `available_to_sell` is
//!   derived, never stored.
//! - **Going below zero is a policy.** A fact (goods sold, sent away, damaged) may take on_hand below zero if the
//!   item's [`Rule`] allows it; a promise (a reservation) may not. No other state ever goes below zero.
//! - **Units don't mix.** A position belongs to an item *and* a unit. An item that was sold by the piece and is now
//!   weighed has two positions; a count by the old unit clears the old one. So no sale fails because of a unit. The
//!   item's policy is in the old unit as well and must be set again.
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
//! Goods that arrive damaged or doubtful go straight to damaged or quarantined. [`Kind::allows`] is the table of
//! allowed moves; a test checks every cell.
//!
//! | module | contents |
//! | --- | --- |
//! | [`position`] | the stock of an item, and how a line changes it |
//! | [`policy`] | an item's stock policy: below zero or not, safety stock, lead time, pack |
//! | [`reservation`] | stock promised to somebody |
//! | [`notice`] | announced goods and their deliveries |
//! | [`transfer`] | goods sent to another store |
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

/// The state of stock. Where no state is given, the stock is outside the store.
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
    /// Held back until somebody has inspected it.
    Quarantined,
    /// Damaged; to be written off.
    Damaged,
}

impl State {
    /// All states.
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

/// The reason of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = MovementKind))]
pub enum Kind {
    /// Sold. The reference is the sale.
    Sale,
    /// Brought back by a customer. A movement alone is not compared with what was sold.
    Return,
    /// Delivered by a supplier. The reference is the notice.
    Receipt,
    /// Delivered by another store. The reference is [`transfer::reference`], as for the next three.
    TransferIn,
    /// Sent to another store.
    TransferOut,
    /// The other store has received it.
    Arrival,
    /// Sent, but never arrived.
    Shortfall,
    /// A count's approved variance. The reference is the count.
    Count,
    /// Damaged in the store.
    Damage,
    /// Thrown away.
    WriteOff,
    /// Taken off the shelf until somebody has inspected it.
    Quarantine,
    /// Inspected and found good.
    Clear,
    /// Promised to somebody. The reference is the reservation.
    Reservation,
    /// No longer promised. The reference is the reservation.
    Release,
}

impl Kind {
    /// All kinds.
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

    /// Whether a movement of this kind may take stock from `from` to `to`.
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

/// A quantity of an item in a document or command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Portion {
    /// The item.
    pub sku: Sku,
    /// The quantity.
    pub quantity: Quantity,
}

/// The key of a position.
pub type Place = (Sku, Unit);

/// Quantities by item and unit, in thousandths.
pub type Sums = BTreeMap<Place, i64>;

/// Adds portions up by item and unit and drops sums of zero.
///
/// # Errors
/// No portions, more than [`MAX_LINES`], or all of them zero.
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

/// A line of a movement: a quantity of an item goes from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = MovementLine))]
pub struct Line {
    /// The item.
    pub sku: Sku,
    /// Thousandths of the unit, more than zero.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
    /// The state before; absent if it was outside the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// The state after; absent if it is now outside the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
}

impl Line {
    /// Lines that move sums from one state to another.
    pub fn of(sums: impl IntoIterator<Item = (Place, i64)>, from: Option<State>, to: Option<State>) -> Vec<Self> {
        let line = |((sku, unit), milli): (Place, i64)| Self { sku, milli, unit, from, to };
        sums.into_iter().filter(|(_, milli)| *milli > 0).map(line).collect()
    }

    /// The change of a state; negative if the line takes stock out of it.
    pub fn effect(&self, state: State) -> i64 {
        i64::from(self.to == Some(state)) * self.milli - i64::from(self.from == Some(state)) * self.milli
    }
}

/// A change of stock at one moment, for one reason. Movements never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Movement {
    /// The number, from 1 without gaps.
    pub number: u64,
    /// The reason.
    pub kind: Kind,
    /// The sale, reservation, notice, transfer or count that it belongs to, or a person's reason.
    pub reference: String,
    /// The time: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The actor.
    pub by: Actor,
    /// The stock that moved.
    pub lines: Vec<Line>,
}

/// Why a stock command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Less stock than requested.
    #[error(
        "not enough stock of item {sku}: requested {}, {} {}; reduce the quantity, or receive or count the item first",
        exact(*requested), state.map_or("available to sell", State::name), exact(*available)
    )]
    Insufficient {
        /// The item.
        sku: Sku,
        /// The quantity available, in thousandths; for a reservation, less the safety stock.
        available: i64,
        /// The quantity requested, in thousandths.
        requested: i64,
        /// The state; `None` for the stock available to sell.
        state: Option<State>,
    },
    /// The same, without revealing the quantity to somebody who is counting the item.
    #[error(
        "not enough stock of item {sku} for {}; the quantity is hidden while the item is being counted",
        exact(*requested)
    )]
    InsufficientWhileCounted {
        /// The item.
        sku: Sku,
        /// The quantity requested, in thousandths.
        requested: i64,
    },
    /// The item's stock is not tracked.
    #[error("the stock of item {sku} is not tracked; change its stock policy first")]
    Untracked {
        /// The item.
        sku: Sku,
    },
    /// No line has a quantity.
    #[error("no line has a quantity; send at least one")]
    NoLines,
    /// Too many lines.
    #[error("a document has at most {MAX_LINES} lines; use several documents")]
    TooManyLines,
    /// The same item twice where only one line is allowed.
    #[error("item {sku} is listed twice; list it once")]
    Twice {
        /// The item.
        sku: Sku,
    },
    /// The delivery was booked before.
    #[error(
        "delivery note {note} was already booked{}; nothing was booked now",
        movement.map_or_else(String::new, |movement| format!(", as movement {movement}"))
    )]
    DeliveryKnown {
        /// The delivery note.
        note: String,
        /// The movement booked then; absent if no item was tracked.
        movement: Option<u64>,
    },
    /// Too many delivery notes.
    #[error("the notice has the maximum of {} delivery notes; close it and enter another", notice::MAX_NOTES)]
    TooManyNotes,
    /// The goods are for another store.
    #[error("the transfer goes to {to}, but this store is {here}; enter it there")]
    NotForHere {
        /// The destination.
        to: String,
        /// This store.
        here: String,
    },
    /// A transfer from a store to itself.
    #[error("{here} is this store; name the other store")]
    ToItself {
        /// This store.
        here: String,
    },
    /// A different unit than the item's.
    #[error("item {sku} is stocked by {}, not by {}", kept.name(), asked.name())]
    WrongUnit {
        /// The item.
        sku: Sku,
        /// The item's unit.
        kept: Unit,
        /// The unit in the command.
        asked: Unit,
    },
    /// The document is closed.
    #[error("the {document} is closed; open another")]
    Closed {
        /// The kind of document: a notice, a transfer, a count or a reservation.
        document: &'static str,
    },
    /// The document is still open.
    #[error("the {document} is open, so it can't be reopened")]
    Open {
        /// The kind of document: a notice.
        document: &'static str,
    },
    /// The notice is of a supplier's order.
    #[error(
        "the notice of a supplier's order cannot be reopened; enter the order again and receive against the new notice"
    )]
    NotReopened,
    /// The reservation belongs to a basket.
    #[error("the reservation is in basket {basket}; complete or abandon the basket")]
    InBasket {
        /// The basket.
        basket: BasketId,
    },
    /// The document does not contain the item.
    #[error("the {document} has no item {sku}")]
    NoSuchItem {
        /// The item.
        sku: Sku,
        /// The kind of document: a transfer or a count.
        document: &'static str,
    },
    /// The time of the tally is before the count was opened or in the future.
    #[error("`counted_at_ms` of item {sku} must lie between the count's opening and now")]
    NotDuringTheCount {
        /// The item.
        sku: Sku,
    },
    /// There is no variance to approve or reject.
    #[error("item {sku} of the count has no undecided variance")]
    NothingToDecide {
        /// The item.
        sku: Sku,
    },
    /// The variance has changed since it was read.
    #[error(
        "item {sku} was counted again: its variance is now {}, not {}; read the variances again, then decide",
        exact(*now), exact(*seen)
    )]
    Recounted {
        /// The item.
        sku: Sku,
        /// The variance that the decision names, in thousandths.
        seen: i64,
        /// The variance now, in thousandths.
        now: i64,
    },
    /// A number is out of range.
    #[error("`{field}` is out of range; {range}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The allowed range.
        range: &'static str,
    },
}

impl Refusal {
    /// The item whose quantity the refusal reveals.
    pub fn reveals_stock_of(&self) -> Option<&Sku> {
        if let Self::Insufficient { sku, .. } = self { Some(sku) } else { None }
    }

    /// The same refusal without the available quantity.
    #[must_use]
    pub fn without_quantity(self) -> Self {
        match self {
            Self::Insufficient { sku, requested, .. } => Self::InsufficientWhileCounted { sku, requested },
            other => other,
        }
    }
}

/// Formats thousandths as a decimal number.
fn exact(milli: i64) -> String {
    let (sign, magnitude) = (if milli < 0 { "-" } else { "" }, milli.unsigned_abs());
    match magnitude % 1000 {
        0 => format!("{sign}{}", magnitude / 1000),
        part => format!("{sign}{}.{part:03}", magnitude / 1000),
    }
}

#[cfg(test)]
mod tests;
