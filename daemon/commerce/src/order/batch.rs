//! Pick lists: which orders go on one cart, and in which order the picker walks.
//!
//! A batch is one cart's work in one temperature zone: goods that must be kept cold are fetched by themselves, last.
//! Each order on the cart has a tote of its own. Orders are taken by due time; an order joins the first batch of its
//! zone that has a tote left and is not due much earlier. So a batch never makes an urgent order wait for many others.
//! The walk follows the store's route, so each aisle is visited once.

use std::collections::BTreeMap;

use super::Zone;
use crate::ids::OrderId;

/// A line to be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Of which order.
    pub order: OrderId,
    /// Which part.
    pub part: u32,
    /// Which line.
    pub line: u32,
    /// How it has to be kept.
    pub zone: Zone,
    /// Where it is on the route through the store.
    pub stop: Stop,
    /// When the order is due: milliseconds since 1970, UTC.
    pub due_ms: i64,
}

/// A place on the route through the store. They are visited in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// The area: produce, dry goods, in the order of the route.
    pub area: u16,
    /// The aisle in it.
    pub aisle: u16,
    /// The shelf in it.
    pub shelf: u16,
}

/// What a cart takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cart {
    /// One for each order.
    pub totes: usize,
    /// How far apart the orders on it may be due, in milliseconds.
    pub within_ms: i64,
}

/// One cart's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What it fetches.
    pub zone: Zone,
    /// When the first of its orders is due.
    pub due_ms: i64,
    /// The orders, one a tote, in the order of the totes.
    pub totes: Vec<(OrderId, u32)>,
    /// What to pick, in the order of the walk.
    pub walk: Vec<Task>,
}

/// Plans carts; the most urgent batch first, of equally urgent ones that which need not be kept cold.
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
