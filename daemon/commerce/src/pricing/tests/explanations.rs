//! Explanations of what applied and of what did not.

use super::{
    basket::{Budget, Coupon, Evidence, Granted},
    explain::{Reason, SHORT},
    *,
};

fn percent(permyriad: u32) -> Value {
    json!({"item": {"on": all(), "deal": {"percent": permyriad}}})
}

fn reasons(book: &Book, basket: &Basket) -> Vec<(String, Reason)> {
    let priced = price(book, basket).unwrap();
    why_not(book, basket, &priced).into_iter().map(|rejected| (rejected.offer, rejected.reason)).collect()
}

#[test]
fn each_offer_that_did_not_apply_says_why() {
    let three = json!({"group": {"on": all(), "count": 3, "tiers": [{"from": 0, "deal": {"percent": 5000}}]}});
    let other = json!({"item": {"on": on(&["B"]), "deal": {"percent": 1000}}});
    let book = book(&[
        at("A", 1000),
        offer("best", &percent(3000), &json!({})),
        offer("budget", &percent(9000), &json!({})),
        offer("channel", &percent(9000), &json!({"channels": ["web"]})),
        offer("coupon", &percent(9000), &json!({"coupon": "spring"})),
        offer("customer", &percent(9000), &json!({"customers": ["vip"]})),
        offer("few", &three, &json!({})),
        offer("goods", &other, &json!({})),
        offer("hours", &percent(9000), &json!({"hours": {"from_minute": 0, "until_minute": 720}})),
        offer("time", &percent(9000), &json!({"from": "2027-01-01T00:00"})),
        offer("worse", &percent(2000), &json!({})),
    ]);
    let mut basket = pieces(&[("A", 2)]);
    basket.budgets.insert("budget".into(), Budget { uses: Some(0), minor: None });
    let beaten = Reason::Beaten { by: vec!["best".into()], would_be: crate::Minor::literal(400) };
    let expected = [
        ("budget", Reason::Budget),
        ("channel", Reason::Channel),
        ("coupon", Reason::Coupon),
        ("customer", Reason::Customer),
        ("few", Reason::NotReached),
        ("goods", Reason::NoGoods),
        ("hours", Reason::Hours),
        ("time", Reason::Time),
        ("worse", beaten),
    ];
    assert_eq!(reasons(&book, &basket), expected.map(|(id, reason)| (id.to_owned(), reason)));
    basket.coupons.push(Coupon { class: "spring".into(), code: "1".into() });
    basket.customers.push("vip".into());
    basket.moment.minute = 719;
    basket.channel = "web".into();
    let left: Vec<String> = reasons(&book, &basket).into_iter().map(|(id, _)| id).collect();
    assert!(left.contains(&"best".to_owned()) && left.len() == 9, "one of the 90 % offers applies: {left:?}");
}

#[test]
fn a_budget_limits_uses_and_amounts() {
    let book = book(&[at("A", 1000), offer("half", &percent(5000), &json!({}))]);
    let mut basket = pieces(&[("A", 3)]);
    let mut with = |uses, minor: Option<i64>| {
        basket.budgets.insert("half".into(), Budget { uses, minor: minor.and_then(crate::Minor::new) });
        check(price(&book, &basket).unwrap()).discount.get()
    };
    assert_eq!(
        [with(Some(2), None), with(None, Some(700)), with(None, Some(0)), with(None, None)],
        [1000, 700, 0, 1500]
    );
}

#[test]
fn a_group_names_the_lines_and_units_that_qualified() {
    let rule = json!({"buy_get": {"buy": {"on": on(&["A"]), "count": 2}, "get": {"on": on(&["B"]), "count": 1},
        "deal": {"percent": 10000}}});
    let book = book(&[at("A", 1000), at("B", 300), offer("gift", &rule, &json!({"funded_by": "maker"}))]);
    let priced = priced(&book, &[("A", 5), ("B", 3)]);
    assert!(priced.lines[0].adjustments.is_empty());
    let gift = &priced.lines[1].adjustments[0];
    let granted = Granted::Offer { offer: "gift".into(), version: 1, funded_by: Some("maker".into()) };
    assert_eq!((&gift.granted, gift.basis.get(), gift.amount.get(), gift.units), (&granted, 600, 600, 2));
    assert_eq!(gift.evidence, [Evidence { line: 1, units: 4 }, Evidence { line: 2, units: 2 }]);
    let euro = crate::Currency::from_code("EUR").unwrap();
    assert_eq!(gift.long(euro), "gift: 6.00 off 6.00 of 2 units, together with other lines");
}

#[test]
fn the_short_text_fits_a_receipt() {
    let named = |name: &str| {
        let rule = percent(1000);
        let book = book(&[at("A", 1000), offer("o", &rule, &json!({"name": name}))]);
        priced(&book, &[("A", 1)]).lines[0].adjustments[0].short()
    };
    assert_eq!(named("Summer sale"), "Summer sale");
    assert_eq!(named("24 characters exactly ok"), "24 characters exactly ok");
    let cut = named("Buy any three of these and get one for free");
    assert_eq!(cut, "Buy any three of these…");
    assert!(cut.chars().count() <= SHORT);
}
