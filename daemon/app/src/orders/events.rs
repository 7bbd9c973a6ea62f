//! What HQ hears of orders, as it was when it happened: each event is stored under its place in the stream until HQ has
//! it. The screens of pickers and registers follow the same events.

use commerce::{
    SaleId,
    order::{Change, Fulfilment},
};
use contract::order::{ADVANCED, OrderAdvanced, OrderPlaced, OrderStated, OrderWithdrawn, PLACED, STATED, WITHDRAWN};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Number, Order, Store, StoreError, Table, Transaction, outbox::Entry};

use super::records::Part;
use crate::{By, lists, outgoing};

/// Events by their place in the stream.
pub(super) static EVENTS: Table<Number, OrderEvent> = Table::new("order_event");

/// An event of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Its place in the stream.
    pub sequence: u64,
    /// What happened.
    pub what: What,
}

/// What happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A commit changed a part.
    Advanced(OrderAdvanced),
    /// HQ offered a part again.
    Stated(Box<OrderStated>),
    /// A register placed an order for another store.
    Placed(Box<OrderPlaced>),
    /// An order that a register placed is not wanted any more.
    Withdrawn(OrderWithdrawn),
}

impl OrderEvent {
    /// When it happened.
    pub fn at_ms(&self) -> i64 {
        match &self.what {
            What::Advanced(advanced) => advanced.at_ms,
            What::Stated(stated) => stated.at_ms,
            What::Placed(placed) => placed.at_ms,
            What::Withdrawn(withdrawn) => withdrawn.at_ms,
        }
    }

    /// The part of this store that changed.
    pub fn part(&self) -> Option<Part> {
        match &self.what {
            What::Advanced(advanced) => Some(Part { order: advanced.order.clone(), part: advanced.part }),
            _ => None,
        }
    }
}

fn append(transaction: &mut Transaction<'_>, kind: &'static str, at_ms: i64, what: What) -> Result<(), StoreError> {
    let stream = ADVANCED.stream().as_str();
    let sequence = transaction.next_in_outbox(stream)?;
    transaction.put(&EVENTS, sequence, &OrderEvent { sequence, what })?;
    transaction.append_to_outbox(stream, kind, at_ms, &sequence.to_string()).map(drop)
}

/// A commit changed a part.
pub(super) fn advanced(
    transaction: &mut Transaction<'_>,
    by: &By,
    part: Part,
    changes: Vec<Change>,
    sale: Option<SaleId>,
) -> Result<(), StoreError> {
    let Part { order, part } = part;
    let (at_ms, by, sale) = (by.at_ms, by.actor.clone(), sale.map(|sale| sale.to_string()));
    let advanced = OrderAdvanced { order, part, at_ms, by, changes, sale };
    append(transaction, ADVANCED.name(), at_ms, What::Advanced(advanced))
}

/// HQ offered a part that the store has.
pub(super) fn stated(transaction: &mut Transaction<'_>, at_ms: i64, fulfilment: Fulfilment) -> Result<(), StoreError> {
    append(transaction, STATED.name(), at_ms, What::Stated(Box::new(OrderStated { at_ms, fulfilment })))
}

/// A register placed an order for another store.
pub(super) fn placed(transaction: &mut Transaction<'_>, placed: OrderPlaced) -> Result<(), StoreError> {
    append(transaction, PLACED.name(), placed.at_ms, What::Placed(Box::new(placed)))
}

/// An order that a register placed is not wanted any more.
pub(super) fn withdrawn(transaction: &mut Transaction<'_>, withdrawn: OrderWithdrawn) -> Result<(), StoreError> {
    append(transaction, WITHDRAWN.name(), withdrawn.at_ms, What::Withdrawn(withdrawn))
}

/// The body of an event for HQ.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let event = store.get(&EVENTS, entry.sequence)?.ok_or_else(|| outgoing::missing("order_event", entry))?;
    match event.what {
        What::Advanced(body) => outgoing::written(&ADVANCED, &body, entry),
        What::Stated(body) => outgoing::written(&STATED, &body, entry),
        What::Placed(body) => outgoing::written(&PLACED, &body, entry),
        What::Withdrawn(body) => outgoing::written(&WITHDRAWN, &body, entry),
    }
}

/// The place of the last event of the stream, whatever it is about.
///
/// # Errors
/// The store fails.
pub fn last_event(store: &Store) -> Result<u64, StoreError> {
    Ok(store.outbox_span(ADVANCED.stream().as_str())?.last)
}

/// Events from a place on, in order. Other events of the stream are not included.
///
/// # Errors
/// The store fails.
pub fn events_from(store: &Store, sequence: u64, limit: usize) -> Result<Vec<OrderEvent>, StoreError> {
    lists::readable_page(store, &EVENTS, Some(sequence), Order::Ascending, limit)
}
