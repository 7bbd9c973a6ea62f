//! Orders that are followed: rejected, short, unanswered, cancelled, changed, refunded; stores that are set back.

use commerce::{Station, order::Amount};
use contract::order::{OrderPlaced, OrderWithdrawn, PLACED, Tracked, WITHDRAWN, Withdrawal};

use super::{
    super::{Change, Why},
    *,
};
use crate::projection::rebuild::rebuild;

on_each_engine! {
    what_a_store_rejects_is_routed_elsewhere
    what_cannot_be_had_is_refunded_once
    goods_that_come_back_to_a_store_are_refunded_to_the_web_payment_once
    an_unanswered_offer_is_routed_again_when_the_store_has_given_it_back
    an_order_at_risk_goes_to_another_store_if_there_is_one
    a_cancelled_order_comes_back_from_its_stores
    a_part_of_an_order_is_cancelled_and_never_routed_again
    an_order_is_changed_as_a_whole
    a_store_that_was_set_back_is_offered_its_parts_again
    a_rebuild_leaves_orders_as_they_are
    a_store_takes_an_order_for_another
    what_does_not_fit_is_an_alarm_and_has_no_effect
    an_offer_that_a_hub_cannot_read_is_rejected
}

fn key(name: &str, part: u32) -> (OrderId, u32) {
    (id(name), part)
}

/// Works a part to its end.
fn finish(store: &mut Store, key: &(OrderId, u32), now_ms: i64) {
    while store.work(key, now_ms) {}
}

async fn what_a_store_rejects_is_routed_elsewhere(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.stores[0].policy.auto_accept = false;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 3)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    assert!(world.stores[0].reject(&key("web-1", 1), now_ms));
    world.settle().await;
    let parts = [("store-1".into(), State::Rejected), ("store-2".into(), State::Accepted)];
    assert_eq!(world.parts("web-1").await, parts);
    finish(&mut world.stores[1], &key("web-1", 2), now_ms);
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!((story.state, story.is_over, story.charged, story.refund), (State::Shipped, true, 750, 0));
    let why: Vec<_> = story::decisions(world.ledger.database(), &id("web-1")).await.unwrap().unwrap();
    assert_eq!(why.iter().map(|decision| decision.why.as_str()).collect::<Vec<_>>(), ["placed", "routed again"]);
    let first = &why[1].plan["others"][0];
    assert_eq!((&first["store"], &first["why"]), (&"store-1".into(), &"rejected".into()));
    for store in &world.stores {
        store.agrees(&world.ledger).await;
    }
}

async fn what_cannot_be_had_is_refunded_once(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 3), line(2, "b", 1)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    let picker: commerce::OperatorId = "ann".parse().unwrap();
    let claim = commerce::order::Command::Claim { picker: picker.clone(), lines: vec![1] };
    assert!(world.stores[0].command(&key("web-1", 1), claim, now_ms));
    assert!(world.stores[0].command(&key("web-1", 1), commerce::order::Command::Short { picker, line: 1 }, now_ms));
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!(story.unavailable, [Amount { line: 1, milli: 3_000 }], "the customer comes to this store");
    assert_eq!((story.refund, story.refunds.len(), story.refunds[0].amount), (750, 1, 750));
    finish(&mut world.stores[0], &key("web-1", 1), now_ms);
    world.settle().await;
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!((story.state, story.charged, story.refund, story.refunds.len()), (State::HandedOver, 250, 750, 1));
    assert_eq!(world.told("refund.due").await.len(), 1);

    let record = world.record("web-1").await;
    for reference in ["psp-2", "psp-3"] {
        let mut transaction = world.ledger.database().transaction().await.unwrap();
        let done = story::refund_done(&mut transaction, &record, 1, reference, 5).await.unwrap().unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((done.done_at_ms, done.refunded_by.as_deref()), (Some(5), Some("psp-2")), "once");
    }
    assert!(story::refunds(world.ledger.database(), (0, 0), true, 9).await.unwrap().is_empty());
}

