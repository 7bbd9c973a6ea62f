//! The routes of cycle counts.

use std::sync::Arc;

use app::{
    selling,
    stock::{
        self, BlindCount, CountProgress, CountedItem, CountedItems, CountedQuantities, DECIDE_COUNTS, Decisions,
        DocumentOpened, MANAGE_COUNTS, MovementBooked, OpenCount, READ, TALLY,
    },
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::stock::Sums;
use store::{Purpose, StoreError};
use utoipa_axum::routes;

use super::{BASKET_WALKS, LONG_WALKS, reading_alone};
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Page, Problem, Routes, reading},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .command(&MANAGE_COUNTS, routes!(open_count))
        .read(&READ, routes!(list_counts))
        .read(&READ, routes!(read_count))
        .command(&TALLY, routes!(tally))
        .read(&DECIDE_COUNTS, routes!(list_variances))
        .command(&DECIDE_COUNTS, routes!(decide))
        .command(&MANAGE_COUNTS, routes!(close_count))
}

/// Open a count of items
///
/// An item can be in only one open count, by one unit. To clear a position in a unit by which the item is no longer
/// sold, list it in `positions`.
#[utoipa::path(post, path = "/api/v1/stock/counts", request_body = OpenCount,
    responses((status = 201, body = DocumentOpened), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn open_count(
    State(hub): State<Arc<Hub>>,
    command: Command<OpenCount>,
) -> Result<(StatusCode, Json<DocumentOpened>), Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let opened = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        stock::open_count(transaction, by, &catalog, request)
    });
    Ok((StatusCode::CREATED, Json(opened.await?)))
}

/// List counts, newest first
#[utoipa::path(get, path = "/api/v1/stock/counts", params(Page), responses((status = 200, body = [BlindCount])))]
async fn list_counts(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<BlindCount>>, Problem> {
    reading(move || Ok(stock::counts(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Get a count without quantities
#[utoipa::path(get, path = "/api/v1/stock/counts/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = BlindCount), (status = 404, body = Problem)))]
async fn read_count(State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<BlindCount>, Problem> {
    reading(move || stock::count(&hub.store, id)).await.map(Json)
}

/// Record counted quantities
///
/// Sales continue meanwhile: each quantity is compared with the stock on hand at the moment when it was counted. That
/// is the arrival of this request, unless `counted_at_ms` is given. A command that is stored before it is sent, or
/// repeated after a 503 or a lost answer, must send `counted_at_ms`. A recount replaces the earlier quantity until that
/// is approved.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/quantities", request_body = CountedQuantities,
    params(("id" = u64, Path)),
    responses((status = 200, body = CountProgress), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tally(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<CountedQuantities>,
) -> Result<Json<CountProgress>, Problem> {
    // A repeat only needs its answer, whatever the clock shows and whatever can't be read by now.
    let is_repeat = hub.store.is_answered(&command.key)?;
    let gathered = if is_repeat { None } else { Some(gather(&hub, id, &command).await?) };
    let noted = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        // The first answer has just been deleted: the register repeats the request.
        let (counted, baskets) = gathered.ok_or(StoreError::Busy)?;
        stock::tally(transaction, by, id, counted, &baskets)
    });
    Ok(Json(noted.await?))
}

/// Collects what a tally needs before its commit: the movements since the items were counted, and the stock in open
/// baskets.
async fn gather(
    hub: &Arc<Hub>,
    id: u64,
    command: &Command<CountedQuantities>,
) -> Result<(CountedItems, Sums), Problem> {
    let (store, quantities, at_ms) = (Arc::clone(&hub.store), command.body.clone(), command.by.at_ms);
    let mut counted = reading(move || CountedItems::of(&store, id, &quantities, at_ms)).await?;
    // First, to be as close to the moment as possible.
    let baskets = in_open_baskets(hub).await?;
    let store = Arc::clone(&hub.store);
    // The newest movements usually suffice, and such requests need not wait.
    let (counted, is_whole) = reading(move || {
        let is_whole = counted.look_back(&store)?;
        Ok((counted, is_whole))
    })
    .await?;
    Ok((if is_whole { counted } else { look_back_wholly(hub, counted).await? }, baskets))
}

async fn look_back_wholly(hub: &Arc<Hub>, mut counted: CountedItems) -> Result<CountedItems, Problem> {
    let store = Arc::clone(&hub.store);
    reading_alone(&LONG_WALKS, move || {
        counted.look_back_wholly(&store)?;
        Ok(counted)
    })
    .await
}

async fn in_open_baskets(hub: &Arc<Hub>) -> Result<Sums, Problem> {
    let store = Arc::clone(&hub.store);
    reading_alone(&BASKET_WALKS, move || Ok(selling::in_open_baskets(&store)?)).await
}

/// List a count's variances, for whoever decides
///
/// Missing goods may have been in customers' baskets when the item was counted (`in_baskets_when_counted`), and sold
/// since: not a variance, but goods that were off the shelf and still in the books. Goods in baskets now
/// (`in_baskets_now`) are off the shelf for a recount. Neither includes baskets that a register keeps to itself until
/// it sells, or goods that customers carry and have not scanned yet.
#[utoipa::path(get, path = "/api/v1/stock/counts/{id}/variances", params(("id" = u64, Path)),
    responses((status = 200, body = [CountedItem]), (status = 404, body = Problem)))]
async fn list_variances(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
) -> Result<Json<Vec<CountedItem>>, Problem> {
    let baskets = in_open_baskets(&hub).await?;
    reading(move || stock::variances(&hub.store, id, &baskets)).await.map(Json)
}

/// Approve or reject variances
///
/// Each line names the variance that was read. If an item has been recounted with a different variance, nothing is
/// decided: read the variances again. Approval books the variance; the last approval closes the count. The audit trail
/// records every decision. A correction is refused if it would take an item below zero that may not go there, because
/// more was sold since than was counted: count the item again.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/decisions", request_body = Decisions, params(("id" = u64, Path)),
    responses((status = 200, body = MovementBooked), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn decide(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Decisions>,
) -> Result<Json<MovementBooked>, Problem> {
    let decided = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, decisions| {
        stock::decide(transaction, by, id, &decisions)
    });
    Ok(Json(decided.await?))
}

/// Close a count; variances without a decision are not booked
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/close", request_body = Empty, params(("id" = u64, Path)),
    responses((status = 200, body = DocumentOpened), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn close_count(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<Empty>,
) -> Result<Json<DocumentOpened>, Problem> {
    let closed = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        stock::close_count(transaction, by, id)
    });
    Ok(Json(closed.await?))
}
