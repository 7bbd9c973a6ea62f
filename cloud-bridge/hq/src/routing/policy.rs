//! The retailer's constraints and weights.

use serde::{Deserialize, Serialize};

/// The upper limit of [`Policy::most_stores`].
pub const MAX_SPLITS: u32 = 8;

/// A retailer's constraints and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The maximum number of stores per order; 1 to 8.
    pub most_stores: u32,
    /// The maximum distance between store and destination, in metres.
    pub most_metres: i64,
    /// A store is excluded when HQ has not heard from its hub for more than this many minutes.
    pub offline_after_minutes: i64,
    /// Travel time per kilometre, in milliseconds.
    pub ms_per_km: i64,
    /// The weights of the costs.
    pub weights: Weights,
}

impl Default for Policy {
    /// At most 3 stores within 500 km, heard from within 10 minutes; 40 km/h; cheapest.
    fn default() -> Self {
        Self {
            most_stores: 3,
            most_metres: 500_000,
            offline_after_minutes: 10,
            ms_per_km: 90_000,
            weights: Weights::cheapest(),
        }
    }
}

/// The weights of the costs, in minor units, so that they can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Parcels and handling: thousandths of their cost.
    pub money_permille: u32,
    /// Each hour until the last part arrives.
    pub hour: u32,
    /// Using all of a store's stock of an item; half of it costs half as much.
    pub stock: u32,
    /// Each store after the first.
    pub split: u32,
}

impl Weights {
    /// The lowest cost in money.
    pub const fn cheapest() -> Self {
        Self { money_permille: 1000, hour: 1, stock: 1, split: 1 }
    }

    /// The earliest arrival.
    pub const fn fastest() -> Self {
        Self { money_permille: 10, hour: 5000, stock: 1, split: 1 }
    }

    /// Stores with a large stock.
    pub const fn balanced() -> Self {
        Self { money_permille: 10, hour: 1, stock: 5000, split: 1 }
    }

    /// The smallest number of stores, then the lowest cost.
    pub const fn fewest_splits() -> Self {
        Self { money_permille: 1000, hour: 1, stock: 1, split: 100_000 }
    }
}
