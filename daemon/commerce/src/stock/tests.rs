mod documents;
mod ledger;

use std::collections::HashMap;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const ITEMS: [&str; 3] = ["818981", "948640", "4011"];

fn sku(index: usize) -> Sku {
    ITEMS[index].parse().unwrap()
}

fn each(item: usize) -> Place {
    (sku(item), Unit::Each)
}

fn sums(of: &[(usize, i64)]) -> Sums {
    of.iter().map(|(item, milli)| (each(*item), *milli)).collect()
}

fn decided(item: usize, decision: Decision, variance: i64) -> Decided {
    Decided { sku: sku(item), decision, variance }
}

fn states() -> Vec<Option<State>> {
    State::ALL.into_iter().map(Some).chain([None]).collect()
}

#[test]
fn every_cell_of_the_table_of_kinds() {
    use State::{Damaged, InTransit, OnHand, Quarantined, Reserved};
    let cells = [
        (Kind::Sale, vec![(Some(OnHand), None), (Some(Reserved), None)]),
        (Kind::Return, vec![(None, Some(OnHand)), (None, Some(Quarantined)), (None, Some(Damaged))]),
        (Kind::Receipt, vec![(None, Some(OnHand)), (None, Some(Quarantined)), (None, Some(Damaged))]),
        (Kind::TransferIn, vec![(None, Some(OnHand)), (None, Some(Quarantined)), (None, Some(Damaged))]),
        (Kind::TransferOut, vec![(Some(OnHand), Some(InTransit))]),
        (Kind::Arrival, vec![(Some(InTransit), None)]),
        (Kind::Shortfall, vec![(Some(InTransit), None)]),
        (Kind::Count, vec![(Some(OnHand), None), (None, Some(OnHand))]),
        (Kind::Damage, vec![(Some(OnHand), Some(Damaged)), (Some(Quarantined), Some(Damaged))]),
        (Kind::WriteOff, vec![(Some(Damaged), None)]),
        (Kind::Quarantine, vec![(Some(OnHand), Some(Quarantined))]),
        (Kind::Clear, vec![(Some(Quarantined), Some(OnHand))]),
        (Kind::Reservation, vec![(Some(OnHand), Some(Reserved))]),
        (Kind::Release, vec![(Some(Reserved), Some(OnHand))]),
    ];
    assert_eq!(cells.each_ref().map(|(kind, _)| *kind), Kind::ALL);
    for (kind, allowed) in cells {
        for from in states() {
            for to in states() {
                assert_eq!(kind.allows(from, to), allowed.contains(&(from, to)), "{kind:?} {from:?} {to:?}");
            }
        }
    }
}

#[test]
fn a_transfer_has_one_name_in_one_spelling() {
    let name = "1795508898800-4".parse::<transfer::Name>().unwrap();
    assert_eq!(
        (name, name.to_string().as_str()),
        (transfer::Name { epoch: 1_795_508_898_800, id: 4 }, "1795508898800-4")
    );
    for wrong in
        ["", "4", "-", "7-", "-4", " 7-4", "7-4 ", "7-04", "07-4", "+7-4", "7--4", "7-4-1", "7-99999999999999999999"]
    {
        assert!(wrong.parse::<transfer::Name>().is_err(), "{wrong:?}");
    }
    assert_eq!(
        transfer::referred(&transfer::reference("store-1", &name.to_string())),
        Some(("store-1", "1795508898800-4"))
    );
    assert_eq!(transfer::referred("4"), None);
}

