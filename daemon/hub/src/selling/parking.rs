//! The routes of parked baskets.

use std::sync::Arc;

use app::selling::{self, Opened, ParkRequest, ParkedBasket};
use axum::{Json, extract::State};
use commerce::BasketId;
use store::Purpose;

use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, Problem, reading},
};

/// List parked baskets, the oldest first
///
/// Those of all registers: any of them can recall one.
#[utoipa::path(get, path = "/api/v1/baskets/parked", responses((status = 200, body = [ParkedBasket])))]
pub(super) async fn list_parked(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<ParkedBasket>>, Problem> {
    reading(move || Ok(selling::parked(&hub.store)?)).await.map(Json)
}

/// Park a basket, for any register to recall
///
/// Nothing of it may be paid. It stays the register's until it is recalled.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/park", request_body = ParkRequest, params(("id" = BasketId, Path)),
    responses((status = 200, body = ParkedBasket), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn park(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<ParkRequest>,
) -> Result<Json<ParkedBasket>, Problem> {
    let parked = command.commit(&hub.store, Purpose::Money, move |transaction, by, request| {
        selling::park(transaction, by, id, request)
    });
    Ok(Json(parked.await?))
}

/// Recall a parked basket: it is the asking register's from now on
///
/// Of two registers that recall a basket, one gets it.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/recall", request_body = Empty, params(("id" = BasketId, Path)),
    responses((status = 200, body = Opened), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn recall(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Empty>,
) -> Result<Json<Opened>, Problem> {
    let recalled = command
        .commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| selling::recall(transaction, by, id));
    Ok(Json(recalled.await?))
}
