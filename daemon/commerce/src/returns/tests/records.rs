//! Names, keys and JSON of returns, and the points of a sale.

use super::{super::decide::SKEW_MS, *};
use crate::loyalty::{Earned, ItemPoints, Tier, points_back};

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
fn the_points_of_a_sale_go_back_with_its_goods_and_all_of_them_with_all_goods() {
    let mut sale = sold(&[(1_000, 3, 0, 0), (500, 1, 0, 0)], 0);
    for (line, sku) in sale.lines.iter_mut().zip(["1", "2"]) {
        line.goods = Goods::Item { sku: sku.parse().unwrap(), gtin: None };
    }
    let back = |sale: &Sale, line, before| points_back(sale, line, before, 1_000);
    assert_eq!(back(&sale, 1, 0), 0, "the sale earned nothing");
    sale.points = Some(Earned { points: 20, amount: Minor::literal(40), movement: 1 });
    // 10.00 of 15.00 for three pieces: 13 of 20 points.
    assert_eq!([0, 1_000, 2_000].map(|before| back(&sale, 1, before)), [5, 4, 4]);
    assert_eq!((back(&sale, 2, 0), back(&sale, 9, 0)), (7, 0));
}

#[test]
fn a_sale_is_found_by_everything_that_its_customer_may_have() {
    let mut sale = sold(&[(1_000, 1, 0, 0)], 0);
    assert_eq!(SoughtBy::of(&sale), []);
    sale.reference = Some("web-1".into());
    sale.customer = Some("c".into());
    sale.lines[0].particulars.serial = Some("A1".into());
    let mut slip = crate::CardSlip::bare(PaymentId(7));
    slip.identity = Some("hash".into());
    sale.tenders = vec![Tender::Card { amount: Minor::literal(1_000), slip }];
    let keys: Vec<_> = SoughtBy::of(&sale).iter().map(SoughtBy::key).collect();
    assert_eq!(keys, ["oweb-1", "chash", "sA1", "kc"]);
    let back = take_back(&sale, None, brought(1, 1), Back::default(), 1).unwrap();
    sale.lines = vec![back];
    assert!(!SoughtBy::of(&sale).contains(&SoughtBy::Serial("A1".into())), "a unit that came back");
}

