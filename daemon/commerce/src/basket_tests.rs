use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    item::{Item, Price},
    line::{Origin, What},
    quantity::Quantity,
    sale::ReceiptNumber,
    tender::{CardReference, CardSlip},
};

fn item(minor: i64, per: Unit) -> Item {
    Item {
        sku: "818981".parse().unwrap(),
        gtin: None,
        description: "All Family Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::literal(minor), per },
    }
}

fn open() -> Basket {
    Basket::open(BasketId(1), "till-1".parse().unwrap(), None, Currency::from_code("USD").unwrap(), 0, None, None)
        .unwrap()
}

fn stamp() -> Stamp {
    Stamp {
        id: SaleId { epoch: 1, sequence: 1 },
        receipt: ReceiptNumber(1),
        fiscal_year: 2026,
        sold_at_ms: 1,
        business_day: "2026-11-24".parse().unwrap(),
    }
}

fn pieces(item: &Item, count: u32) -> NewLine<'_> {
    NewLine { what: What::Item(item), quantity: Quantity::pieces(count).unwrap(), keyed: None, discounts: vec![] }
}

fn off(amount: i64) -> Discount {
    Discount { reason: "loyalty price".into(), origin: Origin::Loyalty, amount: Minor::literal(amount) }
}

fn cash(amount: i64) -> Tender {
    Tender::Cash { amount: Minor::literal(amount) }
}

#[test]
fn a_paid_basket_becomes_a_sale_with_change() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    let line = basket.add_line(pieces(&cereal, 2)).unwrap();
    basket.discount(line, off(38)).unwrap();
    assert_eq!(basket.due(), Minor::literal(700));
    assert_eq!(basket.complete(stamp()), Err(Refusal::StillDue { due: Minor::literal(700) }));
    basket.tender(cash(1000)).unwrap();
    let sale = basket.complete(stamp()).unwrap();
    assert_eq!((sale.totals.net, sale.totals.change), (Minor::literal(700), Minor::literal(300)));
    assert_eq!(basket.state, BasketState::Completed { sale: SaleId { epoch: 1, sequence: 1 } });
    assert_eq!(basket.complete(stamp()), Err(Refusal::NotOpen));
}

#[test]
fn a_manufacturer_coupon_pays_and_discounts_nothing() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    basket.tender(Tender::ManufacturerCoupon { amount: Minor::literal(100), code: None }).unwrap();
    basket.tender(cash(269)).unwrap();
    let totals = basket.complete(stamp()).unwrap().totals;
    assert_eq!((totals.net, totals.discount), (Minor::literal(369), Minor::ZERO));
    assert_eq!((totals.manufacturer_coupon, totals.change), (Minor::literal(100), Minor::ZERO));
}

#[test]
fn an_item_that_is_not_on_file_needs_a_price_and_sells() {
    let mut basket = open();
    let what = What::NotOnFile { sku: Some("1093587".parse().unwrap()), description: "not on file".into() };
    let mut new = NewLine { what, quantity: Quantity::pieces(1).unwrap(), keyed: None, discounts: vec![] };
    assert_eq!(basket.add_line(new.clone()), Err(Refusal::PriceMissing));
    new.keyed = Some((Minor::literal(72), "price on the shelf".into()));
    basket.add_line(new).unwrap();
    assert_eq!(basket.due(), Minor::literal(72));
}

#[test]
fn a_measure_is_not_sold_by_the_piece() {
    let (mut basket, petrol) = (open(), item(236, Unit::Gallon));
    assert_eq!(
        basket.add_line(pieces(&petrol, 1)),
        Err(Refusal::WrongUnit { sold_by: Unit::Gallon, asked: Unit::Each })
    );
}

