//! `store-hub-hq announce`.

use std::time::Duration;

use hq::publications::{Announcer, Publications};

use crate::commands::{Failure, LedgerArguments, access::BrokerArguments};

/// How often a renewed certificate is looked for.
const LOOK_FOR_RENEWED: Duration = Duration::from_secs(60);

/// The broker and the ledger.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    broker: BrokerArguments,
    #[command(flatten)]
    ledger: LedgerArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (broker, identity) = arguments.broker.access()?;
    let ledger = arguments.ledger.make().await?;
    let _announcer = Announcer::start(broker, Publications::of(ledger.database().clone()));
    let mut renewed = tokio::time::interval(LOOK_FOR_RENEWED);
    loop {
        tokio::select! {
            _ = renewed.tick() => if let Some(Err(why)) = identity.as_ref().map(|identity| identity.reload()) {
                eprintln!("could not load a renewed certificate: {why}; the old one stays in use");
            },
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
