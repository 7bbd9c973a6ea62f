//! Effects of events, one by one and whole.

use contract::VERSION;
use proptest::prelude::*;
use serde_json::{json, value::to_raw_value};

use super::*;

fn event(sequence: u64, net: i64) -> Event {
    let body = json!({
        "sale": format!("1-{sequence}"), "reference": format!("basket-{sequence}"), "register": "till-1",
        "receipt": sequence,
        "fiscal_year": 2026, "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
        "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000,
            "unit": "each", "regular": 100, "net": net }],
        "tenders": [{ "kind": "cash", "amount": 100 }],
        "totals": { "regular": 100, "discount": 0, "net": 100, "manufacturer_coupon": 0, "tendered": 100, "change": 0 }
    });
    Event {
        sequence: Sequence(sequence),
        kind: sale::COMPLETED.name().into(),
        occurred_at_ms: 1,
        body: to_raw_value(&body).unwrap(),
    }
}

pub(crate) fn batch(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let events = sequences.map(|sequence| event(sequence, 100)).collect();
    let hub = "store-1".parse().unwrap();
    Batch { version: VERSION, hub, epoch: Epoch(1), stream: Stream::sales(), events, link: None }
}

#[tokio::test]
async fn what_is_repeated_has_no_effect_and_what_is_ahead_is_not_touched() {
    let ledger = MemoryLedger::default();
    assert_eq!(ledger.apply(&batch(2..=3)).await.unwrap(), Applied { gap: true, ..Applied::default() });
    assert_eq!(
        ledger.apply(&batch(1..=3)).await.unwrap(),
        Applied { cursor: Sequence(3), stored: 3, ..Applied::default() }
    );
    assert_eq!(
        ledger.apply(&batch(2..=4)).await.unwrap(),
        Applied { cursor: Sequence(4), stored: 1, repeated: 2, gap: false }
    );
    let summary = ledger.summary();
    assert_eq!((summary.sales, summary.net_minor, summary.duplicate_sales, summary.repeated_events), (4, 400, 0, 2));
}

#[tokio::test]
async fn an_event_that_does_not_add_up_is_quarantined_and_does_not_block_the_stream() {
    let ledger = MemoryLedger::default();
    let mut wrong = batch(1..=3);
    wrong.events[1] = event(2, 99);
    assert_eq!(ledger.apply(&wrong).await.unwrap().cursor, Sequence(3));
    assert_eq!((ledger.summary().sales, ledger.summary().quarantined), (2, 1));
    assert!(ledger.quarantine()[0].why.contains("net of line 1"));
}

#[tokio::test]
async fn two_sales_of_one_reference_are_counted_as_a_duplicate() {
    let ledger = MemoryLedger::default();
    let mut twice = batch(1..=2);
    let other = twice.events[0].body.get().replace("\"1-1\"", "\"1-2\"");
    twice.events[1].body = serde_json::value::RawValue::from_string(other).unwrap();
    ledger.apply(&twice).await.unwrap();
    assert_eq!(ledger.summary().duplicate_sales, 1);
    assert_eq!(ledger.by_reference(&twice.hub, "basket-1").len(), 2);
}

#[tokio::test]
async fn a_sale_sent_again_in_a_new_epoch_has_its_effect_once() {
    let ledger = MemoryLedger::default();
    ledger.apply(&batch(1..=5)).await.unwrap();
    // The hub came back from a backup that HQ had acknowledged up to the third.
    let mut again = batch(1..=3);
    again.epoch = Epoch(2);
    for (event, sale) in again.events.iter_mut().zip([4, 5, 6]) {
        let body = event.body.get().replace(&format!("1-{}\"", event.sequence), &format!("1-{sale}\""));
        let body = body.replace(&format!("\"receipt\":{}", event.sequence), &format!("\"receipt\":{sale}"));
        event.body = serde_json::value::RawValue::from_string(body).unwrap();
    }
    assert_eq!(ledger.apply(&again).await.unwrap().cursor, Sequence(3));
    let summary = ledger.summary();
    assert_eq!((summary.sales, summary.repeated_events), (6, 2));
}

#[tokio::test]
async fn another_sale_under_the_id_of_a_known_one_is_kept_for_a_person() {
    let ledger = MemoryLedger::default();
    ledger.apply(&batch(1..=3)).await.unwrap();
    // The hub's disk was set back, it sold on, and its store was restored into a new epoch.
    let mut reused = batch(1..=2);
    reused.epoch = Epoch(2);
    let body = reused.events[1].body.get().replace("\"sold_at_ms\":1", "\"sold_at_ms\":2");
    reused.events[1].body = serde_json::value::RawValue::from_string(body).unwrap();
    assert_eq!(ledger.apply(&reused).await.unwrap().cursor, Sequence(2));
    assert_eq!((ledger.summary().sales, ledger.summary().quarantined), (3, 1));
    let kept = ledger.quarantine().remove(0);
    assert!(kept.why.contains("another sale as `1-2`") && kept.body.contains("\"sold_at_ms\":2"), "{kept:?}");
}

