//! The routes of recalls.

use std::sync::Arc;

use app::recalls::{self, READ, RECALL, Recall, RecallRequest};
use axum::{Json, extract::State, http::StatusCode};
use commerce::Sku;
use store::Purpose;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("recalls", "Recalls of items and batches", &["recalls"])
        .read(&READ, routes!(list))
        .command(&RECALL, routes!(recall))
        .command(&RECALL, routes!(end))
}

/// List the recalls in force
#[utoipa::path(get, path = "/api/v1/recalls", responses((status = 200, body = [Recall])))]
async fn list(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<Recall>>, Problem> {
    Ok(Json(reading(move || Ok(recalls::list(&hub.store)?)).await?))
}

/// Recall an item, or some of its batches
///
/// It counts from the answer on, for every line that is added. An earlier recall of the item is replaced. Recorded in
/// the audit trail.
#[utoipa::path(post, path = "/api/v1/items/{sku}/recall", request_body = RecallRequest, params(("sku" = Sku, Path)),
    responses((status = 200, body = Recall)))]
async fn recall(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<RecallRequest>,
) -> Result<Json<Recall>, Problem> {
    let recalled = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        recalls::recall(transaction, by, &sku, request)
    });
    Ok(Json(recalled.await?))
}

/// End the recall of an item
#[utoipa::path(post, path = "/api/v1/items/{sku}/recall/end", request_body = Empty, params(("sku" = Sku, Path)),
    responses((status = 204, description = "The item may be sold")))]
async fn end(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<Empty>,
) -> Result<StatusCode, Problem> {
    let ended = command
        .commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| recalls::end(transaction, by, &sku));
    ended.await?;
    Ok(StatusCode::NO_CONTENT)
}
