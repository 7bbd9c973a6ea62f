//! The stock of the store: a ledger of movements, the positions that are their sums, and the documents around them.
//!
//! # What this capability promises
//!
//! - **A position is the sum of its movements**, always: both are written in one commit, in `ledger::book` and nowhere
//!   else. Movements are numbered from 1 without gaps and never change. The check compares the two.
//! - **A sale is one movement**, in the sale's own batch. It reads and writes one position for each item it sells. What
//!   is not on file has no stock and moves none, also if a number was keyed for it; nor do lines of nothing.
//! - **Below zero is a policy by item** ([`commerce::stock::Rule`]), decided inside the commit: two registers can't
//!   both sell the last piece of an item that may not go below zero. At the till such an item can be sold to the last
//!   piece; only promises (reservations) keep the safety stock.
//! - **What is paid is sold.** A basket's lines are fixed by its first tender or card payment. In that very commit what
//!   may not go below zero is *held*: a reservation of the hub's own. If it can't be, there is no tender and the
//!   terminal hears nothing. From then on nothing about stock can refuse the sale; a policy that changes meanwhile
//!   counts from the next basket on.
//! - **A damaged position or reservation refuses no sale.** Of an item whose position can't be read a sale books the
//!   movement alone, and leaves the position as it is: the log and the check report it. Such an item may go below zero
//!   at the till, and nothing of it is held; whatever else moves it is refused. A reservation that can't be read
//!   reserves nothing.
//! - **Promised once.** A reservation belongs to one basket at a time, and is sold or released once.
//! - **Entered once.** A supplier's order, another store's transfer and a delivery note are each entered once, a
//!   transfer only where it goes to. Its movements refer to it by one name at both stores, so that HQ can follow it.
//!   After a notice was closed too early, an order may be entered again, and the notice of a transfer is reopened.
//!
//! # A hold's life
//!
//! ```text
//!  lines are fixed                     declined, not charged, and nothing else is paid
//!  ---------------> held (reserved) ----------------------------------------------------> released (on_hand)
//!                       |    \---- the payment's end is unknown: held until a person has decided
//!                       `--------- the sale's commit: sold
//! ```
//!
//! | what fails, when | what happens |
//! | --- | --- |
//! | power before a command's flush | nothing moved; the register repeats |
//! | power after it | movement, position, document and answer are there together |
//! | power between a hold and the payment's end | the hold lies beside the payment's intent; the payment's recovery ends both in one commit |
//! | the register dies with a basket partly paid | the hold stays with the basket, as its money does; whoever completes it sells it |
//! | somebody sells while an item is counted | movements since the counted moment are undone for the comparison; the correction is a delta |
//! | the clock is set back during a count | movements of the doubled time are judged by the time they carry; count the item again |
//! | a position or a reservation is damaged | sales go on without it, also of what is paid by card and recovered at a start; the check names it |
//! | a damaged record lies in a list | the list leaves it out, and the log names it |
//! | the ledger and a position disagree | the check at the next start reports it (positions moved lately), `store-hub store check` every one |
//!
//! # Bounds
//!
//! A document has at most 400 lines; [`MAX_OPEN`] of a kind are open at once, and those that are closed are forgotten
//! in their time (`keeping`); texts are at most 120 bytes; lists come in pages. Walks over movements are read in pages
//! outside the committer; a commit reads by key alone.
//!
//! HQ hears of everything: of what a sale took with the sale, of the rest in the stream `stock`. Its positions of the
//! newest epoch are the store's; a store that was restored from a backup begins a new one with an opening
//! ([`crate::hq`]). Movements are archived and never given up: positions are their sums.

mod baskets;
mod counts;
mod deliveries;
mod documents;
mod goods;
mod history;
mod keeping;
mod ledger;
mod lists;
mod notices;
mod paged_lookup;
mod policies;
mod positions;
mod refusals;
mod reorder;
mod reservations;
mod tally;
#[cfg(test)]
mod tests;
mod transfers;
mod wire;

pub(crate) use baskets::{claim, demand_of, hold, leave_reservations, release_holds, reserved_by, sell};
pub use counts::{
    BlindCount, BlindLine, CountedItem, Decisions, OpenCount, PositionToCount, close_count, count, counts, decide,
    open_count, variances,
};
pub use deliveries::{Beyond, DeliveredLine, Delivery, Received, receive};
#[cfg(test)]
pub(crate) use documents::OpenDocument;
pub use documents::{DocumentOpened, MAX_OPEN};
pub use goods::{GoodsEvent, GoodsNote, note_goods};
pub use ledger::MovementBooked;
#[cfg(test)]
pub(crate) use ledger::{Booking, book};
pub use notices::{NoticeRequest, close_notice, enter, notice, notices, reopen_notice};
#[cfg(test)]
pub(crate) use policies::put_policy;
pub use policies::{PolicyRequest, PolicySet, PolicyView, policy, set_policy};
pub use positions::{PositionView, movements, positions, positions_of};
pub use refusals::{
    BEING_COUNTED, COUNT_UNKNOWN, NOTICE_UNKNOWN, ORDER_KNOWN, POLICY_UNKNOWN, RESERVATION_UNKNOWN, STOCK_INSUFFICIENT,
    TOO_MANY_OPEN, TRANSFER_KNOWN, TRANSFER_UNKNOWN, WRONG_UNIT,
};
pub use reorder::suggestions;
pub use reservations::{ReserveRequest, release, reservation, reservations, reserve};
pub use tally::{CountProgress, CountedItems, CountedLine, CountedQuantities, tally};
pub use transfers::{Arrival, Dispatch, ThisStore, arrive, dispatch, notice_for_receiver, transfer, transfers};
pub(crate) use wire::moved;

