//! Returns over the API: from the receipt to the card.

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    common::shop::CEREAL,
    payments::{shop, terminal},
};

#[tokio::test]
async fn goods_come_back_to_the_card_that_paid_for_them() {
    let terminal = terminal().await;
    let (shop, _directory) = shop(&terminal).await;
    let sale = json!({ "lines": [{ "sku": CEREAL, "quantity": { "milli": 3_000, "unit": "each" } }], "card": true });
    let sold = shop.till(1, "/api/v1/sales", sale).await.expect(StatusCode::OK);
    let sale = sold["sale"].as_str().unwrap().to_owned();
    let opened = shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    let line = |milli: u32| json!({ "line": 1, "quantity": { "milli": milli, "unit": "each" }, "reason": "unwanted" });
    let too_many = json!({ "sale": sale, "lines": [line(4_000)] });
    shop.till(1, &format!("{path}/returns"), too_many).await.refused(422, "not-returnable");
    let identities = json!([{ "kind": "phone", "value": "+43 660 1234567" }]);
    let back = json!({ "sale": sale, "lines": [line(1_000)], "identities": identities });
    let status = shop.till(1, &format!("{path}/returns"), back).await.expect(StatusCode::OK);
    assert_eq!(status["due"], -369, "{status}");
    shop.till(1, &format!("{path}/complete"), json!({})).await.refused(422, "refund-due");
    let refund = shop.till(1, &format!("{path}/refunds"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&refund["due"], &refund["steps"][0]["refund"]["to"]), (&json!(0), &json!("card")), "{refund}");
    let done = shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    let found = shop.read(&format!("/api/v1/returns/sale?sale={sale}")).await;
    assert_eq!((&found["validated"], &found["returnable"]["lines"][0]["left_milli"]), (&json!("local"), &json!(2_000)));
    let sold = shop.read(&format!("/api/v1/sales/{sale}")).await;
    let (register, year) = (sold["register"].as_str().unwrap(), &sold["fiscal_year"]);
    let number = format!("register={register}&fiscal_year={year}&receipt={}", sold["receipt"]);
    assert_eq!(shop.read(&format!("/api/v1/returns/sale?{number}")).await, found);
    let receipt = shop.read(&format!("/api/v1/sales/{}/receipt", done["sale"].as_str().unwrap())).await;
    assert!(receipt.to_string().contains(&format!("RETURN OF SALE {sale}")), "{receipt}");
    // The number that the customer gave is nowhere.
    let stored = shop.read(&format!("/api/v1/sales/{}", done["sale"].as_str().unwrap())).await;
    assert!(stored["returns"][0]["identities"][0].as_str().unwrap().len() == 32, "{stored}");
    assert!(!stored.to_string().contains("6601234567"), "{stored}");
}
