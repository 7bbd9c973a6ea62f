//! Stored segments: compressed bytes in Base64, because records are JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Digest,
    publication::{Entry, Record},
};
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};

pub(super) const TABLE: &str = "publication_segment";

/// Segments by digest.
pub(super) static SEGMENTS: Table<Name, Stored> = Table::new("publication_segment");

/// A segment.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    /// The compressed bytes, in Base64.
    bytes: String,
    /// The SHA-256 of the bytes.
    pub(super) digest: Digest,
}

/// Whether a segment is stored.
///
/// # Errors
/// The engine fails.
pub fn has_segment(store: &Store, digest: Digest) -> Result<bool, StoreError> {
    match store.get(&SEGMENTS, &digest.to_string()) {
        Ok(found) => Ok(found.is_some()),
        // A damaged one is fetched again.
        Err(StoreError::Corrupt { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Stores a segment whose bytes were verified.
///
/// # Errors
/// The store fails.
pub fn put_segment(transaction: &mut Transaction<'_>, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
    transaction.put(&SEGMENTS, &digest.to_string(), &Stored { bytes: STANDARD.encode(bytes), digest })
}

/// The records of a segment.
pub(super) fn open(entry: &Entry, stored: Option<Stored>) -> Result<Vec<Record>, StoreError> {
    let damaged = |why: String| StoreError::Corrupt { table: TABLE, key: entry.digest.to_string(), why };
    let stored = stored.ok_or_else(|| damaged("it is missing".into()))?;
    let bytes = STANDARD.decode(stored.bytes).map_err(|error| damaged(error.to_string()))?;
    entry.open(&bytes).map_err(|error| damaged(error.to_string()))
}

pub(super) fn read(store: &Store, entry: &Entry) -> Result<Vec<Record>, StoreError> {
    open(entry, store.get(&SEGMENTS, &entry.digest.to_string())?)
}

/// Passes on all records of segments, in order, with the index of their segment; for an unreadable segment its error.
///
/// # Errors
/// The engine fails.
pub fn each_record(
    store: &Store,
    entries: &[Entry],
    mut take: impl FnMut(Result<(usize, Record), StoreError>),
) -> Result<(), StoreError> {
    for (place, entry) in entries.iter().enumerate() {
        match read(store, entry) {
            Ok(records) => records.into_iter().for_each(|record| take(Ok((place, record)))),
            Err(error @ StoreError::Corrupt { .. }) => take(Err(error)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Finds a record by key, with the index of its segment, in a commit. It opens a whole segment, so it is only for rare
/// reads.
///
/// # Errors
/// The store fails, or the segment can't be read.
pub fn find(
    transaction: &Transaction<'_>,
    entries: &[Entry],
    key: &str,
) -> Result<Option<(usize, Record)>, StoreError> {
    let Some(entry) = contract::publication::segment::of(entries, key) else { return Ok(None) };
    let place = entries.iter().position(|other| other.digest == entry.digest).unwrap_or_default();
    let records = open(entry, transaction.get(&SEGMENTS, &entry.digest.to_string())?)?;
    Ok(records.into_iter().find(|record| record.0 == key).map(|record| (place, record)))
}
