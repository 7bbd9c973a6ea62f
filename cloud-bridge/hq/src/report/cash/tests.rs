use contract::{Batch, Epoch, Event, Sequence, Stream, cash, sale};
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{
    projection::rebuild::rebuild,
    testing::{Fresh, on_each_engine},
};

on_each_engine! {
    the_book_of_each_day_agrees_with_the_results_of_its_shifts
    the_z_report_and_the_terminals_of_a_day_are_compared
}

fn sold(number: u64, shift: &str, amount: i64, day: &str) -> Value {
    json!({
        "sale": format!("7-{number}"), "register": "till-1", "receipt": number, "fiscal_year": 2026,
        "business_day": day, "shift": shift, "sold_at_ms": 1, "currency": "EUR",
        "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000, "unit": "each",
            "regular": amount, "net": amount }],
        "tenders": [{ "kind": "cash", "amount": amount + 31 - 50 }, { "kind": "card", "amount": 50 }],
        "totals": { "regular": amount, "discount": 0, "net": amount, "manufacturer_coupon": 0,
            "tendered": amount + 31, "change": 31 },
    })
}

fn closed(shift: &str, cash: i64, card: i64, counted: i64, day: &str) -> Value {
    let (epoch, expected) = (json!({ "station": "console" }), 1_000 + cash);
    json!({ "shift": {
        "id": shift, "till": "drawer-1", "day": 1, "business_day": day, "currency": "EUR", "state": "closed",
        "opened_at_ms": 1, "opened_by": epoch, "float": 1_000,
        "takings": { "till-1": { "sales": 2, "first_sale": 1, "last_sale": 2, "net": cash + card, "discount": 0,
            "owed": cash + card, "tenders": { "cash": { "count": 2, "amount": cash },
            "card": { "count": 2, "amount": card } } } },
        "moved": {},
        "count": { "pieces": [{ "denomination": 1, "pieces": counted }], "total": counted, "by": epoch, "at_ms": 2 },
        "counts": 1,
        "closing": { "at_ms": 2, "by": epoch, "expected": expected, "counted": counted,
            "difference": counted - expected },
    } })
}

async fn send(ledger: &Ledger, stream: Stream, kind: &str, first: u64, bodies: Vec<Value>) {
    let events = (first..).zip(bodies).map(|(sequence, body)| Event {
        sequence: Sequence(sequence),
        kind: kind.into(),
        occurred_at_ms: 1,
        body: to_raw_value(&body).unwrap(),
    });
    let (hub, events) = ("store-1".parse().unwrap(), events.collect());
    ledger.apply(&Batch { hub, epoch: Epoch(7), stream, events, link: None }).await.unwrap();
}

async fn report(ledger: &Ledger) -> Vec<DayCash> {
    let mut days = Vec::new();
    ledger
        .cash(|day| {
            days.push(day);
            Ok::<_, DatabaseError>(())
        })
        .await
        .unwrap();
    days
}

async fn the_book_of_each_day_agrees_with_the_results_of_its_shifts(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let (first, second) = ("2026-11-24", "2026-11-25");
    // The result of a shift may arrive before its sales.
    let result = closed("7-1", 700 + 900 - 100, 100, 2_495, first);
    send(&ledger, Stream::cash(), cash::SHIFT_CLOSED.name(), 1, vec![result]).await;
    let early = report(&ledger).await;
    assert_eq!((early.len(), early[0].contradictions.len(), early[0].difference_minor), (1, 2, -5));
    let sales = vec![
        sold(1, "7-1", 700, first),
        sold(2, "7-1", 900, first),
        sold(3, "7-2", 400, first),
        sold(4, "7-3", 300, second),
        sold(5, "7-3", 200, second),
    ];
    send(&ledger, Stream::sales(), sale::COMPLETED.name(), 1, sales).await;
    let wrong = closed("7-3", 401, 100, 1_401, second);
    send(&ledger, Stream::cash(), cash::SHIFT_CLOSED.name(), 2, vec![wrong]).await;
    let days = report(&ledger).await;
    let [one, two] = &days[..] else { panic!("{days:?}") };
    assert_eq!((one.shifts, one.open, one.open_minor, one.uncounted), (1, 1, 400, 0));
    assert_eq!((one.expected_minor, one.counted_minor, one.difference_minor), (2_500, 2_495, -5));
    let tender = |kind: &str, minor| TenderCash { kind: kind.into(), reported_minor: minor, book_minor: minor };
    assert_eq!((&one.tenders, &one.contradictions), (&vec![tender("card", 100), tender("cash", 1_500)], &vec![]));
    let [found] = &two.contradictions[..] else { panic!("{two:?}") };
    assert_eq!((found.shift.as_str(), found.kind.as_str()), ("7-3", "cash"));
    assert_eq!((found.reported_minor, found.book_minor), (401, 400));
    // A result that contradicts itself has no effect, and a rebuild gives the same report.
    let mut contradiction = closed("7-4", 1, 1, 1_001, second);
    contradiction["shift"]["closing"]["expected"] = json!(5);
    send(&ledger, Stream::cash(), cash::SHIFT_CLOSED.name(), 3, vec![contradiction]).await;
    assert_eq!(report(&ledger).await, days);
    assert_eq!(ledger.summary().await.unwrap().quarantined, 1);
    rebuild(&fresh.database, |_, _| ()).await.unwrap();
    assert_eq!(report(&ledger).await, days);
}

