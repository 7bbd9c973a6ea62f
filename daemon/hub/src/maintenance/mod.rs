//! `store-hub store …`: what a person does to a store. A backup may be taken while the hub sells; for the rest it is
//! stopped.

mod backup;
mod check;
mod check_config;
mod convert;
pub(crate) mod door;
mod permissions;

use std::path::PathBuf;

pub use check_config::check_config;
use clap::{Args, Subcommand};
pub use permissions::print_permissions;
use store::{EngineKind, Store};

use crate::{clock::now_ms, config::Config};

/// What to do to a store.
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
    /// Walk the whole store and tell what is damaged; the hub must be stopped
    Check,
    /// Write a backup of the whole store into one file, also while the hub sells
    Backup {
        /// The file; it must not be there yet
        #[arg(long)]
        to: PathBuf,
    },
    /// Make the store of a backup, where there is none; the hub must be stopped
    Restore {
        /// The backup's file
        #[arg(long)]
        from: PathBuf,
    },
    /// Move the store over to another engine, and compare every entry; the hub must be stopped
    Convert {
        /// sled or sqlite
        #[arg(long)]
        to: EngineKind,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// What could not be done, and what to do about it.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let config = Config::read(&arguments.config).map_err(|error| error.to_string())?;
    match &arguments.command {
        Command::Check => check::run(&config, arguments.json),
        Command::Backup { to } => backup::back_up(&config, to, arguments.json),
        Command::Restore { from } => backup::restore(&config, from, arguments.json),
        Command::Convert { to } => convert::run(&config, &arguments.config, *to, arguments.json),
    }
}

/// Opens the store of a config, for a hub that is stopped.
fn open(config: &Config) -> Result<Store, String> {
    if !config.store.data.join(config.store.engine.name()).exists() {
        return Err(format!("there is no store kept by {} in {}", config.store.engine, config.store.data.display()));
    }
    open_as(config, config.store.engine)
}

fn open_as(config: &Config, engine: EngineKind) -> Result<Store, String> {
    let now = u64::try_from(now_ms()).unwrap_or(0);
    Store::open(&config.store.data, engine, &app::linked_tables(), now).map_err(|error| error.to_string())
}
