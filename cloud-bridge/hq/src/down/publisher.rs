//! Sends the queues to hubs over MQTT.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    BadMessage, DownAcknowledgement, DownBatch, HubId, MAX_MESSAGE, Packed, Stream, Wire,
    topic::{self, FromHub},
};
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Message, Unpublished, connect};
use serde::Serialize;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{Heard, Queues, window::Window};
use crate::shard::{self, Leases, Shares};

/// The interval of checks of queues and time-outs.
const TICK: Duration = Duration::from_millis(250);

/// The state of the publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PublisherStatus {
    /// Whether the broker is connected.
    pub connected: bool,
    /// Dropped messages: unreadable, or published by the wrong hub.
    pub ignored: u64,
    /// The last error.
    pub trouble: Option<String>,
}

/// A running publisher; stops when dropped.
pub struct Publisher {
    status: watch::Receiver<PublisherStatus>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Starts on the current runtime, for the hubs of the worker's shards.
    pub fn start(broker: Broker, queues: Queues, leases: &Leases) -> Self {
        let (tell, status) = watch::channel(PublisherStatus::default());
        let (worker, shares) = (leases.worker().to_owned(), leases.shares());
        let (windows, began) = (BTreeMap::new(), Instant::now());
        let runner = Runner { broker, queues, worker, shares, status: tell, windows, began };
        Self { status, task: tokio::spawn(runner.run()) }
    }

    /// The state, and its changes.
    pub fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.status.clone()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Runner {
    broker: Broker,
    queues: Queues,
    worker: String,
    /// The worker's shards.
    shares: watch::Receiver<Shares>,
    status: watch::Sender<PublisherStatus>,
    /// The windows of queues with waiting items.
    windows: BTreeMap<(HubId, Stream), Window>,
    began: Instant,
}

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::default();
        loop {
            let Ok(shards) = shard::some(&mut self.shares).await else { return };
            let (link, mut incoming) = connect(Ends {
                broker: self.broker.clone(),
                client_id: format!("hq-{}-publish", self.worker),
                subscribe: shard::topics(&shards, topic::ALL_RECEIVED, topic::received_of_shard),
                max_payload: MAX_MESSAGE,
                will: None,
            });
            // Unacknowledged batches went with the connection.
            self.windows.clear();
            let mut ready = false;
            let mut tick = interval(TICK);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let why = loop {
                tokio::select! {
                    told = incoming.recv() => match told {
                        None => break Some(LinkError::TaskEnded),
                        Some(Incoming::Closed(why)) => break Some(why),
                        Some(Incoming::Ready) => {
                            ready = true;
                            self.status.send_modify(|status| {
                                status.connected = true;
                                status.trouble = None;
                            });
                        }
                        // HQ's broker works: it was not just a broker that closes what it accepts.
                        Some(Incoming::Room) => back_off.reset(),
                        Some(Incoming::Message(message)) => {
                            back_off.reset();
                            self.take(&message).await;
                        }
                    },
                    _ = tick.tick() => {}
                    changed = self.shares.changed() => {
                        if changed.is_err() || shard::set(&self.shares.borrow()) != shards {
                            break None;
                        }
                    }
                }
                if ready {
                    self.send(&link).await;
                }
            };
            // The shards changed: subscribe to the new ones at once.
            let Some(why) = why else { continue };
            tracing::warn!(broker = %self.broker.address, %why, "disconnected from the broker; nothing is published");
            self.status.send_modify(|status| status.connected = false);
            self.trouble(&why.to_string());
            drop(link);
            sleep(back_off.next_delay()).await;
        }
    }

    /// Handles a hub's acknowledgement.
    async fn take(&mut self, message: &Message) {
        let Message { topic, content_type, payload, .. } = message;
        let answer = match (topic::from_hub(topic), DownAcknowledgement::decode(content_type.as_deref(), payload)) {
            (Some(FromHub::Received(hub)), Ok(answer)) if answer.hub == hub => Ok(answer),
            (_, Err(error)) => Err(error.to_string()),
            _ => Err("acknowledgement and topic name different hubs".to_owned()),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => {
                tracing::warn!(topic = %topic.escape_debug(), %why, "dropped a message");
                return self.status.send_modify(|status| status.ignored += 1);
            }
        };
        match self.queues.acknowledge(&answer).await {
            Ok(heard) => {
                log(&answer, &heard);
                if let Some(window) = self.windows.get_mut(&(answer.hub, answer.stream)) {
                    window.heard(heard.is_news());
                }
            }
            // The hub repeats it with the next batch.
            Err(error) => self.trouble(&error.to_string()),
        }
    }

    /// Sends what hubs lack and the windows allow.
    async fn send(&mut self, link: &Link) {
        let mut waiting = match self.queues.waiting().await {
            Ok(waiting) => waiting,
            Err(error) => return self.trouble(&error.to_string()),
        };
        waiting.retain(|(hub, _)| self.shares.borrow().contains_key(&hub.shard()));
        self.windows.retain(|key, _| waiting.binary_search(key).is_ok());
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for (hub, stream) in waiting {
            let window = self.windows.entry((hub.clone(), stream.clone())).or_default();
            if !window.may_send(now) {
                continue;
            }
            let topic = topic::down_batch(&hub);
            let payload = match self.queues.next(&hub, &stream).await {
                Ok(None) => continue,
                Ok(Some(batch)) => fit(batch, link.payload_limit(&topic)).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match payload
                .map(|Packed { content_type, payload }| link.publish(Message::new(topic, content_type, payload)))
            {
                Ok(Ok(())) => window.sent(now),
                // Retried when there is room.
                Ok(Err(Unpublished::NoRoom)) => return,
                Ok(Err(error)) => self.trouble(&error.to_string()),
                Err(why) => self.trouble(&why),
            }
        }
    }

    /// Reports an error once.
    fn trouble(&self, why: &str) {
        self.status.send_if_modified(|status| {
            let is_news = status.trouble.as_deref() != Some(why);
            if is_news {
                tracing::warn!(%why, "publishing is in trouble");
                status.trouble = Some(why.to_owned());
            }
            is_news
        });
    }
}

/// Cuts a batch to the broker's maximum packet, and encodes it. Publishing reports a single item that is too large.
fn fit(mut batch: DownBatch, limit: usize) -> Result<Packed, BadMessage> {
    loop {
        let packed = batch.encode()?;
        if packed.payload.len() <= limit || batch.items.len() <= 1 {
            return Ok(packed);
        }
        batch.items.truncate(batch.items.len() / 2);
    }
}

fn log(answer: &DownAcknowledgement, heard: &Heard) {
    let DownAcknowledgement { hub, stream, .. } = answer;
    for (item, why) in &heard.refused {
        tracing::warn!(%hub, %stream, kind = item.kind, why = %why.escape_debug(), "the hub refused an item");
    }
    if heard.lost > 0 {
        let lost = heard.lost;
        tracing::error!(%hub, %stream, lost, "the hub's store was set back and lost items; publish them again");
    }
}
