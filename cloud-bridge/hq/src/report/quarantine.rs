//! Quarantined events, with reasons.

use contract::{Epoch, HubId, Sequence, Stream};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Quarantined events after one.
    PAGE = "quarantine/page";
}

/// The number of events read at once; each may be large.
const AT_ONCE: i64 = 50;

/// A quarantined event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The stream.
    pub stream: Stream,
    /// The sequence.
    pub sequence: Sequence,
    /// The kind.
    pub kind: String,
    /// The hub's clock: milliseconds since 1970, UTC.
    pub occurred_at_ms: i64,
    /// When HQ received it.
    pub received_at_ms: i64,
    /// The reason.
    pub why: String,
    /// The body.
    pub body: String,
}

impl Ledger {
    /// Passes on all quarantined events, by hub, epoch, stream and sequence.
    ///
    /// # Errors
    /// The database or `take` failed.
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
