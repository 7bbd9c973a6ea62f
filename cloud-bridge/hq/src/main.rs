//! `store-hub-hq`: headquarters' end, as a program.

mod publish;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Parser, Subcommand};
use contract::{Epoch, HubId};
use hq::{
    Exported, Ingest, IngestConfig, MemoryLedger, MemoryQueues, Publisher, Queues,
    down::{QueueSummary, RefusedItem},
};
use link::{BrokerAddress, Identity};
use rustls::ClientConfig;
use serde::Serialize;

/// Headquarters' end of the store hubs.
#[derive(Parser)]
#[command(name = "store-hub-hq", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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
    let Command::Ingest { broker, ca, certificate, key, export, stock, transfers, publish_items, to } =
        Arguments::parse().command;
    let tls = match trust(&broker, ca, certificate.zip(key)) {
        Ok(tls) => tls,
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
    let config = IngestConfig { broker, tls };
    let began_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let queues = MemoryQueues::new(Epoch(u64::try_from(began_ms).unwrap_or(u64::MAX)));
    let _publisher = match published {
        None => None,
        Some(items) => match publish::append(&queues, &items, &to).await {
            Ok(()) => Some(Publisher::start(config.clone(), queues.clone())),
            Err(why) => return refuse(&why),
        },
    };
    let ingest = match export {
        None => Ingest::start(config, ledger.clone()),
        Some(path) => match Exported::new(ledger.clone(), &path) {
            Ok(exported) => Ingest::start(config, exported),
            Err(error) => {
                return refuse(&format!("{}: could not create the file: {error}; name a new one", path.display()));
            }
        },
    };
    eprintln!("The ledger is in memory: it is gone when this program ends. Ctrl-C ends it with the sums.");
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = every.tick() => {
                let (stats, summary) = (ingest.stats().borrow().clone(), ledger.summary());
                let line = if stats.connected { "connected" } else { "no broker" };
                eprintln!("{line}  {} sales  {} lines  net {}  repeated {}  quarantined {}",
                    summary.sales, summary.lines, summary.net_minor, summary.repeated_events, summary.quarantined);
                for (hub, why) in &stats.stopped {
                    eprintln!("{hub}: store stopped, not selling: {}", why.escape_debug());
                }
                if let Ok(sent) = queues.summary().await
                    && sent != QueueSummary::default()
                {
                    eprintln!("items: {} applied  {} refused  {} waiting  {} lost",
                        sent.applied, sent.refused, sent.waiting, sent.lost);
                }
            }
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

fn trust(
    broker: &BrokerAddress,
    ca: Option<PathBuf>,
    own: Option<(PathBuf, PathBuf)>,
) -> Result<Option<Arc<ClientConfig>>, String> {
    if !broker.tls {
        return Ok(None);
    }
    let ca = ca.ok_or("mqtts needs --ca, the PEM file of the authority that signed the broker's certificate")?;
    let config = link::trust::roots_from_file(&ca).and_then(|roots| {
        let own = own.map(|(certificate, key)| Identity::from_files(&certificate, &key)).transpose()?;
        link::client_config(roots, own)
    });
    config.map(Some).map_err(|error| error.to_string())
}
