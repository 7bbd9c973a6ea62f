//! The database under the ledger: SQLite or PostgreSQL, by one set of statements.
//!
//! # What this module promises
//!
//! - **Committed means durable.** SQLite writes its log ahead with `synchronous=FULL`; PostgreSQL is asked for
//!   `synchronous_commit=on` whatever its defaults are.
//! - **All or nothing.** A [`Transaction`] that is dropped, or whose future is dropped, is rolled back.
//! - **The same on both engines.** A [`Statement`] is one file for both where they take the same text. Parameters are
//!   numbered in the order of their first use. A test prepares every statement on both.
//! - **Bounded in time.** No call waits longer than [`PATIENCE`] for a connection or an answer.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the server, or the line to it | the call fails; the next one gets a new connection |
//! | the process dies in a transaction | the engine rolls it back |
//! | the database is of a later version | it is refused at [`Database::open`], and not touched |
//! | the file is of another program | the same |
//! | two processes migrate at once | one waits for the other |
//!
//! | module | holds |
//! | --- | --- |
//! | [`address`] | `hq.db` or `postgres://...`, and how the server is trusted |
//! | [`statement`] | statements, from files in `sql/` |
//! | [`value`] | parameters and rows |
//! | `locks` | the order in which rows are locked |
//! | `migrate` | versions of the tables |
//! | `sqlite`, `postgres` | the engines |

pub mod address;
mod arguments;
mod locks;
mod migrate;
mod postgres;
mod sqlite;
pub mod statement;
#[cfg(test)]
mod tests;
pub mod value;

use std::time::Duration;

pub use address::{Access, Address};
pub use arguments::LedgerArguments;
pub(crate) use locks::Lock;
use locks::Locks;
pub use statement::Statement;
pub(crate) use value::values;
pub use value::{Row, Value};

/// How long a connection or an answer is waited for. Migrations and rebuilding take as long as they take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A database. Clones are of the same one.
#[derive(Clone)]
pub struct Database(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Database {
    /// Opens a database and brings its tables to this program's version. A file that is not there is made.
    ///
    /// # Errors
    /// It cannot be reached, is of a later version, or of another program.
    pub async fn open(address: &Address, access: &Access) -> Result<Self, DatabaseError> {
        let database = Self(match address {
            Address::File(path) => Engine::Sqlite(sqlite::Sqlite::open(path).await?),
            Address::Postgres(config) => Engine::Postgres(postgres::Postgres::open(config, access)?),
        });
        migrate::up(&database, migrate::ALL).await?;
        Ok(database)
    }

    /// A new SQLite database in memory, gone with its last clone. Its readers wait for its writer.
    ///
    /// # Errors
    /// There is no memory for it.
    pub async fn in_memory() -> Result<Self, DatabaseError> {
        let database = Self(Engine::Sqlite(sqlite::Sqlite::in_memory()?));
        migrate::up(&database, migrate::ALL).await?;
        Ok(database)
    }

    /// Begins a transaction that may write. On SQLite there is one at a time. What is read in it is what was committed
    /// before each statement.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn transaction(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::of(match &self.0 {
            Engine::Sqlite(sqlite) => Running::Sqlite(sqlite.write().await?),
            Engine::Postgres(postgres) => Running::Postgres(postgres.write().await?),
        }))
    }

    /// Begins a transaction that reads what is committed now: all its statements see the same moment. It waits for no
    /// writer.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn snapshot(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction::of(match &self.0 {
            Engine::Sqlite(sqlite) => Running::Sqlite(sqlite.snapshot().await?),
            Engine::Postgres(postgres) => Running::Postgres(postgres.snapshot().await?),
        }))
    }

    /// Reads by one statement.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read(&self, statement: &'static Statement, parameters: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        match &self.0 {
            Engine::Sqlite(sqlite) => sqlite.snapshot().await?.query(statement, vec![parameters]).await,
            Engine::Postgres(postgres) => postgres.read(statement, parameters).await,
        }
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Engine::Postgres(_))
    }
}

/// A transaction; rolled back when dropped.
pub struct Transaction {
    running: Running,
    locks: Locks,
    /// The rows that were locked at [`Self::mark`].
    marked: Locks,
}

enum Running {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

impl Transaction {
    fn of(running: Running) -> Self {
        Self { running, locks: Locks::default(), marked: Locks::default() }
    }

    /// Notes a row that is about to be locked; see [`Lock`].
    pub(crate) fn lock(&mut self, lock: Lock) {
        self.locks.take(lock);
    }

    /// Sets the point to which [`Self::return_to_mark`] returns.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub(crate) async fn mark(&mut self) -> Result<(), DatabaseError> {
        self.marked.clone_from(&self.locks);
        self.script("mark", "SAVEPOINT mark").await
    }

