//! The stages in which offers are applied to a basket.
//!
//! ```text
//! for each priority, from the highest:
//!     exclusive offers             on units without a discount
//!     exclusive, favour retailer   on units without a discount
//!     best price and compound      on units that may have another one
//!     favour retailer              on units without a discount, or compounded
//! for each priority of thresholds, from the highest:
//!     exclusive thresholds         on units without a discount; the largest discount wins
//!     best price and compound      on units that may have another one; the largest discount wins
//! ```

use std::collections::BTreeMap;

use super::{
    book::{Book, StoreOffer},
    evaluate::{self, Context},
    offer::{Concurrency, Control, Deal, Rule, Tier},
    pool::{Cuts, Run, Source},
    search::Problem,
    share,
};

/// What an offer may still do in this basket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// How often.
    pub(super) most: Option<u32>,
    /// How much it may give, in minor units.
    pub(super) cap: Option<i64>,
}

/// The basket while offers are applied.
pub(super) struct Engine<'b> {
    pub(super) book: &'b Book,
    /// The offers that apply, by their index in the book, with their limits.
    pub(super) offers: Vec<(usize, Limits)>,
    /// The selections of each line, ascending.
    pub(super) selections: Vec<Vec<usize>>,
    pub(super) runs: Vec<Run>,
    /// The amount without taxes of a part of a line.
    pub(super) without_tax: &'b dyn Fn(usize, i64) -> i64,
    /// The number of groups so far.
    pub(super) groups: u32,
    /// Whether every division of units was the best of all.
    pub(super) exact: bool,
}

/// One offer, or the compound offers of a priority together.
type Competitor = Vec<(usize, Limits)>;

