//! Stock policies of items.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{
    item::Sku,
    quantity::{Quantity, Unit},
};

/// The maximum lead time or cover, in days.
pub const MAX_DAYS: u16 = 365;

/// How a sale may change on_hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StockRule))]
pub enum Rule {
    /// Sales may take it below zero: the customer has the goods in hand, so the books are wrong. The default.
    #[default]
    BelowZero,
    /// Sales may take it to zero; beyond that they are refused.
    ToZero,
    /// The item's stock is not tracked.
    Untracked,
}

/// An item's policy. An item without one has the default rule and no safety stock, and is not reordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StockPolicy))]
pub struct Policy {
    /// The item.
    pub sku: Sku,
    /// The unit of the quantities.
    pub unit: Unit,
    /// How a sale may change on_hand.
    pub rule: Rule,
    /// Stock that is not promised; also part of the reorder point. In thousandths.
    pub safety_stock: i64,
    /// Days from an order to its delivery.
    pub lead_time_days: u16,
    /// Days that a delivery should last.
    pub cover_days: u16,
    /// Order quantities are multiples of this; in thousandths, greater than zero.
    pub pack: i64,
}

impl Policy {
    /// A policy with consistent values.
    ///
    /// # Errors
    /// Quantities in different units, an empty pack, or days out of range.
    pub fn new(
        sku: Sku,
        rule: Rule,
        safety_stock: Quantity,
        pack: Quantity,
        (lead_time_days, cover_days): (u16, u16),
    ) -> Result<Self, Refusal> {
        if safety_stock.unit() != pack.unit() {
            return Err(Refusal::WrongUnit { sku, kept: pack.unit(), asked: safety_stock.unit() });
        }
        if pack.milli() == 0 {
            return Err(Refusal::OutOfRange { field: "pack", range: "must be greater than zero" });
        }
        for (field, days) in [("lead_time_days", lead_time_days), ("cover_days", cover_days)] {
            if days > MAX_DAYS {
                return Err(Refusal::OutOfRange { field, range: "must be at most 365" });
            }
        }
        Ok(Self {
            sku,
            unit: pack.unit(),
            rule,
            safety_stock: safety_stock.milli(),
            lead_time_days,
            cover_days,
            pack: pack.milli(),
        })
    }

    /// The unit in which the item is sold now (`sold_by`, from the catalog) if it differs from the policy's. The policy
    /// must then be set again.
    pub fn outdated(&self, sold_by: Option<Unit>) -> Option<Unit> {
        sold_by.filter(|unit| *unit != self.unit)
    }
}