    /// Undoes everything since the mark, and releases the rows that were locked since.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub(crate) async fn return_to_mark(&mut self) -> Result<(), DatabaseError> {
        self.locks.clone_from(&self.marked);
        self.script("return to mark", "ROLLBACK TO SAVEPOINT mark").await
    }

    /// Reads.
    ///
    /// # Errors
    /// The statement fails; the transaction can only be dropped then.
    pub async fn query(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        match &mut self.running {
            Running::Sqlite(session) => session.query(statement, vec![parameters]).await,
            Running::Postgres(session) => session.query(statement, parameters).await,
        }
    }

    /// Reads by many sets of parameters: the rows of all of them, in no certain order. PostgreSQL gets an array of
    /// each column in one statement, which takes it apart by `unnest`; SQLite runs its statement for each set.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub async fn query_many(
        &mut self,
        statement: &'static Statement,
        sets: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, DatabaseError> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.running {
            Running::Sqlite(session) => session.query(statement, sets).await,
            Running::Postgres(session) => session.query_columns(statement, sets).await,
        }
    }

    /// Writes; gives how many rows.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub async fn execute(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<Value>,
    ) -> Result<u64, DatabaseError> {
        match &mut self.running {
            Running::Sqlite(session) => session.execute(statement, vec![parameters]).await,
            Running::Postgres(session) => session.execute(statement, parameters).await,
        }
    }

    /// Writes many rows, in the manner of [`Self::query_many`]; gives how many.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub async fn execute_many(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, DatabaseError> {
        if rows.is_empty() {
            return Ok(0);
        }
        match &mut self.running {
            Running::Sqlite(session) => session.execute(statement, rows).await,
            Running::Postgres(session) => session.execute_columns(statement, rows).await,
        }
    }

    /// Lets this transaction's statements take as long as they take.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub async fn without_limit(&mut self) -> Result<(), DatabaseError> {
        match &mut self.running {
            Running::Sqlite(_) => Ok(()),
            Running::Postgres(session) => session.without_limit().await,
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// Nothing is written, or, if the line broke meanwhile, all of it.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        match self.running {
            Running::Sqlite(session) => session.commit().await,
            Running::Postgres(session) => session.commit().await,
        }
    }

    /// Runs statements without parameters, one after another.
    async fn script(&mut self, what: &'static str, text: &'static str) -> Result<(), DatabaseError> {
        match &mut self.running {
            Running::Sqlite(session) => session.script(what, text).await,
            Running::Postgres(session) => session.script(what, text).await,
        }
    }

    /// Prepares a statement, and gives how many parameters it has.
    #[cfg(test)]
    async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DatabaseError> {
        match &mut self.running {
            Running::Sqlite(session) => session.prepare(statement).await,
            Running::Postgres(session) => session.prepare(statement).await,
        }
    }
}

/// Why the database was not read or written. A transaction in which it happens has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be opened or reached.
    #[error("could not open {what}: {why}")]
    Open {
        /// The file, or the server's address.
        what: String,
        /// What the engine said.
        why: String,
    },
    /// It is not a ledger of this program's.
    #[error("{what} is the database of another program; name a new file, or an empty database")]
    Foreign {
        /// The file, or the server's address.
        what: String,
    },
    /// A later program has written it.
    #[error("the ledger is of version {found}, and this program knows up to {known}; update this program")]
    Later {
        /// Its version.
        found: i64,
        /// The latest version of this program.
        known: i64,
    },
    /// A statement failed.
    #[error("{statement}: {why}")]
    Statement {
        /// Its name.
        statement: &'static str,
        /// What the engine said.
        why: String,
    },
    /// The server ended the transaction, because it and another one waited for each other. The same can be tried again.
    #[error("{statement}: ended to resolve a deadlock; try again")]
    Deadlock {
        /// The statement that waited.
        statement: &'static str,
    },
    /// No answer.
    #[error("{what}: no answer within {} s", PATIENCE.as_secs())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
    },
    /// A row is not of the form that was expected.
    #[error("column {column}: expected {expected}, found {found}")]
    Column {
        /// Which, from 0.
        column: usize,
        /// What was expected.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// A shard is another worker's: nothing is stored under the former lease.
    #[error("the hubs of shard {shard} are another worker's now")]
    Fenced {
        /// Its number.
        shard: u8,
    },
    /// A number from outside that the database has no room for.
    #[error("{what} {number} is out of range; the limit is {}", i64::MAX)]
    Range {
        /// What it is.
        what: &'static str,
        /// The number.
        number: u64,
    },
}

/// How often a transaction is tried that the server ends to resolve a deadlock.
const ATTEMPTS: u32 = 5;

impl DatabaseError {
    /// Whether to try a transaction again after this error of its `attempt`, from 1.
    pub(crate) fn is_worth_trying_again(&self, attempt: u32) -> bool {
        matches!(self, Self::Deadlock { .. }) && attempt < ATTEMPTS
    }

    /// A statement's error, as its engine says it.
    fn of(statement: &'static str) -> impl Fn(&dyn std::error::Error) -> Self {
        move |error| Self::Statement { statement, why: said(error) }
    }
}

/// What an error says, with what caused it.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
