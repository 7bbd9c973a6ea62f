//! What a hub says beside its events, as whoever listens at the broker hears it: the newest state ahead of a backlog,
//! how the hub is after everything else, that it is gone, and what it asks.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bridge::{Backlog, Bridge, BridgeConfig, NotNow};
use contract::{
    Acknowledgement, Answer, Answered, Asked, Batch, Epoch, Gone, Hello, HubId, Packed, Positions, Question, Sequence,
    Stream, Telemetry, Wire,
    ask::Numbers,
    telemetry::Sample,
    topic::{self, FromHub},
};
use link::{Ends, Incoming, Link, Message};
use tokio::sync::{mpsc::Receiver, watch};

use crate::world::{self, Embedded, LIMIT, Memory, MemoryInbox, Mosquitto};

/// The sales that wait while there is no line.
const QUEUED: u64 = 5_000;

/// HQ's place at the broker, taken by the test.
struct Hq {
    link: Link,
    incoming: Receiver<Incoming>,
    hub: HubId,
    /// Whether every hello is answered.
    answers: bool,
}

impl Hq {
    async fn at(broker: SocketAddr) -> Self {
        let (link, mut incoming) = link::connect(Ends {
            broker: world::broker(broker),
            client_id: "hq".into(),
            subscribe: vec![topic::ALL_HUBS.into()],
            max_payload: contract::MAX_MESSAGE,
            will: None,
        });
        assert!(matches!(incoming.recv().await, Some(Incoming::Ready)));
        Self { link, incoming, hub: "store-1".parse().unwrap(), answers: false }
    }

