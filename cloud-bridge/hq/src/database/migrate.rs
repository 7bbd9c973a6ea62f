//! Versions of the tables: the files in `sql/migrations`, each applied once, in order, in one transaction.

use super::{
    Database, DatabaseError, Row,
    statement::{statements, text},
    value::values,
};

statements! {
    /// Keeps others from migrating until the transaction ends.
    LOCK = "version/lock" + postgres;
    /// The version of the tables; no row for a new database.
    VERSION = "version/version";
    /// Another version.
    SET_VERSION = "version/set";
}

/// A step from the version before it.
#[derive(Clone)]
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: text!("migrations/", $name, ".sqlite.sql"),
            postgres: text!("migrations/", $name, ".postgres.sql"),
        }),+]
    };
}

/// All of them; the first makes version 1.
pub(super) static ALL: &[Migration] = migrations![
    "0001_events",
    "0002_projections",
    "0003_queues",
    "0004_shards",
    "0005_api",
    "0006_publications",
    "0007_beside",
    "0008_orders",
    "0009_receipt_prefix",
    "0010_cash",
    "0011_audit",
    "0012_locations",
    "0014_returns",
    "0015_units",
    "0016_gift_cards",
    "0017_customers",
    "0018_reconciliation",
    "0019_order_requests",
    "0020_returns",
    "0021_coupons",
];

/// Brings the tables to the last version.
pub(super) async fn up(database: &Database, migrations: &[Migration]) -> Result<(), DatabaseError> {
    let mut transaction = database.transaction().await?;
    transaction.without_limit().await?;
    transaction.query(&LOCK, values![]).await?;
    transaction.script("migrations", text!("version/table", ".sql")).await?;
    let version = transaction.query(&VERSION, values![]).await?.pop().map(Row::read::<(i64,)>);
    let found = version.transpose()?.map_or(0, |(version,)| version);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if found > known || found < 0 {
        return Err(DatabaseError::Later { found, known });
    }
    for migration in migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
        let text = if database.is_postgres() { migration.postgres } else { migration.sqlite };
        transaction.script(migration.name, text).await?;
    }
    if found < known {
        transaction.execute(&SET_VERSION, values![known]).await?;
    }
    transaction.commit().await
}
