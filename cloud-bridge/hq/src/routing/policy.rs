//! What a retailer wants of a plan.

use serde::Deserialize;

/// The most stores an order is ever split over.
pub const MAX_SPLITS: u32 = 8;

/// A retailer's constraints and weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The most stores an order is split over; 1 to 8.
    pub most_stores: u32,
    /// The farthest a store may be from a customer, in metres.
    pub most_metres: i64,
    /// A store whose hub was not heard for longer gets nothing, in minutes.
    pub offline_after_minutes: i64,
    /// How long goods travel, in milliseconds a kilometre.
    pub ms_per_km: i64,
    /// What counts how much.
    pub weights: Weights,
}

impl Default for Policy {
    /// At most 3 stores within 500 km, heard within 10 minutes; 40 km an hour; cheapest.
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

/// What counts how much. All in minor units, so that they can be weighed against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of parcels and handling, in thousandths of what they cost.
    pub money_permille: u32,
    /// An hour until the last part is there.
    pub hour: u32,
    /// All of a store's stock of an item; a half of it the half of that.
    pub stock: u32,
    /// A store beyond the first.
    pub split: u32,
}

impl Weights {
    /// What it costs in money, and almost nothing else.
    pub const fn cheapest() -> Self {
        Self { money_permille: 1000, hour: 1, stock: 1, split: 1 }
    }

    /// Time, an hour for ten times what a parcel costs.
    pub const fn fastest() -> Self {
        Self { money_permille: 10, hour: 5000, stock: 1, split: 1 }
    }

    /// Stores that have much of it.
    pub const fn balanced() -> Self {
        Self { money_permille: 10, hour: 1, stock: 5000, split: 1 }
    }

    /// As few stores as can be, and of those the cheapest.
    pub const fn fewest_splits() -> Self {
        Self { money_permille: 1000, hour: 1, stock: 1, split: 100_000 }
    }
}
