//! SQLite: one writer, any number of readers.
//!
//! Statements run on threads that may block. A session holds its connection; however the session ends, its
//! connection is rolled back before anybody else gets it.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter, types};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
    time::timeout,
};

use super::{DatabaseError, PATIENCE, Row, Statement, Value, said};

/// Connections that read.
const READERS: usize = 4;

/// Statements that a connection keeps prepared.
const PREPARED: usize = 256;

/// What each connection keeps of the file in memory, in KiB.
const CACHE_KIB: i64 = 32 * 1024;

/// By which a file is known as a ledger: `HQlg`.
const APPLICATION: i64 = 0x4851_6c67;

/// A file, or a database in memory.
#[derive(Clone)]
pub(super) struct Sqlite {
    writer: Arc<Mutex<Connection>>,
    /// None for a database in memory: its readers are its writer.
    readers: Arc<[Arc<Mutex<Connection>>]>,
    turn: Arc<AtomicUsize>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        let opened = spawn_blocking(move || {
            let writer = connect(&path, true)?;
            let readers: Result<Vec<_>, _> =
                (0..READERS).map(|_| connect(&path, false).map(Mutex::new).map(Arc::new)).collect();
            Ok(Self { writer: Arc::new(Mutex::new(writer)), readers: readers?.into(), turn: Arc::default() })
        });
        opened.await.unwrap_or_else(|_| Err(ended("open")))
    }

    pub(super) fn in_memory() -> Result<Self, DatabaseError> {
        let failed = |error| open_error(Path::new(":memory:"), &error);
        let connection = Connection::open_in_memory().map_err(failed)?;
        set_up(&connection).map_err(failed)?;
        connection.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        Ok(Self { writer: Arc::new(Mutex::new(connection)), readers: Arc::new([]), turn: Arc::default() })
    }

    pub(super) async fn write(&self) -> Result<Session, DatabaseError> {
        let lane = Arc::clone(&self.writer);
        let mut session = Session::take(lane).await?;
        session.script("begin", "BEGIN IMMEDIATE").await?;
        Ok(session)
    }

    pub(super) async fn snapshot(&self) -> Result<Session, DatabaseError> {
        let free = self.readers.iter().find(|lane| lane.try_lock().is_ok());
        let next = || self.readers.get(self.turn.fetch_add(1, Relaxed) % READERS);
        let lane = free.or_else(next).unwrap_or(&self.writer);
        let mut session = Session::take(Arc::clone(lane)).await?;
        session.script("begin", "BEGIN").await?;
        Ok(session)
    }
}

/// A connection in a transaction.
pub(super) struct Session(Option<Lane>);

/// A connection that is held, and rolled back when dropped.
struct Lane(OwnedMutexGuard<Connection>);

impl Drop for Lane {
    fn drop(&mut self) {
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "could not roll back");
        }
    }
}

impl Session {
    async fn take(lane: Arc<Mutex<Connection>>) -> Result<Self, DatabaseError> {
        let waited = timeout(PATIENCE, lane.lock_owned()).await;
        Ok(Self(Some(Lane(waited.map_err(|_| DatabaseError::TimedOut { what: "the ledger's file" })?))))
    }

    /// Works with the connection on a thread that may block. If nobody waits any more, that thread lets it go.
    async fn run<T: Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let lane = self.0.take().ok_or_else(|| ended(name))?;
        let worked = spawn_blocking(move || {
            let done = work(&lane.0);
            (lane, done)
        });
        let (lane, done) = worked.await.map_err(|_| ended(name))?;
        self.0 = Some(lane);
        done.map_err(|error| DatabaseError::of(name)(&error))
    }

    pub(super) async fn query(
        &mut self,
        statement: &'static Statement,
        sets: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let work = move |connection: &Connection| {
            let mut prepared = connection.prepare_cached(statement.sqlite)?;
            let (columns, mut rows) = (prepared.column_count(), Vec::new());
            for set in sets {
                let mut found = prepared.query(params_from_iter(set))?;
                while let Some(row) = found.next()? {
                    rows.push(Row((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?));
                }
            }
            Ok(rows)
        };
        self.run(statement.name, work).await
    }

    pub(super) async fn execute(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, DatabaseError> {
        let work = move |connection: &Connection| {
            let (mut prepared, mut written) = (connection.prepare_cached(statement.sqlite)?, 0);
            for row in rows {
                written += prepared.execute(params_from_iter(row))? as u64;
            }
            Ok(written)
        };
        self.run(statement.name, work).await
    }

    pub(super) async fn commit(mut self) -> Result<(), DatabaseError> {
        self.script("commit", "COMMIT").await
    }

    pub(super) async fn script(&mut self, what: &'static str, text: &'static str) -> Result<(), DatabaseError> {
        self.run(what, |connection| connection.execute_batch(text)).await
    }

    #[cfg(test)]
    pub(super) async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DatabaseError> {
        self.run(statement.name, |connection| Ok(connection.prepare(statement.sqlite)?.parameter_count())).await
    }
}

fn ended(statement: &'static str) -> DatabaseError {
    DatabaseError::Statement { statement, why: "its thread ended".into() }
}

fn open_error(path: &Path, error: &rusqlite::Error) -> DatabaseError {
    DatabaseError::Open { what: path.display().to_string(), why: said(error) }
}

fn connect(path: &PathBuf, writes: bool) -> Result<Connection, DatabaseError> {
    let failed = |error| open_error(path, &error);
    if writes {
        // Only the file's user may read customers and orders. SQLite gives its other files the same mode.
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        made.map_err(|error| DatabaseError::Open { what: path.display().to_string(), why: error.to_string() })?;
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, writes);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    set_up(&connection).map_err(failed)?;
    if writes {
        claim(&connection, path)?;
        let journal: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
        if journal != "wal" {
            let why = format!("SQLite says journal_mode {journal} instead of wal; is the file on a network disk?");
            return Err(DatabaseError::Open { what: path.display().to_string(), why });
        }
    }
    connection.pragma_update(None, "query_only", !writes).map_err(failed)?;
    Ok(connection)
}

/// Marks a new file as a ledger, and refuses what is another program's.
fn claim(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let failed = |error| open_error(path, &error);
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    match (application, tables) {
        (APPLICATION, _) => Ok(()),
        (0, 0) => connection.pragma_update(None, "application_id", APPLICATION).map_err(failed),
        _ => Err(DatabaseError::Foreign { what: path.display().to_string() }),
    }
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "cell_size_check", true)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<types::ToSqlOutput<'_>> {
        Ok(types::ToSqlOutput::Borrowed(match self {
            Self::Null => types::ValueRef::Null,
            Self::Number(number) => types::ValueRef::Integer(*number),
            Self::Text(text) => types::ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => types::ValueRef::Blob(bytes),
        }))
    }
}

impl types::FromSql for Value {
    fn column_result(value: types::ValueRef<'_>) -> types::FromSqlResult<Self> {
        match value {
            types::ValueRef::Null => Ok(Self::Null),
            types::ValueRef::Integer(number) => Ok(Self::Number(number)),
            types::ValueRef::Text(_) => value.as_str().map(Self::from),
            types::ValueRef::Blob(bytes) => Ok(Self::from(bytes)),
            types::ValueRef::Real(_) => Err(types::FromSqlError::InvalidType),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[tokio::test]
    async fn only_the_user_may_read_a_new_ledger() {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&directory.path().join("hq.db")).await.unwrap();
        drop(sqlite.write().await.unwrap());
        for file in fs::read_dir(directory.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }
}
