//! A whole store in one process tree: the hub as it would run in a store, simulated devices on real connections, a
//! broker and HQ.
//!
//! The hub is a child process with an ordinary config file, restarted when it dies. The demo simulates everything
//! around it. The hub does not know that it is a demo, except that its page can cut the connection to HQ.

pub mod bench;
mod client;
pub mod control;
mod data;
pub mod drain;
pub mod fleet;
mod hq_server;
mod hub_process;
pub mod parent_pipe;
mod publications;
mod register;
mod replay;
mod screen;
pub mod simulate;
mod stage;
mod store_config;
mod wan;
mod web_orders;

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use store::EngineKind;

use self::{
    client::Client,
    data::Data,
    register::{Pays, Register},
    stage::Stage,
};

/// The number of lanes.
const LANES: usize = 4;

/// Run the demo
#[derive(clap::Args)]
pub struct Arguments {
    /// Keep the store in this directory and continue with it; by default a temporary directory is used
    #[arg(long)]
    data: Option<PathBuf>,
    /// The storage engine: sled or sqlite
    #[arg(long, default_value_t)]
    engine: EngineKind,
    /// Replay, then stop; exit with 0 only if HQ has every basket once, to the cent, and every order as the store has
    /// it
    #[arg(long, requires = "replay")]
    once: bool,
    /// Sell all baskets of this directory (items.csv, baskets.csv) as fast as the hub accepts them, then some web
    /// orders
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// Write the replay's results to this file
    #[arg(long, value_name = "FILE", requires = "replay")]
    json: Option<PathBuf>,
    /// Keep selling at a realistic pace, with web orders
    #[arg(long, conflicts_with = "once")]
    sell: bool,
}

/// Runs the demo.
///
/// # Errors
/// The error, for people.
pub fn run(arguments: Arguments) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // As a `dyn Future` it is compiled in this crate. An `async fn` would be compiled in the binary, with everything
    // that it calls.
    Box::pin(play(arguments))
}

async fn play(arguments: Arguments) -> Result<(), String> {
    // The data first, so that nothing is started if a file is invalid.
    let data = match &arguments.replay {
        Some(directory) => Data::read(directory)?,
        None => Data::built_in()?,
    };
    let fresh = Fresh::new(arguments.data.as_deref())?;
    let stage = Stage::build(fresh.path.clone(), arguments.engine, LANES).await?;
    let clients = tokio::select! {
        opened = stage.open_store(&data) => opened?,
        _ = tokio::signal::ctrl_c() => return Ok(()),
    };
    control::listen(Arc::clone(&stage.devices))?;
    screen::welcome(&stage, data.items.len(), &stage.console_code().await?, &stage.server.page_key().await?);
    if arguments.replay.is_some() {
        let twins = clients.iter().map(Client::twin).collect();
        let play = async {
            let mut report = replay::replay(&stage, &data, twins).await?;
            report.orders = web_orders::act(&stage, &data, clients[0].twin()).await?;
            Ok::<_, String>(report)
        };
        let report = tokio::select! {
            report = play => report?,
            _ = tokio::signal::ctrl_c() => return Err("interrupted before the replay was complete".into()),
        };
        println!("\n{}", report.table(stage.config.store.currency));
        if let Some(path) = &arguments.json {
            let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
            std::fs::write(path, text + "\n")
                .map_err(|error| format!("could not write {}: {error}", path.display()))?;
        }
        if !report.is_right() {
            let differences = [report.differences, report.orders.differences].concat();
            return Err(format!("HQ's ledger differs from the input:\n  {}", differences.join("\n  ")));
        }
        println!("  HQ has every basket once, to the cent, and every order as the store has it.");
    }
    if arguments.once {
        return Ok(());
    }
    // Whoever tries the register finds offers. Baskets of the data have prices of their own.
    let mut _announcer = None;
    if arguments.replay.is_none() && !arguments.sell {
        stage.publications.publish_offers(&stage.config.store.hub).await?;
        _announcer = Some(stage.publications.announce());
    }
    let mut story = None;
    if arguments.sell {
        story = Some(web_orders::trickle(&stage, &data, &clients[0]).await?);
        keep_selling(&stage, data, clients);
    }
    screen::watch(&stage, story).await
}

/// Sells basket after basket on every lane, at the pace of people.
fn keep_selling(stage: &Stage, data: Data, clients: Vec<Client>) {
    // Somebody uses the scale: apples, then nothing, then a melon.
    let scale = Arc::clone(&stage.devices.scale);
    tokio::spawn(async move {
        for grams in [1_234, 0, 645, 0, 2_980, 0].into_iter().cycle() {
            scale.put(grams);
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    });
    let baskets = Arc::new(data.baskets);
    let run = now_ms();
    for (lane, (client, scanner)) in clients.into_iter().zip(&stage.devices.scanners).enumerate() {
        let baskets = Arc::clone(&baskets);
        let mut register = Register::new(client, Arc::clone(scanner));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(lane as u64)).await;
            for (round, basket) in baskets.iter().cycle().skip(lane * 7).step_by(LANES).enumerate() {
                let key = format!("sell-{run}-{lane}-{round}");
                let pays = if round % 5 < 3 { Pays::Card } else { Pays::Cash };
                // Half a second to one and a half seconds per line.
                let pause = Duration::from_millis(500 + basket.lines.len() as u64 * 97 % 1_000);
                if let Err(why) =
                    register.sell(basket, &key, &format!("{}-{run}-{round}", basket.id), pays, pause).await
                {
                    tracing::error!(lane = lane + 1, %why, "could not sell a basket");
                }
                (register.scans, register.sales) = (Vec::new(), Vec::new());
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
    }
}

/// The directory of the store; removed at the end if it is temporary.
struct Fresh {
    path: PathBuf,
    own: bool,
}

impl Fresh {
    fn new(kept: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = kept {
            return Ok(Self { path: path.to_owned(), own: false });
        }
        let path = std::env::temp_dir().join(format!("store-hub-demo-{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(Self { path, own: true })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.own {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
