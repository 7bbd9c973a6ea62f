//! Pages of records for people: a damaged record is skipped and logged, and hides no others.

use store::{Key, Number, Order, Record, Store, StoreError, Table};

/// A page of a table.
pub(super) fn readable_page<K: Key, V: Record>(
    store: &Store,
    table: &Table<K, V>,
    from: Option<K::Of<'_>>,
    order: Order,
    limit: usize,
) -> Result<Vec<V>, StoreError> {
    store.readable_page(table, from, order, limit, |error| left_out(&error))
}

/// A page of numbered records, newest first, before a number or from the newest.
pub(super) fn before<V: Record>(
    store: &Store,
    table: &Table<Number, V>,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<V>, StoreError> {
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        before => store.readable_page_kept(table, before.map(|before| before - 1), Order::Descending, limit, |error| {
            left_out(&error);
        }),
    }
}

/// Logs a record that a page skips.
fn left_out(error: &StoreError) {
    tracing::error!(%error, "record is damaged; omitting it from the list");
}
