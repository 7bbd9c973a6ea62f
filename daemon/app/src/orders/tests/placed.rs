use contract::order::{Destination, OrderTracked, TRACKED, Tracked, Withdrawal};

use super::*;

fn asked() -> Place {
    let terms = order("x", Kind::Reserve, vec![]).terms;
    Place {
        kind: Kind::Reserve,
        to: Destination::Store("store-2".parse().unwrap()),
        customer: terms.customer.unwrap(),
        payment: Payment::AtPickup,
        due_ms: NOON + HOUR,
        lines: vec![ordered(1, CEREAL, 1)],
    }
}

fn placed_at(shop: &Shop, at_ms: i64) -> Placed {
    shop.commit(move |transaction| place(transaction, &ann(at_ms), &testing::CATALOG, asked()))
}

/// F16: to be confirmed until HQ answers.
#[test]
fn an_order_for_another_store_waits_for_hq() {
    let shop = Shop::new();
    let made = placed_at(&shop, NOON);
    let id = made.placed.order.terms.order.clone();
    assert_eq!((made.state, id.as_str()), (PlacedState::Waiting, "store-1-1-1"));
    let answer = |as_of_ms, answer| OrderTracked { order: id.clone(), as_of_ms, answer };
    let accepted = Tracked::Accepted { state: State::Accepted, due_ms: NOON + HOUR };
    let newer = answer(NOON + 2, accepted.clone());
    let older = answer(NOON + 1, Tracked::Refused { why: "no store has it".into() });
    let told = shop.receive(NOON, &TRACKED, &[newer.clone(), older]);
    assert_eq!(told, [None, None]);
    let state = placed(shop.store(), &id).unwrap().state;
    assert_eq!(state, PlacedState::Answered { tracked: newer });
    let due = due(shop.store(), 10).unwrap();
    shop.commit(move |transaction| tick(transaction, &hq(NOON + 25 * HOUR), &due));
    assert!(matches!(placed(shop.store(), &id).unwrap().state, PlacedState::Answered { .. }));
    let mine = id.clone();
    shop.commit(move |transaction| withdraw(transaction, &ann(NOON), &mine));
    let again = shop.try_commit(move |transaction| withdraw(transaction, &ann(NOON), &id));
    assert_eq!(again.unwrap_err().kind.slug, "placed-order-over");
    assert_eq!(events_from(shop.store(), 1, 10).unwrap().len(), 2, "placed and withdrawn");
}

#[test]
fn an_order_that_hq_does_not_answer_is_given_up_once() {
    let mut shop = Shop::new();
    let id = placed_at(&shop, NOON).placed.order.terms.order;
    shop.restart();
    for at_ms in [NOON + ANSWER_WITHIN_MS - 1, NOON + ANSWER_WITHIN_MS, NOON + ANSWER_WITHIN_MS + 1] {
        let due = due(shop.store(), 10).unwrap();
        shop.commit(move |transaction| tick(transaction, &hq(at_ms), &due));
        let state = placed(shop.store(), &id).unwrap().state;
        let is_given_up = matches!(state, PlacedState::Withdrawn { why: Withdrawal::Unanswered, .. });
        assert_eq!(is_given_up, at_ms >= NOON + ANSWER_WITHIN_MS);
    }
    // HQ's late answer changes nothing: it hears of the withdrawal.
    let late = OrderTracked { order: id.clone(), as_of_ms: NOON, answer: Tracked::Refused { why: "no".into() } };
    assert_eq!(shop.receive(NOON, &TRACKED, &[late]), [None]);
    assert!(matches!(placed(shop.store(), &id).unwrap().state, PlacedState::Withdrawn { .. }));
    assert_eq!(events_from(shop.store(), 1, 10).unwrap().len(), 2);
}

#[test]
fn an_order_that_can_not_be_is_not_placed() {
    let shop = Shop::new();
    let refused = |asked: Place| {
        let refused = shop.try_commit(move |transaction| place(transaction, &ann(NOON), &testing::CATALOG, asked));
        refused.unwrap_err().kind.slug
    };
    assert_eq!(refused(Place { lines: vec![ordered(1, "nowhere", 1)], ..asked() }), "item-unknown");
    assert_eq!(refused(Place { due_ms: NOON, ..asked() }), "order-rule");
    assert_eq!(refused(Place { kind: Kind::EndlessAisle, ..asked() }), "order-rule");
    assert!(placed_orders(shop.store(), None, 10).unwrap().is_empty());
    let both = [placed_at(&shop, NOON), placed_at(&shop, NOON)];
    assert_eq!(placed_orders(shop.store(), None, 1).unwrap(), both[..1]);
    let first = both[0].placed.order.terms.order.as_str();
    assert_eq!(placed_orders(shop.store(), Some(first), 5).unwrap(), both[1..]);
}
