//! Customer orders as picking apps and registers see them: HQ's offers come through the inbox.

use app::hq;
use axum::http::StatusCode;
use contract::{DownBatch, DownItem, Epoch, Sequence, Stream, order::OFFERED};
use serde_json::{Value, json};

use crate::common::shop::{CEREAL, Shop, now_ms, pieces};

/// HQ offers an order of cereal to the store; returns its path.
pub(crate) fn offer(shop: &Shop, queue: u64, id: &str, kind: &str, count: i64) -> String {
    offer_kept_until(shop, queue, id, kind, count, None)
}

/// The same, with the end of the storage time.
pub(crate) fn offer_kept_until(
    shop: &Shop,
    queue: u64,
    id: &str,
    kind: &str,
    count: i64,
    keep_until_ms: Option<i64>,
) -> String {
    let payment = match kind {
        "reserve" => json!({ "by": "at_pickup" }),
        _ => json!({ "by": "prepaid", "reference": "psp-1" }),
    };
    let line = json!({ "number": 1, "sku": CEREAL, "description": "Cereal", "quantity": pieces(count),
        "price": { "minor": 400, "per": "each" }, "substitution": { "choice": "remove" } });
    let due_ms = keep_until_ms.unwrap_or(now_ms() + 3_600_000);
    let customer = json!({ "name": "Ada Byron", "phone": "+44 20 7946 0000", "code": "K7-PLUM" });
    let body = json!({
        "order": {
            "terms": { "order": id, "kind": kind, "customer": customer, "currency": "USD", "payment": payment,
                "placed_at_ms": now_ms(), "due_ms": due_ms, "keep_until_ms": keep_until_ms },
            "lines": [line],
        },
        "part": 1, "offered_at_ms": now_ms(), "answer_by_ms": now_ms() + 600_000,
    });
    let item = DownItem {
        sequence: Sequence(1),
        kind: OFFERED.name().into(),
        body: serde_json::value::to_raw_value(&body).unwrap(),
    };
    let hub = "store-1".parse().unwrap();
    let batch = DownBatch { hub, stream: Stream::orders(), queue: Epoch(queue), items: vec![item] };
    let at_ms = now_ms();
    let received = std::thread::scope(|scope| {
        let store = shop.hub.store();
        let apply = move || store.commit_blocking(move |transaction| hq::receive(transaction, at_ms, &batch));
        scope.spawn(apply).join().unwrap().unwrap()
    });
    assert!(received.refused.is_empty(), "{:?}", received.refused);
    format!("/api/v1/orders/{id}/1")
}

#[tokio::test]
async fn an_order_is_picked_packed_found_and_handed_over() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    let path = offer(&shop, 1, "web-1", "pickup", 2);
    assert_eq!((shop.read(&path).await["state"].as_str(), shop.stock(CEREAL).await.reserved), (Some("accepted"), 2000));
    let estimate = shop.read("/api/v1/orders/estimate?pickers=2").await;
    assert_eq!((&estimate["queue"], &estimate["pickers"]), (&json!(1), &json!(2)));

    // Ann gets the cart, Bob nothing; a wrong item is refused.
    let cart = shop.till(0, "/api/v1/orders/next", json!({ "picker": "ann" })).await.expect(StatusCode::OK);
    assert_eq!((&cart["picks"][0]["order"], &cart["picks"][0]["quantity"]), (&json!("web-1"), &pieces(2)));
    let none = shop.till(1, "/api/v1/orders/next", json!({ "picker": "bob" })).await.expect(StatusCode::OK);
    assert_eq!(none["picks"], json!([]));
    let his = shop.till(1, &format!("{path}/claims"), json!({ "picker": "bob", "lines": [1] })).await;
    assert_eq!((his.status, &his.body["picker"], &his.body["line"]), (StatusCode::CONFLICT, &json!("ann"), &json!(1)));
    let nobody = shop.till(1, "/api/v1/orders/next", json!({})).await;
    nobody.refused(422, "no-picker");
    let own = shop.read("/api/v1/orders/claimed?picker=ann").await;
    assert_eq!(own["picks"][0]["line"], 1);
    let taken = |what: Value| {
        let mut body = json!({ "picker": "ann", "line": 1, "quantity": pieces(2) });
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        body
    };
    let wrong = shop.till(0, &format!("{path}/picks"), taken(json!({ "sku": "bananas" }))).await;
    assert_eq!(
        (wrong.status.as_u16(), &wrong.body["order"], &wrong.body["line"], &wrong.body["rule"]),
        (422, &json!("web-1"), &json!(1), &json!("wrong_item")),
        "{}",
        wrong.body
    );
    let picked = shop.till(0, &format!("{path}/picks"), taken(json!({ "gtin": "0400008189811" }))).await;
    assert_eq!(picked.expect(StatusCode::OK)["state"], "picked");
    let amounts = json!([{ "line": 1, "milli": 2000 }]);
    let packed = json!({ "amounts": amounts, "place": { "name": "shelf-1", "zone": "ambient" } });
    shop.till(0, &format!("{path}/packs"), packed).await.expect(StatusCode::OK);
    let ready = shop.till(0, &format!("{path}/ready"), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&ready["state"], &ready["due"]), (&json!("ready"), &json!(0)));
    let listed = shop.read("/api/v1/orders?state=ready").await;
    assert_eq!(listed.as_array().unwrap().len(), 1);

    // The customer comes.
    for by in ["code=K7-PLUM", "name=ada", "phone=020+7946+0000", "order=web-1"] {
        let found = shop.read(&format!("/api/v1/orders/found?{by}")).await;
        assert_eq!((&found["orders"][0]["state"], &found["connected"]), (&json!("ready"), &json!(false)), "{by}");
        assert!(found["orders"][0]["fulfilment"]["terms"]["customer"].get("code").is_none());
    }
    assert_eq!(shop.read_at_till("/api/v1/orders/found?name=ada&order=web-1").await.status.as_u16(), 400);
    let arrived = shop.till(0, &format!("{path}/arrival"), json!({ "bay": "3" })).await.expect(StatusCode::OK);
    assert_eq!(arrived["state"], "arrived");
    let checked = json!([{ "line": 1, "milli": 2000, "gtin": "0400008189811" }]);
    let wrong = shop.till(0, &format!("{path}/handover"), json!({ "checked": checked, "code": "K7-PEAR" })).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["rule"]), (422, &json!("wrong_code")));
    let (handover, key) = (json!({ "checked": checked, "code": "K7-PLUM" }), shop.key());
    let first = shop.till_with_key(0, &format!("{path}/handover"), &key, handover.clone()).await;
    let first = first.expect(StatusCode::OK);
    assert_eq!(
        (&first["outcome"], &first["receipt"], &first["totals"]["net"]),
        (&json!("sold"), &json!(1), &json!(800))
    );
    let again = shop.till_with_key(0, &format!("{path}/handover"), &key, handover).await.expect(StatusCode::OK);
    assert_eq!(again, first, "a repeat gets the first answer");
    let sale = shop.read(&format!("/api/v1/sales/{}", first["sale"].as_str().unwrap())).await;
    assert_eq!(sale["tenders"], json!([{ "tender": "prepaid", "amount": 800, "reference": "psp-1" }]));
    let stock = shop.stock(CEREAL).await;
    assert_eq!((stock.on_hand, stock.reserved), (8000, 0));
    shop.adds_up();
}

