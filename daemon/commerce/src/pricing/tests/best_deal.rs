//! The best deal, judged by a pricer of its own: it tries every way of giving units to competing offers.
//!
//! It shares no code with the engine: units are a flat list, and each offer's rule is written again in its simplest
//! form.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Simple {
    /// Percent off each unit of these items.
    Percent(Vec<usize>, i64),
    /// Any `count` of these items for a price.
    For(Vec<usize>, usize, i64),
    /// Buy so many, get the cheapest of each group free.
    Free(Vec<usize>, usize),
}

impl Simple {
    fn rule(&self) -> Value {
        let names = |items: &[usize]| on(&items.iter().map(|&item| NAMES[item]).collect::<Vec<_>>());
        match self {
            Self::Percent(items, percent) => json!({"item": {"on": names(items), "deal": {"percent": percent * 100}}}),
            Self::For(items, count, minor) => json!({"group": {"on": names(items), "count": count,
                "tiers": [{"from": 0, "deal": {"fixed_price": minor}}]}}),
            Self::Free(items, buy) => json!({"buy_get": {"buy": {"on": names(items), "count": buy},
                "get": {"on": names(items), "count": 1}, "deal": {"percent": 10_000}}}),
        }
    }

    fn items(&self) -> &[usize] {
        match self {
            Self::Percent(items, _) | Self::For(items, ..) | Self::Free(items, _) => items,
        }
    }

    /// What it takes off these prices, dearest first.
    fn value(&self, mut prices: Vec<i64>) -> i64 {
        prices.sort_unstable_by(|a, b| b.cmp(a));
        match self {
            Self::Percent(_, percent) => prices.iter().map(|price| (price * percent + 50) / 100).sum(),
            Self::For(_, count, minor) => {
                prices.chunks_exact(*count).map(|group| (group.iter().sum::<i64>() - minor).max(0)).sum()
            }
            Self::Free(_, buy) => prices.chunks_exact(buy + 1).map(|group| group[*buy]).sum(),
        }
    }
}

const NAMES: [&str; 4] = ["A", "B", "C", "D"];
const PRICES: [i64; 4] = [1000, 750, 400, 120];

/// The highest sum over all ways of giving each unit to one offer or to none.
fn best(offers: &[Simple], units: &[usize]) -> i64 {
    fn search(offers: &[Simple], units: &[usize], given: &mut Vec<Vec<i64>>) -> i64 {
        let Some((&unit, rest)) = units.split_first() else {
            return offers.iter().zip(given.iter()).map(|(offer, prices)| offer.value(prices.clone())).sum();
        };
        let mut best = search(offers, rest, given);
        for (index, offer) in offers.iter().enumerate() {
            if offer.items().contains(&unit) {
                given[index].push(PRICES[unit]);
                best = best.max(search(offers, rest, given));
                given[index].pop();
            }
        }
        best
    }
    search(offers, units, &mut vec![Vec::new(); offers.len()])
}

fn simple() -> impl Strategy<Value = Simple> {
    let items = prop::sample::subsequence(vec![0_usize, 1, 2, 3], 1..=4);
    prop_oneof![
        (items.clone(), 1_i64..=60).prop_map(|(items, percent)| Simple::Percent(items, percent)),
        (items.clone(), 2_usize..4, 100_i64..1500).prop_map(|(items, count, minor)| Simple::For(items, count, minor)),
        (items, 1_usize..3).prop_map(|(items, buy)| Simple::Free(items, buy)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_division_of_the_units_is_better(
        offers in prop::collection::vec(simple(), 1..4),
        units in prop::collection::vec(0_usize..4, 1..8),
    ) {
        let mut records: Vec<Value> = (0..4).map(|item| at(NAMES[item], PRICES[item])).collect();
        let numbered = (0..).zip(&offers);
        records.extend(numbered.map(|(number, simple)| offer(&format!("o{number}"), &simple.rule(), &json!({}))));
        let lines: Vec<(&str, u32)> = units.iter().map(|&unit| (NAMES[unit], 1)).collect();
        let priced = priced(&book(&records), &lines);
        prop_assert!(priced.exact);
        prop_assert_eq!(priced.discount.get(), best(&offers, &units));
    }
}
