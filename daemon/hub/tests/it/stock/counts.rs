//! Counting while the store sells.

use axum::http::StatusCode;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use store::{Number, Table};

use crate::common::{
    ask,
    shop::{BANANAS, CEREAL, Shop, Stock, grams, next_millisecond, now_ms, of, pieces, runtime},
};

#[tokio::test]
async fn a_count_is_blind_and_correct_while_the_store_sells() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    shop.receive(BANANAS, grams(8000)).await;
    let skus = json!({ "skus": [CEREAL, BANANAS] });
    shop.till(0, "/api/v1/stock/counts", skus.clone()).await.refused(403, "forbidden");
    let id = shop.person("/api/v1/stock/counts", skus.clone()).await.expect(StatusCode::CREATED)["id"].clone();
    shop.person("/api/v1/stock/counts", skus).await.refused(409, "stock-being-counted");
    shop.person("/api/v1/stock/counts", json!({ "skus": ["no-such"] })).await.refused(404, "item-unknown");
    let path = format!("/api/v1/stock/counts/{id}");

    // The shelf has 8 pieces, two fewer than the books. They are counted, then three are sold, then the count is
    // reported.
    let moment = next_millisecond();
    shop.sell(1, of(CEREAL, pieces(3)), &[]).await.expect(StatusCode::OK);
    let counted = json!({ "lines": [
        { "sku": CEREAL, "quantity": pieces(8), "counted_at_ms": moment },
        { "sku": BANANAS, "quantity": grams(8125) }
    ] });
    let told = shop.till(0, &format!("{path}/quantities"), counted).await.expect(StatusCode::OK);
    assert_eq!(told, json!({ "counted": 2, "remaining": 0 }));

    let blind = shop.read_at_till(&path).await.expect(StatusCode::OK);
    for hidden in ["expected", "variance", "on_hand", "10000", "7000", "8000", "-2000"] {
        assert!(!blind.to_string().contains(hidden), "{blind} shows {hidden}");
    }
    shop.read_at_till(&format!("{path}/variances")).await.refused(403, "forbidden");
    shop.read_at_till("/api/v1/stock/positions/818981").await.refused(409, "stock-being-counted");
    shop.read_at_till("/api/v1/stock/positions").await.refused(403, "forbidden");
    shop.read_at_till("/api/v1/stock/movements").await.refused(403, "forbidden");

    // No refusal reveals it to a register. A person gets it.
    shop.policy(CEREAL, json!({ "rule": "to_zero", "safety_stock": pieces(1) })).await;
    let much = || of(CEREAL, pieces(200));
    let basket = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let basket = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
    shop.till(0, &format!("{basket}/lines"), much()[0].clone()).await.expect(StatusCode::OK);
    let order = json!({ "reference": "order-7", "lines": much() });
    let note = |kind: &str| json!({ "kind": kind, "reason": "seen", "lines": much() });
    let refused = [
        shop.till(0, "/api/v1/stock/reservations", order.clone()).await,
        shop.till(0, "/api/v1/stock/movements", note("damage")).await,
        shop.till(0, "/api/v1/stock/movements", note("quarantine")).await,
        shop.till(0, &format!("{basket}/tenders"), json!({ "tender": "cash", "amount": 1 })).await,
        shop.sell(0, much(), &[]).await,
    ];
    for answer in refused {
        let detail = answer.refused(422, "stock-insufficient");
        let blind = "not enough stock of item 818981 for 200; the quantity is hidden while the item is being counted";
        assert_eq!(detail, blind);
    }
    shop.till(0, &format!("{basket}/abandon"), json!({})).await.expect(StatusCode::OK);
    let told = shop.person("/api/v1/stock/reservations", order).await.refused(422, "stock-insufficient");
    assert!(told.contains("available to sell 6;"), "{told}");
    let told = shop.person("/api/v1/stock/movements", note("damage")).await.refused(422, "stock-insufficient");
    assert!(told.contains("on_hand 7;"), "{told}");

    let variances = shop.read(&format!("{path}/variances")).await;
    let numbers =
        |index: usize| ["counted", "expected", "variance"].map(|field| variances[index][field].as_i64().unwrap());
    assert_eq!((numbers(0), numbers(1)), ([8000, 10_000, -2000], [8125, 8000, 125]));

    // Two more are sold before a person decides.
    shop.sell(1, of(CEREAL, pieces(2)), &[]).await.expect(StatusCode::OK);
    let decide = |sku: &str, decision: &str, variance: i64| {
        let line = json!({ "sku": sku, "decision": decision, "variance": variance });
        json!({ "lines": [line] })
    };
    shop.till(0, &format!("{path}/decisions"), decide(CEREAL, "approved", -2000)).await.refused(403, "forbidden");
    shop.person(&format!("{path}/decisions"), decide(CEREAL, "approved", -2000)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await.on_hand, 3000, "eight were there, five are sold");
    shop.person(&format!("{path}/decisions"), decide(BANANAS, "rejected", 125)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await.on_hand, 8000);
    let late = json!({ "lines": [{ "sku": BANANAS, "quantity": grams(7900), "counted_at_ms": now_ms() + 3_600_000 }] });
    shop.till(0, &format!("{path}/quantities"), late).await.refused(422, "moment-out-of-range");
    shop.till(0, &format!("{path}/quantities"), json!({ "lines": of(BANANAS, pieces(7)) }))
        .await
        .refused(422, "wrong-unit");
    shop.till(0, &format!("{path}/quantities"), json!({ "lines": of(BANANAS, grams(7900)) }))
        .await
        .expect(StatusCode::OK);
    shop.person(&format!("{path}/decisions"), decide(BANANAS, "approved", -100)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await.on_hand, 7900);
    assert!(shop.read(&path).await["closed_at_ms"].is_i64(), "the last approval closes it");
    let told = shop.sell(0, of(CEREAL, pieces(4)), &[]).await.refused(422, "stock-insufficient");
    assert!(told.contains("requested 4, on_hand 3;"), "{told}");
    shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await.expect(StatusCode::CREATED);
    shop.adds_up();
}

