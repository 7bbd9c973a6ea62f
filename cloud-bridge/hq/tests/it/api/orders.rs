//! Orders, over HTTP, with a store at the other end of its queue; and the example of a web shop in `docs/`.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use ::commerce::{
    Station, Unit,
    order::{Amount, Change, Facts, Fulfilment, Policy, decide, offer},
    stock::{Sums, quota::Totals},
};
use ::contract::{
    DownAcknowledgement,
    down::Received,
    order::{ADVANCED, CANCELLED, OFFERED, OrderAdvanced},
    quota::{CHANGED, QuotaChanged, StoreTotals},
};
use hq::{
    Queues, now_ms,
    orders::{Profile, profile::Slots, stores, work},
};

use super::*;

const STORE: &str = "store-42";

/// A store that accepts what it is offered.
struct Store<'a> {
    hq: &'a Hq,
    received: Received,
    sequence: u64,
    parts: Vec<Fulfilment>,
}

impl<'a> Store<'a> {
    /// A store with pickup slots that grants 4 pieces of an item.
    fn open(hq: &'a Hq) -> Self {
        let slots = Some(Slots { minutes: 60, orders: 9 });
        let profile = Profile { slots, prepare_minutes: 1, ..Profile::new(STORE.parse().unwrap()) };
        hq.runtime.block_on(async {
            let mut transaction = hq.ledger.database().transaction().await.unwrap();
            stores::store(&mut transaction, &[profile], 1).await.unwrap();
            transaction.commit().await.unwrap();
        });
        hq.runtime.spawn(work::run(hq.ledger.database().clone()));
        hq.hello(STORE, &[], now_ms());
        let mut store = Self { hq, received: Received::default(), sequence: 0, parts: Vec::new() };
        let totals = Totals { epoch: 7, as_of_ms: now_ms(), granted: 4_000, ..Totals::default() };
        let quotas = vec![StoreTotals { sku: "818981".parse().unwrap(), unit: Unit::Each, totals, breached: 0 }];
        store.emit(CHANGED.name(), &serde_json::to_value(QuotaChanged { quotas }).unwrap());
        store
    }

    fn emit(&mut self, kind: &str, body: &Value) {
        self.sequence += 1;
        self.hq.apply(&batch(STORE, Stream::orders(), vec![event(self.sequence, kind, body)]));
    }

    fn advance(&mut self, place: usize, changes: Vec<Change>) {
        let changes: Vec<_> = changes.into_iter().filter(|change| !matches!(change, Change::Stock { .. })).collect();
        let part = &mut self.parts[place];
        for change in &changes {
            part.apply(change);
        }
        let (order, part) = (part.terms.order.clone(), part.part);
        let by = Station::Hub.into();
        let advanced = OrderAdvanced { order, part, at_ms: 1, by, changes, sale: None };
        self.emit(ADVANCED.name(), &serde_json::to_value(advanced).unwrap());
    }

    /// Takes what HQ has for it: accepts offers, and cancels what is not wanted. Gives how many items there were.
    fn exchange(&mut self) -> usize {
        let (queues, hub) = (Queues::of(&self.hq.ledger), STORE.parse().unwrap());
        let next = self.hq.runtime.block_on(queues.next(&hub, &Stream::orders())).unwrap();
        let Some(next) = next else { return 0 };
        let policy = Policy::default();
        for item in self.received.due(&next).to_vec() {
            if let Ok(offered) = OFFERED.read(&item) {
                let lines = &offered.order.lines;
                let amounts: Vec<_> =
                    lines.iter().map(|line| Amount { line: line.number, milli: line.quantity.milli() }).collect();
                let all: Sums = lines.iter().map(|line| (line.place(), 100_000)).collect();
                let facts = Facts { now_ms: offered.offered_at_ms, policy: &policy };
                let (part, changes) = offer(&offered.order, offered.part, &amounts, &all, facts).unwrap();
                self.parts.push(part);
                self.advance(self.parts.len() - 1, changes);
            } else if let Ok(cancelled) = CANCELLED.read(&item) {
                let place = self.parts.iter().position(|part| part.terms.order == cancelled.order).unwrap();
                let cancel = ::commerce::order::Command::Cancel { amounts: cancelled.amounts };
                let facts = Facts { now_ms: now_ms(), policy: &policy };
                let changes = decide(&self.parts[place], cancel, facts).unwrap();
                self.advance(place, changes);
            }
        }
        let count = next.items.len();
        self.received = self.received.after(&next, vec![]);
        let answer = DownAcknowledgement::new(hub, Epoch(7), Stream::orders(), self.received.clone());
        self.hq.runtime.block_on(queues.acknowledge(&answer)).unwrap();
        count
    }
}

