//! `store-hub`: the daemon and its maintenance commands.

mod log;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use hub::{config::Config, maintenance, run};
use log::LogFormat;
use rustix::fs::Mode;

/// The hub of a store: owns its devices, serves its registers, and sends its sales to headquarters
#[derive(Parser)]
#[command(name = "store-hub", version)]
struct Arguments {
    /// The format of the log
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
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
        /// Stop when standard input closes (used by the demo)
        #[cfg(feature = "demo")]
        #[arg(long, hide = true)]
        parent_pipe: bool,
    },
    /// Check a config file and open what it names
    CheckConfig {
        /// The store's config file
        #[arg(long, default_value = "/etc/store-hub/hub.toml")]
        config: PathBuf,
    },
    /// Check, back up, restore or convert a store
    Store(maintenance::Arguments),
    /// Print the OpenAPI document of the LAN API
    Openapi,
    /// Print the permissions and who holds them
    Permissions {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a whole store for demonstration: hub, simulated devices, broker and HQ
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
    /// Run benchmarks of the hub, compared with the limits of the machine
    #[cfg(feature = "demo")]
    Bench(demo::bench::Arguments),
}

fn main() -> ExitCode {
    let Arguments { log_format, command } = Arguments::parse();
    // The hub's files are private to its user, whatever umask it was started with.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    #[cfg(feature = "demo")]
    let quiet = matches!(command, Command::Demo(_) | Command::Bench(_));
    #[cfg(not(feature = "demo"))]
    let quiet = false;
    log::start(log_format, quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("could not start the runtime: {error}")),
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
    // A backup that is still being written is aborted here.
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
