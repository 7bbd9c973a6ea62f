//! Benchmarks: speed, size and start-up time of the hub, compared with the limits of the machine in the same run.
//!
//! Registers, terminals, printer, broker and HQ run on the same machine and use part of it. The results:
//!
//! | result | compared with |
//! | --- | --- |
//! | durable sales of the committer alone | appending the same bytes with a flush per group |
//! | whole sales over TLS, by card (two flushes) and by cash (one) | appends of 4 KiB with fdatasync |
//! | items looked up by GTIN, over TLS | a constant answer of the same server |
//! | a whole catalog loaded through the API, and sales meanwhile | sales before |
//! | lists of large sales read without a pause, and sales meanwhile | sales before |
//! | what of a sale can come back, by its receipt, anywhere in the history | |
//! | an order from the web shop's request to a register's screen | |
//! | handovers of orders | sales |
//! | sales with 50,000 open orders | sales without orders |
//! | from a kill to the first answer; memory; bytes on the disk | |
//!
//! With `--stored` the store has a history ([`made_up`]).

mod disk;
mod durable;
mod load;
mod lookup;
pub(crate) mod made_up;
mod orders;
mod receipts;
mod report;
mod start;

use std::{
    path::PathBuf,
    pin::Pin,
    time::{Duration, Instant},
};

use commerce::Item;
use load::Load;
use report::{Catalog, Lists, Lookup, Report, Sales, Size, Start};
use serde_json::json;
use store::{EngineKind, Timings};

use crate::{Fresh, client::Client, data::Data, replay::Percentiles, stage::Stage};

/// The maximum number of registers.
const LANES: usize = 32;

/// The numbers of registers that are measured.
const REGISTERS: [usize; 3] = [1, 8, LANES];

/// The number of registers that sell while something else is measured, and the pause of each between two sales: a store
/// at its busiest.
const BUSY: (usize, Duration) = (4, Duration::from_millis(20));

/// The sales on a page of a list, and the lines of each.
const LISTED: (usize, usize) = (100, 400);

/// The maximum time until a publication is active.
const PUBLISHED: Duration = Duration::from_mins(5);

/// Lookups per second at the steady rate.
const STEADY: u32 = 2_000;

/// The number of starts that are measured.
const STARTS: usize = 3;

/// Run the benchmarks
#[derive(clap::Args)]
pub struct Arguments {
    /// The directory of the store, on the disk to be measured
    #[arg(long)]
    data: Option<PathBuf>,
    /// The storage engine: sled or sqlite
    #[arg(long, default_value_t)]
    engine: EngineKind,
    /// Seconds per result
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Items in the catalog
    #[arg(long, default_value_t = 2_112)]
    items: usize,
    /// Earlier sales in the store
    #[arg(long, default_value_t = 0)]
    stored: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Only measure orders
    #[arg(long)]
    orders: bool,
}

/// A store with a history, and its registers.
struct Bench {
    stage: Stage,
    clients: Vec<Client>,
    items: Vec<Item>,
    span: Duration,
    sold: u64,
}

/// Measures, and prints the results.
///
/// # Errors
/// Something could not be started, or a sale was refused.
pub fn run(arguments: Arguments) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // A `dyn Future` for the reason given at `demo::run`.
    Box::pin(measure(arguments))
}

