//! What all answers have in common.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;
use tower::ServiceExt;

use crate::common::{ask, enter, open};

#[tokio::test]
async fn wrong_methods_large_bodies_and_reads_of_events_are_answered_with_problems() {
    let directory = tempfile::tempdir().unwrap();
    let (_, router) = open(directory.path());
    let (_, token) = enter(&router, directory.path(), "till-1").await;
    let headers = [("authorization", &*token), ("idempotency-key", "large-00001")];
    let large = json!({ "reference": "x".repeat(600_000) }).to_string();
    let answers = [
        (ask(&router, "GET", "/api/v1/session", &[], "").await, 405, "method-not-allowed"),
        (ask(&router, "DELETE", "/api/v1/baskets/b1", &headers, "").await, 405, "method-not-allowed"),
        (ask(&router, "POST", "/api/v1/baskets", &headers, &large).await, 413, "body-too-large"),
        (ask(&router, "POST", "/api/v1/session", &[], &large).await, 413, "body-too-large"),
        // A caller whose session ended with a restart must be told to log in again, whatever the body.
        (
            ask(&router, "POST", "/api/v1/items", &[("cookie", "hub_session=former")], &large).await,
            401,
            "unauthenticated",
        ),
        (ask(&router, "GET", "/api/v1/events", &headers, "").await, 400, "bad-request"),
    ];
    for (answer, status, kind) in &answers {
        assert_eq!(answer.status.as_u16(), *status, "{kind}: {}", answer.body);
        assert_eq!(answer.body["type"], format!("/problems/{kind}"));
        assert_eq!(answer.kind, "application/problem+json");
    }
    // A body that was refused for its size did not use up the key.
    assert_eq!(ask(&router, "POST", "/api/v1/baskets", &headers, "{}").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn every_answer_has_the_hubs_version_and_the_stores_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, router) = open(directory.path());
    let epoch = hub.store().epoch().to_string();
    for path in ["/api/v1/status", "/api/v1/nothing", "/api/v1/openapi.json", "/docs", "/docs/docs.js", "/register"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["store-hub-epoch"], *epoch, "{path}");
        let is_page = !path.starts_with("/api/");
        assert_eq!(response.headers()["cache-control"], if is_page { "no-cache" } else { "no-store" }, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["store-hub-version"], env!("CARGO_PKG_VERSION"), "{path}");
        assert_eq!(response.status().is_success(), !path.contains("status") && !path.contains("nothing"), "{path}");
    }
}
