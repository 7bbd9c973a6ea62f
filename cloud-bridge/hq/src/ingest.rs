//! From MQTT into the ledger. A hub's messages are taken in order; batches of several hubs are applied at once, each in
//! its own transaction, so that they share the database's flushes.

mod lanes;
mod stats;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use contract::{
    Acknowledgement, Batch, ChainLink, Epoch, Hello, HubId, MAX_MESSAGE, Packed, Sequence, Stream, StreamSpan, Wire,
    topic::{self, FromHub},
};
use edge::LogLimiter;
use lanes::Lanes;
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Message, Unpublished, connect};
pub use stats::IngestStats;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinHandle, JoinSet},
    time::{interval, sleep},
};

use crate::{
    beside::{Beside, NotTaken},
    database::DatabaseError,
    ledger::{Alarm, Applied, Ledger, alarm::Kind, hubs::Heard, now_ms},
    orders,
    shard::{self, Leases, Shares},
};

/// The maximum number of stopped hubs that are listed.
const MOST_STOPPED: usize = 10_000;

/// The maximum number of batches that are applied at once: fewer than a worker's connections to its database.
const AT_ONCE: usize = 8;

/// How often acknowledgements that found no room are retried.
const RETRY: Duration = Duration::from_millis(250);

/// The maximum number of hubs whose epochs are compared.
const MOST_HUBS: usize = 10_000;

/// How often hubs' hellos are written: a thousand quiet hubs send thirty a second.
const NOTE_DOWN: Duration = Duration::from_secs(5);

/// The highest epoch and sequence that the ledger can store. No real hub reaches it.
const MOST: u64 = i64::MAX.unsigned_abs();

const TOO_HIGH: &str = "epoch or sequence out of range";

/// A running ingest; stops when dropped.
pub struct Ingest {
    stats: watch::Receiver<IngestStats>,
    task: JoinHandle<()>,
}

impl Ingest {
    /// Starts on the current runtime, for the hubs of the worker's shards.
    pub fn start(broker: Broker, ledger: Ledger, leases: &Leases) -> Self {
        let (tell, stats) = watch::channel(IngestStats::default());
        let beside = Beside::on(ledger.clone());
        let runner = Runner {
            broker,
            ledger,
            worker: leases.worker().to_owned(),
            shares: leases.shares(),
            stats: tell,
            unsent: BTreeMap::new(),
            epochs: HashMap::new(),
            heard: BTreeMap::new(),
            alarms: Vec::new(),
            beside,
            lanes: Lanes::default(),
            applying: JoinSet::new(),
            hubs: HashMap::new(),
            limiter: LogLimiter::default(),
        };
        Self { stats, task: tokio::spawn(runner.run()) }
    }

