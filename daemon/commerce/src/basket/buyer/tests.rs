//! Restrictions at tender time, and what a book knows about the buyer.

use serde_json::{Value, json};

use super::*;
use crate::{
    BasketId, Currency, Item, Minor, NewLine, Quantity, Unit,
    line::What,
    particulars::Particulars,
    pricing::{Book, Loader, Moment, Store, time::Weekday},
};

/// Wine is sold from 18 and from 8:00 to 22:00; members pay 5.00; a spring coupon takes 1.00 off.
fn book() -> Book {
    fn price(id: &str, kind: &str, minor: i64) -> Value {
        json!({"id": id, "sku": "wine", "kind": kind, "price": {"minor": minor, "per": "each"}})
    }
    let mut member = price("m", "member", 500);
    member["customers"] = json!(["members"]);
    let records = [
        json!({"book": {"version": "1", "currency": "EUR"}}),
        json!({"item": {"sku": "wine", "minimum_age": 18, "tax": "t",
            "sale_hours": {"from_minute": 480, "until_minute": 1320}}}),
        json!({"tax": {"id": "vat", "classes": ["t"], "rate": {"ppm": 100_000}}}),
        json!({"price": price("r", "regular", 800)}),
        json!({"price": member}),
        json!({"coupon": {"class": "spring", "prefix": "SPR", "uses": 1}}),
        json!({"coupon": {"class": "vip", "prefix": "SPRV"}}),
        json!({"offer": {"id": "s", "version": 1, "name": "Spring", "coupon": "spring", "most": 1,
            "rule": {"item": {"on": {"all": true}, "deal": {"amount_off": 100}}}}}),
    ];
    let mut loader = Loader::default();
    (1..).zip(&records).for_each(|(line, record)| loader.read_line(line, &record.to_string()));
    loader.finish(&Store { name: "", zone: &|_| 0 }).unwrap()
}

fn at(minute: u16) -> Moment {
    Moment { at_ms: i64::from(minute) * 60_000, weekday: Weekday::Friday, minute }
}

fn with_wine(minute: u16) -> Basket {
    let currency = Currency::from_code("EUR").unwrap();
    let register = "register-1".parse().unwrap();
    let mut basket = Basket::open(BasketId(1), register, None, currency, 1, None, None).unwrap();
    let item: Item =
        serde_json::from_value(json!({"sku": "wine", "description": "Wine", "price": {"minor": 900, "per": "each"}}))
            .unwrap();
    let new = NewLine {
        what: What::Item(&item),
        quantity: Quantity::new(1000, Unit::Each).unwrap(),
        keyed: None,
        discounts: Vec::new(),
        particulars: Particulars::default(),
    };
    basket.add_line(new).unwrap();
    basket.reprice(&book(), at(minute)).unwrap();
    basket
}

fn coupon(code: &str) -> StoreCoupon {
    let class = book().coupon(code).unwrap().class.clone();
    StoreCoupon { class, code: code.into(), uses: None, per_customer: None, used: false, spent: false }
}

#[test]
fn goods_are_paid_at_their_hours_and_after_the_age_was_checked() {
    let mut basket = with_wine(1319);
    let minute = |minute: i64| minute * 60_000;
    assert_eq!(basket.may_be_paid(minute(1319)), Err(Refusal::AgeUnchecked { line: 1, years: 18 }));
    let aged = |years| Buyer { checked_age: Some(years), ..Buyer::default() };
    basket.identify(aged(17)).unwrap();
    assert_eq!(basket.may_be_paid(minute(1319)), Err(Refusal::AgeUnchecked { line: 1, years: 18 }));
    basket.identify(aged(18)).unwrap();
    assert_eq!(basket.may_be_paid(minute(1319)), Ok(()));
    // The customer took their time.
    assert!(matches!(basket.may_be_paid(minute(1320)), Err(Refusal::NotSoldNow { line: 1, .. })));
    let mut early = with_wine(470);
    early.identify(aged(30)).unwrap();
    assert_eq!(early.may_be_paid(minute(479)), Err(Refusal::NotSoldNow { line: 1, from_ms: minute(480) }));
    assert_eq!(early.may_be_paid(minute(480)), Ok(()));
    early.void_line(1).unwrap();
    assert_eq!(early.may_be_paid(minute(479)), Ok(()), "a voided line does not count");
}

