//! The narrow seam to the storage engine: get, range, atomic batch, durable flush, size.
//!
//! An engine is used by one committer thread for `apply` and `flush`, and by any thread for reads.

use std::ops::Bound;

/// Changes that happen together or not at all: keys with their new value, or `None` to delete.
pub type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes on a disk.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// The same for the committer, which alone writes: what it keeps for writing can't be stale.
    fn get_to_commit(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.get(key)
    }

    /// At most `limit` entries between two keys, from the low end, or from the high end if `descending`.
    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError>;

    /// Applies a batch atomically. It need not be durable yet.
    fn apply(&self, batch: Batch) -> Result<(), EngineError>;

    /// Makes everything applied so far durable: through the drive's cache, not just to it.
    fn flush(&self) -> Result<(), EngineError>;

    /// Bytes on the disk.
    fn size_on_disk(&self) -> Result<u64, EngineError>;
}

/// The engine failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store could not {what}: {why}")]
pub struct EngineError {
    /// What it was about to do.
    pub what: String,
    /// What the system or the engine said.
    pub why: String,
}

impl EngineError {
    /// For `map_err`.
    pub fn new(what: impl Into<String>) -> impl FnOnce(String) -> Self {
        let what = what.into();
        move |why| Self { what, why }
    }
}
