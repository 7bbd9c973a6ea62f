//! Deliveries of suppliers and what is booked for them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::shop::{BANANAS, CEREAL, Shop, Stock, grams, of, pieces};

#[tokio::test]
async fn partial_deliveries_and_differences_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let announced =
        json!({ "source": "supplier", "supplier": "Dairy", "order": "4711", "lines": of(CEREAL, pieces(10)) });
    shop.till(0, "/api/v1/stock/notices", announced.clone()).await.refused(403, "forbidden");
    let id = shop.person("/api/v1/stock/notices", announced).await.expect(StatusCode::CREATED)["id"].clone();
    let deliveries = format!("/api/v1/stock/notices/{id}/deliveries");
    let first = json!({ "lines": [
        { "sku": CEREAL, "quantity": pieces(6) },
        { "sku": CEREAL, "quantity": pieces(1), "condition": "damaged" },
        { "sku": BANANAS, "quantity": grams(2500), "condition": "doubtful" }
    ] });
    for _ in 0..2 {
        shop.till_with_key(0, &deliveries, "delivery-1", first.clone()).await.expect(StatusCode::OK);
    }
    shop.till(1, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 7000, damaged: 1000, ..Stock::default() });
    assert_eq!(shop.stock(BANANAS).await, Stock { quarantined: 2500, ..Stock::default() });
    let closed = shop.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(closed["deliveries"], 2);
    let line = |sku: &str| closed["lines"].as_array().unwrap().iter().find(|line| line["sku"] == sku).unwrap().clone();
    assert_eq!((&line(CEREAL)["announced"], &line(CEREAL)["good"]), (&json!(10_000), &json!(7000)));
    assert_eq!((&line(BANANAS)["announced"], &line(BANANAS)["doubtful"]), (&json!(0), &json!(2500)));
    shop.till(0, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.refused(422, "document-closed");

    // Doubtful and damaged goods are booked further.
    let note =
        |kind: &str, sku: &str, quantity: Value| json!({ "kind": kind, "reason": "seen", "lines": of(sku, quantity) });
    let path = "/api/v1/stock/movements";
    shop.till(0, path, note("clear", BANANAS, grams(2000))).await.refused(403, "forbidden");
    shop.person(path, note("clear", BANANAS, grams(2000))).await.expect(StatusCode::OK);
    shop.till(0, path, note("condemn", BANANAS, grams(500))).await.expect(StatusCode::OK);
    shop.person(path, note("write_off", BANANAS, grams(600))).await.refused(422, "stock-insufficient");
    shop.person(path, note("write_off", BANANAS, grams(500))).await.expect(StatusCode::OK);
    shop.till(0, path, note("damage", CEREAL, pieces(1))).await.expect(StatusCode::OK);
    shop.till(0, path, note("quarantine", CEREAL, pieces(2))).await.expect(StatusCode::OK);
    let back =
        json!({ "kind": "return", "condition": "doubtful", "reason": "receipt 7", "lines": of(CEREAL, pieces(1)) });
    shop.till(0, path, back).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await, Stock { on_hand: 2000, ..Stock::default() });
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 4000, quarantined: 3000, damaged: 2000, ..Stock::default() });
    shop.adds_up();
}

