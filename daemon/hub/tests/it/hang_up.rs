//! A client that disconnects changes nothing: its command is executed completely, once, with everything that follows.
//!
//! Each command is sent several times, and its client disconnects at a different moment each time: as soon as the hub
//! has the request, or between the commit and the answer. There are no further requests, so what follows must happen by
//! itself.

use std::{collections::BTreeSet, future::poll_fn, task::Poll};

use app::{
    payments::{self, Intent},
    selling::SaleContext,
};
use axum::{
    body::Body,
    http::{Request, header},
};
use commerce::{Actor, Basket, BasketId, BusinessDay, Currency, Minor, NewLine, Quantity, line::What, payment::Event};
use serde_json::{Value, json};
use store::EngineKind;
use tower::ServiceExt;

use crate::common::{
    CEREAL, ask,
    lane::{Lane, until},
};

/// The number of times that each command is sent.
const ROUNDS: usize = 12;

/// When a client disconnects.
#[derive(Clone, Copy, Debug)]
enum HangUp {
    /// As soon as the hub has the request.
    AtOnce,
    /// After the commit.
    Committed,
}

impl HangUp {
    fn of(round: usize) -> Self {
        if round.is_multiple_of(2) { Self::AtOnce } else { Self::Committed }
    }
}

impl Lane {
    fn request(&self, key: &str, path: &str, body: &Value) -> Request<Body> {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let request = request.header("authorization", &self.token).header("idempotency-key", key);
        request.body(Body::from(body.to_string())).unwrap()
    }

    /// Sends a command and disconnects.
    async fn hang_up(&self, when: HangUp, key: &str, path: &str, body: &Value) {
        let mut commits = self.store().committed();
        commits.borrow_and_update();
        let mut answer = Box::pin(self.router.clone().oneshot(self.request(key, path, body)));
        poll_fn(|context| {
            let _ = answer.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        if let HangUp::Committed = when {
            commits.changed().await.unwrap();
        }
    }

    /// Waits until the day's totals have a number of sales.
    async fn sold_today(&self, sales: usize) {
        self.wait_for("/api/v1/status", |status| status["today"]["sales"] == sales).await;
    }

    /// Waits until each sale's receipt is printed, once.
    async fn printed(&self, sales: usize) {
        until("receipts", || self.receipts.printed().len() >= sales).await;
        let numbers = |lines: &Vec<String>| lines.iter().find(|line| line.contains("Receipt ")).cloned().unwrap();
        let printed: Vec<_> = self.receipts.printed().iter().map(numbers).collect();
        let distinct: BTreeSet<_> = printed.iter().collect();
        assert_eq!((printed.len(), distinct.len()), (sales, sales), "{printed:?}");
    }
}

#[tokio::test]
async fn a_sale_is_counted_and_its_receipt_printed_once() {
    let lane = Lane::open(EngineKind::Sqlite, "").await;
    let sale = json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 400 }] });
    for round in 0..ROUNDS {
        lane.hang_up(HangUp::of(round), &format!("sale-{round:06}"), "/api/v1/sales", &sale).await;
    }
    lane.sold_today(ROUNDS).await;
    lane.printed(ROUNDS).await;
    for round in 0..ROUNDS {
        let again = lane.post(&format!("sale-{round:06}"), "/api/v1/sales", &sale).await.body;
        assert_eq!(again["totals"]["net"], 369, "{again}");
    }
    lane.sold_today(ROUNDS).await;
    lane.printed(ROUNDS).await;
}

#[tokio::test]
async fn a_card_payment_is_completed_and_sold_once() {
    let lane = Lane::open(EngineKind::Sqlite, "").await;
    let sale = json!({ "lines": [{ "sku": "818981" }], "card": true });
    for round in 0..ROUNDS {
        let key = format!("card-{round:06}");
        lane.hang_up(HangUp::of(round), &key, "/api/v1/sales", &sale).await;
        lane.sold_today(round + 1).await;
        // The terminal is free a moment after the sale.
        let path = format!("/api/v1/payments/p{}", round + 1);
        let approved = |payment: &Value| payment["state"] == "approved" && payment["slip"].is_array();
        lane.wait_for(&path, approved).await;
    }
    lane.printed(ROUNDS).await;
    assert_eq!(lane.terminal.bookings(), ROUNDS);
}

