//! HQ's side of the stores' web quotas ([`commerce::stock::quota`]), as rows.
//!
//! Quotas change only under row locks, which are taken in order to avoid deadlocks. HQ's sales are its decisions, not
//! effects of events: `rebuild` does not touch them. The quotas of an earlier epoch of the hub are void. After HQ was
//! restored from a backup, the store's totals restore the quotas.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    Sku, Unit,
    stock::{
        Place,
        quota::{Totals, WebQuota},
    },
};
use contract::HubId;

use crate::database::{DatabaseError, Lock, Row, Transaction, Value, statement::statements, values};

statements! {
    /// Quotas, locked until the transaction ends.
    LOCK = "web_quota/lock" + postgres;
    /// Writes quotas.
    STORE = "web_quota/store" + postgres;
    /// The quotas of items, at all stores.
    OF_ITEM = "web_quota/of_item" + postgres;
    /// The quotas of a store.
    PAGE_OF_STORE = "web_quota/page_of_store";
    /// The quotas of an item.
    PAGE_OF_ITEM = "web_quota/page_of_item";
    /// The units in which stores sell items.
    KNOWN = "web_quota/known" + postgres;
}

/// A quota: the store, the item and its unit.
pub(crate) type Key = (HubId, Sku, Unit);

/// Quotas, locked until the transaction ends. Missing ones are empty.
pub(crate) async fn lock(
    transaction: &mut Transaction,
    keys: &BTreeSet<Key>,
) -> Result<BTreeMap<Key, WebQuota>, DatabaseError> {
    let lock = |(hub, sku, unit): &Key| Lock::Quota(hub.to_string(), sku.to_string(), unit.name());
    for lock in keys.iter().map(lock).collect::<BTreeSet<_>>() {
        transaction.lock(lock);
    }
    let wanted = keys.iter().map(|(hub, sku, unit)| values![hub.as_str(), sku.as_str(), unit.name()]);
    let rows = transaction.query_many(&LOCK, wanted.collect()).await?;
    let mut quotas: BTreeMap<_, _> = keys.iter().map(|key| (key.clone(), WebQuota::default())).collect();
    for row in rows {
        let (key, quota) = read(row)?;
        quotas.insert(key, quota);
    }
    Ok(quotas)
}

/// Writes locked quotas.
pub(crate) async fn store(
    transaction: &mut Transaction,
    quotas: &BTreeMap<Key, WebQuota>,
) -> Result<(), DatabaseError> {
    let row = |((hub, sku, unit), WebQuota { totals }): (&Key, &WebQuota)| {
        let Totals { epoch, as_of_ms, granted, spent, recalled, returned, refused } = *totals;
        let epoch = Value::unsigned("epoch", epoch)?;
        let key = [hub.as_str(), sku.as_str(), unit.name()];
        let [hub, sku, unit] = key;
        Ok(values![hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused])
    };
    let rows = quotas.iter().map(row).collect::<Result<_, DatabaseError>>()?;
    transaction.execute_many(&STORE, rows).await.map(drop)
}

/// The current quotas of items at all stores.
pub(crate) async fn of_items(
    transaction: &mut Transaction,
    items: &BTreeSet<Place>,
) -> Result<Vec<(Key, WebQuota)>, DatabaseError> {
    let wanted = items.iter().map(|(sku, unit)| values![sku.as_str(), unit.name()]).collect();
    transaction.query_many(&OF_ITEM, wanted).await?.into_iter().map(read).collect()
}

/// The units in which stores sell items, from quotas and stock. Unknown items are missing.
pub(crate) async fn units(
    transaction: &mut Transaction,
    items: BTreeSet<Sku>,
) -> Result<BTreeMap<Sku, BTreeSet<Unit>>, DatabaseError> {
    let mut units: BTreeMap<Sku, BTreeSet<Unit>> = BTreeMap::new();
    let wanted = items.iter().map(|sku| values![sku.as_str()]).collect();
    for row in transaction.query_many(&KNOWN, wanted).await? {
        let (sku, unit): (String, String) = row.read()?;
        units.entry(self::sku(sku)?).or_default().insert(self::unit(&unit)?);
    }
    Ok(units)
}

/// Reads a quota.
pub(crate) fn read(row: Row) -> Result<(Key, WebQuota), DatabaseError> {
    let (hub, sku, unit, epoch, as_of_ms, granted, spent, recalled, returned, refused) = row.read()?;
    let (hub, unit): (String, String) = (hub, unit);
    let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
    let key = (hub.parse().map_err(bad)?, self::sku(sku)?, self::unit(&unit)?);
    Ok((key, WebQuota { totals: Totals { epoch, as_of_ms, granted, spent, recalled, returned, refused } }))
}

fn sku(text: String) -> Result<Sku, DatabaseError> {
    text.try_into().map_err(|found| DatabaseError::Column { column: 1, expected: "an item's number", found })
}

fn unit(name: &str) -> Result<Unit, DatabaseError> {
    let found = || DatabaseError::Column { column: 2, expected: "a unit", found: name.to_owned() };
    Unit::ALL.into_iter().find(|unit| unit.name() == name).ok_or_else(found)
}
