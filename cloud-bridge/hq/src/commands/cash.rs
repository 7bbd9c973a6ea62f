//! `store-hub-hq cash`

use hq::report::{
    DayCash,
    cash::{TenderCash, TerminalCash},
};

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
        "Z report",
        "terminals",
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
        match day.z_agrees {
            None => "not closed".into(),
            Some(true) => "as in the book".into(),
            Some(false) => format!("{}, in the book {}", money(day.z.owed_minor), money(day.book.owed_minor)),
        },
        day.terminals.iter().map(|found| terminal(found, &money)).collect::<Vec<_>>().join("; "),
    ]
}

fn terminal(found: &TerminalCash, money: &impl Fn(i64) -> String) -> String {
    let name = found.terminal.escape_debug();
    match (found.state.as_str(), found.difference_minor, &found.why) {
        ("agrees", ..) => format!("{name} agrees"),
        ("differs", Some(difference), _) => {
            let explaining = found.suspects.iter().filter(|suspect| suspect.explains);
            let payments: Vec<_> = explaining.map(|suspect| suspect.payment.escape_debug().to_string()).collect();
            let cause = if payments.is_empty() { String::new() } else { format!(" ({})", payments.join(", ")) };
            format!("{name} differs by {}{cause}", money(difference))
        }
        (_, _, Some(why)) => format!("{name} not reconciled: {}", why.escape_debug()),
        _ => format!("{name} not reconciled"),
    }
}
