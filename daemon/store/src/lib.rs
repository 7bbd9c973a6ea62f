//! The embedded store: typed tables, a committer, an outbox. It does not interpret its records.
//!
//! # What this crate promises
//!
//! - **Answered means durable.** [`Store::commit`] answers only after its changes are on the medium. They survive `kill
//!   -9` and a power failure.
//! - **All or nothing.** The changes of a commit are one atomic batch across all tables. A closure that refuses or
//!   panics changes nothing and does not disturb its group.
//! - **Once.** [`idempotency`] gives a repeated command its first answer, also after a restart.
//! - **HQ only sees durable events.** [`outbox`] shows HQ's bridge only flushed entries, so a sequence number that HQ
//!   has seen is never used again.
//! - **Damage is found.** Every record has a checksum over its key and content, and immutable records are links of a
//!   hash [`chain`]. [`Store::check`] verifies all of them.
//! - **It does not slow down with age.** Old records move to the [`archive`], compressed, and remain readable.
//! - **A backup is consistent.** [`Store::backup`] copies the store as it is at one moment, while it sells; [`restore`]
//!   makes a store of it.
//! - **It can be encrypted.** With a key nothing that a record says can be read from the disk ([`Medium`]).
//! - **Bounded.** At most [`QUEUE`] commits wait; further ones get [`StoreError::Busy`] at once. A record has at most
//!   [`MAX_RECORD`] bytes; a large one is split into `parts`, which callers do not see.
//! - **A full disk is noticed in time.** [`room`] refuses the least important work first and sales last.
//! - **A disk error is final.** After the first failed write or flush nothing is accepted any more
//!   ([`StoreError::Stopped`]), because a later flush that succeeds does not bring back the pages that were dropped.
//!
//! # How a commit works
//!
//! ```text
//! commit(closure) --> bounded queue --> committer thread: takes all that wait (at most GROUP)
//!                                         each closure reads, decides, writes into its own overlay
//!                                         overlays of the closures that did not refuse --> one batch
//!                                         engine.apply, engine.flush  (one flush per group)
//!                                         only then: every answer of the group, refusals too
//! ```
//!
//! Refusals wait for the flush too, because they may depend on an earlier commit of the same group.
//!
//! | failure | effect |
//! | --- | --- |
//! | power or process, before the flush ends | nobody was answered; each commit is there whole or not at all |
//! | power or process, after the flush | the commit is there |
//! | the closure panics | its changes are dropped, its caller gets [`StoreError::Panicked`], the group continues |
//! | `apply` or `flush` fails | the group and all later callers get [`StoreError::Stopped`] until a restart |
//! | the disk is nearly full | [`StoreError::DiskFull`], by [`Purpose`], before a write fails |
//! | a format upgrade is interrupted | it continues at the next start; the backup from before is kept (`migrate`) |
//! | a conversion to the other engine is interrupted | the old store or the new one is complete (`store_dir`) |
//! | the store was written by a newer hub | [`StoreError::TooNew`] at opening; nothing is changed |
//!
//! Reads ([`Store::get`], [`Store::page`]) never wait for the committer. They may see a group a fraction of a
//! millisecond before its flush ends. That is good enough for a screen, but not for printing or for HQ, which use only
//! durable records.

pub mod archive;
pub mod backup;
mod cache;
mod chain;
mod check;
mod committer;
mod counter;
pub mod engine;
mod error;
pub mod files;
pub mod hexadecimal;
pub mod idempotency;
mod migrate;
pub mod outbox;
mod parts;
pub mod room;
mod seal;
#[cfg(feature = "sled")]
mod sled_engine;
mod sqlite_engine;
mod store_dir;
mod table;
mod transaction;
mod value;

use std::{path::Path, sync::Arc};

pub use backup::{BackedUp, restore};
pub use check::{Checked, Depth};
pub use committer::{GROUP, MAX_DELAY, QUEUE, Timings};
pub use engine::EngineKind;
pub use error::StoreError;
pub use room::{DiskState, Purpose, Room};
pub use seal::{Medium, SealKey};
pub use store_dir::{Converted, ask_for_rewriting, convert};
pub use table::{Key, Name, NameName, NameNumber, Number, Order, Record, Table, TableInfo};
use tokio::sync::watch;
pub use transaction::Transaction;

