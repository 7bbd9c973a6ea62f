//! Whether a hub may be restarted, asked over its admin socket, as the upgrade does.

use axum::http::StatusCode;
use hub::maintenance::may_restart;
use serde_json::json;

use crate::common::shop::{CEREAL, Shop};

#[tokio::test]
async fn a_hub_is_not_restarted_from_the_first_scan_to_the_receipt() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("hub.toml");
    let shop = Shop::open(directory.path()).await;
    assert_eq!(may_restart(&config).await, Ok(()), "nobody is served");
    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    assert_eq!(may_restart(&config).await, Ok(()), "a basket without a line keeps nobody waiting");
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    assert!(may_restart(&config).await.is_err(), "goods are in the basket");
    shop.till(0, &format!("{path}/park"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(may_restart(&config).await, Ok(()), "it is parked");
    shop.till(0, &format!("{path}/recall"), json!({})).await.expect(StatusCode::OK);
    let cash = json!({ "tender": "cash", "amount": 369 });
    shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    assert!(may_restart(&config).await.is_err(), "it is paid, and not complete");
    shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(may_restart(&config).await, Ok(()), "the sale is done");
}

#[tokio::test]
async fn a_hub_that_does_not_run_may_be_restarted() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("hub.toml");
    drop(Shop::open(directory.path()).await);
    std::fs::remove_file(directory.path().join("data/hub.sock")).unwrap();
    assert_eq!(may_restart(&config).await, Ok(()));
}
