use super::*;
use crate::stock::{Condition, Kind as Movement};

#[test]
fn goods_are_staged_in_their_temperature_zone() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, MILK, 1), ordered(2, PEAS, 1)]));
    for (line, item) in [(1, MILK), (2, PEAS)] {
        desk.run(claim("ann", line));
        desk.run(pick("ann", line, item, count(1)));
    }
    let pack_at = |line, zone, probe_deci_celsius| Command::Pack {
        amounts: amounts(&[(line, 1000)]),
        place: place(zone),
        probe_deci_celsius,
    };
    let refused = desk.refused(pack_at(1, Zone::Ambient, None));
    assert_eq!(refused, Rule::WrongZone { needs: Zone::Chilled, place: "ambient-1".into(), is: Zone::Ambient });
    assert_eq!(desk.refused(pack_at(1, Zone::Chilled, None)), Rule::NoProbe { zone: Zone::Chilled });
    assert_eq!(
        desk.refused(pack_at(1, Zone::Chilled, Some(51))),
        Rule::TooWarm { zone: Zone::Chilled, reading: 51, most: 50 }
    );
    assert_eq!(desk.refused(pack_at(2, Zone::Frozen, Some(-149))).name(), "too_warm");
    assert_eq!(desk.refused(Command::MakeReady).name(), "wrong_state");
    desk.run(pack_at(1, Zone::Chilled, Some(50)));
    desk.run(pack_at(2, Zone::Frozen, Some(-150)));
    assert_eq!(desk.state(), State::Packed);
    desk.run(Command::MakeReady);
    assert_eq!((desk.state(), desk.fulfilment.ready_at_ms), (State::Ready, Some(NOON)));
    let staged = &desk.fulfilment.line(2).unwrap().staged[0];
    assert_eq!((staged.place.zone, staged.probe_deci_celsius), (Zone::Frozen, Some(-150)));
}

#[test]
fn an_order_is_ready_when_every_line_is_packed() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 1), ordered(2, "2", 1)]));
    for (line, item) in [(1, "1"), (2, "2")] {
        desk.run(claim("ann", line));
        desk.run(pick("ann", line, item, count(1)));
    }
    desk.run(pack(&[(1, 1000)], Zone::Ambient));
    assert_eq!(desk.refused(Command::MakeReady), Rule::WrongState { step: Step::MakeReady, state: State::Picked });
    desk.run(pack(&[(2, 1000)], Zone::Ambient));
    desk.run(Command::MakeReady);
    assert_eq!(desk.state(), State::Ready);
}

/// The places are known as long as goods are there, also goods that must be put back.
#[test]
fn the_places_of_goods_are_forgotten_once_the_goods_are_gone() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 2), ordered(2, "2", 1)]));
    desk.make_ready();
    let places = |desk: &Desk| [1, 2].map(|line| desk.fulfilment.line(line).unwrap().staged.len());
    let part = handover(&[(1, 1000)], 0);
    desk.run(Command::HandOver(Handover { partial: true, ..part }));
    assert_eq!(places(&desk), [1, 1]);
    desk.run(Command::HandOver(Handover { partial: true, ..handover(&[(2, 1000)], 0) }));
    assert_eq!(places(&desk), [1, 0]);
    desk.run(Command::Cancel { amounts: vec![] });
    assert_eq!(places(&desk), [1, 0], "it must be put back");
    desk.run(Command::PutBack { amount: Amount { line: 1, milli: 1000 }, condition: Condition::Good });
    assert_eq!(places(&desk), [0, 0]);
}

#[test]
fn the_open_line_of_an_item_is_found() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 1), ordered(2, "2", 1), ordered(3, "1", 1)]);
    let available = Sums::from([((sku("1"), Unit::Each), 2000), ((sku("2"), Unit::Each), 1000)]);
    let mut desk = Desk::with(&order, &all_of(&order), &available, Policy::default());
    let line_of = |desk: &Desk, item| desk.fulfilment.open_line_of(&sku(item)).map(|line| line.ordered.number);
    assert_eq!([line_of(&desk, "1"), line_of(&desk, "2"), line_of(&desk, "3")], [Some(1), Some(2), None]);
    desk.run(hand_over(&[(1, 1000), (2, 1000)], 0));
    assert_eq!([line_of(&desk, "1"), line_of(&desk, "2")], [Some(3), None], "the others are handed over");
}

