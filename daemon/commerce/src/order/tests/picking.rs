use super::*;
use crate::stock::Kind as Movement;

fn substitute(name: &str, line: u32, item: &str, minor: i64, quantity: Quantity) -> Command {
    let with = Substitute {
        sku: sku(item),
        description: "Oat milk".into(),
        price: Price { minor: Minor::literal(minor), per: quantity.unit() },
        zone: Zone::Chilled,
        minimum_age: 0,
    };
    Command::Substitute { picker: picker(name), line, with, quantity }
}

fn short(name: &str, line: u32) -> Command {
    Command::Short { picker: picker(name), line }
}

/// F71: a second picker on the same line is refused, and so is the wrong item.
#[test]
fn a_line_accepts_one_picker_and_one_item() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 3), ordered(2, "2", 1)]));
    assert_eq!(desk.refused(pick("ann", 1, "1", count(1))), Rule::NotClaimed { picker: picker("ann") });
    desk.run(claim("ann", 1));
    let claimed = Rule::Claimed { picker: picker("ann"), until_ms: NOON + 15 * MINUTE };
    for command in [claim("ben", 1), pick("ben", 1, "1", count(1)), short("ben", 1)] {
        assert_eq!(desk.refused(command), claimed);
    }
    let all_or_none = Command::Claim { picker: picker("ben"), lines: vec![2, 1] };
    assert_eq!(desk.refused(all_or_none), claimed);
    let refused = desk.decide(pick("ann", 1, "2", count(1))).unwrap_err();
    assert_eq!(refused.rule.name(), "wrong_item");
    assert_eq!(refused.to_string(), "order web-1, line 1: wrong item: expected 1, scanned 2; put it back");
    desk.run(pick("ann", 1, "1", count(2)));
    assert_eq!(desk.refused(pick("ann", 1, "1", count(2))), Rule::TooMuch { picked: 2000, most: 1000 });
    assert_eq!(desk.state(), State::Picking, "two of the three, and the other line");
    desk.run(pick("ann", 1, "1", count(1)));
    assert_eq!(desk.fulfilment.line(1).unwrap().claim, None);
}

#[test]
fn another_picker_can_take_an_expired_claim() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 3)]));
    desk.run(claim("ann", 1));
    desk.at(NOON + 15 * MINUTE - 1).run(Command::Tick);
    assert_eq!(desk.of(1, State::Picking), 3000);
    let mut taken = Desk { fulfilment: desk.fulfilment.clone(), policy: Policy::default(), changes: vec![], now_ms: 0 };
    taken.at(NOON + 15 * MINUTE).run(claim("ben", 1));
    assert_eq!(taken.refused(pick("ann", 1, "1", count(1))).name(), "claimed");
    taken.run(pick("ben", 1, "1", count(3)));
    desk.at(NOON + 15 * MINUTE).run(Command::Tick);
    assert_eq!((desk.of(1, State::Accepted), desk.fulfilment.line(1).unwrap().claim.clone()), (3000, None));
    assert_eq!(desk.stock(), []);
}

#[test]
fn weighed_goods_may_deviate_within_the_tolerance() {
    let mut desk = Desk::accepted(&order(Kind::Reserve, vec![ordered(1, SALMON, 1)]));
    desk.run(claim("ann", 1));
    assert_eq!(desk.refused(pick("ann", 1, SALMON, grams(1051))), Rule::TooMuch { picked: 1051, most: 1050 });
    assert_eq!(desk.refused(pick("ann", 1, SALMON, count(1))).name(), "wrong_unit");
    let before = desk.fulfilment.clone();
    desk.run(pick("ann", 1, SALMON, grams(1050)));
    assert_eq!((desk.of(1, State::Picked), desk.stock()), (1050, vec![(Movement::Reservation, SALMON.into(), 50)]));
    assert!(desk.changes.iter().any(|change| matches!(change, Change::Stock { settled: true, .. })), "it is in hand");
    desk.fulfilment = before.clone();
    desk.run(pick("ann", 1, SALMON, grams(950)));
    assert_eq!((desk.of(1, State::Picked), desk.stock()), (950, vec![(Movement::Release, SALMON.into(), 50)]));
    desk.fulfilment = before;
    desk.run(pick("ann", 1, SALMON, grams(949)));
    assert_eq!((desk.of(1, State::Picking), desk.stock()), (51, vec![]), "another piece is looked for");
    desk.run(pick("ann", 1, SALMON, grams(60)));
    assert_eq!(desk.of(1, State::Picked), 1009);
    desk.run(Command::HandOver(Handover {
        checked: vec![Checked { amount: Amount { line: 1, milli: 1009 }, scanned: Some(sku(SALMON)) }],
        proof: Proof::Document,
        age_checked: None,
        paid: Minor::literal(3026),
        partial: false,
    }));
    assert_eq!(desk.fulfilment.charged(), Minor::literal(3026), "29.99 a kilogram");
}

