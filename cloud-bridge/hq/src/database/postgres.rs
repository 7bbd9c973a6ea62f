//! PostgreSQL: a pool of connections, statements prepared once for each, parameters and rows in binary.
//!
//! A connection goes back into the pool after a commit alone. One whose transaction was dropped is closed: the server
//! rolls back what it holds, also in the middle of a statement.

use std::{error::Error, future::Future, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, Timeouts};
use tokio::time::timeout;
use tokio_postgres::{
    NoTls,
    config::SslMode,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Access, Address, DatabaseError, PATIENCE, Row, Statement, Value, said};

/// The most connections at once.
const CONNECTIONS: usize = 16;

/// A dead server is noticed within about a minute and a half while nothing is asked of it.
const KEEPALIVE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(10)];

/// What every connection is set to. The server gives up a little before its client does, and says why.
const SETTINGS: &str = "-c synchronous_commit=on -c statement_timeout=25s -c lock_timeout=20s \
                        -c idle_in_transaction_session_timeout=60s -c default_transaction_isolation=read\\ committed";

/// A server's database.
#[derive(Clone)]
pub(super) struct Postgres(Pool);

impl Postgres {
    /// Connections are made when they are needed.
    pub(super) fn open(config: &tokio_postgres::Config, access: &Access) -> Result<Self, DatabaseError> {
        let what = Address::Postgres(Box::new(config.clone())).to_string();
        let failed = |why: String| DatabaseError::Open { what: what.clone(), why };
        let mut config = config.clone();
        let settings = config.get_options().map_or_else(|| SETTINGS.into(), |own| format!("{own} {SETTINGS}"));
        config.options(settings).application_name("store-hub-hq").connect_timeout(PATIENCE / 3);
        config.keepalives_idle(KEEPALIVE[0]).keepalives_interval(KEEPALIVE[1]).keepalives_retries(3);
        config.tcp_user_timeout(PATIENCE);
        if let Some(password) = access.password().map_err(failed)? {
            config.password(password);
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match access.authority_for(&config).map_err(failed)? {
            None => Manager::from_config(config, NoTls, recycling),
            Some(authority) => {
                let roots = link::trust::roots_from_file(authority).map_err(|error| failed(error.to_string()))?;
                let tls = link::client_config(roots, None).map_err(|error| failed(error.to_string()))?;
                config.ssl_mode(SslMode::Require);
                Manager::from_config(config, MakeRustlsConnect::new((*tls).clone()), recycling)
            }
        };
        let timeouts = Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) };
        let pool = Pool::builder(manager).max_size(CONNECTIONS).timeouts(timeouts).runtime(Runtime::Tokio1);
        pool.build().map(Self).map_err(|error| failed(said(&error)))
    }

    async fn connection(&self) -> Result<Object, DatabaseError> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Timeout(_) => DatabaseError::TimedOut { what: "a connection to PostgreSQL" },
            error => DatabaseError::Open { what: "a connection to PostgreSQL".into(), why: said(&error) },
        })
    }

    async fn begin(&self, text: &'static str) -> Result<Session, DatabaseError> {
        let mut session = Session { connection: Some(Box::new(self.connection().await?)), limit: Some(PATIENCE) };
        session.script("begin", text).await?;
        Ok(session)
    }

    pub(super) async fn write(&self) -> Result<Session, DatabaseError> {
        self.begin("BEGIN").await
    }

    pub(super) async fn snapshot(&self) -> Result<Session, DatabaseError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await
    }

    /// One statement, in a transaction of its own.
    pub(super) async fn read(
        &self,
        statement: &'static Statement,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let mut session = Session { connection: Some(Box::new(self.connection().await?)), limit: Some(PATIENCE) };
        let rows = session.query(statement, parameters).await?;
        session.connection.take();
        Ok(rows)
    }
}

