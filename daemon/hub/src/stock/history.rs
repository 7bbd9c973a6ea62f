//! Walks the movements back from the newest, in pages, outside the committer.

use commerce::stock::Movement;
use store::{Order, Store, StoreError};

use super::MOVEMENTS;

/// Movements read at once.
const PAGE: usize = 500;

/// How far the times of movements may be out of order: each is taken before its commit has waited. Longer than any wait.
const OUT_OF_ORDER_MS: i64 = 60_000;

/// Shows every movement at or after a moment, newest first, and perhaps some that are a little older. Gives the number of the newest; 0 if there is none.
///
/// # Errors
/// The store fails.
pub(super) fn walk_back(store: &Store, since_ms: i64, mut each: impl FnMut(&Movement)) -> Result<u64, StoreError> {
    let (mut newest, mut from) = (None, None);
    loop {
        let page = store.page_kept(&MOVEMENTS, from, Order::Descending, PAGE)?;
        for movement in &page {
            newest.get_or_insert(movement.number);
            if movement.at_ms < since_ms.saturating_sub(OUT_OF_ORDER_MS) {
                return Ok(newest.unwrap_or(0));
            }
            each(movement);
        }
        match page.last() {
            Some(last) if last.number > 1 => from = Some(last.number - 1),
            _ => return Ok(newest.unwrap_or(0)),
        }
    }
}