#[test]
fn prepaid_goods_cost_at_most_the_payment() {
    let order = order(Kind::Pickup, vec![ordered(1, SALMON, 1)]);
    for (weighed, charged) in [(1050, 2999), (970, 2909)] {
        let mut desk = Desk::accepted(&order);
        desk.run(claim("ann", 1));
        desk.run(pick("ann", 1, SALMON, grams(weighed)));
        desk.run(hand_over(&[(1, weighed)], 0));
        assert_eq!(desk.fulfilment.charged(), Minor::literal(charged));
        let parts = [desk.fulfilment];
        let progress = Progress { order: &order, parts: &parts, withdrawn: &[] };
        assert_eq!(progress.refund(), Minor::literal(2999 - charged));
    }
}

/// F68: milk for 1.89, a substitute for 2.29: 1.89 is charged. Without a substitute it is removed and refunded.
#[test]
fn a_substitute_costs_the_lower_price() {
    for (choice, item, price, charged) in [
        (Substitution::Any, OAT_MILK, 229, 378),
        (Substitution::Any, OAT_MILK, 149, 298),
        (Substitution::Chosen { substitute: sku(OAT_MILK) }, OAT_MILK, 229, 378),
    ] {
        let mut order = order(Kind::Pickup, vec![ordered(1, MILK, 2)]);
        order.lines[0].substitution = choice;
        let mut desk = Desk::accepted(&order);
        desk.run(claim("ann", 1));
        desk.run(substitute("ann", 1, item, price, count(2)));
        assert_eq!(
            desk.stock(),
            [(Movement::Reservation, OAT_MILK.into(), 2000), (Movement::Release, MILK.into(), 2000)]
        );
        assert_eq!([desk.of(1, State::Substituted), desk.of(10_001, State::Picked)], [2000, 2000]);
        desk.run(hand_over(&[(10_001, 2000)], 0));
        assert_eq!(desk.stock(), [(Movement::Sale, OAT_MILK.into(), 2000)]);
        let parts = [desk.fulfilment];
        let progress = Progress { order: &order, parts: &parts, withdrawn: &[] };
        assert_eq!(progress.charged(), Minor::literal(charged));
        assert_eq!((progress.refund(), progress.state()), (Minor::literal(378 - charged), State::HandedOver));
        assert_eq!(progress.unplaced(), []);
    }
    let order = order(Kind::Pickup, vec![ordered(1, MILK, 2)]);
    let mut desk = Desk::accepted(&order);
    desk.run(claim("ann", 1));
    assert_eq!(desk.refused(substitute("ann", 1, OAT_MILK, 229, count(2))), Rule::NoSubstitute);
    desk.run(short("ann", 1));
    assert_eq!((desk.state(), desk.stock()), (State::Short, vec![(Movement::Release, MILK.into(), 2000)]));
    let (parts, withdrawn) = ([desk.fulfilment], amounts(&[(1, 2000)]));
    assert_eq!(Progress { order: &order, parts: &parts, withdrawn: &[] }.unplaced(), withdrawn);
    let progress = Progress { order: &order, parts: &parts, withdrawn: &withdrawn };
    assert_eq!((progress.refund(), progress.charged()), (Minor::literal(378), Minor::ZERO));
}