#[tokio::test]
async fn an_unseen_variance_is_not_decided() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(200)).await;
    shop.receive(BANANAS, grams(8000)).await;
    let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL, BANANAS] })).await;
    let count = format!("/api/v1/stock/counts/{}", opened.expect(StatusCode::CREATED)["id"]);
    let tally = async |till: usize, sku: &str, quantity: Value| {
        let told = shop.till(till, &format!("{count}/quantities"), json!({ "lines": of(sku, quantity) })).await;
        told.expect(StatusCode::OK);
    };
    tally(0, CEREAL, pieces(199)).await;
    tally(0, BANANAS, grams(7500)).await;
    let seen = shop.read(&format!("{count}/variances")).await;
    let lines = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|line| json!({ "sku": line["sku"], "decision": "approved", "variance": line["variance"] }));
    let decided = json!({ "lines": lines.collect::<Vec<_>>() });

    // A recount between reading and deciding.
    tally(1, CEREAL, pieces(100)).await;
    let decisions = format!("{count}/decisions");
    let detail = shop.person(&decisions, decided.clone()).await.refused(409, "stock-recounted");
    assert!(detail.contains("its variance is now -100, not -1"), "{detail}");
    assert_eq!(
        (shop.stock(CEREAL).await.on_hand, shop.stock(BANANAS).await.on_hand),
        (200_000, 8000),
        "neither of them"
    );
    let blind = json!({ "lines": [{ "sku": CEREAL, "decision": "approved" }] });
    shop.person(&decisions, blind).await.refused(400, "bad-request");

    // A recount with the same result: that variance was seen.
    tally(1, CEREAL, pieces(199)).await;
    shop.person(&decisions, decided).await.expect(StatusCode::OK);
    assert_eq!((shop.stock(CEREAL).await.on_hand, shop.stock(BANANAS).await.on_hand), (199_000, 7500));
    shop.adds_up();
}