use crate::{
    archive::Archive,
    committer::Committer,
    engine::{Batch, Engine, Entry, each_part},
    outbox::Heads,
    room::Disk,
};

/// The maximum size of a record, in bytes. Larger data belongs into a file.
pub const MAX_RECORD: usize = 4 * 1024 * 1024;

/// The format that this program writes.
const FORMAT: u32 = 1;

/// Smaller files are not worth rewriting, however empty they are.
const REWRITTEN_FROM: u64 = 512 * 1024 * 1024;

/// Files with much unused space.
#[derive(Clone, Copy, Debug)]
pub struct MostlyEmpty {
    /// Their size on disk in bytes.
    pub files: u64,
    /// The size of all keys and values in them, in bytes.
    pub live: u64,
}

static META: Table<Name, u64> = Table::new("meta");

/// The note of a restore that the hub has not acted on yet; its value is the number of entries in the backup.
const RESTORED: &str = "restored";

/// An entry about the store itself.
fn meta(name: &str, value: u64) -> Result<Entry, StoreError> {
    let key = META.raw_key(name);
    let value = META.encode(&key, &value, |_| None)?;
    Ok((key, value))
}

/// An open store. Share it in an `Arc`. Dropping the last handle waits until the pending commits are done and the files
/// are closed.
pub struct Store {
    engine: Arc<dyn Engine>,
    committer: Committer,
    archive: Archive,
    heads: Arc<Heads>,
    epoch: u64,
    /// Tables whose records are links of the chain.
    linked: Vec<&'static str>,
    /// Faults found at opening. The store opens all the same, so that it can be checked, backed up and, as far as
    /// possible, sold from.
    faults: Vec<String>,
}

impl Store {
    /// Opens the store in `directory`, or creates it there. `linked` names every [linked table](Table::linked): the
    /// check looks for records of these tables that are not in the chain, and [`Transaction::put`] links no other
    /// table.
    ///
    /// `now_ms` becomes the epoch of a new store. A hub's events are numbered from 1 in each epoch, so HQ can tell a
    /// hub that lost its disk from the same hub before.
    ///
    /// # Errors
    /// The directory can't be used; the store is damaged, uses another engine or key, is locked by another process, or
    /// was made by a newer hub.
    pub fn open(
        directory: &Path,
        medium: impl Into<Medium>,
        linked: &[&'static str],
        now_ms: u64,
    ) -> Result<Self, StoreError> {
        let medium = medium.into();
        let birth = [meta("format", u64::from(FORMAT))?, meta("epoch", now_ms)?];
        let engine = store_dir::open_or_create(directory, &medium, &birth)?;
        migrate::raise(&*engine, Some(directory), migrate::STEPS)?;
        let archive = Archive::open(&directory.join("archive"), &*engine, medium.key)?;
        Self::on(engine, linked, archive, Disk::under(directory))
    }

    /// A store on an engine that has an entry for the format.
    fn on(engine: Arc<dyn Engine>, linked: &[&'static str], archive: Archive, disk: Disk) -> Result<Self, StoreError> {
        let epoch = META.read(&*engine, "epoch")?.ok_or_else(|| StoreError::Corrupt {
            table: META.name(),
            key: "epoch".into(),
            why: "it is missing".into(),
        })?;
        let mut faults = archive.faults().to_vec();
        let heads = Arc::new(Heads::load(&*engine, |error| faults.push(error.to_string()))?);
        let committer = Committer::start(Arc::clone(&engine), linked, Arc::clone(&heads), disk)?;
        Ok(Self { engine, committer, archive, heads, epoch, linked: linked.to_vec(), faults })
    }

    /// The epoch, drawn when the store was created or restored.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of entries in the backup that this store was restored from, until the hub has acted on it: work that
    /// was in progress at the backup no longer is. See [`Transaction::settle_restored`].
    ///
    /// # Errors
    /// The engine fails or the note can't be read.
    pub fn restored(&self) -> Result<Option<u64>, StoreError> {
        self.get(&META, RESTORED)
    }

    /// Runs `work` in the committer and answers once its changes are durable. For work that a customer waits for
    /// ([`Purpose::Money`]); see [`Self::commit_for`].
    ///
    /// # Errors
    /// The error of `work`, or a [`StoreError`] converted to it.
    pub async fn commit<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.commit_for(Purpose::Money, work).await
    }

    /// The same for any purpose. The purpose decides who is refused first on a full disk; work that nobody waits for
    /// may be delayed by [`MAX_DELAY`] to share a flush.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub async fn commit_for<T, E, F>(&self, purpose: Purpose, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let answer = self.committer.submit(purpose, work)?.await.map_err(|_| E::from(StoreError::Panicked))??;
        tracing::debug!("committed");
        Ok(answer)
    }

