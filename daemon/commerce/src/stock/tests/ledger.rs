//! Names, sums, lines, positions and reorder points at their bounds.

use super::*;

fn line(milli: i64, from: Option<State>, to: Option<State>) -> Line {
    Line { sku: sku(0), milli, unit: Unit::Each, from, to }
}

#[test]
fn states_have_the_names_of_the_api() {
    let names = State::ALL.map(State::name);
    assert_eq!(names, ["on_hand", "reserved", "in_transit", "quarantined", "damaged"]);
    for state in State::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.name());
    }
}

#[test]
fn the_most_portions_are_summed_and_one_more_is_refused() {
    let portions = |count| (0..count).map(|_| Portion { sku: sku(0), quantity: Quantity::pieces(1).unwrap() });
    assert_eq!(sum(portions(MAX_LINES)), Ok(sums(&[(0, 400_000)])));
    assert_eq!(sum(portions(MAX_LINES + 1)), Err(Refusal::TooManyLines));
}

#[test]
fn sums_become_lines_without_zeros() {
    let lines = Line::of(sums(&[(0, 1), (1, 0), (2, -1)]), Some(State::OnHand), Some(State::Reserved));
    assert_eq!(lines, [line(1, Some(State::OnHand), Some(State::Reserved))]);
}

#[test]
fn a_line_adds_where_it_goes_and_takes_where_it_was() {
    let moved = line(3, Some(State::OnHand), Some(State::Damaged));
    let effects = State::ALL.map(|state| moved.effect(state));
    assert_eq!(effects, [-3, 0, 0, 0, 3]);
}

#[test]
fn a_refusal_that_shows_the_stock_can_be_worded_without_it() {
    let refusal = Refusal::Insufficient { sku: sku(0), available: 1250, requested: 2000, state: None };
    assert_eq!(
        refusal.to_string(),
        "not enough stock of item 818981: requested 2, available to sell 1.250; \
         reduce the quantity, or receive or count the item first"
    );
    assert_eq!(refusal.reveals_stock_of(), Some(&sku(0)));
    let hidden = refusal.without_quantity();
    assert_eq!(hidden, Refusal::InsufficientWhileCounted { sku: sku(0), requested: 2000 });
    assert_eq!(hidden.reveals_stock_of(), None);
    assert_eq!(Refusal::NoLines.without_quantity(), Refusal::NoLines);
}

#[test]
fn thousandths_read_as_a_decimal_number() {
    let read = [0, 1, -1, 45, 1000, -1000, 1250, -11_066].map(exact);
    assert_eq!(read, ["0", "0.001", "-0.001", "0.045", "1", "-1", "1.250", "-11.066"]);
}

