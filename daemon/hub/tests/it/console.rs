//! What the console asks: hours and items of the day, what HQ has, settings, test pages.

use serde_json::json;

use crate::common::{ENGINE, ask, lane::Lane, wait_for};

#[tokio::test]
async fn the_console_sees_what_was_sold_today_and_what_headquarters_has() {
    let lane = Lane::open(ENGINE, "[returns]\nidentity_key = \"secret\"\n").await;
    let person = ("cookie", &*lane.cookie);
    let sale = lane.sell("sale-000001").await;
    lane.sell("sale-000002").await;
    let has_both = |sold: &serde_json::Value| {
        sold["hours"]
            .as_array()
            .is_some_and(|hours| hours.iter().filter_map(|hour| hour["sales"].as_u64()).sum::<u64>() == 2)
    };
    let sold = wait_for(&lane.router, "/api/v1/status/sold-today", person, has_both).await;
    let top = &sold["top_items"][0];
    assert_eq!((&top["sku"], &top["milli"]), (&json!("818981"), &json!(2000)));
    assert_eq!(
        top["net"],
        sold["hours"].as_array().unwrap().iter().map(|hour| hour["net"].as_i64().unwrap()).sum::<i64>()
    );

    let void = json!({ "reason": "wrong customer" }).to_string();
    let headers = [person, ("idempotency-key", "void-000001")];
    let voided = ask(&lane.router, "POST", &format!("/api/v1/sales/{sale}/void"), &headers, &void).await;
    assert_eq!(voided.status, 200, "{}", voided.body);
    let one_is_left = |sold: &serde_json::Value| sold["top_items"][0]["milli"] == 1000;
    wait_for(&lane.router, "/api/v1/status/sold-today", person, one_is_left).await;

    let hq = ask(&lane.router, "GET", &format!("/api/v1/sales/{sale}/headquarters"), &[person], "").await;
    assert_eq!(hq.body, json!({ "received": false }));
    let unknown = ask(&lane.router, "GET", "/api/v1/sales/7-999/headquarters", &[person], "").await;
    assert_eq!(unknown.status, 404);

    let settings = ask(&lane.router, "GET", "/api/v1/settings", &[person], "").await;
    let config = &settings.body["config"];
    assert_eq!(config["receipt_printer"][0]["name"], "receipts", "{config}");
    assert_eq!(config["returns"]["identity_key"], "(removed)", "{config}");
    assert_eq!(lane.get("/api/v1/settings").await.status, 403, "only for people");
}

#[tokio::test]
async fn a_test_page_is_printed_as_its_preview_shows_it() {
    let lane = Lane::open(ENGINE, "").await;
    let headers = [("cookie", &*lane.cookie), ("idempotency-key", "test-page-1")];
    let page = ask(&lane.router, "POST", "/api/v1/devices/receipts/test-page", &headers, "{}").await;
    assert_eq!(page.body, json!({ "confirmed": true }));
    let papers = lane.papers(1).await;
    assert!(papers[0].iter().any(|line| line.contains("Test page")), "{papers:?}");
    let preview = ask(&lane.router, "GET", "/api/v1/devices/receipts/test-page", &[headers[0]], "").await;
    assert_eq!((preview.status.as_u16(), &*preview.kind), (200, "image/png"));
    let unknown = ask(&lane.router, "GET", "/api/v1/devices/scale/test-page", &[headers[0]], "").await;
    assert_eq!(unknown.status, 404);
}
