//! The catalog's routes and its follower.

#![allow(unused_qualifications)] // in what a macro makes of `params(Wanted)`

use std::sync::Arc;

use app::{
    Refusal,
    catalog::{self, Delisted, ITEM_UNKNOWN, LOAD, Loaded, OnFile, READ, Search},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use commerce::{Gtin, Item, ScannedCode, Sku, item_csv};
use serde::{Deserialize, Serialize};
use store::{Purpose, StoreError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    followers::Follower,
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
};

/// Replaces the catalog in memory after a load.
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
        // Building a large catalog takes a while.
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
        .read(&READ, routes!(list))
        .read(&READ, routes!(by_gtin))
        .read(&READ, routes!(by_sku))
        .command(&LOAD, routes!(load))
        .command(&LOAD, routes!(import))
        .command(&LOAD, routes!(delist))
}

/// A request to load items.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Load {
    /// At most 1,000 items per request.
    #[schema(max_items = 1000)]
    items: Vec<Item>,
}

/// Items as CSV.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Import {
    /// A header and at most 1,000 rows. The columns are `sku`, `description`, `price` in minor units, and optionally
    /// `gtin`, `department`, `category`, `brand`, `package_size` and `unit`.
    #[schema(min_length = 1)]
    csv: String,
}

/// An item of the catalog.
#[derive(Serialize, ToSchema)]
struct ItemView {
    #[serde(flatten)]
    item: Item,
    /// The version of the catalog in which it was added, changed or delisted.
    version: u64,
    /// Whether it is delisted and can no longer be sold.
    delisted: bool,
}

impl From<&Arc<OnFile>> for ItemView {
    fn from(on_file: &Arc<OnFile>) -> Self {
        let OnFile { item, version, delisted } = OnFile::clone(on_file);
        Self { item, version, delisted }
    }
}

/// A page of items, in SKU order.
#[derive(Serialize, ToSchema)]
struct ItemPage {
    /// The version of the catalog that the page shows. Use that of the first page as the next `changed_after`.
    version: u64,
    /// The items.
    items: Vec<ItemView>,
    /// The `after` of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Sku>,
}

/// The maximum length of a search, in characters.
const MAX_QUERY: usize = 60;

/// Selects items.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Words that must all occur in the SKU, the GTIN, the description or the brand. Default: all items.
    #[param(max_length = 60)]
    query: Option<String>,
    /// Only items that changed after this version, including delisted ones. Default: all items that are not delisted.
    changed_after: Option<u64>,
    /// Only items after this SKU. Default: from the first.
    #[param(value_type = Option<String>)]
    after: Option<Sku>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List, search or follow the items
///
/// A register with a copy of the catalog lists everything once, page by page, and later asks for the changes since the
/// version it has.
#[utoipa::path(get, path = "/api/v1/items", params(Wanted), responses((status = 200, body = ItemPage)))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(wanted): InQuery<Wanted>) -> Result<Json<ItemPage>, Problem> {
    let Wanted { query, changed_after, after, limit } = wanted;
    let query = query.unwrap_or_default();
    if query.chars().count() > MAX_QUERY {
        return Err(BAD_REQUEST.because(format!("`query` has more than {MAX_QUERY} characters")).into());
    }
    let (search, limit) = (Search::new(&query, changed_after), limit.unwrap_or(100).clamp(1, 500));
    let page = reading(move || {
        let catalog = hub.catalog.load();
        let (items, is_more) = catalog.search(&search, after.as_ref(), limit);
        let next = items.last().filter(|_| is_more).map(|last| last.sku.clone());
        Ok(ItemPage { version: catalog.version(), items: items.iter().map(ItemView::from).collect(), next })
    });
    page.await.map(Json)
}

/// Get an item by its barcode, as scanned
#[utoipa::path(get, path = "/api/v1/gtins/{gtin}", params(("gtin" = Gtin, Path)),
    responses((status = 200, body = ItemView), (status = 404, body = Problem)))]
async fn by_gtin(State(hub): State<Arc<Hub>>, InPath(gtin): InPath<String>) -> Result<Json<ItemView>, Problem> {
    let code: ScannedCode = gtin.parse().map_err(|error: String| BAD_REQUEST.because(error))?;
    let catalog = hub.catalog.load();
    let item = catalog.scanned(code).map(ItemView::from);
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: GTIN {code}")))?))
}

/// Get an item by its SKU
#[utoipa::path(get, path = "/api/v1/items/{sku}", params(("sku" = Sku, Path)),
    responses((status = 200, body = ItemView), (status = 404, body = Problem)))]
async fn by_sku(State(hub): State<Arc<Hub>>, InPath(sku): InPath<Sku>) -> Result<Json<ItemView>, Problem> {
    let catalog = hub.catalog.load();
    let item = catalog.sku(&sku).map(ItemView::from);
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}")))?))
}

/// Load new or changed items
///
/// A load succeeds or fails as a whole: one invalid item, or a GTIN of another item, refuses all of it. The answer is
/// sent when the items can be sold. A repeat under the same key changes nothing, whatever has been loaded since.
#[utoipa::path(post, path = "/api/v1/items", request_body = Load,
    responses((status = 200, body = Loaded), (status = 422, body = Problem)))]
async fn load(State(hub): State<Arc<Hub>>, command: Command<Load>) -> Result<Json<Loaded>, Problem> {
    let digest = command.key.fingerprint.clone();
    let loaded = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Load { items }| {
        catalog::load(transaction, by, &items, digest)
    });
    let loaded = loaded.await?;
    hub.catalog.reached(loaded.version).await;
    Ok(Json(loaded))
}

/// Load new or changed items from CSV
///
/// As a load of the same items in JSON. The answer to a wrong row names it.
#[utoipa::path(post, path = "/api/v1/items/import", request_body = Import,
    responses((status = 200, body = Loaded), (status = 422, body = Problem)))]
async fn import(State(hub): State<Arc<Hub>>, command: Command<Import>) -> Result<Json<Loaded>, Problem> {
    let digest = command.key.fingerprint.clone();
    let items = item_csv::read(command.body.csv.as_bytes()).map_err(|bad| BAD_REQUEST.because(bad.to_string()));
    let loaded = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, Import { .. }| {
        catalog::load(transaction, by, &items?, digest)
    });
    let loaded = loaded.await?;
    hub.catalog.reached(loaded.version).await;
    Ok(Json(loaded))
}

/// Delist an item: it stays on file and can no longer be sold
///
/// Loading the item again lists it again. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/items/{sku}/delist", request_body = Empty, params(("sku" = Sku, Path)),
    responses((status = 200, body = Delisted), (status = 404, body = Problem)))]
async fn delist(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<Sku>,
    command: Command<Empty>,
) -> Result<Json<Delisted>, Problem> {
    let delisted = command
        .commit(&hub.store, Purpose::Ordinary, move |transaction, by, Empty {}| catalog::delist(transaction, by, &sku));
    let delisted = delisted.await?;
    hub.catalog.reached(delisted.version).await;
    Ok(Json(delisted))
}
