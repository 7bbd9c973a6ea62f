//! Orders: what HQ asks of a store, and what the store did. Both directions have the stream `orders`.
//!
//! HQ and the hub keep the same [`Fulfilment`] of a store's part of an order. The hub decides; HQ applies the hub's
//! changes with [`Fulfilment::apply`](commerce::order::Fulfilment::apply). HQ only asks: it offers, cancels, extends.
//!
//! # Who sends what, and when
//!
//! ```text
//! HQ                                                    hub
//! offered: part 1, its lines, the quota it spent  -->   reserves the goods, rejects what is missing
//!                                                 <--   advanced: the answer, with the first changes of the part
//!                                                 <--   advanced: each later commit that changes the part
//! cancelled, extended                             -->   applied as far as the goods are still open
//!                                                 <--   advanced
//! arrived: the customer is in bay 3               -->   <-- advanced
//!                                                 <--   placed: a register takes an order for another store
//! tracked: accepted or refused, then each state   -->
//!                                                 <--   withdrawn: given up, or cancelled by the customer
//! ```
//!
//! - HQ creates its record when it queues an offer: all units are offered, at [`OrderOffered::offered_at_ms`]. The hub
//!   creates the same record, so that the changes of its answer fit.
//! - A part that was offered belongs to the store until the store gives units up: HQ routes only units again that are
//!   rejected, short or cancelled in its record. It may ask for them by a cancellation, and waits for the answer.
//! - A store that was restored or replaced is offered its open parts again, with what it had accepted.
//! - The hub rejects an offer that arrives after [`OrderOffered::answer_by_ms`], so that HQ can route the order again
//!   as soon as the store is back. An offer that the hub refuses as an item (its texts can't be printed) has the same
//!   effect as a whole rejection.
//! - A cancellation is not an error if the units are no longer open: the hub cancels what it can, and [`OrderAdvanced`]
//!   has what was cancelled. A cancellation without effect sends no event.
//! - Stock movements travel as `stock.moved` and with the sale, not in [`OrderAdvanced`].
//! - Refunds are HQ's: it computes them from its records
//!   ([`Progress::refund`](commerce::order::Progress::refund)).
//! - An order placed at a store has an answer by [`OrderPlaced::answer_by_ms`], or the hub gives it up
//!   ([`OrderWithdrawn`]). HQ refuses one that reaches it later. A withdrawal always holds, also if HQ has accepted the
//!   order meanwhile: HQ cancels it then, and refunds a prepayment.
//!
//! # Failures
//!
//! | failure | effect |
//! | --- | --- |
//! | a message is lost or repeated | streams are applied once, in order ([`crate::down`], [`crate::message`]) |
//! | no connection | the store works its open orders; offers, cancellations and answers wait on both sides |
//! | a cancellation meets goods that were handed over | the hub keeps its state; HQ has it from `order.advanced` |
//! | the hub's store is restored or replaced | HQ offers every open part again, in the new queue (see below) |
//! | HQ is restored | it offers its open parts again; hubs send their events since then again |
//!
//! A restored hub that has an offered part answers with [`OrderStated`], which replaces HQ's record; one that lacks it
//! takes the offer as new.

mod check;

pub use check::BadOrder;
use commerce::{
    Actor, MAX_LINES, OrderId, Sku, Unit,
    order::{Amount, Change, Fulfilment, Order, State},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{DownKind, EventKind, Kind},
    name::{HubId, Stream},
};

/// Down: a store is offered a part of an order.
pub static OFFERED: DownKind<OrderOffered> = Kind::new("order.offered", Stream::orders());
/// Down: units are not wanted any more.
pub static CANCELLED: DownKind<OrderCancelled> = Kind::new("order.cancelled", Stream::orders());
/// Down: the goods are kept longer for the customer.
pub static EXTENDED: DownKind<OrderExtended> = Kind::new("order.extended", Stream::orders());
/// Down: the customer told the shop that they have arrived.
pub static ARRIVED: DownKind<CustomerArrived> = Kind::new("customer.arrived", Stream::orders());
/// Down: the state of an order that this store placed.
pub static TRACKED: DownKind<OrderTracked> = Kind::new("order.tracked", Stream::orders());
/// Up: a commit changed a part.
pub static ADVANCED: EventKind<OrderAdvanced> = Kind::new("order.advanced", Stream::orders());
/// Up: a part as the store has it.
pub static STATED: EventKind<OrderStated> = Kind::new("order.stated", Stream::orders());
/// Up: a register placed an order for another store.
pub static PLACED: EventKind<OrderPlaced> = Kind::new("order.placed", Stream::orders());
/// Up: an order that this store placed is not wanted any more.
pub static WITHDRAWN: EventKind<OrderWithdrawn> = Kind::new("order.withdrawn", Stream::orders());

