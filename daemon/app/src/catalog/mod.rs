//! The catalog: the items that can be sold.
//!
//! It has two layers. The **base** is HQ's active publication ([`published`]); without HQ there is none. Items that are
//! loaded, changed or delisted individually lie over it. **The latest change wins**: a publication that becomes active
//! replaces everything before it; individual changes after that lie over it until the next one. An item that is missing
//! in a publication is delisted by it.
//!
//! - **A load is all or nothing.** It is one commit, with its version, its audit entry and the answer under its key.
//!   Loads count from 1, and each [`Catalog`] in memory follows them in that order.
//! - A load has new or changed items; others stay. At most [`MAX_LOAD`] items: a larger catalog is loaded in parts.
//! - **A code belongs to one item.** Two items with one GTIN are refused, because a scan would sell the wrong one. Only
//!   the end state of a load or batch counts, so items may swap codes. A delisted item loses its code to a new item.
//! - A delisted item stays on file and is not sold. A load with the item lists it again.
//! - Each item has the version of its last change, so that a register can ask for changes.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the load is stored whole or not at all; its sender repeats it |
//! | an item can't be read | it is missing in the snapshot, and the check reports it |

mod published;
mod snapshot;

use std::{collections::HashMap, ops::Deref, ptr};

use commerce::{Gtin, Item, Sku};
use contract::{DownItem, item};
use published::Base;
use serde::{Deserialize, Serialize};
pub use snapshot::{Catalog, Search};
use store::{Name, Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, IncomingItem,
    audit::{self, Act, ActKind},
    capability::{DAY_MS, Retention, Tidied},
    permission::{Holder, Permission},
    refusal::{BAD_REQUEST, Class, Kind, Member, Refusal},
};

/// Items that were loaded, changed or delisted individually, or delisted by a publication.
static ITEMS: Table<Name, OnFile> = Table::new("item");
/// The item that last came with a code. The code is its own as long as the item has it.
static CODES: Table<Number, Sku> = Table::new("item_code");
/// Loads by version.
static LOADS: Table<Number, Load> = Table::new("catalog_load");

/// The counter of loads and activated publications.
const VERSION: &str = "catalog";

/// The maximum number of items in a load.
pub const MAX_LOAD: usize = 1_000;

/// The number of loads read at once by followers.
const PAGE: usize = 8;

/// How long a load's list of items is kept, in milliseconds.
const KEPT_MS: i64 = 7 * DAY_MS;

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

/// The item is delisted.
pub static ITEM_DELISTED: Kind =
    Kind::new("item-delisted", Class::Rule, "Item delisted", "The item is on file and is not sold any more.")
        .with(&[Member::text("sku", "The item.")]);
/// Another item has the code.
static ITEM_CODE_TAKEN: Kind = Kind::new(
    "item-code-taken",
    Class::Rule,
    "Code of another item",
    "Another item has this GTIN; a scan would sell one for the other. Nothing was loaded.",
)
.with(&[Member::text("sku", "The item that has the code.")]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["item", "item_code", "catalog_load", published::CODES_TABLE],
    refusals: &[&ITEM_UNKNOWN, &ITEM_DELISTED, &ITEM_CODE_TAKEN],
    permissions: &[&READ, &LOAD],
    acts: &[ItemsLoaded::KIND, ItemDelisted::KIND],
    incoming: &[IncomingItem { kind: item::CHANGED.name(), apply: changed }],
    published: &[published::KIND],
    tidy: Some(tidy),
    ..Capability::new("catalog")
};

/// An item on file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnFile {
    /// The item.
    pub item: Item,
    /// The version of its last load, change or delisting.
    pub version: u64,
    /// Whether it is delisted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delisted: bool,
}

impl Deref for OnFile {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.item
    }
}

/// A load and its items.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Load {
    version: u64,
    at_ms: i64,
    skus: Vec<Sku>,
}

