//! Orders that are placed, and orders that are refused at HQ.

use super::{super::Why, *};

on_each_engine! {
    an_order_spends_a_quota_and_is_offered_once
    what_hq_can_know_to_be_wrong_is_refused_and_leaves_nothing
    slots_take_no_more_orders_than_they_have_room_for
    many_that_order_at_once_get_no_more_than_was_granted
    an_order_is_split_within_the_most_stores
}

async fn an_order_spends_a_quota_and_is_offered_once(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    assert_eq!(world.left("a").await, [10_000, 10_000]);
    let new = || world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 3), line(2, "a", 1), line(3, "b", 1)]);
    world.place(new()).await.unwrap();
    world.place(new()).await.unwrap();
    assert_eq!(world.left("a").await, [6_000, 10_000], "once");
    let [item] = &world.waiting(0).await[..] else { panic!("one offer") };
    let offered = contract::order::OFFERED.read(item).unwrap();
    assert_eq!((offered.part, offered.order.lines.len()), (1, 3));
    let spent: Vec<_> = offered.spent.iter().map(|spent| (spent.sku.as_str(), spent.milli, spent.epoch)).collect();
    assert_eq!(spent, [("a", 4_000, 7), ("b", 1_000, 7)]);
    assert!(world.waiting(1).await.is_empty());

    let other = world.order("web-1", Kind::ShipFromStore, vec![line(1, "a", 4)]);
    assert_eq!(world.place(other).await.unwrap_err().why, Why::Reused);

    world.settle().await;
    assert_eq!(world.parts("web-1").await, [("store-1".into(), State::Accepted)]);
    world.stores[0].agrees(&world.ledger).await;
    let decisions = story::decisions(world.ledger.database(), &id("web-1")).await.unwrap().unwrap();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].plan["parts"][0]["store"], "store-1");
    assert_eq!(decisions[0].plan["others"][0], serde_json::json!({ "store": "store-2", "why": "costlier", "by": 10 }));
    let states: Vec<_> = world.told("order.changed").await.into_iter().map(|told| told["state"].clone()).collect();
    assert_eq!(states, ["offered", "accepted"]);
}

async fn what_hq_can_know_to_be_wrong_is_refused_and_leaves_nothing(fresh: Fresh) {
    let world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 1)]).await;
    let monday = Profile { hours: Some("mon 00:00-00:01".parse().unwrap()), ..Profile::new("closed".parse().unwrap()) };
    world.load(&monday).await;
    let pickup = |name: &str, lines| world.order(name, Kind::Pickup, lines);
    let at =
        |store: &str| NewOrder { to: Destination::Store(store.parse().unwrap()), ..pickup("x", vec![line(1, "a", 2)]) };
    let due = |due_ms| {
        let mut new = pickup("x", vec![line(1, "a", 2)]);
        new.order.terms.due_ms = due_ms;
        new
    };
    let cases = [
        (pickup("x", vec![line(1, "a", 1), line(2, "nothing", 1)]), Why::UnknownItem, Some(2), "unknown_item"),
        (due(world.now_ms), Why::PastSlot, None, "past_slot"),
        (due(world.now_ms + 100 * 24 * HOUR), Why::Invalid, None, "slot_too_far"),
        (pickup("x", vec![]), Why::Invalid, None, "no_lines"),
        (at("nowhere"), Why::UnknownStore, None, "unknown_store"),
        (at("closed"), Why::StoreClosed, None, "store_closed"),
        (at("store-2"), Why::NotAvailable, Some(1), "no_stock"),
        (pickup("x", vec![line(1, "b", 10), line(2, "a", 11)]), Why::NotAvailable, Some(2), "no_stock"),
        (due(world.now_ms + 60_000), Why::NotAvailable, None, "too_late"),
        (
            NewOrder { to: Destination::Zone("NE1".into()), ..pickup("x", vec![line(1, "a", 1)]) },
            Why::Invalid,
            None,
            "destination",
        ),
    ];
    for (new, why, line, rule) in cases {
        let refused = world.place(new).await.unwrap_err();
        assert_eq!((refused.why, refused.line, refused.rule), (why, line, rule), "{refused}");
        assert!(refused.to_string().starts_with("order x"), "{refused}");
    }
    assert_eq!(world.left("a").await, [10_000, 1_000]);
    assert!(story::list(world.ledger.database(), &story::Wanted::default(), 9).await.unwrap().is_empty());
    assert!(world.waiting(0).await.is_empty() && world.told("order.changed").await.is_empty());
    world.place(pickup("x", vec![line(1, "a", 10)])).await.unwrap();
}

async fn slots_take_no_more_orders_than_they_have_room_for(fresh: Fresh) {
    let world = World::new(&fresh.database, &[("store-1", 10)]).await;
    let slots = Some(Slots { minutes: 30, orders: 2 });
    world.load(&Profile { slots, prepare_minutes: 10, ..Profile::new(world.hub(0)) }).await;
    let place = |name: &'static str| world.place(world.order(name, Kind::Pickup, vec![line(1, "a", 1)]));
    place("web-1").await.unwrap();
    // What cannot be had takes no place.
    let too_many = world.order("web-2", Kind::Pickup, vec![line(1, "a", 100)]);
    assert_eq!(world.place(too_many).await.unwrap_err().why, Why::NotAvailable);
    place("web-3").await.unwrap();
    assert_eq!(place("web-4").await.unwrap_err().why, Why::SlotFull);
    world.cancel("web-1", &[]).await.unwrap();
    let mut world = world;
    world.settle().await;
    let again = world.order("web-4", Kind::Pickup, vec![line(1, "a", 1)]);
    world.place(again).await.unwrap();
}

async fn many_that_order_at_once_get_no_more_than_was_granted(fresh: Fresh) {
    let world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    let world = std::sync::Arc::new(world);
    let tasks = (0..12).map(|task| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            let mut placed = 0;
            for number in 0..4 {
                let name = format!("web-{task}-{number}");
                let new = world.order(&name, Kind::ShipFromStore, vec![line(1, "a", 1), line(2, "b", 1)]);
                match world.place(new).await {
                    Ok(_) => placed += 1,
                    Err(refused) => assert_eq!(refused.why, Why::NotAvailable),
                }
            }
            placed
        })
    });
    let mut placed = 0;
    for task in tasks.collect::<Vec<_>>() {
        placed += task.await.unwrap();
    }
    assert_eq!((placed, world.left("a").await, world.left("b").await), (20, vec![0, 0], vec![0, 0]));
}

async fn an_order_is_split_within_the_most_stores(fresh: Fresh) {
    let stores = [("store-1", 2), ("store-2", 2), ("store-3", 2), ("store-4", 2)];
    let mut world = World::new(&fresh.database, &stores).await;
    let new = |name: &str, pieces| world.order(name, Kind::ShipFromStore, vec![line(1, "a", pieces)]);
    assert_eq!(world.place(new("web-1", 7)).await.unwrap_err().why, Why::NotAvailable, "three stores at most");
    world.place(new("web-1", 5)).await.unwrap();
    world.settle().await;
    let parts = world.parts("web-1").await;
    assert_eq!(parts.iter().map(|(store, _)| store.as_str()).collect::<Vec<_>>(), ["store-1", "store-2", "store-3"]);
    assert_eq!(world.story("web-1").await.state, State::Accepted);
}
