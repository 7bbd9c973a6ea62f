//! Prices by store and moment, baskets, and parity, by the books that stores work by.

use ::contract::publication::{Effective, PRICES, PublicationState, PublicationStates, SigningKey, State};
use hq::{
    orders::{Profile, stores},
    prices::{
        Books,
        parity::{self, Sample},
    },
    publications::{Order, Publications, publish},
};

use super::*;

/// 2026-12-01T00:00 in Berlin.
const DECEMBER_MS: i64 = 1_796_079_600_000;

/// Cereal costs `minor`, from December on a quarter less; from two pieces on 10 % are off. Tea is for members.
fn book(version: &str, minor: i64) -> Vec<(&'static str, Value)> {
    let price = |id: &str, sku: &str, kind: &str, minor: i64, more: Value| {
        let mut price = json!({"id": id, "sku": sku, "kind": kind, "price": {"minor": minor, "per": "each"}});
        price.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "price": price })
    };
    let rule = json!({"quantity": {"on": {"skus": ["818981"]}, "tiers": [{"from": 2, "deal": {"percent": 1000}}]}});
    vec![
        ("book", json!({"book": {"version": version, "currency": "USD"}})),
        ("offer/two", json!({"offer": {"id": "two", "version": 1, "name": "Two for less", "rule": rule}})),
        ("price/a", price("a", "818981", "regular", minor, json!({}))),
        ("price/b", price("b", "818981", "promotional", minor * 3 / 4, json!({"from": "2026-12-01T00:00"}))),
        ("price/c", price("c", "tea", "member", 500, json!({"customers": ["members"]}))),
    ]
}

/// Publishes a book, and the store says that it works by it.
fn in_force(hq: &Hq, version: u64, records: &[(&str, Value)], state: State) {
    let kind: ::contract::PublicationKind = PRICES.parse().unwrap();
    let order = Order {
        kind: kind.clone(),
        records: records.iter().map(|(key, body)| ((*key).to_owned(), to_raw_value(body).unwrap())).collect(),
        hubs: vec!["store-1".parse().unwrap()],
        effective: Effective::At(1),
        may_shrink: true,
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
        made_at_ms: 1,
    };
    let (key, publications) = (SigningKey::generate().unwrap().0, Publications::of(hq.ledger.database().clone()));
    hq.runtime.block_on(publish(&publications, &hq.objects, &key, order)).unwrap();
    let states = vec![PublicationState { kind, version, state, since_ms: 7, why: None }];
    let states =
        PublicationStates { hub: "store-1".parse().unwrap(), epoch: Epoch(7), revision: 1, publications: states };
    hq.runtime.block_on(publications.heard(&states, 9)).unwrap();
}

fn in_berlin(hq: &Hq) {
    hq.runtime.block_on(async {
        let profile = Profile { time_zone: "Europe/Berlin".into(), ..Profile::new("store-1".parse().unwrap()) };
        let mut transaction = hq.ledger.database().transaction().await.unwrap();
        stores::store(&mut transaction, &[profile], 1).await.unwrap();
        transaction.commit().await.unwrap();
    });
}

