//! Rebuilds all projections from the events.
//!
//! A rebuild is one transaction: readers see the old tables until it commits, hubs wait, and an interrupted rebuild
//! changes nothing.

use contract::{Epoch, Event, Sequence};
use serde_json::value::RawValue;

use super::{apply::Applier, tables, told::Stored};
use crate::database::{Database, DatabaseError, Row, statement::statements, values};

statements! {
    /// Prevents new events until the transaction ends.
    HOLD = "event/hold" + postgres;
    /// The number of events.
    COUNT = "event/count";
    /// Events in their stored order, after one.
    PAGE = "event/page" + postgres;
}

/// The number of events read at once.
const AT_ONCE: i64 = 2_000;

/// The result of a rebuild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rebuilt {
    /// Events read.
    pub events: u64,
    /// Events quarantined.
    pub quarantined: u64,
}

/// Empties every projection and applies all events again; reports the progress to `tell`.
///
/// # Errors
/// The database failed; nothing has changed.
pub async fn rebuild(database: &Database, mut tell: impl FnMut(u64, u64)) -> Result<Rebuilt, DatabaseError> {
    let mut transaction = database.transaction().await?;
    transaction.without_limit().await?;
    transaction.query(&HOLD, values![]).await?;
    let count = transaction.query(&COUNT, values![]).await?.pop().map(Row::read::<(u64,)>);
    let (count,) = count.transpose()?.unwrap_or_default();
    for table in tables() {
        transaction.execute(table.clear, values![]).await?;
    }
    let (mut applier, mut rebuilt, mut after) = (Applier::default(), Rebuilt::default(), (0, 0));
    loop {
        tell(rebuilt.events, count);
        let rows = transaction.query(&PAGE, values![after.0, after.1, AT_ONCE]).await?;
        if rows.is_empty() {
            break;
        }
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let (position, stored) = stored(row)?;
            after = position;
            events.push(stored);
        }
        rebuilt.events += events.len() as u64;
        rebuilt.quarantined += applier.apply(&mut transaction, &events).await?.len() as u64;
    }
    transaction.commit().await?;
    Ok(rebuilt)
}

/// Reads a row of [`PAGE`]: its place in the stored order, and the event.
fn stored(row: Row) -> Result<((i64, i64), Stored), DatabaseError> {
    type Columns = (i64, i64, String, u64, String, u64, String, i64, i64, String);
    let (written_by, position, hub, epoch, stream, sequence, kind, occurred_at_ms, received_at_ms, body): Columns =
        row.read()?;
    let bad = |found: String| DatabaseError::Column { column: 2, expected: "an event", found };
    let body = RawValue::from_string(body).map_err(|error| bad(error.to_string()))?;
    let event = Event { sequence: Sequence(sequence), kind, occurred_at_ms, body };
    let (hub, stream) = (hub.parse().map_err(bad)?, stream.parse().map_err(bad)?);
    Ok(((written_by, position), Stored { hub, epoch: Epoch(epoch), stream, event, received_at_ms }))
}
