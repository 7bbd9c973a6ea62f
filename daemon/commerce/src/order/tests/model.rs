//! Random valid and invalid commands in a store with separate stock books: the books and the fulfilment always agree.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::stock::{Condition, Kind as Movement, Position, Rule as Keeping, State as Where};

/// One random command: kind, line, quantity, picker, and a flag.
type Act = (u8, u8, i64, u8, bool);

const ITEMS: [&str; 4] = ["1", MILK, SALMON, OAT_MILK];

fn unit_of(item: &str) -> Unit {
    if item == SALMON { Unit::Kilogram } else { Unit::Each }
}

fn kinds() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&Kind::ALL[..])
}

fn command((what, line, amount, who, coin): Act, desk: &Desk) -> Command {
    let lines = &desk.fulfilment.lines;
    let number = lines[usize::from(line) % lines.len()].ordered.number;
    let ordered = lines[usize::from(line) % lines.len()].ordered.clone();
    let picker = picker(if who == 0 { "ann" } else { "ben" });
    let milli = if ordered.quantity.unit() == Unit::Each { amount * 1000 } else { amount * 330 };
    let quantity = Quantity::new(milli, ordered.quantity.unit()).unwrap();
    let of = |milli| vec![Amount { line: number, milli }];
    let part = if coin { of(milli) } else { vec![] };
    match what {
        0 => Command::Accept,
        1 => Command::Reject { amounts: part, reason: Reason::NoCapacity },
        2 | 3 => Command::Claim { picker, lines: vec![number] },
        4 => Command::Unclaim { picker, line: number },
        5..=7 => Command::Pick { picker, line: number, scanned: ordered.sku, quantity },
        8 => Command::Short { picker, line: number },
        9 => Command::Substitute {
            picker,
            line: number,
            with: Substitute {
                sku: sku(OAT_MILK),
                description: "Oat milk".into(),
                price: Price { minor: Minor::literal(amount * 100), per: Unit::Each },
                zone: Zone::Chilled,
                minimum_age: 0,
            },
            quantity: count(u32::try_from(amount).unwrap()),
        },
        10 | 11 => pack(&[(number, desk.of(number, State::Picked))], ordered.zone),
        12 => Command::MakeReady,
        13 => Command::Arrive { bay: None },
        14 | 15 => {
            let open = desk.fulfilment.line(number).unwrap();
            let taken = if coin { open.open() } else { milli };
            let paid = desk.fulfilment.due(&of(taken));
            Command::HandOver(Handover {
                checked: of(taken).into_iter().map(|amount| Checked { amount, scanned: None }).collect(),
                proof: Proof::Document,
                age_checked: Some(18),
                paid,
                partial: true,
            })
        }
        16 => Command::Ship { amounts: of(milli), tracking: None },
        17 => Command::Cancel { amounts: part },
        18 => Command::PutBack {
            amount: Amount { line: number, milli },
            condition: if coin { Condition::Good } else { Condition::Damaged },
        },
        _ => Command::Tick,
    }
}

struct Books(BTreeMap<&'static str, Position>, BTreeMap<&'static str, i64>);

impl Books {
    fn new(on_hand: i64) -> Self {
        let of = |item: &'static str| {
            let mut position = Position::empty((sku(item), unit_of(item)), Keeping::ToZero);
            position.on_hand = pieces(on_hand);
            (item, position)
        };
        Self(ITEMS.into_iter().map(of).collect(), BTreeMap::new())
    }

    /// Books the movements of a decision; none may be refused.
    fn book(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Stock { kind, lines, settled } = change else { continue };
            for line in lines {
                let (item, position) =
                    self.0.iter_mut().find(|(item, _)| **item == line.sku.as_str()).expect("an item of the store");
                assert!(kind.allows(line.from, line.to), "{kind:?} {line:?}");
                assert_eq!(position.apply(*kind, line, *settled), Ok(true), "{kind:?} {line:?} {position:?}");
                if matches!(kind, Movement::Sale | Movement::TransferOut) {
                    *self.1.entry(*item).or_default() += line.milli;
                }
            }
        }
    }

    fn agree_with(&self, fulfilment: &Fulfilment, began_with: i64) {
        for (item, position) in &self.0 {
            let of_item = |of: &dyn Fn(State) -> bool| -> i64 {
                let lines = fulfilment.lines.iter().filter(|line| line.ordered.sku.as_str() == *item);
                lines.map(|line| line.sum(of)).sum()
            };
            assert_eq!(position.reserved, of_item(&State::is_open), "{item}");
            let gone = of_item(&|state| matches!(state, State::HandedOver | State::Shipped));
            assert_eq!(self.1.get(item).copied().unwrap_or(0), gone, "{item}");
            let here: i64 = [Where::OnHand, Where::Reserved, Where::Quarantined, Where::Damaged]
                .into_iter()
                .map(|state| position.of(state))
                .sum();
            assert_eq!(here + gone, pieces(began_with), "{item}");
        }
        let held: i64 = fulfilment.held().values().sum();
        assert_eq!(held, self.0.values().map(|position| position.reserved).sum::<i64>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn units_stock_and_money_agree_whatever_is_asked(
        kind in kinds(),
        auto_accept in any::<bool>(),
        choice in 0..3_u8,
        on_hand in 0..6_i64,
        acts in vec((0..20_u8, 0..4_u8, 1..4_i64, 0..2_u8, any::<bool>()), 0..80),
    ) {
        let mut order = order(kind, vec![ordered(1, "1", 3), ordered(2, MILK, 2), ordered(3, SALMON, 1)]);
        order.lines[1].substitution = match choice {
            0 => Substitution::Any,
            1 => Substitution::CancelOrder,
            _ => Substitution::Chosen { substitute: sku(OAT_MILK) },
        };
        let mut books = Books::new(on_hand);
        let available = books.0.iter().map(|(item, position)| ((sku(item), unit_of(item)), position.on_hand)).collect();
        let mut desk =
            Desk::with(&order, &all_of(&order), &available, Policy { auto_accept, ..Policy::default() });
        books.book(&desk.changes);
        books.agree_with(&desk.fulfilment, on_hand);
        for (turn, act) in acts.into_iter().enumerate() {
            desk.now_ms += i64::from(act.0) * MINUTE + HOUR * i64::from(turn % 7 == 0);
            let Ok(changes) = desk.decide(command(act, &desk)) else { continue };
            desk.follow(changes);
            books.book(&desk.changes.clone());
            books.agree_with(&desk.fulfilment, on_hand);
        }
        let was_open = desk.fulfilment.is_open();
        if was_open {
            desk.run(Command::Cancel { amounts: vec![] });
            books.book(&desk.changes.clone());
        }
        books.agree_with(&desk.fulfilment, on_hand);
        prop_assert_eq!(desk.fulfilment.held(), Sums::new());
        prop_assert!(!desk.state().is_open());
        let part = [desk.fulfilment];
        let unplaced = Progress { order: &order, parts: &part, withdrawn: &[] }.unplaced();
        let progress = Progress { order: &order, parts: &part, withdrawn: &unplaced };
        if kind != Kind::Reserve {
            let paid: Minor = order.lines.iter().map(|line| line.cost(line.quantity.milli())).sum();
            prop_assert_eq!(progress.charged() + progress.refund(), paid);
        }
    }
}
