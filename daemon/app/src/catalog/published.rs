//! The base of the catalog: HQ's active publication.

use std::collections::{HashMap, HashSet};

use commerce::{Gtin, Item, Sku};
use contract::{
    PublicationKind,
    publication::{CATALOG, Manifest, Record, State},
};
use serde::{Deserialize, Serialize};
use store::{NameNumber, Purpose, Store, StoreError, Table, Transaction};

use super::{CODES, ITEMS, OnFile, VERSION, check, undamaged};
use crate::{
    PublishedKind, Touched,
    card_data::look_through,
    publications::{self, InForce},
    refusal::{BUSY, Refusal},
};

pub(super) const CODES_TABLE: &str = "catalog_code";

/// The codes of a publication's items, by version and in [`BUCKETS`], so that a commit can find a code's item.
static CODES_OF: Table<NameNumber, Codes> = Table::new("catalog_code");

const BUCKETS: u64 = 256;

/// The number of buckets or items written in one commit.
const AT_ONCE: usize = 64;

/// The percentage of the store's items that a publication may omit, unless it says that it may shrink.
const MAY_LEAVE_OUT: u64 = 20;

/// HQ's catalog.
pub(super) const KIND: PublishedKind = PublishedKind { kind: CATALOG, prepare, touched, activate, settle };

/// A bucket of a publication's codes.
#[derive(Serialize, Deserialize)]
struct Codes {
    version: u64,
    bucket: u64,
    items: Vec<(Gtin, Sku)>,
}

/// Parses an item of a publication.
pub(super) fn item(record: &Record) -> Result<Item, String> {
    let Record(key, body) = record;
    let invalid = |why: String| format!("item `{}`: {why}", key.escape_debug());
    let item: Item = serde_json::from_str(body.get()).map_err(|error| invalid(error.to_string()))?;
    if item.sku.as_str() == key { Ok(item) } else { Err(invalid(format!("its SKU is {}", item.sku))) }
}

