//! Web orders: a web shop orders through HQ's API; pickers and a register work the orders through the hub's API; and
//! the output tells what happens to each order.
//!
//! [`trickle`] runs until the demo stops, at the pace of people. [`act`] is the short version for a replay: it also
//! cuts the connection to HQ, lets the shop sell up to the granted quota meanwhile, restores the connection, and
//! compares the orders at HQ with those of the store.

mod act;
mod crew;
mod shop;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use commerce::{Item, Sku, order::Zone};
use tokio::sync::mpsc;

pub(crate) use self::{
    act::{OrdersReport, act},
    crew::Picker,
    shop::Codes,
};
use self::{
    crew::Customers,
    shop::{Asked, Shop},
};
use crate::{client::Client, data::Data, stage::Stage};

/// The number of items that the web shop offers.
const OFFERED: usize = 12;

/// An item of the web shop.
pub(crate) struct Goods {
    item: Item,
    zone: Zone,
}

/// The items of the web shop: those that the baskets of the data need least, so that some are left for the web.
fn goods(data: &Data) -> Vec<Goods> {
    let mut sold: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in data.baskets.iter().flat_map(|basket| &basket.lines) {
        *sold.entry(&line.sku).or_default() += line.quantity.milli();
    }
    let is_offered = |item: &&Item| item.gtin.is_some() && item.price.minor.get() > 50 && !item.price.per.is_measure();
    let mut items: Vec<&Item> = data.items.iter().filter(is_offered).collect();
    items.sort_by_key(|item| (sold.get(&item.sku).copied().unwrap_or(0), &item.sku));
    items.into_iter().take(OFFERED).map(|item| Goods { item: item.clone(), zone: zone(item) }).collect()
}

fn zone(item: &Item) -> Zone {
    let is_of =
        |words: &[&str]| words.iter().any(|word| item.department.contains(word) || item.category.contains(word));
    match () {
        () if is_of(&["FROZEN", "FRZN", "ICE CREAM"]) => Zone::Frozen,
        () if is_of(&["MEAT", "SEAFOOD", "DELI", "MILK", "CHEESE", "YOGURT"]) => Zone::Chilled,
        () => Zone::Ambient,
    }
}

/// The lines of the story.
#[derive(Clone)]
pub(crate) struct Story(mpsc::Sender<String>);

impl Story {
    /// A story, and its lines as they come.
    fn begin() -> (Self, mpsc::Receiver<String>) {
        let (tell, lines) = mpsc::channel(256);
        (Self(tell), lines)
    }

    /// A story that nobody reads.
    pub(crate) fn unread() -> Self {
        Self::begin().0
    }

    /// Adds a line: who did what with which order. Without a reader, it is dropped.
    async fn tell(&self, who: &str, order: &str, what: &str) {
        let _ = self.0.send(format!("  {who:<9} {order:<11} {what}")).await;
    }
}

/// The pause between two orders, for a picker's step, and until a customer comes.
const ORDER: Duration = Duration::from_secs(4);
const STEP: Duration = Duration::from_millis(1_200);
const COMES: Duration = Duration::from_secs(10);

/// Starts the web orders; returns the lines of their story.
///
/// # Errors
/// HQ's API does not answer.
pub(crate) async fn trickle(stage: &Stage, data: &Data, till: &Client) -> Result<mpsc::Receiver<String>, String> {
    let (story, lines) = Story::begin();
    let mut shop = Shop::open(stage, goods(data), story.clone()).await?;
    shop.follow().await?;
    let codes = shop.codes();
    // Order numbers of an earlier run of a kept store are not used again.
    let first = usize::try_from(crate::now_ms() / 1000 % 1_000_000).unwrap_or(0);
    tokio::spawn(async move {
        if let Err(why) = shop.wait_for_quotas().await {
            tracing::error!(%why, "the web shop has nothing to sell");
        }
        for number in first.. {
            loop {
                match shop.place(number).await {
                    Ok(Asked::NotYet) => tokio::time::sleep(STEP).await,
                    Ok(_) => break,
                    Err(why) => {
                        tracing::error!(%why, "the web shop could not order");
                        break;
                    }
                }
            }
            tokio::time::sleep(ORDER).await;
        }
    });
    // Both pick, and one of them packs.
    for (name, packs) in [("ann", true), ("bob", false)] {
        let mut picker = Picker::new(till.twin(), name, STEP, Arc::clone(&codes), story.clone());
        tokio::spawn(async move {
            loop {
                let done = if packs { picker.round().await } else { picker.pick().await };
                if let Err(why) = done {
                    tracing::error!(%why, picker = name, "could not pick");
                }
                tokio::time::sleep(STEP).await;
            }
        });
    }
    let mut customers = Customers::new(till.twin(), COMES, codes, story);
    tokio::spawn(async move {
        loop {
            if let Err(why) = customers.round().await {
                tracing::error!(%why, "could not hand an order over");
            }
            tokio::time::sleep(STEP).await;
        }
    });
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_has_goods_that_can_be_scanned() {
        let goods = goods(&Data::built_in().unwrap());
        assert_eq!(goods.len(), OFFERED);
        assert!(goods.iter().all(|goods| goods.item.gtin.is_some()));
    }
}
