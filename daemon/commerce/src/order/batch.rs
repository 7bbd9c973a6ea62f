//! Pick lists: the orders on one cart, and the picker's route.
//!
//! A batch is one cart's work in one temperature zone: cold goods are collected separately, last.
//! Each order on the cart has its own tote. Orders are taken by due time; an order joins the first batch of its
//! zone that has a free tote and is not due much earlier. So an urgent order never waits for many others.
//! The batch follows the route through the store, so each aisle is visited once.

use std::collections::BTreeMap;

use super::Zone;
use crate::ids::OrderId;

/// A line to be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The order.
    pub order: OrderId,
    /// The part of the order.
    pub part: u32,
    /// The line.
    pub line: u32,
    /// The temperature zone of the goods.
    pub zone: Zone,
    /// The item's place on the route through the store.
    pub stop: Stop,
    /// When the order is due: milliseconds since 1970, UTC.
    pub due_ms: i64,
}

/// A place on the route through the store. Places are visited in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// The area: produce, dry goods, in the order of the route.
    pub area: u16,
    /// The aisle in it.
    pub aisle: u16,
    /// The shelf in it.
    pub shelf: u16,
}

/// The capacity of a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cart {
    /// The number of totes; each order needs one.
    pub totes: usize,
    /// The maximum difference of the orders' due times, in milliseconds.
    pub within_ms: i64,
}

/// One cart's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The temperature zone.
    pub zone: Zone,
    /// When the first of its orders is due.
    pub due_ms: i64,
    /// The orders, one per tote, in the order of the totes.
    pub totes: Vec<(OrderId, u32)>,
    /// The lines to pick, in the order of the route.
    pub walk: Vec<Task>,
}

/// Plans the carts, the most urgent batch first; among equally urgent batches, ambient goods come first.
pub fn plan(tasks: Vec<Task>, cart: Cart) -> Vec<Batch> {
    let mut orders: BTreeMap<(i64, Zone, OrderId, u32), Vec<Task>> = BTreeMap::new();
    for task in tasks {
        orders.entry((task.due_ms, task.zone, task.order.clone(), task.part)).or_default().push(task);
    }
    let mut batches: Vec<Batch> = Vec::new();
    for ((due_ms, zone, order, part), tasks) in orders {
        let fits = |batch: &&mut Batch| {
            batch.zone == zone
                && batch.totes.len() < cart.totes
                && due_ms.saturating_sub(batch.due_ms) <= cart.within_ms
        };
        match batches.iter_mut().find(fits) {
            Some(batch) => {
                batch.totes.push((order, part));
                batch.walk.extend(tasks);
            }
            None => batches.push(Batch { zone, due_ms, totes: vec![(order, part)], walk: tasks }),
        }
    }
    for batch in &mut batches {
        batch.walk.sort_by(|a, b| (a.stop, &a.order, a.line).cmp(&(b.stop, &b.order, b.line)));
    }
    batches
}
