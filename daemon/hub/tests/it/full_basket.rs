//! A basket filled to the brim, paid at a terminal that speaks the wire.

use axum::http::StatusCode;
use drivers::{device::Health, simulate::SimulatedTerminal};
use serde_json::{Value, json};
use store::{Depth, EngineKind};

use crate::common::{ask, enter, open_with};

#[tokio::test]
async fn a_basket_filled_to_the_brim_is_paid_by_card_and_sold() {
    let directory = tempfile::tempdir().unwrap();
    let terminal = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let lane = format!(
        "payment_terminal = \"terminal-1\"\n[[payment_terminal]]\nname = \"terminal-1\"\naddress = \"tcp://{}\"\n",
        terminal.address()
    );
    let (hub, router) = open_with(directory.path(), EngineKind::Sled, &lane);
    let mut events = hub.events.subscribe();
    while hub.devices.states()[0].health != Health::Ready {
        events.recv().await.unwrap();
    }
    let (_, token) = enter(&router, directory.path(), "till-2").await;
    let mut keys = 0;
    let mut post = async |path: &str, body: Value| {
        keys += 1;
        let key = format!("key-{keys:08}");
        let headers = [("authorization", token.as_str()), ("idempotency-key", key.as_str())];
        ask(&router, "POST", path, &headers, &body.to_string()).await
    };
    let opened = post("/api/v1/baskets", json!({})).await;
    let path = format!("/api/v1/baskets/{}", opened.body["id"].as_str().unwrap());
    let line = |bytes: usize, discounts: usize| {
        let discount = json!({ "reason": "\"".repeat(120), "origin": "manager", "amount": 1 });
        json!({ "description": "\"".repeat(bytes), "keyed": { "amount": 100, "reason": "on the package" },
            "discounts": vec![discount; discounts] })
    };
    // The largest lines there are, then smaller ones, until not one byte more is taken.
    let mut taken = 0;
    for (bytes, discounts) in [(120, 16), (120, 2), (120, 0), (60, 0), (30, 0), (15, 0), (8, 0), (4, 0), (2, 0), (1, 0)]
    {
        loop {
            let added = post(&format!("{path}/lines"), line(bytes, discounts)).await;
            if added.status != StatusCode::OK {
                assert_eq!((added.status.as_u16(), &added.body["type"]), (422, &json!("/problems/basket-full")));
                break;
            }
            taken += 1;
        }
    }
    assert!(taken < 400, "the bytes are full, not the lines");
    let discount = json!({ "reason": "\"".repeat(120), "origin": "manager", "amount": 1 });
    let refused = post(&format!("{path}/lines/{taken}/discounts"), discount).await;
    assert_eq!(refused.body["type"], "/problems/basket-full");
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
    assert_eq!(
        (sale.body["lines"].as_array().unwrap().len(), sale.body["tenders"].as_array().unwrap().len()),
        (taken, 3)
    );
    assert_eq!(terminal.bookings(), 3);
    assert_eq!(hub::maintenance::check(&hub.store, Depth::Whole).unwrap().faults, [""; 0]);

    // The same in one command.
    let whole = |count: usize| json!({ "lines": vec![line(120, 16); count], "card": true });
    let sold = post("/api/v1/sales", whole(30)).await;
    assert_eq!((sold.status, terminal.bookings()), (StatusCode::OK, 4), "{}", sold.body);
    let refused = post("/api/v1/sales", whole(40)).await;
    assert_eq!((&refused.body["type"], terminal.bookings()), (&json!("/problems/basket-full"), 4));
}
