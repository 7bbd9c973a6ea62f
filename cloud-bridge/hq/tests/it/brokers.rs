//! Brokers with limits, access lists and short memories, and hubs with the same name: on mosquitto.

use std::sync::Arc;

use bridge::{Bridge, BridgeConfig};
use contract::{Acknowledgement, Epoch, HubId, Sequence, Stream, Wire, topic};
use hq::{DatabaseError, IngestStats};
use link::{Broker, Ends, Identity, Incoming, Link, LinkError, Login, Message};
use provisioning::{Names, StoreAuthority, write_store};
use tokio::sync::{mpsc::Receiver, watch};

use crate::world::{self, Hq, LIMIT, Memory, MemoryInbox, Mosquitto, until, until_sales};

fn bridge(broker: Broker, outbox: Memory) -> (Bridge, Arc<Memory>) {
    let outbox = Arc::new(outbox);
    let config = BridgeConfig { broker, software: "test".into() };
    (bridge::start(config, outbox.clone(), Arc::new(MemoryInbox::default())), outbox)
}

async fn trouble(bridge: &Bridge, part: &str) -> String {
    let mut status = bridge.status();
    let told = status.wait_for(|status| status.trouble.as_ref().is_some_and(|trouble| trouble.contains(part)));
    let told = tokio::time::timeout(LIMIT, told).await;
    let told = told.unwrap_or_else(|_| panic!("{part}: {:?}", bridge.status().borrow()));
    told.unwrap().trouble.clone().unwrap()
}

