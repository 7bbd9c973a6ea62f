//! Look-ups, and the decisions about a whole part.

#![allow(unused_qualifications)] // in what a macro makes of `params(…)`

use std::sync::Arc;

use app::orders::{self, Find, MANAGE, Part, PartView, READ};
use axum::{Json, extract::State};
use commerce::{
    OrderId,
    order::{Amount, Command as OrderCommand, Reason, State as OrderState, estimate},
};
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read(&READ, routes!(list))
        .read(&READ, routes!(look_up))
        .read(&READ, routes!(estimate_ready))
        .read(&READ, routes!(read))
        .command(&MANAGE, routes!(accept))
        .command(&MANAGE, routes!(reject))
        .command(&MANAGE, routes!(arrive))
        .command(&MANAGE, routes!(extend))
        .command(&MANAGE, routes!(cancel))
}

/// Runs a command on a part.
pub(super) async fn run<T: Send + 'static>(
    hub: &Hub,
    part: Part,
    command: Command<T>,
    make: impl FnOnce(T) -> OrderCommand + Send + 'static,
) -> Result<Json<PartView>, Problem> {
    let done = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, body| {
        orders::run(transaction, by, &part, make(body))
    });
    Ok(Json(done.await?))
}

/// Which orders are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// The state; `returning` for goods that must be put back.
    state: OrderState,
    /// The page begins after this order; with `after_part`.
    #[param(value_type = Option<String>)]
    after: Option<OrderId>,
    /// The part of `after`. Default 1.
    after_part: Option<u32>,
    /// Page size, 1 to 100. Default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// List open orders in a state, the most urgent first
#[utoipa::path(get, path = "/api/v1/orders", params(Listed),
    responses((status = 200, body = [PartView]), (status = 404, body = Problem)))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(listed): InQuery<Listed>) -> Result<Json<Vec<PartView>>, Problem> {
    let Listed { state, after, after_part, limit } = listed;
    let read = move || {
        let after = after.map(|order| Part { order, part: after_part.unwrap_or(1) });
        let after = after.map(|part| orders::order(&hub.store, &part)).transpose()?;
        Ok(orders::in_state(&hub.store, state, after.as_ref(), limit.unwrap_or(20).clamp(1, 100))?)
    };
    reading(read).await.map(Json)
}

/// How an order is looked up: by one of these.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LookUp {
    /// The pickup code, as typed or scanned.
    #[param(max_length = 64)]
    code: Option<String>,
    /// The beginning of the customer's name.
    #[param(max_length = 120)]
    name: Option<String>,
    /// The phone number, or its last digits.
    #[param(max_length = 120)]
    phone: Option<String>,
    /// The order's id.
    #[param(max_length = 40)]
    order: Option<String>,
}

/// The orders that were found.
#[derive(Serialize, ToSchema)]
struct FoundOrders {
    /// At most 50, also finished ones.
    orders: Vec<PartView>,
    /// Whether the hub is connected to HQ now. If not, HQ may have newer orders and changes.
    connected: bool,
    /// The time of this answer: milliseconds since 1970, UTC.
    as_of_ms: i64,
}

/// Look up orders by pickup code, name, phone or id
///
/// The answer has what this store knows. While it is not connected to HQ, later changes of the web shop are missing.
#[utoipa::path(get, path = "/api/v1/orders/found", params(LookUp), responses((status = 200, body = FoundOrders)))]
async fn look_up(State(hub): State<Arc<Hub>>, InQuery(look_up): InQuery<LookUp>) -> Result<Json<FoundOrders>, Problem> {
    let find = match look_up {
        LookUp { code: Some(code), name: None, phone: None, order: None } => Find::Code(code),
        LookUp { code: None, name: Some(name), phone: None, order: None } => Find::Name(name),
        LookUp { code: None, name: None, phone: Some(phone), order: None } => Find::Phone(phone),
        LookUp { code: None, name: None, phone: None, order: Some(order) } => Find::Order(order),
        _ => {
            let detail = "send exactly one of `code`, `name`, `phone` and `order`";
            return Err(app::refusal::BAD_REQUEST.because(detail).into());
        }
    };
    let connected = hub.headquarters.status().is_some_and(|status| status.borrow().connected);
    let as_of_ms = hub.now_ms();
    let orders = reading(move || Ok(orders::find(&hub.store, &find, 50)?)).await?;
    Ok(Json(FoundOrders { orders, connected, as_of_ms }))
}

