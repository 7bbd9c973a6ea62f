//! The catalog: its follower and its routes.

#![allow(unused_qualifications)] // in what a macro makes of `params(Wanted)`

use std::sync::Arc;

use app::{
    Refusal,
    catalog::{self, Delisted, ITEM_UNKNOWN, LOAD, Loaded, OnFile, READ, Search},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use commerce::{Gtin, Item, ScannedCode, Sku};
use serde::{Deserialize, Serialize};
use store::{Purpose, StoreError};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    followers::Follower,
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
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
        .read(&READ, routes!(list))
        .read(&READ, routes!(by_gtin))
        .read(&READ, routes!(by_sku))
        .command(&LOAD, routes!(load))
        .command(&LOAD, routes!(delist))
}

/// Items to load.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Load {
    /// At most 1,000 in a request.
    #[schema(max_items = 1000)]
    items: Vec<Item>,
}

/// An item as it is on file.
#[derive(Serialize, ToSchema)]
struct ItemView {
    #[serde(flatten)]
    item: Item,
    /// The version of the catalog that it came, changed or was delisted with.
    version: u64,
    /// It is not sold any more.
    delisted: bool,
}

impl From<&Arc<OnFile>> for ItemView {
    fn from(on_file: &Arc<OnFile>) -> Self {
        let OnFile { item, version, delisted } = OnFile::clone(on_file);
        Self { item, version, delisted }
    }
}

/// Items, in the order of their SKUs.
#[derive(Serialize, ToSchema)]
struct ItemPage {
    /// The catalog's version that the page shows. That of the first page is the next `changed_after`.
    version: u64,
    /// The items.
    items: Vec<ItemView>,
    /// The next page's `after`; none on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Sku>,
}

/// The longest search, in characters.
const MAX_QUERY: usize = 60;

/// Which items.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Words that are all in the SKU, the GTIN, the description or the brand; all items without it.
    #[param(max_length = 60)]
    query: Option<String>,
    /// Those that changed after this version, delisted ones among them; without it those that are sold.
    changed_after: Option<u64>,
    /// Those after this SKU; from the first without it.
    #[param(value_type = Option<String>)]
    after: Option<Sku>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Items: all, those with some words, or those that changed
///
/// A register that keeps items asks for all once, page by page, and then for what changed after the version it has.
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

/// An item by its barcode, as scanned
#[utoipa::path(get, path = "/api/v1/gtins/{gtin}", params(("gtin" = Gtin, Path)),
    responses((status = 200, body = ItemView), (status = 404, body = Problem)))]
async fn by_gtin(State(hub): State<Arc<Hub>>, InPath(gtin): InPath<String>) -> Result<Json<ItemView>, Problem> {
    let code: ScannedCode = gtin.parse().map_err(|error: String| BAD_REQUEST.because(error))?;
    let catalog = hub.catalog.load();
    let item = catalog.scanned(code).map(ItemView::from);
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: GTIN {code}")))?))
}

/// An item by the retailer's number
#[utoipa::path(get, path = "/api/v1/items/{sku}", params(("sku" = Sku, Path)),
    responses((status = 200, body = ItemView), (status = 404, body = Problem)))]
async fn by_sku(State(hub): State<Arc<Hub>>, InPath(sku): InPath<Sku>) -> Result<Json<ItemView>, Problem> {
    let catalog = hub.catalog.load();
    let item = catalog.sku(&sku).map(ItemView::from);
    Ok(Json(item.ok_or_else(|| ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}")))?))
}

/// Load items, new or changed
///
/// A load is whole: one invalid item refuses all of it, and so does a GTIN that another item has. The answer comes when
/// the items can be sold. A repeat under its key changes nothing, whatever was loaded meanwhile.
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

/// Delist an item: it stays on file and is not sold
///
/// A load that names it lists it again. The audit trail has it.
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
