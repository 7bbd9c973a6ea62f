use commerce::order::{Ordered, Reason};

use commerce::MAX_TEXT;

use super::*;
use crate::kind::{BadBody, Body};

fn offered() -> OrderOffered {
    serde_json::from_str(include_str!("../../fixtures/v1/order.offered@quota.json")).unwrap()
}

#[test]
fn an_offer_has_a_part_lines_and_a_quota_of_its_lines() {
    assert_eq!(offered().check(), Ok(()));
    let wrong = |change: &dyn Fn(&mut OrderOffered)| {
        let mut offered = offered();
        change(&mut offered);
        let Err(BadBody::Order(wrong)) = offered.check() else { panic!("{offered:?}") };
        wrong
    };
    assert!(matches!(wrong(&|offered| offered.part = 0), BadOrder::Part { .. }));
    assert!(matches!(wrong(&|offered| offered.order.lines.clear()), BadOrder::Count { what: "lines", .. }));
    let many = |offered: &mut OrderOffered| {
        let line: Ordered = offered.order.lines[0].clone();
        offered.order.lines = vec![line; MAX_LINES + 1];
    };
    assert!(matches!(wrong(&many), BadOrder::Count { count, .. } if count == MAX_LINES + 1));
    for milli in [0, -1, 2001, i64::MAX] {
        assert!(matches!(wrong(&|offered| offered.spent[0].milli = milli), BadOrder::Quantity { .. }), "{milli}");
    }
    let other_unit = wrong(&|offered| offered.spent[0].unit = Unit::Kilogram);
    assert!(matches!(other_unit, BadOrder::Quantity { .. }));
    let twice = wrong(&|offered| offered.spent = [offered.spent.clone(), offered.spent.clone()].concat());
    assert!(matches!(twice, BadOrder::Quantity { .. }));
    let accepted = |amounts: &[(u32, i64)]| {
        let amounts: Vec<_> = amounts.iter().map(|(line, milli)| Amount { line: *line, milli: *milli }).collect();
        move |offered: &mut OrderOffered| offered.accepted = amounts.clone()
    };
    for amounts in [&[(9, 1_000)][..], &[(1, 0)], &[(1, 2_001)], &[(1, 1_000), (1, 1_000)]] {
        assert!(matches!(wrong(&accepted(amounts)), BadOrder::Accepted { .. }), "{amounts:?}");
    }
}

#[test]
fn changes_travel_without_stock_movements_and_not_without_changes() {
    let advanced = |changes| OrderAdvanced {
        order: "web-1".parse().unwrap(),
        part: 1,
        at_ms: 1,
        by: commerce::Station::Headquarters.into(),
        changes,
        sale: None,
    };
    let rejected = Change::Rejected { reason: Reason::TooLate };
    assert_eq!(advanced(vec![rejected.clone()]).check(), Ok(()));
    assert!(advanced(vec![]).check().is_err());
    assert!(advanced(vec![rejected.clone(); MAX_CHANGES + 1]).check().is_err());
    let stock = Change::Stock { kind: commerce::stock::Kind::Release, lines: vec![], settled: false };
    assert!(matches!(advanced(vec![rejected, stock]).check(), Err(BadBody::Order(BadOrder::Stock { .. }))));
}

#[test]
fn a_stated_part_accounts_for_every_unit() {
    let mut stated: OrderStated =
        serde_json::from_str(include_str!("../../fixtures/v1/order.stated@plain.json")).unwrap();
    assert_eq!(stated.check(), Ok(()));
    stated.fulfilment.lines[0].units.insert(State::Ready, 1000);
    assert!(matches!(stated.check(), Err(BadBody::Order(BadOrder::Sum { line: 1, sum: 3000, quantity: 2000, .. }))));
    stated.fulfilment.lines.clear();
    assert!(stated.check().is_err());
}

#[test]
fn texts_are_bounded() {
    let order = || "web-1".parse().unwrap();
    let long = "x".repeat(MAX_TEXT + 1);
    assert!(CustomerArrived { order: order(), part: 1, bay: Some(long.clone()) }.check().is_err());
    assert!(CustomerArrived { order: order(), part: 1, bay: Some("3".into()) }.check().is_ok());
    let refused = |why| OrderTracked { order: order(), as_of_ms: 1, answer: Tracked::Refused { why } };
    assert!(refused(long).check().is_err());
    assert!(refused("no store has it".into()).check().is_ok());
}
