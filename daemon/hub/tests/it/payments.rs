//! Card payments over the API: late or missing answers of the terminal, and decisions by a person.

use std::{path::Path, time::Duration};

use axum::http::StatusCode;
use drivers::simulate::{BookedState, SimulatedTerminal};
use serde_json::{Value, json};
use store::EngineKind;

use crate::common::{
    ask, open_on, open_with,
    shop::{CEREAL, Shop, runtime},
    wait_for,
};

/// A store whose second register has a terminal.
pub(crate) async fn shop(terminal: &SimulatedTerminal) -> (Shop, tempfile::TempDir) {
    shop_with(terminal, "").await
}

/// A store whose second register has a terminal, with more tables in its config.
pub(crate) async fn shop_with(terminal: &SimulatedTerminal, more: &str) -> (Shop, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (shop_in(directory.path(), terminal, more).await, directory)
}

async fn shop_in(directory: &Path, terminal: &SimulatedTerminal, more: &str) -> Shop {
    let lane = format!(
        "payment_terminal = \"terminal-1\"\n[[payment_terminal]]\nname = \"terminal-1\"\nprotocol = \"zvt\"\n\
         address = \"tcp://{}\"\n{more}",
        terminal.address()
    );
    let shop = Shop::enter(open_with(directory, EngineKind::Sqlite, &lane), directory).await;
    let is_ready = |devices: &Value| devices[0]["health"]["state"] == "ready";
    wait_for(&shop.router, "/api/v1/devices", ("cookie", &shop.cookie), is_ready).await;
    shop
}

