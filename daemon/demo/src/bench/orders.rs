//! Customer orders: from the shop's request to the picker's screen, handovers next to sales, and sales of a store that
//! has many open orders next to those of one that has none.
//!
//! Two stores of their own run at once, so that both sides of a ratio are measured alternately in one run.

use std::{path::Path, sync::Arc, time::Instant};

use app::{
    By, CAPABILITIES, Refusal, catalog,
    catalog::Catalog,
    stock::{self, GoodsEvent, GoodsNote, Home},
};
use commerce::{
    Actor, Item, OrderId, Price, Quantity, Station, Unit,
    order::{Customer, Kind, Order, Ordered, Payment, Substitution, Terms, Zone},
    stock::{Condition, Portion},
};
use contract::{
    DownItem, Epoch, Sequence, Stream,
    order::{OFFERED, OrderOffered},
};
use hq::Ledger;
use hub::config::Config;
use serde::Serialize;
use serde_json::{Value, json};
use store::{EngineKind, Store, Timings, Transaction};

use super::{durable::difference, each, made_up};
use crate::{
    client::Client,
    data::Data,
    now_ms,
    replay::Percentiles,
    stage::Stage,
    web_orders::{Codes, Picker, Story},
};

/// The number of measured orders and of sales next to them.
const MEASURED: usize = 200;

/// Items for the web: each order takes some of them, a piece of each.
const ITEMS: usize = 200;

/// Handovers, and sales of each store, between two looks at the other side.
const TURN: usize = 20;

/// Open orders of the busy store.
const OPEN: usize = 50_000;

/// Orders per commit while that store is made.
const PART: usize = 500;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// The results.
#[derive(Serialize)]
pub(super) struct Orders {
    /// Orders that were placed, one after the other.
    placed: usize,
    /// From the shop's request to the event at a register, through HQ, broker and hub.
    screen_ms: Percentiles,
    /// A handover of a prepaid order, and a sale of as many lines, as a register measures them.
    handover_ms: Percentiles,
    sale_ms: Percentiles,
    /// Microseconds in the committer for each.
    handover_us: f64,
    sale_us: f64,
    /// Open orders in the busy store.
    open: usize,
    /// Sales of a store without open orders, and of the busy one.
    idle_ms: Percentiles,
    busy_ms: Percentiles,
}

impl Orders {
    /// The results as text.
    pub(super) fn table(&self) -> String {
        let Self { placed, screen_ms, handover_ms, sale_ms, handover_us, sale_us, open, idle_ms, busy_ms } = self;
        format!(
            "  order to screen        p50 {:.1} ms, p99 {:.1} ms, from the shop's request at HQ, {placed} orders\n  \
             handover               p50 {:.2} ms, p99 {:.2}; a sale {:.2}, {:.2}\n  \
             in the committer       a handover {handover_us:.0} us, a sale {sale_us:.0} us\n  \
             sales                  p50 {:.2} ms, p99 {:.2} without orders; {:.2}, {:.2} with {open} open orders\n",
            screen_ms.p50,
            screen_ms.p99,
            handover_ms.p50,
            handover_ms.p99,
            sale_ms.p50,
            sale_ms.p99,
            idle_ms.p50,
            idle_ms.p99,
            busy_ms.p50,
            busy_ms.p99,
        )
    }
}

