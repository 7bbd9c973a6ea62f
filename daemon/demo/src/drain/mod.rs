//! How fast queued sales reach HQ's database: a hub that was offline for days sends its outbox through mosquitto into
//! PostgreSQL. The same sales by other means ([`rivals`]) are measured in the same run.
//!
//! Hub, broker, HQ and database share one machine, and so do the rivals. All use the loopback interface without TLS.
//!
//! | result | compared with |
//! | --- | --- |
//! | queued sales per second, up to HQ's commit | mosquitto as a bridge, a plain client, COPY |
//! | the hub's memory while it drains | its memory before |
//! | from a sale's answer to HQ's commit, while connected | 100 ms |
//! | `rebuild` of all projections | |

mod mosquitto;
mod rivals;

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use contract::{Batch, Epoch, Event, HubId, Sequence, Stream, sale};
use hq::{Access, Address, Ingest, IngestStats, Leases, Ledger, projection::rebuild};
use hub::config::Config;
use link::Broker;
use serde::Serialize;
use serde_json::{json, value::RawValue};
use store::EngineKind;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use self::mosquitto::{Mosquitto, free};
use crate::{
    Fresh,
    bench::made_up,
    client::{Client, Endpoint},
    data::Data,
    hub_process::{Running, keep_running},
    replay::Percentiles,
    stage,
    wan::Wan,
};

/// The time limit for the hub to start, and for HQ to store the next event.
const PATIENCE: Duration = Duration::from_mins(2);

/// Events of a batch that is applied without a hub.
const AT_ONCE: usize = 500;

/// Measure how fast queued sales reach HQ's database, compared with other means. Needs mosquitto and an empty
/// PostgreSQL database; tests/with-postgres starts one
#[derive(clap::Args)]
pub struct Arguments {
    /// The database, such as postgres://hq@localhost/hq
    #[arg(long)]
    ledger: String,
    /// Queued sales
    #[arg(long, default_value_t = 100_000)]
    sales: u64,
    /// Sales whose projections are rebuilt; 0 to skip this
    #[arg(long, default_value_t = 1_000_000)]
    rebuilt: u64,
    /// Sales made while the hub is connected
    #[arg(long, default_value_t = 1_000)]
    connected: u64,
    /// The hub's storage engine: sled or sqlite
    #[arg(long, default_value_t)]
    engine: EngineKind,
    /// The directory of the store, on the disk to be measured
    #[arg(long)]
    data: Option<PathBuf>,
    /// Write the results to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The results. Rates are sales per second.
#[derive(Serialize)]
struct Report {
    sales: usize,
    /// The body of an event, in bytes.
    bytes_per_sale: u64,
    drained_per_s: f64,
    bridge_per_s: f64,
    bare_per_s: f64,
    copy_per_s: f64,
    /// Relative to the bridge; the target is 3.
    ratio_to_bridge: f64,
    /// Relative to the slower of the bare client and COPY; the target is 0.7.
    ratio_to_slower: f64,
    idle_mb: f64,
    /// The maximum while it drained; the target is at most 67 MB (64 MiB) more than idle.
    draining_mb: f64,
    /// From the answer to a register to the commit at HQ; the target for p99 is 100.
    commit_ms: Percentiles,
    rebuilt: u64,
    rebuilt_s: f64,
}

/// Measures, and prints the results.
///
/// # Errors
/// Something could not be started or makes no progress.
pub fn run(arguments: Arguments) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // A `dyn Future` for the reason given at `demo::run`.
    Box::pin(measure(arguments))
}