/// Items were loaded.
#[derive(Serialize)]
struct ItemsLoaded {
    /// The number of items.
    items: usize,
    /// The version.
    version: u64,
    /// The SHA-256 of the request, or HQ's name of it.
    digest: String,
}

impl Act for ItemsLoaded {
    const KIND: ActKind = ActKind { name: "items_loaded", doc: "Items were loaded, new or changed" };
}

/// An item was delisted.
#[derive(Serialize)]
struct ItemDelisted {
    /// The item.
    sku: Sku,
    /// The version of the delisting.
    version: u64,
}

impl Act for ItemDelisted {
    const KIND: ActKind = ActKind { name: "item_delisted", doc: "An item was delisted: it is not sold any more" };
}

/// A delisted item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delisted {
    /// The item.
    pub sku: Sku,
    /// The version of the delisting.
    pub version: u64,
}

/// The result of a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Loaded {
    /// The number of items in the request.
    pub loaded: usize,
    /// The version of the load.
    pub version: u64,
}

/// Loads new or changed items; of two with one SKU the later counts.
///
/// # Errors
/// There are too many items, one is invalid, or its code belongs to another item; then nothing is loaded.
pub fn load(transaction: &mut Transaction<'_>, by: &By, items: &[Item], digest: String) -> Result<Loaded, Refusal> {
    LOAD.require(&by.actor)?;
    if items.len() > MAX_LOAD {
        return Err(BAD_REQUEST.because(format!("{} items; send at most {MAX_LOAD} in a load", items.len())));
    }
    items.iter().try_for_each(check)?;
    let all: Vec<_> = items.iter().collect();
    if let Some((item, other)) = first_conflict(transaction, &all)? {
        return Err(code_taken(item, &other));
    }
    Ok(put_load(transaction, by, &all, digest)?)
}

/// Of items with one SKU, the last.
fn last_of_each<'i>(items: &[&'i Item]) -> HashMap<&'i Sku, &'i Item> {
    items.iter().map(|item| (&item.sku, *item)).collect()
}

/// The first item whose code belongs to another item once all of these are on file, and that other item. Only the end
/// state counts: items may swap their codes.
fn first_conflict<'i>(
    transaction: &Transaction<'_>,
    items: &[&'i Item],
) -> Result<Option<(&'i Item, Sku)>, StoreError> {
    let (base, last) = (Base::of(transaction)?, last_of_each(items));
    let mut codes: HashMap<Gtin, &Sku> = HashMap::new();
    for item in items.iter().copied().filter(|item| last.get(&item.sku).is_some_and(|last| ptr::eq(*last, *item))) {
        let Some(gtin) = item.gtin else { continue };
        let other = match codes.insert(gtin, &item.sku) {
            Some(other) => Some(other.clone()),
            None => base.holder(transaction, gtin, |other| !last.contains_key(other))?,
        };
        if let Some(other) = other {
            return Ok(Some((item, other)));
        }
    }
    Ok(None)
}

/// Stores a load without conflicts.
fn put_load(transaction: &mut Transaction<'_>, by: &By, items: &[&Item], digest: String) -> Result<Loaded, StoreError> {
    let version = transaction.next_number(VERSION)?;
    for item in last_of_each(items).into_values() {
        let on_file = OnFile { item: item.clone(), version, delisted: false };
        transaction.put(&ITEMS, on_file.sku.as_str(), &on_file)?;
        note_code(transaction, item)?;
    }
    let skus = items.iter().map(|item| item.sku.clone()).collect();
    transaction.put(&LOADS, version, &Load { version, at_ms: by.at_ms, skus })?;
    audit::record(transaction, by, &ItemsLoaded { items: items.len(), version, digest })?;
    Ok(Loaded { loaded: items.len(), version })
}

/// Records that a code is the item's.
fn note_code(transaction: &mut Transaction<'_>, item: &Item) -> Result<(), StoreError> {
    let Some(gtin) = item.gtin else { return Ok(()) };
    if undamaged(transaction.get(&CODES, gtin.number()))?.as_ref() == Some(&item.sku) {
        return Ok(());
    }
    transaction.put(&CODES, gtin.number(), &item.sku)
}

