use commerce::stock::quota::{Class, Policy};
use contract::quota::{ANSWERED, CHANGED, QuotaAnswered, WebTotals};

use super::*;
use crate::stock::records::POSITIONS;

/// Grants a share of the cereal to the web, and tells HQ.
fn granted(shop: &Shop, class: Class) {
    let policy = Policy { class, share_permille: 400, most: i64::MAX };
    shop.commit(move |transaction| {
        let places = vec![((testing::sku(CEREAL), Unit::Each), policy)];
        assert_eq!(stock::refill_quotas(transaction, 1, &places)?, 1);
        Ok(stock::tell_quotas(transaction, NOON, &[places[0].0.clone()])?)
    });
}

fn told(shop: &Shop) -> Vec<contract::quota::StoreTotals> {
    let entries = shop.store().outbox("orders", 1, 100).unwrap();
    let bodies = entries.into_iter().filter(|entry| entry.kind == CHANGED.name()).flat_map(|entry| {
        let body = crate::hq::body(shop.store(), &entry).unwrap();
        let event = contract::Event { sequence: Sequence(1), kind: entry.kind, occurred_at_ms: 1, body };
        CHANGED.read(&event).unwrap().quotas
    });
    bodies.collect()
}

fn sell(shop: &Shop, pieces: u32) -> Result<(), Refusal> {
    let basket = || {
        let mut basket = testing::basket(0, pieces);
        basket.tender(commerce::Tender::Cash { amount: basket.due() }).unwrap();
        basket
    };
    let basket = basket();
    let sold = shop.try_commit(move |transaction| {
        selling::sell(transaction, &testing::register(NOON), basket, &testing::sale_context(1, NOON))
    });
    sold.map(drop)
}

fn spent(milli: i64) -> Vec<QuotaSpent> {
    vec![QuotaSpent { sku: testing::sku(CEREAL), unit: Unit::Each, epoch: 1, milli }]
}

/// F31: on hand 10, quota 4: the counter sells 6, and the seventh by the item's class.
#[test]
fn the_counter_sells_what_is_not_kept_for_the_web() {
    let shop = Shop::new();
    granted(&shop, Class::Strict);
    assert_eq!((told(&shop)[0].totals.granted, told(&shop)[0].totals.as_of_ms), (4000, NOON));
    sell(&shop, 6).unwrap();
    let refused = sell(&shop, 1).unwrap_err();
    assert_eq!((refused.kind, refused.members.contains(&("available", 0.into()))), (&stock::KEPT_FOR_WEB, true));
    // Nor by paying first: the tender is refused.
    let tender = shop.try_commit(|transaction| stock::hold(transaction, &mut testing::basket(7, 1), NOON));
    assert_eq!(tender.unwrap_err().kind, &stock::KEPT_FOR_WEB);
    assert_eq!((shop.cereal(), told(&shop).len()), ((4, 0), 1));
}

#[test]
fn a_customer_first_breaks_the_quota_and_hq_hears_of_it_once() {
    let mut shop = Shop::new();
    granted(&shop, Class::WalkInFirst);
    sell(&shop, 8).unwrap();
    let untold = stock::untold_quotas(shop.store()).unwrap();
    assert_eq!(untold.len(), 1);
    shop.restart();
    shop.commit(move |transaction| Ok(stock::tell_quotas(transaction, NOON, &untold)?));
    let last = told(&shop).pop().unwrap();
    assert_eq!((last.breached, last.totals.recalled), (2000, 2000));
    assert!(stock::untold_quotas(shop.store()).unwrap().is_empty());
    // HQ had sold three of the four: it returns one, and can't return the other.
    let totals = commerce::stock::quota::Totals { epoch: 1, spent: 3000, returned: 1000, refused: 1000, ..last.totals };
    let answered = QuotaAnswered { quotas: vec![WebTotals { sku: testing::sku(CEREAL), unit: Unit::Each, totals }] };
    assert_eq!(shop.receive(NOON, &ANSWERED, &[answered]), [None]);
    let web_order = order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]);
    assert_eq!(shop.offer_with(NOON, web_order, spent(3000)), [None]);
    let line = &shop.view("web-1").fulfilment.lines[0];
    assert_eq!((line.of(State::Accepted), line.of(State::Rejected)), (2000, 1000), "one was sold at the counter");
    assert_eq!(shop.cereal(), (0, 2));
    shop.agrees_with_hq();
}

#[test]
fn an_offer_takes_its_quota_and_then_the_free_stock() {
    let mut shop = Shop::new();
    granted(&shop, Class::Strict);
    sell(&shop, 5).unwrap();
    // 5 on hand, 4 kept: the web's order of 3 takes its own; one of confirmed stock can have the free one only.
    assert_eq!(shop.offer_with(NOON, order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]), spent(3000)), [None]);
    assert_eq!(shop.cereal(), (2, 3));
    shop.offer(order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 2)]));
    assert_eq!(shop.view("web-2").fulfilment.lines[0].of(State::Accepted), 1000);
    assert_eq!(shop.cereal(), (1, 4));
    // The offer of an earlier epoch has no quota.
    let before = vec![QuotaSpent { epoch: 0, ..spent(1000)[0].clone() }];
    assert_eq!(shop.offer_with(NOON, order("web-3", Kind::Pickup, vec![ordered(1, CEREAL, 1)]), before), [None]);
    assert_eq!(shop.state("web-3"), State::Rejected);
    assert_eq!(shop.cereal(), (1, 4), "kept for the web");
    shop.agrees_with_hq();
}

#[test]
fn quotas_follow_the_stock_and_start_again_in_a_new_epoch() {
    let shop = Shop::new();
    granted(&shop, Class::Strict);
    let refill = |shop: &Shop, epoch| {
        let policy = Policy { class: Class::Strict, share_permille: 400, most: i64::MAX };
        let mut places = Vec::new();
        stock::each_place(shop.store(), |place| places.push((place, policy))).unwrap();
        assert_eq!(places.len(), 2);
        shop.commit(move |transaction| Ok(stock::refill_quotas(transaction, epoch, &places)?))
    };
    assert_eq!(refill(&shop, 1), 1, "the bags have none yet");
    assert_eq!(refill(&shop, 1), 0);
    shop.commit(|transaction| testing::goods(transaction, 10_000, NOON));
    assert_eq!(refill(&shop, 1), 1, "the cereal's grows");
    let view = |shop: &Shop| {
        stock::positions_of(shop.store(), &testing::by(1).actor, &testing::sku(CEREAL)).unwrap().remove(0)
    };
    assert_eq!(
        (view(&shop).kept_for_web, view(&shop).for_walk_ins, view(&shop).web_as_of_ms),
        (8000, 12_000, Some(NOON))
    );
    assert_eq!(refill(&shop, 2), 2);
    assert_eq!((view(&shop).kept_for_web, view(&shop).web_as_of_ms), (8000, None), "granted again, not told yet");
}

/// A damaged quota keeps nothing from being sold.
#[test]
fn a_damaged_quota_refuses_no_sale() {
    static AS_TEXT: store::Table<store::NameName, String> = store::Table::new("web_quota");
    let shop = Shop::new();
    granted(&shop, Class::Strict);
    shop.commit(|transaction| Ok(transaction.put(&AS_TEXT, (CEREAL, "each"), &"x".to_owned())?));
    sell(&shop, 8).unwrap();
    assert_eq!(shop.store().get(&POSITIONS, (CEREAL, "each")).unwrap().unwrap().on_hand, 2000);
}
