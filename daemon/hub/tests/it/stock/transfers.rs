//! Transfers between stores.

use axum::http::StatusCode;
use serde_json::{Value, json};
use store::{Number, StoreError, Table};

use crate::common::{
    ask,
    shop::{BANANAS, CEREAL, Shop, Stock, grams, of, pieces},
};

#[tokio::test]
async fn a_transfer_is_sent_by_one_store_and_entered_by_the_other() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (sender, receiver) = (Shop::open(here.path()).await, Shop::named("store-2", there.path()).await);
    sender.receive(CEREAL, pieces(12)).await;
    let dispatch = json!({ "to": "store-2", "lines": of(CEREAL, pieces(10)) });
    let sent = sender.person("/api/v1/stock/transfers", dispatch).await.expect(StatusCode::CREATED);
    assert_eq!(sender.stock(CEREAL).await, Stock { on_hand: 2000, in_transit: 10_000, ..Stock::default() });
    let notice = sender.read(&format!("/api/v1/stock/transfers/{}/notice", sent["id"])).await;
    let entered = receiver.person("/api/v1/stock/notices", notice.clone()).await.expect(StatusCode::CREATED);
    receiver.person("/api/v1/stock/notices", notice.clone()).await.refused(409, "transfer-known");
    let came = json!({ "lines": of(CEREAL, pieces(9)) });
    let deliveries = format!("/api/v1/stock/notices/{}/deliveries", entered["id"]);
    receiver.till(0, &deliveries, came.clone()).await.expect(StatusCode::OK);
    assert_eq!(receiver.stock(CEREAL).await.on_hand, 9000);
    assert_eq!(receiver.read("/api/v1/stock/movements").await[0]["kind"], "transfer_in");
    let arrival = format!("/api/v1/stock/transfers/{}/arrival", sent["id"]);
    let other = json!({ "lines": of(BANANAS, grams(1)) });
    sender.person(&arrival, other).await.refused(422, "item-not-in-document");
    let arrived = sender.person(&arrival, came.clone()).await.expect(StatusCode::OK);
    assert_eq!((&arrived["lines"][0]["sent"], &arrived["lines"][0]["arrived"]), (&json!(10_000), &json!(9000)));
    sender.person(&arrival, came).await.refused(422, "document-closed");
    assert_eq!(sender.stock(CEREAL).await, Stock { on_hand: 2000, ..Stock::default() });
    let movements = sender.read("/api/v1/stock/movements?limit=2").await;
    assert_eq!((&movements[0]["kind"], &movements[0]["lines"][0]["milli"]), (&json!("shortfall"), &json!(1000)));
    assert_eq!((&movements[1]["kind"], &movements[1]["lines"][0]["milli"]), (&json!("arrival"), &json!(9000)));
    // The movements of both stores have the same reference.
    let reference = format!("store-1/{}", arrived["transfer"].as_str().unwrap());
    let movements = sender.read("/api/v1/stock/movements?limit=3").await;
    assert_eq!(movements[2]["kind"], "transfer_out");
    for movement in movements.as_array().unwrap() {
        assert_eq!(movement["reference"], reference);
    }
    assert_eq!(receiver.read("/api/v1/stock/movements").await[0]["reference"], reference);
    sender.adds_up();
    receiver.adds_up();
}

