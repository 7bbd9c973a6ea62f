use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    actor::{Actor, Station},
    basket::Basket,
    ids::{BasketId, BusinessDay, SaleId},
    line::{NewLine, What},
    money::Currency,
    particulars::Particulars,
    quantity::Quantity,
    receipt::ReceiptNumber,
    sale::{Sale, Stamp},
    tender::Tender,
};

const LIMIT: Minor = Minor::literal(200);

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn register(name: &str) -> RegisterName {
    name.parse().unwrap()
}

fn cashier() -> Actor {
    Actor::register(register("till-1"))
}

fn day(day: u8) -> BusinessDay {
    BusinessDay::new(2026, 11, day).unwrap()
}

fn unattended(number: u64, register_name: &str) -> Shift {
    Shift::unattended(NewShift {
        id: ShiftId { epoch: 7, number },
        till: register_name.parse().unwrap(),
        day: (1, day(24)),
        currency: euro(),
        at_ms: 1,
        register: register(register_name),
    })
}

fn opened(float: i64) -> Shift {
    unattended(1, "till-1").open("drawer-1".parse().unwrap(), Minor::literal(float), cashier()).unwrap()
}

/// A sale of an amount, of which a part is paid by coupon and the rest in cash with a note.
fn sale(shift: &Shift, register_name: &str, sequence: u64, amount: i64, coupon: i64, note: i64) -> Sale {
    let mut basket = Basket::open(BasketId(1), register(register_name), None, euro(), 1, None, None).unwrap();
    let line = NewLine {
        what: What::NotOnFile { sku: None, gtin: None, description: "Bread".into() },
        quantity: Quantity::pieces(1).unwrap(),
        keyed: Some((Minor::literal(amount), "scale is broken".into())),
        discounts: vec![],
        particulars: Particulars::default(),
    };
    basket.add_line(line).unwrap();
    if coupon > 0 {
        basket.tender(Tender::ManufacturerCoupon { amount: Minor::literal(coupon), code: None }).unwrap();
    }
    if amount > coupon {
        basket.tender(Tender::Cash { amount: Minor::literal(amount - coupon + note) }).unwrap();
    }
    let (id, shift) = (SaleId { epoch: 7, sequence }, shift.id);
    let (receipt, business_day) = (ReceiptNumber(sequence), day(24));
    basket
        .complete(Stamp { id, receipt, receipt_prefix: None, fiscal_year: 2026, sold_at_ms: 1, business_day, shift })
        .unwrap()
}

fn counted(minor: i64) -> Count {
    let pieces = vec![
        Pieces { denomination: Minor::literal(100), pieces: u32::try_from(minor / 100).unwrap() },
        Pieces { denomination: Minor::literal(1), pieces: u32::try_from(minor % 100).unwrap() },
    ];
    Count::of(euro(), pieces, cashier(), 2).unwrap()
}

/// Sales of 1,534.35 in cash, 20.00 paid in, 31.50 paid out, 1,000.00 into the safe, after a float of 200.00.
fn worked_example() -> Shift {
    let mut shift = opened(20_000);
    for (sequence, amount) in [(1, 100_000), (2, 53_435)] {
        let sold = sale(&shift, "till-1", sequence, amount, 0, 65);
        shift.sell(&sold);
    }
    shift.move_cash(Kind::PaidIn, Minor::literal(2_000), Some("found deposit".into())).unwrap();
    shift.move_cash(Kind::PaidOut, Minor::literal(3_150), Some("window cleaner".into())).unwrap();
    shift.move_cash(Kind::SafeDrop, Minor::literal(100_000), None).unwrap();
    shift
}

#[test]
fn a_till_holds_the_sum_of_what_went_in_and_out() {
    let mut shift = worked_example();
    assert_eq!((shift.expected().get(), shift.total().cash().get()), (72_285, 153_435));
    shift.count(counted(72_035)).unwrap();
    let refused = shift.close(3, cashier(), LIMIT, false);
    assert_eq!(refused, Err(Refusal::NeedsApproval { shift: shift.id }));
    let freed = shift.close(3, Actor::console(), LIMIT, true).unwrap();
    assert_eq!(freed, [register("till-1")].into());
    let closing = shift.closing.as_ref().unwrap();
    assert_eq!((closing.difference.get(), closing.approved), (-250, true));
    assert_eq!(shift.contradiction(), None);
}

