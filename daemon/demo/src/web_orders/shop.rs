//! The web shop: an ordinary client of HQ's API.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use commerce::{Currency, Minor, Sku};
use serde_json::{Value, json};

use super::{Goods, Story};
use crate::{
    client::Client,
    now_ms,
    stage::{LOCATION, Stage},
};

const NAMES: [&str; 6] =
    ["Ada Byron", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Radia Perlman"];

const KINDS: [(&str, &str); 4] =
    [("pickup", "pickup"), ("reserve", "pay in store"), ("curbside", "curbside"), ("ship_from_store", "ship to home")];

/// The time until an order is due.
const DUE_MS: i64 = 2 * 60 * 60 * 1000;

/// The time until the store's first quotas are at HQ.
const GRANTED_WITHIN: Duration = Duration::from_secs(90);

/// The GTIN of each item that the shop offers.
pub(crate) type Codes = HashMap<String, String>;

/// What became of a request to order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It was placed.
    Placed,
    /// It had been placed by an earlier run.
    Known,
    /// The quota is too small.
    NotAvailable,
    /// HQ has not heard from the store's hub since it was started.
    NotYet,
}

/// The shop.
pub(super) struct Shop {
    client: Client,
    store: String,
    currency: Currency,
    goods: Vec<Goods>,
    story: Story,
}

/// The id of an order.
pub(super) fn id(number: usize) -> String {
    format!("web-{number}")
}

/// The pickup code of an order, which only the customer knows.
pub(super) fn code(order: &str) -> String {
    format!("PLUM-{order}")
}

impl Shop {
    /// Opens the shop, with a key of its own.
    ///
    /// # Errors
    /// HQ's ledger fails.
    pub(super) async fn open(stage: &Stage, goods: Vec<Goods>, story: Story) -> Result<Self, String> {
        let client = Client::with_key(stage.hq_endpoint()?, stage.server.shop_key().await?);
        let (store, currency) = (stage.config.store.hub.to_string(), stage.config.store.currency);
        Ok(Self { client, store, currency, goods, story })
    }

    /// What pickers scan.
    pub(super) fn codes(&self) -> Arc<Codes> {
        let code = |goods: &Goods| Some((goods.item.sku.to_string(), goods.item.gtin?.to_string()));
        Arc::new(self.goods.iter().filter_map(code).collect())
    }

    /// The items that the shop offers.
    pub(super) fn skus(&self) -> Vec<Sku> {
        self.goods.iter().map(|goods| goods.item.sku.clone()).collect()
    }

