//! The routes of prices.

use std::sync::Arc;

use app::{
    catalog::ITEM_UNKNOWN,
    pricing::{self, OVERRIDE, READ},
    selling::{self, BASKET_UNKNOWN},
};
use axum::{Json, extract::State};
use commerce::{
    BasketId, Price, Sku,
    pricing::{
        explain::Rejected,
        record::{Multi, PriceKind},
    },
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{overrides, shelf};
use crate::{
    hub::Hub,
    web::{Asker, InPath, Problem, Routes, reading},
};

/// The routes of prices.
pub(crate) fn routes() -> Routes {
    Routes::new("prices", "Prices", &["catalog", "selling", "pricing"])
        .read(&READ, routes!(active))
        .read(&READ, routes!(records))
        .read(&READ, routes!(of_item))
        .read(&READ, routes!(explain))
        .read(&READ, routes!(shelf::outdated_labels))
        .read(&READ, routes!(overrides::overrides))
        .command(&OVERRIDE, routes!(overrides::set_override))
        .command(&OVERRIDE, routes!(overrides::remove_override))
}

/// How far ahead changes are listed, in milliseconds.
const AHEAD_MS: i64 = 31 * 24 * 3_600_000;

/// The most changes that are listed.
const MAX_CHANGES: usize = 100;

/// The active price book.
#[derive(Serialize, ToSchema)]
struct ActiveBook {
    /// The version; absent if the prices are the catalog's.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// The number of items with a price in the book.
    items: usize,
    /// The moments at which prices, offers or taxes change within a month: milliseconds since 1970, UTC. At most 100.
    changes_ms: Vec<i64>,
}

/// Get the active price book
#[utoipa::path(get, path = "/api/v1/prices", responses((status = 200, body = ActiveBook)))]
async fn active(State(hub): State<Arc<Hub>>) -> Json<ActiveBook> {
    let now_ms = hub.now_ms();
    let Some(book) = hub.prices.book() else {
        return Json(ActiveBook { version: None, items: 0, changes_ms: Vec::new() });
    };
    let mut changes_ms = book.changes(now_ms, now_ms.saturating_add(AHEAD_MS));
    changes_ms.truncate(MAX_CHANGES);
    Json(ActiveBook { version: Some(book.version().to_owned()), items: book.len(), changes_ms })
}

/// The active price book, for a price engine elsewhere.
#[derive(Serialize, ToSchema)]
struct BookRecords {
    /// Grows with every change of the book or of the store's own prices; 0 without a book.
    generation: u64,
    /// The name of the store in the book.
    store: String,
    /// The time zone of the book's local times.
    time_zone: String,
    /// One JSON record per line; absent if the prices are the catalog's.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<String>,
}

/// Get the records of the active price book
///
/// For a register that computes prices itself while the hub is away, such as with the npm package of the price engine.
#[utoipa::path(get, path = "/api/v1/prices/book", responses((status = 200, body = BookRecords)))]
async fn records(State(hub): State<Arc<Hub>>) -> Result<Json<BookRecords>, Problem> {
    let read = reading(move || {
        let store = hub.prices.store().to_owned();
        let (generation, time_zone) = (hub.prices.generation(), hub.config.store.time_zone.clone());
        let records = pricing::text(&hub.store, &store)?;
        Ok(BookRecords { generation, store, time_zone, records })
    });
    read.await.map(Json)
}

/// The price of an item now.
#[derive(Serialize, ToSchema)]
struct ItemPrice {
    /// The item.
    sku: Sku,
    /// The price of a unit.
    price: Price,
    /// The price of several pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi: Option<Multi>,
    /// The kind of price; absent if it is the catalog's.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_kind: Option<PriceKind>,
    /// The entry of the price book.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// The version of the price book.
    #[serde(skip_serializing_if = "Option::is_none")]
    book: Option<String>,
    /// The customer's minimum age, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_age: Option<u8>,
}

/// Get the price of an item
///
/// The price for a customer who is not known, without offers that depend on other goods.
#[utoipa::path(get, path = "/api/v1/items/by-sku/{sku}/price", params(("sku" = Sku, Path)),
    responses((status = 200, body = ItemPrice), (status = 404, body = Problem)))]
async fn of_item(State(hub): State<Arc<Hub>>, InPath(sku): InPath<Sku>) -> Result<Json<ItemPrice>, Problem> {
    let pricing = hub.prices.at(hub.now_ms());
    let entry = pricing.as_ref().and_then(|pricing| pricing.book.price_at(&sku, pricing.moment, &[]));
    let shelf = hub.catalog.load().sku(&sku).map(|item| item.price);
    let price = entry.map(|entry| entry.price).or(shelf);
    let price = price.ok_or_else(|| ITEM_UNKNOWN.because(format!("item {sku} is not in the catalog")))?;
    let facts = pricing.as_ref().and_then(|pricing| pricing.book.item(&sku));
    Ok(Json(ItemPrice {
        price,
        multi: entry.and_then(|entry| entry.multi),
        price_kind: entry.map(|entry| entry.kind),
        entry: entry.map(|entry| entry.id.clone()),
        book: entry.and(pricing.as_ref()).map(|pricing| pricing.book.version().to_owned()),
        minimum_age: facts.and_then(|facts| facts.minimum_age),
        sku,
    }))
}

/// Why offers did not apply to a basket.
#[derive(Serialize, ToSchema)]
struct Explanation {
    /// The version of the active price book; absent if the prices are the catalog's.
    #[serde(skip_serializing_if = "Option::is_none")]
    book: Option<String>,
    /// Whether the basket was priced by this book. If not, its next command prices it.
    is_current: bool,
    /// The offers of the book that took nothing off, with the reason.
    rejected: Vec<Rejected>,
}

/// Explain why offers did not apply to a basket
///
/// The lines of the basket name the offers that did.
#[utoipa::path(get, path = "/api/v1/baskets/{id}/offers", params(("id" = BasketId, Path)),
    responses((status = 200, body = Explanation), (status = 404, body = Problem)))]
async fn explain(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
) -> Result<Json<Explanation>, Problem> {
    let own = selling::basket(&hub.store, id)?.filter(|basket| actor.register_name() == Some(&basket.register));
    let basket = own.ok_or_else(|| BASKET_UNKNOWN.because(format!("{actor} has no basket {id}")))?;
    let pricing = hub.prices.at(hub.now_ms());
    let book = pricing.as_ref().map(|pricing| pricing.book.version().to_owned());
    let is_current = basket.price_book == book;
    // Each offer is tried alone, which takes a while with many of them.
    let rejected = reading(move || {
        Ok(pricing.map(|pricing| basket.rejected_offers(&pricing.book, pricing.moment)).unwrap_or_default())
    });
    Ok(Json(Explanation { book, is_current, rejected: rejected.await? }))
}
