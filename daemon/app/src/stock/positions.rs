//! What is there, and what moved.

use commerce::{
    Actor, Sku, Unit,
    stock::{Movement, Position},
};
use serde::Serialize;
use store::{Order, Store, StoreError};
use utoipa::ToSchema;

use super::{
    SEE_QUANTITIES, counts,
    ledger::{MOVEMENTS, POSITIONS},
    lists,
    policies::{POLICIES, safety_stock},
};
use crate::Refusal;

/// What is there of an item by one unit; in thousandths of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PositionView {
    /// The position.
    #[serde(flatten)]
    pub position: Position,
    /// What may be promised: on_hand less the safety stock.
    pub available_to_sell: i64,
}

/// A position with what may be promised of it. A policy that can't be read keeps nothing back.
fn view(store: &Store, position: Position) -> Result<PositionView, StoreError> {
    let policy = match store.get(&POLICIES, position.sku.as_str()) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, item = %position.sku, "stock policy is damaged; no safety stock is kept back");
            None
        }
        found => found?,
    };
    let safety = safety_stock(policy, position.unit);
    Ok(PositionView { available_to_sell: position.available_to_sell(safety), position })
}

/// Positions in the order of their SKUs, those after one, or from the first on. Damaged ones are left out, and logged.
///
/// # Errors
/// The store fails.
pub fn positions(store: &Store, after: Option<&str>, limit: usize) -> Result<Vec<PositionView>, StoreError> {
    // After every unit of the SKU.
    let from = after.map(|after| (after, "\u{7f}"));
    let page = lists::readable_page(store, &POSITIONS, from, Order::Ascending, limit)?;
    page.into_iter().map(|position| view(store, position)).collect()
}

/// What is there of an item: one position for each unit it was ever kept by. A register does not see it while the item
/// is being counted, because whoever counts must not know.
///
/// # Errors
/// The item is being counted, or the store fails.
pub fn positions_of(store: &Store, actor: &Actor, sku: &Sku) -> Result<Vec<PositionView>, Refusal> {
    if !SEE_QUANTITIES.is_held_by(actor) {
        counts::require_not_counted(store, sku)?;
    }
    let from = Some((sku.as_str(), ""));
    let page = lists::readable_page(store, &POSITIONS, from, Order::Ascending, Unit::ALL.len())?;
    let own = page.into_iter().filter(|position| position.sku == *sku);
    Ok(own.map(|position| view(store, position)).collect::<Result<_, _>>()?)
}

/// Movements, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn movements(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Movement>, StoreError> {
    lists::before(store, &MOVEMENTS, before, limit)
}
