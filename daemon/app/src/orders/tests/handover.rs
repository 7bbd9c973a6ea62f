use commerce::{BasketState, Tender};
use contract::order::{CANCELLED, OrderCancelled};

use super::*;
use crate::selling::TenderRequest;

#[test]
fn a_prepaid_order_is_handed_over_and_sold_in_one_commit() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 2), ordered(2, BAGS, 1)]));
    shop.ready("web-1");
    let wrong = shop.hand_over("web-1", &[(1, 2)]).unwrap_err();
    assert_eq!((wrong.kind, wrong.members.contains(&("rule", "unchecked".into()))), (&ORDER_RULE, true));
    assert_eq!(shop.view("web-1").basket, None, "a refusal locks nothing");
    let HandedOver::Sold { sale } = shop.hand_over("web-1", &[(1, 2), (2, 1)]).unwrap() else { panic!() };
    assert_eq!((shop.state("web-1"), shop.cereal(), sale.receipt.0), (State::HandedOver, (8, 0), 1));
    let sold = &shop.sales()[0];
    assert_eq!(sold.tenders, [Tender::Prepaid { amount: Minor::literal(1500), reference: "psp-1".into() }]);
    assert_eq!((sold.reference.as_deref(), sold.lines.len()), (Some("web-1"), 2));
    assert_eq!(shop.hand_over("web-1", &[(1, 2), (2, 1)]).unwrap_err().kind, &ORDER_RULE);
    assert_eq!(shop.sales().len(), 1);
    shop.agrees_with_hq();
}

#[test]
fn a_part_at_a_time_costs_what_the_whole_costs() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]));
    shop.ready("web-1");
    let some = |pieces_of: i64| {
        let Collect::HandOver { checked, proof, age_checked, prices, .. } = collected(&[(1, pieces_of)]) else {
            panic!()
        };
        Collect::HandOver { checked, proof, age_checked, partial: true, prices }
    };
    for pieces_of in [1, 2] {
        let asked = some(pieces_of);
        shop.commit(move |transaction| {
            hand_over(transaction, &ann(NOON), &testing::sale_context(1, NOON), &part("web-1"), asked)
        });
    }
    let nets: Vec<_> = shop.sales().iter().map(|sale| sale.totals.net.get()).collect();
    assert_eq!((nets, shop.view("web-1").charged.get(), shop.cereal()), (vec![500, 1000], 1500, (7, 0)));
    shop.agrees_with_hq();
}

#[test]
fn a_shipped_order_is_a_sale_of_what_was_shipped() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::ShipFromStore, vec![ordered(1, CEREAL, 3)]));
    let ship = Collect::Ship { amounts: pieces(&[(1, 2)]), tracking: Some("JD0002".into()) };
    shop.commit(move |transaction| {
        hand_over(transaction, &ann(NOON), &testing::sale_context(1, NOON), &part("web-1"), ship)
    });
    assert_eq!((shop.cereal(), shop.sales()[0].totals.net.get()), ((7, 1), 1000));
    assert_eq!(shop.view("web-1").fulfilment.tracking, ["JD0002"]);
    shop.agrees_with_hq();
}

/// Opens the basket of an order that is paid at pickup.
fn to_pay(shop: &mut Shop) -> commerce::BasketId {
    shop.offer(order("web-1", Kind::Reserve, vec![ordered(1, CEREAL, 2)]));
    shop.ready("web-1");
    let HandedOver::ToPay { basket, due } = shop.hand_over("web-1", &[(1, 2)]).unwrap() else { panic!() };
    assert_eq!((due.get(), shop.view("web-1").basket), (1000, Some(basket)));
    basket
}

#[test]
fn a_reserved_order_is_handed_over_when_its_basket_is_paid() {
    let mut shop = Shop::new();
    let basket = to_pay(&mut shop);
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Ready, (8, 2)));
    // The order's line stays as it is; the customer may buy more.
    let line = testing::item(CEREAL);
    let void = shop.try_commit(move |transaction| selling::void_line(transaction, &ann(NOON), basket, None, 1));
    assert_eq!(void.unwrap_err().kind.slug, "line-of-order");
    let request = serde_json::json!({ "sku": line.sku }).to_string();
    let more = serde_json::from_str::<selling::LineRequest>(&request).unwrap().find(&testing::CATALOG).unwrap();
    shop.commit(move |transaction| selling::add_line(transaction, &ann(NOON), basket, None, more));
    for command in [Command::Cancel { amounts: vec![] }, Command::Extend { until_ms: NOON + HOUR }] {
        assert_eq!(shop.run(NOON, "web-1", command).unwrap_err().kind, &ORDER_AT_REGISTER);
    }
    assert_eq!(shop.hand_over("web-1", &[(1, 2)]).unwrap_err().kind, &ORDER_AT_REGISTER);
    let cash = TenderRequest::Cash { amount: Minor::literal(1400) };
    shop.commit(move |transaction| selling::tender(transaction, &ann(NOON), basket, cash));
    shop.commit(move |transaction| {
        selling::complete_basket(transaction, &ann(NOON), basket, &testing::sale_context(1, NOON))
    });
    assert_eq!((shop.state("web-1"), shop.cereal(), shop.sales().len()), (State::HandedOver, (7, 0), 1));
    assert_eq!(shop.sales()[0].totals.net.get(), 1369);
    shop.agrees_with_hq();
}