/// Checks the items by the catalog's rules, and that no two have one code.
fn prepare(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    let mut of_codes: HashMap<Gtin, Sku> = HashMap::new();
    let (mut failed, mut wrong) = (None, None);
    publications::each_record(store, &manifest.segments, |record| match record {
        Ok((_, record)) if wrong.is_none() => {
            wrong = checked(&record).and_then(|item| take_code(&mut of_codes, &item)).err();
        }
        Ok(_) => {}
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let sold = sold(store)?;
    let least = sold * (100 - MAY_LEAVE_OUT) / 100;
    if manifest.records < least && !manifest.may_shrink {
        wrong = wrong.or_else(|| {
            Some(format!(
                "{} items, and the store sells {sold}: it would lose more than {MAY_LEAVE_OUT} %; if that is meant, \
                 publish it with --may-shrink",
                manifest.records
            ))
        });
    }
    match wrong {
        Some(why) => Ok(Err(why)),
        None => put_codes(store, manifest.version, of_codes).map(Ok),
    }
}

fn checked(record: &Record) -> Result<Item, String> {
    let item = item(record)?;
    check(&item).map_err(|refusal| refusal.detail)?;
    let value = serde_json::from_str(record.1.get()).map_err(|error| error.to_string())?;
    look_through(&value).map_err(|refusal| format!("item {}: {}", item.sku, refusal.detail))?;
    Ok(item)
}

fn take_code(of_codes: &mut HashMap<Gtin, Sku>, item: &Item) -> Result<(), String> {
    let Some(gtin) = item.gtin else { return Ok(()) };
    match of_codes.insert(gtin, item.sku.clone()) {
        None => Ok(()),
        Some(other) => Err(format!("item {}: item {other} also has GTIN {gtin}; a scan must sell one item", item.sku)),
    }
}

/// The number of items that the store sells.
fn sold(store: &Store) -> Result<u64, StoreError> {
    if let Some(base) = publications::in_force(store, CATALOG)? {
        return Ok(base.manifest.records);
    }
    let mut sold = 0;
    store.each(&ITEMS, |item| sold += u64::from(item.is_ok_and(|item| !item.delisted)))?;
    Ok(sold)
}

fn put_codes(store: &Store, version: u64, of_codes: HashMap<Gtin, Sku>) -> Result<(), StoreError> {
    let mut buckets: HashMap<u64, Vec<(Gtin, Sku)>> = HashMap::new();
    for (gtin, sku) in of_codes {
        buckets.entry(gtin.number() % BUCKETS).or_default().push((gtin, sku));
    }
    let all: Vec<_> = buckets.into_iter().map(|(bucket, items)| Codes { version, bucket, items }).collect();
    in_parts(store, Purpose::Ordinary, all, |transaction, Codes { version, bucket, mut items }| {
        items.sort();
        transaction.put(&CODES_OF, (&version.to_string(), bucket), &Codes { version, bucket, items })
    })
}

/// Commits work in parts, so that no commit is large.
fn in_parts<T: Send + 'static>(
    store: &Store,
    purpose: Purpose,
    all: Vec<T>,
    work: fn(&mut Transaction<'_>, T) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut all = all.into_iter();
    loop {
        let part: Vec<_> = all.by_ref().take(AT_ONCE).collect();
        if part.is_empty() {
            return Ok(());
        }
        store.commit_blocking_for(purpose, move |transaction| {
            part.into_iter().try_for_each(|one| work(transaction, one))
        })?;
    }
}

/// The items over a base.
fn touched(store: &Store, since: u64) -> Result<Touched, StoreError> {
    let generation = super::version(store)?;
    let (mut keys, mut failed) = (Vec::new(), None);
    store.each(&ITEMS, |item| match item {
        Ok(item) if item.version > since => keys.push(item.item.sku.into()),
        Ok(_) | Err(StoreError::Corrupt { .. }) => {}
        Err(error) => failed = Some(error),
    })?;
    failed.map_or(Ok(Touched { generation, keys }), Err)
}

fn activate(transaction: &mut Transaction<'_>, generation: u64) -> Result<u64, Refusal> {
    let next = transaction.next_number(VERSION)?;
    if next == generation + 1 { Ok(next) } else { Err(BUSY.because("items were loaded just now; try again")) }
}

/// Cleans up after a publication became active: stores the items that it omits as delisted, and deletes the items over
/// the former base, so that only those over the new one are left.
fn settle(store: &Store) -> Result<(), StoreError> {
    let Some(base) = publications::in_force(store, CATALOG)? else { return Ok(()) };
    let generation = base.active.generation;
    let skus = base_skus(store, &base)?;
    let mut gone: HashMap<Sku, Item> = HashMap::new();
    gone_items(store, &base, |item| {
        if !skus.contains(item.sku.as_str()) {
            gone.insert(item.sku.clone(), item);
        }
    })?;
    let mut superseded = Vec::new();
    store.each(&ITEMS, |row| {
        let Ok(row) = row else { return };
        if row.version > generation {
            gone.remove(&row.item.sku);
        } else if skus.contains(row.sku.as_str()) {
            superseded.push((row.item.sku, generation));
        } else if row.delisted {
            gone.remove(&row.item.sku);
        } else {
            gone.insert(row.item.sku.clone(), row.item);
        }
    })?;
    in_parts(store, Purpose::Housekeeping, superseded, |transaction, (sku, generation)| {
        if undamaged(transaction.get(&ITEMS, sku.as_str()))?.is_some_and(|row| row.version <= generation) {
            transaction.delete(&ITEMS, sku.as_str());
        }
        Ok(())
    })?;
    let gone = gone.into_values().map(|item| OnFile { item, version: generation, delisted: true }).collect();
    in_parts(store, Purpose::Housekeeping, gone, |transaction, row: OnFile| {
        if undamaged(transaction.get(&ITEMS, row.sku.as_str()))?.is_none_or(|now| now.version <= row.version) {
            transaction.put(&ITEMS, row.item.sku.as_str(), &row)?;
        }
        Ok(())
    })
}

/// The SKUs of a base. Fails if any cannot be read, because an incomplete set must not lead to deletions.
fn base_skus(store: &Store, base: &InForce) -> Result<HashSet<String>, StoreError> {
    let (mut skus, mut failed) = (HashSet::new(), None);
    publications::each_record(store, &base.manifest.segments, |record| match record {
        Ok((_, Record(key, _))) => drop(skus.insert(key)),
        Err(error) => failed = Some(error),
    })?;
    failed.map_or(Ok(skus), Err)
}

/// The items of the replaced publication, until cleaning up is done.
pub(super) fn gone_items(store: &Store, base: &InForce, mut take: impl FnMut(Item)) -> Result<(), StoreError> {
    let replaced = base.active.unsettled.as_ref().and_then(|replaced| replaced.version);
    let Some(former) = replaced else { return Ok(()) };
    let former = match publications::manifest(store, CATALOG, former) {
        Err(StoreError::Corrupt { .. }) => return Ok(()),
        former => former?,
    };
    let kept: HashSet<_> = base.manifest.segments.iter().map(|entry| entry.digest).collect();
    let other: Vec<_> = former.segments.into_iter().filter(|entry| !kept.contains(&entry.digest)).collect();
    publications::each_record(store, &other, |record| {
        if let Ok((_, record)) = record
            && let Ok(item) = item(&record)
        {
            take(item);
        }
    })
}

/// The base in a commit.
pub(super) struct Base(Option<InForce>);

impl Base {
    pub(super) fn of(transaction: &Transaction<'_>) -> Result<Self, StoreError> {
        publications::in_force_now(transaction, CATALOG).map(Self)
    }

    fn generation(&self) -> u64 {
        self.0.as_ref().map_or(0, |base| base.active.generation)
    }

    /// An item on file, in either layer.
    pub(super) fn on_file(&self, transaction: &Transaction<'_>, sku: &Sku) -> Result<Option<OnFile>, StoreError> {
        let row = transaction.get(&ITEMS, sku.as_str())?;
        let Some(base) = &self.0 else { return Ok(row) };
        if row.as_ref().is_some_and(|row| row.version > base.active.generation) {
            return Ok(row);
        }
        let found = publications::find(transaction, &base.manifest.segments, sku.as_str())?;
        let Some((place, record)) = found else {
            return Ok(row.map(|row| OnFile { delisted: true, ..row }));
        };
        let version = base.active.since.get(place).copied().unwrap_or_default();
        // It was checked on arrival.
        Ok(item(&record).ok().map(|item| OnFile { item, version, delisted: false }))
    }

    /// The item on file with a code, among those that `counts` selects.
    pub(super) fn holder(
        &self,
        transaction: &Transaction<'_>,
        gtin: Gtin,
        counts: impl Fn(&Sku) -> bool,
    ) -> Result<Option<Sku>, StoreError> {
        let last = undamaged(transaction.get(&CODES, gtin.number()))?;
        let of_base = self.holder_in_base(transaction, gtin)?;
        for other in last.iter().chain(&of_base).filter(|other| counts(other)) {
            let row = undamaged(transaction.get(&ITEMS, other.as_str()))?;
            let has_it = match row.filter(|row| row.version > self.generation()) {
                Some(row) => !row.delisted && row.gtin == Some(gtin),
                None => of_base.as_ref() == Some(other),
            };
            if has_it {
                return Ok(Some(other.clone()));
            }
        }
        Ok(None)
    }

    fn holder_in_base(&self, transaction: &Transaction<'_>, gtin: Gtin) -> Result<Option<Sku>, StoreError> {
        let Some(base) = &self.0 else { return Ok(None) };
        let key = (&*base.active.version.to_string(), gtin.number() % BUCKETS);
        let codes = undamaged(transaction.get(&CODES_OF, key))?.map(|codes| codes.items).unwrap_or_default();
        let place = codes.binary_search_by_key(&gtin, |(code, _)| *code);
        Ok(place.ok().and_then(|place| codes.into_iter().nth(place)).map(|(_, sku)| sku))
    }
}

/// Deletes the codes of publications that can no longer be active.
pub(super) fn tidy(store: &Store) -> Result<u64, StoreError> {
    let (mut all, mut failed) = (Vec::new(), None);
    store.each(&CODES_OF, |codes| match codes {
        Ok(Codes { version, bucket, .. }) => all.push((version, bucket)),
        Err(StoreError::Corrupt { .. }) => {}
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if all.is_empty() {
        return Ok(0);
    }
    let may_count = |state| matches!(state, State::Fetching | State::Waiting | State::Active | State::Former);
    let is_catalog = |kind: &PublicationKind| kind.as_str() == CATALOG;
    let needed: HashSet<_> = publications::list(store)?
        .into_iter()
        .filter(|publication| is_catalog(&publication.announcement.kind) && may_count(publication.state))
        .map(|publication| publication.announcement.version)
        .collect();
    all.retain(|(version, _)| !needed.contains(version));
    let count = all.len() as u64;
    in_parts(store, Purpose::Housekeeping, all, |transaction, (version, bucket)| {
        transaction.delete(&CODES_OF, (&version.to_string(), bucket));
        Ok(())
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests;
