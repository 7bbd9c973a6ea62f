//! Returns over the API: from the receipt to the card.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    common::{
        ENGINE, ask,
        headquarters::Headquarters,
        open_as, open_with,
        shop::{CEREAL, Shop},
    },
    payments::{shop, terminal},
};

async fn search(shop: &Shop, sought: Value) -> Value {
    let headers = [("authorization", shop.tills[0].as_str())];
    let found = ask(&shop.router, "POST", "/api/v1/returns/search", &headers, &sought.to_string()).await;
    found.expect(StatusCode::OK)
}

async fn basket(shop: &Shop) -> String {
    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_without_its_receipt_is_found_in_all_stores_and_offline_as_far_as_it_is_known() {
    let hq = Headquarters::start().await;
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let open = |name: &str, directory: &tempfile::TempDir| open_as(directory.path(), name, ENGINE, &hq.config());
    let one_shop = Shop::enter(open("store-1", &one), one.path()).await;
    let two_shop = Shop::enter(open("store-2", &two), two.path()).await;
    two_shop
        .person(&format!("/api/v1/items/{CEREAL}/serials"), json!({ "required": true, "warranty_months": 24 }))
        .await
        .expect(StatusCode::NO_CONTENT);
    let path = basket(&two_shop).await;
    let line = json!({ "sku": CEREAL, "serial": "A1" });
    two_shop.till(0, &format!("{path}/lines"), line).await.expect(StatusCode::OK);
    let cash = json!({ "tender": "cash", "amount": 369 });
    two_shop.till(0, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
    let sold = two_shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    hq.wait_for_sales(1).await;

    let here = search(&two_shop, json!({ "serial": "A1" })).await;
    let there = search(&one_shop, json!({ "serial": "A1" })).await;
    assert_eq!((&here["everywhere"], &there["everywhere"]), (&json!(true), &json!(true)), "{here} {there}");
    assert_eq!(here["sales"], there["sales"], "found here and at HQ, listed once");
    let found = &there["sales"][0];
    assert_eq!((&found["store"], &found["sale"], &found["total"]), (&json!("store-2"), &sold["sale"], &json!(369)));
    assert_eq!((&found["goods"], there["sales"].as_array().unwrap().len()), (&json!(["Cereal"]), 1));
    assert_eq!(
        search(&one_shop, json!({ "order": sold["sale"] })).await["sales"],
        json!([]),
        "a sale's id is not an order number"
    );
    // The cashier chooses it, and the goods come back here.
    let sale = sold["sale"].as_str().unwrap();
    let returnable = one_shop.read(&format!("/api/v1/returns/sale?store=store-2&sale={sale}")).await;
    assert_eq!(returnable["returnable"]["lines"][0]["left_milli"], 1_000, "{returnable}");
    drop(hq);
    let offline = search(&one_shop, json!({ "serial": "A1" })).await;
    assert_eq!((&offline["everywhere"], &offline["sales"][0]["store"]), (&json!(false), &json!("store-2")));
    let headers = [("authorization", one_shop.tills[0].as_str())];
    for wrong in ["{}", r#"{"order": "1", "card": "2"}"#, r#"{"receipt": 1}"#] {
        ask(&one_shop.router, "POST", "/api/v1/returns/search", &headers, wrong).await.refused(400, "bad-request");
    }
}

#[tokio::test]
async fn a_refused_return_is_in_the_audit_trail_and_two_of_them_make_the_third_need_an_override() {
    let directory = tempfile::tempdir().unwrap();
    let more = "[returns]\nwindow_days = 0\n";
    let shop = Shop::enter(open_with(directory.path(), ENGINE, more), directory.path()).await;
    let sale = json!({ "lines": [{ "sku": CEREAL }], "tenders": [{ "tender": "cash", "amount": 369 }] });
    let sold = shop.till(0, "/api/v1/sales", sale).await.expect(StatusCode::OK);
    let back = json!({ "sale": sold["sale"], "lines": [{ "line": 1, "reason": "unwanted" }] });
    for attempt in 0..3 {
        let path = basket(&shop).await;
        for _ in 0..2 {
            let refused = shop.till(0, &format!("{path}/returns"), back.clone()).await;
            let rules = refused.body["rules"].as_array().unwrap().len();
            assert_eq!((rules, &refused.body["refund"]), (if attempt == 2 { 2 } else { 1 }, &json!(369)));
            refused.refused(422, "return-refused");
        }
        shop.till(0, &format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
    }
    let audit = shop.read("/api/v1/audit").await;
    let refused: Vec<_> = audit.as_array().unwrap().iter().filter(|entry| entry["act"] == "return_refused").collect();
    assert_eq!(refused.len(), 3, "once for each basket: {audit}");
    assert_eq!(
        (&refused[2]["details"]["of"], &refused[2]["details"]["rules"], &refused[2]["details"]["refund"]),
        (&sold["sale"], &json!(["window"]), &json!(369))
    );
}

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
    // Of the two that are left nothing is left then, and without a quantity all of it is too much.
    let opened = shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    let rest = json!({ "sale": sale, "lines": [{ "line": 1, "reason": "unwanted" }] });
    shop.till(1, &format!("{path}/returns"), rest.clone()).await.expect(StatusCode::OK);
    let gone = shop.till(1, &format!("{path}/returns"), rest).await;
    let detail = gone.body["detail"].as_str().unwrap();
    assert!(detail.contains("3000 thousandths were sold and 3000 came back; 3000 can't"), "{detail}");
    gone.refused(422, "not-returnable");
    // The number that the customer gave is nowhere.
    let stored = shop.read(&format!("/api/v1/sales/{}", done["sale"].as_str().unwrap())).await;
    assert!(stored["returns"][0]["identities"][0].as_str().unwrap().len() == 32, "{stored}");
    assert!(!stored.to_string().contains("6601234567"), "{stored}");
}
