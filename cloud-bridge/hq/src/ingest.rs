//! From MQTT into a ledger.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use contract::{
    Acknowledgement, Batch, ChainLink, Epoch, Hello, HubId, MAX_MESSAGE, Packed, Sequence, Stream, StreamSpan, Wire,
    topic::{self, FromHub},
};
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Message, Unpublished, connect};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, interval, sleep},
};

use crate::{
    beside::Beside,
    database::DatabaseError,
    ledger::{Alarm, Ledger, alarm::Kind, hubs::Heard, now_ms},
    shard::{self, Leases, Shares},
};

/// The most stopped hubs that are listed.
const MOST_STOPPED: usize = 10_000;

/// Acknowledgements for which the client had no room are tried again this often.
const RETRY: Duration = Duration::from_millis(250);

/// The most hubs whose epochs are compared.
const MOST_HUBS: usize = 10_000;

/// What hubs say of themselves is noted down this often: a thousand quiet ones say it thirty times a second.
const NOTE_DOWN: Duration = Duration::from_secs(5);

/// The highest epoch and sequence that a ledger has room for. No hub gets there.
const MOST: u64 = i64::MAX.unsigned_abs();

const TOO_HIGH: &str = "an epoch or a sequence is higher than any hub's";

/// How often dropped messages are logged: whoever may publish decides how many there are.
const TELL_DROPPED: Duration = Duration::from_secs(10);

/// What came in so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestStats {
    /// The broker is reached.
    pub connected: bool,
    /// Events stored.
    pub stored: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// Of those stored, events in quarantine.
    pub quarantined: u64,
    /// Batches that began too late.
    pub gaps: u64,
    /// Messages that were dropped: unreadable, or published by the wrong hub.
    pub garbage: u64,
    /// Commits that failed.
    pub failed: u64,
    /// Hubs whose store has stopped for good, with the reason that each gave last.
    pub stopped: BTreeMap<HubId, String>,
    /// Names that two hubs have: an earlier epoch spoke after a later one.
    pub namesakes: BTreeMap<HubId, (Epoch, Epoch)>,
    /// Hubs of which HQ heard other events than they have, up to the event that is named: a disk was set back, or copied.
    pub diverged: BTreeMap<HubId, (Stream, Sequence)>,
    /// The last thing that went wrong with the broker.
    pub trouble: Option<String>,
}

/// A running ingest; stops when dropped.
pub struct Ingest {
    stats: watch::Receiver<IngestStats>,
    task: JoinHandle<()>,
}

