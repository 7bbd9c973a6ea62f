//! Queues in the ledger's database. One transaction a call.

use contract::{
    DownAcknowledgement, DownBatch, DownItem, Epoch, HubId, Sequence, Stream,
    message::{BATCH_BYTES, MAX_BATCH_EVENTS},
};
use serde_json::value::RawValue;

use super::{Heard, MAX_BODY, MAX_WAITING, Outgoing, QueueError, QueueSummary, RefusedItem, queue::Queue};
use crate::{
    Ledger,
    database::{Database, DatabaseError, Lock, Row, Transaction, Value, statement::statements, values},
    ledger::now_ms,
    orders,
};

statements! {
    /// Reads and locks a queue.
    LOCK = "queue/lock" + postgres;
    /// Reads a queue.
    READ = "queue/read";
    /// Begins a queue.
    BEGIN = "queue/begin";
    /// Stores the place of the last item.
    APPEND = "queue/append";
    /// Stores a hub's progress.
    SETTLE = "queue/settle";
    /// Adds items.
    INSERT_ITEM = "queue/insert_item" + postgres;
    /// Items after a place.
    ITEMS = "queue/items";
    /// Items at places.
    ITEM = "queue/item" + postgres;
    /// Deletes items up to a place.
    FORGET = "queue/forget";
    /// Queues with waiting items.
    WAITING = "queue/waiting";
    /// The counts of each queue.
    SUMMARY = "queue/summary";
    /// Stores refused items.
    REFUSE = "queue/refuse" + postgres;
    /// Refused items, in order.
    REFUSED = "queue/refused";
}

/// The queues. Clones share them.
#[derive(Clone)]
pub struct Queues {
    database: Database,
}

/// A stored queue, with the places of the last acknowledged and the last item.
struct Kept {
    queue: Queue,
    taken: u64,
    last: u64,
}

impl Kept {
    fn of(rows: Vec<Row>) -> Result<Option<Self>, DatabaseError> {
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let (number, acknowledged, taken, last, life): (u64, u64, u64, u64, Option<u64>) = row.read()?;
        let queue = Queue {
            number: Epoch(number),
            acknowledged: Sequence(acknowledged),
            waiting: last.saturating_sub(taken),
            life: life.map(Epoch),
        };
        Ok(Some(Self { queue, taken, last }))
    }
}

impl Queues {
    /// The queues in a ledger's database.
    pub fn of(ledger: &Ledger) -> Self {
        Self { database: ledger.database().clone() }
    }

    /// Appends items to the queue of a hub and stream, all or none.
    ///
    /// # Errors
    /// The queue is full, or the database failed.
    pub async fn append(&self, hub: &HubId, stream: &Stream, items: Vec<Outgoing>) -> Result<(), QueueError> {
        let mut transaction = self.database.transaction().await?;
        append(&mut transaction, hub, stream, &items).await?;
        Ok(transaction.commit().await?)
    }

    /// The queues with waiting items, in order.
    ///
    /// # Errors
    /// The database fails.
    pub async fn waiting(&self) -> Result<Vec<(HubId, Stream)>, QueueError> {
        let rows = self.database.read(&WAITING, values![]).await?;
        Ok(rows.into_iter().map(key_of).collect::<Result<_, _>>()?)
    }