    /// The next message of the hub.
    async fn next(&mut self) -> (FromHub, Message) {
        loop {
            match tokio::time::timeout(LIMIT, self.incoming.recv()).await.unwrap().unwrap() {
                Incoming::Message(message) => {
                    let what = topic::from_hub(&message.topic).unwrap();
                    if self.answers && matches!(what, FromHub::Hello(_)) {
                        self.acknowledge();
                    }
                    return (what, message);
                }
                Incoming::Room => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of a form, past all others.
    async fn next_of<W: Wire>(&mut self) -> (W, Message) {
        loop {
            let (_, message) = self.next().await;
            if message.content_type.as_ref().is_some_and(|of| of.contains(&format!(".{}+", W::NAME))) {
                return (read(&message), message);
            }
        }
    }

    /// Waits for a hello, and answers it and all others: HQ has nothing.
    async fn greet(&mut self) -> Hello {
        let (hello, _) = self.next_of::<Hello>().await;
        self.answers = true;
        self.acknowledge();
        hello
    }

    fn acknowledge(&self) {
        let (hub, stream, up_to) = (self.hub.clone(), Stream::sales(), Sequence(0));
        let acknowledgement = Acknowledgement { hub, epoch: Epoch(7), stream, up_to, link: None };
        self.publish(topic::acknowledgement(&self.hub), &acknowledgement, None);
    }

    fn publish(&self, to: String, message: &impl Wire, correlation: Option<Vec<u8>>) {
        let Packed { content_type, payload } = message.encode().unwrap();
        self.link.publish(Message { correlation, ..Message::new(to, content_type, payload) }).unwrap();
    }
}

fn read<W: Wire>(message: &Message) -> W {
    W::decode(message.content_type.as_deref(), &message.payload).unwrap()
}

/// A hub with as many sales.
fn hub(broker: SocketAddr, sales: u64) -> (Bridge, Arc<Memory>) {
    // Nothing is added.
    let (_, last) = watch::channel(sales);
    let outbox = Arc::new(Memory::new(last));
    let config = BridgeConfig { broker: world::broker(broker), software: "test".into() };
    (bridge::start(config, outbox.clone(), Arc::new(MemoryInbox::default())), outbox)
}

async fn the_newest_state_comes_before_the_backlog_and_how_the_hub_is_behind_it(broker: SocketAddr) {
    let mut hq = Hq::at(broker).await;
    let (hub, outbox) = hub(broker, QUEUED);
    hub.samples().push(Sample { at_ms: 1, ..Sample::default() });
    hq.greet().await;
    let mut before = Vec::new();
    let positions: Positions = loop {
        let (what, message) = hq.next().await;
        if let FromHub::Positions(_) = what {
            break read(&message);
        }
        before.push(what);
    };
    let is_silent = |what: &FromHub| matches!(what, FromHub::Hello(_) | FromHub::Received(_));
    assert!(before.iter().all(is_silent), "{before:?}");
    assert_eq!((positions.version.sales, positions.lines.len()), (Sequence(QUEUED), 1));
    let (first, _) = hq.next_of::<Batch>().await;
    assert_eq!(first.events[0].sequence, Sequence(1));
    let asked = outbox.backlogs.lock().unwrap().clone();
    assert_eq!(asked, [Backlog { stream: Stream::sales(), from: Sequence(1), last: Sequence(QUEUED) }]);
    let (telemetry, _) = hq.next_of::<Telemetry>().await;
    assert_eq!((telemetry.samples.len(), telemetry.dropped), (1, 0));
}

async fn few_events_bring_the_state_themselves(broker: SocketAddr) {
    let mut hq = Hq::at(broker).await;
    let (_hub, outbox) = hub(broker, 200);
    hq.greet().await;
    hq.next_of::<Batch>().await;
    assert_eq!(*outbox.backlogs.lock().unwrap(), []);
}

async fn a_connection_that_ends_is_known_by_its_last_will(broker: SocketAddr) {
    let mut hq = Hq::at(broker).await;
    let (hub, _) = hub(broker, 1);
    let (hello, _) = hq.next_of::<Hello>().await;
    drop(hub);
    // The broker may have found out only now that an earlier one ended.
    let (gone, message) = loop {
        let told = hq.next_of::<Gone>().await;
        if told.0.connection == hello.connection {
            break told;
        }
    };
    assert_eq!((gone.hub, gone.epoch, message.retain), (hello.hub, hello.epoch, false));
}

async fn a_question_has_one_answer_or_a_clear_no(broker: SocketAddr) {
    let mut hq = Hq::at(broker).await;
    let (hub, _) = hub(broker, 1);
    let ask = hub.ask();
    let within = Duration::from_secs(30);
    assert_eq!(ask.ask(Question::Numbers, within).await, Err(NotNow::NotReached), "at once");
    let asks = ask.clone();
    let answered = tokio::spawn(async move { asks.ask_once_reached(Question::Numbers, LIMIT).await });
    hq.greet().await;
    let (asked, message) = hq.next_of::<Asked>().await;
    assert_eq!((asked.hub, asked.question), (hq.hub.clone(), Question::Numbers));
    let to = message.response_topic.unwrap();
    assert_eq!(to, topic::answer(&hq.hub));
    assert!(message.expires.is_some_and(|expires| expires <= LIMIT));
    let numbers = Numbers { epoch: Some(Epoch(3)), receipts: vec![] };
    let answer = |hub: &str, numbers: Numbers| Answered { hub: hub.parse().unwrap(), answer: Answer::Numbers(numbers) };
    // To a question that nobody asked, and to another hub.
    hq.publish(to.clone(), &answer("store-1", Numbers::default()), Some(99_u64.to_be_bytes().to_vec()));
    hq.publish(to.clone(), &answer("store-2", Numbers::default()), message.correlation.clone());
    hq.publish(to, &answer("store-1", numbers.clone()), message.correlation);
    assert_eq!(answered.await.unwrap(), Ok(Answer::Numbers(numbers)));
    assert_eq!(hub.status().borrow().ignored, 2);
}

async fn all_of_it(broker: SocketAddr) {
    the_newest_state_comes_before_the_backlog_and_how_the_hub_is_behind_it(broker).await;
    few_events_bring_the_state_themselves(broker).await;
    a_connection_that_ends_is_known_by_its_last_will(broker).await;
    a_question_has_one_answer_or_a_clear_no(broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_embedded_broker_hq_receives_other_messages() {
    let broker = Embedded::start().await;
    all_of_it(broker.address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mosquitto_hq_receives_other_messages() {
    if let Some(broker) = Mosquitto::start().await {
        all_of_it(broker.address).await;
    }
}
