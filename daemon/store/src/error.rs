//! The errors of the store.

use crate::engine::{EngineError, EngineKind};

/// Why an operation of the store failed. Nothing was changed; after `Stopped` that is not certain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Too many commits are waiting.
    #[error("the store is busy: {} commits are waiting; try again in a moment", crate::QUEUE)]
    Busy,
    /// The disk failed; nothing is accepted until a restart.
    #[error("the store has stopped, because the disk failed: {why}; check the disk and restart the hub")]
    Stopped {
        /// The first error.
        why: String,
    },
    /// The disk is nearly full. Sales are the last to be refused.
    #[error(
        "the disk has {} MB free and needs at least {} MB for this; make room on the disk of the data directory",
        free / 1_000_000,
        least / 1_000_000
    )]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// The minimum that must be free.
        least: u64,
    },
    /// The closure panicked.
    #[error("a fault in the hub undid this change; nothing was stored")]
    Panicked,
    /// The engine failed to read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record is damaged.
    #[error("the record {key} of table {table} can't be read: {why}; restore a backup or ask for help")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key, escaped.
        key: String,
        /// The damage.
        why: String,
    },
    /// A record of a linked table was written a second time.
    #[error("the record {key} of table {table} is already stored and can't be changed")]
    StoredAlready {
        /// The table.
        table: &'static str,
        /// The key, escaped.
        key: String,
    },
    /// A table is linked in one place and not in the other: a bug.
    #[error("the table {table} is linked where it is defined or where the store was opened, but not both")]
    OtherTable {
        /// The table.
        table: &'static str,
    },
    /// A record is too large.
    #[error("a record of table {table} would have {bytes} bytes; the maximum is {}", crate::MAX_RECORD)]
    TooLarge {
        /// The table.
        table: &'static str,
        /// The size.
        bytes: usize,
    },
    /// The store was written by a newer hub.
    #[error(
        "the store has format {found}, this hub knows {known}; run the newer hub, or restore a backup made by this one"
    )]
    TooNew {
        /// The store's format.
        found: u64,
        /// The newest format that this program reads.
        known: u32,
    },
    /// The store uses a different engine than the config says.
    #[error(
        "the config says `engine = \"{wanted}\"`, but the store uses {found}; \
         change the config, or run `store-hub store convert --to {wanted}`"
    )]
    OtherEngine {
        /// The engine in the config.
        wanted: EngineKind,
        /// The engine on the disk.
        found: EngineKind,
    },
    /// The store has another key than the one given, or one of both has none.
    #[error("could not open the store in {directory}: {why}")]
    Key {
        /// The data directory.
        directory: String,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// A restore was interrupted before the store had its name.
    #[error(
        "{directory} holds a half-restored store; run `store-hub store restore` again, or remove the file \
         `restoring` to begin an empty one"
    )]
    HalfRestored {
        /// The data directory.
        directory: String,
    },
    /// There is an archive without a store.
    #[error(
        "{directory} holds an archive without the store that it belongs to; put the store back, or move the folder \
         `archive` away"
    )]
    ArchiveAlone {
        /// The data directory.
        directory: String,
    },
    /// A conversion was interrupted between its last two steps, or an old store was put back.
    #[error(
        "{directory} holds two stores; run `store-hub store convert` again: it completes a conversion that was cut \
         short, or says which store to move away"
    )]
    TwoStores {
        /// The data directory.
        directory: String,
    },
}