#[test]
fn a_promise_keeps_the_safety_stock_and_never_goes_below_zero() {
    let mut position = Position::empty((sku(0), Unit::Each), Rule::BelowZero);
    let line = |from, to| Line { sku: sku(0), milli: 2000, unit: Unit::Each, from, to };
    position.apply(Kind::Receipt, &line(None, Some(State::OnHand)), false).unwrap();
    assert_eq!((position.available_to_sell(0), position.available_to_sell(3000)), (2000, -1000));
    let reserve = line(Some(State::OnHand), Some(State::Reserved));
    position.apply(Kind::Reservation, &reserve, false).unwrap();
    let refused = position.apply(Kind::Reservation, &reserve, false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not enough stock of item 818981: requested 2, on_hand 0; reduce the quantity, or receive or count the item \
         first"
    );
    position.apply(Kind::Sale, &line(Some(State::OnHand), None), false).unwrap();
    assert_eq!((position.on_hand, position.reserved), (-2000, 2000));
    position.rule = Rule::ToZero;
    assert!(position.apply(Kind::Sale, &line(Some(State::OnHand), None), false).is_err());
    assert_eq!(position.apply(Kind::Sale, &line(Some(State::OnHand), None), true), Ok(true), "what is paid is sold");
}

#[test]
fn an_untracked_item_can_be_sold_but_not_reserved() {
    let mut position = Position::empty((sku(0), Unit::Each), Rule::Untracked);
    let before = position.clone();
    let sale = Line { sku: sku(0), milli: 1000, unit: Unit::Each, from: Some(State::OnHand), to: None };
    assert_eq!(position.apply(Kind::Sale, &sale, false), Ok(false));
    let reserve = Line { to: Some(State::Reserved), ..sale };
    assert_eq!(position.apply(Kind::Reservation, &reserve, false), Err(Refusal::Untracked { sku: sku(0) }));
    assert_eq!(position, before);
}

#[test]
fn portions_are_summed_by_item_and_zeros_dropped() {
    let portion = |item, milli, unit| Portion { sku: sku(item), quantity: Quantity::new(milli, unit).unwrap() };
    let summed = sum([
        portion(0, 1000, Unit::Each),
        portion(1, 0, Unit::Each),
        portion(0, 2000, Unit::Each),
        portion(0, 750, Unit::Kilogram),
    ]);
    let expected = [((sku(0), Unit::Each), 3000), ((sku(0), Unit::Kilogram), 750)];
    assert_eq!(summed, Ok(expected.into_iter().collect()));
    assert_eq!(sum([portion(1, 0, Unit::Each)]), Err(Refusal::NoLines));
    assert_eq!(sum((0..=MAX_LINES).map(|_| portion(0, 1000, Unit::Each))), Err(Refusal::TooManyLines));
}

#[test]
fn a_notice_takes_more_or_less_than_announced_until_it_is_closed() {
    let source = Source::Supplier { supplier: "Dairy".into(), order: "4711".into() };
    let mut notice = Notice::new(1, source, 0, sums(&[(0, 10_000), (1, 5000)]));
    let moved =
        notice.receive(vec![(Condition::Good, sums(&[(0, 8000)])), (Condition::Damaged, sums(&[(0, 1000)]))], None);
    let delivered = moved.unwrap();
    assert_eq!(delivered.beyond, Sums::new());
    assert_eq!(
        delivered.lines.iter().map(|line| (line.milli, line.to)).collect::<Vec<_>>(),
        [(8000, Some(State::OnHand)), (1000, Some(State::Damaged))]
    );
    let delivered = notice.receive(vec![(Condition::Doubtful, sums(&[(1, 7000), (2, 1000)]))], None).unwrap();
    assert_eq!(delivered.beyond, sums(&[(1, 2000), (2, 1000)]));
    let more = vec![(Condition::Good, sums(&[(1, 500)])), (Condition::Damaged, sums(&[(0, 1500), (1, 500)]))];
    assert_eq!(
        notice.clone().receive(more, None).unwrap().beyond,
        sums(&[(0, 500), (1, 1000)]),
        "of this delivery alone"
    );
    assert_eq!(notice.lines.iter().map(NoticeLine::outstanding).collect::<Vec<_>>(), [1000, 0, 0]);
    assert_eq!((notice.lines[2].announced, notice.lines[2].doubtful), (0, 1000), "nobody announced it");
    notice.close(9).unwrap();
    let late = notice.receive(vec![(Condition::Good, sums(&[(0, 1000)]))], None);
    assert_eq!(late, Err(Refusal::Closed { document: "notice" }));
    assert_eq!(notice.lines[0].outstanding(), 1000, "what fell short stays on record");
}

