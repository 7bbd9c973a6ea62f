use super::*;
use crate::{MAX_LINE_AMOUNT, MAX_LINES, stock::Kind as Movement};

fn available(of: &[(&str, i64)]) -> Sums {
    of.iter().map(|(item, milli)| ((sku(item), Unit::Each), *milli)).collect()
}

#[test]
fn an_offer_reserves_available_units_and_rejects_missing_ones() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 3), ordered(2, "2", 2), ordered(3, "1", 1)]);
    let policy = Policy { auto_accept: false, ..Policy::default() };
    let desk = Desk::with(&order, &all_of(&order), &available(&[("1", 2500), ("2", 9000)]), policy);
    assert_eq!([desk.of(1, State::Offered), desk.of(1, State::Rejected)], [2000, 1000]);
    assert_eq!([desk.of(2, State::Offered), desk.of(3, State::Rejected)], [2000, 1000]);
    assert_eq!(desk.stock(), [(Movement::Reservation, "1".into(), 2000), (Movement::Reservation, "2".into(), 2000)]);
    assert!(desk.changes.contains(&Change::Rejected { reason: Reason::NoStock }));
    assert_eq!(desk.fulfilment.held(), available(&[("1", 2000), ("2", 2000)]));
}

#[test]
fn an_offer_with_enough_stock_rejects_nothing() {
    let desk = Desk::accepted(&order(Kind::Pickup, vec![ordered(1, "1", 3)]));
    let moved = Change::Moved { line: 1, step: Step::Accept, from: State::Offered, to: State::Accepted, milli: 3000 };
    assert_eq!(desk.changes[..desk.changes.len() - 1], [moved]);
    assert_eq!(desk.stock(), [(Movement::Reservation, "1".into(), 3000)]);
}

#[test]
fn an_offer_without_stock_ends_and_reserves_nothing() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 3)]);
    let desk = Desk::with(&order, &all_of(&order), &available(&[("1", -4000)]), Policy::default());
    assert_eq!((desk.state(), desk.stock()), (State::Rejected, vec![]));
    assert!(desk.changes.contains(&Change::Ended { at_ms: NOON }));
}

/// F15: 1 of 3 units is rejected, 2 are shipped, the sale is for 2.
#[test]
fn a_store_rejects_a_part_and_ships_the_rest() {
    let order = order(Kind::ShipFromStore, vec![ordered(1, "1", 3)]);
    let mut desk = Desk::offered(&order, Policy { auto_accept: false, ..Policy::default() });
    desk.run(Command::Reject { amounts: amounts(&[(1, 1000)]), reason: Reason::Damaged });
    assert_eq!(desk.stock(), [(Movement::Release, "1".into(), 1000)]);
    desk.run(Command::Accept);
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, "1", count(2)));
    desk.run(pack(&[(1, 2000)], Zone::Ambient));
    desk.run(Command::Ship { amounts: amounts(&[(1, 2000)]), tracking: Some("JD0002".into()) });
    assert_eq!(desk.stock(), [(Movement::Sale, "1".into(), 2000)]);
    assert_eq!((desk.state(), desk.fulfilment.charged()), (State::Shipped, Minor::literal(1000)));
    assert_eq!(desk.fulfilment.tracking, ["JD0002"]);
    let parts = [desk.fulfilment];
    let progress = Progress { order: &order, parts: &parts, withdrawn: &[] };
    assert_eq!(progress.unplaced(), amounts(&[(1, 1000)]), "HQ reassigns it");
}

/// F42, the quantity tracking of Dynamics: ordered 500, picked 200, packed 200, shipped 201 leaves none packed and 299.
#[test]
fn more_units_can_be_shipped_than_were_packed() {
    let order = order(Kind::ShipFromStore, vec![ordered(1, "1", 500)]);
    let mut desk = Desk::accepted(&order);
    desk.run(claim("ann", 1));
    desk.run(pick("ann", 1, "1", count(200)));
    desk.run(Command::Unclaim { picker: picker("ann"), line: 1 });
    desk.run(pack(&[(1, pieces(200))], Zone::Ambient));
    assert_eq!(desk.of(1, State::Packed), pieces(200));
    desk.run(Command::Ship { amounts: amounts(&[(1, pieces(201))]), tracking: None });
    assert_eq!((desk.of(1, State::Packed), desk.of(1, State::Shipped)), (0, pieces(201)));
    assert_eq!(desk.fulfilment.line(1).unwrap().open(), pieces(299));
    assert_eq!(desk.stock(), [(Movement::Sale, "1".into(), pieces(201))]);
    let refused = desk.refused(Command::Ship { amounts: amounts(&[(1, pieces(300))]), tracking: None });
    assert_eq!(refused, Rule::NotEnough { step: Step::Ship, there: pieces(299), asked: pieces(300) });
}

#[test]
fn a_shipped_transfer_is_booked_as_a_transfer() {
    let order = order(Kind::Transfer, vec![ordered(1, "1", 3)]);
    let mut desk = Desk::accepted(&order);
    desk.run(Command::Ship { amounts: amounts(&[(1, 3000)]), tracking: None });
    assert_eq!(desk.stock(), [(Movement::Release, "1".into(), 3000), (Movement::TransferOut, "1".into(), 3000)]);
    assert_eq!(desk.refused(Command::Accept), Rule::WrongState { step: Step::Accept, state: State::Shipped });
}

