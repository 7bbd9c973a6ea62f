//! The catalog: what can be sold.
//!
//! - **A load is whole.** It is one commit, with its version, its audit entry and the answer under its key. Loads count
//!   from 1 and are followed in that order by whoever keeps a [`Catalog`] in memory, whoever loads at once.
//! - A load names items that are new or changed; what it does not name stays. At most [`MAX_LOAD`] items: a larger
//!   catalog comes in parts.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the answer | the load is there whole or not at all; its sender repeats it |
//! | an item can't be read | it is left out of the snapshot, and named by the check |

mod snapshot;

use commerce::{Item, MAX_LINE_AMOUNT, MAX_TEXT, Sku};
use contract::{DownItem, item};
use serde::{Deserialize, Serialize};
pub use snapshot::Catalog;
use store::{Name, Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, IncomingItem,
    audit::{self, Act, ActKind},
    capability::{Retention, Tidied},
    permission::{Holder, Permission},
    refusal::{BAD_REQUEST, Class, Kind, Refusal},
};

static ITEMS: Table<Name, Item> = Table::new("item");
/// Loads by version.
static LOADS: Table<Number, Load> = Table::new("catalog_load");

/// The counter of loads.
const VERSION: &str = "catalog";

/// Items in one load.
pub const MAX_LOAD: usize = 1_000;

/// Loads read at once when they are followed.
const PAGE: usize = 8;

/// How long a load's list of items is kept, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// See items.
pub static READ: Permission =
    Permission::new("items.read", "See items", &[Holder::Register, Holder::Person, Holder::Service]);
/// Load items.
pub static LOAD: Permission = Permission::new(
    "items.load",
    "Load items, new or changed",
    &[Holder::Person, Holder::Service, Holder::Headquarters],
);

/// No item has the code.
pub static ITEM_UNKNOWN: Kind =
    Kind::new("item-unknown", Class::NotFound, "Unknown item", "The catalog has no item with this GTIN or SKU.");

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["item", "catalog_load"],
    refusals: &[&ITEM_UNKNOWN],
    permissions: &[&READ, &LOAD],
    acts: &[ItemsLoaded::KIND],
    incoming: &[IncomingItem { kind: item::CHANGED.name(), apply: changed }],
    tidy: Some(tidy),
    ..Capability::new("catalog")
};

/// A load: which items came with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Load {
    version: u64,
    at_ms: i64,
    skus: Vec<Sku>,
}

/// Items were loaded.
#[derive(Serialize)]
struct ItemsLoaded {
    /// How many.
    items: usize,
    /// Which load it was.
    version: u64,
    /// SHA-256 of the request, or HQ's name of it.
    digest: String,
}

impl Act for ItemsLoaded {
    const KIND: ActKind = ActKind { name: "items_loaded", doc: "Items were loaded, new or changed" };
}

/// What was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Loaded {
    /// Items of this request.
    pub loaded: usize,
    /// The version of the catalog that has them.
    pub version: u64,
}

/// Loads items, new or changed; of two with one SKU the later counts.
///
/// # Errors
/// Too many, or an item's text or price is invalid; then nothing is loaded.
pub fn load(transaction: &mut Transaction<'_>, by: &By, items: &[Item], digest: String) -> Result<Loaded, Refusal> {
    LOAD.require(&by.actor)?;
    if items.len() > MAX_LOAD {
        return Err(BAD_REQUEST.because(format!("{} items; send at most {MAX_LOAD} in a load", items.len())));
    }
    items.iter().try_for_each(check)?;
    Ok(put(transaction, by, items, digest)?)
}

/// Writes items that are checked.
fn put(transaction: &mut Transaction<'_>, by: &By, items: &[Item], digest: String) -> Result<Loaded, StoreError> {
    let version = transaction.next_number(VERSION)?;
    for item in items {
        transaction.put(&ITEMS, item.sku.as_str(), item)?;
    }
    let skus = items.iter().map(|item| item.sku.clone()).collect();
    transaction.put(&LOADS, version, &Load { version, at_ms: by.at_ms, skus })?;
    audit::record(transaction, by, &ItemsLoaded { items: items.len(), version, digest })?;
    Ok(Loaded { loaded: items.len(), version })
}

/// An item as a commit finds it.
///
/// # Errors
/// The store fails.
pub fn item(transaction: &Transaction<'_>, sku: &Sku) -> Result<Option<Item>, StoreError> {
    transaction.get(&ITEMS, sku.as_str())
}

/// Items that HQ changed: one load of those that can be sold.
fn changed(
    transaction: &mut Transaction<'_>,
    by: &By,
    wanted: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let (mut items, mut refused) = (Vec::new(), Vec::with_capacity(wanted.len()));
    for wanted in wanted {
        let item = item::CHANGED.read(wanted).map_err(|error| error.to_string());
        let item = item.and_then(|item| check(&item).map(|()| item).map_err(|refusal| refusal.detail));
        refused.push(item.map(|item| items.push(item)).err());
    }
    if let (Some(first), false) = (wanted.first(), items.is_empty()) {
        put(transaction, by, &items, format!("item {} from headquarters, and those after it", first.sequence.0))?;
    }
    Ok(refused)
}

fn check(item: &Item) -> Result<(), Refusal> {
    let texts = [
        ("description", &*item.description),
        ("department", &*item.department),
        ("category", &*item.category),
        ("brand", &*item.brand),
        ("package_size", &*item.package_size),
    ];
    for (field, text) in texts {
        let is_blank = field == "description" && text.trim().is_empty();
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) || is_blank {
            return Err(BAD_REQUEST.because(format!(
                "item {}: `{field}` must be text of at most {MAX_TEXT} bytes without control characters",
                item.sku
            )));
        }
    }
    if item.price.minor.is_negative() || item.price.minor > MAX_LINE_AMOUNT {
        let (sku, price) = (&item.sku, item.price.minor.get());
        return Err(BAD_REQUEST.because(format!(
            "item {sku}: the price {price} is out of range; 0 to {} minor units",
            MAX_LINE_AMOUNT.get()
        )));
    }
    Ok(())
}

/// The last load's version; 0 before the first.
///
/// # Errors
/// The store fails.
pub fn version(store: &Store) -> Result<u64, StoreError> {
    store.last_number(VERSION)
}

/// Items of the loads after a version, in order, and the version they lead to.
fn loaded_since(store: &Store, mut version: u64) -> Result<(u64, Vec<Item>), StoreError> {
    let last = match self::version(store) {
        // No load can be written either until it is repaired.
        Err(StoreError::Corrupt { .. }) => return Ok((version, Vec::new())),
        last => last?,
    };
    let mut items = Vec::new();
    while version < last {
        let loads = store.page(&LOADS, Some(version + 1), Order::Ascending, PAGE)?;
        let Some(end) = loads.last() else { return Ok((last, items)) };
        version = end.version;
        for sku in loads.iter().flat_map(|load| &load.skus) {
            match store.get(&ITEMS, sku.as_str()) {
                Ok(item) => items.extend(item),
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(%error, %sku, "item left out of the catalog");
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok((version, items))
}

fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let too_old = retention.now_ms.saturating_sub(KEPT_MS);
    Ok(vec![("catalog_loads", store.forget(&LOADS, move |load| load.at_ms < too_old)?)])
}

#[cfg(test)]
mod tests;
