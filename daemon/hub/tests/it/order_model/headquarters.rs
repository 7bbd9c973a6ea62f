//! HQ of the model: a ledger in memory, its API, and its queues.

use app::hq::receive;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use contract::{Epoch, HubId, Stream, message::Hello};
use fastrand::Rng;
use hq::{
    Ledger, Queues,
    api::{self, keys, scope::Scope},
    feed::Feed,
    orders::{Profile, stores, work::attend_due},
    routing::Point,
    webhooks::Reach,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::branch::{Branch, SKUS};

/// The price of a piece.
pub(super) const PRICE: i64 = 250;

const HOUR: i64 = 3_600_000;

pub(super) struct Headquarters {
    pub(super) ledger: Ledger,
    pub(super) queues: Queues,
    api: Router,
    /// A key is limited to some hundreds of requests at once.
    keys: Vec<String>,
}

impl Headquarters {
    pub(super) async fn open() -> Self {
        let ledger = Ledger::in_memory().await.unwrap();
        let database = ledger.database().clone();
        let mut all = Vec::new();
        for name in ["shop", "auditor", "clerk", "checker"] {
            all.push(keys::add(&database, name, &Scope::ALL).await.unwrap());
        }
        let feed = Feed::start(database.clone()).await.unwrap();
        let api = api::router(database, feed, Reach::Public, None);
        Self { queues: Queues::of(&ledger), ledger, api, keys: all }
    }

    pub(super) async fn load_stores(&self, branches: &[Branch]) {
        let mut transaction = self.ledger.database().transaction().await.unwrap();
        for (place, branch) in branches.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)] // five
            let at = Some(Point { lat: 50.0 + place as f64 * 0.09, lon: 8.0 });
            let profile = Profile { at, prepare_minutes: 10, per_km: 1, ..Profile::new(branch.hub.clone()) };
            stores::store(&mut transaction, &[profile], 1).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    pub(super) async fn hear_of(&self, branches: &[Branch], now_ms: i64) {
        for branch in branches {
            let hello = Hello {
                hub: branch.hub.clone(),
                epoch: Epoch(branch.epoch),
                software: "1.2.3".into(),
                streams: vec![],
                connection: 1,
                stopped: None,
            };
            self.ledger.heard(&[(branch.hub.clone(), (hello, now_ms))].into()).await.unwrap();
        }
    }

    async fn ask(&self, method: &str, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        for owner in &self.keys {
            let request = Request::builder().method(method).uri(format!("/api/v1/{path}"));
            let request = request.header("authorization", format!("Bearer {owner}"));
            let request = request.header("content-type", "application/json");
            let request = request.header("idempotency-key", key.unwrap_or("none-needed"));
            let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
            let answer = self.api.clone().oneshot(request.body(body).unwrap()).await.unwrap();
            let status = answer.status();
            if status != StatusCode::TOO_MANY_REQUESTS {
                let bytes = to_bytes(answer.into_body(), 1 << 22).await.unwrap();
                return (status, serde_json::from_slice(&bytes).unwrap_or_default());
            }
        }
        panic!("too many requests, although each of {} keys may send hundreds at once", self.keys.len());
    }

    async fn read(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Orders some goods; true if HQ promises them.
    pub(super) async fn place(&self, order: &str, store: &str, rng: &mut Rng, now_ms: i64) -> bool {
        let kind = *rng.choice(&["pickup", "reserve", "ship_from_store"]).unwrap();
        let to = match kind {
            "ship_from_store" => json!({ "point": { "lat": 50.0, "lon": 8.0 } }),
            _ => json!({ "store": store }),
        };
        let payment = match kind {
            "reserve" => json!({ "by": "at_pickup" }),
            _ => json!({ "by": "prepaid", "reference": format!("psp-{order}") }),
        };
        let count = rng.usize(1..=2);
        let line = |number: usize| {
            let (sku, pieces) = (SKUS[(number + rng.usize(0..2)) % SKUS.len()], rng.i64(1..=4));
            json!({ "number": number, "sku": sku, "description": "Cereal",
                "quantity": { "milli": pieces * 1000, "unit": "each" }, "price": { "minor": PRICE, "per": "each" } })
        };
        let lines: Vec<_> = (1..=count).map(line).collect();
        let body = json!({ "order": order, "kind": kind, "to": to, "customer": { "name": "Ada Byron" },
            "currency": "USD", "payment": payment, "due_ms": now_ms + 4 * HOUR, "lines": lines });
        let (status, answer) = self.ask("POST", "orders", Some(&format!("place-{order}")), &body).await;
        assert!(status.is_success() || answer["type"] == "/problems/not-available", "{answer}");
        // The answer may be lost: the shop sends it again.
        if status.is_success() && rng.bool() {
            let again = self.ask("POST", "orders", Some(&format!("again-{order}")), &body).await;
            assert_eq!((again.0.is_success(), &again.1["order"]), (true, &answer["order"]), "{}", again.1);
        }
        status.is_success()
    }

    /// Orders pieces of an item for delivery near the first store. The answer: the order, or the problem.
    pub(super) async fn place_delivery(&self, order: &str, sku: &str, pieces: i64, now_ms: i64) -> Value {
        let line = json!({ "number": 1, "sku": sku, "description": "Cereal",
            "quantity": { "milli": pieces * 1000, "unit": "each" }, "price": { "minor": PRICE, "per": "each" } });
        let body = json!({ "order": order, "kind": "ship_from_store", "to": { "point": { "lat": 50.0, "lon": 8.0 } },
            "customer": { "name": "Ada Byron" }, "currency": "USD",
            "payment": { "by": "prepaid", "reference": format!("psp-{order}") }, "due_ms": now_ms + 4 * HOUR,
            "lines": [line] });
        self.ask("POST", "orders", Some(&format!("place-{order}")), &body).await.1
    }

    /// Cancels an order, or a piece of its first line.
    pub(super) async fn cancel(&self, order: &str, rng: &mut Rng) {
        let amounts = if rng.bool() { json!([]) } else { json!([{ "line": 1, "milli": 1000 }]) };
        let key = format!("cancel-{order}-{}", rng.u32(..));
        let path = format!("orders/{order}/cancel");
        let (status, answer) = self.ask("POST", &path, Some(&key), &json!({ "amounts": amounts })).await;
        assert!(status.is_success() || answer["type"] == "/problems/order-too-late", "{answer}");
    }

    pub(super) async fn attend(&self, now_ms: i64, with_stale: bool) {
        while attend_due(self.ledger.database(), with_stale, now_ms).await.unwrap() > 0 {}
    }

    pub(super) async fn has_items_for(&self, branch: &Branch) -> bool {
        self.queues.next(&branch.hub, &Stream::orders()).await.unwrap().is_some()
    }

    pub(super) async fn open_orders(&self) -> usize {
        self.read("orders?open=true").await["items"].as_array().unwrap().len()
    }

    pub(super) async fn order(&self, order: &str) -> Value {
        self.read(&format!("orders/{order}")).await
    }

    /// On hand, reserved, in transit, quarantined and damaged.
    pub(super) async fn stock(&self, hub: &HubId, sku: &str) -> [i64; 5] {
        let found = self.read(&format!("stock?store={hub}&sku={sku}")).await;
        ["on_hand", "reserved", "in_transit", "quarantined", "damaged"]
            .map(|state| found["items"][0][state].as_i64().unwrap())
    }

    /// What the web may sell.
    pub(super) async fn quota(&self, hub: &HubId, sku: &str) -> i64 {
        self.read(&format!("availability?store={hub}&sku={sku}")).await["items"][0]["available"].as_i64().unwrap_or(0)
    }

    pub(super) async fn sales(&self) -> u64 {
        self.ledger.summary().await.unwrap().sales
    }
}

/// Applies HQ's items in a store.
pub(super) fn apply(store: &store::Store, batch: &contract::DownBatch, at_ms: i64) -> contract::down::Received {
    let batch = batch.clone();
    store.commit_blocking(move |transaction| receive(transaction, at_ms, &batch)).unwrap()
}
