//! Codes on goods, from the scanner to the sale line; leases of devices.

use serde_json::{Value, json};

use crate::common::{Answer, ENGINE, ask, lane::Lane};

const RULES: &str = "[[restricted_code]]\npattern = \"23IIIIIIVVVVK\"\nvalue = \"pound\"\ndecimals = 3\n\
                     [[restricted_code]]\npattern = \"21IIIIIIVVVVK\"\nvalue = \"price\"\ndecimals = 2\n";

const ITEMS: &str = r#"{"items":[
    {"sku":"123456","description":"Ham","price":{"minor":1000,"per":"pound"}},
    {"sku":"MILK","gtin":"09520123456788","description":"Milk","price":{"minor":129,"per":"each"}}
]}"#;

async fn lane() -> Lane {
    let lane = Lane::open(ENGINE, RULES).await;
    let person = [("cookie", &*lane.cookie), ("idempotency-key", "more-items")];
    assert_eq!(ask(&lane.router, "POST", "/api/v1/items", &person, ITEMS).await.status, 200);
    lane
}

async fn basket(lane: &Lane) -> String {
    let opened = lane.post("basket-0001", "/api/v1/baskets", &json!({})).await;
    format!("/api/v1/baskets/{}/lines", opened.body["id"].as_str().unwrap())
}

async fn enter(lane: &Lane, path: &str, key: &str, line: Value) -> Answer {
    lane.post(&format!("line-{key}"), path, &line).await
}

