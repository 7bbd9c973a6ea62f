//! Positions and movements.

use commerce::{
    Actor, Sku, Unit,
    stock::{Movement, Position},
};
use serde::Serialize;
use store::{Order, Store, StoreError};
use utoipa::ToSchema;

use super::{
    SEE_QUANTITIES, counts,
    ledger::{MOVEMENT, MOVEMENTS, POSITIONS},
    policies::{POLICIES, safety_stock},
    quota,
};
use crate::{Refusal, lists};

/// The stock of an item in one unit; in thousandths of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PositionView {
    /// The position.
    #[serde(flatten)]
    pub position: Position,
    /// The quantity that may be promised: on_hand less the safety stock.
    pub available_to_sell: i64,
    /// The quantity that the web may sell, as the store knows it; the offers of its latest orders may be on their way.
    pub kept_for_web: i64,
    /// The quantity that the counter may sell.
    pub for_walk_ins: i64,
    /// When HQ was last sent the quota: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_as_of_ms: Option<i64>,
}

/// A position with its available quantity. A damaged policy has no safety stock.
fn view(store: &Store, position: Position) -> Result<PositionView, StoreError> {
    let policy = match store.get(&POLICIES, position.sku.as_str()) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, item = %position.sku, "stock policy is damaged; assuming no safety stock");
            None
        }
        found => found?,
    };
    let safety = safety_stock(policy, position.unit);
    let quota = quota::stored(store, &position.sku, position.unit)?;
    let on_hand = position.on_hand;
    Ok(PositionView {
        available_to_sell: position.available_to_sell(safety),
        kept_for_web: quota.as_ref().map_or(0, |quota| quota.quota.kept()),
        for_walk_ins: quota.as_ref().map_or(on_hand, |quota| quota.quota.for_walk_ins(on_hand, quota.class)),
        web_as_of_ms: quota.map(|quota| quota.quota.totals.as_of_ms).filter(|as_of_ms| *as_of_ms > 0),
        position,
    })
}

/// Positions in SKU order, after an item or from the first on. Damaged ones are skipped and logged. All units of an
/// item are on the same page, which may exceed `limit` for that reason; the next page begins after the item.
///
/// # Errors
/// The store fails.
pub fn positions(store: &Store, after: Option<&str>, limit: usize) -> Result<Vec<PositionView>, StoreError> {
    // After all units of the SKU.
    let from = after.map(|after| (after, "\u{7f}"));
    let mut page = lists::readable_page(store, &POSITIONS, from, Order::Ascending, limit + Unit::ALL.len())?;
    let (kept, rest) = page.split_at(limit.min(page.len()));
    let same_item = |position: &&Position| kept.last().is_some_and(|last| last.sku == position.sku);
    let end = kept.len() + rest.iter().take_while(same_item).count();
    page.truncate(end);
    page.into_iter().map(|position| view(store, position)).collect()
}

/// The positions of an item, one for each unit in which it was ever stocked. A register does not see them while the
/// item is being counted, because whoever counts must not know them.
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

/// Whether an item can be offered: some of it is on hand, or its stock is not tracked.
///
/// # Errors
/// The engine fails.
pub fn is_on_hand(store: &Store, sku: &Sku) -> Result<bool, StoreError> {
    let page = lists::readable_page(store, &POSITIONS, Some((sku.as_str(), "")), Order::Ascending, Unit::ALL.len())?;
    let mut own = page.into_iter().filter(|position| position.sku == *sku).peekable();
    let is_known = own.peek().is_some();
    Ok(!is_known || own.any(|position| position.rule == commerce::stock::Rule::Untracked || position.on_hand > 0))
}

/// The number of the last movement; 0 if none.
///
/// # Errors
/// The store fails.
pub fn last_movement(store: &Store) -> Result<u64, StoreError> {
    store.last_number(MOVEMENT)
}

/// Movements from a number on, in order.
///
/// # Errors
/// The store fails.
pub fn movements_after(store: &Store, number: u64, limit: usize) -> Result<Vec<Movement>, StoreError> {
    store.readable_page_kept(&MOVEMENTS, Some(number), Order::Ascending, limit, |error| {
        tracing::error!(%error, "movement is damaged; leaving it out");
    })
}

/// Movements, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn movements(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Movement>, StoreError> {
    lists::before(store, &MOVEMENTS, before, limit)
}

#[cfg(test)]
mod tests {
    use commerce::stock::Rule;

    use super::*;
    use crate::testing;

    #[test]
    fn all_units_of_an_item_are_on_one_page() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let kept = [("apples", Unit::Each), ("apples", Unit::Kilogram), ("pears", Unit::Each)];
        let stored = store.commit_blocking(move |transaction| {
            for (sku, unit) in kept {
                let position = Position::empty((testing::sku(sku), unit), Rule::default());
                transaction.put(&POSITIONS, (sku, unit.name()), &position)?;
            }
            Ok::<_, StoreError>(())
        });
        stored.unwrap();
        let page = |after, limit| {
            let page = positions(&store, after, limit).unwrap();
            page.iter().map(|view| (view.position.sku.to_string(), view.position.unit)).collect::<Vec<_>>()
        };
        let all = kept.map(|(sku, unit)| (sku.to_owned(), unit));
        assert_eq!(page(None, 1), all[..2]);
        assert_eq!(page(Some("apples"), 1), all[2..]);
        assert_eq!((page(None, 2), page(None, 3)), (all[..2].to_vec(), all.to_vec()));
        assert!(page(Some("pears"), 1).is_empty());
    }
}
