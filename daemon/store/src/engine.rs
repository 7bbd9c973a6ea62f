//! The narrow seam to the storage engine: get, range, atomic batch, durable flush, size.
//!
//! An engine is used by one committer thread for `apply` and `flush`, and by any thread for reads.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

/// Entries given at a time.
const EACH: usize = 1_000;

/// Which engine keeps a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// sled 0.34.7, if the program is built with the feature `sled`. It has had no release since 2021, does not give
    /// back the space of what was deleted, and holds far more memory than its cache.
    Sled,
    /// SQLite, bundled. Measured against sled it is the better choice, so it is the default.
    #[default]
    Sqlite,
}

impl EngineKind {
    /// All of them. A store of any may be found on a disk.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Sqlite];

    /// Those that this program can open.
    pub const BUILT: &'static [Self] = if cfg!(feature = "sled") { &Self::ALL } else { &[Self::Sqlite] };

    /// As in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Sqlite => "sqlite",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Sled => Self::Sqlite,
            Self::Sqlite => Self::Sled,
        }
    }
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for EngineKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| format!("`{}` is not an engine; write sled or sqlite", text.escape_debug()))
    }
}

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
    /// Makes an error of what the system or the engine said, in `map_err`.
    pub fn new(what: impl Into<String>) -> impl FnOnce(String) -> Self {
        let what = what.into();
        move |why| Self { what, why }
    }
}

/// Gives every entry of an engine, in order, a part at a time.
pub(crate) fn each_part<E: From<EngineError>>(
    engine: &dyn Engine,
    take: impl FnMut(&[Entry]) -> Result<(), E>,
) -> Result<(), E> {
    each_entry_of(engine, Bound::Unbounded, Bound::Unbounded, EACH, take)
}

/// Gives the entries between two keys, in order, a part at a time.
pub(crate) fn each_entry_of<E: From<EngineError>>(
    engine: &dyn Engine,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
    size: usize,
    mut take: impl FnMut(&[Entry]) -> Result<(), E>,
) -> Result<(), E> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let from = after.as_deref().map_or(from, Bound::Excluded);
        let part = engine.range(from, to, false, size)?;
        let Some((last, _)) = part.last() else { return Ok(()) };
        after = Some(last.clone());
        take(&part)?;
    }
}