fn code_taken(item: &Item, other: &Sku) -> Refusal {
    let gtin = item.gtin.map(|gtin| gtin.to_string()).unwrap_or_default();
    let detail = format!("item {}: GTIN {gtin} is item {other}'s; correct one of the two", item.sku);
    ITEM_CODE_TAKEN.because(detail).member("sku", other.as_str())
}

/// Ignores damaged records, which a load may replace.
fn undamaged<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        found => found,
    }
}

/// Delists an item: it stays on file and is not sold until a load lists it again. A delisted item does not change.
///
/// # Errors
/// The item is unknown, or the actor lacks the permission.
pub fn delist(transaction: &mut Transaction<'_>, by: &By, sku: &Sku) -> Result<Delisted, Refusal> {
    LOAD.require(&by.actor)?;
    let unknown = || ITEM_UNKNOWN.because(format!("unknown item: SKU {sku}"));
    let on_file = Base::of(transaction)?.on_file(transaction, sku)?.ok_or_else(unknown)?;
    if on_file.delisted {
        return Ok(Delisted { sku: sku.clone(), version: on_file.version });
    }
    let version = transaction.next_number(VERSION)?;
    transaction.put(&ITEMS, sku.as_str(), &OnFile { version, delisted: true, ..on_file })?;
    transaction.put(&LOADS, version, &Load { version, at_ms: by.at_ms, skus: vec![sku.clone()] })?;
    audit::record(transaction, by, &ItemDelisted { sku: sku.clone(), version })?;
    Ok(Delisted { sku: sku.clone(), version })
}

/// Loads HQ's items, as far as they are valid. A refused item leaves the former one on file, which may cause the next
/// conflict.
fn changed(
    transaction: &mut Transaction<'_>,
    by: &By,
    wanted: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let read = |wanted: &&DownItem| {
        let item = item::CHANGED.read(wanted).map_err(|error| error.to_string())?;
        check(&item).map(|()| item).map_err(|refusal| refusal.detail)
    };
    let mut outcomes: Vec<Result<Item, String>> = wanted.iter().map(read).collect();
    loop {
        let items: Vec<_> = outcomes.iter().flatten().collect();
        let Some((item, other)) = first_conflict(transaction, &items)? else { break };
        let why = code_taken(item, &other).detail;
        let refused = outcomes.iter().position(|outcome| outcome.as_ref().is_ok_and(|one| ptr::eq(one, item)));
        if let Some(outcome) = refused.and_then(|place| outcomes.get_mut(place)) {
            *outcome = Err(why);
        }
    }
    let items: Vec<_> = outcomes.iter().flatten().collect();
    if let (Some(first), false) = (wanted.first(), items.is_empty()) {
        let digest = format!("item {} from headquarters, and those after it", first.sequence.0);
        put_load(transaction, by, &items, digest)?;
    }
    Ok(outcomes.into_iter().map(Result::err).collect())
}

fn check(item: &Item) -> Result<(), Refusal> {
    item.check().map_err(|why| BAD_REQUEST.because(why))
}

/// The version of the last load or activated publication; 0 before the first.
///
/// # Errors
/// The store fails.
pub fn version(store: &Store) -> Result<u64, StoreError> {
    store.last_number(VERSION)
}

/// The items of all loads after a version, in order, and the last version.
fn loaded_since(store: &Store, mut version: u64) -> Result<(u64, Vec<OnFile>), StoreError> {
    let last = match self::version(store) {
        // No load can be stored either until it is repaired.
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
                    tracing::error!(%error, %sku, "item missing in the catalog");
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok((version, items))
}

fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let too_old = retention.now_ms.saturating_sub(KEPT_MS);
    let loads = store.forget(&LOADS, move |load| load.at_ms < too_old)?;
    Ok(vec![("catalog_loads", loads), ("catalog_codes", published::tidy(store)?)])
}

#[cfg(test)]
mod tests;