#[test]
fn the_notice_of_a_transfer_can_be_reopened() {
    let source = Source::Store { store: "store-1".into(), transfer: "7-4".into() };
    let mut notice = Notice::new(1, source, 0, sums(&[(0, 10_000)]));
    let goods = || vec![(Condition::Good, sums(&[(0, 4000)]))];
    notice.receive(goods(), None).unwrap();
    let open = notice.clone();
    assert_eq!(notice.reopen(), Err(Refusal::Open { document: "notice" }));
    notice.close(9).unwrap();
    notice.reopen().unwrap();
    assert_eq!(notice, open);
    assert_eq!(notice.receive(goods(), None).unwrap().beyond, Sums::new());
    let source = Source::Supplier { supplier: "Dairy".into(), order: "4711".into() };
    let mut notice = Notice::new(1, source, 0, sums(&[(0, 10_000)]));
    notice.close(9).unwrap();
    assert_eq!((notice.reopen(), notice.closed_at_ms), (Err(Refusal::NotReopened), Some(9)));
}

#[test]
fn a_delivery_note_is_booked_once() {
    let source = Source::Supplier { supplier: "Dairy".into(), order: "4711".into() };
    let mut notice = Notice::new(1, source, 0, sums(&[(0, 10_000)]));
    let goods = || vec![(Condition::Good, sums(&[(0, 1000)]))];
    notice.receive(goods(), Some("DN 1")).unwrap();
    notice.take_note("DN 1".into(), Some(17));
    let before = notice.clone();
    for again in ["DN 1", " dn  1 "] {
        let refused = notice.receive(goods(), Some(again)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "delivery note DN 1 was already booked, as movement 17; nothing was booked now"
        );
    }
    assert_eq!(notice, before);
    notice.receive(goods(), None).unwrap();
    for note in 2..=notice::MAX_NOTES {
        notice.receive(goods(), Some(&note.to_string())).unwrap();
        notice.take_note(note.to_string(), None);
    }
    assert_eq!(notice.receive(goods(), Some("one more")), Err(Refusal::TooManyNotes));
    assert_eq!((notice.deliveries, notice.lines[0].good), (101, 101_000));
}

#[test]
fn a_reservation_goes_through_one_basket() {
    let open = || Reservation {
        id: 1,
        reference: "order-7".into(),
        by: Actor::register("till-1".parse().unwrap()),
        reserved_at_ms: 0,
        hold: false,
        state: ReservationState::Open,
        lines: Reservation::lines(sums(&[(0, 1000)])),
    };
    let mut reservation = open();
    reservation.claim(BasketId(1)).unwrap();
    assert_eq!(reservation.claim(BasketId(2)), Err(Refusal::InBasket { basket: BasketId(1) }));
    assert_eq!(reservation.release(), Err(Refusal::InBasket { basket: BasketId(1) }));
    assert!(reservation.holds());
    let mut released = open();
    released.release().unwrap();
    assert_eq!(released.claim(BasketId(1)), Err(Refusal::Closed { document: "reservation" }));
    assert!(!released.holds());
}

