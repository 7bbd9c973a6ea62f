//! Stores, sales, stock.

use super::*;

#[test]
fn a_sale_is_found_by_day_customer_receipt_and_id() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=7);
        hq.sell("store-2", 1..=5);
        let other = [
            sold(6, &json!({ "business_day": "2026-11-25", "customer": "c-1", "sold_at_ms": 9_000 })),
            sold(7, &json!({ "customer": "c-1", "sold_at_ms": 8_000, "operator": "ada" })),
        ];
        hq.apply(&batch("store-2", Stream::sales(), other.into()));

        let ids = |sales: Vec<Value>| -> Vec<String> {
            let id = |sale: &Value| format!("{} {}", sale["store"].as_str().unwrap(), sale["sale"].as_str().unwrap());
            sales.iter().map(id).collect()
        };
        let of_day = ids(hq.all("/api/v1/sales?day=2026-11-24&", 4));
        let mut expected: Vec<_> = (1..=7).map(|number| format!("store-1 7-{number}")).collect();
        expected.extend([1, 2, 3, 4, 5, 7].map(|number| format!("store-2 7-{number}")));
        assert_eq!(of_day, expected);
        assert_eq!(ids(hq.all("/api/v1/sales?day=2026-11-24&store=store-2&", 4)), expected[7..]);
        assert_eq!(ids(hq.all("/api/v1/sales?day=2026-11-23&", 4)), [""; 0]);
        assert_eq!(ids(hq.all("/api/v1/sales?customer=c-1&", 1)), ["store-2 7-6", "store-2 7-7"], "the newest first");
        let receipt = "/api/v1/sales?store=store-2&register=till-1&fiscal_year=2026&receipt=7&";
        let found = hq.all(receipt, 10);
        assert_eq!(ids(found.clone()), ["store-2 7-7"]);
        assert_eq!(hq.all(&receipt.replace("till-1", "till-2"), 10), [Value::Null; 0]);

        let sale = hq.get("/api/v1/stores/store-2/sales/7-7");
        for (name, value) in found[0].as_object().unwrap() {
            assert_eq!(sale[name], *value, "{name}");
        }
        assert_eq!(
            (&sale["operator"], &sale["customer"], &sale["sequence"]),
            (&json!("ada"), &json!("c-1"), &json!(7))
        );
        assert_eq!(sale["totals"]["change"], 250);
        assert_eq!(sale["lines"][0]["discounts"][0]["amount"], 38);
        assert_eq!(sale["lines"][1]["description"], "Postcard\nÄ");
        assert_eq!(sale["tenders"], json!([{ "kind": "cash", "amount": 1000 }]));
    });
}

#[test]
fn a_sale_repeated_in_another_epoch_is_found_once() {
    on_each_engine(|hq| {
        hq.sell("store-1", 1..=2);
        let again = Batch { epoch: Epoch(8), ..batch("store-1", Stream::sales(), vec![sold(1, &json!({}))]) };
        hq.apply(&again);
        let sales = hq.all("/api/v1/sales?day=2026-11-24&", 10);
        assert_eq!(sales.iter().map(|sale| &sale["epoch"]).collect::<Vec<_>>(), [7, 7]);
    });
}

#[test]
fn stock_is_found_by_store_and_item_with_how_old_it_is() {
    on_each_engine(|hq| {
        for hub in ["store-1", "store-2", "store-3"] {
            hq.apply(&batch(hub, Stream::stock(), vec![received(1, "818981"), received(2, "1")]));
            hq.sell(hub, 1..=2);
        }
        hq.hello("store-1", &[(Stream::sales(), 2), (Stream::stock(), 2)], i64::MAX / 2);
        hq.hello("store-2", &[(Stream::sales(), 9), (Stream::stock(), 2)], i64::MAX / 2);

        let of_item = hq.all("/api/v1/stock?sku=818981&", 2);
        let short = |position: &Value| (position["store"].clone(), position["on_hand"].clone());
        let expected = ["store-1", "store-2", "store-3"].map(|store| (json!(store), json!(5000)));
        assert_eq!(of_item.iter().map(short).collect::<Vec<_>>(), expected);
        let as_of: Vec<_> = of_item.iter().map(|position| position["as_of_ms"].clone()).collect();
        assert_eq!(
            as_of,
            [json!(i64::MAX / 2), json!(1_002), Value::Null],
            "all of it, up to the second sale, not told"
        );
        let of_store = hq.all("/api/v1/stock?store=store-1&", 1);
        let items: Vec<_> =
            of_store.iter().map(|position| (&position["sku"], &position["available_to_sell"])).collect();
        assert_eq!(items, [(&json!("1"), &json!(9000)), (&json!("818981"), &json!(5000))]);
        assert_eq!(hq.all("/api/v1/stock?store=store-1&sku=1&", 1).len(), 1);

        // The store was restored: HQ counts the new epoch from nothing.
        let opened = json!({ "at_ms": 1, "lines": [
            { "sku": "818981", "unit": "each", "state": "damaged", "quantity_milli": 1000 }] });
        let opened = vec![event(1, stock::OPENED.name(), &opened)];
        hq.apply(&Batch { epoch: Epoch(8), ..batch("store-1", Stream::stock(), opened) });
        let restored = hq.all("/api/v1/stock?store=store-1&", 10);
        let figures: Vec<_> = restored.iter().map(|one| (&one["epoch"], &one["on_hand"], &one["damaged"])).collect();
        assert_eq!(figures, [(&json!(8), &json!(0), &json!(1000))]);
    });
}

#[test]
fn stores_say_how_far_hq_has_followed_them_and_what_needs_a_person() {
    on_each_engine(|hq| {
        for hub in ["store-1", "store-2", "store-3"] {
            hq.sell(hub, 1..=3);
            hq.hello(hub, &[(Stream::sales(), 9)], 77);
        }
        let stores = hq.all("/api/v1/stores?", 2);
        assert_eq!(stores.iter().map(|store| &store["store"]).collect::<Vec<_>>(), ["store-1", "store-2", "store-3"]);
        let store = hq.get("/api/v1/stores/store-2");
        assert_eq!(store, stores[1]);
        assert_eq!(
            (&store["epoch"], &store["software"], &store["heard_at_ms"]),
            (&json!(7), &json!("1.2.3"), &json!(77))
        );
        let sales = &store["streams"][0];
        let figures = (&sales["stream"], &sales["up_to"], &sales["last"], &sales["occurred_at_ms"]);
        assert_eq!(figures, (&json!("sales"), &json!(3), &json!(9), &json!(1_003)));

        assert_eq!((hq.all("/api/v1/alarms?", 1).len(), hq.all("/api/v1/quarantine?", 1).len()), (0, 0));
        let wrong = sold(4, &json!({ "tenders": [] }));
        hq.apply(&batch("store-1", Stream::sales(), vec![wrong, event(5, "drone.landed", &json!({}))]));
        hq.apply(&batch("store-2", Stream::sales(), vec![sold(3, &json!({ "register": "till-9" }))]));
        let quarantined = hq.all("/api/v1/quarantine?", 1);
        let kinds: Vec<_> = quarantined.iter().map(|event| (&event["kind"], &event["sequence"])).collect();
        assert_eq!(kinds, [(&json!("sale.completed"), &json!(4)), (&json!("drone.landed"), &json!(5))]);
        let alarms = hq.all("/api/v1/alarms?", 1);
        assert_eq!(alarms.iter().map(|alarm| &alarm["store"]).collect::<Vec<_>>(), ["store-2"]);
    });
}
