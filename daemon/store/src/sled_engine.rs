//! sled 0.34.7 behind the discipline that makes it durable.
//!
//! Left to itself sled loses acknowledged commits at a power cut: on Linux its `flush` uses `sync_file_range`, which
//! neither commits the file's size nor empties the drive's cache (sled issue 1452). Its `flush_async` deadlocks when
//! several callers wait. So:
//!
//! - one thread (the committer) writes; blocking `flush`, then `fdatasync` on our own descriptor of sled's `db` file,
//!   then the answers;
//! - the background flusher is off; the cache is bounded;
//! - segments are large and values small ([`SEGMENT`]), so that no page of sled's outgrows its log: what does, sled puts
//!   into a file of its own below `blobs`, which it never syncs. Each flush looks there ([`sync_blobs`]);
//! - a damaged log, at which sled panics, is an error that says what to do ([`SledEngine::open`]);
//! - a store is created under another name and synced whole, `conf` file and directory too ([`home`](crate::home));
//! - a snapshot that sled had not finished is removed before sled sees it ([`clear_unfinished`]);
//! - a flush that sleeps through a failed write is woken ([`wake`]).

use std::{
    fs::{self, File},
    io,
    ops::Bound,
    panic::{self, UnwindSafe},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    engine::{Batch, Engine, EngineError, Entry},
    files,
};

/// sled's page cache, in bytes.
const CACHE: u64 = 48 * 1024 * 1024;

/// The size of a segment of sled's log, in bytes. A page larger than a quarter of it, 1 MiB, becomes a blob file. The
/// largest pages are leaves: sled splits one at 17 entries, which are 544 KiB of values of
/// [`MAX_VALUE`](crate::parts::MAX_VALUE); each neighbour that is merged into one brings up to 3 more.
const SEGMENT: usize = 4 * 1024 * 1024;

/// How often opening is tried again: a `sled::Db` that was dropped frees its file lock a little later.
const LOCK_TRIES: u32 = 100;

/// How often it is looked whether a flush ends.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) struct SledEngine {
    db: sled::Db,
    /// Where sled puts pages that its log can't hold.
    blobs: PathBuf,
    /// Our own descriptor of sled's data file, for `fdatasync`.
    file: File,
    /// Counts the begins and ends of sled's flushes: odd while one is under way.
    flushes: Arc<AtomicU64>,
    waker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl SledEngine {
    /// Opens sled's folder, or makes it. sled panics at a log that it can't make sense of.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        or_damaged(path, || Self::open_or_panic(path))
    }

    fn open_or_panic(path: &Path) -> Result<Self, EngineError> {
        let failed = |why: String| EngineError { what: format!("open the store in {}", path.display()), why };
        let config = sled::Config::new().path(path).flush_every_ms(None).cache_capacity(CACHE).segment_size(SEGMENT);
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
        Ok(Self { db, blobs: path.join("blobs"), file, flushes, waker: Some((end, waker)) })
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

/// Makes a panic of sled's an error that says what to do.
fn or_damaged<T>(path: &Path, open: impl FnOnce() -> Result<T, EngineError> + UnwindSafe) -> Result<T, EngineError> {
    panic::catch_unwind(open).unwrap_or_else(|_| {
        let path = path.display();
        Err(EngineError {
            what: format!("open the store in {path}"),
            why: format!(
                "sled's files are damaged; restore a backup by `store-hub store restore`; without one, move {path} \
                 away: the hub begins an empty store, and HQ keeps what it has acknowledged"
            ),
        })
    })
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

/// Makes pages durable that sled keeps outside of its log. There should be none: with the sizes above no page is so
/// large. Should one come to be all the same, it is safe once it is synced, and what the log says of it was not answered
/// before.
fn sync_blobs(blobs: &Path) -> io::Result<()> {
    let mut found = false;
    for blob in fs::read_dir(blobs)? {
        match File::open(blob?.path()).and_then(|blob| blob.sync_all()) {
            Ok(()) => found = true,
            // sled has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if found { files::sync_directory(blobs) } else { Ok(()) }
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
            Ok(_) => {
                sync_blobs(&self.blobs).and_then(|()| self.file.sync_data()).map_err(|error| failed(error.to_string()))
            }
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

    /// As many bytes under a key as the store ever writes under one.
    fn largest(number: u32) -> (Vec<u8>, Option<Vec<u8>>) {
        let bytes = number.to_be_bytes();
        (bytes.to_vec(), Some(bytes.repeat(crate::parts::MAX_VALUE / bytes.len())))
    }

    #[test]
    fn no_page_is_kept_outside_of_the_log_however_large_the_values_are() {
        let directory = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(directory.path()).unwrap();
        let blobs = || fs::read_dir(directory.path().join("blobs")).unwrap().count();
        let commit = |batch| {
            engine.apply(batch).unwrap();
            assert_eq!(blobs(), 0);
            engine.flush().unwrap();
        };
        let scattered = |place: u32| place * 7_919 % 400;
        for part in 0..40 {
            commit((0..10).map(|place| largest(part * 10 + place)).collect());
        }
        // Pages grow by being merged, too.
        for round in 0..150 {
            commit((0..4).map(|place| (scattered(round * 4 + place).to_be_bytes().to_vec(), None)).collect());
            commit(vec![largest(scattered(round * 11))]);
        }
    }

    #[test]
    fn a_page_outside_of_the_log_is_synced_by_the_next_flush() {
        let directory = tempfile::tempdir().unwrap();
        let engine = SledEngine::open(directory.path()).unwrap();
        engine.apply(vec![(b"key".to_vec(), Some(vec![7; SEGMENT / 3]))]).unwrap();
        let blobs = directory.path().join("blobs");
        assert_eq!(fs::read_dir(&blobs).unwrap().count(), 1, "larger than anything that the store writes");
        engine.flush().unwrap();
        fs::remove_dir_all(&blobs).unwrap();
        assert!(engine.flush().is_err(), "a flush looks there");
    }

    #[test]
    #[allow(clippy::panic)]
    fn a_panic_at_opening_is_an_error_that_says_what_to_do() {
        let opened = or_damaged::<()>(Path::new("/data/sled"), || panic!("tried to serialize Uninitialized"));
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("open the store in /data/sled"), "{error}");
        assert!(error.contains("restore a backup"), "{error}");
    }

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
