//! The output of printers and the input of scales, with real drivers and simulated devices.

use std::time::{Duration, Instant};

use axum::Router;
use drivers::simulate::{Point, SimulatedLabelPrinter, SimulatedReceiptPrinter, SimulatedScale, SimulatedTerminal};
use hub::Hub;
use serde_json::{Value, json};

use crate::common::{Answer, ENGINE, ask, enter, open_with, wait_for};

const ITEMS: &str = r#"{"items":[
    {"sku":"818981","gtin":"0400008189811","description":"Cereal","price":{"minor":369,"per":"each"}},
    {"sku":"CASE","gtin":"10400008189818","description":"Cereal, a case","price":{"minor":3690,"per":"each"}},
    {"sku":"OWN>1","description":"Bread of the house","price":{"minor":250,"per":"each"}},
    {"sku":"APPLES","description":"Apples","price":{"minor":999,"per":"pound"}}
]}"#;

/// A store with one device of each kind, and a register.
struct Shop {
    hub: std::sync::Arc<Hub>,
    router: Router,
    token: String,
    cookie: String,
    receipts: SimulatedReceiptPrinter,
    labels: SimulatedLabelPrinter,
    terminal: SimulatedTerminal,
    scale: SimulatedScale,
    _directory: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let any = || "127.0.0.1:0".parse().unwrap();
        let receipts = SimulatedReceiptPrinter::bind(any()).await.unwrap();
        let labels = SimulatedLabelPrinter::bind(any()).await.unwrap();
        let terminal = SimulatedTerminal::bind(any()).await.unwrap();
        let scale = SimulatedScale::open(None).unwrap();
        let devices = format!(
            "receipt_printer = \"receipts\"\npayment_terminal = \"terminal\"\nscale = \"scale\"\n\
             [[receipt_printer]]\nname = \"receipts\"\naddress = \"tcp://{}\"\n\
             [[label_printer]]\nname = \"labels\"\naddress = \"tcp://{}\"\n\
             [[payment_terminal]]\nname = \"terminal\"\naddress = \"tcp://{}\"\n\
             [[scale]]\nname = \"scale\"\naddress = \"serial:{}\"\nunit = \"pound\"\n",
            receipts.address(),
            labels.address(),
            terminal.address(),
            scale.path().display()
        );
        let (hub, router) = open_with(directory.path(), ENGINE, &devices);
        let (cookie, token) = enter(&router, directory.path(), "till-2").await;
        let shop = Self { hub, router, token, cookie, receipts, labels, terminal, scale, _directory: directory };
        let person = [("cookie", &*shop.cookie), ("idempotency-key", "the-catalog")];
        assert_eq!(ask(&shop.router, "POST", "/api/v1/items", &person, ITEMS).await.status, 200);
        let ready =
            |devices: &Value| devices.as_array().unwrap().iter().all(|device| device["health"]["state"] == "ready");
        wait_for(&shop.router, "/api/v1/devices", ("authorization", &shop.token), ready).await;
        shop
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*self.token), ("idempotency-key", key)];
        ask(&self.router, "POST", path, &headers, &body.to_string()).await
    }

    /// Sells one piece for cash; returns the sale's id.
    async fn sell(&self, key: &str) -> String {
        let sale = json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 400 }] });
        let sold = self.post(key, "/api/v1/sales", &sale).await;
        assert_eq!(sold.status, 200, "{}", sold.body);
        sold.body["sale"].as_str().unwrap().to_owned()
    }

    /// The printed receipts, once there is this number of them.
    async fn papers(&self, count: usize) -> Vec<Vec<String>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.receipts.printed().len() < count {
            assert!(Instant::now() < deadline, "{count} receipts were not printed: {:?}", self.receipts.printed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.receipts.printed()
    }
}

#[tokio::test]
async fn each_printed_job_is_deleted_before_the_next_is_printed() {
    let shop = Shop::open().await;
    shop.receipts.slow(20);
    for number in 1..=6 {
        shop.sell(&format!("sale-{number:06}")).await;
    }
    for cut in 1..=6 {
        shop.papers(cut).await;
        // A hub that is killed now prints at most the last receipt again.
        let first = app::printing::first(shop.hub.store(), "receipts").unwrap();
        assert!(first.is_none_or(|job| job.sequence >= cut as u64), "after {cut} were cut");
    }
}

