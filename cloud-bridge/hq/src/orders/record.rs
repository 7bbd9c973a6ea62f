//! An order at HQ: as placed, with HQ's decisions and the state of each part.

use std::collections::BTreeMap;

use commerce::{
    OrderId,
    order::{Amount, Facts, Fulfilment, Order, Policy, State, offer},
    stock::{Place, Sums},
};
use contract::{
    HubId,
    kind::{Body, DownKind},
    order::OrderOffered,
};
use serde::{Deserialize, Serialize};

use super::{
    fold::{self, Told},
    offer,
};
use crate::{
    database::{DatabaseError, Lock, Row, Transaction, Value, statement::statements, values},
    down::Outgoing,
    routing::Destination,
};

statements! {
    /// A new order; no effect if the id exists.
    INSERT = "order/insert";
    /// An order, locked until the transaction ends.
    LOCK = "order/lock" + postgres;
    /// An order.
    READ = "order/read";
    /// HQ's decisions about an order.
    UPDATE = "order/update";
    /// The parts of an order.
    PARTS = "order/parts";
    /// A new part.
    INSERT_PART = "order/insert_part";
    /// HQ's decisions about a part, and its state.
    UPDATE_PART = "order/update_part";
    /// The stores' events of an order, by part, in order.
    PROGRESS = "order/progress";
}

/// Amounts that are not routed any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenUp {
    /// Cancelled by the customer.
    #[serde(default)]
    pub(crate) unwanted: Vec<Amount>,
    /// Not available at any store.
    #[serde(default)]
    pub(crate) unavailable: Vec<Amount>,
}

/// The amount of a line among amounts.
pub(crate) fn of(amounts: &[Amount], line: u32) -> i64 {
    amounts.iter().filter(|amount| amount.line == line).map(|amount| amount.milli).sum()
}

/// Adds an amount.
pub(crate) fn add(amounts: &mut Vec<Amount>, more: Amount) {
    match amounts.iter_mut().find(|amount| amount.line == more.line) {
        Some(amount) => amount.milli = amount.milli.saturating_add(more.milli),
        None => amounts.push(more),
    }
}

/// An order.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: i64,
    pub(crate) order: Order,
    pub(crate) to: Destination,
    /// The store that placed it, if a store did.
    pub(crate) taken_by: Option<HubId>,
    pub(crate) digest: Vec<u8>,
    pub(crate) given_up: GivenUp,
    /// The stored state.
    pub(crate) state: State,
    pub(crate) placed_at_ms: i64,
    pub(crate) ended_at_ms: Option<i64>,
    /// Its pickup slot.
    pub(crate) slot: Option<(HubId, i64)>,
    /// The number of its events in the feed.
    pub(crate) events: u64,
    pub(crate) parts: Vec<Part>,
    /// The highest part number, including those that only stores know, after HQ was restored from a backup.
    pub(crate) last_part: u32,
    /// Items for hubs, which are sent when the order is settled: queues are locked last.
    pub(super) outgoing: Vec<(HubId, Outgoing)>,
}

/// How a part differs from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsaved {
    /// It has no row.
    New,
    /// It was changed.
    Changed,
}

/// A part of an order.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) hub: HubId,
    /// The offer as sent last.
    pub(crate) offered: OrderOffered,
    /// The number of the queue that the offer went into; none if it is still to be sent.
    pub(crate) queue: Option<u64>,
    /// How it differs from its row, if it does.
    pub(super) unsaved: Option<Unsaved>,
    /// When HQ recalled it.
    pub(crate) recalled_at_ms: Option<i64>,
    /// The stored state.
    pub(crate) state: State,
    /// Its state.
    pub(crate) fulfilment: Fulfilment,
    /// Its sales.
    pub(crate) sales: Vec<String>,
    /// Whether the store has answered the offer.
    pub(crate) is_answered: bool,
    /// Why an event of the store does not fit.
    pub(crate) contradiction: Option<String>,
}

