//! `store-hub-hq`: headquarters' end, as a program.

mod publish;
mod route;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Parser, Subcommand};
use contract::{Epoch, HubId};
use hq::{
    Exported, Ingest, IngestStats, MemoryLedger, MemoryQueues, Publisher, Queues,
    down::{QueueSummary, RefusedItem},
};
use link::{Broker, BrokerAddress, Identity, Login};
use serde::Serialize;

/// Headquarters' end of the store hubs.
#[derive(Parser)]
#[command(name = "store-hub-hq", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// How often a renewed certificate is looked for.
const LOOK_FOR_RENEWED: Duration = Duration::from_secs(60);

/// Hubs named in a report, of those that need a person.
const NAMED: usize = 10;

#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)] // there is one
enum Command {
    /// Route orders to stores, with the reasons. Orders and stores are read from files.
    Route(route::Options),
    /// Take the sales of all hubs from a broker. The ledger is in memory and gone when this program ends.
    Ingest {
        /// Such as mqtts://hq.example.com:8883.
        #[arg(long)]
        broker: BrokerAddress,
        /// PEM file of the authority that signed the broker's certificate; needed for mqtts.
        #[arg(long)]
        ca: Option<PathBuf>,
        /// PEM file of this program's certificate, if the broker asks for one.
        #[arg(long, requires = "key")]
        certificate: Option<PathBuf>,
        /// PEM file of its key.
        #[arg(long, requires = "certificate")]
        key: Option<PathBuf>,
        /// The user name for the broker, if it asks for one.
        #[arg(long, requires = "password_file")]
        username: Option<String>,
        /// A file whose first line is its password.
        #[arg(long, requires = "username")]
        password_file: Option<PathBuf>,
        /// A new file that gets every sale as a line of JSON: hub, epoch, sequence, sale.
        #[arg(long)]
        export: Option<PathBuf>,
        /// A new file that gets, when this program ends, what each store has of each item as a line of JSON: hub,
        /// epoch, sku, unit, and thousandths in each state.
        #[arg(long)]
        stock: Option<PathBuf>,
        /// A new file that gets, when this program ends, each item of a transfer of which the two stores do not tell
        /// the same, or not yet, as a line of JSON: from, transfer, sent_at_ms, received_by, sku, unit, and thousandths
        /// sent, received, arrived and short.
        #[arg(long)]
        transfers: Option<PathBuf>,
        /// A file of items to send to the hubs of --to: a JSON array of items, or one item a line, each as a hub's POST
        /// /api/v1/items takes it. What hubs have not taken when this program ends is gone.
        #[arg(long, requires = "to")]
        publish_items: Option<PathBuf>,
        /// A hub that gets the items of --publish-items; may be given again.
        #[arg(long, requires = "publish_items")]
        to: Vec<HubId>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(tracing::Level::INFO).init();
    let command = match Arguments::parse().command {
        Command::Route(options) => return route::run(&options),
        ingest @ Command::Ingest { .. } => ingest,
    };
    let Command::Ingest {
        broker,
        ca,
        certificate,
        key,
        username,
        password_file,
        export,
        stock,
        transfers,
        publish_items,
        to,
    } = command
    else {
        return ExitCode::FAILURE;
    };
    let access = access(broker, ca.as_deref(), certificate.zip(key), username.zip(password_file));
    let (broker, identity) = match access {
        Ok(access) => access,
        Err(why) => return refuse(&why),
    };
    let (stock, transfers) = match (Report::new(stock), Report::new(transfers)) {
        (Ok(stock), Ok(transfers)) => (stock, transfers),
        (Err(why), _) | (_, Err(why)) => return refuse(&why),
    };
    let published = match publish_items.map(|path| publish::read(&path)).transpose() {
        Ok(items) => items,
        Err(why) => return refuse(&why),
    };
    let ledger = MemoryLedger::default();
    let began_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let queues = MemoryQueues::new(Epoch(u64::try_from(began_ms).unwrap_or(u64::MAX)));
    let _publisher = match published {
        None => None,
        Some(items) => match publish::append(&queues, &items, &to).await {
            Ok(()) => Some(Publisher::start(broker.clone(), queues.clone())),
            Err(why) => return refuse(&why),
        },
    };
    let ingest = match export {
        None => Ingest::start(broker, ledger.clone()),
        Some(path) => match Exported::new(ledger.clone(), &path) {
            Ok(exported) => Ingest::start(broker, exported),
            Err(error) => {
                return refuse(&format!("{}: could not create the file: {error}; name a new one", path.display()));
            }
        },
    };
    eprintln!("The ledger is in memory: it is gone when this program ends. Ctrl-C ends it with the sums.");
    let mut every = tokio::time::interval(Duration::from_secs(5));
    let mut renewed = tokio::time::interval(LOOK_FOR_RENEWED);
    loop {
        tokio::select! {
            _ = every.tick() => {
                let (stats, summary) = (ingest.stats().borrow().clone(), ledger.summary());
                let line = if stats.connected { "connected" } else { "no broker" };
                eprintln!("{line}  {} sales  {} lines  net {}  repeated {}  quarantined {}",
                    summary.sales, summary.lines, summary.net_minor, summary.repeated_events, summary.quarantined);
                name_hubs(&stats);
                if let Ok(sent) = queues.summary().await
                    && sent != QueueSummary::default()
                {
                    eprintln!("items: {} applied  {} refused  {} waiting  {} lost",
                        sent.applied, sent.refused, sent.waiting, sent.lost);
                }
            }
            _ = renewed.tick() => if let Some(Err(why)) = identity.as_ref().map(|identity| identity.reload()) {
                eprintln!("could not take over a renewed certificate: {why}; the former one is shown still");
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    for RefusedItem { hub, body, why, .. } in queues.refused().await.unwrap_or_default() {
        eprintln!("{hub} refused an item: {}: {}", why.escape_debug(), body.get());
    }
    // Each, even if another fails.
    let written = [stock.write(&ledger.stock()), transfers.write(&ledger.transfers())];
    for why in written.iter().filter_map(|written| written.as_ref().err()) {
        eprintln!("store-hub-hq: {why}");
    }
    if written.iter().any(Result::is_err) {
        return ExitCode::FAILURE;
    }
    match serde_json::to_string_pretty(&ledger.summary()) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("store-hub-hq: could not write the summary: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments cannot be followed.
fn refuse(why: &str) -> ExitCode {
    eprintln!("store-hub-hq: {why}");
    ExitCode::from(2)
}

/// A file that gets rows as lines of JSON when this program ends, if it was asked for.
struct Report(Option<(PathBuf, File)>);

impl Report {
    fn new(path: Option<PathBuf>) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create_new(&path);
        let file =
            file.map_err(|error| format!("{}: could not create the file: {error}; name a new one", path.display()))?;
        Ok(Self(Some((path, file))))
    }

    fn write(self, rows: &[impl Serialize]) -> Result<(), String> {
        let Some((path, file)) = self.0 else { return Ok(()) };
        let mut file = BufWriter::new(file);
        let write = |row| -> io::Result<()> {
            serde_json::to_writer(&mut file, row)?;
            file.write_all(b"\n")
        };
        let written = rows.iter().try_for_each(write).and_then(|()| file.flush());
        written.map_err(|error| format!("{}: could not write the file: {error}", path.display()))
    }
}

/// Names hubs that need a person; of many only some. Hubs are named by whoever may publish.
fn name_hubs(stats: &IngestStats) {
    for (hub, why) in stats.stopped.iter().take(NAMED) {
        eprintln!("{hub}: store stopped, not selling: {}", why.escape_debug());
    }
    for (hub, (earlier, later)) in stats.namesakes.iter().take(NAMED) {
        eprintln!("{hub}: two hubs have this name, in epochs {earlier} and {later}; give each its own");
    }
    for (hub, (stream, up_to)) in stats.diverged.iter().take(NAMED) {
        eprintln!("{hub}: has other events of {stream} up to {up_to} than were heard of it: disk set back, or copied?");
    }
    let counts = [stats.stopped.len(), stats.namesakes.len(), stats.diverged.len()];
    let unnamed: usize = counts.map(|count| count.saturating_sub(NAMED)).iter().sum();
    if unnamed > 0 {
        eprintln!("... and {unnamed} more hubs that need a person");
    }
}

/// How to reach the broker, and the identity that is shown to it.
fn access(
    address: BrokerAddress,
    ca: Option<&Path>,
    own: Option<(PathBuf, PathBuf)>,
    login: Option<(String, PathBuf)>,
) -> Result<(Broker, Option<Arc<Identity>>), String> {
    let login = login.map(|(username, file)| {
        let text = fs::read_to_string(&file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        Ok::<_, String>(Login { username, password: text.lines().next().unwrap_or_default().to_owned() })
    });
    let login = login.transpose()?;
    if !address.tls {
        return Ok((Broker { address, tls: None, login }, None));
    }
    let ca = ca.ok_or("mqtts needs --ca, the PEM file of the authority that signed the broker's certificate")?;
    let roots = link::trust::roots_from_file(ca).map_err(|error| error.to_string())?;
    let identity = own.map(|(certificate, key)| Identity::open(&certificate, &key).map(Arc::new));
    let identity = identity.transpose().map_err(|error| error.to_string())?;
    let tls = link::client_config(roots, identity.clone()).map_err(|error| error.to_string())?;
    Ok((Broker { address, tls: Some(tls), login }, identity))
}
