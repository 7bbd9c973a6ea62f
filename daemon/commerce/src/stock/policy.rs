//! How an item's stock is kept.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{
    item::Sku,
    quantity::{Quantity, Unit},
};

/// The longest lead time or cover, in days.
pub const MAX_DAYS: u16 = 365;

/// What a sale may do to on_hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StockRule))]
pub enum Rule {
    /// Take it below zero: the customer has the thing in the hand, so the books are wrong, not the customer. The usual
    /// rule.
    #[default]
    BelowZero,
    /// Take it to zero; past that the sale is refused.
    ToZero,
    /// Nothing: the item's stock is not kept.
    Untracked,
}

/// An item's policy. An item without one follows the usual rule, has no safety stock, and is not reordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StockPolicy))]
pub struct Policy {
    /// Of which item.
    pub sku: Sku,
    /// By which unit its quantities are.
    pub unit: Unit,
    /// What a sale may do.
    pub rule: Rule,
    /// Kept back from promises, and a part of the reorder point; in thousandths.
    pub safety_stock: i64,
    /// Days from an order to its delivery.
    pub lead_time_days: u16,
    /// Days that a delivery should last once it is there.
    pub cover_days: u16,
    /// Orders are multiples of this; in thousandths, more than zero.
    pub pack: i64,
}

impl Policy {
    /// A policy whose numbers fit together.
    ///
    /// # Errors
    /// Quantities by different units, an empty pack, days out of range.
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
            return Err(Refusal::OutOfRange { field: "pack", range: "more than zero" });
        }
        for (field, days) in [("lead_time_days", lead_time_days), ("cover_days", cover_days)] {
            if days > MAX_DAYS {
                return Err(Refusal::OutOfRange { field, range: "at most 365" });
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

    /// The unit by which the item is sold now, if that is not the policy's: then it must be set again. `sold_by` is the
    /// catalog's, if it has the item.
    pub fn outdated(&self, sold_by: Option<Unit>) -> Option<Unit> {
        sold_by.filter(|unit| *unit != self.unit)
    }
}
