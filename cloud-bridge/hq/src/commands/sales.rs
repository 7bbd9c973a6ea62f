//! `store-hub-hq sales`

use hq::report::SaleRow;

use super::{
    Failure, Report,
    output::{Output, moment, money},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header = &["store", "sale", "business day", "sold at", "register", ">receipt", ">lines", ">net"];
    let mut output = Output::new(report.json, header);
    ledger.sales(|sale| output.row(&sale, columns).map_err(Failure::from)).await?;
    Ok(output.end("No sales yet.")?)
}

fn columns(SaleRow { hub, sale, .. }: &SaleRow) -> Vec<String> {
    vec![
        hub.to_string(),
        sale.sale.escape_debug().to_string(),
        sale.business_day.clone(),
        moment(sale.sold_at_ms),
        sale.register.escape_debug().to_string(),
        sale.receipt.to_string(),
        sale.lines.len().to_string(),
        money(sale.totals.net.get(), sale.currency.code()),
    ]
}
