//! What every event for HQ needs: its body, built from what is stored when it is sent.

use contract::{Body, EventKind};
use serde_json::value::RawValue;
use store::{StoreError, outbox::Entry};

/// A body as it travels.
pub(crate) fn written<B: Body>(kind: &EventKind<B>, body: &B, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let unwritable = |why: String| StoreError::Corrupt { table: "outbox", key: entry.subject.clone(), why };
    kind.write(body).map_err(|error| unwritable(error.to_string()))
}

/// The outbox names a record that is not there.
pub(crate) fn missing(table: &'static str, entry: &Entry) -> StoreError {
    StoreError::Corrupt { table, key: entry.subject.clone(), why: "the outbox names it, and it is missing".into() }
}
