//! Prices by store and moment, and baskets priced for others, by the books that HQ published.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    Price, Sku,
    pricing::{
        Basket,
        basket::{BasketLine, Budget, Coupon},
        explain::{Quote, quote},
        record::{Multi, PriceKind},
    },
};
use contract::HubId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    command::Question,
    extract::{InQuery, Page, limit, read_cursor},
    items::CATALOG_UNAVAILABLE,
    problem::{FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    moment::now_ms,
    prices::{Books, PriceError, StoreBook},
};

/// The store works by no price book.
static PRICE_BOOK_UNKNOWN: Kind = Kind::new(
    "price-book-unknown",
    StatusCode::NOT_FOUND,
    "No price book",
    "The store works by no price book at this moment, as far as HQ has heard; its prices are those of its items.",
);

/// The basket has no price.
static BASKET_REFUSED: Kind = Kind::new(
    "basket-refused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "Basket refused",
    "An item has no price or another unit, an amount is out of range, or there are too many lines.",
);

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "prices", "Prices by store and moment, by the price books that HQ published")
        .read(Scope::ItemsRead, &[&CATALOG_UNAVAILABLE], routes!(list))
        .question(
            Scope::ItemsRead,
            &[&CATALOG_UNAVAILABLE, &PRICE_BOOK_UNKNOWN, &BASKET_REFUSED],
            routes!(price_basket),
        )
}

/// The price of an item in a store.
#[derive(Serialize, ToSchema)]
struct StorePrice {
    /// The item.
    sku: Sku,
    /// The price of a unit.
    price: Price,
    /// The price of several pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi: Option<Multi>,
    /// The kind of price.
    price_kind: PriceKind,
    /// The entry of the price book.
    entry: String,
    /// The version of the price book, which sales name.
    book: String,
    /// The version of its publication.
    version: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The store.
    store: HubId,
    /// An item's number; all items without it.
    sku: Option<Sku>,
    /// At this moment: milliseconds since 1970, UTC. Now without it.
    at_ms: Option<i64>,
    /// A group of customers that the customer belongs to, for its member prices.
    group: Option<String>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List the prices of a store
///
/// By the price book that the store works by; for a moment to come, also by one that is on its way there. Offers that
/// depend on other goods are not in it: price a basket. A store without a book has no prices here; see its items.
#[utoipa::path(get, path = "/api/v1/prices", params(Asked),
    responses((status = 200, body = Page<StorePrice>, description = "A page of prices.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<StorePrice>>, Problem> {
    let Asked { store, sku, at_ms, group, after, limit: size } = asked;
    let limit = limit(size, 100, 500)?;
    let after: Option<String> = after.as_deref().map(read_cursor).transpose()?;
    let Some(book) = books(&api)?.at(&store, at_ms).await? else {
        return Ok(Json(Page { items: Vec::new(), next: None }));
    };
    let moment = book.moment(at_ms.unwrap_or_else(now_ms));
    let customers: Vec<String> = group.into_iter().collect();
    let read = tokio::task::spawn_blocking(move || {
        let mut skus: Vec<&Sku> = match &sku {
            Some(sku) => vec![sku],
            None => book.book.skus().filter(|sku| after.as_deref().is_none_or(|after| sku.as_str() > after)).collect(),
        };
        skus.sort_unstable();
        let priced = skus.into_iter().filter_map(|sku| of_item(&book, sku, moment, &customers));
        priced.take(limit + 1).collect::<Vec<_>>()
    });
    let prices = read.await.map_err(|error| FAULT.because(error.to_string()))?;
    Ok(Json(Page::of(prices, limit, |last| last.sku.to_string())))
}

fn of_item(book: &StoreBook, sku: &Sku, moment: commerce::pricing::Moment, customers: &[String]) -> Option<StorePrice> {
    let entry = book.book.price_at(sku, moment, customers)?;
    Some(StorePrice {
        sku: sku.clone(),
        price: entry.price,
        multi: entry.multi,
        price_kind: entry.kind,
        entry: entry.id.clone(),
        book: book.book.version().to_owned(),
        version: book.version,
    })
}

/// A basket to price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BasketToPrice {
    /// The store.
    store: HubId,
    /// At this moment: milliseconds since 1970, UTC. Now without it.
    #[serde(default)]
    at_ms: Option<i64>,
    /// Where it is sold: `store`, `web`. Offers may hold in some channels only. Default: `web`.
    #[serde(default = "web")]
    channel: String,
    /// The groups that the customer belongs to.
    #[serde(default)]
    customers: Vec<String>,
    /// The coupons that were presented and may be used.
    #[serde(default)]
    coupons: Vec<Coupon>,
    /// What is left of the budgets of offers, by the offer's id.
    #[serde(default)]
    budgets: BTreeMap<String, Budget>,
    /// The number of the customer's certificate of tax exemption.
    #[serde(default)]
    exemption: Option<String>,
    /// The lines, at most 400.
    lines: Vec<BasketLine>,
    /// Whether to say why offers took nothing off.
    #[serde(default)]
    explain: bool,
}

fn web() -> String {
    "web".to_owned()
}

/// Price a basket
///
/// By the engine and the price book of the store, to the cent and with the explanations as a register there would have
/// them. It changes nothing and promises nothing. The answer is the `Priced` of the engine's npm package, with
/// the `rejected` offers if they were asked for.
// Generators drop a schema with the flattened enums that are in an adjustment.
#[utoipa::path(post, path = "/api/v1/prices/basket", request_body = BasketToPrice,
    responses((status = 200, body = Object, description = "The basket with its prices.")))]
async fn price_basket(
    State(api): State<Arc<Api>>,
    Question(asked): Question<BasketToPrice>,
) -> Result<Json<Quote>, Problem> {
    let BasketToPrice { store, at_ms, channel, customers, coupons, budgets, exemption, lines, explain } = asked;
    let book = books(&api)?.at(&store, at_ms).await?;
    let book = book.ok_or_else(|| PRICE_BOOK_UNKNOWN.because(format!("{store} works by no price book")))?;
    let moment = book.moment(at_ms.unwrap_or_else(now_ms));
    let basket = Basket { moment, channel, customers, coupons, budgets, exemption, lines };
    let priced = tokio::task::spawn_blocking(move || quote(&book.book, &basket, explain)).await;
    let priced = priced.map_err(|error| FAULT.because(error.to_string()))?;
    priced.map(Json).map_err(|refused| BASKET_REFUSED.because(refused.to_string()))
}

fn books(api: &Api) -> Result<&Books, Problem> {
    let without = "the server was started without --objects, so it has no price books";
    api.books.as_ref().ok_or_else(|| CATALOG_UNAVAILABLE.because(without))
}

impl From<PriceError> for Problem {
    fn from(error: PriceError) -> Self {
        match error {
            PriceError::Database(error) => error.into(),
            PriceError::Published(error) => error.into(),
            error => {
                tracing::error!(%error, "could not read a price book");
                CATALOG_UNAVAILABLE.because("a price book can't be read; the server's log says which")
            }
        }
    }
}
