//! The demo's environment: everything around the hub, and the hub itself as a child process with an ordinary config
//! file.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use drivers::simulate::{
    SimulatedCardTerminal, SimulatedLabelPrinter, SimulatedReceiptPrinter, SimulatedScale, SimulatedScanner,
    TerminalProtocol,
};
use hq::{
    Address, Ingest, Leases, Ledger, Publisher, Queues,
    orders::{self, Profile, stores},
    routing::Point,
};
use hub::config::Config;
use link::Broker;
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig, TlsConfig},
};
use provisioning::{Names, StoreAuthority, write_store};
use serde_json::json;
use store::{
    EngineKind,
    files::{self, Access},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::sleep};

use crate::{
    client::{Client, Endpoint, trust},
    data::Data,
    hq_server::HqServer,
    hub_process::{Running, keep_running},
    now_ms,
    publications::HqPublications,
    store_config,
    wan::Wan,
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The simulated devices.
pub(crate) struct Devices {
    /// One for all lanes.
    pub(crate) scale: Arc<SimulatedScale>,
    /// One per lane.
    pub(crate) scanners: Vec<Arc<SimulatedScanner>>,
    /// One for the store.
    pub(crate) label_printer: SimulatedLabelPrinter,
    /// One for all lanes.
    pub(crate) receipt_printer: SimulatedReceiptPrinter,
    /// One per lane.
    pub(crate) terminals: Vec<SimulatedCardTerminal>,
}

/// A whole store.
pub(crate) struct Stage {
    /// The directory of its state, config and identity.
    pub(crate) directory: PathBuf,
    /// The hub's config file.
    pub(crate) config_path: PathBuf,
    /// Its config.
    pub(crate) config: Config,
    /// The client's endpoint.
    pub(crate) endpoint: Endpoint,
    /// The connection to HQ.
    pub(crate) wan: Arc<Wan>,
    /// HQ's ledger.
    pub(crate) ledger: Ledger,
    /// HQ's API.
    pub(crate) server: HqServer,
    /// What HQ publishes whole.
    pub(crate) publications: HqPublications,
    /// The devices.
    pub(crate) devices: Arc<Devices>,
    /// The hub's process; `None` while it is down.
    pub(crate) hub: watch::Receiver<Option<Running>>,
    _ingest: Ingest,
    _publisher: Publisher,
    _leases: Leases,
    broker: JoinHandle<()>,
    orders: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.broker.abort();
        self.orders.abort();
        self.keeper.abort();
    }
}

fn io(what: &str) -> impl Fn(std::io::Error) -> String + '_ {
    move |error| format!("could not {what}: {error}")
}

impl Stage {
    /// Builds the store in a directory, with a number of lanes, and starts it. An existing store in the directory is
    /// continued.
    ///
    /// # Errors
    /// Something could not be created.
    pub(crate) async fn build(directory: PathBuf, engine: EngineKind, lanes: usize) -> Result<Self, String> {
        Self::build_after(directory, engine, lanes, async |_, _| Ok(())).await
    }

    /// The same, with preparations of the store and of HQ before the hub is started.
    ///
    /// # Errors
    /// Something could not be created.
    pub(crate) async fn build_after(
        directory: PathBuf,
        engine: EngineKind,
        lanes: usize,
        before: impl AsyncFnOnce(&Config, &Ledger) -> Result<(), String>,
    ) -> Result<Self, String> {
        let made = || format!("create the store in {}", directory.display());
        fs::create_dir_all(&directory).map_err(io(&made()))?;
        let directory = directory.canonicalize().map_err(io(&made()))?;
        let identity = identity(&directory.join("identity"))?;
        let authority = fs::read_to_string(identity.join("ca.pem")).map_err(io("read ca.pem"))?;

        let (broker, broker_address) = broker(&identity).await?;
        let wan = Arc::new(Wan::lay(broker_address).await.map_err(io("open the connection to HQ"))?);
        let file = Address::File(directory.join("hq.db"));
        let ledger = Ledger::open(&file, &hq::Access::default()).await.map_err(|error| error.to_string())?;
        let address = format!("mqtts://{broker_address}").parse();
        let address = address.map_err(|error: link::BadBrokerAddress| error.to_string())?;
        let leases = Leases::start(ledger.clone(), "1".into());
        let broker_of_hq = Broker { address, tls: Some(trust(&authority)?), login: None };
        let files = directory.join("publications");
        let server = HqServer::start(&identity, &ledger, &files).await?;
        let publications = HqPublications::open(&files, &ledger, server.address(), broker_of_hq.clone())?;
        let publisher = Publisher::start(broker_of_hq.clone(), Queues::of(&ledger), &leases);
        let ingest = Ingest::start(broker_of_hq, ledger.clone(), &leases);
        let devices = Devices::switch_on(&directory.join("devices"), lanes).await?;
        let listen = free_address().await.map_err(io("find a free port"))?;
        let config = store_config::config(&directory, &identity, listen, engine, &wan, publications.key(), &devices)?;
        let config_path = directory.join("hub.toml");
        let text = toml::to_string(&config).map_err(|error| error.to_string())?;
        let text =
            format!("# Written by `store-hub demo`. A real store's config only differs in its addresses.\n\n{text}");
        // This makes its directory durable, including everything created in it before.
        files::replace(&config_path, text.as_bytes(), Access::Usual).map_err(io("write hub.toml"))?;
        let endpoint = Endpoint::new(config.listen.address, &authority)?;
        load_master_data(&config, &ledger).await?;
        before(&config, &ledger).await?;
        let orders = tokio::spawn(orders::work::run(ledger.database().clone()));
        let (tell, hub) = watch::channel(None);
        let keeper = keep_running(config_path.clone(), directory.join("hub.log"), Arc::clone(&wan), tell);
        let keeper = tokio::spawn(keeper);
        Ok(Self {
            directory,
            config_path,
            config,
            endpoint,
            wan,
            ledger,
            server,
            publications,
            devices: Arc::new(devices),
            hub,
            _ingest: ingest,
            _publisher: publisher,
            _leases: leases,
            broker,
            orders,
            keeper,
        })
    }

