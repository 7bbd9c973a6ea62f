//! The catalog: what can be sold, from an immutable snapshot in memory that is swapped whole.
//!
//! A load is stored in one atomic batch per [`CHUNK`] items and swapped in once all of it is durable; reads never wait. A load that fails half-way
//! leaves the snapshot as it was; what it stored is read at the next start, item by item valid.

mod routes;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use commerce::{Gtin, Item, Sku};
pub use routes::router;
use store::{Name, Purpose, Store, StoreError, Table};

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

/// All items, by their codes. A change copies pointers, not items.
#[derive(Default)]
pub struct Catalog {
    /// One pool for all snapshots.
    texts: Arc<Mutex<Texts>>,
    /// In the order of their SKUs.
    items: Vec<Arc<Item>>,
    /// Of several items with one GTIN the first, whatever was loaded last.
    by_gtin: HashMap<Gtin, Arc<Item>>,
}

/// Departments, categories, brands, sizes: thousands of items have them in common, and hold them once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// An item with the texts that others have already.
    fn share(&mut self, item: Item) -> Arc<Item> {
        let Item { mut department, mut category, mut brand, mut package_size, .. } = item;
        for text in [&mut department, &mut category, &mut brand, &mut package_size] {
            match self.0.get(text) {
                Some(known) => *text = Arc::clone(known),
                None => drop(self.0.insert(Arc::clone(text))),
            }
        }
        Arc::new(Item { department, category, brand, package_size, ..item })
    }

    /// Forgets those that no item has any more.
    fn tidy(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}

impl Catalog {
    /// Reads the catalog of a store. Items that can't be read are left out, and told to `fault`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn read(store: &Store, mut fault: impl FnMut(StoreError)) -> Result<Self, StoreError> {
        let catalog = Self::default();
        let mut items = Vec::new();
        store.each(&ITEMS, |item| match item {
            Ok(item) => items.push(catalog.texts().share(item)),
            Err(error) => fault(error),
        })?;
        Ok(catalog.with(&items))
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the retailer's number.
    pub fn sku(&self, sku: &Sku) -> Option<&Arc<Item>> {
        let place = self.items.binary_search_by(|item| item.sku.cmp(sku)).ok()?;
        self.items.get(place)
    }

    /// By barcode.
    pub fn gtin(&self, gtin: Gtin) -> Option<&Arc<Item>> {
        self.by_gtin.get(&gtin)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The same with items new or changed; of two with one SKU the later counts.
    fn with(&self, changes: &[Arc<Item>]) -> Self {
        // Turned round, the last is the first of its equals, and a stable sort leaves it so.
        let mut items: Vec<_> = changes.iter().rev().cloned().collect();
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        items.dedup_by(|a, b| a.sku == b.sku);
        let changed: HashSet<_> = changes.iter().map(|item| &item.sku).collect();
        // A sorted run after another: the sort finds and merges them.
        items.extend(self.items.iter().filter(|item| !changed.contains(&item.sku)).cloned());
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        let mut by_gtin = HashMap::with_capacity(items.len());
        // Backwards, so that the first stays.
        by_gtin.extend(items.iter().rev().filter_map(|item| Some((item.gtin?, Arc::clone(item)))));
        Self { texts: Arc::clone(&self.texts), items, by_gtin }
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
    let loaded = items.len();
    swap_in(&hub.catalog, items);
    Ok(loaded)
}

/// Makes stored items, new or changed, those that are sold by.
pub(crate) fn swap_in(current: &ArcSwap<Catalog>, items: Vec<Item>) {
    let catalog = current.load();
    let items: Vec<_> = items.into_iter().map(|item| catalog.texts().share(item)).collect();
    current.rcu(|catalog| catalog.with(&items));
    catalog.texts().tidy();
}

/// Writes items, which are [checked](check), in the commit of somebody else.
pub(crate) fn put(transaction: &mut store::Transaction<'_>, items: &[Item]) -> Result<(), StoreError> {
    items.iter().try_for_each(|item| transaction.put(&ITEMS, item.sku.as_str(), item))
}

/// Checks what of an item its types do not hold.
///
/// # Errors
/// A text is not fit to print, or the price is out of range.
pub(crate) fn check(item: &Item) -> Result<(), Problem> {
    let texts = [
        ("description", &*item.description),
        ("department", &*item.department),
        ("category", &*item.category),
        ("brand", &*item.brand),
        ("package_size", &*item.package_size),
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
    use std::collections::BTreeMap;

    use commerce::{Minor, Price, Unit};
    use proptest::prelude::*;

    use super::*;

    fn item(sku: u8, gtin: Option<u8>, price: i64) -> Arc<Item> {
        // Digits that make valid GTIN-8s: the check digit is made to fit.
        let gtin = gtin.map(|number| {
            let body = format!("0000{number:03}");
            let weighed: u32 = body.bytes().zip([3, 1].into_iter().cycle()).map(|(d, w)| u32::from(d - b'0') * w).sum();
            format!("{body}{}", (10 - weighed % 10) % 10).parse().unwrap()
        });
        Arc::new(Item {
            sku: sku.to_string().parse().unwrap(),
            gtin,
            description: "x".into(),
            department: "".into(),
            category: "".into(),
            brand: "".into(),
            package_size: "".into(),
            price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
        })
    }

    proptest! {
        /// Whatever is loaded in whatever parts: the last of a SKU counts, and a GTIN finds the first item that carries it.
        #[test]
        fn the_last_load_of_an_item_counts(
            loads in prop::collection::vec(prop::collection::vec((0_u8..20, prop::option::of(0_u8..30)), 0..12), 0..8),
        ) {
            let (mut catalog, mut model, mut price) = (Catalog::default(), BTreeMap::new(), 0);
            for load in loads {
                let items: Vec<_> = load
                    .into_iter()
                    .map(|(sku, gtin)| {
                        price += 1;
                        item(sku, gtin, price)
                    })
                    .collect();
                model.extend(items.iter().map(|item| (item.sku.clone(), Arc::clone(item))));
                catalog = catalog.with(&items);
            }
            prop_assert_eq!(catalog.len(), model.len());
            for (sku, item) in &model {
                prop_assert_eq!(catalog.sku(sku), Some(item));
                if let Some(gtin) = item.gtin {
                    prop_assert_eq!(catalog.gtin(gtin), model.values().find(|other| other.gtin == Some(gtin)));
                }
            }
        }
    }

    /// As hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/item-2.json");

    #[test]
    fn a_stored_item_reads_back_as_it_was_written() {
        let read: Item = serde_json::from_str(STORED).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
    }
}
