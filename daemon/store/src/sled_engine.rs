//! sled 0.34.7 behind the discipline that makes it durable.
//!
//! Left to itself sled loses acknowledged commits at a power cut: on Linux its `flush` uses `sync_file_range`, which
//! neither commits the file's size nor empties the drive's cache (sled issue 1452). Its `flush_async` deadlocks when
//! several callers wait. So:
//!
//! - one thread (the committer) writes; blocking `flush`, then `fdatasync` on our own descriptor of sled's `db` file,
//!   then the answers;
//! - the background flusher is off; the cache is bounded;
//! - values are at most [`MAX_VALUE`](crate::parts::MAX_VALUE), so that sled never makes blob files, which it does not
//!   sync;
//! - a store is created under another name and synced whole, `conf` file and directory too ([`home`](crate::home));
//! - a snapshot that sled had not finished is removed before sled sees it ([`clear_unfinished`]);
//! - a flush that sleeps through a failed write is woken ([`wake`]).

use std::{
    fs::{self, File},
    io,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::engine::{Batch, Engine, EngineError, Entry};

/// sled's page cache, in bytes.
const CACHE: u64 = 48 * 1024 * 1024;

/// How often opening is tried again: a `sled::Db` that was dropped frees its file lock a little later.
const LOCK_TRIES: u32 = 100;

/// How often it is looked whether a flush ends.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) struct SledEngine {
    db: sled::Db,
    /// Our own descriptor of sled's data file, for `fdatasync`.
    file: File,
    /// Counts the begins and ends of sled's flushes: odd while one is under way.
    flushes: Arc<AtomicU64>,
    waker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl SledEngine {
    /// Opens sled's folder, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError { what: format!("open the store in {}", path.display()), why };
        let config = sled::Config::new().path(path).flush_every_ms(None).cache_capacity(CACHE);
        let mut tries = 0;
        let db = loop {
            clear_unfinished(path).map_err(|error| failed(error.to_string()))?;
            match config.open() {
                Ok(db) => break db,
                Err(sled::Error::Io(error)) if error.to_string().contains("lock") && tries < LOCK_TRIES => {
                    tries += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        let file = File::open(path.join("db")).map_err(|error| failed(error.to_string()))?;
        let flushes = Arc::new(AtomicU64::new(0));
        let (end, ended) = channel();
        let (watched, counted) = (db.clone(), Arc::clone(&flushes));
        let waker = thread::Builder::new().name("sled-waker".into()).spawn(move || wake(&watched, &counted, &ended));
        let waker = waker.map_err(|error| failed(error.to_string()))?;
        Ok(Self { db, file, flushes, waker: Some((end, waker)) })
    }
}

impl Drop for SledEngine {
    /// The waker's handle of the store goes before ours, so that the file lock is free soon.
    fn drop(&mut self) {
        if let Some((end, waker)) = self.waker.take() {
            drop(end);
            // It can't panic; and if it did, it is gone.
            drop(waker.join());
        }
    }
}

/// Wakes a flush that would sleep for ever. Where sled's thread pool writes what a batch has filled and that fails, it
/// notes the failure and wakes nobody (`exit_reservation` in sled's `logger.rs`; its other writes do). Another flush
/// finds the note, wakes all who wait, and they fail as they should. A flush that came before the failure sleeps too:
/// so another and another, each after twice the time.
///
/// A batch that reads back what sled has just evicted can sleep in the same way, while it keeps flushes out: nothing
/// wakes that. The hub's watchdog commits, and ends with it.
fn wake(db: &sled::Db, flushes: &AtomicU64, ended: &Receiver<()>) {
    let (mut last, mut looks) = (0, 0_u32);
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let now = flushes.load(SeqCst);
        looks = if now == last && now % 2 == 1 { looks + 1 } else { 0 };
        last = now;
        if looks.is_power_of_two() {
            let db = db.clone();
            // Without a thread there is the next look.
            drop(thread::Builder::new().name("sled-wakes".into()).spawn(move || drop(db.flush())));
        }
    }
}

/// Removes snapshots that were cut short. At every start sled writes one (`snap.N.generating`), syncs it and renames
/// it; killed or without power before that, it takes the rest of it for its newest snapshot, finds it broken, and never
/// opens again. It is of no use in any case: without it sled goes on from the snapshot before.
fn clear_unfinished(path: &Path) -> io::Result<()> {
    let owner = match File::open(path.join("db")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if owner.try_lock().is_err() {
        // Another process has the store, and this may be its snapshot.
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let value = self.db.get(key).map_err(|error| EngineError::new("read a record")(error.to_string()))?;
        Ok(value.map(|bytes| bytes.to_vec()))
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let entries = self.db.range::<&[u8], _>((from, to));
        let taken: Result<Vec<_>, _> =
            if descending { entries.rev().take(limit).collect() } else { entries.take(limit).collect() };
        let taken = taken.map_err(|error| EngineError::new("read a range of records")(error.to_string()))?;
        Ok(taken.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        self.db.apply_batch(changes).map_err(|error| EngineError::new("write a batch")(error.to_string()))
    }

    fn flush(&self) -> Result<(), EngineError> {
        let failed = EngineError::new("make a batch durable");
        self.flushes.fetch_add(1, SeqCst);
        let flushed = self.db.flush();
        self.flushes.fetch_add(1, SeqCst);
        match flushed {
            Ok(_) => self.file.sync_data().map_err(|error| failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        self.db.size_on_disk().map_err(|error| EngineError::new("measure its files")(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_cut_short_does_not_keep_the_store_from_opening() {
        let directory = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(directory.path()).unwrap();
        engine.apply(vec![(b"key".to_vec(), Some(b"value".to_vec()))]).unwrap();
        engine.flush().unwrap();
        drop(engine);
        for cut_short in [&b""[..], &[0; 79], b"half of a snapshot"] {
            fs::write(directory.path().join("snap.FFFFFFFFFFFFFFFF.generating"), cut_short).unwrap();
            let engine = SledEngine::open(directory.path()).unwrap();
            assert_eq!(engine.get(b"key").unwrap(), Some(b"value".to_vec()));
        }
    }
}