#[test]
fn while_a_card_payment_runs_nothing_else_can_change_the_basket() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    assert_eq!(
        basket.reserve(PaymentId(1), Some(Minor::literal(370))).unwrap_err(),
        Refusal::ExceedsDue { amount: Minor::literal(370), due: Minor::literal(369) }
    );
    assert_eq!(basket.reserve(PaymentId(1), None), Ok(Minor::literal(369)));
    assert_eq!(basket.add_line(pieces(&cereal, 1)), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.tender(cash(1)), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.complete(stamp()), Err(Refusal::PaymentUnderWay));
    assert_eq!(basket.reserve(PaymentId(2), None), Err(Refusal::PaymentUnderWay));
    let card = Tender::Card {
        amount: Minor::literal(369),
        slip: CardSlip { payment: PaymentId(1), masked_pan: None, scheme: None, reference: CardReference::default() },
    };
    basket.settle(PaymentId(9), Some(card.clone()));
    assert!(basket.reserved.is_some());
    basket.settle(PaymentId(1), Some(card));
    assert!(basket.complete(stamp()).is_ok());
}

#[test]
fn lines_are_fixed_once_something_is_paid() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    basket.tender(cash(100)).unwrap();
    assert_eq!(basket.void_line(1), Err(Refusal::PartlyPaid));
    assert_eq!(basket.abandon(), Err(Refusal::PartlyPaid));
}

#[test]
fn a_basket_of_voided_lines_is_empty() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    basket.void_line(1).unwrap();
    assert_eq!(basket.void_line(1), Err(Refusal::NoSuchLine { line: 1 }));
    assert_eq!(basket.complete(stamp()), Err(Refusal::Empty));
    basket.abandon().unwrap();
}

#[test]
fn texts_with_control_characters_are_refused() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    basket.add_line(pieces(&cereal, 1)).unwrap();
    let discount = Discount { reason: "a\u{1b}@b".into(), ..off(1) };
    assert_eq!(basket.discount(1, discount), Err(Refusal::BadText { field: "reason" }));
}

#[test]
fn a_stored_basket_reads_back_the_same() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    let line = basket.add_line(pieces(&cereal, 2)).unwrap();
    basket.discount(line, off(38)).unwrap();
    basket.tender(cash(1000)).unwrap();
    let sale = basket.complete(stamp()).unwrap();
    assert_eq!(serde_json::from_str::<Basket>(&serde_json::to_string(&basket).unwrap()).unwrap(), basket);
    assert_eq!(serde_json::from_str::<Sale>(&serde_json::to_string(&sale).unwrap()).unwrap(), sale);
}

/// What a cashier might do.
#[derive(Clone, Debug)]
enum Act {
    Add { price: i64, milli: i64, keyed: Option<i64> },
    Void(u32),
    Discount(u32, i64),
    Cash(i64),
    Coupon(i64),
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
        1 => (-5_i64..1_000_000_000, any::<bool>()).prop_map(|(amount, approved)| Act::Card(amount, approved)),
        1 => Just(Act::Complete),
    ]
}

proptest! {
    /// Whatever is done in whatever order: parts sum to the whole, nothing is negative, and a refusal changes nothing.
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
                    basket.add_line(NewLine { what: What::Item(&fuel), quantity, keyed, discounts: vec![] }).is_err()
                }
                Act::Void(line) => basket.void_line(line).is_err(),
                Act::Discount(line, amount) => basket.discount(line, off(amount)).is_err(),
                Act::Cash(amount) => basket.tender(cash(amount)).is_err(),
                Act::Coupon(amount) => {
                    basket.tender(Tender::ManufacturerCoupon { amount: Minor::literal(amount), code: None }).is_err()
                }
                Act::Card(amount, approved) => match basket.reserve(PaymentId(1), Some(Minor::literal(amount))) {
                    Ok(amount) => {
                        basket.settle(PaymentId(1), approved.then(|| Tender::Card { amount, slip: CardSlip {
            payment: PaymentId(1),
            masked_pan: None,
            scheme: None,
            reference: CardReference::default(),
        } }));
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
        }
        if let Some(sale) = sale {
            let totals = sale.totals;
            prop_assert_eq!(totals.tendered - totals.change, totals.net);
            prop_assert_eq!(totals.net, sale.lines.iter().map(Line::net).sum());
            prop_assert!(!totals.change.is_negative());
            prop_assert_eq!(totals, Totals::of(&sale.lines, &sale.tenders));
        }
    }
}
