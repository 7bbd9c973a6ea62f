//! The crash matrix of card payments: the link is cut, or the hub stops, at every message boundary and every stored
//! step of sale, reversal and refund. What the terminal's books say is what the hub sold: nothing is charged twice,
//! nothing is lost.

use app::{
    payments::{self, Intent},
    selling::{self, NumberSource, SaleContext},
};
use axum::http::StatusCode;
use commerce::{
    Actor, Basket, BasketId, BusinessDay, Currency, Minor, NewLine, Particulars, PaymentId, PaymentState, Quantity,
    line::What,
    payment::{Event, Inquiry, Todo, todo},
};
use drivers::simulate::{BookedState, NexoPoint, Point, SimulatedCardTerminal, TerminalProtocol};
use serde_json::{Value, json};
use store::EngineKind;

use crate::common::{
    ask,
    headquarters::Headquarters,
    lane::until,
    open_as,
    shop::{CEREAL, Shop},
    wait_for,
};

/// The net amount of a sale here.
const PRICE: u64 = 369;

/// The amount of a refund here.
const REFUND: u64 = 100;

/// Charges that stand, and the sum of refunds, in a terminal's books.
fn books(terminal: &SimulatedCardTerminal) -> (usize, u64) {
    let books = terminal.books();
    let charges = books.iter().filter(|(_, state)| *state == BookedState::Charged).count();
    let refunds = books.iter().filter(|(_, state)| *state == BookedState::Refund).map(|(minor, _)| minor).sum();
    (charges, refunds)
}

/// The number of points where a terminal's link can be cut.
fn points(terminal: &SimulatedCardTerminal) -> usize {
    match terminal {
        SimulatedCardTerminal::Nexo(_) => NexoPoint::ALL.len(),
        _ => Point::ALL.len(),
    }
}

/// Cuts the link at one of them. The terminal goes on, if the protocol says so.
fn cut_at(terminal: &SimulatedCardTerminal, point: usize) {
    match terminal {
        SimulatedCardTerminal::Zvt(device) => device.drop_link_at(Some(Point::ALL[point])),
        SimulatedCardTerminal::Nexo(device) => device.script(|script| {
            script.cut_at = Some(NexoPoint::ALL[point]);
            script.in_progress_for = 1;
        }),
        _ => unreachable!("the matrix has two protocols"),
    }
}

