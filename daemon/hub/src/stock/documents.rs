//! The routes of reservations, notices with their deliveries, and transfers.

use std::sync::Arc;

use app::stock::{
    self, Arrival, Delivery, Dispatch, DocumentOpened, MANAGE_NOTICES, MANAGE_TRANSFERS, MovementBooked, NoticeRequest,
    READ, RECEIVE, RESERVE, Received, ReserveRequest, ThisStore,
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::stock::{Notice, Reservation, Transfer};
use store::Purpose;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Page, Problem, Routes, reading},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .command(&RESERVE, routes!(reserve))
        .read(&READ, routes!(list_reservations))
        .read(&READ, routes!(read_reservation))
        .command(&RESERVE, routes!(release_reservation))
        .command(&MANAGE_NOTICES, routes!(enter_notice))
        .read(&READ, routes!(list_notices))
        .read(&READ, routes!(read_notice))
        .command(&RECEIVE, routes!(receive))
        .command(&MANAGE_NOTICES, routes!(close_notice))
        .command(&MANAGE_NOTICES, routes!(reopen_notice))
        .command(&MANAGE_TRANSFERS, routes!(dispatch))
        .read(&READ, routes!(list_transfers))
        .read(&READ, routes!(read_transfer))
        .read(&READ, routes!(read_transfer_notice))
        .command(&MANAGE_TRANSFERS, routes!(arrive))
}

/// The answer to a command that opens a document.
type Opened = Result<(StatusCode, Json<DocumentOpened>), Problem>;

