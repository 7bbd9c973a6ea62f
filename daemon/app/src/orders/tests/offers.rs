use commerce::{
    order::{Change, Policy, Reason},
    stock::Rule,
};
use contract::order::{CANCELLED, CustomerArrived, EXTENDED, OrderCancelled, OrderExtended};

use super::*;

#[test]
fn an_offer_is_reserved_and_what_is_missing_is_rejected() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 4)]));
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Accepted, (6, 4)));
    shop.offer(order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 9), ordered(2, "99999", 1)]));
    assert_eq!(shop.cereal(), (0, 10));
    let lines = shop.view("web-2").fulfilment.lines;
    assert_eq!((lines[0].of(State::Accepted), lines[0].of(State::Rejected)), (6000, 3000));
    assert_eq!(lines[1].of(State::Rejected), 1000, "not on file here");
    shop.agrees_with_hq();
}

#[test]
fn an_offer_that_can_not_be_is_refused_and_changes_nothing() {
    let mut shop = Shop::new();
    let mut foreign = order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 1)]);
    foreign.terms.currency = Currency::from_code("EUR").unwrap();
    let mut illegible = order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 1)]);
    illegible.lines[0].description = "\u{202e}".into();
    let mut itself = order("web-3", Kind::Transfer, vec![ordered(1, CEREAL, 1)]);
    itself.terms.receiver = Some("store-1".into());
    for wrong in [foreign, illegible, itself] {
        assert!(shop.offer_with(NOON, wrong, vec![])[0].is_some());
    }
    shop.offers.clear();
    assert_eq!((shop.cereal(), open_count(shop.store()).unwrap()), ((10, 0), 0));
    shop.agrees_with_hq();
}

#[test]
fn a_late_offer_is_rejected_and_a_repeated_one_is_stated() {
    let mut shop = Shop::new();
    shop.offer_with(NOON + 11 * MINUTE, order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 1)]), vec![]);
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Rejected, (10, 0)));
    let events = events_from(shop.store(), 1, 10).unwrap();
    let What::Advanced(advanced) = &events[0].what else { panic!() };
    assert!(advanced.changes.contains(&Change::Rejected { reason: Reason::TooLate }));
    let lines = vec![ordered(1, CEREAL, 2)];
    shop.offer(order("web-2", Kind::Pickup, lines.clone()));
    shop.offer(order("web-2", Kind::Pickup, lines));
    assert_eq!(shop.cereal(), (8, 2), "reserved once");
    let events = events_from(shop.store(), 1, 10).unwrap();
    let What::Stated(stated) = &events.last().unwrap().what else { panic!() };
    assert_eq!(stated.fulfilment, shop.kept("web-2").fulfilment);
    shop.agrees_with_hq();
}

#[test]
fn a_replaced_store_keeps_what_it_had_accepted_whatever_its_stock_says() {
    let mut shop = Shop::new();
    shop.commit(|transaction| Ok(testing::set_rule(transaction, CEREAL, Rule::ToZero)?));
    let lines = vec![ordered(1, CEREAL, 14), ordered(2, BAGS, 3), ordered(3, "99999", 1)];
    let accepted = pieces(&[(1, 12), (3, 1)]);
    let late = NOON + 11 * MINUTE;
    assert_eq!(shop.offer_again(late, order("web-1", Kind::Pickup, lines), vec![], accepted), [None]);
    let lines = shop.view("web-1").fulfilment.lines;
    let of = |line: usize| (lines[line].of(State::Accepted), lines[line].of(State::Rejected));
    assert_eq!([of(0), of(1), of(2)], [(12_000, 2_000), (0, 3_000), (1_000, 0)]);
    assert_eq!(shop.cereal(), (-2, 12), "a count corrects the stock");
    shop.agrees_with_hq();
}

#[test]
fn items_that_are_not_tracked_are_sold_without_stock() {
    let mut shop = Shop::new();
    shop.commit(|transaction| Ok(testing::set_rule(transaction, BAGS, Rule::Untracked)?));
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, BAGS, 40), ordered(2, CEREAL, 1)]));
    shop.ready("web-1");
    assert_eq!(testing::position(shop.store(), BAGS).reserved, 0);
    shop.hand_over("web-1", &[(1, 40), (2, 1)]).unwrap();
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::HandedOver, (9, 0)));
    shop.agrees_with_hq();
}

