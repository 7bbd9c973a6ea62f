//! Transactions at once: whatever they lock, none waits for one that waits for it.

use std::sync::Arc;

use commerce::Station;
use contract::order::{OrderPlaced, PLACED};
use tokio::{sync::Mutex, task::JoinSet};

use super::{super::Why, *};

on_each_engine! {
    placing_routing_and_reports_at_once_end_without_deadlocks
    an_order_that_two_place_at_once_is_placed_once
}

const ITEMS: [&str; 2] = ["a", "b"];
const ORDERS: u32 = 8;

/// Orders with the items in one order or the other, near one end of the row of stores or the other; every third one is
/// cancelled.
async fn shop(world: Arc<World>, task: u32) {
    for number in 0..ORDERS {
        let (first, second) = if (task + number).is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
        let name = format!("web-{task}-{number}");
        let kind = if number.is_multiple_of(4) { Kind::Pickup } else { Kind::ShipFromStore };
        let mut new = world.order(&name, kind, vec![line(1, first, 3), line(2, second, 4)]);
        if !kind.is_fetched() && task.is_multiple_of(2) {
            new.to = Destination::Point(Point { lat: 50.3, lon: 8.0 });
        }
        match world.place(new).await {
            Ok(_) if number.is_multiple_of(3) => drop(world.cancel(&name, &[]).await),
            Ok(_) => {}
            Err(refused) => assert_eq!(refused.why, Why::NotAvailable, "{refused}"),
        }
    }
}

/// A store rejects its first offers, works the others, reports its stock, and takes orders for other stores.
async fn run_store(world: Arc<World>, mut store: Store, place: u32) -> Store {
    let now_ms = world.now_ms;
    for look in 0..12 {
        store.policy.auto_accept = look > 4;
        let order = world.order(&format!("store-{place}-{look}"), Kind::EndlessAisle, vec![line(1, "b", 1)]).order;
        let to = contract::order::Destination::Zone("NE1".into());
        let placed = OrderPlaced { order, to, at_ms: now_ms, by: Station::Hub.into(), answer_by_ms: now_ms + HOUR };
        store.emit(&PLACED, &placed, now_ms);
        store.exchange(&world.ledger, now_ms).await;
        for key in store.parts.keys().cloned().collect::<Vec<_>>() {
            if look <= 4 {
                store.reject(&key, now_ms);
            }
            store.work(&key, now_ms);
        }
        store.stock_up(&sku(ITEMS[look % 2]), 3_000);
        store.refill(now_ms);
        store.exchange(&world.ledger, now_ms).await;
    }
    store
}

async fn placing_routing_and_reports_at_once_end_without_deadlocks(fresh: Fresh) {
    let names = ["store-1", "store-2", "store-3", "store-4"];
    let world = World::new(&fresh.database, &names.map(|name| (name, 9))).await;
    for (place, store) in world.stores.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)] // a few
        let at = Some(Point { lat: 50.0 + place as f64 * 0.09, lon: 8.0 });
        let slots = Some(Slots { minutes: 30, orders: 5 });
        let zones = vec!["NE1".to_owned()];
        world.load(&Profile { at, slots, zones, prepare_minutes: 10, ..Profile::new(store.hub.clone()) }).await;
    }
    let stores = world.stores.clone();
    let world = Arc::new(world);
    let done = Arc::new(Mutex::new(false));
    let mut work = JoinSet::new();
    for _ in 0..2 {
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        work.spawn(async move {
            while !*done.lock().await {
                attend_due(world.ledger.database(), true, world.now_ms).await.unwrap();
            }
        });
    }
    let mut shops = JoinSet::new();
    for task in 0..6 {
        shops.spawn(shop(Arc::clone(&world), task));
    }
    let mut running = JoinSet::new();
    for (place, store) in (1..).zip(stores) {
        running.spawn(run_store(Arc::clone(&world), store, place));
    }
    shops.join_all().await;
    let mut stores = running.join_all().await;
    *done.lock().await = true;
    work.join_all().await;
    assert_eq!(fresh.deadlocks(), 0);

    let mut world = Arc::into_inner(world).unwrap();
    stores.sort_by(|one, other| one.hub.cmp(&other.hub));
    world.stores = stores;
    world.settle().await;
    for store in &world.stores {
        assert_eq!(store.missing, 0, "{}", store.hub);
        store.agrees(&world.ledger).await;
    }
}

async fn an_order_that_two_place_at_once_is_placed_once(fresh: Fresh) {
    let world = Arc::new(World::new(&fresh.database, &[("store-1", 10)]).await);
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            let pieces = if task < 5 { 2 } else { 3 };
            world
                .place(world.order("web-1", Kind::Pickup, vec![line(1, "a", pieces)]))
                .await
                .map(|placed| placed.number)
        });
    }
    let placed = tasks.join_all().await;
    let numbers: std::collections::BTreeSet<_> = placed.iter().flatten().collect();
    assert_eq!(numbers.len(), 1, "{placed:?}");
    assert!(placed.iter().all(|placed| placed.as_ref().is_ok() || placed.as_ref().unwrap_err().why == Why::Reused));
    let pieces: i64 = world.record("web-1").await.order.lines[0].quantity.milli();
    assert_eq!(world.left("a").await, [10_000 - pieces]);
    assert_eq!(world.waiting(0).await.len(), 1);
}
