//! How far each stream is.
//!
//! While a hub is asked to send again what it still keeps (a replay), acknowledgements name how far that is instead of
//! the cursor; what comes again is compared and dropped.

use contract::{ChainLink, Epoch, Event, HubId, Sequence, Stream};

use super::Ledger;
use crate::database::{Database, DatabaseError, Row, Transaction, Value, statement::statements, values};

statements! {
    /// A cursor, held until the transaction ends.
    LOCK = "cursor/lock" + postgres;
    /// A cursor.
    READ = "cursor/read";
    /// A cursor for a stream that has none.
    BEGIN = "cursor/begin";
    /// The cursor after an event.
    MOVE = "cursor/move";
    /// The streams of a hub.
    STREAMS = "cursor/streams";
    /// How far a replay is.
    REPLAYED = "cursor/replayed";
}

/// A stream of a hub, as the database names it.
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

/// How far a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The last event that is stored.
    pub(crate) up_to: Sequence,
    link: Option<ChainLink>,
    /// Every event up to here arrived again.
    replayed_to: Option<Sequence>,
}

impl Cursor {
    pub(crate) async fn read(database: &Database, key: &Key) -> Result<Self, DatabaseError> {
        Ok(Self::of(database.read(&READ, key.values().into()).await?)?.unwrap_or_default())
    }

    /// The same in a transaction, which does not hold it.
    pub(crate) async fn peek(transaction: &mut Transaction, key: &Key) -> Result<Self, DatabaseError> {
        Ok(Self::of(transaction.query(&READ, key.values().into()).await?)?.unwrap_or_default())
    }

    /// Reads it, and keeps others from changing it until the transaction ends.
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

    /// What a hub is told.
    pub(crate) fn acknowledged(&self) -> (Sequence, Option<ChainLink>) {
        self.replayed_to.map_or((self.up_to, self.link), |replayed_to| (replayed_to, None))
    }

    /// Moves a replay on by what arrived; ends it when it has come to the cursor.
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
    /// How far a replay is with these events. What is new may come before the hub hears of the replay: it is none of it.
    /// What the hub no longer keeps is passed over.
    fn replayed_by(&self, events: &[Event]) -> Option<Sequence> {
        let (first, last) = (events.first()?.sequence, events.last()?.sequence);
        let follows = first <= self.replayed_to?.next();
        (follows || last <= self.up_to).then_some(last)
    }
}

/// A cursor for a stream that has none.
pub(crate) async fn begin(transaction: &mut Transaction, key: &Key, up_to: Sequence) -> Result<(), DatabaseError> {
    let [hub, epoch, stream] = key.values();
    let up_to = Value::unsigned("sequence", up_to.0)?;
    transaction.execute(&BEGIN, values![hub, epoch, stream, up_to]).await.map(drop)
}

/// Moves a cursor to an event.
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

/// A stream of a hub in an epoch, asked to be sent again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replay {
    /// In which life of the hub's store.
    pub epoch: Epoch,
    /// Which stream.
    pub stream: Stream,
    /// From which event on.
    pub from: Sequence,
    /// The last event that HQ has.
    pub up_to: Sequence,
}

impl Ledger {
    /// Asks a hub to send again what it still keeps of its streams, or of one, in its newest epoch: the next
    /// acknowledgement names the event before `from` instead of the cursor. Gives what will be sent again.
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
