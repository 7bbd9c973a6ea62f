//! The stock ledger through the API: what a sale takes, what may not run out, what is received, sent, counted, ordered.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, http::StatusCode};
use common::{Answer, ask, enter, open, open_as, open_on};
use hub::hub::{Hub, now_ms};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};
use store::{Depth, EngineKind, Name, NameName, Number, StoreError, Table};

/// A hub with a person and two registers, and items on file.
#[derive(Clone)]
struct Shop {
    hub: Arc<Hub>,
    router: Router,
    cookie: String,
    tills: [String; 2],
    keys: Arc<AtomicU64>,
}

const CEREAL: &str = "818981";
const BANANAS: &str = "4011";

impl Shop {
    async fn open(directory: &Path) -> Self {
        Self::enter(open(directory), directory).await
    }

    /// A shop of another name.
    async fn named(name: &str, directory: &Path) -> Self {
        Self::enter(open_as(directory, name, EngineKind::Sled, ""), directory).await
    }

    async fn enter((hub, router): (Arc<Hub>, Router), directory: &Path) -> Self {
        let (_, first) = enter(&router, directory, "till-1").await;
        let (cookie, second) = enter(&router, directory, "till-2").await;
        // Keys of a life that is over are not used again.
        let keys = Arc::new(AtomicU64::new(u64::try_from(now_ms()).unwrap() * 1000));
        let shop = Self { hub, router, cookie, tills: [first, second], keys };
        let items = json!({ "items": [
            { "sku": CEREAL, "gtin": "0400008189811", "description": "Cereal", "price": { "minor": 369, "per": "each" } },
            { "sku": BANANAS, "description": "Bananas", "price": { "minor": 199, "per": "kilogram" } },
        ] });
        shop.person("/api/v1/items", items).await.expect(StatusCode::OK);
        shop
    }

    fn key(&self) -> String {
        format!("key-{:016}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    async fn person(&self, path: &str, body: Value) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("idempotency-key", &self.key())];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    async fn till(&self, till: usize, path: &str, body: Value) -> Answer {
        self.till_with_key(till, path, &self.key(), body).await
    }

    async fn till_with_key(&self, till: usize, path: &str, key: &str, body: Value) -> Answer {
        let headers = [("authorization", self.tills[till].as_str()), ("idempotency-key", key)];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    async fn read(&self, path: &str) -> Value {
        let answer = ask(&self.router, "GET", path, &[("cookie", &self.cookie)], "").await;
        answer.expect(StatusCode::OK)
    }

    async fn read_at_till(&self, path: &str) -> Answer {
        ask(&self.router, "GET", path, &[("authorization", &self.tills[0])], "").await
    }

    /// What is there of an item: on_hand, reserved, in_transit, quarantined, damaged.
    async fn stock(&self, sku: &str) -> [i64; 5] {
        let positions = self.read(&format!("/api/v1/stock/positions/{sku}")).await;
        ["on_hand", "reserved", "in_transit", "quarantined", "damaged"]
            .map(|state| positions[0][state].as_i64().unwrap_or(0))
    }

    /// Goods arrive from a supplier.
    async fn receive(&self, sku: &str, quantity: Value) {
        let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": self.key(),
            "lines": [{ "sku": sku, "quantity": quantity }] });
        let id =
            self.person("/api/v1/stock/notices", announced.clone()).await.expect(StatusCode::CREATED)["id"].clone();
        let came = json!({ "lines": announced["lines"] });
        self.till(0, &format!("/api/v1/stock/notices/{id}/deliveries"), came).await.expect(StatusCode::OK);
        self.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    }

    async fn policy(&self, sku: &str, policy: Value) {
        self.person(&format!("/api/v1/stock/policies/{sku}"), policy).await.expect(StatusCode::OK);
    }

    async fn sell(&self, till: usize, lines: Value, reservations: &[u64]) -> Answer {
        let sale = json!({ "lines": lines, "tenders": [{ "tender": "cash", "amount": 100_000 }], "reservations": reservations });
        self.till(till, "/api/v1/sales", sale).await
    }

    /// The ledger adds up.
    fn adds_up(&self) {
        let checked = hub::maintenance::check(&self.hub.store, Depth::Whole).unwrap();
        assert_eq!(checked.faults, Vec::<String>::new());
    }
}

impl Answer {
    #[track_caller]
    fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn refused(self, status: u16, kind: &str) -> String {
        assert_eq!(self.body["type"], format!("/problems/{kind}"), "{}", self.body);
        assert_eq!(self.status.as_u16(), status);
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

fn pieces(count: i64) -> Value {
    json!({ "milli": count * 1000, "unit": "each" })
}

fn grams(milli: i64) -> Value {
    json!({ "milli": milli, "unit": "kilogram" })
}

#[allow(clippy::needless_pass_by_value)] // documents are put together from parts made in place
fn of(sku: &str, quantity: Value) -> Value {
    json!([{ "sku": sku, "quantity": quantity }])
}

#[tokio::test]
async fn a_sale_is_one_movement_once_and_what_is_not_on_file_moves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let sale = json!({
        "lines": [
            { "gtin": "0400008189811" },
            { "sku": BANANAS, "quantity": grams(745) },
            { "sku": CEREAL, "quantity": pieces(2) },
            { "sku": "no-such", "description": "Deposit", "keyed": { "amount": 25, "reason": "on the package" } },
            { "sku": BANANAS, "quantity": grams(0), "keyed": { "amount": 25, "reason": "bag" } }
        ],
        "tenders": [{ "tender": "cash", "amount": 10_000 }]
    });
    let mut sold = Value::Null;
    for _ in 0..2 {
        sold = shop.till_with_key(0, "/api/v1/sales", "sale-0001", sale.clone()).await.expect(StatusCode::OK);
    }
    let movements = shop.read("/api/v1/stock/movements").await;
    assert_eq!(movements.as_array().unwrap().len(), 1);
    assert_eq!(movements[0]["reference"], sold["sale"]);
    assert_eq!(
        movements[0]["lines"],
        json!([
            { "sku": BANANAS, "milli": 745, "unit": "kilogram", "from": "on_hand" },
            { "sku": CEREAL, "milli": 3000, "unit": "each", "from": "on_hand" }
        ])
    );
    assert_eq!((shop.stock(CEREAL).await[0], shop.stock(BANANAS).await[0]), (-3000, -745));
    assert_eq!(shop.read("/api/v1/stock/positions/no-such").await, json!([]));
    // A basket's voided line stays on the shelf.
    let basket = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
    for _ in 0..2 {
        shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
    }
    shop.till(0, &format!("{path}/lines/1/void"), json!({})).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 369 })).await.expect(StatusCode::OK);
    shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await[0], -4000);
    let page = shop.read("/api/v1/stock/positions?limit=1").await;
    assert_eq!(page[0]["sku"], BANANAS);
    assert_eq!(shop.read("/api/v1/stock/positions?limit=1&after=4011").await[0]["sku"], CEREAL);
    shop.adds_up();
}