    /// Waits until the store has granted something of every item.
    ///
    /// # Errors
    /// It has granted nothing in time.
    pub(super) async fn wait_for_quotas(&mut self) -> Result<(), String> {
        let until = Instant::now() + GRANTED_WITHIN;
        for sku in self.skus() {
            while self.quota(&sku).await?[1] == 0 {
                if Instant::now() > until {
                    return Err(format!("HQ has no web quota of item {sku}; see the hub's log"));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// What the web may sell of an item, and what was granted and sold, in pieces.
    ///
    /// # Errors
    /// HQ's refusal.
    pub(super) async fn quota(&mut self, sku: &Sku) -> Result<[i64; 3], String> {
        let path = format!("/api/v1/availability?store={}&sku={sku}", self.store);
        let found = self.client.get(&path).await?.done()?;
        let of = &found["items"][0];
        Ok(["available", "granted", "spent"].map(|field| of[field].as_i64().unwrap_or(0) / 1000))
    }

    /// An order as HQ knows it; `None` if it was not placed.
    ///
    /// # Errors
    /// HQ's refusal.
    pub(super) async fn order(&mut self, order: &str) -> Result<Option<Value>, String> {
        let found = self.client.get(&format!("/api/v1/orders/{order}")).await?;
        if found.status == 404 {
            return Ok(None);
        }
        found.done().map(Some)
    }

    /// Orders some goods; kind, customer and goods follow from the number.
    ///
    /// # Errors
    /// HQ's refusal, unless the quota is too small.
    pub(super) async fn place(&mut self, number: usize) -> Result<Asked, String> {
        let first = number % self.goods.len();
        let second = (first + 1 + number % (self.goods.len() - 1)) % self.goods.len();
        let pieces = 1 + i64::try_from(number % 3).unwrap_or(0);
        let lines: &[_] = if number.is_multiple_of(3) { &[(first, pieces), (second, 1)] } else { &[(first, pieces)] };
        self.place_lines(number, lines).await
    }

    /// Orders pieces of goods, by their places in the shop.
    ///
    /// # Errors
    /// HQ's refusal, unless the quota is too small.
    pub(super) async fn place_lines(&mut self, number: usize, lines: &[(usize, i64)]) -> Result<Asked, String> {
        let order = id(number);
        if self.order(&order).await?.is_some() {
            return Ok(Asked::Known);
        }
        let (kind, how) = KINDS[number % KINDS.len()];
        let name = NAMES[number % NAMES.len()];
        let to = match kind {
            "ship_from_store" => json!({ "point": LOCATION }),
            _ => json!({ "store": self.store }),
        };
        let payment = match kind {
            "reserve" => json!({ "by": "at_pickup" }),
            _ => json!({ "by": "prepaid", "reference": format!("psp-{order}") }),
        };
        let line = |(place, (goods, pieces)): (usize, &(usize, i64))| {
            let Goods { item, zone } = &self.goods[*goods];
            json!({ "number": place + 1, "sku": item.sku, "description": item.description, "price": item.price,
                "quantity": { "milli": pieces * 1000, "unit": "each" }, "zone": zone })
        };
        let body = json!({
            "order": order, "kind": kind, "to": to, "currency": self.currency, "payment": payment,
            "customer": { "name": name, "phone": format!("+1 513 555 {number:06}"), "code": code(&order),
                "address": ["1 Vine Street", "Cincinnati, OH"] },
            "due_ms": now_ms() + DUE_MS, "lines": lines.iter().enumerate().map(line).collect::<Vec<_>>(),
        });
        let reply = self.client.command("/api/v1/orders", &format!("place-{order}"), &body).await?;
        if reply.body["rule"] == "offline" {
            return Ok(Asked::NotYet);
        }
        if reply.problem("type") == "/problems/not-available" {
            let wants: Vec<_> =
                lines.iter().map(|(goods, pieces)| format!("{pieces} x {}", self.name_of(*goods))).collect();
            let why = match reply.body["rule"].as_str() {
                Some("no_stock") => "the store has granted no more".to_owned(),
                _ => reply.problem("detail"),
            };
            let text = format!("{name}, {how}: {}: refused, {why}", wants.join(", "));
            self.story.tell("web shop", &order, &text).await;
            return Ok(Asked::NotAvailable);
        }
        reply.done()?;
        let mut wants = Vec::new();
        for (goods, pieces) in lines {
            let sku = self.goods[*goods].item.sku.clone();
            let [left, ..] = self.quota(&sku).await?;
            wants.push(format!("{pieces} x {} ({left} left for the web)", self.name_of(*goods)));
        }
        self.story.tell("web shop", &order, &format!("{name}, {how}: {}", wants.join(", "))).await;
        Ok(Asked::Placed)
    }

    fn name_of(&self, goods: usize) -> &str {
        &self.goods[goods].item.description
    }

    /// Cancels an order, unless it is over.
    ///
    /// # Errors
    /// HQ does not answer.
    pub(super) async fn cancel(&mut self, order: &str) -> Result<(), String> {
        let path = format!("/api/v1/orders/{order}/cancel");
        let reply = self.client.command(&path, &format!("cancel-{order}"), &json!({})).await?;
        if reply.status.is_success() {
            self.story.tell("web shop", order, "the customer cancels").await;
        }
        Ok(())
    }

    /// Tells what HQ reports of all orders from now on.
    ///
    /// # Errors
    /// HQ does not answer.
    pub(super) async fn follow(&self) -> Result<(), String> {
        let mut client = self.client.twin();
        let start = client.get("/api/v1/events?after=now&limit=1").await?.done()?;
        let mut after = start["next"].as_str().ok_or("the feed has no position")?.to_owned();
        let (story, currency) = (self.story.clone(), self.currency);
        tokio::spawn(async move {
            let mut states: BTreeMap<String, String> = BTreeMap::new();
            while !story.0.is_closed() {
                let path = format!("/api/v1/events?after={after}&kinds=order.changed,refund.due&stores=hq&wait=10");
                let Ok(part) = client.get(&path).await.and_then(crate::client::Reply::done) else { continue };
                for event in part["items"].as_array().into_iter().flatten() {
                    let body = &event["body"];
                    let order = body["order"].as_str().unwrap_or_default();
                    if event["kind"] == "refund.due" {
                        let amount = Minor::new(body["amount"].as_i64().unwrap_or(0)).unwrap_or_default();
                        story.tell("HQ", order, &format!("a refund of {} is due", amount.display(currency))).await;
                        continue;
                    }
                    let state = body["state"].as_str().unwrap_or_default().to_owned();
                    let is_new = states.get(order) != Some(&state);
                    if let Some(text) = said(&state).filter(|_| is_new) {
                        story.tell("HQ", order, text).await;
                    }
                    states.insert(order.to_owned(), state);
                }
                after = part["next"].as_str().map_or(after, str::to_owned);
            }
        });
        Ok(())
    }
}

/// A state that customers care about.
fn said(state: &str) -> Option<&'static str> {
    Some(match state {
        "accepted" => "the store has accepted it",
        "ready" => "ready, the customer is told",
        "handed_over" => "handed over",
        "shipped" => "shipped",
        "cancelled" => "cancelled",
        "expired" => "not collected in time",
        "rejected" | "short" => "the store does not have everything",
        _ => return None,
    })
}
