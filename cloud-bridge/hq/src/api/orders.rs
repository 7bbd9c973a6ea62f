//! Orders: place, change, cancel, track.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use commerce::{
    Currency, OrderId,
    order::{Amount, Customer, Kind as OrderKind, Order, Ordered, Payment, Terms},
};
use contract::HubId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::Command,
    extract::{InPath, InQuery, Page, limit, read_cursor},
    problem::{About, BAD_REQUEST, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    moment::now_ms,
    orders::{
        self, Change, OrderError, Refused, Why,
        record::{self, Record},
        story::{self, Decision, OrderInList, Story, Wanted},
    },
    routing::{Destination, Point},
};

/// A rule is violated.
static ORDER_INVALID: Kind = Kind::new(
    "order-invalid",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Invalid order",
    "The order or the change violates a rule; see `rule`.",
)
.about_order();
/// Unknown item.
static ITEM_UNKNOWN: Kind =
    Kind::new("item-unknown", StatusCode::UNPROCESSABLE_ENTITY, "Unknown item", "No store has this item.")
        .about_order();
/// The slot is past.
static SLOT_PAST: Kind = Kind::new(
    "slot-past",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Past slot",
    "The promised time or its pickup slot is in the past.",
)
.about_order();
/// Unknown store.
static STORE_NOT_THERE: Kind = Kind::new(
    "order-store-unknown",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Unknown store",
    "The store does not exist, or its master data is not loaded.",
)
.about_order();
/// The store is closed.
static STORE_CLOSED: Kind = Kind::new(
    "store-closed",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Store closed",
    "The store is closed at the promised time.",
)
.about_order();
/// The slot is full.
static SLOT_FULL: Kind =
    Kind::new("slot-full", StatusCode::CONFLICT, "Slot full", "The pickup slot is full; choose another one.")
        .about_order();
/// Not available.
static NOT_AVAILABLE: Kind = Kind::new(
    "not-available",
    StatusCode::CONFLICT,
    "Not available",
    "No store, or not the chosen store, can promise the whole order. `line` is the first line with too little stock.",
)
.about_order();
/// The id is in use.
static ORDER_ID_REUSED: Kind = Kind::new(
    "order-id-reused",
    StatusCode::CONFLICT,
    "Order id reused",
    "This id belongs to another order. Order ids must be unique.",
)
.about_order();
/// Too late.
static TOO_LATE: Kind = Kind::new(
    "order-too-late",
    StatusCode::CONFLICT,
    "Too late",
    "The order is finished, or less of it is open than the command needs.",
)
.about_order();
/// Unknown order.
static ORDER_UNKNOWN: Kind =
    Kind::new("order-unknown", StatusCode::NOT_FOUND, "Unknown order", "The order does not exist.").about_order();

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "orders", "Orders, from the placement to the handover")
        .read(Scope::OrdersRead, &[], routes!(list))
        .command(
            Scope::OrdersWrite,
            &[
                &ORDER_INVALID,
                &ITEM_UNKNOWN,
                &SLOT_PAST,
                &STORE_NOT_THERE,
                &STORE_CLOSED,
                &SLOT_FULL,
                &NOT_AVAILABLE,
                &ORDER_ID_REUSED,
            ],
            routes!(place),
        )
        .read(Scope::OrdersRead, &[&ORDER_UNKNOWN], routes!(read))
        .read(Scope::OrdersRead, &[&ORDER_UNKNOWN], routes!(routing))
        .command(Scope::OrdersWrite, &[&ORDER_UNKNOWN, &ORDER_INVALID, &TOO_LATE], routes!(cancel))
        .command(
            Scope::OrdersWrite,
            &[&ORDER_UNKNOWN, &ORDER_INVALID, &ITEM_UNKNOWN, &SLOT_PAST, &NOT_AVAILABLE, &TOO_LATE],
            routes!(change),
        )
        .command(Scope::OrdersWrite, &[&ORDER_UNKNOWN, &ORDER_INVALID, &TOO_LATE], routes!(arrive))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let kind = match refused.why {
            Why::Invalid => &ORDER_INVALID,
            Why::UnknownItem => &ITEM_UNKNOWN,
            Why::PastSlot => &SLOT_PAST,
            Why::UnknownStore => &STORE_NOT_THERE,
            Why::StoreClosed => &STORE_CLOSED,
            Why::SlotFull => &SLOT_FULL,
            Why::NotAvailable => &NOT_AVAILABLE,
            Why::Reused => &ORDER_ID_REUSED,
            Why::UnknownOrder => &ORDER_UNKNOWN,
            Why::TooLate => &TOO_LATE,
        };
        let about = About { order: refused.order.to_string(), line: refused.line, rule: refused.rule };
        kind.because(refused.to_string()).about(about)
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Refused(refused) => refused.into(),
            OrderError::Failed(error) => error.into_database().into(),
        }
    }
}