#[tokio::test]
async fn variances_include_the_stock_in_open_baskets() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(10)).await;
    shop.receive(BANANAS, grams(8000)).await;
    let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(2)) });
    let reserved = shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED);
    // Three pieces, two of them reserved for the basket; one more and a voided one; one that is sold.
    let mut paths = Vec::new();
    for (till, named) in [(0, json!([reserved["id"]])), (1, json!([])), (1, json!([]))] {
        let opened = shop.till(till, "/api/v1/baskets", json!({ "reservations": named })).await;
        let path = format!("/api/v1/baskets/{}", opened.expect(StatusCode::CREATED)["id"].as_str().unwrap());
        paths.push((till, path));
    }
    for (basket, count) in [(0, 3), (1, 1), (1, 1), (2, 1)] {
        let (till, path) = &paths[basket];
        let line = json!({ "sku": CEREAL, "quantity": pieces(count) });
        shop.till(*till, &format!("{path}/lines"), line).await.expect(StatusCode::OK);
    }
    shop.till(1, &format!("{}/lines/2/void", paths[1].1), json!({})).await.expect(StatusCode::OK);
    let cash = json!({ "tender": "cash", "amount": 369 });
    shop.till(1, &format!("{}/tenders", paths[2].1), cash.clone()).await.expect(StatusCode::OK);
    shop.till(1, &format!("{}/complete", paths[2].1), json!({})).await.expect(StatusCode::OK);

    let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL, BANANAS] })).await;
    let count = format!("/api/v1/stock/counts/{}", opened.expect(StatusCode::CREATED)["id"]);
    let counted = json!({ "lines": [
        { "sku": CEREAL, "quantity": pieces(5) }, { "sku": BANANAS, "quantity": grams(8000) }
    ] });
    shop.till(0, &format!("{count}/quantities"), counted).await.expect(StatusCode::OK);
    let seen = async || {
        let variances = shop.read(&format!("{count}/variances")).await;
        [0, 1].map(|item| {
            ["variance", "in_baskets_when_counted", "in_baskets_now"]
                .map(|field| variances[item][field].as_i64().unwrap())
        })
    };
    assert_eq!(seen().await, [[-2000, 2000, 2000], [0, 0, 0]], "two are missing, and lie in baskets");
    // Stock held for a basket is no longer on_hand.
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.till(1, &format!("{}/tenders", paths[1].1), cash).await.expect(StatusCode::OK);
    assert_eq!(seen().await[0], [-2000, 2000, 1000], "the stock in baskets at the count is kept");
}

/// What customers do around a count.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Pieces go from the shelf into a basket.
    Take(i64),
    /// A basket is paid.
    Pay(usize),
    /// The contents of a basket go back to the shelf.
    PutBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1_i64..4).prop_map(Step::Take),
        2 => (0_usize..8).prop_map(Step::Pay),
        1 => (0_usize..8).prop_map(Step::PutBack),
    ];
    vec(step, 0..8)
}

