//! The commands about what HQ publishes whole.

mod announce;
mod group;
mod list;
mod publish;
mod signing_key;

use clap::Subcommand;
use hq::publications::Publications;

use super::{Failure, LedgerArguments};

/// What HQ publishes whole.
#[derive(Subcommand)]
pub(crate) enum PublicationsCommand {
    /// Make the key by which publications are signed, and print what hubs trust
    SigningKey(signing_key::Arguments),
    /// Publish to hubs: what hubs are to have whole from a time on
    Publish(publish::Arguments),
    /// Announce publications to hubs, and note what becomes of them; it runs until it is ended
    Announce(announce::Arguments),
    /// Name hubs together
    Group(group::Arguments),
    /// What was published, and how it is at each hub
    Publications(list::Arguments),
}

/// Runs one.
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

/// The publications of a ledger, which is made if it is not there.
async fn publications(ledger: &LedgerArguments) -> Result<Publications, String> {
    let ledger = ledger.make().await.map_err(|error| error.to_string())?;
    Ok(Publications::of(ledger.database().clone()))
}
