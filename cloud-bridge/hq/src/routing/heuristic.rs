//! Greedy choice and local search.
//!
//! Two greedy sets are built: one that always adds the store which gives most of what is missing, one that adds the one
//! which gives it for the least cost a unit. Each is improved as long as leaving out a store, adding one, exchanging
//! one for another, or two for one makes it better; the better of the two is taken.

use super::{
    assign::{Choice, Rank},
    candidates::Candidates,
};

/// The most improvements; each is one pass over all exchanges.
const MAX_ROUNDS: usize = 50;

/// A good set.
pub(super) fn search(candidates: &Candidates<'_>) -> Choice {
    let by_units = |before: &Rank, after: &Rank| (i128::from(before.short - after.short), 1);
    let by_cost =
        |before: &Rank, after: &Rank| (i128::from(before.short - after.short), (after.cost - before.cost).max(1));
    let first = improve(candidates, greedy(candidates, by_units));
    let second = improve(candidates, greedy(candidates, by_cost));
    if second.rank < first.rank { second } else { first }
}

/// Adds stores as long as something is missing: each time the one with the largest ratio of what it gives to what that
/// costs.
fn greedy(candidates: &Candidates<'_>, ratio: impl Fn(&Rank, &Rank) -> (i128, i128)) -> Choice {
    let mut choice = candidates.choice(Vec::new());
    while choice.rank.short > 0 && choice.stores.len() < candidates.most {
        let mut best: Option<(Choice, (i128, i128))> = None;
        for store in outside(candidates, &choice.stores) {
            let next = candidates.choice([choice.stores.as_slice(), &[store]].concat());
            if next.rank.short == choice.rank.short {
                continue;
            }
            let (gives, costs) = ratio(&choice.rank, &next.rank);
            let is_better = best.as_ref().is_none_or(|(found, (most, least))| {
                let (this, that) = (gives.saturating_mul(*least), most.saturating_mul(costs));
                this > that || (this == that && next.rank < found.rank)
            });
            if is_better {
                best = Some((next, (gives, costs)));
            }
        }
        let Some((next, _)) = best else { break };
        choice = next;
    }
    choice
}

/// Exchanges stores as long as that makes it better.
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

/// All sets that are one exchange away: up to two stores less, up to one more.
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

/// The stores that are worth choosing and not chosen.
fn outside<'c>(candidates: &'c Candidates<'_>, stores: &'c [usize]) -> impl Iterator<Item = usize> + 'c {
    candidates.best.iter().copied().filter(|store| !stores.contains(store))
}
