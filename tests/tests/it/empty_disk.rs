//! What only HQ knows, over a real broker: a store that lost its disk goes on from the receipt numbers that HQ has, or
//! sells under a prefix if HQ is silent; its accepted orders come back; a register reads a receipt of another store, or
//! is told at once why not.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use system_tests::{
    program,
    register::Client,
    shared,
    shop::{Headquarters, Hub, LIMIT, Plan, Shop, free_port},
    skipped, until,
};
use ureq::{
    Body,
    http::{Method, Response},
};

/// A store of one register, and its hub.
struct Store {
    shop: Shop,
    hub: Hub,
    till: Client,
}

impl Store {
    fn open(directory: &Path, name: &str, headquarters: &Headquarters) -> Self {
        let directory = directory.join(name);
        let data = directory.join("data");
        let plan = Plan { engine: "sqlite", data: &data, registers: 1, headquarters: Some(headquarters.config()) };
        Self::start(Shop::named(name, &directory, &plan).unwrap())
    }

    fn start(shop: Shop) -> Self {
        let hub = shop.start(&[]).unwrap();
        let clients = shop.open().unwrap_or_else(|why| panic!("{why}\n{}", shop.log()));
        let till = clients.into_iter().next().unwrap();
        Self { shop, hub, till }
    }

    /// The disk is lost; the hub starts on an empty one, and is killed a few times while it does.
    fn lose_the_disk(mut self) -> Self {
        self.hub.kill();
        let data = self.shop.directory().join("data");
        fs::remove_dir_all(&data).unwrap();
        for pause_ms in [10, 60, 150] {
            let mut hub = self.shop.start(&[]).unwrap();
            thread::sleep(Duration::from_millis(pause_ms));
            hub.kill();
        }
        Self::start(self.shop)
    }

    /// Sells for cash; returns the prefix and the receipt number.
    fn sell(&self, key: &str) -> (Value, u64) {
        let line = json!({ "description": "Cereal", "keyed": { "amount": 369, "reason": "not on file" } });
        let sale = json!({ "lines": [line], "tenders": [{ "tender": "cash", "amount": 400 }] });
        let sold = self.till.command("/api/v1/sales", key, &sale.to_string(), || true);
        let sold = sold.unwrap_or_else(|why| panic!("{why:?}\n{}", self.shop.log()));
        (sold["receipt_prefix"].clone(), sold["receipt"].as_u64().unwrap())
    }

    fn status(&self) -> Value {
        self.till.get("/api/v1/status").unwrap()
    }

    fn receipt(&self, store: &str, receipt: u64) -> (u16, Value) {
        let path = format!("/api/v1/headquarters/stores/{store}/receipts/{receipt}?register=till-1");
        let reply = self.till.once(&Method::GET, &path, None, "").unwrap();
        (reply.status, reply.body)
    }
}

#[test]
fn a_store_without_its_disk_asks_hq_where_its_receipts_had_ended() {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let Ok(mut headquarters) = Headquarters::start(&path).inspect_err(|why| skipped(why)) else { return };
    let store = Store::open(&path, "store-1", &headquarters);
    for receipt in 1..=3 {
        assert_eq!(store.sell(&format!("first-{receipt:06}")), (Value::Null, receipt));
    }
    assert!(until(LIMIT, || headquarters.count() == 3), "HQ has the sales");

    let store = store.lose_the_disk();
    assert_eq!(store.sell("second-000001"), (Value::Null, 4), "{}", store.shop.log());
    assert_eq!(store.status()["receipt_numbers"], json!({ "source": "continued" }));
    assert!(until(LIMIT, || headquarters.count() == 4), "HQ has the sale");

    let other = Store::open(&path, "store-2", &headquarters);
    let answered = until(LIMIT, || other.receipt("store-1", 4).0 == 200);
    let (_, found) = other.receipt("store-1", 4);
    assert!(answered, "{found}");
    assert_eq!((found[0]["receipt"].as_u64(), found[0]["totals"]["net"].as_i64()), (Some(4), Some(369)), "{found}");
    assert_eq!(other.receipt("store-1", 5), (200, json!([])), "nobody has that receipt");

    headquarters.kill_ingest();
    let (status, problem) = other.receipt("store-1", 4);
    assert_eq!((status, &problem["type"]), (503, &json!("/problems/headquarters-not-now")), "{problem}");

    store.shop.reconfigure("[headquarters]\n", "[headquarters]\nreceipt_numbers_timeout_s = 2\n").unwrap();
    let mut store = store.lose_the_disk();
    let (prefix, receipt) = store.sell("third-0000001");
    assert_eq!((prefix.is_string(), receipt), (true, 1), "{prefix}\n{}", store.shop.log());
    store.hub.kill();
    headquarters.restart_ingest().unwrap();
    store.hub = store.shop.start(&[]).unwrap();
    store.shop.ready(&mut store.hub).unwrap();
    assert_eq!(store.sell("third-0000002"), (prefix.clone(), 2), "the answer that comes later changes nothing");
    let status = store.status();
    assert_eq!(status["receipt_numbers"], json!({ "source": "apart", "prefix": prefix }));
    assert!(status["faults"].to_string().contains(prefix.as_str().unwrap()), "{status}");
    assert!(until(LIMIT, || headquarters.count() == 6), "HQ has every sale");

    headquarters.kill_broker();
    let lost = until(LIMIT, || other.status()["headquarters"]["connected"] == false);
    assert!(lost, "the hub notices");
    let (status, problem) = other.receipt("store-1", 4);
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("not connected to HQ"), "{problem}");
    store.hub.kill();
    assert_eq!(store.shop.check().unwrap().1, [""; 0]);
}

