//! The bridge at work: one task that owns the windows and drives them by what the link, the outbox and the inbox say.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use contract::{
    Acknowledgement, BadMessage, DownAcknowledgement, DownBatch, Epoch, Hello, Known, MAX_MESSAGE, MAX_WHY, Received,
    Sequence, Stream, StreamSpan, VERSION,
    message::MAX_SOFTWARE,
    topic::{self, ToHub},
};
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Unpublished, connect};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    alarms::{About, Alarms},
    flow::{Flow, Trouble, keep_cursor},
    inbox::{Ask, Inbox, Receiving, receiving},
    outbox::{Outbox, Span},
    window::Acknowledged,
};

/// How often hello is said until HQ answers, or while the store has stopped: HQ may be down just now.
const HELLO_AGAIN: Duration = Duration::from_secs(5);
/// How often it is said otherwise: HQ may have lost what it had, and a quiet hub would not hear of it.
const HELLO_EVERY: Duration = Duration::from_secs(30);
/// How long HQ may leave a hello without an answer before that is trouble.
const SILENT: Duration = Duration::from_secs(10);
/// Acknowledgements for another life of this hub's store, from which on another hub must be alive. After a restore a
/// late one may arrive.
const NAMESAKES: u64 = 3;
const TICK: Duration = Duration::from_millis(500);
/// Where HQ is.
#[derive(Clone)]
pub struct BridgeConfig {
    /// HQ's broker.
    pub broker: Broker,
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
    /// What a person must look at; each stays until the bridge ends.
    pub alarms: Vec<String>,
    /// Messages from HQ that were ignored: unreadable, or not for this hub.
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

/// Why a message from HQ is ignored.
#[derive(Debug, thiserror::Error)]
enum Ignored {
    #[error("unknown topic")]
    Topic,
    #[error(transparent)]
    Message(#[from] BadMessage),
    #[error("it is for another hub")]
    NotOurs,
    #[error("it is for epoch {epoch} of this hub's store")]
    OtherEpoch { epoch: Epoch },
    #[error("unknown stream")]
    Stream,
    #[error(
        "HQ has events of {stream} up to {up_to}, this hub only up to {last}: was its disk set back? Take a backup and \
         restore it: that begins a new epoch"
    )]
    Unknown { stream: Stream, up_to: Sequence, last: Sequence },
    #[error(
        "HQ heard other events of {stream} up to {up_to} than this hub has: was its disk set back, or copied to another \
         box? Nothing more of {stream} is sent. Stop the copy; take a backup of the store that goes on and restore it: \
         that begins a new epoch"
    )]
    Diverged { stream: Stream, up_to: Sequence },
    #[error("too many batches wait to be applied; HQ will send it again")]
    Full,
}

/// Starts the bridge on the current runtime.
pub fn start(config: BridgeConfig, outbox: Arc<dyn Outbox>, inbox: Arc<dyn Inbox>) -> Bridge {
    let (tell, status) = watch::channel(BridgeStatus::default());
    let mut helpers = JoinSet::new();
    let incoming = inbox.streams();
    let (inbox, receive) = receiving(inbox);
    helpers.spawn(receive);
    let flows = outbox.streams().into_iter().map(|stream| {
        let (remember, cursor) = watch::channel(Sequence(0));
        helpers.spawn(keep_cursor(Arc::clone(&outbox), stream.clone(), cursor));
        (stream, Flow::new(remember))
    });
    let flows = flows.collect();
    let runner = Runner {
        config,
        outbox,
        flows,
        inbox,
        blind: None,
        incoming,
        unsent: BTreeMap::new(),
        status: tell,
        began: Instant::now(),
        ignored: 0,
        alarms: Alarms::default(),
        namesakes: 0,
        _helpers: helpers,
    };
    Bridge { status, task: tokio::spawn(runner.run()) }
}

