//! The web quota: what of a store's stock the web may sell without asking, also while the link is cut.
//!
//! # What this module promises
//!
//! - **Never oversold.** The store owns its stock and grants HQ a part of it, item by item. HQ sells only what it was
//!   granted, the counter only what was not; each can do so alone, for days. This is escrow, a bounded counter: a right
//!   to a unit is at one side at a time.
//! - **Messages may be lost, doubled and late.** The two sides tell each other totals that only grow, and the larger
//!   one holds ([`Totals`]). What HQ spends reaches the store with the order it was spent for, as its offer; until then
//!   the store keeps the goods back. So the store always keeps at least what HQ has left and what is on its way
//!   ([`StoreQuota::kept`]).
//! - **What is broken is told.** A customer with the goods in hand, damage or a count can take what was kept. That is a
//!   [`Breach`], counted once; as many units at most are missing when offers come, and are rejected then, so that HQ
//!   routes them again.
//! - **It looks after itself.** [`StoreQuota::refill`] grants and recalls so that the quota follows the stock.
//!
//! ```text
//! store                                            HQ
//! grant:  granted + n     -- totals -->            may spend n more
//!                        <-- offer of n --         spend: spent + n
//! arrive: spent + n (the goods are reserved now)
//! recall: recalled + n    -- totals -->            answer: returned + what is left, refused + the rest
//! hear                   <-- totals --
//!
//! granted = spent + returned + left, at both sides
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the link | each side sells what is its own; nothing refills until it is back |
//! | a total is lost or comes late | a later one says the same and more |
//! | the store is restored from a backup | its epoch is new: the former quota is void at both sides, and orders that were sold from it are rejected if the goods are gone |
//! | HQ is restored from a backup | it takes over what the store knows that it spent and returned |

use serde::{Deserialize, Serialize};

use crate::{item::Sku, quantity::Unit};

/// What the counter may do with goods that are kept for the web.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaClass))]
pub enum Class {
    /// Nothing: the sale is refused.
    Strict,
    /// Sell them: the customer has them in hand. It is a breach.
    #[default]
    WalkInFirst,
}

/// How much of an item the web gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaPolicy))]
pub struct Policy {
    /// What the counter may do.
    pub class: Class,
    /// The web's share of what is on hand beyond the safety stock, in thousandths of it; at most 1000.
    pub share_permille: u16,
    /// The most it gets, in thousandths of the unit.
    pub most: i64,
}

/// What one side knows of a quota: totals since the epoch began, in thousandths of the unit. None ever shrinks at the
/// side that it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = QuotaTotals))]
pub struct Totals {
    /// Of the store.
    pub epoch: u64,
    /// When the store said so: milliseconds since 1970, UTC.
    pub as_of_ms: i64,
    /// What the store ever granted.
    pub granted: i64,
    /// What HQ ever sold of it; at the store, what came with offers.
    pub spent: i64,
    /// What the store ever asked back.
    pub recalled: i64,
    /// What HQ ever gave back of that.
    pub returned: i64,
    /// What HQ had sold already when it was asked back.
    pub refused: i64,
}

impl Totals {
    /// What is neither spent nor returned.
    pub fn left(&self) -> i64 {
        self.granted.saturating_sub(self.spent).saturating_sub(self.returned)
    }

    /// What was asked back and not answered.
    pub fn asked_back(&self) -> i64 {
        self.recalled.saturating_sub(self.returned).saturating_sub(self.refused)
    }
}

/// The store's side of an item's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreQuota {
    /// What it knows; what it tells HQ.
    pub totals: Totals,
    /// What was ever taken of goods that were kept for the web.
    pub breached: i64,
    /// What of that HQ may still have sold: kept, and not on hand.
    pub missing: i64,
}

/// Goods that were kept for the web are gone. What HQ has sold of them is rejected when it is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// How much, in thousandths.
    pub milli: i64,
}

/// What a refill did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refill {
    /// HQ may sell so much more.
    Granted(i64),
    /// HQ is asked to give so much back.
    Recalled(i64),
}

/// Why the counter may not sell it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {sku}: {kept} thousandths are kept for web orders, so {available} can be sold, not {requested}")]
pub struct KeptForTheWeb {
    /// Which item.
    pub sku: Sku,
    /// What is kept.
    pub kept: i64,
    /// What the counter may sell.
    pub available: i64,
    /// What it wanted to.
    pub requested: i64,
}

/// The web has not so much left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quota has {left} thousandths left, not {requested}")]
pub struct QuotaSpent {
    /// What is left.
    pub left: i64,
    /// What was to be sold.
    pub requested: i64,
}

impl StoreQuota {
    /// Nothing granted, in an epoch of the store.
    pub fn new(epoch: u64) -> Self {
        Self { totals: Totals { epoch, ..Totals::default() }, breached: 0, missing: 0 }
    }

    /// What has to be on hand for the web: what HQ has left, and what it sold and the store has not heard of. What was
    /// asked back is among it until HQ answers.
    pub fn kept(&self) -> i64 {
        self.totals.left().max(0)
    }

    /// What the counter may sell of `on_hand`; never more than that.
    pub fn for_walk_ins(&self, on_hand: i64, class: Class) -> i64 {
        match class {
            Class::Strict => on_hand - self.kept(),
            Class::WalkInFirst => on_hand,
        }
    }

