//! The stock of the store: a ledger of movements, the positions that are their sums, and the documents around them.
//!
//! # What this capability promises
//!
//! - **A position is always the sum of its movements.** Both are written in one commit, only in `ledger::book`.
//!   Movements are numbered from 1 without gaps and never change. The check compares the two.
//! - **A sale is one movement**, in the sale's own batch. It reads and writes one position per item sold. Items that
//!   are not on file have no stock, even if a number was keyed; lines without a quantity move nothing.
//! - **Web orders have their share.** HQ may sell a quota of each item; the counter respects it as the item's class
//!   says, in the commit of each movement ([`quota`]).
//! - **Going below zero is a policy per item** ([`commerce::stock::Rule`]), decided inside the commit: two registers
//!   can't both sell the last piece of an item that may not go below zero. At the till such an item can be sold down to
//!   the last piece; only promises (reservations) respect the safety stock.
//! - **A paid sale is never refused.** The first tender or card payment fixes a basket's lines. The same commit
//!   reserves the stock of items that may not go below zero, in a reservation of the hub's own (a *hold*). If that
//!   fails, the tender is refused and nothing is sent to the terminal. After that, lack of stock can't refuse the sale;
//!   a policy that changes meanwhile applies from the next basket on.
//! - **Damaged records refuse no sale.** If an item's position is damaged, a sale only books the movement and leaves
//!   the position unchanged; the log and the check report it. Such an item may go below zero at the till and is not
//!   held; all other movements of it are refused. A damaged reservation reserves nothing.
//! - **Promised once.** A reservation belongs to at most one basket at a time, and is sold or released once.
//! - **Entered once.** A supplier's order, another store's transfer and a delivery note are each entered once, and a
//!   transfer only at its destination. Its movements have the same reference at both stores, so that HQ can follow it.
//!   If a notice was closed too early, an order may be entered again, and the notice of a transfer is reopened.
//!
//! # The states of a hold
//!
//! ```text
//!  lines are fixed                     declined, not charged, and nothing else is paid
//!  ---------------> held (reserved) ----------------------------------------------------> released (on_hand)
//! |    \---- the payment's outcome is unknown: held until a person has decided
//!                       `--------- the sale's commit: sold
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before a command's flush | nothing moved; the register repeats the command |
//! | power, after it | movement, position, document and answer are all stored |
//! | power, between a hold and the payment's end | both are stored; recovery ends both in one commit |
//! | the register breaks down with a partly paid basket | the hold stays with the basket until it is completed |
//! | sales while an item is counted | later movements are subtracted; the correction is a delta |
//! | the clock is set back during a count | movements are ordered by times that may repeat; count again |
//! | a position or reservation is damaged | sales and recovered payments go on without it; the check names it |
//! | a list has a damaged record | the list omits it, and the log names it |
//! | the ledger and a position disagree | reported by the check at the next start, or by `store-hub store check` |
//!
//! # Bounds
//!
//! A document has at most 400 lines. At most [`MAX_OPEN`] documents of a kind are open; closed ones are deleted after
//! their retention period (`keeping`). Texts have at most 120 bytes; lists are paged. Walks over movements are read in
//! pages outside of the committer; a commit only reads by key.
//!
//! HQ receives everything: the movement of a sale with the sale, all others in the stream `stock`. HQ's positions of
//! the newest epoch equal the store's; a restored store begins a new epoch with an opening ([`crate::hq`]). Movements
//! are archived and never deleted, because positions are their sums.

mod baskets;
mod counts;
mod deliveries;
mod documents;
mod goods;
mod history;
mod home;
mod keeping;
mod ledger;
mod notices;
mod paged_lookup;
mod policies;
mod positions;
mod quota;
mod refusals;
mod reorder;
mod reservations;
mod tally;
#[cfg(test)]
mod tests;
mod transfers;
mod wire;

