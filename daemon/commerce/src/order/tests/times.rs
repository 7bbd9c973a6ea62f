use super::{clock::Clock, estimate::Slot, *};
use crate::stock::{Kind as Movement, Line as Moved, Position, Rule as Keeping, State as Where};

/// F13: on hand 5, safety stock 1, 3 set aside: 1 is left for others. After 72 hours without the customer: 4.
#[test]
fn an_uncollected_order_is_returned_to_stock_once() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 3)]);
    let mut position = Position::empty((sku("1"), Unit::Each), Keeping::BelowZero);
    position.add(&Moved { sku: sku("1"), milli: 5000, unit: Unit::Each, from: None, to: Some(Where::OnHand) });
    let follow = |position: &mut Position, desk: &Desk| {
        for change in &desk.changes {
            if let Change::Stock { kind, lines, settled } = change {
                for line in lines {
                    assert_eq!(position.apply(*kind, line, *settled), Ok(true));
                }
            }
        }
    };
    let available = Sums::from([((sku("1"), Unit::Each), position.available_to_sell(1000))]);
    let mut desk = Desk::with(&order, &all_of(&order), &available, Policy::default());
    follow(&mut position, &desk);
    assert_eq!(position.available_to_sell(1000), 1000);
    desk.make_ready();
    desk.at(NOON + 72 * HOUR).run(Command::Tick);
    follow(&mut position, &desk);
    assert_eq!((desk.state(), position.available_to_sell(1000)), (State::Ready, 1000), "the last moment is theirs");
    for late in [1, 2, MINUTE] {
        desk.at(NOON + 72 * HOUR + late).run(Command::Tick);
        follow(&mut position, &desk);
        assert_eq!((desk.state(), position.available_to_sell(1000)), (State::Expired, 4000));
    }
    assert_eq!(desk.of(1, State::Returning), 3000, "somebody must put it back");
}

/// F14: reserved until 18:00: a second later it is released and reported; a conversion a second earlier wins.
#[test]
fn a_sale_before_the_end_of_a_reservation_wins() {
    let mut order = order(Kind::Reserve, vec![ordered(1, "1", 1)]);
    let six = NOON + 6 * HOUR;
    order.terms.keep_until_ms = Some(six);
    let mut sold = Desk::accepted(&order);
    sold.at(six - 1000).run(hand_over(&[(1, 1000)], 500));
    assert_eq!(sold.stock(), [(Movement::Sale, "1".into(), 1000)]);
    sold.at(six + 1000).run(Command::Tick);
    assert_eq!((sold.state(), sold.stock()), (State::HandedOver, vec![]));
    let mut expired = Desk::accepted(&order);
    expired.at(six).run(Command::Tick);
    assert_eq!(expired.stock(), []);
    expired.at(six + 1000).run(Command::Tick);
    assert_eq!(expired.stock(), [(Movement::Release, "1".into(), 1000)]);
    assert!(expired.changes.contains(&Change::Ended { at_ms: six + 1000 }));
    assert_eq!(expired.refused(hand_over(&[(1, 1000)], 500)).name(), "not_enough");
}

#[test]
fn an_order_does_not_expire_after_an_extension_or_arrival() {
    let mut order = order(Kind::Reserve, vec![ordered(1, "1", 1)]);
    order.terms.keep_until_ms = Some(NOON + 6 * HOUR);
    let mut desk = Desk::accepted(&order);
    assert_eq!(desk.refused(Command::Extend { until_ms: NOON }).name(), "out_of_range");
    desk.run(Command::Extend { until_ms: NOON + 8 * HOUR });
    desk.at(NOON + 7 * HOUR).run(Command::Tick);
    assert_eq!(desk.state(), State::Accepted);
    desk.run(Command::Arrive { bay: None });
    desk.at(NOON + 9 * HOUR).run(Command::Tick);
    assert_eq!(desk.state(), State::Accepted);
    desk.run(Command::Cancel { amounts: vec![] });
    assert_eq!(desk.refused(Command::Extend { until_ms: NOON + 99 * HOUR }).name(), "wrong_state");
}

