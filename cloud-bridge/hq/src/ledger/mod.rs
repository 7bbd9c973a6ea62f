//! The ledger: the hubs' events, the cursors of their streams, and the projections.
//!
//! Each batch is one transaction ([`Ledger::apply`]): it locks the stream's cursor, [`decide`]s what is new, stores the
//! events, applies the [projections](crate::projection) and advances the cursor. The cursor stays locked until the
//! commit, so a stream's order is the order of its commits, whichever worker stores it.
//!
//! Repeated events are compared with the stored ones: another body under the same key is an [`alarm`].

pub(crate) mod ahead;
pub mod alarm;
pub mod answer;
pub mod contradiction;
pub(crate) mod coupons;
pub mod cursor;
pub mod fleet;
pub mod hubs;
pub(crate) mod returned;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod units;

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

pub use alarm::Alarm;
use contract::{Batch, ChainLink, Epoch, Event, HubId, Sequence, Stream};
use cursor::{Cursor, Key};
use edge::LogLimiter;
use ring::digest::{SHA256, digest};

use crate::{
    customers,
    database::{Access, Address, Database, DatabaseError, Transaction, Value, statement::statements, values},
    down::QueueError,
    feed, gift_cards, orders,
    projection::{apply::Applier, told::Stored},
    shard::Fence,
};

statements! {
    /// Stores events.
    INSERT = "event/insert" + postgres;
    /// The events of a stream in a range of sequences.
    RANGE = "event/range";
}

/// A ledger. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    database: Database,
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The new cursor.
    pub cursor: Sequence,
    /// Stored events.
    pub stored: u64,
    /// Repeated events.
    pub repeated: u64,
    /// Stored events that are quarantined.
    pub quarantined: u64,
    /// Whether the batch began after a gap.
    pub gap: bool,
}

/// Decides about a batch at a cursor. Pure.
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

/// The decision about a batch.
#[derive(Debug)]
pub struct Decision<'a> {
    /// Events to store.
    pub fresh: &'a [Event],
    /// Events stored before.
    pub repeated: &'a [Event],
    /// Whether events are missing before the batch.
    pub gap: bool,
}

impl Ledger {
    /// Opens a ledger; creates it if missing.
    ///
    /// # Errors
    /// See [`Database::open`].
    pub async fn open(address: &Address, access: &Access) -> Result<Self, DatabaseError> {
        let database = Database::open(address, access).await?;
        feed::after_restore(&database).await?;
        Ok(Self::on(database))
    }

    /// A new ledger in memory.
    ///
    /// # Errors
    /// See [`Database::in_memory`].
    pub async fn in_memory() -> Result<Self, DatabaseError> {
        Database::in_memory().await.map(Self::on)
    }

    /// The ledger of a database.
    pub fn on(database: Database) -> Self {
        Self { database }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The last stored event of a stream; 0 if there is none.
    ///
    /// # Errors
    /// The database fails.
    pub async fn cursor(&self, hub: &HubId, epoch: Epoch, stream: &Stream) -> Result<Sequence, DatabaseError> {
        Ok(self.read_cursor(hub, epoch, stream).await?.up_to)
    }

    /// What to acknowledge: the cursor, or the progress of a replay, and the link there.
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

    /// Stores the new events of a batch with all effects, and advances the cursor, in one transaction. After a gap
    /// nothing changes.
    ///
    /// # Errors
    /// The database failed, or a number is out of range; nothing has changed.
    pub async fn apply(&self, batch: &Batch) -> Result<Applied, DatabaseError> {
        let mut attempt = 1;
        loop {
            match apply(self.database.transaction().await?, batch).await {
                Err(error) if error.is_worth_trying_again(attempt) => attempt += 1,
                applied => return applied,
            }
        }
    }

    /// The same by a worker, if it has the hub's shard.
    ///
    /// # Errors
    /// As for [`Self::apply`]; or another worker has the shard.
    pub async fn apply_fenced(&self, batch: &Batch, fence: &Fence) -> Result<Applied, DatabaseError> {
        let mut attempt = 1;
        loop {
            let mut transaction = self.database.transaction().await?;
            fence.check(&mut transaction).await?;
            match apply(transaction, batch).await {
                Err(error) if error.is_worth_trying_again(attempt) => attempt += 1,
                applied => return applied,
            }
        }
    }

    /// Begins a stream after an event, as if all earlier ones had been applied: for a hub with a generated history.
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
        if cursor.up_to == Sequence(0) {
            hubs::sends(&mut transaction, &key, now_ms).await?;
        }
        cursor::set(&mut transaction, &key, last, batch.link, now_ms).await?;
        ahead::settle(&mut transaction, &batch.hub, batch.epoch, now_ms).await?;
        applied.cursor = last.sequence;
    }
    if is_alarmed || is_replayed || applied.stored > 0 {
        transaction.commit().await?;
    }
    Ok(applied)
}

/// Stores new events and applies them; returns how many were quarantined.
async fn store(
    transaction: &mut Transaction,
    key: &Key,
    batch: &Batch,
    fresh: &[Event],
    now_ms: i64,
) -> Result<u64, DatabaseError> {
    let row = |event: &Event| {
        let sequence = Value::unsigned("sequence", event.sequence.0)?;
        let body = contract::customer::kept(event).into_owned();
        let digest = digest(&SHA256, event.body.get().as_bytes()).as_ref().to_vec();
        let [hub, epoch, stream] = key.values();
        // An invalid name of a kind must not prevent quarantine.
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
    let mut events: Vec<_> = fresh.iter().map(stored).collect();
    let quarantined = Applier::default().apply(transaction, &events).await?;
    for (place, why) in &quarantined {
        if let Some(stored) = events.get(*place)
            && let Some(suppressed) = QUARANTINED.take(&stored.hub)
        {
            let kind = stored.event.kind.escape_debug();
            tracing::error!(event = %stored, %kind, %why, suppressed, "event quarantined");
        }
    }
    events.retain(|stored| !stored.event.body.get().contains(NUL));
    returned::heard(transaction, &events, now_ms).await?;
    units::heard(transaction, &events, now_ms).await?;
    orders::returned::heard(transaction, &events, now_ms).await?;
    coupons::heard(transaction, &events, now_ms).await?;
    orders::heard::heard(transaction, &events).await.map_err(QueueError::into_database)?;
    gift_cards::heard(transaction, &events).await?;
    customers::heard(transaction, &events).await?;
    Ok(quarantined.len() as u64)
}

/// Log lines on quarantined events, per hub.
static QUARANTINED: LazyLock<LogLimiter> = LazyLock::new(LogLimiter::default);

/// U+0000 in JSON. PostgreSQL has no text with it and refuses the statement, so capabilities don't hear of such events.
/// They are stored all the same.
const NUL: &str = "\\u0000";

/// The maximum length of a stored kind, in characters.
const MAX_KIND: usize = 64;

/// Raises an alarm if a repeated event differs from the stored one.
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
            let what = format!("event {sequence} of {} was repeated with other content", batch.stream);
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
