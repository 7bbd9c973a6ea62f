//! Cycle counts.

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

/// Adds these routes.
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

/// Open a count of some items
///
/// An item is in one open count only, by one unit. What is left of a unit by which it is sold no longer is counted out:
/// name it in `positions`.
#[utoipa::path(post, path = "/api/v1/stock/counts", request_body = OpenCount,
    responses((status = 201, body = DocumentOpened), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
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

/// Counts, newest first
#[utoipa::path(get, path = "/api/v1/stock/counts", params(Page), responses((status = 200, body = [BlindCount])))]
async fn list_counts(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<BlindCount>>, Problem> {
    reading(move || Ok(stock::counts(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// A count, blind: what is to be counted
#[utoipa::path(get, path = "/api/v1/stock/counts/{id}", params(("id" = u64, Path)),
    responses((status = 200, body = BlindCount), (status = 404, body = Problem)))]
async fn read_count(State(hub): State<Arc<Hub>>, InPath(id): InPath<u64>) -> Result<Json<BlindCount>, Problem> {
    reading(move || stock::count(&hub.store, id)).await.map(Json)
}

/// Note what was counted
///
/// Selling goes on meanwhile: each quantity is compared with what was on hand at its moment. That is the arrival of
/// this request unless `counted_at_ms` says otherwise: a command that is kept before it is sent, or repeated after a
/// 503 or no answer, must carry it. An item counted again replaces what was counted before, until it is approved.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/quantities", request_body = CountedQuantities, params(("id" = u64, Path)),
    responses((status = 200, body = CountProgress), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tally(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<u64>,
    command: Command<CountedQuantities>,
) -> Result<Json<CountProgress>, Problem> {
    // A repeat needs its answer alone: whatever the clock says by now, and whatever can't be read of what was.
    let is_repeat = hub.store.is_answered(&command.key)?;
    let gathered = if is_repeat { None } else { Some(gather(&hub, id, &command).await?) };
    let noted = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        // The first answer was forgotten this very moment: the register asks again.
        let (counted, baskets) = gathered.ok_or(StoreError::Busy)?;
        stock::tally(transaction, by, id, counted, &baskets)
    });
    Ok(Json(noted.await?))
}

/// What a tally needs to know, gathered before its commit: what moved since the items were counted, and what lies in
/// open baskets.
async fn gather(
    hub: &Arc<Hub>,
    id: u64,
    command: &Command<CountedQuantities>,
) -> Result<(CountedItems, Sums), Problem> {
    let (store, quantities, at_ms) = (Arc::clone(&hub.store), command.body.clone(), command.by.at_ms);
    let mut counted = reading(move || CountedItems::of(&store, id, &quantities, at_ms)).await?;
    // First, as near to the moment as can be.
    let baskets = in_open_baskets(hub).await?;
    let store = Arc::clone(&hub.store);
    // Usually the newest movements tell all; whoever needs no more waits for nobody.
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

/// A count's variances, for whoever decides
///
/// What is missing may have lain in customers' baskets when it was counted (`in_baskets_when_counted`), and be sold
/// since: no variance then, but goods that were not on the shelf and still in the books. What lies in baskets now
/// (`in_baskets_now`) is off the shelf for who counts again. Neither knows of baskets that a register keeps to itself
/// until it sells, nor of what customers carry that is not scanned yet.
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
/// Each line names the variance that was read; of an item that was counted again since, with another, nothing is
/// decided, nor of the others: read again. What is approved moves as a delta. With its last approval the count is
/// closed. The audit trail has every decision. A correction that would take an item below zero that may not go there is
/// refused: more was sold since than was counted, so count it again.
#[utoipa::path(post, path = "/api/v1/stock/counts/{id}/decisions", request_body = Decisions, params(("id" = u64, Path)),
    responses((status = 200, body = MovementBooked), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
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

/// Close a count; what is not decided is left as it is
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
