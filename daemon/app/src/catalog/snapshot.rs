//! The catalog in memory: an immutable snapshot that is replaced whole, so that reads never wait.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::{Gtin, Item, ScannedCode, Sku};
use contract::publication::CATALOG;
use store::{Store, StoreError};

use super::{
    ITEMS, OnFile,
    published::{gone_items, item},
};
use crate::publications::{self, InForce};

/// All items by code. A change copies pointers, not items.
#[derive(Default)]
pub struct Catalog {
    /// The last load that it includes.
    version: u64,
    /// The generation of its publication; 0 without one.
    base: u64,
    /// The pool shared by all snapshots.
    texts: Arc<Mutex<Texts>>,
    /// In the order of their SKUs.
    items: Vec<Arc<OnFile>>,
    /// If several items have one GTIN, of which all but one are delisted, the one that is sold.
    by_gtin: HashMap<Gtin, Arc<OnFile>>,
}

/// A search for items.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Each of these lowercase words is in the SKU, the GTIN, the description or the brand.
    words: Vec<String>,
    /// Items changed after this version, including delisted ones; by default the items that are sold.
    changed_after: Option<u64>,
}

impl Search {
    /// A search by words, and by the version that a register has.
    pub fn new(words: &str, changed_after: Option<u64>) -> Self {
        Self { words: words.split_whitespace().map(str::to_lowercase).collect(), changed_after }
    }

    fn is_met_by(&self, item: &OnFile) -> bool {
        let is_wanted = self.changed_after.map_or(!item.delisted, |version| item.version > version);
        if !is_wanted || self.words.is_empty() {
            return is_wanted;
        }
        let gtin = item.gtin.map(|gtin| gtin.to_string()).unwrap_or_default();
        let text = [item.sku.as_str(), &gtin, &item.description, &item.brand].join(" ").to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }
}

/// Departments, categories, brands, sizes: shared by thousands of items and stored once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// An item with shared texts.
    fn share(&mut self, on_file: OnFile) -> Arc<OnFile> {
        let OnFile { item, version, delisted } = on_file;
        let Item { mut department, mut category, mut brand, mut package_size, .. } = item;
        for text in [&mut department, &mut category, &mut brand, &mut package_size] {
            match self.0.get(text) {
                Some(known) => *text = Arc::clone(known),
                None => drop(self.0.insert(Arc::clone(text))),
            }
        }
        let item = Item { department, category, brand, package_size, ..item };
        Arc::new(OnFile { item, version, delisted })
    }

    /// Removes texts that no item uses.
    fn tidy(&mut self) {
        self.0.retain(|text| Arc::strong_count(text) > 1);
    }
}

impl Catalog {
    /// Reads the catalog of a store. Unreadable items are omitted and reported to `fault`.
    ///
    /// # Errors
    /// The engine fails.
    pub fn read(store: &Store, mut fault: impl FnMut(StoreError)) -> Result<Self, StoreError> {
        // The version first: a load in between is followed once more, which changes nothing.
        let version = match super::version(store) {
            Err(error @ StoreError::Corrupt { .. }) => {
                fault(error);
                0
            }
            version => version?,
        };
        let base = match publications::in_force(store, CATALOG) {
            Err(error @ StoreError::Corrupt { .. }) => {
                fault(error);
                None
            }
            base => base?,
        };
        let generation = base.as_ref().map_or(0, |base| base.active.generation);
        let catalog = Self { version: version.max(generation), base: generation, ..Self::default() };
        let share = |item, version, delisted| catalog.texts().share(OnFile { item, version, delisted });
        // Later entries win: delisted by a publication, the publication, over the publication.
        let (mut items, mut over) = (Vec::new(), Vec::new());
        if let Some(base) = &base {
            gone_items(store, base, |item| items.push(share(item, generation, true)))?;
        }
        store.each(&ITEMS, |row| match row {
            Ok(row) if row.version > generation => over.push(catalog.texts().share(row)),
            Ok(OnFile { item, version, delisted }) => {
                items.push(share(item, if delisted { version } else { generation }, true));
            }
            Err(error) => fault(error),
        })?;
        if let Some(base) = &base {
            read_base(store, base, |item, since| items.push(share(item, since, false)), &mut fault)?;
        }
        items.append(&mut over);
        Ok(catalog.with(&items, catalog.version))
    }

    /// The catalog with everything loaded since; `None` if nothing was.
    ///
    /// # Errors
    /// The store fails.
    pub fn follow(&self, store: &Store) -> Result<Option<Self>, StoreError> {
        let (version, items) = super::loaded_since(store, self.version)?;
        if self.is_behind_base(store)? {
            // Rare: all of it is read again.
            let damaged = |error| tracing::error!(%error, "left out of the catalog");
            return Self::read(store, damaged).map(Some);
        }
        if version == self.version {
            return Ok(None);
        }
        let items: Vec<_> = items.into_iter().map(|item| self.texts().share(item)).collect();
        let followed = self.with(&items, version);
        self.texts().tidy();
        Ok(Some(followed))
    }

