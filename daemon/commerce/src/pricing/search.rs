//! The best division of units among competing offers.
//!
//! Each unit goes to at most one competitor: an offer, or the compound offers of a priority together. A competitor's
//! value is what it takes off the units that it has for itself. The best division has the highest sum of values.
//!
//! Units of equal value that the same offers select are a class; only their number matters. Competitors that share no
//! class do not affect each other and are searched apart. Within a part the best division is found from the last
//! competitor to the first: for every number of units that may be left, the best that the competitors from this one on
//! can do. It is exact, and needs as many steps as there are numbers of units that may be left, times those that a
//! competitor may take. Beyond [`MAX_STEPS`] the competitors are ranked by their value per unit, each takes its units
//! in that order, and single moves improve the result; the result is flagged as not proven best. The limit counts steps
//! and not time, so the hub, HQ and a browser find the same prices.

use std::collections::HashMap;

/// The most steps of an exact search of a part.
pub(super) const MAX_STEPS: u64 = 200_000;

/// The most passes of improvement beyond that.
const MAX_PASSES: usize = 8;

/// Classes, in ascending order, with a number of units of each.
pub(super) type Units = [(usize, i64)];

/// Competitors and classes.
pub(super) struct Problem<'a> {
    /// The number of units of each class.
    pub(super) classes: Vec<i64>,
    /// For each class the competitors that can use it.
    pub(super) usable: Vec<Vec<usize>>,
    /// The number of competitors.
    pub(super) competitors: usize,
    /// Whether a competitor's value is a sum over units, whatever other units it has.
    pub(super) additive: Vec<bool>,
    /// A competitor's value for some units.
    pub(super) value: &'a dyn Fn(usize, &Units) -> i64,
}

/// For each competitor the number of units of each class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Division {
    pub(super) units: Vec<Vec<i64>>,
    /// Whether no other is better.
    pub(super) exact: bool,
}

impl Problem<'_> {
    /// Finds the best division. Of equal ones the one that gives most to the first competitors.
    pub(super) fn solve(&self) -> Division {
        let classes = self.classes.len();
        let mut division = Division { units: vec![vec![0; classes]; self.competitors], exact: true };
        let candidates: Vec<Vec<usize>> = (0..classes).map(|class| self.candidates(class)).collect();
        for part in parts(&candidates, self.competitors) {
            let mut search = Search::new(self, &candidates, part);
            if let [only] = &search.competitors[..] {
                // Nothing competes with it.
                for &class in &search.classes {
                    division.units[only.index][class] = self.classes[class];
                }
                continue;
            }
            if search.steps() <= MAX_STEPS {
                search.find_best();
            } else {
                search.rank();
                division.exact = false;
            }
            for (competitor, units) in search.competitors.iter().zip(&search.best) {
                for (&place, &units) in competitor.own.iter().zip(units) {
                    division.units[competitor.index][search.classes[place]] += units;
                }
            }
        }
        division
    }

    /// The competitors that a class needs to consider: of the additive ones only the best.
    fn candidates(&self, class: usize) -> Vec<usize> {
        let one = |competitor: usize| (self.value)(competitor, &[(class, 1)]);
        let additive = self.usable[class].iter().copied().filter(|&competitor| self.additive[competitor]);
        let best = additive.map(|competitor| (one(competitor), std::cmp::Reverse(competitor))).max();
        let mut candidates: Vec<usize> =
            self.usable[class].iter().copied().filter(|&competitor| !self.additive[competitor]).collect();
        candidates.extend(best.filter(|(value, _)| *value > 0).map(|(_, competitor)| competitor.0));
        candidates.sort_unstable();
        candidates
    }
}