/// The refunds of `web-1`: amount, web payment, return.
async fn refunds(world: &World) -> Vec<(i64, String, Option<String>)> {
    let story = world.story("web-1").await;
    assert_eq!(story.refund, 250, "of what was short alone");
    story.refunds.into_iter().map(|refund| (refund.amount, refund.reference, refund.returned)).collect()
}

async fn goods_that_come_back_to_a_store_are_refunded_to_the_web_payment_once(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 3), line(2, "b", 1)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    // One item is short, which is a refund of its own.
    let picker: commerce::OperatorId = "ann".parse().unwrap();
    let claim = commerce::order::Command::Claim { picker: picker.clone(), lines: vec![2] };
    assert!(world.stores[0].command(&key("web-1", 1), claim, now_ms));
    assert!(world.stores[0].command(&key("web-1", 1), commerce::order::Command::Short { picker, line: 2 }, now_ms));
    finish(&mut world.stores[0], &key("web-1", 1), now_ms);
    world.settle().await;
    let send = async |hub: &str, sequence: u64, body: Json| {
        let event = contract::Event {
            sequence: contract::Sequence(sequence),
            kind: contract::sale::COMPLETED.name().into(),
            occurred_at_ms: 1,
            body: serde_json::value::to_raw_value(&body).unwrap(),
        };
        let (hub, epoch, stream) = (hub.parse().unwrap(), Epoch(1), Stream::sales());
        let batch = contract::Batch { hub, epoch, stream, events: vec![event], link: None };
        let applied = world.ledger.apply(&batch).await.unwrap();
        assert_eq!(applied.quarantined, 0);
    };
    let sale = |sale: &str, amount: i64, paid: &str| {
        serde_json::json!({
            "sale": sale, "register": "till-1", "receipt": 1, "fiscal_year": 2026, "business_day": "2026-11-24",
            "sold_at_ms": 1, "currency": "USD", "lines": [{ "number": 1, "sku": "a", "on_file": true,
                "description": "Cereal", "quantity_milli": amount * 4, "unit": "each", "regular": amount,
                "net": amount }],
            "tenders": [{ "kind": "prepaid", "amount": amount, "reference": paid }],
            "totals": { "regular": amount, "discount": 0, "net": amount, "manufacturer_coupon": 0, "tendered": amount,
                "change": 0 }
        })
    };
    let mut handover = sale("1-1", 750, "psp-1");
    handover["reference"] = "web-1".into();
    send("till-store", 1, handover).await;
    let back = |id: &str, of: (&str, &str), amount: i64, paid: &str| {
        let (of, mut body) = (serde_json::json!({ "store": of.0, "sale": of.1 }), sale(id, -amount, paid));
        body["lines"][0]["returned"] = serde_json::json!({ "sale": of, "line": 1, "reason": "size",
            "disposition": "sellable" });
        body["returns"] = serde_json::json!([{ "sale": of, "lines": [1], "validated": "headquarters",
            "refund": amount, "decision": { "outcome": "authorize", "cash": true } }]);
        body
    };
    send("till-other", 1, back("1-1", ("till-store", "1-1"), 250, "psp-1")).await;
    // An exchange is found by the sale before it.
    send("till-other", 2, back("1-2", ("till-other", "1-1"), 100, "psp-1")).await;
    send("till-other", 2, back("1-2", ("till-other", "1-1"), 100, "psp-1")).await;
    let expected = [
        (250, "psp-1".to_owned(), None),
        (250, "psp-1".to_owned(), Some("till-other/1-1".to_owned())),
        (100, "psp-1".to_owned(), Some("till-other/1-2".to_owned())),
    ];
    assert_eq!(refunds(&world).await, expected);
    assert_eq!(world.told("refund.due").await.len(), 3);
    // Nobody would pay what belongs to no order.
    send("till-other", 3, back("1-3", ("till-store", "1-9"), 100, "psp-9")).await;
    let alarms = world.ledger.alarms().await.unwrap();
    assert!(alarms.iter().any(|alarm| alarm.kind == "refund_unknown"), "{alarms:?}");
    world.settle().await;
    assert_eq!(refunds(&world).await, expected, "settling again adds nothing");
}