fn order(id: &str, sku: &str, pieces: i64) -> Value {
    json!({
        "order": id, "kind": "pickup", "to": { "store": STORE }, "customer": { "name": "Ada Byron" },
        "currency": "EUR", "payment": { "by": "prepaid", "reference": "psp-1" }, "due_ms": now_ms() + 7_200_000,
        "lines": [{ "number": 1, "sku": sku, "description": "Cereal", "price": { "minor": 250, "per": "each" },
            "quantity": { "milli": 1000 * pieces, "unit": "each" } }]
    })
}

#[test]
fn an_order_is_placed_once_followed_explained_and_cancelled() {
    on_each_engine(|hq| {
        let mut store = Store::open(hq);
        let available = hq.get("/api/v1/availability?sku=818981");
        let available = &available["items"][0];
        assert_eq!((&available["store"], &available["available"]), (&json!(STORE), &json!(4_000)));
        assert!(available["as_of_ms"].as_i64().unwrap() > 1);
        assert_eq!(hq.all(&format!("/api/v1/availability?store={STORE}&"), 1).len(), 1);

        let body = order("web-1", "818981", 3);
        let place = |key: &str| hq.command(Method::POST, "/api/v1/orders", key, &body);
        let placed = place("key-000001");
        assert_eq!(placed.status, 201, "{placed:?}");
        assert_eq!(place("key-000002").json()["order"], "web-1", "by the shop's own id");
        assert_eq!(hq.get("/api/v1/availability?sku=818981")["items"][0]["available"], 1_000);
        until("the store has the offer", || (store.exchange() > 0).then_some(()));
        let accepted = || Some(hq.get("/api/v1/orders/web-1")).filter(|story| story["state"] == "accepted");
        let story = until("it is accepted", accepted);
        assert_eq!(story["parts"][0]["lines"][0]["units"], json!([{ "state": "accepted", "milli": 3_000 }]));
        let routing = hq.get("/api/v1/orders/web-1/routing");
        assert_eq!(routing["items"][0]["plan"]["parts"][0]["store"], STORE);
        assert_eq!(hq.all("/api/v1/orders?open=true&", 1).len(), 1);
        assert_eq!(hq.get("/api/v1/orders?late=true")["items"], json!([]));
        assert_eq!(hq.get("/api/v1/orders?store=store-1")["items"], json!([]));

        let command = |path: &str, key: &str, body: Value| hq.command(Method::POST, path, key, &body);
        assert_eq!(command("/api/v1/orders/web-1/arrive", "key-000003", json!({ "bay": "3" })).status, 200);
        let until_ms = now_ms() + 90_000_000;
        let changed = command("/api/v1/orders/web-1/change", "key-000004", json!({ "keep_until_ms": until_ms }));
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(command("/api/v1/orders/web-1/cancel", "key-000005", json!({})).status, 200);
        until("the store has cancelled it", || {
            store.exchange();
            Some(()).filter(|()| hq.get("/api/v1/orders/web-1")["is_over"] == true)
        });
        let refunds = hq.get("/api/v1/refunds");
        assert_eq!((&refunds["items"][0]["order"], &refunds["items"][0]["amount"]), (&json!("web-1"), &json!(750)));
        for key in ["key-000006", "key-000007"] {
            let done = command("/api/v1/refunds/web-1/1/done", key, json!({ "reference": "psp-r-1" }));
            assert_eq!(done.json()["refunded_by"], "psp-r-1");
        }
        assert_eq!(hq.get("/api/v1/refunds")["items"], json!([]));
        assert_eq!(hq.all("/api/v1/refunds?all=true&", 1).len(), 1);
        let kinds = "kinds=order.changed,refund.due&stores=hq";
        // The feed follows the commits.
        until("the feed has its states", || {
            let events = hq.get(&format!("/api/v1/events?{kinds}"));
            let states = events["items"].as_array().unwrap().iter().map(|event| &event["body"]["state"]);
            let states: Vec<_> = states.collect();
            Some(()).filter(|()| ["offered", "cancelled"].iter().all(|state| states.contains(&&json!(state))))
        });
    });
}

