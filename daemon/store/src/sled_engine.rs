//! sled 0.34.7 behind the discipline that makes it durable.
//!
//! Left to itself sled loses acknowledged commits at a power cut: on Linux its `flush` uses `sync_file_range`, which neither commits the
//! file's size nor empties the drive's cache (sled issue 1452). Its `flush_async` deadlocks when several callers wait. So:
//!
//! - one thread (the committer) writes; blocking `flush`, then `fdatasync` on our own descriptor of sled's `db` file, then the answers;
//! - the background flusher is off; the cache is bounded;
//! - values stay below [`MAX_RECORD`](crate::MAX_RECORD), so that sled never makes blob files, which it does not sync;
//! - a store is created under another name and synced whole, `conf` file and directory too ([`home`](crate::home)).

use std::{fs::File, ops::Bound, path::Path, thread, time::Duration};

use crate::engine::{Batch, Engine, EngineError, Entry};

/// sled's page cache, in bytes.
const CACHE: u64 = 48 * 1024 * 1024;

/// How often opening is tried again: a `sled::Db` that was dropped frees its file lock a little later.
const LOCK_TRIES: u32 = 100;

pub(crate) struct SledEngine {
    db: sled::Db,
    /// Our own descriptor of sled's data file, for `fdatasync`.
    file: File,
}

impl SledEngine {
    /// Opens sled's folder, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        let failed = EngineError::new(format!("open the store in {}", path.display()));
        let config = sled::Config::new().path(path).flush_every_ms(None).cache_capacity(CACHE);
        let mut tries = 0;
        let db = loop {
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
        Ok(Self { db, file })
    }
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
        match self.db.flush() {
            Ok(_) => self.file.sync_data().map_err(|error| failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        self.db.size_on_disk().map_err(|error| EngineError::new("measure its files")(error.to_string()))
    }
}
