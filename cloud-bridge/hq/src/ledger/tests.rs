//! Effects of events, one by one and whole.

use commerce::Unit;
use contract::{
    Placeholder,
    message::{OVERSIZED, UNREADABLE},
    sale, stock,
};
use proptest::prelude::*;
use serde_json::{json, value::to_raw_value};

use super::*;
use crate::{
    projection::rebuild::rebuild,
    report::{Quarantined, Stock},
    testing::{Fresh, on_each_engine},
};

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

async fn quarantine(ledger: &Ledger) -> Vec<Quarantined> {
    let mut kept = Vec::new();
    let take = |event| {
        kept.push(event);
        Ok::<_, DatabaseError>(())
    };
    ledger.quarantine(take).await.unwrap();
    kept
}

async fn everywhere(ledger: &Ledger) -> Vec<Stock> {
    let mut stock = Vec::new();
    let take = |position| {
        stock.push(position);
        Ok::<_, DatabaseError>(())
    };
    ledger.stock(take).await.unwrap();
    stock
}

on_each_engine! {
    what_is_repeated_has_no_effect_and_what_is_ahead_is_not_touched
    an_event_that_does_not_add_up_is_quarantined_and_does_not_block_the_stream
    two_sales_of_one_reference_are_counted_as_a_duplicate
    a_sale_sent_again_in_a_new_epoch_has_its_effect_once
    another_sale_under_the_id_of_a_known_one_is_kept_for_a_person
    what_a_hub_could_not_send_is_kept_with_its_reason
    an_unknown_kind_is_kept_whole_until_hq_knows_it
    positions_follow_from_sales_and_movements_and_a_new_epoch_begins_with_nothing
    what_no_store_can_have_is_quarantined_whole_and_pins_no_position
    an_opening_is_added_once_wherever_it_comes_among_the_epochs_sales
    money_that_can_not_be_counted_is_quarantined_whole
    texts_that_no_index_takes_are_quarantined_and_block_nothing
    another_body_under_the_same_key_raises_an_alarm_and_changes_nothing
    a_replay_is_acknowledged_step_by_step_and_stores_nothing_twice
    many_workers_that_apply_the_same_batches_store_each_event_once
    what_hubs_say_is_kept_and_an_earlier_epoch_does_not_replace_a_later_one
    a_hub_is_known_by_its_events_even_if_its_hello_was_lost
    every_sale_is_given_once_with_its_first_event
}

pub(crate) fn batch(sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let events = sequences.map(|sequence| event(sequence, 100)).collect();
    let hub = "store-1".parse().unwrap();
    Batch { hub, epoch: Epoch(1), stream: Stream::sales(), events, link: None }
}

async fn what_is_repeated_has_no_effect_and_what_is_ahead_is_not_touched(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    assert_eq!(ledger.apply(&batch(2..=3)).await.unwrap(), Applied { gap: true, ..Applied::default() });
    assert_eq!(
        ledger.apply(&batch(1..=3)).await.unwrap(),
        Applied { cursor: Sequence(3), stored: 3, ..Applied::default() }
    );
    assert_eq!(
        ledger.apply(&batch(2..=4)).await.unwrap(),
        Applied { cursor: Sequence(4), stored: 1, repeated: 2, ..Applied::default() }
    );
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.net_minor, summary.duplicate_sales), (4, 400, 0));
}

async fn an_event_that_does_not_add_up_is_quarantined_and_does_not_block_the_stream(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut wrong = batch(1..=3);
    wrong.events[1] = event(2, 99);
    assert_eq!(ledger.apply(&wrong).await.unwrap().cursor, Sequence(3));
    assert_eq!((ledger.summary().await.unwrap().sales, ledger.summary().await.unwrap().quarantined), (2, 1));
    assert!(quarantine(&ledger).await[0].why.contains("net of line 1"));
}

