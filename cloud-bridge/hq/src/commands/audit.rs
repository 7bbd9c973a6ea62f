//! `store-hub-hq audit`

use hq::report::AuditRow;

use super::{
    Failure, Report,
    output::{Output, moment},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header = &["store", ">number", "at", "act", "by", "operator", "details"];
    let mut output = Output::new(report.json, header);
    ledger.audit(|entry| output.row(&entry, columns).map_err(Failure::from)).await?;
    Ok(output.end("No entries yet.")?)
}

fn columns(entry: &AuditRow) -> Vec<String> {
    let details = entry.details.iter().map(|(name, value)| format!("{} {value}", name.escape_debug()));
    vec![
        entry.hub.to_string(),
        entry.number.to_string(),
        moment(entry.at_ms),
        entry.act.escape_debug().to_string(),
        entry.station.escape_debug().to_string(),
        entry.operator.as_deref().unwrap_or_default().escape_debug().to_string(),
        details.collect::<Vec<_>>().join(", "),
    ]
}