/// HQ's API on the loopback interface; stops when dropped.
struct Api {
    process: Child,
    agent: ureq::Agent,
    base: String,
    key: String,
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Api {
    fn start(headquarters: &Headquarters) -> Self {
        let key = headquarters.run(&["key", "add", "shop", "--scope", "stock:read,orders:read,orders:write"]).unwrap();
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let process = Command::new(program("store-hub-hq"))
            .args(["serve", "--listen", &address, "--ledger"])
            .arg(&headquarters.ledger)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(until(LIMIT, || TcpStream::connect(&address).is_ok()), "HQ's API listens");
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT)).build();
        let base = format!("http://{address}/api/v1");
        Self { process, agent: config.new_agent(), base, key: key.trim().to_owned() }
    }

    fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.base);
        let ask = || self.agent.get(&url).header("authorization", format!("Bearer {}", self.key)).call().unwrap();
        read(admitted(ask)).1
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        read(admitted(|| {
            let request = self.agent.post(&url).header("authorization", format!("Bearer {}", self.key));
            let request = request.header("idempotency-key", key).header("content-type", "application/json");
            request.send(body.to_string()).unwrap()
        }))
    }
}

/// Asks until the API's limit of requests per second admits the request: who polls quickly uses up the key's share.
fn admitted(ask: impl Fn() -> Response<Body>) -> Response<Body> {
    loop {
        let answer = ask();
        if answer.status() != 429 {
            return answer;
        }
        let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok()).unwrap();
        thread::sleep(Duration::from_secs(wait));
    }
}

fn read(mut answer: Response<Body>) -> (u16, Value) {
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
}

#[test]
fn an_accepted_order_comes_back_to_a_store_without_its_disk() {
    let _machine = shared();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let Ok(headquarters) = Headquarters::start(&path).inspect_err(|why| skipped(why)) else { return };
    let home = path.join("store-1");
    let config = format!("{}\n[orders.web]\nshare_permille = 1000\nmost = 9\n", headquarters.config());
    let plan = Plan { engine: "sqlite", data: &home.join("data"), registers: 1, headquarters: Some(config) };
    let store = Store::start(Shop::named("store-1", &home, &plan).unwrap());
    let console = store.shop.console().unwrap();
    let quantity = |pieces: u64| json!({ "milli": pieces * 1000, "unit": "each" });
    let goods = json!([{ "sku": "item-00", "quantity": quantity(9) }]);
    let notice = json!({ "source": "supplier", "supplier": "Dairy", "order": "1", "lines": goods }).to_string();
    let notice = console.command("/api/v1/stock/notices", "notice-00001", &notice, || true).unwrap();
    let came = json!({ "delivery_note": "1", "lines": goods }).to_string();
    let deliveries = format!("/api/v1/stock/notices/{}/deliveries", notice["id"]);
    console.command(&deliveries, "delivery-001", &came, || true).unwrap();

    let stores = path.join("stores.csv");
    fs::write(&stores, "store,prepare_minutes,slot_minutes,slot_orders\nstore-1,1,60,9\n").unwrap();
    headquarters.run(&["stores", "load", &stores.display().to_string()]).unwrap();
    let api = Api::start(&headquarters);
    let granted = || api.get("/availability?sku=item-00")["items"][0]["available"].as_u64() >= Some(3_000);
    assert!(until(LIMIT, granted), "{}", store.shop.log());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let order = json!({
        "order": "web-1", "kind": "pickup", "to": { "store": "store-1" }, "customer": { "name": "Ada Byron" },
        "currency": "USD", "payment": { "by": "prepaid", "reference": "psp-1" }, "due_ms": now + 7_200_000,
        "lines": [{ "number": 1, "sku": "item-00", "description": "Item 0", "quantity": quantity(3),
            "price": { "minor": 99, "per": "each" } }]
    });
    let (status, placed) = api.post("/orders", "place-000001", &order);
    assert_eq!(status, 201, "{placed}");
    let accepted = |store: &Store| {
        let orders = store.till.get("/api/v1/orders?state=accepted").unwrap();
        orders[0]["fulfilment"]["terms"]["order"] == "web-1" && api.get("/orders/web-1")["state"] == "accepted"
    };
    assert!(until(LIMIT, || accepted(&store)), "{}", api.get("/orders/web-1"));

    let store = store.lose_the_disk();
    assert!(until(LIMIT, || accepted(&store)), "{}\n{}", api.get("/orders/web-1"), store.shop.log());
    let position = store.till.get("/api/v1/stock/positions/item-00").unwrap();
    assert_eq!(position[0]["reserved"], 3_000, "{position}");
}
