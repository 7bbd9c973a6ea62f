//! A whole store in one process tree: the hub as it would run in a store, simulated devices on real wires, a broker and
//! HQ.
//!
//! The hub is a child process with an ordinary config file, started again when it dies. The demo plays everything
//! around it; nothing in the hub knows that it is a demo, except that its page may ask to cut the line to HQ.

pub mod bench;
mod client;
mod data;
mod hub_process;
pub mod parent_pipe;
mod register;
mod replay;
mod screen;
mod stage;
mod store_config;
mod wan;

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

/// Lanes of the demo's store.
const LANES: usize = 4;

/// What to show.
#[derive(clap::Args)]
pub struct Arguments {
    /// Keep the store's state here and go on from it; without it, a fresh directory is made and removed at the end
    #[arg(long)]
    data: Option<PathBuf>,
    /// What keeps the store: sled or sqlite
    #[arg(long, default_value_t)]
    engine: EngineKind,
    /// Replay, then stop: exit 0 only if HQ has every basket, once, to the cent
    #[arg(long, requires = "replay")]
    once: bool,
    /// Sell all baskets of this directory (items.csv, baskets.csv) as fast as the hub takes them
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// Write the replay's figures to this file
    #[arg(long, value_name = "FILE", requires = "replay")]
    json: Option<PathBuf>,
    /// Keep selling, at a shop's pace
    #[arg(long, conflicts_with = "once")]
    sell: bool,
}

/// Runs the demo.
///
/// # Errors
/// What went wrong, for people.
pub fn run(arguments: Arguments) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
    // As a `dyn Future` it is compiled in this crate. An `async fn` would be compiled, with all that it calls, in the
    // binary.
    Box::pin(play(arguments))
}

async fn play(arguments: Arguments) -> Result<(), String> {
    // The data first: nothing is started for a file that is wrong.
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
    screen::welcome(&stage, data.items.len(), &stage.console_code().await?);
    if arguments.replay.is_some() {
        let twins = clients.iter().map(Client::twin).collect();
        let report = tokio::select! {
            report = replay::replay(&stage, &data, twins) => report?,
            _ = tokio::signal::ctrl_c() => return Err("interrupted before the replay was through".into()),
        };
        println!("\n{}", report.table(stage.config.store.currency));
        if let Some(path) = &arguments.json {
            let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
            std::fs::write(path, text + "\n")
                .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        }
        if !report.is_right() {
            return Err(format!("HQ's ledger differs from the input:\n  {}", report.differences.join("\n  ")));
        }
        println!("  HQ has every basket, once, to the cent.");
    }
    if arguments.once {
        return Ok(());
    }
    if arguments.sell {
        keep_selling(&stage, data, clients);
    }
    screen::watch(&stage).await
}

/// Sells basket after basket on every lane, as hands and customers take.
fn keep_selling(stage: &Stage, data: Data, clients: Vec<Client>) {
    // Somebody at the scale: apples, then nothing, then a melon.
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
                // From half a second to a second and a half a line, by what it weighs in the hand.
                let pause = Duration::from_millis(500 + basket.lines.len() as u64 * 97 % 1_000);
                if let Err(why) =
                    register.sell(basket, &key, &format!("{}-{run}-{round}", basket.id), pays, pause).await
                {
                    tracing::error!(lane = lane + 1, %why, "a basket was not sold");
                }
                (register.scans, register.sales) = (Vec::new(), Vec::new());
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
    }
}

/// The directory of the store; removed at the end if it is the demo's own.
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
