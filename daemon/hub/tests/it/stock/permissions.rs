//! Operations on stock that only a person may perform.

use axum::http::StatusCode;
use serde_json::json;

use crate::common::shop::{CEREAL, Shop, of, pieces};

#[tokio::test]
async fn decisions_are_refused_to_registers() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(9)).await;
    let note = |kind: &str| json!({ "kind": kind, "reason": "seen", "lines": of(CEREAL, pieces(1)) });
    for kind in ["damage", "quarantine"] {
        shop.till(0, "/api/v1/stock/movements", note(kind)).await.expect(StatusCode::OK);
    }
    let lines = || of(CEREAL, pieces(1));
    let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": "4711", "lines": lines() });
    let transferred =
        json!({ "source": "store", "store": "store-2", "transfer": "7-4", "to": "store-1", "lines": lines() });
    // Each request is valid in its turn, as the same request by the person shows.
    let commands = [
        ("notices", announced),
        ("notices/2/close", json!({})),
        ("notices", transferred),
        ("notices/3/close", json!({})),
        ("notices/3/reopen", json!({})),
        ("transfers", json!({ "to": "store-2", "lines": lines() })),
        ("transfers/1/arrival", json!({ "lines": lines() })),
        ("counts", json!({ "skus": [CEREAL] })),
        ("counts/1/close", json!({})),
        ("movements", note("write_off")),
        ("movements", note("clear")),
        ("policies/818981", json!({ "rule": "to_zero" })),
    ];
    let seen = async || {
        let mut seen = vec![shop.read("/api/v1/stock/positions").await];
        for list in ["notices", "transfers", "counts", "movements"] {
            seen.push(shop.read(&format!("/api/v1/stock/{list}")).await);
        }
        seen
    };
    for (path, body) in commands {
        let (path, before) = (format!("/api/v1/stock/{path}"), seen().await);
        shop.till(0, &path, body.clone()).await.refused(403, "forbidden");
        assert_eq!(seen().await, before, "{path}");
        let done = shop.person(&path, body).await;
        assert!(done.status.is_success(), "{path}: {}", done.body);
        assert_ne!(seen().await, before, "{path}");
    }
    for path in ["positions", "movements", "reorder"] {
        shop.read_at_till(&format!("/api/v1/stock/{path}")).await.refused(403, "forbidden");
    }
    shop.adds_up();
}