#[test]
fn a_substitute_must_be_accepted_and_have_the_same_unit() {
    let mut order = order(Kind::Pickup, vec![ordered(1, MILK, 2)]);
    order.lines[0].substitution = Substitution::Chosen { substitute: sku(OAT_MILK) };
    let mut desk = Desk::accepted(&order);
    desk.run(claim("ann", 1));
    let refused = desk.refused(substitute("ann", 1, "1", 100, count(1)));
    assert_eq!(refused, Rule::NotTheChosen { chosen: sku(OAT_MILK), offered: sku("1") });
    assert_eq!(desk.refused(substitute("ann", 1, MILK, 100, count(1))).name(), "not_another_item");
    assert_eq!(desk.refused(substitute("ann", 1, OAT_MILK, 100, grams(1000))).name(), "wrong_unit");
    assert_eq!(desk.refused(substitute("ann", 1, OAT_MILK, 100, count(3))).name(), "too_much");
    assert_eq!(desk.refused(substitute("ann", 1, OAT_MILK, -1, count(1))).name(), "out_of_range");
    desk.run(substitute("ann", 1, OAT_MILK, 100, count(1)));
    desk.run(substitute("ann", 1, OAT_MILK, 100, count(1)));
    assert_eq!([desk.of(10_001, State::Picked), desk.of(10_002, State::Picked)], [1000, 1000]);
}

/// A substitute for weighed goods may deviate like the goods themselves; the ordered quantity is replaced.
#[test]
fn a_weighed_substitute_may_deviate_within_the_tolerance() {
    let mut order = order(Kind::Pickup, vec![ordered(1, SALMON, 1)]);
    order.lines[0].substitution = Substitution::Any;
    for (weighed, replaced) in [(1050, 1000), (950, 1000), (949, 949)] {
        let mut desk = Desk::accepted(&order);
        desk.run(claim("ann", 1));
        desk.run(substitute("ann", 1, "6001", 2999, grams(weighed)));
        assert_eq!([desk.of(1, State::Substituted), desk.of(10_001, State::Picked)], [replaced, weighed]);
        assert_eq!(desk.of(1, State::Picking), 1000 - replaced);
    }
}

#[test]
fn a_refused_picker_sees_the_state_of_the_line() {
    let mut desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 1), ordered(2, "2", 1)]));
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, "1", count(1)));
    desk.run(short("ann", 2));
    assert_eq!(desk.refused(claim("ann", 1)), Rule::WrongState { step: Step::Claim, state: State::Picked });
    assert_eq!(desk.refused(short("ann", 2)), Rule::WrongState { step: Step::Short, state: State::Short });
}

#[test]
fn a_missing_item_cancels_an_all_or_nothing_order() {
    let mut order = order(Kind::Pickup, vec![ordered(1, "1", 2), ordered(2, MILK, 1)]);
    order.lines[0].substitution = Substitution::CancelOrder;
    let mut desk = Desk::accepted(&order);
    desk.run(claim("ann", 2));
    desk.run(pick("ann", 2, MILK, count(1)));
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, "1", count(1)));
    desk.run(short("ann", 1));
    assert_eq!((desk.state(), desk.fulfilment.held()), (State::Cancelled, Sums::new()));
    assert_eq!([desk.of(1, State::Short), desk.of(1, State::Returning), desk.of(2, State::Returning)], [1000; 3]);
    assert_eq!(
        desk.stock(),
        [
            (Movement::Release, "1".into(), 2000),
            (Movement::Release, MILK.into(), 1000),
            (Movement::Quarantine, MILK.into(), 1000),
        ]
    );
}

#[test]
fn a_part_has_at_most_as_many_substitutes_as_lines() {
    let mut order = order(Kind::Pickup, vec![ordered(1, MILK, 3)]);
    order.lines[0].substitution = Substitution::Any;
    let mut desk = Desk::accepted(&order);
    let lines = 20_001..20_000 + 2 * u32::try_from(crate::MAX_LINES).unwrap() - 1;
    desk.fulfilment.lines.extend(lines.map(|number| Line::new(ordered(number, "1", 1), None, State::Accepted)));
    desk.run(claim("ann", 1));
    desk.run(substitute("ann", 1, OAT_MILK, 229, count(1)));
    assert_eq!(desk.fulfilment.lines.len(), 2 * crate::MAX_LINES);
    assert_eq!(desk.refused(substitute("ann", 1, OAT_MILK, 229, count(1))), Rule::TooManyLines);
}