/// A connection in a transaction.
pub(super) struct Session {
    /// None once it has gone back into the pool.
    connection: Option<Box<Object>>,
    /// How long each answer is waited for.
    limit: Option<Duration>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(*connection));
        }
    }
}

type Failure = tokio_postgres::Error;

impl Session {
    /// Waits for an answer.
    async fn answer<T>(
        &self,
        name: &'static str,
        asked: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, DatabaseError> {
        let answer = match self.limit {
            Some(limit) => timeout(limit, asked).await.map_err(|_| DatabaseError::TimedOut { what: name })?,
            None => asked.await,
        };
        answer.map_err(|error| match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED) => DatabaseError::Deadlock { statement: name },
            _ => DatabaseError::of(name)(&error),
        })
    }

    fn connection(&self) -> Result<&Object, DatabaseError> {
        let gone = DatabaseError::Statement { statement: "connection", why: "it was given back".into() };
        self.connection.as_deref().ok_or(gone)
    }

    async fn rows<P: ToSql + Sync>(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<P>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let connection = self.connection()?;
        let asked = async {
            let prepared = connection.prepare_cached(statement.postgres).await?;
            let rows = connection.query(&prepared, &borrowed(&parameters)).await?;
            rows.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
        };
        let rows: Vec<Vec<Value>> = self.answer(statement.name, asked).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    async fn written<P: ToSql + Sync>(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<P>,
    ) -> Result<u64, DatabaseError> {
        let connection = self.connection()?;
        let asked = async {
            let prepared = connection.prepare_cached(statement.postgres).await?;
            connection.execute(&prepared, &borrowed(&parameters)).await
        };
        self.answer(statement.name, asked).await
    }

    pub(super) async fn query(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.rows(statement, parameters).await
    }

    pub(super) async fn query_columns(
        &mut self,
        statement: &'static Statement,
        sets: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.rows(statement, columns(sets)).await
    }

    pub(super) async fn execute(
        &mut self,
        statement: &'static Statement,
        parameters: Vec<Value>,
    ) -> Result<u64, DatabaseError> {
        self.written(statement, parameters).await
    }

    pub(super) async fn execute_columns(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, DatabaseError> {
        self.written(statement, columns(rows)).await
    }

    pub(super) async fn without_limit(&mut self) -> Result<(), DatabaseError> {
        self.script("without limit", "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
        self.limit = None;
        Ok(())
    }

    pub(super) async fn commit(mut self) -> Result<(), DatabaseError> {
        self.script("commit", "COMMIT").await?;
        drop(self.connection.take());
        Ok(())
    }

    pub(super) async fn script(&mut self, what: &'static str, text: &'static str) -> Result<(), DatabaseError> {
        self.answer(what, self.connection()?.batch_execute(text)).await
    }

    #[cfg(test)]
    pub(super) async fn prepare(&mut self, statement: &'static Statement) -> Result<usize, DatabaseError> {
        let prepared = self.answer(statement.name, self.connection()?.prepare(statement.postgres)).await?;
        Ok(prepared.params().len())
    }
}

fn borrowed<P: ToSql + Sync>(parameters: &[P]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as _).collect()
}

/// Rows, turned: an array of each column.
fn columns(rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let mut columns = vec![Vec::with_capacity(rows.len()); rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns
}

type AnyError = Box<dyn Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Number(number), &Type::INT8) => number.to_sql(kind, out),
            (Self::Number(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Self::Text(text), &Type::TEXT) => text.to_sql(kind, out),
            (Self::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(kind, out),
            (other, _) => Err(format!("{} as a parameter of type {kind}", other.kind()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, AnyError> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Number),
            Type::INT4 => i32::from_sql(kind, raw).map(|number| Self::Number(number.into())),
            Type::TEXT => String::from_sql(kind, raw).map(Self::Text),
            Type::BYTEA => Vec::from_sql(kind, raw).map(Self::Bytes),
            _ => Err(format!("a column of type {kind}; cast it to BIGINT, TEXT or BYTEA").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, AnyError> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