#[tokio::test]
async fn what_may_not_go_below_zero_sells_to_the_last_piece_and_promises_keep_the_safety_stock() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero", "safety_stock": pieces(2) })).await;
    shop.receive(CEREAL, pieces(3)).await;
    assert_eq!(shop.read("/api/v1/stock/positions/818981").await[0]["available_to_sell"], 1000);
    let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(2)) });
    let refused = shop.till(0, "/api/v1/stock/reservations", reserve).await.refused(422, "stock-insufficient");
    assert_eq!(refused, "item 818981: 2 asked, 1 available to sell; take less, or receive or count the item first");
    let refused = shop.sell(0, of(CEREAL, pieces(4)), &[]).await.refused(422, "stock-insufficient");
    assert!(refused.contains("4 asked, 3 on_hand"), "{refused}");
    shop.sell(0, of(CEREAL, pieces(3)), &[]).await.expect(StatusCode::OK);
    shop.sell(1, of(CEREAL, pieces(1)), &[]).await.refused(422, "stock-insufficient");
    assert_eq!(shop.stock(CEREAL).await, [0; 5]);
    // A refusal leaves no gap: receipts go on from there.
    shop.policy(CEREAL, json!({ "rule": "below_zero" })).await;
    assert_eq!(shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK)["receipt"], 2);
    shop.policy(CEREAL, json!({ "rule": "untracked" })).await;
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await[0], -1000);
    let reserve = json!({ "reference": "order-8", "lines": of(CEREAL, pieces(1)) });
    shop.till(0, "/api/v1/stock/reservations", reserve).await.refused(422, "stock-insufficient");
    shop.adds_up();
}

#[tokio::test]
async fn a_basket_holds_what_may_run_out_from_its_first_tender_on() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(1)).await;
    let mut paths = Vec::new();
    for till in 0..2 {
        let basket = shop.till(till, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
        shop.till(till, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        shop.till(till, &format!("{path}/lines"), json!({ "sku": BANANAS, "quantity": grams(500) }))
            .await
            .expect(StatusCode::OK);
        paths.push(path);
    }
    let tender = json!({ "tender": "cash", "amount": 100 });
    shop.till(0, &format!("{}/tenders", paths[0]), tender.clone()).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, [0, 1000, 0, 0, 0]);
    shop.till(1, &format!("{}/tenders", paths[1]), tender).await.refused(422, "stock-insufficient");
    let hold = shop.read("/api/v1/stock/reservations").await[0].clone();
    assert_eq!((&hold["hold"], &hold["state"]), (&json!(true), &json!("in_basket")));
    let release = format!("/api/v1/stock/reservations/{}/release", hold["id"]);
    shop.person(&release, json!({})).await.refused(422, "reservation-in-basket");
    // Whatever is decided meanwhile, what is partly paid is sold.
    shop.policy(BANANAS, json!({ "rule": "to_zero" })).await;
    shop.till(0, &format!("{}/tenders", paths[0]), json!({ "tender": "cash", "amount": 1000 }))
        .await
        .expect(StatusCode::OK);
    shop.till(0, &format!("{}/complete", paths[0]), json!({})).await.expect(StatusCode::OK);
    assert_eq!((shop.stock(CEREAL).await, shop.stock(BANANAS).await[0]), ([0; 5], -500));
    shop.till(1, &format!("{}/abandon", paths[1]), json!({})).await.expect(StatusCode::OK);
    shop.adds_up();
}

#[tokio::test]
async fn a_reservation_is_sold_by_the_one_basket_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(4)).await;
    let reserve = async |count: i64| {
        let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(count)) });
        let reserved = shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED);
        reserved["id"].as_u64().unwrap()
    };
    let id = reserve(3).await;
    assert_eq!(shop.stock(CEREAL).await, [1000, 3000, 0, 0, 0]);
    let named = json!({ "reservations": [id] });
    let basket = shop.till(0, "/api/v1/baskets", named.clone()).await.expect(StatusCode::CREATED);
    shop.till(1, "/api/v1/baskets", named.clone()).await.refused(422, "reservation-in-basket");
    shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({}))
        .await
        .refused(422, "reservation-in-basket");
    shop.till(0, &format!("/api/v1/baskets/{}/abandon", basket["id"].as_str().unwrap()), json!({}))
        .await
        .expect(StatusCode::OK);
    // Two of the three are sold with it and one more piece that was not reserved would not be there: the third is free again.
    shop.sell(1, of(CEREAL, pieces(2)), &[id]).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, [2000, 0, 0, 0, 0]);
    assert_eq!(shop.read(&format!("/api/v1/stock/reservations/{id}")).await["state"], "sold");
    shop.till(0, "/api/v1/baskets", named).await.refused(422, "document-closed");
    let id = reserve(2).await;
    shop.sell(1, of(CEREAL, pieces(3)), &[id]).await.refused(422, "stock-insufficient");
    shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, [2000, 0, 0, 0, 0]);
    shop.till(0, "/api/v1/baskets", json!({ "reservations": [99] })).await.refused(404, "reservation-unknown");
    shop.adds_up();
}

/// A repeat needs its answer alone, also where the ledger behind it can't be read any more.
#[tokio::test]
async fn a_repeated_quantity_gets_its_first_answer_whatever_became_of_the_ledger() {
    static MOVEMENTS: Table<Number, u64> = Table::new("movement");
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(3)).await;
    let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await.expect(StatusCode::CREATED);
    let path = format!("/api/v1/stock/counts/{}/quantities", opened["id"]);
    let counted = json!({ "lines": of(CEREAL, pieces(3)) });
    let tell = async |key: &str| shop.till_with_key(0, &path, key, counted.clone()).await;
    let first = tell("count-0001").await.expect(StatusCode::OK);
    let damaged = shop.hub.store.commit(|transaction| transaction.put(&MOVEMENTS, 1, &7));
    damaged.await.unwrap();
    assert_eq!(tell("count-0001").await.expect(StatusCode::OK), first);
    tell("count-0002").await.expect(StatusCode::INTERNAL_SERVER_ERROR);
}

