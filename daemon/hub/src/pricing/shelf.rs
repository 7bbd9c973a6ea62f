//! The route of shelf labels that are out of date.

use std::sync::Arc;

use app::pricing::{self, Outdated};
use axum::{Json, extract::State};

use crate::{
    hub::Hub,
    web::{InQuery, PageAfter, Problem, reading},
};

/// List shelf labels that are out of date
///
/// Those that the hub printed and whose items have another price now, by SKU: a proposal for what to print again. A
/// label leaves the list when it is printed.
#[utoipa::path(get, path = "/api/v1/shelf-labels/outdated", params(PageAfter),
    responses((status = 200, body = [Outdated])))]
pub(super) async fn outdated_labels(
    State(hub): State<Arc<Hub>>,
    InQuery(page): InQuery<PageAfter>,
) -> Result<Json<Vec<Outdated>>, Problem> {
    let read = move || {
        let (catalog, at_ms) = (hub.catalog.load(), hub.now_ms());
        let active = hub.prices.at(at_ms);
        let price = |sku: &commerce::Sku| {
            let item = catalog.sku(sku).map(|item| item.price);
            let entry = active.as_ref().and_then(|active| active.book.price_at(sku, active.moment, &[]));
            entry.map(|entry| entry.price).or(item)
        };
        Ok(pricing::outdated(&hub.store, page.after.as_deref(), page.limit(), price)?)
    };
    reading(read).await.map(Json)
}