fn refused(answer: &Answer, kind: &str) {
    assert_eq!(
        (answer.status.as_u16(), &answer.body["type"]),
        (422, &format!("/problems/{kind}").into()),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_code_brings_item_quantity_price_and_particulars_to_the_line() {
    let lane = lane().await;
    let path = basket(&lane).await;
    let code = |data: &str| json!({ "code": { "data": data } });
    let milk = enter(&lane, &path, "milk1", code("010952012345678817491231\u{1d}10L7")).await;
    assert_eq!((milk.status.as_u16(), &milk.body["line"]["sku"]), (200, &"MILK".into()), "{}", milk.body);
    let particulars = &milk.body["line"]["particulars"];
    assert_eq!((&particulars["batch"], &particulars["use_by"]), (&"L7".into(), &"2049-12-31".into()));
    // 0.350 lb at 10.00.
    let ham = enter(&lane, &path, "ham01", code("2312345603500")).await;
    assert_eq!(ham.body["line"]["quantity"], json!({ "milli": 350, "unit": "pound" }), "{}", ham.body);
    assert_eq!(ham.body["line"]["regular"], 350);
    // A price of 4.99 is a weight of 0.499 lb.
    let priced = enter(&lane, &path, "ham02", code("2112345604992")).await;
    assert_eq!(priced.body["line"]["regular"], 499, "{}", priced.body);
    assert_eq!(priced.body["line"]["quantity"]["milli"], 499);
    refused(&enter(&lane, &path, "wrong", code("2312345603501")).await, "code-invalid");
    let unknown = enter(&lane, &path, "other", code("4006381333931")).await;
    assert_eq!(unknown.body["type"], "/problems/item-unknown", "{}", unknown.body);
}

#[tokio::test]
async fn expired_goods_are_not_sold_unnoticed() {
    let lane = lane().await;
    let path = basket(&lane).await;
    let code = |dates: &str| json!({ "code": { "data": format!("0109520123456788{dates}"), "symbology": "]d2" } });
    let expired = enter(&lane, &path, "used1", code("17200131")).await;
    refused(&expired, "item-expired");
    assert_eq!(expired.body["use_by"], "2020-01-31");
    refused(&enter(&lane, &path, "best1", code("15200131")).await, "past-best-before");
    let mut noticed = code("15200131");
    noticed["past_best_before"] = true.into();
    assert_eq!(enter(&lane, &path, "best2", noticed).await.status.as_u16(), 200);
    let mut expired = code("17200131");
    expired["past_best_before"] = true.into();
    refused(&enter(&lane, &path, "used2", expired).await, "item-expired");
}

#[tokio::test]
async fn recalled_goods_are_not_sold_unnoticed() {
    let lane = lane().await;
    let path = basket(&lane).await;
    let person = async |key: &str, what: &str, body: Value| {
        let headers = [("cookie", &*lane.cookie), ("idempotency-key", key)];
        ask(&lane.router, "POST", &format!("/api/v1/items/MILK/{what}"), &headers, &body.to_string()).await
    };
    let recalled = person("recall-01", "recall", json!({ "reason": "glass", "batches": ["L7"] })).await;
    assert_eq!(recalled.status.as_u16(), 200, "{}", recalled.body);
    let code = |batch: &str| json!({ "code": { "data": format!("010952012345678810{batch}") } });
    let found = enter(&lane, &path, "bad01", code("L7")).await;
    refused(&found, "item-recalled");
    assert_eq!(found.body["reason"], "glass");
    assert_eq!(enter(&lane, &path, "good1", code("L8")).await.status.as_u16(), 200);
    let unknown = enter(&lane, &path, "none1", json!({ "sku": "MILK" })).await;
    refused(&unknown, "item-recalled");
    assert_eq!(enter(&lane, &path, "good2", json!({ "sku": "MILK", "batch": "L9" })).await.status.as_u16(), 200);
    let whole = json!({ "lines": [{ "sku": "MILK" }], "tenders": [{ "tender": "cash", "amount": 129 }] });
    refused(&lane.post("whole-0001", "/api/v1/sales", &whole).await, "item-recalled");
    assert_eq!(lane.get("/api/v1/recalls").await.body[0]["sku"], "MILK");
    assert_eq!(person("recall-02", "recall/end", json!({})).await.status.as_u16(), 204);
    assert_eq!(enter(&lane, &path, "none2", json!({ "sku": "MILK" })).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_scan_is_decoded_for_its_register() {
    let lane = lane().await;
    let scan = async |number: usize| {
        let scans = |heard: &Value| {
            let events = heard["events"].as_array().unwrap().iter();
            events.filter(|event| event["event"] == "scan").cloned().collect::<Vec<_>>()
        };
        let heard = lane.wait_for("/api/v1/lanes/me/events", |heard| scans(heard).len() == number).await;
        scans(&heard).pop().unwrap()
    };
    lane.scanner.scan("]d2", "010952012345678817271231").await.unwrap();
    let event = scan(1).await;
    assert_eq!(event["decoded"]["code"]["particulars"]["use_by"], "2027-12-31", "{event}");
    assert_eq!(event["decoded"]["code"]["gtins"][0], "9520123456788");
    lane.scanner.scan("]E0", "4006381333930").await.unwrap();
    let event = scan(2).await;
    assert!(event["decoded"]["code_error"].as_str().unwrap().contains("check digit"), "{event}");
}

#[tokio::test]
async fn a_leased_device_is_its_holders() {
    let lane = lane().await;
    lane.scale.put(1000);
    let person = [("cookie", &*lane.cookie), ("idempotency-key", "weigh-person-1")];
    let path = "/api/v1/devices/scale/weigh";
    assert_eq!(ask(&lane.router, "POST", path, &person, "{}").await.status, 200);
    let leased = lane.post("lease-0001", "/api/v1/devices/scale/lease", &json!({})).await;
    assert_eq!((leased.status.as_u16(), &leased.body["expires_in_ms"]), (200, &15_000.into()), "{}", leased.body);
    assert_eq!(lane.post("weigh-0001", path, &json!({})).await.status.as_u16(), 200);
    let held = ask(&lane.router, "POST", path, &[person[0], ("idempotency-key", "weigh-person-2")], "{}").await;
    assert_eq!((held.status.as_u16(), &held.body["holder"]), (409, &"till-2".into()), "{}", held.body);
    assert!(held.body["detail"].as_str().unwrap().contains("held by till-2"));
    let devices = lane.get("/api/v1/devices").await.body;
    let scale = devices.as_array().unwrap().iter().find(|device| device["device"] == "scale").unwrap();
    assert_eq!(scale["held_by"], "till-2", "{scale}");
    assert_eq!(lane.post("give-0001", "/api/v1/devices/scale/give-back", &json!({})).await.status.as_u16(), 204);
    let free = ask(&lane.router, "POST", path, &[person[0], ("idempotency-key", "weigh-person-3")], "{}").await;
    assert_eq!(free.status.as_u16(), 200);
}
