//! The bridge's task: owns the windows and reacts to the link, the outbox and the inbox.

mod ahead;
mod heard;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use contract::{
    BadMessage, DownAcknowledgement, Gone, Hello, MAX_MESSAGE, MAX_WHY, Packed, Received, Sequence, Stream, StreamSpan,
    Wire, message::MAX_SOFTWARE, topic,
};
use link::{BackOff, Broker, Ends, Incoming, Link, LinkError, Message, Unpublished, connect};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use self::ahead::{Ahead, Sent};
use crate::{
    alarms::Alarms,
    ask::{self, Ask, Pending, asking},
    flow::{Flow, Trouble, keep_cursor},
    inbox::{Inbox, Receiving, Work, receiving},
    outbox::{Outbox, Span},
    publications::Saying,
    telemetry::Samples,
};

/// How often hello is sent until HQ answers, or while the store has stopped.
const HELLO_AGAIN: Duration = Duration::from_secs(5);
/// How often it is sent otherwise: HQ may have lost events, and a quiet hub would not notice.
const HELLO_EVERY: Duration = Duration::from_secs(30);
/// How long HQ may leave hello unanswered before that is reported.
const SILENT: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(500);

/// The connection to HQ.
#[derive(Clone)]
pub struct BridgeConfig {
    /// HQ's broker.
    pub broker: Broker,
    /// The hub's software and version, for HQ.
    pub software: String,
}

/// The state of the bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BridgeStatus {
    /// Whether the broker is connected and HQ has answered for every stream.
    pub connected: bool,
    /// The last durable event, over all streams.
    pub last: u64,
    /// The number of events that HQ has.
    pub acknowledged: u64,
    /// The number of events that HQ lacks.
    pub lag: u64,
    /// The last error; kept until a connection holds.
    pub trouble: Option<String>,
    /// Conditions that need a person; kept until the bridge ends.
    pub alarms: Vec<String>,
    /// The number of ignored messages: unreadable, or not for this hub.
    pub ignored: u64,
}

/// A running bridge; stops when dropped.
pub struct Bridge {
    status: watch::Receiver<BridgeStatus>,
    ask: Ask,
    samples: Arc<Samples>,
    task: JoinHandle<()>,
}

impl Bridge {
    /// The state, and its changes.
    pub fn status(&self) -> watch::Receiver<BridgeStatus> {
        self.status.clone()
    }

    /// A handle for asking HQ.
    pub fn ask(&self) -> Ask {
        self.ask.clone()
    }

    /// The buffer of telemetry samples for HQ.
    pub fn samples(&self) -> Arc<Samples> {
        Arc::clone(&self.samples)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts the bridge on the current runtime.
pub fn start(config: BridgeConfig, outbox: Arc<dyn Outbox>, inbox: Arc<dyn Inbox>) -> Bridge {
    let (tell, status) = watch::channel(BridgeStatus::default());
    let mut helpers = JoinSet::new();
    let incoming = inbox.streams();
    let (announcements, saying) = (Arc::clone(&inbox), Saying::of(&*inbox));
    let (inbox, receive) = receiving(inbox);
    helpers.spawn(receive);
    let flows = outbox.streams().into_iter().map(|stream| {
        let (remember, cursor) = watch::channel(Sequence(0));
        helpers.spawn(keep_cursor(Arc::clone(&outbox), stream.clone(), cursor));
        (stream, Flow::new(remember))
    });
    let flows = flows.collect();
    let (ask, asked) = asking(status.clone());
    let samples = Arc::new(Samples::default());
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let runner = Runner {
        config,
        outbox,
        flows,
        inbox,
        blind: None,
        incoming,
        unsent: BTreeMap::new(),
        announcements,
        saying,
        status: tell,
        began: Instant::now(),
        ignored: 0,
        alarms: Alarms::default(),
        namesakes: 0,
        connection: u64::try_from(since_1970.as_millis()).unwrap_or(0),
        ahead: Ahead::Waiting(None),
        asked,
        questions: ask::Waiting::default(),
        samples: Arc::clone(&samples),
        _helpers: helpers,
    };
    Bridge { status, ask, samples, task: tokio::spawn(runner.run()) }
}

struct Runner {
    config: BridgeConfig,
    outbox: Arc<dyn Outbox>,
    flows: BTreeMap<Stream, Flow>,
    inbox: Receiving,
    /// The error of the last look at the outbox, if it failed.
    blind: Option<Trouble>,
    /// The streams that the inbox accepts.
    incoming: Vec<Stream>,
    /// The inbox's cursors that HQ has not been told yet.
    unsent: BTreeMap<Stream, Received>,
    /// Accepts announcements of publications.
    announcements: Arc<dyn Inbox>,
    /// The publication states for HQ.
    saying: Saying,
    status: watch::Sender<BridgeStatus>,
    began: Instant,
    ignored: u64,
    alarms: Alarms,
    /// Acknowledgements for another epoch.
    namesakes: u64,
    /// The number of the current connection.
    connection: u64,
    ahead: Ahead,
    asked: mpsc::Receiver<Pending>,
    questions: ask::Waiting,
    samples: Arc<Samples>,
    /// [`keep_cursor`] for each stream, and the inbox's task; they end with the runner.
    _helpers: JoinSet<()>,
}

impl Runner {
    async fn run(mut self) {
        let mut back_off = BackOff::default();
        loop {
            let hub = self.outbox.hub();
            self.connection += 1;
            let gone = Gone { hub: hub.clone(), epoch: self.outbox.epoch(), connection: self.connection };
            let (link, incoming) = connect(Ends {
                broker: self.config.broker.clone(),
                client_id: format!("hub-{hub}"),
                subscribe: [topic::acknowledgement, topic::down_batch, topic::answer, topic::announcements]
                    .map(|topic| topic(&hub))
                    .into(),
                max_payload: MAX_MESSAGE,
                will: message(topic::gone(&hub), &gone).ok(),
            });
            let why = self.connection(&link, incoming).await;
            drop(link);
            // HQ answered: it was not just a broker that closes what it accepts.
            let held = self.flows.values().any(|flow| flow.window.is_flowing());
            for flow in self.flows.values_mut() {
                flow.window.disconnected();
            }
            self.ahead = Ahead::Waiting(None);
            self.questions.disconnected();
            let broker = &self.config.broker.address;
            tracing::warn!(%broker, %why, "disconnected from HQ; events wait in the outbox");
            self.report(Some(why.to_string()));
            // Questions asked while the connection broke: their askers get `NotReached`.
            while self.asked.try_recv().is_ok() {}
            if held {
                back_off.reset();
            }
            self.wait(Instant::now() + back_off.next_delay()).await;
        }
    }

    /// Waits for the next attempt. The status counts new events meanwhile.
    async fn wait(&mut self, until: Instant) {
        let mut tick = ticks();
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                _ = tick.tick() => {
                    self.look().await;
                    self.report(self.blind.as_ref().map(Trouble::to_string));
                }
            }
        }
    }