#[test]
fn a_refusal_of_a_count_never_shows_the_expected_amount() {
    let mut shift = worked_example();
    shift.count(counted(72_085)).unwrap();
    let texts = [
        shift.clone().close(3, cashier(), Minor::literal(199), false).unwrap_err().to_string(),
        shift.clone().move_cash(Kind::SafeDrop, Minor::literal(90_000), None).unwrap_err().to_string(),
    ];
    assert!(texts.iter().all(|text| !text.contains("722") && !text.contains("72085")), "{texts:?}");
    shift.close(3, cashier(), LIMIT, false).unwrap();
    assert!(!shift.closing.as_ref().unwrap().approved);
}

#[test]
fn a_sale_or_movement_after_a_count_makes_another_necessary() {
    let mut shift = opened(1_000);
    shift.count(counted(1_000)).unwrap();
    let sold = sale(&shift, "till-1", 1, 500, 0, 0);
    shift.sell(&sold);
    assert_eq!(shift.close(3, cashier(), LIMIT, false), Err(Refusal::NotCounted { shift: shift.id }));
    shift.count(counted(1_500)).unwrap();
    shift.move_cash(Kind::FloatEntry, Minor::literal(1), None).unwrap();
    assert_eq!(shift.close(3, cashier(), LIMIT, true), Err(Refusal::NotCounted { shift: shift.id }));
    shift.count(counted(1_501)).unwrap();
    shift.close(3, cashier(), Minor::ZERO, false).unwrap();
    assert_eq!((shift.counts, shift.contradiction()), (3, None));
}

type Step = fn(&mut Shift) -> Result<(), Refusal>;

/// Every command in every state: what it leads to, or nothing.
#[test]
fn every_cell_of_the_table_of_states_is_as_documented() {
    use ShiftState::{Closed, Ended, Open, Suspended};
    let second = || register("till-2");
    let steps: [(&str, Step); 7] = [
        ("join", |shift| shift.join(register("till-2"))),
        ("move", |shift| shift.move_cash(Kind::FloatEntry, Minor::literal(5), None).map(drop)),
        ("suspend", |shift| shift.suspend().map(drop)),
        ("resume", |shift| shift.resume(register("till-2"))),
        ("end", |shift| shift.end().map(drop)),
        ("count", |shift| shift.count(counted(1_000))),
        ("close", |shift| shift.close(3, cashier(), LIMIT, false).map(drop)),
    ];
    let reached = |state| {
        let mut shift = opened(1_000);
        match state {
            Open => {}
            Suspended => drop(shift.suspend().unwrap()),
            Ended => drop(shift.end().unwrap()),
            Closed => {
                shift.count(counted(1_000)).unwrap();
                shift.close(3, cashier(), LIMIT, false).unwrap();
            }
        }
        if state != Closed {
            shift.count(counted(1_000)).unwrap();
        }
        shift
    };
    let table: [(ShiftState, [Option<ShiftState>; 7]); 4] = [
        (Open, [Some(Open), Some(Open), Some(Suspended), None, Some(Ended), Some(Open), Some(Closed)]),
        (Suspended, [None, None, None, Some(Open), Some(Ended), Some(Suspended), Some(Closed)]),
        (Ended, [None, None, None, None, None, Some(Ended), Some(Closed)]),
        (Closed, [None; 7]),
    ];
    for (state, row) in table {
        for ((name, step), expected) in steps.iter().zip(row) {
            let mut shift = reached(state);
            let before = shift.clone();
            let refused = step(&mut shift).err();
            assert_eq!(refused.is_none().then_some(shift.state), expected, "{name} while {}", state.name());
            if let Some(refused) = refused {
                assert!(matches!(refused, Refusal::State { .. }), "{name} while {}: {refused}", state.name());
                assert_eq!(shift, before, "{name} while {}", state.name());
            }
        }
    }
    let mut shift = reached(Suspended);
    shift.resume(second()).unwrap();
    assert_eq!(shift.registers, [second()].into());
}

