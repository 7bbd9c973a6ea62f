//! The embedded store: typed tables, one committer, an outbox. It does not interpret the records it stores.
//!
//! # What this crate promises
//!
//! - **Answered means durable.** [`Store::commit`] answers after its changes are on the disk's platter (or flash),
//!   never before: they survive `kill -9` and a pulled plug.
//! - **All or nothing.** A commit's changes, whatever tables they touch, are one atomic batch. A closure that refuses
//!   or panics leaves no trace and does not disturb its group.
//! - **Once.** [`idempotency`] gives a repeated command its first answer, also after a restart.
//! - **What HQ is told is durable first.** [`outbox`] shows HQ's bridge only what has been flushed, so a sequence
//!   number that HQ has seen is never used again.
//! - **Damage is found.** Every record carries a checksum over its key and itself, and what may never be changed is a
//!   link of a hash [`chain`]; [`Store::check`] walks them all.
//! - **Years do not slow it down.** Old records move to the [`archive`], compressed, and are read through it.
//! - **A backup is one moment.** [`Store::backup`] is taken while the store sells, and [`restore`] makes a store of it.
//! - **Bounded.** [`QUEUE`] commits may wait; past it [`StoreError::Busy`] answers at once. A record is at most
//!   [`MAX_RECORD`] bytes; a large one is split into `parts`; callers see one record.
//! - **A disk that fills up is seen in time.** [`room`] turns away what nobody will miss first, and sales last.
//! - **A disk that fails is believed.** After the first failed write or flush nothing is accepted any more
//!   ([`StoreError::Stopped`]): a later flush that "succeeds" proves nothing about the pages that were dropped.
//!
//! # How a commit goes
//!
//! ```text
//! commit(closure) --> bounded queue --> committer thread: take all that wait (at most GROUP)
//!                                         each closure reads, decides, writes into its own overlay
//!                                         overlays of those that did not refuse --> one batch
//!                                         engine.apply, engine.flush  (one flush a group)
//!                                         then, and only then: every answer of the group, refusals too
//! ```
//!
//! Refusals wait for the flush as well: they may rest on what a neighbour in the group wrote.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power or process, before the flush ends | nobody was answered; at the next start the group is there or not, each commit whole |
//! | power or process, after the flush | it is there |
//! | the closure panics | its changes are dropped, its asker gets [`StoreError::Panicked`], the group goes on |
//! | `apply` or `flush` fails | every asker of the group gets [`StoreError::Stopped`]; so does everyone after, until a restart |
//! | the disk is nearly full | [`StoreError::DiskFull`], by [`Purpose`], before a write fails |
//! | a format is raised, and that is cut short | the `migrate` module's table: it goes on at the next start; the backup from before stays |
//! | a conversion to the other engine is cut short | the `home` module's table: the old store, or the new one, whole |
//! | the store is made by a newer hub | [`StoreError::TooNew`] at opening, nothing is touched |
//!
//! Reads ([`Store::get`], [`Store::page`]) never wait for the committer. They may see a group that is being flushed, a
//! fraction of a millisecond early: right for a screen, not for paper or HQ, which are driven by what was answered.

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
mod home;
pub mod idempotency;
mod migrate;
pub mod outbox;
mod parts;
pub mod room;
#[cfg(feature = "sled")]
mod sled_engine;
mod sqlite_engine;
mod table;
mod transaction;
mod value;

use std::{path::Path, sync::Arc};

pub use backup::{BackedUp, restore};
pub use check::{Checked, Depth};
pub use committer::{GROUP, PATIENT, QUEUE, Timings};
pub use engine::EngineKind;
pub use error::StoreError;
pub use home::{Converted, ask_for_rewriting, convert};
pub use room::{DiskState, Purpose, Room};
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

/// The largest record, in bytes. What is larger is a file of its own.
pub const MAX_RECORD: usize = 4 * 1024 * 1024;

/// The layout this program writes.
const FORMAT: u32 = 1;

/// Files smaller than this are not worth a rewriting, however empty.
const REWRITTEN_FROM: u64 = 512 * 1024 * 1024;

/// Files that hold little.
#[derive(Clone, Copy, Debug)]
pub struct MostlyEmpty {
    /// Their bytes on the disk.
    pub files: u64,
    /// Bytes of all keys and values in them.
    pub live: u64,
}

static META: Table<Name, u64> = Table::new("meta");

/// What the store notes of itself while nobody has drawn conclusions from its having been restored: the entries of the
/// backup.
const RESTORED: &str = "restored";

/// An entry of the store about itself.
fn meta(name: &str, value: u64) -> Result<Entry, StoreError> {
    let key = META.raw_key(name);
    let value = META.encode(&key, &value, |_| None)?;
    Ok((key, value))
}

