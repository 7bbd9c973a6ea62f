//! Properties of all baskets.

use proptest::prelude::*;

use super::*;

/// Four items and up to five offers of all kinds.
fn rules() -> impl Strategy<Value = Value> {
    let deal = prop_oneof![
        (1_u32..=10_000).prop_map(|percent| json!({ "percent": percent })),
        (1_i64..900).prop_map(|minor| json!({ "amount_off": minor })),
        (0_i64..900).prop_map(|minor| json!({ "fixed_price": minor })),
    ];
    let selection =
        prop_oneof![Just(all()), prop::sample::subsequence(vec!["A", "B", "C", "D"], 1..4).prop_map(|skus| on(&skus)),];
    let pick = prop::sample::select(vec!["cheaper_of_group", "dearest", "cheapest_of_all"]);
    prop_oneof![
        (selection.clone(), deal.clone()).prop_map(|(on, deal)| json!({"item": {"on": on, "deal": deal}})),
        (selection.clone(), 1_i64..5, deal.clone())
            .prop_map(|(on, from, deal)| json!({"quantity": {"on": on, "tiers": [{"from": from, "deal": deal}]}})),
        (selection.clone(), 1_u32..4, deal.clone(), any::<bool>()).prop_map(|(on, count, deal, each)| {
            json!({"group": {"on": on, "count": count, "each": each, "tiers": [{"from": 0, "deal": deal}]}})
        }),
        (deal.clone(), 1_u32..3).prop_map(|(deal, count)| {
            json!({"bundle": {"parts": [{"on": on(&["A"]), "count": count}, {"on": on(&["B"]), "count": 1}],
                "deal": deal}})
        }),
        (selection.clone(), selection.clone(), 1_u32..3, deal, pick).prop_map(|(buy, get, count, deal, pick)| {
            json!({"buy_get": {"buy": {"on": buy, "count": count}, "get": {"on": get, "count": 1},
                "deal": deal, "pick": pick}})
        }),
        (selection, 0_i64..3000, 1_u32..=9000).prop_map(|(on, from, percent)| {
            json!({"threshold": {"on": on, "tiers": [{"from": from, "deal": {"percent": percent}}]}})
        }),
    ]
}

fn offers() -> impl Strategy<Value = Vec<Value>> {
    let concurrency = prop::sample::select(vec!["exclusive", "best_price", "compound"]);
    prop::collection::vec((rules(), concurrency, 1_u16..3), 0..5).prop_map(|offers| {
        let offers = (0..).zip(offers);
        let made = offers.map(|(number, (rule, concurrency, priority))| {
            offer(&format!("o{number}"), &rule, &json!({"concurrency": concurrency, "priority": priority}))
        });
        made.collect()
    })
}

fn books() -> impl Strategy<Value = Book> {
    let prices = prop::collection::vec(prop::sample::select(vec![99_i64, 100, 333, 500, 1000]), 4);
    let control = prop::sample::select(vec!["within_priority", "across_priorities"]);
    (offers(), prices, control).prop_map(|(offers, prices, control)| {
        let mut records = vec![json!({"book": {"version": "1", "currency": "EUR", "control": control}})];
        records.extend(["A", "B", "C", "D"].into_iter().zip(prices).map(|(sku, minor)| at(sku, minor)));
        records.push(json!({"item": {"sku": "D", "lowest": 50}}));
        records.extend(offers);
        load(&records).unwrap_or_else(|problems| panic!("{problems:#?}"))
    })
}

fn lines() -> impl Strategy<Value = Vec<(&'static str, u32)>> {
    prop::collection::vec((prop::sample::select(vec!["A", "B", "C", "D"]), 1_u32..4), 1..6)
}

proptest! {
    #[test]
    fn parts_sum_and_nothing_goes_below_its_lowest_price(book in books(), lines in lines()) {
        let priced = priced(&book, &lines);
        for (line, (sku, count)) in priced.lines.iter().zip(&lines) {
            prop_assert!(*sku != "D" || line.net.get() >= 50 * i64::from(*count));
        }
    }

    #[test]
    fn the_order_of_lines_does_not_matter(book in books(), lines in lines()) {
        let backwards: Vec<_> = lines.iter().rev().copied().collect();
        prop_assert_eq!(priced(&book, &lines).net, priced(&book, &backwards).net);
    }

    #[test]
    fn splitting_lines_into_pieces_changes_nothing(book in books(), lines in lines()) {
        let single: Vec<_> = lines.iter().flat_map(|(sku, count)| vec![(*sku, 1); *count as usize]).collect();
        prop_assert_eq!(priced(&book, &lines).net, priced(&book, &single).net);
    }

    #[test]
    fn the_same_basket_has_the_same_price(book in books(), lines in lines()) {
        let once = serde_json::to_string(&priced(&book, &lines)).unwrap();
        prop_assert_eq!(once, serde_json::to_string(&priced(&book, &lines)).unwrap());
    }

    #[test]
    fn every_offer_is_used_or_explained(book in books(), lines in lines()) {
        let basket = pieces(&lines);
        let priced = price(&book, &basket).unwrap();
        let used: std::collections::BTreeSet<_> = priced.lines.iter().flat_map(|line| &line.adjustments)
            .filter_map(|one| match &one.granted {
                basket::Granted::Offer { offer, .. } => Some(offer.clone()),
                _ => None,
            })
            .collect();
        prop_assert_eq!(used.len() + why_not(&book, &basket, &priced).len(), book.offers.len());
    }

    #[test]
    fn a_hostile_record_never_panics(text in "\\{\"(offer|price|item|tax)\":\\{[a-z\":0-9,{}\\[\\]-]{0,80}\\}\\}") {
        if let Ok(record) = serde_json::from_str::<Record>(&text) {
            let mut loader = Loader::default();
            loader.add(1, record);
            let _ = loader.finish(&Store { name: "store-1", zone: &utc });
        }
    }
}