    /// The counters, and their changes.
    pub fn stats(&self) -> watch::Receiver<IngestStats> {
        self.stats.clone()
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Runner {
    broker: Broker,
    ledger: Ledger,
    worker: String,
    /// The worker's shards.
    shares: watch::Receiver<Shares>,
    stats: watch::Sender<IngestStats>,
    /// Cursors not sent yet; a later one replaces an earlier one.
    unsent: BTreeMap<(HubId, Epoch, Stream), (Sequence, Option<ChainLink>)>,
    /// The latest epoch of each hub.
    epochs: HashMap<HubId, Epoch>,
    /// Hellos not written yet.
    heard: BTreeMap<HubId, Heard>,
    /// Alarms not written yet.
    alarms: Vec<Alarm>,
    /// Messages other than events.
    beside: Beside,
    /// Messages of hubs whose batches are being applied.
    lanes: Lanes<Message>,
    /// Batches that are being applied.
    applying: JoinSet<Applying>,
    /// The hub of each of these tasks; a task that panics does not say.
    hubs: HashMap<Id, HubId>,
    /// Lines that hubs, and whoever else may publish, cause.
    limiter: LogLimiter,
}

/// The result of a batch, and the acknowledgement of its stream.
type Applying = ((HubId, Epoch, Stream), Result<(Applied, Answer), DatabaseError>);

/// A stream's cursor, and its link there.
type Answer = (Sequence, Option<ChainLink>);

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::default();
        let mut note_down = interval(NOTE_DOWN);
        self.remember().await;
        loop {
            let Ok(shards) = shard::some(&mut self.shares).await else { return };
            if let Err(error) = self.beside.remember().await {
                self.failed(&error);
            }
            let (link, mut incoming) = connect(Ends {
                broker: self.broker.clone(),
                client_id: format!("hq-{}", self.worker),
                subscribe: shard::topics(&shards, topic::ALL_HUBS, topic::of_shard),
                max_payload: MAX_MESSAGE,
                will: None,
            });
            let mut retry = interval(RETRY);
            let why = loop {
                tokio::select! {
                    Some(applied) = self.applying.join_next_with_id() => self.applied(applied).await,
                    told = incoming.recv(), if self.applying.len() < AT_ONCE && self.lanes.has_room() => match told {
                        None => break Some(LinkError::TaskEnded),
                        Some(Incoming::Closed(why)) => break Some(why),
                        Some(Incoming::Ready) => {
                            self.stats.send_modify(|stats| {
                                stats.connected = true;
                                stats.trouble = None;
                            });
                        }
                        // HQ's broker works: it was not just a broker that closes what it accepts.
                        Some(Incoming::Room) => back_off.reset(),
                        Some(Incoming::Message(message)) => {
                            back_off.reset();
                            self.put(message).await;
                        }
                    },
                    _ = retry.tick() => {}
                    _ = note_down.tick() => self.note_down().await,
                    changed = self.shares.changed() => {
                        if changed.is_err() || shard::set(&self.shares.borrow()) != shards {
                            break None;
                        }
                    }
                }
                self.acknowledge(&link);
            };
            // The shards changed: subscribe to the new ones at once.
            let Some(why) = why else { continue };
            tracing::warn!(broker = %self.broker.address, %why, "disconnected from the broker");
            self.stats.send_modify(|stats| {
                stats.connected = false;
                stats.trouble = Some(why.to_string());
            });
            drop(link);
            sleep(back_off.next_delay()).await;
        }
    }