/// A store with one terminal, connected to HQ.
struct Bench {
    terminal: SimulatedCardTerminal,
    shop: Shop,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn open(protocol: TerminalProtocol, hq: &Headquarters) -> Self {
        let terminal = SimulatedCardTerminal::bind(protocol, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let device = terminal.config("terminal-1", directory.path()).unwrap();
        let more = format!("payment_terminal = \"terminal-1\"\n{device}{}", hq.config());
        let hub = open_as(directory.path(), protocol.name(), EngineKind::Sqlite, &more);
        let bench = Self { terminal, shop: Shop::enter(hub, directory.path()).await, _directory: directory };
        bench.is_ready().await;
        let sells = || selling::number_source(bench.shop.hub.store()).unwrap() != Some(NumberSource::Asking);
        until("receipt numbers", sells).await;
        // The previous customer paid the same amount, which alone must not match.
        bench.sell().await;
        bench
    }

    /// HQ, and a store for each protocol.
    async fn both() -> (Headquarters, [Self; 2]) {
        let hq = Headquarters::start().await;
        let zvt = Self::open(TerminalProtocol::Zvt, &hq).await;
        let nexo = Self::open(TerminalProtocol::Nexo, &hq).await;
        (hq, [zvt, nexo])
    }

    async fn wait(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        wait_for(&self.shop.router, path, ("cookie", &self.shop.cookie), is_there).await
    }

    async fn is_ready(&self) {
        self.wait("/api/v1/devices", |devices| devices[0]["health"]["state"] == "ready").await;
    }

    /// Sells one piece by card, and returns the payment.
    async fn sell(&self) -> Value {
        let opened = self.shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
        self.shop.till(1, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
        let key = self.shop.key();
        let pay = format!("{path}/payments");
        let payment = loop {
            let answer = self.shop.till_with_key(1, &pay, &key, json!({})).await;
            if answer.status == StatusCode::OK {
                break answer.body;
            }
            // In progress, or the terminal is still busy with the one before.
            assert!(matches!(answer.status.as_u16(), 202 | 409), "{}", answer.body);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        let is_paid = payment["state"] == "approved";
        let complete = self.shop.till(1, &format!("{path}/complete"), json!({})).await;
        assert_eq!(complete.status == StatusCode::OK, is_paid, "{payment} {}", complete.body);
        if !is_paid {
            self.shop.till(1, &format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
        }
        payment
    }

    /// The sales, and the payments without an outcome.
    async fn records(&self) -> (usize, Value) {
        let sales = self.shop.read("/api/v1/sales?limit=200").await.as_array().unwrap().len();
        (sales, self.shop.read("/api/v1/payments?state=unresolved").await)
    }
}

/// HQ has the sales of the stores, and no other amount than the terminals charged.
async fn hq_agrees(hq: &Headquarters, benches: &[Bench]) {
    let mut sold = 0;
    for bench in benches {
        sold += bench.records().await.0;
    }
    hq.wait_for_sales(sold as u64).await;
    let summary = hq.ledger.summary().await.unwrap();
    assert_eq!((summary.net_minor, summary.quarantined), (i64::try_from(sold as u64 * PRICE).unwrap(), 0));
}

#[tokio::test]
async fn a_sale_whose_link_is_cut_anywhere_is_charged_once_or_not_at_all() {
    let (hq, benches) = Bench::both().await;
    for bench in &benches {
        for point in 0..points(&bench.terminal) {
            bench.is_ready().await;
            cut_at(&bench.terminal, point);
            bench.sell().await;
            let (sales, open) = bench.records().await;
            assert_eq!((books(&bench.terminal).0, open), (sales, json!([])), "cut at point {point}");
        }
    }
    hq_agrees(&hq, &benches).await;
}

#[tokio::test]
async fn a_reversal_whose_link_is_cut_anywhere_gives_back_once() {
    let (hq, benches) = Bench::both().await;
    for bench in &benches {
        for point in 0..points(&bench.terminal) {
            bench.is_ready().await;
            let opened = bench.shop.till(1, "/api/v1/baskets", json!({})).await.expect(StatusCode::CREATED);
            let path = format!("/api/v1/baskets/{}", opened["id"].as_str().unwrap());
            bench.shop.till(1, &format!("{path}/lines"), json!({ "sku": CEREAL })).await.expect(StatusCode::OK);
            let paid = bench.shop.till(1, &format!("{path}/payments"), json!({})).await.expect(StatusCode::OK);
            bench.is_ready().await;
            cut_at(&bench.terminal, point);
            // The hub reverses it by itself, and again if the request never arrived.
            bench.shop.till(1, &format!("{path}/abandon"), json!({})).await.expect(StatusCode::OK);
            let payment = format!("/api/v1/payments/{}", paid["id"].as_str().unwrap());
            let is_back = |payment: &Value| payment["state"] == "reversed" || payment["state"] == "refund_submitted";
            bench.wait(&payment, is_back).await;
            let (sales, open) = bench.records().await;
            assert_eq!((books(&bench.terminal), open), ((sales, 0), json!([])), "cut at point {point}");
        }
    }
    hq_agrees(&hq, &benches).await;
}

#[tokio::test]
async fn a_refund_whose_link_is_cut_anywhere_gives_back_what_the_records_say() {
    let (hq, benches) = Bench::both().await;
    for bench in &benches {
        let mut refunded = 0;
        for point in 0..points(&bench.terminal) {
            bench.is_ready().await;
            let paid = bench.sell().await;
            bench.is_ready().await;
            cut_at(&bench.terminal, point);
            let (path, key) = (format!("/api/v1/payments/{}/refunds", paid["id"].as_str().unwrap()), bench.shop.key());
            let refund = loop {
                let answer = bench.shop.till_with_key(1, &path, &key, json!({ "amount": REFUND })).await;
                if answer.status == StatusCode::OK {
                    break answer.body;
                }
                assert!(matches!(answer.status.as_u16(), 202 | 409), "{}", answer.body);
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            };
            let is_done = refund["state"] == "approved" || refund["state"] == "refund_submitted";
            refunded += if is_done { REFUND } else { 0 };
            let original = bench.shop.read(&format!("/api/v1/payments/{}", paid["id"].as_str().unwrap())).await;
            assert_eq!(original["refunded"].as_u64().unwrap_or(0), if is_done { REFUND } else { 0 }, "{refund}");
            assert_eq!(books(&bench.terminal).1, refunded, "cut at point {point}: {refund}");
        }
    }
    hq_agrees(&hq, &benches).await;
}

/// The hub stops at each stored step of a sale and of a refund, and the terminal has done everything or nothing by
/// then. The next hub's follower finds what is stored.
#[tokio::test]
async fn a_payment_left_at_any_stored_step_ends_as_the_terminal_booked() {
    let send = || Event::Send;
    let doubt = || Event::Doubt { why: "silent".into() };
    let steps: [(&[Event], bool); 9] = [
        (&[], false),
        (&[send()], false),
        (&[send()], true),
        (&[send(), doubt()], false),
        (&[send(), doubt()], true),
        // Only ZVT says that it took a payment.
        (&[send(), Event::Taken], false),
        (&[send(), Event::Taken], true),
        (&[send(), Event::Taken, doubt()], true),
        (&[send(), Event::Approve { offline: false }], true),
    ];
    let (hq, benches) = Bench::both().await;
    for bench in &benches {
        let mut refunded = 0;
        for (events, booked) in &steps {
            let says_taken = matches!(bench.terminal, SimulatedCardTerminal::Zvt(_));
            if events.contains(&Event::Taken) && !says_taken {
                continue;
            }
            let case = format!("{events:?}, booked: {booked}");
            let original = bench.sell().await;
            let id = bench.leave(None, events, *booked).await;
            let payment = bench.ended(id).await;
            assert_eq!(payment["state"] == "approved", *booked, "{case}: {payment}");
            let (sales, open) = bench.records().await;
            assert_eq!((books(&bench.terminal).0, open), (sales, json!([])), "{case}: {payment}");

            let of = original["id"].as_str().unwrap().parse().unwrap();
            let id = bench.leave(Some(of), events, *booked).await;
            let refund = bench.ended(id).await;
            refunded += if *booked { REFUND } else { 0 };
            let left = bench.shop.read(&format!("/api/v1/payments/{of}")).await;
            assert_eq!(left["refunded"].as_u64().unwrap_or(0), if *booked { REFUND } else { 0 }, "{case}: {refund}");
            assert_eq!(books(&bench.terminal).1, refunded, "refund, {case}: {refund}");
        }
    }
    hq_agrees(&hq, &benches).await;
}

impl Bench {
    /// Stores a sale by card, or a refund, as a hub leaves it that stops after these events. `booked` says whether the
    /// terminal has done it by then.
    async fn leave(&self, refund_of: Option<PaymentId>, events: &[Event], booked: bool) -> PaymentId {
        let store = self.shop.hub.store();
        let minor = if refund_of.is_some() { REFUND } else { PRICE };
        let state = if refund_of.is_some() { BookedState::Refund } else { BookedState::Charged };
        // Payments are numbered in order, and the sale before this one was paid by card.
        let before = match &self.terminal {
            SimulatedCardTerminal::Zvt(device) => {
                let last = device.journal().last().map(|last| last.trace).unwrap();
                match (booked, state) {
                    (false, _) => {}
                    (true, BookedState::Refund) => device.refund(minor),
                    (true, _) => device.charge(minor),
                }
                json!({ "terminal_id": "52523535", "trace": last, "receipt": last })
            }
            SimulatedCardTerminal::Nexo(device) => {
                let last = device.books().last().unwrap().service_id.clone();
                if booked {
                    device.book(&reference(store.epoch(), self.last_payment().await + 1), minor, state);
                }
                json!({ "last": { "category": "Payment", "service_id": last } })
            }
            _ => unreachable!("the matrix has two protocols"),
        };
        let (events, context) = (events.to_vec(), context(store.epoch()));
        let left = store.commit(move |transaction| {
            let by = app::By { actor: Actor::register("till-2".parse().unwrap()), at_ms: 1 };
            let payment = match refund_of {
                Some(of) => {
                    let amount = Minor::new(i64::try_from(minor).unwrap());
                    payments::start_refund(transaction, &by, of, amount, before)?
                }
                None => {
                    let intent = Intent { terminal: "terminal-1".into(), amount: None, before };
                    payments::start_whole_sale(transaction, &by, basket()?, intent)?
                }
            };
            for event in &events {
                payments::apply(transaction, payment.id, event, None, &context)?;
            }
            Ok::<PaymentId, app::Refusal>(payment.id)
        });
        left.await.unwrap()
    }

    /// The number of the last payment.
    async fn last_payment(&self) -> u64 {
        let mut last = 0;
        let read = |number: u64| {
            let path = format!("/api/v1/payments/{}", PaymentId(number));
            async move { ask(&self.shop.router, "GET", &path, &[("cookie", &self.shop.cookie)], "").await.status }
        };
        while read(last + 1).await == StatusCode::OK {
            last += 1;
        }
        last
    }

    /// A payment that nobody needs to drive any more.
    async fn ended(&self, id: PaymentId) -> Value {
        let has_ended = |payment: &Value| {
            let state: PaymentState = serde_json::from_value(payment.clone()).unwrap();
            todo(&state, Inquiry::LastOnly) == Todo::Wait
        };
        self.wait(&format!("/api/v1/payments/{id}"), has_ended).await
    }
}

/// The hub's id of a payment at its terminal, computed independently.
fn reference(epoch: u64, payment: u64) -> String {
    let digits = |number: u64, length: u32| -> String {
        let places = (0..length).rev().map(|place| number / 36_u64.pow(place) % 36);
        places.map(|digit| char::from_digit(u32::try_from(digit).unwrap(), 36).unwrap().to_ascii_uppercase()).collect()
    };
    format!("{}{}", digits(epoch / 1000, 4), digits(payment * 2, 6))
}

fn basket() -> Result<Basket, app::Refusal> {
    let usd = Currency::from_code("USD").unwrap();
    let mut basket = Basket::open(BasketId(0), "till-2".parse().unwrap(), None, usd, 1, None, None)?;
    let item = json!({ "sku": CEREAL, "description": "Cereal", "price": { "minor": PRICE, "per": "each" } });
    let item = serde_json::from_value(item).unwrap();
    let quantity = Quantity::pieces(1).unwrap();
    let what = What::Item(&item);
    basket.add_line(NewLine { what, quantity, keyed: None, discounts: vec![], particulars: Particulars::default() })?;
    Ok(basket)
}

fn context(epoch: u64) -> SaleContext {
    SaleContext {
        epoch,
        at_ms: 1,
        business_day: BusinessDay::new(2026, 11, 24).unwrap(),
        fiscal_year: 2026,
        printer: None,
    }
}
