//! Customer orders: the order, each store's part of it (a fulfilment), and the way to the handover.
//!
//! # Promises
//!
//! - **A unit has one state.** Each thousandth of an ordered quantity is in exactly one [`State`]. A [`Step`] moves it
//!   to another state, and [`Step::allows`] is the table of all transitions. The states of lines, fulfilments and
//!   orders are derived from their units by one rule ([`State::of_many`]). So every step can be done in part, the
//!   quantities always sum to the ordered quantity (plus the variance of weighed goods), and records can't disagree.
//! - **Open units are reserved.** From the offer until the goods leave or are given up, the stock of every open unit is
//!   reserved: [`Fulfilment::held`] is the content of the fulfilment's reservation. The stock movements are part of the
//!   decision ([`Change::Stock`]) and must be booked in its commit. So a handover is booked as a sale once, and expired
//!   goods are returned to stock once.
//! - **Decisions are pure.** [`decide`] takes the state, a command and the facts, and returns the changes or a
//!   [`Refusal`] that names the order, the line and the rule. The hub and HQ apply the same changes with
//!   [`Fulfilment::apply`], so both reach the same state.
//! - **Customers pay for the goods they get:** the lower price for a substitute, the measured weight for weighed goods,
//!   and never more than was paid for prepaid goods ([`Line::charge`]). The rest of a prepayment is refunded
//!   ([`Progress::refund`]).
//!
//! # States
//!
//! ```text
//! Offered --accept--> Accepted <--claim/unclaim--> Picking --pick--> Picked --pack--> Packed --ship--> Shipped
//!    |                   |                           |  |                               |
//!    | reject            |   short                   |  | substitute         make_ready |
//!    v                   `-----------> Short <-------'  v                               v   arrive
//! Rejected                                          Substituted                       Ready -------> Arrived
//!                                                                                       |  hand_over   |
//! cancel, expire: before it was picked --> Cancelled, Expired                           `-> HandedOver <'
//!                 after --> Returning --put back--> Returned
//! ```
//!
//! Not shown: a handover or a shipment can also take units from `Accepted` and `Picked` if too few are packed or
//! ready, but never units that a picker has claimed. Short and rejected units are finished for this store; HQ may route
//! them to another one.
//!
//! # Failures
//!
//! | failure | effect |
//! | --- | --- |
//! | less stock than offered | the missing units are rejected when the offer arrives; the rest is reserved |
//! | a wrong item is scanned | refused; nothing changes |
//! | a picker goes home | the claim expires, and another picker can claim the line |
//! | an item is missing | the rest of the line is short, or is substituted, as the customer chose |
//! | goods are too warm | refused at the staging place |
//! | the customer does not come | the order expires; cold goods are quarantined, others are returned to stock |
//! | a deadline is missed | it is reported once |
//! | a command is repeated | the store's idempotency answers it; a second decision is refused |
//!
//! | module | contents |
//! | --- | --- |
//! | [`state`] | states, steps, the table of transitions, and the stock movements |
//! | [`terms`] | the order |
//! | [`fulfilment`] | a store's part and its lines |
//! | [`command`] | commands, the store's policy, changes |
//! | `decide` | the decisions |
//! | [`progress`] | an order across all its stores: the split, units to be routed, the refund |
//! | [`clock`] | deadlines |
//! | [`estimate`] | the time at which an order will be ready, and pickup slots |
//! | [`batch`] | pick lists |

pub mod batch;
pub mod clock;
mod code;
pub mod command;
mod decide;
pub mod estimate;
pub mod fulfilment;
pub mod progress;
mod refusal;
pub mod state;
pub mod terms;

pub use code::PickupCode;
pub use command::{
    Amount, Change, Checked, Command, Facts, GivenUp, Handover, Place, Policy, Proof, Reason, Substitute,
};
pub use decide::{decide, offer};
pub use fulfilment::{Fulfilment, Line};
pub use progress::Progress;
pub use refusal::{Refusal, Rule};
pub use state::{State, Step};
pub use terms::{Customer, Kind, Order, Ordered, Payment, Substitution, Terms, Zone};

#[cfg(test)]
mod tests;