#[test]
fn a_person_accepts_or_rejects_if_the_policy_says_so() {
    let mut shop = Shop::new();
    let orders = Policy { auto_accept: false, ..Policy::default() };
    shop.commit(move |transaction| Ok(stock::put_home(transaction, &Home { orders, ..home() })?));
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]));
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Offered, (7, 3)));
    assert!(events_from(shop.store(), 1, 10).unwrap().is_empty(), "nothing to say yet");
    shop.run(NOON, "web-1", Command::Reject { amounts: pieces(&[(1, 1)]), reason: Reason::Damaged }).unwrap();
    shop.run(NOON, "web-1", Command::Accept).unwrap();
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Accepted, (8, 2)));
    let again = shop.run(NOON, "web-1", Command::Accept).unwrap_err();
    assert_eq!((again.kind, again.detail.as_str()), (&ORDER_RULE, "order web-1: can't accept: the order is accepted"));
    shop.agrees_with_hq();
}

#[test]
fn hq_cancels_and_extends_what_is_open() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]));
    let cancelled = |amounts| OrderCancelled { order: "web-1".parse().unwrap(), part: 1, amounts };
    let cancel = |shop: &Shop, amounts| shop.receive(NOON, &CANCELLED, &[cancelled(amounts)]);
    assert_eq!(cancel(&shop, pieces(&[(1, 2)])), [None]);
    assert_eq!(shop.cereal(), (9, 1));
    shop.ready_one("web-1");
    let extended = OrderExtended { order: "web-1".parse().unwrap(), part: 1, until_ms: NOON + 100 * HOUR };
    assert_eq!(shop.receive(NOON, &EXTENDED, &[extended]), [None]);
    assert_eq!(shop.view("web-1").fulfilment.extended_to_ms, Some(NOON + 100 * HOUR));
    let bay = CustomerArrived { order: "web-1".parse().unwrap(), part: 1, bay: Some("3".into()) };
    assert_eq!(shop.receive(NOON, &contract::order::ARRIVED, &[bay]), [None]);
    let arrival = Arrival { at_ms: NOON, bay: Some("3".into()) };
    assert_eq!((shop.state("web-1"), shop.view("web-1").fulfilment.arrival), (State::Arrived, Some(arrival)));
    assert_eq!(cancel(&shop, pieces(&[(1, 50)])), [None], "more than is open");
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Cancelled, (10, 0)));
    let before = last_event(shop.store()).unwrap();
    assert_eq!(cancel(&shop, vec![]), [None]);
    assert_eq!(last_event(shop.store()).unwrap(), before, "nothing was open");
    let unknown = OrderCancelled { order: "web-9".parse().unwrap(), part: 1, amounts: vec![] };
    assert!(shop.receive(NOON, &CANCELLED, &[unknown])[0].is_some());
    shop.agrees_with_hq();
}

impl Shop {
    /// Makes the one piece of a line ready that is left.
    fn ready_one(&self, id: &str) {
        let picker = || "ann".parse().unwrap();
        self.run(NOON, id, Command::Claim { picker: picker(), lines: vec![1] }).unwrap();
        let (scanned, quantity) = (testing::sku(CEREAL), Quantity::pieces(1).unwrap());
        self.run(NOON, id, Command::Pick { picker: picker(), line: 1, scanned, quantity }).unwrap();
        let place = commerce::order::Place { name: "shelf-1".into(), zone: Zone::Ambient };
        self.run(NOON, id, Command::Pack { amounts: pieces(&[(1, 1)]), place, probe_deci_celsius: None }).unwrap();
        self.run(NOON, id, Command::MakeReady).unwrap();
    }
}

