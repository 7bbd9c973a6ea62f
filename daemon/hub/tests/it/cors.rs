//! Registers that are web pages of other sites.

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use serde_json::json;
use tower::ServiceExt;

use crate::common::{ask, log_in, open};

const PAGE: &str = "https://till.example";

/// The answer's status and headers for a page of an origin.
async fn headers(router: &Router, method: &str, origin: &str, more: &[(&str, &str)]) -> (StatusCode, HeaderMap) {
    let mut request = Request::builder().method(method).uri("/api/v1/lanes/me").header("host", "hub.example");
    for (name, value) in [("origin", origin)].iter().chain(more) {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn only_pages_with_which_a_register_is_paired_may_call() {
    let directory = tempfile::tempdir().unwrap();
    let (_, router) = open(directory.path());
    let cookie = log_in(&router, directory.path()).await;
    let preflight = [("access-control-request-method", "POST")];
    assert_eq!(headers(&router, "OPTIONS", PAGE, &preflight).await.0, StatusCode::METHOD_NOT_ALLOWED);

    let drawing = [("cookie", &*cookie), ("idempotency-key", "pairing-code-1")];
    let path = "/api/v1/registers/till-1/pairing-code";
    let refused = ask(&router, "POST", path, &drawing, r#"{"origin": "https://till.example/page"}"#).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let drawn = ask(&router, "POST", path, &drawing, &json!({ "origin": PAGE }).to_string()).await;
    // The page may send the code.
    assert_eq!(headers(&router, "OPTIONS", PAGE, &preflight).await.0, StatusCode::NO_CONTENT);
    let paired = ask(&router, "POST", "/api/v1/pairing", &[], &json!({ "code": drawn.body["code"] }).to_string()).await;
    let token = format!("Bearer {}", paired.body["token"].as_str().unwrap());

    let (status, allowed) = headers(&router, "OPTIONS", PAGE, &preflight).await;
    assert_eq!((status, &allowed["access-control-allow-origin"]), (StatusCode::NO_CONTENT, &PAGE.parse().unwrap()));
    assert!(allowed["access-control-allow-headers"].to_str().unwrap().contains("idempotency-key"));
    let (status, answer) = headers(&router, "GET", PAGE, &[("authorization", &token)]).await;
    assert_eq!((status, &answer["access-control-allow-origin"]), (StatusCode::OK, &PAGE.parse().unwrap()));
    // A person's cookie stays with the hub's own pages.
    assert!(!answer.contains_key("access-control-allow-credentials"));
    let (_, foreign) = headers(&router, "GET", "https://other.example", &[("authorization", &token)]).await;
    assert!(!foreign.contains_key("access-control-allow-origin"));

    let unpairing = [("cookie", &*cookie), ("idempotency-key", "unpair-0001")];
    ask(&router, "POST", "/api/v1/registers/till-1/unpair", &unpairing, "{}").await;
    assert_eq!(headers(&router, "OPTIONS", PAGE, &preflight).await.0, StatusCode::METHOD_NOT_ALLOWED);
}
