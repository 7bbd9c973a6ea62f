//! The commands for publications.

mod announce;
mod group;
mod list;
mod publish;
mod signing_key;

use clap::Subcommand;
use hq::publications::Publications;

use super::{Failure, LedgerArguments};

/// Publications.
#[derive(Subcommand)]
pub(crate) enum PublicationsCommand {
    /// Create the key that signs publications, and print the public key that hubs trust
    SigningKey(signing_key::Arguments),
    /// Publish content to hubs, effective at a given time
    Publish(publish::Arguments),
    /// Announce publications to hubs and record their states, until Ctrl-C
    Announce(announce::Arguments),
    /// Groups of hubs
    Group(group::Arguments),
    /// List publications and their states at each hub
    Publications(list::Arguments),
}

/// Runs a command.
pub(crate) async fn run(command: PublicationsCommand) -> Result<(), Failure> {
    let done = match command {
        PublicationsCommand::SigningKey(arguments) => signing_key::run(&arguments).map(|()| true),
        PublicationsCommand::Publish(arguments) => publish::run(&arguments).await,
        PublicationsCommand::Announce(arguments) => return announce::run(arguments).await,
        PublicationsCommand::Group(arguments) => group::run(&arguments).await.map(|()| true),
        PublicationsCommand::Publications(arguments) => list::run(&arguments).await.map(|()| true),
    };
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Refused),
        Err(why) => Err(Failure::Arguments(why)),
    }
}

/// The publications of a ledger, which is created if missing.
async fn publications(ledger: &LedgerArguments) -> Result<Publications, String> {
    let ledger = ledger.make().await.map_err(|error| error.to_string())?;
    Ok(Publications::of(ledger.database().clone()))
}