    /// Loads what was known of hubs before a restart.
    async fn remember(&mut self) {
        match self.ledger.hubs().await {
            Ok(hubs) => {
                for (hub, (epoch, stopped)) in hubs.into_iter().take(MOST_HUBS) {
                    self.epochs.insert(hub.clone(), epoch);
                    if let Some(why) = stopped {
                        self.stats.send_modify(|stats| drop(stats.stopped.insert(hub, why)));
                    }
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Writes hellos and alarms into the ledger. Failed writes are retried.
    async fn note_down(&mut self) {
        if !self.heard.is_empty() {
            match self.ledger.heard(&self.heard).await {
                Ok(()) => self.heard.clear(),
                Err(error) => self.failed(&error),
            }
        }
        if let Err(error) = self.beside.note_down().await {
            self.failed(&error);
        }
        if !self.alarms.is_empty() {
            match self.ledger.raise(&self.alarms).await {
                Ok(()) => self.alarms.clear(),
                Err(error) => self.failed(&error),
            }
        }
    }

    fn alarm(&mut self, alarm: Alarm) {
        if self.alarms.len() < MOST_HUBS {
            self.alarms.push(alarm);
        }
    }

    /// Takes a message, or keeps it until its hub's batch is applied.
    async fn put(&mut self, message: Message) {
        let message = match topic::from_hub(&message.topic) {
            Some(from) => self.lanes.put(from.hub(), message),
            None => Some(message),
        };
        if let Some(message) = message {
            self.take(&message).await;
        }
    }

    async fn take(&mut self, message: &Message) {
        let Message { topic, content_type, payload, .. } = message;
        let content_type = content_type.as_deref();
        let taken = match topic::from_hub(topic) {
            Some(FromHub::Hello(hub)) => match Hello::decode(content_type, payload) {
                Ok(hello) if hello.hub == hub => self.greet(hello).await,
                Ok(_) => Err("message and topic name different hubs".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Some(FromHub::Batch(hub, stream)) => match Batch::decode(content_type, payload) {
                Ok(batch) if batch.hub == hub && batch.stream == stream => self.apply(batch),
                Ok(_) => Err("batch and topic name different hubs or streams".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            // Publisher and announcer receive these on their own connections.
            Some(FromHub::Received(_) | FromHub::Publications(_)) => Ok(()),
            Some(what) => match self.beside.take(what, message).await {
                Ok(()) => Ok(()),
                Err(NotTaken::Garbage(why)) => Err(why),
                Err(NotTaken::Ledger(error)) => {
                    self.failed(&error);
                    Ok(())
                }
            },
            None => Err("unknown topic".to_owned()),
        };
        if let Err(why) = taken {
            self.stats.send_modify(|stats| stats.garbage += 1);
            if self.limiter.take("dropped").is_some() {
                let dropped = self.stats.borrow().garbage;
                tracing::warn!(topic = %topic.escape_debug(), %why, dropped, "dropped a message");
            }
        }
    }

    async fn greet(&mut self, hello: Hello) -> Result<(), String> {
        let software = hello.software.escape_debug();
        tracing::debug!(hub = %hello.hub, epoch = %hello.epoch, %software, "hello from a hub");
        if hello.epoch.0 > MOST || hello.streams.iter().any(|span| span.first_kept.0.max(span.last.0) > MOST) {
            return Err(TOO_HIGH.to_owned());
        }
        self.compare_epochs(&hello.hub, hello.epoch);
        self.beside.hello(&hello);
        if self.heard.len() < MOST_HUBS || self.heard.contains_key(&hello.hub) {
            self.heard.insert(hello.hub.clone(), (hello.clone(), now_ms()));
        }
        let (hub, stopped) = (hello.hub.clone(), hello.stopped);
        self.stats.send_if_modified(|stats| {
            let before = match &stopped {
                // Names are chosen by whoever may publish, so their number is bounded.
                Some(_) if stats.stopped.len() >= MOST_STOPPED && !stats.stopped.contains_key(&hub) => return false,
                Some(why) => stats.stopped.insert(hub.clone(), why.clone()),
                None => stats.stopped.remove(&hub),
            };
            let is_news = before != stopped;
            if let (Some(why), true) = (&stopped, is_news)
                && let Some(suppressed) = self.limiter.take(format!("stopped {hub}"))
            {
                tracing::error!(%hub, suppressed, why = %why.escape_debug(), "a hub's store has stopped; it is not selling");
            }
            is_news
        });
        for StreamSpan { stream, known, .. } in hello.streams {
            match self.ledger.acknowledgement(&hub, hello.epoch, &stream).await {
                Ok((up_to, link)) => {
                    if let (Some(known), Some(link)) = (known.filter(|known| known.sequence == up_to), link)
                        && known.link != link
                    {
                        self.diverged(&hub, &stream, up_to);
                    }
                    self.unsent.insert((hub.clone(), hello.epoch, stream), (up_to, link));
                }
                Err(error) => self.failed(&error),
            }
        }
        Ok(())
    }

    /// Records that a hub's events differ from those received.
    fn diverged(&mut self, hub: &HubId, stream: &Stream, up_to: Sequence) {
        let is_news = self.stats.send_if_modified(|stats| {
            let told = (stream.clone(), up_to);
            let has_room = stats.diverged.len() < MOST_HUBS || stats.diverged.contains_key(hub);
            let is_news = has_room && stats.diverged.insert(hub.clone(), told.clone()).as_ref() != Some(&told);
            if is_news && let Some(suppressed) = self.limiter.take(format!("diverged {hub}")) {
                tracing::error!(%hub, %stream, %up_to, suppressed, "the hub's events differ from those received");
            }
            is_news
        });
        if is_news {
            let what = format!("the hub's events of {stream} up to {up_to} differ from those received");
            self.alarm(Alarm::new(hub, Kind::Diverged, stream.to_string(), what, now_ms()));
        }
    }

    /// Detects two hubs with one name. A restored hub continues in a later epoch and never returns to an earlier one.
    fn compare_epochs(&mut self, hub: &HubId, epoch: Epoch) {
        let latest = self.epochs.get(hub).copied();
        if latest.is_none_or(|latest| epoch > latest) {
            if latest.is_some() || self.epochs.len() < MOST_HUBS {
                self.epochs.insert(hub.clone(), epoch);
            }
            return;
        }
        let Some(latest) = latest.filter(|latest| epoch < *latest) else { return };
        let is_news = self.stats.send_if_modified(|stats| {
            let is_news = stats.namesakes.insert(hub.clone(), (epoch, latest)) != Some((epoch, latest));
            if is_news && let Some(suppressed) = self.limiter.take(format!("namesake {hub}")) {
                let what = "two hubs have this name; give each its own";
                tracing::error!(%hub, earlier = %epoch, later = %latest, suppressed, "{what}");
            }
            is_news
        });
        if is_news {
            let what = format!("epoch {epoch} was active after epoch {latest}: two hubs have this name");
            self.alarm(Alarm::new(hub, Kind::Namesake, format!("{epoch} {latest}"), what, now_ms()));
        }
    }

    fn apply(&mut self, batch: Batch) -> Result<(), String> {
        if batch.epoch.0 > MOST || batch.events.iter().any(|event| event.sequence.0 > MOST) {
            return Err(TOO_HIGH.to_owned());
        }
        if batch.hub.as_str() == orders::HQ {
            return Err("the hub name `hq` is reserved".to_owned());
        }
        // The hub belongs to another worker.
        let Some(fence) = shard::fence(&self.worker, &self.shares.borrow(), &batch.hub) else { return Ok(()) };
        let (ledger, hub) = (self.ledger.clone(), batch.hub.clone());
        self.lanes.begin(hub.clone());
        let task = self.applying.spawn(async move {
            let done = async {
                let applied = ledger.apply_fenced(&batch, &fence).await?;
                Ok((applied, ledger.acknowledgement(&batch.hub, batch.epoch, &batch.stream).await?))
            };
            let done = done.await;
            ((batch.hub, batch.epoch, batch.stream), done)
        });
        self.hubs.insert(task.id(), hub);
        Ok(())
    }

    /// A batch was applied: acknowledges its stream and takes the next message of its hub.
    async fn applied(&mut self, ended: Result<(Id, Applying), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        match ended {
            Ok((_, (stream, Ok((applied, answer))))) => {
                self.stats.send_modify(|stats| {
                    stats.stored += applied.stored;
                    stats.repeated += applied.repeated;
                    stats.quarantined += applied.quarantined;
                    stats.gaps += u64::from(applied.gap);
                });
                self.unsent.insert(stream, answer);
            }
            // Not acknowledged: the hub will repeat it.
            Ok((_, (_, Err(error)))) => self.failed(&error),
            Err(error) => {
                tracing::error!(%error, "applying a batch failed; the hub will repeat it");
                self.stats.send_modify(|stats| stats.failed += 1);
            }
        }
        let Some(hub) = self.hubs.remove(&id) else { return };
        // Up to the next batch, whose end continues here.
        while let Some(message) = self.lanes.next(&hub) {
            let before = self.applying.len();
            self.take(&message).await;
            if self.applying.len() > before {
                return;
            }
        }
    }

    fn failed(&self, why: &DatabaseError) {
        tracing::error!(%why, "could not use the ledger; hubs will repeat what they sent");
        self.stats.send_modify(|stats| stats.failed += 1);
    }

    fn acknowledge(&mut self, link: &Link) {
        self.beside.send(link);
        while let Some(((hub, epoch, stream), (up_to, chain_link))) = self.unsent.pop_first() {
            let acknowledgement =
                Acknowledgement { hub: hub.clone(), epoch, stream: stream.clone(), up_to, link: chain_link };
            let Ok(Packed { content_type, payload }) = acknowledgement.encode() else { continue };
            let message = Message::new(topic::acknowledgement(&hub), content_type, payload);
            if link.publish(message) == Err(Unpublished::NoRoom) {
                self.unsent.insert((hub, epoch, stream), (up_to, chain_link));
                return;
            }
        }
    }
}
