//! `store-hub-hq ledger`

use hq::report::{DayTotals, TenderTotals};

use super::{
    Failure, Report,
    output::{Output, money},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header = &[
        "store",
        "business day",
        ">sales",
        ">lines",
        ">regular",
        ">discount",
        ">net",
        ">coupons",
        ">owed",
        ">voids",
        ">voided",
        "paid by",
    ];
    let mut output = Output::new(report.json, header);
    ledger.days(|day| output.row(&day, columns).map_err(Failure::from)).await?;
    Ok(output.end("No sales yet.")?)
}

fn columns(day: &DayTotals) -> Vec<String> {
    let money = |minor| money(minor, &day.currency);
    let paid = |tender: &TenderTotals| format!("{} {}", tender.kind.escape_debug(), money(tender.amount_minor));
    vec![
        day.hub.clone(),
        day.business_day.clone(),
        day.sales.to_string(),
        day.lines.to_string(),
        money(day.regular_minor),
        money(day.discount_minor),
        money(day.net_minor),
        money(day.manufacturer_coupon_minor),
        money(day.owed_minor),
        day.voids.to_string(),
        money(day.voided_minor),
        day.tenders.iter().map(paid).collect::<Vec<_>>().join(", "),
    ]
}