#[test]
fn unchecked_goods_are_not_handed_over() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 2), ordered(2, WINE, 1)]));
    desk.make_ready();
    let with = |change: &dyn Fn(&mut Handover)| {
        let mut asked = handover(&[(1, 2000), (2, 1000)], 0);
        asked.age_checked = Some(18);
        change(&mut asked);
        Command::HandOver(asked)
    };
    let rule = |command| {
        let refused = desk.decide(command).unwrap_err();
        (refused.line, refused.rule)
    };
    for code in ["K7-PLUN", "K7-PLU", "K7-PLUMM", "", "k7-plum"] {
        let command = with(&|asked| asked.proof = Proof::Code(code.into()));
        assert_eq!(rule(command), (None, Rule::WrongCode));
    }
    assert_eq!(rule(with(&|asked| asked.age_checked = None)), (Some(2), Rule::AgeUnchecked { minimum: 18 }));
    assert_eq!(rule(with(&|asked| asked.age_checked = Some(17))), (Some(2), Rule::AgeUnchecked { minimum: 18 }));
    assert_eq!(rule(with(&|asked| asked.checked.truncate(1))), (Some(2), Rule::Unchecked { missing: 1000 }));
    assert_eq!(rule(with(&|asked| asked.checked[0].amount.milli = 1000)), (Some(1), Rule::Unchecked { missing: 1000 }));
    assert_eq!(rule(with(&|asked| asked.checked[0].scanned = Some(sku("2")))).1.name(), "wrong_item");
    assert_eq!(rule(with(&|asked| asked.checked[0].amount.milli = 3000)).1.name(), "not_enough");
    assert_eq!(rule(with(&|asked| asked.checked[1].amount.line = 1)).1.name(), "unchecked");
    assert_eq!(rule(with(&|asked| asked.checked.push(asked.checked[0].clone()))), (Some(1), Rule::LineTwice));
    let paid_again = Rule::NotPaid { due: Minor::ZERO, paid: Minor::literal(1) };
    assert_eq!(rule(with(&|asked| asked.paid = Minor::literal(1))), (None, paid_again));
    desk.run(with(&|_| {}));
    assert_eq!(desk.state(), State::HandedOver);
    assert_eq!(desk.stock(), [(Movement::Sale, "1".into(), 2000), (Movement::Sale, WINE.into(), 1000)]);
    assert!(desk.changes.contains(&Change::Checked { by_code: true, age: Some(18) }));
    assert!(desk.changes.contains(&Change::Ended { at_ms: NOON }));
    assert_eq!(desk.refused(with(&|_| {})).name(), "not_enough", "once");
}

#[test]
fn a_document_replaces_the_code() {
    let mut order = order(Kind::Pickup, vec![ordered(1, "1", 1)]);
    order.terms.customer.as_mut().unwrap().code = None;
    let mut desk = Desk::accepted(&order);
    desk.make_ready();
    assert_eq!(desk.refused(hand_over(&[(1, 1000)], 0)), Rule::WrongCode);
    desk.run(Command::HandOver(Handover { proof: Proof::Document, ..handover(&[(1, 1000)], 0) }));
    assert!(desk.changes.contains(&Change::Checked { by_code: false, age: None }));
}

#[test]
fn codes_are_compared_completely_and_never_printed() {
    let code = |text: &str| PickupCode::try_from(text.to_owned());
    let longest = "x".repeat(64);
    assert_eq!(code("K7-PLUM").unwrap(), code("K7-PLUM").unwrap());
    for (a, b) in [
        ("K7-PLUM", "J7-PLUM"),
        ("K7-PLUM", "K7-PLUN"),
        ("K7-PLUM", "7K-PLUM"),
        ("0000", "00000"),
        (&longest, &longest[1..]),
    ] {
        assert_ne!(code(a).unwrap(), code(b).unwrap(), "{a} {b}");
    }
    for text in ["", "abc", "ab cd", "abcd\u{7f}", "äöüß", &"x".repeat(65)] {
        assert!(code(text).is_err(), "{text}");
    }
    let order = order(Kind::Pickup, vec![ordered(1, "1", 1)]);
    assert!(!format!("{order:?}").contains("PLUM"));
    assert_eq!(format!("{:?}", code("K7-PLUM").unwrap()), "PickupCode(..)");
}

#[test]
fn a_partial_handover_is_paid_and_the_rest_stays_open() {
    let mut desk = Desk::accepted(&order(Kind::Reserve, vec![ordered(1, "1", 3), ordered(2, "2", 1)]));
    desk.make_ready();
    let asked = handover(&[(1, 2000)], 1000);
    assert_eq!(desk.refused(Command::HandOver(asked.clone())), Rule::Unchecked { missing: 1000 });
    desk.run(Command::HandOver(Handover { partial: true, ..asked }));
    assert_eq!((desk.state(), desk.of(1, State::Ready), desk.of(1, State::HandedOver)), (State::Ready, 1000, 2000));
    let refused = desk.refused(hand_over(&[(1, 1000), (2, 1000)], 0));
    assert_eq!(refused, Rule::NotPaid { due: Minor::literal(1000), paid: Minor::ZERO });
    desk.run(hand_over(&[(1, 1000), (2, 1000)], 1000));
    assert_eq!((desk.state(), desk.fulfilment.charged()), (State::HandedOver, Minor::literal(2000)));
}

#[test]
fn unpicked_goods_can_be_handed_over_but_claimed_goods_can_not() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 1), ordered(2, "2", 1)]));
    desk.run(claim("ann", 2));
    desk.run(hand_over(&[(1, 1000)], 0));
    assert_eq!(desk.refused(hand_over(&[(2, 1000)], 0)).name(), "not_enough");
}