/// The assumptions of an estimate.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Pickers {
    /// The number of pickers, 1 to 100. Default: those who have claims now, at least one.
    #[param(minimum = 1, maximum = 100)]
    pickers: Option<u32>,
}

/// When an order that comes now would be ready.
#[derive(Serialize, ToSchema)]
struct Estimate {
    /// The number of orders that are to be picked before it.
    queue: usize,
    /// The number of pickers.
    pickers: u32,
    /// When it would be ready: milliseconds since 1970, UTC.
    ready_at_ms: i64,
}

/// The maximum number of orders in an estimate.
const QUEUE: usize = 500;

/// Estimate when an order that comes now would be ready
#[utoipa::path(get, path = "/api/v1/orders/estimate", params(Pickers), responses((status = 200, body = Estimate)))]
async fn estimate_ready(
    State(hub): State<Arc<Hub>>,
    InQuery(asked): InQuery<Pickers>,
) -> Result<Json<Estimate>, Problem> {
    let now_ms = hub.now_ms();
    let order_ms = i64::from(hub.config.orders.order_minutes) * 60_000;
    let picks = reading(move || Ok(orders::queue_to_pick(&hub.store, QUEUE)?)).await?;
    let queue = picks.iter().map(|pick| &pick.of).collect::<std::collections::BTreeSet<_>>().len();
    let live = picks.iter().filter_map(|pick| pick.claim.as_ref()).filter(|claim| claim.until_ms > now_ms);
    let working = live.map(|claim| &claim.picker).collect::<std::collections::BTreeSet<_>>().len();
    let pickers = asked.pickers.unwrap_or(u32::try_from(working).unwrap_or(1)).clamp(1, 100);
    let ready = estimate::ready_at_ms(now_ms, &vec![order_ms; queue + 1], pickers);
    Ok(Json(Estimate { queue, pickers, ready_at_ms: ready.unwrap_or(now_ms) }))
}

/// Get this store's part of an order
#[utoipa::path(get, path = "/api/v1/orders/{order}/{part}", params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem)))]
async fn read(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
) -> Result<Json<PartView>, Problem> {
    Ok(Json(orders::order(&hub.store, &Part { order, part })?))
}

/// Accept everything that is offered
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/accept", request_body = Empty,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn accept(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Empty>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |Empty {}| OrderCommand::Accept).await
}

/// A rejection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rejection {
    /// The lines and quantities; none for everything that is offered.
    #[serde(default)]
    #[schema(max_items = 400)]
    amounts: Vec<Amount>,
    /// The reason.
    reason: Reason,
}

/// Reject what is offered, or a part of it
///
/// HQ routes it to another store.
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/reject", request_body = Rejection,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn reject(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Rejection>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |Rejection { amounts, reason }| OrderCommand::Reject { amounts, reason })
        .await
}

/// An arrival.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ArrivedAt {
    /// The parking bay or another place.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    bay: Option<String>,
}

/// Note that the customer has arrived
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/arrival", request_body = ArrivedAt,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn arrive(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<ArrivedAt>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |ArrivedAt { bay }| OrderCommand::Arrive { bay }).await
}

/// An extension.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Extension {
    /// The new deadline: milliseconds since 1970, UTC.
    until_ms: i64,
}

/// Keep the goods longer for the customer
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/extend", request_body = Extension,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn extend(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Extension>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |Extension { until_ms }| OrderCommand::Extend { until_ms }).await
}

/// A cancellation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    /// The lines and quantities; none for everything that is open.
    #[serde(default)]
    #[schema(max_items = 400)]
    amounts: Vec<Amount>,
}

/// Cancel what is open, or a part of it
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/cancel", request_body = Cancellation,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn cancel(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Cancellation>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |Cancellation { amounts }| OrderCommand::Cancel { amounts }).await
}