async fn an_unanswered_offer_is_routed_again_when_the_store_has_given_it_back(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.stores[0].policy.auto_accept = false;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 3)])).await.unwrap();
    world.settle().await;
    world.pass(11 * 60_000).await;
    while attend_due(world.ledger.database(), true, world.now_ms).await.unwrap() > 0 {}
    let story = world.story("web-1").await;
    assert!(story.parts[0].recalled_at_ms.is_some());
    assert_eq!((story.parts.len(), story.left.len()), (1, 0), "the store may have handed it over meanwhile");
    world.settle().await;
    let parts = [("store-1".into(), State::Cancelled), ("store-2".into(), State::Accepted)];
    assert_eq!(world.parts("web-1").await, parts);
    assert_eq!(world.stores[0].on_hand(&sku("a")), 10_000);

    // The answer comes late: it was accepted and shipped before the store heard that HQ wants it back.
    world.place(world.order("web-2", Kind::ShipFromStore, vec![line(1, "b", 3)])).await.unwrap();
    let now_ms = world.now_ms;
    world.stores[0].fetch(&world.ledger, now_ms).await;
    world.pass(11 * 60_000).await;
    while attend_due(world.ledger.database(), true, world.now_ms).await.unwrap() > 0 {}
    finish(&mut world.stores[0], &key("web-2", 1), now_ms);
    world.settle().await;
    assert_eq!(world.parts("web-2").await, [("store-1".into(), State::Shipped)], "never both");
}

async fn an_order_at_risk_goes_to_another_store_if_there_is_one(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 4)]).await;
    let new = |name, item, pieces| world.order(name, Kind::ShipFromStore, vec![line(1, item, pieces)]);
    world.place(new("web-1", "a", 3)).await.unwrap();
    world.place(new("web-2", "b", 10)).await.unwrap();
    world.settle().await;
    world.pass(4 * HOUR - 28 * 60_000).await;
    world.settle().await;
    let parts = [("store-1".into(), State::Cancelled), ("store-2".into(), State::Accepted)];
    assert_eq!(world.parts("web-1").await, parts);
    assert_eq!(world.parts("web-2").await, [("store-1".into(), State::Accepted)], "nobody else has so many");
}

async fn a_cancelled_order_comes_back_from_its_stores(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 12)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    // One store has shipped its part, and HQ has not heard of it.
    finish(&mut world.stores[0], &key("web-1", 1), now_ms);
    world.cancel("web-1", &[]).await.unwrap();
    world.cancel("web-1", &[]).await.unwrap();
    world.settle().await;
    let parts = [("store-1".into(), State::Shipped), ("store-2".into(), State::Cancelled)];
    assert_eq!(world.parts("web-1").await, parts);
    let story = world.story("web-1").await;
    assert_eq!((story.is_over, story.charged, story.refund), (true, 2_500, 500));
    assert_eq!(world.stores[1].on_hand(&sku("a")), 10_000);
    let refused = world.cancel("web-1", &[]).await.unwrap_err();
    assert_eq!(refused.why, Why::TooLate, "what is shipped cannot be cancelled");
}

async fn a_part_of_an_order_is_cancelled_and_never_routed_again(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 3), line(2, "b", 1)])).await.unwrap();
    world.settle().await;
    let amount = |line, milli| Amount { line, milli };
    for (wrong, rule) in
        [(amount(9, 1_000), "no_such_line"), (amount(1, 4_000), "not_enough"), (amount(1, -1), "nothing")]
    {
        assert_eq!(world.cancel("web-1", &[wrong]).await.unwrap_err().rule, rule);
    }
    world.cancel("web-1", &[amount(1, 2_000)]).await.unwrap();
    world.settle().await;
    assert_eq!(world.cancel("web-1", &[amount(1, 2_000)]).await.unwrap_err().rule, "not_enough");
    let now_ms = world.now_ms;
    finish(&mut world.stores[0], &key("web-1", 1), now_ms);
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!((story.parts.len(), story.charged, story.refund, story.is_over), (1, 500, 500, true));
}