impl Part {
    /// Its number.
    pub(crate) fn part(&self) -> u32 {
        self.offered.part
    }

    /// Has it written when the order is settled.
    pub(super) fn is_changed(&mut self) {
        self.unsaved = self.unsaved.or(Some(Unsaved::Changed));
    }

    /// The state derived from its units.
    pub(crate) fn state_now(&self) -> State {
        self.fulfilment.state().unwrap_or(State::Offered)
    }
}

/// An offered part, the same record as at the store: all its units are offered.
///
/// # Errors
/// The lines can't be offered.
pub(crate) fn as_offered(offered: &OrderOffered) -> Result<Fulfilment, String> {
    let amounts: Vec<_> =
        offered.order.lines.iter().map(|line| Amount { line: line.number, milli: line.quantity.milli() }).collect();
    let places = offered.order.lines.iter().map(|line| (line.place(), i64::MAX / 2));
    let available: Sums = places.collect::<BTreeMap<Place, i64>>().into_iter().collect();
    let facts = Facts { now_ms: offered.offered_at_ms, policy: &Policy { auto_accept: false, ..Policy::default() } };
    let offered = offer(&offered.order, offered.part, &amounts, &available, facts);
    offered.map(|(fulfilment, _)| fulfilment).map_err(|error| error.to_string())
}

/// A new order.
pub(super) struct New<'a> {
    pub(super) order: &'a Order,
    pub(super) to: &'a Destination,
    pub(super) taken_by: Option<&'a HubId>,
    pub(super) digest: &'a [u8],
}

/// Stores a new order, without a slot and parts; false if the id exists.
pub(super) async fn insert(transaction: &mut Transaction, new: &New<'_>) -> Result<bool, DatabaseError> {
    let terms = &new.order.terms;
    let row = values![
        String::from(terms.order.clone()),
        new.taken_by.map(HubId::as_str),
        terms.kind.name(),
        new.digest,
        json(new.order),
        json(new.to),
        json(&GivenUp::default()),
        State::Offered.name(),
        terms.placed_at_ms,
        terms.due_ms,
    ];
    Ok(transaction.execute(&INSERT, row).await? == 1)
}

fn json(value: &impl Serialize) -> String {
    // Structs of texts, numbers and lists can be serialized.
    serde_json::to_string(value).unwrap_or_default()
}

/// An order with its parts, locked until the transaction ends.
pub(crate) async fn lock(transaction: &mut Transaction, id: &OrderId) -> Result<Option<Record>, DatabaseError> {
    transaction.lock(Lock::Order(id.to_string()));
    load(transaction, id, &LOCK).await
}

/// An order with its parts.
pub(crate) async fn read(transaction: &mut Transaction, id: &OrderId) -> Result<Option<Record>, DatabaseError> {
    load(transaction, id, &READ).await
}

async fn load(
    transaction: &mut Transaction,
    id: &OrderId,
    statement: &'static crate::database::Statement,
) -> Result<Option<Record>, DatabaseError> {
    let id = id.to_string();
    let Some(row) = transaction.query(statement, values![&id]).await?.pop() else { return Ok(None) };
    let mut record = record(row)?;
    let mut told: BTreeMap<u32, Vec<Told>> = BTreeMap::new();
    for row in transaction.query(&PROGRESS, values![id]).await? {
        let (part, hub, epoch, kind, body): (u64, String, u64, String, String) = row.read()?;
        let part = u32::try_from(part).unwrap_or(u32::MAX);
        told.entry(part).or_default().push(Told { hub, epoch, kind, body });
    }
    for row in transaction.query(&PARTS, values![record.number]).await? {
        type Columns = (u64, String, String, u64, Option<i64>, String, bool);
        let (number, hub, body, queue, recalled_at_ms, state, is_refused): Columns = row.read()?;
        let offered: OrderOffered = from_json("an offer", &body)?;
        let fulfilment = as_offered(&offered).map_err(|error| bad("an offer", error))?;
        let mut part = Part {
            hub: hub.parse().map_err(|found| bad("a hub", found))?,
            offered,
            queue: Some(queue),
            unsaved: None,
            recalled_at_ms,
            state: self::state(&state)?,
            fulfilment,
            sales: Vec::new(),
            is_answered: false,
            contradiction: None,
        };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        fold::fold(&mut part, told.get(&number).map_or(&[], Vec::as_slice));
        if is_refused && !part.is_answered {
            fold::reject(&mut part);
        }
        record.parts.push(part);
    }
    let parts = record.parts.iter().map(Part::part);
    record.last_part = parts.chain(told.into_keys()).max().unwrap_or(0);
    Ok(Some(record))
}

