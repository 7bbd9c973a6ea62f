//! The audit trail: who did what that somebody may ask about one day.
//!
//! An entry is written in the commit of what it tells, so neither is there without the other, and is a link of the
//! store's hash chain, together with the sales: it can't be changed, taken out or put in unseen. It is kept for as long
//! as the sales of its time.
//!
//! What can be done belongs to the capability in which it is done: an [`Act`], listed in its
//! [`Capability`](crate::Capability).

use commerce::Actor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Number, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

pub use crate::capability::ActKind;
use crate::{
    By, Capability,
    permission::{Holder, Permission},
};

static ENTRIES: Table<Number, Entry> = Table::linked("audit");

/// See the audit trail.
pub static READ: Permission = Permission::new("audit.read", "See the audit trail", &[Holder::Person]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability =
    Capability { linked: &["audit"], permissions: &[&READ], ..Capability::new("audit") };

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub number: u64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who did it.
    pub who: Actor,
    /// What was done: `payment_decided`.
    pub act: String,
    /// To what, and how; the act says which fields there are.
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// Something that can be done: its fields are the entry's details.
pub trait Act: Serialize {
    /// Its name and what it means.
    const KIND: ActKind;
}

/// Writes an entry, in the commit of what it tells.
///
/// # Errors
/// The store fails.
pub fn record<A: Act>(transaction: &mut Transaction<'_>, by: &By, act: &A) -> Result<(), StoreError> {
    let unwritable = |why: String| StoreError::Corrupt { table: "audit", key: A::KIND.name.into(), why };
    let details = match serde_json::to_value(act) {
        Ok(Value::Object(details)) => details,
        Ok(other) => return Err(unwritable(format!("an act has named fields, not {other}"))),
        Err(error) => return Err(unwritable(error.to_string())),
    };
    let number = transaction.next_number("audit")?;
    let entry = Entry { number, at_ms: by.at_ms, who: by.actor.clone(), act: A::KIND.name.to_owned(), details };
    transaction.put(&ENTRIES, number, &entry)
}

/// The last entries, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
    match before {
        Some(0 | 1) => Ok(Vec::new()),
        before => {
            let from = before.map(|number| number - 1);
            // A damaged entry hides no other; the check names it.
            let damaged = |error: StoreError| tracing::error!(%error, "left out of the audit trail");
            store.readable_page(&ENTRIES, from, Order::Descending, limit, damaged)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let entry: Entry = crate::testing::read_back(include_str!("fixtures/audit.json"));
        assert_eq!(entry.act, "payment_decided");
    }
}
