//! What is to be routed.

use commerce::{OrderId, Quantity, Sku, order::Zone};
use contract::HubId;
use serde::Deserialize;

use super::Point;

/// The most lines of an order.
pub const MAX_LINES: usize = commerce::MAX_LINES;

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// The customer comes to this store; no other gets a part.
    Store(HubId),
    /// To this place.
    Point(Point),
    /// To this delivery zone.
    Zone(String),
}

/// A line to be routed: all of an ordered line, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its number in the order.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// How much.
    pub quantity: Quantity,
    /// How it has to be kept.
    #[serde(default)]
    pub zone: Zone,
}

/// An order to be routed, or the rest of one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Which order.
    pub order: OrderId,
    /// Where it goes.
    pub to: Destination,
    /// When it has to be there: milliseconds since 1970, UTC; whenever, if it says nothing.
    #[serde(default)]
    pub due_ms: Option<i64>,
    /// What.
    pub lines: Vec<Line>,
    /// Stores that rejected it, or had it short: they are not asked again.
    #[serde(default)]
    pub rejected_by: Vec<HubId>,
    /// Stores that work on another part of it: they count as splits.
    #[serde(default)]
    pub parts_elsewhere: u32,
}
