//! Quotas between HQ and stores, and notices of transfers.

use commerce::stock::quota::Class;
use contract::transfer::{DISPATCHED, Sent, TransferDispatched, TransferNotice};

use super::*;

on_each_engine! {
    hq_answers_recalls_and_gives_back_what_is_not_sold
    a_new_epoch_voids_the_former_quota
    hq_restored_from_a_backup_takes_the_stores_totals
    a_notice_of_a_transfer_comes_down_by_itself
}

async fn hq_answers_recalls_and_gives_back_what_is_not_sold(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 4)])).await.unwrap();
    // Before the offer arrives, the counter sells eight of ten: two of the web's are left.
    let now_ms = world.now_ms;
    world.stores[0].class = Class::WalkInFirst;
    assert!(world.stores[0].sell(&sku("a"), 8_000));
    world.stores[0].refill(now_ms);
    world.stores[0].send(&world.ledger).await;
    assert_eq!(world.left("a").await, [0], "six were not sold, and went back");
    world.settle().await;
    assert_eq!(world.story("web-1").await.unavailable[0].milli, 2_000, "two of four were gone");
    while world.stores[0].work(&(id("web-1"), 1), now_ms) {}
    world.settle().await;
    let story = world.story("web-1").await;
    assert_eq!((story.state, story.charged, story.refund), (State::HandedOver, 500, 500));
    assert_eq!(world.stores[0].quotas[&sku("a")].totals.outstanding(), 0);
    assert_eq!(world.stores[0].quotas[&sku("a")].kept(), 0);
    world.stores[0].agrees(&world.ledger).await;
}

async fn a_new_epoch_voids_the_former_quota(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10)]).await;
    let now_ms = world.now_ms;
    let mut restored = Store::new("store-1", 9);
    restored.share_permille = 1000;
    restored.stock_up(&sku("a"), 3_000);
    restored.refill(now_ms);
    restored.send(&world.ledger).await;
    world.hello(&restored).await;
    assert_eq!((world.left("a").await, world.left("b").await), (vec![3_000], vec![]));
    // What the former life says late has no effect.
    world.stores[0].stock_up(&sku("a"), 50_000);
    world.stores[0].refill(now_ms);
    world.stores[0].send(&world.ledger).await;
    assert_eq!(world.left("a").await, [3_000]);
}

async fn hq_restored_from_a_backup_takes_the_stores_totals(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10)]).await;
    world.place(world.order("web-1", Kind::Pickup, vec![line(1, "a", 4)])).await.unwrap();
    world.settle().await;
    // HQ forgets what it spent.
    let mut transaction = world.ledger.database().transaction().await.unwrap();
    let keys = [(world.hub(0), sku("a"), UNIT)].into();
    let mut held = super::super::quotas::lock(&mut transaction, &keys).await.unwrap();
    for quota in held.values_mut() {
        quota.totals.spent = 0;
    }
    super::super::quotas::store(&mut transaction, &held).await.unwrap();
    transaction.commit().await.unwrap();
    let now_ms = world.now_ms;
    world.stores[0].stock_up(&sku("a"), 6_000);
    world.stores[0].refill(now_ms);
    world.settle().await;
    let store = world.stores[0].quotas[&sku("a")].totals;
    assert_eq!(world.left("a").await, [store.granted - 4_000]);
}

async fn a_notice_of_a_transfer_comes_down_by_itself(fresh: Fresh) {
    let mut world = World::new(&fresh.database, &[("store-1", 10), ("store-2", 10)]).await;
    let now_ms = world.now_ms;
    let notice = |from: &str, to: &str| TransferNotice {
        from: from.parse().unwrap(),
        transfer: "7-1".parse().unwrap(),
        to: to.parse().unwrap(),
        dispatched_at_ms: now_ms,
        lines: vec![Sent { sku: sku("a"), unit: UNIT, milli: 3_000 }],
    };
    let good = notice("store-1", "store-2");
    for notice in [good.clone(), notice("store-2", "store-1"), notice("store-1", "nowhere")] {
        world.stores[0].emit(&DISPATCHED, &TransferDispatched { notice }, now_ms);
    }
    world.settle().await;
    assert_eq!(world.stores[1].announced, [good]);
    assert!(world.stores[0].announced.is_empty(), "nobody speaks for another store");
    let nowhere: HubId = "nowhere".parse().unwrap();
    assert!(Queues::of(&world.ledger).next(&nowhere, &Stream::orders()).await.unwrap().is_none());
}
