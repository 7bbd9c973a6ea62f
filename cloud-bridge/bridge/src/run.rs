//! The bridge at work: one task that owns the windows and drives them from what the link and the outbox say.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Acknowledgement, Batch, Hello, MAX_MESSAGE, MAX_WHY, Sequence, Stream, StreamSpan, VERSION,
    message::{BATCH_BYTES, MAX_BATCH_EVENTS},
    topic,
};
use link::{BackOff, BrokerAddress, Ends, Incoming, Link, LinkError, connect};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    Outbox,
    window::{Acknowledged, Window},
};

const HELLO_AGAIN: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(500);
const BACK_OFF_FIRST: Duration = Duration::from_millis(200);
const BACK_OFF_MOST: Duration = Duration::from_secs(10);

/// Where HQ is.
#[derive(Clone)]
pub struct BridgeConfig {
    /// HQ's broker.
    pub broker: BrokerAddress,
    /// For `mqtts`: whom to trust, and who we are.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The hub's software and version, told to HQ.
    pub software: String,
}

/// How the bridge is, for pages and logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BridgeStatus {
    /// The broker is reached and HQ has answered for every stream.
    pub connected: bool,
    /// The last durable event, over all streams.
    pub last: u64,
    /// How many of them HQ has.
    pub acknowledged: u64,
    /// How many it lacks.
    pub lag: u64,
    /// The last thing that went wrong; stays until a connection holds.
    pub trouble: Option<String>,
    /// Messages from HQ that could not be read or did not fit.
    pub ignored: u64,
}

/// A running bridge; stops when dropped.
pub struct Bridge {
    status: watch::Receiver<BridgeStatus>,
    task: JoinHandle<()>,
}

impl Bridge {
    /// How it is, now and later.
    pub fn status(&self) -> watch::Receiver<BridgeStatus> {
        self.status.clone()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the bridge on the current runtime.
pub fn start(config: BridgeConfig, outbox: Arc<dyn Outbox>) -> Bridge {
    let (tell, status) = watch::channel(BridgeStatus::default());
    let mut keepers = JoinSet::new();
    let flows = outbox.streams().into_iter().map(|stream| {
        let (remember, cursor) = watch::channel(Sequence(0));
        keepers.spawn(keep_cursor(Arc::clone(&outbox), stream.clone(), cursor));
        (stream, Flow { window: Window::default(), acknowledged: Sequence(0), remember })
    });
    let flows = flows.collect();
    let runner = Runner { config, outbox, flows, status: tell, began: Instant::now(), ignored: 0, _keepers: keepers };
    Bridge { status, task: tokio::spawn(runner.run()) }
}

/// A stream's window and what HQ is known to have of it, also while the link is down.
struct Flow {
    window: Window,
    acknowledged: Sequence,
    /// To be stored, by [`keep_cursor`].
    remember: watch::Sender<Sequence>,
}

/// Stores HQ's cursor of a stream as it moves. Apart from the link, so that sending never waits for the disk; what moved meanwhile is stored
/// at once with the next.
async fn keep_cursor(outbox: Arc<dyn Outbox>, stream: Stream, mut cursor: watch::Receiver<Sequence>) {
    while cursor.changed().await.is_ok() {
        let up_to = *cursor.borrow_and_update();
        if let Err(error) = outbox.acknowledged(stream.clone(), up_to).await {
            // HQ says it again with the next batch or hello.
            tracing::warn!(%stream, %error, %up_to, "HQ's acknowledgement could not be stored");
        }
    }
}

struct Runner {
    config: BridgeConfig,
    outbox: Arc<dyn Outbox>,
    flows: BTreeMap<Stream, Flow>,
    status: watch::Sender<BridgeStatus>,
    began: Instant,
    ignored: u64,
    /// Ended with the runner.
    _keepers: JoinSet<()>,
}

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::new(BACK_OFF_FIRST, BACK_OFF_MOST);
        loop {
            let (link, incoming) = connect(Ends {
                broker: self.config.broker.clone(),
                tls: self.config.tls.clone(),
                client_id: format!("hub-{}", self.outbox.hub()),
                subscribe: vec![topic::acknowledgement(&self.outbox.hub())],
                max_payload: MAX_MESSAGE,
            });
            let (held, why) = self.connection(&link, incoming).await;
            drop(link);
            for flow in self.flows.values_mut() {
                flow.window.disconnected();
            }
            tracing::warn!(broker = %self.config.broker, %why, "disconnected from HQ; events are queued in the outbox");
            self.report(Some(why.to_string()));
            if held {
                back_off.reset();
            }
            sleep(back_off.next_delay()).await;
        }
    }