/// Plays steps on the shelf and in baskets; the books only change when a basket is paid.
async fn shopping(shop: &Shop, steps: &[Step], shelf: &mut i64, baskets: &mut Vec<(String, i64)>) {
    for step in steps.iter().copied() {
        match step {
            Step::Take(count) => {
                let opened = shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
                let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
                let line = json!({ "sku": CEREAL, "quantity": pieces(count) });
                shop.till(1, &format!("{path}/lines"), line).await.expect(StatusCode::OK);
                *shelf -= count;
                baskets.push((path, count));
            }
            Step::Pay(index) if !baskets.is_empty() => {
                let (path, _) = baskets.remove(index % baskets.len());
                let cash = json!({ "tender": "cash", "amount": 10_000 });
                shop.till(1, &format!("{path}/tenders"), cash).await.expect(StatusCode::OK);
                shop.till(1, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
            }
            Step::PutBack(index) if !baskets.is_empty() => {
                let (path, count) = baskets.remove(index % baskets.len());
                shop.till(1, &format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
                *shelf += count;
            }
            Step::Pay(_) | Step::PutBack(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_true_difference_is_the_variance_plus_the_stock_in_baskets(
        amiss in -4_i64..5, before in steps(), after in steps()
    ) {
        runtime().block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let shop = Shop::open(directory.path()).await;
            shop.receive(CEREAL, pieces(50)).await;
            let (mut shelf, mut baskets) = (50 + amiss, Vec::new());
            let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await;
            let count = format!("/api/v1/stock/counts/{}", opened.expect(StatusCode::CREATED)["id"]);
            shopping(&shop, &before, &mut shelf, &mut baskets).await;
            let told = json!({ "lines": of(CEREAL, pieces(shelf)) });
            shop.till(0, &format!("{count}/quantities"), told).await.expect(StatusCode::OK);
            shopping(&shop, &after, &mut shelf, &mut baskets).await;
            let seen = shop.read(&format!("{count}/variances")).await[0].clone();
            let milli = |field: &str| seen[field].as_i64().unwrap();
            assert_eq!(milli("variance") + milli("in_baskets_when_counted"), amiss * 1000, "{seen}");
            assert_eq!(milli("in_baskets_now"), baskets.iter().map(|(_, count)| count * 1000).sum::<i64>(), "{seen}");
        });
    }
}

#[tokio::test]
async fn an_old_unit_can_be_cleared_by_a_count_and_the_policy_must_be_set_again() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(5)).await;
    let policies = format!("/api/v1/stock/policies/{CEREAL}");
    shop.policy(CEREAL, json!({ "rule": "below_zero", "safety_stock": pieces(2), "lead_time_days": 7 })).await;
    assert_eq!(shop.read(&policies).await["sold_by"], Value::Null);
    assert_eq!(shop.read("/api/v1/stock/reorder").await, json!([]));
    let price = json!({ "minor": 499, "per": "kilogram" });
    let items = json!({ "items": [{ "sku": CEREAL, "description": "Cereal, loose", "price": price }] });
    shop.person("/api/v1/items", items).await.expect(StatusCode::OK);

    assert_eq!(shop.read(&policies).await["sold_by"], "kilogram");
    let listed = shop.read("/api/v1/stock/reorder").await;
    assert_eq!(
        (&listed[0]["sku"], &listed[0]["sold_by"], &listed[0]["order"]),
        (&json!(CEREAL), &json!("kilogram"), &json!(0))
    );

    let counts = "/api/v1/stock/counts";
    let by = |sku: &str, unit: &str| json!({ "positions": [{ "sku": sku, "unit": unit }] });
    shop.person(counts, by(BANANAS, "each")).await.refused(422, "wrong-unit");
    shop.person(counts, by("no-such", "each")).await.refused(404, "item-unknown");
    let twice = json!({ "skus": [CEREAL], "positions": by(CEREAL, "each")["positions"] });
    shop.person(counts, twice).await.refused(422, "item-twice");
    let opened = shop.person(counts, by(CEREAL, "each")).await.expect(StatusCode::CREATED);
    let count = format!("{counts}/{}", opened["id"]);
    assert_eq!(shop.read_at_till(&count).await.expect(StatusCode::OK)["lines"][0]["unit"], "each");
    let told = async |quantity: Value| {
        shop.till(0, &format!("{count}/quantities"), json!({ "lines": of(CEREAL, quantity) })).await
    };
    told(grams(1000)).await.refused(422, "wrong-unit");
    told(pieces(0)).await.expect(StatusCode::OK);
    let decided = json!({ "lines": [{ "sku": CEREAL, "decision": "approved", "variance": -5000 }] });
    shop.person(&format!("{count}/decisions"), decided).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, Stock::default(), "counted out");

    shop.policy(CEREAL, json!({ "rule": "below_zero", "safety_stock": grams(2000), "pack": grams(5000) })).await;
    assert_eq!(shop.read(&policies).await["sold_by"], Value::Null);
    let listed = shop.read("/api/v1/stock/reorder").await;
    assert_eq!(
        (&listed[0]["unit"], &listed[0]["order"], &listed[0]["sold_by"]),
        (&json!("kilogram"), &json!(5000), &Value::Null)
    );
    shop.adds_up();
}

