//! The cost of a set of stores.

use super::{
    Cost,
    candidates::{Candidates, MILLIONTHS},
};

/// A set of stores, as indexes of [`Candidates::list`], and its rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) stores: Vec<usize>,
    pub(super) rank: Rank,
}

/// The lower the better: first the unplaced quantity, then the cost, then the number of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// In thousandths of units.
    pub(super) short: i64,
    /// In millionths of a minor unit.
    pub(super) cost: i128,
    pub(super) stores: usize,
}

/// The parts of a cost, in millionths of a minor unit, weighted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub(super) money: i128,
    pub(super) waiting: i128,
    pub(super) balance: i128,
    pub(super) splits: i128,
}

impl Parts {
    pub(super) fn sum(&self) -> i128 {
        self.money + self.waiting + self.balance + self.splits
    }

    pub(super) fn rounded(&self) -> Cost {
        Cost {
            money: minor(self.money),
            waiting: minor(self.waiting),
            balance: minor(self.balance),
            splits: minor(self.splits),
            total: minor(self.sum()),
        }
    }
}

/// Millionths as minor units; a half goes away from zero.
pub(super) fn minor(millionths: i128) -> i64 {
    let minor = commerce::Rounding::HalfAwayFromZero.divide(millionths, MILLIONTHS);
    i64::try_from(minor).unwrap_or(i64::MAX)
}

/// The quantities that a set of stores supplies.
pub(super) struct Filled {
    /// The index of each supplying store, with the indexes and quantities of its items.
    pub(super) parts: Vec<(usize, Vec<(usize, i64)>)>,
    /// The unplaced quantity of each item.
    pub(super) short: Vec<i64>,
    pub(super) cost: Parts,
}

impl Candidates<'_> {
    /// Takes each item from the stores of a set, the cheapest first. Stores that supply nothing are left out and cost
    /// nothing.
    pub(super) fn fill(&self, stores: &[usize]) -> Filled {
        let mut amounts: Vec<Vec<(usize, i64)>> = vec![Vec::new(); stores.len()];
        let mut short: Vec<i64> = self.demands.iter().map(|demand| demand.milli).collect();
        let mut cost = Parts::default();
        for (item, short) in short.iter_mut().enumerate() {
            self.for_each_of(stores, item, |place, milli| {
                let rate = self.list[stores[place]].rates[item];
                amounts[place].push((item, milli));
                *short -= milli;
                cost.money += rate.money * i128::from(milli);
                cost.balance += rate.balance * i128::from(milli);
            });
        }
        let parts: Vec<_> = stores.iter().copied().zip(amounts).filter(|(_, amounts)| !amounts.is_empty()).collect();
        cost.money += parts.iter().map(|(store, _)| self.list[*store].fixed).sum::<i128>();
        cost.waiting = self.waiting(parts.iter().map(|(store, _)| *store));
        cost.splits = self.splits(parts.len());
        Filled { parts, short, cost }
    }

    /// The rank of a set; every store counts, even if it supplies nothing.
    pub(super) fn rank(&self, stores: &[usize]) -> Rank {
        let (mut short, mut cost) = (self.demands.iter().map(|demand| demand.milli).sum::<i64>(), 0);
        for item in 0..self.demands.len() {
            self.for_each_of(stores, item, |place, milli| {
                short -= milli;
                cost += self.list[stores[place]].rates[item].sum() * i128::from(milli);
            });
        }
        cost += stores.iter().map(|store| self.list[*store].fixed).sum::<i128>();
        cost += self.waiting(stores.iter().copied()) + self.splits(stores.len());
        Rank { short, cost, stores: stores.len() }
    }

    /// A set with its rank.
    pub(super) fn choice(&self, stores: Vec<usize>) -> Choice {
        let rank = self.rank(&stores);
        Choice { stores, rank }
    }

    /// Calls `give` with each store's position in the set and its quantity of an item, the cheapest store first.
    fn for_each_of(&self, stores: &[usize], item: usize, mut give: impl FnMut(usize, i64)) {
        let mut left = self.demands[item].milli;
        let mut places: Vec<usize> = (0..stores.len()).collect();
        places.sort_by_key(|place| (self.list[stores[*place]].rates[item].sum(), stores[*place]));
        for place in places {
            let milli = self.list[stores[place]].has[item].min(left);
            if milli > 0 {
                left -= milli;
                give(place, milli);
            }
        }
    }

    /// The cost of waiting for the last of several stores.
    pub(super) fn waiting(&self, stores: impl Iterator<Item = usize>) -> i128 {
        stores.map(|store| self.list[store].waits).max().unwrap_or(0)
    }

    /// The cost of splitting the order over this many stores.
    pub(super) fn splits(&self, stores: usize) -> i128 {
        let beyond = if self.is_split { stores } else { stores.saturating_sub(1) };
        self.split * i128::try_from(beyond).unwrap_or(i128::MAX)
    }
}