#[test]
fn an_item_is_counted_within_its_count_and_decided_once() {
    let mut count = Count::open(1, 100, vec![(sku(0), Unit::Each), (sku(1), Unit::Each)]).unwrap();
    let tally = |counted, at| Tally {
        counted,
        expected: 5000,
        counted_at_ms: at,
        by: Actor::register("till-1".parse().unwrap()),
        in_baskets_when_counted: 0,
    };
    let pieces = |count| Quantity::pieces(count).unwrap();
    let early = count.tally(&sku(0), pieces(3), tally(3000, 99), 200);
    assert_eq!(
        early,
        Err(Refusal::NotDuringTheCount { sku: sku(0) }),
        "before the count an earlier one may have found it"
    );
    assert!(count.tally(&sku(0), pieces(3), tally(3000, 201), 200).is_err(), "in the future");
    assert!(count.tally(&sku(2), pieces(3), tally(3000, 150), 200).is_err(), "not in this count");
    assert_eq!(count.decide(&decided(0, Decision::Approved, 0), 0), Err(Refusal::NothingToDecide { sku: sku(0) }));
    count.tally(&sku(0), pieces(3), tally(3000, 150), 200).unwrap();
    assert_eq!(count.decide(&decided(0, Decision::Rejected, -2000), 200), Ok(None));
    assert!(
        count.decide(&decided(0, Decision::Approved, -2000), 200).is_err(),
        "a rejected quantity is not approved later"
    );
    count.tally(&sku(0), pieces(4), tally(4000, 160), 200).unwrap();
    let stale = count.decide(&decided(0, Decision::Approved, -2000), 200).unwrap_err();
    assert_eq!(stale, Refusal::Recounted { sku: sku(0), seen: -2000, now: -1000 });
    assert_eq!(
        stale.to_string(),
        "item 818981 was counted again: its variance is now -1, not -2; read the variances again, then decide"
    );
    let correction = count.decide(&decided(0, Decision::Approved, -1000), 200).unwrap().unwrap();
    assert_eq!((correction.milli, correction.from, correction.to), (1000, Some(State::OnHand), None));
    assert!(count.tally(&sku(0), pieces(3), tally(3000, 170), 200).is_err(), "its variance has moved");
    assert_eq!(count.closed_at_ms, None);
    count.tally(&sku(1), pieces(5), tally(5000, 170), 200).unwrap();
    assert_eq!(count.decide(&decided(1, Decision::Approved, 0), 210), Ok(None), "nothing was wrong");
    assert_eq!(count.closed_at_ms, Some(210));
}

#[test]
fn an_order_covers_the_lead_time_and_comes_in_packs() {
    let pieces = |count| Quantity::pieces(count).unwrap();
    let policy = Policy::new(sku(0), Rule::BelowZero, pieces(4), pieces(6), (3, 7)).unwrap();
    let position = |on_hand| Position { on_hand, ..Position::empty((sku(0), Unit::Each), Rule::BelowZero) };
    // 28 in 28 days is one a day: 3 over the lead time and 4 for safety make 7; a week more makes 14.
    assert_eq!(suggest_at(&policy, &position(7000), 0, 28_000), Some((7000, 12_000)));
    assert_eq!(suggest_at(&policy, &position(7001), 0, 28_000), None);
    assert_eq!(suggest_at(&policy, &position(2000), 6000, 28_000), None, "enough is announced");
    assert_eq!(suggest_at(&policy, &position(-5000), 0, 28_000), Some((7000, 24_000)));
    let idle = Policy::new(sku(0), Rule::BelowZero, pieces(0), pieces(6), (3, 7)).unwrap();
    assert_eq!(suggest_at(&idle, &position(0), 0, 0), None, "nobody buys it");
    // The item is now sold by weight: every item with a policy is reported, regardless of its stock.
    for on_hand in [0, 90_000] {
        let found = reorder::suggest(&policy, Some(Unit::Kilogram), &position(on_hand), 0, 28_000).unwrap();
        assert_eq!((found.order, found.unit, found.sold_by), (0, Unit::Each, Some(Unit::Kilogram)));
    }
    let gone = reorder::suggest(&policy, None, &position(7000), 0, 28_000).unwrap();
    assert_eq!((gone.order, gone.sold_by), (12_000, None), "what is not on file is ordered as it was");
}

fn suggest_at(policy: &Policy, position: &Position, announced: i64, demand: i64) -> Option<(i64, i64)> {
    reorder::suggest(policy, Some(Unit::Each), position, announced, demand)
        .map(|found| (found.reorder_point, found.order))
}

