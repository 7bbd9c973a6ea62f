//! Greedy construction and local search.
//!
//! Greedy sets are built from several beginnings: from nothing, adding the store that gives most of the missing units
//! or the store with the lowest added cost per unit; and from each of the cheapest stores, by added cost. The best sets
//! are then improved as long as an exchange lowers the rank: up to two stores less, up to one more.

use super::{
    assign::{Choice, Rank},
    candidates::Candidates,
};

/// The maximum number of improvements of a set; each is one pass over all exchanges.
const MAX_ROUNDS: usize = 50;

/// How many of the cheapest stores are tried as the first one.
const BEGINNINGS: usize = 8;

/// How many of the greedy sets are improved, the best first.
const IMPROVED: usize = 3;

/// A good set.
pub(super) fn search(candidates: &Candidates<'_>) -> Choice {
    let by_units = greedy(candidates, Vec::new(), |before, after| (i128::from(before.short - after.short), 1));
    let by_cost = |first| {
        greedy(candidates, first, |before, after| {
            (i128::from(before.short - after.short), (after.cost - before.cost).max(1))
        })
    };
    let single =
        candidates.best.iter().take(if candidates.most > 0 { BEGINNINGS } else { 0 }).map(|store| vec![*store]);
    let mut sets = vec![by_units];
    sets.extend([Vec::new()].into_iter().chain(single).map(by_cost));
    sets.sort_by(|a, b| (a.rank, &a.stores).cmp(&(b.rank, &b.stores)));
    let improved = sets.into_iter().take(IMPROVED).map(|set| improve(candidates, set));
    improved.min_by_key(|set| set.rank).unwrap_or_else(|| candidates.choice(Vec::new()))
}

/// Adds stores to a set until nothing is missing: each time the store with the highest ratio of units to cost.
fn greedy(candidates: &Candidates<'_>, first: Vec<usize>, ratio: impl Fn(&Rank, &Rank) -> (i128, i128)) -> Choice {
    let mut choice = candidates.choice(first);
    while choice.rank.short > 0 && choice.stores.len() < candidates.most {
        let mut best: Option<(Choice, (i128, i128))> = None;
        for store in outside(candidates, &choice.stores) {
            let next = candidates.choice([choice.stores.as_slice(), &[store]].concat());
            if next.rank.short == choice.rank.short {
                continue;
            }
            let (units, cost) = ratio(&choice.rank, &next.rank);
            let is_better = best.as_ref().is_none_or(|(found, (most, least))| {
                let (this, that) = (units.saturating_mul(*least), most.saturating_mul(cost));
                this > that || (this == that && next.rank < found.rank)
            });
            if is_better {
                best = Some((next, (units, cost)));
            }
        }
        let Some((next, _)) = best else { break };
        choice = next;
    }
    choice
}

/// Exchanges stores as long as the rank improves.
fn improve(candidates: &Candidates<'_>, mut choice: Choice) -> Choice {
    for _ in 0..MAX_ROUNDS {
        let better = neighbours(candidates, &choice).min_by(|a, b| (a.rank, &a.stores).cmp(&(b.rank, &b.stores)));
        match better.filter(|better| better.rank < choice.rank) {
            Some(better) => choice = better,
            None => break,
        }
    }
    choice
}

/// All sets one exchange away: up to two stores less, up to one more.
fn neighbours<'c>(candidates: &'c Candidates<'_>, choice: &'c Choice) -> impl Iterator<Item = Choice> + 'c {
    let stores = &choice.stores;
    let mut kept: Vec<Vec<usize>> = vec![stores.clone()];
    for (place, one) in stores.iter().enumerate() {
        kept.push(stores.iter().copied().filter(|store| store != one).collect());
        for other in &stores[place + 1..] {
            kept.push(stores.iter().copied().filter(|store| store != one && store != other).collect());
        }
    }
    kept.into_iter().flat_map(move |kept| {
        let room = kept.len() < candidates.most;
        let added = outside(candidates, stores).filter(move |_| room);
        let sets: Vec<Vec<usize>> = added.map(|store| [kept.as_slice(), &[store]].concat()).collect();
        sets.into_iter().chain([kept]).map(|stores| candidates.choice(stores))
    })
}

/// The stores that are worth choosing and not in the set.
fn outside<'c>(candidates: &'c Candidates<'_>, stores: &'c [usize]) -> impl Iterator<Item = usize> + 'c {
    candidates.best.iter().copied().filter(|store| !stores.contains(store))
}