pub(crate) use baskets::{
    claim, demand_of, hold, leave_reservations, release_holds, reserved_by, sell, take_back, take_in,
};
pub use counts::{
    BlindCount, BlindLine, CountedItem, Decisions, OpenCount, PositionToCount, close_count, count, counts, decide,
    open_count, variances,
};
pub use deliveries::{Beyond, DeliveredLine, Delivery, Received, receive};
#[cfg(test)]
pub(crate) use documents::OpenDocument;
pub use documents::{DocumentOpened, MAX_OPEN};
pub use goods::{GoodsEvent, GoodsNote, note_goods};
pub(crate) use home::home;
pub use home::{Home, put_home};
pub use ledger::MovementBooked;
pub(crate) use ledger::{Booking, book, only_tracked, rule_of};
pub use notices::{NoticeRequest, close_notice, enter, notice, notices, reopen_notice};
#[cfg(test)]
pub(crate) use policies::put_policy;
pub use policies::{PolicyRequest, PolicySet, PolicyView, policy, set_policy};
pub use positions::{PositionView, is_on_hand, last_movement, movements, movements_after, positions, positions_of};
pub(crate) use quota::{Available, arrive as arrive_of_quota};
pub use quota::{
    ToRefill, each_place, needs_refill, refill as refill_quotas, tell as tell_quotas, untold as untold_quotas,
};
pub use refusals::{
    BEING_COUNTED, COUNT_UNKNOWN, KEPT_FOR_WEB, NOTICE_UNKNOWN, ORDER_KNOWN, POLICY_UNKNOWN, RESERVATION_UNKNOWN,
    STOCK_INSUFFICIENT, TOO_MANY_OPEN, TRANSFER_KNOWN, TRANSFER_UNKNOWN, WRONG_UNIT,
};
pub use reorder::suggestions;
pub use reservations::{ReserveRequest, release, reservation, reservations, reserve};
pub use tally::{CountProgress, CountedItems, CountedLine, CountedQuantities, tally};
pub(crate) use transfers::send;
pub use transfers::{Arrival, Dispatch, ThisStore, arrive, dispatch, notice_for_receiver, transfer, transfers};
pub(crate) use wire::moved;

/// The stock records that the check and HQ's opening, which are higher layers, read.
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
    Capability, IncomingItem, OutgoingEvent,
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
/// Book events of goods.
pub static NOTE_GOODS: Permission = Permission::new(
    "stock.goods.note",
    "Book returned, damaged and doubtful goods",
    &[Holder::Register, Holder::Person],
);
/// Clear doubtful goods.
static CLEAR: Permission =
    Permission::new("stock.goods.clear", "Put quarantined goods back on hand", &[Holder::Person]);
/// Write goods off.
static WRITE_OFF: Permission = Permission::new("stock.goods.write_off", "Write off damaged goods", &[Holder::Person]);
/// Set policies.
pub static SET_POLICIES: Permission =
    Permission::new("stock.policies.set", "Set the stock policies of items", &[Holder::Person]);
/// Reserve stock.
pub static RESERVE: Permission =
    Permission::new("stock.reserve", "Reserve and release stock", &[Holder::Register, Holder::Person]);
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
/// Transfer goods to other stores.
pub static MANAGE_TRANSFERS: Permission = Permission::new(
    "stock.transfers.manage",
    "Dispatch transfers to other stores, and confirm what arrived",
    &[Holder::Person, Holder::Headquarters],
);
/// Open and close counts.
pub static MANAGE_COUNTS: Permission =
    Permission::new("stock.counts.manage", "Open and close counts", &[Holder::Person]);
/// Record tallies.
pub static TALLY: Permission =
    Permission::new("stock.counts.tally", "Record counted quantities", &[Holder::Register, Holder::Person]);
/// Decide counts.
pub static DECIDE_COUNTS: Permission = Permission::new(
    "stock.counts.decide",
    "See the variances of counts, and approve or reject them",
    &[Holder::Person],
);
/// See the quantity of an item while it is being counted.
static SEE_QUANTITIES: Permission = Permission::new(
    "stock.counts.see_quantities",
    "See the quantity of an item while it is being counted",
    &[Holder::Person],
);

/// The declaration of this capability.
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
        "web_quota",
        "web_quota_untold",
        "web_quota_told",
        "stock_home",
    ],
    refusals: refusals::KINDS,
    incoming: &[
        IncomingItem { kind: contract::quota::ANSWERED.name(), apply: quota::answered },
        IncomingItem { kind: contract::transfer::ANNOUNCED.name(), apply: transfers::announced },
    ],
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
    events: &[
        OutgoingEvent { kind: contract::stock::MOVED.name(), body: wire::body },
        OutgoingEvent { kind: contract::quota::CHANGED.name(), body: quota::body },
        OutgoingEvent { kind: contract::transfer::DISPATCHED.name(), body: transfers::body },
    ],
    tidy: Some(keeping::tidy),
    ..Capability::new("stock")
};
