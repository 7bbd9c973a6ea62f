mod card;
mod history;
mod returning;

use super::*;
use crate::{
    item::{Item, Price},
    line::{Origin, What},
    quantity::{Quantity, Unit},
    receipt::ReceiptNumber,
    tender::CardSlip,
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
        receipt_prefix: None,
        fiscal_year: 2026,
        sold_at_ms: 1,
        business_day: "2026-11-24".parse().unwrap(),
        shift: crate::ShiftId { epoch: 1, number: 1 },
    }
}

fn pieces(item: &Item, count: u32) -> NewLine<'_> {
    NewLine {
        what: What::Item(item),
        quantity: Quantity::pieces(count).unwrap(),
        keyed: None,
        discounts: vec![],
        particulars: crate::Particulars::default(),
    }
}

fn off(amount: i64) -> Discount {
    Discount { reason: "loyalty price".into(), origin: Origin::Loyalty, amount: Minor::literal(amount) }
}

fn cash(amount: i64) -> Tender {
    Tender::Cash { amount: Minor::literal(amount) }
}

/// What is rounded and given as change after these tenders of a basket that owes an amount.
fn rounded(currency: &str, owed: i64, tenders: &[Tender]) -> (i64, i64, i64) {
    let mut basket = Basket { currency: Currency::from_code(currency).unwrap(), ..open() };
    basket.add_line(pieces(&item(owed, Unit::Each), 1)).unwrap();
    for tender in tenders {
        basket.tender(tender.clone()).unwrap();
    }
    let totals = basket.totals();
    (totals.cash_rounding.get(), basket.due().get(), totals.change.get())
}

#[test]
fn only_the_rest_that_is_paid_in_cash_is_rounded() {
    let coupon = |amount| Tender::ManufacturerCoupon { amount: Minor::literal(amount), code: None };
    assert_eq!(rounded("CHF", 1572, &[cash(1570)]), (-2, 0, 0));
    assert_eq!(rounded("CHF", 1572, &[cash(2000)]), (-2, -430, 430));
    assert_eq!(rounded("CHF", 1573, &[cash(1575)]), (2, 0, 0));
    assert_eq!(rounded("EUR", 1572, &[cash(1572)]), (0, 0, 0));
    // Something else pays its part exactly, also after a part in cash.
    assert_eq!(rounded("CHF", 1572, &[coupon(68), cash(1505)]), (1, 0, 0));
    assert_eq!(rounded("CHF", 1572, &[cash(1000)]), (0, 572, 0));
    assert_eq!(rounded("CHF", 1572, &[cash(1000), coupon(572)]), (0, 0, 0));
    assert_eq!(rounded("CHF", 1572, &[coupon(1570), cash(5)]), (-2, -5, 5), "less than half a coin");
    assert_eq!(rounded("SEK", 1249, &[cash(1200)]), (-49, 0, 0));
    let mut basket = Basket { currency: Currency::from_code("CHF").unwrap(), ..open() };
    basket.add_line(pieces(&item(1572, Unit::Each), 1)).unwrap();
    assert_eq!((basket.due(), basket.due_in_cash()), (Minor::literal(1572), Minor::literal(1570)));
    basket.tender(cash(1570)).unwrap();
    let sale = basket.complete(stamp()).unwrap();
    assert_eq!((sale.totals.owed(), sale.totals.net), (Minor::literal(1570), Minor::literal(1572)));
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
    let (sku, gtin) = (Some("1093587".parse().unwrap()), Some("4006381333931".parse().unwrap()));
    let what = What::NotOnFile { sku, gtin, description: "not on file".into() };
    let mut new = NewLine {
        what,
        quantity: Quantity::pieces(1).unwrap(),
        keyed: None,
        discounts: vec![],
        particulars: crate::Particulars::default(),
    };
    assert_eq!(basket.add_line(new.clone()), Err(Refusal::PriceMissing));
    new.keyed = Some((Minor::literal(72), "price on the shelf".into()));
    basket.add_line(new).unwrap();
    assert_eq!((basket.due(), basket.lines[0].gtin()), (Minor::literal(72), gtin));
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
    Tender::Card { amount: Minor::literal(amount), slip: CardSlip::bare(PaymentId(payment)) }
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
fn a_gift_card_is_loaded_by_its_own_line() {
    let mut basket = cereal();
    let number = crate::gift_card::CardNumber::from_random([1; 16]);
    assert_eq!(basket.add_load(number.clone(), Minor::literal(5_000)), Ok(2));
    let load = CardLoad { line: 2, card: number.clone(), amount: Minor::literal(5_000), movement: None };
    assert_eq!((basket.due(), basket.live_loads().collect::<Vec<_>>()), (Minor::literal(5_369), vec![&load]));
    assert_eq!(basket.lines[1].description, format!("Gift card {}", number.masked()));
    basket.void_line(2).unwrap();
    assert_eq!((basket.due(), basket.live_loads().count()), (Minor::literal(369), 0));
}

#[test]
fn the_customer_is_known_before_something_is_paid() {
    let mut basket = cereal();
    basket.set_customer(Some("C-7".into())).unwrap();
    assert_eq!(basket.customer.as_deref(), Some("C-7"));
    assert_eq!(basket.set_customer(Some(String::new())), Err(Refusal::BadText { field: "customer" }));
    basket.set_customer(None).unwrap();
    assert_eq!(basket.customer, None);
    basket.tender(cash(1)).unwrap();
    assert_eq!(basket.set_customer(Some("C-7".into())), Err(Refusal::PartlyPaid));
}
