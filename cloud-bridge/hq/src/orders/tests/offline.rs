//! Stores without a connection, and counters that take what the web has.

use commerce::stock::quota::Class;

use super::{super::Why, *};

on_each_engine! {
    a_quota_is_sold_while_its_store_is_offline_for_a_short_time
    an_order_to_be_collected_waits_for_its_store
    an_order_for_a_store_that_counts_as_offline_is_refused_as_such
    a_breach_at_the_counter_routes_the_order_to_another_store
}

const MINUTE: i64 = 60_000;

/// Works all parts of all stores to their ends.
async fn finish(world: &mut World) {
    world.settle().await;
    let now_ms = world.now_ms;
    for store in &mut world.stores {
        for key in store.parts.keys().cloned().collect::<Vec<_>>() {
            while store.work(&key, now_ms) {}
        }
    }
    world.settle().await;
}

async fn a_quota_is_sold_while_its_store_is_offline_for_a_short_time(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10)]).await;
    world.now_ms += 9 * MINUTE;
    let new = |name: &str, pieces| world.order(name, Kind::ShipFromStore, vec![line(1, "a", pieces)]);
    world.place(new("web-1", 6)).await.unwrap();
    assert_eq!(world.place(new("web-2", 5)).await.unwrap_err().rule, "no_stock", "four are left");
    // The offer arrives after its deadline, and the store is the only one.
    world.pass(12 * MINUTE).await;
    world.settle().await;
    let now_ms = world.now_ms;
    world.stores[0].refill(now_ms);
    world.settle().await;
    world.pass(MINUTE).await;
    finish(&mut world).await;
    let parts = [("store-1".into(), State::Rejected), ("store-1".into(), State::Shipped)];
    assert_eq!(world.parts("web-1").await, parts);
    let story = world.story("web-1").await;
    assert_eq!((story.state, story.is_over, story.charged, story.refund), (State::Shipped, true, 1_500, 0));
    world.stores[0].agrees(&world.ledger).await;
}

async fn an_order_to_be_collected_waits_for_its_store(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 6)])).await.unwrap();
    world.pass(40 * MINUTE).await;
    while attend_due(world.ledger.database(), true, world.now_ms).await.unwrap() > 0 {}
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Offered)]);
    finish(&mut world).await;
    let story = world.story("web-1").await;
    assert_eq!((story.state, story.parts.len(), story.refund), (State::HandedOver, 1, 0));
}

async fn an_order_for_a_store_that_counts_as_offline_is_refused_as_such(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 2)]).await;
    world.now_ms += 11 * MINUTE;
    world.hello(&world.stores[1]).await;
    let new = |kind, pieces| world.order("web-1", kind, vec![line(1, "a", pieces)]);
    for kind in [Kind::Pickup, Kind::ShipFromStore] {
        let refused = world.place(new(kind, 3)).await.unwrap_err();
        assert_eq!((refused.why, refused.rule), (Why::NotAvailable, "offline"), "{kind:?}: {refused}");
    }
    let refused = world.place(new(Kind::ShipFromStore, 3)).await.unwrap_err();
    let detail =
        "store store-1 has item a, but can't take the order: HQ has not heard from its hub for more than 10 min";
    assert_eq!((refused.line, refused.detail.as_str()), (Some(1), detail));
    world.place(new(Kind::ShipFromStore, 2)).await.unwrap();
    assert_eq!(world.parts("web-1").await, [("store-2".into(), State::Offered)]);
}

async fn a_breach_at_the_counter_routes_the_order_to_another_store(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    let now_ms = world.now_ms;
    world.stores[0].class = Class::WalkInFirst;
    let new = |world: &World, name: &str, pieces| world.order(name, Kind::ShipFromStore, vec![line(1, "a", pieces)]);
    world.place(new(&world, "web-1", 4)).await.unwrap();
    world.place(new(&world, "web-2", 3)).await.unwrap();
    // Both offers are on their way; the counter sells seven of ten, so four of the web's seven are gone.
    assert!(world.stores[0].sell(&sku("a"), 7_000));
    assert_eq!(world.stores[0].quotas[&sku("a")].breached, 7_000, "three of them were not sold");
    world.stores[0].refill(now_ms);
    world.stores[0].send(&world.ledger).await;
    assert_eq!(world.left("a").await, [0, 10_000], "what was not sold went back");
    assert_eq!(
        world.place(new(&world, "web-3", 11)).await.unwrap_err().rule,
        "no_stock",
        "store-1 has nothing to promise"
    );

    finish(&mut world).await;
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Shipped), ("store-2".into(), State::Shipped)]);
    assert_eq!(world.parts("web-2").await, [("store-1".into(), State::Rejected), ("store-2".into(), State::Shipped)]);
    for name in ["web-1", "web-2"] {
        let story = world.story(name).await;
        assert_eq!((story.state, story.refund), (State::Shipped, 0), "{name}");
    }
    let [first, second] = [&world.stores[0], &world.stores[1]];
    assert_eq!((first.on_hand(&sku("a")), second.on_hand(&sku("a"))), (0, 6_000));
    assert_eq!(first.left[&sku("a")] + second.left[&sku("a")], 7_000);
    let mut both = Vec::new();
    for store in &mut world.stores {
        store.refill(now_ms);
        store.exchange(&world.ledger, now_ms).await;
        let quota = store.quotas[&sku("a")];
        assert_eq!((quota.totals.outstanding(), quota.kept()), (0, store.on_hand(&sku("a"))), "{}", store.hub);
        both.push(quota.totals.left());
    }
    assert_eq!(world.left("a").await, both, "both sides know the same");
    assert_eq!(both, [0, 6_000]);
}
