//! From MQTT into a ledger.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Acknowledgement, Batch, Epoch, Hello, HubId, MAX_MESSAGE, Sequence, Stream, VERSION,
    topic::{self, FromHub},
};
use link::{BackOff, BrokerAddress, Ends, Incoming, Link, LinkError, connect};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{interval, sleep},
};

use crate::ledger::Ledger;

/// The most stopped hubs that are listed.
const MOST_STOPPED: usize = 10_000;

/// How long after a lost connection the next is tried, at first and at most.
const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_MOST: Duration = Duration::from_secs(10);

/// Acknowledgements for which the client had no room are tried again this often.
const RETRY: Duration = Duration::from_millis(250);

/// Where to listen.
#[derive(Clone)]
pub struct IngestConfig {
    /// The broker.
    pub broker: BrokerAddress,
    /// For `mqtts`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// What came in so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestStats {
    /// The broker is reached.
    pub connected: bool,
    /// Events applied.
    pub stored: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// Batches that began too late.
    pub gaps: u64,
    /// Messages that were dropped: unreadable, or published by the wrong hub.
    pub garbage: u64,
    /// Commits that failed.
    pub failed: u64,
    /// Hubs whose store has stopped for good, with the reason that each gave last.
    pub stopped: BTreeMap<HubId, String>,
    /// The last thing that went wrong with the broker.
    pub trouble: Option<String>,
}

/// A running ingest; stops when dropped.
pub struct Ingest {
    stats: watch::Receiver<IngestStats>,
    task: JoinHandle<()>,
}

impl Ingest {
    /// Starts on the current runtime.
    pub fn start<L: Ledger + Sync>(config: IngestConfig, ledger: L) -> Self {
        let (tell, stats) = watch::channel(IngestStats::default());
        let runner = Runner { config, ledger, stats: tell, unsent: BTreeMap::new() };
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

struct Runner<L> {
    config: IngestConfig,
    ledger: L,
    stats: watch::Sender<IngestStats>,
    /// Cursors still to be sent to hubs; a later one replaces an earlier one.
    unsent: BTreeMap<(HubId, Epoch, Stream), Sequence>,
}

impl<L: Ledger + Sync> Runner<L> {
    async fn run(mut self) {
        let mut back_off = BackOff::new(BACK_OFF_FIRST, BACK_OFF_MOST);
        loop {
            let (link, mut incoming) = connect(Ends {
                broker: self.config.broker.clone(),
                tls: self.config.tls.clone(),
                client_id: "hq-ingest".into(),
                subscribe: vec![topic::ALL_HUBS.into()],
                max_payload: MAX_MESSAGE,
            });
            let mut retry = interval(RETRY);
            let why = loop {
                tokio::select! {
                    told = incoming.recv() => match told {
                        None => break LinkError::TaskEnded,
                        Some(Incoming::Closed(why)) => break why,
                        Some(Incoming::Ready) => {
                            back_off.reset();
                            self.stats.send_modify(|stats| {
                                stats.connected = true;
                                stats.trouble = None;
                            });
                        }
                        Some(Incoming::Room) => {}
                        Some(Incoming::Message { topic, payload }) => self.take(&topic, &payload).await,
                    },
                    _ = retry.tick() => {}
                }
                self.acknowledge(&link);
            };
            tracing::warn!(broker = %self.config.broker, %why, "disconnected from the broker");
            self.stats.send_modify(|stats| {
                stats.connected = false;
                stats.trouble = Some(why.to_string());
            });
            drop(link);
            sleep(back_off.next_delay()).await;
        }
    }

    async fn take(&mut self, topic: &str, payload: &[u8]) {
        let taken = match topic::from_hub(topic) {
            Some(FromHub::Hello(hub)) => match Hello::decode(payload) {
                Ok(hello) if hello.hub == hub => self.greet(hello).await,
                Ok(_) => Err("the hub in the message is not the one in the topic".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            Some(FromHub::Batch(hub, stream)) => match Batch::decode(payload) {
                Ok(batch) if batch.hub == hub && batch.stream == stream => self.apply(batch).await,
                Ok(_) => Err("the hub or stream in the batch is not the one in the topic".to_owned()),
                Err(error) => Err(error.to_string()),
            },
            // Answers to what HQ sent: the publisher has a connection of its own for them.
            Some(FromHub::Received(_)) => Ok(()),
            None => Err("unknown topic".to_owned()),
        };
        if let Err(why) = taken {
            tracing::warn!(topic = %topic.escape_debug(), %why, "dropped a message");
            self.stats.send_modify(|stats| stats.garbage += 1);
        }
    }

    async fn greet(&mut self, hello: Hello) -> Result<(), String> {
        let software = hello.software.escape_debug();
        tracing::info!(hub = %hello.hub, epoch = %hello.epoch, %software, "hello from a hub");
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
        for span in hello.streams {
            match self.ledger.cursor(&hello.hub, hello.epoch, &span.stream).await {
                Ok(cursor) => {
                    self.unsent.insert((hello.hub.clone(), hello.epoch, span.stream), cursor);
                }
                Err(error) => self.failed(&error.to_string()),
            }
        }
        Ok(())
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), String> {
        match self.ledger.apply(&batch).await {
            Ok(applied) => {
                self.stats.send_modify(|stats| {
                    stats.stored += applied.stored;
                    stats.repeated += applied.repeated;
                    stats.gaps += u64::from(applied.gap);
                });
                self.unsent.insert((batch.hub, batch.epoch, batch.stream), applied.cursor);
            }
            // Not acknowledged: the hub sends it again.
            Err(error) => self.failed(&error.to_string()),
        }
        Ok(())
    }

    fn failed(&self, why: &str) {
        tracing::error!(%why, "could not commit; the hub will send again");
        self.stats.send_modify(|stats| stats.failed += 1);
    }

    fn acknowledge(&mut self, link: &Link) {
        while let Some(((hub, epoch, stream), cursor)) = self.unsent.pop_first() {
            let acknowledgement =
                Acknowledgement { version: VERSION, hub: hub.clone(), epoch, stream: stream.clone(), up_to: cursor };
            let Ok(payload) = acknowledgement.encode() else { continue };
            if !link.publish(topic::acknowledgement(&hub), payload) {
                self.unsent.insert((hub, epoch, stream), cursor);
                return;
            }
        }
    }
}
