//! Service accounts: tokens with scopes, and what a catalog loader does with one.

use axum::{Router, http::StatusCode};
use serde_json::{Value, json};

use crate::common::{Answer, ask, shop::Shop};

/// The `Authorization` header of a new token of the account `loader`.
pub(crate) async fn token(router: &Router, cookie: &str, key: &str, scopes: &[&str]) -> String {
    let headers = [("cookie", cookie), ("idempotency-key", key)];
    let body = json!({ "scopes": scopes }).to_string();
    let drawn = ask(router, "POST", "/api/v1/services/loader/token", &headers, &body).await.expect(StatusCode::OK);
    format!("Bearer {}", drawn["token"].as_str().unwrap())
}

async fn import(shop: &Shop, token: &str, key: &str, csv: &str) -> Answer {
    let headers = [("authorization", token), ("idempotency-key", key)];
    ask(&shop.router, "POST", "/api/v1/items/import", &headers, &json!({ "csv": csv }).to_string()).await
}

async fn lists(shop: &Shop, token: &str) -> Answer {
    ask(&shop.router, "GET", "/api/v1/items", &[("authorization", token)], "").await
}

const CSV: &str = "sku,description,price\nT1,Tea,199\nT2,Green tea,249\n";

#[tokio::test]
async fn a_loader_imports_items_within_its_scopes() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let loader = token(&shop.router, &shop.cookie, "draw-000001", &["items.load"]).await;
    import(&shop, &loader, "import-00001", CSV).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/items/T2").await["price"]["minor"], 249);
    let wrong = import(&shop, &loader, "import-00002", "sku,description,price\nT1,Tea,1.99\n").await;
    assert!(wrong.refused(400, "bad-request").contains("row 1: field 2"));
    let told = lists(&shop, &loader).await;
    assert_eq!(told.body["permission"], "items.read");
    assert!(told.refused(403, "forbidden").contains("service loader has no scope `items.read`"));
    let audited = shop.read("/api/v1/audit").await;
    let is_loader = |entry: &Value| entry["who"]["station"] == json!({ "service": "loader" });
    assert!(audited.as_array().unwrap().iter().any(is_loader), "{audited}");
}

#[tokio::test]
async fn a_new_token_replaces_the_old_one_and_a_revoked_account_is_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let old = token(&shop.router, &shop.cookie, "draw-000001", &["items.read"]).await;
    let new = token(&shop.router, &shop.cookie, "draw-000002", &["items.read"]).await;
    lists(&shop, &old).await.refused(401, "unauthenticated");
    lists(&shop, &new).await.expect(StatusCode::OK);
    let listed = shop.read("/api/v1/services").await;
    assert_eq!(listed["services"][0]["scopes"], json!(["items.read"]));
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "revoke-00001")];
    let revoked = ask(&shop.router, "POST", "/api/v1/services/loader/revoke", &headers, "{}").await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    lists(&shop, &new).await.refused(401, "unauthenticated");
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "revoke-00002")];
    ask(&shop.router, "POST", "/api/v1/services/loader/revoke", &headers, "{}").await.refused(404, "service-unknown");
}
