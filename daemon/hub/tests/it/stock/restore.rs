//! The stock of a restored store.

use axum::http::StatusCode;

use crate::common::{
    ENGINE, open,
    shop::{CEREAL, Shop, of, pieces},
};

#[tokio::test]
async fn a_restored_hub_queues_its_opening_before_it_serves() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(3)).await;
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    for stream in ["sales", "stock"] {
        shop.hub.store().acknowledge_outbox(stream, 1).await.unwrap();
    }
    let mut backup = Vec::new();
    shop.hub.store().backup(&mut backup).unwrap();
    let directory = tempfile::tempdir().unwrap();
    store::restore(&directory.path().join("data"), ENGINE, &backup[..], 7).unwrap();
    let (hub, _) = open(directory.path());
    let entries = hub.store().outbox("stock", 2, 10).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["stock.opened"]);
}
