//! `store-hub-hq quarantine`

use clap::Args;
use hq::report::Quarantined;

use super::{
    Failure, Report,
    output::{Output, moment},
};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    report: Report,
    /// Print the events' bodies, too.
    #[arg(long)]
    body: bool,
}

pub(crate) async fn run(Arguments { report, body }: &Arguments) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let mut header: &[&str] = &["store", ">epoch", "stream", ">event", "kind", "happened", "why", "body"];
    if !body {
        header = header.split_last().map_or(header, |(_, others)| others);
    }
    let mut output = Output::new(report.json, header);
    let take = |mut event: Quarantined| {
        if !body {
            event.body.clear();
        }
        output.row(&event, columns).map_err(Failure::from)
    };
    ledger.quarantine(take).await?;
    Ok(output.end("No event is quarantined.")?)
}

fn columns(event: &Quarantined) -> Vec<String> {
    vec![
        event.hub.to_string(),
        event.epoch.to_string(),
        event.stream.to_string(),
        event.sequence.to_string(),
        event.kind.escape_debug().to_string(),
        moment(event.occurred_at_ms),
        event.why.escape_debug().to_string(),
        event.body.escape_debug().to_string(),
    ]
}