/// What is reserved stays reserved though nobody can read for whom: it is sold all the same.
#[tokio::test]
async fn a_damaged_reservation_refuses_nobody_the_last_piece() {
    static RESERVATIONS: Table<Number, u64> = Table::new("reservation");
    for by_basket in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let shop = Shop::open(directory.path()).await;
        shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
        shop.receive(CEREAL, pieces(1)).await;
        let damage = async |id: u64| {
            let damaged = shop.hub.store.commit(move |transaction| transaction.put(&RESERVATIONS, id, &7));
            damaged.await.unwrap();
        };
        if by_basket {
            // Held from the first tender on, then damaged; then the rest is paid.
            let basket = shop.till(0, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
            let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
            let cash = |amount: u64| json!({ "tender": "cash", "amount": amount });
            shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
            shop.till(0, &format!("{path}/tenders"), cash(100)).await.expect(StatusCode::OK);
            damage(shop.read("/api/v1/stock/reservations").await[0]["id"].as_u64().unwrap()).await;
            shop.till(0, &format!("{path}/tenders"), cash(1000)).await.expect(StatusCode::OK);
            shop.till(0, &format!("{path}/complete"), json!({})).await.expect(StatusCode::OK);
        } else {
            let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(1)) });
            let id =
                shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED)["id"].clone();
            damage(id.as_u64().unwrap()).await;
            shop.sell(1, of(CEREAL, pieces(1)), &[id.as_u64().unwrap()]).await.expect(StatusCode::OK);
        }
        assert_eq!(shop.stock(CEREAL).await[..2], [-1000, 1000], "for a person to put right");
        shop.sell(1, of(CEREAL, pieces(1)), &[]).await.refused(422, "stock-insufficient");
    }
}

#[tokio::test]
async fn a_person_gives_up_the_unpaid_basket_of_a_dead_register_once_and_it_is_audited() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.receive(CEREAL, pieces(2)).await;
    let reserve = json!({ "reference": "order-7", "lines": of(CEREAL, pieces(2)) });
    let id = shop.till(0, "/api/v1/stock/reservations", reserve).await.expect(StatusCode::CREATED)["id"].clone();
    let named = json!({ "reservations": [id] });
    let open = async || {
        let basket = shop.till(0, "/api/v1/baskets", named.clone()).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
        shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        path
    };
    let path = open().await;
    let abandon = format!("{path}/abandon");
    shop.till(1, &abandon, json!({})).await.refused(404, "basket-unknown");
    shop.person("/api/v1/baskets/b99/abandon", json!({})).await.refused(404, "basket-unknown");
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "abandon-1")];
    for _ in 0..2 {
        ask(&shop.router, "POST", &abandon, &headers, "{}").await.expect(StatusCode::OK);
    }
    shop.person(&abandon, json!({})).await.refused(422, "basket-not-open");
    shop.till(0, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.refused(422, "basket-not-open");
    let entries = async || {
        let entries = shop.read("/api/v1/audit?limit=100").await;
        let of_baskets = |entry: &&Value| entry["act"] == "basket_abandoned";
        entries.as_array().unwrap().iter().filter(of_baskets).cloned().collect::<Vec<_>>()
    };
    let audited = entries().await;
    assert_eq!(
        (audited.len(), &audited[0]["who"], &audited[0]["register"]),
        (1, &json!("(console)"), &json!("till-1"))
    );
    assert_eq!(format!("/api/v1/baskets/{}", audited[0]["basket"].as_str().unwrap()), path);

    // What was reserved is there for another basket. One with money in it is not given up, and nothing is noted.
    let path = open().await;
    shop.till(0, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 1 })).await.expect(StatusCode::OK);
    shop.person(&format!("{path}/abandon"), json!({})).await.refused(422, "basket-partly-paid");
    assert_eq!((entries().await.len(), shop.stock(CEREAL).await), (1, [0, 2000, 0, 0, 0]));
    shop.adds_up();
}

#[tokio::test]
async fn goods_come_in_parts_and_what_differs_stays_on_record() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let announced =
        json!({ "source": "supplier", "supplier": "Dairy", "order": "4711", "lines": of(CEREAL, pieces(10)) });
    shop.till(0, "/api/v1/stock/notices", announced.clone()).await.refused(403, "forbidden");
    let id = shop.person("/api/v1/stock/notices", announced).await.expect(StatusCode::CREATED)["id"].clone();
    let deliveries = format!("/api/v1/stock/notices/{id}/deliveries");
    let first = json!({ "lines": [
        { "sku": CEREAL, "quantity": pieces(6) },
        { "sku": CEREAL, "quantity": pieces(1), "condition": "damaged" },
        { "sku": BANANAS, "quantity": grams(2500), "condition": "doubtful" }
    ] });
    for _ in 0..2 {
        shop.till_with_key(0, &deliveries, "delivery-1", first.clone()).await.expect(StatusCode::OK);
    }
    shop.till(1, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, [7000, 0, 0, 0, 1000]);
    assert_eq!(shop.stock(BANANAS).await, [0, 0, 0, 2500, 0]);
    let closed = shop.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(closed["deliveries"], 2);
    let line = |sku: &str| closed["lines"].as_array().unwrap().iter().find(|line| line["sku"] == sku).unwrap().clone();
    assert_eq!((&line(CEREAL)["announced"], &line(CEREAL)["good"]), (&json!(10_000), &json!(7000)));
    assert_eq!((&line(BANANAS)["announced"], &line(BANANAS)["doubtful"]), (&json!(0), &json!(2500)));
    shop.till(0, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.refused(422, "document-closed");

    // What came doubtful or broken goes its way.
    let note =
        |kind: &str, sku: &str, quantity: Value| json!({ "kind": kind, "reason": "seen", "lines": of(sku, quantity) });
    let path = "/api/v1/stock/movements";
    shop.till(0, path, note("clear", BANANAS, grams(2000))).await.refused(403, "forbidden");
    shop.person(path, note("clear", BANANAS, grams(2000))).await.expect(StatusCode::OK);
    shop.till(0, path, note("condemn", BANANAS, grams(500))).await.expect(StatusCode::OK);
    shop.person(path, note("write_off", BANANAS, grams(600))).await.refused(422, "stock-insufficient");
    shop.person(path, note("write_off", BANANAS, grams(500))).await.expect(StatusCode::OK);
    shop.till(0, path, note("damage", CEREAL, pieces(1))).await.expect(StatusCode::OK);
    shop.till(0, path, note("quarantine", CEREAL, pieces(2))).await.expect(StatusCode::OK);
    let back =
        json!({ "kind": "return", "condition": "doubtful", "reason": "receipt 7", "lines": of(CEREAL, pieces(1)) });
    shop.till(0, path, back).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await, [2000, 0, 0, 0, 0]);
    assert_eq!(shop.stock(CEREAL).await, [4000, 0, 0, 3000, 2000]);
    shop.adds_up();
}

