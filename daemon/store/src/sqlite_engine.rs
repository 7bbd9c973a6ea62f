//! SQLite in WAL mode with `synchronous=FULL`: a `COMMIT` that succeeds is durable.
//!
//! - One connection writes, inside `BEGIN IMMEDIATE`; others read, each from a snapshot, and never wait for the writer.
//! - The journal mode and `synchronous` are set and read back on every connection; a build or file that ignores them is
//!   refused.
//! - `COMMIT` flushes, so [`Engine::flush`] only checks that the file was not removed or replaced; a `COMMIT` that
//!   fails is a failed `apply`. So is a failure to move the log into the database afterwards: SQLite itself would
//!   ignore that and continue on a failed disk.
//! - SQLite allows many writing processes; a store has one owner, which holds the lock on a file beside the database.

use std::{
    fs::{self, File, TryLockError},
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

use crate::{
    engine::{Batch, Engine, EngineError, Entry, IN_USE},
    files::FileId,
};

/// The name of the database file.
const DATABASE: &str = "store.db";

/// The page size of new stores, in bytes. A sale fits into one page; at SQLite's default of 4 KiB each would need an
/// overflow page, and a store would be twice as large.
const PAGE: i64 = 8 * 1024;

/// The page cache of the writing connection, in KiB.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

/// The page cache of a reading connection, in KiB.
const READER_CACHE_KIB: i64 = 1024;

/// Reading connections that are kept open; more are opened when all are in use, and closed afterwards.
const READERS: usize = 4;

/// The log is moved into the database when it has more pages than this: 16 MiB. Pages that are written often
/// (positions, counters) are moved only once.
const LONG_LOG: i32 = 2_000;

/// Prepared statements that are cached: a range has 18 forms, by its two bounds and its order.
const STATEMENTS: usize = 24;

/// Attempts to take the lock: a killed hub frees it when its process is gone.
const LOCK_TRIES: u32 = 100;

pub(crate) struct SqliteEngine {
    path: PathBuf,
    /// The database file at the opening.
    database: FileId,
    writer: Mutex<Connection>,
    /// Pages in the log after the last commit.
    in_log: Arc<AtomicI32>,
    readers: Mutex<Vec<Connection>>,
    /// Locked while the store is open.
    _lock: File,
}

fn failed(what: &str) -> impl Fn(rusqlite::Error) -> EngineError + '_ {
    move |error| EngineError { what: what.to_owned(), why: error.to_string() }
}

impl SqliteEngine {
    /// Opens SQLite's folder, or creates it.
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
                return Err(by_system(match error {
                    TryLockError::WouldBlock => std::io::Error::other(IN_USE),
                    TryLockError::Error(error) => error,
                }));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let mut writer = connect(path, true)?;
        let in_log = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&in_log);
        // Replaces SQLite's own hook, which moves the log and ignores errors.
        let count = move |_: &mut Wal, pages| {
            told.store(pages, Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(count)).map_err(failed(&what))?;
        writer
            .execute_batch("CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
            .map_err(failed(&what))?;
        let database = FileId::of(&path.join(DATABASE)).map_err(by_system)?;
        Ok(Self {
            path: path.to_owned(),
            database,
            writer: Mutex::new(writer),
            in_log,
            readers: Mutex::default(),
            _lock: lock,
        })
    }

    /// Moves the log into the database when it is long.
    fn move_log(&self, writer: &Connection) -> Result<(), EngineError> {
        if self.in_log.load(Relaxed) < LONG_LOG {
            return Ok(());
        }
        // Pages that a reader still needs stay in the log, which is not an error.
        let moved = writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        moved.map_err(failed("move its log into the database"))
    }

    /// Reads on a separate connection.
    fn read<T>(&self, what: &str, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, EngineError> {
        let idle = locked(&self.readers).pop();
        let connection = idle.map_or_else(|| connect(&self.path, false), Ok)?;
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

fn connect(path: &Path, writes: bool) -> Result<Connection, EngineError> {
    let what = format!("open the store in {}", path.display());
    let failed = failed(&what);
    let connection = Connection::open(path.join(DATABASE)).map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
    connection.pragma_update(None, "page_size", PAGE).map_err(&failed)?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(&failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(&failed)?;
    if journal != "wal" || synchronous != 2 {
        let why =
            format!("SQLite reports journal_mode {journal} and synchronous {synchronous}, expected wal and 2 (FULL)");
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

    /// Reads with the writer's page cache: a reader drops its own at each commit of the writer.
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
        self.database.require_at(&self.path.join(DATABASE)).map_err(EngineError::new("make a batch durable"))
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        let failed = |error: std::io::Error| EngineError { what: "measure its files".into(), why: error.to_string() };
        let mut size = 0;
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            match entry.and_then(|entry| entry.metadata()) {
                Ok(metadata) => size += metadata.len(),
                // SQLite removes its own files at any time.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(size)
    }
}