    /// One connection; returns why it ended.
    async fn connection(&mut self, link: &Link, mut incoming: mpsc::Receiver<Incoming>) -> LinkError {
        let (mut ready_at, mut hello_at) = (None, Instant::now());
        let mut changes = self.outbox.changes();
        let mut tick = ticks();
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
                        // If the queue is full, it is about to report anyway.
                        let _ = self.inbox.ask.try_send(Work::Tell);
                        self.saying.again();
                    }
                    Some(Incoming::Message(message)) => self.take(&message).await,
                    Some(Incoming::Room) => {}
                },
                Some((stream, received)) = self.inbox.told.recv() => drop(self.unsent.insert(stream, received)),
                Some(pending) = self.asked.recv() => {
                    if ready_at.is_some() {
                        self.questions.send(link, &self.outbox.hub(), self.outbox.epoch(), pending);
                    }
                }
                () = self.saying.changed() => {}
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
                let said = self.saying.say(link, &self.outbox).map_err(Trouble::from);
                trouble = self.answer(link).and(said).and(self.pump(link).await);
                if !self.is_flowing() && ready_at.elapsed() >= SILENT {
                    trouble = trouble.and(Err(Trouble::Silent));
                }
            }
            self.report(trouble.err().or_else(|| self.blind.clone()).map(|trouble| trouble.to_string()));
        }
    }

    /// Reads the spans of all streams, off the runtime's threads.
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
            hub: hub.clone(),
            epoch: self.outbox.epoch(),
            software: cut(self.config.software.clone(), MAX_SOFTWARE),
            streams: spans.collect(),
            connection: self.connection,
            stopped: self.outbox.stopped().map(|why| cut(why, MAX_WHY)),
        };
        if let Ok(message) = message(topic::hello(&hub), &hello) {
            // Without room it is repeated shortly. Too large for the broker, it leaves HQ silent, which is reported.
            let _ = link.publish(message);
        }
    }

    /// Sends HQ the inbox's cursors.
    fn answer(&mut self, link: &Link) -> Result<(), Trouble> {
        let hub = self.outbox.hub();
        while let Some((stream, received)) = self.unsent.pop_first() {
            let answer = DownAcknowledgement::new(hub.clone(), self.outbox.epoch(), stream, received);
            let Ok(message) = message(topic::received(&hub), &answer) else { continue };
            if let Err(error) = link.publish(message) {
                self.unsent.insert(answer.stream, answer.received);
                return if error == Unpublished::NoRoom { Ok(()) } else { Err(error.into()) };
            }
        }
        Ok(())
    }

    /// Sends what comes first, then what the windows allow, then telemetry. A failing stream does not delay the others.
    async fn pump(&mut self, link: &Link) -> Result<(), Trouble> {
        let now = self.now_ms();
        let mut trouble = match self.send_ahead(link).await {
            Sent::All(read) => read,
            Sent::NotYet(read) => return read,
        };
        for (stream, flow) in &mut self.flows {
            let sent = flow.send(&self.outbox, link, stream, now, &mut self.alarms).await;
            trouble = trouble.and(sent);
        }
        if self.is_flowing() {
            self.send_samples(link);
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

    /// Whether HQ has answered for every stream.
    fn is_flowing(&self) -> bool {
        self.flows.values().all(|flow| flow.window.is_flowing())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// An encoded message of the contract.
pub(crate) fn message(topic: String, of: &impl Wire) -> Result<Message, BadMessage> {
    let Packed { content_type, payload } = of.encode()?;
    Ok(Message::new(topic, content_type, payload))
}

/// A text cut to `most` bytes.
fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
