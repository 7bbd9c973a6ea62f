//! `store-hub-hq transfers`

use hq::Uneven;

use super::{
    Failure, Report,
    output::{Output, moment, thousandths},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header =
        &["from", "transfer", "sent at", "received by", "item", "unit", ">sent", ">received", ">arrived", ">short"];
    let mut output = Output::new(report.json, header);
    for item in ledger.transfers().await? {
        output.row(&item, columns)?;
    }
    Ok(output.end("Sender and receiver agree on every transfer.")?)
}

fn columns(item: &Uneven) -> Vec<String> {
    let received_by: Vec<_> = item.received_by.iter().map(ToString::to_string).collect();
    vec![
        item.from.to_string(),
        item.transfer.escape_debug().to_string(),
        item.sent_at_ms.map_or_else(|| "unknown".to_owned(), moment),
        received_by.join(", "),
        item.sku.escape_debug().to_string(),
        item.unit.name().to_owned(),
        thousandths(item.sent),
        thousandths(item.received),
        thousandths(item.arrived),
        thousandths(item.short),
    ]
}
