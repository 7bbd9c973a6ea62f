//! A simulated register: sells a basket through the LAN API like a cashier, with scans, keyed lines, coupons, cash and
//! cards.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use drivers::simulate::SimulatedScanner;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    client::Client,
    data::{DataBasket, DataLine},
};

/// How long to wait for the event of a scan before scanning again (a hub that restarts receives nothing).
const SCAN: Duration = Duration::from_secs(2);

/// The number of card attempts before giving up.
const CARD_TRIES: u32 = 20;

/// A register.
pub(crate) struct Register {
    client: Client,
    scanner: Arc<SimulatedScanner>,
    events: mpsc::Receiver<(Instant, Value)>,
    /// The time of each scan from its last byte to the event at this register.
    pub(crate) scans: Vec<Duration>,
    /// The time of completing each sale, as measured by this register.
    pub(crate) sales: Vec<Duration>,
}

/// The means of payment for the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pays {
    /// Cash, rounded up to the next five units.
    Cash,
    /// A card, on the terminal of the lane.
    Card,
}

impl Register {
    /// A paired register with its scanner.
    pub(crate) fn new(client: Client, scanner: Arc<SimulatedScanner>) -> Self {
        let events = client.listen();
        Self { client, scanner, events, scans: Vec::new(), sales: Vec::new() }
    }

    /// Sells a basket. `key` is part of every idempotency key, so that selling it again changes nothing. `pause` is the
    /// time between lines.
    ///
    /// # Errors
    /// The hub's refusal.
    pub(crate) async fn sell(
        &mut self,
        basket: &DataBasket,
        key: &str,
        reference: &str,
        pays: Pays,
        pause: Duration,
    ) -> Result<(), String> {
        let opened = json!({ "reference": reference, "customer": basket.customer });
        let opened = self.client.command("/api/v1/baskets", &format!("{key}-open"), &opened).await?.done()?;
        let path = format!("/api/v1/baskets/{}", opened["id"].as_str().ok_or("the answer has no basket id")?);
        for (number, line) in basket.lines.iter().enumerate() {
            let body = self.line(line).await?;
            self.client.command(&format!("{path}/lines"), &format!("{key}-line-{number}"), &body).await?.done()?;
            tokio::time::sleep(pause).await;
        }
        for (number, line) in basket.lines.iter().enumerate().filter(|(_, line)| line.manufacturer_coupon.is_positive())
        {
            let coupon = json!({ "tender": "manufacturer_coupon", "amount": line.manufacturer_coupon });
            self.client
                .command(&format!("{path}/tenders"), &format!("{key}-coupon-{number}"), &coupon)
                .await?
                .done()?;
        }
        let [.., net, coupons] = basket.sums();
        let due = net - coupons;
        match pays {
            _ if due <= 0 => {}
            Pays::Cash => {
                let cash = json!({ "tender": "cash", "amount": (due + 499) / 500 * 500 });
                self.client.command(&format!("{path}/tenders"), &format!("{key}-cash-1"), &cash).await?.done()?;
            }
            Pays::Card => self.card(&path, key).await?,
        }
        let began = Instant::now();
        let sale =
            self.client.command(&format!("{path}/complete"), &format!("{key}-complete"), &json!({})).await?.done()?;
        self.sales.push(began.elapsed());
        let sold = sale["totals"]["net"].as_i64();
        if sold == Some(net) {
            Ok(())
        } else {
            Err(format!("basket {}: the hub sold it for {sold:?} instead of {net}", basket.id))
        }
    }

    /// The request of a line: its code is scanned if it has one, otherwise keyed.
    async fn line(&mut self, line: &DataLine) -> Result<Value, String> {
        let mut body = json!({ "quantity": line.quantity });
        match line.gtin {
            Some(gtin) => body["gtin"] = self.scan(&gtin.to_string()).await?.into(),
            None => body["sku"] = line.sku.as_str().into(),
        }
        if !line.on_file {
            body["description"] = line.description().into();
        }
        if !line.at_catalog_price {
            body["keyed"] = json!({ "amount": line.regular, "reason": "shelf price of the day" });
        }
        let mut discounts = Vec::new();
        if line.loyalty.is_positive() {
            discounts.push(json!({ "reason": "Loyalty price", "origin": "loyalty", "amount": line.loyalty }));
        }
        if line.coupon_match.is_positive() {
            discounts.push(json!({ "reason": "Coupon match", "origin": "store_coupon", "amount": line.coupon_match }));
        }
        body["discounts"] = discounts.into();
        Ok(body)
    }

    /// Scans a code and waits for the hub's event; returns the code in the event.
    async fn scan(&mut self, code: &str) -> Result<String, String> {
        for _ in 0..60 {
            while self.events.try_recv().is_ok() {}
            let sent = self.scanner.scan("]E0", code).await.map_err(|error| error.to_string())?;
            let heard = timeout(SCAN, async {
                while let Some((at, event)) = self.events.recv().await {
                    if event["event"] == "scan" && event["data"] == code {
                        return Some(at);
                    }
                }
                None
            });
            if let Ok(Some(at)) = heard.await {
                self.scans.push(at.saturating_duration_since(sent));
                return Ok(code.to_owned());
            }
        }
        Err(format!("the register received no event for the scan of {code}"))
    }

    async fn card(&mut self, path: &str, key: &str) -> Result<(), String> {
        for attempt in 1..=CARD_TRIES {
            let key = format!("{key}-card-{attempt}");
            let reply = loop {
                let reply = self.client.command(&format!("{path}/payments"), &key, &json!({})).await?;
                // The payment is still in progress, or the terminal is busy with an earlier one: send the same command
                // again.
                let under_way = reply.status == 202
                    || (reply.status == 409 && reply.problem("type") != "/problems/idempotency-key-reused");
                if !under_way {
                    break reply;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            let payment = reply.done()?;
            match payment["state"].as_str() {
                Some("approved") => return Ok(()),
                Some("declined" | "not_charged") => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => return Err(format!("payment {}: {}", payment["id"], payment["why"])),
            }
        }
        Err(format!("the card was refused {CARD_TRIES} times"))
    }
}
