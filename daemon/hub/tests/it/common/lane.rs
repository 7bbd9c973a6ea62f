//! A store with one of each device, and a register in front of them: real drivers, simulated devices.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::selling::{self, NumberSource};
use axum::Router;
use drivers::simulate::{
    SimulatedLabelPrinter, SimulatedReceiptPrinter, SimulatedScale, SimulatedScanner, SimulatedTerminal,
};
use hub::Hub;
use serde_json::{Value, json};
use store::{EngineKind, Store};

use super::{Answer, ask, enter, open_set, picture, wait_for};

const ITEMS: &str = r#"{"items":[
    {"sku":"818981","gtin":"0400008189811","description":"Cereal","price":{"minor":369,"per":"each"}},
    {"sku":"CASE","gtin":"10400008189818","description":"Cereal, a case","price":{"minor":3690,"per":"each"}},
    {"sku":"OWN>1","description":"Bread of the house","price":{"minor":250,"per":"each"}},
    {"sku":"APPLES","description":"Apples","price":{"minor":999,"per":"pound"}}
]}"#;

/// The lane of `till-2`.
pub(crate) struct Lane {
    pub(crate) hub: Arc<Hub>,
    pub(crate) router: Router,
    pub(crate) token: String,
    pub(crate) cookie: String,
    pub(crate) receipts: SimulatedReceiptPrinter,
    pub(crate) labels: SimulatedLabelPrinter,
    pub(crate) terminal: SimulatedTerminal,
    pub(crate) scale: SimulatedScale,
    pub(crate) scanner: SimulatedScanner,
    pub(crate) directory: tempfile::TempDir,
}

impl Lane {
    /// Its devices are ready. The config has `more` at its end.
    pub(crate) async fn open(engine: EngineKind, more: &str) -> Self {
        Self::open_as(engine, "", more).await
    }

    /// The same with more settings of the store.
    pub(crate) async fn open_as(engine: EngineKind, store: &str, more: &str) -> Self {
        Self::open_at(engine, store, more, "till-2").await
    }

    /// The same at another register of the config.
    pub(crate) async fn open_at(engine: EngineKind, store: &str, more: &str, register: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let any = || "127.0.0.1:0".parse().unwrap();
        let receipts = SimulatedReceiptPrinter::bind(any()).await.unwrap();
        let labels = SimulatedLabelPrinter::bind(any()).await.unwrap();
        let terminal = SimulatedTerminal::bind(any()).await.unwrap();
        let scale = SimulatedScale::open(None).unwrap();
        let scanner = SimulatedScanner::open(None).unwrap();
        let config = format!(
            "receipt_printer = \"receipts\"\npayment_terminal = \"terminal\"\nscale = \"scale\"\n\
             scanner = \"scanner\"\n\
             [[receipt_printer]]\nname = \"receipts\"\nprotocol = \"esc-pos\"\naddress = \"tcp://{}\"\n\
             [[label_printer]]\nname = \"labels\"\nprotocol = \"zpl\"\naddress = \"tcp://{}\"\n\
             [[payment_terminal]]\nname = \"terminal\"\nprotocol = \"zvt\"\naddress = \"tcp://{}\"\n\
             [[scale]]\nname = \"scale\"\naddress = \"serial:{}\"\nunit = \"pound\"\n\
             [[scanner]]\nname = \"scanner\"\naddress = \"serial:{}\"\n{more}",
            receipts.address(),
            labels.address(),
            terminal.address(),
            scale.path().display(),
            scanner.path().display()
        );
        let (hub, router) = open_set(directory.path(), "store-1", engine, store, &config);
        let (cookie, token) = enter(&router, directory.path(), register).await;
        let lane = Self { hub, router, token, cookie, receipts, labels, terminal, scale, scanner, directory };
        let person = [("cookie", &*lane.cookie), ("idempotency-key", "the-catalog")];
        assert_eq!(ask(&lane.router, "POST", "/api/v1/items", &person, ITEMS).await.status, 200);
        let ready =
            |devices: &Value| devices.as_array().unwrap().iter().all(|device| device["health"]["state"] == "ready");
        lane.wait_for("/api/v1/devices", ready).await;
        // With HQ the store sells once HQ has told it the last receipt numbers.
        let sells = || selling::number_source(lane.store()).unwrap() != Some(NumberSource::Asking);
        until("receipt numbers", sells).await;
        lane
    }

    pub(crate) fn store(&self) -> &Store {
        self.hub.store()
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*self.token), ("idempotency-key", key)];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(&self.router, "GET", path, &[("authorization", &*self.token)], "").await
    }

    pub(crate) async fn picture(&self, path: &str) -> (String, Vec<u8>) {
        picture(&self.router, &self.token, path).await
    }

    /// Reads until the answer meets a condition.
    pub(crate) async fn wait_for(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        wait_for(&self.router, path, ("authorization", &self.token), is_there).await
    }

    /// Sells one piece for cash; gives the sale's id.
    pub(crate) async fn sell(&self, key: &str) -> String {
        let sale = json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 400 }] });
        let sold = self.post(key, "/api/v1/sales", &sale).await;
        assert_eq!(sold.status, 200, "{}", sold.body);
        sold.body["sale"].as_str().unwrap().to_owned()
    }

    /// The receipts, once this many are printed.
    pub(crate) async fn papers(&self, count: usize) -> Vec<Vec<String>> {
        until("receipts", || self.receipts.printed().len() >= count).await;
        self.receipts.printed()
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} do not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