#[test]
fn a_published_policy_has_no_secret() {
    assert_eq!(Policies::default().check_published(), Ok(()));
    let wrong = Policies { identity_key: "secret".into(), high_value: Minor::literal(-1), ..Policies::default() };
    let told = wrong.check_published().unwrap_err();
    assert!(told.contains("high_value is negative") && told.contains("identity_key is a secret"), "{told}");
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

/// Histories of customers, honest and not: the rule that is to find it, whether it is fraud, the ticket, the past.
fn planted() -> Vec<(Rule, bool, Ticket, Vec<Past>)> {
    let blind = |at_days: &[i64], amount| -> Vec<Past> {
        let one = |(place, day): (usize, &i64)| past(&format!("a/1-{place}"), *day, amount, false);
        at_days.iter().enumerate().map(one).collect()
    };
    let high = |stores: &[(&str, i64)], amount| -> Vec<Past> {
        stores.iter().map(|(store, day)| past(&format!("{store}/1-1"), *day, amount, true)).collect()
    };
    let to_card = |who: &[&str], day| -> Vec<Past> {
        let one = |(place, who): (usize, &&str)| Past {
            who: Some((*who).into()),
            card: Some("card".into()),
            ..past(&format!("b/1-{place}"), day, 100, true)
        };
        who.iter().enumerate().map(one).collect()
    };
    let receipted = |day, amount| Ticket { validated: Validated::Headquarters, ..ask(day, amount) };
    let card = |day| Ticket { card: Some("card".into()), ..receipted(day, 100) };
    let serial = |fault: Option<&str>| {
        let mut ticket = receipted(1, 100);
        ticket.lines[0].serial_fault = fault.map(str::to_owned);
        ticket
    };
    let sold_ago = |minutes: i64, paid_by_card| {
        let mut ticket = receipted(40, 100);
        ticket.sold = Some((ticket.today, ticket.at_ms - minutes * 60_000));
        Ticket { paid_by_card, ..ticket }
    };
    let offline = |other_store, amount| Ticket { validated: Validated::Offline, other_store, ..ask(40, amount) };
    let tried = |refused_before| Ticket { refused_before, ..receipted(1, 100) };
    vec![
        (Rule::BlindCount, true, ask(40, 100), blind(&[20, 39], 100)),
        (Rule::BlindCount, true, ask(40, 100), blind(&[12, 13, 14], 100)),
        (Rule::BlindCount, false, ask(40, 100), blind(&[39], 100)),
        (Rule::BlindCount, false, ask(40, 100), blind(&[1, 5, 39], 100)),
        (Rule::BlindValue, true, ask(40, 6_000), blind(&[39], 5_000)),
        (Rule::BlindValue, false, ask(40, 5_000), blind(&[39], 5_000)),
        (Rule::BlindValue, false, ask(40, 6_000), blind(&[2], 5_000)),
        (Rule::HighValue, true, receipted(40, 20_000), high(&[("a", 20), ("b", 30)], 20_000)),
        (Rule::HighValue, true, receipted(40, 20_000), high(&[("a", 12), ("b", 30), ("c", 39)], 25_000)),
        (Rule::HighValue, false, receipted(40, 20_000), high(&[("a", 2), ("b", 30)], 20_000)),
        (Rule::HighValue, false, receipted(40, 19_999), high(&[("a", 20), ("b", 30)], 20_000)),
        (Rule::SharedCard, true, card(40), to_card(&["one", "two"], 39)),
        (Rule::SharedCard, false, card(40), to_card(&["one", "one", "one"], 39)),
        (Rule::SharedCard, false, card(40), to_card(&["one", "two"], 30)),
        (Rule::Serial, true, serial(Some("unit A2 was not sold")), vec![]),
        (Rule::Serial, false, serial(None), vec![]),
        (Rule::CardAsCash, true, sold_ago(9, true), vec![]),
        (Rule::CardAsCash, false, sold_ago(11, true), vec![]),
        (Rule::CardAsCash, false, sold_ago(9, false), vec![]),
        (Rule::Unverified, true, offline(true, 5_001), vec![]),
        (Rule::Unverified, false, offline(true, 5_000), vec![]),
        (Rule::Unverified, false, offline(false, 9_000), vec![]),
        (Rule::RefusedBefore, true, tried(2), vec![]),
        (Rule::RefusedBefore, false, tried(1), vec![]),
    ]
}

#[test]
fn planted_fraud_is_found_and_honest_customers_are_not_suspected() {
    let mut figures: BTreeMap<Rule, [u32; 3]> = BTreeMap::new();
    for (rule, is_fraud, ticket, mut past) in planted() {
        // Neither the order of a history, nor what is told twice, nor a clock that is five minutes off matters.
        past.reverse();
        past.extend(past.clone());
        for skew_ms in [0, SKEW_MS, -SKEW_MS] {
            let shifted = past.iter().map(|one| Past { at_ms: one.at_ms + skew_ms, ..one.clone() });
            let decision = decide(&Policies::default(), &ticket, &shifted.collect::<Vec<_>>());
            let is_found = rules(&decision).contains(&rule);
            let [right, found, planted] = figures.entry(rule).or_default();
            *right += u32::from(is_found && is_fraud);
            *found += u32::from(is_found);
            *planted += u32::from(is_fraud);
        }
    }
    for (rule, [right, found, planted]) in figures {
        println!("{:<15} precision {right}/{found}, recall {right}/{planted}", rule.name());
        assert!(right == found && right == planted, "{}: {right} right of {found}, {planted} planted", rule.name());
    }
}
