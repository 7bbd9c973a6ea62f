//! Customers, points and history over the API.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{
    Answer, ask,
    shop::{CEREAL, Shop},
};

async fn keyless(shop: &Shop, path: &str, body: Value) -> Answer {
    ask(&shop.router, "POST", path, &[("authorization", &shop.tills[0])], &body.to_string()).await
}

#[tokio::test]
async fn a_customer_is_entered_found_sold_to_and_erased() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let entered = json!({ "name": "Ada Byron", "phones": ["0664 1234567"], "emails": ["ada@example.com"],
        "consents": [{ "purpose": "email", "text_version": "1", "given": true }] });
    let key = shop.key();
    let id = shop.till_with_key(0, "/api/v1/customers", &key, entered.clone()).await.expect(StatusCode::OK);
    let again = shop.till_with_key(0, "/api/v1/customers", &key, entered.clone()).await.expect(StatusCode::OK);
    assert_eq!(id, again, "a repeat gets the first answer");
    let id = id["customer"].as_str().unwrap().to_owned();
    let known = shop.till(0, "/api/v1/customers", entered).await;
    assert_eq!(known.body["customer"], json!(id));
    known.refused(409, "customer-known");
    let found = keyless(&shop, "/api/v1/customers/search", json!({ "phone": "+43 664 1234567" })).await;
    let found = found.expect(StatusCode::OK);
    assert_eq!(
        (&found["customers"][0]["name"], found["customers"].as_array().unwrap().len()),
        (&json!("Ada Byron"), 1)
    );
    keyless(&shop, "/api/v1/customers/search", json!({})).await.refused(400, "bad-request");
    shop.till(0, &format!("/api/v1/customers/{id}"), json!({ "phones": ["12"] }))
        .await
        .refused(422, "customer-invalid");

    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/customer"), json!({ "customer": id })).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 400 })).await.expect(StatusCode::OK);
    let sold = shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    let history = shop.read_at_till(&format!("/api/v1/customers/{id}/history")).await.expect(StatusCode::OK);
    assert_eq!((&history["here"][0]["id"], history.get("everywhere")), (&sold["sale"], None));
    let email = format!("/api/v1/sales/{}/email", sold["sale"].as_str().unwrap());
    shop.till(0, &email, json!({})).await.expect(StatusCode::OK);
    shop.read_at_till(&format!("/api/v1/customers/{id}/points")).await.refused(422, "loyalty-no-points");

    let export = format!("/api/v1/customers/{id}/export");
    keyless(&shop, &export, json!({})).await.refused(403, "forbidden");
    let exported = ask(&shop.router, "POST", &export, &[("cookie", &shop.cookie)], "{}").await.expect(StatusCode::OK);
    assert_eq!(exported["profile"]["emails"], json!(["ada@example.com"]));
    shop.person(&format!("/api/v1/customers/{id}/erase"), json!({})).await.expect(StatusCode::OK);
    shop.read_at_till(&format!("/api/v1/customers/{id}")).await.refused(404, "customer-unknown");
    shop.till(0, &email, json!({})).await.refused(422, "customer-without-email");
    let audit = shop.read("/api/v1/audit").await.to_string();
    assert!(audit.contains("customer_erased") && audit.contains("customer_exported") && !audit.contains("Byron"));
}
