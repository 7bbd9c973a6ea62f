//! The ledger: what hubs sent, how far each stream is, and what follows from it.
//!
//! One transaction a batch ([`Ledger::apply`]): it locks the stream's cursor, [`decide`]s what is new, stores the
//! events, applies the [projections](crate::projection), moves the cursor. Who stores something of a stream holds its
//! cursor until the commit; so the order of a stream is the order of its commits, whoever works.
//!
//! What arrives again is compared with what is there: another body under the same key is an [`alarm`].

pub(crate) mod ahead;
pub mod alarm;
pub mod answer;
pub mod contradiction;
pub mod cursor;
pub mod fleet;
pub mod hubs;
#[cfg(test)]
pub(crate) mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

pub use alarm::Alarm;
use contract::{Batch, ChainLink, Epoch, Event, HubId, Sequence, Stream};
use cursor::{Cursor, Key};
use ring::digest::{SHA256, digest};

use crate::{
    database::{Access, Address, Database, DatabaseError, Transaction, Value, statement::statements, values},
    projection::{apply::Applier, told::Stored},
    shard::Fence,
};

statements! {
    /// Stores events.
    INSERT = "event/insert" + postgres;
    /// Events of a stream, by their sequences.
    RANGE = "event/range";
}

/// A ledger. Clones are of the same one.
#[derive(Clone)]
pub struct Ledger {
    database: Database,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The cursor now.
    pub cursor: Sequence,
    /// Events stored.
    pub stored: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// Of those that were stored, how many are in quarantine.
    pub quarantined: u64,
    /// The batch began after the next event that was due.
    pub gap: bool,
}

/// What to do with a batch that arrives when the cursor is at `cursor`. Pure.
pub fn decide(cursor: Sequence, events: &[Event]) -> Decision<'_> {
    let due = cursor.next();
    match events.first() {
        None => Decision { fresh: &[], repeated: &[], gap: false },
        Some(first) if first.sequence > due => Decision { fresh: &[], repeated: &[], gap: true },
        Some(_) => {
            let (repeated, fresh) = events.split_at(events.iter().take_while(|event| event.sequence < due).count());
            Decision { fresh, repeated, gap: false }
        }
    }
}

/// See [`decide`].
#[derive(Debug)]
pub struct Decision<'a> {
    /// To be stored.
    pub fresh: &'a [Event],
    /// There already.
    pub repeated: &'a [Event],
    /// Something is missing before the batch.
    pub gap: bool,
}

impl Ledger {
    /// Opens a ledger, or makes it.
    ///
    /// # Errors
    /// See [`Database::open`].
    pub async fn open(address: &Address, access: &Access) -> Result<Self, DatabaseError> {
        Database::open(address, access).await.map(Self::on)
    }

    /// A new ledger in memory.
    ///
    /// # Errors
    /// See [`Database::in_memory`].
    pub async fn in_memory() -> Result<Self, DatabaseError> {
        Database::in_memory().await.map(Self::on)
    }

