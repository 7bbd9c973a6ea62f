//! Web quotas: what a store grants HQ, and what HQ gives back. Stream `orders`, both directions.
//!
//! Both sides send totals that only grow ([`commerce::stock::quota`]), so a message that is repeated or late does no
//! harm, and a lost one is made good by the next.
//!
//! - **Up, `quota.changed`:** the hub sends the totals of every item whose quota it granted, recalled or saw spent
//!   since the last message, at most every few seconds, and whatever waits after an outage in one message per
//!   [`MAX_QUOTAS`] items. [`StoreTotals::breached`] counts what the counter took of the web's goods: if it grew, HQ
//!   may have sold goods that are gone. Their offers will be rejected; HQ may route them elsewhere first.
//! - **Down, `quota.answered`:** HQ sends its totals of every item whose recall it answered.
//! - **Offers** carry what they spend of a quota ([`crate::order::QuotaSpent`]), not these messages.
//!
//! A new epoch of the store begins with empty quotas; totals of an older epoch have no effect on either side.

use std::collections::BTreeSet;

use commerce::{Sku, Unit, stock::quota::Totals};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, DownKind, EventKind, Kind},
    name::Stream,
};

/// Up: the store's totals changed.
pub static CHANGED: EventKind<QuotaChanged> = Kind::new("quota.changed", Stream::orders());
/// Down: HQ answered recalls.
pub static ANSWERED: DownKind<QuotaAnswered> = Kind::new("quota.answered", Stream::orders());

/// The maximum number of items in a message.
pub const MAX_QUOTAS: usize = 400;

/// The store's totals of items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuotaChanged {
    /// The totals; at most [`MAX_QUOTAS`].
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 400))]
    pub quotas: Vec<StoreTotals>,
}

/// The store's totals of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreTotals {
    /// The item.
    pub sku: Sku,
    /// Its unit.
    pub unit: Unit,
    /// The totals, as of their own time.
    pub totals: Totals,
    /// What the counter took of the goods that were kept for the web, in thousandths; a total of the epoch, too.
    pub breached: i64,
}

/// HQ's totals of items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuotaAnswered {
    /// The totals; at most [`MAX_QUOTAS`].
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 400))]
    pub quotas: Vec<WebTotals>,
}

/// HQ's totals of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebTotals {
    /// The item.
    pub sku: Sku,
    /// Its unit.
    pub unit: Unit,
    /// The totals.
    pub totals: Totals,
}

/// Totals that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuota {
    /// Too many items, or none.
    #[error("{count} quotas in a message; expected 1 to {MAX_QUOTAS}")]
    Count {
        /// How many.
        count: usize,
    },
    /// An item is listed twice.
    #[error("the quota of item {sku} is listed twice")]
    Twice {
        /// The item.
        sku: Sku,
    },
    /// A negative total, or one beyond what a store can have.
    #[error("the quota of item {sku} has a total out of range: {total}")]
    Range {
        /// The item.
        sku: Sku,
        /// The total.
        total: i64,
    },
}

/// The highest total: far beyond what a store moves in an epoch, and sums of totals can't overflow.
const MAX_TOTAL: i64 = i64::MAX / 16;

fn checked<'a>(quotas: impl ExactSizeIterator<Item = (&'a Sku, Unit, &'a Totals, i64)>) -> Result<(), BadBody> {
    let count = quotas.len();
    if !(1..=MAX_QUOTAS).contains(&count) {
        return Err(BadQuota::Count { count }.into());
    }
    let mut seen = BTreeSet::new();
    for (sku, unit, totals, breached) in quotas {
        if !seen.insert((sku, unit)) {
            return Err(BadQuota::Twice { sku: sku.clone() }.into());
        }
        let Totals { granted, spent, recalled, returned, refused, .. } = *totals;
        let all = [granted, spent, recalled, returned, refused, breached];
        if let Some(total) = all.into_iter().find(|total| !(0..=MAX_TOTAL).contains(total)) {
            return Err(BadQuota::Range { sku: sku.clone(), total }.into());
        }
    }
    Ok(())
}

impl Body for QuotaChanged {
    fn check(&self) -> Result<(), BadBody> {
        checked(self.quotas.iter().map(|quota| (&quota.sku, quota.unit, &quota.totals, quota.breached)))
    }
}

impl Body for QuotaAnswered {
    fn check(&self) -> Result<(), BadBody> {
        checked(self.quotas.iter().map(|quota| (&quota.sku, quota.unit, &quota.totals, 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_in_range_and_each_item_is_listed_once() {
        let totals = Totals { epoch: 7, granted: 4000, ..Totals::default() };
        let quota = |sku: &str, totals| WebTotals { sku: sku.parse().unwrap(), unit: Unit::Each, totals };
        let check = |quotas: Vec<WebTotals>| QuotaAnswered { quotas }.check();
        assert_eq!(check(vec![quota("4711", totals), quota("4712", totals)]), Ok(()));
        assert!(matches!(check(vec![]), Err(BadBody::Quota(BadQuota::Count { count: 0 }))));
        assert!(matches!(check(vec![quota("1", totals); 2]), Err(BadBody::Quota(BadQuota::Twice { .. }))));
        let many = (0..=MAX_QUOTAS).map(|sku| quota(&sku.to_string(), totals)).collect();
        assert!(matches!(check(many), Err(BadBody::Quota(BadQuota::Count { count: 401 }))));
        for wrong in [-1, i64::MAX] {
            let wrong = Totals { returned: wrong, ..totals };
            assert!(matches!(check(vec![quota("1", wrong)]), Err(BadBody::Quota(BadQuota::Range { .. }))));
        }
        let store = |breached| StoreTotals { sku: "1".parse().unwrap(), unit: Unit::Each, totals, breached };
        assert_eq!(QuotaChanged { quotas: vec![store(0)] }.check(), Ok(()));
        assert!(QuotaChanged { quotas: vec![store(-1)] }.check().is_err());
    }
}