/// What the check and the opening for HQ, which stand above the stock, read of its records.
pub(crate) mod records {
    pub(crate) use super::{
        counts::{COUNTING, COUNTS},
        documents::{Document, OPEN, TOTALS},
        ledger::{MOVEMENT, MOVEMENTS, POSITIONS, movement_at, movements_from},
        notices::{NOTICES, ORDERS, TRANSFERS_IN},
        paged_lookup::{PAGE, PagedLookup},
        policies::POLICIES,
        reservations::RESERVATIONS,
        transfers::TRANSFERS,
    };
}

use crate::{
    Capability, OutgoingEvent,
    audit::Act as _,
    permission::{Holder, Permission},
};

/// See stock documents.
pub static READ: Permission = Permission::new(
    "stock.read",
    "See an item's stock and policy, reservations, notices, transfers, and counts without their quantities",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// See the ledger.
pub static READ_LEDGER: Permission =
    Permission::new("stock.ledger.read", "See all positions and movements", &[Holder::Person]);
/// See what to order.
pub static READ_REORDER: Permission =
    Permission::new("stock.reorder.read", "See what should be ordered", &[Holder::Person]);
/// Note what happened to goods.
pub static NOTE_GOODS: Permission = Permission::new(
    "stock.goods.note",
    "Note returned, damaged and doubtful goods",
    &[Holder::Register, Holder::Person],
);
/// Clear doubtful goods.
static CLEAR: Permission =
    Permission::new("stock.goods.clear", "Put quarantined goods back on hand", &[Holder::Person]);
/// Write goods off.
static WRITE_OFF: Permission = Permission::new("stock.goods.write_off", "Write damaged goods off", &[Holder::Person]);
/// Set policies.
pub static SET_POLICIES: Permission =
    Permission::new("stock.policies.set", "Set the stock policies of items", &[Holder::Person]);
/// Reserve stock.
pub static RESERVE: Permission =
    Permission::new("stock.reserve", "Set stock aside, and release it", &[Holder::Register, Holder::Person]);
/// Enter notices.
pub static MANAGE_NOTICES: Permission = Permission::new(
    "stock.notices.manage",
    "Enter, close and reopen notices of suppliers and other stores",
    &[Holder::Person],
);
/// Receive deliveries.
pub static RECEIVE: Permission = Permission::new(
    "stock.deliveries.receive",
    "Receive deliveries against notices",
    &[Holder::Register, Holder::Person],
);
/// Send goods to other stores.
pub static MANAGE_TRANSFERS: Permission = Permission::new(
    "stock.transfers.manage",
    "Dispatch transfers to other stores, and confirm what arrived",
    &[Holder::Person],
);
/// Open and close counts.
pub static MANAGE_COUNTS: Permission =
    Permission::new("stock.counts.manage", "Open and close counts", &[Holder::Person]);
/// Count.
pub static TALLY: Permission =
    Permission::new("stock.counts.tally", "Note what was counted", &[Holder::Register, Holder::Person]);
/// Decide counts.
pub static DECIDE_COUNTS: Permission = Permission::new(
    "stock.counts.decide",
    "See the variances of counts, and approve or reject them",
    &[Holder::Person],
);
/// See how much there is of an item that is being counted.
static SEE_QUANTITIES: Permission = Permission::new(
    "stock.counts.see_quantities",
    "See how much there is of an item while it is being counted",
    &[Holder::Person],
);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &[
        "movement",
        "position",
        "stock_policy",
        "reservation",
        "notice",
        "transfer_in",
        "supplier_order",
        "transfer",
        "stock_count",
        "stock_counting",
        "stock_open",
        "stock_open_count",
    ],
    refusals: refusals::KINDS,
    permissions: &[
        &READ,
        &READ_LEDGER,
        &READ_REORDER,
        &NOTE_GOODS,
        &CLEAR,
        &WRITE_OFF,
        &SET_POLICIES,
        &RESERVE,
        &MANAGE_NOTICES,
        &RECEIVE,
        &MANAGE_TRANSFERS,
        &MANAGE_COUNTS,
        &TALLY,
        &DECIDE_COUNTS,
        &SEE_QUANTITIES,
    ],
    acts: &[counts::CountDecided::KIND, policies::PolicyWasSet::KIND],
    events: &[OutgoingEvent { kind: contract::stock::MOVED.name(), body: wire::body }],
    tidy: Some(keeping::tidy),
    ..Capability::new("stock")
};