#[tokio::test]
async fn what_a_hub_could_not_send_is_kept_with_its_reason() {
    let ledger = MemoryLedger::default();
    let mut unsent = batch(1..=3);
    let told = Placeholder { kind: sale::COMPLETED.name().into(), subject: None, why: "too large".into() };
    for (event, kind) in unsent.events.iter_mut().zip([OVERSIZED, UNREADABLE]) {
        (event.kind, event.body) = (kind.into(), to_raw_value(&told).unwrap());
    }
    assert_eq!(ledger.apply(&unsent).await.unwrap().cursor, Sequence(3));
    assert_eq!((ledger.summary().sales, ledger.summary().quarantined), (1, 2));
    assert!(ledger.quarantine().iter().all(|kept| kept.why == "the hub could not send it: sale.completed: too large"));
}

#[tokio::test]
async fn quarantine_keeps_a_bounded_amount() {
    let ledger = MemoryLedger::default();
    let mut large = batch(1..=100);
    for event in &mut large.events {
        (event.kind, event.body) = ("unknown".into(), to_raw_value(&"x".repeat(100_000)).unwrap());
    }
    ledger.apply(&large).await.unwrap();
    let kept = ledger.quarantine();
    assert_eq!((kept.len(), ledger.summary().quarantined), (100, 100));
    assert!(kept.iter().map(|kept| kept.body.len()).sum::<usize>() <= 4 * 1024 * 1024);
    assert!(kept[0].body.len() > 100_000 && kept[99].body.is_empty() && kept[99].why.contains("unknown kind"));
}

#[tokio::test]
async fn positions_follow_from_sales_and_movements_and_a_new_epoch_begins_with_nothing() {
    let ledger = MemoryLedger::default();
    let moved = |sequence: u64, kind: &str, line: serde_json::Value| {
        let body = json!({ "movement": sequence, "kind": kind, "reference": "1", "at_ms": 1, "by": { "station": { "register": "till-1" } },
            "lines": [line] });
        let body = to_raw_value(&body).unwrap();
        Event { sequence: Sequence(sequence), kind: stock::MOVED.name().into(), occurred_at_ms: 1, body }
    };
    let came = json!({ "sku": "818981", "quantity_milli": 5000, "unit": "each", "to": "on_hand" });
    let kept = json!({ "sku": "818981", "quantity_milli": 2000, "unit": "each", "from": "on_hand", "to": "reserved" });
    let events = vec![
        moved(1, "receipt", came.clone()),
        moved(2, "reservation", kept.clone()),
        moved(3, "receipt", kept),
        moved(4, "sale", json!({ "sku": "818981", "quantity_milli": 1, "unit": "each", "from": "on_hand" })),
    ];
    let stock = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
    ledger.apply(&stock).await.unwrap();
    let mut sales = batch(1..=1);
    let mut body: serde_json::Value = serde_json::from_str(sales.events[0].body.get()).unwrap();
    body["moved"] = json!([{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "reserved" }]);
    sales.events[0].body = to_raw_value(&body).unwrap();
    ledger.apply(&sales).await.unwrap();
    let key = ("818981".to_owned(), Unit::Each);
    assert_eq!(ledger.positions(&stock.hub, Epoch(1))[&key], [3000, 1000, 0, 0, 0]);
    assert_eq!(ledger.summary().quarantined, 2, "a receipt from the shelf, and a sale as a movement");
    let again = Batch { epoch: Epoch(2), events: vec![moved(1, "receipt", came)], ..stock.clone() };
    ledger.apply(&again).await.unwrap();
    assert_eq!(ledger.positions(&stock.hub, Epoch(2))[&key], [5000, 0, 0, 0, 0]);
    let told: Vec<_> = ledger.stock().iter().map(|stock| (stock.epoch, stock.on_hand, stock.reserved)).collect();
    assert_eq!(told, [(Epoch(1), 3000, 1000), (Epoch(2), 5000, 0)]);
}