pub(crate) async fn terminal() -> SimulatedTerminal {
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

#[test]
fn a_person_decides_the_payment_of_a_terminal_that_is_no_longer_in_the_config() {
    let directory = tempfile::tempdir().unwrap();
    let first = runtime();
    first.block_on(async {
        let terminal = terminal().await;
        let shop = shop_in(directory.path(), &terminal, "").await;
        terminal.fail_after_approval(true);
        let path = basket(&shop).await;
        let payment = shop.till(1, &format!("{path}/payments"), json!({})).await.expect(StatusCode::OK);
        assert_eq!(payment["state"], "unknown", "{payment}");
    });
    first.shutdown_timeout(Duration::from_secs(10));
    runtime().block_on(async {
        let shop = Shop::enter(open_on(directory.path(), EngineKind::Sqlite), directory.path()).await;
        assert_eq!(shop.read("/api/v1/devices").await, json!([]));
        assert_eq!(doubts(&shop).await.1[0]["payment"], "p1");
        decide(&shop, "p1", true).await;
        assert_eq!(doubts(&shop).await, (json!([]), Value::Null));
        shop.till(1, "/api/v1/baskets/b1/complete", json!({})).await.expect(StatusCode::OK);
        shop.adds_up();
    });
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
    assert_eq!(busy.body["reason"], "payment", "{}", busy.body);
    busy.refused(409, "terminal-busy");
    drop(terminal);

    let header = ("cookie", &*shop.cookie);
    let is_shown = |status: &Value| status["payments_in_doubt"][0]["payment"] == "p1";
    wait_for(&shop.router, "/api/v1/status", header, is_shown).await;
    let other = basket(&shop).await;
    let busy = shop.till(1, &format!("{other}/payments"), json!({})).await;
    assert_eq!(busy.body["reason"], "inquiry", "{}", busy.body);
    decide(&shop, "p1", false).await;
    assert_eq!(paying.await.unwrap().expect(StatusCode::OK)["state"], "not_charged");
    assert_eq!(doubts(&shop).await, (json!([]), Value::Null));
    let cash = json!({ "tender": "cash", "amount": 369 });
    shop.till(1, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
}

/// The payment is done, and the terminal takes its time to send the receipt text.
#[tokio::test]
async fn a_terminal_that_sends_its_receipt_text_says_so() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    terminal.think_before_text(Duration::from_secs(100));
    let (path, other) = (basket(&shop).await, basket(&shop).await);
    let paying = tokio::spawn({
        let (shop, path) = (shop.clone(), format!("{path}/payments"));
        async move { shop.till(1, &path, json!({})).await }
    });
    let is_approved = |payment: &Value| payment["state"] == "approved";
    wait_for(&shop.router, "/api/v1/payments/p1", ("cookie", &shop.cookie), is_approved).await;
    let busy = shop.till(1, &format!("{other}/payments"), json!({})).await;
    assert_eq!(busy.body["reason"], "receipt", "{}", busy.body);
    busy.refused(409, "terminal-busy");
    paying.abort();
}

/// Puts another terminal without any payment in the place of one.
async fn exchange(terminal: SimulatedTerminal, id: [u8; 4]) -> SimulatedTerminal {
    let address = terminal.address();
    drop(terminal);
    loop {
        if let Ok(new) = SimulatedTerminal::bind(address).await {
            new.identify(id);
            return new;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The old terminal takes its first payment and is exchanged; neither has a transaction.
#[tokio::test]
async fn another_terminal_settles_and_reverses_nothing() {
    let old = terminal().await;
    let (shop, _directory) = shop(&old).await;
    old.wait_for_abort(true);
    let path = basket(&shop).await;
    let paying = tokio::spawn({
        let (shop, path) = (shop.clone(), format!("{path}/payments"));
        async move { shop.till(1, &path, json!({ "amount": 100 })).await }
    });
    let is_in_progress = |payment: &Value| payment["state"] == "in_progress";
    wait_for(&shop.router, "/api/v1/payments/p1", ("cookie", &shop.cookie), is_in_progress).await;
    let second = exchange(old, [0x11; 4]).await;
    let payment = paying.await.unwrap().expect(StatusCode::OK);
    assert_eq!((&payment["state"], &payment["waits_for"]), (&json!("unknown"), &json!("person")), "{payment}");
    assert!(payment["why"].as_str().unwrap().contains("exchanged"), "{payment}");
    decide(&shop, "p1", false).await;

    let paid = shop.till(1, &format!("{path}/payments"), json!({ "amount": 100 })).await.expect(StatusCode::OK);
    assert_eq!((&paid["state"], second.bookings()), (&json!("approved"), 1), "{paid}");
    let third = exchange(second, [0x22; 4]).await;
    // Another customer's payment, with the same receipt number.
    third.charge(100);
    let (mut refused, mut tender) = (String::new(), 1);
    for _ in 0..400 {
        let answer = shop.till(1, &format!("{path}/tenders/{tender}/void"), json!({})).await;
        assert_ne!(answer.status, StatusCode::OK, "{}", answer.body);
        refused = answer.body.to_string();
        if refused.contains("terminal 11111111 made the charge") {
            break;
        }
        // A tender that stays after a refused reversal is a new one.
        tender += u32::from(refused.contains("tender-unknown"));
        // The hub is not connected to the new terminal yet.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(refused.contains("terminal 11111111 made the charge"), "{refused}");
    assert_eq!(third.bookings(), 1);
}

#[tokio::test]
async fn a_voided_card_tender_is_reversed_at_the_terminal() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let path = basket(&shop).await;
    let payment = shop.till(1, &format!("{path}/payments"), json!({ "amount": 100 })).await.expect(StatusCode::OK);
    assert_eq!((&payment["state"], terminal.bookings()), (&json!("approved"), 1));
    let void = format!("{path}/tenders/1/void");
    for _ in 0..2 {
        let status = shop.till_with_key(1, &void, "void-card-1", json!({})).await.expect(StatusCode::OK);
        assert_eq!((&status["due"], &status["tender"]["voided"]), (&json!(369), &json!(true)), "{status}");
    }
    assert_eq!(terminal.bookings(), 0);
    let card = &shop.read("/api/v1/payments/p1").await;
    assert_eq!((&card["state"], &card["card"]["masked_pan"]), (&json!("reversed"), &json!("476173******0119")));
    shop.till(1, &format!("{path}/payments"), json!({})).await.expect(StatusCode::OK);
    shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(terminal.bookings(), 1);
}

/// The cancellation comes before the approval, or after it: the customer is not charged either way.
#[tokio::test]
async fn an_abandoned_basket_leaves_no_charge() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let is_reversed = |payment: &Value| payment["state"] == "reversed";
    let path = basket(&shop).await;
    shop.till(1, &format!("{path}/payments"), json!({})).await.expect(StatusCode::OK);
    shop.person(&format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
    wait_for(&shop.router, "/api/v1/payments/p1", ("cookie", &shop.cookie), is_reversed).await;

    let path = basket(&shop).await;
    terminal.wait_for_abort(true);
    terminal.approve_after_abort(true);
    let paying = tokio::spawn({
        let (shop, path) = (shop.clone(), format!("{path}/payments"));
        async move { shop.till(1, &path, json!({})).await }
    });
    let is_in_progress = |payment: &Value| payment["state"] == "in_progress";
    wait_for(&shop.router, "/api/v1/payments/p2", ("cookie", &shop.cookie), is_in_progress).await;
    shop.person(&format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
    shop.till(1, "/api/v1/payments/abort", json!({})).await.expect(StatusCode::ACCEPTED);
    let payment = paying.await.unwrap().expect(StatusCode::OK);
    assert_eq!((&payment["state"], &payment["code"]), (&json!("declined"), &json!("rolled back")), "{payment}");
    let states: Vec<_> = terminal.journal().into_iter().map(|booked| booked.state).collect();
    assert_eq!(states, [BookedState::Reversed, BookedState::Reversed]);
    assert_eq!(doubts(&shop).await, (json!([]), Value::Null));
}

#[tokio::test]
async fn a_refund_goes_to_the_card_and_never_exceeds_the_payment() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    shop.till(1, "/api/v1/sales", sale).await.expect(StatusCode::OK);
    let refunds = "/api/v1/payments/p1/refunds";
    for _ in 0..2 {
        let refund = shop.till_with_key(1, refunds, "refund-1", json!({ "amount": 100 })).await.expect(StatusCode::OK);
        assert_eq!((&refund["state"], &refund["refund_of"]), (&json!("approved"), &json!("p1")), "{refund}");
    }
    let refused = shop.till(1, refunds, json!({ "amount": 270 })).await;
    assert_eq!(refused.body["left"], 269, "{}", refused.body);
    terminal.decline_next(Some(0x78));
    let declined = shop.person(refunds, json!({})).await.expect(StatusCode::OK);
    assert_eq!(declined["state"], "declined");
    shop.person(refunds, json!({})).await.expect(StatusCode::OK);
    let states: Vec<_> = terminal.journal().into_iter().map(|booked| (booked.minor, booked.state)).collect();
    assert_eq!(states, [(369, BookedState::Charged), (100, BookedState::Refund), (269, BookedState::Refund)]);
    assert_eq!(shop.read("/api/v1/payments/p1").await["refunded"], 369);
}

#[tokio::test]
async fn a_terminal_says_what_it_can_and_closes_its_day() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let listed = shop.read("/api/v1/terminals").await;
    assert_eq!((&listed[0]["terminal"], &listed[0]["can"]["inquiry"]), (&json!("terminal-1"), &json!("last_only")));
    let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
    shop.till(1, "/api/v1/sales", sale).await.expect(StatusCode::OK);
    let diagnosed = shop.person("/api/v1/terminals/terminal-1/diagnosis", json!({})).await.expect(StatusCode::OK);
    assert_eq!(diagnosed["report"], "Host connection OK");
    let closed = shop.person("/api/v1/terminals/terminal-1/closing", json!({})).await.expect(StatusCode::OK);
    let sums = json!({ "count": 1, "amount": 369 });
    let schemes = json!([{ "scheme": "visa", "terminal": sums, "store": sums }]);
    assert_eq!((&closed["state"], &closed["result"]["schemes"]), (&json!("reconciled"), &schemes));
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
