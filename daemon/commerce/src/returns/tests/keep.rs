//! What goods that are kept cost once an offer is broken up, and the tenders that a refund goes back to.

use super::*;
use crate::{
    basket::StoreCoupon,
    gift_card::CardKind,
    pricing::{Adjustment, Book, Loader, Moment, Store, basket::Granted, time::Weekday},
    returns::keep::{give_charge_back, recharge},
};

/// A book with a coupon that takes 0.50 off every piece, and no prices of its own.
fn book() -> Book {
    let mut loader = Loader::default();
    for (line, record) in (1..).zip([
        r#"{"book": {"version": "1", "currency": "USD"}}"#,
        r#"{"coupon": {"class": "spring", "prefix": "SPR"}}"#,
        r#"{"offer": {"id": "s", "version": 1, "name": "Spring", "coupon": "spring",
            "rule": {"item": {"on": {"all": true}, "deal": {"amount_off": 50}}}}}"#,
    ]) {
        loader.read_line(line, record);
    }
    loader.finish(&Store { name: "", zone: &|_| 0 }).unwrap()
}

/// Three for the price of two: three pieces at 10.00, less 10.00, with 1.40 of tax in it.
fn three_for_two() -> Sale {
    let price = crate::item::Price { minor: Minor::literal(1_000), per: crate::Unit::Each };
    let mut sale = sold(&[(3_000, 3, 0, 140)], 0);
    let line = &mut sale.lines[0];
    line.goods = Goods::Item { sku: "1".parse().unwrap(), gtin: None };
    line.basis = crate::line::Regular::Catalog { price };
    line.adjustments.push(Adjustment {
        granted: Granted::MultiPrice,
        name: "3 for 2".into(),
        basis: Minor::literal(3_000),
        amount: Minor::literal(1_000),
        units: 3,
        group: None,
        evidence: vec![],
    });
    sale
}

fn recharged(sale: &Sale, after: Back) -> Vec<Line> {
    let moment = Moment { at_ms: 0, weekday: Weekday::Friday, minute: 600 };
    recharge(sale, &book(), moment, |_| after, 5)
}

fn charges(sale: &Sale, after: Back) -> Vec<i64> {
    recharged(sale, after).iter().map(|line| line.regular.get()).collect()
}

#[test]
fn kept_goods_are_charged_what_they_cost_on_their_own() {
    let sale = three_for_two();
    let lines = recharged(&sale, pieces(1_000));
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    // Two pieces at 10.00, of whose 20.00 the share of 6.67 was given back.
    assert_eq!((line.number, line.regular, line.net()), (5, Minor::literal(667), Minor::literal(667)));
    assert_eq!((line.quantity.milli(), line.taxes[0].amount), (0, Minor::literal(47)), "7 % of 6.67, rounded up");
    let returned = line.returned.as_ref().unwrap();
    assert_eq!((returned.way, returned.line), (Way::Recharge, 1));
    assert_eq!(charges(&sale, pieces(3_000)), Vec::<i64>::new(), "none is kept");
}

#[test]
fn what_was_charged_before_is_not_charged_again() {
    let sale = three_for_two();
    let back = |recharged, recharge_back| Back {
        milli: 2_000,
        recharged: Minor::literal(recharged),
        recharge_back: Minor::literal(recharge_back),
    };
    // One piece at 10.00; 6.66 of the sale are left for it.
    assert_eq!(charges(&sale, back(0, 0)), [334]);
    assert_eq!(charges(&sale, back(100, 40)), [274]);
    assert_eq!(charges(&sale, back(334, 0)), Vec::<i64>::new());
    assert_eq!(charges(&sale, back(400, 0)), Vec::<i64>::new(), "never negative");
}

