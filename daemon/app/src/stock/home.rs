//! What a commit must know of this store and of its config, for items of HQ, which come without either.

use commerce::{Currency, order};
use contract::HubId;
use serde::{Deserialize, Serialize};
use store::{Name, StoreError, Table, Transaction};

/// Of the running hub.
static HOME: Table<Name, Home> = Table::new("stock_home");

/// Its only key.
const KEY: &str = "home";

/// This store and its policies, as the config has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The hub's name.
    pub hub: HubId,
    /// The store's epoch.
    pub epoch: u64,
    /// The store's currency.
    pub currency: Currency,
    /// How orders are handled.
    pub orders: order::Policy,
}

/// Stores what the config says. The hub does so at each start, before it serves.
///
/// # Errors
/// The store fails.
pub fn put_home(transaction: &mut Transaction<'_>, home: &Home) -> Result<(), StoreError> {
    match transaction.get(&HOME, KEY) {
        Ok(Some(stored)) if stored == *home => Ok(()),
        // A damaged record is written again.
        Ok(_) | Err(StoreError::Corrupt { .. }) => transaction.put(&HOME, KEY, home),
        Err(error) => Err(error),
    }
}

/// This store.
pub(crate) fn home(transaction: &Transaction<'_>) -> Result<Home, StoreError> {
    let missing = || StoreError::Corrupt {
        table: HOME.name(),
        key: KEY.to_owned(),
        why: "the hub writes it when it starts, but it is missing".into(),
    };
    transaction.get(&HOME, KEY)?.ok_or_else(missing)
}
