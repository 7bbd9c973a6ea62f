//! What should be ordered now: the items that have a policy, against what sells, what is there, and what is on its way here.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{
    Sku, Unit,
    stock::{
        Demand, Position, Suggestion,
        reorder::{WINDOW_DAYS, suggest},
    },
};
use serde::Deserialize;
use store::{Order, Store, StoreError};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    POSITIONS,
    history::{LONG, alone, walk_back},
    notices::outstanding,
    policies::POLICIES,
};
use crate::{
    extract::InQuery,
    hub::{Hub, now_ms},
    problem::Problem,
    registers::Console,
};

/// Policies read at once.
const PAGE: usize = 500;

const DAY_MS: i64 = 24 * 3_600_000;

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(suggestions))
}

/// Which suggestions, in the order of their SKUs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// Those of SKUs after this one; from the first without it.
    after: Option<String>,
    /// At most so many, 1 to 1,000; 200 without it.
    limit: Option<usize>,
}

/// What should be ordered now: items at or below their reorder point
///
/// Demand is what was sold less what came back in the last 28 days. Reorder point: demand over the lead time, and the safety stock. What is on hand and what is
/// announced and has not come count against it; what is reserved, quarantined, damaged or in transit does not. An item that is sold by another unit than its
/// policy's is in the list with `sold_by` and nothing to order: its policy must be set again.
#[utoipa::path(get, path = "/api/v1/stock/reorder", tag = "stock", params(After),
    responses((status = 200, body = [Suggestion]), (status = 403, body = Problem)))]
async fn suggestions(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<After>,
) -> Result<Json<Vec<Suggestion>>, Problem> {
    let limit = which.limit.unwrap_or(200).clamp(1, 1_000);
    let catalog = hub.catalog.load_full();
    let sold_by = move |sku: &Sku| catalog.sku(sku).map(|item| item.price.per);
    alone(&LONG, &hub.store, move |store| to_order(store, now_ms(), which.after, limit, sold_by)).await.map(Json)
}

/// The first suggestions after an item.
pub(super) fn to_order(
    store: &Store,
    now_ms: i64,
    mut after: Option<String>,
    limit: usize,
    sold_by: impl Fn(&Sku) -> Option<Unit>,
) -> Result<Vec<Suggestion>, StoreError> {
    let since_ms = now_ms.saturating_sub(WINDOW_DAYS * DAY_MS);
    let mut demand = Demand::default();
    walk_back(store, since_ms, |movement| {
        if movement.at_ms > since_ms {
            demand.count(movement);
        }
    })?;
    let announced = outstanding(store)?;
    let mut found = Vec::new();
    loop {
        let page = store.page(&POLICIES, after.as_deref(), Order::Ascending, PAGE)?;
        let more = page.len() == PAGE;
        for policy in page {
            if after.as_deref() == Some(policy.sku.as_str()) {
                continue;
            }
            after = Some(policy.sku.to_string());
            let place = (policy.sku.clone(), policy.unit);
            let position = store.get(&POSITIONS, (policy.sku.as_str(), policy.unit.name()))?;
            let position = position.unwrap_or_else(|| Position::empty(place.clone(), policy.rule));
            let coming = announced.get(&place).copied().unwrap_or(0);
            let demand = demand.of(&policy.sku, policy.unit);
            found.extend(suggest(&policy, sold_by(&policy.sku), &position, coming, demand));
            if found.len() >= limit {
                return Ok(found);
            }
        }
        if !more {
            return Ok(found);
        }
    }
}