#[test]
fn a_discount_that_a_person_granted_stays_with_the_kept_goods() {
    let mut sale = three_for_two();
    let amount = Minor::literal(300);
    sale.lines[0].discounts.push(Discount { reason: "damaged".into(), origin: Origin::Manager, amount });
    // Two pieces at 10.00 less 2.00; of the 17.00 that were paid, 5.67 were given back.
    assert_eq!(charges(&sale, pieces(1_000)), [667]);
}

#[test]
fn a_coupon_of_the_sale_counts_for_the_kept_goods() {
    let mut sale = three_for_two();
    let coupon = |used, spent| StoreCoupon {
        class: "spring".into(),
        code: "SPR-1".into(),
        uses: None,
        per_customer: None,
        used,
        spent,
    };
    for (used, spent, charged) in [(false, false, 667), (true, false, 567), (false, true, 567)] {
        sale.buyer.coupons = vec![coupon(used, spent)];
        assert_eq!(charges(&sale, pieces(1_000)), [charged], "used {used}, spent {spent}");
    }
}

#[test]
fn only_goods_that_were_sold_at_a_price_are_charged() {
    let mut voided = three_for_two();
    voided.lines[0].voided = true;
    assert_eq!(charges(&voided, pieces(1_000)), Vec::<i64>::new());
    let mut keyed = three_for_two();
    keyed.lines[0].basis = crate::line::Regular::Keyed { reason: "marked".into() };
    assert_eq!(charges(&keyed, pieces(1_000)), Vec::<i64>::new());
}

#[test]
fn a_charge_is_given_back_with_the_goods() {
    let sale = three_for_two();
    let line = give_charge_back(&sale, 1, Minor::literal(667), 9).unwrap();
    assert_eq!((line.number, line.net()), (9, Minor::literal(-667)));
    assert_eq!(line.taxes[0].amount, Minor::literal(-47));
    assert!(line.taxes[0].base.is_negative());
    assert_eq!(give_charge_back(&sale, 2, Minor::literal(667), 9), None, "no such line");
    let back = Back { milli: 1_000, recharged: Minor::literal(667), recharge_back: Minor::literal(67) };
    assert_eq!(share::recharge_back(back, 3_000, 1_000), Minor::literal(300), "half of what is left");
}

fn paid_in_many_ways() -> Sale {
    let mut sale = sold(&[(1_000, 1, 0, 0)], 0);
    let slip = crate::tender::CardSlip::bare(PaymentId(7));
    let gift = |kind| Tender::GiftCard { amount: Minor::literal(30), kind, card: "*1234".into(), movement: 4 };
    sale.tenders = vec![
        Tender::Cash { amount: Minor::literal(500) },
        Tender::Card { amount: Minor::literal(300), slip },
        gift(CardKind::GiftCard),
        Tender::ManufacturerCoupon { amount: Minor::literal(20), code: None },
        Tender::Prepaid { amount: Minor::literal(10), reference: "W-1".into() },
    ];
    sale
}

#[test]
fn a_tender_of_this_store_is_given_back_as_it_was_paid() {
    let sale = paid_in_many_ways();
    let told = |own| -> Vec<(RefundTo, i64, i64)> {
        let back = |to: &RefundTo| if *to == RefundTo::Cash { Minor::literal(100) } else { Minor::ZERO };
        left_of(&sale, own, back).into_iter().map(|left| (left.to, left.paid.get(), left.left.get())).collect()
    };
    let gift = RefundTo::GiftCard { movement: 4, kind: CardKind::GiftCard, card: "*1234".into() };
    let prepaid = RefundTo::Prepaid { reference: "W-1".into() };
    let others = [(RefundTo::ManufacturerCoupon, 20, 20), (prepaid, 10, 10)];
    let own = [(RefundTo::Cash, 500, 400), (card(7), 300, 300), (gift, 30, 30)];
    assert_eq!(told(true), [own.to_vec(), others.to_vec()].concat());
    let elsewhere = [(RefundTo::Cash, 500, 400), (RefundTo::StoreCredit, 330, 330)];
    assert_eq!(told(false), [elsewhere.to_vec(), others.to_vec()].concat());
}

