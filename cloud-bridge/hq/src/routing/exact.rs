//! Branch and bound over sets of stores.
//!
//! Candidates are ordered by fixed cost. Each branch extends a set with candidates further down the list. It is pruned
//! when no set below it can have a better rank than the best set so far: the bound combines the least unplaced quantity
//! and the lowest cost that such a set can have.

use super::{
    Method,
    assign::{Choice, Rank},
    candidates::Candidates,
};

/// The maximum number of sets visited: about ten milliseconds for ten items, fifty for thirty.
pub const MAX_NODES: u32 = 20_000;

/// The best set, and whether it is proven to be the best.
pub(super) fn search(candidates: &Candidates<'_>, start: Choice) -> (Choice, Method) {
    let mut search = Search { bounds: Bounds::new(candidates), candidates, best: start, nodes: 0 };
    let is_done = search.branch(0, &mut Vec::new());
    (search.best, if is_done { Method::Exact } else { Method::Heuristic })
}

/// Bounds on the candidates from each position on, computed before the search.
struct Bounds {
    /// Their total quantity of each item, at most the demand.
    has: Vec<Vec<i64>>,
    /// The lowest cost of a thousandth of each item.
    rate: Vec<Vec<i128>>,
    /// The lowest fixed cost of those that have each item.
    fixed: Vec<Vec<i128>>,
}

impl Bounds {
    fn new(candidates: &Candidates<'_>) -> Self {
        let items = candidates.demands.len();
        let mut has = vec![vec![0; items]];
        let (mut rate, mut fixed) = (vec![vec![i128::MAX; items]], vec![vec![i128::MAX; items]]);
        for store in candidates.best.iter().rev().map(|store| &candidates.list[*store]) {
            let of = |item: usize, rows: &[Vec<i128>], own: i128| {
                let after = rows.last().map_or(i128::MAX, |row| row[item]);
                if store.has[item] > 0 { after.min(own) } else { after }
            };
            let row = (0..items).map(|item| of(item, &rate, store.rates[item].sum())).collect();
            rate.push(row);
            let row = (0..items).map(|item| of(item, &fixed, store.fixed)).collect();
            fixed.push(row);
            let after: &[i64] = has.last().map_or(&[], Vec::as_slice);
            let sum = |item: usize| (after[item] + store.has[item]).min(candidates.demands[item].milli);
            let row = (0..items).map(sum).collect();
            has.push(row);
        }
        for rows in [&mut rate, &mut fixed] {
            rows.reverse();
        }
        has.reverse();
        Self { has, rate, fixed }
    }
}

struct Search<'c, 'a> {
    candidates: &'c Candidates<'a>,
    bounds: Bounds,
    best: Choice,
    nodes: u32,
}

impl Search<'_, '_> {
    /// Visits all sets that extend `stores` with candidates from `place` on; false if the limit was reached.
    fn branch(&mut self, place: usize, stores: &mut Vec<usize>) -> bool {
        if self.nodes >= MAX_NODES {
            return false;
        }
        self.nodes += 1;
        let rank = self.candidates.rank(stores);
        if rank < self.best.rank {
            self.best = Choice { stores: stores.clone(), rank };
        }
        if stores.len() >= self.candidates.most {
            return true;
        }
        for next in place..self.candidates.best.len() {
            // The bound does not decrease with the position.
            if self.bound(next, stores) >= self.best.rank {
                return true;
            }
            stores.push(self.candidates.best[next]);
            let is_done = self.branch(next + 1, stores);
            stores.pop();
            if !is_done {
                return false;
            }
        }
        true
    }

    /// A lower bound for the rank of sets with these stores and at least one candidate from `place` on.
    fn bound(&self, place: usize, stores: &[usize]) -> Rank {
        let candidates = self.candidates;
        let (mut short, mut cost, mut more) = (0, 0, 0);
        for (item, demand) in candidates.demands.iter().enumerate() {
            let own: i64 = stores.iter().map(|store| candidates.list[*store].has[item]).sum();
            let given = own.saturating_add(self.bounds.has[place][item]).min(demand.milli);
            short += demand.milli - given;
            let rates = stores.iter().map(|store| &candidates.list[*store]).filter(|store| store.has[item] > 0);
            let rate = rates.map(|store| store.rates[item].sum()).min().unwrap_or(i128::MAX);
            if given > 0 {
                cost += rate.min(self.bounds.rate[place][item]) * i128::from(given);
            }
            if own < given {
                more = more.max(self.bounds.fixed[place][item]);
            }
        }
        let next = candidates.best.get(place).map_or(0, |store| candidates.list[*store].fixed);
        cost += stores.iter().map(|store| candidates.list[*store].fixed).sum::<i128>() + more.max(next);
        cost += candidates.waiting(stores.iter().copied()) + candidates.splits(stores.len() + 1);
        Rank { short, cost, stores: stores.len() + 1 }
    }
}
