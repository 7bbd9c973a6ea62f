//! Notices, transfers, reservations and counts at their bounds.

use super::*;

/// As many items as are asked for, beside those of [`ITEMS`].
fn many(count: usize) -> impl Iterator<Item = Sku> {
    (0..count).map(|item| format!("M{item}").parse().unwrap())
}

fn notice() -> Notice {
    let source = Source::Supplier { supplier: "Dairy".into(), order: "4711".into() };
    Notice::new(7, source, 0, sums(&[(0, 10_000)]))
}

#[test]
fn a_delivery_refers_to_its_notice_or_to_the_transfer_of_both_stores() {
    let source = Source::Store { store: "store-1".into(), transfer: "9-4".into() };
    let transfer = Notice::new(7, source, 0, sums(&[(0, 10_000)]));
    assert_eq!((notice().source.kind(), notice().reference().as_str()), (Kind::Receipt, "7"));
    assert_eq!((transfer.source.kind(), transfer.reference().as_str()), (Kind::TransferIn, "store-1/9-4"));
}

#[test]
fn an_item_by_another_unit_has_its_own_line_in_a_notice() {
    let mut notice = notice();
    let by_weight: Sums = [((sku(0), Unit::Kilogram), 500)].into_iter().collect();
    let delivered = notice.receive(vec![(Condition::Good, by_weight.clone())], None).unwrap();
    assert_eq!(delivered.beyond, by_weight);
    let came: Vec<_> = notice.lines.iter().map(|line| (line.unit, line.announced, line.good)).collect();
    assert_eq!(came, [(Unit::Each, 10_000, 0), (Unit::Kilogram, 0, 500)]);
}

#[test]
fn a_notice_has_as_many_lines_as_a_document() {
    let announced: Sums = many(MAX_LINES - 1).map(|sku| ((sku, Unit::Each), 1000)).collect();
    let source = Source::Supplier { supplier: "Dairy".into(), order: "4711".into() };
    let mut notice = Notice::new(1, source, 0, announced);
    notice.receive(vec![(Condition::Good, sums(&[(0, 1000)]))], None).unwrap();
    notice.receive(vec![(Condition::Good, sums(&[(0, 1000)]))], None).unwrap();
    let one_more = notice.receive(vec![(Condition::Good, sums(&[(1, 1000)]))], None);
    assert_eq!((one_more, notice.lines.len()), (Err(Refusal::TooManyLines), MAX_LINES));
}

#[test]
fn lines_that_moved_no_stock_say_so() {
    let mut notice = notice();
    let by_weight: Sums = [((sku(0), Unit::Kilogram), 500)].into_iter().collect();
    let goods = vec![(Condition::Good, sums(&[(0, 3000), (1, 2000)])), (Condition::Good, by_weight)];
    let delivered = notice.receive(goods, None).unwrap();
    notice.not_tracked(delivered.lines.iter().filter(|line| line.sku == sku(0)));
    notice.not_tracked(delivered.lines.iter().filter(|line| line.unit == Unit::Kilogram));
    let untracked: Vec<_> = notice.lines.iter().map(|line| line.untracked).collect();
    assert_eq!(untracked, [3000, 0, 1000]);
    let stored = serde_json::to_value(&notice.lines).unwrap();
    assert_eq!((stored[0].get("untracked"), stored[1].get("untracked")), (Some(&3000.into()), None));
}

#[test]
fn a_closed_notice_is_not_closed_again() {
    let mut notice = notice();
    notice.close(9).unwrap();
    assert_eq!(notice.close(10), Err(Refusal::Closed { document: "notice" }));
    assert_eq!(notice.closed_at_ms, Some(9));
}

#[test]
fn delivery_notes_are_compared_without_blanks_and_capitals() {
    assert_eq!(notice::folded(" Dn \t 4711 "), "dn 4711");
    assert_ne!(notice::folded("DN 4711"), notice::folded("DN4711"));
}

#[test]
fn a_transfer_is_under_way_until_its_arrival_is_confirmed() {
    let name = "7-4".parse::<transfer::Name>().unwrap();
    let mut transfer = Transfer::new(name, "store-2".into(), 3, sums(&[(0, 5000), (1, 2000)]));
    assert_eq!((transfer.id, transfer.transfer.as_str(), transfer.dispatched_at_ms), (4, "7-4", 3));
    assert_eq!(transfer.sent(), sums(&[(0, 5000), (1, 2000)]));
    let stray = transfer.clone().arrive(5, sums(&[(2, 1000)]));
    assert_eq!(stray, Err(Refusal::NoSuchItem { sku: sku(2), document: "transfer" }));
    assert!(transfer.is_under_way());
    let (there, short) = transfer.arrive(5, sums(&[(0, 4000), (1, 3000)])).unwrap();
    let leaves = |of| Line::of(sums(of), Some(State::InTransit), None);
    assert_eq!((there, short), (leaves(&[(0, 4000), (1, 2000)]), leaves(&[(0, 1000)])));
    assert_eq!((transfer.is_under_way(), transfer.arrived_at_ms), (false, Some(5)));
}

