//! The quantity of each item that the web may sell, per store.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::stock::quota::{Totals, WebQuota};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    by_item::ByItem,
    extract::{InQuery, Page},
    problem::Problem,
    routes::Routes,
    scope::Scope,
};
use crate::orders::quotas::{self, Key, PAGE_OF_ITEM, PAGE_OF_STORE};

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "availability", "Quantities of each item that the web may sell, per store").read(
        Scope::StockRead,
        &[],
        routes!(list),
    )
}

/// The web quota of an item at a store, in thousandths of the unit.
#[derive(Serialize, ToSchema)]
#[allow(clippy::struct_field_names)] // as the API calls them
struct Available {
    /// The store.
    store: String,
    /// The item.
    sku: String,
    /// The unit.
    unit: String,
    /// The quantity that can be ordered. The store keeps it back for the web, also while it is offline.
    available: i64,
    /// When the store last changed this quota: milliseconds since 1970, UTC.
    as_of_ms: i64,
    /// The quantity granted since the start of the store's epoch.
    granted: i64,
    /// The ordered part of it.
    spent: i64,
}

impl From<(Key, WebQuota)> for Available {
    fn from(((hub, sku, unit), quota): (Key, WebQuota)) -> Self {
        let Totals { as_of_ms, granted, spent, .. } = quota.totals;
        let available = quota.left().max(0);
        Self { store: hub.into(), sku: sku.into(), unit: unit.name().to_owned(), available, as_of_ms, granted, spent }
    }
}

/// List web quotas
///
/// By `store`, `sku`, or both. Opening hours, capacity and distance can further limit orders. `GET /api/v1/stock` lists
/// the stock.
#[utoipa::path(get, path = "/api/v1/availability", params(ByItem),
    responses((status = 200, body = Page<Available>, description = "A page of quotas.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<ByItem>) -> Result<Json<Page<Available>>, Problem> {
    let (read, limit) = asked.read(&api, &PAGE_OF_STORE, &PAGE_OF_ITEM).await?;
    let quotas = read.into_iter().map(|row| quotas::read(row).map(Available::from));
    let quotas = quotas.collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page::of(quotas, limit, |last| (last.store.clone(), last.sku.clone(), last.unit.clone()))))
}