async fn measure(arguments: Arguments) -> Result<(), String> {
    let fresh = Fresh::new(arguments.data.as_deref())?;
    let mut rig = Rig::build(&fresh, &arguments).await?;
    let (drained, [idle, most]) = rig.drain(arguments.sales).await?;
    let commit_ms = rig.while_connected(arguments.connected).await?;
    let bodies = rig.bodies(arguments.sales).await?;
    let bytes: usize = bodies.iter().map(String::len).sum();
    // The hub must not share the machine with the rivals.
    rig.keeper.abort();
    eprintln!("  COPY of the same rows");
    let copy = rivals::copy(&arguments.ledger).await?;
    eprintln!("  a plain client");
    let bare = rivals::bare(&rig.broker, Arc::clone(&bodies)).await?;
    eprintln!("  mosquitto as a bridge");
    let bridge = rivals::bridge(&fresh.path, Arc::clone(&bodies)).await?;
    let rebuilt_s = if arguments.rebuilt == 0 { 0.0 } else { rebuild(&rig.ledger, &bodies, arguments.rebuilt).await? };
    let rate = |took: Duration| per(arguments.sales, 1) / took.as_secs_f64();
    // The copied tables also have the sales made while connected.
    let copied = per(arguments.sales + arguments.connected, 1) / copy.as_secs_f64();
    let (bare, bridge) = (rate(bare), rate(bridge));
    let report = Report {
        sales: bodies.len(),
        bytes_per_sale: (bytes / bodies.len().max(1)) as u64,
        drained_per_s: drained,
        bridge_per_s: bridge,
        bare_per_s: bare,
        copy_per_s: copied,
        ratio_to_bridge: drained / bridge,
        ratio_to_slower: drained / bare.min(copied),
        idle_mb: per(idle, 1_000_000),
        draining_mb: per(most, 1_000_000),
        commit_ms,
        rebuilt: arguments.rebuilt,
        rebuilt_s,
    };
    println!("{}", report.table());
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        fs::write(path, text + "\n").map_err(|error| format!("could not write {}: {error}", path.display()))?;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn per(all: u64, of: u64) -> f64 {
    all as f64 / (of.max(1)) as f64
}

impl Report {
    fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(table, "  {name:<44}{value:>24}");
        };
        row("queued sales, bytes each", format!("{}, {}", self.sales, self.bytes_per_sale));
        row("drained to HQ's commit", format!("{:.0} /s", self.drained_per_s));
        row("(a) mosquitto as a bridge, no commit", format!("{:.0} /s", self.bridge_per_s));
        row("(b) plain client, no commit", format!("{:.0} /s", self.bare_per_s));
        row("(c) COPY of the same rows", format!("{:.0} /s", self.copy_per_s));
        row("ratio to (a), target 3", format!("{:.2}", self.ratio_to_bridge));
        row("ratio to the slower of (b), (c), target 0.7", format!("{:.2}", self.ratio_to_slower));
        row("the hub's memory, idle and draining", format!("{:.0}, {:.0} MB", self.idle_mb, self.draining_mb));
        let Percentiles { p50, p99, .. } = self.commit_ms;
        row("sale answered to HQ's commit, p50, p99", format!("{p50:.1}, {p99:.1} ms"));
        row("projections rebuilt", format!("{} sales in {:.0} s", self.rebuilt, self.rebuilt_s));
        table
    }
}

