//! `store-hub-hq stock`

use std::collections::HashMap;

use contract::{Epoch, HubId};
use hq::report::Stock;
use serde::Serialize;

use super::{
    Failure, Report,
    output::{Output, moment, thousandths},
};

/// A position and its age.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    stock: Stock,
    /// When the last event that HQ has of the store occurred, by the hub's clock: milliseconds since 1970, UTC. None
    /// for an epoch before the store's latest. Positions sent before their events are as of `told_at_ms`.
    as_of_ms: Option<i64>,
}

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let mut as_of: HashMap<(HubId, Epoch), i64> = HashMap::new();
    let take = |member: hq::report::Member| {
        let last = member.streams.iter().filter_map(|stream| stream.occurred_at_ms).max();
        as_of.extend(last.map(|last| ((member.hub, member.epoch), last)));
        Ok::<_, Failure>(())
    };
    ledger.fleet(take).await?;
    let header = &[
        "store",
        ">epoch",
        "item",
        "unit",
        ">on hand",
        ">reserved",
        ">in transit",
        ">quarantined",
        ">damaged",
        "as of",
    ];
    let mut output = Output::new(report.json, header);
    let take = |stock: Stock| {
        let as_of_ms = as_of.get(&(stock.hub.clone(), stock.epoch)).copied();
        output.row(&Row { stock, as_of_ms }, columns).map_err(Failure::from)
    };
    ledger.stock(take).await?;
    Ok(output.end("No stock yet.")?)
}

fn columns(Row { stock, as_of_ms }: &Row) -> Vec<String> {
    vec![
        stock.hub.to_string(),
        stock.epoch.to_string(),
        stock.sku.escape_debug().to_string(),
        stock.unit.name().to_owned(),
        thousandths(stock.on_hand),
        thousandths(stock.reserved),
        thousandths(stock.in_transit),
        thousandths(stock.quarantined),
        thousandths(stock.damaged),
        match (stock.told_at_ms, as_of_ms) {
            (Some(told_at_ms), _) => format!("{}, before its events", moment(told_at_ms)),
            (None, Some(as_of_ms)) => moment(*as_of_ms),
            (None, None) => "an earlier epoch".to_owned(),
        },
    ]
}