impl Ingest {
    /// Starts on the current runtime, for the hubs of a worker's shards.
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
            told_dropped_at: None,
        };
        Self { stats, task: tokio::spawn(runner.run()) }
    }

    /// What came in, now and later.
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
    /// The shards that the worker has.
    shares: watch::Receiver<Shares>,
    stats: watch::Sender<IngestStats>,
    /// Cursors still to be sent to hubs; a later one replaces an earlier one.
    unsent: BTreeMap<(HubId, Epoch, Stream), (Sequence, Option<ChainLink>)>,
    /// The latest epoch in which each hub spoke.
    epochs: HashMap<HubId, Epoch>,
    /// What hubs said, still to be noted down.
    heard: BTreeMap<HubId, Heard>,
    /// What a person must know of, still to be noted down.
    alarms: Vec<Alarm>,
    /// What hubs say beside their events.
    beside: Beside,
    told_dropped_at: Option<Instant>,
}

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
                    told = incoming.recv() => match told {
                        None => break Some(LinkError::TaskEnded),
                        Some(Incoming::Closed(why)) => break Some(why),
                        Some(Incoming::Ready) => {
                            self.stats.send_modify(|stats| {
                                stats.connected = true;
                                stats.trouble = None;
                            });
                        }
                        // Not only a broker that closes what it opens.
                        Some(Incoming::Room) => back_off.reset(),
                        Some(Incoming::Message(message)) => {
                            back_off.reset();
                            self.take(&message).await;
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
            // Other shards: subscribed to at once.
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

    /// Takes up what was known of hubs when the process before this one ended.
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

    /// Writes what hubs said, and alarms, into the ledger. What cannot be written is tried again.
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

    async fn take(&mut self, message: &Message) {
        let Message { topic, content_type, payload, .. } = message;
        let content_type = content_type.as_deref();
        let taken = match topic::from_hub(topic) {
            Some(FromHub::Hello(hub)) => match Hello::decode(content_type, payload) {
                Ok(hello) if hello.hub == hub => self.greet(hello).await,
                Ok(_) => Err("the hub in the message is not the one in the topic".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Some(FromHub::Batch(hub, stream)) => match Batch::decode(content_type, payload) {
                Ok(batch) if batch.hub == hub && batch.stream == stream => self.apply(batch).await,
                Ok(_) => Err("the hub or stream in the batch is not the one in the topic".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            // Answers to what HQ sent: publisher and announcer have connections of their own for them.
            Some(FromHub::Received(_) | FromHub::Publications(_)) => Ok(()),
            Some(what) => self.beside.take(what, message).await,
            None => Err("unknown topic".to_owned()),
        };
        if let Err(why) = taken {
            self.stats.send_modify(|stats| stats.garbage += 1);
            if self.told_dropped_at.is_none_or(|at| at.elapsed() >= TELL_DROPPED) {
                self.told_dropped_at = Some(Instant::now());
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
                // Hubs are named by whoever may publish.
                Some(_) if stats.stopped.len() >= MOST_STOPPED && !stats.stopped.contains_key(&hub) => return false,
                Some(why) => stats.stopped.insert(hub.clone(), why.clone()),
                None => stats.stopped.remove(&hub),
            };
            let is_news = before != stopped;
            if let (Some(why), true) = (&stopped, is_news) {
                tracing::error!(%hub, why = %why.escape_debug(), "a hub's store has stopped; it is not selling");
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

    /// A hub has another history than the one that was heard of it.
    fn diverged(&mut self, hub: &HubId, stream: &Stream, up_to: Sequence) {
        let is_news = self.stats.send_if_modified(|stats| {
            let told = (stream.clone(), up_to);
            let has_room = stats.diverged.len() < MOST_HUBS || stats.diverged.contains_key(hub);
            let is_news = has_room && stats.diverged.insert(hub.clone(), told.clone()).as_ref() != Some(&told);
            if is_news {
                tracing::error!(%hub, %stream, %up_to, "the hub has other events than were heard of it");
            }
            is_news
        });
        if is_news {
            let what = format!("the hub has other events of {stream} up to {up_to} than were heard of it");
            self.alarm(Alarm::new(hub, Kind::Diverged, stream.to_string(), what, now_ms()));
        }
    }

    /// Notices two hubs of one name. A hub whose store is restored speaks in a later epoch from then on, and never in
    /// the earlier one again.
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
            if is_news {
                tracing::error!(%hub, earlier = %epoch, later = %latest, "two hubs have this name; give each its own");
            }
            is_news
        });
        if is_news {
            let what = format!("epoch {epoch} spoke after epoch {latest}: two hubs have this name");
            self.alarm(Alarm::new(hub, Kind::Namesake, format!("{epoch} {latest}"), what, now_ms()));
        }
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), String> {
        if batch.epoch.0 > MOST || batch.events.iter().any(|event| event.sequence.0 > MOST) {
            return Err(TOO_HIGH.to_owned());
        }
        // A hub of another worker's.
        let Some(fence) = shard::fence(&self.worker, &self.shares.borrow(), &batch.hub) else { return Ok(()) };
        match self.ledger.apply_fenced(&batch, &fence).await {
            Ok(applied) => {
                self.stats.send_modify(|stats| {
                    stats.stored += applied.stored;
                    stats.repeated += applied.repeated;
                    stats.quarantined += applied.quarantined;
                    stats.gaps += u64::from(applied.gap);
                });
                let (hub, epoch, stream) = (batch.hub, batch.epoch, batch.stream);
                match self.ledger.acknowledgement(&hub, epoch, &stream).await {
                    Ok(answer) => drop(self.unsent.insert((hub, epoch, stream), answer)),
                    Err(error) => self.failed(&error),
                }
            }
            // Not acknowledged: the hub sends it again.
            Err(error) => self.failed(&error),
        }
        Ok(())
    }

    fn failed(&self, why: &DatabaseError) {
        tracing::error!(%why, "could not use the ledger; the hub will send again");
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