#[tokio::test]
async fn an_order_is_entered_once_and_a_delivery_note_booked_once() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let notices = "/api/v1/stock/notices";
    let announced = |supplier: &str, order: &str| {
        let lines = of(CEREAL, pieces(10));
        json!({ "source": "supplier", "supplier": supplier, "order": order, "lines": lines })
    };
    let id = shop.person(notices, announced("Dairy", "PO 7")).await.expect(StatusCode::CREATED)["id"].clone();
    for again in [announced("Dairy", "PO 7"), announced(" dairy ", "po  7")] {
        let known = shop.person(notices, again).await.refused(409, "order-known");
        assert!(known.ends_with(&format!("was entered before, as notice {id}; receive against that")), "{known}");
    }
    shop.person(notices, announced("Dairy", "PO 8")).await.expect(StatusCode::CREATED);
    shop.person(notices, announced("Mill", "PO 7")).await.expect(StatusCode::CREATED);

    let deliveries = format!("{notices}/{id}/deliveries");
    let delivery = |note: &str, count: i64| json!({ "delivery_note": note, "lines": of(CEREAL, pieces(count)) });
    let received = shop.till(0, &deliveries, delivery("DN 1", 7)).await.expect(StatusCode::OK);
    assert_eq!(received["beyond"], json!([]));
    let known = shop.till(1, &deliveries, delivery("dn 1", 7)).await.refused(409, "delivery-known");
    let booked =
        format!("delivery note DN 1 was booked before, as movement {}; nothing was booked now", received["movement"]);
    assert_eq!((known, shop.stock(CEREAL).await[0]), (booked, 7000));
    let more = shop.till(1, &deliveries, delivery("DN 2", 5)).await.expect(StatusCode::OK);
    assert_eq!(more["beyond"], json!([{ "sku": CEREAL, "milli": 2000, "unit": "each" }]));
    let unnamed = shop.till(1, &deliveries, json!({ "lines": of(CEREAL, pieces(1)) })).await.expect(StatusCode::OK);
    assert_eq!(unnamed["beyond"][0]["milli"], 1000);
    shop.till(1, &deliveries, delivery(" ", 1)).await.refused(422, "bad-text");
    let notice = shop.read(&format!("{notices}/{id}")).await;
    assert_eq!((&notice["deliveries"], &notice["notes"][1]["note"]), (&json!(3), &json!("DN 2")));
    assert_eq!(shop.stock(CEREAL).await[0], 13_000);

    // Closed too early: the rest comes against another notice, which takes the order's place.
    shop.person(&format!("{notices}/{id}/close"), json!({})).await.expect(StatusCode::OK);
    shop.person(&format!("{notices}/{id}/reopen"), json!({})).await.refused(422, "notice-not-reopened");
    let late = shop.person(notices, announced("dairy", "po 7")).await.expect(StatusCode::CREATED)["id"].clone();
    shop.till(0, &format!("{notices}/{late}/deliveries"), delivery("DN 3", 1)).await.expect(StatusCode::OK);
    let known = shop.person(notices, announced("Dairy", "PO 7")).await.refused(409, "order-known");
    assert!(known.contains(&format!("as notice {late};")), "{known}");
    shop.adds_up();
}

#[tokio::test]
async fn an_order_that_was_open_at_the_upgrade_is_not_entered_again() {
    static ORDERS: Table<NameName, u64> = Table::new("supplier_order");
    static KNOWN_FROM: Table<Name, u64> = Table::new("notice_known_from");
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let enter = async |order: &str| {
        let lines = of(CEREAL, pieces(10));
        let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": order, "lines": lines });
        shop.person("/api/v1/stock/notices", announced).await
    };
    enter("PO 7").await.expect(StatusCode::CREATED);
    // As a hub of before leaves it.
    let forget = shop.hub.store.commit(|transaction| {
        transaction.delete(&ORDERS, ("dairy", "po 7"));
        transaction.delete(&KNOWN_FROM, "notice");
        Ok::<_, StoreError>(())
    });
    forget.await.unwrap();
    enter("PO 7").await.refused(409, "order-known");
    enter("PO 8").await.expect(StatusCode::CREATED);
    enter("PO 7").await.refused(409, "order-known");
    shop.adds_up();
}