#[test]
fn a_stored_position_leaves_out_what_is_usual() {
    let empty = Position::empty(each(0), Rule::BelowZero);
    let stored = serde_json::to_string(&empty).unwrap();
    assert_eq!(stored, r#"{"sku":"818981","unit":"each"}"#);
    assert_eq!(serde_json::from_str::<Position>(&stored).unwrap(), empty);
    let kept = Position { on_hand: -1, damaged: 2, ..Position::empty(each(0), Rule::ToZero) };
    let stored = serde_json::to_string(&kept).unwrap();
    assert_eq!(stored, r#"{"sku":"818981","unit":"each","on_hand":-1,"damaged":2,"rule":"to_zero"}"#);
    assert_eq!(serde_json::from_str::<Position>(&stored).unwrap(), kept);
}

#[test]
fn stock_set_aside_before_tracking_ended_still_moves() {
    let mut position = Position { reserved: 1000, in_transit: 1000, ..Position::empty(each(0), Rule::Untracked) };
    assert_eq!(position.apply(Kind::Arrival, &line(1000, Some(State::InTransit), None), false), Ok(true));
    assert_eq!(position.apply(Kind::Sale, &line(1000, Some(State::Reserved), None), false), Ok(true));
    assert_eq!(position, Position::empty(each(0), Rule::Untracked));
    let more = position.apply(Kind::Sale, &line(1, Some(State::Reserved), None), false);
    let state = Some(State::Reserved);
    assert_eq!(more, Err(Refusal::Insufficient { sku: sku(0), available: 0, requested: 1, state }));
}

#[test]
fn untracked_items_only_come_and_go() {
    for kind in Kind::ALL {
        let passes = [Kind::Sale, Kind::Return, Kind::Receipt, Kind::TransferIn, Kind::Count].contains(&kind);
        for (from, to) in [(Some(State::OnHand), None), (None, Some(State::OnHand))] {
            let mut position = Position::empty(each(0), Rule::Untracked);
            let expected = if passes { Ok(false) } else { Err(Refusal::Untracked { sku: sku(0) }) };
            assert_eq!(position.apply(kind, &line(1000, from, to), false), expected, "{kind:?}");
        }
    }
}

fn movement(kind: Kind, milli: i64) -> Movement {
    let (from, to) = if kind == Kind::Sale { (Some(State::OnHand), None) } else { (None, Some(State::OnHand)) };
    let by = Actor::register("till-1".parse().unwrap());
    Movement { number: 1, kind, reference: "1-1".into(), at_ms: 0, by, lines: vec![line(milli, from, to)] }
}

#[test]
fn demand_is_what_was_sold_less_what_came_back() {
    let mut demand = Demand::default();
    assert_eq!(demand.of(&sku(0), Unit::Each), 0);
    for (kind, milli) in [(Kind::Sale, 5000), (Kind::Sale, 2000), (Kind::Return, 3000), (Kind::Receipt, 9000)] {
        demand.count(&movement(kind, milli));
    }
    assert_eq!((demand.of(&sku(0), Unit::Each), demand.of(&sku(0), Unit::Kilogram)), (4000, 0));
    demand.count(&movement(Kind::Return, 6000));
    assert_eq!(demand.of(&sku(0), Unit::Each), 0, "never negative");
    demand.count(&movement(Kind::Sale, 3000));
    assert_eq!(demand.of(&sku(0), Unit::Each), 1000, "what came back too much still counts");
}

#[test]
fn a_suggestion_says_what_it_was_made_of() {
    let pieces = |count| Quantity::pieces(count).unwrap();
    let policy = Policy::new(sku(0), Rule::BelowZero, pieces(4), pieces(6), (3, 7)).unwrap();
    let position = Position { on_hand: 2000, ..Position::empty(each(0), Rule::BelowZero) };
    let found = reorder::suggest(&policy, Some(Unit::Each), &position, 1000, 28_000).unwrap();
    let expected = Suggestion {
        sku: sku(0),
        unit: Unit::Each,
        on_hand: 2000,
        announced: 1000,
        demand_28_days: 28_000,
        reorder_point: 7000,
        order: 12_000,
        sold_by: None,
    };
    assert_eq!(found, expected);
    let untracked = Policy { rule: Rule::Untracked, ..policy };
    assert_eq!(reorder::suggest(&untracked, Some(Unit::Kilogram), &position, 1000, 28_000), None);
}

#[test]
fn a_policy_is_within_its_bounds() {
    let kilograms = |milli| Quantity::new(milli, Unit::Kilogram).unwrap();
    let policy = |safety, pack, days| Policy::new(sku(0), Rule::ToZero, kilograms(safety), kilograms(pack), days);
    assert!(policy(0, 1, (policy::MAX_DAYS, policy::MAX_DAYS)).is_ok());
    for (field, days) in [("lead_time_days", (366, 0)), ("cover_days", (0, 366))] {
        assert_eq!(policy(0, 1, days), Err(Refusal::OutOfRange { field, range: "must be at most 365" }));
    }
    assert_eq!(policy(0, 0, (0, 0)), Err(Refusal::OutOfRange { field: "pack", range: "must be greater than zero" }));
    assert_eq!(
        Policy::new(sku(0), Rule::ToZero, Quantity::pieces(1).unwrap(), kilograms(1), (0, 0)),
        Err(Refusal::WrongUnit { sku: sku(0), kept: Unit::Kilogram, asked: Unit::Each })
    );
    let policy = policy(0, 1, (0, 0)).unwrap();
    assert_eq!(policy.outdated(Some(Unit::Each)), Some(Unit::Each));
    assert_eq!((policy.outdated(Some(Unit::Kilogram)), policy.outdated(None)), (None, None));
}