async fn two_sales_of_one_reference_are_counted_as_a_duplicate(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut twice = batch(1..=2);
    let other = twice.events[0].body.get().replace("\"1-1\"", "\"1-2\"");
    twice.events[1].body = serde_json::value::RawValue::from_string(other).unwrap();
    ledger.apply(&twice).await.unwrap();
    assert_eq!(ledger.summary().await.unwrap().duplicate_sales, 1);
    assert_eq!(ledger.by_reference(&twice.hub, "basket-1").await.unwrap().len(), 2);
}

async fn a_sale_sent_again_in_a_new_epoch_has_its_effect_once(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
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
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.net_minor), (6, 600));
    assert_eq!(rebuild(&fresh.database, |_, _| {}).await.unwrap().events, 8, "every event is stored");
}

async fn another_sale_under_the_id_of_a_known_one_is_kept_for_a_person(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    ledger.apply(&batch(1..=3)).await.unwrap();
    // The hub's disk was set back, it sold on, and its store was restored into a new epoch.
    let mut reused = batch(1..=2);
    reused.epoch = Epoch(2);
    let body = reused.events[1].body.get().replace("\"sold_at_ms\":1", "\"sold_at_ms\":2");
    reused.events[1].body = serde_json::value::RawValue::from_string(body).unwrap();
    assert_eq!(ledger.apply(&reused).await.unwrap().cursor, Sequence(2));
    assert_eq!((ledger.summary().await.unwrap().sales, ledger.summary().await.unwrap().quarantined), (3, 1));
    let kept = quarantine(&ledger).await.remove(0);
    assert!(kept.why.contains("another sale as `1-2`") && kept.body.contains("\"sold_at_ms\":2"), "{kept:?}");
}

async fn what_a_hub_could_not_send_is_kept_with_its_reason(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut unsent = batch(1..=3);
    let told = Placeholder { kind: sale::COMPLETED.name().into(), subject: None, why: "too large".into() };
    for (event, kind) in unsent.events.iter_mut().zip([OVERSIZED, UNREADABLE]) {
        (event.kind, event.body) = (kind.into(), to_raw_value(&told).unwrap());
    }
    assert_eq!(ledger.apply(&unsent).await.unwrap().cursor, Sequence(3));
    assert_eq!((ledger.summary().await.unwrap().sales, ledger.summary().await.unwrap().quarantined), (1, 2));
    assert!(
        quarantine(&ledger).await.iter().all(|kept| kept.why == "the hub could not send it: sale.completed: too large")
    );
}

async fn an_unknown_kind_is_kept_whole_until_hq_knows_it(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut unknown = batch(1..=3);
    for (event, kind) in unknown.events.iter_mut().zip(["unknown", "a\0b"]) {
        (event.kind, event.body) = (kind.into(), to_raw_value(&"x".repeat(100_000)).unwrap());
    }
    assert_eq!(ledger.apply(&unknown).await.unwrap().quarantined, 2);
    let kept = quarantine(&ledger).await;
    assert_eq!((kept.len(), ledger.summary().await.unwrap().sales), (2, 1));
    assert!(kept.iter().all(|kept| kept.body.len() > 100_000 && kept.why.contains("unknown kind")));
    assert_eq!(kept[0].kind, "unknown");
}

