use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::ids::BusinessDay;

const ITEMS: &str = include_str!("../../../../tests/data/complete-journey/items.csv");
const BASKETS: &str = include_str!("../../../../tests/data/complete-journey/baskets.csv");
/// What `tests/pair_counts.py` printed.
const COUNTED: &str = include_str!("fixtures/pairs.tsv");

fn day(number: u8) -> BusinessDay {
    BusinessDay::new(2026, 11, number).unwrap()
}

fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    for sign in line.chars() {
        match sign {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

#[test]
fn counts_are_those_of_an_independent_library() {
    let categories: HashMap<String, String> =
        ITEMS.lines().skip(1).map(fields).map(|fields| (fields[0].clone(), fields[4].clone())).collect();
    let mut baskets: BTreeMap<&str, Vec<(Sku, &str)>> = BTreeMap::new();
    for line in BASKETS.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let category = categories.get(fields[4]).map_or("", String::as_str);
        baskets.entry(fields[0]).or_default().push((sku(fields[4]), category));
    }
    let mut pairs = Pairs::new(28);
    for goods in baskets.values() {
        pairs.add(day(1), goods.iter().map(|(sku, category)| (sku, *category)));
    }
    let mut counted = COUNTED.lines();
    let totals: Vec<u64> = counted.next().unwrap().split('\t').map(|number| number.parse().unwrap()).collect();
    let all = pairs.all();
    let sum: u64 = all.iter().map(|(_, _, count)| u64::from(*count)).sum();
    assert_eq!([u64::from(pairs.baskets()), all.len() as u64, sum], totals[..]);
    let mut best: Vec<_> = all.into_iter().map(|(one, other, count)| (count, one, other)).collect();
    best.sort_by(|(many, one, other), (more, first, second)| more.cmp(many).then((one, other).cmp(&(first, second))));
    for (line, (count, one, other)) in counted.zip(best) {
        assert_eq!(line, format!("{one}\t{other}\t{count}"));
    }
}

#[test]
fn a_pair_is_suggested_if_it_is_frequent_and_no_coincidence() {
    let mut pairs = Pairs::new(28);
    let (chips, dip, milk) = (sku("1"), sku("2"), sku("3"));
    for number in 0..200_u32 {
        let mut goods: Vec<(&Sku, &str)> = vec![(&milk, "MILK")];
        if number < 50 {
            goods.push((&chips, "CHIPS"));
        }
        if !(40..=195).contains(&number) {
            goods.push((&dip, "DIP"));
        }
        pairs.add(day(1), goods);
    }
    let names = |basket: &[&str]| {
        let basket: BTreeSet<&str> = basket.iter().copied().collect();
        pairs.suggest(&basket).into_iter().map(|scored| scored.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&["CHIPS"]), ["DIP"], "milk is in every basket, which says nothing");
    assert_eq!((names(&["MILK"]), names(&["CHIPS", "DIP"]), names(&["?"])), (vec![], vec![], vec![]));
    let scored = &pairs.suggest(&BTreeSet::from(["CHIPS"]))[0];
    assert_eq!((scored.count, scored.with.as_str(), pairs.items_of("DIP")), (40, "CHIPS", vec![&dip]));
    // 40 of 50, with a lower bound of 0.67; 40 * 200 / (50 * 44).
    assert!((scored.lift - 3.636).abs() < 0.001 && (scored.score / scored.lift - 0.670).abs() < 0.001, "{scored:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_day_drops_out_exactly(
        baskets in proptest::collection::vec((1..9_u8, proptest::collection::btree_set(0..12_u32, 1..6)), 0..60),
    ) {
        let mut rolling = Pairs::new(3);
        let mut baskets = baskets;
        baskets.sort_by_key(|(day, _)| *day);
        let days: BTreeSet<u8> = baskets.iter().map(|(day, _)| *day).collect();
        let kept: BTreeSet<u8> = days.iter().rev().take(3).copied().collect();
        let mut fresh = Pairs::new(3);
        for (number, types) in &baskets {
            let goods: Vec<_> = types.iter().map(|id| (sku(&format!("{id}")), format!("T{id}"))).collect();
            let goods = || goods.iter().map(|(sku, name)| (sku, name.as_str()));
            rolling.add(day(*number), goods());
            if kept.contains(number) {
                fresh.add(day(*number), goods());
            }
        }
        prop_assert_eq!(rolling.all(), fresh.all());
        prop_assert_eq!((rolling.baskets(), rolling.len()), (fresh.baskets(), fresh.len()));
        prop_assert_eq!(rolling.len(), rolling.all().len());
    }
}

#[test]
fn half_of_the_baskets_are_shown_suggestions_and_the_uplift_has_an_interval() {
    let shown = (0..10_000).filter(|basket| is_shown(*basket)).count();
    assert!((4_700..5_300).contains(&shown), "{shown}");
    let mut outcomes = Outcomes::default();
    assert_eq!(outcomes.uplift(), None);
    for number in 0..1_000 {
        outcomes.add(true, number < 100);
        outcomes.add(false, number < 50);
    }
    let uplift = outcomes.plus(Outcomes::default()).uplift().unwrap();
    // Newcombe's method 10 for 100/1000 and 50/1000.
    assert!((uplift.difference - 0.05).abs() < 1e-9, "{uplift:?}");
    assert!((uplift.lower - 0.0269).abs() < 0.0005 && (uplift.upper - 0.0734).abs() < 0.0005, "{uplift:?}");
}

#[test]
fn rules_apply_to_items_and_types_and_not_to_what_is_in_the_basket() {
    let rule = |skus: &[&str], categories: &[&str], offer: &str| Rule {
        kind: RuleKind::Accessory,
        skus: skus.iter().map(|text| sku(text)).collect(),
        categories: categories.iter().map(|text| (*text).to_owned()).collect(),
        offer: sku(offer),
        say: "A case protects it".into(),
    };
    let rules = Rules {
        rules: vec![rule(&["1"], &[], "10"), rule(&[], &["PHONES"], "11"), rule(&["2"], &[], "12")],
        never_skus: vec![sku("13")],
        never_categories: vec!["WINE".into()],
    };
    assert_eq!(rules.check(), Ok(()));
    let offers = |goods: &[(&str, &str)]| {
        let goods: Vec<_> = goods.iter().map(|(item, category)| (sku(item), (*category).to_owned())).collect();
        rules.applying(&goods).map(|rule| rule.offer.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offers(&[("1", "PHONES")]), ["10", "11"]);
    assert_eq!(offers(&[("1", "PHONES"), ("10", "CASES")]), ["11"]);
    assert!(
        !rules.may_suggest(&sku("13"), "") && !rules.may_suggest(&sku("1"), "WINE") && rules.may_suggest(&sku("1"), "")
    );
    assert!(Rules { rules: vec![rule(&[], &[], "1")], ..Rules::default() }.check().is_err());
}

#[test]
fn rules_are_checked_and_bounded() {
    let rule = Rule {
        kind: RuleKind::Accessory,
        skus: vec![sku("1"); MOST],
        categories: vec!["c".repeat(MAX_TEXT); MOST],
        offer: sku("2"),
        say: "s".repeat(MAX_TEXT),
    };
    let by_type = Rule { skus: vec![], categories: vec!["TEA".into()], ..rule.clone() };
    let mut rules = vec![by_type.clone(); MOST];
    rules[0] = rule.clone();
    let good = Rules { rules, never_skus: vec![sku("1"); MOST], never_categories: vec!["TEA".into(); MOST] };
    assert_eq!(good.check(), Ok(()));
    assert_eq!(Rules { rules: vec![Rule { categories: vec![], ..rule.clone() }], ..Rules::default() }.check(), Ok(()));
    let too_many = [
        Rules { rules: vec![by_type.clone(); MOST + 1], ..Rules::default() },
        Rules { never_skus: vec![sku("1"); MOST + 1], ..Rules::default() },
        Rules { never_categories: vec!["TEA".into(); MOST + 1], ..Rules::default() },
    ];
    for rules in too_many {
        assert_eq!(rules.check(), Err("at most 500 rules and 500 exceptions of each kind".into()));
    }
    let long = "x".repeat(MAX_TEXT + 1);
    for never in [String::new(), long.clone(), "\u{200b}".into()] {
        let rules = Rules { never_categories: vec!["TEA".into(), never], ..Rules::default() };
        assert!(rules.check().unwrap_err().starts_with("`never_categories`"));
    }
    for (wrong, why) in [
        (Rule { skus: vec![], categories: vec![], ..rule.clone() }, "rule 2 names neither"),
        (Rule { skus: vec![sku("1"); MOST + 1], ..rule.clone() }, "rule 2 has more than 500"),
        (Rule { categories: vec!["TEA".into(); MOST + 1], ..rule.clone() }, "rule 2 has more than 500"),
        (Rule { say: String::new(), ..rule.clone() }, "rule 2: texts are"),
        (Rule { say: long.clone(), ..rule.clone() }, "rule 2: texts are"),
        (Rule { categories: vec![long], ..rule.clone() }, "rule 2: texts are"),
    ] {
        let told = Rules { rules: vec![by_type.clone(), wrong], ..Rules::default() }.check().unwrap_err();
        assert!(told.starts_with(why), "{told}");
    }
}

#[test]
fn what_dropped_out_counts_for_no_suggestion() {
    let (mut rolling, mut fresh) = (Pairs::new(1), Pairs::new(1));
    let (plain, hot, dip, milk) = (sku("1"), sku("9"), sku("2"), sku("3"));
    for _ in 0..100 {
        rolling.add(day(1), [(&hot, "CHIPS"), (&milk, "MILK")]);
    }
    for pairs in [&mut rolling, &mut fresh] {
        for number in 0..200 {
            let mut goods: Vec<(&Sku, &str)> = vec![(&milk, "MILK")];
            if number < 50 {
                goods.extend([(&plain, "CHIPS"), (&dip, "DIP")]);
            }
            pairs.add(day(2), goods);
        }
    }
    let suggested = |pairs: &Pairs| format!("{:?}", pairs.suggest(&BTreeSet::from(["CHIPS"])));
    assert_eq!(suggested(&rolling), suggested(&fresh));
    assert_eq!((rolling.items_of("CHIPS"), fresh.items_of("CHIPS")), (vec![&plain], vec![&plain]));
    assert_eq!((rolling.count("CHIPS", "DIP"), rolling.count("DIP", "CHIPS"), rolling.count("?", "DIP")), (50, 50, 0));
}

#[test]
fn outcomes_are_summed_by_kind() {
    let mut one = Outcomes::default();
    for (is_shown, is_bought) in [(true, true), (true, false), (false, true), (false, true), (false, false)] {
        one.add(is_shown, is_bought);
    }
    let twice = Outcomes { shown: 4, shown_bought: 2, held_back: 6, held_back_bought: 4 };
    assert_eq!(one.plus(one), twice);
}

/// The hash decides on the same half in every version.
#[test]
fn a_basket_stays_in_its_half() {
    assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(is_shown), [false, true, false, true, true, false, false, true]);
}

/// 50 of 200 baskets have chips and 100 have dip: 30 with both can be a coincidence (chi-square 2.7), 36 can't (12.9).
#[test]
fn what_can_be_a_coincidence_is_not_suggested() {
    let suggested = |both: u32| {
        let mut pairs = Pairs::new(1);
        assert!(pairs.is_empty());
        for number in 0..200 {
            let (chips, dip) = (sku("1"), sku("2"));
            let mut goods: Vec<(&Sku, &str)> = Vec::new();
            if number < 50 {
                goods.push((&chips, "CHIPS"));
            }
            if number < both || (50..150 - both).contains(&number) {
                goods.push((&dip, "DIP"));
            }
            pairs.add(day(1), goods);
        }
        assert!(!pairs.is_empty());
        pairs.suggest(&BTreeSet::from(["CHIPS"])).len()
    };
    assert_eq!([suggested(30), suggested(36)], [0, 1]);
}