    /// Whether another publication is active than the snapshot's.
    fn is_behind_base(&self, store: &Store) -> Result<bool, StoreError> {
        match publications::generation(store, CATALOG) {
            // Unreadable: this one was sold by so far.
            Err(StoreError::Corrupt { .. }) => Ok(false),
            generation => Ok(generation? != self.base),
        }
    }

    /// The last load that it includes.
    pub fn version(&self) -> u64 {
        self.version
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds an item by SKU.
    pub fn sku(&self, sku: &Sku) -> Option<&Arc<OnFile>> {
        let place = self.items.binary_search_by(|item| item.sku.cmp(sku)).ok()?;
        self.items.get(place)
    }

    /// Finds an item by GTIN.
    pub fn gtin(&self, gtin: Gtin) -> Option<&Arc<OnFile>> {
        self.by_gtin.get(&gtin)
    }

    /// Finds an item by a scanned code: the first item among the GTINs that the code may stand for.
    pub fn scanned(&self, code: ScannedCode) -> Option<&Arc<OnFile>> {
        code.gtins().find_map(|gtin| self.gtin(gtin))
    }

    /// Searches the items after a SKU, in the order of SKUs; also returns where the next page begins. It reads every
    /// item that it passes, so it must not run on a request thread.
    pub fn search(&self, wanted: &Search, after: Option<&Sku>, limit: usize) -> (Vec<Arc<OnFile>>, bool) {
        let from = after.map_or(0, |after| self.items.partition_point(|item| item.sku <= *after));
        let mut found = self.items[from..].iter().filter(|item| wanted.is_met_by(item));
        let page = found.by_ref().take(limit).cloned().collect();
        (page, found.next().is_some())
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The snapshot with new or changed items; of two with one SKU the later counts.
    fn with(&self, changes: &[Arc<OnFile>], version: u64) -> Self {
        // Reversed, the last is the first of its equals, and a stable sort keeps it there.
        let mut items: Vec<_> = changes.iter().rev().cloned().collect();
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        items.dedup_by(|a, b| a.sku == b.sku);
        let changed: HashSet<_> = changes.iter().map(|item| &item.sku).collect();
        // A second sorted run: the sort detects and merges them.
        items.extend(self.items.iter().filter(|item| !changed.contains(&item.sku)).cloned());
        items.sort_by(|a, b| a.sku.cmp(&b.sku));
        let mut by_gtin = HashMap::with_capacity(items.len());
        // Sold items last, and reversed, so that the first of them stays.
        for delisted in [true, false] {
            let those = items.iter().rev().filter(|item| item.delisted == delisted);
            by_gtin.extend(those.filter_map(|item| Some((item.gtin?, Arc::clone(item)))));
        }
        Self { version, base: self.base, texts: Arc::clone(&self.texts), items, by_gtin }
    }
}

/// Passes on the items of a publication, each with its generation.
fn read_base(
    store: &Store,
    base: &InForce,
    mut take: impl FnMut(Item, u64),
    fault: &mut impl FnMut(StoreError),
) -> Result<(), StoreError> {
    publications::each_record(store, &base.manifest.segments, |record| match record {
        // It was checked on arrival.
        Ok((place, record)) => {
            if let Ok(item) = item(&record) {
                take(item, base.active.since.get(place).copied().unwrap_or_default());
            }
        }
        Err(error) => fault(error),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use commerce::{Minor, Price, Unit};
    use proptest::prelude::*;

    use super::*;

    fn item(sku: u8, gtin: Option<u8>, price: i64) -> Arc<OnFile> {
        // Digits that make valid GTIN-8s: the check digit is made to fit.
        let gtin = gtin.map(|number| {
            let body = format!("0000{number:03}");
            let weighed: u32 = body.bytes().zip([3, 1].into_iter().cycle()).map(|(d, w)| u32::from(d - b'0') * w).sum();
            format!("{body}{}", (10 - weighed % 10) % 10).parse().unwrap()
        });
        let item = Item {
            sku: sku.to_string().parse().unwrap(),
            gtin,
            description: "x".into(),
            department: "".into(),
            category: "".into(),
            brand: "".into(),
            package_size: "".into(),
            price: Price { minor: Minor::new(price).unwrap(), per: Unit::Each },
        };
        Arc::new(OnFile { item, version: 1, delisted: false })
    }

    proptest! {
        /// Whatever is loaded in whatever parts: the last of a SKU counts, and a GTIN finds the first item that carries
        /// it.
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
                catalog = catalog.with(&items, 1);
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
}
