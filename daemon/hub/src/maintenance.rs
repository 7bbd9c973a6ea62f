//! `store-hub store …`: what a person does to a store while its hub is stopped.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use store::{Converted, EngineKind};

use crate::config::Config;

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
    /// Move the store over to another engine, and compare every entry; the hub must be stopped
    Convert {
        /// sled or sqlite
        #[arg(long)]
        to: EngineKind,
    },
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
