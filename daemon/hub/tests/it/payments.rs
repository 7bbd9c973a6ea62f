//! Card payments over the API: late or missing answers of the terminal, and decisions by a person.

use std::time::Duration;

use axum::http::StatusCode;
use drivers::simulate::SimulatedTerminal;
use serde_json::{Value, json};
use store::EngineKind;

use crate::common::{
    ask, open_with,
    shop::{CEREAL, Shop},
    wait_for,
};

/// A store whose second register has a terminal.
async fn shop(terminal: &SimulatedTerminal) -> (Shop, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let lane = format!(
        "payment_terminal = \"terminal-1\"\n[[payment_terminal]]\nname = \"terminal-1\"\naddress = \"tcp://{}\"\n",
        terminal.address()
    );
    let shop = Shop::enter(open_with(directory.path(), EngineKind::Sqlite, &lane), directory.path()).await;
    let is_ready = |devices: &Value| devices[0]["health"]["state"] == "ready";
    wait_for(&shop.router, "/api/v1/devices", ("cookie", &shop.cookie), is_ready).await;
    (shop, directory)
}

async fn terminal() -> SimulatedTerminal {
    SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Opens a basket with one cereal; returns its path.
async fn basket(shop: &Shop) -> String {
    let opened = shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    shop.till(1, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    path
}

/// The payments that block a terminal, and those in the status.
async fn doubts(shop: &Shop) -> (Value, Value) {
    let listed = shop.read("/api/v1/payments?state=unresolved").await;
    (listed, shop.read("/api/v1/status").await["payments_in_doubt"].clone())
}

#[tokio::test]
async fn a_failure_reported_after_the_approval_counts() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    terminal.fail_after_approval(true);
    let path = basket(&shop).await;
    let payment = shop.till(1, &format!("{path}/payments"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&payment["state"], terminal.bookings()), (&json!("unknown"), 0), "{payment}");
    let told = payment["why"].as_str().unwrap();
    assert!(told.contains("failed after the approval"), "{told}");
    shop.till(1, &format!("{path}/complete"), json!({})).await.refused(422, "basket-payment-pending");
    let (listed, shown) = doubts(&shop).await;
    assert_eq!((&listed[0]["id"], &shown[0]["payment"]), (&json!("p1"), &json!("p1")));
    assert!(shown[0]["what_to_do"].as_str().unwrap().contains("/payments/p1/decision"), "{shown}");
    let acts = shop.read("/api/v1/audit").await;
    assert!(acts.to_string().contains("payment_doubted"), "{acts}");

    decide(&shop, "p1", false).await;
    assert_eq!(doubts(&shop).await, (json!([]), Value::Null));
    let cash = json!({ "tender": "cash", "amount": 369 });
    shop.till(1, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_sale_with_a_payment_that_failed_after_the_approval_is_reported() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    terminal.fail_after_approval(true);
    let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    let told = shop.till(1, "/api/v1/sales", sale).await.refused(502, "payment-outcome-unknown");
    assert!(told.contains("was made") && told.contains("decide"), "{told}");
    assert_eq!(doubts(&shop).await.1[0]["payment"], "p1");
    terminal.fail_after_approval(false);
    let next = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    // Two payments in doubt could not be told apart, so the terminal is blocked until a person decides.
    let refused = shop.till(1, "/api/v1/sales", next.clone()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    decide(&shop, "p1", false).await;
    shop.till(1, "/api/v1/sales", next).await.expect(StatusCode::OK);
}

/// Decides as a person; the terminal may be asked at the same time.
async fn decide(shop: &Shop, payment: &str, charged: bool) {
    let path = format!("/api/v1/payments/{payment}/decision");
    for _ in 0..100 {
        let decided = shop.person(&path, json!({ "charged": charged })).await;
        if decided.body["type"] != "/problems/terminal-busy" {
            let state = if charged { "approved" } else { "not_charged" };
            assert_eq!(decided.expect(StatusCode::OK)["state"], state);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("payment {payment} can't be decided");
}

/// The terminal took the command and broke down; the hub keeps asking it.
#[tokio::test]
async fn a_person_decides_the_payment_of_a_broken_terminal() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    terminal.wait_for_abort(true);
    let path = basket(&shop).await;
    let paying = tokio::spawn({
        let (shop, path) = (shop.clone(), format!("{path}/payments"));
        async move { shop.till(1, &path, json!({})).await }
    });
    let is_taking = |devices: &Value| devices[0]["last"].is_string();
    wait_for(&shop.router, "/api/v1/devices", ("cookie", &shop.cookie), is_taking).await;
    assert_eq!(doubts(&shop).await.1, Value::Null, "still in progress");
    let busy = shop.person("/api/v1/payments/p1/decision", json!({ "charged": true })).await;
    busy.refused(409, "terminal-busy");
    drop(terminal);

    let header = ("cookie", &*shop.cookie);
    let is_shown = |status: &Value| status["payments_in_doubt"][0]["payment"] == "p1";
    wait_for(&shop.router, "/api/v1/status", header, is_shown).await;
    decide(&shop, "p1", false).await;
    assert_eq!(paying.await.unwrap().expect(StatusCode::OK)["state"], "not_charged");
    assert_eq!(doubts(&shop).await, (json!([]), Value::Null));
    let cash = json!({ "tender": "cash", "amount": 369 });
    shop.till(1, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_card_tender_cannot_be_voided() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let path = basket(&shop).await;
    let payment = shop.till(1, &format!("{path}/payments"), json!({ "amount": 100 })).await.expect(StatusCode::OK);
    assert_eq!(payment["state"], "approved");
    let told = shop.till(1, &format!("{path}/tenders/1/void"), json!({})).await.refused(422, "tender-is-card");
    assert!(told.contains("card payment p1"), "{told}");
}

#[tokio::test]
async fn a_repeated_card_sale_is_answered_although_the_item_has_changed() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let discount = json!({ "reason": "coupon day", "origin": "promotion", "amount": 300 });
    let sale = json!({ "lines": [{ "sku": CEREAL, "discounts": [discount] }], "card": true });
    let first = shop.till_with_key(1, "/api/v1/sales", "card-sale-1", sale.clone()).await.expect(StatusCode::OK);
    for (price, per) in [(200, "each"), (369, "kilogram")] {
        let item = json!({ "sku": CEREAL, "description": "Cereal", "price": { "minor": price, "per": per } });
        shop.person("/api/v1/items", json!({ "items": [item] })).await.expect(StatusCode::OK);
        let again = shop.till_with_key(1, "/api/v1/sales", "card-sale-1", sale.clone()).await;
        assert_eq!(again.expect(StatusCode::OK), first);
        let new = shop.till(1, "/api/v1/sales", sale.clone()).await;
        assert_eq!(new.status, StatusCode::UNPROCESSABLE_ENTITY, "a new command is refused: {}", new.body);
    }
    assert_eq!(terminal.bookings(), 1);
    let unknown = ask(&shop.router, "GET", "/api/v1/payments?state=all", &[("cookie", &shop.cookie)], "").await;
    unknown.refused(400, "bad-request");
}