    /// [`Self::commit_for`] with [`Purpose::Settled`] that blocks, for a program that does nothing else.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub fn commit_blocking<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.commit_blocking_for(Purpose::Settled, work)
    }

    /// The same for any purpose.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub fn commit_blocking_for<T, E, F>(&self, purpose: Purpose, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let answer = self.committer.submit(purpose, work)?;
        answer.blocking_recv().map_err(|_| E::from(StoreError::Panicked))?
    }

    /// Reads one record.
    ///
    /// # Errors
    /// The engine fails or the record can't be read.
    pub fn get<K: Key, V: Record>(&self, table: &Table<K, V>, key: K::Of<'_>) -> Result<Option<V>, StoreError> {
        table.read(&*self.engine, key)
    }

    /// Reads at most `limit` records of a table in an order, beginning with `from` (included) or with the end of the
    /// table.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub fn page<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        from: Option<K::Of<'_>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<V>, StoreError> {
        table.page(&*self.engine, from, order, limit, Err)
    }

    /// [`Self::page`] without the records that can't be read; `damaged` is called with the reason for each. For lists,
    /// so that one damaged record does not hide the others.
    ///
    /// # Errors
    /// The engine fails.
    pub fn readable_page<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        from: Option<K::Of<'_>>,
        order: Order,
        limit: usize,
        mut damaged: impl FnMut(StoreError),
    ) -> Result<Vec<V>, StoreError> {
        table.page(&*self.engine, from, order, limit, |error| {
            damaged(error);
            Ok(())
        })
    }

    /// Passes every record of a table in key order, or the reason why it can't be read, without holding them all. A hub
    /// with a damaged record must still start and sell.
    ///
    /// # Errors
    /// The engine fails.
    pub fn each<K: Key, V: Record>(
        &self,
        table: &Table<K, V>,
        take: impl FnMut(Result<V, StoreError>),
    ) -> Result<(), StoreError> {
        table.each(&*self.engine, take)
    }

    /// Changes with every durable commit; wakes tasks that work from stored state.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committer.committed()
    }

    /// Why the store has stopped, if it has.
    pub fn stopped(&self) -> Option<String> {
        self.committer.stopped()
    }

    /// Passes every batch to `listener`, in order, after it is applied, from the end of the current group on. False if
    /// there is a listener already.
    pub fn listen(&self, listener: impl FnMut(&Batch) + Send + 'static) -> bool {
        self.committer.listen(Box::new(listener))
    }

    /// Removes the listener. Every batch passed to it is durable then, unless the store has stopped.
    pub fn stop_listening(&self) {
        self.committer.stop_listening();
    }

    /// The committer's time since the store was opened.
    pub fn timings(&self) -> Timings {
        self.committer.timings()
    }

    /// The free space on the disk.
    pub fn disk(&self) -> DiskState {
        self.committer.disk()
    }

    /// The unused space of the files, if they are large and mostly unused. Walks through the whole store and blocks.
    /// [`ask_for_rewriting`] frees the space.
    ///
    /// # Errors
    /// The engine fails.
    pub fn mostly_empty(&self) -> Result<Option<MostlyEmpty>, StoreError> {
        let files = self.size_on_disk()?;
        if files < REWRITTEN_FROM {
            return Ok(None);
        }
        let live = self.live_bytes()?;
        Ok((live < files / 4).then_some(MostlyEmpty { files, live }))
    }

    /// The size of all keys and values in bytes: the size of a fresh store.
    fn live_bytes(&self) -> Result<u64, StoreError> {
        let mut live = 0;
        each_part::<StoreError>(&*self.engine, |part| {
            live += part.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
            Ok(())
        })?;
        Ok(live)
    }

    /// The size on disk in bytes, without the archive.
    ///
    /// # Errors
    /// The engine can't measure it.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.engine.size_on_disk()?)
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
