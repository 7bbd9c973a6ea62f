//! Stores as HQ knows them.

use std::collections::HashMap;

use commerce::{order::Zone, stock::Place};
use contract::HubId;
use serde::Deserialize;

use super::{Plan, Request};

/// The radius of the earth, in metres.
const EARTH: f64 = 6_371_000.0;

/// A place on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// North of the equator; -90 to 90.
    pub lat: f64,
    /// East of Greenwich; -180 to 180.
    pub lon: f64,
}

impl Point {
    /// Whether it is on the earth.
    pub fn is_valid(self) -> bool {
        self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }

    /// How far it is, as the crow flies, in metres (haversine).
    pub fn metres_to(self, other: Self) -> i64 {
        let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let across = self.lat.to_radians().cos() * other.lat.to_radians().cos() * half(other.lon - self.lon);
        let metres = 2.0 * EARTH * (half(other.lat - self.lat) + across).sqrt().min(1.0).asin();
        #[allow(clippy::cast_possible_truncation)] // at most half the way around the earth
        let metres = metres.round() as i64;
        metres
    }
}

/// When a store is open: milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
}

/// What a store can give of an item to the web, in thousandths of the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// What is left of the web quota that the store granted.
    pub quota: i64,
    /// What the store has confirmed beyond it.
    pub confirmed: i64,
}

impl Stock {
    /// Both.
    pub fn milli(self) -> i64 {
        self.quota.saturating_add(self.confirmed)
    }
}

/// A store or a warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Its hub.
    pub store: HubId,
    /// Where it is, if that is known.
    pub at: Option<Point>,
    /// The delivery zones it serves.
    pub zones: Vec<String>,
    /// How cold it can keep things.
    pub keeps: Vec<Zone>,
    /// When it is open; `None` if always.
    pub open: Option<Vec<Window>>,
    /// When HQ last heard of its hub: milliseconds since 1970, UTC.
    pub heard_at_ms: i64,
    /// The orders it works on.
    pub open_orders: u32,
    /// The most it takes.
    pub capacity: u32,
    /// How long it takes to make an order ready, in milliseconds.
    pub prepare_ms: i64,
    /// What a parcel from there costs, in minor units.
    pub parcel: i64,
    /// What a kilometre adds to that.
    pub per_km: i64,
    /// What picking a unit costs.
    pub handling: i64,
    /// What it has for the web.
    pub stock: HashMap<Place, Stock>,
}

impl Store {
    /// What it has of an item for the web; never negative.
    pub fn milli(&self, item: &Place) -> i64 {
        self.stock.get(item).map_or(0, |stock| stock.milli().max(0))
    }
}

/// All stores at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Now: milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// The stores.
    pub stores: Vec<Store>,
}

impl Network {
    /// Follows a plan: what it takes is no longer there for the next order, and the stores have one order more.
    /// Confirmed stock goes after the quota.
    pub fn take(&mut self, request: &Request, plan: &Plan) {
        for part in &plan.parts {
            let Some(store) = self.stores.iter_mut().find(|store| store.store == part.store) else { continue };
            store.open_orders = store.open_orders.saturating_add(1);
            for amount in &part.lines {
                let Some(line) = request.lines.iter().find(|line| line.line == amount.line) else { continue };
                if let Some(stock) = store.stock.get_mut(&(line.sku.clone(), line.quantity.unit())) {
                    let of_quota = amount.milli.min(stock.quota.max(0));
                    stock.quota -= of_quota;
                    stock.confirmed -= amount.milli - of_quota;
                }
            }
        }
    }
}