/// The maximum number of changes of one commit: a few for each line, including substitutes.
pub const MAX_CHANGES: usize = 10 * MAX_LINES;

/// A store is offered a part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderOffered {
    /// The terms, and this store's lines with this store's quantities.
    pub order: Order,
    /// The number of the part, from 1; never reused in the order. The same part is offered again only to the same
    /// store.
    pub part: u32,
    /// When HQ made the offer: milliseconds since 1970, UTC, like all times here.
    pub offered_at_ms: i64,
    /// An offer that arrives later is rejected.
    pub answer_by_ms: i64,
    /// What HQ took from the store's quotas for this part. Lines beyond it come from stock that HQ believes to be
    /// there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(max_items = 400))]
    pub spent: Vec<QuotaSpent>,
    /// If HQ offers the part again, because the store was restored or replaced: what the store had accepted and not yet
    /// delivered. The store accepts this much whatever its stock says, and rejects the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(max_items = 400))]
    pub accepted: Vec<Amount>,
}

/// What HQ took from a quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuotaSpent {
    /// The item.
    pub sku: Sku,
    /// Its unit.
    pub unit: Unit,
    /// The epoch of the quota.
    pub epoch: u64,
    /// Thousandths of the unit, more than zero.
    pub milli: i64,
}

/// Units are not wanted any more. They are cancelled as far as they are open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderCancelled {
    /// The order.
    pub order: OrderId,
    /// The part.
    pub part: u32,
    /// The lines and quantities; none for everything that is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(max_items = 400))]
    pub amounts: Vec<Amount>,
}

/// The goods are kept longer for the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderExtended {
    /// The order.
    pub order: OrderId,
    /// The part.
    pub part: u32,
    /// The new end of the storage time.
    pub until_ms: i64,
}

/// The customer told the shop that they have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomerArrived {
    /// The order.
    pub order: OrderId,
    /// The part.
    pub part: u32,
    /// The parking bay or another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub bay: Option<String>,
}

/// The state of an order that this store placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderTracked {
    /// The order.
    pub order: OrderId,
    /// When it had this state.
    pub as_of_ms: i64,
    /// HQ's answer.
    pub answer: Tracked,
}

/// HQ's answer to an order that a store placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Tracked {
    /// Stores have it.
    Accepted {
        /// The state over all stores.
        state: State,
        /// The promised time.
        due_ms: i64,
    },
    /// HQ does not take it, or no store has the goods. Final.
    Refused {
        /// Why, for the customer; at most 120 bytes.
        why: String,
    },
}

/// A commit changed a part of an order. The first event of a part is the answer to its offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderAdvanced {
    /// The order.
    pub order: OrderId,
    /// The part.
    pub part: u32,
    /// When.
    pub at_ms: i64,
    /// Who.
    pub by: Actor,
    /// The changes, in order, without stock movements; at most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// The sale, if the goods were handed over or shipped to a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<String>,
}

/// A part as the store has it: the answer to an offer of a part that it already has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderStated {
    /// When.
    pub at_ms: i64,
    /// The part, with everything that happened before this event.
    pub fulfilment: Fulfilment,
}

/// A register placed an order for another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderPlaced {
    /// The order.
    pub order: Order,
    /// The destination.
    pub to: Destination,
    /// When it was placed.
    pub at_ms: i64,
    /// Who.
    pub by: Actor,
    /// Without an answer of HQ, it is given up at this time.
    pub answer_by_ms: i64,
}

/// The destination of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Collection at this store.
    Store(HubId),
    /// Delivery to a zone of the retailer; the address is the customer's.
    Zone(String),
}

// One object with one of two members: generators can't name the variants of an enum without a tag.
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Destination {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let text = |about: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(about)).build();
        let object = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("The destination of an order: one of these."))
            .property("store", text("Collection at this store."))
            .property("zone", text("Delivery to a zone of the retailer; the address is the customer's."))
            .min_properties(Some(1))
            .max_properties(Some(1));
        object.into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Destination {
    fn name() -> std::borrow::Cow<'static, str> {
        "OrderDestination".into()
    }
}

/// An order that this store placed is not wanted any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OrderWithdrawn {
    /// The order.
    pub order: OrderId,
    /// When.
    pub at_ms: i64,
    /// Why.
    pub why: Withdrawal,
}

/// Why an order that a store placed is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Withdrawal {
    /// HQ did not answer in time.
    Unanswered,
    /// The customer does not want it any more.
    Cancelled,
}

#[cfg(test)]
mod tests;