/// Reserve stock
///
/// All lines or none. The requested quantities must be available to sell: on_hand less the item's safety stock.
/// Registers don't get the available quantity of an item that is being counted.
#[utoipa::path(post, path = "/api/v1/stock/reservations", request_body = ReserveRequest,
    responses((status = 201, body = DocumentOpened), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reserve(State(hub): State<Arc<Hub>>, command: Command<ReserveRequest>) -> Opened {
    let reserved = command.commit(&hub.store, Purpose::Ordinary, stock::reserve);
    Ok((StatusCode::CREATED, Json(reserved.await?)))
}

/// List reservations, newest first
#[utoipa::path(get, path = "/api/v1/stock/reservations", params(Page), responses((status = 200, body = [Reservation])))]
async fn list_reservations(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Reservation>>, Problem> {
    reading(move || Ok(stock::reservations(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get a reservation
#[utoipa::path(get, path = "/api/v1/stock/reservations/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = Reservation), (status = 404, body = Problem)))]
async fn read_reservation(State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Reservation>, Problem> {
    reading(move || stock::reservation(&hub.store, id)).await.map(Json)
}

/// Release a reservation
#[utoipa::path(post, path = "/api/v1/stock/reservations/{id}/release", request_body = Empty, params(("id" = u64, Path)),
    responses((status = 200, body = MovementBooked), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn release_reservation(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Empty>,
) -> Result<Json<MovementBooked>, Problem> {
    let released = command
        .commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| stock::release(transaction, by, id));
    Ok(Json(released.await?))
}

/// Enter a notice of a supplier or another store
///
/// A supplier's order is entered once; later goods are further deliveries. Once its notice is closed, the order may be
/// entered again. The transfer of another store is entered with the body of that store's `GET
/// /api/v1/stock/transfers/{id}/notice`, once, and only at its destination.
#[utoipa::path(post, path = "/api/v1/stock/notices", request_body = NoticeRequest,
    responses((status = 201, body = DocumentOpened), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn enter_notice(State(hub): State<Arc<Hub>>, command: Command<NoticeRequest>) -> Opened {
    let (catalog, here) = (Arc::clone(&hub.catalog.load()), hub.config.store.hub.clone());
    let entered = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        stock::enter(transaction, by, &catalog, &here, request)
    });
    Ok((StatusCode::CREATED, Json(entered.await?)))
}

/// List notices, newest first
#[utoipa::path(get, path = "/api/v1/stock/notices", params(Page), responses((status = 200, body = [Notice])))]
async fn list_notices(State(hub): State<Arc<Hub>>, InQuery(page): InQuery<Page>) -> Result<Json<Vec<Notice>>, Problem> {
    reading(move || Ok(stock::notices(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get a notice with its announced and received quantities
#[utoipa::path(get, path = "/api/v1/stock/notices/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem)))]
async fn read_notice(State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Notice>, Problem> {
    reading(move || stock::notice(&hub.store, id)).await.map(Json)
}

/// Book a delivery against a notice, which may have several
///
/// If its `delivery_note` was already booked, the delivery is refused and nothing moves.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/deliveries", request_body = Delivery,
    params(("id" = u64, Path)),
    responses((status = 200, body = Received), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn receive(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Delivery>,
) -> Result<Json<Received>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let received = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, delivery| {
        stock::receive(transaction, by, &catalog, id, delivery)
    });
    Ok(Json(received.await?))
}

/// Close a notice: nothing more will come, and differences stay on record
///
/// If more goods come after all, reopen the notice of a transfer, or enter an order again.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/close", request_body = Empty, params(("id" = u64, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn close_notice(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Empty>,
) -> Result<Json<Notice>, Problem> {
    let closed = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        stock::close_notice(transaction, by, id)
    });
    Ok(Json(closed.await?))
}

/// Reopen the notice of another store's transfer that was closed too early
///
/// For a supplier's order, enter the order again instead.
#[utoipa::path(post, path = "/api/v1/stock/notices/{id}/reopen", request_body = Empty, params(("id" = u64, Path)),
    responses((status = 200, body = Notice), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn reopen_notice(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Empty>,
) -> Result<Json<Notice>, Problem> {
    let reopened = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        stock::reopen_notice(transaction, by, id)
    });
    Ok(Json(reopened.await?))
}

/// Dispatch a transfer: its goods are in transit from now on
#[utoipa::path(post, path = "/api/v1/stock/transfers", request_body = Dispatch,
    responses((status = 201, body = DocumentOpened), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn dispatch(State(hub): State<Arc<Hub>>, command: Command<Dispatch>) -> Opened {
    let catalog = Arc::clone(&hub.catalog.load());
    let here = ThisStore { hub: hub.config.store.hub.clone(), epoch: hub.store.epoch() };
    let dispatched = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        stock::dispatch(transaction, by, &catalog, &here, request)
    });
    Ok((StatusCode::CREATED, Json(dispatched.await?)))
}

/// List transfers, newest first
#[utoipa::path(get, path = "/api/v1/stock/transfers", params(Page), responses((status = 200, body = [Transfer])))]
async fn list_transfers(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Transfer>>, Problem> {
    reading(move || Ok(stock::transfers(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get a transfer with its sent and arrived quantities
#[utoipa::path(get, path = "/api/v1/stock/transfers/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = Transfer), (status = 404, body = Problem)))]
async fn read_transfer(State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<Transfer>, Problem> {
    reading(move || stock::transfer(&hub.store, id)).await.map(Json)
}

/// Get a transfer's notice for the other store: the body of its `POST /api/v1/stock/notices`
#[utoipa::path(get, path = "/api/v1/stock/transfers/{id}/notice", params(("id" = u64, Path)),
    responses((status = 200, body = NoticeRequest), (status = 404, body = Problem)))]
async fn read_transfer_notice(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
) -> Result<Json<NoticeRequest>, Problem> {
    reading(move || stock::notice_for_receiver(&hub.store, &hub.config.store.hub, id)).await.map(Json)
}

/// Confirm the arrival of a transfer: its goods are no longer in transit, and missing goods become a shortfall
#[utoipa::path(post, path = "/api/v1/stock/transfers/{id}/arrival", request_body = Arrival, params(("id" = u64, Path)),
    responses((status = 200, body = Transfer), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn arrive(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Arrival>,
) -> Result<Json<Transfer>, Problem> {
    let here = hub.config.store.hub.clone();
    let arrived = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, arrival| {
        stock::arrive(transaction, by, &here, id, arrival)
    });
    Ok(Json(arrived.await?))
}
