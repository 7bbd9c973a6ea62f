//! The end of the day at payment terminals: their totals against the store's bookings, up to HQ.

use std::time::{Duration, Instant};

use app::{
    By,
    reconciliation::{CloseTerminal, ask},
    selling::{self, NumberSource},
};
use axum::http::StatusCode;
use commerce::{Actor, BusinessDay, Currency, Station};
use drivers::simulate::{NexoPoint, Point, SimulatedCardTerminal, TerminalFault, TerminalProtocol};
use hq::report::DayCash;
use serde_json::{Value, json};
use store::{EngineKind, Purpose};

use crate::common::{
    Answer, ENGINE,
    headquarters::Headquarters,
    lane::{Lane, until},
    open_as,
    shop::{CEREAL, Shop},
    wait_for,
};

/// The price of a sale here.
const PRICE: i64 = 369;

/// A store with a terminal at its second register.
struct Store {
    terminal: SimulatedCardTerminal,
    shop: Shop,
    _directory: tempfile::TempDir,
}

impl Store {
    async fn open(protocol: TerminalProtocol, more: &str) -> Self {
        let terminal = SimulatedCardTerminal::bind(protocol, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let device = terminal.config("terminal-1", directory.path()).unwrap();
        let more = format!("payment_terminal = \"terminal-1\"\n{device}{more}");
        let hub = open_as(directory.path(), protocol.name(), EngineKind::Sqlite, &more);
        let store = Self { terminal, shop: Shop::enter(hub, directory.path()).await, _directory: directory };
        store.is_ready().await;
        let sells = || selling::number_source(store.shop.hub.store()).unwrap() != Some(NumberSource::Asking);
        until("receipt numbers", sells).await;
        store
    }

    async fn wait_for(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        wait_for(&self.shop.router, path, ("cookie", &self.shop.cookie), is_there).await
    }

    async fn is_ready(&self) {
        let is_ready = |devices: &Value| devices[0]["health"]["state"] == "ready";
        self.wait_for("/api/v1/devices", is_ready).await;
    }

    async fn sell(&self) {
        let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
        let sold = once_free(async || self.shop.till(1, "/api/v1/sales", sale.clone()).await).await;
        sold.expect(StatusCode::OK);
    }

    /// Closes the terminal's day.
    async fn close_terminal(&self, request: Value) -> Value {
        let path = "/api/v1/terminals/terminal-1/closing";
        once_free(async || self.shop.person(path, request.clone()).await).await.expect(StatusCode::OK)
    }

    /// A payment that the terminal did not book, and that a person wrongly decides as charged; returns its id.
    async fn sell_wrongly(&self) -> String {
        match &self.terminal {
            SimulatedCardTerminal::Zvt(device) => device.fail_after_approval(true),
            other => other.fault(TerminalFault::Reboot).unwrap(),
        }
        let sale = json!({ "lines": [{ "sku": CEREAL }], "card": true });
        let refused = self.shop.till(1, "/api/v1/sales", sale).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{}", refused.body);
        let payment = refused.body["payment"].as_str().unwrap().to_owned();
        if let SimulatedCardTerminal::Zvt(device) = &self.terminal {
            device.fail_after_approval(false);
        }
        let path = format!("/api/v1/payments/{payment}/decision");
        let began = Instant::now();
        // The terminal may still be asked.
        while self.shop.person(&path, json!({ "charged": true })).await.status != StatusCode::OK {
            assert!(began.elapsed() < Duration::from_secs(60), "payment {payment} can't be decided");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        payment
    }

    /// Closes the business day, and waits until its terminal was asked; returns the reconciliation.
    async fn close_day(&self, number: u64) -> Value {
        let closed = self.shop.person("/api/v1/days/close", json!({})).await.expect(StatusCode::OK);
        assert_eq!(closed["number"], number);
        let has_ended =
            |day: &Value| day["terminals"][0]["state"].as_str().is_some_and(|state| state.ends_with("reconciled"));
        let day = self.wait_for(&format!("/api/v1/days/{number}"), has_ended).await;
        assert_eq!(day["total"], closed["total"]);
        day["terminals"][0].clone()
    }

    /// Cuts the link when the terminal has closed its day, before the register has its totals.
    fn cut_closing(&self) {
        match &self.terminal {
            SimulatedCardTerminal::Zvt(device) => device.drop_link_at(Some(Point::Booked)),
            SimulatedCardTerminal::Nexo(device) => device.script(|script| script.cut_at = Some(NexoPoint::Booked)),
            _ => unreachable!("two protocols are tested"),
        }
    }
}

/// Repeats what is refused because the terminal is busy: it is for a moment after an outcome can be read.
async fn once_free(attempt: impl AsyncFn() -> Answer) -> Answer {
    let began = Instant::now();
    loop {
        let answer = attempt().await;
        if answer.body["type"] != "/problems/terminal-busy" || began.elapsed() > Duration::from_secs(60) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What HQ knows of the cash of its stores, once it has as many reconciliations.
async fn known_at(hq: &Headquarters, reconciliations: usize) -> Vec<DayCash> {
    let began = Instant::now();
    loop {
        let mut days = Vec::new();
        let take = |day| {
            days.push(day);
            Ok::<_, hq::DatabaseError>(())
        };
        hq.ledger.cash(take).await.unwrap();
        if days.iter().map(|day| day.terminals.len()).sum::<usize>() == reconciliations {
            return days;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "HQ does not hear of the terminals: {days:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_difference_is_found_to_the_payment_and_known_at_hq() {
    let hq = Headquarters::start().await;
    for (known, protocol) in [TerminalProtocol::Zvt, TerminalProtocol::Nexo].into_iter().enumerate() {
        let store = Store::open(protocol, &hq.config()).await;
        store.sell().await;
        store.sell().await;
        let refund = store.shop.person("/api/v1/payments/p1/refunds", json!({ "amount": 100 })).await;
        refund.expect(StatusCode::OK);
        let agreed = store.close_day(1).await;
        let sums = json!({ "count": 3, "amount": 2 * PRICE - 100 });
        assert_eq!(agreed["result"]["agrees"], true, "{agreed}");
        assert_eq!(agreed["result"]["schemes"], json!([{ "scheme": "visa", "terminal": sums, "store": sums }]));

        store.sell().await;
        let wrong = store.sell_wrongly().await;
        let differs = store.close_day(2).await;
        let result = &differs["result"];
        assert_eq!((&result["agrees"], &result["difference"]), (&json!(false), &json!(-PRICE)), "{differs}");
        let explaining: Vec<_> = result["suspects"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|suspect| suspect["explains"] == true && suspect["decided"] == true)
            .map(|suspect| suspect["payment"].clone())
            .collect();
        assert_eq!(explaining, [wrong.as_str()], "{differs}");
        let acts = store.shop.read("/api/v1/audit").await.to_string();
        assert!(acts.contains("terminal_reconciled"), "{acts}");
        store.shop.adds_up();

        let days = known_at(&hq, 2 * (known + 1)).await;
        let day = days.iter().find(|day| day.hub == protocol.name()).unwrap();
        let states: Vec<_> = day.terminals.iter().map(|found| (found.state.as_str(), found.difference_minor)).collect();
        assert_eq!(states, [("agrees", Some(0)), ("differs", Some(-PRICE))]);
        let found = day.terminals[1].suspects.iter().any(|suspect| suspect.payment == wrong && suspect.explains);
        assert!(found, "{day:?}");
    }
}

#[tokio::test]
async fn a_terminal_whose_answer_is_lost_is_asked_again() {
    for protocol in [TerminalProtocol::Zvt, TerminalProtocol::Nexo] {
        let store = Store::open(protocol, "").await;
        store.sell().await;
        store.cut_closing();
        let lost = store.close_day(1).await;
        assert_eq!((&lost["state"], &lost["may_be_closed"]), (&json!("not_reconciled"), &json!(true)), "{lost}");
        store.is_ready().await;
        store.sell().await;
        // The terminal has begun again after the answer that was lost.
        let closing = "/api/v1/terminals/terminal-1/closing";
        let again = store.close_terminal(json!({ "day": 1 })).await;
        assert_eq!(again["result"]["agrees"], true, "{again}");
        assert_eq!((&again["result"]["store"], &again["day"]), (&json!(PRICE), &json!(1)));
        let states: Vec<_> = store.shop.read("/api/v1/days/1").await["terminals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["state"].clone())
            .collect();
        assert_eq!(states, ["not_reconciled", "reconciled"]);
        store.shop.person(closing, json!({ "day": 9 })).await.refused(404, "day-unknown");
    }
}

#[tokio::test]
async fn a_repeated_command_gets_its_reconciliation_and_closes_nothing_again() {
    let store = Store::open(TerminalProtocol::Zvt, "").await;
    store.sell().await;
    let closing = "/api/v1/terminals/terminal-1/closing";
    let headers = [("cookie", store.shop.cookie.as_str()), ("idempotency-key", "closing-0001")];
    let close = || crate::common::ask(&store.shop.router, "POST", closing, &headers, "{}");
    let first = close().await.expect(StatusCode::OK);
    store.sell().await;
    assert_eq!(close().await.expect(StatusCode::OK), first);
    let next = store.close_terminal(json!({})).await;
    assert_eq!((&first["number"], &next["number"]), (&json!(1), &json!(2)));
    assert_eq!((&next["result"]["terminal"], &next["result"]["agrees"]), (&json!(PRICE), &json!(true)));
}

#[tokio::test]
async fn a_day_closes_without_its_terminal() {
    let Store { terminal, shop, _directory } = Store::open(TerminalProtocol::Zvt, "").await;
    drop(terminal);
    let header = ("cookie", &*shop.cookie);
    let is_offline = |devices: &Value| devices[0]["health"]["state"] == "offline";
    wait_for(&shop.router, "/api/v1/devices", header, is_offline).await;
    shop.sell(0, json!([{ "sku": CEREAL }]), &[]).await.expect(StatusCode::OK);
    shop.person("/api/v1/days/close", json!({})).await.expect(StatusCode::OK);
    let has_ended = |day: &Value| day["terminals"][0]["state"] == "not_reconciled";
    let day = wait_for(&shop.router, "/api/v1/days/1", header, has_ended).await;
    let told = &day["terminals"][0];
    assert!(told["why"].as_str().unwrap().contains("terminal-1") && told["may_be_closed"].is_null(), "{told}");
}

/// A record that says that a terminal is asked, while nobody asks it.
#[tokio::test]
async fn a_hub_that_stopped_while_it_asked_says_so() {
    let store = Store::open(TerminalProtocol::Zvt, "").await;
    store.sell().await;
    let asked = store.shop.hub.store().commit_for(Purpose::Money, |transaction| {
        let by = By { actor: Actor::from(Station::Console), at_ms: 1 };
        let (date, currency) = (BusinessDay::new(2026, 11, 24).unwrap(), Currency::from_code("USD").unwrap());
        ask(transaction, &by, "terminal-1", CloseTerminal { day: Some(1) }, date, currency)
    });
    asked.await.unwrap();
    let has_ended = |day: &Value| day["terminals"][0]["state"] == "not_reconciled";
    let day = store.wait_for("/api/v1/days/1", has_ended).await;
    assert_eq!(day["terminals"][0]["may_be_closed"], true, "{day}");
    // The terminal had not been asked, so it has the whole.
    let reconciled = store.close_terminal(json!({})).await;
    assert_eq!((&reconciled["result"]["agrees"], &reconciled["result"]["store"]), (&json!(true), &json!(PRICE)));
}

#[tokio::test]
async fn the_report_of_the_day_is_printed_with_its_terminals() {
    let lane = Lane::open(ENGINE, "").await;
    lane.sell("sale-000001").await;
    let sale = json!({ "lines": [{ "sku": "818981" }], "card": true });
    lane.post("sale-000002", "/api/v1/sales", &sale).await.expect(StatusCode::OK);
    lane.papers(2).await;
    // A payment of another till, which the store does not know about.
    lane.terminal.charge(500);
    let person = |key: &'static str| [("cookie", lane.cookie.as_str()), ("idempotency-key", key)];
    let post = async |key: &'static str, path: &str, body: Value| {
        crate::common::ask(&lane.router, "POST", path, &person(key), &body.to_string()).await
    };
    post("close-0001", "/api/v1/days/close", json!({})).await.expect(StatusCode::OK);
    let has_ended = |day: &Value| day["terminals"][0]["state"] == "reconciled";
    wait_for(&lane.router, "/api/v1/days/1", ("cookie", &lane.cookie), has_ended).await;
    let unknown = post("print-0001", "/api/v1/days/1/print", json!({ "printer": "none" })).await;
    unknown.refused(404, "device-unknown");
    post("print-0002", "/api/v1/days/1/print", json!({ "printer": "receipts" })).await.expect(StatusCode::OK);
    let papers = lane.papers(3).await;
    for text in ["Z REPORT OF THE DAY", "Takings", "7.38", "Terminal", "Visa", "8.69", "Difference", "5.00", "p1"] {
        assert!(papers[2].iter().any(|line| line.contains(text)), "{text} is not on {:?}", papers[2]);
    }
}