#[test]
fn a_transfers_name_is_text_in_json() {
    let name = transfer::Name { epoch: 7, id: 4 };
    assert_eq!(serde_json::to_string(&name).unwrap(), r#""7-4""#);
    assert_eq!(serde_json::from_str::<transfer::Name>(r#""7-4""#).unwrap(), name);
    assert!(serde_json::from_str::<transfer::Name>(r#""7-04""#).is_err());
}

#[test]
fn a_sold_reservation_is_over() {
    let mut reservation = Reservation {
        id: 1,
        reference: "order-7".into(),
        by: Actor::console(),
        reserved_at_ms: 0,
        hold: false,
        state: ReservationState::Open,
        lines: Reservation::lines(sums(&[(0, 1000), (1, 2000)])),
    };
    assert_eq!(reservation.sums(), sums(&[(0, 1000), (1, 2000)]));
    assert!(reservation.holds());
    reservation.state = ReservationState::Sold { sale: "1-77".parse().unwrap() };
    assert!(!reservation.holds());
    let closed = Err(Refusal::Closed { document: "reservation" });
    assert_eq!((reservation.claim(BasketId(1)), reservation.release()), (closed.clone(), closed));
}

#[test]
fn a_count_has_one_to_the_maximum_of_items_each_once() {
    let open = |items: Vec<Place>| Count::open(1, 0, items);
    let items = |count| many(count).map(|sku| (sku, Unit::Each)).collect();
    assert_eq!(open(items(MAX_LINES)).unwrap().lines.len(), MAX_LINES);
    assert_eq!(open(items(MAX_LINES + 1)), Err(Refusal::TooManyLines));
    assert_eq!(open(vec![]), Err(Refusal::NoLines));
    assert_eq!(open(vec![each(0), each(1), (sku(0), Unit::Kilogram)]), Err(Refusal::Twice { sku: sku(0) }));
}

#[test]
fn a_quantity_is_counted_from_the_counts_opening_until_now() {
    let count = Count::open(1, 100, vec![each(0)]).unwrap();
    let at = |moment| count.may_tally(&sku(0), Quantity::pieces(1).unwrap(), moment, 200);
    assert_eq!((at(100), at(200)), (Ok(()), Ok(())));
    for moment in [99, 201] {
        assert_eq!(at(moment), Err(Refusal::NotDuringTheCount { sku: sku(0) }));
    }
    let by_weight = count.may_tally(&sku(0), Quantity::new(1, Unit::Kilogram).unwrap(), 150, 200);
    assert_eq!(by_weight, Err(Refusal::WrongUnit { sku: sku(0), kept: Unit::Each, asked: Unit::Kilogram }));
}

#[test]
fn a_surplus_comes_in_and_a_count_is_closed_once() {
    let mut count = Count::open(1, 0, vec![each(0), each(1)]).unwrap();
    for item in [0, 1] {
        let by = Actor::console();
        let tally = Tally { counted: 3000, expected: 1000, counted_at_ms: 1, by, in_baskets_when_counted: 0 };
        count.tally(&sku(item), Quantity::pieces(3).unwrap(), tally, 2).unwrap();
    }
    let correction = count.decide(&decided(0, Decision::Approved, 2000), 3).unwrap();
    assert_eq!(correction, Line::of(sums(&[(0, 2000)]), None, Some(State::OnHand)).pop());
    let stray = count.decide(&decided(2, Decision::Approved, 2000), 3);
    assert_eq!(stray, Err(Refusal::NoSuchItem { sku: sku(2), document: "count" }));
    assert_eq!((count.decide(&decided(1, Decision::Rejected, 2000), 3), count.closed_at_ms), (Ok(None), None));
    count.close(4).unwrap();
    let closed = Refusal::Closed { document: "count" };
    assert_eq!(count.close(5), Err(closed.clone()));
    assert_eq!(count.decide(&decided(1, Decision::Approved, 2000), 5), Err(closed));
    assert_eq!(count.closed_at_ms, Some(4));
}
