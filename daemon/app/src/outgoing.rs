//! What every event for HQ needs: its body, built from what is stored when it is sent.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use store::{StoreError, outbox::Entry};

/// A body as it travels.
pub(crate) fn raw(body: &impl Serialize, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let unwritable = |error: serde_json::Error| StoreError::Corrupt {
        table: "outbox",
        key: entry.subject.clone(),
        why: error.to_string(),
    };
    to_raw_value(body).map_err(unwritable)
}

/// The outbox names a record that is not there.
pub(crate) fn missing(table: &'static str, entry: &Entry) -> StoreError {
    StoreError::Corrupt { table, key: entry.subject.clone(), why: "the outbox names it, and it is missing".into() }
}