/// A backlog of `events` sales gets through a broker that takes packets of so many bytes.
async fn a_backlog_gets_through(max_packet: usize, events: u64) {
    let Some(broker) = Mosquitto::start_with(
        &format!("allow_anonymous true\nmax_packet_size {max_packet}\nmax_inflight_messages 2\n"),
        &[],
    )
    .await
    else {
        return;
    };
    let (_store, last) = watch::channel(events);
    let mut outbox = Memory::new(last);
    outbox.padding = (1_000, None);
    let (bridge, outbox) = bridge(world::broker(broker.address), outbox);
    let ledger = world::ledger().await;
    let _ingest = Hq::start(world::broker(broker.address), ledger.clone());
    until_sales("HQ has everything", &ledger, |sales| sales == events).await;
    until("the hub knows", || *outbox.acknowledged.lock().unwrap() == events).await;
    assert_eq!(ledger.summary().await.unwrap().quarantined, 0);
    assert_eq!(bridge.status().borrow().alarms, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_gets_through_a_broker_of_20000_bytes_a_packet() {
    a_backlog_gets_through(20_000, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_gets_through_a_broker_of_131072_bytes_a_packet() {
    a_backlog_gets_through(131_072, 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_larger_than_the_broker_takes_keeps_none_of_the_others_from_hq() {
    let limit = "allow_anonymous true\nmax_packet_size 20000\n";
    let Some(broker) = Mosquitto::start_with(limit, &[]).await else { return };
    let (_store, last) = watch::channel(60);
    let mut outbox = Memory::new(last);
    outbox.padding = (500, Some((17, 30_000)));
    let (bridge, outbox) = bridge(world::broker(broker.address), outbox);
    let ledger = world::ledger().await;
    let _ingest = Hq::start(world::broker(broker.address), ledger.clone());
    until("the hub knows", || *outbox.acknowledged.lock().unwrap() == 60).await;
    assert_eq!((ledger.summary().await.unwrap().sales, ledger.summary().await.unwrap().quarantined), (59, 1));
    let mut kept = Vec::new();
    let take = |event| {
        kept.push(event);
        Ok::<_, DatabaseError>(())
    };
    ledger.quarantine(take).await.unwrap();
    let kept = kept.remove(0);
    assert_eq!(kept.sequence, Sequence(17));
    assert!(kept.why.contains("could not send it: sale.completed"), "{}", kept.why);
    let alarms = bridge.status().borrow().alarms.concat();
    assert!(alarms.contains("event 17 of sales") && alarms.contains("the broker accepts at most 19"), "{alarms}");
}

/// An HQ that forgot everything, while no hub has anything new.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_hub_hears_of_an_hq_that_lost_its_ledger() {
    let Some(broker) = Mosquitto::start().await else { return };
    let (_store, last) = watch::channel(200);
    let (bridge, _) = bridge(world::broker(broker.address), Memory::new(last));
    let ledger = world::ledger().await;
    let ingest = Hq::start(world::broker(broker.address), ledger.clone());
    until_sales("HQ has everything", &ledger, |sales| sales == 200).await;
    drop(ingest);
    let ledger = world::ledger().await;
    let _ingest = Hq::start(world::broker(broker.address), ledger.clone());
    until_sales("HQ has everything again", &ledger, |sales| sales == 200).await;
    let mut status = bridge.status();
    tokio::time::timeout(LIMIT, status.wait_for(|status| status.lag == 0)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_acknowledgement_keeps_no_event_from_hq() {
    let Some(broker) = Mosquitto::start().await else { return };
    let ends = Ends {
        broker: world::broker(broker.address),
        client_id: "forger".into(),
        subscribe: vec![topic::ALL_HUBS.into()],
        max_payload: 1 << 20,
        will: None,
    };
    let (forger, mut heard) = link::connect(ends);
    while !matches!(heard.recv().await.unwrap(), Incoming::Ready) {}
    let (_store, last) = watch::channel(3_000);
    let (bridge, outbox) = bridge(world::broker(broker.address), Memory::new(last));
    let hub = "store-1".parse().unwrap();
    let up_to = Sequence(3_000);
    let (epoch, stream) = (Epoch(7), Stream::sales());
    let forged = Acknowledgement { hub, epoch, stream, up_to, link: None }.encode().unwrap();
    // Hello is on its way: the forger answers first.
    let Some(Incoming::Message(_)) = heard.recv().await else { panic!("no hello") };
    let to = topic::acknowledgement(&"store-1".parse().unwrap());
    forger.publish(Message::new(to, forged.content_type, forged.payload)).unwrap();
    let mut status = bridge.status();
    tokio::time::timeout(LIMIT, status.wait_for(|status| status.connected)).await.unwrap().unwrap();
    assert_eq!((*outbox.acknowledged.lock().unwrap(), status.borrow().acknowledged), (0, 0), "nothing was sent before");
    let ledger = world::ledger().await;
    let _ingest = Hq::start(world::broker(broker.address), ledger.clone());
    until_sales("HQ has everything", &ledger, |sales| sales == 3_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_of_one_name_are_reported() {
    let Some(broker) = Mosquitto::start().await else { return };
    let (_store, last) = watch::channel(10);
    let ledger = world::ledger().await;
    let ingest = Hq::start(world::broker(broker.address), ledger.clone());
    let (first, _) = bridge(world::broker(broker.address), Memory::new(last.clone()));
    let mut second = Memory::new(last);
    second.hub.1 = Epoch(8);
    let (second, _) = bridge(world::broker(broker.address), second);
    for hub in [&first, &second] {
        let why = trouble(hub, "another client connects").await;
        assert!(why.contains("`hub-store-1`"), "{why}");
    }
    let mut stats = ingest.stats();
    let told = stats.wait_for(|stats| !stats.namesakes.is_empty());
    let told = tokio::time::timeout(LIMIT, told).await.unwrap().unwrap().namesakes.clone();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [("store-1".parse().unwrap(), (Epoch(7), Epoch(8)))]);
    until_sales("HQ has the sales of both", &ledger, |sales| sales == 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hqs_with_one_workers_name_are_reported() {
    let Some(broker) = Mosquitto::start().await else { return };
    let broker = world::broker(broker.address);
    let hqs = [Hq::start(broker.clone(), world::ledger().await), Hq::start(broker, world::ledger().await)];
    for hq in &hqs {
        let mut stats = hq.stats();
        let is_told = |stats: &IngestStats| {
            stats
                .trouble
                .as_ref()
                .is_some_and(|why| why.contains("another client connects as `hq-1`: give each its own"))
        };
        tokio::time::timeout(LIMIT, stats.wait_for(is_told)).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_set_back_and_sold_on_is_reported_at_both_ends() {
    let Some(broker) = Mosquitto::start().await else { return };
    let (store, last) = watch::channel(8);
    let ledger = world::ledger().await;
    let ingest = Hq::start(world::broker(broker.address), ledger.clone());
    let (hub, outbox) = bridge(world::broker(broker.address), Memory::new(last.clone()));
    until("HQ has everything", || *outbox.acknowledged.lock().unwrap() == 8).await;
    drop(hub);
    // It kept five, and sold six others without a line to HQ.
    store.send_replace(11);
    let mut back = Memory::new(last);
    (back.set_back_to, *back.acknowledged.lock().unwrap()) = (Some(5), 5);
    let (hub, outbox) = bridge(world::broker(broker.address), back);
    let mut status = hub.status();
    let told = status.wait_for(|status| status.alarms.concat().contains("HQ has other events of sales up to 8"));
    tokio::time::timeout(LIMIT, told).await.unwrap().unwrap();
    let mut stats = ingest.stats();
    let told = stats.wait_for(|stats| !stats.diverged.is_empty());
    let told = tokio::time::timeout(LIMIT, told).await.unwrap().unwrap().diverged.clone();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(outbox.hub.0.clone(), (Stream::sales(), Sequence(8)))]);
    assert_eq!(
        (ledger.summary().await.unwrap().sales, *outbox.acknowledged.lock().unwrap()),
        (8, 5),
        "nothing is taken for another"
    );
}

/// Two boxes with one disk image, which both sell on.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_disk_is_reported_at_both_ends() {
    let Some(broker) = Mosquitto::start().await else { return };
    let (_store, last) = watch::channel(10);
    let ledger = world::ledger().await;
    let ingest = Hq::start(world::broker(broker.address), ledger.clone());
    let mut copy = Memory::new(last.clone());
    copy.set_back_to = Some(5);
    let (first, _) = bridge(world::broker(broker.address), Memory::new(last));
    let (copy, _) = bridge(world::broker(broker.address), copy);
    let is_told = |hub: &Bridge| hub.status().borrow().alarms.concat().contains("HQ has other events of sales up to");
    until("one of them is told", || is_told(&first) || is_told(&copy)).await;
    let mut stats = ingest.stats();
    let told = stats.wait_for(|stats| !stats.diverged.is_empty());
    tokio::time::timeout(LIMIT, told).await.unwrap().unwrap();
    until_sales("HQ has the sales of one", &ledger, |sales| sales == 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_hq_is_reported() {
    let Some(broker) = Mosquitto::start().await else { return };
    let (_store, last) = watch::channel(10);
    let (bridge, _) = bridge(world::broker(broker.address), Memory::new(last));
    trouble(&bridge, "HQ does not answer").await;
}

/// `docs/brokers.md` shows these lines.
const ACCESS_LIST: &str = "\
pattern write store-hub/v1/up/+/%u/+
pattern read store-hub/v1/down/%u/#

user hq
topic read store-hub/v1/up/#
topic write store-hub/v1/down/#
";

/// A broker that lets in who shows a certificate, each under the name in it.
struct ByCertificate {
    broker: Mosquitto,
    authority: StoreAuthority,
    directory: tempfile::TempDir,
}

impl ByCertificate {
    async fn start() -> Option<Self> {
        let authority = StoreAuthority::create("store-1", std::time::SystemTime::now()).unwrap();
        let server = authority.issue("broker", &Self::names()).unwrap();
        let lines = "cafile DIR/ca.pem\ncertfile DIR/broker.pem\nkeyfile DIR/broker.key\nrequire_certificate true\n\
            use_identity_as_username true\nacl_file DIR/acl\n";
        let files = [
            ("ca.pem", &*authority.identity().certificate_pem),
            ("broker.pem", &*server.certificate_pem),
            ("broker.key", &*server.key_pem),
            ("acl", ACCESS_LIST),
        ];
        let broker = Mosquitto::start_with(lines, &files).await?;
        Some(Self { broker, authority, directory: tempfile::tempdir().unwrap() })
    }

    fn names() -> Names {
        Names { hosts: vec!["localhost".into()], addresses: vec!["127.0.0.1".parse().unwrap()] }
    }

    /// The broker, as it is reached without a certificate or with one.
    fn reached(&self, name: Option<&str>) -> Broker {
        let identity = name.map(|name| {
            let to = self.directory.path().join(name);
            if !to.exists() {
                let issued = self.authority.issue(name, &Self::names()).unwrap();
                write_store(&to, &self.authority.identity(), &issued).unwrap();
            }
            Arc::new(Identity::open(&to.join("hub.pem"), &to.join("hub.key")).unwrap())
        });
        let roots = link::trust::roots_from_pem(&self.authority.identity().certificate_pem).unwrap();
        let tls = Some(link::client_config(roots, identity).unwrap());
        Broker { address: format!("mqtts://{}", self.broker.address).parse().unwrap(), tls, login: None }
    }

    /// A connection under a name.
    async fn connect(&self, name: &str, subscribe: &str, will: Option<Message>) -> (Link, Receiver<Incoming>) {
        let (broker, subscribe) = (self.reached(Some(name)), vec![subscribe.to_owned()]);
        let ends = Ends { broker, client_id: format!("test-{name}"), subscribe, max_payload: 1 << 20, will };
        let (link, mut incoming) = link::connect(ends);
        assert!(matches!(incoming.recv().await, Some(Incoming::Ready)));
        (link, incoming)
    }
}

fn text(topic: String, text: &str) -> Message {
    Message::new(topic, "text/plain".into(), text.into())
}

/// The next message, past what the broker took of ours.
async fn next(incoming: &mut Receiver<Incoming>) -> Message {
    loop {
        match tokio::time::timeout(LIMIT, incoming.recv()).await.unwrap().unwrap() {
            Incoming::Message(message) => return message,
            Incoming::Room => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_is_known_by_its_certificate_and_writes_its_own_topics_alone() {
    let Some(broker) = ByCertificate::start().await else { return };
    let ledger = world::ledger().await;
    let _ingest = Hq::start(broker.reached(Some("hq")), ledger.clone());
    let (_store, last) = watch::channel(10);
    let _hub = bridge(broker.reached(Some("store-1")), Memory::new(last.clone()));
    until_sales("HQ has everything", &ledger, |sales| sales == 10).await;

    let (stranger, _) = bridge(broker.reached(None), Memory::new(last.clone()));
    trouble(&stranger, "ertificate").await;
    // Another store's hub, under the first one's name, in a later epoch.
    let mut forged = Memory::new(last);
    forged.hub.1 = Epoch(9);
    let (forger, _) = bridge(broker.reached(Some("store-2")), forged);
    trouble(&forger, "access list").await;
    assert_eq!(ledger.summary().await.unwrap().sales, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_topic_will_or_kept_message_of_another_hub_can_be_had() {
    let Some(broker) = ByCertificate::start().await else { return };
    let [own, other]: [HubId; 2] = ["store-2", "store-1"].map(|hub| hub.parse().unwrap());
    let (hq, mut heard) = broker.connect("hq", topic::ALL_HUBS, None).await;
    for of in [topic::hello, topic::gone, topic::positions, topic::telemetry, topic::question, topic::received] {
        let (link, mut incoming) = broker.connect("store-2", &topic::answer(&own), None).await;
        link.publish(text(of(&own), "mine")).unwrap();
        assert_eq!(next(&mut heard).await.topic, of(&own));
        link.publish(text(of(&other), "not mine")).unwrap();
        let refused = loop {
            if let Incoming::Closed(why) = incoming.recv().await.unwrap() {
                break why;
            }
        };
        assert!(matches!(refused, LinkError::Message(_)), "{refused}");
    }
    // A will under another's name is not published; the one under its own is, with its content type.
    for of in [&other, &own] {
        let will = text(topic::gone(of), "gone");
        drop(broker.connect("store-2", &topic::answer(&own), Some(will)).await);
    }
    let gone = next(&mut heard).await;
    assert_eq!((gone.topic, gone.content_type.as_deref()), (topic::gone(&own), Some("text/plain")));
    // What HQ has the broker keep for a hub, and answers it, nobody else gets.
    let kept = |hub: &HubId| Message { retain: true, ..text(format!("store-hub/v1/down/{hub}/kept/catalog"), "v1") };
    for hub in [&other, &own] {
        hq.publish(kept(hub)).unwrap();
        hq.publish(text(topic::answer(hub), "first")).unwrap();
    }
    // Back from the broker: all of it is there by now.
    hq.publish(text(topic::hello(&own), "not HQ's to write")).unwrap();
    while !matches!(tokio::time::timeout(LIMIT, heard.recv()).await.unwrap(), Some(Incoming::Closed(_))) {}
    let (hq, _heard) = broker.connect("hq", topic::ALL_HUBS, None).await;
    let (_link, mut everything) = broker.connect("store-2", "store-hub/v1/down/#", None).await;
    let first = next(&mut everything).await;
    assert_eq!((first.topic, first.retain), (kept(&own).topic, true));
    for hub in [&other, &own] {
        hq.publish(text(topic::answer(hub), "second")).unwrap();
    }
    assert_eq!(next(&mut everything).await.topic, topic::answer(&own));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_logs_in_with_its_password_and_a_wrong_one_is_reported() {
    // store-1 / secret, hq / secret: as `mosquitto_passwd` writes them.
    let Some(passwords) = passwords(&["store-1", "hq"]) else { return };
    let lines = "allow_anonymous false\npassword_file DIR/passwords\nacl_file DIR/acl\n";
    let files = [("passwords", &*passwords), ("acl", ACCESS_LIST)];
    let Some(broker) = Mosquitto::start_with(lines, &files).await else { return };
    let reached = |username: &str, password: &str| {
        let login = Login { username: username.into(), password: password.into() };
        Broker { login: Some(login), ..world::broker(broker.address) }
    };
    let (_store, last) = watch::channel(10);
    let (wrong, _) = bridge(reached("store-1", "wrong"), Memory::new(last.clone()));
    let why = trouble(&wrong, "refused the connection").await;
    assert!(why.contains("password") && !why.contains("wrong"), "{why}");
    drop(wrong);
    let ledger = world::ledger().await;
    let _ingest = Hq::start(reached("hq", "secret"), ledger.clone());
    let _hub = bridge(reached("store-1", "secret"), Memory::new(last));
    until_sales("HQ has everything", &ledger, |sales| sales == 10).await;
}

/// A password file of mosquitto's, in which each has the password `secret`.
fn passwords(users: &[&str]) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("passwords");
    let lines = users.iter().map(|user| format!("{user}:secret")).collect::<Vec<_>>().join("\n");
    std::fs::write(&path, lines + "\n").unwrap();
    let done = std::process::Command::new("mosquitto_passwd").arg("-U").arg(&path).status();
    done.is_ok_and(|status| status.success()).then(|| std::fs::read_to_string(&path).unwrap())
}
