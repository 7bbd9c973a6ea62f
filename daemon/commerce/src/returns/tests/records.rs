//! Names, keys and JSON of returns, and the points of a sale.

use super::*;
use crate::loyalty::{ItemPoints, Tier};

#[test]
fn names_are_those_of_json() {
    use Reason::{Damaged, Defective, Recalled, Size, Unwanted, WrongItem};

    for disposition in [Disposition::Sellable, Disposition::Damaged, Disposition::Quarantine, Disposition::Vendor] {
        assert_eq!(serde_json::to_value(disposition).unwrap(), disposition.name());
    }
    for reason in [Unwanted, Size, WrongItem, Defective, Damaged, Recalled] {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}

#[test]
fn a_line_that_takes_goods_back_does_not_say_so_in_json() {
    let sale = sold(&[(1_000, 1, 0, 0)], 0);
    let returned = *take_back(&sale, None, brought(1, 1), Back::default(), 1).unwrap().returned.unwrap();
    for (way, written) in [(Way::Back, None), (Way::Recharge, Some("recharge")), (Way::Exchange, Some("exchange"))] {
        let json = serde_json::to_value(Returned { way, ..returned.clone() }).unwrap();
        assert_eq!(json.get("way").and_then(|way| way.as_str()), written);
        assert_eq!(serde_json::from_value::<Returned>(json).unwrap().way, way);
    }
}

#[test]
fn records_about_a_sale_are_kept_by_store_and_sale() {
    let own = SoldIn { store: None, sale: SaleId { epoch: 1, sequence: 7 } };
    assert_eq!(own.key(), "1-7");
    assert_eq!(SoldIn { store: Some("north".into()), ..own }.key(), "north/1-7");
}

#[test]
fn a_customer_is_known_by_the_first_identity_that_is_not_the_card() {
    let identities = ["card-hash".to_owned(), "passport-hash".to_owned(), "phone-hash".to_owned()];
    assert_eq!(who(&identities, Some(&identities[0])), Some(&identities[1]));
    assert_eq!(who(&identities, None), Some(&identities[0]));
    assert_eq!(who(&identities[..1], Some(&identities[0])), None);
}

#[test]
fn a_sale_earns_for_the_visit_its_items_its_amount_and_the_tier() {
    let points = |sku: &str, points| ItemPoints { sku: sku.parse().unwrap(), points };
    let gold = Tier { name: "gold".into(), from_points: 1_000, bonus_permille: 500, groups: vec![] };
    let programme = Programme {
        point_value: 1,
        minor_per_point: Some(100),
        per_visit: 5,
        items: vec![points("2", 400), points("1", 7)],
        tiers: vec![gold],
        expire_days: None,
    };
    let mut sale = sold(&[(1_099, 1, 0, 0)], 0);
    sale.lines[0].goods = Goods::Item { sku: "1".parse().unwrap(), gtin: None };
    assert_eq!(programme.earn(None, &sale), 5 + 7 + 10);
    assert_eq!(programme.earn(Some("gold"), &sale), 33, "half of it more");
    assert_eq!(programme.earn(Some("silver"), &sale), 22, "no such tier");
}

#[test]
fn a_policy_has_no_negative_amounts() {
    assert_eq!(Policies::default().check(), Vec::<String>::new());
    let minus = Minor::literal(-1);
    let wrong = Policies { without_receipt: minus, unverified: minus, high_value: minus, ..Policies::default() };
    let told = wrong.check();
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], "high_value is negative: write minor units, 0 or more");
}

#[test]
fn returns_without_a_receipt_sum_up_to_the_limit() {
    let policies = Policies::default();
    let earlier = [past("a/1-1", 1, 5_000, false)];
    assert_eq!(decide(&policies, &ask(3, 5_000), &earlier).outcome, Outcome::Authorize, "100.00 together");
    let more = decide(&policies, &ask(3, 5_001), &earlier);
    assert_eq!((more.outcome, more.fired[0].rule), (Outcome::Deny, Rule::BlindValue));
    assert_eq!(decide(&policies, &ask(3, 10_000), &[]).outcome, Outcome::Authorize);
    assert_eq!(rules(&decide(&policies, &ask(3, 10_001), &[]))[0], Rule::NoReceipt);
}

#[test]
fn a_card_of_several_customers_needs_an_override() {
    let ticket = Ticket { card: Some("card".into()), validated: Validated::Local, ..ask(3, 100) };
    let by = |key: &str, who: &str, card: &str| Past {
        who: Some(who.into()),
        card: Some(card.into()),
        ..past(key, 2, 100, true)
    };
    let fired = |history: &[Past]| rules(&decide(&Policies::default(), &ticket, history));
    assert_eq!(fired(&[by("a/1-1", "one", "card"), by("a/1-2", "two", "card")]), [Rule::SharedCard]);
    assert_eq!(fired(&[by("a/1-1", "one", "other"), by("a/1-2", "two", "other")]), [], "another card");
    assert_eq!(fired(&[by("a/1-1", "one", "card"), by("a/1-2", "one", "card")]), [], "one customer");
    assert_eq!(fired(&[by("a/1-1", "me", "card"), by("a/1-2", "two", "card")]), [], "and the customer");
}

