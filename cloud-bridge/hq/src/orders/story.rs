//! An order with everything about it, for the API and reports: as placed, the state of its units, HQ's decisions.

use commerce::{
    OrderId,
    order::{Amount, Kind, Ordered, State, clock::Clock},
};
use contract::HubId;
use serde::Serialize;
use utoipa::ToSchema;

use super::record::{self, Part, Record};
use crate::{
    database::{Database, DatabaseError, Row, Transaction, statement::statements, values},
    routing::{Destination, Point},
};

statements! {
    /// The routing decisions of an order.
    DECISIONS = "order/decisions";
    /// Orders, oldest first.
    PAGE = "order/page";
    /// The refunds of an order.
    REFUNDS = "refund/of_order";
    /// The refunds of all orders.
    ALL_REFUNDS = "refund/page";
    /// Marks a refund as paid.
    DONE = "refund/done";
}

/// An order in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderInList {
    /// Its place in the list.
    #[serde(skip)]
    pub number: i64,
    /// The shop's order id.
    pub order: String,
    /// How the customer receives the goods.
    pub kind: String,
    /// The state over all stores.
    pub state: String,
    /// The time of the order: milliseconds since 1970, UTC.
    pub placed_at_ms: i64,
    /// The promised time.
    pub due_ms: i64,
    /// When it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// The store that placed it, if a store did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
}

/// The requested orders.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// After this place.
    pub after: i64,
    /// Only unfinished orders.
    pub is_open: bool,
    /// Only orders due before this moment.
    pub due_before_ms: Option<i64>,
    /// Only orders that this store placed or has a part of.
    pub store: Option<String>,
}

/// Orders, oldest first, at most `limit`.
///
/// # Errors
/// The database fails.
pub async fn list(database: &Database, wanted: &Wanted, limit: usize) -> Result<Vec<OrderInList>, DatabaseError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let store = wanted.store.as_deref().unwrap_or_default();
    let parameters = values![wanted.after, wanted.is_open, wanted.due_before_ms.unwrap_or(0), store, rows];
    let read = |row: Row| {
        let (number, order, kind, state, placed_at_ms, due_ms, ended_at_ms, taken_by) = row.read()?;
        Ok(OrderInList { number, order, kind, state, placed_at_ms, due_ms, ended_at_ms, taken_by })
    };
    database.read(&PAGE, parameters).await?.into_iter().map(read).collect()
}

/// An order. Quantities are in thousandths of the unit, amounts in minor units, times in milliseconds since 1970, UTC.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OrderStory)]
pub struct Story {
    /// The shop's order id.
    pub order: OrderId,
    /// How the customer receives the goods.
    pub kind: Kind,
    /// The state over all stores.
    pub state: State,
    /// Whether it is finished.
    pub is_over: bool,
    /// The store that placed it, if a store did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// The destination.
    pub to: Place,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The time of the order.
    pub placed_at_ms: i64,
    /// The promised time.
    pub due_ms: i64,
    /// When it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// The ordered lines.
    pub lines: Vec<Ordered>,
    /// The parts that were offered to stores, in any state.
    pub parts: Vec<StoryPart>,
    /// Amounts to be routed.
    pub left: Vec<Amount>,
    /// Cancelled amounts.
    pub unwanted: Vec<Amount>,
    /// Amounts that no store could deliver.
    pub unavailable: Vec<Amount>,
    /// ISO 4217.
    pub currency: String,
    /// The charge for the delivered goods.
    pub charged: i64,
    /// The refund of a prepayment for goods that were not delivered.
    pub refund: i64,
    /// The refunds, paid or due.
    pub refunds: Vec<Refund>,
}

/// The destination of an order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderPlace)]
pub enum Place {
    /// Collection at this store.
    Store(String),
    /// Delivery to a location, in degrees.
    Point(Point),
    /// Delivery to a zone.
    Zone(String),
}

impl From<&Destination> for Place {
    fn from(to: &Destination) -> Self {
        match to {
            Destination::Store(hub) => Self::Store(hub.to_string()),
            Destination::Point(point) => Self::Point(*point),
            Destination::Zone(zone) => Self::Zone(zone.clone()),
        }
    }
}

/// A part of an order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OrderStoryPart)]
pub struct StoryPart {
    /// Its number.
    pub part: u32,
    /// The store.
    pub store: String,
    /// The state, as last reported by the store.
    pub state: State,
    /// Whether the store has answered the offer.
    pub is_answered: bool,
    /// The time of the offer.
    pub offered_at_ms: i64,
    /// The deadline for the answer.
    pub answer_by_ms: i64,
    /// When HQ recalled it from the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalled_at_ms: Option<i64>,
    /// When the customer was notified that it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_at_ms: Option<i64>,
    /// Its lines.
    pub lines: Vec<StoryLine>,
    /// The carrier's tracking numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracking: Vec<String>,
    /// The sales of handed-over goods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sales: Vec<String>,
    /// The missed deadlines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breached: Vec<Clock>,
}

/// A line of a part.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OrderStoryLine)]
pub struct StoryLine {
    /// Its number.
    pub line: u32,
    /// The item.
    pub sku: String,
    /// The replaced line, if this is a substitute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u32>,
    /// The quantity in each state.
    pub units: Vec<Units>,
}

/// A quantity in a state.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OrderUnits)]
pub struct Units {
    /// The state.
    pub state: State,
    /// Thousandths of the unit.
    pub milli: i64,
}