/// HQ's cancellation waits while the customer pays. It holds if the basket is abandoned, and is too late if it is paid.
#[test]
fn a_cancellation_waits_for_the_end_of_the_basket() {
    for is_paid in [true, false] {
        let mut shop = Shop::new();
        let basket = to_pay(&mut shop);
        let cancelled = OrderCancelled { order: "web-1".parse().unwrap(), part: 1, amounts: vec![] };
        assert_eq!(shop.receive(NOON, &CANCELLED, &[cancelled]), [None]);
        // Time does not take the goods away either.
        let due = due(shop.store(), 10).unwrap();
        assert!(due.is_empty(), "{due:?}");
        shop.restart();
        if is_paid {
            let cash = TenderRequest::Cash { amount: Minor::literal(1000) };
            shop.commit(move |transaction| selling::tender(transaction, &ann(NOON), basket, cash));
            shop.commit(move |transaction| {
                selling::complete_basket(transaction, &ann(NOON), basket, &testing::sale_context(1, NOON))
            });
            assert_eq!((shop.state("web-1"), shop.cereal()), (State::HandedOver, (8, 0)));
        } else {
            shop.commit(move |transaction| selling::abandon(transaction, &testing::by(NOON), basket));
            let state = selling::basket(shop.store(), basket).unwrap().unwrap().state;
            assert_eq!(state, BasketState::Abandoned);
            assert_eq!((shop.state("web-1"), shop.cereal()), (State::Cancelled, (10, 0)));
        }
        shop.agrees_with_hq();
    }
}

#[test]
fn an_abandoned_basket_frees_its_order() {
    let mut shop = Shop::new();
    let basket = to_pay(&mut shop);
    shop.commit(move |transaction| selling::abandon(transaction, &ann(NOON), basket));
    assert_eq!((shop.state("web-1"), shop.view("web-1").basket, shop.cereal()), (State::Ready, None, (8, 2)));
    assert!(shop.hand_over("web-1", &[(1, 2)]).is_ok(), "again");
    shop.agrees_with_hq();
}

#[test]
fn an_order_paid_at_pickup_can_cost_what_it_costs_today() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Reserve, vec![ordered(1, CEREAL, 2)]));
    shop.ready("web-1");
    let Collect::HandOver { checked, proof, .. } = collected(&[(1, 2)]) else { panic!() };
    let prices = vec![(testing::sku(CEREAL), Price { minor: Minor::literal(369), per: Unit::Each })];
    let asked = Collect::HandOver { checked, proof, age_checked: None, partial: false, prices };
    let outcome = shop.commit(move |transaction| {
        hand_over(transaction, &ann(NOON), &testing::sale_context(1, NOON), &part("web-1"), asked)
    });
    assert!(matches!(outcome, HandedOver::ToPay { due, .. } if due.get() == 738));
    shop.agrees_with_hq();
}

#[test]
fn finished_orders_and_known_events_are_deleted_after_their_time() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 2)]));
    shop.ready("web-1");
    shop.hand_over("web-1", &[(1, 2)]).unwrap();
    shop.offer(order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 2)]));
    let events = last_event(shop.store()).unwrap();
    testing::acknowledge(shop.store(), "orders", events);
    let far = crate::Retention { now_ms: NOON + 5000 * 24 * HOUR, keep_sales_days: 3653, has_headquarters: true };
    let soon = crate::Retention { now_ms: NOON + HOUR, ..far };
    assert_eq!(keeping::tidy(shop.store(), &soon).unwrap(), [("orders", 0), ("order_events", 0)]);
    assert_eq!(keeping::tidy(shop.store(), &far).unwrap(), [("orders", 1), ("order_events", events)]);
    assert_eq!(shop.try_view("web-1").unwrap_err().kind, &ORDER_UNKNOWN);
    let by_name = find(shop.store(), &Find::Name("ada".into()), 10).unwrap();
    assert_eq!(by_name.len(), 1, "the open one");
    assert_eq!(testing::faults(shop.store(), Depth::Whole), [""; 0]);
}

#[test]
fn a_stored_order_round_trips() {
    let kept: Kept = testing::read_back(include_str!("../../fixtures/order.json"));
    assert_eq!(kept.queued(), Some(State::Picking));
}
