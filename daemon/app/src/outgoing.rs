//! Common to all events for HQ: bodies built from stored records.

use contract::{Body, EventKind};
use serde_json::value::RawValue;
use store::{StoreError, outbox::Entry};

/// Serializes a body.
pub(crate) fn written<B: Body>(kind: &EventKind<B>, body: &B, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let unwritable = |why: String| StoreError::Corrupt { table: "outbox", key: entry.subject.clone(), why };
    kind.write(body).map_err(|error| unwritable(error.to_string()))
}

/// The error for an outbox entry without its record.
pub(crate) fn missing(table: &'static str, entry: &Entry) -> StoreError {
    StoreError::Corrupt { table, key: entry.subject.clone(), why: "the outbox references it, but it is missing".into() }
}
