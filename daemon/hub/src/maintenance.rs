//! `store-hub store …`: what a person does to a store while its hub is stopped.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use store::{Checked, Converted, Depth, EngineKind, Store, StoreError};

use crate::{config::Config, hub::now_ms, selling, stock};

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
    /// Move the store over to another engine, and compare every entry; the hub must be stopped
    Convert {
        /// sled or sqlite
        #[arg(long)]
        to: EngineKind,
    },
}

/// Walks a store, and what the capabilities keep in it.
///
/// # Errors
/// The engine fails. Damage is no error; it is what is looked for.
pub fn check(store: &Store, depth: Depth) -> Result<Checked, StoreError> {
    let mut checked = store.check(depth)?;
    selling::check(store, depth, &mut checked)?;
    stock::check(store, depth, &mut checked)?;
    Ok(checked)
}

/// How often progress is told, in entries.
const TOLD_EVERY: u64 = 100_000;

/// Does it.
///
/// # Errors
/// What could not be done, and what to do about it.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let config = Config::read(&arguments.config).map_err(|error| error.to_string())?;
    match arguments.command {
        Command::Check => {
            if !config.store.data.join(config.store.engine.name()).exists() {
                return Err(format!("there is no store in {} to check", config.store.data.display()));
            }
            let store = Store::open(&config.store.data, config.store.engine, u64::try_from(now_ms()).unwrap_or(0));
            let checked = store.and_then(|store| check(&store, Depth::Whole)).map_err(|error| error.to_string())?;
            if arguments.json {
                println!("{}", serde_json::json!(checked));
            } else {
                println!("{} records looked at.", checked.records);
                checked.faults.iter().for_each(|fault| println!("  {fault}"));
            }
            match checked.faults.len() {
                0 if arguments.json => Ok(()),
                0 => {
                    println!("The store is whole.");
                    Ok(())
                }
                found => Err(format!(
                    "the store is damaged ({found} faults); keep a copy of {} and ask for help before selling on",
                    config.store.data.display()
                )),
            }
        }
        Command::Convert { to } => {
            let mut told = 0;
            let converted = store::convert(&config.store.data, to, |done| {
                if done >= told + TOLD_EVERY {
                    told = done;
                    eprintln!("  {done} entries copied or compared …");
                }
            });
            let Converted { entries, former } = converted.map_err(|error| error.to_string())?;
            if arguments.json {
                println!("{}", serde_json::json!({ "engine": to, "entries": entries, "former": former }));
            } else {
                println!("{entries} entries are kept by {to} now, each compared with the former store.");
                println!(
                    "Write `engine = \"{to}\"` under [store] in {}, then start the hub.",
                    arguments.config.display()
                );
                println!("The former store stays in {} until you delete it.", former.display());
            }
            Ok(())
        }
    }
}
