//! Why a store gets nothing.

use commerce::order::Zone;
use serde::Serialize;

use super::{
    Network, Other,
    assign::{Filled, minor},
    candidates::Candidates,
};

/// Why a store gets nothing: the first constraint that excludes it; or, of a store that none does, how it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// The customer comes to another.
    NotChosen,
    /// It rejected the order, or had it short.
    Rejected,
    /// Its hub was not heard for too long.
    Offline {
        /// For so long.
        minutes: i64,
        /// At most.
        most: i64,
    },
    /// It works on as many orders as it can.
    Full {
        /// So many.
        open_orders: u32,
        /// At most.
        capacity: u32,
    },
    /// Nobody knows where it is.
    NoPosition,
    /// Too far away.
    TooFar {
        /// So far.
        metres: i64,
        /// At most.
        most: i64,
    },
    /// It serves other delivery zones.
    OtherZone,
    /// It is not open long enough to make the order ready.
    Closed,
    /// It can't be there in time.
    TooLate {
        /// When it would be.
        there_at_ms: i64,
        /// When it has to be.
        due_ms: i64,
    },
    /// It can give nothing: it keeps nothing as cold as the first line has to be.
    NotKept {
        /// Which line.
        line: u32,
        /// How it has to be kept.
        zone: Zone,
    },
    /// It can give nothing: it has none of the first line.
    NoStock {
        /// Which line.
        line: u32,
    },
    /// It can't give what any chosen store gives, so it can take the place of none.
    TooLittle,
    /// In the place of the chosen store where it does best, the plan would cost more; or as much, and another was
    /// first.
    Costlier {
        /// By so much, in minor units.
        by: i64,
    },
}

/// All stores that get nothing, in the order of the network.
pub(super) fn others(network: &Network, candidates: &Candidates<'_>, filled: &Filled) -> Vec<Other> {
    let chosen: Vec<usize> = filled.parts.iter().map(|(store, _)| *store).collect();
    let mut others: Vec<(usize, Why)> = candidates.excluded.clone();
    for (place, candidate) in candidates.list.iter().enumerate() {
        if !chosen.contains(&place) {
            others.push((candidate.index, compare(candidates, filled, &chosen, place)));
        }
    }
    others.sort_by_key(|(index, _)| *index);
    let other = |(index, why): (usize, Why)| Other { store: network.stores[index].store.clone(), why };
    others.into_iter().map(other).collect()
}

/// What the plan costs with another store in the place of a chosen one, wherever that is best.
fn compare(candidates: &Candidates<'_>, filled: &Filled, chosen: &[usize], store: usize) -> Why {
    let short: i64 = filled.short.iter().sum();
    let instead = chosen.iter().map(|replaced| {
        let set: Vec<usize> = chosen.iter().map(|own| if own == replaced { store } else { *own }).collect();
        candidates.rank(&set)
    });
    let best = instead.filter(|rank| rank.short <= short).min();
    best.map_or(Why::TooLittle, |best| Why::Costlier { by: minor((best.cost - filled.cost.sum()).max(0)) })
}
