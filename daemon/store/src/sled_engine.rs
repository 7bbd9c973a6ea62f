//! sled 0.34.7, with the measures that make it durable.
//!
//! By itself sled loses acknowledged commits in a power failure: on Linux its `flush` uses `sync_file_range`, which
//! neither commits the file's size nor empties the drive's cache (sled issue 1452). Its `flush_async` deadlocks when
//! several callers wait. Therefore:
//!
//! - one thread (the committer) writes; it calls the blocking `flush`, then `fdatasync` on its own descriptor of sled's
//!   `db` file, then answers;
//! - the background flusher is off; the cache is bounded;
//! - segments are large and values small ([`SEGMENT`]), so that no page exceeds sled's log. sled puts a larger page
//!   into a file below `blobs`, which it never syncs. Each flush checks that directory ([`sync_blobs`]);
//! - a damaged log, on which sled panics, becomes an error that says what to do ([`SledEngine::open`]);
//! - a store is created under a temporary name and synced with its `conf` file and directory
//!   ([`store_dir`](crate::store_dir));
//! - an incomplete snapshot is removed before sled sees it ([`clear_unfinished`]);
//! - a flush that hangs after a failed write is woken ([`wake`]).

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
    engine::{Batch, Engine, EngineError, Entry, IN_USE},
    files::{self, FileId},
};

/// sled's page cache, in bytes.
const CACHE: u64 = 48 * 1024 * 1024;

/// The size of a segment of sled's log, in bytes. A page larger than a quarter of it, 1 MiB, becomes a blob file. The
/// largest pages are leaves: sled splits a leaf at 17 entries, which are 544 KiB of values of
/// [`MAX_VALUE`](crate::parts::MAX_VALUE); each neighbour that is merged into it adds up to 3 entries.
const SEGMENT: usize = 4 * 1024 * 1024;

/// Attempts to open the store: a dropped `sled::Db` frees its file lock a little later.
const LOCK_TRIES: u32 = 100;

/// The interval between checks whether a flush has ended.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) struct SledEngine {
    db: sled::Db,
    /// The directory of pages that sled's log can't hold.
    blobs: PathBuf,
    /// Our own descriptor of sled's data file, for `fdatasync`, and its path and identity.
    file: File,
    path: PathBuf,
    id: FileId,
    /// Incremented at the beginning and end of each flush: odd while one is running.
    flushes: Arc<AtomicU64>,
    waker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl SledEngine {
    /// Opens sled's folder, or creates it. sled panics on a damaged log.
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
                Err(sled::Error::Io(error)) if error.to_string().contains("lock") => {
                    if tries == LOCK_TRIES {
                        return Err(failed(IN_USE.to_owned()));
                    }
                    tries += 1;
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        let data = path.join("db");
        let (file, id) = File::open(&data)
            .and_then(|file| Ok((file, FileId::of(&data)?)))
            .map_err(|error| failed(error.to_string()))?;
        let flushes = Arc::new(AtomicU64::new(0));
        let (end, ended) = channel();
        let (watched, counted) = (db.clone(), Arc::clone(&flushes));
        let waker = thread::Builder::new().name("sled-waker".into()).spawn(move || wake(&watched, &counted, &ended));
        let waker = waker.map_err(|error| failed(error.to_string()))?;
        Ok(Self { db, blobs: path.join("blobs"), file, path: data, id, flushes, waker: Some((end, waker)) })
    }
}

impl Drop for SledEngine {
    /// Drops the waker's handle of the store before this one, so that the file lock is freed soon.
    fn drop(&mut self) {
        if let Some((end, waker)) = self.waker.take() {
            drop(end);
            // The thread does not panic, and the result would not matter here.
            drop(waker.join());
        }
    }
}

/// Converts a panic of sled to an error that says what to do.
fn or_damaged<T>(path: &Path, open: impl FnOnce() -> Result<T, EngineError> + UnwindSafe) -> Result<T, EngineError> {
    panic::catch_unwind(open).unwrap_or_else(|_| {
        let path = path.display();
        Err(EngineError {
            what: format!("open the store in {path}"),
            why: format!(
                "sled's files are damaged; restore a backup with `store-hub store restore`; if there is none, move \
                 {path} away: the hub then creates an empty store, and HQ keeps what it has acknowledged"
            ),
        })
    })
}

/// Wakes a flush that would hang for ever. If sled's thread pool fails to write a full segment, it records the failure
/// but wakes nobody (`exit_reservation` in sled's `logger.rs`; its other writes do). Another flush finds the record and
/// wakes all waiters, which then fail as they should. A flush that came before the failure hangs too, so this repeats
/// with doubled intervals.
///
/// A batch that reads back a page that sled has just evicted can hang in the same way, while it blocks flushes: this
/// can't wake it. The hub's watchdog commits, hangs too, and the hub is restarted.
fn wake(db: &sled::Db, flushes: &AtomicU64, ended: &Receiver<()>) {
    let (mut last, mut looks) = (0, 0_u32);
    while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let now = flushes.load(SeqCst);
        looks = if now == last && now % 2 == 1 { looks + 1 } else { 0 };
        last = now;
        if looks.is_power_of_two() {
            let db = db.clone();
            // If the thread can't be started, the next check tries again.
            drop(thread::Builder::new().name("sled-wakes".into()).spawn(move || drop(db.flush())));
        }
    }
}

/// Syncs the pages that sled stores outside of its log. There should be none, because with the sizes above no page is
/// large enough. If there is one, it is durable after this, and the log entry that refers to it was not answered
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

/// Removes incomplete snapshots. At every start sled writes one (`snap.N.generating`), syncs it and renames it. If it
/// is interrupted before that, it later takes the incomplete file for its newest snapshot, finds it broken, and never
/// opens again. Without the file, sled continues from the snapshot before.
fn clear_unfinished(path: &Path) -> io::Result<()> {
    let owner = match File::open(path.join("db")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if owner.try_lock().is_err() {
        // Another process has opened the store, and this may be its snapshot.
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
            Ok(_) => (self.id.require_at(&self.path))
                .and_then(|()| sync_blobs(&self.blobs).map_err(|error| error.to_string()))
                .and_then(|()| self.file.sync_data().map_err(|error| error.to_string()))
                .map_err(failed),
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

    /// A value of the maximum size that the store writes.
    fn largest(number: u32) -> (Vec<u8>, Option<Vec<u8>>) {
        let bytes = number.to_be_bytes();
        (bytes.to_vec(), Some(bytes.repeat(crate::parts::MAX_VALUE / bytes.len())))
    }

    #[test]
    fn the_largest_values_make_no_page_outside_of_the_log() {
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
        // Merging makes pages larger, too.
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
    fn a_store_opens_with_an_incomplete_snapshot() {
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