/// A hub with queued sales that is not connected, a broker and HQ.
struct Rig {
    directory: PathBuf,
    broker: Mosquitto,
    ledger: Ledger,
    wan: Arc<Wan>,
    config: Config,
    hub: watch::Receiver<Option<Running>>,
    stats: watch::Receiver<IngestStats>,
    items: Vec<commerce::Item>,
    _leases: Leases,
    _ingest: Ingest,
    keeper: tokio::task::JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Rig {
    async fn build(fresh: &Fresh, arguments: &Arguments) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        fs::create_dir_all(&fresh.path).map_err(io)?;
        let directory = fresh.path.canonicalize().map_err(io)?;
        let address: Address = arguments.ledger.parse()?;
        let ledger = Ledger::open(&address, &Access::default()).await.map_err(|error| error.to_string())?;
        if ledger.summary().await.map_err(|error| error.to_string())?.sales > 0 {
            return Err("the ledger already has sales: use an empty database".into());
        }
        let broker = Mosquitto::start(&directory.join("hq"), free().await?, "").await?;
        let wan = Arc::new(Wan::lay(broker.address).await.map_err(io)?);
        wan.toggle();
        let identity = stage::identity(&directory.join("identity"))?;
        let listen = free().await?;
        let text = format!(
            "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\ndata = \"{}\"\n\
             engine = \"{}\"\n[listen]\naddress = \"{listen}\"\ncertificate = \"{}\"\nkey = \"{}\"\n[headquarters]\n\
             broker = \"mqtt://{}\"\n[[register]]\nname = \"till-1\"\n",
            directory.join("data").display(),
            arguments.engine,
            identity.join("hub.pem").display(),
            identity.join("hub.key").display(),
            wan.address(),
        );
        let path = directory.join("hub.toml");
        fs::write(&path, text).map_err(io)?;
        let config = Config::read(&path).map_err(|error| error.to_string())?;
        eprintln!("  making {} sales while offline", arguments.sales);
        let items = made_up::items(&Data::built_in()?.items, 2_112);
        made_up::fill(&config, None, &items, arguments.sales).await?;
        let leases = Leases::start(ledger.clone(), "1".into());
        let ingest = Ingest::start(reached(broker.address)?, ledger.clone(), &leases);
        let (tell, hub) = watch::channel(None);
        let keeper = tokio::spawn(keep_running(path, directory.join("hub.log"), Arc::clone(&wan), tell));
        let stats = ingest.stats();
        Ok(Self { directory, broker, ledger, wan, config, hub, stats, items, _leases: leases, _ingest: ingest, keeper })
    }

    /// The memory of the hub's process, in bytes.
    fn resident(&self) -> Result<u64, String> {
        let process = self.hub.borrow().map(|running| running.process).ok_or("the hub is not running")?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
        hub::resident_in(&status).ok_or_else(|| "the system does not report the hub's memory".into())
    }

    /// Waits until HQ has committed this number of events.
    async fn stored(&mut self, events: u64) -> Result<(), String> {
        let there = self.stats.wait_for(|stats| stats.stored >= events);
        let there = timeout(PATIENCE, there).await.map_err(|_| format!("HQ did not store {events} events in time"))?;
        there.map(drop).map_err(|error| error.to_string())
    }

