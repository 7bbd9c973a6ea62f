//! The units of a basket while offers are applied to them.

use std::collections::BTreeMap;

use super::{
    offer::{Concurrency, Deal},
    share::{percent, ratio},
};

/// Units of one line with the same history. A run is split when only some of its units get a discount.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The index of the line.
    pub(super) line: usize,
    /// The place of its item among the items of the basket, which does not depend on the order of the lines.
    pub(super) item: usize,
    /// The number of units; 1 for weighed goods.
    pub(super) count: i64,
    /// The current price of a unit, or of the whole line for weighed goods.
    pub(super) value: i64,
    /// What a unit must cost at least.
    pub(super) floor: i64,
    /// Thousandths of the measure, for weighed goods.
    pub(super) measure: Option<i64>,
    /// What was taken off a unit so far.
    pub(super) steps: Vec<Step>,
}

/// An amount that was taken off each unit of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What took it.
    pub(super) source: Source,
    /// The value before.
    pub(super) basis: i64,
    /// The amount.
    pub(super) off: i64,
    /// Units with the same number got the discount together.
    pub(super) group: Option<u32>,
}

/// What reduced a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The price of several pieces.
    Multi,
    /// An offer, by its index in the book.
    Offer {
        /// The index.
        index: usize,
        /// Its concurrency.
        concurrency: Concurrency,
        /// Its priority.
        rank: u16,
        /// Whether it is a threshold.
        threshold: bool,
    },
}

impl Run {
    /// What a unit can still lose.
    pub(super) fn room(&self) -> i64 {
        (self.value - self.floor).max(0)
    }

    /// What a deal takes off a unit.
    pub(super) fn off(&self, deal: Deal) -> i64 {
        let of_unit = |minor: i64| self.measure.map_or(minor, |milli| ratio(minor, i128::from(milli), 1000));
        let off = match deal {
            Deal::Percent(permyriad) => percent(self.value, permyriad),
            Deal::AmountOff(minor) => of_unit(minor.get()),
            Deal::FixedPrice(minor) => self.value - of_unit(minor.get()),
        };
        off.clamp(0, self.room())
    }

    /// The steps that offers made.
    pub(super) fn offers(&self) -> impl Iterator<Item = (usize, Concurrency, u16, bool)> {
        self.steps.iter().filter_map(|step| match step.source {
            Source::Multi => None,
            Source::Offer { index, concurrency, rank, threshold } => Some((index, concurrency, rank, threshold)),
        })
    }
}

/// Units of a run, the amount off each, and their group.
type Cut = (i64, i64, Option<u32>);

/// Runs, and how many of their units get which amount off.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    cuts: BTreeMap<usize, Vec<Cut>>,
}

impl Cuts {
    /// Takes `off` off each of `units` of a run. Units of a group count as used by the offer even at their full price.
    pub(super) fn add(&mut self, run: usize, units: i64, off: i64, group: Option<u32>) {
        if units > 0 && (off > 0 || group.is_some()) {
            self.cuts.entry(run).or_default().push((units, off, group));
        }
    }

    /// The sum of all amounts.
    pub(super) fn total(&self) -> i64 {
        self.cuts.values().flatten().map(|(units, off, _)| units * off).sum()
    }

    /// Reduces the amounts, the last ones first, until they sum to at most `cap`.
    pub(super) fn limit(&mut self, cap: i64) {
        let mut excess = self.total() - cap;
        for cuts in self.cuts.values_mut().rev() {
            for slot in (0..cuts.len()).rev() {
                if excess <= 0 {
                    return;
                }
                let (units, off, group) = cuts[slot];
                if off == 0 {
                    continue;
                }
                let whole = (excess / off).min(units);
                excess -= whole * off;
                cuts[slot].0 -= whole;
                if excess > 0 && excess < off && cuts[slot].0 > 0 {
                    cuts[slot].0 -= 1;
                    cuts.push((1, off - excess, group));
                    excess = 0;
                }
            }
        }
    }

