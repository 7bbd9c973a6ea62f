//! Order suggestions: items with a policy, compared with demand, stock on hand and announced deliveries.

use commerce::stock::{
    Demand, Position, Suggestion,
    reorder::{WINDOW_DAYS, suggest},
};
use store::{Order, Store, StoreError};

use super::{history::walk_back, ledger::POSITIONS, notices::outstanding, policies::POLICIES};
use crate::{capability::DAY_MS, catalog::Catalog, lists};

/// Policies per read.
const PAGE: usize = 500;

/// The first suggestions after an item, in SKU order. Walks the movements of [`WINDOW_DAYS`], so only few may run at
/// once. Items with a damaged policy or position are skipped and logged.
///
/// # Errors
/// The store fails.
pub fn suggestions(
    store: &Store,
    catalog: &Catalog,
    now_ms: i64,
    mut after: Option<String>,
    limit: usize,
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
        let page = lists::readable_page(store, &POLICIES, after.as_deref(), Order::Ascending, PAGE)?;
        let more = page.len() == PAGE;
        for policy in page {
            if after.as_deref() == Some(policy.sku.as_str()) {
                continue;
            }
            after = Some(policy.sku.to_string());
            let place = (policy.sku.clone(), policy.unit);
            let position = match store.get(&POSITIONS, (policy.sku.as_str(), policy.unit.name())) {
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, item = %policy.sku, "position is damaged; making no suggestion for the \
                         item");
                    continue;
                }
                found => found?.unwrap_or_else(|| Position::empty(place.clone(), policy.rule)),
            };
            let coming = announced.get(&place).copied().unwrap_or(0);
            let demand = demand.of(&policy.sku, policy.unit);
            let sold_by = catalog.sku(&policy.sku).map(|item| item.price.per);
            found.extend(suggest(&policy, sold_by, &position, coming, demand));
            if found.len() >= limit {
                return Ok(found);
            }
        }
        if !more {
            return Ok(found);
        }
    }
}