    /// Connects the hub; returns the rate from the first batch to the last, and the hub's memory: before, maximum.
    async fn drain(&mut self, sales: u64) -> Result<(f64, [u64; 2]), String> {
        let code = self.config.store.data.join("console-code");
        let began = Instant::now();
        while !code.exists() {
            if began.elapsed() > PATIENCE {
                return Err(format!("the hub did not start; see {}", self.directory.join("hub.log").display()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        // Work at the start of the hub, such as loading the catalog, is done by then.
        sleep(Duration::from_secs(5)).await;
        let (idle, mut most) = (self.resident()?, 0);
        eprintln!("  draining");
        self.wan.toggle();
        self.stored(1).await?;
        let (began, before) = (Instant::now(), self.stats.borrow().stored);
        while self.stats.borrow().stored < sales {
            if timeout(PATIENCE, self.stats.changed()).await.is_err() {
                return Err(format!("HQ stopped at {} events", self.stats.borrow().stored));
            }
            most = most.max(self.resident()?);
        }
        Ok((per(sales - before, 1) / began.elapsed().as_secs_f64(), [idle, most]))
    }

    /// A register sells while the hub is connected; returns the times from each answer to HQ's commit.
    async fn while_connected(&mut self, sales: u64) -> Result<Percentiles, String> {
        eprintln!("  selling while connected");
        let identity = fs::read_to_string(self.directory.join("identity/ca.pem")).map_err(|error| error.to_string())?;
        let endpoint = Endpoint::new(self.config.listen.address, &identity)?;
        let code =
            fs::read_to_string(self.config.store.data.join("console-code")).map_err(|error| error.to_string())?;
        let mut console = Client::log_in(endpoint.clone(), &code).await?;
        let drawn =
            console.command("/api/v1/registers/till-1/pairing-code", "pair-till-1", &json!({})).await?.done()?;
        let mut till = Client::pair(endpoint, drawn["code"].as_str().ok_or("no pairing code")?).await?;
        let lines = made_up::some(&self.items, 0);
        let amount: u64 = lines.iter().map(|item| u64::try_from(item.price.minor.get()).unwrap_or(0)).sum();
        let lines = lines.iter().map(|item| json!({ "sku": item.sku, "quantity": { "milli": 1000, "unit": "each" } }));
        let lines: Vec<_> = lines.collect();
        // Pairing was an event, too.
        while till.get("/api/v1/status").await?.body["headquarters"]["lacks"] != 0 {
            sleep(Duration::from_millis(50)).await;
        }
        let mut all = Vec::new();
        for number in 0..sales {
            let sale = json!({ "reference": format!("connected-{number}"), "lines": lines,
                "tenders": [{ "tender": "cash", "amount": amount }] });
            let due = self.stats.borrow().stored + 1;
            till.command("/api/v1/sales", &format!("connected-{number}"), &sale).await?.done()?;
            let answered = Instant::now();
            self.stored(due).await?;
            all.push(answered.elapsed());
        }
        Ok(Percentiles::of(all))
    }

    /// The bodies of the queued sales.
    async fn bodies(&self, sales: u64) -> Result<Arc<[String]>, String> {
        let mut bodies = Vec::new();
        let take = |row: hq::report::sales::SaleRow| {
            if row.sequence.0 <= sales {
                bodies.push(sale::COMPLETED.write(&row.sale).map_err(Failed::said)?.get().to_owned());
            }
            Ok::<_, Failed>(())
        };
        self.ledger.sales(take).await.map_err(|failed| failed.0)?;
        Ok(bodies.into())
    }
}

/// Why something failed.
struct Failed(String);

impl Failed {
    fn said(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<hq::DatabaseError> for Failed {
    fn from(error: hq::DatabaseError) -> Self {
        Self::said(error)
    }
}

fn reached(address: std::net::SocketAddr) -> Result<Broker, String> {
    let address = format!("mqtt://{address}").parse().map_err(|error: link::BadBrokerAddress| error.to_string())?;
    Ok(Broker { address, tls: None, login: None })
}

/// Adds the same sales as other stores' until there are `sales`, and rebuilds all projections; returns the seconds of
/// the rebuild.
async fn rebuild(ledger: &Ledger, bodies: &[String], sales: u64) -> Result<f64, String> {
    eprintln!("  rebuilding the projections of {sales} sales");
    let said = |error: hq::DatabaseError| error.to_string();
    let occurred_at_ms = crate::now_ms();
    let (mut there, mut store) = (ledger.summary().await.map_err(said)?.sales, 1);
    while there < sales {
        store += 1;
        let hub: HubId = format!("store-{store}").parse()?;
        let take = bodies.len().min(usize::try_from(sales - there).unwrap_or(usize::MAX));
        let mut sequence = Sequence(0);
        for part in bodies[..take].chunks(AT_ONCE) {
            let events = part.iter().map(|body| {
                sequence = sequence.next();
                let body = RawValue::from_string(body.clone()).map_err(|error| error.to_string())?;
                Ok(Event { sequence, kind: sale::COMPLETED.name().into(), occurred_at_ms, body })
            });
            let events = events.collect::<Result<_, String>>()?;
            let batch = Batch { hub: hub.clone(), epoch: Epoch(1), stream: Stream::sales(), events, link: None };
            ledger.apply(&batch).await.map_err(said)?;
        }
        there += take as u64;
    }
    let began = SystemTime::now();
    rebuild::rebuild(ledger.database(), |_, _| ()).await.map_err(said)?;
    began.elapsed().map(|took| took.as_secs_f64()).map_err(|error| error.to_string())
}
