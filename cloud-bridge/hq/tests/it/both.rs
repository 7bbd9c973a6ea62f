//! Both halves of the bridge over a line that is cut: HQ has every event once, in order, and the hub every item.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bridge::BridgeConfig;
use contract::Stream;
use hq::{Access, Address, Leases, Ledger, Publisher, Queues, down::Outgoing};
use tokio::sync::watch;

use crate::world::{self, Embedded, Hq, LIMIT, Memory, MemoryInbox, Mosquitto, item, line, until, until_sales};

const EVENTS: u64 = 5_000;
const ITEMS: u64 = 3_000;

/// Sells and publishes, cuts both lines again and again, loses HQ's ledger to an older backup in the middle, and waits
/// for the end.
async fn everything_arrives_once(broker: SocketAddr) {
    let (hub_end, cut_hub) = line(broker).await;
    let (hq_end, cut_hq) = line(broker).await;
    let (store, last) = watch::channel(0);
    let outbox = Arc::new(Memory::new(last));
    let inbox = Arc::new(MemoryInbox::default());
    let config = BridgeConfig { broker: world::broker(hub_end), software: "test".into() };
    let bridge = bridge::start(config, outbox.clone(), inbox.clone());
    let hq_end = world::broker(hq_end);
    // The queues are in a database that is not set back with the ledger.
    let queued = world::ledger().await;
    let (queues, leases) = (Queues::of(&queued), Leases::start(queued, "1".into()));
    let mut publisher = Publisher::start(hq_end.clone(), queues.clone(), &leases);
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(&directory.path().join("hq.db")).await;
    let mut ingest = Hq::start(hq_end.clone(), ledger.clone());
    let began = Instant::now();
    let mut backup = None;
    for round in 1..=10 {
        store.send_replace(EVENTS * round / 10);
        let enough = EVENTS * (round - 1) / 10;
        let publish = (ITEMS * (round - 1) / 10 + 1..=ITEMS * round / 10).map(wanted);
        queues.append(&"store-1".parse().unwrap(), &Stream::items(), publish.collect()).await.unwrap();
        until_sales("HQ goes on", &ledger, |sales| sales > enough).await;
        match round {
            4 => {
                let copy = directory.path().join("backup.db");
                let database = rusqlite::Connection::open(directory.path().join("hq.db")).unwrap();
                database.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
                backup = Some(copy);
            }
            5 => publisher = Publisher::start(hq_end.clone(), queues.clone(), &leases),
            7 => {
                // HQ comes back from a backup: it has less than it had acknowledged.
                drop(ingest);
                ledger = open(&backup.take().unwrap()).await;
                ingest = Hq::start(hq_end.clone(), ledger.clone());
            }
            even if even % 2 == 0 => drop(cut_hub.send_replace(round)),
            _ => drop(cut_hq.send_replace(round)),
        }
    }
    until_sales("HQ has everything", &ledger, |sales| sales == EVENTS).await;
    until("the hub knows", || *outbox.acknowledged.lock().unwrap() == EVENTS).await;
    let began_waiting = Instant::now();
    while queues.summary().await.unwrap().waiting > 0 {
        assert!(began_waiting.elapsed() < LIMIT, "the hub has every item");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let applied: Vec<_> = inbox.items().iter().map(|item| item.sku.to_string()).collect();
    let good = (1..=ITEMS).filter(|number| !is_poison(*number));
    assert_eq!(applied, good.map(|number| number.to_string()).collect::<Vec<_>>());
    let refused = queues.refused().await.unwrap();
    let poison: Vec<_> = (1..=ITEMS).filter(|number| is_poison(*number)).map(|number| item(number, 0)).collect();
    let bodies = refused.iter().map(|refused| serde_json::from_str(refused.body.get()).unwrap());
    assert_eq!(bodies.collect::<Vec<commerce::Item>>(), poison);
    assert!(refused.iter().all(|refused| refused.why == "no price"));
    let mut status = bridge.status();
    let settled = status.wait_for(|status| status.connected && status.lag == 0);
    tokio::time::timeout(LIMIT, settled).await.unwrap().unwrap();
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.duplicate_sales, summary.quarantined), (EVENTS, 0, 0));
    assert_eq!(summary.net_minor, 100 * i64::try_from(EVENTS).unwrap());
    eprintln!(
        "{EVENTS} events over a bad line in {:.1} s, {} repeated since the backup",
        began.elapsed().as_secs_f64(),
        ingest.stats().borrow().repeated
    );
    let stopped = |ingest: &Hq| ingest.stats().borrow().stopped.clone().into_values().collect::<Vec<_>>();
    assert_eq!(stopped(&ingest), [""; 0]);
    *outbox.stopped.lock().unwrap() = Some("the disk failed".into());
    until("HQ hears that the hub has stopped", || stopped(&ingest) == ["the disk failed"]).await;
    *outbox.stopped.lock().unwrap() = None;
    cut_hub.send_replace(11);
    until("HQ hears that it goes on", || stopped(&ingest).is_empty()).await;
    drop((ingest, publisher));
}

async fn open(path: &Path) -> Ledger {
    Ledger::open(&Address::File(path.to_owned()), &Access::default()).await.unwrap()
}

/// The hub refuses these.
fn is_poison(number: u64) -> bool {
    number.is_multiple_of(100)
}

fn wanted(number: u64) -> Outgoing {
    let item = item(number, if is_poison(number) { 0 } else { number });
    Outgoing::new(&contract::item::CHANGED, &item).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_embedded_broker_everything_arrives_once_in_order() {
    let broker = Embedded::start().await;
    everything_arrives_once(broker.address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mosquitto_everything_arrives_once_in_order() {
    if let Some(broker) = Mosquitto::start().await {
        everything_arrives_once(broker.address).await;
    }
}
