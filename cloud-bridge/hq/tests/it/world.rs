//! A hub's store in memory, a line that can be cut, and brokers.

use std::{
    future::{Future, ready},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use bridge::{Backlog, Inbox, InboxError, Outbox, OutboxError, Span};
use commerce::{Item, Unit};
use contract::{
    ChainLink, DownBatch, Epoch, Event, HubId, Positions, Received, Refusal, Sequence, Stream, item,
    positions::{Place, Version},
    sale,
};
use hq::{Ingest, IngestStats, Leases, Ledger};
use link::Broker;
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use serde_json::{json, value::to_raw_value};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// An outbox in memory.
pub(crate) struct Memory {
    pub(crate) last: watch::Receiver<u64>,
    pub(crate) acknowledged: Mutex<u64>,
    pub(crate) stopped: Mutex<Option<String>>,
    /// Whose it is, and in which life.
    pub(crate) hub: (HubId, Epoch),
    /// Bytes that each event has more than it needs; of the event of that number, these.
    pub(crate) padding: (usize, Option<(u64, usize)>),
    /// From this event on its history is another than that of hubs that were not set back.
    pub(crate) set_back_to: Option<u64>,
    /// The backlogs whose positions were asked for.
    pub(crate) backlogs: Mutex<Vec<Backlog>>,
}

impl Memory {
    pub(crate) fn new(last: watch::Receiver<u64>) -> Self {
        let hub = ("store-1".parse().unwrap(), Epoch(7));
        Self {
            last,
            acknowledged: Mutex::default(),
            stopped: Mutex::default(),
            hub,
            padding: (0, None),
            set_back_to: None,
            backlogs: Mutex::default(),
        }
    }
}

impl Outbox for Memory {
    fn hub(&self) -> HubId {
        self.hub.0.clone()
    }

    fn epoch(&self) -> Epoch {
        self.hub.1
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream::sales()]
    }

    fn span(&self, _: &Stream) -> Result<Span, OutboxError> {
        let acknowledged = Sequence(*self.acknowledged.lock().unwrap());
        Ok(Span { first_kept: Sequence(1), last: Sequence(*self.last.borrow()), acknowledged })
    }

    fn read(&self, _: &Stream, from: Sequence, max_events: usize, _: usize) -> Result<Vec<Event>, OutboxError> {
        let last = *self.last.borrow();
        let of = |sequence| match self.padding {
            (_, Some((large, bytes))) if large == sequence => bytes,
            (bytes, _) => bytes,
        };
        Ok((from.0..=last).take(max_events).map(|sequence| event(self.hub.1, sequence, of(sequence))).collect())
    }

    fn link(&self, _: &Stream, Sequence(sequence): Sequence) -> Result<Option<ChainLink>, OutboxError> {
        let mut link = [0; 32];
        link[..8].copy_from_slice(&sequence.to_le_bytes());
        link[8] = u8::from(self.set_back_to.is_some_and(|kept| sequence > kept));
        Ok((1..=*self.last.borrow()).contains(&sequence).then_some(ChainLink(link)))
    }

    fn positions(&self, backlog: &[Backlog]) -> Result<Vec<Positions>, OutboxError> {
        self.backlogs.lock().unwrap().extend_from_slice(backlog);
        let last = *self.last.borrow();
        let place = Place::new("818981".into(), Unit::Each, [-1000 * i64::try_from(last).unwrap(), 0, 0, 0, 0]);
        let version = Version { sales: Sequence(last), stock: Sequence(0) };
        Ok(vec![Positions { hub: self.hub(), epoch: self.epoch(), at_ms: 1, version, lines: vec![place] }])
    }

    fn acknowledged(
        &self,
        _: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>> {
        *self.acknowledged.lock().unwrap() = up_to.0;
        Box::pin(ready(Ok(())))
    }

    fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap().clone()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.last.clone()
    }
}

/// Printable text that hardly shrinks when it is compressed.
fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let char = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (state >> 58) as u8)
    };
    (0..bytes).map(char).collect::<String>().replace('\\', "/")
}

fn event(Epoch(epoch): Epoch, sequence: u64, padding: usize) -> Event {
    let body = json!({
        "sale": format!("{epoch}-{sequence}"), "padding": noise(sequence, padding), "register": "till-1",
            "receipt": sequence, "fiscal_year": 2026,
        "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
        "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000,
            "unit": "each", "regular": 100, "net": 100 }],
        "tenders": [{ "kind": "cash", "amount": 100 }],
        "totals": { "regular": 100, "discount": 0, "net": 100, "manufacturer_coupon": 0, "tendered": 100, "change": 0 },
        "moved": [{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" }]
    });
    Event {
        sequence: Sequence(sequence),
        kind: sale::COMPLETED.name().into(),
        occurred_at_ms: 1,
        body: to_raw_value(&body).unwrap(),
    }
}

