//! `store-hub-hq replay-request`

use clap::Args;
use contract::{HubId, Sequence, Stream};

use super::{Failure, LedgerArguments};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The hub.
    hub: HubId,
    /// The stream. Default: all streams.
    stream: Option<Stream>,
    /// The first event to resend; the hub can only resend what it keeps.
    #[arg(long, default_value_t = 1)]
    from: u64,
    #[command(flatten)]
    ledger: LedgerArguments,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let ledger = arguments.ledger.open().await?;
    let replays = ledger.request_replay(&arguments.hub, arguments.stream.as_ref(), Sequence(arguments.from)).await?;
    if replays.is_empty() {
        let why = format!("HQ has no event of {} from {} on", arguments.hub, arguments.from);
        return Err(Failure::Arguments(why));
    }
    for replay in replays {
        println!("{}: {} from {} to {} will be resent", arguments.hub, replay.stream, replay.from, replay.up_to);
    }
    Ok(())
}
