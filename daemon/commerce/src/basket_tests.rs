use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    item::{Item, Price},
    line::{Origin, What},
    quantity::{Quantity, Unit},
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
fn a_measured_item_cannot_be_sold_by_the_piece() {
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
    let card = card(1, 369);
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

/// A basket with one line of 369.
fn cereal() -> Basket {
    let mut basket = open();
    basket.add_line(pieces(&item(369, Unit::Each), 1)).unwrap();
    basket
}

fn coupon(amount: i64, code: Option<&str>) -> Tender {
    Tender::ManufacturerCoupon { amount: Minor::literal(amount), code: code.map(str::to_owned) }
}

fn card(payment: u64, amount: i64) -> Tender {
    let slip =
        CardSlip { payment: PaymentId(payment), masked_pan: None, scheme: None, reference: CardReference::default() };
    Tender::Card { amount: Minor::literal(amount), slip }
}

#[test]
fn change_is_given_on_cash_only() {
    let mut basket = cereal();
    let (amount, due) = (Minor::literal(370), Minor::literal(369));
    assert_eq!(basket.tender(coupon(370, None)), Err(Refusal::ExceedsDue { amount, due }));
    basket.tender(coupon(100, None)).unwrap();
    let (amount, due) = (Minor::literal(270), Minor::literal(269));
    assert_eq!(basket.tender(coupon(270, None)), Err(Refusal::ExceedsDue { amount, due }));
    basket.tender(cash(300)).unwrap();
    assert_eq!(basket.totals().change, Minor::literal(31));
}

#[test]
fn a_tender_is_refused_when_nothing_is_due() {
    let mut basket = cereal();
    basket.tender(coupon(369, None)).unwrap();
    for tender in [cash(1), coupon(1, None)] {
        assert_eq!(basket.tender(tender), Err(Refusal::NothingDue));
    }
    assert_eq!(basket.reserve(PaymentId(1), None), Err(Refusal::NothingDue));
    assert_eq!(basket.reserve(PaymentId(1), Some(Minor::literal(1))), Err(Refusal::NothingDue));
    assert!(basket.complete(stamp()).is_ok());
}

#[test]
fn a_coupon_code_counts_once_in_a_basket() {
    let mut basket = cereal();
    basket.tender(coupon(100, Some("C1"))).unwrap();
    assert_eq!(basket.tender(coupon(100, Some("C1"))), Err(Refusal::CouponTaken { code: "C1".into() }));
    basket.tender(coupon(100, Some("C2"))).unwrap();
    basket.tender(coupon(1, None)).unwrap();
    basket.tender(coupon(1, None)).unwrap();
    basket.void_tender(1).unwrap();
    basket.tender(coupon(100, Some("C1"))).unwrap();
}

#[test]
fn an_implausible_amount_of_cash_is_refused() {
    let mut basket = cereal();
    // Ten times 3.69, plus a banknote of 100.00.
    let most = Minor::literal(13_690);
    for amount in [96_385_074, 13_691] {
        let refused = Refusal::TooMuchCash { amount: Minor::literal(amount), due: Minor::literal(369), most };
        assert_eq!(basket.tender(cash(amount)), Err(refused));
    }
    basket.tender(cash(13_690)).unwrap();
}

#[test]
fn a_voided_tender_stays_on_record() {
    let mut basket = cereal();
    basket.tender(cash(1)).unwrap();
    basket.tender(coupon(100, None)).unwrap();
    assert_eq!(basket.void_tender(3).unwrap_err(), Refusal::NoSuchTender { tender: 3 });
    assert_eq!(basket.void_tender(1).unwrap().tender, cash(1));
    assert_eq!(basket.void_tender(1).unwrap_err(), Refusal::NoSuchTender { tender: 1 });
    assert_eq!((basket.due(), basket.abandon()), (Minor::literal(269), Err(Refusal::PartlyPaid)));
    basket.void_tender(2).unwrap();
    assert_eq!((basket.due(), basket.totals().tendered), (Minor::literal(369), Minor::ZERO));
    basket.void_line(1).unwrap();
    basket.add_line(pieces(&item(369, Unit::Each), 1)).unwrap();
    basket.tender(cash(369)).unwrap();
    assert_eq!(basket.tenders.last().unwrap().number, 3, "numbers are not used again");
    let sale = basket.complete(stamp()).unwrap();
    assert_eq!(sale.tenders, [cash(369)]);
    assert_eq!(basket.void_tender(3).unwrap_err(), Refusal::NotOpen);
}

#[test]
fn a_basket_can_be_abandoned_once_its_tenders_are_voided() {
    let mut basket = cereal();
    for _ in 0..MAX_TENDERS {
        basket.tender(cash(1)).unwrap();
    }
    assert_eq!(basket.tender(cash(1)), Err(Refusal::TooManyTenders));
    for number in 1..=MAX_TENDERS {
        basket.void_tender(u32::try_from(number).unwrap()).unwrap();
    }
    basket.abandon().unwrap();
}

#[test]
fn a_card_tender_cannot_be_voided() {
    let mut basket = cereal();
    basket.reserve(PaymentId(7), Some(Minor::literal(69))).unwrap();
    assert_eq!(basket.void_tender(1).unwrap_err(), Refusal::PaymentUnderWay);
    basket.settle(PaymentId(7), Some(card(7, 69)));
    assert_eq!(basket.void_tender(1).unwrap_err(), Refusal::TenderIsCard { tender: 1, payment: PaymentId(7) });
    assert_eq!(basket.due(), Minor::literal(300));
}

#[test]
fn a_card_payment_in_doubt_freezes_its_amount_again() {
    let mut basket = cereal();
    basket.reserve(PaymentId(7), None).unwrap();
    basket.settle(PaymentId(7), Some(card(7, 369)));
    assert!(!basket.doubt(PaymentId(8)));
    assert!(basket.doubt(PaymentId(7)));
    assert_eq!((basket.due(), basket.complete(stamp())), (Minor::literal(369), Err(Refusal::PaymentUnderWay)));
    basket.settle(PaymentId(7), Some(card(7, 369)));
    assert!(basket.complete(stamp()).is_ok());
    assert!(!basket.doubt(PaymentId(7)), "it is a sale");
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

#[test]
fn lines_are_numbered_as_they_come_up_to_the_most() {
    let (mut basket, cereal) = (open(), item(369, Unit::Each));
    for number in 1..=MAX_LINES {
        assert_eq!(basket.add_line(pieces(&cereal, 1)), Ok(u32::try_from(number).unwrap()));
    }
    assert_eq!(basket.add_line(pieces(&cereal, 1)), Err(Refusal::TooManyLines));
    basket.void_line(2).unwrap();
    assert_eq!(basket.lines.iter().filter(|line| line.voided).map(|line| line.number).collect::<Vec<_>>(), [2]);
    assert_eq!(basket.totals().net, Minor::literal(399 * 369));
    basket.tender(cash(399 * 369)).unwrap();
    assert_eq!(basket.complete(stamp()).unwrap().lines.len(), 399, "a sale has no voided lines");
}

#[test]
fn a_tender_is_more_than_nothing_and_the_most_of_a_line_at_most() {
    let mut basket = open();
    assert_eq!(basket.tender(cash(1)), Err(Refusal::Empty));
    let dear = item(MAX_LINE_AMOUNT.get(), Unit::Each);
    for _ in 0..2 {
        basket.add_line(pieces(&dear, 1)).unwrap();
    }
    for amount in [0, -1, MAX_LINE_AMOUNT.get() + 1] {
        assert_eq!(basket.tender(cash(amount)), Err(Refusal::AmountOutOfRange));
    }
    for amount in [0, -1] {
        assert_eq!(basket.reserve(PaymentId(1), Some(Minor::literal(amount))), Err(Refusal::AmountOutOfRange));
    }
    basket.tender(cash(MAX_LINE_AMOUNT.get())).unwrap();
    basket.tender(coupon(MAX_LINE_AMOUNT.get(), None)).unwrap();
    assert_eq!((basket.due(), basket.tenders[1].number), (Minor::ZERO, 2));
}

#[test]
fn a_card_payment_needs_room_for_its_tender() {
    let mut basket = cereal();
    for _ in 1..MAX_TENDERS {
        basket.tender(cash(1)).unwrap();
    }
    assert_eq!(basket.reserve(PaymentId(1), None), Ok(Minor::literal(330)));
    basket.settle(PaymentId(1), None);
    basket.tender(cash(1)).unwrap();
    assert_eq!(basket.reserve(PaymentId(1), None), Err(Refusal::TooManyTenders));
}

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
                    basket.add_line(NewLine { what: What::Item(&fuel), quantity, keyed, discounts: vec![] }).is_err()
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
            prop_assert_eq!(totals, Totals::of(&sale.lines, &sale.tenders));
        }
    }
}