/// Measures in a directory.
///
/// # Errors
/// Something could not be started, or a command was refused.
pub(super) async fn measure(directory: &Path, engine: EngineKind, items: &[Item]) -> Result<Orders, String> {
    let is_sold = |item: &&Item| item.price.minor.is_positive() && !item.price.per.is_measure();
    let items: Vec<Item> = items.iter().filter(is_sold).take(ITEMS).cloned().collect();
    eprintln!("  orders: from the shop to the screen");
    let stage = Stage::build(directory.join("orders"), engine, 1).await?;
    let clients = stage.open_store(&Data { items: items.clone(), baskets: Vec::new() }).await?;
    let till = clients.first().ok_or("no register")?;
    let mut bench = Bench { shop: shop(&stage).await?, till: till.twin(), stage: &stage, items: &items, run: now_ms() };
    bench.wait_for_quotas().await?;
    let screen = bench.place().await?;
    eprintln!("  orders: handovers and sales");
    bench.make_ready().await?;
    let (handovers, sales) = bench.hand_over().await?;
    eprintln!("  orders: sales with {OPEN} open orders");
    let busy = Stage::build_after(directory.join("busy"), engine, 1, async |config, ledger| {
        fill(config, ledger, &items).await
    });
    let busy = busy.await?;
    let busy_tills = busy.open_store(&Data { items: items.clone(), baskets: Vec::new() }).await?;
    let mut busy_till = busy_tills.first().ok_or("no register")?.twin();
    let open = busy_till.get("/api/v1/status").await?.done()?["orders"]["open"].as_u64();
    if open != Some(OPEN as u64) {
        return Err(format!("the busy store has {open:?} open orders instead of {OPEN}"));
    }
    let (mut idle_ms, mut busy_ms) = (Vec::new(), Vec::new());
    for turn in 0..2 * MEASURED / TURN {
        for number in turn * TURN..(turn + 1) * TURN {
            idle_ms.push(sell(&mut bench.till, &items, &format!("idle-{}-{number}", bench.run)).await?);
        }
        for number in turn * TURN..(turn + 1) * TURN {
            busy_ms.push(sell(&mut busy_till, &items, &format!("busy-{}-{number}", bench.run)).await?);
        }
    }
    Ok(Orders {
        placed: MEASURED,
        screen_ms: Percentiles::of(screen),
        handover_us: handovers.us(),
        handover_ms: Percentiles::of(handovers.all),
        sale_us: sales.us(),
        sale_ms: Percentiles::of(sales.all),
        open: OPEN,
        idle_ms: Percentiles::of(idle_ms),
        busy_ms: Percentiles::of(busy_ms),
    })
}

async fn shop(stage: &Stage) -> Result<Client, String> {
    Ok(Client::with_key(stage.hq_endpoint()?, stage.server.shop_key().await?))
}

/// Commands of one kind, and the time that they took.
#[derive(Default)]
struct Took {
    all: Vec<std::time::Duration>,
    spent: Timings,
}

impl Took {
    fn us(&self) -> f64 {
        each(self.spent.deciding_us + self.spent.applying_us, self.all.len())
    }

    fn add(&mut self, spent: &Timings) {
        self.spent.deciding_us += spent.deciding_us;
        self.spent.applying_us += spent.applying_us;
    }
}

struct Bench<'a> {
    stage: &'a Stage,
    shop: Client,
    till: Client,
    items: &'a [Item],
    run: i64,
}

