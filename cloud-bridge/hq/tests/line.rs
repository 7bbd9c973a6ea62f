//! Both halves of the bridge over a real broker and a line that is cut: HQ has every event once, in order.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    future::Future,
    io::{self, Write},
    net::SocketAddr,
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bridge::{BridgeConfig, Outbox, OutboxError, Span};
use contract::{Epoch, Event, HubId, Sequence, Stream, sale};
use hq::{Ingest, IngestConfig, MemoryLedger};
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use serde_json::{json, value::to_raw_value};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

const EVENTS: u64 = 5_000;
const LIMIT: Duration = Duration::from_secs(120);

/// An outbox in memory.
struct Memory {
    last: watch::Receiver<u64>,
    acknowledged: Mutex<u64>,
    stopped: Mutex<Option<String>>,
}

impl Outbox for Memory {
    fn hub(&self) -> HubId {
        "store-1".parse().unwrap()
    }

    fn epoch(&self) -> Epoch {
        Epoch(7)
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream::sales()]
    }

    fn span(&self, _: &Stream) -> Result<Span, OutboxError> {
        Ok(Span { first_kept: Sequence(1), last: Sequence(*self.last.borrow()) })
    }

    fn read(&self, _: &Stream, from: Sequence, max_events: usize, _: usize) -> Result<Vec<Event>, OutboxError> {
        let last = *self.last.borrow();
        Ok((from.0..=last).take(max_events).map(event).collect())
    }

    fn acknowledged(
        &self,
        _: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>> {
        *self.acknowledged.lock().unwrap() = up_to.0;
        Box::pin(std::future::ready(Ok(())))
    }

    fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap().clone()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.last.clone()
    }
}

fn event(sequence: u64) -> Event {
    let body = json!({
        "sale": format!("7-{sequence}"), "register": "till-1", "receipt": sequence, "fiscal_year": 2026, "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
        "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000, "unit": "each", "regular": 100, "net": 100 }],
        "tenders": [{ "kind": "cash", "amount": 100 }],
        "totals": { "regular": 100, "discount": 0, "net": 100, "manufacturer_coupon": 0, "tendered": 100, "change": 0 }
    });
    Event {
        sequence: Sequence(sequence),
        kind: sale::COMPLETED.name().into(),
        occurred_at_ms: 1,
        body: to_raw_value(&body).unwrap(),
    }
}

/// A line that drops every connection when told to, and takes new ones.
async fn line(far: SocketAddr) -> (SocketAddr, watch::Sender<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (cut, cuts) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut cuts = cuts.clone();
            cuts.mark_unchanged();
            tokio::spawn(async move {
                let Ok(mut far) = TcpStream::connect(far).await else { return };
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => {}
                    _ = cuts.changed() => {}
                }
            });
        }
    });
    (address, cut)
}

/// Sells, cuts both lines again and again, loses HQ's ledger to an older backup in the middle, and waits for the end.
async fn everything_arrives_once(broker: SocketAddr) {
    let (hub_end, cut_hub) = line(broker).await;
    let (hq_end, cut_hq) = line(broker).await;
    let (store, last) = watch::channel(0);
    let outbox = Arc::new(Memory { last, acknowledged: Mutex::new(0), stopped: Mutex::default() });
    let config =
        BridgeConfig { broker: format!("mqtt://{hub_end}").parse().unwrap(), tls: None, software: "test".into() };
    let bridge = bridge::start(config, outbox.clone());
    let ingest_config = IngestConfig { broker: format!("mqtt://{hq_end}").parse().unwrap(), tls: None };
    let mut ledger = MemoryLedger::default();
    let mut ingest = Ingest::start(ingest_config.clone(), ledger.clone());
    let began = Instant::now();
    let mut backup = None;
    for round in 1..=10 {
        store.send_replace(EVENTS * round / 10);
        let enough = EVENTS * (round - 1) / 10;
        until("HQ goes on", || ledger.summary().sales > enough).await;
        match round {
            4 => backup = Some(ledger.backup()),
            7 => {
                // HQ comes back from a backup: it has less than it had acknowledged.
                drop(ingest);
                ledger = backup.take().unwrap();
                ingest = Ingest::start(ingest_config.clone(), ledger.clone());
            }
            even if even % 2 == 0 => drop(cut_hub.send_replace(round)),
            _ => drop(cut_hq.send_replace(round)),
        }
    }
    until("HQ has everything", || ledger.summary().sales == EVENTS).await;
    until("the hub knows", || *outbox.acknowledged.lock().unwrap() == EVENTS).await;
    let mut status = bridge.status();
    let settled = status.wait_for(|status| status.connected && status.lag == 0);
    tokio::time::timeout(LIMIT, settled).await.unwrap().unwrap();
    let summary = ledger.summary();
    assert_eq!((summary.sales, summary.duplicate_sales, summary.quarantined), (EVENTS, 0, 0));
    assert_eq!(summary.net_minor, 100 * i64::try_from(EVENTS).unwrap());
    eprintln!(
        "{EVENTS} events over a bad line in {:.1} s, {} repeated",
        began.elapsed().as_secs_f64(),
        summary.repeated_events
    );
    let stopped = |ingest: &Ingest| ingest.stats().borrow().stopped.clone().into_values().collect::<Vec<_>>();
    assert_eq!(stopped(&ingest), [""; 0]);
    *outbox.stopped.lock().unwrap() = Some("the disk failed".into());
    until("HQ hears that the hub has stopped", || stopped(&ingest) == ["the disk failed"]).await;
    *outbox.stopped.lock().unwrap() = None;
    cut_hub.send_replace(11);
    until("HQ hears that it goes on", || stopped(&ingest).is_empty()).await;
    drop(ingest);
}

async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_embedded_broker_every_event_arrives_once_in_order() {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let mut config = BrokerConfig::new().with_bind_addresses(vec![anywhere]);
    config.storage_config = StorageConfig::new().with_backend(StorageBackend::Memory).with_persistence(false);
    config.auth_config.allow_anonymous = true;
    let mut broker = MqttBroker::with_config(config).await.unwrap();
    let address = broker.local_addr().unwrap();
    let serving = tokio::spawn(async move { broker.run().await });
    everything_arrives_once(address).await;
    serving.abort();
}

/// A mosquitto on its own port; ends with this value.
struct Mosquitto(Child);

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mosquitto_every_event_arrives_once_in_order() {
    let Some(program) =
        ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| std::path::Path::new(path).exists())
    else {
        // Past the test runner, which keeps what a passing test prints to itself.
        let _ = io::stderr().write_all(b"SKIPPED: no mosquitto here; `apt-get install mosquitto`\n");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = directory.path().join("mosquitto.conf");
    std::fs::write(&config, format!("listener {} 127.0.0.1\nallow_anonymous true\n", address.port())).unwrap();
    let child =
        Command::new(program).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _mosquitto = Mosquitto(child);
    until("mosquitto listens", || std::net::TcpStream::connect(address).is_ok()).await;
    everything_arrives_once(address).await;
}
