//! `store-hub-hq returns`

use hq::report::ReturnRow;

use super::{
    Failure, Report,
    output::{Output, moment, money},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header = &["at", "store", "sale", "of", ">refund", "verified", "decision", "rules", "operator", "agreed"];
    let mut output = Output::new(report.json, header);
    ledger.returns(|row| output.row(&row, columns).map_err(Failure::from)).await?;
    Ok(output.end("No returns yet.")?)
}

fn columns(row: &ReturnRow) -> Vec<String> {
    let of = match (&row.of_store, &row.of_sale) {
        (Some(store), Some(sale)) => format!("{store}/{sale}"),
        _ => "no receipt".to_owned(),
    };
    let plain = |text: &str| text.escape_debug().to_string();
    vec![
        moment(row.at_ms),
        row.store.clone(),
        plain(&row.sale),
        plain(&of),
        money(row.refund, &row.currency),
        plain(&row.validated),
        plain(&row.outcome),
        plain(&row.rules),
        plain(row.operator.as_deref().unwrap_or_default()),
        plain(row.approved_by.as_deref().unwrap_or_default()),
    ]
}