/// The classes of each part: classes that are connected by a competitor.
fn parts(candidates: &[Vec<usize>], competitors: usize) -> Vec<Vec<usize>> {
    let mut part_of: Vec<Option<usize>> = vec![None; competitors];
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (class, candidates) in candidates.iter().enumerate() {
        let mut joined: Vec<usize> = candidates.iter().filter_map(|&competitor| part_of[competitor]).collect();
        joined.sort_unstable();
        joined.dedup();
        let target = joined.first().copied().unwrap_or_else(|| {
            parts.push(Vec::new());
            parts.len() - 1
        });
        for other in joined.into_iter().skip(1) {
            let moved = std::mem::take(&mut parts[other]);
            parts[target].extend(moved);
            part_of.iter_mut().flatten().filter(|part| **part == other).for_each(|part| *part = target);
        }
        parts[target].push(class);
        for &competitor in candidates {
            part_of[competitor] = Some(target);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// A competitor of a part.
struct Competitor {
    /// Its number in the problem.
    index: usize,
    /// Its classes, by their place in the part.
    own: Vec<usize>,
}

/// The search within a part. Units of a competitor are in the order of its own classes.
struct Search<'p> {
    problem: &'p Problem<'p>,
    classes: Vec<usize>,
    competitors: Vec<Competitor>,
    current: Vec<Vec<i64>>,
    known: HashMap<(usize, Vec<i64>), i64>,
    best: Vec<Vec<i64>>,
    best_value: i64,
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem<'p>, candidates: &[Vec<usize>], mut classes: Vec<usize>) -> Self {
        classes.sort_unstable();
        let mut indexes: Vec<usize> = classes.iter().flat_map(|&class| candidates[class].clone()).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let own = |index: usize| {
            let places = classes.iter().enumerate().filter(|(_, class)| candidates[**class].contains(&index));
            places.map(|(place, _)| place).collect()
        };
        let competitors: Vec<Competitor> =
            indexes.into_iter().map(|index| Competitor { index, own: own(index) }).collect();
        let none: Vec<Vec<i64>> = competitors.iter().map(|competitor| vec![0; competitor.own.len()]).collect();
        Self { problem, classes, competitors, current: none.clone(), known: HashMap::new(), best: none, best_value: 0 }
    }

    /// The number of units of a class, by its place.
    fn all_of(&self, place: usize) -> i64 {
        self.problem.classes[self.classes[place]]
    }

    /// The number of ways to have from none to all units of some classes.
    fn ways(&self, places: impl IntoIterator<Item = usize>) -> u64 {
        let of_class = |place: usize| u64::try_from(self.all_of(place)).unwrap_or(0).saturating_add(1);
        places.into_iter().map(of_class).fold(1, u64::saturating_mul)
    }

    fn steps(&self) -> u64 {
        let left = self.ways(0..self.classes.len());
        let taken = self.competitors.iter().map(|competitor| self.ways(competitor.own.iter().copied()));
        taken.fold(0_u64, u64::saturating_add).saturating_mul(left)
    }

    fn value(&mut self, slot: usize, units: &[i64]) -> i64 {
        if units.iter().all(|&units| units == 0) {
            return 0;
        }
        if let Some(known) = self.known.get(&(slot, units.to_vec())) {
            return *known;
        }
        let Competitor { index, own } = &self.competitors[slot];
        let some = own.iter().zip(units).filter(|(_, units)| **units > 0);
        let of_classes: Vec<(usize, i64)> = some.map(|(&place, &units)| (self.classes[place], units)).collect();
        let value = (self.problem.value)(*index, &of_classes);
        self.known.insert((slot, units.to_vec()), value);
        value
    }

    /// Finds the best division. A number of units left of each class is one number: with the classes as its digits.
    fn find_best(&mut self) {
        let most: Vec<usize> =
            (0..self.classes.len()).map(|place| usize::try_from(self.all_of(place)).unwrap_or(0)).collect();
        let mut weights = vec![1_usize; most.len()];
        for place in 1..most.len() {
            weights[place] = weights[place - 1] * (most[place - 1] + 1);
        }
        let left_before: usize = most.iter().map(|most| most + 1).product();
        // What the competitors after this one can do, and for each of them what it takes.
        let mut after = vec![0_i64; left_before];
        let mut choices = Vec::new();
        for slot in (0..self.competitors.len()).rev() {
            let takes = self.takes(slot);
            let values: Vec<i64> = takes.iter().map(|units| self.value(slot, units)).collect();
            let own = &self.competitors[slot].own;
            let offset = |units: &Vec<i64>| -> usize {
                own.iter().zip(units).map(|(&place, &units)| weights[place] * usize::try_from(units).unwrap_or(0)).sum()
            };
            let offsets: Vec<usize> = takes.iter().map(offset).collect();
            let mut best = vec![i64::MIN; left_before];
            let mut choice = vec![0; left_before];
            for left in 0..left_before {
                let of: Vec<i64> = own
                    .iter()
                    .map(|&place| i64::try_from(left / weights[place] % (most[place] + 1)).unwrap_or(0))
                    .collect();
                for (number, units) in takes.iter().enumerate() {
                    if units.iter().zip(&of).all(|(units, of)| units <= of) {
                        let total = values[number] + after[left - offsets[number]];
                        if total > best[left] {
                            (best[left], choice[left]) = (total, number);
                        }
                    }
                }
            }
            after = best;
            choices.push((takes, choice));
        }
        let mut left = left_before - 1;
        for (slot, (takes, choice)) in choices.iter().rev().enumerate() {
            let units = &takes[choice[left]];
            for (&place, &units) in self.competitors[slot].own.iter().zip(units) {
                left -= weights[place] * usize::try_from(units).unwrap_or(0);
            }
            self.best[slot].clone_from(units);
        }
    }

    /// What a competitor may take, the most first: of equal divisions the first one found gives most to the first
    /// competitors.
    fn takes(&self, slot: usize) -> Vec<Vec<i64>> {
        let mut takes = vec![Vec::new()];
        for &place in &self.competitors[slot].own {
            let more = |before: Vec<i64>| {
                (0..=self.all_of(place)).rev().map(move |units| [before.as_slice(), &[units]].concat())
            };
            takes = takes.into_iter().flat_map(more).collect();
        }
        takes
    }

    fn total(&mut self) -> i64 {
        let current = std::mem::take(&mut self.current);
        let total = current.iter().enumerate().map(|(slot, units)| self.value(slot, units)).sum();
        self.current = current;
        total
    }

    fn keep_if_better(&mut self) {
        let total = self.total();
        if total > self.best_value {
            self.best_value = total;
            self.best = self.current.clone();
        }
    }

    /// Gives a competitor a number of units of a class, if it can use it.
    fn set(&mut self, slot: usize, place: usize, units: i64) {
        if let Some(own) = self.competitors[slot].own.iter().position(|own| *own == place) {
            self.current[slot][own] = units;
        }
    }

    /// Ranks the competitors by their value per unit, gives each in turn what is left, and improves the result by
    /// moving all units of a class from one competitor to another.
    fn rank(&mut self) {
        let mut ranked: Vec<(i64, usize)> = Vec::new();
        for slot in 0..self.competitors.len() {
            let all: Vec<i64> = self.competitors[slot].own.iter().map(|&place| self.all_of(place)).collect();
            let per_unit = self.value(slot, &all).saturating_mul(1000) / all.iter().sum::<i64>().max(1);
            ranked.push((-per_unit, slot));
        }
        ranked.sort_unstable();
        let mut left: Vec<i64> = (0..self.classes.len()).map(|place| self.all_of(place)).collect();
        for (_, slot) in ranked {
            let own = self.competitors[slot].own.clone();
            let units: Vec<i64> = own.iter().map(|&place| left[place]).collect();
            if self.value(slot, &units) > 0 {
                own.iter().zip(&units).for_each(|(&place, units)| left[place] -= units);
                self.current[slot] = units;
            }
        }
        self.keep_if_better();
        for _ in 0..MAX_PASSES {
            if !self.improve() {
                break;
            }
        }
    }

    /// Tries to give each class to each candidate as a whole.
    fn improve(&mut self) -> bool {
        let before = self.best_value;
        for place in 0..self.classes.len() {
            for slot in 0..self.competitors.len() {
                if !self.competitors[slot].own.contains(&place) {
                    continue;
                }
                self.current = self.best.clone();
                (0..self.competitors.len()).for_each(|other| self.set(other, place, 0));
                self.set(slot, place, self.all_of(place));
                self.keep_if_better();
            }
        }
        self.current = self.best.clone();
        self.best_value > before
    }
}

#[cfg(test)]
mod tests;
