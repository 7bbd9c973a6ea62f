//! Gift cards between two stores and HQ.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{
    Answer, ENGINE, ask,
    headquarters::Headquarters,
    open_as,
    shop::{CEREAL, Shop},
};

async fn present(shop: &Shop, card: &str, amount: i64) -> Answer {
    let body = json!({ "card": card, "amount": amount }).to_string();
    ask(&shop.router, "POST", "/api/v1/gift-cards/present", &[("authorization", &shop.tills[0])], &body).await
}

async fn basket(shop: &Shop) -> String {
    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap())
}

/// Sells a card for cash; returns its number.
async fn sell_card(shop: &Shop, amount: i64) -> String {
    let path = basket(shop).await;
    let sold = shop.till(0, &format!("{path}/gift-cards"), json!({ "amount": amount })).await.expect(StatusCode::OK);
    let cash = json!({ "tender": "cash", "amount": amount });
    shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    sold["card"].as_str().unwrap().to_owned()
}

/// Sells a cereal for a card and cash; returns the tender.
async fn pay(shop: &Shop, presented: &Value, amount: i64) -> Answer {
    let path = basket(shop).await;
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    let tender = json!({ "tender": "gift_card", "amount": amount, "presented": presented });
    let paid = shop.till(0, &format!("{path}/tenders"), tender).await;
    if paid.status == StatusCode::OK {
        let cash = json!({ "tender": "cash", "amount": 400 });
        shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
        shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    }
    paid
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_one_store_pays_in_another_and_without_hq_where_its_money_is() {
    let hq = Headquarters::start().await;
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let open = |name: &str, directory: &tempfile::TempDir| open_as(directory.path(), name, ENGINE, &hq.config());
    let one_shop = Shop::enter(open("store-1", &one), one.path()).await;
    let two_shop = Shop::enter(open("store-2", &two), two.path()).await;
    let card = sell_card(&one_shop, 1_000).await;
    let shown = present(&one_shop, &card, 300).await.expect(StatusCode::OK);
    assert_eq!((&shown["available"], &shown["kind"]), (&json!(1_000), &json!("gift_card")));
    let paid = pay(&one_shop, &shown["presented"], 300).await.expect(StatusCode::OK);
    assert_eq!((&paid["tender"]["card"], &paid["due"]), (&json!(format!("*{}", &card[16..])), &json!(69)));

    // The other store gets it once HQ has heard of it and has called it back.
    let began = Instant::now();
    let shown = loop {
        let shown = present(&two_shop, &card, 200).await;
        if shown.body["available"].as_i64().is_some_and(|available| available >= 200) {
            break shown.expect(StatusCode::OK);
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the money does not arrive: {}", shown.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(shown["balance"], 700);
    // HQ goes away: the card pays what the store holds, and no more.
    drop(hq);
    pay(&two_shop, &shown["presented"], 200).await.expect(StatusCode::OK);
    pay(&two_shop, &shown["presented"], 200).await.refused(422, "gift-card-not-held");
    present(&one_shop, "30141592653589793210", 1).await.refused(400, "bad-request");
    let unknown = commerce::gift_card::CardNumber::from_random([3; 16]);
    present(&one_shop, unknown.as_str(), 1).await.refused(404, "gift-card-unknown");
}
