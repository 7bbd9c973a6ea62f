//! The records of customers and how to find them.

use commerce::customer::{CustomerId, Lookup, Profile, keys};
use contract::customer::ProgrammePublished;
use serde::{Deserialize, Serialize};
use store::{Checked, Depth, Name, NameName, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

/// Profiles by id.
pub(super) static CUSTOMERS: Table<Name, Profile> = Table::new("customer");
/// Customers by key and id.
static KEYS: Table<NameName, Keyed> = Table::new("customer_key");
/// Ids that were merged into others.
pub(super) static ALIASES: Table<Name, CustomerId> = Table::new("customer_alias");
/// The state of this capability, under one key.
pub(super) static STATE: Table<Name, State> = Table::new("customer_state");
/// The loyalty programme, under one key.
pub(super) static PROGRAMME: Table<Name, ProgrammePublished> = Table::new("loyalty_programme");

/// The only key of tables with one record.
pub(super) const ONLY: &str = "only";

/// The most customers that a look-up finds.
pub(super) const MOST: usize = 20;

/// The most keys that a look-up reads: a short beginning of a name fits many.
const MOST_KEYS: usize = 400;

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Keyed {
    key: String,
    id: CustomerId,
}

/// What the hub knows about its profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The epoch in which they were asked for.
    pub(super) epoch: u64,
    /// When HQ last told one: milliseconds since 1970, UTC.
    pub(super) as_of_ms: i64,
}

/// The customers that were looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CustomersFound)]
pub struct Found {
    /// The customers, at most 20.
    pub customers: Vec<Profile>,
    /// When HQ last told this store about customers: milliseconds since 1970, UTC; 0 if never.
    pub as_of_ms: i64,
}

/// Looks customers up. Blocks.
///
/// # Errors
/// The engine fails.
pub fn find(store: &Store, lookup: &Lookup) -> Result<Found, StoreError> {
    let as_of_ms = store.get(&STATE, ONLY)?.unwrap_or_default().as_of_ms;
    let Some((key, is_prefix)) = lookup.key() else { return Ok(Found { customers: Vec::new(), as_of_ms }) };
    let limit = if is_prefix { MOST_KEYS } else { MOST + 1 };
    let entries = store.readable_page(&KEYS, Some((key.as_str(), "")), Order::Ascending, limit, |_| {
        // The error names the key: a phone number, an address or a name.
        tracing::error!("an entry of the index of customers is damaged");
    })?;
    let fits = |entry: &Keyed| if is_prefix { entry.key.starts_with(&key) } else { entry.key == key };
    let mut customers: Vec<Profile> = Vec::new();
    for entry in entries.into_iter().take_while(fits) {
        if customers.len() == MOST {
            break;
        }
        let is_new = customers.iter().all(|known| known.id != entry.id);
        match store.get(&CUSTOMERS, entry.id.as_str()) {
            Ok(Some(profile)) if is_new && lookup.matches(&profile) => customers.push(profile),
            Ok(_) | Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Found { customers, as_of_ms })
}

/// The profile of a customer; of one that was merged, that of the other. Blocks.
///
/// # Errors
/// The store fails.
pub fn profile(store: &Store, id: &CustomerId) -> Result<Option<Profile>, StoreError> {
    let alias = store.get(&ALIASES, id.as_str())?;
    store.get(&CUSTOMERS, alias.as_ref().unwrap_or(id).as_str())
}

/// The same in a commit.
pub(super) fn read(transaction: &Transaction<'_>, id: &CustomerId) -> Result<Option<Profile>, StoreError> {
    let alias = transaction.get(&ALIASES, id.as_str())?;
    transaction.get(&CUSTOMERS, alias.as_ref().unwrap_or(id).as_str())
}

/// Another customer with a phone number, an e-mail address or a card of this profile.
pub(super) fn same_person(store: &Store, profile: &Profile) -> Result<Option<CustomerId>, StoreError> {
    for key in keys(profile).iter().filter(|key| !key.starts_with('n')) {
        let entries = store.readable_page(&KEYS, Some((key.as_str(), "")), Order::Ascending, 2, |_| {})?;
        let other = entries.into_iter().find(|entry| entry.key == *key && entry.id != profile.id);
        if let Some(other) = other {
            return Ok(Some(other.id));
        }
    }
    Ok(None)
}

/// Writes a profile with its keys.
pub(super) fn put(transaction: &mut Transaction<'_>, profile: &Profile) -> Result<(), StoreError> {
    let before = match transaction.get(&CUSTOMERS, profile.id.as_str()) {
        // The keys of a damaged profile stay; a look-up compares them with what is there now.
        Err(StoreError::Corrupt { .. }) => None,
        found => found?,
    };
    let id = profile.id.as_str();
    let (old, new) = (before.as_ref().map(keys).unwrap_or_default(), keys(profile));
    for key in old.iter().filter(|key| !new.contains(key)) {
        transaction.delete(&KEYS, (key.as_str(), id));
    }
    for key in new.iter().filter(|key| !old.contains(key)) {
        transaction.put(&KEYS, (key.as_str(), id), &Keyed { key: key.clone(), id: profile.id.clone() })?;
    }
    transaction.delete(&ALIASES, id);
    transaction.put(&CUSTOMERS, id, profile)
}

/// Deletes a profile with its keys.
pub(super) fn delete(transaction: &mut Transaction<'_>, id: &CustomerId) -> Result<(), StoreError> {
    match transaction.get(&CUSTOMERS, id.as_str()) {
        Ok(Some(profile)) => {
            for key in keys(&profile) {
                transaction.delete(&KEYS, (key.as_str(), id.as_str()));
            }
        }
        Ok(None) | Err(StoreError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    transaction.delete(&CUSTOMERS, id.as_str());
    Ok(())
}

/// Forgets all profiles. Blocks.
pub(super) fn forget_all(store: &Store) -> Result<(), StoreError> {
    store.forget(&KEYS, |_| true)?;
    store.forget(&ALIASES, |_| true)?;
    store.forget(&CUSTOMERS, |_| true).map(drop)
}

/// Checks that profiles can be read.
pub(super) fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    if depth == Depth::Fast {
        return Ok(());
    }
    let (mut faults, mut records) = (Vec::new(), 0);
    store.each(&CUSTOMERS, |profile| {
        records += 1;
        faults.extend(profile.err().map(|error| error.to_string()));
    })?;
    store.each(&KEYS, |entry| {
        records += 1;
        // The error names the key: a phone number, an address or a name.
        faults.extend(entry.err().map(|_| "an entry of the index of customers is damaged".to_owned()));
    })?;
    checked.records += records;
    for fault in faults {
        checked.fault(fault);
    }
    Ok(())
}
