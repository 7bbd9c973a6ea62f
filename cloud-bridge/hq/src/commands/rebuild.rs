//! `store-hub-hq rebuild`

use std::time::Instant;

use clap::Args;
use hq::projection::rebuild;

use super::{Failure, LedgerArguments};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    ledger: LedgerArguments,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let ledger = arguments.ledger.open().await?;
    let (began, mut told) = (Instant::now(), Instant::now());
    let rebuilt = rebuild::rebuild(ledger.database(), |done, of| {
        if told.elapsed().as_secs() >= 1 {
            told = Instant::now();
            eprintln!("{done} of {of} events");
        }
    });
    let rebuilt = rebuilt.await?;
    println!(
        "{} events in {:.1} s; {} quarantined",
        rebuilt.events,
        began.elapsed().as_secs_f64(),
        rebuilt.quarantined
    );
    Ok(())
}
