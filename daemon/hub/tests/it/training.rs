//! Training over the API: what a register in training may do, what is printed, and who may switch.

use std::{path::Path, time::Duration};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{
    ENGINE, ask,
    lane::Lane,
    shop::{CEREAL, Shop, of, pieces, runtime},
};

/// Practises a sale of two pieces at till 1; gives the answer to its completion.
async fn practise(shop: &Shop) -> Value {
    let opened = shop.till(0, "/api/v1/training/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/training/baskets/{}", opened["id"].as_str().unwrap());
    let line = json!({ "sku": CEREAL, "quantity": pieces(2) });
    let added = shop.till(0, &format!("{path}/lines"), line).await.expect(StatusCode::OK);
    assert_eq!((&added["training"], &added["due"]), (&json!(true), &json!(738)));
    let cash = json!({ "tender": "cash", "amount": 1_000 });
    shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK)
}

#[test]
fn a_register_in_training_does_nothing_that_counts() {
    let directory = tempfile::tempdir().unwrap();
    let first = runtime();
    let (path, last) = first.block_on(trains(directory.path()));
    first.shutdown_timeout(Duration::from_secs(10));
    runtime().block_on(ends_training(directory.path(), &path, last));
}

/// Till 1 sells, begins training, and leaves a training basket open: its path, and the last receipt number.
async fn trains(directory: &Path) -> (String, u64) {
    let shop = Shop::open(directory).await;
    shop.receive(CEREAL, pieces(10)).await;
    let first = shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    let key = shop.key();
    let repeated = json!({ "lines": of(CEREAL, pieces(1)), "tenders": [{ "tender": "cash", "amount": 400 }] });
    let second = shop.till_with_key(0, "/api/v1/sales", &key, repeated.clone()).await.expect(StatusCode::OK);
    let shift = shop.read("/api/v1/shifts").await;
    let begun = shop.till(0, "/api/v1/training", json!({ "training": true })).await.expect(StatusCode::OK);
    assert_eq!(begun["training"], true);
    assert_eq!(shop.read("/api/v1/training").await[0]["register"], "till-1");

    let sale = json!({ "lines": of(CEREAL, pieces(1)), "tenders": [{ "tender": "cash", "amount": 400 }] });
    let void = format!("/api/v1/sales/{}/void", first["sale"].as_str().unwrap());
    let moved = format!("/api/v1/shifts/{}/movements", shift[0]["id"].as_str().unwrap());
    let commands = [
        ("/api/v1/baskets", json!({})),
        ("/api/v1/sales", sale),
        (&*void, json!({ "reason": "practice" })),
        (&*moved, json!({ "kind": "paid_out", "amount": 100, "reason": "practice" })),
        ("/api/v1/drawer", json!({})),
        ("/api/v1/payments/abort", json!({})),
    ];
    for (path, body) in commands {
        shop.till(0, path, body).await.refused(409, "register-in-training");
    }
    // A page needs it to hear of anything.
    shop.till(0, "/api/v1/events/ticket", json!({})).await.expect(StatusCode::OK);
    // A command from before gets its answer again, and another register sells.
    let again = shop.till_with_key(0, "/api/v1/sales", &key, repeated).await.expect(StatusCode::OK);
    assert_eq!(again, second);
    shop.sell(1, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);

    let (sales, stock) = (shop.read("/api/v1/sales").await, shop.stock(CEREAL).await);
    let (shifts, audit) = (shop.read("/api/v1/shifts").await, shop.read("/api/v1/audit").await);
    let done = practise(&shop).await;
    assert_eq!(
        (&done["receipt"], &done["training"], &done["totals"]["change"]),
        (&json!("T1"), &json!(true), &json!(262))
    );
    assert_eq!(shop.read("/api/v1/sales").await, sales);
    assert_eq!(shop.stock(CEREAL).await, stock);
    assert_eq!((shop.read("/api/v1/shifts").await, shop.read("/api/v1/audit").await), (shifts, audit));
    assert_eq!(shop.read("/api/v1/training/sales").await[0]["receipt"], "T1");
    let opened = shop.till(0, "/api/v1/training/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/training/baskets/{}", opened["id"].as_str().unwrap());
    shop.till(1, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.refused(409, "register-not-in-training");
    (path, second["receipt"].as_u64().unwrap())
}

/// The hub was restarted: till 1 is still in training, ends it, and sells.
async fn ends_training(directory: &Path, path: &str, last: u64) {
    let shop = Shop::open(directory).await;
    let lane = shop.read_at_till("/api/v1/lanes/me").await.expect(StatusCode::OK);
    assert_eq!(lane["training"], true, "a restart ends no training");
    let still = shop.read_at_till(path).await.expect(StatusCode::OK);
    assert_eq!((&still["training"], &still["state"]["state"]), (&json!(true), &json!("open")));
    let over = json!({ "training": false });
    shop.till(0, "/api/v1/training", over.clone()).await.refused(409, "register-has-open-basket");
    shop.till(0, &format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
    shop.till(0, "/api/v1/training", over).await.expect(StatusCode::OK);
    let next = shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    assert_eq!(next["receipt"], last + 1, "no number is missing");
    shop.adds_up();
}

#[tokio::test]
async fn a_supervisor_begins_training_and_a_cashier_practises() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    for (id, role, pin) in [("ann", "cashier", "1111"), ("sue", "supervisor", "2222")] {
        let operator = json!({ "id": id, "name": id, "role": role, "pin": pin, "days": 1 });
        let headers = [("cookie", &*shop.cookie)];
        ask(&shop.router, "POST", "/api/v1/operators", &headers, &operator.to_string()).await.expect(StatusCode::OK);
    }
    let keyless = async |path: &str, body: Value| {
        ask(&shop.router, "POST", path, &[("authorization", &*shop.tills[0])], &body.to_string()).await
    };
    let ann = json!({ "operator": "ann", "pin": "1111" });
    keyless("/api/v1/operators/sign-in", ann.clone()).await.expect(StatusCode::OK);
    let begin = json!({ "training": true });
    let refused = shop.till(0, "/api/v1/training", begin.clone()).await;
    assert_eq!(refused.body["right"], "switch_training");
    refused.refused(422, "override-needed");
    let signed = json!({ "for": { "right": "switch_training" }, "by": { "operator": "sue", "pin": "2222" } });
    keyless("/api/v1/operators/override", signed).await.expect(StatusCode::OK);
    let begun = shop.till(0, "/api/v1/training", begin).await.expect(StatusCode::OK);
    assert_eq!(begun["operator"], "ann");
    practise(&shop).await;
    let audit = shop.read("/api/v1/audit").await;
    assert_eq!(audit[0]["act"], "training_begun");
    // Whoever signs in is in training.
    shop.till(0, "/api/v1/operators/lock", json!({})).await.expect(StatusCode::NO_CONTENT);
    shop.till(0, "/api/v1/training/baskets", json!({})).await.refused(422, "operator-needed");
    keyless("/api/v1/operators/sign-in", ann).await.expect(StatusCode::OK);
    practise(&shop).await;
}

#[tokio::test]
async fn paper_of_training_says_so_and_no_card_is_charged() {
    let lane = Lane::open(ENGINE, "").await;
    lane.sell("real-sale-1").await;
    let begun = lane.post("switch-0001", "/api/v1/training", &json!({ "training": true })).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let opened = lane.post("open-000001", "/api/v1/training/baskets", &json!({})).await;
    let path = format!("/api/v1/training/baskets/{}", opened.body["id"].as_str().unwrap());
    lane.post("line-000001", &format!("{path}/lines"), &json!({ "sku": "818981" })).await;
    let card = json!({ "lines": [{ "sku": "818981" }], "card": true });
    lane.post("card-000001", "/api/v1/sales", &card).await.refused(409, "register-in-training");
    let cash = json!({ "tender": "cash", "amount": 400 });
    lane.post("cash-000001", &format!("{path}/tenders"), &cash).await;
    let done = lane.post("done-000001", &format!("{path}/complete"), &json!({})).await;
    assert_eq!(done.body["receipt"], "T1", "{}", done.body);
    let papers = lane.papers(2).await;
    let marks = |paper: &[String]| paper.iter().filter(|line| line.contains("*** TRAINING ***")).count();
    assert_eq!((marks(&papers[0]), marks(&papers[1])), (0, 2), "{papers:#?}");
    assert!(papers[1].iter().any(|line| line.contains("Receipt T1")), "{papers:#?}");
    let text = lane.get("/api/v1/training/sales/T1/receipt").await.expect(StatusCode::OK);
    assert_eq!(text.to_string().matches("NOT A RECEIPT, NOTHING WAS SOLD").count(), 2);
    let (kind, png) = lane.picture("/api/v1/training/sales/T1/receipt/picture").await;
    assert_eq!((&*kind, &png[1..4]), ("image/png", &b"PNG"[..]));
    lane.get("/api/v1/training/sales/T2/receipt").await.refused(404, "training-sale-unknown");
    assert_eq!(lane.get("/api/v1/sales").await.body.as_array().unwrap().len(), 1);
}