/// F14 and the no-show of F13: expired goods are on hand once, at the due time and not before.
#[test]
fn what_is_not_collected_in_time_is_put_back_once() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 3)]));
    shop.ready("web-1");
    let until_ms = shop.view("web-1").fulfilment.kept_until_ms(&Policy::default()).unwrap();
    let sweep = |shop: &Shop, at_ms| {
        let due = due(shop.store(), 100).unwrap();
        shop.commit(move |transaction| tick(transaction, &hq(at_ms), &due));
    };
    sweep(&shop, until_ms);
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Ready, (7, 3)));
    assert!(shop.view("web-1").fulfilment.breached.is_empty());
    shop.restart();
    for _ in 0..3 {
        sweep(&shop, until_ms + 1);
    }
    assert_eq!((shop.state("web-1"), shop.cereal()), (State::Expired, (10, 0)));
    assert!(due(shop.store(), 100).unwrap().is_empty());
    assert_eq!(open_count(shop.store()).unwrap(), 1, "somebody must put the goods back");
    let back = Command::PutBack { amount: pieces(&[(1, 3)])[0], condition: commerce::stock::Condition::Good };
    shop.run(NOON, "web-1", back).unwrap();
    assert_eq!((open_count(shop.store()).unwrap(), shop.cereal()), (0, (10, 0)));
    shop.agrees_with_hq();
}

/// F43: a missed deadline is an event, once.
#[test]
fn a_deadline_that_passes_is_reported_once() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 1)]));
    for at_ms in [NOON + 2 * HOUR, NOON + 3 * HOUR] {
        let due = due(shop.store(), 100).unwrap();
        shop.commit(move |transaction| tick(transaction, &hq(at_ms), &due));
    }
    assert_eq!(shop.view("web-1").fulfilment.breached, [commerce::order::clock::Clock::Due]);
    let breaches = events_from(shop.store(), 1, 10).unwrap().into_iter().filter(|event| {
        matches!(&event.what, What::Advanced(advanced) if matches!(advanced.changes[0], Change::Breached { .. }))
    });
    assert_eq!(breaches.count(), 1);
    shop.agrees_with_hq();
}

#[test]
fn an_order_is_found_by_name_phone_and_code() {
    let mut shop = Shop::new();
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 1)]));
    let mut other = order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 1)]);
    let customer = other.terms.customer.as_mut().unwrap();
    (customer.name, customer.phone) = ("Adam Smith".into(), None);
    customer.code = Some("OTHER".to_owned().try_into().unwrap());
    shop.offer(other);
    let find = |by| {
        let found = find(shop.store(), &by, 10).unwrap();
        found.iter().map(|view| view.fulfilment.terms.order.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(find(Find::Name("ada".into())), ["web-1", "web-2"]);
    assert_eq!(find(Find::Name(" ADA b".into())), ["web-1"]);
    assert_eq!(find(Find::Name("byron".into())), [""; 0]);
    for phone in ["020 7946 0000", "+44 20 7946-0000", "7946 0000"] {
        assert_eq!(find(Find::Phone(phone.into())), ["web-1"], "{phone}");
    }
    assert_eq!(find(Find::Phone("7946 0001".into())), [""; 0]);
    assert_eq!(find(Find::Code(CODE.into())), ["web-1"]);
    assert_eq!(find(Find::Code("K7-PLU".into())), [""; 0], "not by its beginning");
    assert_eq!(find(Find::Code(String::new())), [""; 0]);
    assert_eq!(find(Find::Order("web-2".into())), ["web-2"]);
    let shown = shop.view("web-1");
    assert!(shown.fulfilment.terms.customer.unwrap().code.is_none(), "only the customer has it");
}

#[test]
fn lines_are_queued_by_due_time_and_claimed_once() {
    let mut shop = Shop::new();
    let mut urgent = order("web-2", Kind::Pickup, vec![ordered(1, CEREAL, 1), ordered(2, BAGS, 2)]);
    urgent.terms.due_ms = NOON + HOUR;
    shop.offer(order("web-1", Kind::Pickup, vec![ordered(1, CEREAL, 1)]));
    shop.offer(urgent);
    let queue = |shop: &Shop| {
        let picks = queue_to_pick(shop.store(), 10).unwrap();
        picks.iter().map(|pick| (pick.of.order.to_string(), pick.line)).collect::<Vec<_>>()
    };
    let all = [("web-2".to_owned(), 1), ("web-2".to_owned(), 2), ("web-1".to_owned(), 1)];
    assert_eq!(queue(&shop), all);
    let batch = || ClaimBatch { picker: None, totes: vec![(part("web-2"), vec![1]), (part("web-1"), vec![1])] };
    let claimed = shop.commit(move |transaction| claim_batch(transaction, &ann(NOON), batch()));
    assert_eq!(claimed.picks.len(), 2);
    let bob = By { actor: Actor { operator: Some("bob".parse().unwrap()), ..ann(0).actor }, at_ms: NOON };
    let his = shop.commit(move |transaction| claim_batch(transaction, &bob, batch()));
    assert!(his.picks.is_empty(), "{his:?}");
    let picker = "bob".parse().unwrap();
    let refused = shop.run(NOON, "web-2", Command::Claim { picker, lines: vec![1] }).unwrap_err();
    assert_eq!(refused.kind, &ORDER_CLAIMED);
    assert!(refused.members.contains(&("picker", "ann".into())) && refused.members.contains(&("line", 1.into())));
    assert_eq!(picked_by(shop.store(), &"ann".parse().unwrap(), 10).unwrap().len(), 2);
    assert_eq!(queue(&shop), all, "claimed lines stay until they are picked");
    let unsigned = shop.try_commit(move |transaction| claim_batch(transaction, &testing::register(NOON), batch()));
    assert_eq!(unsigned.unwrap_err().kind.slug, "no-picker");
    assert_eq!(in_state(shop.store(), State::Picking, None, 10).unwrap().len(), 2);
    let first = in_state(shop.store(), State::Picking, None, 1).unwrap().remove(0);
    assert_eq!(first.fulfilment.terms.order.as_str(), "web-2");
    let second = in_state(shop.store(), State::Picking, Some(&first), 5).unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].fulfilment.terms.order.as_str(), "web-1");
    shop.agrees_with_hq();
}

