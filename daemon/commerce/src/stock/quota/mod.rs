//! The web quota: the part of a store's stock that the web may sell without asking, even without a connection.
//!
//! # Promises
//!
//! - **No overselling.** The store owns its stock and grants HQ a part of each item's stock. HQ sells only from its
//!   grant, and the counter sells only the rest; both can do so independently for days. This is escrow, a bounded
//!   counter: one side at a time has the right to sell a unit.
//! - **Messages may be lost, repeated and late.** The two sides exchange totals that only grow, and the larger total
//!   holds ([`Totals`]). HQ's sales reach the store as the offers of their orders; until then the store keeps the goods
//!   back. So the store always keeps at least HQ's remaining quota and the goods of offers on their way
//!   ([`StoreQuota::kept`]).
//! - **Breaches are reported.** A customer at the counter, damage or a count can reduce the stock below the kept
//!   quantity. Each such [`Breach`] is counted once. At most that many units are missing when offers arrive; these are
//!   rejected, and HQ routes them again.
//! - **Refills are automatic.** [`StoreQuota::refill`] grants and recalls, so that the quota follows the stock.
//!
//! ```text
//! store                                            HQ
//! grant:  granted + n     -- totals -->            may spend n more
//!                        <-- offer of n --         spend: spent + n
//! arrive: spent + n (the goods are reserved now)
//! recall: recalled + n    -- totals -->            answer: returned + what is left, refused + the rest
//! receive                <-- totals --
//!
//! granted = spent + returned + left, at both sides
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | no connection | each side sells its own part; there are no refills until the connection is back |
//! | a total is lost or late | a later total includes it |
//! | the store is restored from a backup | the old quota is void; orders from it fail if the goods are gone |
//! | HQ is restored from a backup | it adopts the store's totals of its own sales and returns |

use serde::{Deserialize, Serialize};

use crate::{item::Sku, quantity::Unit};

/// Whether the counter may sell goods that are kept for the web.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaClass))]
pub enum Class {
    /// No: the sale is refused.
    Strict,
    /// Yes, because the customer already has the goods. It is a breach.
    #[default]
    WalkInFirst,
}

/// The web's share of an item's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaPolicy))]
pub struct Policy {
    /// Whether the counter may sell kept goods.
    pub class: Class,
    /// The web's share of the stock on hand beyond the safety stock, in thousandths; at most 1000.
    pub share_permille: u16,
    /// The maximum quota, in thousandths of the unit.
    pub most: i64,
}

/// One side's knowledge of a quota: totals since the beginning of the epoch, in thousandths of the unit. A total never
/// shrinks on the side that owns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaTotals))]
pub struct Totals {
    /// The store's epoch.
    pub epoch: u64,
    /// The time of the store's message: milliseconds since 1970, UTC.
    pub as_of_ms: i64,
    /// The total that the store granted.
    pub granted: i64,
    /// The total that HQ sold; at the store, the total of the offers.
    pub spent: i64,
    /// The total that the store recalled.
    pub recalled: i64,
    /// The total that HQ returned.
    pub returned: i64,
    /// The total that HQ could not return because it was sold already.
    pub refused: i64,
}

impl Totals {
    /// The quantity that is neither spent nor returned.
    pub fn left(&self) -> i64 {
        self.granted.saturating_sub(self.spent).saturating_sub(self.returned)
    }

    /// The recalled quantity that HQ has not answered yet.
    pub fn outstanding(&self) -> i64 {
        self.recalled.saturating_sub(self.returned).saturating_sub(self.refused)
    }
}

/// The store's side of an item's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreQuota {
    /// The store's totals, which it sends to HQ.
    pub totals: Totals,
    /// The total of kept goods that were taken.
    pub breached: i64,
    /// The kept quantity that is not on hand, which HQ may still have sold.
    pub missing: i64,
}

/// Goods that were kept for the web are gone. If HQ has sold them, their offer will be rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The quantity, in thousandths.
    pub milli: i64,
}

/// The effect of a refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refill {
    /// HQ may sell this much more.
    Granted(i64),
    /// HQ must return this much, if it has not sold it.
    Recalled(i64),
}

/// The counter may not sell goods that are kept for the web.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {sku}: {kept} thousandths are kept for web orders, so {available} can be sold, not {requested}")]
pub struct KeptForTheWeb {
    /// The item.
    pub sku: Sku,
    /// The kept quantity.
    pub kept: i64,
    /// The quantity that the counter may sell.
    pub available: i64,
    /// The requested quantity.
    pub requested: i64,
}

/// The web's quota is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quota has {left} thousandths left, not {requested}")]
pub struct QuotaSpent {
    /// The remaining quota.
    pub left: i64,
    /// The requested quantity.
    pub requested: i64,
}

impl StoreQuota {
    /// A quota without grants in an epoch of the store.
    pub fn new(epoch: u64) -> Self {
        Self { totals: Totals { epoch, ..Totals::default() }, breached: 0, missing: 0 }
    }

    /// The stock that must be kept for the web: HQ's remaining quota and sales that the store does not know yet. It
    /// includes recalled goods until HQ answers.
    pub fn kept(&self) -> i64 {
        self.totals.left().max(0)
    }

    /// The part of `on_hand` that the counter may sell.
    pub fn for_walk_ins(&self, on_hand: i64, class: Class) -> i64 {
        match class {
            Class::Strict => on_hand - self.kept(),
            Class::WalkInFirst => on_hand,
        }
    }