    /// Whether the counter may sell so much of what is on hand.
    ///
    /// # Errors
    /// It is kept for the web, and the item's class is strict. Whether there is enough at all is the position's
    /// business.
    pub fn may_sell(&self, sku: &Sku, on_hand: i64, requested: i64, class: Class) -> Result<(), KeptForTheWeb> {
        let (kept, available) = (self.kept(), self.for_walk_ins(on_hand, class));
        if class == Class::WalkInFirst || kept == 0 || requested <= available {
            return Ok(());
        }
        Err(KeptForTheWeb { sku: sku.clone(), kept, available: available.max(0), requested })
    }

    /// Looks at what is on hand after anything has moved. What is kept and not there is asked back, and told once.
    pub fn after_movement(&mut self, on_hand: i64) -> Option<Breach> {
        let gap = (self.kept() - on_hand.max(0)).max(0);
        let milli = gap - self.missing;
        self.missing = gap;
        self.totals.recalled += (gap - self.totals.asked_back()).max(0);
        if milli <= 0 {
            return None;
        }
        self.breached += milli;
        Some(Breach { milli })
    }

    /// An offer came that HQ sold from this quota in `epoch`: once for each part of an order, in the commit that
    /// reserves its goods, and before [`Self::after_movement`]. `on_hand` is what was there before.
    ///
    /// Says how much of it can be reserved from what was kept; none of a quota of another epoch.
    pub fn arrive(&mut self, epoch: u64, milli: i64, on_hand: i64) -> i64 {
        if epoch != self.totals.epoch {
            return 0;
        }
        self.totals.spent += milli.clamp(0, self.kept().max(0));
        milli.min(on_hand).max(0)
    }

    /// HQ tells what it returned and refused; no more than it was asked for.
    pub fn hear(&mut self, of_hq: &Totals) {
        let own = &mut self.totals;
        if of_hq.epoch == own.epoch {
            own.returned = own.returned.max(of_hq.returned.min(own.recalled - own.refused));
            own.refused = own.refused.max(of_hq.refused.min(own.recalled - own.returned));
        }
    }

    /// Grants or recalls, so that the web has its share of what is on hand beyond the safety stock. Within a quarter of
    /// it either way nothing is done: not every sale is worth a message.
    pub fn refill(&mut self, on_hand: i64, safety_stock: i64, unit: Unit, policy: &Policy) -> Option<Refill> {
        let free = on_hand.saturating_sub(safety_stock).max(0);
        let share = i128::from(free) * i128::from(policy.share_permille.min(1000)) / 1000;
        let share = whole(i64::try_from(share).unwrap_or(i64::MAX).min(policy.most.max(0)), unit);
        let (kept, asked_back) = (self.kept(), self.totals.asked_back());
        // What HQ will have left when it has answered.
        let quota = kept - asked_back;
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

/// Nobody is granted half a piece.
fn whole(milli: i64, unit: Unit) -> i64 {
    if unit == Unit::Each { milli - milli.rem_euclid(1000) } else { milli }
}

/// HQ's side of an item's quota at one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebQuota {
    /// What it knows; what it tells the store.
    pub totals: Totals,
}

impl WebQuota {
    /// What the web may sell, as of [`Totals::as_of_ms`].
    pub fn left(&self) -> i64 {
        self.totals.left()
    }

    /// The web sells so much. The offer that follows names the epoch of [`Self::totals`].
    ///
    /// # Errors
    /// Less is left.
    pub fn spend(&mut self, milli: i64) -> Result<(), QuotaSpent> {
        let left = self.left();
        if milli > left {
            return Err(QuotaSpent { left, requested: milli });
        }
        self.totals.spent += milli.max(0);
        Ok(())
    }

    /// What was sold and never offered to the store can be sold again. Not of an order that the store may have heard
    /// of: what that gives up is on hand at the store.
    pub fn unspend(&mut self, epoch: u64, milli: i64) {
        if epoch == self.totals.epoch {
            self.totals.spent -= milli.clamp(0, self.totals.spent);
        }
    }

    /// The store tells its totals. What it asks back is returned, as far as it is left. An older message changes
    /// nothing; one of a newer epoch begins anew.
    pub fn hear(&mut self, of_store: &Totals) {
        if of_store.epoch < self.totals.epoch {
            return;
        }
        if of_store.epoch > self.totals.epoch {
            self.totals = Totals { epoch: of_store.epoch, ..Totals::default() };
        }
        let own = &mut self.totals;
        for (own, theirs) in [
            (&mut own.as_of_ms, of_store.as_of_ms),
            (&mut own.granted, of_store.granted),
            (&mut own.recalled, of_store.recalled),
            // Known already, unless HQ was restored from a backup.
            (&mut own.spent, of_store.spent),
            (&mut own.returned, of_store.returned),
            (&mut own.refused, of_store.refused),
        ] {
            *own = (*own).max(theirs);
        }
        let asked_back = own.asked_back().max(0);
        let returned = asked_back.min(own.left().max(0));
        own.returned += returned;
        own.refused += asked_back - returned;
    }
}

#[cfg(test)]
mod tests;