/// F69: arrived at 10:00:00, handed over at 10:04:10: 4 minutes and 10 seconds.
#[test]
fn a_wait_is_measured_from_the_first_arrival() {
    let mut desk = Desk::accepted(&order(Kind::Curbside, vec![ordered(1, "1", 1)]));
    desk.at(NOON + HOUR).run(Command::Arrive { bay: None });
    assert_eq!(desk.state(), State::Accepted, "the customer is early");
    desk.at(NOON + HOUR + MINUTE).run(Command::Arrive { bay: Some("Bay 3".into()) });
    desk.make_ready();
    assert_eq!(desk.state(), State::Arrived);
    desk.at(NOON + HOUR + 4 * MINUTE + 10_000).run(hand_over(&[(1, 1000)], 0));
    assert_eq!(desk.fulfilment.waited_ms(NOON + 9 * HOUR), Some(250_000));
    assert_eq!(desk.fulfilment.arrival.as_ref().unwrap().bay.as_deref(), Some("Bay 3"));
    assert_eq!(desk.refused(Command::Arrive { bay: None }).name(), "wrong_state");
}

#[test]
fn orders_are_either_shipped_or_handed_over() {
    let desk = Desk::accepted(&order(Kind::ShipFromStore, vec![ordered(1, "1", 1)]));
    for command in [Command::MakeReady, Command::Arrive { bay: None }, hand_over(&[(1, 1000)], 0)] {
        assert_eq!(desk.refused(command).name(), "wrong_kind");
    }
    let desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 1)]));
    let ship = Command::Ship { amounts: amounts(&[(1, 1000)]), tracking: None };
    assert_eq!(desk.refused(ship), Rule::WrongKind { step: Step::Ship, kind: Kind::Pickup });
}

#[test]
fn goods_cancelled_after_picking_are_put_back() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 3), ordered(2, MILK, 1)]));
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, "1", count(1)));
    desk.run(claim("ann", 2));
    desk.run(pick("ann", 2, MILK, count(1)));
    desk.run(Command::Cancel { amounts: amounts(&[(1, 1000)]) });
    assert_eq!(desk.of(1, State::Cancelled), 1000, "what has the least work in it");
    assert_eq!(desk.fulfilment.given_up, None);
    desk.run(Command::Cancel { amounts: vec![] });
    assert_eq!((desk.state(), desk.of(1, State::Returning)), (State::Cancelled, 1000));
    assert_eq!(
        desk.stock(),
        [
            (Movement::Release, "1".into(), 2000),
            (Movement::Release, MILK.into(), 1000),
            (Movement::Quarantine, MILK.into(), 1000),
        ]
    );
    let put_back = |line, condition| Command::PutBack { amount: Amount { line, milli: 1000 }, condition };
    desk.run(put_back(1, Condition::Good));
    assert_eq!(desk.stock(), []);
    assert_eq!(desk.refused(put_back(1, Condition::Good)).name(), "not_enough", "once");
    desk.run(put_back(2, Condition::Damaged));
    assert_eq!(desk.stock(), [(Movement::Damage, MILK.into(), 1000)]);
    assert_eq!((desk.state(), desk.of(2, State::Returned)), (State::Cancelled, 1000));
    assert_eq!(desk.refused(Command::Cancel { amounts: vec![] }).name(), "wrong_state");
}

#[test]
fn an_order_paid_at_collection_can_cost_what_it_costs_today() {
    let mut desk = Desk::accepted(&order(Kind::Reserve, vec![ordered(1, "1", 2), ordered(2, MILK, 1)]));
    let today = |minor| Price { minor: Minor::literal(minor), per: Unit::Each };
    desk.run(Command::Reprice { prices: vec![(1, today(450)), (2, today(189))] });
    assert_eq!(desk.changes, [Change::Repriced { line: 1, price: today(450) }], "line 2 costs the same");
    assert_eq!(desk.fulfilment.due(&amounts(&[(1, 2000), (2, 1000)])), Minor::literal(1089));
    let by_weight = Price { minor: Minor::literal(1), per: Unit::Kilogram };
    assert_eq!(desk.refused(Command::Reprice { prices: vec![(1, by_weight)] }).name(), "wrong_unit");
    assert_eq!(desk.refused(Command::Reprice { prices: vec![(1, today(-1))] }).name(), "out_of_range");
    desk.run(Command::HandOver(Handover { partial: true, ..handover(&[(1, 1000)], 450) }));
    desk.run(Command::Reprice { prices: vec![(1, today(1)), (2, today(1))] });
    assert_eq!(desk.changes, [Change::Repriced { line: 2, price: today(1) }], "line 1 is handed over in part");
    let prepaid = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 2)]));
    assert_eq!(prepaid.refused(Command::Reprice { prices: vec![(1, today(1))] }).name(), "out_of_range");
}
