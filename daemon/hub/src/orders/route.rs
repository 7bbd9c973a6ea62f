//! The pickers' route through the store, by the departments of the config.

use app::catalog::Catalog;
use commerce::{Sku, order::batch::Stop};

use crate::config::Orders;

/// The place of an item on the route: its department, and within it its category in alphabetical order.
pub(super) fn stop(orders: &Orders, catalog: &Catalog, sku: &Sku) -> Stop {
    let Some(item) = catalog.sku(sku) else { return Stop { area: u16::MAX, ..Stop::default() } };
    let area = orders.route.iter().position(|department| **department == *item.department);
    // The first letters of the category; items of one category are together.
    let mut letters = item.category.bytes();
    let aisle = u16::from_be_bytes([letters.next().unwrap_or(0), letters.next().unwrap_or(0)]);
    Stop { area: area.and_then(|area| u16::try_from(area).ok()).unwrap_or(u16::MAX - 1), aisle, shelf: 0 }
}