/// A ledger as one would keep it on paper: a number for each item and state.
#[derive(Default)]
struct Paper(HashMap<(usize, State), i64>);

impl Paper {
    fn of(&self, item: usize, state: State) -> i64 {
        self.0.get(&(item, state)).copied().unwrap_or(0)
    }

    fn total(&self, item: usize) -> i64 {
        State::ALL.into_iter().map(|state| self.of(item, state)).sum()
    }
}

fn rule(item: usize) -> Rule {
    if item == 0 { Rule::BelowZero } else { Rule::ToZero }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn positions_are_the_sums_of_their_movements_and_the_states_part_the_stock(
        steps in vec((0..2_usize, select(Kind::ALL.to_vec()), any::<prop::sample::Index>(), 1_i64..6), 1..80)
    ) {
        let mut positions = [0, 1].map(|item| Position::empty((sku(item), Unit::Each), rule(item)));
        let mut walked = positions.clone();
        let mut paper = Paper::default();
        let cells: Vec<_> = (states().into_iter())
            .flat_map(|from| states().into_iter().map(move |to| (from, to)))
            .collect();
        for (item, kind, cell, milli) in steps {
            let allowed: Vec<_> = cells.iter().copied().filter(|(from, to)| kind.allows(*from, *to)).collect();
            let (from, to) = allowed[cell.index(allowed.len())];
            let line = Line { sku: sku(item), milli, unit: Unit::Each, from, to };
            let total = paper.total(item);
            let may = match from {
                None => true,
                Some(State::OnHand) if item == 0 && kind != Kind::Reservation => true,
                Some(state) => paper.of(item, state) >= milli,
            };
            prop_assert_eq!(positions[item].apply(kind, &line, false).is_ok(), may);
            if may {
                walked[item].add(&line);
                for (state, sign) in [(from, -1), (to, 1)] {
                    if let Some(state) = state {
                        *paper.0.entry((item, state)).or_default() += sign * milli;
                    }
                }
            }
            let outside = i64::from(may) * (i64::from(from.is_none()) - i64::from(to.is_none())) * milli;
            prop_assert_eq!(paper.total(item), total + outside);
            for item in [0, 1] {
                for state in State::ALL {
                    let there = positions[item].of(state);
                    prop_assert_eq!(there, paper.of(item, state));
                    prop_assert!(there >= 0 || (item == 0 && state == State::OnHand), "{:?} {}", state, there);
                }
            }
        }
        prop_assert_eq!(positions, walked);
    }

    #[test]
    fn arrival_and_shortfall_sum_to_what_was_sent(sent in 1_i64..50, came in 0_i64..80) {
        let mut transfer = Transfer::new("7-1".parse().unwrap(), "store-2".into(), 0, sums(&[(0, sent), (1, 7)]));
        let arrived = if came == 0 { Sums::new() } else { sums(&[(0, came)]) };
        let (there, short) = transfer.arrive(5, arrived).unwrap();
        let left: i64 = there.iter().chain(&short).map(|line| line.milli).sum();
        prop_assert_eq!(left, sent + 7);
        prop_assert_eq!(there.iter().map(|line| line.milli).sum::<i64>(), came.min(sent));
        prop_assert_eq!(transfer.lines[0].arrived, Some(came));
        prop_assert_eq!(transfer.arrive(6, Sums::new()), Err(Refusal::Closed { document: "transfer" }));
    }

    #[test]
    fn a_sale_takes_no_more_than_it_wants_from_what_is_set_aside(wanted in 0_i64..9, aside in 1_i64..9) {
        let mut want = sums(&[(0, wanted), (1, 3)]);
        let (sold, left) = reservation::take(&mut want, sums(&[(0, aside), (2, 4)]));
        let (here, there) = ((sku(0), Unit::Each), (sku(2), Unit::Each));
        prop_assert_eq!(sold[&here] + left[&here], aside);
        prop_assert_eq!(sold[&here] + want[&here], wanted);
        prop_assert!(left[&here] == 0 || want[&here] == 0);
        prop_assert_eq!((sold[&there], left[&there], want[&(sku(1), Unit::Each)]), (0, 4, 3));
    }

    /// With sales and deliveries before, between and after counting and approval, the books end at the stock on the
    /// shelf.
    #[test]
    fn a_count_is_right_whatever_is_sold_around_it(
        book in 0_i64..50, shelf in 0_i64..50, before in vec(-9_i64..9, 0..6), during in vec(-9_i64..9, 0..6),
            after in vec(-9_i64..9, 0..6)
    ) {
        let (mut position, mut truth) = (Position::empty((sku(0), Unit::Each), Rule::BelowZero), shelf);
        let mut undo = 0;
        let goods_move = |position: &mut Position, truth: &mut i64, milli: i64, undo: Option<&mut i64>| {
            let (from, to) = if milli < 0 { (Some(State::OnHand), None) } else { (None, Some(State::OnHand)) };
            let line = Line { sku: sku(0), milli: milli.abs(), unit: Unit::Each, from, to };
            position.add(&line);
            *truth += milli;
            if let Some(undo) = undo { *undo += line.effect(State::OnHand) }
        };
        position.on_hand = book;
        for milli in before { goods_move(&mut position, &mut truth, milli, None); }
        // Counted here and reported after the sales that follow.
        let counted = truth;
        for milli in during { goods_move(&mut position, &mut truth, milli, Some(&mut undo)); }
        let mut count = Count::open(1, 0, vec![(sku(0), Unit::Each)]).unwrap();
        let tally = Tally { counted, expected: position.on_hand - undo, counted_at_ms: 1,
            by: Actor::register("till-1".parse().unwrap()), in_baskets_when_counted: 0 };
        count.tally(&sku(0), Quantity::new(0, Unit::Each).unwrap(), tally, 2).unwrap();
        for milli in after { goods_move(&mut position, &mut truth, milli, None); }
        let variance = count.lines[0].tally.as_ref().unwrap().variance();
        if let Some(correction) = count.decide(&decided(0, Decision::Approved, variance), 3).unwrap() {
            prop_assert!(Kind::Count.allows(correction.from, correction.to));
            position.add(&correction);
        }
        prop_assert_eq!(position.on_hand, truth);
    }

    #[test]
    fn an_order_exceeds_the_reorder_point_in_whole_packs(
        on_hand in -500_i64..500, announced in 0_i64..500, demand in 0_i64..5000, lead in 0_u16..60,
            cover in 0_u16..60, safety in 0_u32..200, pack in 1_u32..40
    ) {
        let pieces = |count| Quantity::pieces(count).unwrap();
        let policy = Policy::new(sku(0), Rule::ToZero, pieces(safety), pieces(pack), (lead, cover)).unwrap();
        let position = Position { on_hand: on_hand * 1000, ..Position::empty((sku(0), Unit::Each), Rule::ToZero) };
        let there = (on_hand + announced) * 1000;
        // The exact point, times 28, so that the test does not round.
        let exact = i128::from(demand) * 1000 * i128::from(lead) + i128::from(safety) * 28_000;
        let covered = exact + i128::from(demand) * 1000 * i128::from(cover);
        match reorder::suggest(&policy, Some(Unit::Each), &position, announced * 1000, demand * 1000) {
            Some(found) => {
                prop_assert_eq!(found.order % policy.pack, 0);
                prop_assert!(i128::from(there) * 28 <= exact + 27);
                let lifted = i128::from(there + found.order) * 28;
                prop_assert!(lifted >= covered);
                prop_assert!(i128::from(there + found.order - policy.pack) * 28 <= covered + 56);
            }
            None => prop_assert!(i128::from(there) * 28 > exact || i128::from(there) * 28 >= covered),
        }
    }
}
