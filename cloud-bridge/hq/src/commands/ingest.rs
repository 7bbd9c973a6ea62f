//! `store-hub-hq ingest`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use contract::HubId;
use hq::{
    Ingest, IngestStats, Leases, Publisher, Queues,
    down::{QueueSummary, RefusedItem},
    orders,
};

use super::{Failure, LedgerArguments, access::BrokerArguments, publish};

/// How often a renewed certificate is looked for.
const LOOK_FOR_RENEWED: Duration = Duration::from_secs(60);

/// The maximum number of hubs named in a report.
const NAMED: usize = 10;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    broker: BrokerArguments,
    #[command(flatten)]
    ledger: LedgerArguments,
    /// This worker's name; concurrent workers of a ledger need different names. They divide the hubs among themselves.
    #[arg(long, default_value = "1")]
    worker: HubId,
    /// A file of items for the hubs of --to: a JSON array of items, or one item per line, as in a hub's POST
    /// /api/v1/items.
    #[arg(long, requires = "to")]
    publish_items: Option<PathBuf>,
    /// A hub that gets the items of --publish-items; repeatable.
    #[arg(long, requires = "publish_items")]
    to: Vec<HubId>,
}

/// The work on orders, until it is dropped.
struct Attending(tokio::task::JoinHandle<()>);

impl Drop for Attending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (broker, identity) = arguments.broker.access()?;
    let items = arguments.publish_items.map(|path| publish::read(&path)).transpose().map_err(Failure::Arguments)?;
    let ledger = arguments.ledger.make().await?;
    let queues = Queues::of(&ledger);
    if let Some(items) = items {
        publish::append(&queues, &items, &arguments.to).await.map_err(Failure::Arguments)?;
    }
    let leases = Leases::start(ledger.clone(), arguments.worker.to_string());
    let _publisher = Publisher::start(broker.clone(), queues.clone(), &leases);
    let ingest = Ingest::start(broker, ledger.clone(), &leases);
    let _orders = Attending(tokio::spawn(orders::work::run(ledger.database().clone())));
    let _points = Attending(tokio::spawn(hq::customers::run(ledger.database().clone())));
    let mut every = tokio::time::interval(Duration::from_secs(5));
    let mut renewed = tokio::time::interval(LOOK_FOR_RENEWED);
    loop {
        tokio::select! {
            _ = every.tick() => {
                let stats = ingest.stats().borrow().clone();
                tell(&stats);
                if let Ok(sent) = queues.summary().await
                    && sent != QueueSummary::default()
                {
                    eprintln!("items: {} applied  {} refused  {} waiting  {} lost",
                        sent.applied, sent.refused, sent.waiting, sent.lost);
                }
            }
            _ = renewed.tick() => if let Some(Err(why)) = identity.as_ref().map(|identity| identity.reload()) {
                eprintln!("could not load a renewed certificate: {why}; the old one stays in use");
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    for RefusedItem { hub, body, why, .. } in queues.refused().await.unwrap_or_default() {
        eprintln!("{hub} refused an item: {}: {}", why.escape_debug(), body.get());
    }
    let summary = serde_json::to_string_pretty(&ledger.summary().await?).map_err(std::io::Error::from)?;
    println!("{summary}");
    Ok(())
}

/// Prints counters, and hubs that need a person; only some of many, because names are chosen by whoever may publish.
fn tell(stats: &IngestStats) {
    let line = if stats.connected { "connected" } else { "not connected to the broker" };
    eprintln!("{line}  {} events stored  {} repeated  {} quarantined", stats.stored, stats.repeated, stats.quarantined);
    for (hub, why) in stats.stopped.iter().take(NAMED) {
        eprintln!("{hub}: store stopped, not selling: {}", why.escape_debug());
    }
    for (hub, (earlier, later)) in stats.namesakes.iter().take(NAMED) {
        eprintln!("{hub}: two hubs have this name, in epochs {earlier} and {later}; give each its own");
    }
    for (hub, (stream, up_to)) in stats.diverged.iter().take(NAMED) {
        eprintln!("{hub}: its events of {stream} up to {up_to} differ from those received (disk set back or copied?)");
    }
    let counts = [stats.stopped.len(), stats.namesakes.len(), stats.diverged.len()];
    let unnamed: usize = counts.map(|count| count.saturating_sub(NAMED)).iter().sum();
    if unnamed > 0 {
        eprintln!("... and {unnamed} more hubs that need a person");
    }
}
