//! The interface to the storage engine: get, range, atomic batch, durable flush, size.
//!
//! One committer thread calls `apply` and `flush`; any thread may read.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

/// Entries per read.
const EACH: usize = 1_000;

/// Why a store that is open already can't be opened.
pub(crate) const IN_USE: &str = "another process has it open; stop that process first";

/// The engine of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// sled 0.34.7, if the program is built with the feature `sled`. It has had no release since 2021, does not free
    /// the space of deleted entries, and uses far more memory than its cache size.
    Sled,
    /// SQLite, bundled. The default, because it measured better than sled.
    #[default]
    Sqlite,
}

impl EngineKind {
    /// All engines. A store of any of them may be found on a disk.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Sqlite];

    /// The engines that this program can open.
    pub const BUILT: &'static [Self] = if cfg!(feature = "sled") { &Self::ALL } else { &[Self::Sqlite] };

    /// The name in the config.
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
        found.ok_or_else(|| format!("unknown engine `{}`; use sled or sqlite", text.escape_debug()))
    }
}

/// Changes that are applied together or not at all: keys with their new value, or `None` to delete.
pub type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// An ordered map of bytes on disk.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// The same for the committer, which is the only writer: values that it caches can't be stale.
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

    /// Makes everything applied so far durable, on the medium and not only in the drive's cache.
    fn flush(&self) -> Result<(), EngineError>;

    /// The size on disk in bytes.
    fn size_on_disk(&self) -> Result<u64, EngineError>;
}

/// An error of the engine.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not {what}: {why}")]
pub struct EngineError {
    /// The operation that failed.
    pub what: String,
    /// The message of the system or the engine.
    pub why: String,
}

impl EngineError {
    /// Makes an error from a message, for use in `map_err`.
    pub fn new(what: impl Into<String>) -> impl FnOnce(String) -> Self {
        let what = what.into();
        move |why| Self { what, why }
    }
}

/// Passes every entry of an engine, in order, reading a range at a time.
pub(crate) fn each_part<E: From<EngineError>>(
    engine: &dyn Engine,
    take: impl FnMut(&[Entry]) -> Result<(), E>,
) -> Result<(), E> {
    each_entry_of(engine, Bound::Unbounded, Bound::Unbounded, EACH, take)
}

/// Passes the entries between two keys, in order, reading a range at a time.
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
