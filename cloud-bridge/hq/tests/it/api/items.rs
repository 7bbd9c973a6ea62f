//! Items with their prices, by store and moment.

use ::contract::publication::{CATALOG, Effective, PublicationState, PublicationStates, SigningKey, State};
use hq::publications::{Order, Publications, items, publish};

use super::*;

/// Publishes items 1 to 1,500 at a price; versions count from 1.
pub(super) fn published(hq: &Hq, hubs: &[&str], price: u64, effective_ms: i64) {
    let catalog = (1..=1_500).map(|number| (number.to_string(), crate::world::item(number, price))).collect();
    let order = Order {
        kind: CATALOG.parse().unwrap(),
        records: items::records(&catalog).unwrap(),
        hubs: hubs.iter().map(|hub| hub.parse().unwrap()).collect(),
        effective: Effective::At(effective_ms),
        may_shrink: false,
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
        made_at_ms: 1,
    };
    let (key, publications) = (SigningKey::generate().unwrap().0, Publications::of(hq.ledger.database().clone()));
    hq.runtime.block_on(publish(&publications, &hq.objects, &key, order)).unwrap();
}

pub(super) fn said(hq: &Hq, hub: &str, version: u64, state: State) {
    let kind = CATALOG.parse().unwrap();
    let publications = vec![PublicationState { kind, version, state, since_ms: 7, why: None }];
    let states = PublicationStates { hub: hub.parse().unwrap(), epoch: Epoch(7), revision: 1, publications };
    hq.runtime.block_on(Publications::of(hq.ledger.database().clone()).heard(&states, 9)).unwrap();
}

/// Store, version, item and price of each.
fn short(found: &[Value]) -> Vec<(&str, u64, &str, i64)> {
    fn of(one: &Value) -> (&str, u64, &str, i64) {
        let (store, item) = (one["store"].as_str().unwrap(), &one["item"]);
        let price = item["price"]["minor"].as_i64().unwrap();
        (store, one["version"].as_u64().unwrap(), item["sku"].as_str().unwrap(), price)
    }
    found.iter().map(of).collect()
}

#[test]
fn items_are_those_of_the_catalog_that_a_store_works_by_at_the_moment() {
    on_each_engine(|hq| {
        // Year 2100.
        let later = 4_102_444_800_000_i64;
        published(hq, &["store-1", "store-2"], 100, 1);
        published(hq, &["store-1"], 200, later);
        assert_eq!(hq.all("/api/v1/items?store=store-1&", 500), [Value::Null; 0], "no store has said anything");
        said(hq, "store-1", 1, State::Active);
        said(hq, "store-1", 2, State::Waiting);
        said(hq, "store-2", 1, State::Refused);

        let now = hq.all("/api/v1/items?store=store-1&", 400);
        assert_eq!(now.len(), 1_500);
        let mut skus: Vec<_> = now.iter().map(|one| one["item"]["sku"].as_str().unwrap()).collect();
        assert!(skus.is_sorted());
        skus.dedup();
        assert_eq!(skus.len(), 1_500, "each once");
        assert_eq!(now[0]["effective"], json!({ "at_ms": 1 }));

        let of_item = |query: &str| hq.all(&format!("/api/v1/items?sku=42&{query}"), 1);
        assert_eq!(short(&of_item("")), [("store-1", 1, "42", 100)]);
        assert_eq!(short(&of_item(&format!("at_ms={later}&"))), [("store-1", 2, "42", 200)]);
        assert_eq!(of_item("at_ms=0&"), [Value::Null; 0], "before there was any");
        said(hq, "store-2", 1, State::Active);
        assert_eq!(short(&of_item("")), [("store-1", 1, "42", 100), ("store-2", 1, "42", 100)]);
        assert_eq!(short(&of_item("store=store-2&")), [("store-2", 1, "42", 100)]);
        assert_eq!(hq.all("/api/v1/items?sku=none&", 1), [Value::Null; 0]);
        let store = hq.ask(Method::GET, "/api/v1/items", Some(&hq.key), &[], "");
        assert_eq!(store.problem(), (400, "bad-request".into()));

        for file in std::fs::read_dir(hq.directory.path().join("objects")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        let lost = hq.ask(Method::GET, "/api/v1/items?store=store-1", Some(&hq.key), &[], "");
        assert_eq!(lost.problem(), (503, "catalog-unavailable".into()));
    });
}
