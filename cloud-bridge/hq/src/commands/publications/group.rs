//! `store-hub-hq group`.

use clap::Subcommand;
use contract::HubId;

use super::{LedgerArguments, publications};

/// A command about groups.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set the hubs of a group, replacing earlier ones; without hubs the group is deleted
    Set {
        /// The group's name
        name: String,
        /// The hubs
        hubs: Vec<HubId>,
        #[command(flatten)]
        ledger: LedgerArguments,
    },
    /// List all groups and their hubs
    List {
        #[command(flatten)]
        ledger: LedgerArguments,
    },
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), String> {
    match &arguments.command {
        Command::Set { name, hubs, ledger } => {
            if name.is_empty() || name.len() > 63 || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("invalid group `{}`: 1 to 63 printable characters", name.escape_debug()));
            }
            let mut hubs = hubs.clone();
            hubs.sort();
            hubs.dedup();
            publications(ledger).await?.set_group(name, &hubs).await.map_err(|error| error.to_string())?;
            println!("{name}: {} hubs", hubs.len());
        }
        Command::List { ledger } => {
            for (name, hub) in publications(ledger).await?.groups().await.map_err(|error| error.to_string())? {
                println!("{name}  {hub}");
            }
        }
    }
    Ok(())
}