#[tokio::test]
async fn what_no_store_can_have_is_quarantined_whole_and_pins_no_position() {
    let ledger = MemoryLedger::default();
    let (mut sequence, mut events) = (0, Vec::new());
    let mut say = |kind: &str, body: serde_json::Value| {
        sequence += 1;
        let body = to_raw_value(&body).unwrap();
        events.push(Event { sequence: Sequence(sequence), kind: kind.into(), occurred_at_ms: 1, body });
    };
    let came = |sku: &str, milli: i64| json!({ "sku": sku, "quantity_milli": milli, "unit": "each", "to": "on_hand" });
    let moved = |lines: serde_json::Value| json!({ "movement": 1, "kind": "receipt", "reference": "1", "at_ms": 1, "by": { "station": { "register": "till-1" } }, "lines": lines });
    let stood =
        |sku: &str, milli: i64| json!({ "sku": sku, "quantity_milli": milli, "unit": "each", "state": "on_hand" });
    let opened = |lines: Vec<serde_json::Value>| json!({ "at_ms": 1, "lines": lines });
    say(stock::MOVED.name(), moved(json!([came("818981", 5000)])));
    say(stock::MOVED.name(), moved(json!([came("4011", 1000), came("818981", i64::MAX)])));
    say(stock::OPENED.name(), opened(vec![stood("4011", 1000), stood("818981", i64::MAX)]));
    say(stock::MOVED.name(), moved(json!([came("818981", 2000)])));
    // As much as there can be, so often that no number has room for it.
    let most = vec![stood("948640", stock::MAX_STANDING); stock::OPENING_LINES - 1];
    for _ in 0..58 {
        say(stock::OPENED.name(), opened([&[stood("4011", 1000)], &most[..]].concat()));
    }
    let batch = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
    ledger.apply(&batch).await.unwrap();
    let positions = ledger.positions(&batch.hub, Epoch(1));
    let on_hand = |sku: &str| positions[&(sku.to_owned(), Unit::Each)][0];
    assert_eq!(on_hand("818981"), 7000);
    let (whole, all) = (i64::MAX / (399 * stock::MAX_STANDING), 399 * stock::MAX_STANDING);
    assert_eq!(
        (on_hand("948640"), on_hand("4011")),
        (whole * all, whole * 1000),
        "57 of them, and nothing of the last"
    );
    assert_eq!(ledger.summary().quarantined, 2 + 58 - u64::try_from(whole).unwrap());
    assert!(ledger.quarantine().last().unwrap().why.contains("of item 948640 cannot be represented"));
}

#[tokio::test]
async fn an_opening_is_added_once_wherever_it_comes_among_the_epochs_sales() {
    let ledger = MemoryLedger::default();
    let opened = |sequence: u64, lines: serde_json::Value| {
        let body = to_raw_value(&json!({ "at_ms": 1, "lines": lines })).unwrap();
        Event { sequence: Sequence(sequence), kind: stock::OPENED.name().into(), occurred_at_ms: 1, body }
    };
    let line =
        |state: &str, milli: i64| json!({ "sku": "818981", "unit": "each", "state": state, "quantity_milli": milli });
    let mut sales = batch(1..=1);
    let mut body: serde_json::Value = serde_json::from_str(sales.events[0].body.get()).unwrap();
    body["moved"] = json!([{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" }]);
    sales.events[0].body = to_raw_value(&body).unwrap();
    ledger.apply(&sales).await.unwrap();
    let events = vec![
        opened(1, json!([line("on_hand", -2000), line("damaged", 3000)])),
        opened(2, json!([line("reserved", 4000)])),
        opened(3, json!([line("reserved", 0)])),
    ];
    let stock = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
    for _ in 0..2 {
        ledger.apply(&stock).await.unwrap();
    }
    let there = ledger.positions(&stock.hub, Epoch(1))[&("818981".to_owned(), Unit::Each)];
    assert_eq!((there, ledger.summary().quarantined), ([-3000, 4000, 0, 0, 3000], 1));
}

proptest! {
    /// Batches in any order, overlapping, repeated: each event counts once, and the cursor never skips.
    #[test]
    fn every_event_counts_once(spans in proptest::collection::vec((1_u64..40, 0_u64..20), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ledger = MemoryLedger::default();
        for (first, more) in spans {
            runtime.block_on(ledger.apply(&batch(first..=first + more))).unwrap();
            let hub = "store-1".parse().unwrap();
            let cursor = runtime.block_on(ledger.cursor(&hub, Epoch(1), &Stream::sales())).unwrap();
            prop_assert_eq!(ledger.summary().sales, cursor.0);
            prop_assert_eq!(ledger.summary().duplicate_sales, 0);
        }
    }
}

#[tokio::test]
async fn money_that_can_not_be_counted_is_quarantined_whole() {
    let ledger = MemoryLedger::default();
    ledger.set_net(i64::MAX - 150);
    let mut sales = batch(1..=2);
    for event in &mut sales.events {
        let mut body: serde_json::Value = serde_json::from_str(event.body.get()).unwrap();
        let line = json!({ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" });
        body["moved"] = json!([line]);
        event.body = to_raw_value(&body).unwrap();
    }
    assert_eq!(ledger.apply(&sales).await.unwrap().stored, 2);
    let summary = ledger.summary();
    assert_eq!((summary.sales, summary.quarantined, summary.net_minor), (1, 1, i64::MAX - 50));
    let key = ("818981".to_owned(), Unit::Each);
    assert_eq!(ledger.positions(&sales.hub, Epoch(1))[&key][0], -1000, "nothing of the other");
    assert!(ledger.quarantine()[0].why.contains("cannot be represented"));
}