#[tokio::test]
async fn an_order_paid_at_pickup_is_handed_over_with_its_basket() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    let path = offer(&shop, 1, "web-2", "reserve", 1);
    let checked = json!({ "checked": [{ "line": 1, "milli": 1000 }] });
    let to_pay = shop.till(0, &format!("{path}/handover"), checked.clone()).await.expect(StatusCode::OK);
    assert_eq!((&to_pay["outcome"], &to_pay["due"]), (&json!("to_pay"), &json!(400)));
    shop.till(1, &format!("{path}/cancel"), json!({})).await.refused(409, "order-at-register");
    let basket = format!("/api/v1/baskets/{}", to_pay["basket"].as_str().unwrap());
    shop.till(0, &format!("{basket}/lines/1/void"), json!({})).await.refused(422, "line-of-order");
    shop.till(0, &format!("{basket}/tenders"), json!({ "tender": "cash", "amount": 500 })).await.expect(StatusCode::OK);
    let sold = shop.till(0, &format!("{basket}/complete"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(sold["totals"]["change"], 100);
    assert_eq!(shop.read(&path).await["state"], "handed_over");
    shop.adds_up();
}

#[tokio::test]
async fn a_register_places_an_order_for_another_store() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let line = json!({ "number": 1, "sku": CEREAL, "description": "Cereal", "quantity": pieces(1),
        "price": { "minor": 369, "per": "each" } });
    let place = json!({ "kind": "endless_aisle", "to": { "zone": "north" }, "customer": { "name": "Ada Byron" },
        "payment": { "by": "prepaid", "reference": "receipt 17" }, "due_ms": now_ms() + 86_400_000, "lines": [line] });
    let placed = shop.till(0, "/api/v1/placed-orders", place.clone()).await.expect(StatusCode::CREATED);
    assert_eq!(placed["state"], "waiting");
    let mut unpaid = place;
    unpaid["payment"] = json!({ "by": "at_pickup" });
    let refused = shop.till(0, "/api/v1/placed-orders", unpaid).await;
    assert_eq!((refused.status.as_u16(), &refused.body["rule"]), (422, &json!("not_prepaid")));
    let id = placed["placed"]["order"]["terms"]["order"].as_str().unwrap();
    assert_eq!(shop.read("/api/v1/placed-orders").await.as_array().unwrap().len(), 1);
    let withdrawn = shop.till(0, &format!("/api/v1/placed-orders/{id}/withdraw"), json!({})).await;
    assert_eq!(withdrawn.expect(StatusCode::OK)["state"], "withdrawn");
    assert_eq!(shop.read(&format!("/api/v1/placed-orders/{id}")).await["why"], "cancelled");
}
