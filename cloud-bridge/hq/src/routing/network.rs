//! Stores as HQ knows them.

use std::collections::HashMap;

use commerce::{order::Zone, stock::Place};
use contract::HubId;
use serde::{Deserialize, Serialize};

use super::{Plan, Request};

/// The radius of the earth, in metres.
const EARTH: f64 = 6_371_000.0;

/// A place on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GeoPoint)]
pub struct Point {
    /// North of the equator; -90 to 90.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// East of Greenwich; -180 to 180.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
}

impl Point {
    /// Whether the coordinates are in range.
    pub fn is_valid(self) -> bool {
        self.lat.abs() <= 90.0 && self.lon.abs() <= 180.0
    }

    /// The distance as the crow flies, in metres (haversine).
    pub fn metres_to(self, other: Self) -> i64 {
        let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let across = self.lat.to_radians().cos() * other.lat.to_radians().cos() * half(other.lon - self.lon);
        let metres = 2.0 * EARTH * (half(other.lat - self.lat) + across).sqrt().min(1.0).asin();
        #[allow(clippy::cast_possible_truncation)] // at most half the way around the earth
        let metres = metres.round() as i64;
        metres
    }
}

/// An opening time: milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
}

/// A store's stock of an item for the web, in thousandths of the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// The remaining web quota.
    pub quota: i64,
    /// Further stock that the store has confirmed.
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
    /// Its location, if known.
    pub at: Option<Point>,
    /// The delivery zones it serves.
    pub zones: Vec<String>,
    /// The temperature zones it has.
    pub keeps: Vec<Zone>,
    /// Its opening times; `None` if it is always open.
    pub open: Option<Vec<Window>>,
    /// When HQ last heard of its hub: milliseconds since 1970, UTC.
    pub heard_at_ms: i64,
    /// The number of its open orders.
    pub open_orders: u32,
    /// The maximum number of open orders.
    pub capacity: u32,
    /// The time to prepare an order, in milliseconds.
    pub prepare_ms: i64,
    /// The cost of a parcel, in minor units.
    pub parcel: i64,
    /// The additional cost of a kilometre.
    pub per_km: i64,
    /// The cost of picking a unit.
    pub handling: i64,
    /// Its stock for the web.
    pub stock: HashMap<Place, Stock>,
}

impl Store {
    /// Its stock of an item for the web; never negative.
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
    /// Applies a plan: reduces the stock, quota before confirmed stock, and counts one more open order for each of its
    /// stores.
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
