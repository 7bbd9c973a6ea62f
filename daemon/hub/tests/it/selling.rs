//! Selling over the API: repeats, tenders and scanned codes.

use axum::http::StatusCode;
use contract::publication::PRICES;
use serde_json::{Value, json};

use crate::common::{
    publication,
    shop::{CEREAL, Shop, now_ms},
    wait_for,
};

async fn load(shop: &Shop, items: Value) {
    shop.person("/api/v1/items", json!({ "items": items })).await.expect(StatusCode::OK);
}

fn item(sku: &str, gtin: Option<&str>, minor: i64, per: &str) -> Value {
    json!({ "sku": sku, "gtin": gtin, "description": format!("Item {sku}"), "price": { "minor": minor, "per": per } })
}

/// Opens a basket with one cereal; returns its path.
async fn basket(shop: &Shop) -> String {
    let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    path
}

/// Loading or delisting an item does not change earlier answers: a register that lost an answer must not take a refusal
/// for "not sold" and sell again.
#[tokio::test]
async fn a_repeat_gets_its_answer_although_the_item_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    load(&shop, json!([item("A", None, 100, "each")])).await;
    let discount = json!({ "reason": "coupon day", "origin": "promotion", "amount": 90 });
    let line = json!({ "sku": "A", "discounts": [discount] });
    let sale = json!({ "lines": [line], "tenders": [{ "tender": "cash", "amount": 10 }] });
    let path = format!("{}/lines", basket(&shop).await);
    let sold = shop.till_with_key(0, "/api/v1/sales", "the-sale-1", sale.clone()).await.expect(StatusCode::OK);
    let added = shop.till_with_key(0, &path, "the-line-1", line.clone()).await.expect(StatusCode::OK);
    for change in [Some((80, "each")), Some((100, "kilogram")), None] {
        match change {
            Some((minor, per)) => load(&shop, json!([item("A", None, minor, per)])).await,
            None => drop(shop.person("/api/v1/items/A/delist", json!({})).await.expect(StatusCode::OK)),
        }
        let again = shop.till_with_key(0, "/api/v1/sales", "the-sale-1", sale.clone()).await;
        assert_eq!(again.expect(StatusCode::OK), sold, "{change:?}");
        let again = shop.till_with_key(0, &path, "the-line-1", line.clone()).await;
        assert_eq!(again.expect(StatusCode::OK), added, "{change:?}");
        for (path, body) in [("/api/v1/sales", &sale), (&*path, &line)] {
            let new = shop.till(0, path, body.clone()).await;
            assert_eq!(new.status, StatusCode::UNPROCESSABLE_ENTITY, "a new command is refused: {}", new.body);
        }
    }
}

#[tokio::test]
async fn change_is_given_on_cash_only() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let sale = |tenders: Value| json!({ "lines": [{ "sku": CEREAL }], "tenders": tenders });
    let coupon = |amount: i64, code: &str| json!({ "tender": "manufacturer_coupon", "amount": amount, "code": code });
    let cash = |amount: i64| json!({ "tender": "cash", "amount": amount });
    for (tenders, kind) in [
        (json!([coupon(500, "C1")]), "exceeds-due"),
        (json!([coupon(369, "C1"), cash(1)]), "nothing-due"),
        (json!([coupon(100, "C1"), coupon(100, "C1"), cash(169)]), "coupon-taken"),
        (json!([cash(96_385_074)]), "too-much-cash"),
    ] {
        shop.till(0, "/api/v1/sales", sale(tenders)).await.refused(422, kind);
    }
    let sold = shop.till(0, "/api/v1/sales", sale(json!([coupon(100, "C1"), cash(500)]))).await;
    assert_eq!(sold.expect(StatusCode::OK)["totals"]["change"], 231);
}

#[tokio::test]
async fn what_is_known_about_the_customer_is_kept_and_checked() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let path = basket(&shop).await;
    let buyer = json!({ "groups": ["members"], "checked_age": 18, "exemption": "A 7" });
    shop.till(0, &format!("{path}/buyer"), buyer.clone()).await.expect(StatusCode::OK);
    assert_eq!(shop.read_at_till(&path).await.expect(StatusCode::OK)["buyer"], buyer);
    let unknown = json!({ "coupons": ["SPRING-1"] });
    shop.till(0, &format!("{path}/buyer"), unknown.clone()).await.refused(422, "coupon-unknown");
    shop.till(0, "/api/v1/baskets", json!({ "buyer": unknown })).await.refused(422, "coupon-unknown");
    shop.till(1, &format!("{path}/buyer"), json!({})).await.refused(404, "basket-unknown");
    shop.till(0, &format!("{path}/buyer"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.read_at_till(&path).await.expect(StatusCode::OK).get("buyer"), None);
}