async fn measure(arguments: Arguments) -> Result<(), String> {
    let real = Data::built_in()?;
    let items = made_up::items(&real.items, arguments.items.clamp(made_up::LINES, 1_000_000));
    let fresh = Fresh::new(arguments.data.as_deref())?;
    let span = Duration::from_secs(arguments.seconds.clamp(1, 600));
    if arguments.orders {
        let orders = orders::measure(&fresh.path, arguments.engine, &items).await?;
        if arguments.json {
            println!("{}", serde_json::to_string_pretty(&orders).map_err(|error| error.to_string())?);
        } else {
            println!("\n{}", orders.table());
        }
        return Ok(());
    }
    if arguments.stored > 0 {
        eprintln!("  generating {} earlier sales", arguments.stored);
    }
    let stage = Stage::build_after(fresh.path.clone(), arguments.engine, LANES, async |config, ledger| {
        if arguments.stored == 0 {
            return Ok(());
        }
        made_up::fill(config, Some(ledger), &items, arguments.stored).await
    })
    .await?;
    // With a history the catalog is already there; otherwise it is loaded as a person would.
    let load = if arguments.stored == 0 { items.clone() } else { Vec::new() };
    let clients = stage.open_store(&Data { items: load, baskets: Vec::new() }).await?;
    let mut bench = Bench { stage, clients, items, span, sold: 0 };
    let first_raw = bench.raw().await?;
    let (first_answer_ms, resident_mb) = bench.starts().await?;
    let lookup = bench.lookup().await?;
    let (mut sales, mut resident_later_mb) = (Vec::new(), Vec::new());
    for by_card in [true, false] {
        for registers in REGISTERS {
            sales.push(bench.sales(registers, by_card).await?);
        }
        resident_later_mb.push((bench.sold, megabytes(start::resident(&bench.stage)?)));
    }
    let hq_lag_s = bench.wait_for_hq().await;
    let receipt_ms = receipts::measure(&mut bench.clients[0].twin(), arguments.stored + bench.sold).await?;
    let lists = bench.lists().await?;
    let catalog = bench.catalog().await?;
    let published = bench.published().await?;
    let resident_reloaded_mb = megabytes(start::resident(&bench.stage)?);
    let size = bench.size(arguments.stored).await?;
    let mut durable = Vec::new();
    for callers in REGISTERS {
        eprintln!("  the committer alone, {callers} callers");
        let currency = bench.stage.config.store.currency;
        durable.push(
            durable::measure(&bench.stage.directory, arguments.engine, currency, &bench.items, callers, span).await?,
        );
    }
    let orders = orders::measure(&bench.stage.directory, arguments.engine, &bench.items).await?;
    let raw_appends_per_s = [first_raw, bench.raw().await?];
    let limit = f64::midpoint(raw_appends_per_s[0], raw_appends_per_s[1]);
    for figure in &mut sales {
        figure.ratio_to_raw = figure.rate_per_s / limit;
    }
    let report = Report {
        engine: arguments.engine,
        items: bench.items.len(),
        stored: arguments.stored,
        raw_appends_per_s,
        durable,
        sales,
        lookup,
        catalog,
        published,
        lists,
        receipt_ms,
        orders,
        start: Start { first_answer_ms, resident_mb, resident_later_mb, resident_reloaded_mb },
        size,
        hq_lag_s,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{}", report.table());
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The average per item.
#[allow(clippy::cast_precision_loss)] // figures for people
fn each(all: u64, count: usize) -> f64 {
    all as f64 / count.max(1) as f64
}

impl Bench {
    async fn raw(&self) -> Result<f64, String> {
        let directory = self.stage.directory.clone();
        let raw = tokio::task::spawn_blocking(move || disk::appends_per_s(&directory, Duration::from_secs(2)));
        raw.await.map_err(|error| error.to_string())?
    }

    async fn starts(&self) -> Result<(Vec<f64>, f64), String> {
        let path = lookup::by_gtin(&self.items).first().cloned().ok_or("no item has a GTIN")?;
        let mut starts = Vec::new();
        for number in 1..=STARTS {
            eprintln!("  start {number}");
            starts.push(start::restart(&self.stage, &self.clients[0], &path).await?.as_secs_f64() * 1e3);
        }
        Ok((starts, megabytes(start::resident(&self.stage)?)))
    }

    async fn lookup(&mut self) -> Result<Lookup, String> {
        eprintln!("  items by GTIN");
        let (paths, constant) = (lookup::by_gtin(&self.items), lookup::constant());
        let client = self.clients[0].twin();
        // Alternating, because the machine is shared and its speed varies.
        let (mut rates, mut constant_rates) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            rates.push(lookup::rate(&client, &paths, self.span / 3).await?);
            constant_rates.push(lookup::rate(&client, &constant, self.span / 3).await?);
        }
        let middle = |rates: &mut Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        };
        let (per_s, constant_per_s) = (middle(&mut rates), middle(&mut constant_rates));
        let (registers, pause) = BUSY;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        let selling = lookup::at_rate(&client, &paths, STEADY, self.span).await?;
        let constant = lookup::at_rate(&client, &constant, STEADY, self.span).await?;
        self.sold += load.end().await?.0.len() as u64;
        Ok(Lookup {
            per_s,
            constant_per_s,
            ratio: per_s / constant_per_s,
            while_selling_ms: Percentiles::of(selling),
            constant_while_selling_ms: Percentiles::of(constant),
        })
    }

    async fn timings(&self) -> Result<Timings, String> {
        let told = self.clients[0].twin().get("/demo/timings").await?.done()?;
        serde_json::from_value(told).map_err(|error| error.to_string())
    }

    async fn sales(&mut self, registers: usize, by_card: bool) -> Result<Sales, String> {
        let paid_by = if by_card { "card" } else { "cash" };
        eprintln!("  {registers} registers, {paid_by}");
        let before = self.timings().await?;
        let (all, took) = Load::run(&self.clients, &self.items, registers, by_card, self.span).await?;
        let spent = durable::difference(before, self.timings().await?);
        self.sold += all.len() as u64;
        let count = all.len();
        Ok(Sales {
            paid_by,
            registers,
            rate_per_s: each(count as u64, 1) / took.as_secs_f64(),
            ms: Percentiles::of(all),
            ratio_to_raw: 0.0,
            deciding_us: each(spent.deciding_us, count),
            applying_us: each(spent.applying_us, count),
            flushing_us: each(spent.flushing_us, count),
        })
    }

    async fn catalog(&mut self) -> Result<Catalog, String> {
        eprintln!("  loading the catalog again while selling");
        let (registers, pause) = BUSY;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        tokio::time::sleep(self.span).await;
        let (before, _) = load.end().await?;
        let mut console = Client::log_in(self.stage.endpoint.clone(), &self.stage.console_code().await?).await?;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        let began = Instant::now();
        for (part, items) in self.items.chunks(app::catalog::MAX_LOAD).enumerate() {
            console
                .command("/api/v1/items", &format!("catalog-{part:03}"), &json!({ "items": items }))
                .await?
                .done()?;
        }
        let load_s = began.elapsed().as_secs_f64();
        let (meanwhile, _) = load.end().await?;
        self.sold += (before.len() + meanwhile.len()) as u64;
        Ok(Catalog { load_s, sale_before_ms: Percentiles::of(before), sale_meanwhile_ms: Percentiles::of(meanwhile) })
    }

    /// Connections that read a page of large sales without a pause, while four registers sell.
    async fn lists(&mut self) -> Result<Lists, String> {
        eprintln!("  listing sales while selling");
        let (sales, lines) = LISTED;
        let lines: Vec<_> = self.items.iter().cycle().take(lines).map(|item| json!({ "sku": item.sku })).collect();
        let sale = json!({ "lines": lines, "tenders": [{ "tender": "cash", "amount": 100_000_000 }] });
        let (mut client, mut last) = (self.clients[0].twin(), None);
        for number in 0..sales {
            let sold = client.command("/api/v1/sales", &format!("bench-listed-{number:03}"), &sale).await?.done()?;
            last = sold["sale"].as_str().and_then(|id| id.split_once('-')?.1.parse::<u64>().ok());
        }
        self.sold += sales as u64;
        let last = last.ok_or("a sale without an id")?;
        let page = [format!("/api/v1/sales?limit={sales}&before={}", last + 1)].into();
        let (registers, pause) = BUSY;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        tokio::time::sleep(self.span).await;
        let (before, _) = load.end().await?;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        let per_s = lookup::rate(&client, &page, self.span).await?;
        let (meanwhile, _) = load.end().await?;
        self.sold += (before.len() + meanwhile.len()) as u64;
        Ok(Lists { per_s, sale_before_ms: Percentiles::of(before), sale_meanwhile_ms: Percentiles::of(meanwhile) })
    }

    /// The same catalog from HQ: fetched, checked and in force, while four registers sell. HQ's own work is done
    /// before.
    async fn published(&mut self) -> Result<Catalog, String> {
        eprintln!("  the catalog published by HQ, while selling …");
        let (registers, pause) = BUSY;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        tokio::time::sleep(self.span).await;
        let (before, _) = load.end().await?;
        let version = self.stage.publications.publish(&self.stage.config.store.hub, &self.items).await?;
        let load = Load::start(&self.clients, &self.items, registers, false, pause);
        let began = Instant::now();
        let _announcer = self.stage.publications.announce();
        while !self.stage.publications.is_active(version).await? {
            if began.elapsed() > PUBLISHED {
                return Err(format!(
                    "the hub does not sell by the catalog after {} s; see its log",
                    PUBLISHED.as_secs()
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let load_s = began.elapsed().as_secs_f64();
        let (meanwhile, _) = load.end().await?;
        self.sold += (before.len() + meanwhile.len()) as u64;
        Ok(Catalog { load_s, sale_before_ms: Percentiles::of(before), sale_meanwhile_ms: Percentiles::of(meanwhile) })
    }

    async fn wait_for_hq(&self) -> f64 {
        let began = Instant::now();
        let has_all = async || self.stage.ledger.summary().await.is_ok_and(|summary| summary.sales >= self.sold);
        while !has_all().await && began.elapsed() < Duration::from_mins(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (began.elapsed().as_secs_f64() * 100.0).round() / 100.0
    }

    async fn size(&self, stored: u64) -> Result<Size, String> {
        let status = self.clients[0].twin().get("/api/v1/status").await?.done()?;
        let bytes = |name: &str| status["keeping"][name].as_u64().unwrap_or(0);
        let (store, archive) = (bytes("store_bytes"), bytes("archive_bytes"));
        let sales = usize::try_from(stored + self.sold).unwrap_or(usize::MAX);
        Ok(Size {
            store_mb: megabytes(store),
            archive_mb: megabytes(archive),
            bytes_per_sale: each(store + archive, sales),
        })
    }
}