async fn an_order_is_changed_as_a_whole(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 3)])).await.unwrap();
    let until_ms = world.now_ms + 9 * HOUR;
    let change = async |add: Vec<Ordered>| {
        let mut transaction = world.ledger.database().transaction().await.unwrap();
        let record = record::lock(&mut transaction, &id("web-1")).await.unwrap().unwrap();
        let wanted = Change { keep_until_ms: Some(until_ms), add };
        let changed = change::change(&mut transaction, record, wanted, world.now_ms).await;
        if changed.is_ok() {
            transaction.commit().await.unwrap();
        }
        changed.map(drop).map_err(|error| match error {
            OrderError::Refused(refused) => refused.rule,
            OrderError::Failed(error) => panic!("{error}"),
        })
    };
    assert_eq!(change(vec![line(2, "b", 11)]).await, Err("no_stock"));
    assert_eq!(change(vec![line(1, "b", 1)]).await, Err("line_twice"));
    assert_eq!(change(vec![line(2, "b", 1)]).await, Ok(()));
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!(story.parts.iter().map(|part| (part.part, part.lines[0].line)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!(world.stores[0].parts[&key("web-1", 1)].extended_to_ms, Some(until_ms));
    assert_eq!(story.state, State::Accepted);
}

async fn a_store_that_was_set_back_is_offered_its_parts_again(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 3)])).await.unwrap();
    world.settle().await;
    let backup = world.stores[0].clone();
    world.place(world.order("web-2", Kind::Pickup, vec![line(1, "a", 3)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    assert!(world.stores[0].work(&key("web-1", 1), now_ms));
    world.settle().await;
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Picking)]);

    // A day later, the disk is gone: a new epoch, without the second order, and without the picker's claim.
    let mut restored = Store { epoch: 9, events: vec![], sent: 0, ..backup };
    restored.quotas.clear();
    restored.stock_up(&sku("a"), 0);
    world.stores[0] = restored;
    world.pass(24 * HOUR / 4).await;
    world.stores[0].acknowledge(&Queues::of(&world.ledger)).await;
    world.settle().await;
    assert!(world.stores[0].parts.contains_key(&key("web-2", 1)), "it was offered again");
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Accepted)], "as the store has it");
    world.stores[0].agrees(&world.ledger).await;
    let now_ms = world.now_ms;
    for name in ["web-1", "web-2"] {
        finish(&mut world.stores[0], &key(name, 1), now_ms);
    }
    world.settle().await;
    let [one, two] = [world.story("web-1").await, world.story("web-2").await];
    assert_eq!((one.state, one.charged), (State::HandedOver, 750));
    // What its former quota promised is not promised by the new one.
    assert!(two.is_over && two.charged + two.refund == 750, "{two:?}");
    world.stores[0].agrees(&world.ledger).await;
}

async fn a_rebuild_leaves_orders_as_they_are(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 12)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    world.stores[0].work(&key("web-1", 1), now_ms);
    world.settle().await;
    let told = |story: &Story| serde_json::to_value(story).unwrap();
    let before = (told(&world.story("web-1").await), world.left("a").await);
    let rebuilt = rebuild(world.ledger.database(), |_, _| ()).await.unwrap();
    assert_eq!(rebuilt.quarantined, 0, "HQ's own events are no strangers");
    assert!(rebuilt.events > 4);
    world.settle().await;
    assert_eq!((told(&world.story("web-1").await), world.left("a").await), before);
}

