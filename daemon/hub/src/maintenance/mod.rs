//! Maintenance: `store-hub store …` (a backup can be taken while the hub runs; its other commands need it stopped),
//! `devices`, `label`, `doctor`, `support-bundle`, `may-restart`.

pub(crate) mod admin;
mod age;
mod backup;
mod bundle;
mod busy;
mod check;
mod check_config;
mod convert;
mod devices;
mod doctor;
mod import;
mod label;
mod permissions;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

pub use bundle::{BundleArguments, write as write_bundle};
pub use busy::may_restart;
pub use check_config::check_config;
use clap::{Args, Subcommand};
pub use devices::{Arguments as DeviceArguments, run as run_devices};
pub use doctor::{DoctorArguments, run as run_doctor};
pub use import::{ImportArguments, import_items};
pub use label::{LabelArguments, run_label};
pub use permissions::print_permissions;
use rustix::process::geteuid;
use store::{EngineKind, Store};

use crate::{
    clock::now_ms,
    config::{self, Config},
};

/// Maintain the store
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The store's config file
    #[arg(long, global = true, default_value = config::BY_HAND)]
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
        /// The file; it must not exist. Without it: a file in the directory of [backup], where the oldest are deleted
        #[arg(long)]
        to: Option<PathBuf>,
        /// Encrypt it for this public key of age, `age1…`, in addition to those of [backup]; repeatable
        #[arg(long, value_name = "KEY")]
        encrypt_to: Vec<String>,
    },
    /// Restore a store from a backup into an empty data directory; the hub must be stopped
    Restore {
        /// The backup file
        #[arg(long)]
        from: PathBuf,
        /// The file with the secret key of age, if the backup is encrypted
        #[arg(long)]
        identity: Option<PathBuf>,
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
    if !matches!(arguments.command, Command::Backup { .. }) {
        require_owner(&config.store.data, geteuid().as_raw())?;
    }
    match &arguments.command {
        Command::Check => check::run(&config, arguments.json),
        Command::Backup { to, encrypt_to } => {
            let recipients = [config.backup.encrypt_to.clone(), encrypt_to.clone()].concat();
            backup::back_up(&config, to.as_deref(), &recipients, arguments.json)
        }
        Command::Restore { from, identity } => backup::restore(&config, from, identity.as_deref(), arguments.json),
        Command::Convert { to } => convert::run(&config, &config::located(&arguments.config), *to, arguments.json),
    }
}

/// Refuses to write into the data directory of another user: the hub could not read the new files.
fn require_owner(data: &Path, user: u32) -> Result<(), String> {
    match fs::metadata(data) {
        Ok(found) if found.uid() != user => Err(format!(
            "{} belongs to user {}, and this program runs as user {user}: run it as its owner, such as by `sudo -u \
             '#{}' store-hub store ...`, so that the hub can read the files",
            data.display(),
            found.uid(),
            found.uid()
        )),
        // A missing directory is made later, or reported by who needs it.
        Ok(_) | Err(_) => Ok(()),
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
    let medium = config::medium(engine)?;
    Store::open(&config.store.data, medium, &app::linked_tables(), now).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_of_another_user_is_left_alone() {
        let data = tempfile::tempdir().unwrap();
        let own = fs::metadata(data.path()).unwrap().uid();
        assert_eq!(require_owner(data.path(), own), Ok(()));
        let refused = require_owner(data.path(), own + 1).unwrap_err();
        assert!(refused.contains(&format!("sudo -u '#{own}' store-hub store")), "{refused}");
        assert_eq!(require_owner(&data.path().join("missing"), own + 1), Ok(()));
    }
}
