//! SQLite in WAL mode with `synchronous=FULL`: what `COMMIT` answered is on the disk.
//!
//! - One connection writes, inside `BEGIN IMMEDIATE`; others read, each a snapshot of what is committed, and never wait
//!   for the writer.
//! - The journal mode and `synchronous` are set and read back on every connection: a build or a file that ignores them
//!   is refused.
//! - `COMMIT` flushes, so [`Engine::flush`] has nothing left to do; a `COMMIT` that fails is a failed `apply`. So is
//!   one after which the log can't be moved into the database: SQLite itself would pass over that, and go on on a disk
//!   that has failed.
//! - SQLite lets many processes write; a store has one owner. A locked file beside the database sees to it.

use std::{
    fs::{self, File},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, ToSql, TransactionBehavior, hooks::Wal, params_from_iter};

use crate::engine::{Batch, Engine, EngineError, Entry};

/// The size of a page, in bytes, in stores made from now on. A sale fits into one: at SQLite's usual 4 KiB each would
/// have a page of overflow, and a store be twice as large.
const PAGE: i64 = 8 * 1024;

/// The page cache of the writing connection, in KiB; readers have the system's.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

/// The page cache of a reading connection, in KiB.
const READER_CACHE_KIB: i64 = 1024;

/// Reading connections kept open; more are opened when all are in use, and closed after it.
const READERS: usize = 4;

/// Pages in the log from which on they are moved into the database: 16 MiB. A page that is written again and again
/// until then (positions, counters) is moved once.
const LONG_LOG: i32 = 2_000;

/// Statements kept prepared: a range has 18 shapes, by its two bounds and its order.
const STATEMENTS: usize = 24;

/// How often the lock is tried again: a hub that was killed frees it when its process is gone.
const LOCK_TRIES: u32 = 100;

pub(crate) struct SqliteEngine {
    home: PathBuf,
    writer: Mutex<Connection>,
    /// Pages in the log after the last commit.
    in_log: Arc<AtomicI32>,
    readers: Mutex<Vec<Connection>>,
    /// Held locked for as long as the store is open.
    _lock: File,
}

fn failed(what: &str) -> impl Fn(rusqlite::Error) -> EngineError + '_ {
    move |error| EngineError { what: what.to_owned(), why: error.to_string() }
}

impl SqliteEngine {
    /// Opens SQLite's folder, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        let what = format!("open the store in {}", path.display());
        let by_system = |error: std::io::Error| EngineError { what: what.clone(), why: error.to_string() };
        fs::create_dir_all(path).map_err(by_system)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(by_system)?;
        let mut tries = 0;
        while let Err(error) = lock.try_lock() {
            tries += 1;
            if tries == LOCK_TRIES {
                return Err(by_system(std::io::Error::other(format!("another process has it open ({error})"))));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let mut writer = connect(path, true)?;
        let in_log = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&in_log);
        // In place of SQLite's own hook, which moves the log and passes over what fails.
        let count = move |_: &mut Wal, pages| {
            told.store(pages, Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(count)).map_err(failed(&what))?;
        writer
            .execute_batch("CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
            .map_err(failed(&what))?;
        Ok(Self { home: path.to_owned(), writer: Mutex::new(writer), in_log, readers: Mutex::default(), _lock: lock })
    }

    /// Moves the log into the database once it is long.
    fn move_log(&self, writer: &Connection) -> Result<(), EngineError> {
        if self.in_log.load(Relaxed) < LONG_LOG {
            return Ok(());
        }
        // What a reader still needs stays in the log, and is no error.
        let moved = writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        moved.map_err(failed("move its log into the database"))
    }

    /// Reads with a connection of its own.
    fn read<T>(&self, what: &str, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, EngineError> {
        let idle = locked(&self.readers).pop();
        let connection = idle.map_or_else(|| connect(&self.home, false), Ok)?;
        let found = read(&connection).map_err(failed(what))?;
        let mut readers = locked(&self.readers);
        if readers.len() < READERS {
            readers.push(connection);
        }
        Ok(found)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(home: &Path, writes: bool) -> Result<Connection, EngineError> {
    let what = format!("open the store in {}", home.display());
    let failed = failed(&what);
    let connection = Connection::open(home.join("store.db")).map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
    connection.pragma_update(None, "page_size", PAGE).map_err(&failed)?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(&failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(&failed)?;
    if journal != "wal" || synchronous != 2 {
        let why =
            format!("SQLite says journal_mode {journal} and synchronous {synchronous} instead of wal and 2 (FULL)");
        return Err(EngineError { what: what.clone(), why });
    }
    let cache = if writes { WRITER_CACHE_KIB } else { READER_CACHE_KIB };
    connection.pragma_update(None, "cache_size", -cache).map_err(&failed)?;
    connection.pragma_update(None, "cell_size_check", true).map_err(&failed)?;
    connection.pragma_update(None, "query_only", !writes).map_err(&failed)?;
    Ok(connection)
}

/// A bound as a condition on the key, and its parameter.
fn condition<'k>(
    bound: Bound<&'k [u8]>,
    included: &'static str,
    excluded: &'static str,
) -> Option<(&'static str, &'k [u8])> {
    match bound {
        Bound::Included(key) => Some((included, key)),
        Bound::Excluded(key) => Some((excluded, key)),
        Bound::Unbounded => None,
    }
}

fn value_of(connection: &Connection, key: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = connection.prepare_cached("SELECT value FROM entry WHERE key = ?1")?;
    select.query_row([key], |row| row.get(0)).optional()
}

impl Engine for SqliteEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.read("read a record", |connection| value_of(connection, key))
    }

    /// From the writer's pages: a reader drops its own at each commit of the writer.
    fn get_to_commit(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        value_of(&locked(&self.writer), key).map_err(failed("read a record"))
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let conditions: Vec<_> = [condition(from, "key >= ?", "key > ?"), condition(to, "key <= ?", "key < ?")]
            .into_iter()
            .flatten()
            .collect();
        let filter: Vec<_> = conditions.iter().map(|(condition, _)| *condition).collect();
        let filter = if filter.is_empty() { String::new() } else { format!("WHERE {}", filter.join(" AND ")) };
        let order = if descending { "DESC" } else { "ASC" };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let select = format!("SELECT key, value FROM entry {filter} ORDER BY key {order} LIMIT ?");
        self.read("read a range of records", |connection| {
            let mut select = connection.prepare_cached(&select)?;
            let keys = conditions.iter().map(|(_, key)| key as &dyn ToSql);
            let parameters = params_from_iter(keys.chain([&limit as &dyn ToSql]));
            select.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let mut writer = locked(&self.writer);
        let write = |writer: &mut Connection| {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut put = transaction.prepare_cached(
                    "INSERT INTO entry (key, value) VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?;
                let mut delete = transaction.prepare_cached("DELETE FROM entry WHERE key = ?1")?;
                for (key, value) in batch {
                    match value {
                        Some(value) => put.execute((key, value))?,
                        None => delete.execute([key])?,
                    };
                }
            }
            transaction.commit()
        };
        write(&mut writer).map_err(failed("write a batch"))?;
        self.move_log(&writer)
    }

    fn flush(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        let failed = |error: std::io::Error| EngineError { what: "measure its files".into(), why: error.to_string() };
        let mut size = 0;
        for entry in fs::read_dir(&self.home).map_err(failed)? {
            match entry.and_then(|entry| entry.metadata()) {
                Ok(metadata) => size += metadata.len(),
                // SQLite removes files of its own when it pleases.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(size)
    }
}