/// An inbox in memory. Refuses items that cost nothing.
#[derive(Default)]
pub(crate) struct MemoryInbox(Mutex<(Received, Vec<Item>)>);

impl MemoryInbox {
    /// What was applied, in order.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.0.lock().unwrap().1.clone()
    }
}

impl Inbox for MemoryInbox {
    fn streams(&self) -> Vec<Stream> {
        vec![Stream::items()]
    }

    fn received(&self, _: &Stream) -> Result<Received, InboxError> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
        let (received, items) = &mut *self.0.lock().unwrap();
        let mut refused = Vec::new();
        for due in received.due(&batch) {
            match item::CHANGED.read(due) {
                Ok(item) if item.price.minor.get() == 0 => refused.push(Refusal::new(due.sequence, "no price")),
                Ok(item) => items.push(item),
                Err(error) => refused.push(Refusal::new(due.sequence, &error.to_string())),
            }
        }
        *received = received.after(&batch, refused);
        Box::pin(ready(Ok(received.clone())))
    }
}

/// An item, and its price.
pub(crate) fn item(number: u64, minor: u64) -> Item {
    let item =
        json!({ "sku": number.to_string(), "description": "Cereal", "price": { "minor": minor, "per": "each" } });
    serde_json::from_value(item).unwrap()
}

/// How to reach a broker.
pub(crate) fn broker(address: SocketAddr) -> Broker {
    Broker { address: format!("mqtt://{address}").parse().unwrap(), tls: None, login: None }
}

/// A line that drops every connection when told to, and takes new ones.
pub(crate) async fn line(far: SocketAddr) -> (SocketAddr, watch::Sender<u64>) {
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

pub(crate) async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// HQ's only worker: what takes events, and its leases.
pub(crate) struct Hq(pub(crate) Ingest, #[allow(dead_code)] Leases);

impl Hq {
    pub(crate) fn start(broker: Broker, ledger: Ledger) -> Self {
        let leases = Leases::start(ledger.clone(), "1".into());
        Self(Ingest::start(broker, ledger, &leases), leases)
    }

    pub(crate) fn stats(&self) -> watch::Receiver<IngestStats> {
        self.0.stats()
    }
}

/// HQ's ledger, in memory.
pub(crate) async fn ledger() -> Ledger {
    Ledger::in_memory().await.unwrap()
}

/// Waits until a ledger has so many sales.
pub(crate) async fn until_sales(what: &str, ledger: &Ledger, sales: impl Fn(u64) -> bool) {
    let began = Instant::now();
    while !sales(ledger.summary().await.unwrap().sales) {
        assert!(began.elapsed() < LIMIT, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A broker in this process; ends with this value.
pub(crate) struct Embedded {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Embedded {
    pub(crate) async fn start() -> Self {
        let anywhere = "127.0.0.1:0".parse().unwrap();
        let mut config = BrokerConfig::new().with_bind_addresses(vec![anywhere]);
        config.storage_config = StorageConfig::new().with_backend(StorageBackend::Memory).with_persistence(false);
        config.auth_config.allow_anonymous = true;
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let address = broker.local_addr().unwrap();
        Self { address, serving: tokio::spawn(async move { broker.run().await.unwrap() }) }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A mosquitto on its own port; ends with this value.
pub(crate) struct Mosquitto {
    pub(crate) address: SocketAddr,
    child: Child,
    _directory: tempfile::TempDir,
}

impl Mosquitto {
    /// One that takes anybody. None, and a line on standard error, if it is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("allow_anonymous true\n", &[]).await
    }

    /// One with these lines in its config, in which `DIR` stands for the directory of these files.
    pub(crate) async fn start_with(lines: &str, files: &[(&str, &str)]) -> Option<Self> {
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"];
        let Some(program) = places.into_iter().find(|path| std::path::Path::new(path).exists()) else {
            // Past the test runner, which keeps what a passing test prints to itself.
            let _ = io::stderr().write_all(b"SKIPPED: no mosquitto here; `apt-get install mosquitto`\n");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        // Started as root, it reads them as another user.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let lines = lines.replace("DIR", directory.path().to_str().unwrap());
        let config = directory.path().join("mosquitto.conf");
        std::fs::write(&config, format!("listener {} 127.0.0.1\n{lines}", address.port())).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let mosquitto = Self { address, child: command.spawn().unwrap(), _directory: directory };
        until("mosquitto listens", || std::net::TcpStream::connect(address).is_ok()).await;
        Some(mosquitto)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