#[tokio::test]
async fn accepted_decisions_and_policies_are_audited_once() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(5)).await;
    let policies = format!("/api/v1/stock/policies/{CEREAL}");
    let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await.expect(StatusCode::CREATED);
    let count = format!("/api/v1/stock/counts/{}", opened["id"]);
    shop.till(0, &format!("{count}/quantities"), json!({ "lines": of(CEREAL, pieces(4)) }))
        .await
        .expect(StatusCode::OK);
    let decided = |variance: i64| json!({ "lines": [{ "sku": CEREAL, "decision": "approved", "variance": variance }] });
    shop.person(&format!("{count}/decisions"), decided(0)).await.refused(409, "stock-recounted");
    shop.person(&policies, json!({ "rule": "to_zero", "pack": pieces(0) })).await.refused(422, "out-of-range");
    let policy = json!({ "rule": "to_zero", "safety_stock": pieces(2) });
    let acts = [(policies, "policy-01", policy), (format!("{count}/decisions"), "decide-01", decided(-1000))];
    for (path, key, body) in acts {
        let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", key)];
        for _ in 0..2 {
            ask(&shop.router, "POST", &path, &headers, &body.to_string()).await.expect(StatusCode::OK);
        }
    }
    let entries = shop.read("/api/v1/audit?limit=2").await;
    let parts = |at: usize| ["act", "who", "details"].map(|field| entries[at][field].clone());
    let details = json!({ "count": opened["id"], "lines": decided(-1000)["lines"] });
    assert_eq!(parts(0), [json!("count_decided"), json!({ "station": "console" }), details]);
    let policy = json!({ "sku": CEREAL, "unit": "each", "rule": "to_zero", "safety_stock": 2000,
        "lead_time_days": 0, "cover_days": 0, "pack": 1000 });
    let details = json!({ "policy": policy });
    assert_eq!(parts(1), [json!("policy_set"), json!({ "station": "console" }), details]);
    let all = shop.read("/api/v1/audit?limit=100").await;
    let of_stock = |entry: &&Value| entry["act"] == "count_decided" || entry["act"] == "policy_set";
    assert_eq!(all.as_array().unwrap().iter().filter(of_stock).count(), 2);
    shop.adds_up();
}

/// A repeat only needs its answer, even if the ledger can no longer be read.
#[tokio::test]
async fn a_repeated_quantity_gets_its_first_answer_despite_a_damaged_ledger() {
    static MOVEMENTS: Table<Number, u64> = Table::new("movement");
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(3)).await;
    let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/stock/counts/{}/quantities", opened["id"]);
    let counted = json!({ "lines": of(CEREAL, pieces(3)) });
    let tell = async |key: &str| shop.till_with_key(0, &path, key, counted.clone()).await;
    let first = tell("count-0001").await.expect(StatusCode::OK);
    let damaged = shop.hub.store().commit(|transaction| transaction.put(&MOVEMENTS, 1, &7));
    damaged.await.unwrap();
    assert_eq!(tell("count-0001").await.expect(StatusCode::OK), first);
    tell("count-0002").await.expect(StatusCode::INTERNAL_SERVER_ERROR);
}
