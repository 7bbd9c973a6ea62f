//! New, empty databases for tests.

use crate::database::{Access, Address, Database};

#[path = "../tests/postgres/mod.rs"]
pub(crate) mod postgres;

/// A database, and what must outlive it.
pub(crate) struct Fresh {
    pub(crate) database: Database,
    pub(crate) address: Address,
    _directory: Option<tempfile::TempDir>,
}

impl Fresh {
    /// SQLite, in a file.
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::File(directory.path().join("hq.db"));
        let database = Database::open(&address, &Access::default()).await.unwrap();
        Self { database, address, _directory: Some(directory) }
    }

    /// PostgreSQL, if installed.
    pub(crate) async fn postgres() -> Option<Self> {
        let address: Address = postgres::database()?.parse().unwrap();
        let database = Database::open(&address, &Access::default()).await.unwrap();
        Some(Self { database, address, _directory: None })
    }

    /// How many transactions the engine has ended to resolve deadlocks.
    pub(crate) fn deadlocks(&self) -> usize {
        match &self.address {
            Address::File(_) => 0,
            Address::Postgres(config) => postgres::deadlocks(config.get_dbname().unwrap()),
        }
    }

    /// The same database, opened by another process.
    pub(crate) async fn again(&self) -> Database {
        Database::open(&self.address, &Access::default()).await.unwrap()
    }
}

/// Makes a test of each of these functions for each engine; each gets a [`Fresh`] database.
macro_rules! on_each_engine {
    ($($test:ident)+) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::testing::Fresh::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                if let Some(fresh) = $crate::testing::Fresh::postgres().await {
                    super::$test(fresh).await;
                }
            })+
        }
    };
}
pub(crate) use on_each_engine;
