//! Order suggestions.

use axum::http::StatusCode;
use serde_json::json;

use crate::common::shop::{CEREAL, Shop, grams, of, pieces};

#[tokio::test]
async fn low_items_are_suggested_in_whole_packs() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(40)).await;
    let policy = json!({ "rule": "below_zero", "safety_stock": pieces(2), "lead_time_days": 7, "cover_days": 14,
        "pack": pieces(6) });
    shop.policy(CEREAL, policy).await;
    shop.sell(0, of(CEREAL, pieces(30)), &[]).await.expect(StatusCode::OK);
    let back = json!({ "kind": "return", "reason": "receipt 1", "lines": of(CEREAL, pieces(2)) });
    shop.till(0, "/api/v1/stock/movements", back).await.expect(StatusCode::OK);
    // 28 in 28 days: seven over the lead time plus two for safety are nine; twelve are on hand.
    assert_eq!(shop.read("/api/v1/stock/reorder").await, json!([]));
    shop.sell(0, of(CEREAL, pieces(4)), &[]).await.expect(StatusCode::OK);
    // 32 in 28 days: eight plus two are ten; eight are on hand; sixteen more for two weeks; 18 are three packs.
    let expected = json!([{ "sku": CEREAL, "unit": "each", "on_hand": 8000, "announced": 0,
        "demand_28_days": 32_000, "reorder_point": 10_000, "order": 18_000 }]);
    assert_eq!(shop.read("/api/v1/stock/reorder").await, expected);
    assert_eq!(shop.read("/api/v1/stock/reorder?after=818981").await, json!([]));
    let announced =
        json!({ "source": "supplier", "supplier": "Dairy", "order": "4712", "lines": of(CEREAL, pieces(18)) });
    let id = shop.person("/api/v1/stock/notices", announced).await.expect(StatusCode::CREATED)["id"].clone();
    assert_eq!(shop.read("/api/v1/stock/reorder").await, json!([]), "announced");
    shop.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/stock/reorder").await, expected, "never arrived");
    let wrong = json!({ "rule": "to_zero", "pack": grams(500) });
    shop.person("/api/v1/stock/policies/818981", wrong).await.refused(422, "wrong-unit");
    let wrong = json!({ "rule": "to_zero", "pack": pieces(0) });
    shop.person("/api/v1/stock/policies/818981", wrong).await.refused(422, "out-of-range");
    shop.till(0, "/api/v1/stock/policies/818981", json!({ "rule": "to_zero" })).await.refused(403, "forbidden");
    shop.adds_up();
}
