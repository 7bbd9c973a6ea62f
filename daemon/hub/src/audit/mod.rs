//! The audit trail: who did what that somebody may ask about one day.
//!
//! An entry is written in the commit of what it tells, so neither is there without the other, and is a link of the store's hash chain, together with
//! the sales: it can't be changed, taken out or put in unseen. It is kept for as long as the sales of its time.

mod routes;

use commerce::stock::{Decided, Policy};
pub use routes::router;
use serde::{Deserialize, Serialize};
use store::{Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::hub::now_ms;

static ENTRIES: Table<Number, Entry> = Table::linked("audit");

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub number: u64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// A register by its name, `(console)` for a person there, `(hub)` for the hub itself, `(shell)` for a person at the machine.
    pub who: String,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A register got its token.
    Paired {
        /// Which.
        register: String,
    },
    /// Items were loaded, new or changed.
    ItemsLoaded {
        /// How many.
        items: u64,
        /// Their digest, SHA-256 of the request.
        digest: String,
    },
    /// A payment that nobody could tell the end of was decided by a person.
    PaymentDecided {
        /// Which.
        payment: String,
        /// As the terminal's journal says.
        charged: bool,
    },
    /// The unpaid basket of a register was given up by a person.
    BasketAbandoned {
        /// Which.
        basket: String,
        /// Whose.
        register: String,
    },
    /// Variances of a count were decided by a person.
    CountDecided {
        /// Which count.
        count: u64,
        /// How, item by item.
        lines: Vec<Decided>,
    },
    /// How an item's stock is kept was set by a person.
    PolicySet {
        /// From then on.
        policy: Policy,
    },
    /// The store was restored from a backup.
    Restored {
        /// Entries in it.
        entries: u64,
        /// The epoch that begins with it.
        epoch: u64,
    },
    /// The store was moved to another engine.
    Converted {
        /// Which.
        engine: String,
    },
}

/// Who acts at the machine itself.
pub const SHELL: &str = "(shell)";

/// Writes an entry, in the commit of what it tells.
///
/// # Errors
/// The store fails.
pub fn record(transaction: &mut Transaction<'_>, who: &str, act: Act) -> Result<(), StoreError> {
    let number = transaction.next_number("audit")?;
    transaction.put(&ENTRIES, number, &Entry { number, at_ms: now_ms(), who: who.to_owned(), act })
}

/// The last entries, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        before => store.page(&ENTRIES, before.map(|number| number - 1), Order::Descending, limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries as hubs of format 3 store them. Others are added beside them; these never change.
    const STORED: &str = include_str!("fixtures/audit-3.json");

    #[test]
    fn stored_entries_read_back_as_they_were_written() {
        let stored: Vec<serde_json::Value> = serde_json::from_str(STORED).unwrap();
        assert_eq!(stored.len(), 8, "one for each act");
        for entry in stored {
            let read: Entry = serde_json::from_value(entry.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), entry);
        }
    }
}
