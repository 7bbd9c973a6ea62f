//! Alarms: conditions that need a person.

use contract::HubId;
use serde::Serialize;

use crate::{
    database::{Database, DatabaseError, Transaction, statement::statements, values},
    ledger::Ledger,
};

statements! {
    /// Raises an alarm, or counts it again.
    RAISE = "alarm/raise" + postgres;
    /// All alarms.
    ALL = "alarm/all";
}

/// The kind of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An event was repeated with other content.
    Contradiction,
    /// Two hubs have one name: an earlier epoch was active after a later one.
    Namesake,
    /// The hub's events differ from those received: its disk was set back or copied.
    Diverged,
    /// The hub's events do not lead to the positions that it sent.
    Positions,
    /// More came back of a sale than was sold.
    OverReturned,
    /// A return that the history of all stores speaks against.
    ReturnRule,
    /// Points that a return should have taken back are spent, or another store holds them.
    PointsShort,
    /// A return gives money back to a web payment whose order HQ can't find.
    RefundUnknown,
    /// Two customers have a unit with one serial number.
    UnitTwice,
    /// A store coupon was used more often than it may be.
    CouponOverused,
    /// Two boxes have used one location's identity: a disk was copied, or a backup of it was restored.
    Clone,
}

impl Kind {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Namesake => "namesake",
            Self::Diverged => "diverged",
            Self::Positions => "positions",
            Self::OverReturned => "over_returned",
            Self::ReturnRule => "return_rule",
            Self::PointsShort => "points_short",
            Self::RefundUnknown => "refund_unknown",
            Self::UnitTwice => "unit_twice",
            Self::CouponOverused => "coupon_overused",
            Self::Clone => "clone",
        }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// The hub.
    pub hub: String,
    /// The kind's name.
    pub kind: String,
    /// The subject, such as a stream or an epoch.
    pub subject: String,
    /// The latest description.
    pub what: String,
    /// When it was first raised: milliseconds since 1970, UTC.
    pub first_at_ms: i64,
    /// When it was last raised.
    pub last_at_ms: i64,
    /// How often it was raised.
    pub times: i64,
}

/// The maximum length of an alarm's subject, in characters: it is a part of a key.
const MAX_SUBJECT: usize = 200;

/// The maximum length of what is wrong, in characters.
const MAX_WHAT: usize = 1_000;

/// A text that any database takes, whatever a hub has put into it.
fn bounded(mut text: String, most: usize) -> String {
    text.retain(|char| char != '\0');
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

impl Alarm {
    /// An alarm raised now.
    pub fn new(hub: &HubId, kind: Kind, subject: String, what: String, now_ms: i64) -> Self {
        let (hub, kind) = (hub.to_string(), kind.name().to_owned());
        let (subject, what) = (bounded(subject, MAX_SUBJECT), bounded(what, MAX_WHAT));
        Self { hub, kind, subject, what, first_at_ms: now_ms, last_at_ms: now_ms, times: 1 }
    }
}

/// Raises an alarm, or counts it again.
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
