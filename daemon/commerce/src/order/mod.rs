//! Customer orders: what was ordered, a store's part of it, and the way to the handover.
//!
//! # What this module promises
//!
//! - **A unit is in one state.** Each thousandth that was ordered on a line is in exactly one [`State`]; a [`Step`]
//!   takes it from one to another, and [`Step::allows`] is the table of all ways. A line's, a fulfilment's and an
//!   order's state follow from those of their units by one rule ([`State::of_many`]): so everything can be done in
//!   part, the quantities always sum to what was ordered (and what weighed goods came to beyond it), and no two records
//!   can disagree.
//! - **What is open is reserved.** From the offer on, until the goods leave or are given up, the stock of every open
//!   unit is reserved: [`Fulfilment::held`] is what the fulfilment's reservation holds. What moves is a part of the
//!   decision ([`Change::Stock`]) and belongs into its commit. So a handover is a sale's movement, once, and what
//!   expires is on hand again, once.
//! - **Decided, not done.** [`decide`] takes the state, a command and the facts, and gives the changes or a [`Refusal`]
//!   that names order, line and rule. [`Fulfilment::apply`] follows the changes, at the hub and at HQ alike, so both
//!   end in one state.
//! - **Money follows the goods.** A customer is charged for what they got: of a substitute the lower price, of weighed
//!   goods what the scale said, of what is prepaid never more than was paid ([`Line::charge`]); what was prepaid beyond
//!   that is owed back ([`Progress::refund`]).
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
//! Not drawn: a handover or a shipment takes units also from `Accepted` and `Picked` if fewer are packed or ready than
//! leave, and none that a picker has claimed. A short or rejected unit is over for this store; HQ may route it again.
//!
//! # What fails
//!
//! | what | what happens |
//! | --- | --- |
//! | there is less stock than was offered | what is missing is rejected when the offer comes; the rest is reserved |
//! | a wrong item is scanned | refused; nothing moves |
//! | a picker goes home | the claim runs out; the line can be claimed by another |
//! | an item is not there | what is left of the line is short, or another goes in its place, as the customer chose |
//! | goods got too warm | refused at the staging place |
//! | nobody comes | it expires after its time; goods that must be cold are quarantined, others are on hand |
//! | a promise is broken | it is told, once |
//! | a command comes twice | the store's idempotency answers it; decided again, it is refused: the units have moved |
//!
//! | module | holds |
//! | --- | --- |
//! | [`state`] | states, steps, the table of both, and the stock that moves |
//! | [`terms`] | what was ordered |
//! | [`fulfilment`] | a store's part, and its lines |
//! | [`command`] | commands, the store's policy, changes |
//! | `decide` | the decisions |
//! | [`progress`] | an order over all its stores: split, what is to be routed again, what is owed back |
//! | [`clock`] | promises about time |
//! | [`estimate`] | when an order will be ready, and pickup slots |
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
