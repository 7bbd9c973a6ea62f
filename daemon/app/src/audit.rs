//! The audit trail: who did what, for acts that somebody may ask about later.
//!
//! An entry is written in the same commit as the act that it records, and is a link of the store's hash chain, together
//! with the sales: it can't be changed, removed or inserted without being noticed. Entries are kept for as long as the
//! sales of their time. Every entry goes to HQ.
//!
//! Each kind of [`Act`] belongs to a capability, which lists it in its [`Capability`](crate::Capability).

use commerce::Actor;
use contract::audit::{AuditRecorded, RECORDED};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use store::{Number, Store, StoreError, Table, Transaction, outbox};
use utoipa::ToSchema;

pub use crate::capability::ActKind;
use crate::{
    By, Capability, OutgoingEvent, lists, outgoing,
    permission::{Holder, Permission},
};

static ENTRIES: Table<Number, Entry> = Table::linked("audit");

/// Read the audit trail.
pub static READ: Permission = Permission::new("audit.read", "See the audit trail", &[Holder::Person]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    linked: &["audit"],
    permissions: &[&READ],
    events: &[OutgoingEvent { kind: RECORDED.name(), body }],
    ..Capability::new("audit")
};

/// An entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// The number, from 1 without gaps.
    pub number: u64,
    /// The time: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The actor.
    pub who: Actor,
    /// The kind of act, such as `payment_decided`.
    pub act: String,
    /// The details; their fields depend on the act.
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// An act: its fields become the entry's details.
pub trait Act: Serialize {
    /// The name and the meaning.
    const KIND: ActKind;
}

/// Writes an entry, in the commit of the act.
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
    transaction.put(&ENTRIES, number, &entry)?;
    let (stream, kind) = (RECORDED.stream().as_str(), RECORDED.name());
    transaction.append_to_outbox(stream, kind, by.at_ms, &number.to_string()).map(drop)
}

/// An entry's event for HQ.
fn body(store: &Store, entry: &outbox::Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing(ENTRIES.name(), entry);
    let number = entry.subject.parse().map_err(|_| missing())?;
    let Entry { number, at_ms, who, act, details } = store.kept(&ENTRIES, number)?.ok_or_else(missing)?;
    outgoing::written(&RECORDED, &AuditRecorded { number, at_ms, who, act, details }, entry)
}

/// The latest entries before a number, newest first.
///
/// # Errors
/// The store fails.
pub fn last(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
    lists::before(store, &ENTRIES, before, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_round_trips() {
        let entry: Entry = crate::testing::read_back(include_str!("fixtures/audit.json"));
        assert_eq!(entry.act, "payment_decided");
    }
}
