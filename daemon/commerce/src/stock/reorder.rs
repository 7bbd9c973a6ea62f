//! When to order, and how much.
//!
//! ```text
//! demand          sold less returned in the last WINDOW_DAYS, never negative
//! reorder point   demand over the lead time, rounded up,  +  safety stock
//! available       on_hand  +  what is announced and has not arrived
//! order           if available <= reorder point: reorder point + demand over the cover, rounded up, - available,
//!                 rounded up to packs
//! ```
//!
//! on_hand excludes stock that is reserved (it is somebody's), quarantined or damaged (it may never be sold) or in
//! transit (it has left). A negative on_hand counts as it is.

use serde::Serialize;

use super::{Kind, Movement, Policy, Position, Rule, Sums};
use crate::{item::Sku, money::Rounding, quantity::Unit};

/// The number of past days that demand is taken from.
pub const WINDOW_DAYS: i64 = 28;

/// Sold less returned quantities by item, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand(Sums);

impl Demand {
    /// Adds a movement of the window.
    pub fn count(&mut self, movement: &Movement) {
        let sign = match movement.kind {
            Kind::Sale => 1,
            Kind::Return => -1,
            _ => return,
        };
        for line in &movement.lines {
            let sum = self.0.entry((line.sku.clone(), line.unit)).or_default();
            *sum = sum.saturating_add(sign * line.milli);
        }
    }

    /// The demand for an item in the window; never negative.
    pub fn of(&self, sku: &Sku, unit: Unit) -> i64 {
        self.0.get(&(sku.clone(), unit)).copied().unwrap_or(0).max(0)
    }
}

/// An item to order; quantities in thousandths of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suggestion {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// Free to be sold.
    pub on_hand: i64,
    /// Announced, and not arrived yet.
    pub announced: i64,
    /// Sold less returned in the last 28 days.
    pub demand_28_days: i64,
    /// The item is ordered at or below this quantity.
    pub reorder_point: i64,
    /// The quantity to order, in whole packs.
    pub order: i64,
    /// The unit in which the item is sold now, if it differs from the policy's. The policy must be set again: until
    /// then `order` is 0, and the other quantities do not apply to what is sold now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sold_by: Option<Unit>,
}

/// What to order of an item now; `None` if enough is on hand or announced. `demand` covers the last [`WINDOW_DAYS`]. If
/// the item is sold in a unit other than its policy's, the suggestion says only that.
pub fn suggest(
    policy: &Policy,
    sold_by: Option<Unit>,
    position: &Position,
    announced: i64,
    demand: i64,
) -> Option<Suggestion> {
    if policy.rule == Rule::Untracked {
        return None;
    }
    let over = |days: u16| Rounding::Up.divide(i128::from(demand) * i128::from(days), i128::from(WINDOW_DAYS));
    let point = over(policy.lead_time_days) + i128::from(policy.safety_stock);
    let to_be_there = i128::from(position.on_hand) + i128::from(announced);
    let sold_by = policy.outdated(sold_by);
    let order = if to_be_there > point || sold_by.is_some() {
        0
    } else {
        let pack = i128::from(policy.pack);
        Rounding::Up.divide(point + over(policy.cover_days) - to_be_there, pack) * pack
    };
    let fits = |milli: i128| i64::try_from(milli).unwrap_or(i64::MAX);
    (order > 0 || sold_by.is_some()).then(|| Suggestion {
        sku: policy.sku.clone(),
        unit: policy.unit,
        on_hand: position.on_hand,
        announced,
        demand_28_days: demand,
        reorder_point: fits(point),
        order: fits(order),
        sold_by,
    })
}
