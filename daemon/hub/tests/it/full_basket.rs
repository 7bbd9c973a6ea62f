//! A basket with the maximum contents, paid at a simulated terminal.

use axum::http::StatusCode;
use commerce::{MAX_LINES, MAX_TEXT};
use drivers::simulate::SimulatedTerminal;
use serde_json::{Value, json};
use store::{Depth, EngineKind, Number, StoreError, Table};

static BASKETS: Table<Number, Value> = Table::new("basket");

use crate::common::{ask, enter, faults, open_with, wait_for};

#[tokio::test]
async fn a_basket_of_maximum_size_is_paid_by_card_and_sold() {
    let directory = tempfile::tempdir().unwrap();
    let terminal = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let lane = format!(
        "payment_terminal = \"terminal-1\"\n[[payment_terminal]]\nname = \"terminal-1\"\n\
         protocol = \"zvt\"\naddress = \"tcp://{}\"\n",
        terminal.address()
    );
    let (hub, router) = open_with(directory.path(), EngineKind::Sqlite, &lane);
    let (_, token) = enter(&router, directory.path(), "till-2").await;
    let is_ready = |devices: &Value| devices[0]["health"]["state"] == "ready";
    wait_for(&router, "/api/v1/devices", ("authorization", &token), is_ready).await;
    let mut keys = 0;
    let mut post = async |path: &str, body: Value| {
        keys += 1;
        let key = format!("key-{keys:08}");
        let headers = [("authorization", token.as_str()), ("idempotency-key", key.as_str())];
        ask(&router, "POST", path, &headers, &body.to_string()).await
    };
    let opened = post("/api/v1/baskets", json!({})).await;
    let path = format!("/api/v1/baskets/{}", opened.body["id"].as_str().unwrap());
    // Lines of the maximum size: the first and the last are added by requests, the others are copied in the store.
    let discount = || json!({ "reason": text(), "origin": "manager", "amount": 1 });
    let line = json!({ "description": text(), "keyed": { "amount": 1_000_000, "reason": text() },
        "discounts": vec![discount(); 16] });
    assert_eq!(post(&format!("{path}/lines"), line.clone()).await.status, StatusCode::OK);
    let basket: u64 = path.rsplit("/b").next().unwrap().parse().unwrap();
    let entered = hub.store().commit(move |transaction| {
        let mut filled = transaction.get(&BASKETS, basket)?.unwrap();
        let lines = filled["lines"].as_array_mut().unwrap();
        for number in 2..MAX_LINES {
            lines.push(lines[0].clone());
            lines[number - 1]["number"] = json!(number);
        }
        transaction.put(&BASKETS, basket, &filled)
    });
    entered.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    assert_eq!(post(&format!("{path}/lines"), line.clone()).await.status, StatusCode::OK);
    for (refused, body) in [("lines", line.clone()), (&*format!("lines/{MAX_LINES}/discounts"), discount())] {
        let refused = post(&format!("{path}/{refused}"), body).await;
        assert_eq!((refused.status.as_u16(), &refused.body["type"]), (422, &json!("/problems/basket-full")));
    }
    for number in 0..37 {
        let code = format!("{}{number:02}", &text()[2..]);
        let coupon = json!({ "tender": "manufacturer_coupon", "amount": 1, "code": code });
        let taken = post(&format!("{path}/tenders"), coupon).await;
        assert_eq!(taken.status, StatusCode::OK, "{}", taken.body);
    }
    for amount in [1, 2] {
        let paid = post(&format!("{path}/payments"), json!({ "amount": amount })).await;
        assert_eq!((paid.status, &paid.body["state"]), (StatusCode::OK, &json!("approved")), "{}", paid.body);
    }
    let paid = post(&format!("{path}/payments"), json!({})).await;
    assert_eq!(paid.body["state"], "approved", "{}", paid.body);
    let sold = post(&format!("{path}/complete"), json!({})).await;
    assert_eq!(sold.status, StatusCode::OK, "{}", sold.body);
    let sale = format!("/api/v1/sales/{}", sold.body["sale"].as_str().unwrap());
    let sale = ask(&router, "GET", &sale, &[("authorization", &token)], "").await;
    let count = |part: &str| sale.body[part].as_array().unwrap().len();
    assert_eq!((count("lines"), count("tenders")), (MAX_LINES, 40));
    let largest = serde_json::to_vec(&sale.body).unwrap().len();
    assert!(largest > 10 * 192 * 1024, "it is much larger than a value of the engine: {largest} bytes");
    assert!(largest + 256 * 1024 < contract::MAX_MESSAGE, "HQ takes it as one event: {largest} bytes");
    assert_eq!(terminal.bookings(), 3);
    assert_eq!(faults(&hub, Depth::Whole), [""; 0]);

    // The maximum that fits into one command.
    let sold = post("/api/v1/sales", json!({ "lines": vec![line; 80], "card": true })).await;
    assert_eq!((sold.status, terminal.bookings()), (StatusCode::OK, 4), "{}", sold.body);
}

/// A text of maximum encoded size: each of its characters is escaped.
fn text() -> String {
    "\"".repeat(MAX_TEXT)
}