#[tokio::test]
async fn an_unconfirmed_receipt_is_printed_once_and_reported() {
    let shop = Shop::open().await;
    shop.receipts.mute(false, true);
    // A new connection, on which the printer's capabilities are detected again.
    shop.receipts.hang_up_after(1);
    for number in 1..=2 {
        shop.sell(&format!("sale-{number:06}")).await;
    }
    shop.papers(2).await;
    let unconfirmed = |devices: &Value| {
        devices.as_array().unwrap().iter().any(|device| {
            device["device"] == "receipts"
                && device["health"]["why"].as_str().is_some_and(|why| why.contains("confirmed"))
        })
    };
    wait_for(&shop.router, "/api/v1/devices", ("authorization", &shop.token), unconfirmed).await;
    // The queue is empty: nothing will be printed again.
    let deadline = Instant::now() + Duration::from_secs(60);
    while app::printing::first(shop.hub.store(), "receipts").unwrap().is_some() {
        assert!(Instant::now() < deadline, "the queue stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(shop.receipts.printed().len(), 2);
}

#[tokio::test]
async fn a_late_card_slip_is_on_the_receipt() {
    let shop = Shop::open().await;
    shop.terminal.think_before_text(Duration::from_millis(300));
    let sale = json!({ "lines": [{ "sku": "818981" }], "card": true });
    assert_eq!(shop.post("card-000001", "/api/v1/sales", &sale).await.status, 200);
    shop.terminal.think_before_text(Duration::ZERO);
    shop.terminal.drop_link_at(Some(Point::LineSent));
    assert_eq!(shop.post("card-000002", "/api/v1/sales", &sale).await.status, 200);
    for paper in shop.papers(2).await {
        for line in ["** CARD PAYMENT **", "Payment approved"] {
            assert!(paper.iter().any(|printed| printed == line), "{line} is not on {paper:#?}");
        }
    }
}

#[tokio::test]
async fn a_copy_of_a_receipt_is_marked_and_audited() {
    let shop = Shop::open().await;
    let sale = shop.sell("sale-000001").await;
    let path = format!("/api/v1/sales/{sale}/reprint");
    for (key, copy) in [("copy-000001", 1), ("copy-000002", 2), ("copy-000001", 1)] {
        let queued = shop.post(key, &path, &json!({})).await;
        assert_eq!((queued.status.as_u16(), &queued.body["copy"]), (200, &copy.into()), "{}", queued.body);
    }
    // A person has it printed at the register that sold it.
    let person = [("cookie", &*shop.cookie), ("idempotency-key", "copy-000003")];
    assert_eq!(ask(&shop.router, "POST", &path, &person, "{}").await.body["printer"], "receipts");
    let papers = shop.papers(4).await;
    for (paper, copy) in papers[1..].iter().zip(1..) {
        let marks: Vec<_> = paper.iter().filter(|line| line.contains("COPY")).map(|line| line.trim()).collect();
        assert_eq!(marks, [format!("COPY {copy}")]);
        let rest: Vec<_> = paper.iter().filter(|line| !line.contains("COPY")).cloned().collect();
        assert_eq!(rest, papers[0]);
    }
    let trail = ask(&shop.router, "GET", "/api/v1/audit", &[("cookie", &*shop.cookie)], "").await.body;
    let copies: Vec<_> = trail.as_array().unwrap().iter().filter(|entry| entry["act"] == "receipt_reprinted").collect();
    assert_eq!(copies.len(), 3, "{trail}");
    assert_eq!((&copies[2]["details"]["sale"], &copies[2]["details"]["copy"]), (&sale.into(), &1.into()));
    let unknown = shop.post("copy-000004", "/api/v1/sales/1-999/reprint", &json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.body["type"].as_str()), (404, Some("/problems/sale-unknown")));
}

#[tokio::test]
async fn a_label_has_the_items_gtin_or_its_sku_and_bad_input_is_refused() {
    let shop = Shop::open().await;
    let path = "/api/v1/devices/labels/labels";
    for (number, (sku, barcode)) in
        [("818981", "040000818981"), ("CASE", "[FNC1]0110400008189818"), ("OWN>1", "OWN>1")].into_iter().enumerate()
    {
        let printed = shop.post(&format!("label-{number:06}"), path, &json!({ "sku": sku })).await;
        assert_eq!(printed.status, 204, "{sku}: {}", printed.body);
        let label = shop.labels.printed().pop().unwrap();
        assert_eq!((label.barcode.as_deref(), label.copies), (Some(barcode), 1));
    }
    for copies in [0, 1000, 70_000] {
        let body = json!({ "sku": "818981", "copies": copies });
        let refused = shop.post(&format!("copies-{copies:06}"), path, &body).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    let body = json!({ "sku": "818981", "copies": 999 });
    assert_eq!(shop.post("copies-000999", path, &body).await.status, 204);
}

#[tokio::test]
async fn a_pound_on_the_scale_is_a_pound_in_the_sale() {
    let shop = Shop::open().await;
    shop.scale.put(1000);
    let weighed = shop.post("weigh-000001", "/api/v1/devices/scale/weigh", &json!({})).await;
    assert_eq!(weighed.body, json!({ "milli": 1000, "unit": "pound" }));
    let sale = json!({
        "lines": [{ "sku": "APPLES", "quantity": weighed.body }],
        "tenders": [{ "tender": "cash", "amount": 999 }]
    });
    let sold = shop.post("sale-000001", "/api/v1/sales", &sale).await;
    assert_eq!((sold.status.as_u16(), &sold.body["totals"]["net"]), (200, &999.into()), "{}", sold.body);
    let devices = ask(&shop.router, "GET", "/api/v1/devices", &[("authorization", &*shop.token)], "").await.body;
    let last = devices.as_array().unwrap().iter().find(|device| device["device"] == "scale").unwrap()["last"].clone();
    assert_eq!(last, "1.000 lb");
}
