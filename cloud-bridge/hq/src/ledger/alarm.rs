//! What a person must look into, until then.

use contract::HubId;
use serde::Serialize;

use crate::{
    database::{Database, DatabaseError, Transaction, statement::statements, values},
    ledger::Ledger,
};

statements! {
    /// A new alarm, or the same again.
    RAISE = "alarm/raise" + postgres;
    /// All of them.
    ALL = "alarm/all";
}

/// What kind of alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An event arrived again and says something else.
    Contradiction,
    /// Two hubs have one name: an earlier epoch spoke after a later one.
    Namesake,
    /// The hub has other events than HQ heard of it: its disk was set back, or copied.
    Diverged,
    /// Its events do not add up to the positions that it told.
    Positions,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Namesake => "namesake",
            Self::Diverged => "diverged",
            Self::Positions => "positions",
        }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Of which hub.
    pub hub: String,
    /// See [`Kind::name`].
    pub kind: String,
    /// What it is about: a stream, an epoch.
    pub subject: String,
    /// What was seen last.
    pub what: String,
    /// When it was seen first: milliseconds since 1970, UTC.
    pub first_at_ms: i64,
    /// When it was seen last.
    pub last_at_ms: i64,
    /// How often.
    pub times: i64,
}

impl Alarm {
    /// Seen now.
    pub fn new(hub: &HubId, kind: Kind, subject: String, what: String, now_ms: i64) -> Self {
        let (hub, kind) = (hub.to_string(), kind.name().to_owned());
        Self { hub, kind, subject, what, first_at_ms: now_ms, last_at_ms: now_ms, times: 1 }
    }
}

/// Raises an alarm, or counts it once more.
///
/// # Errors
/// The database fails.
pub(crate) async fn raise(transaction: &mut Transaction, alarm: &Alarm) -> Result<(), DatabaseError> {
    let Alarm { hub, kind, subject, what, first_at_ms, last_at_ms, times } = alarm;
    let row = values![hub, kind, subject, what, *first_at_ms, *last_at_ms, *times];
    transaction.execute_many(&RAISE, vec![row]).await.map(drop)
}

impl Ledger {
    /// Raises alarms.
    ///
    /// # Errors
    /// The database fails.
    pub async fn raise(&self, alarms: &[Alarm]) -> Result<(), DatabaseError> {
        let mut transaction = self.database().transaction().await?;
        for alarm in alarms {
            raise(&mut transaction, alarm).await?;
        }
        transaction.commit().await
    }

    /// All alarms, by hub.
    ///
    /// # Errors
    /// The database fails.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, DatabaseError> {
        all(self.database()).await
    }
}

async fn all(database: &Database) -> Result<Vec<Alarm>, DatabaseError> {
    let rows = database.read(&ALL, values![]).await?;
    let alarm = |row: crate::database::Row| {
        let (hub, kind, subject, what, first_at_ms, last_at_ms, times) = row.read()?;
        Ok(Alarm { hub, kind, subject, what, first_at_ms, last_at_ms, times })
    };
    rows.into_iter().map(alarm).collect()
}
