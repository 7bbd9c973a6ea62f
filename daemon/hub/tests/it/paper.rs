//! The output of printers and the input of scales, with real drivers and simulated devices.

use std::time::Duration;

use drivers::simulate::Point;
use serde_json::{Value, json};

use crate::common::{
    ENGINE, ask,
    lane::{Lane, until},
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
        // A hub that is killed now prints at most the last receipt again.
        let first = app::printing::first(lane.store(), "receipts").unwrap();
        assert!(first.is_none_or(|job| job.sequence >= cut as u64), "after {cut} were cut");
    }
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
    until("deletions", || app::printing::first(lane.store(), "receipts").unwrap().is_none()).await;
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
async fn a_label_has_the_items_gtin_or_its_sku_and_bad_input_is_refused() {
    let lane = Lane::open(ENGINE, "").await;
    let path = "/api/v1/devices/labels/labels";
    for (number, (sku, barcode)) in
        [("818981", "040000818981"), ("CASE", "[FNC1]0110400008189818"), ("OWN>1", "OWN>1")].into_iter().enumerate()
    {
        let printed = lane.post(&format!("label-{number:06}"), path, &json!({ "sku": sku })).await;
        assert_eq!(printed.status, 204, "{sku}: {}", printed.body);
        let label = lane.labels.printed().pop().unwrap();
        assert_eq!((label.barcode.as_deref(), label.copies), (Some(barcode), 1));
    }
    for copies in [0, 1000, 70_000] {
        let body = json!({ "sku": "818981", "copies": copies });
        let refused = lane.post(&format!("copies-{copies:06}"), path, &body).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
    let body = json!({ "sku": "818981", "copies": 999 });
    assert_eq!(lane.post("copies-000999", path, &body).await.status, 204);
}

#[tokio::test]
async fn a_pound_on_the_scale_is_a_pound_in_the_sale() {
    let lane = Lane::open(ENGINE, "").await;
    lane.scale.put(1000);
    let weighed = lane.post("weigh-000001", "/api/v1/devices/scale/weigh", &json!({})).await;
    assert_eq!(weighed.body, json!({ "milli": 1000, "unit": "pound" }));
    let sale = json!({
        "lines": [{ "sku": "APPLES", "quantity": weighed.body }],
        "tenders": [{ "tender": "cash", "amount": 999 }]
    });
    let sold = lane.post("sale-000001", "/api/v1/sales", &sale).await;
    assert_eq!((sold.status.as_u16(), &sold.body["totals"]["net"]), (200, &999.into()), "{}", sold.body);
    let devices = lane.get("/api/v1/devices").await.body;
    let last = devices.as_array().unwrap().iter().find(|device| device["device"] == "scale").unwrap()["last"].clone();
    assert_eq!(last, "1.000 lb");
}