impl Engine<'_> {
    /// Applies all offers.
    pub(super) fn run(&mut self) {
        for rank in self.ranks(false) {
            self.stage(rank, true);
            self.deferred(rank, true);
            self.stage(rank, false);
            self.deferred(rank, false);
        }
        for rank in self.ranks(true) {
            self.thresholds(rank, true);
            self.thresholds(rank, false);
        }
    }

    fn offer(&self, index: usize) -> &StoreOffer {
        &self.book.offers[index]
    }

    /// The priorities, from the highest.
    fn ranks(&self, thresholds: bool) -> Vec<u16> {
        let of = |(index, _): &(usize, Limits)| {
            let offer = &self.offer(*index).offer;
            (offer.rule.is_threshold() == thresholds).then(|| offer.rank())
        };
        let mut ranks: Vec<u16> = self.offers.iter().filter_map(of).collect();
        ranks.sort_unstable_by(|a, b| b.cmp(a));
        ranks.dedup();
        ranks
    }

    fn at(&self, rank: u16, thresholds: bool, exclusive: bool, deferred: bool) -> Vec<(usize, Limits)> {
        let wanted = |(index, _): &&(usize, Limits)| {
            let offer = &self.offer(*index).offer;
            offer.rank() == rank
                && offer.rule.is_threshold() == thresholds
                && (offer.concurrency == Concurrency::Exclusive) == exclusive
                && offer.is_deferred() == deferred
        };
        self.offers.iter().filter(wanted).copied().collect()
    }

    fn is_compound(&self, index: usize) -> bool {
        self.offer(index).offer.concurrency == Concurrency::Compound
    }

    /// Whether a unit may get an offer of this priority, before the competition.
    fn may_get(&self, run: &Run, index: usize, exclusive: bool) -> bool {
        let rank = self.offer(index).offer.rank();
        match self.book.control() {
            _ if exclusive => run.offers().next().is_none(),
            Control::WithinPriority => run.offers().next().is_none(),
            Control::AcrossPriorities => {
                run.offers().all(|(_, concurrency, other, _)| concurrency != Concurrency::Exclusive && other != rank)
            }
        }
    }

    /// Lets the offers of a priority compete.
    fn stage(&mut self, rank: u16, exclusive: bool) {
        let offers = self.at(rank, false, exclusive, false);
        if offers.is_empty() {
            return;
        }
        let compounds = !exclusive && self.book.control() == Control::WithinPriority;
        let (together, apart): (Vec<_>, Vec<_>) =
            offers.into_iter().partition(|(index, _)| compounds && self.is_compound(*index));
        let mut competitors: Vec<Competitor> = apart.into_iter().map(|offer| vec![offer]).collect();
        if !together.is_empty() {
            competitors.push(self.in_order(together));
        }
        let eligible = |engine: &Self, run: &Run, competitor: &Competitor| {
            competitor.iter().any(|(index, _)| {
                let offer = engine.offer(*index);
                let selects = (0..offer.selections).any(|selection| engine.selects(run, offer, selection));
                selects && engine.may_get(run, *index, exclusive)
            })
        };
        // Units of equal value that the same offers can use are a class.
        let mut classes: BTreeMap<ClassKey, Vec<usize>> = BTreeMap::new();
        for (index, run) in self.runs.iter().enumerate() {
            let usable: Vec<usize> =
                (0..competitors.len()).filter(|&slot| eligible(self, run, &competitors[slot])).collect();
            if !usable.is_empty() && run.room() > 0 {
                classes.entry(self.class_of(run, usable, &competitors)).or_default().push(index);
            }
        }
        if classes.is_empty() {
            return;
        }
        let members: Vec<Vec<usize>> = classes.values().cloned().collect();
        let sample: Vec<&Run> = members
            .iter()
            .filter_map(|runs| runs.iter().map(|&run| &self.runs[run]).min_by_key(|run| run.item))
            .collect();
        let value = |competitor: usize, units: &[(usize, i64)]| {
            let runs: Vec<Run> = units.iter().map(|&(class, count)| Run { count, ..sample[class].clone() }).collect();
            let before: i64 = runs.iter().map(|run| run.value * run.count).sum();
            let mut groups = 0;
            let after = self.compound(&competitors[competitor], runs, &mut groups);
            before - after.iter().map(|run| run.value * run.count).sum::<i64>()
        };
        let problem = Problem {
            classes: members.iter().map(|runs| runs.iter().map(|&run| self.runs[run].count).sum()).collect(),
            usable: classes.keys().map(|key| key.usable.clone()).collect(),
            competitors: competitors.len(),
            additive: competitors.iter().map(|competitor| self.is_additive(competitor)).collect(),
            value: &value,
        };
        let division = problem.solve();
        self.exact &= division.exact;
        self.carry_out(&competitors, &members, &division.units);
    }

    /// Gives the competitors their units, lower lines first, and applies them.
    fn carry_out(&mut self, competitors: &[Competitor], members: &[Vec<usize>], units: &[Vec<i64>]) {
        let mut left: Vec<i64> = self.runs.iter().map(|run| run.count).collect();
        let mut result = Vec::with_capacity(self.runs.len());
        let mut groups = self.groups;
        for (competitor, units) in competitors.iter().zip(units) {
            let mut own = Vec::new();
            for (runs, &units) in members.iter().zip(units) {
                let mut need = units;
                for &index in runs {
                    let taken = need.min(left[index]);
                    if taken > 0 {
                        left[index] -= taken;
                        need -= taken;
                        own.push(Run { count: taken, ..self.runs[index].clone() });
                    }
                }
            }
            own.sort_by_key(|run| run.line);
            result.extend(self.compound(competitor, own, &mut groups));
        }
        let untouched = self.runs.iter().zip(left).filter(|(_, left)| *left > 0);
        result.extend(untouched.map(|(run, left)| Run { count: left, ..run.clone() }));
        result.sort_by_key(|run| run.line);
        self.groups = groups;
        self.runs = result;
    }

    /// Applies offers one after the other, each on the result of those before it.
    fn compound(&self, competitor: &Competitor, mut runs: Vec<Run>, groups: &mut u32) -> Vec<Run> {
        for &(index, limits) in competitor {
            let cuts = self.evaluate(index, limits, &runs, &|_| true, groups);
            runs = cuts.apply(self.source(index), &runs);
        }
        runs
    }

    fn evaluate(
        &self,
        index: usize,
        limits: Limits,
        runs: &[Run],
        may: &dyn Fn(&Run) -> bool,
        groups: &mut u32,
    ) -> Cuts {
        let offer = self.offer(index);
        let selects = |run: &Run, selection: usize| may(run) && self.selects(run, offer, selection);
        let context = Context { selects: &selects, most: limits.most, cap: limits.cap };
        evaluate::evaluate(offer, runs, &context, groups)
    }

    fn selects(&self, run: &Run, offer: &StoreOffer, selection: usize) -> bool {
        self.selections[run.line].binary_search(&(offer.first_selection + selection)).is_ok()
    }

    fn source(&self, index: usize) -> Source {
        let offer = &self.offer(index).offer;
        Source::Offer {
            index,
            concurrency: offer.concurrency,
            rank: offer.rank(),
            threshold: offer.rule.is_threshold(),
        }
    }

    /// Compound offers in the order of their deals: fixed prices, amounts, percentages; then by their ids.
    fn in_order(&self, mut offers: Vec<(usize, Limits)>) -> Vec<(usize, Limits)> {
        let order = |index: usize| match self.offer(index).offer.rule.deals().first() {
            Some((_, Deal::FixedPrice(_))) => 0,
            Some((_, Deal::AmountOff(_))) => 1,
            _ => 2,
        };
        offers.sort_by_key(|(index, _)| (order(*index), *index));
        offers
    }

    fn is_additive(&self, competitor: &Competitor) -> bool {
        competitor.iter().all(|(index, limits)| {
            let plain = matches!(self.offer(*index).offer.rule, Rule::Item { most_per_line: None, .. });
            plain && limits.most.is_none() && limits.cap.is_none()
        })
    }

    fn class_of(&self, run: &Run, usable: Vec<usize>, competitors: &[Competitor]) -> ClassKey {
        let offers = usable.iter().flat_map(|&slot| &competitors[slot]);
        let mut by_line = run.measure.is_some();
        let mut selected = Vec::new();
        for (index, _) in offers {
            let offer = self.offer(*index);
            by_line |= matches!(offer.offer.rule, Rule::Item { most_per_line: Some(_), .. });
            let numbers = offer.first_selection..offer.first_selection + offer.selections;
            selected.extend(numbers.filter(|number| self.selections[run.line].binary_search(number).is_ok()));
        }
        ClassKey { value: -run.value, floor: run.floor, usable, selected, line: by_line.then_some(run.line) }
    }

    /// Applies the offers that favour the retailer, one after the other.
    fn deferred(&mut self, rank: u16, exclusive: bool) {
        for (index, limits) in self.at(rank, false, exclusive, true) {
            let compounds = self.is_compound(index) && self.book.control() == Control::WithinPriority;
            let may = |run: &Run| {
                let on_compound = compounds
                    && run
                        .offers()
                        .all(|(_, concurrency, other, _)| concurrency == Concurrency::Compound && other == rank);
                on_compound || self.may_get(run, index, exclusive)
            };
            let mut groups = self.groups;
            let cuts = self.evaluate(index, limits, &self.runs, &may, &mut groups);
            self.runs = cuts.apply(self.source(index), &self.runs);
            self.groups = groups;
        }
    }

    /// Lets the thresholds of a priority compete: each alone, or the compound ones together.
    fn thresholds(&mut self, rank: u16, exclusive: bool) {
        let offers = self.at(rank, true, exclusive, false);
        let compounds = !exclusive && self.book.control() == Control::WithinPriority;
        let (together, apart): (Vec<_>, Vec<_>) =
            offers.into_iter().partition(|(index, _)| compounds && self.is_compound(*index));
        let mut competitors: Vec<Competitor> = apart.into_iter().map(|offer| vec![offer]).collect();
        if !together.is_empty() {
            competitors.push(self.in_order(together));
        }
        let sum = |runs: &[Run]| runs.iter().map(|run| run.value * run.count).sum::<i64>();
        let mut best: Option<(i64, Vec<Run>)> = None;
        for competitor in &competitors {
            let mut runs = self.runs.clone();
            for &(index, limits) in competitor {
                let cuts = self.threshold(index, limits, &runs, exclusive);
                runs = cuts.apply(self.source(index), &runs);
            }
            let left = sum(&runs);
            if best.as_ref().map_or(sum(&self.runs), |(least, _)| *least) > left {
                best = Some((left, runs));
            }
        }
        if let Some((_, runs)) = best {
            self.runs = runs;
        }
    }

    /// Whether a unit may share the discount of a threshold.
    fn may_share(&self, run: &Run, index: usize, exclusive: bool) -> bool {
        let compound = self.is_compound(index) && self.book.control() == Control::WithinPriority;
        if exclusive || !compound {
            return self.may_get(run, index, exclusive);
        }
        let rank = self.offer(index).offer.rank();
        run.offers().all(|(_, concurrency, other, threshold)| {
            concurrency == Concurrency::Compound && (!threshold || other == rank)
        })
    }

    /// What a threshold takes off. All selected units count, those that may not share the discount too.
    fn threshold(&self, index: usize, limits: Limits, runs: &[Run], exclusive: bool) -> Cuts {
        let offer = self.offer(index);
        let Rule::Threshold { tiers, without_tax, least_units, .. } = &offer.offer.rule else { return Cuts::default() };
        let selected: Vec<usize> = (0..runs.len()).filter(|&run| self.selects(&runs[run], offer, 0)).collect();
        let units: i64 = selected.iter().map(|&run| runs[run].count).sum();
        let amount: i64 = selected.iter().map(|&run| self.counted(&runs[run], *without_tax)).sum();
        if least_units.is_some_and(|least| units < i64::from(least)) {
            return Cuts::default();
        }
        let sharing: Vec<usize> =
            selected.into_iter().filter(|&run| self.may_share(&runs[run], index, exclusive)).collect();
        spread(tiers, amount, runs, &sharing, limits)
    }

    fn counted(&self, run: &Run, without_tax: bool) -> i64 {
        let amount = run.value * run.count;
        if without_tax { (self.without_tax)(run.line, amount) } else { amount }
    }
}

