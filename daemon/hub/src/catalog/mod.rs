//! The catalog: what can be sold, from an immutable snapshot in memory that is swapped whole.
//!
//! A load is stored in one atomic batch per [`CHUNK`] items and swapped in once all of it is durable; reads never wait. A load that fails half-way
//! leaves the snapshot as it was; what it stored is read at the next start, item by item valid.

mod routes;

use std::{collections::HashMap, sync::Arc};

use commerce::{Gtin, Item, Sku};
pub use routes::router;
use store::{Name, Order, Purpose, Store, StoreError, Table};

use crate::{
    audit::{self, Act},
    hub::Hub,
    problem::Problem,
    registers::CONSOLE,
};

static ITEMS: Table<Name, Item> = Table::new("item");

/// Items stored with one flush.
const CHUNK: usize = 500;

/// Items in one request; a larger catalog comes in parts.
pub const MAX_LOAD: usize = 2_000;

/// All items, by their codes.
#[derive(Default)]
pub struct Catalog {
    by_sku: HashMap<Sku, Arc<Item>>,
    by_gtin: HashMap<Gtin, Arc<Item>>,
}

impl Catalog {
    /// Reads the catalog of a store.
    ///
    /// # Errors
    /// The store fails.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        let mut catalog = Self::default();
        for item in store.page(&ITEMS, None, Order::Ascending, usize::MAX)? {
            catalog.put(item);
        }
        Ok(catalog)
    }

    /// By the retailer's number.
    pub fn sku(&self, sku: &Sku) -> Option<&Arc<Item>> {
        self.by_sku.get(sku)
    }

    /// By barcode.
    pub fn gtin(&self, gtin: Gtin) -> Option<&Arc<Item>> {
        self.by_gtin.get(&gtin)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.by_sku.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_sku.is_empty()
    }

    fn put(&mut self, item: Item) {
        let item = Arc::new(item);
        if let Some(old) = self.by_sku.insert(item.sku.clone(), Arc::clone(&item))
            && let Some(gtin) = old.gtin
        {
            self.by_gtin.remove(&gtin);
        }
        if let Some(gtin) = item.gtin {
            self.by_gtin.insert(gtin, item);
        }
    }

    fn with(&self, items: &[Item]) -> Self {
        let mut next = Self { by_sku: self.by_sku.clone(), by_gtin: self.by_gtin.clone() };
        for item in items {
            next.put(item.clone());
        }
        next
    }
}

/// Stores items, new or changed, and swaps them in.
///
/// # Errors
/// An item's text is not fit to print, or the store fails.
pub async fn load(hub: &Hub, items: Vec<Item>, digest: String) -> Result<usize, Problem> {
    for item in &items {
        check(item)?;
    }
    for chunk in items.chunks(CHUNK) {
        let chunk = chunk.to_vec();
        hub.store
            .commit_for(Purpose::Ordinary, move |transaction| {
                chunk.iter().try_for_each(|item| transaction.put(&ITEMS, item.sku.as_str(), item))
            })
            .await
            .map_err(Problem::from)?;
    }
    let loaded = Act::ItemsLoaded { items: items.len() as u64, digest };
    hub.store
        .commit_for(Purpose::Ordinary, move |transaction| audit::record(transaction, CONSOLE, loaded))
        .await
        .map_err(Problem::from)?;
    hub.catalog.rcu(|catalog| catalog.with(&items));
    Ok(items.len())
}

/// Writes items as a load does, for a store that is made up.
#[cfg(feature = "demo")]
pub(crate) fn put(transaction: &mut store::Transaction<'_>, items: &[Item]) -> Result<(), StoreError> {
    items.iter().try_for_each(|item| transaction.put(&ITEMS, item.sku.as_str(), item))
}

fn check(item: &Item) -> Result<(), Problem> {
    let texts = [
        ("description", &item.description),
        ("department", &item.department),
        ("category", &item.category),
        ("brand", &item.brand),
        ("package_size", &item.package_size),
    ];
    for (field, text) in texts {
        if text.len() > commerce::MAX_TEXT
            || text.chars().any(char::is_control)
            || (field == "description" && text.trim().is_empty())
        {
            return Err(Problem::bad_request(format!(
                "item {}: `{field}` must be text of at most {} bytes without control characters",
                item.sku,
                commerce::MAX_TEXT
            )));
        }
    }
    if item.price.minor.is_negative() || item.price.minor > commerce::MAX_LINE_AMOUNT {
        return Err(Problem::bad_request(format!(
            "item {}: the price {} is out of range",
            item.sku,
            item.price.minor.get()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/item-2.json");

    #[test]
    fn a_stored_item_reads_back_as_it_was_written() {
        let read: Item = serde_json::from_str(STORED).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
    }
}