async fn a_store_takes_an_order_for_another(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    let zones = vec!["NE1".to_owned()];
    for store in 0..2 {
        world.load(&Profile { zones: zones.clone(), ..Profile::new(world.hub(store)) }).await;
    }
    let now_ms = world.now_ms;
    let placed = |name: &str, pieces, answer_by_ms| OrderPlaced {
        order: world.order(name, Kind::EndlessAisle, vec![line(1, "a", pieces)]).order,
        to: contract::order::Destination::Zone("NE1".into()),
        at_ms: now_ms,
        by: Station::Hub.into(),
        answer_by_ms,
    };
    let all = [placed("s1-1", 3, now_ms + HOUR), placed("s1-2", 11, now_ms + HOUR), placed("s1-3", 1, now_ms - HOUR)];
    for one in &all {
        world.stores[0].emit(&PLACED, one, now_ms);
    }
    world.settle().await;
    assert_eq!(world.parts("s1-1").await, [("store-2".into(), State::Accepted)], "not from the store itself");
    let answers: Vec<_> =
        world.stores[0].tracked.iter().map(|told| (told.order.to_string(), told.answer.clone())).collect();
    let refused =
        |name: &str| answers.iter().any(|(order, answer)| order == name && matches!(answer, Tracked::Refused { .. }));
    assert!(refused("s1-2") && refused("s1-3"), "{answers:?}");
    let due_ms = all[0].order.terms.due_ms;
    assert!(answers.contains(&("s1-1".into(), Tracked::Accepted { state: State::Accepted, due_ms })), "{answers:?}");

    let why = Withdrawal::Cancelled;
    let withdrawn = |order| OrderWithdrawn { order, at_ms: now_ms, why };
    // Only the store that took it may withdraw it.
    world.stores[1].emit(&WITHDRAWN, &withdrawn(id("s1-1")), now_ms);
    world.settle().await;
    assert_eq!(world.story("s1-1").await.state, State::Accepted);
    world.stores[0].emit(&WITHDRAWN, &withdrawn(id("s1-1")), now_ms);
    world.settle().await;
    let story = world.story("s1-1").await;
    assert_eq!((story.state, story.refund), (State::Cancelled, 750));
}

async fn an_offer_that_a_hub_cannot_read_is_rejected(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 3)])).await.unwrap();
    let queues = Queues::of(&world.ledger);
    let batch = queues.next(&world.hub(0), &Stream::orders()).await.unwrap().unwrap();
    let refusal = contract::down::Refusal::new(batch.items[0].sequence, "unprintable text");
    let store = &mut world.stores[0];
    store.received = store.received.after(&batch, vec![refusal]);
    store.acknowledge(&queues).await;
    world.settle().await;
    let parts = [("store-1".into(), State::Rejected), ("store-2".into(), State::Accepted)];
    assert_eq!(world.parts("web-1").await, parts);
}

async fn what_does_not_fit_is_an_alarm_and_has_no_effect(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 3)])).await.unwrap();
    world.settle().await;
    let now_ms = world.now_ms;
    let moved = |milli| contract::order::OrderAdvanced {
        order: id("web-1"),
        part: 1,
        at_ms: now_ms,
        by: Station::Hub.into(),
        changes: vec![commerce::order::Change::Moved {
            line: 1,
            step: commerce::order::Step::HandOver,
            from: State::Accepted,
            to: State::HandedOver,
            milli,
        }],
        sale: None,
    };
    for milli in [4_000, -1, 0, i64::MAX, i64::MIN] {
        world.stores[0].emit(&contract::order::ADVANCED, &moved(milli), now_ms);
    }
    // Another store cannot speak for it.
    world.stores[1].emit(&contract::order::ADVANCED, &moved(3_000), now_ms);
    world.settle().await;
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Accepted)]);
    let alarms = world.ledger.alarms().await.unwrap();
    assert!(alarms.iter().any(|alarm| alarm.hub == "store-1" && alarm.subject.contains("web-1")), "{alarms:?}");
}
