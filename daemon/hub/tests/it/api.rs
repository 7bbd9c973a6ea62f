//! The API as a register's program sees it: authentication, idempotency, and errors as problem details.

use axum::http::StatusCode;
use serde_json::{Value, json};
use store::Depth;

use crate::common::{CEREAL, ask, enter, faults, open};

#[tokio::test]
async fn a_sale_is_made_once_and_every_refusal_is_a_problem() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let loaded =
        ask(&router, "POST", "/api/v1/items", &[("cookie", &cookie), ("idempotency-key", "load-0001")], CEREAL).await;
    assert_eq!(loaded.body, json!({ "loaded": 1, "version": 1 }));

    let post = async |path: &str, key: &str, body: Value| {
        ask(&router, "POST", path, &[("authorization", &token), ("idempotency-key", key)], &body.to_string()).await
    };
    let opened = post("/api/v1/baskets", "open-00001", json!({ "reference": "order-7" })).await;
    assert_eq!(opened.status, StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened.body["id"].as_str().unwrap());
    let line = json!({ "gtin": "0400008189811", "quantity": { "milli": 2000, "unit": "each" } });
    for _ in 0..3 {
        // A repeat adds the same line and gets the same answer.
        let added = post(&format!("{path}/lines"), "line-00001", line.clone()).await;
        assert_eq!((added.status, &added.body["due"]), (StatusCode::OK, &json!(738)));
    }

    let refused = [
        (post(&format!("{path}/lines"), "line-00001", json!({ "sku": "818981" })).await, 409, "idempotency-key-reused"),
        (post(&format!("{path}/lines"), "line-00002", json!({ "gtin": "96385074" })).await, 404, "item-unknown"),
        (post(&format!("{path}/lines"), "line-00003", json!({ "gtin": "96385075" })).await, 400, "bad-request"),
        (
            post(&format!("{path}/lines"), "line-00004", json!({ "sku": "818981", "price": 1 })).await,
            400,
            "bad-request",
        ),
        (post(&format!("{path}/lines"), "short", line.clone()).await, 400, "bad-request"),
        (post(&format!("{path}/lines/9/void"), "void-00001", json!({})).await, 422, "line-unknown"),
        (post(&format!("{path}/lines/x/void"), "void-00002", json!({})).await, 400, "bad-request"),
        (post(&format!("{path}/complete"), "done-00001", json!({})).await, 422, "still-due"),
        (post(&format!("{path}/payments"), "card-00001", json!({})).await, 404, "device-unknown"),
        (post("/api/v1/baskets/b99/lines", "line-00005", line.clone()).await, 404, "basket-unknown"),
        (post("/api/v1/nothing", "none-00001", json!({})).await, 404, "route-unknown"),
        (ask(&router, "POST", "/api/v1/session", &[], "{").await, 400, "bad-request"),
        (ask(&router, "GET", "/api/v1/status", &[], "").await, 401, "unauthenticated"),
        (ask(&router, "GET", "/api/v1/status", &[("authorization", "Bearer guess")], "").await, 401, "unauthenticated"),
        (post("/api/v1/items", "load-0002", json!({ "items": [] })).await, 403, "forbidden"),
        (ask(&router, "GET", "/api/v1/sales?limit=x", &[("authorization", &token)], "").await, 400, "bad-request"),
    ];
    for (answer, status, kind) in &refused {
        assert_eq!(answer.status.as_u16(), *status, "{kind}: {}", answer.body);
        assert_eq!(answer.body["type"], format!("/problems/{kind}"), "{}", answer.body);
        assert_eq!(answer.kind, "application/problem+json");
        assert!(answer.body["detail"].as_str().is_some_and(|detail| detail.len() > 10));
    }

    let (_, other) = enter(&router, directory.path(), "till-2").await;
    let foreign = ask(&router, "GET", &path, &[("authorization", &other)], "").await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "a basket belongs to its register");

    post(&format!("{path}/tenders"), "cash-00001", json!({ "tender": "cash", "amount": 1000 })).await;
    let sold = post(&format!("{path}/complete"), "done-00002", json!({})).await;
    assert_eq!((&sold.body["receipt"], &sold.body["totals"]["change"]), (&json!(1), &json!(262)));
    assert_eq!(post(&format!("{path}/complete"), "done-00002", json!({})).await.body, sold.body);
    assert_eq!(
        post(&format!("{path}/complete"), "done-00003", json!({})).await.body["type"],
        "/problems/basket-not-open"
    );
    let sale = ask(
        &router,
        "GET",
        &format!("/api/v1/sales/{}", sold.body["sale"].as_str().unwrap()),
        &[("authorization", &token)],
        "",
    )
    .await;
    assert_eq!((&sale.body["reference"], &sale.body["lines"][0]["regular"]), (&json!("order-7"), &json!(738)));
    assert_eq!(hub.store().outbox_span("sales").unwrap().last, 1);
}

