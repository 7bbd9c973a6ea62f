//! Pickers with their app, and customers at a register. They do what the hub's lists say, so they continue after a
//! restart, and the key of each command follows from the order.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Story,
    shop::{Codes, code},
};
use crate::{
    client::{Client, Reply},
    now_ms,
};

/// A part of the hub's lists.
struct Listed(Value);

/// A line with some units in a state.
struct Units {
    line: u64,
    sku: String,
    zone: String,
    milli: i64,
}

impl Listed {
    /// The parts in a state, the most urgent first.
    async fn all(client: &mut Client, state: &str) -> Result<Vec<Self>, String> {
        let listed = client.get(&format!("/api/v1/orders?state={state}&limit=50")).await?.done()?;
        Ok(listed.as_array().into_iter().flatten().cloned().map(Self).collect())
    }

    fn order(&self) -> &str {
        self.0["fulfilment"]["terms"]["order"].as_str().unwrap_or_default()
    }

    /// `web-7/1`.
    fn name(&self) -> String {
        format!("{}/{}", self.order(), self.0["fulfilment"]["part"])
    }

    fn kind(&self) -> &str {
        self.0["fulfilment"]["terms"]["kind"].as_str().unwrap_or_default()
    }

    fn customer(&self) -> &str {
        self.0["fulfilment"]["terms"]["customer"]["name"].as_str().unwrap_or_default()
    }

    /// The units in a state.
    fn units(&self, state: &str) -> Vec<Units> {
        let lines = self.0["fulfilment"]["lines"].as_array().into_iter().flatten();
        let units = |line: &Value| {
            let (milli, ordered) = (line["units"][state].as_i64()?, &line["ordered"]);
            let text = |field: &str| ordered[field].as_str().unwrap_or_default().to_owned();
            Some(Units { line: ordered["number"].as_u64()?, sku: text("sku"), zone: text("zone"), milli })
        };
        lines.filter_map(units).collect()
    }
}

fn amounts(units: &[Units]) -> Value {
    units.iter().map(|units| json!({ "line": units.line, "milli": units.milli })).collect()
}

/// The answer, or `None` if the order has moved on and the command no longer fits.
fn unless_moved_on(reply: Reply) -> Result<Option<Value>, String> {
    if [404, 409, 422].contains(&reply.status.as_u16()) {
        tracing::debug!(why = reply.problem("detail"), "an order moved on");
        return Ok(None);
    }
    reply.done().map(Some)
}

/// A picker.
pub(crate) struct Picker {
    client: Client,
    name: &'static str,
    step: Duration,
    codes: Arc<Codes>,
    story: Story,
    carts: u64,
    begun_at: i64,
}

impl Picker {
    /// A picker who needs `step` for each line.
    pub(crate) fn new(client: Client, name: &'static str, step: Duration, codes: Arc<Codes>, story: Story) -> Self {
        Self { client, name, step, codes, story, carts: 0, begun_at: now_ms() }
    }

