//! The routes of positions, movements, policies and reordering.

use std::sync::Arc;

use app::stock::{
    self, GoodsNote, MovementBooked, NOTE_GOODS, PolicyRequest, PolicySet, PolicyView, PositionView, READ, READ_LEDGER,
    READ_REORDER, SET_POLICIES,
};
use axum::{Json, extract::State};
use commerce::{
    Sku,
    stock::{Movement, Suggestion},
};
use store::Purpose;
use utoipa_axum::routes;

use super::{LONG_WALKS, reading_alone};
use crate::{
    hub::Hub,
    web::{Asker, Command, InPath, InQuery, Page, PageAfter, Problem, Routes, reading},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read(&READ_LEDGER, routes!(list))
        .read(&READ, routes!(read))
        .command(&NOTE_GOODS, routes!(note_goods))
        .read(&READ_LEDGER, routes!(list_movements))
        .command(&SET_POLICIES, routes!(set_policy))
        .read(&READ, routes!(read_policy))
        .read(&READ_REORDER, routes!(reorder))
}

/// List all positions
#[utoipa::path(get, path = "/api/v1/stock/positions", params(PageAfter),
    responses((status = 200, body = [PositionView])))]
async fn list(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<PageAfter>,
) -> Result<Json<Vec<PositionView>>, Problem> {
    let read = move || Ok(stock::positions(&hub.store, page.after.as_deref(), page.limit())?);
    reading(read).await.map(Json)
}

/// Get the positions of an item, one for each unit in which it was ever stocked
///
/// Registers don't see them while the item is being counted, because whoever counts must not know them.
#[utoipa::path(get, path = "/api/v1/stock/positions/{sku}", params(("sku" = Sku, Path)),
    responses((status = 200, body = [PositionView]), (status = 409, body = Problem)))]
async fn read(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
) -> Result<Json<Vec<PositionView>>, Problem> {
    reading(move || stock::positions_of(&hub.store, &actor, &sku)).await.map(Json)
}

/// Book an event of goods: return, damage, quarantine, clearance or write-off
#[utoipa::path(post, path = "/api/v1/stock/movements", request_body = GoodsNote,
    responses((status = 200, body = MovementBooked), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn note_goods(State(hub): State<Arc<Hub>>, command: Command<GoodsNote>) -> Result<Json<MovementBooked>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let noted = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, note| {
        stock::note_goods(transaction, by, &catalog, note)
    });
    Ok(Json(noted.await?))
}

/// List movements, newest first
#[utoipa::path(get, path = "/api/v1/stock/movements", params(Page), responses((status = 200, body = [Movement])))]
async fn list_movements(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<Page>,
) -> Result<Json<Vec<Movement>>, Problem> {
    reading(move || Ok(stock::movements(&hub.store, page.before, page.limit())?)).await.map(Json)
}

/// Set an item's stock policy
///
/// The policy applies from the next basket on; a basket that is being paid is sold under its old policy. Recorded in
/// the audit trail.
#[utoipa::path(post, path = "/api/v1/stock/policies/{sku}", request_body = PolicyRequest, params(("sku" = Sku, Path)),
    responses((status = 200, body = PolicySet), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set_policy(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<PolicyRequest>,
) -> Result<Json<PolicySet>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let set = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        stock::set_policy(transaction, by, &catalog, &sku, &request)
    });
    Ok(Json(set.await?))
}

/// Get an item's stock policy
#[utoipa::path(get, path = "/api/v1/stock/policies/{sku}", params(("sku" = Sku, Path)),
    responses((status = 200, body = PolicyView), (status = 404, body = Problem)))]
async fn read_policy(State(hub): State<Arc<Hub>>, InPath(sku): InPath<Sku>) -> Result<Json<PolicyView>, Problem> {
    reading(move || stock::policy(&hub.store, &hub.catalog.load(), &sku)).await.map(Json)
}

/// List what to order: items at or below their reorder point
///
/// Demand is sold less returned quantities of the last 28 days. The reorder point is the demand over the lead time plus
/// the safety stock. It is compared with the stock on hand plus announced quantities that have not arrived; stock that
/// is reserved, quarantined, damaged or in transit does not count. An item that is now sold in another unit than its
/// policy's is listed with `sold_by` and nothing to order: its policy must be set again.
#[utoipa::path(get, path = "/api/v1/stock/reorder", params(PageAfter), responses((status = 200, body = [Suggestion])))]
async fn reorder(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<PageAfter>,
) -> Result<Json<Vec<Suggestion>>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let suggested = reading_alone(&LONG_WALKS, move || {
        let limit = page.limit();
        Ok(stock::suggestions(&hub.store, &catalog, hub.now_ms(), page.after, limit)?)
    });
    suggested.await.map(Json)
}