    /// Splits the runs, and takes the amounts off.
    pub(super) fn apply(self, source: Source, runs: &[Run]) -> Vec<Run> {
        let mut result = Vec::with_capacity(runs.len() + self.cuts.len());
        for (index, run) in runs.iter().enumerate() {
            let mut left = run.count;
            for &(units, off, group) in self.cuts.get(&index).map(Vec::as_slice).unwrap_or_default() {
                let units = units.min(left);
                if units == 0 {
                    continue;
                }
                left -= units;
                let mut cut = Run { count: units, value: run.value - off, ..run.clone() };
                cut.steps.push(Step { source, basis: run.value, off, group });
                result.push(cut);
            }
            if left > 0 {
                result.push(Run { count: left, ..run.clone() });
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: i64, value: i64) -> Run {
        Run { line: 0, item: 0, count, value, floor: 0, measure: None, steps: Vec::new() }
    }

    #[test]
    fn a_cap_is_taken_off_the_last_units() {
        for (cap, left) in [(100, 30), (30, 30), (29, 29), (25, 25), (20, 20), (7, 7), (0, 0)] {
            let mut cuts = Cuts::default();
            cuts.add(0, 2, 10, None);
            cuts.add(1, 2, 5, None);
            cuts.limit(cap);
            assert_eq!(cuts.total(), left, "{cap}");
            let source = Source::Multi;
            let runs = cuts.apply(source, &[run(2, 100), run(2, 50)]);
            assert_eq!(runs.iter().map(|run| run.count).sum::<i64>(), 4);
            assert_eq!(runs.iter().map(|run| run.count * run.value).sum::<i64>(), 300 - left, "{cap}");
        }
    }

    #[test]
    fn a_unit_loses_no_more_than_its_room() {
        let of = |value, floor, measure, deal| Run { floor, measure, ..run(1, value) }.off(deal);
        let minor = crate::Minor::literal;
        let cases = [
            (of(1000, 0, None, Deal::Percent(2500)), 250),
            (of(1000, 900, None, Deal::Percent(2500)), 100),
            (of(1000, 1000, None, Deal::Percent(2500)), 0),
            (of(1000, 1100, None, Deal::Percent(2500)), 0),
            (of(1000, 0, None, Deal::AmountOff(minor(1001))), 1000),
            (of(1000, 0, None, Deal::FixedPrice(minor(999))), 1),
            (of(1000, 0, None, Deal::FixedPrice(minor(1001))), 0),
            // Half a kilogram: half the amount.
            (of(1000, 0, Some(500), Deal::AmountOff(minor(300))), 150),
            (of(1000, 0, Some(500), Deal::FixedPrice(minor(1500))), 250),
        ];
        for (place, (off, expected)) in cases.into_iter().enumerate() {
            assert_eq!(off, expected, "case {place}");
        }
    }

    #[test]
    fn cuts_split_runs_and_say_what_was_before() {
        let mut cuts = Cuts::default();
        cuts.add(0, 1, 0, None);
        cuts.add(0, 0, 5, Some(1));
        cuts.add(1, 2, 10, Some(1));
        cuts.add(1, 1, 0, Some(2));
        cuts.add(1, 9, 5, None);
        assert_eq!(cuts.total(), 20 + 45);
        let runs = cuts.apply(Source::Multi, &[run(2, 100), run(4, 50)]);
        let told: Vec<_> = runs.iter().map(|run| (run.count, run.value, run.steps.clone())).collect();
        let step = |off, group| vec![Step { source: Source::Multi, basis: 50, off, group }];
        let expected = [
            (2, 100, vec![]),
            (2, 40, step(10, Some(1))),
            (1, 50, step(0, Some(2))),
            // Only one unit was left for the nine.
            (1, 45, step(5, None)),
        ];
        assert_eq!(told, expected);
    }
}