    /// The code for logging in; it exists once the hub has started.
    ///
    /// # Errors
    /// The hub does not start; its log has the reason.
    pub(crate) async fn console_code(&self) -> Result<String, String> {
        let path = self.config.store.data.join("console-code");
        for _ in 0..600 {
            if let Ok(code) = fs::read_to_string(&path)
                && code.len() >= 8
            {
                return Ok(code);
            }
            sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(self.directory.join("hub.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(5).collect();
        Err(format!(
            "the hub did not start; its log {} ends with:\n{}",
            self.directory.join("hub.log").display(),
            last.into_iter().rev().collect::<Vec<_>>().join("\n")
        ))
    }

    /// HQ's API as a client sees it.
    ///
    /// # Errors
    /// The store's authority is invalid.
    pub(crate) fn hq_endpoint(&self) -> Result<Endpoint, String> {
        let authority = fs::read_to_string(self.directory.join("identity/ca.pem")).map_err(io("read ca.pem"))?;
        Endpoint::new(self.server.address(), &authority)
    }

    /// Logs in, loads the catalog and pairs every register, as a person would. If the hub restarts meanwhile, the
    /// session and the pairing codes are lost, and everything starts again.
    ///
    /// # Errors
    /// The hub's refusal.
    pub(crate) async fn open_store(&self, data: &Data) -> Result<Vec<Client>, String> {
        // A code may also be used up by a pairing whose answer was lost.
        let is_lost =
            |why: &str| ["/problems/unauthenticated", "/problems/code-wrong"].iter().any(|kind| why.contains(kind));
        let mut attempt = 0;
        loop {
            match self.try_open_store(data, attempt).await {
                Err(why) if is_lost(&why) && attempt < 20 => attempt += 1,
                opened => return opened,
            }
        }
    }

    async fn try_open_store(&self, data: &Data, attempt: u32) -> Result<Vec<Client>, String> {
        let mut console = Client::log_in(self.endpoint.clone(), &self.console_code().await?).await?;
        for (part, items) in data.items.chunks(app::catalog::MAX_LOAD).enumerate() {
            console.command("/api/v1/items", &format!("catalog-{part}"), &json!({ "items": items })).await?.done()?;
        }
        fill_shelves(&mut console, data).await?;
        decide_payments(&mut console).await?;
        let mut registers = Vec::new();
        for register in &self.config.register {
            let path = format!("/api/v1/registers/{}/pairing-code", register.name);
            let key = format!("pairing-code-{attempt}");
            let code = console.command(&path, &key, &json!({})).await?.done()?;
            let code = code["code"].as_str().ok_or("the answer has no pairing code")?;
            registers.push(Client::pair(self.endpoint.clone(), code).await?);
        }
        Ok(registers)
    }
}

/// The location of the store, for orders that are delivered.
pub(crate) const LOCATION: Point = Point { lat: 39.10, lon: -84.51 };

/// Loads the store's master data at HQ, without which it gets no orders.
async fn load_master_data(config: &Config, ledger: &Ledger) -> Result<(), String> {
    let keeps = commerce::order::Zone::ALL.to_vec();
    let hub = config.store.hub.clone();
    let profile = Profile { at: Some(LOCATION), keeps, prepare_minutes: 10, ..Profile::new(hub) };
    let said = |error: hq::DatabaseError| error.to_string();
    let mut transaction = ledger.database().transaction().await.map_err(said)?;
    stores::store(&mut transaction, &[profile], now_ms()).await.map_err(said)?;
    transaction.commit().await.map_err(said)
}

/// Receives an opening stock like any delivery: announced, delivered, closed.
async fn fill_shelves(console: &mut Client, data: &Data) -> Result<(), String> {
    for (part, items) in data.items.chunks(commerce::MAX_LINES).enumerate() {
        let lines = items
            .iter()
            .map(|item| json!({ "sku": item.sku, "quantity": { "milli": 48_000, "unit": item.price.per } }));
        let lines = json!(lines.collect::<Vec<_>>());
        let order = format!("opening-{part}");
        let notice = json!({ "source": "supplier", "supplier": "Wholesale", "order": order, "lines": lines });
        let entered = console.command("/api/v1/stock/notices", &format!("opening-{part}"), &notice).await?.done()?;
        let path = format!("/api/v1/stock/notices/{}", entered["id"]);
        let delivery = json!({ "lines": lines });
        console.command(&format!("{path}/deliveries"), &format!("opening-goods-{part}"), &delivery).await?.done()?;
        console.command(&format!("{path}/close"), &format!("opening-end-{part}"), &json!({})).await?.done()?;
    }
    Ok(())
}

/// The time limit for deciding the payments of a demo that was killed.
const DECIDED: Duration = Duration::from_secs(60);

/// Decides the payments that a killed demo left in doubt. Simulated terminals keep no journal across runs, so nothing
/// that the hub does not know was charged.
async fn decide_payments(console: &mut Client) -> Result<(), String> {
    let end = Instant::now() + DECIDED;
    while Instant::now() < end {
        let unresolved = console.get("/api/v1/payments?state=unresolved").await?.done()?;
        let unresolved = unresolved.as_array().ok_or("the payments are not a list")?;
        if unresolved.is_empty() {
            return Ok(());
        }
        for payment in unresolved.iter().filter(|payment| payment["waits_for"] == "person") {
            let id = payment["id"].as_str().ok_or("a payment without an id")?;
            let path = format!("/api/v1/payments/{id}/decision");
            // Refused if it has ended meanwhile, which the next read shows.
            console.command(&path, &format!("decision-{id}"), &json!({ "charged": false })).await?;
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(format!("payments are still in doubt after {} s; see the hub's log", DECIDED.as_secs()))
}

impl Devices {
    async fn switch_on(lines: &Path, lanes: usize) -> Result<Self, String> {
        fs::create_dir_all(lines).map_err(io("create the devices' directory"))?;
        let scale = SimulatedScale::open(Some(&lines.join("scale-1"))).map_err(io("start the scale"))?;
        scale.put(0);
        let (mut scanners, mut terminals) = (Vec::new(), Vec::new());
        let anywhere = SocketAddr::new(LOOPBACK, 0);
        for lane in 1..=lanes {
            let link = lines.join(format!("scanner-{lane}"));
            scanners.push(Arc::new(SimulatedScanner::open(Some(&link)).map_err(io("start a scanner"))?));
            let terminal = SimulatedCardTerminal::bind(TerminalProtocol::Zvt, anywhere);
            terminals.push(terminal.await.map_err(io("start a terminal"))?);
        }
        Ok(Self {
            scale: Arc::new(scale),
            scanners,
            label_printer: SimulatedLabelPrinter::bind(anywhere).await.map_err(io("start the label printer"))?,
            receipt_printer: SimulatedReceiptPrinter::bind(anywhere).await.map_err(io("start the receipt printer"))?,
            terminals,
        })
    }
}

/// The store's identity; created if it does not exist. `hub.pem` is written last: without it, an earlier demo was
/// interrupted while it created the files.
///
/// # Errors
/// It can't be created.
pub(crate) fn identity(directory: &Path) -> Result<PathBuf, String> {
    if !directory.join("hub.pem").exists() {
        if directory.exists() {
            fs::remove_dir_all(directory).map_err(io("remove an unfinished identity"))?;
        }
        let made = StoreAuthority::create("demo", SystemTime::now()).and_then(|authority| {
            let names = Names { hosts: vec!["localhost".into()], addresses: vec![LOOPBACK] };
            let hub = authority.issue("hub of the demo", &names)?;
            write_store(directory, &authority.identity(), &hub)
        });
        made.map_err(|error| error.to_string())?;
    }
    Ok(directory.to_owned())
}

/// HQ's broker with TLS on the loopback interface.
async fn broker(identity: &Path) -> Result<(JoinHandle<()>, SocketAddr), String> {
    let anywhere = SocketAddr::new(LOOPBACK, 0);
    let mut tls = TlsConfig::new(identity.join("hub.pem"), identity.join("hub.key"));
    tls.bind_addresses = vec![anywhere];
    let mut config = BrokerConfig::new().with_bind_addresses(vec![anywhere]).with_max_packet_size(8 * 1024 * 1024);
    config.tls_config = Some(tls);
    config.storage_config = StorageConfig::new().with_backend(StorageBackend::Memory).with_persistence(false);
    config.auth_config.allow_anonymous = true;
    let mut broker =
        MqttBroker::with_config(config).await.map_err(|error| format!("could not start the broker: {error}"))?;
    let address = broker.tls_local_addr().ok_or("the broker has no TLS port")?;
    let task = tokio::spawn(async move {
        if let Err(error) = broker.run().await {
            tracing::error!(%error, "the broker ended");
        }
    });
    Ok((task, address))
}

async fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).await?.local_addr()
}
