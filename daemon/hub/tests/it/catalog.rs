//! The catalog over the API: loading, listing, changes, delisting; and the lane of a register.

use axum::http::StatusCode;
use serde_json::{Value, json};
use store::EngineKind;

use crate::common::{
    ask, open_with,
    shop::{BANANAS, CEREAL, Shop},
};

fn item(sku: &str, minor: i64) -> Value {
    json!({ "sku": sku, "description": format!("Item {sku}"), "price": { "minor": minor, "per": "each" } })
}

/// A loader that lost its answer repeats the load a day later: the old prices must not come back.
#[tokio::test]
async fn a_late_repeat_of_an_old_load_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let load = async |key: &str, minor: i64| {
        let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", key)];
        let body = json!({ "items": [item("A", minor)] }).to_string();
        ask(&shop.router, "POST", "/api/v1/items", &headers, &body).await.expect(StatusCode::OK)
    };
    let first = load("monday-load", 100).await;
    load("tuesday-load", 200).await;
    let audited = shop.read("/api/v1/audit").await;
    assert_eq!(load("monday-load", 100).await, first);
    assert_eq!(shop.read("/api/v1/items/A").await["price"]["minor"], 200);
    assert_eq!(shop.read("/api/v1/audit").await, audited);
}

#[tokio::test]
async fn an_item_with_an_unknown_field_or_anothers_code_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let mut typo = item("A", 1);
    typo["gtln"] = json!("4006381333931");
    let told = shop.person("/api/v1/items", json!({ "items": [typo] })).await.refused(400, "bad-request");
    assert!(told.contains("unknown field `gtln`"), "{told}");
    let mut same = item("A", 1);
    same["gtin"] = json!("0400008189811");
    let told = shop.person("/api/v1/items", json!({ "items": [same] })).await.refused(422, "item-code-taken");
    assert!(told.contains(CEREAL), "{told}");
}

#[tokio::test]
async fn items_are_listed_searched_and_followed() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let skus = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["sku"].as_str().unwrap().to_owned()).collect()
    };
    let all = shop.read("/api/v1/items").await;
    assert_eq!((skus(&all), &all["next"]), (vec![BANANAS.to_owned(), CEREAL.to_owned()], &Value::Null));
    let first = shop.read("/api/v1/items?limit=1").await;
    let rest = shop.read(&format!("/api/v1/items?limit=1&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!((skus(&first), skus(&rest)), (vec![BANANAS.to_owned()], vec![CEREAL.to_owned()]));
    assert_eq!(skus(&shop.read("/api/v1/items?query=BANAN").await), [BANANAS]);

    let delisted = shop.person(&format!("/api/v1/items/{BANANAS}/delist"), json!({})).await.expect(StatusCode::OK);
    let changed = shop.read(&format!("/api/v1/items?changed_after={}", all["version"])).await;
    assert_eq!((skus(&changed), &changed["items"][0]["delisted"]), (vec![BANANAS.to_owned()], &json!(true)));
    assert_eq!(changed["version"], delisted["version"]);
    assert_eq!(skus(&shop.read("/api/v1/items").await), [CEREAL]);
    let line = json!({ "sku": BANANAS, "quantity": { "milli": 1000, "unit": "kilogram" } });
    let told = shop.sell(0, json!([line]), &[]).await.refused(422, "item-delisted");
    assert!(told.contains("4011 (Bananas) is delisted"), "{told}");
    shop.till(0, &format!("/api/v1/items/{CEREAL}/delist"), json!({})).await.refused(403, "forbidden");
    shop.person("/api/v1/items/no-such/delist", json!({})).await.refused(404, "item-unknown");

    let long = format!("/api/v1/items?query={}", "a".repeat(61));
    ask(&shop.router, "GET", &long, &[("cookie", &shop.cookie)], "").await.refused(400, "bad-request");
}

#[tokio::test]
async fn a_register_reads_its_lane() {
    let directory = tempfile::tempdir().unwrap();
    let printer = |number: u16| {
        format!(
            "[[receipt_printer]]\nname = \"printer-{number}\"\nprotocol = \"esc-pos\"\naddress = \
             \"tcp://127.0.0.1:{number}\"\n"
        )
    };
    let lane = ["receipt_printer = \"printer-2\"\n".to_owned(), printer(1), printer(2)].concat();
    let shop = Shop::enter(open_with(directory.path(), EngineKind::Sqlite, &lane), directory.path()).await;
    let read = async |till: usize| {
        let headers = [("authorization", shop.tills[till].as_str())];
        ask(&shop.router, "GET", "/api/v1/lanes/me", &headers, "").await.expect(StatusCode::OK)
    };
    let second = read(1).await;
    assert_eq!((&second["register"], &second["hub"]), (&json!("till-2"), &json!("store-1")));
    assert_eq!((&second["currency"], &second["currency_exponent"]), (&json!("USD"), &json!(2)));
    assert_eq!(second["version"], env!("CARGO_PKG_VERSION"));
    let devices = second["devices"].as_array().unwrap();
    assert_eq!(
        (devices.len(), &devices[0]["device"], &devices[0]["kind"]),
        (1, &json!("printer-2"), &json!("receipt_printer"))
    );
    assert!(devices[0]["health"]["state"].is_string(), "{second}");
    assert_eq!(read(0).await["devices"], json!([]));
    ask(&shop.router, "GET", "/api/v1/lanes/me", &[("cookie", &shop.cookie)], "").await.refused(403, "forbidden");
}