#[test]
fn prices_are_those_of_the_book_the_store_works_by_at_the_moment() {
    on_each_engine(|hq| {
        assert_eq!(hq.all("/api/v1/prices?store=store-1&", 2), [Value::Null; 0], "no book yet");
        let lines = json!([{"number": 1, "sku": "818981", "quantity": {"milli": 3000, "unit": "each"}}]);
        let ask = |body: Value| hq.ask(Method::POST, "/api/v1/prices/basket", Some(&hq.key), &[], &body.to_string());
        let asked = json!({"store": "store-1", "at_ms": DECEMBER_MS - 1, "lines": lines, "explain": true});
        assert_eq!(ask(asked.clone()).problem(), (404, "price-book-unknown".into()));

        in_berlin(hq);
        in_force(hq, 1, &book("v1", 400), State::Active);
        let of = |query: &str| {
            let found = hq.all(&format!("/api/v1/prices?store=store-1&{query}"), 1);
            let short = |one: &Value| format!("{} {} {}", one["sku"], one["price"]["minor"], one["entry"]);
            found.iter().map(short).collect::<Vec<_>>()
        };
        assert_eq!(of(&format!("at_ms={}&", DECEMBER_MS - 1)), [r#""818981" 400 "a""#]);
        assert_eq!(of(&format!("at_ms={DECEMBER_MS}&")), [r#""818981" 300 "b""#], "by the store's clock");
        assert_eq!(of(&format!("at_ms={DECEMBER_MS}&group=members&")), [r#""818981" 300 "b""#, r#""tea" 500 "c""#]);
        assert_eq!(of("sku=tea&"), [""; 0]);
        assert_eq!(of("sku=tea&group=members&"), [r#""tea" 500 "c""#]);

        let priced = ask(asked.clone()).json();
        assert_eq!((&priced["book"], &priced["total"], &priced["rejected"]), (&json!("v1"), &json!(1080), &json!([])));
        assert_eq!(priced["lines"][0]["adjustments"][0]["offer"], "two");
        let mut unknown = asked.clone();
        unknown["lines"][0]["sku"] = json!("none");
        assert_eq!(ask(unknown).problem(), (422, "basket-refused".into()));
        assert_eq!(ask(json!({"store": "store-1"})).problem(), (400, "bad-request".into()));
        assert_eq!(hq.refused("/api/v1/prices"), (400, "bad-request".into()));
    });
}

#[test]
fn parity_finds_what_a_stores_book_and_hqs_price_differently() {
    on_each_engine(|hq| {
        let compare = || {
            let books = Books::of(hq.ledger.database().clone(), hq.objects.clone());
            let sample = Sample { items: 10, sales: 10, at_ms: 1_000 };
            let store = "store-1".parse().unwrap();
            hq.runtime.block_on(parity::compare(hq.ledger.database(), &books, &store, sample)).unwrap()
        };
        assert_eq!(compare(), None);
        in_force(hq, 1, &book("v1", 400), State::Active);
        // Two of them at 4.00, 10 % off, and 0.20 that a manager took off; then the same with a wrong discount.
        let sale = |off: i64| {
            let discounts = json!([{"reason": "Two for less", "origin": "promotion", "amount": off, "offer": "two"},
                {"reason": "dented", "origin": "manager", "amount": 20}]);
            let net = 800 - off - 20;
            let line = json!({"number": 1, "sku": "818981", "on_file": true, "description": "Cereal", "net": net,
                "quantity_milli": 2000, "unit": "each", "regular": 800, "price_entry": "a", "discounts": discounts});
            json!({"price_book": "v1", "lines": [line], "tenders": [{"kind": "cash", "amount": net}],
                "totals": {"regular": 800, "discount": off + 20, "net": net, "manufacturer_coupon": 0, "tendered": net,
                    "change": 0}})
        };
        hq.apply(&batch("store-1", Stream::sales(), vec![sold(1, &sale(80)), sold(2, &json!({}))]));
        let report = compare().unwrap();
        assert_eq!((report.items, report.sales, report.by_other_books, report.differences.len()), (2, 1, 1, 0));
        hq.apply(&batch("store-1", Stream::sales(), vec![sold(3, &sale(81))]));
        let wrong = compare().unwrap().differences;
        assert_eq!((wrong.len(), wrong[0].id.as_str(), wrong[0].what.as_str()), (1, "7-3 line 1", "net"));
        assert_eq!((wrong[0].recorded, wrong[0].store, wrong[0].hq), (Some(699), Some(700), Some(700)));

        // A newer book that the store does not have yet.
        in_force(hq, 2, &book("v2", 480), State::Waiting);
        let newer = compare().unwrap().differences;
        assert_eq!(
            (newer[0].of, newer[0].id.as_str(), newer[0].store, newer[0].hq),
            ("item", "818981", Some(400), Some(480))
        );
        assert_eq!(newer.iter().filter(|one| one.of == "sale").count(), 2);
        assert_eq!(newer.iter().map(|one| one.hq).max(), Some(Some(844)));
    });
}
