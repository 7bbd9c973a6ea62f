//! The reasons against stores that are not in a plan.

use std::fmt;

use commerce::order::Zone;
use serde::Serialize;

use super::{
    Network, Other, Plan, Request,
    assign::{Filled, minor},
    candidates::Candidates,
};

/// Why a store is not in a plan: the first constraint that excludes it, or how it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// The customer picks up at another store.
    NotChosen,
    /// It rejected the order or was short.
    Rejected,
    /// HQ has not heard from its hub for too long.
    Offline {
        /// Minutes since then.
        minutes: i64,
        /// The maximum.
        most: i64,
    },
    /// It has its maximum of open orders.
    Full {
        /// Its open orders.
        open_orders: u32,
        /// The maximum.
        capacity: u32,
    },
    /// Its location is unknown.
    NoPosition,
    /// It is too far away.
    TooFar {
        /// The distance.
        metres: i64,
        /// The maximum.
        most: i64,
    },
    /// It does not serve the delivery zone.
    OtherZone,
    /// It is not open long enough to prepare the order.
    Closed,
    /// It can't meet the deadline.
    TooLate {
        /// When it would be ready or arrive.
        there_at_ms: i64,
        /// The deadline.
        due_ms: i64,
    },
    /// It can supply nothing: it lacks the temperature zone of the first line.
    NotKept {
        /// The line.
        line: u32,
        /// The zone it needs.
        zone: Zone,
    },
    /// It can supply nothing: it has no stock of the first line.
    NoStock {
        /// The line.
        line: u32,
    },
    /// It has too little to replace any chosen store.
    TooLittle,
    /// With this store instead of a chosen one, the plan would cost at least as much.
    Costlier {
        /// The difference, in minor units.
        by: i64,
    },
}

impl Why {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotChosen => "not_chosen",
            Self::Rejected => "rejected",
            Self::Offline { .. } => "offline",
            Self::Full { .. } => "full",
            Self::NoPosition => "no_position",
            Self::TooFar { .. } => "too_far",
            Self::OtherZone => "other_zone",
            Self::Closed => "closed",
            Self::TooLate { .. } => "too_late",
            Self::NotKept { .. } => "not_kept",
            Self::NoStock { .. } => "no_stock",
            Self::TooLittle => "too_little",
            Self::Costlier { .. } => "costlier",
        }
    }
}

/// The reason in words, without the values of the store itself.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChosen => f.write_str("the customer picks up at another store"),
            Self::Rejected => f.write_str("rejected the order"),
            Self::Offline { most, .. } => write!(f, "HQ has not heard from its hub for more than {most} min"),
            Self::Full { .. } => f.write_str("has its maximum of open orders"),
            Self::NoPosition => f.write_str("its location is unknown"),
            Self::TooFar { most, .. } => write!(f, "is farther away than {} km", most / 1000),
            Self::OtherZone => f.write_str("does not serve the delivery zone"),
            Self::Closed => f.write_str("is not open long enough to prepare the order"),
            Self::TooLate { .. } => f.write_str("can't meet the deadline"),
            Self::NotKept { line, zone } => write!(f, "has no {} zone, which line {line} needs", zone.name()),
            Self::NoStock { .. } => f.write_str("has no stock of it for the web"),
            Self::TooLittle => f.write_str("has too little to replace a chosen store"),
            Self::Costlier { by } => write!(f, "would cost {by} more"),
        }
    }
}

impl Plan {
    /// The first unplaced line of which a store has stock, and the constraint that excludes this store.
    pub fn held_back(&self, request: &Request, network: &Network) -> Option<(u32, &Other)> {
        let is_excluded = |why: Why| {
            !matches!(why, Why::NotChosen | Why::Rejected | Why::NotKept { .. } | Why::NoStock { .. })
                && !matches!(why, Why::TooLittle | Why::Costlier { .. })
        };
        let has = |other: &Other, line: u32| {
            let line = request.lines.iter().find(|of| of.line == line);
            let store = network.stores.iter().find(|store| store.store == other.store);
            let milli =
                |(line, store): (&super::Line, &super::Store)| store.milli(&(line.sku.clone(), line.quantity.unit()));
            line.zip(store).is_some_and(|both| milli(both) > 0)
        };
        let excluded: Vec<_> = self.others.iter().filter(|other| is_excluded(other.why)).collect();
        self.unplaced.iter().find_map(|amount| {
            let other = excluded.iter().find(|other| has(other, amount.line))?;
            Some((amount.line, *other))
        })
    }
}

/// All stores that are not in the plan, in the order of the network.
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

/// Compares the plan with the cheapest plan that has this store instead of a chosen one.
fn compare(candidates: &Candidates<'_>, filled: &Filled, chosen: &[usize], store: usize) -> Why {
    let short: i64 = filled.short.iter().sum();
    let instead = chosen.iter().map(|replaced| {
        let set: Vec<usize> = chosen.iter().map(|own| if own == replaced { store } else { *own }).collect();
        candidates.rank(&set)
    });
    let best = instead.filter(|rank| rank.short <= short).min();
    best.map_or(Why::TooLittle, |best| Why::Costlier { by: minor((best.cost - filled.cost.sum()).max(0)) })
}
