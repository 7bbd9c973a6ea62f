//! Suggestions that are learnt from the store's own sales.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::shop::{CEREAL, Shop};

/// Sells items for cash in one command.
async fn sell(shop: &Shop, skus: &[&str]) -> Value {
    let lines: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
    let sale = json!({ "lines": lines, "tenders": [{ "tender": "cash", "amount": 2_000 }] });
    shop.till(0, "/api/v1/sales", sale).await.expect(StatusCode::OK)
}

#[tokio::test]
async fn what_is_bought_together_is_suggested_to_half_of_the_baskets_and_its_effect_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let item = |sku: &str| json!({ "sku": sku, "description": sku, "price": { "minor": 100, "per": "each" } });
    shop.person("/api/v1/items", json!({ "items": [item("milk"), item("soap")] })).await.expect(StatusCode::OK);
    for sku in ["milk", "soap", CEREAL] {
        shop.policy(sku, json!({ "rule": "untracked" })).await;
    }
    for number in 0..60 {
        sell(&shop, if number < 36 { &[CEREAL, "milk"] } else { &["soap"] }).await;
    }
    let learnt = async |count: u64| {
        let began = Instant::now();
        loop {
            let report = shop.read("/api/v1/suggestions/outcome").await;
            if report["baskets"] == json!(count) {
                return report;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{report}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(learnt(60).await["pairs"], 1);
    let (mut shown, mut held_back) = (0, 0);
    while shown == 0 || held_back == 0 {
        let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
        let id = opened["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/baskets/{id}");
        shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        let is_shown = commerce::guide::is_shown(id.parse::<commerce::BasketId>().unwrap().0);
        // The time of a slow machine may be over before anything was found.
        let suggested = loop {
            let suggested = shop.read_at_till(&format!("{path}/suggestions")).await.expect(StatusCode::OK);
            if suggested["is_late"] == json!(false) {
                break suggested;
            }
        };
        let skus: Vec<_> = suggested["suggestions"].as_array().unwrap().iter().map(|one| &one["sku"]).collect();
        assert_eq!(skus.len(), usize::from(is_shown), "{suggested}");
        if is_shown {
            assert_eq!(skus, [&json!("milk")]);
            shop.till(0, &format!("{path}/lines"), json!({ "sku": "milk" })).await.expect(StatusCode::OK);
            shown += 1;
        } else {
            held_back += 1;
        }
        let cash = json!({ "tender": "cash", "amount": 2_000 });
        shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
        shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    }
    let report = learnt(60 + shown + held_back).await;
    assert_eq!(report["pairs"], 1);
    let began = Instant::now();
    loop {
        let outcomes = shop.read("/api/v1/suggestions/outcome").await["outcomes"].clone();
        let expected = json!({ "shown": shown, "shown_bought": shown, "held_back": held_back, "held_back_bought": 0 });
        if outcomes == expected {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{outcomes}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