#[test]
fn cash_moves_by_amounts_that_can_be_and_with_a_reason() {
    let mut shift = opened(1_000);
    for (kind, amount, reason) in [
        (Kind::PaidIn, 100, None),
        (Kind::PaidOut, 100, Some("")),
        (Kind::PaidOut, 100, Some("a\nb")),
        (Kind::SafeDrop, 1_001, None),
        (Kind::Removal, 0, None),
        (Kind::FloatEntry, -1, None),
        (Kind::FloatEntry, 1_000_000_001, None),
    ] {
        let refused = shift.move_cash(kind, Minor::literal(amount), reason.map(Into::into));
        assert!(refused.is_err(), "{kind:?} {amount} {reason:?}");
    }
    assert_eq!(shift, opened(1_000));
    assert_eq!(shift.move_cash(Kind::SafeDrop, Minor::literal(1_000), None), Ok(None));
    assert_eq!(shift.expected(), Minor::ZERO);
}

#[test]
fn a_count_has_notes_and_coins_of_the_currency() {
    let count = |pieces: &[(i64, u32)]| {
        let pieces =
            pieces.iter().map(|(minor, pieces)| Pieces { denomination: Minor::literal(*minor), pieces: *pieces });
        Count::of(euro(), pieces.collect(), cashier(), 1).map(|count| count.total.get())
    };
    assert_eq!(count(&[]), Ok(0));
    assert_eq!(count(&[(50_000, 2), (1, 7)]), Ok(100_007));
    for wrong in [&[(0, 1)][..], &[(-5, 1)], &[(50_001, 1)], &[(100, 1), (100, 2)], &[(100, 100_001)]] {
        assert!(matches!(count(wrong), Err(Refusal::Count { .. })), "{wrong:?}");
    }
    let many: Vec<_> = (1..=41).map(|minor| (minor, 1)).collect();
    assert!(count(&many).is_err());
}

#[test]
fn a_day_of_a_person_lasts_until_a_person_closes_it() {
    let mut day_one = Day::begin(1, day(24), 1);
    let alone = unattended(1, "till-1");
    day_one.enter(&alone);
    assert!(day_one.is_turned_by(day(25)) && !day_one.is_turned_by(day(24)));
    day_one.enter(&opened(0));
    assert!(!day_one.is_turned_by(day(25)));
    assert!(matches!(day_one.close(3, Actor::console()), Err(Refusal::ShiftsOpen { shifts }) if shifts.len() == 1));
}

#[test]
fn a_shift_that_a_person_opened_is_closed_with_a_count_only() {
    let mut alone = unattended(1, "till-1");
    let sold = sale(&alone, "till-1", 1, 500, 0, 0);
    alone.sell(&sold);
    let mut taken_over = alone.clone().open("drawer-1".parse().unwrap(), Minor::literal(1_000), cashier()).unwrap();
    assert_eq!(taken_over.expected().get(), 1_500);
    assert!(taken_over.close_unattended(3, Station::Hub.into()).is_err());
    assert!(taken_over.clone().open("drawer-1".parse().unwrap(), Minor::ZERO, cashier()).is_err());
    alone.close_unattended(3, Station::Hub.into()).unwrap();
    assert_eq!(alone.closing.as_ref().unwrap().expected.get(), 500);
    assert!(alone.close_unattended(4, Station::Hub.into()).is_err());
}

#[test]
fn sums_stay_within_the_range_of_amounts() {
    let most = Minor::literal(1_000_000_000_000_000);
    assert_eq!((sum_of(most, Minor::literal(1)), sum_of(-most, -most)), (most, -most));
}

