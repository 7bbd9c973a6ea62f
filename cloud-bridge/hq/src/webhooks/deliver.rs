//! Deliveries: a round for each webhook whenever the feed has new events, and at least every [`EVERY`].
//!
//! A round holds the webhook's lease, sends due retries, and then new events. Its progress is stored after every
//! [`STEP`] messages; after a crash at most as many are sent twice.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use super::{
    AGAIN, DELIVERED, DUE, KEEP, LEASE, MOVE, READY, TAKEN, WAIT_COUNT, WAITING, schedule, sign, split,
    target::{Message, Sender, Target},
};
use crate::{
    api::Event,
    database::{Database, DatabaseError, Row, Value, value::values},
    feed::{Entry, Feed, Filter, Position},
    moment::now_ms,
};

/// The interval of rounds without new events.
const EVERY: Duration = Duration::from_secs(2);

/// How long a lease lasts: longer than a round.
const LEASED: Duration = Duration::from_secs(120);

/// The maximum duration of a round.
const ROUND: Duration = Duration::from_secs(30);

/// The maximum number of concurrent rounds.
const AT_ONCE: usize = 16;

/// The number of messages between two writes of the progress.
const STEP: usize = 20;

/// Delivers webhooks until it is dropped.
pub async fn run(database: Database, feed: Feed, sender: Sender) {
    let owner = owner();
    let worker = Arc::new(Worker { database, feed, sender, owner, busy: Mutex::default() });
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let (next, head) = (Instant::now() + EVERY, worker.feed.head());
        match worker.ready(head).await {
            Ok(webhooks) => {
                for id in webhooks {
                    let Some(busy) = Busy::new(&worker, id) else { continue };
                    let (worker, turns) = (Arc::clone(&worker), Arc::clone(&turns));
                    tokio::spawn(async move {
                        let Ok(_turn) = turns.acquire().await else { return };
                        if let Err(error) = worker.round(&busy.id).await {
                            tracing::warn!(webhook = busy.id, %error, "could not use the ledger; messages wait");
                        }
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not read the webhooks; retrying");
                sleep_until(next).await;
            }
        }
        worker.feed.wait_beyond(head, next).await;
    }
}

/// A unique name for this process.
fn owner() -> String {
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::warn!("the system gave no random bytes; this process is named by its id and clock");
    }
    format!("{}-{}-{}", std::process::id(), now_ms(), HEXLOWER.encode(&bytes))
}

struct Worker {
    database: Database,
    feed: Feed,
    sender: Sender,
    owner: String,
    /// The webhooks with a running round.
    busy: Mutex<HashSet<String>>,
}

/// A webhook with a running round.
struct Busy {
    worker: Arc<Worker>,
    id: String,
}

impl Busy {
    fn new(worker: &Arc<Worker>, id: String) -> Option<Self> {
        let is_new = worker.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        is_new.then(|| Self { worker: Arc::clone(worker), id })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.worker.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A webhook during a round.
struct Delivered {
    id: String,
    target: Target,
    secret: String,
    filter: Filter,
    place: Position,
    /// Why the last message was not accepted.
    failing: Option<String>,
}

/// A message for receivers.
#[derive(Serialize)]
struct Payload<'p> {
    #[serde(rename = "type")]
    kind: &'p str,
    /// When it occurred, RFC 3339.
    timestamp: String,
    data: &'p Event,
}

fn payload(event: &Event) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(event.occurred_at_ms).unwrap_or_default().to_string();
    serde_json::to_string(&Payload { kind: &event.kind, timestamp, data: event }).unwrap_or_default()
}

impl Worker {
    /// The webhooks that have messages to send and are not leased by other processes.
    async fn ready(&self, head: Position) -> Result<Vec<String>, DatabaseError> {
        let rows = self.database.read(&READY, values![head.0, head.1, now_ms(), &self.owner]).await?;
        rows.into_iter().map(|row| row.read().map(|(id,)| id)).collect()
    }

    async fn round(&self, id: &str) -> Result<(), DatabaseError> {
        let end = Instant::now() + ROUND;
        let Some(mut webhook) = self.lease(id).await? else { return Ok(()) };
        self.send_due(&mut webhook, end).await?;
        self.send_new(webhook, end).await
    }

    /// Leases a webhook, unless another process has it.
    async fn lease(&self, id: &str) -> Result<Option<Delivered>, DatabaseError> {
        let now = now_ms();
        let until = now + i64::try_from(LEASED.as_millis()).unwrap_or(i64::MAX);
        let mut transaction = self.database.transaction().await?;
        if transaction.execute(&LEASE, values![&self.owner, until, id, now]).await? == 0 {
            return Ok(None);
        }
        let row = transaction.query(&DELIVERED, values![id]).await?.pop();
        transaction.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let (url, secret, kinds, stores, transaction_id, position, failing) = row.read()?;
        let (url, kinds, stores): (String, String, String) = (url, kinds, stores);
        let filter = Filter { kinds: split(&kinds), hubs: split(&stores) };
        Ok(match url.parse() {
            Ok(target) => {
                let place = Position(transaction_id, position);
                Some(Delivered { id: id.to_owned(), target, secret, filter, place, failing })
            }
            Err(why) => {
                tracing::error!(webhook = id, why, "invalid address of a webhook");
                None
            }
        })
    }

    /// Sends due retries.
    async fn send_due(&self, webhook: &mut Delivered, end: Instant) -> Result<(), DatabaseError> {
        let due = self.database.read(&DUE, values![&webhook.id, now_ms(), WAITING]).await?;
        for row in due {
            if Instant::now() >= end {
                break;
            }
            let (message, body, attempts): (String, String, u64) = row.read()?;
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX).saturating_add(1);
            let sent = self.send(webhook, &message, &body).await;
            let mut transaction = self.database.transaction().await?;
            let is_taken = sent.is_ok();
            match &sent {
                Ok(()) => transaction.execute(&TAKEN, values![&webhook.id, &message]).await?,
                Err(why) => {
                    let (next_at_ms, is_dead) = next(&message, attempts);
                    let parameters = values![attempts, next_at_ms, is_dead, why, &webhook.id, message];
                    transaction.execute(&AGAIN, parameters).await?
                }
            };
            webhook.failing = sent.err();
            transaction.execute(&MOVE, self.moved(webhook, is_taken)).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Sends new events.
    async fn send_new(&self, mut webhook: Delivered, end: Instant) -> Result<(), DatabaseError> {
        while Instant::now() < end {
            let waiting = self.database.read(&WAIT_COUNT, values![&webhook.id]).await?.pop();
            let waiting = waiting.map(Row::read::<(i64,)>).transpose()?.map_or(0, |(count,)| count);
            let room = usize::try_from(WAITING - waiting).unwrap_or(0).min(STEP);
            if room == 0 {
                return Ok(());
            }
            let read = self.feed.after(webhook.place, &webhook.filter, room).await?;
            if read.up_to == webhook.place {
                return Ok(());
            }
            let (mut kept, mut is_taken) = (Vec::new(), false);
            let mut entries = read.entries.into_iter().peekable();
            webhook.place = read.up_to;
            while let Some(entry) = entries.next() {
                let place = entry.position;
                let sent = self.deliver(&webhook, entry, &mut kept).await;
                is_taken |= sent.is_ok();
                webhook.failing = sent.err();
                if Instant::now() >= end && entries.peek().is_some() {
                    webhook.place = place;
                    break;
                }
            }
            let mut transaction = self.database.transaction().await?;
            for row in kept {
                transaction.execute(&KEEP, row).await?;
            }
            // Unless another process has leased it, or it was removed.
            if transaction.execute(&MOVE, self.moved(&webhook, is_taken)).await? == 0 {
                return Ok(());
            }
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Sends an event; stores it for a retry if it was not accepted.
    async fn deliver(&self, webhook: &Delivered, entry: Entry, kept: &mut Vec<Vec<Value>>) -> Result<(), String> {
        let event = Event::from(entry);
        let body = payload(&event);
        let sent = self.send(webhook, &event.id, &body).await;
        if let Err(why) = &sent {
            let (next_at_ms, is_dead) = next(&event.id, 1);
            kept.push(values![&webhook.id, event.id, event.kind, body, 1_i64, next_at_ms, is_dead, why]);
        }
        sent
    }

    async fn send(&self, webhook: &Delivered, id: &str, body: &str) -> Result<(), String> {
        let timestamp = now_ms() / 1000;
        let signature = sign::signature(&webhook.secret, id, timestamp, body);
        let signature = signature.ok_or("invalid secret; remove the webhook and add it again")?;
        self.sender.send(&webhook.target, &Message { id, timestamp, signature: &signature, body }).await
    }

    /// The parameters of [`MOVE`].
    fn moved(&self, webhook: &Delivered, is_taken: bool) -> Vec<Value> {
        let Position(transaction, position) = webhook.place;
        let taken_at_ms = is_taken.then(now_ms);
        values![transaction, position, taken_at_ms, webhook.failing.as_deref(), &webhook.id, &self.owner]
    }
}

/// The time of the next attempt in milliseconds since 1970, UTC, and whether the message is dead.
fn next(message: &str, attempts: u32) -> (i64, bool) {
    let spread = message.bytes().fold(attempts, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    match schedule::wait(attempts, spread) {
        Some(wait) => (now_ms() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX), false),
        None => (now_ms(), true),
    }
}
