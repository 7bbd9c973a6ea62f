//! `store-hub store …`: maintenance of a store. A backup can be taken while the hub runs; all other commands need it
//! stopped.

pub(crate) mod admin;
mod backup;
mod check;
mod check_config;
mod convert;
mod permissions;

use std::path::PathBuf;

pub use check_config::check_config;
use clap::{Args, Subcommand};
pub use permissions::print_permissions;
use store::{EngineKind, Store};

use crate::{clock::now_ms, config::Config};

/// Maintain the store
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The store's config file
    #[arg(long, global = true, default_value = "/etc/store-hub/hub.toml")]
    config: PathBuf,
    /// Answer as one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Check the whole store for damage; the hub must be stopped
    Check,
    /// Write a backup of the whole store to a file, also while the hub sells
    Backup {
        /// The file; it must not exist
        #[arg(long)]
        to: PathBuf,
    },
    /// Restore a store from a backup into an empty data directory; the hub must be stopped
    Restore {
        /// The backup file
        #[arg(long)]
        from: PathBuf,
    },
    /// Convert the store to another engine and compare every entry; the hub must be stopped
    Convert {
        /// sled or sqlite
        #[arg(long)]
        to: EngineKind,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// The operation failed; the message says what to do.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let config = Config::read(&arguments.config).map_err(|error| error.to_string())?;
    match &arguments.command {
        Command::Check => check::run(&config, arguments.json),
        Command::Backup { to } => backup::back_up(&config, to, arguments.json),
        Command::Restore { from } => backup::restore(&config, from, arguments.json),
        Command::Convert { to } => convert::run(&config, &arguments.config, *to, arguments.json),
    }
}

/// Opens the store of a config while the hub is stopped.
fn open(config: &Config) -> Result<Store, String> {
    if !config.store.data.join(config.store.engine.name()).exists() {
        return Err(format!("there is no {} store in {}", config.store.engine, config.store.data.display()));
    }
    open_as(config, config.store.engine)
}

fn open_as(config: &Config, engine: EngineKind) -> Result<Store, String> {
    let now = u64::try_from(now_ms()).unwrap_or(0);
    Store::open(&config.store.data, engine, &app::linked_tables(), now).map_err(|error| error.to_string())
}