proptest! {
    /// Whatever is sold and moved on two registers: the till is what a sum by hand gives, and the day is the sum of its
    /// shifts, whose tenders are what the customers owed.
    #[test]
    fn shifts_and_days_are_the_sums_of_their_sales(
        steps in prop::collection::vec((0..8_u8, 1..50_000_i64, 0..100_i64), 1..40),
        float in 0..100_000_i64,
    ) {
        let mut open = vec![opened(float), unattended(2, "till-2")];
        let mut whole = Day::begin(1, day(24), 1);
        for shift in &open {
            whole.enter(shift);
        }
        let mut by_hand = BTreeMap::from([(1, float), (2, 0)]);
        let (mut owed, mut sales) = (0, 0);
        for (step, amount, share) in steps {
            let place = usize::from(step % 2);
            let shift = &mut open[place];
            let till = by_hand.get_mut(&shift.id.number).unwrap();
            if step < 6 {
                sales += 1;
                owed += amount;
                let (register, coupon) = (["till-1", "till-2"][place], amount * share / 100);
                let sold = sale(shift, register, sales, amount, coupon, share);
                shift.sell(&sold);
                *till += amount - coupon;
            } else {
                let kind = Kind::ALL[usize::try_from(amount).unwrap() % Kind::ALL.len()];
                let moved = shift.move_cash(kind, Minor::literal(amount), Some("because".into()));
                let holds = kind.puts_in() || amount <= *till;
                prop_assert_eq!(moved.is_ok(), holds);
                if holds {
                    *till += if kind.puts_in() { amount } else { -amount };
                }
            }
            prop_assert_eq!(shift.expected().get(), *till);
        }
        for mut shift in open {
            let expected = shift.expected();
            if shift.is_attended() {
                shift.count(counted(expected.get() + 1)).unwrap();
                shift.close(9, cashier(), LIMIT, false).unwrap();
            } else {
                shift.close_unattended(9, Station::Hub.into()).unwrap();
            }
            prop_assert_eq!(shift.contradiction(), None);
            let total = shift.total();
            prop_assert_eq!(total.tenders.values().map(|sum| sum.amount).sum::<Minor>(), total.owed);
            whole.add(&shift);
            whole.add(&shift);
        }
        whole.close(9, Actor::console()).unwrap();
        let total = whole.total();
        prop_assert_eq!((total.owed.get(), total.sales), (owed, sales));
        prop_assert_eq!((whole.shifts, whole.uncounted, whole.difference.get()), (2, 1, 1));
        prop_assert_eq!(whole.expected.get(), by_hand.values().sum::<i64>());
        let read_back: Day = serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
        prop_assert_eq!(read_back, whole);
    }
}

#[test]
fn kinds_have_the_names_of_the_api() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

#[test]
fn open_shifts_are_named() {
    let shifts = vec![ShiftId { epoch: 1, number: 2 }, ShiftId { epoch: 1, number: 3 }];
    let told = Refusal::ShiftsOpen { shifts: shifts.clone() }.to_string();
    assert_eq!(told, format!("shifts {}, {} are not closed; count and close them first", shifts[0], shifts[1]));
}

#[test]
fn takings_name_their_first_and_last_sale() {
    let of = |first_sale, last_sale| Takings { sales: 2, first_sale, last_sale, ..Takings::default() };
    let mut sum = Takings::default();
    for (more, first, last) in [(Takings::default(), 0, 0), (of(5, 6), 5, 6), (of(3, 4), 3, 6), (of(8, 9), 3, 9)] {
        sum.add(&more);
        assert_eq!((sum.first_sale, sum.last_sale), (first, last));
    }
    assert_eq!(sum.sales, 6);
}

#[test]
fn a_closed_shift_that_does_not_add_up_says_why() {
    let mut closed = opened(1_000);
    closed.count(counted(1_000)).unwrap();
    closed.close(3, cashier(), LIMIT, false).unwrap();
    let told = |change: &dyn Fn(&mut Shift)| {
        let mut shift = closed.clone();
        change(&mut shift);
        shift.contradiction().unwrap_or_default()
    };
    assert_eq!(told(&|_| {}), "");
    assert!(told(&|shift| shift.closing = None).ends_with("it is closed without a result"));
    assert!(told(&|shift| shift.state = ShiftState::Open).ends_with("it has a result, but is not closed"));
    let with = |change: fn(&mut Closing)| told(&|shift: &mut Shift| change(shift.closing.as_mut().unwrap()));
    assert!(with(|closing| closing.expected = Minor::literal(1)).ends_with("is not the sum of its parts"));
    assert!(with(|closing| closing.counted = Some(Minor::literal(1))).ends_with("is not that of its count"));
    assert_ne!(with(|closing| closing.difference = Minor::literal(1)), "");
}
