//! `store-hub-hq cash`

use hq::report::{DayCash, cash::TenderCash};

use super::{
    Failure, Report,
    output::{Output, money},
};

pub(crate) async fn run(report: &Report) -> Result<(), Failure> {
    let ledger = report.ledger.open().await?;
    let header = &[
        "store",
        "business day",
        ">shifts",
        ">uncounted",
        ">open",
        ">expected",
        ">counted",
        ">over or short",
        "reported",
        "not as in the book",
    ];
    let mut output = Output::new(report.json, header);
    ledger.cash(|day| output.row(&day, columns).map_err(Failure::from)).await?;
    Ok(output.end("No shifts yet.")?)
}

fn columns(day: &DayCash) -> Vec<String> {
    let money = |minor| money(minor, &day.currency);
    let reported = |tender: &TenderCash| format!("{} {}", tender.kind.escape_debug(), money(tender.reported_minor));
    let contradictions = day.contradictions.iter().map(|found| {
        let (shift, kind) = (found.shift.escape_debug(), found.kind.escape_debug());
        format!("shift {shift}: {kind} {}, by its sales {}", money(found.reported_minor), money(found.book_minor))
    });
    vec![
        day.hub.clone(),
        day.business_day.clone(),
        day.shifts.to_string(),
        day.uncounted.to_string(),
        day.open.to_string(),
        money(day.expected_minor),
        money(day.counted_minor),
        money(day.difference_minor),
        day.tenders.iter().map(reported).collect::<Vec<_>>().join(", "),
        contradictions.collect::<Vec<_>>().join("; "),
    ]
}
