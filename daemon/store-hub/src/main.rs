//! `store-hub`: the daemon, and what goes with it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use hub::{config::Config, maintenance, run};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// A store's hub: owns its devices, serves its registers, carries its sales to headquarters.
#[derive(Parser)]
#[command(name = "store-hub", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the hub of a store
    Run {
        /// The store's config file
        #[arg(long, default_value = "/etc/store-hub/hub.toml")]
        config: PathBuf,
        /// End when standard input ends, as the hub of a demo does
        #[cfg(feature = "demo")]
        #[arg(long, hide = true)]
        parent_pipe: bool,
    },
    /// Check a config file, open what it names, and say what is wrong
    CheckConfig {
        /// The store's config file
        #[arg(long, default_value = "/etc/store-hub/hub.toml")]
        config: PathBuf,
    },
    /// Check a store, back it up, restore it, or move it to another engine
    Store(maintenance::Arguments),
    /// Print the OpenAPI document of the LAN API
    Openapi,
    /// Print who may do what
    Permissions {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// A whole store in one process tree: hub, simulated devices, broker, HQ
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Whole sales per second through the LAN API, beside what the disk can do
    #[cfg(feature = "demo")]
    Bench(demo::bench::Arguments),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    #[cfg(feature = "demo")]
    let quiet = matches!(command, Command::Demo(_) | Command::Bench(_));
    #[cfg(not(feature = "demo"))]
    let quiet = false;
    log(quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    let done = match command {
        #[cfg(feature = "demo")]
        Command::Run { config, parent_pipe: true } => runtime.block_on(async {
            let embedding = demo::parent_pipe::listen();
            run::run(Config::read(&config).map_err(|error| error.to_string())?, embedding).await
        }),
        Command::Run { config, .. } => match Config::read(&config) {
            Ok(config) => runtime.block_on(run::run(config, run::Embedding::default())),
            Err(error) => Err(error.to_string()),
        },
        Command::CheckConfig { config } => maintenance::check_config(&config),
        Command::Store(arguments) => maintenance::run(&arguments),
        Command::Openapi => serde_json::to_string_pretty(&hub::document())
            .map_err(|error| error.to_string())
            .map(|document| println!("{document}")),
        Command::Permissions { json } => {
            maintenance::print_permissions(json);
            Ok(())
        }
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => runtime.block_on(demo::run(arguments)),
        #[cfg(feature = "demo")]
        Command::Bench(arguments) => runtime.block_on(demo::bench::run(arguments)),
    };
    // Whoever is still being handed a backup by then has none.
    runtime.shutdown_timeout(Duration::from_secs(5));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("store-hub: {why}");
    ExitCode::FAILURE
}

/// Logs go to standard error; `STORE_HUB_LOG` chooses (`debug`, or `hub=debug,drivers=info`).
fn log(quiet: bool) {
    let usual = if quiet { LevelFilter::ERROR } else { LevelFilter::INFO };
    let targets = match std::env::var("STORE_HUB_LOG").ok().map(|text| text.parse::<Targets>()) {
        Some(Ok(targets)) => targets,
        Some(Err(error)) => {
            eprintln!("store-hub: STORE_HUB_LOG is not understood: {error}");
            Targets::new().with_default(usual)
        }
        // sled and rumqttc tell their own stories at INFO.
        None => Targets::new().with_default(usual).with_target("sled", LevelFilter::WARN),
    };
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).with_filter(targets);
    tracing_subscriber::registry().with(layer).init();
}