/// A refund to a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refund {
    /// The shop's order id.
    pub order: String,
    /// Its number in the order.
    pub task: i64,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The payment's number in the shop.
    pub reference: String,
    /// Since when it is due.
    pub created_at_ms: i64,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done_at_ms: Option<i64>,
    /// The reference of the payment that refunded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_by: Option<String>,
    /// The return that it is for, such as `store-1/1-9`; absent if the goods were not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
}

/// A routing decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RoutingDecision)]
pub struct Decision {
    /// Its number in the order.
    pub decision: i64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The reason for routing.
    pub why: String,
    /// The plan: the chosen stores, the cost, and the reason against every other store.
    #[schema(value_type = Object)]
    pub plan: serde_json::Value,
}

/// An order, if it exists.
///
/// # Errors
/// The database fails.
pub async fn story(database: &Database, id: &OrderId) -> Result<Option<Story>, DatabaseError> {
    let mut snapshot = database.snapshot().await?;
    let Some(record) = record::read(&mut snapshot, id).await? else { return Ok(None) };
    let story = of(&mut snapshot, &record).await?;
    snapshot.commit().await?;
    Ok(Some(story))
}

/// An order that was read.
pub(crate) async fn of(transaction: &mut Transaction, record: &Record) -> Result<Story, DatabaseError> {
    let id = &record.order.terms.order;
    let refund = |row: Row| {
        let (task, amount, currency, reference, created_at_ms, done_at_ms, refunded_by, returned) = row.read()?;
        let order = id.to_string();
        Ok(Refund { order, task, amount, currency, reference, created_at_ms, done_at_ms, refunded_by, returned })
    };
    let refunds = transaction.query(&REFUNDS, values![record.number]).await?.into_iter().map(refund);
    let terms = &record.order.terms;
    Ok(Story {
        order: id.clone(),
        kind: terms.kind,
        state: record.state_now(),
        is_over: record.ended_at_ms.is_some(),
        taken_by: record.taken_by.as_ref().map(HubId::to_string),
        to: (&record.to).into(),
        customer: terms.customer.as_ref().map(|customer| customer.name.clone()),
        placed_at_ms: record.placed_at_ms,
        due_ms: terms.due_ms,
        ended_at_ms: record.ended_at_ms,
        lines: record.order.lines.clone(),
        parts: record.parts.iter().map(part).collect(),
        left: record.left(),
        unwanted: record.given_up.unwanted.clone(),
        unavailable: record.given_up.unavailable.clone(),
        currency: terms.currency.code().to_owned(),
        charged: record.charged().get(),
        refund: record.refund().get(),
        refunds: refunds.collect::<Result<_, DatabaseError>>()?,
    })
}

fn part(part: &Part) -> StoryPart {
    let line = |line: &commerce::order::Line| StoryLine {
        line: line.ordered.number,
        sku: line.ordered.sku.to_string(),
        instead_of: line.instead_of,
        units: line.units.iter().map(|(state, milli)| Units { state: *state, milli: *milli }).collect(),
    };
    StoryPart {
        part: part.part(),
        store: part.hub.to_string(),
        state: part.state_now(),
        is_answered: part.is_answered,
        offered_at_ms: part.offered.offered_at_ms,
        answer_by_ms: part.offered.answer_by_ms,
        recalled_at_ms: part.recalled_at_ms,
        ready_at_ms: part.fulfilment.ready_at_ms,
        lines: part.fulfilment.lines.iter().map(line).collect(),
        tracking: part.fulfilment.tracking.clone(),
        sales: part.sales.clone(),
        breached: part.fulfilment.breached.clone(),
    }
}

/// The routing decisions of an order; `None` if it does not exist.
///
/// # Errors
/// The database fails.
pub async fn decisions(database: &Database, id: &OrderId) -> Result<Option<Vec<Decision>>, DatabaseError> {
    let mut snapshot = database.snapshot().await?;
    let Some(record) = record::read(&mut snapshot, id).await? else { return Ok(None) };
    let read = |row: Row| {
        let (decision, at_ms, why, plan): (i64, i64, String, String) = row.read()?;
        Ok(Decision { decision, at_ms, why, plan: serde_json::from_str(&plan).unwrap_or_default() })
    };
    let decisions = snapshot.query(&DECISIONS, values![record.number]).await?.into_iter().map(read);
    let decisions = decisions.collect::<Result<_, DatabaseError>>()?;
    snapshot.commit().await?;
    Ok(Some(decisions))
}

/// Refunds after the given one, at most `limit`.
pub(crate) async fn refunds(
    database: &Database,
    (number, task): (i64, i64),
    only_due: bool,
    limit: usize,
) -> Result<Vec<(i64, Refund)>, DatabaseError> {
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: Row| {
        let (number, task, order, amount, currency, reference, created_at_ms, done_at_ms, refunded_by, returned) =
            row.read()?;
        let refund =
            Refund { order, task, amount, currency, reference, created_at_ms, done_at_ms, refunded_by, returned };
        Ok((number, refund))
    };
    database.read(&ALL_REFUNDS, values![number, task, only_due, rows]).await?.into_iter().map(read).collect()
}

/// Marks a refund as paid, once. `None` if it does not exist.
pub(crate) async fn refund_done(
    transaction: &mut Transaction,
    record: &Record,
    task: i64,
    refunded_by: &str,
    now_ms: i64,
) -> Result<Option<Refund>, DatabaseError> {
    transaction.execute(&DONE, values![now_ms, refunded_by, record.number, task]).await?;
    let story = of(transaction, record).await?;
    Ok(story.refunds.into_iter().find(|refund| refund.task == task))
}