#[tokio::test]
async fn an_order_is_entered_once_and_a_delivery_note_booked_once() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let notices = "/api/v1/stock/notices";
    let announced = |supplier: &str, order: &str| {
        let lines = of(CEREAL, pieces(10));
        json!({ "source": "supplier", "supplier": supplier, "order": order, "lines": lines })
    };
    let id = shop.person(notices, announced("Dairy", "PO 7")).await.expect(StatusCode::CREATED)["id"].clone();
    for again in [announced("Dairy", "PO 7"), announced(" dairy ", "po  7")] {
        let known = shop.person(notices, again).await.refused(409, "order-known");
        assert!(
            known.ends_with(&format!("was already entered, as notice {id}; receive against that notice")),
            "{known}"
        );
    }
    shop.person(notices, announced("Dairy", "PO 8")).await.expect(StatusCode::CREATED);
    shop.person(notices, announced("Mill", "PO 7")).await.expect(StatusCode::CREATED);

    let deliveries = format!("{notices}/{id}/deliveries");
    let delivery = |note: &str, count: i64| json!({ "delivery_note": note, "lines": of(CEREAL, pieces(count)) });
    let received = shop.till(0, &deliveries, delivery("DN 1", 7)).await.expect(StatusCode::OK);
    assert_eq!(received["beyond"], json!([]));
    let known = shop.till(1, &deliveries, delivery("dn 1", 7)).await.refused(409, "delivery-known");
    let booked =
        format!("delivery note DN 1 was already booked, as movement {}; nothing was booked now", received["movement"]);
    assert_eq!((known, shop.stock(CEREAL).await.on_hand), (booked, 7000));
    let more = shop.till(1, &deliveries, delivery("DN 2", 5)).await.expect(StatusCode::OK);
    assert_eq!(more["beyond"], json!([{ "sku": CEREAL, "milli": 2000, "unit": "each" }]));
    let unnamed = shop.till(1, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.expect(StatusCode::OK);
    assert_eq!(unnamed["beyond"][0]["milli"], 1000);
    shop.till(1, &deliveries, delivery(" ", 1)).await.refused(422, "bad-text");
    let notice = shop.read(&format!("{notices}/{id}")).await;
    assert_eq!((&notice["deliveries"], &notice["notes"][1]["note"]), (&json!(3), &json!("DN 2")));
    assert_eq!(shop.stock(CEREAL).await.on_hand, 13_000);

    // Closed too early: the rest is received against another notice, which replaces the first for the order.
    shop.person(&format!("{notices}/{id}/close"), json!({})).await.expect(StatusCode::OK);
    shop.person(&format!("{notices}/{id}/reopen"), json!({})).await.refused(422, "notice-not-reopened");
    let late = shop.person(notices, announced("dairy", "po 7")).await.expect(StatusCode::CREATED)["id"].clone();
    shop.till(0, &format!("{notices}/{late}/deliveries"), delivery("DN 3", 1)).await.expect(StatusCode::OK);
    let known = shop.person(notices, announced("Dairy", "PO 7")).await.refused(409, "order-known");
    assert!(known.contains(&format!("as notice {late};")), "{known}");
    shop.adds_up();
}

#[tokio::test]
async fn unknown_items_and_fields_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let announced = |lines: Value| json!({ "source": "supplier", "supplier": "Mill", "order": "4711", "lines": lines });
    let notices = "/api/v1/stock/notices";
    shop.person(notices, announced(of("818982", pieces(1)))).await.refused(404, "item-unknown");
    shop.person(notices, announced(of(BANANAS, pieces(1)))).await.refused(422, "wrong-unit");
    for unknown in ["linse", "store", "transfer"] {
        let mut wrong = announced(of(CEREAL, pieces(1)));
        wrong[unknown] = json!("1");
        shop.person(notices, wrong).await.refused(400, "bad-request");
    }
    let id = shop.person(notices, announced(of(CEREAL, pieces(1)))).await.expect(StatusCode::CREATED)["id"].clone();
    let deliveries = format!("{notices}/{id}/deliveries");
    shop.till(0, &deliveries, json!({ "lines": of(CEREAL, grams(1000)) })).await.refused(422, "wrong-unit");
    let movements = "/api/v1/stock/movements";
    let note = |kind: &str, word: &str| {
        json!({ "kind": kind, word: "damaged", "reason": "seen",
        "lines": of(CEREAL, pieces(1)) })
    };
    shop.till(0, movements, note("return", "conditon")).await.refused(400, "bad-request");
    shop.till(0, movements, note("damage", "condition")).await.refused(400, "bad-request");
    shop.till(0, movements, note("return", "condition")).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock { damaged: 1000, ..Stock::default() });
}
