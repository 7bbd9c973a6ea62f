//! Events without effect, and why.

use contract::{Epoch, HubId, Sequence, Stream};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Events in quarantine, after one.
    PAGE = "quarantine/page";
}

/// Events that are read at once; each may be large.
const AT_ONCE: i64 = 50;

/// An event kept for a person to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Whose.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// In which stream.
    pub stream: Stream,
    /// Which.
    pub sequence: Sequence,
    /// What it is called.
    pub kind: String,
    /// When it happened, by the hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// When HQ got it.
    pub received_at_ms: i64,
    /// Why.
    pub why: String,
    /// What it says.
    pub body: String,
}

impl Ledger {
    /// Gives every event in quarantine, by hub, epoch, stream and sequence.
    ///
    /// # Errors
    /// The database fails, or what takes them does.
    pub async fn quarantine<E: From<DatabaseError>>(
        &self,
        mut take: impl FnMut(Quarantined) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", -1_i64, "", -1_i64], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |row| take(quarantined(row)?)).await?;
        Ok(snapshot.commit().await?)
    }
}

fn quarantined(row: Row) -> Result<Quarantined, DatabaseError> {
    type Columns = (String, u64, String, u64, String, i64, i64, String, String);
    let (hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, why, body): Columns = row.read()?;
    let bad = |found| DatabaseError::Column { column: 0, expected: "an event", found };
    Ok(Quarantined {
        hub: hub.parse().map_err(bad)?,
        epoch: Epoch(epoch),
        stream: stream.parse().map_err(bad)?,
        sequence: Sequence(sequence),
        kind,
        occurred_at_ms,
        received_at_ms,
        why,
        body,
    })
}
