//! The stock that sales take.

use axum::http::StatusCode;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use store::EngineKind;

use crate::common::{
    ask, open_on,
    shop::{BANANAS, CEREAL, Shop, Stock, grams, of, pieces, runtime},
};

#[tokio::test]
async fn a_sale_is_one_movement_of_the_items_on_file() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let sale = json!({
        "lines": [
            { "gtin": "0400008189811" },
            { "sku": BANANAS, "quantity": grams(745) },
            { "sku": CEREAL, "quantity": pieces(2) },
            { "sku": "no-such", "description": "Deposit", "keyed": { "amount": 25, "reason": "on the package" } },
            { "sku": BANANAS, "quantity": grams(0), "keyed": { "amount": 25, "reason": "bag" } }
        ],
        "tenders": [{ "tender": "cash", "amount": 10_000 }]
    });
    let mut sold = Value::Null;
    for _ in 0..2 {
        sold = shop.till_with_key(0, "/api/v1/sales", "sale-0001", sale.clone()).await.expect(StatusCode::OK);
    }
    let movements = shop.read("/api/v1/stock/movements").await;
    assert_eq!(movements.as_array().unwrap().len(), 1);
    assert_eq!(movements[0]["reference"], sold["sale"]);
    assert_eq!(
        movements[0]["lines"],
        json!([
            { "sku": BANANAS, "milli": 745, "unit": "kilogram", "from": "on_hand" },
            { "sku": CEREAL, "milli": 3000, "unit": "each", "from": "on_hand" }
        ])
    );
    assert_eq!((shop.stock(CEREAL).await.on_hand, shop.stock(BANANAS).await.on_hand), (-3000, -745));
    assert_eq!(shop.read("/api/v1/stock/positions/no-such").await, json!([]));
    // The voided line of a basket stays on the shelf.
    let basket = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
    for _ in 0..2 {
        shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    }
    shop.till(0, &format!("{path}/lines/1/void"), json!({})).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 369 })).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await.on_hand, -4000);
    let page = shop.read("/api/v1/stock/positions?limit=1").await;
    assert_eq!(page[0]["sku"], BANANAS);
    assert_eq!(shop.read("/api/v1/stock/positions?limit=1&after=4011").await[0]["sku"], CEREAL);
    shop.adds_up();
}

#[tokio::test]
async fn sales_reach_the_last_piece_and_reservations_keep_the_safety_stock() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero", "safety_stock": pieces(2) })).await;
    shop.receive(CEREAL, pieces(3)).await;
    assert_eq!(shop.read("/api/v1/stock/positions/818981").await[0]["available_to_sell"], 1000);
    let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(2)) });
    let refused = shop.till(0, "/api/v1/stock/reservations", reserve).await.refused(422, "stock-insufficient");
    assert_eq!(
        refused,
        "not enough stock of item 818981: requested 2, available to sell 1; reduce the quantity, or receive or count \
         the item first"
    );
    let refused = shop.sell(0, of(CEREAL, pieces(4)), &[]).await.refused(422, "stock-insufficient");
    assert!(refused.contains("requested 4, on_hand 3;"), "{refused}");
    shop.sell(0, of(CEREAL, pieces(3)), &[]).await.expect(StatusCode::OK);
    shop.sell(1, of(CEREAL, pieces(1)), &[]).await.refused(422, "stock-insufficient");
    assert_eq!(shop.stock(CEREAL).await, Stock::default());
    // A refusal uses no receipt number.
    shop.policy(CEREAL, json!({ "rule": "below_zero" })).await;
    assert_eq!(shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK)["receipt"], 2);
    shop.policy(CEREAL, json!({ "rule": "untracked" })).await;
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await.on_hand, -1000);
    let reserve = json!({ "reference": "order-8", "lines": of(CEREAL, pieces(1)) });
    shop.till(0, "/api/v1/stock/reservations", reserve).await.refused(422, "stock-insufficient");
    shop.adds_up();
}

#[tokio::test]
async fn the_first_tender_reserves_the_stock_of_a_basket() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(1)).await;
    let mut paths = Vec::new();
    for till in 0..2 {
        let basket = shop.till(till, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
        shop.till(till, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        shop.till(till, &format!("{path}/lines"), json!({ "sku": BANANAS, "quantity": grams(500) }))
            .await
            .expect(StatusCode::OK);
        paths.push(path);
    }
    let tender = json!({ "tender": "cash", "amount": 100 });
    shop.till(0, &format!("{}/tenders", paths[0]), tender.clone()).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock { reserved: 1000, ..Stock::default() });
    shop.till(1, &format!("{}/tenders", paths[1]), tender).await.refused(422, "stock-insufficient");
    let hold = shop.read("/api/v1/stock/reservations").await[0].clone();
    assert_eq!((&hold["hold"], &hold["state"]), (&json!(true), &json!("in_basket")));
    let release = format!("/api/v1/stock/reservations/{}/release", hold["id"]);
    shop.person(&release, json!({})).await.refused(422, "reservation-in-basket");
    // A partly paid basket can be completed whatever is decided meanwhile.
    shop.policy(BANANAS, json!({ "rule": "to_zero" })).await;
    shop.till(0, &format!("{}/tenders", paths[0]), json!({ "tender": "cash", "amount": 1000 }))
        .await
        .expect(StatusCode::OK);
    shop.till(0, &format!("{}/complete", paths[0]), json!({})).await.expect(StatusCode::OK);
    assert_eq!((shop.stock(CEREAL).await, shop.stock(BANANAS).await.on_hand), (Stock::default(), -500));
    shop.till(1, &format!("{}/abandon", paths[1]), json!({})).await.expect(StatusCode::OK);
    shop.adds_up();
}