/// A store that is open. Cheap to share behind an `Arc`. Dropping the last one waits until what was asked for is
/// committed and the files are closed.
pub struct Store {
    engine: Arc<dyn Engine>,
    committer: Committer,
    archive: Archive,
    heads: Arc<Heads>,
    epoch: u64,
    /// Tables whose records are links of the chain.
    linked: Vec<&'static str>,
    /// What is wrong with it, found at opening: it opens all the same, to be checked, backed up, and sold by as far as
    /// that goes.
    faults: Vec<String>,
}

impl Store {
    /// Opens the store in `directory`, or creates it there. `linked` names every [linked table](Table::linked): the
    /// check looks for records of these that are not in the chain, and [`Transaction::put`] takes no other table for
    /// linked.
    ///
    /// `now_ms` becomes the epoch of a store that is created: events of a hub are numbered anew in each epoch, so a hub
    /// that lost its disk can't be mistaken for its former self.
    ///
    /// # Errors
    /// The directory can't be used, the store is damaged, kept by another engine, locked by another process, or made by
    /// a newer hub.
    pub fn open(directory: &Path, kind: EngineKind, linked: &[&'static str], now_ms: u64) -> Result<Self, StoreError> {
        let birth = [meta("format", u64::from(FORMAT))?, meta("epoch", now_ms)?];
        let engine = home::open_or_create(directory, kind, &birth)?;
        migrate::raise(&*engine, Some(directory), migrate::STEPS)?;
        let archive = Archive::open(&directory.join("archive"), &*engine)?;
        Self::on(engine, linked, archive, Disk::under(directory))
    }

    /// A store on an engine that holds one of this format.
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

    /// Drawn when the store was created.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The entries of the backup that this store was made of, until somebody has drawn conclusions: what was under way
    /// when the backup was taken is not any more. See [`Transaction::settle_restored`].
    ///
    /// # Errors
    /// The engine fails or the note can't be read.
    pub fn restored(&self) -> Result<Option<u64>, StoreError> {
        self.get(&META, RESTORED)
    }

    /// Runs `work` in the committer and answers once what it wrote is durable. For what a customer waits for
    /// ([`Purpose::Money`]); see [`Self::commit_for`].
    ///
    /// # Errors
    /// What `work` refuses with, or a [`StoreError`] turned into it.
    pub async fn commit<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.commit_for(Purpose::Money, work).await
    }

    /// The same for any purpose: on a disk that fills up it says who is turned away first, and what nobody waits for
    /// may be put off by [`PATIENT`] to share a customer's flush.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub async fn commit_for<T, E, F>(&self, purpose: Purpose, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.committer.submit(purpose, work)?.await.map_err(|_| E::from(StoreError::Panicked))?
    }

    /// [`Self::commit_for`] what is settled, for a program that does nothing else: it blocks.
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

    /// Reads at most `limit` records of a table, from `from` (included) on in the order asked for, or from its end.
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

    /// [`Self::page`] without the records that can't be read, of each of which `damaged` hears why: for lists, which
    /// one damaged record must not keep from being shown.
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

    /// Gives every record of a table, in the order of its keys, without holding them all; of one that can't be read,
    /// why. A hub with a damaged record must start and sell.
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

    /// Counts commits that became durable; a change wakes those who work from what is stored.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committer.committed()
    }

    /// Why the store has stopped, if it has.
    pub fn stopped(&self) -> Option<String> {
        self.committer.stopped()
    }

    /// From the end of the group under way on, `listener` hears of every batch, in order, once it is applied. False if
    /// somebody listens already.
    pub fn listen(&self, listener: impl FnMut(&Batch) + Send + 'static) -> bool {
        self.committer.listen(Box::new(listener))
    }

    /// Ends that; every batch that was heard of is durable then, or the store has stopped.
    pub fn listen_no_more(&self) {
        self.committer.listen_no_more();
    }

    /// Where the committer's time went.
    pub fn timings(&self) -> Timings {
        self.committer.timings()
    }

    /// How much room the disk has.
    pub fn disk(&self) -> DiskState {
        self.committer.disk()
    }

    /// What the files hold, if they are large and most of it is space that the engine does not give back. By a walk
    /// through them: it blocks. What helps is [`ask_for_rewriting`].
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

    /// Bytes of all keys and values: what a fresh store would hold.
    fn live_bytes(&self) -> Result<u64, StoreError> {
        let mut live = 0;
        each_part::<StoreError>(&*self.engine, |part| {
            live += part.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
            Ok(())
        })?;
        Ok(live)
    }

    /// Bytes on the disk, the archive's not among them.
    ///
    /// # Errors
    /// The engine can't tell.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.engine.size_on_disk()?)
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