struct Runner {
    config: BridgeConfig,
    outbox: Arc<dyn Outbox>,
    flows: BTreeMap<Stream, Flow>,
    inbox: Receiving,
    /// Why the last look at the outbox failed, if it did.
    blind: Option<Trouble>,
    /// The streams that the inbox takes.
    incoming: Vec<Stream>,
    /// How far the inbox is, still to be told to HQ.
    unsent: BTreeMap<Stream, Received>,
    status: watch::Sender<BridgeStatus>,
    began: Instant,
    ignored: u64,
    alarms: Alarms,
    /// Acknowledgements for another epoch.
    namesakes: u64,
    /// [`keep_cursor`] for each stream, and the inbox's task; ended with the runner.
    _helpers: JoinSet<()>,
}

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::default();
        loop {
            let (link, incoming) = connect(Ends {
                broker: self.config.broker.clone(),
                client_id: format!("hub-{}", self.outbox.hub()),
                subscribe: vec![topic::acknowledgement(&self.outbox.hub()), topic::down_batch(&self.outbox.hub())],
                max_payload: MAX_MESSAGE,
            });
            let why = self.connection(&link, incoming).await;
            drop(link);
            // HQ was there: not only a broker that closes what it opens.
            let held = self.flows.values().any(|flow| flow.window.is_flowing());
            for flow in self.flows.values_mut() {
                flow.window.disconnected();
            }
            tracing::warn!(broker = %self.config.broker.address, %why, "disconnected from HQ; events are queued in the outbox");
            self.report(Some(why.to_string()));
            if held {
                back_off.reset();
            }
            sleep(back_off.next_delay()).await;
        }
    }

    /// One connection; ends with why it ended.
    async fn connection(&mut self, link: &Link, mut incoming: mpsc::Receiver<Incoming>) -> LinkError {
        let (mut ready_at, mut hello_at) = (None, Instant::now());
        let mut changes = self.outbox.changes();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = incoming.recv() => match told {
                    None => return LinkError::TaskEnded,
                    Some(Incoming::Closed(why)) => return why,
                    Some(Incoming::Ready) => {
                        hello_at = Instant::now();
                        ready_at = Some(hello_at);
                        self.look().await;
                        self.greet(link);
                        // Full, it is about to say how far it is anyway.
                        let _ = self.inbox.ask.try_send(Ask::Tell);
                    }
                    Some(Incoming::Message { topic, payload }) => self.take(&topic, &payload).await,
                    Some(Incoming::Room) => {}
                },
                Some((stream, received)) = self.inbox.told.recv() => drop(self.unsent.insert(stream, received)),
                _ = changes.changed() => self.look().await,
                _ = tick.tick() => {
                    self.look().await;
                    let now = self.now_ms();
                    for (stream, flow) in &mut self.flows {
                        if flow.window.tick(now) {
                            tracing::info!(%stream, from = %flow.acknowledged.next(), "no progress; sending again");
                        }
                    }
                    let unsettled = !self.is_flowing() || self.outbox.stopped().is_some();
                    let again = if unsettled { HELLO_AGAIN } else { HELLO_EVERY };
                    if ready_at.is_some() && hello_at.elapsed() >= again {
                        hello_at = Instant::now();
                        self.greet(link);
                    }
                }
            }
            let mut trouble = Ok(());
            if let Some(ready_at) = ready_at {
                trouble = self.answer(link).and(self.pump(link).await);
                if !self.is_flowing() && ready_at.elapsed() >= SILENT {
                    trouble = trouble.and(Err(Trouble::Silent));
                }
            }
            self.report(trouble.err().or_else(|| self.blind.clone()).map(|trouble| trouble.to_string()));
        }
    }

    /// Reads how far every stream is, off the runtime's threads.
    async fn look(&mut self) {
        let (outbox, streams) = (Arc::clone(&self.outbox), self.flows.keys().cloned().collect::<Vec<_>>());
        let read = move || streams.iter().map(|stream| outbox.span(stream)).collect::<Result<Vec<_>, _>>();
        let spans = tokio::task::spawn_blocking(read).await.map_err(Trouble::from);
        self.blind = match spans.and_then(|spans| spans.map_err(Trouble::from)) {
            Err(trouble) => Some(trouble),
            Ok(spans) => {
                for (flow, span) in self.flows.values_mut().zip(spans) {
                    flow.window.remembered(span.acknowledged);
                    flow.span = Some(span);
                }
                None
            }
        };
    }

    fn greet(&self, link: &Link) {
        let spans = self.flows.iter().filter_map(|(stream, flow)| {
            let Span { first_kept, last, .. } = flow.span?;
            Some(StreamSpan { stream: stream.clone(), first_kept, last, known: flow.known })
        });
        let hub = self.outbox.hub();
        let hello = Hello {
            version: VERSION,
            hub: hub.clone(),
            epoch: self.outbox.epoch(),
            software: cut(self.config.software.clone(), MAX_SOFTWARE),
            streams: spans.collect(),
            stopped: self.outbox.stopped().map(|why| cut(why, MAX_WHY)),
        };
        if let Ok(payload) = hello.encode() {
            // Without room it is said again in a moment; too large for the broker, HQ stays silent, which is told.
            let _ = link.publish(topic::hello(&hub), payload);
        }
    }

    /// Takes a message from HQ, or ignores and counts it.
    async fn take(&mut self, topic: &str, payload: &[u8]) {
        let taken = match topic::to_hub(&self.outbox.hub(), topic) {
            Some(ToHub::Acknowledgement) => self.acknowledge(payload).await,
            Some(ToHub::Batch) => self.receive(payload),
            None => Err(Ignored::Topic),
        };
        match taken {
            Ok(()) => return,
            // Whoever may publish decides how many there are.
            Err(why) => tracing::debug!(topic = %topic.escape_debug(), %why, "ignored a message from HQ"),
        }
        self.ignored += 1;
    }

    async fn acknowledge(&mut self, payload: &[u8]) -> Result<(), Ignored> {
        let acknowledgement = Acknowledgement::decode(payload)?;
        if acknowledgement.hub != self.outbox.hub() {
            return Err(Ignored::NotOurs);
        }
        let epoch = acknowledgement.epoch;
        if epoch != self.outbox.epoch() {
            self.namesakes += 1;
            if self.namesakes >= NAMESAKES {
                let (hub, own) = (&acknowledgement.hub, self.outbox.epoch());
                let why = format!(
                    "another hub is called `{hub}` too: HQ answers to epoch {epoch} of it, this hub's is {own}. Give \
                     each its own name: they throw each other off the broker"
                );
                self.alarms.raise(About::Namesake, why);
            }
            return Err(Ignored::OtherEpoch { epoch });
        }
        let (now, up_to) = (self.now_ms(), acknowledgement.up_to);
        self.compare(&acknowledgement).await?;
        let flow = self.flows.get_mut(&acknowledgement.stream).ok_or(Ignored::Stream)?;
        // HQ answers what was said after the first look.
        let Some(span) = flow.span else { return Ok(()) };
        match flow.window.acknowledge(up_to, span.last, now) {
            Acknowledged::Moved(up_to) => {
                tracing::debug!(stream = %acknowledgement.stream, %up_to, "HQ has events");
                flow.acknowledged = up_to;
                flow.remember.send_replace(up_to);
            }
            Acknowledged::Known => {}
            Acknowledged::Impossible => {
                let why = Ignored::Unknown { stream: acknowledgement.stream.clone(), up_to, last: span.last };
                self.alarms.raise(About::Unknown(acknowledgement.stream), why.to_string());
                return Err(why);
            }
        }
        Ok(())
    }

    /// Compares HQ's link at its cursor with the hub's own. If they differ, HQ heard another store than this one.
    async fn compare(&mut self, acknowledgement: &Acknowledgement) -> Result<(), Ignored> {
        let Acknowledgement { stream, up_to, link: Some(at_hq), .. } = acknowledgement else { return Ok(()) };
        let (outbox, of, sequence) = (Arc::clone(&self.outbox), stream.clone(), *up_to);
        let read = tokio::task::spawn_blocking(move || outbox.link(&of, sequence)).await;
        // Without a link, and if it can't be read, nothing is known; the look at the outbox says so.
        let Ok(Ok(Some(own))) = read else { return Ok(()) };
        let flow = self.flows.get_mut(stream).ok_or(Ignored::Stream)?;
        flow.known = Some(Known { sequence, link: own });
        if own == *at_hq {
            return Ok(());
        }
        flow.window.disconnected();
        let why = Ignored::Diverged { stream: stream.clone(), up_to: sequence };
        self.alarms.raise(About::Diverged(stream.clone()), why.to_string());
        Err(why)
    }

    /// Hands a batch to the inbox.
    fn receive(&mut self, payload: &[u8]) -> Result<(), Ignored> {
        let batch = DownBatch::decode(payload)?;
        if batch.hub != self.outbox.hub() {
            return Err(Ignored::NotOurs);
        }
        if !self.incoming.contains(&batch.stream) {
            return Err(Ignored::Stream);
        }
        self.inbox.ask.try_send(Ask::Apply(batch)).map_err(|_| Ignored::Full)
    }

    /// Tells HQ how far the inbox is.
    fn answer(&mut self, link: &Link) -> Result<(), Trouble> {
        let hub = self.outbox.hub();
        while let Some((stream, received)) = self.unsent.pop_first() {
            let answer = DownAcknowledgement::new(hub.clone(), self.outbox.epoch(), stream, received);
            let Ok(payload) = answer.encode() else { continue };
            if let Err(error) = link.publish(topic::received(&hub), payload) {
                self.unsent.insert(answer.stream, answer.received);
                return if error == Unpublished::NoRoom { Ok(()) } else { Err(error.into()) };
            }
        }
        Ok(())
    }

    /// Sends what the windows allow. A stream that is in trouble does not hold up the others.
    async fn pump(&mut self, link: &Link) -> Result<(), Trouble> {
        let now = self.now_ms();
        let mut trouble = Ok(());
        for (stream, flow) in &mut self.flows {
            let sent = flow.send(&self.outbox, link, stream, now, &mut self.alarms).await;
            trouble = trouble.and(sent);
        }
        trouble
    }

    fn report(&self, trouble: Option<String>) {
        let last: u64 = self.flows.values().filter_map(|flow| flow.span).map(|span| span.last.0).sum();
        let acknowledged: u64 = self.flows.values().map(|flow| flow.acknowledged.0).sum();
        let connected = self.is_flowing();
        self.status.send_if_modified(|status| {
            let trouble = if connected { trouble } else { trouble.or_else(|| status.trouble.take()) };
            let now = BridgeStatus {
                connected,
                last,
                acknowledged,
                lag: last.saturating_sub(acknowledged),
                trouble,
                alarms: self.alarms.told(),
                ignored: self.ignored,
            };
            let changed = *status != now;
            *status = now;
            changed
        });
    }

    /// HQ has answered for every stream.
    fn is_flowing(&self) -> bool {
        self.flows.values().all(|flow| flow.window.is_flowing())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A text cut to so many bytes.
fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
