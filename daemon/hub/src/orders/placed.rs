//! Orders that registers place for other stores, and the labels of orders.

use std::sync::Arc;

use app::{
    orders::{self, PLACE, Part, Place, Placed, READ},
    printing::{PRINT_LABELS, labels::LabelJob},
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::OrderId;
use serde::Deserialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    printing::print_one,
    web::{Command, Empty, InPath, InQuery, PageAfter, Problem, Routes, reading},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .command(&PRINT_LABELS, routes!(print_label))
        .command(&PLACE, routes!(place))
        .read(&READ, routes!(list_placed))
        .read(&READ, routes!(read_placed))
        .command(&PLACE, routes!(withdraw))
}

/// A label of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderLabel {
    /// The label printer.
    #[schema(min_length = 1, max_length = 40)]
    printer: String,
    /// What it is for, such as the staging place or `carton 1 of 2`.
    #[schema(min_length = 1, max_length = 120)]
    place: String,
}

/// Print a label for a tote or a carton of an order
///
/// It has the customer's name, the order, its part and the place; the barcode is the order and its part. Queues a label
/// job with the template `pickup`.
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/labels", request_body = OrderLabel,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = LabelJob), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn print_label(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<OrderLabel>,
) -> Result<Json<LabelJob>, Problem> {
    let OrderLabel { printer, place } = &command.body;
    let fields = orders::order(&hub.store, &Part { order, part }).map(|view| {
        let terms = view.fulfilment.terms;
        let customer = terms.customer.map(|customer| customer.name).or(terms.receiver);
        let fields = [
            ("order", terms.order.to_string()),
            ("customer", customer.unwrap_or_else(|| terms.order.to_string())),
            ("place", place.clone()),
            ("parcel", format!("part {part}")),
            ("code", format!("{}#{part}", terms.order)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    });
    let printer = printer.clone();
    print_one(&hub, command, printer, "pickup", fields).await
}

/// Place an order for another store or the warehouse
///
/// It is to be confirmed until HQ answers, and given up after 24 hours without an answer.
#[utoipa::path(post, path = "/api/v1/placed-orders", request_body = Place,
    responses((status = 201, body = Placed), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn place(State(hub): State<Arc<Hub>>, command: Command<Place>) -> Result<(StatusCode, Json<Placed>), Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let placed = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, asked| {
        orders::place(transaction, by, &catalog, asked)
    });
    Ok((StatusCode::CREATED, Json(placed.await?)))
}

/// List the orders that this store placed, by id
#[utoipa::path(get, path = "/api/v1/placed-orders", params(PageAfter), responses((status = 200, body = [Placed])))]
async fn list_placed(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<PageAfter>,
) -> Result<Json<Vec<Placed>>, Problem> {
    let read = move || Ok(orders::placed_orders(&hub.store, page.after.as_deref(), page.limit())?);
    reading(read).await.map(Json)
}

/// Get an order that this store placed
#[utoipa::path(get, path = "/api/v1/placed-orders/{order}", params(("order" = OrderId, Path)),
    responses((status = 200, body = Placed), (status = 404, body = Problem)))]
async fn read_placed(State(hub): State<Arc<Hub>>, InPath(order): InPath<OrderId>) -> Result<Json<Placed>, Problem> {
    Ok(Json(orders::placed(&hub.store, &order)?))
}

/// Withdraw an order that this store placed: HQ cancels what it has
#[utoipa::path(post, path = "/api/v1/placed-orders/{order}/withdraw", request_body = Empty,
    params(("order" = OrderId, Path)),
    responses((status = 200, body = Placed), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn withdraw(
    State(hub): State<Arc<Hub>>,
    InPath(order): InPath<OrderId>,
    command: Command<Empty>,
) -> Result<Json<Placed>, Problem> {
    let withdrawn = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        orders::withdraw(transaction, by, &order)
    });
    Ok(Json(withdrawn.await?))
}
