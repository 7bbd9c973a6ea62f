//! The order to be routed.

use commerce::{OrderId, Quantity, Sku, order::Zone};
use contract::HubId;
use serde::{Deserialize, Serialize};

use super::Point;

/// The maximum number of lines.
pub const MAX_LINES: usize = commerce::MAX_LINES;

/// The destination of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// Pickup at this store, which must supply everything.
    Store(HubId),
    /// Delivery to a location.
    Point(Point),
    /// Delivery to a zone.
    Zone(String),
}

/// A line to be routed, or its remaining quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its number in the order.
    pub line: u32,
    /// The item.
    pub sku: Sku,
    /// The quantity.
    pub quantity: Quantity,
    /// The temperature zone it needs.
    #[serde(default)]
    pub zone: Zone,
}

/// An order to be routed, or the remaining part of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The order.
    pub order: OrderId,
    /// Its destination.
    pub to: Destination,
    /// The deadline: milliseconds since 1970, UTC.
    #[serde(default)]
    pub due_ms: Option<i64>,
    /// The lines.
    pub lines: Vec<Line>,
    /// Stores that rejected it or were short; they are excluded.
    #[serde(default)]
    pub rejected_by: Vec<HubId>,
    /// The number of stores that already have a part of the order; they count toward the maximum.
    #[serde(default)]
    pub parts_elsewhere: u32,
}
