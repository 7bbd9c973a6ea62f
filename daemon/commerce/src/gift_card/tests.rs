//! Numbers, and random histories of hubs and HQ with messages that are lost, repeated and late.

use proptest::prelude::*;

use super::*;
use crate::money::Minor;

#[test]
fn every_wrong_digit_and_every_exchange_of_neighbours_is_found() {
    let number = CardNumber::from_random(*b"0123456789abcdef");
    assert_eq!(number.as_str().parse(), Ok(number.clone()));
    assert_eq!(format!("{number:?}"), number.masked());
    let digits = number.as_str().as_bytes();
    for place in 0..digits.len() {
        for digit in (b'0'..=b'9').filter(|digit| *digit != digits[place]) {
            let mut wrong = digits.to_vec();
            wrong[place] = digit;
            assert!(String::from_utf8(wrong).unwrap().parse::<CardNumber>().is_err());
        }
        if place > 0 && digits[place] != digits[place - 1] {
            let mut wrong = digits.to_vec();
            wrong.swap(place, place - 1);
            assert!(String::from_utf8(wrong).unwrap().parse::<CardNumber>().is_err());
        }
    }
    for wrong in ["", "1", "0000000000000000000a", "999999999999999999999"] {
        assert!(wrong.parse::<CardNumber>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_number_has_its_check_digits_and_is_no_payment_card(bytes: [u8; 16]) {
        let number = CardNumber::from_random(bytes);
        prop_assert_eq!(number.as_str().parse(), Ok(number.clone()));
        prop_assert!(!crate::card_data::holds_card_data(number.as_str()));
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A customer at a hub.
    Book(usize, MovementKind, i64),
    /// A hub reports its totals; the report is on its way.
    Report(usize),
    /// A hub asks HQ to hold an amount.
    Ask(usize, i64),
    /// A message on its way arrives; it may arrive again later.
    Arrive(usize),
    /// A message is lost.
    Lose(usize),
    /// The web shop redeems at HQ.
    Web(i64),
    /// A hub begins a new epoch with the state of a backup, or with nothing.
    Restore(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = prop_oneof![
        Just(MovementKind::Load),
        Just(MovementKind::Redeem),
        Just(MovementKind::Redeem),
        Just(MovementKind::GiveBack),
        Just(MovementKind::Return),
        Just(MovementKind::Unload),
    ];
    prop_oneof![
        6 => (0..3_usize, kinds, 1..500_i64).prop_map(|(hub, kind, amount)| Step::Book(hub, kind, amount)),
        4 => (0..3_usize).prop_map(Step::Report),
        4 => (0..3_usize, 1..900_i64).prop_map(|(hub, amount)| Step::Ask(hub, amount)),
        8 => (0..64_usize).prop_map(Step::Arrive),
        2 => (0..64_usize).prop_map(Step::Lose),
        2 => (1..300_i64).prop_map(Step::Web),
        1 => (0..3_usize, any::<bool>()).prop_map(|(hub, backup)| Step::Restore(hub, backup)),
    ]
}

/// A message on its way.
#[derive(Clone, Debug)]
enum Message {
    Report(usize, Totals),
    Ask { hub: usize, epoch: u64, wanted: i64 },
    Granted { hub: usize, epoch: u64, granted: i64 },
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn balance_and_escrow_are_never_overspent(steps in proptest::collection::vec(step(), 1..120)) {
        let (mut hubs, mut backups) = ([Held::default(); 3], [Held::default(); 3]);
        for (place, hub) in hubs.iter_mut().enumerate() {
            hub.totals.epoch = place as u64 + 1;
        }
        let mut next_epoch = 10;
        let mut hq = Account { own: 1_000, hubs: Vec::new() };
        let mut on_their_way: Vec<Message> = Vec::new();
        // What really happened, over all epochs.
        let (mut loaded, mut spent) = (1_000_i64, 0_i64);
        for step in steps {
            match step {
                Step::Book(hub, kind, amount) => {
                    if hubs[hub].book(kind, Minor::literal(amount)).is_ok() {
                        if kind.is_in() {
                            loaded += amount;
                        } else if kind != MovementKind::Return {
                            spent += amount;
                        }
                    }
                }
                Step::Report(hub) => on_their_way.push(Message::Report(hub, hubs[hub].totals)),
                Step::Ask(hub, amount) => {
                    let wanted = hubs[hub].wanted(Minor::literal(amount));
                    on_their_way.push(Message::Ask { hub, epoch: hubs[hub].totals.epoch, wanted });
                }
                Step::Arrive(place) if !on_their_way.is_empty() => {
                    let message = on_their_way[place % on_their_way.len()].clone();
                    match message {
                        Message::Report(hub, totals) => hq.receive(hub, &totals),
                        Message::Ask { hub, epoch, wanted } => {
                            let granted = hq.grant(hub, epoch, wanted);
                            on_their_way.push(Message::Granted { hub, epoch, granted });
                        }
                        Message::Granted { hub, epoch, granted } => hubs[hub].receive(epoch, granted),
                    }
                }
                Step::Lose(place) if !on_their_way.is_empty() => {
                    let place = place % on_their_way.len();
                    on_their_way.swap_remove(place);
                }
                Step::Arrive(_) | Step::Lose(_) => {}
                Step::Web(amount) => {
                    if hq.redeem(Minor::literal(amount)).is_ok() {
                        spent += amount;
                    }
                }
                Step::Restore(hub, from_backup) => {
                    let kept = if from_backup { backups[hub] } else { Held::default() };
                    backups[hub] = hubs[hub];
                    next_epoch += 1;
                    hubs[hub] = kept.in_epoch(next_epoch);
                    prop_assert_eq!(hubs[hub].available(), Minor::ZERO, "the escrow of an earlier epoch is void");
                }
            }
            prop_assert!(spent <= loaded, "spent {spent} of {loaded}");
            prop_assert!(hq.free() >= 0, "HQ granted more than was free: {hq:?}");
            prop_assert!(hubs.iter().all(|hub| hub.totals.held() >= 0));
            let held: i64 = hubs.iter().map(|hub| hub.totals.held()).sum();
            prop_assert!(held + hq.free() + spent <= loaded, "money is in one place");
        }
        // Once every hub has reported, HQ's balance is what is left, if no store lost its disk.
        if next_epoch == 10 {
            for (place, hub) in hubs.iter().enumerate() {
                hq.receive(place, &hub.totals);
            }
            prop_assert_eq!(hq.balance(), loaded - spent);
            let asked = hq.free();
            prop_assert_eq!(hq.grant(0, hubs[0].totals.epoch, hubs[0].totals.granted + asked) >= 0, true);
        }
    }
}

#[test]
fn only_the_last_four_digits_are_shown() {
    let number = CardNumber::from_random(*b"0123456789abcdef");
    let digits = number.as_str().to_owned();
    assert_eq!(number.masked(), format!("*{}", &digits[16..]));
    assert_eq!(format!("{number:?}"), number.masked());
    assert_eq!(serde_json::to_value(&number).unwrap(), digits, "records have all of it");
    assert_eq!(serde_json::from_value::<CardNumber>(digits.into()).unwrap(), number);
}

#[test]
fn kinds_have_the_names_of_the_api_and_titles_for_receipts() {
    use MovementKind::{GiveBack, Load, Redeem, Refund, Return, Unload};

    let kinds = [CardKind::GiftCard, CardKind::StoreCredit, CardKind::LoyaltyPoints];
    assert_eq!(kinds.map(CardKind::title), ["Gift card", "Store credit", "Points"]);
    for kind in kinds {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    for kind in [Load, Redeem, GiveBack, Refund, Unload, Return] {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

#[test]
fn a_hub_asks_for_what_it_lacks() {
    let mut hub = Held::default().in_epoch(3);
    assert_eq!(hub.totals, Totals { epoch: 3, ..Totals::default() });
    hub.receive(2, 500);
    assert_eq!(hub.totals.granted, 0, "for an earlier epoch");
    hub.receive(3, 100);
    hub.book(MovementKind::Redeem, Minor::literal(30)).unwrap();
    assert_eq!(hub.available(), Minor::literal(70));
    assert_eq!([50, 70, 90].map(|amount| hub.wanted(Minor::literal(amount))), [100, 100, 120]);
    hub.book(MovementKind::Return, Minor::literal(20)).unwrap();
    hub.book(MovementKind::Return, Minor::literal(10)).unwrap();
    assert_eq!((hub.totals.returned, hub.available()), (30, Minor::literal(40)));
    assert_eq!(hub.in_epoch(3), hub);
    assert_eq!(hub.in_epoch(4).totals, Totals { epoch: 4, ..Totals::default() }, "what it held is void");
}

#[test]
fn hq_grants_up_to_a_total() {
    let mut card = Account { own: 100, hubs: vec![] };
    assert_eq!(card.grant("north", 1, 20), 20);
    assert_eq!(card.grant("north", 1, 50), 50, "30 more");
    assert_eq!((card.free(), card.grant("north", 1, 10)), (50, 50), "a total never shrinks");
    assert_eq!((card.grant("south", 1, 80), card.free()), (50, 0), "no more than is free");
}

#[test]
fn what_is_loaded_is_held() {
    let mut hub = Held::default();
    for kind in [MovementKind::Load, MovementKind::GiveBack, MovementKind::Refund] {
        hub.book(kind, Minor::literal(50)).unwrap();
    }
    hub.book(MovementKind::Unload, Minor::literal(20)).unwrap();
    assert_eq!((hub.totals.loaded, hub.totals.spent, hub.available()), (150, 20, Minor::literal(130)));
}

#[test]
fn hq_redeems_what_is_free() {
    let mut card = Account::<&str> { own: 100, hubs: vec![] };
    for amount in [0, -1, 101] {
        assert_eq!(card.redeem(Minor::literal(amount)), Err(Overspent { held: 100, requested: amount }));
    }
    assert_eq!((card.redeem(Minor::literal(100)), card.free()), (Ok(()), 0));
}