#[test]
fn what_no_tender_has_left_is_cash_or_store_credit() {
    let left = |to, paid, left| Left { to, paid: Minor::literal(paid), left: Minor::literal(left) };
    let told = |left: &[Left], decision: &Decision| -> Vec<(RefundTo, i64)> {
        plan(Minor::literal(50), left, decision).into_iter().map(|step| (step.refund, step.amount.get())).collect()
    };
    let no_cash = Decision { cash: false, ..authorized() };
    assert_eq!(told(&[], &authorized()), [(RefundTo::Cash, 50)]);
    assert_eq!(told(&[], &no_cash), [(RefundTo::StoreCredit, 50)]);
    let by_card = [left(card(7), 50, 30)];
    assert_eq!(told(&by_card, &authorized()), [(card(7), 30), (RefundTo::StoreCredit, 20)]);
    let by_both = [left(RefundTo::Cash, 30, 30), left(RefundTo::StoreCredit, 20, 20)];
    assert_eq!(told(&by_both, &no_cash), [(RefundTo::StoreCredit, 50)], "one step");
}

#[test]
fn a_step_that_takes_the_place_of_another_is_added_to_one_that_is_planned() {
    let step = |refund, amount| RefundStep { refund, amount: Minor::literal(amount), status: StepState::Planned };
    for (to_cash, cash, credit) in [(true, 60, 20), (false, 30, 50)] {
        let mut steps = vec![step(card(7), 30), step(RefundTo::StoreCredit, 20), step(RefundTo::Cash, 30)];
        assert!(fall_back(&mut steps, &card(7), "declined", to_cash));
        let amounts: Vec<i64> = steps.iter().map(|step| step.amount.get()).collect();
        assert_eq!(amounts, [30, credit, cash], "to cash: {to_cash}");
    }
}

#[test]
fn records_about_a_refund_are_kept_by_where_it_goes() {
    let gift = RefundTo::GiftCard { movement: 4, kind: CardKind::GiftCard, card: "*1234".into() };
    let prepaid = RefundTo::Prepaid { reference: "W-1".into() };
    let all = [card(7), prepaid, gift, RefundTo::ManufacturerCoupon, RefundTo::StoreCredit, RefundTo::Cash];
    let keys = ["card:p7", "prepaid:W-1", "gift_card:4", "manufacturer_coupon", "store_credit", "cash"];
    assert_eq!(all.map(|to| to.key()), keys);
}

#[test]
fn points_that_paid_in_another_store_go_back_to_the_customer() {
    let mut sale = paid_in_many_ways();
    let points = Tender::GiftCard {
        amount: Minor::literal(40),
        kind: CardKind::LoyaltyPoints,
        card: String::new(),
        movement: 0,
    };
    sale.tenders = vec![points];
    let to = |sale: &Sale, own| left_of(sale, own, |_| Minor::ZERO).remove(0).to;
    assert_eq!(to(&sale, false), RefundTo::StoreCredit, "nobody's points");
    sale.customer = Some("c".into());
    let points = RefundTo::Points { customer: "c".into() };
    assert_eq!((to(&sale, false), points.key().as_str()), (points, "points:c"));
    assert!(matches!(to(&sale, true), RefundTo::GiftCard { .. }), "the movement of this store");
}

#[test]
fn change_was_not_paid() {
    let mut sale = paid_in_many_ways();
    sale.totals.change = Minor::literal(150);
    let left = left_of(&sale, true, |_| Minor::ZERO);
    assert_eq!((left[0].to.clone(), left[0].paid), (RefundTo::Cash, Minor::literal(350)));
    let steps =
        plan(Minor::literal(10), &[Left { left: Minor::ZERO, ..left[0].clone() }, left[1].clone()], &authorized());
    assert_eq!(steps.len(), 1, "nothing is left of the cash: {steps:?}");
}