    /// The ledger in a database.
    pub fn on(database: Database) -> Self {
        Self { database }
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The last event of a stream that is stored; 0 for none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cursor(&self, hub: &HubId, epoch: Epoch, stream: &Stream) -> Result<Sequence, DatabaseError> {
        Ok(self.read_cursor(hub, epoch, stream).await?.up_to)
    }

    /// What to acknowledge of a stream: how far it is, or how far a replay is, and the link there.
    ///
    /// # Errors
    /// The database fails.
    pub async fn acknowledgement(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> Result<(Sequence, Option<ChainLink>), DatabaseError> {
        Ok(self.read_cursor(hub, epoch, stream).await?.acknowledged())
    }

    async fn read_cursor(&self, hub: &HubId, epoch: Epoch, stream: &Stream) -> Result<Cursor, DatabaseError> {
        Cursor::read(&self.database, &Key::new(hub, epoch, stream)?).await
    }

    /// Stores what of a batch is new, with all that follows from it, and moves the cursor, in one transaction. With a
    /// gap before the batch nothing changes.
    ///
    /// # Errors
    /// The database fails, or a number of the batch is out of its range; nothing has changed.
    pub async fn apply(&self, batch: &Batch) -> Result<Applied, DatabaseError> {
        apply(self.database.transaction().await?, batch).await
    }

    /// The same, by a worker, while it has the hub's shard.
    ///
    /// # Errors
    /// As for [`Self::apply`]; or the shard is another worker's.
    pub async fn apply_fenced(&self, batch: &Batch, fence: &Fence) -> Result<Applied, DatabaseError> {
        let mut transaction = self.database.transaction().await?;
        fence.check(&mut transaction).await?;
        apply(transaction, batch).await
    }

    /// Begins a stream after an event, as if all before it had been applied and forgotten: for a hub whose history is
    /// made up.
    ///
    /// # Errors
    /// The database fails.
    pub async fn begin_after(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
        up_to: Sequence,
    ) -> Result<(), DatabaseError> {
        let key = Key::new(hub, epoch, stream)?;
        let mut transaction = self.database.transaction().await?;
        cursor::begin(&mut transaction, &key, up_to).await?;
        transaction.commit().await
    }
}

/// See [`Ledger::apply`].
async fn apply(mut transaction: Transaction, batch: &Batch) -> Result<Applied, DatabaseError> {
    let key = Key::new(&batch.hub, batch.epoch, &batch.stream)?;
    let cursor = Cursor::lock(&mut transaction, &key).await?;
    let decision = decide(cursor.up_to, &batch.events);
    let mut applied = Applied {
        cursor: cursor.up_to,
        stored: decision.fresh.len() as u64,
        repeated: decision.repeated.len() as u64,
        quarantined: 0,
        gap: decision.gap,
    };
    let now_ms = now_ms();
    let is_alarmed = alarm_if_different(&mut transaction, &key, batch, decision.repeated, now_ms).await?;
    let is_replayed = cursor.replay(&mut transaction, &key, &batch.events).await?;
    if let Some(last) = decision.fresh.last() {
        applied.quarantined = store(&mut transaction, &key, batch, decision.fresh, now_ms).await?;
        cursor::set(&mut transaction, &key, last, batch.link, now_ms).await?;
        ahead::settle(&mut transaction, &batch.hub, batch.epoch, now_ms).await?;
        applied.cursor = last.sequence;
    }
    if is_alarmed || is_replayed || applied.stored > 0 {
        transaction.commit().await?;
    }
    Ok(applied)
}

/// Stores events that are new, and applies them; gives how many of them are in quarantine.
async fn store(
    transaction: &mut Transaction,
    key: &Key,
    batch: &Batch,
    fresh: &[Event],
    now_ms: i64,
) -> Result<u64, DatabaseError> {
    let row = |event: &Event| {
        let sequence = Value::unsigned("sequence", event.sequence.0)?;
        let body = event.body.get();
        let digest = digest(&SHA256, body.as_bytes()).as_ref().to_vec();
        let [hub, epoch, stream] = key.values();
        // A kind is a name; what is not one goes into quarantine by it, and must not keep the rest out.
        let kind: String = event.kind.chars().filter(|char| *char != '\0').take(MAX_KIND).collect();
        Ok(values![hub, epoch, stream, sequence, kind, event.occurred_at_ms, now_ms, body, digest])
    };
    transaction.execute_many(&INSERT, fresh.iter().map(row).collect::<Result<_, _>>()?).await?;
    let stored = |event: &Event| Stored {
        hub: batch.hub.clone(),
        epoch: batch.epoch,
        stream: batch.stream.clone(),
        event: event.clone(),
        received_at_ms: now_ms,
    };
    let events: Vec<_> = fresh.iter().map(stored).collect();
    let quarantined = Applier::default().apply(transaction, &events).await?;
    for (place, why) in &quarantined {
        if let Some(stored) = events.get(*place) {
            let kind = stored.event.kind.escape_debug();
            tracing::error!(event = %stored, %kind, %why, "event quarantined");
        }
    }
    Ok(quarantined.len() as u64)
}

/// The longest name of a kind that is stored, in characters.
const MAX_KIND: usize = 64;

/// Raises an alarm if an event that arrives again says something else than the one that is there.
async fn alarm_if_different(
    transaction: &mut Transaction,
    key: &Key,
    batch: &Batch,
    repeated: &[Event],
    now_ms: i64,
) -> Result<bool, DatabaseError> {
    let (Some(first), Some(last)) = (repeated.first(), repeated.last()) else { return Ok(false) };
    let [hub, epoch, stream] = key.values();
    let bounds = [first, last].map(|event| Value::unsigned("sequence", event.sequence.0));
    let [from, to] = bounds;
    for row in transaction.query(&RANGE, values![hub, epoch, stream, from?, to?]).await? {
        let (sequence, kind, body, known): (u64, String, String, Vec<u8>) = row.read()?;
        let Some(again) = repeated.iter().find(|event| event.sequence.0 == sequence) else { continue };
        let is_same = digest(&SHA256, again.body.get().as_bytes()).as_ref() == known && again.kind == kind;
        if !is_same && contradiction::is_one((&kind, &body), again) {
            let what = format!("event {sequence} of {} arrived again and says something else", batch.stream);
            tracing::error!(hub = %batch.hub, epoch = %batch.epoch, stream = %batch.stream, sequence, "{what}");
            let subject = format!("{} {}", batch.epoch, batch.stream);
            let alarm = Alarm::new(&batch.hub, alarm::Kind::Contradiction, subject, what, now_ms);
            alarm::raise(transaction, &alarm).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