#[tokio::test]
async fn a_drawer_opens_once_and_a_label_is_printed_once() {
    let lane = Lane::open(EngineKind::Sqlite, "").await;
    let label = json!({ "labels": [{ "sku": "818981" }] });
    for round in 0..ROUNDS {
        let (drawer_key, label_key) = (format!("drawer-{round:06}"), format!("label-{round:06}"));
        lane.hang_up(HangUp::of(round), &drawer_key, "/api/v1/drawer", &json!({})).await;
        lane.hang_up(HangUp::of(round), &label_key, "/api/v1/devices/labels/labels", &label).await;
        until("drawers", || lane.receipts.drawer_kicks() == round as u64 + 1).await;
        until("labels", || lane.labels.printed().len() == round + 1).await;
        lane.post(&drawer_key, "/api/v1/drawer", &json!({})).await;
        lane.post(&label_key, "/api/v1/devices/labels/labels", &label).await;
    }
    assert_eq!((lane.receipts.drawer_kicks(), lane.labels.printed().len()), (ROUNDS as u64, ROUNDS));
}

/// The task that drove a payment ended without storing its result: as after a restart, but without one.
#[tokio::test]
async fn a_payment_that_nobody_drives_is_found_and_a_person_can_decide_it() {
    let lane = Lane::open(EngineKind::Sqlite, "").await;
    let started = lane.store().commit(|transaction| {
        let by = app::By { actor: Actor::register("till-2".parse().unwrap()), at_ms: 1 };
        let item = serde_json::from_str::<Value>(CEREAL).unwrap()["items"][0].clone();
        let item = serde_json::from_value(item).unwrap();
        let usd = Currency::from_code("USD").unwrap();
        let mut basket = Basket::open(BasketId(0), "till-2".parse().unwrap(), None, usd, 1, None, None)?;
        let quantity = Quantity::pieces(1).unwrap();
        basket.add_line(NewLine {
            what: What::Item(&item),
            quantity,
            keyed: None,
            discounts: vec![],
            particulars: commerce::Particulars::default(),
        })?;
        // The journal of another driver, which this one can't read.
        let intent = Intent {
            terminal: "terminal".into(),
            amount: Some(Minor::literal(369)),
            before: json!({ "noted by": "another driver" }),
        };
        let payment = payments::start_whole_sale(transaction, &by, basket, intent)?;
        let context = SaleContext {
            epoch: 1,
            at_ms: 1,
            business_day: BusinessDay::new(2026, 11, 24).unwrap(),
            fiscal_year: 2026,
            printer: None,
        };
        payments::apply(transaction, payment.id, &Event::Send, None, &context)?;
        Ok::<_, app::Refusal>(payment)
    });
    let id = started.await.unwrap().id;
    let path = format!("/api/v1/payments/{id}");
    let unknown = |payment: &Value| payment["waits_for"] == "person";
    lane.wait_for(&path, unknown).await;

    let person = [("cookie", &*lane.cookie), ("idempotency-key", "decision-1")];
    let path = format!("{path}/decision");
    for _ in 0..2 {
        let decided = ask(&lane.router, "POST", &path, &person, r#"{"charged":true}"#).await;
        assert_eq!((decided.status.as_u16(), &decided.body["state"]), (200, &json!("approved")), "{}", decided.body);
    }
    lane.sold_today(1).await;
    lane.printed(1).await;
    let another = [("cookie", &*lane.cookie), ("idempotency-key", "decision-2")];
    let decided = ask(&lane.router, "POST", &path, &another, r#"{"charged":false}"#).await;
    assert_eq!(decided.body["type"], "/problems/payment-ended", "{}", decided.body);
}

/// A damaged sale neither blocks the receipts after it nor makes those before it print twice.
#[tokio::test]
async fn a_damaged_sale_blocks_no_receipts() {
    /// A table that stores invalid sales.
    static SALES: store::Table<store::Number, u64> = store::Table::linked("sale");
    let lane = Lane::open(EngineKind::Sqlite, "").await;
    let sale = json!({ "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 369 }] });
    lane.receipts.paper_out(true);
    for round in 0..3 {
        lane.post(&format!("sale-{round:06}"), "/api/v1/sales", &sale).await;
    }
    let damaged = lane.store().commit(|transaction| {
        transaction.delete(&SALES, 2);
        transaction.put(&SALES, 2, &7)
    });
    damaged.await.unwrap();
    lane.receipts.paper_out(false);
    until("receipts", || lane.receipts.printed().len() >= 2).await;
    // The next receipt is printed after everything left in the queue.
    lane.post("sale-last", "/api/v1/sales", &sale).await;
    until("the last receipt", || lane.receipts.printed().len() >= 3).await;
    lane.printed(3).await;
}
