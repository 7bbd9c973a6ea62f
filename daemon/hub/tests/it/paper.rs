//! The output of printers and the input of scales, with real drivers and simulated devices.

use std::time::Duration;

use drivers::simulate::{Fault, Point, SimulatedReceiptPrinter};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{
    ENGINE, ask,
    lane::{Lane, until},
    running::{Running, wait},
};

#[tokio::test]
async fn each_printed_job_is_deleted_before_the_next_is_printed() {
    let lane = Lane::open(ENGINE, "").await;
    lane.receipts.slow(20);
    for number in 1..=6 {
        lane.sell(&format!("sale-{number:06}")).await;
    }
    for cut in 1..=6 {
        lane.papers(cut).await;
        // A hub that is killed now prints none of them again.
        let first = app::printing::receipts::first(lane.store(), "receipts").unwrap();
        assert!(
            first.is_none_or(|job| job.sequence > cut as u64 || (job.sequence == cut as u64 && job.begun)),
            "after {cut} were cut"
        );
    }
}

#[test]
fn a_receipt_that_was_being_printed_when_the_hub_was_killed_is_not_printed_again() {
    let directory = tempfile::tempdir().unwrap();
    let outside = Runtime::new().unwrap();
    let printer = outside.block_on(SimulatedReceiptPrinter::bind("127.0.0.1:0".parse().unwrap())).unwrap();
    let config = format!(
        "receipt_printer = \"receipts\"\n\
         [[receipt_printer]]\nname = \"receipts\"\nprotocol = \"esc-pos\"\naddress = \"tcp://{}\"\n",
        printer.address()
    );
    let bread = |price: u32| {
        json!({ "sku": "BREAD", "description": "Bread",
        "keyed": { "amount": price, "reason": "open price" } })
    };
    let sale = |price: u32| json!({ "lines": [bread(price)], "tenders": [{ "tender": "cash", "amount": price }] });
    let hub = Running::start(directory.path(), &config);
    assert!(hub.ask("POST", "/api/v1/sales", "sale-000001", &sale(100))["sale"].is_string());
    wait("the first receipt", || printer.printed().len() == 1);
    // The printer has the second receipt, and does not tell that it is printed.
    printer.stall(true);
    hub.ask("POST", "/api/v1/sales", "sale-000002", &sale(200));
    let begun = || app::printing::receipts::first(hub.hub().store(), "receipts").unwrap().is_some_and(|job| job.begun);
    wait("the second receipt is begun", begun);
    drop(hub);
    printer.stall(false);
    let hub = Running::start(directory.path(), &config);
    hub.ask("POST", "/api/v1/sales", "sale-000003", &sale(300));
    let has = |amount: &str| {
        printer
            .printed()
            .iter()
            .filter(|paper| paper.iter().any(|line| line.contains("TOTAL") && line.contains(amount)))
            .count()
    };
    wait("the third receipt", || has("3.00") == 1);
    assert!(has("1.00") == 1 && has("2.00") <= 1, "{:?}", printer.printed());
}

#[tokio::test]
async fn an_unconfirmed_receipt_is_printed_once_and_reported() {
    let lane = Lane::open(ENGINE, "").await;
    lane.receipts.mute(false, true);
    // A new connection, on which the printer's capabilities are detected again.
    lane.receipts.hang_up_after(1);
    for number in 1..=2 {
        lane.sell(&format!("sale-{number:06}")).await;
    }
    lane.papers(2).await;
    let unconfirmed = |devices: &Value| {
        devices.as_array().unwrap().iter().any(|device| {
            device["device"] == "receipts"
                && device["health"]["why"].as_str().is_some_and(|why| why.contains("confirmed"))
        })
    };
    lane.wait_for("/api/v1/devices", unconfirmed).await;
    // The queue is empty: nothing will be printed again.
    until("deletions", || app::printing::receipts::first(lane.store(), "receipts").unwrap().is_none()).await;
    assert_eq!(lane.receipts.printed().len(), 2);
}

#[tokio::test]
async fn a_late_card_slip_is_on_the_receipt() {
    let lane = Lane::open(ENGINE, "").await;
    lane.terminal.think_before_text(Duration::from_millis(300));
    let sale = json!({ "lines": [{ "sku": "818981" }], "card": true });
    assert_eq!(lane.post("card-000001", "/api/v1/sales", &sale).await.status, 200);
    lane.terminal.think_before_text(Duration::ZERO);
    lane.terminal.drop_link_at(Some(Point::LineSent));
    assert_eq!(lane.post("card-000002", "/api/v1/sales", &sale).await.status, 200);
    for paper in lane.papers(2).await {
        for line in ["** CARD PAYMENT **", "Payment approved"] {
            assert!(paper.iter().any(|printed| printed == line), "{line} is not on {paper:#?}");
        }
    }
}

