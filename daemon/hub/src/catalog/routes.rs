//! Items: look up, load.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{Item, Sku};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::InPath,
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command},
};

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(by_gtin)).routes(routes!(by_sku)).routes(routes!(load))
}

/// Items to load.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Load {
    /// At most 2,000 in a request.
    items: Vec<Item>,
}

/// What was loaded.
#[derive(Serialize, ToSchema)]
struct Loaded {
    /// Items of this request.
    loaded: usize,
    /// Items in the catalog now.
    items: usize,
}

/// An item by its barcode
#[utoipa::path(get, path = "/api/v1/items/gtin/{gtin}", tag = "items", params(("gtin" = String, Path)),
    responses((status = 200, body = Item), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn by_gtin(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(gtin): InPath<String>,
) -> Result<Json<Arc<Item>>, Problem> {
    let gtin = gtin.parse().map_err(Problem::bad_request)?;
    let catalog = hub.catalog.load();
    catalog
        .gtin(gtin)
        .cloned()
        .map(Json)
        .ok_or_else(|| Problem::not_found("item", format!("no item has the GTIN {gtin}")))
}

/// An item by the retailer's number
#[utoipa::path(get, path = "/api/v1/items/{sku}", tag = "items", params(("sku" = String, Path)),
    responses((status = 200, body = Item), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn by_sku(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<String>,
) -> Result<Json<Arc<Item>>, Problem> {
    let sku: Sku = sku.parse().map_err(Problem::bad_request)?;
    let catalog = hub.catalog.load();
    catalog.sku(&sku).cloned().map(Json).ok_or_else(|| Problem::not_found("item", format!("no item has the SKU {sku}")))
}

/// Load items, new or changed
#[utoipa::path(post, path = "/api/v1/items", tag = "items", request_body = Load, params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Loaded), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn load(State(hub): State<Arc<Hub>>, command: Command<Load>) -> Result<Json<Loaded>, Problem> {
    if command.caller != Caller::Console {
        return Err(Problem::forbidden("only a person at the console may load items"));
    }
    if command.body.items.len() > super::MAX_LOAD {
        return Err(Problem::bad_request(format!(
            "{} items; send at most {} in a request",
            command.body.items.len(),
            super::MAX_LOAD
        )));
    }
    // Loading the same items twice changes nothing, so the key need not be remembered.
    let loaded = super::load(&hub, command.body.items, command.key.fingerprint).await?;
    Ok(Json(Loaded { loaded, items: hub.catalog.load().len() }))
}