/// Divides the discount of a threshold among the units in proportion to their values.
fn spread(tiers: &[Tier], amount: i64, runs: &[Run], sharing: &[usize], limits: Limits) -> Cuts {
    let mut cuts = Cuts::default();
    let of_them: i64 = sharing.iter().map(|&run| runs[run].value * runs[run].count).sum();
    let off = match evaluate::tier(tiers, |from| from <= amount) {
        Some(Deal::Percent(permyriad)) => share::percent(of_them, permyriad),
        Some(Deal::AmountOff(minor)) => minor.get().min(of_them),
        Some(Deal::FixedPrice(_)) | None => return cuts,
    };
    let off = off.min(limits.cap.unwrap_or(i64::MAX));
    if limits.most == Some(0) {
        return cuts;
    }
    let weights: Vec<i64> = sharing.iter().map(|&run| runs[run].value * runs[run].count).collect();
    let caps: Vec<i64> = sharing.iter().map(|&run| runs[run].room() * runs[run].count).collect();
    for (&run, part) in sharing.iter().zip(share::capped_shares(off, &weights, &caps)) {
        let count = runs[run].count;
        let (whole, more) = (part / count, part % count);
        cuts.add(run, more, whole + 1, None);
        cuts.add(run, count - more, whole, None);
    }
    cuts
}