    /// Checks whether the counter may sell this quantity.
    ///
    /// # Errors
    /// The goods are kept for the web, and the item's class is strict. The stock itself is not checked here.
    pub fn may_sell(&self, sku: &Sku, on_hand: i64, requested: i64, class: Class) -> Result<(), KeptForTheWeb> {
        let (kept, available) = (self.kept(), self.for_walk_ins(on_hand, class));
        if class == Class::WalkInFirst || kept == 0 || requested <= available {
            return Ok(());
        }
        Err(KeptForTheWeb { sku: sku.clone(), kept, available: available.max(0), requested })
    }

    /// Compares the stock on hand with the kept quantity after a movement. A missing quantity is recalled and reported
    /// once.
    pub fn after_movement(&mut self, on_hand: i64) -> Option<Breach> {
        let gap = (self.kept() - on_hand.max(0)).max(0);
        let milli = gap - self.missing;
        self.missing = gap;
        self.totals.recalled += (gap - self.totals.outstanding()).max(0);
        if milli <= 0 {
            return None;
        }
        self.breached += milli;
        Some(Breach { milli })
    }

    /// An offer arrived that HQ sold from this quota in `epoch`. Call it once for each part of an order, in the commit
    /// that reserves its goods, before [`Self::after_movement`]. `on_hand` is the stock before the reservation.
    ///
    /// Returns the quantity that can be reserved from the kept goods; zero if the quota is from another epoch.
    pub fn arrive(&mut self, epoch: u64, milli: i64, on_hand: i64) -> i64 {
        if epoch != self.totals.epoch {
            return 0;
        }
        self.totals.spent += milli.clamp(0, self.kept().max(0));
        milli.min(on_hand).max(0)
    }

    /// HQ's totals of returned and refused goods; at most the recalled quantity is applied.
    pub fn receive(&mut self, from_hq: &Totals) {
        let own = &mut self.totals;
        if from_hq.epoch == own.epoch {
            own.returned = own.returned.max(from_hq.returned.min(own.recalled - own.refused));
            own.refused = own.refused.max(from_hq.refused.min(own.recalled - own.returned));
        }
    }

    /// Grants or recalls, so that the web has its share of the stock beyond the safety stock. Deviations of up to a
    /// quarter are ignored, because not every sale is worth a message.
    pub fn refill(&mut self, on_hand: i64, safety_stock: i64, unit: Unit, policy: &Policy) -> Option<Refill> {
        let free = on_hand.saturating_sub(safety_stock).max(0);
        let share = i128::from(free) * i128::from(policy.share_permille.min(1000)) / 1000;
        let share = whole(i64::try_from(share).unwrap_or(i64::MAX).min(policy.most.max(0)), unit);
        let (kept, outstanding) = (self.kept(), self.totals.outstanding());
        // HQ's remaining quota after it has answered.
        let quota = kept - outstanding;
        if quota > share + share / 4 {
            self.totals.recalled += quota - share;
            return Some(Refill::Recalled(quota - share));
        }
        let grant = whole((share - quota).min(free - kept), unit);
        if quota < share - share / 4 && grant > 0 {
            self.totals.granted += grant;
            return Some(Refill::Granted(grant));
        }
        None
    }
}

/// Pieces are granted only as whole units.
fn whole(milli: i64, unit: Unit) -> i64 {
    if unit == Unit::Each { milli - milli.rem_euclid(1000) } else { milli }
}

/// HQ's side of an item's quota at one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebQuota {
    /// HQ's totals, which it sends to the store.
    pub totals: Totals,
}

impl WebQuota {
    /// The quantity that the web may sell, as of [`Totals::as_of_ms`].
    pub fn left(&self) -> i64 {
        self.totals.left()
    }

    /// The web sells this quantity. The offer must have the epoch of [`Self::totals`].
    ///
    /// # Errors
    /// The remaining quota is smaller.
    pub fn spend(&mut self, milli: i64) -> Result<(), QuotaSpent> {
        let left = self.left();
        if milli > left {
            return Err(QuotaSpent { left, requested: milli });
        }
        self.totals.spent += milli.max(0);
        Ok(())
    }

    /// Returns a sold quantity that was never offered to the store, so that it can be sold again. Do not call it for an
    /// order that the store may know: the store itself releases the goods of such an order.
    pub fn unspend(&mut self, epoch: u64, milli: i64) {
        if epoch == self.totals.epoch {
            self.totals.spent -= milli.clamp(0, self.totals.spent);
        }
    }

    /// The store's totals. Recalled goods are returned as far as they are not sold. Older messages have no effect; a
    /// newer epoch resets the quota.
    pub fn receive(&mut self, from_store: &Totals) {
        if from_store.epoch < self.totals.epoch {
            return;
        }
        if from_store.epoch > self.totals.epoch {
            self.totals = Totals { epoch: from_store.epoch, ..Totals::default() };
        }
        let own = &mut self.totals;
        for (own, theirs) in [
            (&mut own.as_of_ms, from_store.as_of_ms),
            (&mut own.granted, from_store.granted),
            (&mut own.recalled, from_store.recalled),
            // HQ already knows these, unless it was restored from a backup.
            (&mut own.spent, from_store.spent),
            (&mut own.returned, from_store.returned),
            (&mut own.refused, from_store.refused),
        ] {
            *own = (*own).max(theirs);
        }
        let outstanding = own.outstanding().max(0);
        let returned = outstanding.min(own.left().max(0));
        own.returned += returned;
        own.refused += outstanding - returned;
    }
}

#[cfg(test)]
mod tests;