    /// The next batch for a hub, if it lacks items.
    ///
    /// # Errors
    /// The database fails.
    pub async fn next(&self, hub: &HubId, stream: &Stream) -> Result<Option<DownBatch>, QueueError> {
        let mut snapshot = self.database.snapshot().await?;
        let rows = snapshot.query(&READ, values![hub.as_str(), stream.as_str()]).await?;
        let Some(kept) = Kept::of(rows)?.filter(|kept| kept.queue.waiting > 0) else {
            snapshot.commit().await?;
            return Ok(None);
        };
        let taken = Value::unsigned("place", kept.taken)?;
        let most = Value::unsigned("items", MAX_BATCH_EVENTS as u64)?;
        let rows = snapshot.query(&ITEMS, values![hub.as_str(), stream.as_str(), taken, most]).await?;
        snapshot.commit().await?;
        let (mut items, mut bytes, mut sequence) = (Vec::new(), 0, kept.queue.acknowledged);
        for row in rows {
            let (kind, body) = row.read()?;
            let Outgoing { kind, body } = outgoing(kind, body)?;
            sequence = sequence.next();
            bytes += body.get().len();
            items.push(DownItem { sequence, kind, body });
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        let (hub, stream, queue) = (hub.clone(), stream.clone(), kept.queue.number);
        let batch = DownBatch { hub, stream, queue, items };
        Ok(Some(batch).filter(|batch| !batch.items.is_empty()))
    }

    /// Processes a hub's acknowledgement: deletes applied items, and keeps refused ones for a person.
    ///
    /// # Errors
    /// The database fails; nothing is forgotten.
    pub async fn acknowledge(&self, answer: &DownAcknowledgement) -> Result<Heard, QueueError> {
        let DownAcknowledgement { hub, stream, epoch, received, .. } = answer;
        let key = || values![hub.as_str(), stream.as_str()];
        let mut transaction = self.database.transaction().await?;
        transaction.lock(Lock::Queue(hub.to_string(), stream.to_string()));
        // A hub without a queue is ignored.
        let Some(before) = Kept::of(transaction.query(&LOCK, key()).await?)? else { return Ok(Heard::default()) };
        let mut queue = before.queue;
        let meaning = queue.hear(*epoch, received);
        if queue == before.queue {
            return Ok(Heard::default());
        }
        let refused = refused(&mut transaction, &before, answer, meaning.settled).await?;
        let rows = refused.iter().map(|(item, why)| {
            let why = why.replace('\0', " ");
            values![hub.as_str(), stream.as_str(), &item.kind, item.body.get(), why]
        });
        transaction.execute_many(&REFUSE, rows.collect()).await?;
        for (item, _) in &refused {
            orders::heard::refused(&mut transaction, hub, item).await?;
        }
        let taken = Value::unsigned("place", before.taken + meaning.settled)?;
        let applied = meaning.settled - refused.len() as u64;
        if meaning.settled > 0 {
            let [hub, stream] = [hub.as_str(), stream.as_str()];
            transaction.execute(&FORGET, values![hub, stream, taken.clone()]).await?;
        }
        let number = |what, number| Value::unsigned(what, number);
        let row = values![
            number("queue", queue.number.0)?,
            number("sequence", queue.acknowledged.0)?,
            taken,
            queue.life.map(|life| number("epoch", life.0)).transpose()?,
            number("items", applied)?,
            number("items", refused.len() as u64)?,
            number("items", meaning.lost)?,
            hub.as_str(),
            stream.as_str(),
        ];
        transaction.execute(&SETTLE, row).await?;
        transaction.commit().await?;
        Ok(Heard { applied, refused, restarted: meaning.restarted, lost: meaning.lost })
    }

    /// The sums.
    ///
    /// # Errors
    /// The database fails.
    pub async fn summary(&self) -> Result<QueueSummary, QueueError> {
        let mut sum = QueueSummary::default();
        for row in self.database.read(&SUMMARY, values![]).await? {
            let (waiting, applied, refused, lost): (u64, u64, u64, u64) = row.read()?;
            sum.waiting += waiting;
            sum.applied += applied;
            sum.refused += refused;
            sum.lost += lost;
        }
        Ok(sum)
    }

    /// Refused items, in the order of their arrival.
    ///
    /// # Errors
    /// The database fails.
    pub async fn refused(&self) -> Result<Vec<RefusedItem>, QueueError> {
        let refused = |row: Row| {
            let (hub, stream, kind, body, why): (Value, Value, String, String, String) = row.read()?;
            let (hub, stream) = key_of(Row(vec![hub, stream]))?;
            let Outgoing { kind, body } = outgoing(kind, body)?;
            Ok(RefusedItem { hub, stream, kind, body, why })
        };
        self.database.read(&REFUSED, values![]).await?.into_iter().map(refused).collect()
    }
}

/// Appends items to the queue of a hub and stream, locked until the transaction ends. Returns the queue's
/// number.
///
/// # Errors
/// The queue is full, or the database fails.
pub(crate) async fn append(
    transaction: &mut Transaction,
    hub: &HubId,
    stream: &Stream,
    items: &[Outgoing],
) -> Result<u64, QueueError> {
    if let Some(bytes) = items.iter().map(|item| item.body.get().len()).find(|bytes| *bytes > MAX_BODY) {
        return Err(QueueError::TooLarge { bytes });
    }
    // If the hub knows a higher number, its acknowledgement begins a queue after that.
    let number = now_ms();
    transaction.lock(Lock::Queue(hub.to_string(), stream.to_string()));
    transaction.execute(&BEGIN, values![hub.as_str(), stream.as_str(), number]).await?;
    let kept = Kept::of(transaction.query(&LOCK, values![hub.as_str(), stream.as_str()]).await?)?;
    let Some(kept) = kept else { return Ok(0) };
    let count = items.len() as u64;
    if kept.queue.waiting.saturating_add(count) > MAX_WAITING as u64 {
        return Err(QueueError::Full { hub: hub.clone(), stream: stream.clone() });
    }
    let mut rows = Vec::with_capacity(items.len());
    for (place, item) in (kept.last + 1..).zip(items) {
        let place = Value::unsigned("place", place)?;
        rows.push(values![hub.as_str(), stream.as_str(), place, &item.kind, item.body.get()]);
    }
    transaction.execute_many(&INSERT_ITEM, rows).await?;
    let last = Value::unsigned("place", kept.last + count)?;
    transaction.execute(&APPEND, values![last, hub.as_str(), stream.as_str()]).await?;
    Ok(kept.queue.number.0)
}

/// The number of the queue of a hub and stream; 0 if there is none.
///
/// # Errors
/// The database fails.
pub(crate) async fn number(transaction: &mut Transaction, hub: &HubId, stream: &Stream) -> Result<u64, DatabaseError> {
    let kept = Kept::of(transaction.query(&READ, values![hub.as_str(), stream.as_str()]).await?)?;
    Ok(kept.map_or(0, |kept| kept.queue.number.0))
}

/// The refused items among the first `settled`, with reasons.
async fn refused(
    transaction: &mut Transaction,
    before: &Kept,
    answer: &DownAcknowledgement,
    settled: u64,
) -> Result<Vec<(Outgoing, String)>, DatabaseError> {
    let (first, mut places, mut reasons) = (before.queue.acknowledged.0, Vec::new(), Vec::new());
    for refusal in &answer.received.refused {
        if let Some(ahead) = refusal.sequence.0.checked_sub(first).filter(|ahead| (1..=settled).contains(ahead)) {
            let place = before.taken + ahead;
            let value = Value::unsigned("place", place)?;
            places.push(values![answer.hub.as_str(), answer.stream.as_str(), value]);
            reasons.push((place, refusal.why.clone()));
        }
    }
    let mut items = std::collections::BTreeMap::new();
    for row in transaction.query_many(&ITEM, places).await? {
        let (place, kind, body): (u64, String, String) = row.read()?;
        items.insert(place, outgoing(kind, body)?);
    }
    Ok(reasons.into_iter().filter_map(|(place, why)| Some((items.remove(&place)?, why))).collect())
}

fn key_of(row: Row) -> Result<(HubId, Stream), DatabaseError> {
    let (hub, stream): (String, String) = row.read()?;
    let bad = |found| DatabaseError::Column { column: 0, expected: "a hub and a stream", found };
    Ok((hub.parse().map_err(bad)?, stream.parse().map_err(bad)?))
}

fn outgoing(kind: String, body: String) -> Result<Outgoing, DatabaseError> {
    let bad = |error: serde_json::Error| {
        let found = error.to_string();
        DatabaseError::Column { column: 1, expected: "an item", found }
    };
    Ok(Outgoing { kind, body: RawValue::from_string(body).map_err(bad)? })
}