#[tokio::test]
async fn a_person_abandons_the_unpaid_basket_of_a_broken_register_with_an_audit_entry() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(2)).await;
    let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(2)) });
    let id = shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED)["id"].clone();
    let named = json!({ "reservations": [id] });
    let open = async || {
        let basket = shop.till(0, "/api/v1/baskets", named.clone()).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
        shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        path
    };
    let path = open().await;
    let abandon = format!("{path}/abandon");
    shop.till(1, &abandon, json!({})).await.refused(404, "basket-unknown");
    shop.person("/api/v1/baskets/b99/abandon", json!({})).await.refused(404, "basket-unknown");
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "abandon-1")];
    for _ in 0..2 {
        ask(&shop.router, "POST", &abandon, &headers, "{}").await.expect(StatusCode::OK);
    }
    shop.person(&abandon, json!({})).await.refused(422, "basket-not-open");
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.refused(422, "basket-not-open");
    let entries = async || {
        let entries = shop.read("/api/v1/audit?limit=100").await;
        let of_baskets = |entry: &&Value| entry["act"] == "basket_abandoned";
        entries.as_array().unwrap().iter().filter(of_baskets).cloned().collect::<Vec<_>>()
    };
    let audited = entries().await;
    let basket = path.strip_prefix("/api/v1/baskets/").unwrap();
    let details = json!({ "basket": basket, "register": "till-1" });
    assert_eq!(
        (audited.len(), &audited[0]["who"], &audited[0]["details"]),
        (1, &json!({ "station": "console" }), &details)
    );

    // Its reservations are available to another basket. A basket with a tender cannot be abandoned, and nothing is
    // audited.
    let path = open().await;
    shop.till(0, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 1 })).await.expect(StatusCode::OK);
    shop.person(&format!("{path}/abandon"), json!({})).await.refused(422, "basket-partly-paid");
    assert_eq!((entries().await.len(), shop.stock(CEREAL).await), (1, Stock { reserved: 2000, ..Stock::default() }));
    shop.adds_up();
}

/// How somebody asks for a piece.
#[derive(Clone, Copy, Debug)]
enum Want {
    /// At a till, with the piece in hand.
    Sale,
    /// By telephone.
    Reservation,
    /// In a basket that is being paid.
    Tender,
}

impl Want {
    async fn get(self, shop: Shop, till: usize) -> bool {
        let answer = match self {
            Self::Sale => shop.sell(till, of(CEREAL, pieces(1)), &[]).await,
            Self::Reservation => {
                let order = json!({ "reference": "order", "lines": of(CEREAL, pieces(1)) });
                shop.till(till, "/api/v1/stock/reservations", order).await
            }
            Self::Tender => {
                let basket = shop.till(till, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
                let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
                shop.till(till, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
                shop.till(till, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 369 })).await
            }
        };
        if !answer.status.is_success() {
            answer.refused(422, "stock-insufficient");
            return false;
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn concurrent_requests_get_no_more_than_the_last_pieces(
        there in 1_usize..4,
        wants in vec(prop_oneof![Just(Want::Sale), Just(Want::Reservation), Just(Want::Tender)], 2..10)
    ) {
        for engine in EngineKind::BUILT {
            let won = runtime().block_on(async {
                let directory = tempfile::tempdir().unwrap();
                let shop = Shop::enter(open_on(directory.path(), *engine), directory.path()).await;
                shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
                shop.receive(CEREAL, pieces(i64::try_from(there).unwrap())).await;
                let asking = (wants.iter().enumerate())
                    .map(|(index, want)| tokio::spawn(want.get(shop.clone(), index % 2)));
                let mut won = 0;
                for asked in asking.collect::<Vec<_>>() {
                    won += usize::from(asked.await.unwrap());
                }
                shop.adds_up();
                assert_eq!(shop.stock(CEREAL).await.on_hand,
                    i64::try_from(there.saturating_sub(wants.len())).unwrap() * 1000);
                won
            });
            prop_assert_eq!(won, there.min(wants.len()), "{}", engine);
        }
    }
}