    /// One connection; ends with whether it ever held, and why it ended.
    async fn connection(&mut self, link: &Link, mut incoming: mpsc::Receiver<Incoming>) -> (bool, LinkError) {
        let (mut ready, mut hello_at) = (false, Instant::now());
        let mut changes = self.outbox.changes();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = incoming.recv() => match told {
                    None => return (ready, LinkError::TaskEnded),
                    Some(Incoming::Closed(why)) => return (ready, why),
                    Some(Incoming::Ready) => {
                        ready = true;
                        hello_at = Instant::now();
                        self.greet(link);
                    }
                    Some(Incoming::Message { payload, .. }) => self.acknowledge(&payload),
                    Some(Incoming::Room) => {}
                },
                _ = changes.changed() => {}
                _ = tick.tick() => {
                    let now = self.now_ms();
                    for (stream, flow) in &mut self.flows {
                        if flow.window.tick(now) {
                            tracing::info!(%stream, from = %flow.acknowledged.next(), "no progress; sending again");
                        }
                    }
                    // A hub that sells nothing any more says so again and again: HQ may be down just now.
                    let greeting = self.flows.values().any(|flow| !flow.window.is_flowing())
                        || self.outbox.stopped().is_some();
                    if ready && greeting && hello_at.elapsed() >= HELLO_AGAIN {
                        hello_at = Instant::now();
                        self.greet(link);
                    }
                }
            }
            let trouble = if ready { self.pump(link).await.err() } else { None };
            self.report(trouble);
        }
    }

    fn greet(&self, link: &Link) {
        let spans = self.flows.keys().filter_map(|stream| {
            let span = self.outbox.span(stream).ok()?;
            Some(StreamSpan { stream: stream.clone(), first_kept: span.first_kept, last: span.last })
        });
        let hub = self.outbox.hub();
        let hello = Hello {
            version: VERSION,
            hub: hub.clone(),
            epoch: self.outbox.epoch(),
            software: self.config.software.clone(),
            streams: spans.collect(),
            stopped: self.outbox.stopped().map(|mut why| {
                why.truncate(why.floor_char_boundary(MAX_WHY));
                why
            }),
        };
        if let Ok(payload) = hello.encode() {
            // Without room it is said again in a moment.
            link.publish(topic::hello(&hub), payload);
        }
    }

    fn acknowledge(&mut self, payload: &[u8]) {
        let acknowledgement = match Acknowledgement::decode(payload) {
            Ok(read) if read.hub == self.outbox.hub() && read.epoch == self.outbox.epoch() => read,
            Ok(_) => return self.ignored += 1,
            Err(error) => {
                self.ignored += 1;
                return tracing::debug!(%error, "ignored a message on the acknowledgement topic");
            }
        };
        let (now, up_to) = (self.now_ms(), acknowledgement.up_to);
        let Some(flow) = self.flows.get_mut(&acknowledgement.stream) else { return self.ignored += 1 };
        let Ok(span) = self.outbox.span(&acknowledgement.stream) else { return };
        match flow.window.acknowledge(up_to, span.last, now) {
            Acknowledged::Moved => {
                flow.acknowledged = up_to;
                flow.remember.send_replace(up_to);
            }
            Acknowledged::Known => {}
            Acknowledged::Impossible => {
                self.ignored += 1;
                tracing::error!(stream = %acknowledgement.stream, %up_to, last = %span.last,
                    "HQ has events of this epoch that this hub does not know: was its disk set back? It needs a new epoch");
            }
        }
    }

    /// Sends what the windows allow. A stream that is in trouble does not hold up the others.
    async fn pump(&mut self, link: &Link) -> Result<(), String> {
        let now = self.now_ms();
        let mut trouble = Ok(());
        for (stream, flow) in &mut self.flows {
            let sent = send(&self.outbox, link, stream, flow, now).await;
            trouble = trouble.and(sent);
        }
        trouble
    }

    fn report(&self, trouble: Option<String>) {
        let spans: Vec<_> = self.flows.keys().filter_map(|stream| self.outbox.span(stream).ok()).collect();
        let last: u64 = spans.iter().map(|span| span.last.0).sum();
        let acknowledged: u64 = self.flows.values().map(|flow| flow.acknowledged.0).sum();
        let connected = self.flows.values().all(|flow| flow.window.is_flowing());
        self.status.send_if_modified(|status| {
            let trouble = if connected { trouble } else { trouble.or_else(|| status.trouble.take()) };
            let now = BridgeStatus {
                connected,
                last,
                acknowledged,
                lag: last.saturating_sub(acknowledged),
                trouble,
                ignored: self.ignored,
            };
            let changed = *status != now;
            *status = now;
            changed
        });
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Sends what a stream's window allows.
async fn send(outbox: &Arc<dyn Outbox>, link: &Link, stream: &Stream, flow: &mut Flow, now: u64) -> Result<(), String> {
    loop {
        let span = outbox.span(stream).map_err(|error| error.to_string())?;
        let Some((from, room)) = flow.window.next_batch(span.last) else { return Ok(()) };
        if from < span.first_kept {
            return Err(format!(
                "HQ has {stream} up to {}, this hub kept {} on: events between are missing; load them from HQ's or the hub's backup",
                flow.acknowledged, span.first_kept
            ));
        }
        let events = usize::try_from(room).unwrap_or(usize::MAX).min(MAX_BATCH_EVENTS);
        let (reader, of) = (Arc::clone(outbox), stream.clone());
        let read = tokio::task::spawn_blocking(move || reader.read(&of, from, events, BATCH_BYTES)).await;
        let events = read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let Some(through) = events.last().map(|event| event.sequence) else { return Ok(()) };
        let hub = outbox.hub();
        let batch = Batch { version: VERSION, hub: hub.clone(), epoch: outbox.epoch(), stream: stream.clone(), events };
        let payload = batch.encode().map_err(|error| error.to_string())?;
        if !link.publish(topic::stream(&hub, stream), payload) {
            return Ok(());
        }
        flow.window.sent(through, now);
    }
}
