//! Two workers on one ledger, as processes: one is killed.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bridge::{Bridge, BridgeConfig};
use hq::{Access, Ledger};
use tokio::sync::watch;

use crate::{
    postgres,
    world::{self, Embedded, Memory, MemoryInbox, until, until_sales},
};

const HUBS: u64 = 12;
const EVENTS: u64 = 2_000;

/// Ends with this value, as by a power cut.
struct Worker(Child);

impl Worker {
    fn start(name: &str, broker: &Embedded, ledger: &str) -> Self {
        let broker = format!("mqtt://{}", broker.address);
        let mut program = Command::new(env!("CARGO_BIN_EXE_store-hub-hq"));
        program.args(["ingest", "--worker", name, "--broker", &broker, "--ledger", ledger]);
        Self(program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hub(number: u64, broker: &Embedded, last: &watch::Receiver<u64>) -> (Bridge, Arc<Memory>) {
    let mut outbox = Memory::new(last.clone());
    outbox.hub.0 = format!("store-{number}").parse().unwrap();
    let outbox = Arc::new(outbox);
    let config = BridgeConfig { broker: world::broker(broker.address), software: "test".into() };
    (bridge::start(config, outbox.clone(), Arc::new(MemoryInbox::default())), outbox)
}

/// Whatever of the killed worker's was committed and not acknowledged: nothing is lost, nothing is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_loses_and_doubles_nothing() {
    let Some(address) = postgres::database() else { return };
    let ledger = Ledger::open(&address.parse().unwrap(), &Access::default()).await.unwrap();
    let broker = Embedded::start().await;
    let (store, last) = watch::channel(EVENTS / 2);
    let hubs: Vec<_> = (1..=HUBS).map(|number| hub(number, &broker, &last)).collect();
    let first = Worker::start("a", &broker, &address);
    let _second = Worker::start("b", &broker, &address);
    until_sales("the workers go on", &ledger, |sales| sales > HUBS * EVENTS / 8).await;
    drop(first);
    store.send_replace(EVENTS);
    until_sales("the other has everything", &ledger, |sales| sales == HUBS * EVENTS).await;
    let knows = || hubs.iter().all(|(_, outbox)| *outbox.acknowledged.lock().unwrap() == EVENTS);
    until("every hub knows", knows).await;
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.duplicate_sales, summary.quarantined), (HUBS * EVENTS, 0, 0));
    assert_eq!(summary.net_minor, 100 * i64::try_from(HUBS * EVENTS).unwrap());
    assert_eq!(ledger.alarms().await.unwrap(), []);
}