#[test]
fn a_transfer_leaves_as_one_and_its_notice_comes_down_by_itself() {
    use contract::transfer::{ANNOUNCED, DISPATCHED, TransferAnnounced};
    let mut shop = Shop::new();
    shop.offer(order("moved-1", Kind::Transfer, vec![ordered(1, CEREAL, 3)]));
    let ship = Collect::Ship { amounts: pieces(&[(1, 3)]), tracking: None };
    let sent = shop.commit(move |transaction| {
        hand_over(transaction, &ann(NOON), &testing::sale_context(1, NOON), &part("moved-1"), ship)
    });
    assert_eq!(sent, HandedOver::Sent);
    assert_eq!((shop.cereal(), shop.position().in_transit, shop.sales().len()), ((7, 0), 3000, 0));
    shop.agrees_with_hq();
    let entry = shop.store().outbox("orders", 1, 10).unwrap().into_iter().find(|entry| entry.kind == DISPATCHED.name());
    let entry = entry.unwrap();
    let body = crate::hq::body(shop.store(), &entry).unwrap();
    let event = contract::Event { sequence: Sequence(1), kind: entry.kind, occurred_at_ms: 1, body };
    let notice = DISPATCHED.read(&event).unwrap().notice;
    assert_eq!((notice.from.as_str(), notice.to.as_str(), notice.lines[0].milli), ("store-1", "store-2", 3000));
    // At the receiver.
    let other = Shop::new();
    other.commit(|transaction| Ok(stock::put_home(transaction, &Home { hub: testing::hub("store-2"), ..home() })?));
    let announced = TransferAnnounced { notice };
    let announce = |shop: &Shop| shop.receive(NOON, &ANNOUNCED, std::slice::from_ref(&announced));
    assert_eq!((announce(&other), announce(&other)), (vec![None], vec![None]), "entered once");
    assert_eq!(stock::notices(other.store(), None, 10).unwrap().len(), 1);
    assert!(announce(&shop)[0].is_some(), "not for store 1");
    assert!(stock::notices(shop.store(), None, 10).unwrap().is_empty());
}