    /// Picks a cart, then packs and finishes what is picked.
    ///
    /// # Errors
    /// The hub does not answer.
    pub(crate) async fn round(&mut self) -> Result<(), String> {
        self.pick().await?;
        for part in Listed::all(&mut self.client, "picked").await? {
            self.pack(&part).await?;
        }
        for part in Listed::all(&mut self.client, "packed").await? {
            self.finish(&part).await?;
        }
        for part in Listed::all(&mut self.client, "returning").await? {
            self.put_back(&part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: &str, what: &str, key: &str, body: &Value) -> Result<Option<Value>, String> {
        let path = format!("/api/v1/orders/{part}/{what}");
        let key = format!("{what}-{}-{key}", part.replace('/', "-"));
        unless_moved_on(self.client.command(&path, &key, body).await?)
    }

    /// Picks the most urgent cart.
    ///
    /// # Errors
    /// The hub does not answer.
    pub(super) async fn pick(&mut self) -> Result<(), String> {
        self.carts += 1;
        let key = format!("cart-{}-{}-{}", self.name, self.begun_at, self.carts);
        let cart = self.client.command("/api/v1/orders/next", &key, &json!({ "picker": self.name })).await?.done()?;
        for pick in cart["picks"].as_array().into_iter().flatten() {
            tokio::time::sleep(self.step).await;
            let part = format!("{}/{}", pick["order"].as_str().unwrap_or_default(), pick["part"]);
            let mut body = json!({ "picker": self.name, "line": pick["line"], "quantity": pick["quantity"] });
            match pick["sku"].as_str().and_then(|sku| self.codes.get(sku)) {
                Some(gtin) => body["gtin"] = gtin.as_str().into(),
                None => body["sku"] = pick["sku"].clone(),
            }
            let key = format!("{}-{}", pick["line"], pick["quantity"]["milli"]);
            if self.send(&part, "picks", &key, &body).await?.is_some() {
                let pieces = pick["quantity"]["milli"].as_i64().unwrap_or(0) / 1000;
                let text = format!("{} scans {pieces} x {}", self.name, pick["description"].as_str().unwrap_or("?"));
                self.story.tell("store", pick["order"].as_str().unwrap_or_default(), &text).await;
            }
        }
        Ok(())
    }

    /// Packs each temperature zone into a place of its own; cold goods with the reading of a probe.
    async fn pack(&mut self, part: &Listed) -> Result<(), String> {
        let mut zones: BTreeMap<String, Vec<Units>> = BTreeMap::new();
        for units in part.units("picked") {
            zones.entry(units.zone.clone()).or_default().push(units);
        }
        for (zone, units) in zones {
            let (place, probe) = match zone.as_str() {
                "chilled" => ("fridge-1", Some(34)),
                "frozen" => ("freezer-1", Some(-196)),
                _ => ("shelf-1", None),
            };
            let place = json!({ "name": place, "zone": zone });
            let body = json!({ "amounts": amounts(&units), "place": place, "probe_deci_celsius": probe });
            let key = format!("{zone}-{}", units.iter().map(|units| units.milli).sum::<i64>());
            self.send(&part.name(), "packs", &key, &body).await?;
        }
        Ok(())
    }

    /// Tells the customer, or gives the parcel to the carrier.
    async fn finish(&mut self, part: &Listed) -> Result<(), String> {
        if part.kind() == "ship_from_store" {
            let body = json!({ "amounts": amounts(&part.units("packed")), "tracking": format!("1Z{}", part.order()) });
            if let Some(sold) = self.send(&part.name(), "shipment", "all", &body).await? {
                let text = format!("the carrier takes the parcel, receipt {}", sold["receipt"]);
                self.story.tell("store", part.order(), &text).await;
            }
            return Ok(());
        }
        if self.send(&part.name(), "ready", "all", &json!({})).await?.is_some() {
            let staged = part.0["fulfilment"]["lines"].as_array().into_iter().flatten();
            let staged = staged.flat_map(|line| line["staged"].as_array().into_iter().flatten());
            let mut places: Vec<_> = staged.map(staged_at).collect();
            places.dedup();
            self.story.tell("store", part.order(), &format!("packed, waits in {}", places.join(", "))).await;
        }
        Ok(())
    }

    /// Puts cancelled goods back on the shelf.
    async fn put_back(&mut self, part: &Listed) -> Result<(), String> {
        for Units { line, milli, .. } in part.units("returning") {
            let body = json!({ "line": line, "milli": milli, "condition": "good" });
            if self.send(&part.name(), "returns", &format!("{line}-{milli}"), &body).await?.is_some() {
                self.story.tell("store", part.order(), "the goods are back on the shelf").await;
            }
        }
        Ok(())
    }
}

/// A staging place, with the temperature of cold goods.
#[allow(clippy::cast_precision_loss)] // tenths of a degree
fn staged_at(staged: &Value) -> String {
    let place = staged["place"]["name"].as_str().unwrap_or("?");
    match staged["probe_deci_celsius"].as_i64() {
        Some(probe) => format!("{place} at {:.1} °C", probe as f64 / 10.0),
        None => place.to_owned(),
    }
}

/// Customers, who come to a register for what is ready.
pub(super) struct Customers {
    client: Client,
    comes: Duration,
    codes: Arc<Codes>,
    story: Story,
    told: HashMap<String, Instant>,
    /// Handed over, or refused.
    done: HashSet<String>,
}

impl Customers {
    /// Customers who come a while after their order is ready.
    pub(super) fn new(client: Client, comes: Duration, codes: Arc<Codes>, story: Story) -> Self {
        Self { client, comes, codes, story, told: HashMap::new(), done: HashSet::new() }
    }

    /// Everybody whose order has been ready for long enough collects it.
    ///
    /// # Errors
    /// The hub does not answer.
    pub(super) async fn round(&mut self) -> Result<(), String> {
        for part in Listed::all(&mut self.client, "ready").await? {
            let since = *self.told.entry(part.name()).or_insert_with(Instant::now);
            if since.elapsed() < self.comes {
                continue;
            }
            if part.kind() == "curbside" {
                let path = format!("/api/v1/orders/{}/arrival", part.name());
                let key = format!("arrival-{}", part.order());
                unless_moved_on(self.client.command(&path, &key, &json!({ "bay": "3" })).await?)?;
                self.story.tell("store", part.order(), &format!("{} waits in bay 3", part.customer())).await;
            } else {
                self.collect(&part, "ready").await?;
            }
        }
        for part in Listed::all(&mut self.client, "arrived").await? {
            self.collect(&part, "arrived").await?;
        }
        Ok(())
    }

    async fn collect(&mut self, part: &Listed, state: &str) -> Result<(), String> {
        if !self.done.insert(part.name()) {
            return Ok(());
        }
        let checked = part.units(state).into_iter().map(|units| {
            let gtin = self.codes.get(&units.sku);
            json!({ "line": units.line, "milli": units.milli, "gtin": gtin })
        });
        let body = json!({ "checked": checked.collect::<Vec<_>>(), "code": code(part.order()) });
        let path = format!("/api/v1/orders/{}/handover", part.name());
        let key = format!("handover-{}", part.order());
        let Some(left) = unless_moved_on(self.client.command(&path, &key, &body).await?)? else { return Ok(()) };
        let (receipt, paid) = if left["outcome"] == "to_pay" {
            (self.pay(part, &left).await?, "paid in cash")
        } else {
            (left["receipt"].clone(), "paid online")
        };
        let text = format!("{} shows the code and gets the goods: receipt {receipt}, {paid}", part.customer());
        self.story.tell("store", part.order(), &text).await;
        Ok(())
    }

    /// Pays and completes the basket of an order that is paid in the store; returns the receipt's number.
    async fn pay(&mut self, part: &Listed, to_pay: &Value) -> Result<Value, String> {
        let basket = format!("/api/v1/baskets/{}", to_pay["basket"].as_str().unwrap_or_default());
        let cash = json!({ "tender": "cash", "amount": to_pay["due"] });
        let key = format!("cash-{}", part.order());
        self.client.command(&format!("{basket}/tenders"), &key, &cash).await?.done()?;
        let key = format!("complete-{}", part.order());
        let sold = self.client.command(&format!("{basket}/complete"), &key, &json!({})).await?.done()?;
        Ok(sold["receipt"].clone())
    }
}
