//! The web orders of a replay, with a cut connection in the middle; and the comparison of HQ with the store.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{
    Story,
    crew::{Customers, Picker},
    goods,
    shop::{Asked, Shop, id},
};
use crate::{client::Client, data::Data, stage::Stage};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Orders before the connection is cut, and those that are at the store when it is.
const BEFORE: std::ops::RangeInclusive<usize> = 1..=4;
const AT_THE_CUT: std::ops::RangeInclusive<usize> = 5..=6;

/// The order that takes the rest of an item's quota, and the one that wants another piece.
const LAST: usize = 7;
const ONE_MORE: usize = 8;

/// What became of the orders.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct OrdersReport {
    /// Placed by the shop.
    pub(crate) placed: usize,
    /// Handed over to their customers.
    pub(crate) handed_over: usize,
    /// Given to a carrier.
    pub(crate) shipped: usize,
    /// Cancelled by their customers.
    pub(crate) cancelled: usize,
    /// Refused, because they exceed what the store has granted.
    pub(crate) refused: usize,
    /// Descriptions of orders that differ between HQ and the store, or have not ended as they should.
    pub(crate) differences: Vec<String>,
}

struct Act<'a> {
    stage: &'a Stage,
    shop: Shop,
    till: Client,
    picker: Picker,
    customers: Customers,
    story: Story,
    orders: Vec<String>,
}

/// Plays the act: orders, a cut connection, more orders; prints the story.
///
/// # Errors
/// HQ or the hub does not answer, or an order does not end.
pub(crate) async fn act(stage: &Stage, data: &Data, till: Client) -> Result<OrdersReport, String> {
    let (story, mut lines) = Story::begin();
    let telling = tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            println!("{line}");
        }
    });
    let shop = Shop::open(stage, goods(data), story.clone()).await?;
    let picker = Picker::new(till.twin(), "ann", Duration::ZERO, shop.codes(), story.clone());
    let customers = Customers::new(till.twin(), Duration::ZERO, shop.codes(), story.clone());
    let mut act = Act { stage, shop, till, picker, customers, story, orders: Vec::new() };
    let report = act.play().await;
    drop(act);
    // What was told is printed before the results. The follower of HQ's feed ends with the demo.
    let _ = tokio::time::timeout(Duration::from_millis(200), telling).await;
    report
}

impl Act<'_> {
    async fn play(&mut self) -> Result<OrdersReport, String> {
        println!();
        println!("  web orders: the shop orders at HQ, the store picks and hands over");
        self.shop.wait_for_quotas().await?;
        self.shop.follow().await?;
        self.place(BEFORE).await?;
        self.shop.cancel(&id(*BEFORE.start())).await?;
        self.work_until("HQ has the end of the first orders", Self::are_over).await?;
        self.place(AT_THE_CUT).await?;
        let until = Instant::now() + PATIENCE;
        for order in AT_THE_CUT.map(id) {
            while self.at_store(&order).await?.is_none() {
                if Instant::now() > until {
                    return Err(format!("order {order} has not reached the store; see the hub's log"));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.while_cut().await?;
        self.work_until("HQ has the end of all orders", Self::are_over).await?;
        self.report().await
    }

    async fn place(&mut self, numbers: std::ops::RangeInclusive<usize>) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        for number in numbers {
            while self.shop.place(number).await? == Asked::NotYet {
                if Instant::now() > until {
                    return Err("HQ has not heard from the hub; see the hub's log".into());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            self.orders.push(id(number));
        }
        Ok(())
    }

    /// The connection is cut: the shop sells what was granted and no more, and the store works on.
    async fn while_cut(&mut self) -> Result<(), String> {
        self.stage.wan.set(false);
        self.story.tell("", "", "--- the connection between HQ and the store is cut ---").await;
        let sku = self.shop.skus()[0].clone();
        let [left, ..] = self.shop.quota(&sku).await?;
        if left > 0 && self.shop.place_lines(LAST, &[(0, left)]).await? != Asked::NotAvailable {
            self.orders.push(id(LAST));
        }
        if self.shop.place_lines(ONE_MORE, &[(0, 1)]).await? != Asked::NotAvailable {
            self.orders.push(id(ONE_MORE));
        }
        self.work_until("the store's orders are finished without HQ", async |act| {
            for order in AT_THE_CUT.map(id) {
                if act.at_store(&order).await?.is_some_and(|state| !is_final(&state)) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        self.story.tell("", "", "--- the connection is restored ---").await;
        self.stage.wan.set(true);
        Ok(())
    }

    /// Lets the store work until something is so.
    async fn work_until(
        &mut self,
        what: &str,
        mut is_so: impl AsyncFnMut(&mut Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while !is_so(self).await? {
            if Instant::now() > until {
                return Err(format!("web orders: {what}: not within {} s; see the hub's log", PATIENCE.as_secs()));
            }
            self.picker.round().await?;
            self.customers.round().await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Whether HQ has the end of all orders so far.
    async fn are_over(&mut self) -> Result<bool, String> {
        for order in self.orders.clone() {
            if self.shop.order(&order).await?.is_some_and(|found| found["is_over"] == false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The state of an order at the store; `None` if it never heard of it.
    async fn at_store(&mut self, order: &str) -> Result<Option<String>, String> {
        let found = self.till.get(&format!("/api/v1/orders/{order}/1")).await?;
        if found.status == 404 {
            return Ok(None);
        }
        Ok(found.done()?["state"].as_str().map(str::to_owned))
    }

    /// Compares the orders of HQ with those of the store, and the sold quantities with the granted ones.
    async fn report(&mut self) -> Result<OrdersReport, String> {
        let mut report = OrdersReport { placed: self.orders.len(), ..OrdersReport::default() };
        report.refused = usize::from(!self.orders.contains(&id(ONE_MORE)));
        for order in self.orders.clone() {
            let found = self.shop.order(&order).await?.unwrap_or_default();
            let state = found["state"].as_str().unwrap_or("unknown").to_owned();
            match state.as_str() {
                "handed_over" => report.handed_over += 1,
                "shipped" => report.shipped += 1,
                "cancelled" | "returned" | "returning" => report.cancelled += 1,
                _ => report.differences.push(format!("order {order} ended as {state}")),
            }
            let there = self.at_store(&order).await?;
            let part = found["parts"][0]["state"].as_str();
            if there.as_deref() != part {
                report.differences.push(format!("order {order} is {part:?} at HQ and {there:?} in the store"));
            }
        }
        for sku in self.shop.skus() {
            let [left, granted, spent] = self.shop.quota(&sku).await?;
            if spent > granted || left > granted - spent {
                report.differences.push(format!("item {sku}: {spent} sold and {left} left of {granted} granted"));
            }
        }
        Ok(report)
    }
}

fn is_final(state: &str) -> bool {
    ["handed_over", "shipped", "cancelled", "returned", "rejected", "short", "expired"].contains(&state)
}
