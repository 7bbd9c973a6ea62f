//! What a hub says beside its events, with HQ's ingest at the other end: it is in the ledger, and what is asked is
//! answered from there.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use bridge::BridgeConfig;
use commerce::Unit;
use contract::{
    Answer, Epoch, Hello, HubId, Positions, Question, Sequence,
    ask::{LastReceipt, Numbers, ReceiptAsked},
    positions::{Place, Version},
    telemetry::{DeviceSample, Sample},
};
use hq::{Access, Address, DatabaseError, Ledger, ledger::fleet::Sampled, presence::Presence};
use serde_json::json;
use tokio::sync::watch;

use crate::world::{self, Embedded, Hq, LIMIT, Memory, MemoryInbox, Mosquitto};

/// The sales that wait while there is no line.
const QUEUED: u64 = 5_000;

fn hub() -> HubId {
    "store-1".parse().unwrap()
}

/// What HQ shows of the store's only item, and whether the hub told it ahead; none before anything is known.
async fn shown(ledger: &Ledger) -> Option<(i64, bool)> {
    let mut shown = Vec::new();
    let take = |stock: hq::report::Stock| {
        shown.push((stock.on_hand, stock.told_at_ms.is_some()));
        Ok::<_, DatabaseError>(())
    };
    ledger.stock(take).await.unwrap();
    assert!(shown.len() <= 1, "{shown:?}");
    shown.pop()
}

/// Waits for what is known of the hub's connection.
async fn until_presence(what: &str, ledger: &Ledger, there: impl Fn(&Presence) -> bool) {
    let began = Instant::now();
    while !ledger.presence().await.unwrap().get(&hub()).is_some_and(&there) {
        assert!(began.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hq_keeps_the_newest_state_and_answers(broker: SocketAddr) {
    let ledger = world::ledger().await;
    let hq = Hq::start(world::broker(broker), ledger.clone());
    hq.stats().wait_for(|stats| stats.connected).await.unwrap();
    // Nothing is sold any more.
    let (_store, last) = watch::channel(QUEUED);
    let config = BridgeConfig { broker: world::broker(broker), software: "test".into() };
    let bridge = bridge::start(config, Arc::new(Memory::new(last)), Arc::new(MemoryInbox::default()));
    let sample = Sample { at_ms: 1, disk_free_bytes: 7, ..Sample::default() };
    bridge.samples().push(sample.clone());

    // From the first moment on HQ shows what the store has: never what it had before the sales that still wait.
    let began = Instant::now();
    loop {
        let sales = ledger.summary().await.unwrap().sales;
        let shown = shown(&ledger).await;
        assert!(shown.is_none_or(|(on_hand, _)| on_hand == -1000 * i64::try_from(QUEUED).unwrap()), "{shown:?}");
        assert!(shown.is_some() || sales == 0, "{sales} sales, and no position");
        if sales == QUEUED && shown.is_some_and(|(_, is_told)| !is_told) {
            break;
        }
        assert!(began.elapsed() < LIMIT, "all sales arrive, and confirm what was told");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(ledger.alarms().await.unwrap(), []);

    let ask = bridge.ask();
    let receipt =
        |register: &str| Question::Receipt(ReceiptAsked { store: hub(), register: register.into(), receipt: QUEUED });
    let Ok(Answer::Sales(found)) = ask.ask_once_reached(receipt("till-1"), LIMIT).await else { panic!("sales") };
    assert_eq!(found.iter().map(|sale| &*sale.sale).collect::<Vec<_>>(), [format!("7-{QUEUED}")]);
    assert_eq!(ask.ask_once_reached(receipt("till-2"), LIMIT).await, Ok(Answer::Sales(vec![])));
    let last = LastReceipt { register: "till-1".into(), fiscal_year: 2026, receipt: QUEUED };
    let numbers = Answer::Numbers(Numbers { epoch: None, receipts: vec![last] });
    assert_eq!(ask.ask_once_reached(Question::Numbers, LIMIT).await, Ok(numbers));

    until_presence("the hub is online", &ledger, |presence| presence.is_online).await;
    let began = Instant::now();
    let sampled = loop {
        if let Some(sampled) = ledger.samples().await.unwrap().remove(&hub()) {
            break sampled;
        }
        assert!(began.elapsed() < LIMIT, "the sample arrives");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((sampled.epoch, sampled.dropped, sampled.sample), (Epoch(7), 0, sample));
    drop(bridge);
    until_presence("its last will says that it is gone", &ledger, |presence| !presence.is_online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_embedded_broker_hq_keeps_the_newest_state_and_answers() {
    let broker = Embedded::start().await;
    hq_keeps_the_newest_state_and_answers(broker.address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mosquitto_hq_keeps_the_newest_state_and_answers() {
    if let Some(broker) = Mosquitto::start().await {
        hq_keeps_the_newest_state_and_answers(broker.address).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reports_show_connection_sample_and_positions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hq.db");
    let ledger = Ledger::open(&Address::File(path.clone()), &Access::default()).await.unwrap();
    let hello =
        Hello { hub: hub(), epoch: Epoch(7), software: "test".into(), connection: 5, streams: vec![], stopped: None };
    ledger.heard(&BTreeMap::from([(hub(), (hello, 1_000))])).await.unwrap();
    // Of a day in the past: so long a silence means that it is gone.
    let online = Presence::after_hello(None, 5, 1_000);
    ledger.note_presence(&BTreeMap::from([(hub(), online)])).await.unwrap();
    let device = DeviceSample { device: "scale-1".into(), kind: "scale".into(), health: "failed".into() };
    let sample = Sample {
        devices: vec![device],
        disk_free_bytes: 9_000_000_000,
        catalog_version: 42,
        alarms: vec!["paper is low".into()],
        ..Sample::default()
    };
    let sampled = Sampled { epoch: Epoch(7), received_at_ms: 1_000, dropped: 0, sample };
    ledger.note_samples(&BTreeMap::from([(hub(), sampled)])).await.unwrap();
    let lines = vec![Place::new("818981".into(), Unit::Each, [5_000, 0, 0, 0, 0])];
    let version = Version { sales: Sequence(9), stock: Sequence(0) };
    ledger.told(&Positions { hub: hub(), epoch: Epoch(7), at_ms: 0, version, lines }).await.unwrap();

    let print = |report: &str, more: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_store-hub-hq"));
        let output = program.arg(report).arg("--ledger").arg(&path).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let fleet = print("fleet", &[]);
    for part in ["offline for", "9000 MB free, scale-1 failed", "paper is low"] {
        assert!(fleet.contains(part), "{part}: {fleet}");
    }
    let fleet: serde_json::Value = serde_json::from_str(&print("fleet", &["--json"])).unwrap();
    assert_eq!(fleet["presence"], json!({ "is_online": false, "since_ms": 1_000, "heard_at_ms": 1_000 }));
    assert_eq!(fleet["newest"]["sample"]["disk_free_bytes"], 9_000_000_000_i64);
    let stock = print("stock", &[]);
    assert!(stock.contains("1970-01-01 00:00:00, before its events"), "{stock}");
    let stock: serde_json::Value = serde_json::from_str(&print("stock", &["--json"])).unwrap();
    assert_eq!((&stock["on_hand"], &stock["told_at_ms"]), (&json!(5_000), &json!(0)));
}
