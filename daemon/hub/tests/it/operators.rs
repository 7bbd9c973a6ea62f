//! Operators over the API: signing in, limits, overrides, locks.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{
    Answer, ask,
    shop::{CEREAL, Shop, of, pieces},
};

/// A command without an idempotency key: those with a PIN have none.
async fn keyless(shop: &Shop, header: (&str, &str), path: &str, body: Value) -> Answer {
    ask(&shop.router, "POST", path, &[header], &body.to_string()).await
}

async fn add(shop: &Shop, id: &str, role: &str, pin: &str) {
    let operator = json!({ "id": id, "name": id, "role": role, "pin": pin, "days": 1 });
    keyless(shop, ("cookie", &shop.cookie), "/api/v1/operators", operator).await.expect(StatusCode::OK);
}

async fn sign_in(shop: &Shop, id: &str, pin: &str) -> Answer {
    let path = "/api/v1/operators/sign-in";
    keyless(shop, ("authorization", &shop.tills[0]), path, json!({ "operator": id, "pin": pin })).await
}

#[tokio::test]
async fn a_register_with_operators_does_what_the_role_allows_or_another_operator_signs_for() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    add(&shop, "ann", "cashier", "1111").await;
    add(&shop, "sue", "supervisor", "2222").await;
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.refused(422, "operator-needed");
    sign_in(&shop, "ann", "9999").await.refused(422, "operator-wrong");
    assert_eq!(sign_in(&shop, "ann", "1111").await.expect(StatusCode::OK)["role"], "cashier");
    let sold = shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    let sale = shop.read(&format!("/api/v1/sales/{}", sold["sale"].as_str().unwrap())).await;
    assert_eq!(sale["operator"], "ann");
    let void = format!("/api/v1/sales/{}/void", sold["sale"].as_str().unwrap());
    let refused = shop.till(0, &void, json!({ "reason": "wrong customer" })).await;
    assert_eq!((&refused.body["right"], &refused.body["amount"]), (&json!("refund"), &sale["totals"]["net"]));
    refused.refused(422, "override-needed");

    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    let discount = json!({ "reason": "dented", "origin": "manager", "amount": 100 });
    let discounts = format!("{path}/lines/1/discounts");
    let refused = shop.till(0, &discounts, discount.clone()).await;
    assert_eq!((&refused.body["right"], &refused.body["amount"]), (&json!("discount"), &json!(272)));
    refused.refused(422, "override-needed");
    let signed = |id: &str, pin: &str| {
        let body = json!({ "for": { "right": "discount", "amount": 272 }, "by": { "operator": id, "pin": pin } });
        async { keyless(&shop, ("authorization", &shop.tills[0]), "/api/v1/operators/override", body).await }
    };
    signed("ann", "1111").await.refused(422, "override-needed");
    signed("sue", "2222").await.expect(StatusCode::OK);
    shop.till(0, &discounts, discount).await.expect(StatusCode::OK);

    shop.till(0, "/api/v1/operators/lock", json!({})).await.expect(StatusCode::NO_CONTENT);
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.refused(422, "operator-needed");
    let audit = shop.read("/api/v1/audit").await;
    let acts: Vec<_> = audit.as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts[..4], ["operator_signed_out", "override_used", "override_granted", "operator_signed_in"]);
    assert_eq!(audit[1]["who"], json!({ "station": { "register": "till-1" }, "operator": "ann" }));
    assert!(!audit.to_string().contains("1111"), "no PIN is recorded");
}

#[tokio::test]
async fn wrong_pins_that_are_tried_at_once_are_counted_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    add(&shop, "ann", "cashier", "1111").await;
    let most = app::operators::WRONG_PINS as usize;
    let tried = futures_util::future::join_all((0..2 * most).map(|_| sign_in(&shop, "ann", "9999"))).await;
    let checked = tried.iter().filter(|answer| answer.status == StatusCode::UNPROCESSABLE_ENTITY).count();
    assert_eq!(checked, most);
}

#[tokio::test]
async fn wrong_pins_lock_the_operator_and_slow_the_register_down() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    add(&shop, "ann", "cashier", "1111").await;
    for _ in 0..app::operators::WRONG_PINS {
        sign_in(&shop, "ann", "9999").await.refused(422, "operator-wrong");
    }
    let slowed = sign_in(&shop, "ann", "1111").await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS, "{}", slowed.body);
    let listed = shop.read("/api/v1/operators").await;
    assert_eq!((&listed[0]["id"], &listed[0]["role"], listed[0].get("pin")), (&json!("ann"), &json!("cashier"), None));
    shop.person("/api/v1/operators/ann/revoke", json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/operators").await, json!([]));
}