fn record(row: Row) -> Result<Record, DatabaseError> {
    type Columns = (
        i64,
        Option<String>,
        Vec<u8>,
        String,
        String,
        String,
        String,
        i64,
        Option<i64>,
        Option<String>,
        Option<i64>,
        u64,
    );
    let columns: Columns = row.read()?;
    let (number, taken_by, digest, body, to, given_up, state, placed_at_ms, ended_at_ms, slot_hub, slot_ms, events) =
        columns;
    let hub = |name: String| name.parse().map_err(|found| bad("a hub", found));
    let slot = slot_hub.map(hub).transpose()?.zip(slot_ms);
    Ok(Record {
        number,
        order: from_json("an order", &body)?,
        to: from_json("a destination", &to)?,
        taken_by: taken_by.map(hub).transpose()?,
        digest,
        given_up: from_json("amounts", &given_up)?,
        state: self::state(&state)?,
        placed_at_ms,
        ended_at_ms,
        slot,
        events,
        parts: Vec::new(),
        last_part: 0,
        outgoing: Vec::new(),
    })
}

fn bad(expected: &'static str, found: String) -> DatabaseError {
    DatabaseError::Column { column: 0, expected, found }
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, DatabaseError> {
    serde_json::from_str(text).map_err(|error| bad(what, error.to_string()))
}

/// A state by its name.
pub(crate) fn state(name: &str) -> Result<State, DatabaseError> {
    State::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| bad("a state", name.to_owned()))
}

impl Record {
    /// Sends an item to a hub when the order is settled.
    pub(super) fn send<B: Body>(&mut self, hub: &HubId, kind: &DownKind<B>, body: &B) -> Result<(), DatabaseError> {
        self.outgoing.push((hub.clone(), offer::item(kind, body)?));
        Ok(())
    }

    /// Stores HQ's decisions about the order, and its next deadline.
    pub(super) async fn update(
        &self,
        transaction: &mut Transaction,
        attention_at_ms: Option<i64>,
    ) -> Result<(), DatabaseError> {
        let row = values![
            json(&self.order),
            json(&self.given_up),
            self.state.name(),
            self.ended_at_ms,
            self.slot.as_ref().map(|(hub, _)| hub.as_str()),
            self.slot.as_ref().map(|(_, from_ms)| *from_ms),
            Value::unsigned("events", self.events)?,
            attention_at_ms,
            self.number,
        ];
        transaction.execute(&UPDATE, row).await.map(drop)
    }

    /// Stores new parts, and HQ's decisions about the others with their states.
    pub(super) async fn save_parts(&mut self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        for part in &mut self.parts {
            let (offered, state) = (json(&part.offered), part.state.name());
            let queue = Value::unsigned("queue", part.queue.unwrap_or_default())?;
            match part.unsaved.take() {
                None => {}
                Some(Unsaved::New) => {
                    let row = values![self.number, part.part(), part.hub.as_str(), offered, queue, state];
                    transaction.execute(&INSERT_PART, row).await?;
                }
                Some(Unsaved::Changed) => {
                    let is_open = part.fulfilment.is_open();
                    let (recalled_at_ms, number) = (part.recalled_at_ms, part.part());
                    let row = values![offered, queue, recalled_at_ms, state, is_open, self.number, number];
                    transaction.execute(&UPDATE_PART, row).await?;
                }
            }
        }
        Ok(())
    }
}
