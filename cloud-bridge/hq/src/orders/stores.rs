//! The stores as routing needs them: master data, hubs, quotas and open orders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use commerce::stock::{Place, quota::WebQuota};
use contract::HubId;

use super::{Profile, quotas};
use crate::{
    database::{Database, DatabaseError, Row, Transaction, statement::statements, values},
    routing::{Network, Stock, Store},
};

statements! {
    /// All stores.
    ALL = "profile/all";
    /// A store.
    ONE = "profile/one";
    /// Writes stores.
    STORE = "profile/store" + postgres;
    /// When HQ last heard from each hub.
    HEARD = "profile/heard";
    /// The number of open parts of each store.
    BUSY = "profile/busy";
}

/// How far ahead opening times are considered, in milliseconds.
const AHEAD_MS: i64 = 14 * 24 * 60 * 60_000;

/// Writes stores. Others are kept.
///
/// # Errors
/// The database fails.
pub async fn store(transaction: &mut Transaction, profiles: &[Profile], now_ms: i64) -> Result<(), DatabaseError> {
    let row = |profile: &Profile| {
        let body = serde_json::to_string(profile).unwrap_or_default();
        values![profile.store.as_str(), body, now_ms]
    };
    transaction.execute_many(&STORE, profiles.iter().map(row).collect()).await.map(drop)
}

/// All stores.
///
/// # Errors
/// The database fails.
pub async fn all(transaction: &mut Transaction) -> Result<Vec<Profile>, DatabaseError> {
    transaction.query(&ALL, values![]).await?.into_iter().map(profile).collect()
}

/// A store, if it is known.
///
/// # Errors
/// The database fails.
pub async fn one(transaction: &mut Transaction, hub: &HubId) -> Result<Option<Profile>, DatabaseError> {
    transaction.query(&ONE, values![hub.as_str()]).await?.pop().map(profile).transpose()
}

/// The name of a store's time zone; UTC if the store is not known.
///
/// # Errors
/// The database fails.
pub async fn time_zone(database: &Database, hub: &HubId) -> Result<String, DatabaseError> {
    let known = database.read(&ONE, values![hub.as_str()]).await?.pop().map(profile).transpose()?;
    Ok(known.map_or_else(|| "UTC".to_owned(), |profile| profile.time_zone))
}

fn profile(row: Row) -> Result<Profile, DatabaseError> {
    let (body,): (String,) = row.read()?;
    serde_json::from_str(&body).map_err(|error| {
        let found = error.to_string();
        DatabaseError::Column { column: 0, expected: "a store", found }
    })
}

/// When HQ last heard from each hub.
pub(super) async fn heard(transaction: &mut Transaction) -> Result<BTreeMap<HubId, i64>, DatabaseError> {
    let read = |row: Row| {
        let (hub, at_ms): (String, i64) = row.read()?;
        let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
        Ok((hub.parse().map_err(bad)?, at_ms))
    };
    transaction.query(&HEARD, values![]).await?.into_iter().map(read).collect()
}

/// All stores with their current quotas of these items.
pub(super) async fn network(
    transaction: &mut Transaction,
    items: &BTreeSet<Place>,
    now_ms: i64,
) -> Result<Network, DatabaseError> {
    let heard = heard(transaction).await?;
    let mut busy: HashMap<String, u32> = HashMap::new();
    for row in transaction.query(&BUSY, values![]).await? {
        let (hub, open): (String, i64) = row.read()?;
        busy.insert(hub, u32::try_from(open).unwrap_or(u32::MAX));
    }
    let mut stock: BTreeMap<HubId, HashMap<Place, Stock>> = BTreeMap::new();
    for ((hub, sku, unit), quota) in quotas::of_items(transaction, items).await? {
        stock.entry(hub).or_default().insert((sku, unit), of_quota(&quota));
    }
    let store = |profile: Profile| {
        let open = profile.open(now_ms, now_ms.saturating_add(AHEAD_MS));
        Store {
            heard_at_ms: heard.get(&profile.store).copied().unwrap_or(i64::MIN),
            open_orders: busy.get(profile.store.as_str()).copied().unwrap_or(0),
            stock: stock.remove(&profile.store).unwrap_or_default(),
            open,
            store: profile.store,
            at: profile.at,
            zones: profile.zones,
            keeps: profile.keeps,
            capacity: profile.capacity,
            prepare_ms: profile.prepare_minutes.saturating_mul(60_000),
            parcel: profile.parcel,
            per_km: profile.per_km,
            handling: profile.handling,
        }
    };
    Ok(Network { now_ms, stores: all(transaction).await?.into_iter().map(store).collect() })
}

/// HQ only promises granted quotas.
fn of_quota(quota: &WebQuota) -> Stock {
    Stock { quota: quota.left().max(0), confirmed: 0 }
}
