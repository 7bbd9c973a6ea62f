//! The life of a sale's payments: several tenders, its void, and approvals without the bank.

use axum::http::StatusCode;
use drivers::simulate::{BookedState, SimulatedTerminal};
use serde_json::{Value, json};

use crate::{
    common::{
        shop::{CEREAL, Shop},
        wait_for,
    },
    payments::{shop_with, terminal},
};

/// Four pieces for 14.76, paid by two cards, a coupon and cash; returns the path of the basket.
async fn paid_with_everything(shop: &Shop, terminal: &SimulatedTerminal) -> String {
    let opened = shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    let line = json!({ "sku": CEREAL, "quantity": { "milli": 4000, "unit": "each" } });
    shop.till(1, &format!("{path}/lines"), line).await.expect(StatusCode::OK);
    for amount in [500, 300] {
        let paid = shop.till(1, &format!("{path}/payments"), json!({ "amount": amount })).await.expect(StatusCode::OK);
        assert_eq!(paid["state"], "approved", "{paid}");
    }
    let tenders = format!("{path}/tenders");
    let coupon = json!({ "tender": "manufacturer_coupon", "amount": 76 });
    assert_eq!(shop.till(1, &tenders, coupon).await.expect(StatusCode::OK)["due"], 600);
    let cash = json!({ "tender": "cash", "amount": 1000 });
    let paid = shop.till(1, &tenders, cash.clone()).await.expect(StatusCode::OK);
    assert_eq!((&paid["due"], &paid["totals"]["change"]), (&json!(-400), &json!(400)));
    // The customer takes the note back and gives it again.
    let last = paid["tender"]["number"].as_u64().unwrap();
    let back = shop.till(1, &format!("{tenders}/{last}/void"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(back["due"], 600);
    shop.till(1, &tenders, cash).await.expect(StatusCode::OK);
    assert_eq!(terminal.bookings(), 2);
    path
}

#[tokio::test]
async fn a_voided_sale_gives_each_tender_back_as_it_was_paid() {
    let terminal = terminal().await;
    let (shop, _directory) = shop_with(&terminal, "").await;
    let path = paid_with_everything(&shop, &terminal).await;
    let sold = shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    let sale = format!("/api/v1/sales/{}", sold["sale"].as_str().unwrap());
    let kinds: Vec<_> =
        shop.read(&sale).await["tenders"].as_array().unwrap().iter().map(|one| one["tender"].clone()).collect();
    assert_eq!(kinds, ["card", "card", "manufacturer_coupon", "cash"]);

    let is_counted = |status: &Value| status["today"]["sales"] == 1;
    let today = wait_for(&shop.router, "/api/v1/status", ("cookie", &shop.cookie), is_counted).await["today"].clone();
    assert_eq!((&today["cash"], &today["card"]), (&json!(600), &json!(800)), "{today}");

    let void = format!("{sale}/void");
    shop.till(0, &void, json!({ "reason": "mine" })).await.refused(404, "sale-unknown");
    for _ in 0..2 {
        let voided = shop.till_with_key(1, &void, "void-sale-1", json!({ "reason": "wrong customer" })).await;
        let voided = voided.expect(StatusCode::OK);
        assert_eq!((&voided["cash"], &voided["payments"]), (&json!(600), &json!(["p1", "p2"])), "{voided}");
    }
    for payment in ["p1", "p2"] {
        let is_reversed = |payment: &Value| payment["state"] == "reversed";
        let path = format!("/api/v1/payments/{payment}");
        wait_for(&shop.router, &path, ("cookie", &shop.cookie), is_reversed).await;
    }
    let states: Vec<_> = terminal.journal().into_iter().map(|booked| booked.state).collect();
    assert_eq!(states, [BookedState::Reversed, BookedState::Reversed], "once each");
    shop.person(&void, json!({ "reason": "again" })).await.refused(422, "sale-not-voidable");

    let is_counted = |status: &Value| status["today"]["sales"] == 2;
    let today = wait_for(&shop.router, "/api/v1/status", ("cookie", &shop.cookie), is_counted).await["today"].clone();
    for sum in ["net", "cash", "card", "manufacturer_coupon"] {
        assert_eq!(today[sum], 0, "{today}");
    }
    let sales = shop.read("/api/v1/sales").await;
    let receipt = shop.read(&format!("/api/v1/sales/{}/receipt", sales[0]["sale"].as_str().unwrap())).await;
    assert!(receipt.to_string().contains("VOID OF SALE"), "{receipt}");
    assert!(shop.read("/api/v1/audit").await.to_string().contains("sale_voided"));
    shop.adds_up();
}

/// The limit of a cashier is 50.00.
#[tokio::test]
async fn an_approval_without_the_bank_is_limited_by_the_role_of_the_operator() {
    let terminal = terminal().await;
    let (shop, _directory) = shop_with(&terminal, "").await;
    for (id, role, pin) in [("ann", "cashier", "1111"), ("sue", "supervisor", "2222")] {
        let operator = json!({ "id": id, "name": id, "role": role, "pin": pin, "days": 1 });
        shop.person("/api/v1/operators", operator).await.expect(StatusCode::OK);
    }
    let sign_in = json!({ "operator": "ann", "pin": "1111" });
    shop.till(1, "/api/v1/operators/sign-in", sign_in).await.expect(StatusCode::OK);
    let sale = |pieces: i64| {
        let line = json!({ "sku": CEREAL, "quantity": { "milli": pieces * 1000, "unit": "each" } });
        json!({ "lines": [line], "card": true })
    };
    terminal.offline(true);
    shop.till(1, "/api/v1/sales", sale(13)).await.expect(StatusCode::OK);
    let told = shop.till(1, "/api/v1/sales", sale(14)).await.refused(422, "payment-declined");
    assert!(told.contains("the operator's role allows 5000"), "{told}");
    assert_eq!(terminal.bookings(), 1, "the second one was rolled back");
    let signed = json!({ "for": { "right": "accept_offline", "amount": 14 * 369 },
        "by": { "operator": "sue", "pin": "2222" } });
    shop.till(1, "/api/v1/operators/override", signed).await.expect(StatusCode::OK);
    shop.till(1, "/api/v1/sales", sale(14)).await.expect(StatusCode::OK);
    shop.till(1, "/api/v1/sales", sale(14)).await.refused(422, "payment-declined");
    terminal.offline(false);
    shop.till(1, "/api/v1/sales", sale(14)).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/status").await["offline_payments"], json!({ "payments": 2, "amount": 27 * 369 }));
}

#[tokio::test]
async fn an_approval_without_the_bank_is_limited_and_its_decline_is_a_task() {
    let terminal = terminal().await;
    let limits = "[card_payments]\noffline_limit = 400\noffline_exposure = 700\n";
    let (shop, _directory) = shop_with(&terminal, limits).await;
    terminal.offline(true);
    let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    shop.till(1, "/api/v1/sales", sale.clone()).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/payments?state=offline").await[0]["state"], "approved_offline");
    let told = shop.till(1, "/api/v1/sales", sale).await.refused(422, "payment-declined");
    assert!(told.contains("369 minor units that the bank has not answered yet"), "{told}");
    assert_eq!(terminal.bookings(), 1, "the second one was rolled back");
    assert_eq!(shop.read("/api/v1/status").await["offline_payments"], json!({ "payments": 1, "amount": 369 }));

    let declined = json!({ "accepted": false, "code": "51", "why": "insufficient funds" });
    shop.person("/api/v1/payments/p1/bank-answer", declined.clone()).await.expect(StatusCode::OK);
    shop.person("/api/v1/payments/p1/bank-answer", declined).await.refused(409, "payment-not-offline");
    let status = shop.read("/api/v1/status").await;
    assert_eq!((&status["offline_payments"], &status["payments_to_collect"]["amount"]), (&Value::Null, &json!(369)));
    assert_eq!(shop.read("/api/v1/payments?state=to_collect").await[0]["why"], "insufficient funds");
    assert_eq!(shop.read("/api/v1/sales").await.as_array().unwrap().len(), 1, "the sale stands");
    let paid = json!({ "how": "paid in cash" });
    shop.person("/api/v1/payments/p1/collected", paid.clone()).await.expect(StatusCode::OK);
    shop.person("/api/v1/payments/p1/collected", paid).await.refused(409, "nothing-to-collect");
    assert_eq!(shop.read("/api/v1/payments?state=to_collect").await, json!([]));
    shop.adds_up();
}
