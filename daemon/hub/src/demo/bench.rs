//! Whole sales per second through the LAN API over TLS, beside the raw append + fdatasync rate of the same disk in the same run.
//!
//! A sale is one command: five lines, paid, receipt queued. By card it is taken by a terminal on TCP (two flushes: the intent, then the result
//! with the sale); by cash it is one flush. Registers, terminals, printer, broker and HQ run on the same machine and take their share of it.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::{Value, json};
use store::EngineKind;

use super::{Fresh, client::Client, data::Data, own_data, replay::Percentiles, stage::Stage};

/// The most registers at once.
const LANES: usize = 32;

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the store lies: the disk that is measured
    #[arg(long)]
    data: Option<PathBuf>,
    /// What keeps the store: sled or sqlite
    #[arg(long, default_value_t)]
    engine: EngineKind,
    /// Seconds for each figure
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Answer as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Figure {
    paid_by: &'static str,
    registers: usize,
    sales_per_s: f64,
    commit_ms: Percentiles,
    ratio_to_raw: f64,
}

#[derive(Serialize)]
struct Figures {
    engine: EngineKind,
    raw_fdatasync_per_s: f64,
    sales: Vec<Figure>,
    lag_after_s: f64,
}

/// Measures and prints.
///
/// # Errors
/// Something could not be started, or a sale was refused.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let data = own_data()?;
    let fresh = Fresh::new(arguments.data.as_deref())?;
    let stage = Stage::build(fresh.path.clone(), arguments.engine, LANES).await?;
    let clients = stage.open_store(&data).await?;
    let span = Duration::from_secs(arguments.seconds.clamp(1, 600));
    let disk = stage.directory.clone();
    let raw = || {
        let disk = disk.clone();
        tokio::task::spawn_blocking(move || raw_rate(&disk, Duration::from_secs(2)))
    };
    let first = raw().await.map_err(|error| error.to_string())??;
    let mut measured = Vec::new();
    for paid_by in ["card", "cash"] {
        for registers in [1, 8, LANES] {
            eprintln!("  {registers} registers, {paid_by} …");
            measured.push(measure(&clients, &data, paid_by, registers, span).await?);
        }
    }
    let second = raw().await.map_err(|error| error.to_string())??;
    // The disk may be busy with others: the mean of before and after.
    let raw_rate = f64::midpoint(first, second);
    let drained = Instant::now();
    let sold: u64 = measured.iter().map(|(_, _, all, _)| all.len() as u64).sum();
    while stage.ledger.summary().sales < sold && drained.elapsed() < Duration::from_mins(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let figures = Figures {
        engine: arguments.engine,
        raw_fdatasync_per_s: raw_rate.round(),
        sales: measured
            .into_iter()
            .map(|(paid_by, registers, all, elapsed)| {
                let rate = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
                Figure {
                    paid_by,
                    registers,
                    sales_per_s: rate.round(),
                    commit_ms: Percentiles::of(all),
                    ratio_to_raw: (rate / raw_rate * 100.0).round() / 100.0,
                }
            })
            .collect(),
        lag_after_s: (drained.elapsed().as_secs_f64() * 100.0).round() / 100.0,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())?);
        return Ok(());
    }
    println!("\n  {}; raw append of 4 KiB + fdatasync: {} /s\n", figures.engine, figures.raw_fdatasync_per_s);
    println!("  paid by  registers    sales/s   of raw     p50 ms     p99 ms     max ms");
    for figure in &figures.sales {
        let Percentiles { p50, p99, max } = figure.commit_ms;
        println!(
            "  {:<8} {:>9} {:>10} {:>8} {p50:>10.2} {p99:>10.2} {max:>10.2}",
            figure.paid_by, figure.registers, figure.sales_per_s, figure.ratio_to_raw
        );
    }
    println!("\n  HQ had all of them {} s after the last", figures.lag_after_s);
    Ok(())
}

type Measured = (&'static str, usize, Vec<Duration>, Duration);

async fn measure(
    clients: &[Client],
    data: &Data,
    paid_by: &'static str,
    registers: usize,
    span: Duration,
) -> Result<Measured, String> {
    let lines: Vec<Value> = data
        .items
        .iter()
        .filter(|item| item.price.minor.is_positive() && !item.price.per.is_measure())
        .take(5)
        .map(|item| json!({ "sku": item.sku }))
        .collect();
    let run = crate::hub::now_ms();
    let began = Instant::now();
    let mut lanes = Vec::new();
    for (lane, client) in clients.iter().take(registers).enumerate() {
        let (mut client, lines) = (client.twin(), lines.clone());
        lanes.push(tokio::spawn(async move {
            let mut all = Vec::new();
            while began.elapsed() < span {
                let mut sale = json!({ "lines": lines, "card": paid_by == "card" });
                if paid_by == "cash" {
                    sale["tenders"] = json!([{ "tender": "cash", "amount": 100_000 }]);
                }
                let key = format!("bench-{run}-{lane}-{}", all.len());
                let asked = Instant::now();
                client.command("/api/v1/sales", &key, &sale).await?.done()?;
                all.push(asked.elapsed());
            }
            Ok::<_, String>(all)
        }));
    }
    let mut all = Vec::new();
    for lane in lanes {
        all.extend(lane.await.map_err(|error| error.to_string())??);
    }
    Ok((paid_by, registers, all, began.elapsed()))
}

/// How often a second this disk takes 4 KiB for good.
fn raw_rate(directory: &Path, span: Duration) -> Result<f64, String> {
    let path = directory.join("raw");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    let block = [0x5a; 4096];
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < span {
        file.write_all(&block).and_then(|()| file.sync_data()).map_err(failed)?;
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(failed)?;
    Ok(rate)
}