#[test]
fn a_refused_order_names_the_order_the_line_and_the_rule() {
    on_each_engine(|hq| {
        let _store = Store::open(hq);
        let place = |body: &Value| hq.command(Method::POST, "/api/v1/orders", "key-000001", body);
        let with = |name: &str, value: Value| {
            let mut body = order("web-1", "818981", 1);
            body[name] = value;
            body
        };
        let cases = [
            (order("web-1", "nothing", 1), (422, "item-unknown"), "unknown_item", Some(1)),
            (order("web-1", "818981", 5), (409, "not-available"), "no_stock", Some(1)),
            (with("due_ms", json!(1)), (422, "slot-past"), "past_slot", None),
            (with("to", json!({ "store": "nowhere" })), (422, "order-store-unknown"), "unknown_store", None),
            (with("customer", json!(null)), (422, "order-invalid"), "no_customer", None),
            (with("to", json!({ "zone": "NE1" })), (422, "order-invalid"), "destination", None),
        ];
        for (body, (status, kind), rule, line) in cases {
            let refused = place(&body);
            assert_eq!(refused.problem(), (status, kind.to_owned()));
            let problem = refused.json();
            assert_eq!((&problem["order"], &problem["rule"]), (&json!("web-1"), &json!(rule)));
            assert_eq!(problem["line"].as_u64(), line, "{problem}");
            assert!(problem["detail"].as_str().unwrap().starts_with("order web-1"), "{problem}");
        }
        for body in
            [json!({}), with("to", json!({ "store": "a b" })), with("order", json!("a b")), with("what", json!(1))]
        {
            assert_eq!(place(&body).problem(), (400, "bad-request".into()), "{body}");
        }
        assert_eq!(place(&order("web-1", "818981", 4)).status, 201);
        let again = hq.command(Method::POST, "/api/v1/orders", "key-000002", &order("web-1", "818981", 1));
        assert_eq!(again.problem(), (409, "order-id-reused".into()));
        for path in ["web-2", "web-2/routing"] {
            assert_eq!(hq.refused(&format!("/api/v1/orders/{path}")), (404, "order-unknown".into()));
        }
        assert_eq!(hq.refused("/api/v1/orders/a%20b"), (400, "bad-request".into()));
        let command = |path: &str, body: Value| hq.command(Method::POST, path, "key-000003", &body).problem();
        assert_eq!(command("/api/v1/orders/web-2/cancel", json!({})), (404, "order-unknown".into()));
        let amounts = json!({ "amounts": [{ "line": 1, "milli": 9_000 }] });
        assert_eq!(command("/api/v1/orders/web-1/cancel", amounts), (409, "order-too-late".into()));
        let reference = json!({ "reference": "x" });
        assert_eq!(command("/api/v1/refunds/web-1/1/done", reference), (404, "refund-unknown".into()));
        assert_eq!(hq.refused("/api/v1/stores/nowhere/slots"), (404, "store-not-loaded".into()));
        assert_eq!(hq.refused("/api/v1/availability"), (400, "bad-request".into()));
    });
}

/// `docs/web_shop.py` orders, is told of each state, cancels, and pays back.
#[test]
fn the_example_of_a_web_shop_orders_and_cancels() {
    on_each_engine(|hq| {
        let mut store = Store::open(hq);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/web_shop.py");
        let mut shop = Command::new("python3");
        shop.arg(script).args(["--url", &format!("http://{}", hq.address), "--key", &hq.key]);
        shop.args(["--order", "web-10234", "--store", STORE, "--sku", "818981", "--pieces", "2", "--cancel"]);
        let mut shop = shop.stdout(Stdio::piped()).spawn().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let out = BufReader::new(shop.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut lines: Vec<String> = Vec::new();
        until("the shop has been paid back", || {
            store.exchange();
            lines.extend(told.try_iter());
            lines.iter().any(|line| line.starts_with("paid back")).then_some(())
        });
        assert!(shop.wait().unwrap().success());
        assert!(lines[0].starts_with("4 available, as of "), "{lines:?}");
        let rest =
            ["placed web-10234: store-42", "offered", "accepted", "refund 500 EUR", "cancelled", "paid back 500"];
        assert_eq!(lines[1..], rest);
        assert_eq!(hq.get("/api/v1/refunds")["items"], json!([]));
    });
}