/// The opposite of a sale.
fn voided(number: u64, of: &Value) -> Value {
    let mut void = of.clone();
    let net = of["totals"]["net"].as_i64().unwrap();
    (void["sale"], void["voids"], void["receipt"]) = (json!(format!("7-{number}")), of["sale"].clone(), json!(number));
    let line = &mut void["lines"][0];
    (line["regular"], line["net"], line["quantity_milli"]) = (json!(-net), json!(-net), json!(-1000));
    void["tenders"] = json!([{ "kind": "cash", "amount": 50 - net }, { "kind": "card", "amount": -50 }]);
    void["totals"] = json!({ "regular": -net, "discount": 0, "net": -net, "manufacturer_coupon": 0,
        "tendered": -net, "change": 0 });
    void
}

async fn the_z_report_and_the_terminals_of_a_day_are_compared(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let day = "2026-11-24";
    let sale = sold(1, "7-1", 700, day);
    let void = voided(2, &sale);
    send(&ledger, Stream::sales(), sale::COMPLETED.name(), 1, vec![sale, void, sold(3, "7-1", 400, day)]).await;
    assert_eq!(report(&ledger).await[0].z_agrees, None, "it is not closed");
    send(&ledger, Stream::cash(), cash::SHIFT_CLOSED.name(), 1, vec![closed("7-1", 350, 50, 1_350, day)]).await;
    let takings = json!({ "till-1": { "sales": 3, "first_sale": 1, "last_sale": 3, "net": 400, "discount": 0,
        "owed": 400, "tenders": { "cash": { "count": 3, "amount": 350 }, "card": { "count": 3, "amount": 50 } } } });
    let z = json!({ "day": { "number": 1, "business_day": day, "opened_at_ms": 1, "attended": true, "shifts": 1,
        "takings": takings, "float": 1_000, "expected": 1_350, "counted": 1_350, "difference": 0,
        "closing": { "at_ms": 2, "by": { "station": "console" } } } });
    send(&ledger, Stream::cash(), cash::DAY_CLOSED.name(), 2, vec![z]).await;
    let told = &report(&ledger).await[0];
    let sums = DaySums { sales: 3, discount_minor: 0, net_minor: 400, owed_minor: 400 };
    assert_eq!((told.z, told.book, told.z_agrees, told.z_reports), (sums, sums, Some(true), 1));
    assert_eq!((told.voids, told.voided_minor), (1, -700));

    let terminals = [
        include_str!("../../../../contract/fixtures/v1/terminal.reconciled@agrees.json"),
        include_str!("../../../../contract/fixtures/v1/terminal.reconciled@differs.json"),
        include_str!("../../../../contract/fixtures/v1/terminal.reconciled@silent.json"),
    ];
    let bodies = terminals.into_iter().map(|text| {
        let mut body: Value = serde_json::from_str(text).unwrap();
        body["reconciliation"]["currency"] = json!("EUR");
        body
    });
    send(&ledger, Stream::cash(), cash::TERMINAL_RECONCILED.name(), 3, bodies.collect()).await;
    // A sale that comes late is not in the Z report.
    send(&ledger, Stream::sales(), sale::COMPLETED.name(), 4, vec![sold(4, "7-1", 100, day)]).await;
    let days = report(&ledger).await;
    assert_eq!((days[0].z_agrees, days[0].book.owed_minor), (Some(false), 500));
    let states: Vec<_> =
        days[0].terminals.iter().map(|found| (found.number, found.state.as_str(), found.difference_minor)).collect();
    assert_eq!(states, [(7, "agrees", Some(0)), (8, "differs", Some(-369)), (9, "not_reconciled", None)]);
    let differs = &days[0].terminals[1];
    let suspects: Vec<_> =
        differs.suspects.iter().map(|suspect| (suspect.payment.as_str(), suspect.explains)).collect();
    assert_eq!((suspects, differs.more_suspects), (vec![("p88", true), ("p80", false)], 2));
    assert!(days[0].terminals[2].why.as_ref().unwrap().contains("link was lost"));
    rebuild(&fresh.database, |_, _| ()).await.unwrap();
    assert_eq!(report(&ledger).await, days);
}