#[tokio::test]
async fn receipt_numbers_have_no_gaps_despite_refusals() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, router) = open(directory.path());
    let (_, first) = enter(&router, directory.path(), "till-1").await;
    let (_, second) = enter(&router, directory.path(), "till-2").await;
    let mut receipts = [Vec::new(), Vec::new()];
    for round in 0..6 {
        for (place, token) in [&first, &second].into_iter().enumerate() {
            let amount = if round % 3 == 1 { 1 } else { 500 };
            let sale = json!({
                "lines": [{ "description": "Deposit", "keyed": { "amount": 500, "reason": "on the package" } }],
                "tenders": [{ "tender": "cash", "amount": amount }]
            });
            let key = format!("sale-{place}-{round:04}");
            let headers = [("authorization", token.as_str()), ("idempotency-key", key.as_str())];
            let answer = ask(&router, "POST", "/api/v1/sales", &headers, &sale.to_string()).await;
            receipts[place].extend(answer.body["receipt"].as_u64());
        }
    }
    assert_eq!(receipts, [[1, 2, 3, 4], [1, 2, 3, 4]]);
    assert_eq!(faults(&hub, Depth::Whole), [""; 0]);
    assert_eq!(hub.store().outbox_span("sales").unwrap().last, 8);
}

#[tokio::test]
async fn a_register_requests_the_events_of_its_own_lane() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let get = async |query: &str, header: (&str, &str)| {
        ask(&router, "GET", &format!("/api/v1/lanes/me/events{query}"), &[header], "").await
    };
    let heard = get("", ("authorization", &token)).await;
    assert_eq!(heard.status, StatusCode::OK, "{}", heard.body);
    let boot = heard.body["boot"].as_str().unwrap();
    let nothing = json!({ "boot": boot, "restarted": false, "last": 0, "missed": 0, "events": [] });
    assert_eq!(heard.body, nothing);
    assert_eq!(get(&format!("?after=0&boot={boot}"), ("authorization", &token)).await.body, nothing);
    assert_eq!(get("?after=9&boot=before", ("authorization", &token)).await.body["restarted"], true);
    assert_eq!(get("?after=nine", ("authorization", &token)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get("?since=1", ("authorization", &token)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get("", ("cookie", &cookie)).await.status, StatusCode::FORBIDDEN, "a person has no lane");
}

#[tokio::test]
async fn a_register_that_writes_too_much_must_wait_and_others_sell_on() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let (_, token) = enter(&router, directory.path(), "till-1").await;
    let (_, other) = enter(&router, directory.path(), "till-2").await;
    let large = " ".repeat(500_000);
    let mut refused = None;
    for number in 0..700 {
        let key = format!("large-{number:03}");
        let headers = [("authorization", &*token), ("idempotency-key", &*key)];
        let answer = ask(&router, "POST", "/api/v1/baskets", &headers, &large).await;
        if answer.status != StatusCode::BAD_REQUEST {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("it may write without a limit");
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (429, &json!("/problems/write-limit")));
    assert!(refused.body["retry_after_s"].as_u64().is_some_and(|seconds| seconds > 0), "{}", refused.body);
    let headers = [("authorization", &*other), ("idempotency-key", "open-00001")];
    assert_eq!(ask(&router, "POST", "/api/v1/baskets", &headers, "{}").await.status, StatusCode::CREATED);
}