impl Bench<'_> {
    /// Waits until HQ may sell all items.
    async fn wait_for_quotas(&mut self) -> Result<(), String> {
        let until = Instant::now() + std::time::Duration::from_mins(2);
        for item in self.items {
            let path = format!("/api/v1/availability?store={}&sku={}", self.stage.config.store.hub, item.sku);
            while self.shop.get(&path).await?.done()?["items"][0]["available"].as_i64().unwrap_or(0) == 0 {
                if Instant::now() > until {
                    return Err(format!("HQ has no web quota of item {}", item.sku));
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    fn order(&self, number: usize) -> String {
        format!("bench-{}-{number}", self.run)
    }

    /// Places orders one by one; returns the time of each until a register's screen shows it.
    async fn place(&mut self) -> Result<Vec<std::time::Duration>, String> {
        let mut screen = self.till.listen();
        // The register listens once it has heard something: the first order is only for that.
        let mut all = Vec::new();
        for number in 0..=MEASURED {
            let order = self.order(number);
            let lines = made_up::some(self.items, number * made_up::LINES);
            let line = |(place, item): (usize, &Item)| {
                json!({ "number": place + 1, "sku": item.sku, "description": item.description,
                    "quantity": { "milli": 1000, "unit": "each" }, "price": item.price })
            };
            let lines: Vec<_> = lines.iter().enumerate().map(line).collect();
            let body = json!({ "order": order, "kind": "pickup", "to": { "store": self.stage.config.store.hub },
                "customer": { "name": "Ada Byron" }, "currency": self.stage.config.store.currency,
                "payment": { "by": "prepaid", "reference": order }, "due_ms": now_ms() + HOUR_MS, "lines": lines });
            let mut began = Instant::now();
            let key = format!("place-{order}");
            let mut reply = self.shop.command("/api/v1/orders", &key, &body).await?;
            // HQ may not have heard from the hub yet.
            for _ in 0..600 {
                if number > 0 || reply.problem("type") != "/problems/not-available" {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                began = Instant::now();
                reply = self.shop.command("/api/v1/orders", &key, &body).await?;
            }
            reply.done()?;
            let shown = async {
                while let Some((at, event)) = screen.recv().await {
                    if event["type"] == "order_changed" && event["order"] == order.as_str() {
                        return Some(at);
                    }
                }
                None
            };
            match tokio::time::timeout(std::time::Duration::from_secs(30), shown).await {
                Ok(Some(at)) if number > 0 => all.push(at.saturating_duration_since(began)),
                _ if number == 0 => {}
                _ => return Err(format!("no screen showed order {order} within 30 s")),
            }
        }
        Ok(all)
    }

    /// Picks and packs everything.
    async fn make_ready(&mut self) -> Result<(), String> {
        let codes = Arc::new(Codes::new());
        let mut picker = Picker::new(self.till.twin(), "ann", std::time::Duration::ZERO, codes, Story::unread());
        let last = format!("/api/v1/orders/{}/1", self.order(MEASURED));
        let until = Instant::now() + std::time::Duration::from_mins(5);
        loop {
            picker.round().await?;
            let accepted = self.till.get("/api/v1/orders?state=accepted&limit=1").await?.done()?;
            let state = self.till.get(&last).await?.done()?["state"].clone();
            if accepted == json!([]) && state == "ready" {
                return Ok(());
            }
            if Instant::now() > until {
                return Err("the orders are not ready after 5 minutes".into());
            }
        }
    }

    async fn timings(&mut self) -> Result<Timings, String> {
        let told = self.till.get("/demo/timings").await?.done()?;
        serde_json::from_value(told).map_err(|error| error.to_string())
    }

    /// Hands orders over and sells as many lines, by turns.
    async fn hand_over(&mut self) -> Result<(Took, Took), String> {
        let (mut handovers, mut sales) = (Took::default(), Took::default());
        let checked: Vec<_> = (1..=made_up::LINES).map(|line| json!({ "line": line, "milli": 1000 })).collect();
        for turn in 0..MEASURED / TURN {
            let before = self.timings().await?;
            for number in turn * TURN..(turn + 1) * TURN {
                let order = self.order(number + 1);
                let path = format!("/api/v1/orders/{order}/1/handover");
                let began = Instant::now();
                let body = json!({ "checked": checked });
                self.till.command(&path, &format!("handover-{order}"), &body).await?.done()?;
                handovers.all.push(began.elapsed());
            }
            let between = self.timings().await?;
            handovers.add(&difference(before, between));
            for number in turn * TURN..(turn + 1) * TURN {
                let key = format!("beside-{}-{number}", self.run);
                sales.all.push(sell(&mut self.till, self.items, &key).await?);
            }
            sales.add(&difference(between, self.timings().await?));
        }
        Ok((handovers, sales))
    }
}

/// Sells some items for cash; returns the time.
async fn sell(till: &mut Client, items: &[Item], key: &str) -> Result<std::time::Duration, String> {
    let lines: Vec<Value> = made_up::some(items, 0).iter().map(|item| json!({ "sku": item.sku })).collect();
    let sale = json!({ "lines": lines, "tenders": [{ "tender": "cash", "amount": 10_000 }] });
    let began = Instant::now();
    till.command("/api/v1/sales", key, &sale).await?.done()?;
    Ok(began.elapsed())
}

/// The item of the open orders.
fn ordered_item(items: &[Item]) -> Result<Item, String> {
    items.last().cloned().ok_or_else(|| "no items".into())
}

/// Creates the store of a config with open orders, as if HQ had long acknowledged them.
async fn fill(config: &Config, ledger: &Ledger, items: &[Item]) -> Result<(), String> {
    let said = |error: store::StoreError| error.to_string();
    let now = now_ms();
    let born = u64::try_from(now).unwrap_or(0);
    let store = Store::open(&config.store.data, config.store.engine, &app::linked_tables(), born).map_err(said)?;
    let store = Arc::new(store);
    let item = ordered_item(items)?;
    let (hub, currency) = (config.store.hub.clone(), config.store.currency);
    let home = Home { hub: hub.clone(), epoch: store.epoch(), currency, orders: commerce::order::Policy::default() };
    let by = By { actor: Actor::console(), at_ms: now };
    let (loading, loaded) = (by.clone(), item.clone());
    let load = move |transaction: &mut Transaction<'_>| {
        stock::put_home(transaction, &home)?;
        catalog::load(transaction, &loading, &[loaded], "made up".into())
    };
    store.commit(load).await.map_err(|refusal| refusal.detail)?;
    let known = Catalog::read(&store, |error| tracing::error!(%error, "made up")).map_err(said)?;
    let quantity = Quantity::new(Quantity::MAX_MILLI, Unit::Each).map_err(|error| error.to_string())?;
    let lines = vec![Portion { sku: item.sku.clone(), quantity }];
    let note =
        GoodsNote { kind: GoodsEvent::Return, condition: Some(Condition::Good), reason: "made up".into(), lines };
    let stocked = store.commit(move |transaction| stock::note_goods(transaction, &by, &known, note));
    stocked.await.map_err(|refusal| refusal.detail)?;
    for first in (0..OPEN).step_by(PART) {
        let offers: Result<Vec<_>, String> =
            (first..first + PART).map(|number| offer(number, now, currency, &item)).collect();
        let offers = offers?;
        let done = store.commit(move |transaction| {
            let by = By { actor: Station::Headquarters.into(), at_ms: now };
            let incoming = CAPABILITIES.iter().flat_map(|capability| capability.incoming);
            let Some(offered) = incoming.into_iter().find(|incoming| incoming.kind == OFFERED.name()) else {
                return Ok(());
            };
            (offered.apply)(transaction, &by, &offers.iter().collect::<Vec<_>>())?;
            Ok::<_, Refusal>(())
        });
        done.await.map_err(|refusal| refusal.detail)?;
    }
    for stream in [Stream::orders(), Stream::stock()] {
        let last = store.outbox_span(stream.as_str()).map_err(said)?.last;
        store.acknowledge_outbox(stream.as_str(), last).await.map_err(said)?;
        let began = ledger.begin_after(&hub, Epoch(store.epoch()), &stream, Sequence(last)).await;
        began.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// HQ's offer of an order of one piece.
fn offer(number: usize, now: i64, currency: commerce::Currency, item: &Item) -> Result<DownItem, String> {
    let order: OrderId = format!("open-{number}").parse().map_err(|error: commerce::InvalidId| error.to_string())?;
    let price = Price { minor: item.price.minor, per: Unit::Each };
    let line = Ordered {
        number: 1,
        sku: item.sku.clone(),
        description: item.description.clone(),
        quantity: Quantity::pieces(1).map_err(|error| error.to_string())?,
        price,
        substitution: Substitution::Remove,
        zone: Zone::Ambient,
        minimum_age: 0,
    };
    let customer =
        Customer { id: None, name: format!("Customer {number}"), phone: None, code: None, address: Vec::new() };
    let terms = Terms {
        order,
        kind: Kind::Pickup,
        customer: Some(customer),
        receiver: None,
        currency,
        payment: Payment::Prepaid { reference: format!("psp-{number}") },
        placed_at_ms: now,
        due_ms: now + 24 * HOUR_MS + i64::try_from(number).unwrap_or(0),
        keep_until_ms: None,
    };
    let order = Order { terms, lines: vec![line] };
    let offered = OrderOffered {
        order,
        part: 1,
        offered_at_ms: now,
        answer_by_ms: now + HOUR_MS,
        spent: Vec::new(),
        accepted: Vec::new(),
    };
    let body = OFFERED.write(&offered).map_err(|error| error.to_string())?;
    Ok(DownItem { sequence: Sequence(1), kind: OFFERED.name().to_owned(), body })
}
