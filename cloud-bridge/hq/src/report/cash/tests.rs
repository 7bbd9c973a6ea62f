use contract::{Batch, Epoch, Event, Sequence, Stream, cash, sale};
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{
    projection::rebuild::rebuild,
    testing::{Fresh, on_each_engine},
};

on_each_engine! {
    the_book_of_each_day_agrees_with_the_results_of_its_shifts
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
