//! What can go wrong with the store.

use crate::engine::{EngineError, EngineKind};

/// Why the store did not do as asked. Nothing was changed, except where `Stopped` says that it can't be known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Too many commits wait.
    #[error("the store is busy: {} commits are waiting; try again in a moment", crate::QUEUE)]
    Busy,
    /// The disk failed; nothing is accepted until a restart.
    #[error("the store has stopped, because the disk failed: {why}; check the disk and restart the hub")]
    Stopped {
        /// The first failure.
        why: String,
    },
    /// The disk is so full that this is not taken; sales are the last to go.
    #[error(
        "the disk has {} MB left, and this takes {} MB or more; make room on the disk of the data directory",
        free / 1_000_000,
        least / 1_000_000
    )]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// The least that must be free.
        least: u64,
    },
    /// The closure panicked.
    #[error("a fault in the hub undid this change; nothing was stored")]
    Panicked,
    /// The engine failed to read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record can't be understood.
    #[error("the record {key} of table {table} can't be read: {why}; restore a backup or ask for help")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// Its key, escaped.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// A record of a linked table is written a second time.
    #[error("the record {key} of table {table} is stored already and can't be changed")]
    StoredAlready {
        /// Its table.
        table: &'static str,
        /// Its key, escaped.
        key: String,
    },
    /// A table is linked in one place and not in another: a fault of the program.
    #[error("the table {table} is linked where it is defined or where the store was opened, but not in both places")]
    OtherTable {
        /// The table.
        table: &'static str,
    },
    /// A record is too large.
    #[error("a record of table {table} would have {bytes} bytes; the most is {}", crate::MAX_RECORD)]
    TooLarge {
        /// Its table.
        table: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// Written by a newer hub.
    #[error(
        "the store has format {found}, this hub knows {known}; run the newer hub, or restore a backup made by this one"
    )]
    TooNew {
        /// What the store says.
        found: u64,
        /// What this program knows.
        known: u32,
    },
    /// The config names one engine, and another keeps the store.
    #[error(
        "the config says `engine = \"{wanted}\"`, but this store is kept by {found}; \
         change the config, or run `store-hub store convert --to {wanted}`"
    )]
    OtherEngine {
        /// In the config.
        wanted: EngineKind,
        /// On the disk.
        found: EngineKind,
    },
    /// A restoring was cut short before the store had its name.
    #[error(
        "{directory} holds a half-restored store; run `store-hub store restore` again, or remove the file \
         `restoring` to begin an empty one"
    )]
    HalfRestored {
        /// Where.
        directory: String,
    },
    /// There is an archive and no store.
    #[error(
        "{directory} holds an archive and no store that it belongs to; put the store back, or move the folder \
         `archive` away"
    )]
    ArchiveAlone {
        /// Where.
        directory: String,
    },
    /// A conversion was cut short between its last two steps, or a former store was put back.
    #[error(
        "{directory} holds two stores; run `store-hub store convert` again: it ends a conversion that was cut \
         short, or says which store to move away"
    )]
    TwoStores {
        /// Where.
        directory: String,
    },
}
