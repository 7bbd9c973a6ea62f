//! The hubs, as of their last hello.

use contract::{Epoch, HubId, Sequence, Stream};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Value, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Hubs, after one.
    PAGE = "fleet/page";
    /// The streams of a hub in an epoch: HQ's cursor and the hub's span.
    STREAMS = "fleet/streams";
}

/// The number of hubs read at once.
const AT_ONCE: i64 = 500;

/// A hub. Moments are milliseconds since 1970, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The hub.
    pub hub: HubId,
    /// Its latest epoch.
    pub epoch: Epoch,
    /// Its software and version.
    pub software: String,
    /// Why its store has stopped, if it has.
    pub stopped: Option<String>,
    /// When it last said hello.
    pub heard_at_ms: i64,
    /// Its streams in that epoch.
    pub streams: Vec<StreamState>,
}

/// A stream: HQ's cursor and the hub's span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamState {
    /// Which.
    pub stream: Stream,
    /// The last event that HQ has; 0 for none.
    pub up_to: Sequence,
    /// The first event that the hub can still send.
    pub first_kept: Sequence,
    /// The last event that the hub said it has.
    pub last: Sequence,
    /// How many events the hub said it has and HQ lacks.
    pub lag: u64,
    /// When the last event that HQ has happened, by the hub's clock. What HQ lacks happened later.
    pub occurred_at_ms: Option<i64>,
    /// When HQ got it.
    pub received_at_ms: Option<i64>,
    /// While the hub is asked to send again: how far it has come.
    pub replayed_to: Option<Sequence>,
}

impl Ledger {
    /// Gives every hub that ever said hello, by name.
    ///
    /// # Errors
    /// The database fails, or what takes them does.
    pub async fn fleet<E: From<DatabaseError>>(&self, mut take: impl FnMut(Member) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let mut pages = Pages::after(values![""], &PAGE, AT_ONCE);
        loop {
            let rows = pages.next(&mut snapshot).await?;
            if rows.is_empty() {
                return Ok(snapshot.commit().await?);
            }
            for row in rows {
                let mut member = member(row)?;
                let key = values![member.hub.as_str(), Value::unsigned("epoch", member.epoch.0)?];
                let streams = snapshot.query(&STREAMS, key).await?;
                member.streams = streams.into_iter().map(stream).collect::<Result<_, _>>()?;
                take(member)?;
            }
        }
    }
}

fn member(row: Row) -> Result<Member, DatabaseError> {
    let (hub, epoch, software, stopped, heard_at_ms): (String, u64, String, Option<String>, i64) = row.read()?;
    let hub = hub.parse().map_err(|found| DatabaseError::Column { column: 0, expected: "a hub", found })?;
    Ok(Member { hub, epoch: Epoch(epoch), software, stopped, heard_at_ms, streams: Vec::new() })
}

fn stream(row: Row) -> Result<StreamState, DatabaseError> {
    type Columns = (String, Option<u64>, Option<i64>, Option<i64>, Option<u64>, u64, u64);
    let (stream, up_to, occurred_at_ms, received_at_ms, replayed_to, first_kept, last): Columns = row.read()?;
    let stream = stream.parse().map_err(|found| DatabaseError::Column { column: 0, expected: "a stream", found })?;
    let up_to = up_to.unwrap_or_default();
    Ok(StreamState {
        stream,
        up_to: Sequence(up_to),
        first_kept: Sequence(first_kept),
        last: Sequence(last),
        lag: last.saturating_sub(up_to),
        occurred_at_ms,
        received_at_ms,
        replayed_to: replayed_to.map(Sequence),
    })
}
