//! A hub with a person, two registers and items on file, and their requests about stock.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Router, http::StatusCode};
use hub::Hub;
use serde_json::{Value, json};
use store::Depth;

use super::{Answer, ENGINE, ask, enter, faults, open, open_as};

/// A hub with a person, two registers and items on file.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) hub: Arc<Hub>,
    pub(crate) router: Router,
    pub(crate) cookie: String,
    pub(crate) tills: [String; 2],
    keys: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) async fn open(directory: &Path) -> Self {
        Self::enter(open(directory), directory).await
    }

    /// A store with another name.
    pub(crate) async fn named(name: &str, directory: &Path) -> Self {
        Self::enter(open_as(directory, name, ENGINE, ""), directory).await
    }

    pub(crate) async fn enter((hub, router): (Arc<Hub>, Router), directory: &Path) -> Self {
        let (_, first) = enter(&router, directory, "till-1").await;
        let (cookie, second) = enter(&router, directory, "till-2").await;
        // Keys of an earlier run are not used again.
        let keys = Arc::new(AtomicU64::new(u64::try_from(now_ms()).unwrap() * 1000));
        let shop = Self { hub, router, cookie, tills: [first, second], keys };
        let items = json!({ "items": [
            { "sku": CEREAL, "gtin": "0400008189811", "description": "Cereal",
                "price": { "minor": 369, "per": "each" } },
            { "sku": BANANAS, "description": "Bananas", "price": { "minor": 199, "per": "kilogram" } },
        ] });
        shop.person("/api/v1/items", items).await.expect(StatusCode::OK);
        shop
    }

    pub(crate) fn key(&self) -> String {
        format!("key-{:016}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn person(&self, path: &str, body: Value) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("idempotency-key", &self.key())];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    pub(crate) async fn till(&self, till: usize, path: &str, body: Value) -> Answer {
        self.till_with_key(till, path, &self.key(), body).await
    }

    pub(crate) async fn till_with_key(&self, till: usize, path: &str, key: &str, body: Value) -> Answer {
        let headers = [("authorization", self.tills[till].as_str()), ("idempotency-key", key)];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = ask(&self.router, "GET", path, &[("cookie", &self.cookie)], "").await;
        answer.expect(StatusCode::OK)
    }

    pub(crate) async fn read_at_till(&self, path: &str) -> Answer {
        ask(&self.router, "GET", path, &[("authorization", &self.tills[0])], "").await
    }

    /// The positions of an item.
    pub(crate) async fn stock(&self, sku: &str) -> Stock {
        let positions = self.read(&format!("/api/v1/stock/positions/{sku}")).await;
        let milli = |state: &str| positions[0][state].as_i64().unwrap_or(0);
        Stock {
            on_hand: milli("on_hand"),
            reserved: milli("reserved"),
            in_transit: milli("in_transit"),
            quarantined: milli("quarantined"),
            damaged: milli("damaged"),
        }
    }

    /// Receives goods from a supplier.
    pub(crate) async fn receive(&self, sku: &str, quantity: Value) {
        let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": self.key(),
            "lines": [{ "sku": sku, "quantity": quantity }] });
        let id =
            self.person("/api/v1/stock/notices", announced.clone()).await.expect(StatusCode::CREATED)["id"].clone();
        let came = json!({ "lines": announced["lines"] });
        self.till(0, &format!("/api/v1/stock/notices/{id}/deliveries"), came).await.expect(StatusCode::OK);
        self.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    }

    pub(crate) async fn policy(&self, sku: &str, policy: Value) {
        self.person(&format!("/api/v1/stock/policies/{sku}"), policy).await.expect(StatusCode::OK);
    }

    pub(crate) async fn sell(&self, till: usize, lines: Value, reservations: &[u64]) -> Answer {
        let cash = json!({ "tender": "cash", "amount": 10_000 + price_of(&lines) });
        let sale = json!({ "lines": lines, "tenders": [cash], "reservations": reservations });
        self.till(till, "/api/v1/sales", sale).await
    }

    /// Asserts that the whole check finds no faults.
    pub(crate) fn adds_up(&self) {
        assert_eq!(faults(&self.hub, Depth::Whole), [""; 0]);
    }
}

/// The price of lines of the two items, or slightly less.
fn price_of(lines: &Value) -> i64 {
    let price = |line: &Value| {
        line["quantity"]["milli"].as_i64().unwrap_or(0) / 1000 * if line["sku"] == CEREAL { 369 } else { 199 }
    };
    lines.as_array().unwrap().iter().map(price).sum()
}

pub(crate) const CEREAL: &str = "818981";

pub(crate) const BANANAS: &str = "4011";

/// A position, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) in_transit: i64,
    pub(crate) quarantined: i64,
    pub(crate) damaged: i64,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, kind: &str) -> String {
        assert_eq!(self.body["type"], format!("/problems/{kind}"), "{}", self.body);
        assert_eq!(self.status.as_u16(), status);
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn pieces(count: i64) -> Value {
    json!({ "milli": count * 1000, "unit": "each" })
}

pub(crate) fn grams(milli: i64) -> Value {
    json!({ "milli": milli, "unit": "kilogram" })
}

#[allow(clippy::needless_pass_by_value)] // documents are put together from parts made in place
pub(crate) fn of(sku: &str, quantity: Value) -> Value {
    json!([{ "sku": sku, "quantity": quantity }])
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Waits for the next millisecond of the clock.
pub(crate) fn next_millisecond() -> i64 {
    let moment = now_ms();
    while now_ms() <= moment {
        std::thread::yield_now();
    }
    moment
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}
