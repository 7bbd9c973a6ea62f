//! Customer orders at HQ: from the web shop and from stores, routed to stores and tracked.
//!
//! # What this module promises
//!
//! - **Once.** The shop's own order id is unique. A command or an event and all its effects are one transaction: the
//!   order, the spent quotas, the offers in the hubs' queues, and the events for the shop.
//! - **Never more than granted.** HQ spends a store's quota under a row lock ([`quotas`]). The store keeps these goods
//!   back, also while it is offline.
//! - **No deadlocks.** Transactions lock rows of several orders, items and stores in one order ([`Lock`]): a request of a
//!   store, orders by id, quotas by hub and item, pickup slots, queues by hub. So a transaction decides about one order
//!   only, routes before it takes a slot, releases the quotas of a plan before it tries another one
//!   ([`Transaction::mark`]), and sends its items last ([`settle`]).
//! - **Each unit is at one store.** HQ routes a unit again only after its store has given it up ([`attend`]).
//! - **Refused at HQ.** An order that HQ knows to be wrong is not offered to a store ([`place`]).
//! - **Explained.** Every routing decision is stored with its reasons.
//! - **Refunds once.** Prepaid goods that are not delivered, or that come back to a store, become a refund, which is
//!   reported once ([`settle`], `returned`).
//!
//! # Records and projections
//!
//! The stores' events of each part are a projection (table `order_progress`), which `rebuild` recreates. The state of a
//! part is its offer with these events applied (`fold`). HQ's own decisions (orders, offers, spent quotas, routing,
//! refunds) are records: they can't be recreated from events, and `rebuild` does not touch them.
//!
//! # States
//!
//! Orders and parts have the states of [`commerce::order::State`], derived from their units. HQ adds two decisions: a
//! part can be *recalled*, and amounts can be *given up*, because the customer cancelled them or no store has them.
//!
//! | failure | effect |
//! | --- | --- |
//! | a store rejects units or is short | these units are routed to other stores |
//! | a store does not answer an offer in time | the part is recalled, and routed again after the store's answer |
//! | a store where the customer collects does not answer | it has until the order is due |
//! | an order is at risk of being late | the same, if other stores can deliver in time |
//! | a store is offline | its parts stay there, and its events arrive later |
//! | HQ has not heard of a store for minutes | its quota is sold; after `offline_after_minutes` orders go elsewhere |
//! | the counter takes goods that HQ has sold | the store rejects them when the offer arrives: routed elsewhere |
//! | no store has the goods | routing is tried every minute until the order is due; then the rest is given up |
//! | a hub's store is restored or replaced | its open parts are offered again; it keeps what it had accepted |
//! | HQ crashes | everything is in the ledger; the next process continues |
//! | HQ is restored from a backup | the stores' totals restore the spent quotas; part numbers are not reused |
//!
//! | module | holds |
//! | --- | --- |
//! | `place`, `change` | commands of the shop |
//! | `heard` | events from stores |
//! | `requests` | what stores ask for |
//! | `attend`, [`work`] | background work |
//! | `offer`, `stores` | routing with the ledger's data, spending quotas, offers |
//! | `settle` | effects of a changed state: events, refunds, the next deadline |
//! | `record`, `fold`, `left` | an order and its parts; units to be routed |
//! | `quotas` | HQ's side of the quotas |
//! | `returned` | refunds of goods that came back to a store |
//! | `profile`, `hours` | the stores' master data |
//! | `policy` | the retailer's policy |
//! | [`story`] | an order with everything about it, for the API and reports |
//! | `refused` | refusals |
//!
//! [`Lock`]: crate::database::Lock
//! [`Transaction::mark`]: crate::database::Transaction::mark

pub(crate) mod attend;
pub(crate) mod change;
pub(crate) mod fold;
pub(crate) mod heard;
pub(crate) mod hours;
mod left;
pub(crate) mod offer;
pub(crate) mod place;
pub(crate) mod policy;
pub mod profile;
pub(crate) mod quotas;
pub(crate) mod record;
mod refused;
pub(crate) mod requests;
pub(crate) mod returned;
pub(crate) mod settle;
pub mod stores;
pub mod story;
#[cfg(test)]
mod tests;
pub mod work;

pub use change::Change;
pub use hours::Hours;
pub use place::NewOrder;
pub use policy::OrderPolicy;
pub use profile::Profile;
pub use refused::{OrderError, Refused, Why};

/// The hub name of HQ's own events in the feed. Hubs can't use it.
pub const HQ: &str = "hq";