/// A wrong tender, and a customer who leaves.
#[tokio::test]
async fn every_basket_can_be_closed() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let path = basket(&shop).await;
    let cash = json!({ "tender": "cash", "amount": 1 });
    for number in 1..=2 {
        let taken = shop.till(0, &format!("{path}/tenders"), cash.clone()).await.expect(StatusCode::OK);
        assert_eq!(taken["tender"]["number"], number);
    }
    let told = shop.person(&format!("{path}/abandon"), json!({})).await.refused(422, "basket-partly-paid");
    assert!(told.contains("void its tenders first"), "{told}");
    shop.till(1, &format!("{path}/tenders/1/void"), json!({})).await.refused(404, "basket-unknown");
    for _ in 0..2 {
        let voided = shop.till_with_key(0, &format!("{path}/tenders/1/void"), "the-void-1", json!({})).await;
        assert_eq!(voided.expect(StatusCode::OK)["due"], 368);
    }
    shop.till(0, &format!("{path}/tenders/1/void"), json!({})).await.refused(422, "tender-unknown");
    shop.person(&format!("{path}/tenders/2/void"), json!({})).await.expect(StatusCode::OK);
    shop.person(&format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/tenders"), cash).await.refused(422, "basket-not-open");
    let audit = shop.read("/api/v1/audit").await;
    let acts: Vec<_> = audit.as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts[..3], ["basket_abandoned", "tender_voided", "tender_voided"]);
}

/// Eight digits: the store's own code takes precedence over the UPC-A that they stand for.
#[tokio::test]
async fn eight_digits_are_an_own_code_or_else_a_upc_e() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    load(&shop, json!([item("COLA", Some("012345000065"), 129, "each")])).await;
    let path = format!("{}/lines", basket(&shop).await);
    let scan = || shop.till(0, &path, json!({ "gtin": "01234565" }));
    assert_eq!(scan().await.expect(StatusCode::OK)["line"]["sku"], "COLA");
    assert_eq!(shop.read("/api/v1/gtins/01234565").await["sku"], "COLA");
    load(&shop, json!([item("BULK", Some("01234565"), 1_999, "each")])).await;
    assert_eq!(scan().await.expect(StatusCode::OK)["line"]["sku"], "BULK");
    // Only valid as a UPC-E.
    load(&shop, json!([item("TEA", Some("012100003454"), 99, "each")])).await;
    let tea = shop.till(0, &path, json!({ "gtin": "01234514" })).await;
    assert_eq!(tea.expect(StatusCode::OK)["line"]["sku"], "TEA");
    shop.till(0, &path, json!({ "gtin": "01234566" })).await.refused(400, "bad-request");
}

#[tokio::test]
async fn goods_that_may_not_be_sold_are_refused_with_what_the_register_needs() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    // The goods may be sold for ten minutes, two hours from now.
    let minute = now_ms() / 60_000 % 1_440;
    let from = (minute + 120) % 1_430;
    let price = |id: &str, sku: &str| {
        json!({ "price": { "id": id, "sku": sku, "kind": "regular",
        "price": { "minor": 900, "per": "each" } } })
    };
    let records = [
        ("book", json!({ "book": { "version": "1", "currency": "USD" } })),
        ("item/cereal", json!({ "item": { "sku": CEREAL, "minimum_age": 21 } })),
        (
            "item/wine",
            json!({ "item": { "sku": "WINE", "sale_hours": { "from_minute": from, "until_minute": from + 10 } } }),
        ),
        ("price/cereal", price("cereal", CEREAL)),
        ("price/wine", price("wine", "WINE")),
    ];
    let items =
        json!({ "items": [{ "sku": "WINE", "description": "Wine", "price": { "minor": 900, "per": "each" } }] });
    shop.person("/api/v1/items", items).await.expect(StatusCode::OK);
    publication::arrive(&shop.hub, PRICES, 1, &records).await;
    let active = |list: &Value| list["publications"][0]["state"] == "active";
    wait_for(&shop.router, "/api/v1/publications", ("cookie", &shop.cookie), active).await;
    for (sku, slug, member) in [(CEREAL, "age-unchecked", "years"), ("WINE", "not-sold-now", "from_ms")] {
        let opened = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
        shop.till(0, &format!("{path}/lines"), json!({ "sku": sku })).await.expect(StatusCode::OK);
        let cash = json!({ "tender": "cash", "amount": 1_000 });
        let refused = shop.till(0, &format!("{path}/tenders"), cash.clone()).await;
        assert!(refused.body[member].is_u64(), "{}", refused.body);
        refused.refused(422, slug);
        let sale = json!({ "lines": [{ "sku": sku }], "tenders": [cash] });
        shop.till(0, "/api/v1/sales", sale).await.refused(422, slug);
    }
}