#[tokio::test]
async fn a_transfer_that_was_closed_too_early_is_reopened_and_received_to_the_end() {
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
    assert!(
        known.contains(&format!(
            "as notice {id}, which is closed; if more came, reopen that (`POST {}`)",
            command("reopen")
        )),
        "{known}"
    );

    // A repeat gets the first answer, also when it is closed again.
    let headers = [("cookie", shop.cookie.as_str()), ("idempotency-key", "reopening-1")];
    let reopen = async || ask(&shop.router, "POST", &command("reopen"), &headers, "{}").await.expect(StatusCode::OK);
    let reopened = reopen().await;
    assert_eq!((&reopened["deliveries"], &reopened["closed_at_ms"]), (&json!(1), &Value::Null));
    shop.till(0, &command("deliveries"), delivery(2)).await.expect(StatusCode::OK);
    shop.person(&command("close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(reopen().await, reopened);
    let notice = shop.read(&format!("{notices}/{id}")).await;
    assert_eq!((&notice["lines"][0]["good"], notice["closed_at_ms"].is_null()), (&json!(5000), false));
    assert_eq!(shop.stock(CEREAL).await[0], 5000);
    shop.person(&format!("{notices}/{}/reopen", 99), json!({})).await.refused(404, "notice-unknown");
    shop.adds_up();

    // Forgotten in its time, it is still known.
    let number = id.as_u64().unwrap();
    shop.hub
        .store
        .commit(move |transaction| {
            transaction.delete(&NOTICES, number);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let known = shop.person(notices, announced).await.refused(409, "transfer-known");
    assert!(
        known.ends_with(
            "which was received and closed long ago; if goods came that are not in the books, count their items"
        ),
        "{known}"
    );
}

#[tokio::test]
async fn a_transfer_is_sent_by_one_store_and_entered_by_the_other() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (sender, receiver) = (Shop::open(here.path()).await, Shop::named("store-2", there.path()).await);
    sender.receive(CEREAL, pieces(12)).await;
    let dispatch = json!({ "to": "store-2", "lines": of(CEREAL, pieces(10)) });
    let sent = sender.person("/api/v1/stock/transfers", dispatch).await.expect(StatusCode::CREATED);
    assert_eq!(sender.stock(CEREAL).await, [2000, 0, 10_000, 0, 0]);
    let notice = sender.read(&format!("/api/v1/stock/transfers/{}/notice", sent["id"])).await;
    let entered = receiver.person("/api/v1/stock/notices", notice.clone()).await.expect(StatusCode::CREATED);
    receiver.person("/api/v1/stock/notices", notice.clone()).await.refused(409, "transfer-known");
    let came = json!({ "lines": of(CEREAL, pieces(9)) });
    let deliveries = format!("/api/v1/stock/notices/{}/deliveries", entered["id"]);
    receiver.till(0, &deliveries, came.clone()).await.expect(StatusCode::OK);
    assert_eq!(receiver.stock(CEREAL).await[0], 9000);
    assert_eq!(receiver.read("/api/v1/stock/movements").await[0]["kind"], "transfer_in");
    let arrival = format!("/api/v1/stock/transfers/{}/arrival", sent["id"]);
    let other = json!({ "lines": of(BANANAS, grams(1)) });
    sender.person(&arrival, other).await.refused(422, "item-not-in-document");
    let arrived = sender.person(&arrival, came.clone()).await.expect(StatusCode::OK);
    assert_eq!((&arrived["lines"][0]["sent"], &arrived["lines"][0]["arrived"]), (&json!(10_000), &json!(9000)));
    sender.person(&arrival, came).await.refused(422, "document-closed");
    assert_eq!(sender.stock(CEREAL).await, [2000, 0, 0, 0, 0]);
    let movements = sender.read("/api/v1/stock/movements?limit=2").await;
    assert_eq!((&movements[0]["kind"], &movements[0]["lines"][0]["milli"]), (&json!("shortfall"), &json!(1000)));
    assert_eq!((&movements[1]["kind"], &movements[1]["lines"][0]["milli"]), (&json!("arrival"), &json!(9000)));
    // The movements of both stores refer to it in the same way.
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
async fn a_transfer_is_entered_where_it_goes_to_and_by_its_one_name_alone() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::named("store-2", directory.path()).await;
    let (transfers, notices) = ("/api/v1/stock/transfers", "/api/v1/stock/notices");
    shop.receive(CEREAL, pieces(5)).await;
    let dispatch = |to: &str| json!({ "to": to, "lines": of(CEREAL, pieces(1)) });
    let refused = shop.person(transfers, dispatch("store-2")).await.refused(422, "transfer-to-itself");
    assert_eq!(refused, "store-2 is this store; a transfer goes from one store to another");
    for wrong in ["", "store 3", "store-3 ", "store/3"] {
        shop.person(transfers, dispatch(wrong)).await.refused(400, "bad-request");
    }
    assert_eq!(shop.stock(CEREAL).await, [5000, 0, 0, 0, 0]);

    let notice = |store: &str, transfer: &str, to: &str| {
        let lines = of(CEREAL, pieces(1));
        json!({ "source": "store", "store": store, "transfer": transfer, "to": to, "lines": lines })
    };
    let refused = shop.person(notices, notice("store-1", "7-4", "store-3")).await.refused(422, "transfer-not-for-here");
    assert_eq!(refused, "the transfer goes to store-3, and this is store-2; enter it there");
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

/// The clock moves on: a moment that was noted is over.
fn next_millisecond() -> i64 {
    let moment = now_ms();
    while now_ms() <= moment {
        std::thread::yield_now();
    }
    moment
}

#[tokio::test]
async fn a_count_is_blind_and_right_while_selling_goes_on() {
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

    // The shelf has 8 pieces, two fewer than the books. They are counted, then three are sold, then the hub is told.
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

    // Nor does any refusal tell a register. A person hears it.
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
        let blind = "item 818981: 200 asked, and not so much is there; how much there is can't be said while it is being counted";
        assert_eq!(detail, blind);
    }
    shop.till(0, &format!("{basket}/abandon"), json!({})).await.expect(StatusCode::OK);
    let told = shop.person("/api/v1/stock/reservations", order).await.refused(422, "stock-insufficient");
    assert!(told.contains("6 available to sell"), "{told}");
    let told = shop.person("/api/v1/stock/movements", note("damage")).await.refused(422, "stock-insufficient");
    assert!(told.contains("7 on_hand"), "{told}");

    let variances = shop.read(&format!("{path}/variances")).await;
    let numbers =
        |index: usize| ["counted", "expected", "variance"].map(|field| variances[index][field].as_i64().unwrap());
    assert_eq!((numbers(0), numbers(1)), ([8000, 10_000, -2000], [8125, 8000, 125]));

    // Two more are sold before a person decides.
    shop.sell(1, of(CEREAL, pieces(2)), &[]).await.expect(StatusCode::OK);
    let decide = |sku: &str, decision: &str, variance: i64| json!({ "lines": [{ "sku": sku, "decision": decision, "variance": variance }] });
    shop.till(0, &format!("{path}/decisions"), decide(CEREAL, "approved", -2000)).await.refused(403, "forbidden");
    shop.person(&format!("{path}/decisions"), decide(CEREAL, "approved", -2000)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await[0], 3000, "eight were there, five are sold");
    shop.person(&format!("{path}/decisions"), decide(BANANAS, "rejected", 125)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await[0], 8000);
    let late = json!({ "lines": [{ "sku": BANANAS, "quantity": grams(7900), "counted_at_ms": now_ms() + 3_600_000 }] });
    shop.till(0, &format!("{path}/quantities"), late).await.refused(422, "moment-out-of-range");
    shop.till(0, &format!("{path}/quantities"), json!({ "lines": of(BANANAS, pieces(7)) }))
        .await
        .refused(422, "wrong-unit");
    shop.till(0, &format!("{path}/quantities"), json!({ "lines": of(BANANAS, grams(7900)) }))
        .await
        .expect(StatusCode::OK);
    shop.person(&format!("{path}/decisions"), decide(BANANAS, "approved", -100)).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(BANANAS).await[0], 7900);
    assert!(shop.read(&path).await["closed_at_ms"].is_i64(), "the last approval closes it");
    let told = shop.sell(0, of(CEREAL, pieces(4)), &[]).await.refused(422, "stock-insufficient");
    assert!(told.contains("4 asked, 3 on_hand"), "{told}");
    shop.person("/api/v1/stock/counts", json!({ "skus": [CEREAL] })).await.expect(StatusCode::CREATED);
    shop.adds_up();
}

#[tokio::test]
async fn a_variance_that_nobody_has_seen_is_not_decided() {
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

    // Another counts between reading and deciding.
    tally(1, CEREAL, pieces(100)).await;
    let decisions = format!("{count}/decisions");
    let detail = shop.person(&decisions, decided.clone()).await.refused(409, "stock-recounted");
    assert!(detail.contains("its variance is -100 now, not -1"), "{detail}");
    assert_eq!((shop.stock(CEREAL).await[0], shop.stock(BANANAS).await[0]), (200_000, 8000), "neither of them");
    let blind = json!({ "lines": [{ "sku": CEREAL, "decision": "approved" }] });
    shop.person(&decisions, blind).await.refused(400, "bad-request");

    // Counted again, and the same came of it: that is what was seen.
    tally(1, CEREAL, pieces(199)).await;
    shop.person(&decisions, decided).await.expect(StatusCode::OK);
    assert_eq!((shop.stock(CEREAL).await[0], shop.stock(BANANAS).await[0]), (199_000, 7500));
    shop.adds_up();
}

#[tokio::test]
async fn whoever_decides_a_count_sees_what_lies_in_open_baskets() {
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
    // What is held for a basket is not on_hand any more.
    shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
    shop.till(1, &format!("{}/tenders", paths[1].1), cash).await.expect(StatusCode::OK);
    assert_eq!(seen().await[0], [-2000, 2000, 1000], "what lay there when it was counted is not forgotten");
}

/// What customers do around a count.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Pieces go from the shelf into a basket.
    Take(i64),
    /// A basket is paid.
    Pay(usize),
    /// What is in a basket goes back to the shelf.
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

/// Plays steps with what is on the shelf and in baskets; the books hear of what is taken when it is paid.
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
                let cash = json!({ "tender": "cash", "amount": 100_000 });
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
    fn what_is_amiss_is_the_variance_and_what_lay_in_baskets_however_customers_shop_around_a_count(
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
async fn an_item_whose_unit_changed_is_counted_out_by_the_old_one_and_its_policy_asks_to_be_set_again() {
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
    assert_eq!(shop.stock(CEREAL).await, [0; 5], "counted out");

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
async fn decisions_and_policies_are_in_the_audit_trail_once_and_refused_ones_are_not() {
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
    let parts = |at: usize| ["act", "who", "count", "lines", "policy"].map(|field| entries[at][field].clone());
    assert_eq!(
        parts(0),
        [
            json!("count_decided"),
            json!("(console)"),
            opened["id"].clone(),
            decided(-1000)["lines"].clone(),
            Value::Null
        ]
    );
    let policy = json!({ "sku": CEREAL, "unit": "each", "rule": "to_zero", "safety_stock": 2000,
        "lead_time_days": 0, "cover_days": 0, "pack": 1000 });
    assert_eq!(parts(1), [json!("policy_set"), json!("(console)"), Value::Null, Value::Null, policy]);
    let all = shop.read("/api/v1/audit?limit=100").await;
    let of_stock = |entry: &&Value| entry["act"] == "count_decided" || entry["act"] == "policy_set";
    assert_eq!(all.as_array().unwrap().iter().filter(of_stock).count(), 2);
    shop.adds_up();
}

#[tokio::test]
async fn what_sells_and_runs_low_is_to_be_ordered_in_packs() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(40)).await;
    let policy = json!({ "rule": "below_zero", "safety_stock": pieces(2), "lead_time_days": 7, "cover_days": 14, "pack": pieces(6) });
    shop.policy(CEREAL, policy).await;
    shop.sell(0, of(CEREAL, pieces(30)), &[]).await.expect(StatusCode::OK);
    let back = json!({ "kind": "return", "reason": "receipt 1", "lines": of(CEREAL, pieces(2)) });
    shop.till(0, "/api/v1/stock/movements", back).await.expect(StatusCode::OK);
    // 28 in 28 days: seven over the lead time and two for safety are nine; twelve are there.
    assert_eq!(shop.read("/api/v1/stock/reorder").await, json!([]));
    shop.sell(0, of(CEREAL, pieces(4)), &[]).await.expect(StatusCode::OK);
    // 32 in 28 days: eight and two are ten; eight are there; sixteen more for two weeks; 18 are three packs.
    let expected = json!([{ "sku": CEREAL, "unit": "each", "on_hand": 8000, "announced": 0,
        "demand_28_days": 32_000, "reorder_point": 10_000, "order": 18_000 }]);
    assert_eq!(shop.read("/api/v1/stock/reorder").await, expected);
    assert_eq!(shop.read("/api/v1/stock/reorder?after=818981").await, json!([]));
    let announced =
        json!({ "source": "supplier", "supplier": "Dairy", "order": "4712", "lines": of(CEREAL, pieces(18)) });
    let id = shop.person("/api/v1/stock/notices", announced).await.expect(StatusCode::CREATED)["id"].clone();
    assert_eq!(shop.read("/api/v1/stock/reorder").await, json!([]), "it is on its way");
    shop.person(&format!("/api/v1/stock/notices/{id}/close"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(shop.read("/api/v1/stock/reorder").await, expected, "it never came");
    let wrong = json!({ "rule": "to_zero", "pack": grams(500) });
    shop.person("/api/v1/stock/policies/818981", wrong).await.refused(422, "wrong-unit");
    let wrong = json!({ "rule": "to_zero", "pack": pieces(0) });
    shop.person("/api/v1/stock/policies/818981", wrong).await.refused(422, "out-of-range");
    shop.till(0, "/api/v1/stock/policies/818981", json!({ "rule": "to_zero" })).await.refused(403, "forbidden");
    shop.adds_up();
}

#[tokio::test]
async fn a_restored_hub_has_its_opening_in_the_outbox_before_it_serves() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(3)).await;
    shop.sell(0, of(CEREAL, pieces(1)), &[]).await.expect(StatusCode::OK);
    for stream in ["sales", "stock"] {
        shop.hub.store.acknowledge_outbox(stream, 1).await.unwrap();
    }
    let mut backup = Vec::new();
    shop.hub.store.backup(&mut backup).unwrap();
    let directory = tempfile::tempdir().unwrap();
    store::restore(&directory.path().join("data"), EngineKind::Sled, &backup[..], 7).unwrap();
    let (hub, _) = open(directory.path());
    let entries = hub.store.outbox("stock", 2, 10).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["stock.opened"]);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// How somebody wants a piece.
#[derive(Clone, Copy, Debug)]
enum Want {
    /// In the hand, at a till.
    Sale,
    /// On the telephone.
    Reservation,
    /// In a basket that is being paid.
    Tender,
}

impl Want {
    async fn get(self, shop: Shop, till: usize) -> bool {
        let answer = match self {
            Self::Sale => shop.sell(till, of(CEREAL, pieces(1)), &[]).await,
            Self::Reservation => {
                let order = json!({ "reference": "order", "lines": of(CEREAL, pieces(1)) });
                shop.till(till, "/api/v1/stock/reservations", order).await
            }
            Self::Tender => {
                let basket = shop.till(till, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
                let path = format!("/api/v1/baskets/{}", basket["id"].as_str().unwrap());
                shop.till(till, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
                shop.till(till, &format!("{path}/tenders"), json!({ "tender": "cash", "amount": 369 })).await
            }
        };
        if !answer.status.is_success() {
            answer.refused(422, "stock-insufficient");
            return false;
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_last_pieces_go_to_as_many_as_there_are_whoever_asks_at_once(
        there in 1_usize..4,
        wants in vec(prop_oneof![Just(Want::Sale), Just(Want::Reservation), Just(Want::Tender)], 2..10)
    ) {
        for engine in EngineKind::ALL {
            let won = runtime().block_on(async {
                let directory = tempfile::tempdir().unwrap();
                let shop = Shop::enter(open_on(directory.path(), engine), directory.path()).await;
                shop.policy(CEREAL, json!({ "rule": "to_zero" })).await;
                shop.receive(CEREAL, pieces(i64::try_from(there).unwrap())).await;
                let asking = wants.iter().enumerate().map(|(index, want)| tokio::spawn(want.get(shop.clone(), index % 2)));
                let mut won = 0;
                for asked in asking.collect::<Vec<_>>() {
                    won += usize::from(asked.await.unwrap());
                }
                shop.adds_up();
                assert_eq!(shop.stock(CEREAL).await[0], i64::try_from(there.saturating_sub(wants.len())).unwrap() * 1000);
                won
            });
            prop_assert_eq!(won, there.min(wants.len()), "{}", engine);
        }
    }
}

/// What people do in a random history. Items are 0 (may go below zero) and 1 (may not).
#[derive(Clone, Debug)]
enum Act {
    Sell { item: usize, count: i64, reservation: Option<Index> },
    Reserve { item: usize, count: i64 },
    Release(Index),
    Deliver { item: usize, count: i64, condition: usize },
    Note { kind: usize, item: usize, count: i64 },
    Dispatch { item: usize, count: i64 },
    Arrive { transfer: Index, count: i64 },
    Count { item: usize, found: i64, sold: i64, approved: bool },
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let (item, count) = (|| 0..2_usize, || 1_i64..5);
    prop_oneof![
        4 => (item(), count(), any::<Option<Index>>()).prop_map(|(item, count, reservation)| Act::Sell { item, count, reservation }),
        3 => (item(), count()).prop_map(|(item, count)| Act::Reserve { item, count }),
        2 => any::<Index>().prop_map(Act::Release),
        4 => (item(), count(), 0..3_usize).prop_map(|(item, count, condition)| Act::Deliver { item, count, condition }),
        4 => (0..6_usize, item(), count()).prop_map(|(kind, item, count)| Act::Note { kind, item, count }),
        2 => (item(), count()).prop_map(|(item, count)| Act::Dispatch { item, count }),
        2 => (any::<Index>(), 0_i64..6).prop_map(|(transfer, count)| Act::Arrive { transfer, count }),
        2 => (item(), -2_i64..3, 0_i64..2, any::<bool>()).prop_map(|(item, found, sold, approved)| Act::Count { item, found, sold, approved }),
        1 => Just(Act::Restart),
    ]
}

const SKUS: [&str; 2] = ["lenient", "strict"];
const STATES: [&str; 5] = ["on_hand", "reserved", "in_transit", "quarantined", "damaged"];

/// The shop as one would keep it on paper.
#[derive(Default)]
struct Paper {
    /// Pieces by item and state.
    stock: [[i64; 5]; 2],
    /// What is reserved: the reservation, the item, the pieces.
    reserved: Vec<(u64, usize, i64)>,
    /// What is under way: the transfer, the item, the pieces.
    sent: Vec<(u64, usize, i64)>,
}

impl Paper {
    /// Whether pieces may leave a state, as a fact.
    fn may(&self, item: usize, state: usize, count: i64) -> bool {
        (state == 0 && item == 0) || self.stock[item][state] >= count
    }

    fn shift(&mut self, item: usize, count: i64, from: Option<usize>, to: Option<usize>) {
        if let Some(from) = from {
            self.stock[item][from] -= count;
        }
        if let Some(to) = to {
            self.stock[item][to] += count;
        }
    }
}

/// Does it in both worlds; they must agree on whether it may be done.
async fn act_out(shop: &Shop, paper: &mut Paper, act: Act, notice: u64) {
    let lines = |item: usize, count: i64| of(SKUS[item], pieces(count));
    let agree = |answer: &Answer, may: bool| {
        assert_eq!(answer.status.is_success(), may, "{}", answer.body);
        may
    };
    match act {
        Act::Sell { item, count, reservation } => {
            let place =
                reservation.filter(|_| !paper.reserved.is_empty()).map(|index| index.index(paper.reserved.len()));
            let named = place.map(|place| paper.reserved[place]);
            let aside = named.filter(|(_, of, _)| *of == item).map_or(0, |(_, _, aside)| aside.min(count));
            let ids: Vec<_> = named.iter().map(|(id, _, _)| *id).collect();
            let sold = shop.sell(0, lines(item, count), &ids).await;
            // What is reserved beyond the sale comes free with it, and of another item too.
            if agree(&sold, aside == count || paper.may(item, 0, count - aside)) {
                paper.shift(item, aside, Some(1), None);
                paper.shift(item, count - aside, Some(0), None);
                if let Some((_, of, all)) = named {
                    paper.shift(of, all - if of == item { aside } else { 0 }, Some(1), Some(0));
                }
                place.map(|place| paper.reserved.remove(place));
            }
        }
        Act::Reserve { item, count } => {
            let order = json!({ "reference": "order", "lines": lines(item, count) });
            let reserved = shop.till(0, "/api/v1/stock/reservations", order).await;
            if agree(&reserved, paper.stock[item][0] >= count) {
                paper.shift(item, count, Some(0), Some(1));
                paper.reserved.push((reserved.body["id"].as_u64().unwrap(), item, count));
            }
        }
        Act::Release(index) if !paper.reserved.is_empty() => {
            let (id, item, count) = paper.reserved.remove(index.index(paper.reserved.len()));
            let released = shop.person(&format!("/api/v1/stock/reservations/{id}/release"), json!({})).await;
            agree(&released, true);
            paper.shift(item, count, Some(1), Some(0));
        }
        Act::Deliver { item, count, condition } => {
            let (condition, state) = [("good", 0), ("doubtful", 3), ("damaged", 4)][condition];
            let line = json!({ "sku": SKUS[item], "quantity": pieces(count), "condition": condition });
            let path = format!("/api/v1/stock/notices/{notice}/deliveries");
            agree(&shop.till(1, &path, json!({ "lines": [line] })).await, true);
            paper.shift(item, count, None, Some(state));
        }
        Act::Note { kind, item, count } => {
            let (kind, from, to) = [
                ("return", None, Some(0)),
                ("damage", Some(0), Some(4)),
                ("condemn", Some(3), Some(4)),
                ("quarantine", Some(0), Some(3)),
                ("clear", Some(3), Some(0)),
                ("write_off", Some(4), None),
            ][kind];
            let note = json!({ "kind": kind, "reason": "seen", "lines": lines(item, count) });
            let noted = shop.person("/api/v1/stock/movements", note).await;
            if agree(&noted, from.is_none_or(|from| paper.may(item, from, count))) {
                paper.shift(item, count, from, to);
            }
        }
        Act::Dispatch { item, count } => {
            let sent =
                shop.person("/api/v1/stock/transfers", json!({ "to": "store-2", "lines": lines(item, count) })).await;
            if agree(&sent, paper.may(item, 0, count)) {
                paper.shift(item, count, Some(0), Some(2));
                paper.sent.push((sent.body["id"].as_u64().unwrap(), item, count));
            }
        }
        Act::Arrive { transfer, count } if !paper.sent.is_empty() => {
            let (id, item, sent) = paper.sent.remove(transfer.index(paper.sent.len()));
            let came = if count == 0 { json!([]) } else { lines(item, count) };
            let path = format!("/api/v1/stock/transfers/{id}/arrival");
            agree(&shop.person(&path, json!({ "lines": came })).await, true);
            paper.shift(item, sent, Some(2), None);
        }
        Act::Count { item, found, sold, approved } => {
            let counted = (paper.stock[item][0] + found).max(0);
            let variance = counted - paper.stock[item][0];
            let opened = shop.person("/api/v1/stock/counts", json!({ "skus": [SKUS[item]] })).await;
            let path = format!("/api/v1/stock/counts/{}", opened.expect(StatusCode::CREATED)["id"]);
            let moment = next_millisecond();
            if sold > 0 && agree(&shop.sell(1, lines(item, sold), &[]).await, paper.may(item, 0, sold)) {
                paper.shift(item, sold, Some(0), None);
            }
            let line = json!({ "sku": SKUS[item], "quantity": pieces(counted), "counted_at_ms": moment });
            agree(&shop.till(0, &format!("{path}/quantities"), json!({ "lines": [line] })).await, true);
            let decision = if approved { "approved" } else { "rejected" };
            let decided =
                json!({ "lines": [{ "sku": SKUS[item], "decision": decision, "variance": variance * 1000 }] });
            let decided = shop.person(&format!("{path}/decisions"), decided).await;
            let may = !approved || variance >= 0 || paper.may(item, 0, -variance);
            if agree(&decided, may) && approved {
                paper.stock[item][0] += variance;
            }
            if !(may && approved) {
                agree(&shop.person(&format!("{path}/close"), json!({})).await, true);
            }
        }
        Act::Release(_) | Act::Arrive { .. } | Act::Restart => {}
    }
}

/// A shop's lives: between two of them its hub is stopped.
fn live(engine: EngineKind, acts: &[Act]) {
    let directory = tempfile::tempdir().unwrap();
    let (mut paper, mut notice) = (Paper::default(), 0);
    for life in acts.split(|act| matches!(act, Act::Restart)) {
        let runtime = runtime();
        runtime.block_on(async {
            let shop = Shop::enter(open_on(directory.path(), engine), directory.path()).await;
            if notice == 0 {
                let item =
                    |sku: &str| json!({ "sku": sku, "description": "Item", "price": { "minor": 100, "per": "each" } });
                let items = json!({ "items": SKUS.map(item) });
                shop.person("/api/v1/items", items).await.expect(StatusCode::OK);
                shop.policy(SKUS[1], json!({ "rule": "to_zero" })).await;
                let source =
                    json!({ "source": "supplier", "supplier": "Dairy", "order": "1", "lines": of(SKUS[0], pieces(9)) });
                let entered = shop.person("/api/v1/stock/notices", source).await.expect(StatusCode::CREATED);
                notice = entered["id"].as_u64().unwrap();
            }
            for act in life {
                act_out(&shop, &mut paper, act.clone(), notice).await;
            }
            for (item, sku) in SKUS.iter().enumerate() {
                let there = shop.stock(sku).await;
                assert_eq!(there, paper.stock[item].map(|count| count * 1000), "{sku}: {STATES:?}");
                assert!(there[1..].iter().all(|milli| *milli >= 0) && (item == 0 || there[0] >= 0));
            }
            shop.adds_up();
        });
        // Everything that still works in the hub ends here, and the store is closed.
        drop(runtime);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_history_ends_as_on_paper_over_restarts(acts in vec(act(), 1..40)) {
        for engine in EngineKind::ALL {
            live(engine, &acts);
        }
    }
}

#[tokio::test]
async fn what_a_person_decides_no_register_does() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    shop.receive(CEREAL, pieces(9)).await;
    let note = |kind: &str| json!({ "kind": kind, "reason": "seen", "lines": of(CEREAL, pieces(1)) });
    for kind in ["damage", "quarantine"] {
        shop.till(0, "/api/v1/stock/movements", note(kind)).await.expect(StatusCode::OK);
    }
    let lines = || of(CEREAL, pieces(1));
    let announced = json!({ "source": "supplier", "supplier": "Dairy", "order": "4711", "lines": lines() });
    let transferred =
        json!({ "source": "store", "store": "store-2", "transfer": "7-4", "to": "store-1", "lines": lines() });
    // Each is well-formed and can be done when its turn comes: the person after the register proves it.
    let commands = [
        ("notices", announced),
        ("notices/2/close", json!({})),
        ("notices", transferred),
        ("notices/3/close", json!({})),
        ("notices/3/reopen", json!({})),
        ("transfers", json!({ "to": "store-2", "lines": lines() })),
        ("transfers/1/arrival", json!({ "lines": lines() })),
        ("counts", json!({ "skus": [CEREAL] })),
        ("counts/1/close", json!({})),
        ("movements", note("write_off")),
        ("movements", note("clear")),
        ("policies/818981", json!({ "rule": "to_zero" })),
    ];
    let seen = async || {
        let mut seen = vec![shop.read("/api/v1/stock/positions").await];
        for list in ["notices", "transfers", "counts", "movements"] {
            seen.push(shop.read(&format!("/api/v1/stock/{list}")).await);
        }
        seen
    };
    for (path, body) in commands {
        let (path, before) = (format!("/api/v1/stock/{path}"), seen().await);
        shop.till(0, &path, body.clone()).await.refused(403, "forbidden");
        assert_eq!(seen().await, before, "{path}");
        let done = shop.person(&path, body).await;
        assert!(done.status.is_success(), "{path}: {}", done.body);
        assert_ne!(seen().await, before, "{path}");
    }
    for path in ["positions", "movements", "reorder"] {
        shop.read_at_till(&format!("/api/v1/stock/{path}")).await.refused(403, "forbidden");
    }
    shop.adds_up();
}

#[tokio::test]
async fn goods_that_are_not_the_stores_and_words_that_nobody_knows_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shop = Shop::open(directory.path()).await;
    let announced = |lines: Value| json!({ "source": "supplier", "supplier": "Mill", "order": "4711", "lines": lines });
    let notices = "/api/v1/stock/notices";
    shop.person(notices, announced(of("818982", pieces(1)))).await.refused(404, "item-unknown");
    shop.person(notices, announced(of(BANANAS, pieces(1)))).await.refused(422, "wrong-unit");
    for unknown in ["linse", "store", "transfer"] {
        let mut wrong = announced(of(CEREAL, pieces(1)));
        wrong[unknown] = json!("1");
        shop.person(notices, wrong).await.refused(400, "bad-request");
    }
    let id = shop.person(notices, announced(of(CEREAL, pieces(1)))).await.expect(StatusCode::CREATED)["id"].clone();
    let deliveries = format!("{notices}/{id}/deliveries");
    shop.till(0, &deliveries, json!({ "lines": of(CEREAL, grams(1000)) })).await.refused(422, "wrong-unit");
    let movements = "/api/v1/stock/movements";
    let note = |kind: &str, word: &str| json!({ "kind": kind, word: "damaged", "reason": "seen", "lines": of(CEREAL, pieces(1)) });
    shop.till(0, movements, note("return", "conditon")).await.refused(400, "bad-request");
    shop.till(0, movements, note("damage", "condition")).await.refused(400, "bad-request");
    shop.till(0, movements, note("return", "condition")).await.expect(StatusCode::OK);
    assert_eq!(shop.stock(CEREAL).await, [0, 0, 0, 0, 1000]);
}