async fn positions_follow_from_sales_and_movements_and_a_new_epoch_begins_with_nothing(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let moved = |sequence: u64, kind: &str, line: serde_json::Value| {
        let body = json!({ "movement": sequence, "kind": kind, "reference": "1", "at_ms": 1,
            "by": { "station": { "register": "till-1" } },
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
    assert_eq!(ledger.positions(&stock.hub, Epoch(1)).await.unwrap()[&key], [3000, 1000, 0, 0, 0]);
    assert_eq!(ledger.summary().await.unwrap().quarantined, 2, "a receipt from the shelf, and a sale as a movement");
    let again = Batch { epoch: Epoch(2), events: vec![moved(1, "receipt", came)], ..stock.clone() };
    ledger.apply(&again).await.unwrap();
    assert_eq!(ledger.positions(&stock.hub, Epoch(2)).await.unwrap()[&key], [5000, 0, 0, 0, 0]);
    let told: Vec<_> =
        everywhere(&ledger).await.iter().map(|stock| (stock.epoch, stock.on_hand, stock.reserved)).collect();
    assert_eq!(told, [(Epoch(1), 3000, 1000), (Epoch(2), 5000, 0)]);
}

async fn what_no_store_can_have_is_quarantined_whole_and_pins_no_position(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let (mut sequence, mut events) = (0, Vec::new());
    let mut say = |kind: &str, body: serde_json::Value| {
        sequence += 1;
        let body = to_raw_value(&body).unwrap();
        events.push(Event { sequence: Sequence(sequence), kind: kind.into(), occurred_at_ms: 1, body });
    };
    let came = |sku: &str, milli: i64| json!({ "sku": sku, "quantity_milli": milli, "unit": "each", "to": "on_hand" });
    let moved = |lines: serde_json::Value| {
        json!({ "movement": 1, "kind": "receipt", "reference": "1", "at_ms": 1,
        "by": { "station": { "register": "till-1" } }, "lines": lines })
    };
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
    let positions = ledger.positions(&batch.hub, Epoch(1)).await.unwrap();
    let on_hand = |sku: &str| positions[&(sku.to_owned(), Unit::Each)][0];
    assert_eq!(on_hand("818981"), 7000);
    let (whole, all) = (i64::MAX / (399 * stock::MAX_STANDING), 399 * stock::MAX_STANDING);
    assert_eq!(
        (on_hand("948640"), on_hand("4011")),
        (whole * all, whole * 1000),
        "57 of them, and nothing of the last"
    );
    assert_eq!(ledger.summary().await.unwrap().quarantined, 2 + 58 - u64::try_from(whole).unwrap());
    assert!(quarantine(&ledger).await.last().unwrap().why.contains("948640 each cannot be represented"));
}

async fn an_opening_is_added_once_wherever_it_comes_among_the_epochs_sales(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
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
    let there = ledger.positions(&stock.hub, Epoch(1)).await.unwrap()[&("818981".to_owned(), Unit::Each)];
    assert_eq!((there, ledger.summary().await.unwrap().quarantined), ([-3000, 4000, 0, 0, 3000], 1));
}

proptest! {
    /// Batches in any order, overlapping, repeated: each event counts once, and the cursor never skips.
    #[test]
    fn every_event_counts_once(spans in proptest::collection::vec((1_u64..40, 0_u64..20), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ledger = runtime.block_on(Ledger::in_memory()).unwrap();
        for (first, more) in spans {
            runtime.block_on(ledger.apply(&batch(first..=first + more))).unwrap();
            let hub = "store-1".parse().unwrap();
            let cursor = runtime.block_on(ledger.cursor(&hub, Epoch(1), &Stream::sales())).unwrap();
            let summary = runtime.block_on(ledger.summary()).unwrap();
            prop_assert_eq!((summary.sales, summary.duplicate_sales), (cursor.0, 0));
        }
    }
}

async fn money_that_can_not_be_counted_is_quarantined_whole(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let much = "INSERT INTO day (
            hub, business_day, currency, sales, lines, regular, discount, net, manufacturer_coupon
        ) VALUES ('store-1', '2026-11-24', 'USD', 0, 0, 0, 0, 999999999999850, 0)";
    let much = &*Box::leak(Box::new(crate::database::Statement { name: "much", sqlite: much, postgres: much }));
    let mut transaction = fresh.database.transaction().await.unwrap();
    transaction.execute(much, values![]).await.unwrap();
    transaction.commit().await.unwrap();
    let mut sales = batch(1..=2);
    for event in &mut sales.events {
        let mut body: serde_json::Value = serde_json::from_str(event.body.get()).unwrap();
        let line = json!({ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" });
        body["moved"] = json!([line]);
        event.body = to_raw_value(&body).unwrap();
    }
    assert_eq!(ledger.apply(&sales).await.unwrap().stored, 2);
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.quarantined, summary.net_minor), (1, 1, 999_999_999_999_950));
    let key = ("818981".to_owned(), Unit::Each);
    assert_eq!(ledger.positions(&sales.hub, Epoch(1)).await.unwrap()[&key][0], -1000, "nothing of the other");
    assert!(quarantine(&ledger).await[0].why.contains("cannot be represented"));
}

async fn texts_that_no_index_takes_are_quarantined_and_block_nothing(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let mut hostile = batch(1..=8);
    let texts = ["\\u0000", &"x".repeat(4_000), &"\u{1f34e}".repeat(80)];
    let mut places = hostile.events.iter_mut();
    for text in texts {
        for field in ["basket-", "1-"] {
            let event = places.next().unwrap();
            let body = event.body.get().replace(&format!("\"{field}"), &format!("\"{text}"));
            event.body = serde_json::value::RawValue::from_string(body).unwrap();
        }
    }
    let day = places.next().unwrap();
    let body = day.body.get().replace("2026-11-24", "2026-02-30");
    day.body = serde_json::value::RawValue::from_string(body).unwrap();
    let applied = ledger.apply(&hostile).await.unwrap();
    assert_eq!((applied.cursor, applied.quarantined), (Sequence(8), 7));
    assert_eq!(ledger.summary().await.unwrap().sales, 1);
    let unit = json!({ "movement": 1, "kind": "transfer_in", "reference": format!("store-2/{}", "7".repeat(9_000)),
        "at_ms": 1,
        "by": { "station": { "register": "till-1" } },
        "lines": [{ "sku": "x".repeat(9_000), "quantity_milli": 1000, "unit": "each", "to": "on_hand" }] });
    let body = to_raw_value(&unit).unwrap();
    let event = Event { sequence: Sequence(1), kind: stock::MOVED.name().into(), occurred_at_ms: 1, body };
    let moved = Batch { events: vec![event], stream: Stream::stock(), ..batch(1..=1) };
    assert_eq!(ledger.apply(&moved).await.unwrap().quarantined, 1);
}

async fn another_body_under_the_same_key_raises_an_alarm_and_changes_nothing(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    ledger.apply(&batch(1..=3)).await.unwrap();
    ledger.apply(&batch(1..=3)).await.unwrap();
    assert_eq!(ledger.alarms().await.unwrap(), []);
    let mut other = batch(2..=4);
    let body = other.events[1].body.get().replace("\"receipt\":3", "\"receipt\":33");
    other.events[1].body = serde_json::value::RawValue::from_string(body).unwrap();
    for times in 1..=2 {
        ledger.apply(&other).await.unwrap();
        let alarms = ledger.alarms().await.unwrap();
        assert_eq!((alarms.len(), alarms[0].times, &*alarms[0].kind), (1, times, "contradiction"));
        assert!(alarms[0].what.contains("event 3 of sales"), "{alarms:?}");
    }
    let sale = &ledger.by_reference(&other.hub, "basket-3").await.unwrap()[0];
    assert_eq!((sale.receipt, ledger.summary().await.unwrap().sales), (3, 4));
}

async fn a_replay_is_acknowledged_step_by_step_and_stores_nothing_twice(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let linked = |sequences| Batch { link: Some(ChainLink([7; 32])), ..batch(sequences) };
    ledger.apply(&linked(1..=10)).await.unwrap();
    let Batch { hub, epoch, stream, .. } = batch(1..=1);
    let told = async || ledger.acknowledgement(&hub, epoch, &stream).await.unwrap();
    let whole = (Sequence(10), Some(ChainLink([7; 32])));
    assert_eq!(told().await, whole);
    assert_eq!(ledger.request_replay(&hub, None, Sequence(4)).await.unwrap().len(), 1);
    assert_eq!(told().await, (Sequence(3), None));
    // New, before the hub hears of it: stored, and no part of the replay.
    ledger.apply(&linked(11..=12)).await.unwrap();
    assert_eq!(told().await, (Sequence(3), None));
    for (batch, up_to) in [(4..=6, 6), (4..=6, 6), (5..=9, 9)] {
        assert_eq!(ledger.apply(&linked(batch)).await.unwrap().stored, 0);
        assert_eq!(told().await, (Sequence(up_to), None));
    }
    assert_eq!(ledger.apply(&linked(10..=13)).await.unwrap().stored, 1);
    assert_eq!(told().await, (Sequence(13), Some(ChainLink([7; 32]))));
    assert_eq!(ledger.summary().await.unwrap().sales, 13);
    assert_eq!(ledger.request_replay(&"store-9".parse().unwrap(), None, Sequence(1)).await.unwrap(), []);
}

async fn many_workers_that_apply_the_same_batches_store_each_event_once(fresh: Fresh) {
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4_u64 {
        let ledger = Ledger::on(fresh.again().await);
        workers.spawn(async move {
            for first in (1..=91).step_by(10) {
                let batch = batch(first.max(worker) - worker.min(first - 1)..=first + 9);
                let applied = ledger.apply(&batch).await.unwrap();
                assert!(!applied.gap && applied.cursor.0 >= first + 9);
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    let ledger = Ledger::on(fresh.database.clone());
    let summary = ledger.summary().await.unwrap();
    assert_eq!((summary.sales, summary.net_minor, summary.quarantined), (100, 10_000, 0));
    assert_eq!(ledger.alarms().await.unwrap(), []);
}

async fn what_hubs_say_is_kept_and_an_earlier_epoch_does_not_replace_a_later_one(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let hub: HubId = "store-1".parse().unwrap();
    let said = |epoch: u64, stopped: Option<&str>| {
        let span =
            contract::StreamSpan { stream: Stream::sales(), first_kept: Sequence(1), last: Sequence(9), known: None };
        let (software, stopped) = ("store-hub \0 0.1".into(), stopped.map(str::to_owned));
        let streams = vec![span.clone(), span];
        let hello =
            contract::Hello { hub: hub.clone(), epoch: Epoch(epoch), software, streams, connection: 1, stopped };
        [(hub.clone(), (hello, 5))].into()
    };
    for (epoch, stopped, expected) in [
        (7, Some("the disk failed"), (7, Some("the disk failed"))),
        (8, None, (8, None)),
        (7, Some("the disk failed"), (8, None)),
        (8, Some("full"), (8, Some("full"))),
    ] {
        ledger.heard(&said(epoch, stopped)).await.unwrap();
        let known = ledger.hubs().await.unwrap().remove(&hub).unwrap();
        assert_eq!((known.0.0, known.1.as_deref()), expected);
    }
}

async fn a_hub_is_known_by_its_events_even_if_its_hello_was_lost(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let all = batch(1..=3);
    ledger.apply(&all).await.unwrap();
    assert_eq!(ledger.hubs().await.unwrap(), [(all.hub, (all.epoch, None))].into());
}

async fn every_sale_is_given_once_with_its_first_event(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    for span in [2..=3, 1..=3, 2..=4, 1..=4] {
        ledger.apply(&batch(span)).await.unwrap();
    }
    ledger.apply(&Batch { epoch: Epoch(2), ..batch(1..=2) }).await.unwrap();
    let mut told = Vec::new();
    let take = |row: crate::report::SaleRow| {
        told.push((row.epoch.0, row.sequence.0, row.sale.sale));
        Ok::<_, DatabaseError>(())
    };
    ledger.sales(take).await.unwrap();
    assert_eq!(told, (1..=4).map(|number| (1, number, format!("1-{number}"))).collect::<Vec<_>>());
}
