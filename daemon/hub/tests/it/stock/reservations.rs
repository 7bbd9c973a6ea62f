//! Reservations are sold once.

use axum::http::StatusCode;
use serde_json::json;
use store::{Number, Table};

use crate::common::shop::{CEREAL, Shop, Stock, of, pieces};

#[tokio::test]
async fn a_reservation_is_sold_by_the_basket_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(4)).await;
    let reserve = async |count: i64| {
        let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(count)) });
        let reserved = shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED);
        reserved["id"].as_u64().unwrap()
    };
    let id = reserve(3).await;
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 1000, reserved: 3000, ..Stock::default() });
    let named = json!({ "reservations": [id] });
    let basket = shop.till(0, "/api/v1/baskets", named.clone()).await.expect(StatusCode::CREATED);
    shop.till(1, "/api/v1/baskets", named.clone()).await.refused(422, "reservation-in-basket");
    shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({}))
        .await
        .refused(422, "reservation-in-basket");
    shop.till(0, &format!("/api/v1/baskets/{}/abandon", basket["id"].as_str().unwrap()), json!({}))
        .await
        .expect(StatusCode::OK);
    // Two of the three are sold; the third is released.
    shop.sell(1, of(CEREAL, pieces(2)), &[id]).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 2000, ..Stock::default() });
    assert_eq!(shop.read(&format!("/api/v1/stock/reservations/{id}")).await["state"], "sold");
    shop.till(0, "/api/v1/baskets", named).await.refused(422, "document-closed");
    let id = reserve(2).await;
    shop.sell(1, of(CEREAL, pieces(3)), &[id]).await.refused(422, "stock-insufficient");
    shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 2000, ..Stock::default() });
    shop.till(0, "/api/v1/baskets", json!({ "reservations": [99] })).await.refused(404, "reservation-unknown");
    shop.adds_up();
}

/// A damaged reservation stays reserved, but its stock can be sold.
#[tokio::test]
async fn a_damaged_reservation_does_not_block_the_last_piece() {
    static RESERVATIONS: Table<Number, u64> = Table::new("reservation");
    for by_basket in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let shop = Shop::open(directory.path()).await;
        shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
        shop.receive(CEREAL, pieces(1)).await;
        let damage = async |id: u64| {
            let damaged = shop.hub.store().commit(move |transaction| transaction.put(&RESERVATIONS, id, &7));
            damaged.await.unwrap();
        };
        if by_basket {
            // Held by the first tender, then damaged; then the rest is paid.
            let basket = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
            let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
            let cash = |amount: u64| json!({ "tender": "cash", "amount": amount });
            shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
            shop.till(0, &format!("{path}/tenders"), cash(100)).await.expect(StatusCode::OK);
            damage(shop.read("/api/v1/stock/reservations").await[0]["id"].as_u64().unwrap()).await;
            shop.till(0, &format!("{path}/tenders"), cash(1000)).await.expect(StatusCode::OK);
            shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
        } else {
            let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(1)) });
            let id =
                shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED)["id"].clone();
            damage(id.as_u64().unwrap()).await;
            shop.sell(1, of(CEREAL, pieces(1)), &[id.as_u64().unwrap()]).await.expect(StatusCode::OK);
        }
        let left = Stock { on_hand: -1000, reserved: 1000, ..Stock::default() };
        assert_eq!(shop.stock(CEREAL).await, left, "for a person to correct");
        shop.sell(1, of(CEREAL, pieces(1)), &[]).await.refused(422, "stock-insufficient");
    }
}