/// F43: due at 12:00 and at 11:30: the second comes first, and its breach is reported once, at 11:30:00.
#[test]
fn orders_are_sorted_by_urgency_and_breaches_reported_once() {
    let due = |name: &str, due_ms| {
        let mut order = order(Kind::Pickup, vec![ordered(1, "1", 1)]);
        (order.terms.order, order.terms.due_ms) = (name.parse().unwrap(), due_ms);
        Desk::accepted(&order)
    };
    let (later, mut sooner) = (due("a", NOON + 2 * HOUR), due("b", NOON + HOUR));
    let mut queue = [later.fulfilment, sooner.fulfilment.clone()];
    clock::by_urgency(&mut queue);
    assert_eq!(queue.map(|fulfilment| fulfilment.terms.order.to_string()), ["b", "a"]);
    let breached = |desk: &Desk| desk.changes.contains(&Change::Breached { clock: Clock::Due, due_ms: NOON + HOUR });
    sooner.at(NOON + HOUR - 1).run(Command::Tick);
    assert!(!breached(&sooner));
    sooner.at(NOON + HOUR).run(Command::Tick);
    assert!(breached(&sooner));
    sooner.at(NOON + HOUR + 1).run(Command::Tick);
    assert_eq!(sooner.changes, []);
}

#[test]
fn clocks_start_and_stop_with_their_events() {
    let order = order(Kind::Curbside, vec![ordered(1, "1", 1)]);
    let policy = Policy { auto_accept: false, ..Policy::default() };
    let mut desk = Desk::offered(&order, policy.clone());
    let due = |desk: &Desk| Clock::ALL.map(|clock| clock.due_ms(&desk.fulfilment, &policy).map(|due| due - NOON));
    assert_eq!(due(&desk), [Some(10 * MINUTE), Some(2 * HOUR), None]);
    desk.run(Command::Accept);
    desk.run(Command::Arrive { bay: None });
    assert_eq!(due(&desk), [None, Some(2 * HOUR), Some(5 * MINUTE)]);
    desk.make_ready();
    assert_eq!(due(&desk), [None, None, Some(5 * MINUTE)]);
    desk.run(hand_over(&[(1, 1000)], 0));
    assert_eq!(due(&desk), [None; 3]);
    let mut ready = Desk::accepted(&order);
    ready.make_ready();
    assert_eq!((ready.state(), due(&ready)), (State::Ready, [None; 3]), "the customer has not arrived yet");
}

/// F32: 12 orders of 6 minutes, 2 pickers: 36 minutes. With 5 a slot, the sixth goes to the next.
#[test]
fn the_queue_determines_when_an_order_is_ready() {
    let ready = |orders: usize, pickers| estimate::ready_at_ms(NOON, &vec![6 * MINUTE; orders], pickers);
    assert_eq!(ready(12, 2), Some(NOON + 36 * MINUTE));
    assert_eq!(ready(1, 2), Some(NOON + 6 * MINUTE), "two pickers are not twice as fast with one order");
    assert_eq!(ready(0, 2), Some(NOON));
    assert_eq!(ready(12, 0), None);
    assert_eq!(estimate::ready_at_ms(NOON, &[5, 5, 5], 2), Some(NOON + 8), "rounded up");
    let mut slots = [2, 1, 0].map(|hour| Slot { from_ms: NOON + hour * HOUR, cap: 5, taken: 0 });
    let mut taken = Vec::new();
    for _ in 0..6 {
        let from_ms = estimate::first_free(&slots, NOON + 36 * MINUTE).unwrap().from_ms;
        slots.iter_mut().find(|slot| slot.from_ms == from_ms).unwrap().taken += 1;
        taken.push((from_ms - NOON) / HOUR);
    }
    assert_eq!(taken, [1, 1, 1, 1, 1, 2]);
    assert_eq!(estimate::first_free(&slots, NOON + 3 * HOUR), None);
}
