//! The API, over HTTP, on both engines, of a ledger that is filled as hubs fill it.

mod access;
mod commands;
mod conformance;
mod contract;
mod exports;
mod feed;
mod items;
mod monitoring;
mod orders;
mod prices;
mod publications;
mod resources;
mod webhooks;

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use ::contract::{Batch, Epoch, Event, HubId, Sequence, Stream, StreamSpan, message::Hello, sale, stock};
use hq::{
    Access, Ledger,
    api::{self, keys, scope::Scope, server},
    feed::Feed,
    publications::objects::Objects,
    webhooks::Reach,
};
use serde_json::{Value, json, value::to_raw_value};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};
use ureq::http::Method;

use crate::{postgres, world::LIMIT};

/// A ledger, the API over it on a port, and a client.
pub(crate) struct Hq {
    runtime: Runtime,
    ledger: Ledger,
    feed: Feed,
    /// The files of publications.
    objects: Objects,
    address: SocketAddr,
    agent: ureq::Agent,
    /// A key with every scope.
    key: String,
    _stop: watch::Sender<bool>,
    directory: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        (self.status, self.json()["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned())
    }
}

/// Runs a test on each engine.
pub(crate) fn on_each_engine(test: impl Fn(&Hq)) {
    let directory = || tempfile::tempdir().unwrap();
    let file = directory();
    let address = file.path().join("hq.db").display().to_string();
    test(&Hq::start(&address, file));
    if let Some(address) = postgres::database() {
        test(&Hq::start(&address, directory()));
    }
}

impl Hq {
    fn start(ledger: &str, directory: tempfile::TempDir) -> Self {
        let runtime = Runtime::new().unwrap();
        let (stop, stopped) = watch::channel(false);
        let objects = Objects::open(&directory.path().join("objects")).unwrap();
        let of_api = objects.clone();
        let (ledger, feed, address, key) = runtime.block_on(async {
            let ledger = Ledger::open(&ledger.parse().unwrap(), &Access::default()).await.unwrap();
            let feed = Feed::start(ledger.database().clone()).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = api::router(ledger.database().clone(), feed.clone(), Reach::Anywhere, Some(of_api));
            tokio::spawn(server::serve(listener, None, router, stopped));
            let key = keys::add(ledger.database(), "test", &Scope::ALL).await.unwrap();
            (ledger, feed, address, key)
        });
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT));
        let agent = config.build().new_agent();
        Self { runtime, ledger, feed, objects, address, agent, key, _stop: stop, directory }
    }

    /// A request with a key; `headers` besides.
    fn ask(&self, method: Method, path: &str, key: Option<&str>, headers: &[(&str, &str)], body: &str) -> Answer {
        let asked = method.to_string();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut answer = self.agent.run(request.body(body.to_owned()).unwrap()).unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer = Answer { status, headers, text: answer.body_mut().read_to_string().unwrap() };
        conformance::check(&asked, path, &answer);
        answer
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, Some(&self.key), &[], "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    fn refused(&self, path: &str) -> (u16, String) {
        self.ask(Method::GET, path, Some(&self.key), &[], "").problem()
    }

    /// A command under a key of its own, or a repeat.
    fn command(&self, method: Method, path: &str, idempotency_key: &str, body: &Value) -> Answer {
        let headers = [("idempotency-key", idempotency_key), ("content-type", "application/json")];
        self.ask(method, path, Some(&self.key), &headers, &body.to_string())
    }

    /// All pages of a list, of `limit` each.
    fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}limit={limit}{after}"));
            let items = page["items"].as_array().unwrap().clone();
            assert!(items.len() <= limit);
            all.extend(items);
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    fn apply(&self, batch: &Batch) {
        self.runtime.block_on(self.ledger.apply(batch)).unwrap();
    }

    /// A store sells.
    fn sell(&self, hub: &str, sales: RangeInclusive<u64>) {
        let events = sales.map(|sequence| sold(sequence, &json!({}))).collect();
        self.apply(&batch(hub, Stream::sales(), events));
    }

    fn hello(&self, hub: &str, spans: &[(Stream, u64)], at_ms: i64) {
        let span = |(stream, last): &(Stream, u64)| StreamSpan {
            stream: stream.clone(),
            first_kept: Sequence(1),
            last: Sequence(*last),
            known: None,
        };
        let hub: HubId = hub.parse().unwrap();
        let hello = Hello {
            hub: hub.clone(),
            epoch: Epoch(7),
            software: "1.2.3".into(),
            streams: spans.iter().map(span).collect(),
            connection: 1,
            stopped: None,
        };
        self.runtime.block_on(self.ledger.heard(&[(hub, (hello, at_ms))].into())).unwrap();
    }
}

fn batch(hub: &str, stream: Stream, events: Vec<Event>) -> Batch {
    Batch { hub: hub.parse().unwrap(), epoch: Epoch(7), stream, events, link: None }
}

/// A sale; `with` replaces members of its body.
fn sold(sequence: u64, with: &Value) -> Event {
    let mut body = json!({
        "sale": format!("7-{sequence}"), "reference": format!("basket-{sequence}"), "register": "till-1",
        "receipt": sequence, "fiscal_year": 2026, "business_day": "2026-11-24", "sold_at_ms": 1_000 + sequence,
        "currency": "USD",
        "lines": [
            { "number": 1, "sku": "818981", "gtin": "0400008189811", "on_file": true, "description": "Cereal, \"big\"",
                "quantity_milli": 2000, "unit": "each", "regular": 738,
                "discounts": [{ "reason": "card", "origin": "loyalty", "amount": 38 }], "net": 700 },
            { "number": 2, "on_file": false, "description": "Postcard\nÄ", "quantity_milli": 1000, "unit": "each",
                "regular": 50, "net": 50 }
        ],
        "tenders": [{ "kind": "cash", "amount": 1000 }],
        "totals": { "regular": 788, "discount": 38, "net": 750, "manufacturer_coupon": 0, "tendered": 1000,
            "change": 250 },
        "movement": sequence,
        "moved": [{ "sku": "818981", "quantity_milli": 2000, "unit": "each", "from": "on_hand" }]
    });
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    event(sequence, sale::COMPLETED.name(), &body)
}

fn received(sequence: u64, sku: &str) -> Event {
    let body = json!({
        "movement": 1_000 + sequence, "kind": "receipt", "reference": "notice-1", "at_ms": 1,
        "by": { "station": { "register": "till-1" } },
        "lines": [{ "sku": sku, "quantity_milli": 9000, "unit": "each", "to": "on_hand" }]
    });
    event(sequence, stock::MOVED.name(), &body)
}

fn event(sequence: u64, kind: &str, body: &Value) -> Event {
    let occurred_at_ms = 1_000 + i64::try_from(sequence).unwrap();
    Event { sequence: Sequence(sequence), kind: kind.into(), occurred_at_ms, body: to_raw_value(body).unwrap() }
}

/// Waits for something that another task does.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "{what}");
        // Slower than a key's rate.
        std::thread::sleep(Duration::from_millis(30));
    }
}