#[tokio::test]
async fn a_transfer_is_entered_only_at_its_destination_and_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::named("store-2", directory.path()).await;
    let (transfers, notices) = ("/api/v1/stock/transfers", "/api/v1/stock/notices");
    shop.receive(CEREAL, pieces(5)).await;
    let dispatch = |to: &str| json!({ "to": to, "lines": of(CEREAL, pieces(1)) });
    let refused = shop.person(transfers, dispatch("store-2")).await.refused(422, "transfer-to-itself");
    assert_eq!(refused, "store-2 is this store; name the other store");
    for wrong in ["", "store 3", "store-3 ", "store/3"] {
        shop.person(transfers, dispatch(wrong)).await.refused(400, "bad-request");
    }
    assert_eq!(shop.stock(CEREAL).await, Stock { on_hand: 5000, ..Stock::default() });

    let notice = |store: &str, transfer: &str, to: &str| {
        let lines = of(CEREAL, pieces(1));
        json!({ "source": "store", "store": store, "transfer": transfer, "to": to, "lines": lines })
    };
    let refused = shop.person(notices, notice("store-1", "7-4", "store-3")).await.refused(422, "transfer-not-for-here");
    assert_eq!(refused, "the transfer goes to store-3, but this store is store-2; enter it there");
    shop.person(notices, notice("store-2", "7-4", "store-2")).await.refused(422, "transfer-to-itself");
    let id = shop.person(notices, notice("store-1", "7-4", "store-2")).await.expect(StatusCode::CREATED)["id"].clone();
    let known = shop.person(notices, notice("store-1", "7-4", "store-2")).await.refused(409, "transfer-known");
    assert!(known.contains(&format!("as notice {id}")), "{known}");
    for other in ["7-4 ", " 7-4", "7-04", "+7-4", "7/4"] {
        shop.person(notices, notice("store-1", other, "store-2")).await.refused(400, "bad-request");
    }
    shop.person(notices, notice("store-1 ", "7-4", "store-2")).await.refused(400, "bad-request");
    let mut nowhere = notice("store-1", "7-5", "store-2");
    nowhere.as_object_mut().unwrap().remove("to");
    shop.person(notices, nowhere).await.refused(400, "bad-request");
    shop.adds_up();
}

#[tokio::test]
async fn a_transfer_closed_too_early_can_be_reopened_and_received() {
    static NOTICES: Table<Number, Value> = Table::new("notice");
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::named("store-2", directory.path()).await;
    let notices = "/api/v1/stock/notices";
    let lines = of(CEREAL, pieces(5));
    let announced =
        json!({ "source": "store", "store": "store-1", "transfer": "7-4", "to": "store-2", "lines": lines });
    let id = shop.person(notices, announced.clone()).await.expect(StatusCode::CREATED)["id"].clone();
    let command = |command: &str| format!("{notices}/{id}/{command}");
    let delivery = |count: i64| json!({ "lines": of(CEREAL, pieces(count)) });
    shop.person(&command("reopen"), json!({})).await.refused(422, "document-open");
    shop.till(0, &command("deliveries"), delivery(3)).await.expect(StatusCode::OK);
    shop.person(&command("close"), json!({})).await.expect(StatusCode::OK);
    shop.till(0, &command("deliveries"), delivery(2)).await.refused(422, "document-closed");
    let known = shop.person(notices, announced.clone()).await.refused(409, "transfer-known");
    let remedy = format!("as notice {id}; that notice is closed; if more goods came, reopen it and receive against it");
    assert!(known.ends_with(&remedy), "{known}");

    // A repeat gets the first answer, even if it is closed again.
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "reopening-1")];
    let reopen = async || ask(&shop.router, "POST", &command("reopen"), &headers, "{}").await.expect(StatusCode::OK);
    let reopened = reopen().await;
    assert_eq!((&reopened["deliveries"], &reopened["closed_at_ms"]), (&json!(1), &Value::Null));
    shop.till(0, &command("deliveries"), delivery(2)).await.expect(StatusCode::OK);
    shop.person(&command("close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(reopen().await, reopened);
    let notice = shop.read(&format!("{notices}/{id}")).await;
    assert_eq!((&notice["lines"][0]["good"], notice["closed_at_ms"].is_null()), (&json!(5000), false));
    assert_eq!(shop.stock(CEREAL).await.on_hand, 5000);
    shop.person(&format!("{notices}/{}/reopen", 99), json!({})).await.refused(404, "notice-unknown");
    shop.adds_up();

    // After its deletion it is still known.
    let number = id.as_u64().unwrap();
    shop.hub
        .store()
        .commit(move |transaction| {
            transaction.delete(&NOTICES, number);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let known = shop.person(notices, announced).await.refused(409, "transfer-known");
    let remedy =
        "that notice was closed and has been deleted; if goods came that are not in the books, count their items";
    assert!(known.ends_with(remedy), "{known}");
}
