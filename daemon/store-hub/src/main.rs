//! `store-hub`: the daemon and its maintenance commands.

mod log;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use hub::{
    config::{self, Config},
    enrolment, maintenance, pricing, run,
};
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
        #[arg(long, default_value = config::BY_HAND)]
        config: PathBuf,
        /// The state directory of a box that HQ enrols: its config is there. Until then a page takes the claim
        #[arg(long, conflicts_with = "config")]
        state: Option<PathBuf>,
        /// Where that page is served
        #[arg(long, default_value = "0.0.0.0:8443", requires = "state")]
        first_page: SocketAddr,
        /// Stop when standard input closes (used by the demo)
        #[cfg(feature = "demo")]
        #[arg(long, hide = true)]
        parent_pipe: bool,
    },
    /// Enrol this box as the hub of a location
    Enroll(enrolment::Arguments),
    /// Check a config file and open what it names
    CheckConfig {
        /// The store's config file
        #[arg(long, default_value = config::BY_HAND)]
        config: PathBuf,
    },
    /// Check, back up, restore or convert a store
    Store(maintenance::Arguments),
    ImportItems(maintenance::ImportArguments),
    /// Find and try devices
    Devices(maintenance::DeviceArguments),
    /// Look at label templates: list them, draw a label
    Label(maintenance::LabelArguments),
    /// Look for what is wrong with the box and what to do about it
    Doctor(maintenance::DoctorArguments),
    /// Write a file for support: config, doctor, state, metrics and log, without secrets and personal data
    SupportBundle(maintenance::BundleArguments),
    /// Succeed if the hub may be restarted now: nobody is being served
    MayRestart {
        /// The store's config file
        #[arg(long, default_value = config::BY_HAND)]
        config: PathBuf,
    },
    Price(pricing::Arguments),
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
    /// Steer the devices of a running demo
    #[cfg(feature = "demo")]
    DemoControl(demo::control::Arguments),
    /// Simulate one device, so that a driver or a config can be tried without hardware
    #[cfg(feature = "demo")]
    Simulate(demo::simulate::Arguments),
    /// Run benchmarks of the hub, compared with the limits of the machine
    #[cfg(feature = "demo")]
    Bench(demo::bench::Arguments),
    #[cfg(feature = "demo")]
    BenchDrain(demo::drain::Arguments),
    #[cfg(feature = "demo")]
    BenchFleet(demo::fleet::Arguments),
}

fn main() -> ExitCode {
    let Arguments { log_format, command } = Arguments::parse();
    // The hub's files are private to its user, whatever umask it was started with.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    #[cfg(feature = "demo")]
    let quiet = matches!(
        command,
        Command::Demo(_)
            | Command::Bench(_)
            | Command::BenchDrain(_)
            | Command::BenchFleet(_)
            | Command::Simulate(_)
            | Command::DemoControl(_)
    );
    #[cfg(not(feature = "demo"))]
    let quiet = false;
    log::start(log_format, quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("could not start the runtime: {error}")),
    };
    let done = match command {
        #[cfg(feature = "demo")]
        Command::Run { config, parent_pipe: true, .. } => runtime.block_on(async {
            let embedding = demo::parent_pipe::listen();
            run::run(Config::read(&config).map_err(|error| error.to_string())?, embedding).await
        }),
        Command::Run { config, state, first_page, .. } => runtime.block_on(async {
            let config = match state.or_else(|| config::state_of(&config)) {
                Some(state) => enrolment::config(&state, first_page).await?,
                None => config,
            };
            let config = Config::read(&config).map_err(|error| error.to_string())?;
            run::run(config, run::Embedding::default()).await
        }),
        Command::Enroll(arguments) => runtime.block_on(enrolment::enroll(arguments)),
        Command::CheckConfig { config } => maintenance::check_config(&config),
        Command::Store(arguments) => maintenance::run(&arguments),
        Command::ImportItems(arguments) => runtime.block_on(maintenance::import_items(&arguments)),
        Command::Devices(arguments) => runtime.block_on(maintenance::run_devices(arguments)),
        Command::Label(arguments) => maintenance::run_label(&arguments),
        Command::Doctor(arguments) => runtime.block_on(maintenance::run_doctor(arguments)),
        Command::SupportBundle(arguments) => runtime.block_on(maintenance::write_bundle(arguments)),
        Command::MayRestart { config } => runtime.block_on(maintenance::may_restart(&config)),
        Command::Price(arguments) => pricing::run(&arguments),
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
        Command::DemoControl(arguments) => runtime.block_on(demo::control::send(arguments)),
        #[cfg(feature = "demo")]
        Command::Simulate(arguments) => runtime.block_on(demo::simulate::run(arguments)),
        #[cfg(feature = "demo")]
        Command::Bench(arguments) => runtime.block_on(demo::bench::run(arguments)),
        #[cfg(feature = "demo")]
        Command::BenchDrain(arguments) => runtime.block_on(demo::drain::run(arguments)),
        #[cfg(feature = "demo")]
        Command::BenchFleet(arguments) => runtime.block_on(demo::fleet::run(arguments)),
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