#[tokio::test]
async fn a_copy_of_a_receipt_is_marked_and_audited() {
    let lane = Lane::open(ENGINE, "").await;
    let sale = lane.sell("sale-000001").await;
    let path = format!("/api/v1/sales/{sale}/reprint");
    for (key, copy) in [("copy-000001", 1), ("copy-000002", 2), ("copy-000001", 1)] {
        let queued = lane.post(key, &path, &json!({})).await;
        assert_eq!((queued.status.as_u16(), &queued.body["copy"]), (200, &copy.into()), "{}", queued.body);
    }
    // A person has it printed at the register that sold it.
    let person = [("cookie", &*lane.cookie), ("idempotency-key", "copy-000003")];
    assert_eq!(ask(&lane.router, "POST", &path, &person, "{}").await.body["printer"], "receipts");
    let papers = lane.papers(4).await;
    for (paper, copy) in papers[1..].iter().zip(1..) {
        let marks: Vec<_> = paper.iter().filter(|line| line.contains("COPY")).map(|line| line.trim()).collect();
        assert_eq!(marks, [format!("COPY {copy}")]);
        let rest: Vec<_> = paper.iter().filter(|line| !line.contains("COPY")).cloned().collect();
        assert_eq!(rest, papers[0]);
    }
    let trail = ask(&lane.router, "GET", "/api/v1/audit", &[("cookie", &*lane.cookie)], "").await.body;
    let copies: Vec<_> = trail.as_array().unwrap().iter().filter(|entry| entry["act"] == "receipt_reprinted").collect();
    assert_eq!(copies.len(), 3, "{trail}");
    assert_eq!((&copies[2]["details"]["sale"], &copies[2]["details"]["copy"]), (&sale.into(), &1.into()));
    let unknown = lane.post("copy-000004", "/api/v1/sales/1-999/reprint", &json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.body["type"].as_str()), (404, Some("/problems/sale-unknown")));
}

#[tokio::test]
async fn a_pound_on_the_scale_is_a_pound_in_the_sale() {
    let lane = Lane::open(ENGINE, "").await;
    lane.scale.put(1000);
    let weighed = lane.post("weigh-000001", "/api/v1/devices/scale/weigh", &json!({})).await;
    assert_eq!((&weighed.body["milli"], &weighed.body["unit"]), (&1000.into(), &"pound".into()), "{}", weighed.body);
    let sale = json!({
        "lines": [{ "sku": "APPLES", "weighing": weighed.body["weighing"] }],
        "tenders": [{ "tender": "cash", "amount": 999 }]
    });
    let sold = lane.post("sale-000001", "/api/v1/sales", &sale).await;
    assert_eq!((sold.status.as_u16(), &sold.body["totals"]["net"]), (200, &999.into()), "{}", sold.body);
    let kept = lane.get(&format!("/api/v1/sales/{}", sold.body["sale"].as_str().unwrap())).await.body;
    assert_eq!(kept["lines"][0]["particulars"]["weighed"], "\\x0201.000\\r", "{kept}");
    // A weight is sold once, and an unstable one never.
    assert_eq!(lane.post("sale-000001", "/api/v1/sales", &sale).await.body, sold.body, "a repeat");
    let again = lane.post("sale-000002", "/api/v1/sales", &sale).await;
    assert_eq!((again.status.as_u16(), &again.body["type"]), (422, &"/problems/weighing-unknown".into()));
    let devices = lane.get("/api/v1/devices").await.body;
    let last = devices.as_array().unwrap().iter().find(|device| device["device"] == "scale").unwrap()["last"].clone();
    assert_eq!(last, "1.000 lb");
    lane.scale.fault(Fault::Moving);
    let moving = lane.post("weigh-000002", "/api/v1/devices/scale/weigh", &json!({ "within_ms": 100 })).await;
    assert_eq!((moving.status.as_u16(), &moving.body["type"]), (502, &"/problems/scale-failed".into()));
}

#[tokio::test]
async fn a_receipt_has_the_stores_logo_on_paper_and_in_its_picture() {
    let directory = tempfile::tempdir().unwrap();
    let logo = directory.path().join("logo.png");
    std::fs::write(&logo, SQUARE).unwrap();
    let lane = Lane::open_as(ENGINE, &format!("receipt_logo = \"{}\"\n", logo.display()), "").await;
    let sale = lane.sell("sale-000001").await;
    assert_eq!(lane.papers(1).await[0][0], "[image 16 x 16, 256 dots]");
    for (format, begins) in [("png", &b"\x89PNG"[..]), ("svg", b"<svg")] {
        let (kind, picture) = lane.picture(&format!("/api/v1/sales/{sale}/receipt/picture?format={format}")).await;
        assert!(kind.starts_with(&format!("image/{format}")) && picture.starts_with(begins), "{kind}");
    }
    assert_eq!(lane.get("/api/v1/sales/1-999/receipt/picture").await.status, 404);
}

/// A black square of 16 dots.
const SQUARE: &[u8] = include_bytes!("common/square.png");