/// The order in the path.
pub(super) fn id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|error: commerce::InvalidId| BAD_REQUEST.because(error.to_string()))
}

/// The destination of a new order.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = NewOrderDestination)]
enum To {
    /// Collection at this store.
    Store(String),
    /// Delivery to a location, in degrees.
    Point(Point),
    /// Delivery to a zone that stores serve.
    Zone(String),
}

/// A new order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    /// The shop's order id, unique for all time. Repeating an order under its id returns the existing order.
    order: OrderId,
    /// How the customer receives the goods.
    kind: OrderKind,
    /// The destination; a transfer has a `receiver` instead.
    #[serde(default)]
    to: Option<To>,
    /// The customer; none for a transfer.
    #[serde(default)]
    customer: Option<Customer>,
    /// The store that receives a transfer.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    receiver: Option<String>,
    /// The currency of all prices.
    currency: Currency,
    /// The payment.
    payment: Payment,
    /// The promised time of readiness or arrival: milliseconds since 1970, UTC. For collected orders, it selects the
    /// pickup slot.
    due_ms: i64,
    /// The end of the storage time; by default, the store's policy.
    #[serde(default)]
    keep_until_ms: Option<i64>,
    /// The ordered lines.
    #[schema(min_items = 1, max_items = 400)]
    lines: Vec<Ordered>,
}

impl NewOrder {
    fn order(&self) -> Result<orders::NewOrder, Problem> {
        let to = match &self.to {
            Some(To::Store(store)) => Destination::Store(hub(store)?),
            Some(To::Point(point)) => Destination::Point(*point),
            Some(To::Zone(zone)) => Destination::Zone(zone.clone()),
            None if self.kind == OrderKind::Transfer => Destination::Zone(String::new()),
            None => return Err(BAD_REQUEST.because("`to`: name a `store`, a `point` or a `zone`")),
        };
        let terms = Terms {
            order: self.order.clone(),
            kind: self.kind,
            customer: self.customer.clone(),
            receiver: self.receiver.clone(),
            currency: self.currency,
            payment: self.payment.clone(),
            placed_at_ms: 0,
            due_ms: self.due_ms,
            keep_until_ms: self.keep_until_ms,
        };
        Ok(orders::NewOrder { order: Order { terms, lines: self.lines.clone() }, to, taken_by: None })
    }
}

fn hub(name: &str) -> Result<HubId, Problem> {
    name.parse().map_err(|why: String| BAD_REQUEST.because(why))
}

/// Place an order
///
/// The order is routed at once. If stores can promise all of it, they are offered their parts; otherwise it is refused.
/// `GET /api/v1/availability` lists the quantities that can be promised.
#[utoipa::path(post, path = "/api/v1/orders", request_body = NewOrder,
    responses((status = 201, body = Story, description = "The order, now or previously placed.")))]
async fn place(mut command: Command<NewOrder>) -> Result<Response, Problem> {
    let new = command.body.order()?;
    let record = orders::place::place(&mut command.transaction, new, now_ms()).await?;
    let story = story::of(&mut command.transaction, &record).await?;
    command.answer(StatusCode::CREATED, &story).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Only unfinished orders.
    #[serde(default)]
    open: bool,
    /// Only unfinished orders past their promised time.
    #[serde(default)]
    late: bool,
    /// Only orders that this store placed or has a part of.
    store: Option<String>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List orders
///
/// Oldest first.
#[utoipa::path(get, path = "/api/v1/orders", params(Asked),
    responses((status = 200, body = Page<OrderInList>, description = "A page of orders.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<OrderInList>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let wanted = Wanted {
        after: asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or(0),
        is_open: asked.open || asked.late,
        due_before_ms: asked.late.then(now_ms),
        store: asked.store,
    };
    let orders = story::list(&api.database, &wanted, limit + 1).await?;
    Ok(Json(Page::of(orders, limit, |last| last.number)))
}

/// Track an order
///
/// With the state of its units at each store, the charge and the refunds.
#[utoipa::path(get, path = "/api/v1/orders/{order}",
    params(("order" = String, Path, description = "The shop's order id.")),
    responses((status = 200, body = Story, description = "The order.")))]
