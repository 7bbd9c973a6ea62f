//! Pages of records for people: a damaged record is skipped and logged, and hides no others.

use store::{Key, Number, Order, Record, Store, StoreError, Table};

/// A page of a table.
pub(crate) fn readable_page<K: Key, V: Record>(
    store: &Store,
    table: &Table<K, V>,
    from: Option<K::Of<'_>>,
    order: Order,
    limit: usize,
) -> Result<Vec<V>, StoreError> {
    store.readable_page(table, from, order, limit, |error| left_out(&error))
}

/// A page of numbered records, newest first, before a number or from the newest.
pub(crate) fn before<V: Record>(
    store: &Store,
    table: &Table<Number, V>,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<V>, StoreError> {
    store.readable_page_kept(table, newest(before), Order::Descending, limit, |error| left_out(&error))
}

/// The newest number before another. Numbers begin at 1, so nothing has 0.
pub(crate) fn newest(before: Option<u64>) -> Option<u64> {
    before.map(|before| before.saturating_sub(1))
}

/// Logs a record that a page skips.
fn left_out(error: &StoreError) {
    tracing::error!(%error, "record is damaged; omitting it from the list");
}
