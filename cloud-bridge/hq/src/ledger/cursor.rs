//! The cursors of streams.
//!
//! While a hub resends what it keeps (a replay), acknowledgements name the progress of the replay instead of the
//! cursor; resent events are compared and dropped.

use contract::{ChainLink, Epoch, Event, HubId, Sequence, Stream};

use super::Ledger;
use crate::database::{Database, DatabaseError, Row, Transaction, Value, statement::statements, values};

statements! {
    /// Reads and locks a cursor until the transaction ends.
    LOCK = "cursor/lock" + postgres;
    /// Reads a cursor.
    READ = "cursor/read";
    /// Begins a stream.
    BEGIN = "cursor/begin";
    /// Advances a cursor.
    MOVE = "cursor/move";
    /// The streams of a hub.
    STREAMS = "cursor/streams";
    /// Stores the progress of a replay.
    REPLAYED = "cursor/replayed";
}

/// The key of a hub's stream in the database.
pub(crate) struct Key([Value; 3]);

impl Key {
    /// # Errors
    /// The epoch is out of range.
    pub(crate) fn new(hub: &HubId, epoch: Epoch, stream: &Stream) -> Result<Self, DatabaseError> {
        Ok(Self([hub.as_str().into(), Value::unsigned("epoch", epoch.0)?, stream.as_str().into()]))
    }

    /// Hub, epoch, stream.
    pub(crate) fn values(&self) -> [Value; 3] {
        self.0.clone()
    }
}

/// The cursor of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last stored event.
    pub(crate) up_to: Sequence,
    link: Option<ChainLink>,
    /// The progress of a replay.
    replayed_to: Option<Sequence>,
}

impl Cursor {
    pub(crate) async fn read(database: &Database, key: &Key) -> Result<Self, DatabaseError> {
        Ok(Self::of(database.read(&READ, key.values().into()).await?)?.unwrap_or_default())
    }

    /// Reads a cursor without locking it.
    pub(crate) async fn peek(transaction: &mut Transaction, key: &Key) -> Result<Self, DatabaseError> {
        Ok(Self::of(transaction.query(&READ, key.values().into()).await?)?.unwrap_or_default())
    }

    /// Reads a cursor and locks it until the transaction ends.
    pub(crate) async fn lock(transaction: &mut Transaction, key: &Key) -> Result<Self, DatabaseError> {
        if let Some(cursor) = Self::of(transaction.query(&LOCK, key.values().into()).await?)? {
            return Ok(cursor);
        }
        begin(transaction, key, Sequence(0)).await?;
        Ok(Self::of(transaction.query(&LOCK, key.values().into()).await?)?.unwrap_or_default())
    }

    fn of(rows: Vec<Row>) -> Result<Option<Self>, DatabaseError> {
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let (up_to, link, replayed_to): (u64, Option<Vec<u8>>, Option<u64>) = row.read()?;
        let link = link.and_then(|link| link.try_into().ok()).map(ChainLink);
        Ok(Some(Self { up_to: Sequence(up_to), link, replayed_to: replayed_to.map(Sequence) }))
    }

    /// What is acknowledged to the hub.
    pub(crate) fn acknowledged(&self) -> (Sequence, Option<ChainLink>) {
        self.replayed_to.map_or((self.up_to, self.link), |replayed_to| (replayed_to, None))
    }

    /// Advances a replay by the received events; ends it at the cursor.
    pub(crate) async fn replay(
        &self,
        transaction: &mut Transaction,
        key: &Key,
        events: &[Event],
    ) -> Result<bool, DatabaseError> {
        let (Some(replayed_to), Some(moved)) = (self.replayed_to, self.replayed_by(events)) else { return Ok(false) };
        let moved = moved.max(replayed_to);
        let still = (moved < self.up_to).then(|| Value::unsigned("sequence", moved.0)).transpose()?;
        let [hub, epoch, stream] = key.values();
        transaction.execute(&REPLAYED, values![still, hub, epoch, stream]).await?;
        Ok(true)
    }
}

impl Cursor {
    /// The progress of a replay after these events. New events may arrive before the hub learns of the replay and are
    /// not part of it. Events that the hub no longer keeps are skipped.
    fn replayed_by(&self, events: &[Event]) -> Option<Sequence> {
        let (first, last) = (events.first()?.sequence, events.last()?.sequence);
        let follows = first <= self.replayed_to?.next();
        (follows || last <= self.up_to).then_some(last)
    }
}

/// Begins a stream.
pub(crate) async fn begin(transaction: &mut Transaction, key: &Key, up_to: Sequence) -> Result<(), DatabaseError> {
    let [hub, epoch, stream] = key.values();
    let up_to = Value::unsigned("sequence", up_to.0)?;
    transaction.execute(&BEGIN, values![hub, epoch, stream, up_to]).await.map(drop)
}

/// Advances a cursor to an event.
pub(crate) async fn set(
    transaction: &mut Transaction,
    key: &Key,
    last: &Event,
    link: Option<ChainLink>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let [hub, epoch, stream] = key.values();
    let up_to = Value::unsigned("sequence", last.sequence.0)?;
    let link = link.map(|ChainLink(link)| link.to_vec());
    let row = values![up_to, link, last.occurred_at_ms, now_ms, hub, epoch, stream];
    transaction.execute(&MOVE, row).await.map(drop)
}

/// A stream that a hub resends.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replay {
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The stream.
    pub stream: Stream,
    /// The first event.
    pub from: Sequence,
    /// The last event that HQ has.
    pub up_to: Sequence,
}

impl Ledger {
    /// Asks a hub to resend what it keeps of one or all of its streams, in its latest epoch: the next acknowledgement
    /// names the event before `from` instead of the cursor. Returns what will be resent.
    ///
    /// # Errors
    /// The database fails.
    pub async fn request_replay(
        &self,
        hub: &HubId,
        stream: Option<&Stream>,
        from: Sequence,
    ) -> Result<Vec<Replay>, DatabaseError> {
        let mut transaction = self.database().transaction().await?;
        let (mut streams, mut replays) = (Vec::new(), Vec::new());
        for row in transaction.query(&STREAMS, values![hub.as_str()]).await? {
            let (epoch, stream, up_to): (u64, String, u64) = row.read()?;
            let bad = |found| DatabaseError::Column { column: 1, expected: "a stream", found };
            streams.push((Epoch(epoch), stream.parse::<Stream>().map_err(bad)?, Sequence(up_to)));
        }
        let newest = streams.iter().map(|(epoch, ..)| *epoch).max();
        for (epoch, name, up_to) in streams {
            if Some(epoch) != newest || stream.is_some_and(|stream| *stream != name) || from > up_to {
                continue;
            }
            let [hub, number, text] = Key::new(hub, epoch, &name)?.values();
            let before = Value::unsigned("sequence", from.0.saturating_sub(1))?;
            transaction.execute(&REPLAYED, values![before, hub, number, text]).await?;
            replays.push(Replay { epoch, stream: name, from: Sequence(from.0.max(1)), up_to });
        }
        transaction.commit().await?;
        Ok(replays)
    }
}
