//! The store's customer orders: from HQ's offer to the handover. The rules are in [`commerce::order`].
//!
//! # What this capability promises
//!
//! - **One commit.** A command's changes, their stock movements, the indexes and the event for HQ are one commit
//!   ([`advance`](records::advance)). HQ applies the same changes to its own record.
//! - **Offers are answered once.** An offer is applied with HQ's cursor. A part that is offered again is stated whole.
//! - **Reserved while open.** The stock of open units is reserved from the offer on. What is offered beyond the stock
//!   is rejected in the same commit. Items whose stock is not tracked when they are offered are never reserved.
//! - **A handover is a sale, once.** [`collect`] puts the checked goods into a basket and locks the part; completing
//!   the basket hands it over in the sale's commit ([`sold`]). Prepaid goods are sold in the same commit as they are
//!   checked. A locked part takes no other step, and HQ's cancellation waits for the end of the basket.
//! - **Works without HQ.** Nothing here waits for the connection. Answers go to the outbox.
//!
//! # States
//!
//! The states of units are those of [`commerce::order::State`]. A part is also in a basket, or not:
//!
//! ```text
//! free --collect--> in a basket --the sale's commit--> free, its units handed over or shipped
//!   ^----------- the basket is abandoned ------|
//! ```
//!
//! An order that a register places for another store waits for HQ's answer, up to [`ANSWER_WITHIN_MS`]:
//!
//! ```text
//! Waiting --accepted--> Accepted --withdraw--> Withdrawn
//!    |--refused--> Refused                         ^
//!    `--withdraw, or no answer in time ------------'
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before a command's flush | nothing changed; the app or register repeats the command |
//! | power, after it | units, stock, indexes, event and answer are all stored |
//! | power, between the check and the payment | basket and lock are stored; the register completes or abandons |
//! | no connection | orders are worked as ever; HQ hears of it later, and offers nothing meanwhile |
//! | the hub was off at a deadline | the first sweep after the start expires and reports it |
//! | a part is damaged | its commands are refused; a sale of it is booked all the same, and the check names it |
//!
//! # Bounds
//!
//! At most [`MAX_OPEN`] parts are open; more are rejected for lack of capacity. Lists are paged and read outside of the
//! committer; a commit only reads by key. Ended parts are deleted after the retention period, with their index entries;
//! events when HQ has them.

mod due;
mod events;
mod handover;
mod incoming;
mod keeping;
mod lists;
mod placed;
mod records;
mod refusals;
#[cfg(test)]
mod tests;
mod view;
mod work;

pub use due::{Due, due, tick};
pub use events::{OrderEvent, events_from, last_event};
pub use handover::{Collect, Collected, Leaving, collect};
pub(crate) use handover::{leave, sold, terms};
pub use lists::{Find, find, in_state, open_count, order, picked_by, queue_to_pick};
pub use placed::{ANSWER_WITHIN_MS, Place, Placed, PlacedState, place, placed, placed_orders, withdraw};
pub(crate) use records::ORDERS;
pub use records::{MAX_OPEN, Part};
pub use refusals::{ORDER_AT_REGISTER, ORDER_CLAIMED, ORDER_RULE, ORDER_UNKNOWN, PLACED_UNKNOWN};
pub use view::{PartView, Pick};
pub use work::{ClaimBatch, Claimed, claim_batch, picker, run};

use crate::{
    Capability, IncomingItem, OutgoingEvent,
    permission::{Holder, Permission},
};

/// See orders.
pub static READ: Permission = Permission::new(
    "orders.read",
    "See the store's orders, the queue, and the orders placed for other stores",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Pick, pack and stage.
pub static PICK: Permission = Permission::new(
    "orders.pick",
    "Claim, pick, report short, substitute, pack, make ready, put back",
    &[Holder::Register, Holder::Person],
);
/// Decide on orders.
pub static MANAGE: Permission = Permission::new(
    "orders.manage",
    "Accept, reject, cancel and extend orders, and note that a customer has arrived",
    &[Holder::Register, Holder::Person, Holder::Headquarters],
);
/// Place orders for other stores.
pub static PLACE: Permission =
    Permission::new("orders.place", "Place and withdraw orders for other stores", &[Holder::Register]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["order", "order_queue", "order_due", "order_found", "order_open_count", "order_event", "order_placed"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &PICK, &MANAGE, &PLACE],
    events: &[
        OutgoingEvent { kind: contract::order::ADVANCED.name(), body: events::body },
        OutgoingEvent { kind: contract::order::STATED.name(), body: events::body },
        OutgoingEvent { kind: contract::order::PLACED.name(), body: events::body },
        OutgoingEvent { kind: contract::order::WITHDRAWN.name(), body: events::body },
    ],
    incoming: &[
        IncomingItem { kind: contract::order::OFFERED.name(), apply: incoming::offered },
        IncomingItem { kind: contract::order::CANCELLED.name(), apply: incoming::cancelled },
        IncomingItem { kind: contract::order::EXTENDED.name(), apply: incoming::extended },
        IncomingItem { kind: contract::order::ARRIVED.name(), apply: incoming::arrived },
        IncomingItem { kind: contract::order::TRACKED.name(), apply: incoming::tracked },
    ],
    check: Some(keeping::check),
    tidy: Some(keeping::tidy),
    ..Capability::new("orders")
};
