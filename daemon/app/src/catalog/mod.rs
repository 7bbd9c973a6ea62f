//! The catalog: what can be sold.
//!
//! It has two layers. The **base** is the publication of HQ that is active ([`published`]); without HQ there is none.
//! What is loaded, changed or delisted on its own lies over it, item by item. The rule between them: **what came into
//! force last counts**. When a publication becomes active, it counts as a whole, over everything that was changed before;
//! what is changed after that lies over it until the next one. An item that a publication does not have is delisted by
//! it.
//!
//! - **A load is whole.** It is one commit, with its version, its audit entry and the answer under its key. Loads count
//!   from 1 and are followed in that order by whoever keeps a [`Catalog`] in memory, whoever loads at once.
//! - A load names items that are new or changed; what it does not name stays. At most [`MAX_LOAD`] items: a larger
//!   catalog comes in parts.
//! - **A code is one item's.** Two items with one GTIN are refused, in one load and against what is on file: a scan must
//!   not sell the other item. A delisted item gives its code up to the next that comes with it.
//! - An item that is delisted stays on file and is not sold. A load that names it lists it again.
//! - Each item has the version it came or changed with, so that a register can ask for what is new to it.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the answer | the load is there whole or not at all; its sender repeats it |
//! | an item can't be read | it is left out of the snapshot, and named by the check |

mod published;
mod snapshot;

use std::ops::Deref;

use commerce::{Item, Sku};
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

/// Items that were loaded, changed or delisted on their own, or by a publication that does not have them.
static ITEMS: Table<Name, OnFile> = Table::new("item");
/// Which item last came with a code. It is that item's as long as the item says so.
static CODES: Table<Number, Sku> = Table::new("item_code");
/// Loads by version.
static LOADS: Table<Number, Load> = Table::new("catalog_load");

/// The counter of loads, and of publications that became active.
const VERSION: &str = "catalog";

/// Items in one load.
pub const MAX_LOAD: usize = 1_000;

/// Loads read at once when they are followed.
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

/// The item is on file, and not sold any more.
pub static ITEM_DELISTED: Kind =
    Kind::new("item-delisted", Class::Rule, "Item delisted", "The item is on file and is not sold any more.")
        .with(&[Member { name: "sku", doc: "The item." }]);
/// Two items can't have one code.
static ITEM_CODE_TAKEN: Kind = Kind::new(
    "item-code-taken",
    Class::Rule,
    "Code of another item",
    "Another item has this GTIN; a scan would sell one for the other. Nothing of the load was taken.",
)
.with(&[Member { name: "sku", doc: "The item that has the code." }]);

/// What this capability declares.
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

/// An item as it is on file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnFile {
    /// As it was loaded.
    pub item: Item,
    /// The load that it came, changed or was delisted with.
    pub version: u64,
    /// It is not sold any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delisted: bool,
}

impl Deref for OnFile {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.item
    }
}

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

/// An item was delisted.
#[derive(Serialize)]
struct ItemDelisted {
    /// Which.
    sku: Sku,
    /// The version of the catalog that does not sell it.
    version: u64,
}

impl Act for ItemDelisted {
    const KIND: ActKind = ActKind { name: "item_delisted", doc: "An item was delisted: it is not sold any more" };
}

/// An item that was delisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delisted {
    /// Which.
    pub sku: Sku,
    /// The version of the catalog that does not sell it.
    pub version: u64,
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
/// Too many, an item's text or price is invalid, or its code is another item's; then nothing is loaded.
pub fn load(transaction: &mut Transaction<'_>, by: &By, items: &[Item], digest: String) -> Result<Loaded, Refusal> {
    LOAD.require(&by.actor)?;
    if items.len() > MAX_LOAD {
        return Err(BAD_REQUEST.because(format!("{} items; send at most {MAX_LOAD} in a load", items.len())));
    }
    items.iter().try_for_each(check)?;
    let base = Base::of(transaction)?;
    let version = transaction.next_number(VERSION)?;
    for item in items {
        put(transaction, item, version)?;
    }
    // By what all of the load say together: items may swap their codes. Of two with one SKU the first may say nothing.
    for item in items {
        if transaction.get(&ITEMS, item.sku.as_str())?.is_none_or(|on_file| on_file.gtin != item.gtin) {
            continue;
        }
        if let Some(other) = base.holder(transaction, item)? {
            return Err(code_taken(item, &other));
        }
        note_code(transaction, item)?;
    }
    Ok(finish(transaction, by, items, version, digest)?)
}

fn put(transaction: &mut Transaction<'_>, item: &Item, version: u64) -> Result<(), StoreError> {
    let on_file = OnFile { item: item.clone(), version, delisted: false };
    transaction.put(&ITEMS, on_file.sku.as_str(), &on_file)
}

/// Writes down a load whose items are written.
fn finish(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[Item],
    version: u64,
    digest: String,
) -> Result<Loaded, StoreError> {
    let skus = items.iter().map(|item| item.sku.clone()).collect();
    transaction.put(&LOADS, version, &Load { version, at_ms: by.at_ms, skus })?;
    audit::record(transaction, by, &ItemsLoaded { items: items.len(), version, digest })?;
    Ok(Loaded { loaded: items.len(), version })
}

/// Makes an item's code its own.
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

/// What is damaged keeps no load from coming, which may mend it.
fn undamaged<T>(found: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        found => found,
    }
}

/// Delists an item: it stays on file and is not sold, until a load names it. One that is delisted stays as it is.
///
/// # Errors
/// There is none, or whoever asks may not.
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

/// Items that HQ changed: one load of those that can be sold.
fn changed(
    transaction: &mut Transaction<'_>,
    by: &By,
    wanted: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let base = Base::of(transaction)?;
    let (mut items, mut refused) = (Vec::new(), Vec::with_capacity(wanted.len()));
    let mut version = None;
    for wanted in wanted {
        let read = item::CHANGED.read(wanted).map_err(|error| error.to_string());
        let checked = read.and_then(|item| check(&item).map(|()| item).map_err(|refusal| refusal.detail));
        let item = match checked {
            Ok(item) => item,
            Err(why) => {
                refused.push(Some(why));
                continue;
            }
        };
        // One by one: each against what is on file when its turn comes.
        if let Some(other) = base.holder(transaction, &item)? {
            refused.push(Some(code_taken(&item, &other).detail));
            continue;
        }
        let version = match version {
            Some(version) => version,
            None => *version.insert(transaction.next_number(VERSION)?),
        };
        put(transaction, &item, version)?;
        note_code(transaction, &item)?;
        items.push(item);
        refused.push(None);
    }
    if let (Some(first), Some(version)) = (wanted.first(), version) {
        let digest = format!("item {} from headquarters, and those after it", first.sequence.0);
        finish(transaction, by, &items, version, digest)?;
    }
    Ok(refused)
}

fn check(item: &Item) -> Result<(), Refusal> {
    item.check().map_err(|why| BAD_REQUEST.because(why))
}

/// The version of the last load, or of the last publication that became active; 0 before the first.
///
/// # Errors
/// The store fails.
pub fn version(store: &Store) -> Result<u64, StoreError> {
    store.last_number(VERSION)
}

/// Items of the loads after a version, in order, and the version they lead to.
fn loaded_since(store: &Store, mut version: u64) -> Result<(u64, Vec<OnFile>), StoreError> {
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
    let loads = store.forget(&LOADS, move |load| load.at_ms < too_old)?;
    Ok(vec![("catalog_loads", loads), ("catalog_codes", published::tidy(store)?)])
}

#[cfg(test)]
mod tests;