async fn read(State(api): State<Arc<Api>>, InPath(order): InPath<String>) -> Result<Json<Story>, Problem> {
    let id = id(&order)?;
    Ok(Json(story::story(&api.database, &id).await?.ok_or_else(|| Refused::unknown(&id))?))
}

/// The routing decisions of an order.
#[derive(Serialize, ToSchema)]
struct Decisions {
    /// Oldest first.
    items: Vec<Decision>,
}

/// Explain the routing of an order
///
/// Each decision with its plan: the chosen stores, and the reason against every other store.
#[utoipa::path(get, path = "/api/v1/orders/{order}/routing",
    params(("order" = String, Path, description = "The shop's order id.")),
    responses((status = 200, body = Decisions, description = "The decisions.")))]
async fn routing(State(api): State<Arc<Api>>, InPath(order): InPath<String>) -> Result<Json<Decisions>, Problem> {
    let id = id(&order)?;
    let items = story::decisions(&api.database, &id).await?.ok_or_else(|| Refused::unknown(&id))?;
    Ok(Json(Decisions { items }))
}

/// A cancellation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// Lines and quantities; by default, everything that is open.
    #[serde(default)]
    #[schema(max_items = 400)]
    amounts: Vec<Amount>,
}

/// The order of a command, locked.
async fn locked<T>(command: &mut Command<T>, order: &str) -> Result<Record, Problem> {
    let id = id(order)?;
    let record = record::lock(&mut command.transaction, &id).await?;
    Ok(record.ok_or_else(|| Refused::unknown(&id))?)
}

/// Cancel an order or amounts of it
///
/// Stores are asked to cancel their units. Units that were handed over meanwhile stay sold; track the order for the
/// result. Prepaid goods that are not delivered are refunded.
#[utoipa::path(post, path = "/api/v1/orders/{order}/cancel", request_body = Cancel,
    params(("order" = String, Path, description = "The shop's order id.")),
    responses((status = 200, body = Story, description = "The order; stores may still have to answer.")))]
async fn cancel(InPath(order): InPath<String>, mut command: Command<Cancel>) -> Result<Response, Problem> {
    let record = locked(&mut command, &order).await?;
    let amounts = std::mem::take(&mut command.body.amounts);
    let record = orders::change::cancel(&mut command.transaction, record, &amounts, now_ms()).await?;
    let story = story::of(&mut command.transaction, &record).await?;
    command.answer(StatusCode::OK, &story).await
}

/// A change of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeOrder {
    /// The new end of the storage time.
    #[serde(default)]
    keep_until_ms: Option<i64>,
    /// Added lines, with new numbers. To reduce a line, cancel an amount of it.
    #[serde(default)]
    #[schema(max_items = 400)]
    add: Vec<Ordered>,
}

/// Change an order
///
/// The change is made completely or not at all.
#[utoipa::path(post, path = "/api/v1/orders/{order}/change", request_body = ChangeOrder,
    params(("order" = String, Path, description = "The shop's order id.")),
    responses((status = 200, body = Story, description = "The order.")))]
async fn change(InPath(order): InPath<String>, mut command: Command<ChangeOrder>) -> Result<Response, Problem> {
    let record = locked(&mut command, &order).await?;
    let wanted = Change { keep_until_ms: command.body.keep_until_ms, add: std::mem::take(&mut command.body.add) };
    let record = orders::change::change(&mut command.transaction, record, wanted, now_ms()).await?;
    let story = story::of(&mut command.transaction, &record).await?;
    command.answer(StatusCode::OK, &story).await
}

/// An arrival.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Arrival {
    /// The parking bay, or another place.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    bay: Option<String>,
}

/// Report the customer's arrival
///
/// A connected store is notified at once.
#[utoipa::path(post, path = "/api/v1/orders/{order}/arrive", request_body = Arrival,
    params(("order" = String, Path, description = "The shop's order id.")),
    responses((status = 200, body = Story, description = "The order.")))]
async fn arrive(InPath(order): InPath<String>, mut command: Command<Arrival>) -> Result<Response, Problem> {
    let mut record = locked(&mut command, &order).await?;
    let bay = command.body.bay.take();
    orders::change::arrive(&mut command.transaction, &mut record, bay.as_deref()).await?;
    let story = story::of(&mut command.transaction, &record).await?;
    command.answer(StatusCode::OK, &story).await
}