#[test]
fn groups_coupons_and_exemptions_change_the_price() {
    let mut basket = with_wine(600);
    let mut due = |buyer: Buyer| {
        basket.identify(buyer).unwrap();
        basket.reprice(&book(), at(600)).unwrap();
        (basket.due().get(), basket.buyer.coupons.iter().map(|coupon| coupon.used).collect::<Vec<_>>())
    };
    assert_eq!(due(Buyer::default()), (880, vec![]));
    assert_eq!(due(Buyer { groups: vec!["members".into()], ..Buyer::default() }), (550, vec![]));
    let coupons = vec![coupon("SPR-1"), coupon("SPRV-1")];
    assert_eq!(due(Buyer { coupons, ..Buyer::default() }), (770, vec![true, false]));
    assert_eq!(due(Buyer { exemption: Some("A 7".into()), ..Buyer::default() }), (800, vec![]));
}

#[test]
fn a_buyer_is_known_before_something_is_paid_and_is_bounded() {
    let mut basket = with_wine(600);
    let twice = Buyer { coupons: vec![coupon("SPR-1"), coupon("SPR-1")], ..Buyer::default() };
    assert_eq!(basket.identify(twice), Err(Refusal::CouponTaken { code: "SPR-1".into() }));
    let many = Buyer { groups: vec!["a".into(); MAX_LISTED + 1], ..Buyer::default() };
    assert_eq!(basket.identify(many), Err(Refusal::TooManyListed { most: MAX_LISTED }));
    let unreadable = Buyer { groups: vec![String::new()], ..Buyer::default() };
    assert_eq!(basket.identify(unreadable), Err(Refusal::BadText { field: "groups" }));
    basket.tender(crate::Tender::Cash { amount: Minor::literal(100) }).unwrap();
    assert_eq!(basket.identify(Buyer::default()), Err(Refusal::PartlyPaid));
}

#[test]
fn a_buyer_is_in_the_json_once_something_is_known() {
    let mut basket = with_wine(600);
    let buyer = |basket: &Basket| serde_json::to_value(basket).unwrap().get("buyer").cloned();
    assert_eq!(buyer(&basket), None);
    basket.identify(Buyer { checked_age: Some(18), ..Buyer::default() }).unwrap();
    assert_eq!(buyer(&basket), Some(json!({"checked_age": 18})));
}

#[test]
fn a_buyer_has_as_many_groups_and_coupons_as_are_listed() {
    let coupons = |count: usize| (0..count).map(|number| coupon(&format!("SPR-{number}"))).collect::<Vec<_>>();
    let mut basket = with_wine(600);
    let most = Buyer { groups: vec!["a".into(); MAX_LISTED], coupons: coupons(MAX_LISTED), ..Buyer::default() };
    assert_eq!(basket.identify(most), Ok(()));
    let many = Buyer { coupons: coupons(MAX_LISTED + 1), ..Buyer::default() };
    assert_eq!(basket.identify(many), Err(Refusal::TooManyListed { most: MAX_LISTED }));
}

#[test]
fn an_offer_that_takes_nothing_off_has_a_reason() {
    let mut basket = with_wine(600);
    let rejected = |basket: &Basket| -> Vec<String> {
        basket.rejected_offers(&book(), at(600)).into_iter().map(|offer| offer.offer).collect()
    };
    assert_eq!(rejected(&basket), ["s"], "its coupon is missing");
    basket.identify(Buyer { coupons: vec![coupon("SPR-1")], ..Buyer::default() }).unwrap();
    basket.reprice(&book(), at(600)).unwrap();
    assert_eq!(rejected(&basket), Vec::<String>::new());
}

/// The lines of an order keep the prices that were agreed with the order; a voided line keeps what it was.
#[test]
fn a_book_prices_what_was_entered_at_the_till() {
    let mut basket = with_wine(600);
    assert!(matches!(&basket.lines[0].basis, crate::line::Regular::Book { entry, .. } if entry == "r"));
    for _ in 0..2 {
        let mut copy = basket.lines[0].clone();
        copy.number = basket.lines.last().unwrap().number + 1;
        basket.lines.push(copy);
    }
    for line in &mut basket.lines {
        line.regular = Minor::literal(1);
    }
    let order = "web-1".parse().unwrap();
    basket.order = Some(crate::basket::CollectedOrder { order, part: 1, lines: 1, stock: vec![] });
    basket.lines[2].voided = true;
    basket.reprice(&book(), at(600)).unwrap();
    assert_eq!(basket.lines.iter().map(|line| line.regular.get()).collect::<Vec<_>>(), [1, 800, 1]);
}

#[test]
fn a_discount_that_was_entered_is_not_an_adjustment_of_the_book() {
    let mut basket = with_wine(600);
    let discount =
        crate::Discount { reason: "damaged".into(), origin: crate::Origin::Manager, amount: Minor::literal(100) };
    basket.discount(1, discount).unwrap();
    basket.reprice(&book(), at(600)).unwrap();
    assert_eq!((basket.lines[0].adjustments.len(), basket.lines[0].net()), (0, Minor::literal(700)));
}
