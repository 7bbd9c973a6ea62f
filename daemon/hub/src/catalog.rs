//! The catalog: its follower and its routes.

use std::sync::Arc;

use app::{
    Refusal,
    catalog::{self, ITEM_UNKNOWN, LOAD, Loaded, READ},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use commerce::{Gtin, Item, Sku};
use serde::Deserialize;
use store::{Purpose, StoreError};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    followers::Follower,
    hub::Hub,
    web::{Command, InPath, Problem, Routes},
};

/// Follows the loads that are stored.
pub(crate) struct FollowCatalog(pub(crate) Arc<Hub>);

impl Follower for FollowCatalog {
    fn name(&self) -> String {
        "catalog".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        if catalog::version(&self.0.store)? == self.0.catalog.load().version() {
            return Ok(());
        }
        let hub = Arc::clone(&self.0);
        // A large catalog takes a while to be laid out.
        let followed = tokio::task::spawn_blocking(move || {
            if let Some(catalog) = hub.catalog.load().follow(&hub.store)? {
                hub.catalog.replace(catalog);
            }
            Ok::<_, StoreError>(())
        });
        Ok(followed.await.map_err(|_| StoreError::Panicked)??)
    }
}

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("items", "The catalog", &["catalog"])
        .read(&READ, routes!(by_gtin))
        .read(&READ, routes!(by_sku))
        .command(&LOAD, routes!(load))
}

/// Items to load.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Load {
    /// At most 1,000 in a request.
    #[schema(max_items = 1000)]
    items: Vec<Item>,
}

/// An item by its barcode
#[utoipa::path(get, path = "/api/v1/items/gtin/{gtin}", params(("gtin" = Gtin, Path)),
    responses((status = 200, body = Item), (status = 404, body = Problem)))]
async fn by_gtin(State(hub): State<Arc<Hub>>, InPath(gtin): InPath<String>) -> Result<Json<Arc<Item>>, Problem> {
    let gtin: Gtin = gtin.parse().map_err(|error: String| BAD_REQUEST.because(error))?;
    let catalog = hub.catalog.load();
    let item = catalog.gtin(gtin).cloned();
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: GTIN {gtin}")))?))
}

/// An item by the retailer's number
#[utoipa::path(get, path = "/api/v1/items/{sku}", params(("sku" = Sku, Path)),
    responses((status = 200, body = Item), (status = 404, body = Problem)))]
async fn by_sku(State(hub): State<Arc<Hub>>, InPath(sku): InPath<Sku>) -> Result<Json<Arc<Item>>, Problem> {
    let catalog = hub.catalog.load();
    let item = catalog.sku(&sku).cloned();
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}")))?))
}

/// Load items, new or changed
///
/// A load is whole: one invalid item refuses all of it. The answer comes when the items can be sold.
#[utoipa::path(post, path = "/api/v1/items", request_body = Load, responses((status = 200, body = Loaded)))]
async fn load(State(hub): State<Arc<Hub>>, command: Command<Load>) -> Result<Json<Loaded>, Problem> {
    let digest = command.key.fingerprint.clone();
    let loaded = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Load { items }| {
        catalog::load(transaction, by, &items, digest)
    });
    let loaded = loaded.await?;
    hub.catalog.reached(loaded.version).await;
    Ok(Json(loaded))
}
