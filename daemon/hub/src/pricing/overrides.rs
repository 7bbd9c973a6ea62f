//! The routes of prices that the store sets itself.

use std::sync::Arc;

use app::pricing::{self, Override, OverrideRequest};
use axum::{Json, extract::State};
use commerce::Sku;
use store::Purpose;

use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, Problem, reading},
};

/// List the prices that the store set
#[utoipa::path(get, path = "/api/v1/prices/overrides", responses((status = 200, body = [Override])))]
pub(super) async fn overrides(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<Override>>, Problem> {
    reading(move || Ok(pricing::overrides(&hub.store)?)).await.map(Json)
}

/// Replace the price of an item in this store
///
/// It replaces all prices of the book until its end, for everybody, and counts from the next change of a basket on. The
/// audit trail records it.
#[utoipa::path(post, path = "/api/v1/prices/overrides/{sku}", request_body = OverrideRequest,
    params(("sku" = Sku, Path)),
    responses((status = 200, body = Override), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn set_override(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<OverrideRequest>,
) -> Result<Json<Override>, Problem> {
    let set = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, request| {
        pricing::set_override(transaction, by, sku, request)
    });
    Ok(Json(set.await?))
}

/// Let the price of the book count again
#[utoipa::path(post, path = "/api/v1/prices/overrides/{sku}/remove", request_body = Empty, params(("sku" = Sku, Path)),
    responses((status = 200, body = Override), (status = 404, body = Problem)))]
pub(super) async fn remove_override(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<Empty>,
) -> Result<Json<Override>, Problem> {
    let removed = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| {
        pricing::remove_override(transaction, by, sku)
    });
    Ok(Json(removed.await?))
}