/// What makes units alike: a negative value first, so that dearer units come first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ClassKey {
    value: i64,
    floor: i64,
    usable: Vec<usize>,
    selected: Vec<usize>,
    line: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Minor;

    fn run(count: i64, value: i64, floor: i64) -> Run {
        Run { line: 0, item: 0, count, value, floor, measure: None, steps: Vec::new() }
    }

    /// What each run costs after a threshold's discount.
    fn spread_over(runs: &[Run], sharing: &[usize], tiers: &[Tier], amount: i64, limits: Limits) -> Vec<i64> {
        let after = spread(tiers, amount, runs, sharing, limits).apply(Source::Multi, runs);
        after.iter().map(|run| run.count * run.value).collect()
    }

    fn tier(from: i64, deal: Deal) -> Tier {
        Tier { from, deal }
    }

    #[test]
    fn a_threshold_is_reached_at_its_amount_and_shared_by_value() {
        let runs = [run(1, 300, 0), run(2, 350, 0), run(1, 50, 0)];
        let two = [tier(1000, Deal::AmountOff(Minor::literal(100))), tier(2000, Deal::Percent(5000))];
        let none = Limits::default();
        assert_eq!(spread_over(&runs, &[0, 1], &two, 999, none), [300, 700, 50]);
        assert_eq!(spread_over(&runs, &[0, 1], &two, 1000, none), [270, 630, 50]);
        assert_eq!(spread_over(&runs, &[0, 1], &two, 2000, none), [150, 350, 50]);
        // Not more than the goods cost.
        let dear = [tier(1, Deal::AmountOff(Minor::literal(9000)))];
        assert_eq!(spread_over(&runs, &[0, 2], &dear, 2000, none), [0, 700, 0]);
        // A cap, and an offer that is used up.
        assert_eq!(spread_over(&runs, &[0, 1], &two, 2000, Limits { cap: Some(10), most: None }), [297, 346, 347, 50]);
        assert_eq!(spread_over(&runs, &[0, 1], &two, 2000, Limits { cap: None, most: Some(0) }), [300, 700, 50]);
        // A fixed price does not apply to a whole basket.
        assert_eq!(spread_over(&runs, &[0], &[tier(1, Deal::FixedPrice(Minor::literal(1)))], 9, none), [300, 700, 50]);
    }

    #[test]
    fn what_does_not_divide_by_the_units_goes_to_some_of_them() {
        let runs = [run(3, 100, 0), run(1, 100, 95)];
        let off = [tier(1, Deal::AmountOff(Minor::literal(40)))];
        let after = spread(&off, 400, &runs, &[0, 1], Limits::default()).apply(Source::Multi, &runs);
        let told: Vec<_> = after.iter().map(|run| (run.count, run.value)).collect();
        // The floor of the last one leaves 35 for the first three.
        assert_eq!(told, [(2, 88), (1, 89), (1, 95)]);
    }
}
