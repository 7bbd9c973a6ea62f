//! Random actions of a cashier.

use proptest::{collection::vec, prelude::*};

use super::*;

/// A cashier's actions.
#[derive(Clone, Debug)]
enum Act {
    Add { price: i64, milli: i64, keyed: Option<i64> },
    Void(u32),
    Discount(u32, i64),
    Cash(i64),
    Coupon(i64),
    VoidTender(u32),
    Card(i64, bool),
    Complete,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_i64..5_000_000, 0_i64..200_000, proptest::option::of(-5_i64..2_000_000_000))
            .prop_map(|(price, milli, keyed)| Act::Add { price, milli, keyed }),
        1 => (0_u32..8).prop_map(Act::Void),
        3 => (0_u32..8, -5_i64..10_000_000).prop_map(|(line, amount)| Act::Discount(line, amount)),
        1 => (-5_i64..2_000_000_000).prop_map(Act::Cash),
        1 => (-5_i64..1_000_000).prop_map(Act::Coupon),
        1 => (0_u32..6).prop_map(Act::VoidTender),
        1 => (-5_i64..1_000_000_000, any::<bool>()).prop_map(|(amount, approved)| Act::Card(amount, approved)),
        1 => Just(Act::Complete),
    ]
}

proptest! {
    /// In any order of actions: parts sum to the whole, nothing is negative, and a refusal changes nothing.
    #[test]
    fn parts_always_sum_to_the_whole(acts in vec(act(), 1..60)) {
        let mut basket = open();
        let mut sale = None;
        for act in acts {
            let before = basket.clone();
            let refused = match act {
                Act::Add { price, milli, keyed } => {
                    let fuel = item(price, Unit::Gallon);
                    let quantity = Quantity::new(milli, Unit::Gallon).unwrap();
                    let keyed = keyed.map(|minor| (Minor::literal(minor), "pump".to_owned()));
                    let pumped = NewLine { what: What::Item(&fuel), quantity, keyed, ..pieces(&fuel, 1) };
                    basket.add_line(pumped).is_err()
                }
                Act::Void(line) => basket.void_line(line).is_err(),
                Act::Discount(line, amount) => basket.discount(line, off(amount)).is_err(),
                Act::Cash(amount) => basket.tender(cash(amount)).is_err(),
                Act::Coupon(amount) => basket.tender(coupon(amount, None)).is_err(),
                Act::VoidTender(number) => basket.void_tender(number).is_err(),
                Act::Card(amount, approved) => match basket.reserve(PaymentId(1), Some(Minor::literal(amount))) {
                    Ok(amount) => {
                        basket.settle(PaymentId(1), approved.then(|| card(1, amount.get())));
                        false
                    }
                    Err(_) => true,
                },
                Act::Complete => match basket.complete(stamp()) {
                    Ok(made) => { sale = Some(made); false }
                    Err(_) => true,
                },
            };
            if refused { prop_assert_eq!(&basket, &before); }
            let live: Vec<_> = basket.lines.iter().filter(|line| !line.voided).collect();
            let totals = basket.totals();
            for line in &live {
                prop_assert!(!line.net().is_negative());
                prop_assert_eq!(line.net() + line.discounts.iter().map(|d| d.amount).sum(), line.regular);
            }
            prop_assert_eq!(totals.net, live.iter().map(|line| line.net()).sum());
            prop_assert_eq!(totals.regular - totals.discount, totals.net);
            let cash = basket.live_tenders().filter(|tender| matches!(tender, Tender::Cash { .. }));
            prop_assert!(totals.change <= cash.map(Tender::amount).sum(), "change is cash");
        }
        if let Some(sale) = sale {
            let totals = sale.totals;
            prop_assert_eq!(totals.tendered - totals.change, totals.net);
            prop_assert_eq!(totals.net, sale.lines.iter().map(Line::net).sum());
            prop_assert!(!totals.change.is_negative());
            prop_assert_eq!(totals, Totals::of(&sale.lines, Minor::ZERO, None, &sale.tenders));
        }
    }
}