#[test]
fn unusual_shifts_are_reported() {
    use decide::{Alert, ShiftReturns, shift_alerts};
    let alerts = |count, keyed, others| shift_alerts(ShiftReturns { count, keyed }, others);
    assert_eq!(alerts(4, 0, (0, 0)), []);
    assert_eq!(alerts(5, 0, (0, 0)), [Alert::ManyReturns], "the first shift of the store");
    assert_eq!(alerts(5, 0, (3, 5)), [], "three times the mean");
    assert_eq!(alerts(6, 0, (3, 5)), [Alert::ManyReturns]);
    assert_eq!(alerts(3, 3, (0, 0)), []);
    assert_eq!(alerts(8, 4, (1, 100)), [Alert::KeyedReceipts]);
    assert_eq!(alerts(9, 4, (1, 100)), []);
}

#[test]
fn a_share_has_the_opposite_of_every_component() {
    let mut sale = sold(&[(1_000, 2, 100, 0)], 0);
    let line = &mut sale.lines[0];
    line.adjustments.push(crate::pricing::Adjustment {
        granted: crate::pricing::basket::Granted::MultiPrice,
        name: "2 for 8.00".into(),
        basis: Minor::literal(1_000),
        amount: Minor::literal(200),
        units: 2,
        group: None,
        evidence: vec![],
    });
    line.charges.push(crate::pricing::basket::LinkedCharge { name: "Deposit".into(), amount: Minor::literal(50) });
    let (base, amount) = (Minor::literal(675), Minor::literal(75));
    line.taxes = vec![LineTax { tax: "vat".into(), rate_ppm: None, base, amount, included: true }];
    let back = take_back(&sale, None, brought(1, 1), Back::default(), 3).unwrap();
    assert_eq!((back.regular, back.net()), (Minor::literal(-500), Minor::literal(-350)));
    assert_eq!((back.adjustments[0].amount, back.adjustments[0].basis), (Minor::literal(-100), Minor::literal(-500)));
    assert_eq!((back.discounts[0].amount, back.charges[0].amount), (Minor::literal(-50), Minor::literal(-25)));
    // Goods and deposit without the tax in them.
    assert_eq!((back.taxes[0].amount, back.taxes[0].base), (Minor::literal(-38), Minor::literal(-337)));
}

#[test]
fn a_gift_card_does_not_come_back_as_goods() {
    let refused = |sale: &Sale| matches!(share::returnable(sale, 1), Err(NotReturnable::Return { .. }));
    let mut sale = sold(&[(1_000, 1, 0, 0)], 0);
    assert!(!refused(&sale));
    let card = crate::gift_card::CardNumber::from_random([1; 16]);
    sale.loads.push(crate::basket::CardLoad { line: 1, card, amount: Minor::literal(1_000), movement: None });
    assert!(refused(&sale), "by its load");
    sale.loads.clear();
    sale.lines[0].basis = crate::line::Regular::Keyed { reason: "Gift card".into() };
    assert!(!refused(&sale), "goods with a number");
    sale.lines[0].goods = Goods::NotOnFile { sku: None, gtin: None };
    assert!(refused(&sale), "by what another store tells of it");
}

#[test]
fn goods_come_back_in_the_unit_of_the_sale() {
    let sale = sold(&[(1_000, 2, 0, 0)], 0);
    let refused = |quantity| {
        let brought = Brought { quantity, ..brought(1, 1) };
        matches!(take_back(&sale, None, brought, Back::default(), 1), Err(NotReturnable::BadQuantity { line: 1, .. }))
    };
    assert!(refused(Quantity::new(1_000, crate::Unit::Kilogram).unwrap()));
    assert!(refused(Quantity::new(0, crate::Unit::Each).unwrap()));
    assert!(!refused(Quantity::pieces(2).unwrap()));
}

#[test]
fn goods_without_a_receipt_are_of_no_sale() {
    let now = sold(&[(1_000, 1, 0, 0)], 0).lines.remove(0);
    let back = share::take_back_blind(&now, brought(1, 1), 4);
    let returned = back.returned.as_ref().unwrap();
    assert_eq!((back.number, back.net(), returned.line), (4, Minor::literal(-1_000), 0));
    assert_eq!(returned.sale, None);
}

#[test]
fn only_returns_of_the_last_30_days_count_as_high_value() {
    let ticket = Ticket { validated: Validated::Local, ..ask(40, 25_000) };
    let at = |first, second| [past("a/1-1", first, 25_000, true), past("a/1-2", second, 25_000, true)];
    let fired = |history: &[Past]| rules(&decide(&Policies::default(), &ticket, history));
    assert_eq!(fired(&at(38, 39)), [Rule::HighValue]);
    assert_eq!(fired(&at(1, 39)), []);
    assert_eq!(fired(&[past("a/1-1", 38, 25_000, true), past("a/1-2", 39, 100, true)]), [], "a small one");
}