#[test]
fn a_refused_offer_names_its_line() {
    let order = order(Kind::Pickup, vec![ordered(1, "1", 3)]);
    let policy = Policy::default();
    let refused = |of: &[(u32, i64)]| {
        offer(&order, 1, &amounts(of), &Sums::new(), Facts { now_ms: NOON, policy: &policy }).unwrap_err()
    };
    assert_eq!(refused(&[]).rule, Rule::NoLines);
    assert_eq!(refused(&[(2, 1000)]).to_string(), "order web-1, line 2: the line does not exist in the order");
    assert_eq!(refused(&[(1, 0)]).rule, Rule::Nothing);
    assert_eq!(refused(&[(1, 1500)]).rule.name(), "out_of_range");
    assert_eq!(refused(&[(1, i64::MIN)]).rule.name(), "out_of_range");
    assert_eq!(refused(&[(1, 4000)]).rule, Rule::NotOrdered { given: 4000, ordered: 3000 });
    assert_eq!(refused(&[(1, 1000), (1, 1000)]).rule, Rule::LineTwice);
}

#[test]
fn invalid_orders_are_refused() {
    let good = order(Kind::Pickup, vec![ordered(1, "1", 3), ordered(2, SALMON, 1)]);
    let sold_by = |sku: &Sku| match sku.as_str() {
        "1" => Some(Unit::Each),
        SALMON => Some(Unit::Kilogram),
        _ => None,
    };
    assert_eq!(good.check(NOON, sold_by), Ok(()));
    let mut at_the_limits = good.clone();
    at_the_limits.terms.keep_until_ms = Some(at_the_limits.terms.due_ms);
    at_the_limits.terms.customer.as_mut().unwrap().address = vec!["1 Mill Lane".into(); 6];
    at_the_limits.lines[0].quantity = count(1);
    at_the_limits.lines[0].price.minor = MAX_LINE_AMOUNT;
    assert_eq!(at_the_limits.check(NOON, sold_by), Ok(()));
    assert_eq!(order(Kind::Transfer, vec![ordered(1, "1", 3)]).check(NOON, sold_by), Ok(()));
    let rule = |change: &dyn Fn(&mut Order)| {
        let mut order = good.clone();
        change(&mut order);
        let refused = order.check(NOON, sold_by).unwrap_err();
        (refused.line, refused.rule.name())
    };
    assert_eq!(rule(&|order| order.terms.due_ms = NOON), (None, "past_slot"));
    assert_eq!(rule(&|order| order.terms.keep_until_ms = Some(NOON)), (None, "out_of_range"));
    assert_eq!(rule(&|order| order.terms.customer = None), (None, "no_customer"));
    assert_eq!(rule(&|order| order.terms.kind = Kind::Transfer), (None, "customer_of_transfer"));
    assert_eq!(rule(&|order| order.terms.receiver = Some("store-2".into())), (None, "receiver"));
    let unaddressed = |order: &mut Order| (order.terms.kind, order.terms.customer) = (Kind::Transfer, None);
    assert_eq!(rule(&unaddressed), (None, "receiver"));
    assert_eq!(
        rule(&|order| order.terms.customer.as_mut().unwrap().address = vec!["1 Mill Lane".into(); 7]),
        (None, "out_of_range")
    );
    assert_eq!(rule(&|order| order.terms.customer.as_mut().unwrap().name = "a\u{202e}".into()), (None, "bad_text"));
    assert_eq!(rule(&|order| order.terms.customer.as_mut().unwrap().phone = Some(String::new())), (None, "bad_text"));
    assert_eq!(
        rule(&|order| order.terms.payment = Payment::Prepaid { reference: "x".repeat(121) }),
        (None, "bad_text")
    );
    let at_pickup = |order: &mut Order| {
        (order.terms.kind, order.terms.payment) = (Kind::ShipFromStore, Payment::AtPickup);
    };
    assert_eq!(rule(&at_pickup), (None, "not_prepaid"));
    assert_eq!(rule(&|order| order.lines.clear()), (None, "no_lines"));
    assert_eq!(rule(&|order| order.lines = vec![ordered(1, "1", 1); MAX_LINES + 1]), (None, "too_many_lines"));
    assert_eq!(rule(&|order| order.lines[1].number = 1), (Some(1), "line_twice"));
    assert_eq!(rule(&|order| order.lines[0].number = 10_001), (Some(10_001), "out_of_range"));
    assert_eq!(rule(&|order| order.lines[0].number = 0), (Some(0), "out_of_range"));
    assert_eq!(rule(&|order| order.lines[1].sku = sku("9")), (Some(2), "unknown_item"));
    assert_eq!(rule(&|order| order.lines[1].sku = sku("1")), (Some(2), "wrong_unit"));
    assert_eq!(rule(&|order| order.lines[1].price.per = Unit::Each), (Some(2), "wrong_unit"));
    assert_eq!(rule(&|order| order.lines[0].quantity = count(0)), (Some(1), "nothing"));
    assert_eq!(rule(&|order| order.lines[0].price.minor = Minor::literal(-1)), (Some(1), "out_of_range"));
    assert_eq!(rule(&|order| order.lines[0].price.minor = Minor::literal(500_000_000)), (Some(1), "out_of_range"));
    assert_eq!(rule(&|order| order.lines[0].description = "\u{200b}".into()), (None, "bad_text"));
}
