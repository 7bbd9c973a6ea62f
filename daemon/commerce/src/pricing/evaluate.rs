//! What one offer takes off some units, if it has them for itself.

use super::{
    book::StoreOffer,
    offer::{Deal, Part, Pick, Rule, Tier},
    pool::{Cuts, Run},
    share::{capped_shares, percent},
};
use crate::money::Minor;

/// Units of one or more runs that get a deal together, and how many times such a group occurs.
struct Group {
    /// Run, units, and the pick that took them.
    units: Vec<(usize, i64, usize)>,
    times: i64,
}

/// How many units of which selection a group takes, and in which order.
struct Take {
    selection: usize,
    count: i64,
    dearest_first: bool,
}

/// What an offer needs to know besides the units.
pub(super) struct Context<'a> {
    /// Whether a selection, counted from the offer's first, includes a run.
    pub(super) selects: &'a dyn Fn(&Run, usize) -> bool,
    /// How often the offer may still be used.
    pub(super) most: Option<u32>,
    /// What it may still give.
    pub(super) cap: Option<i64>,
}

/// Evaluates an offer of any kind but a threshold. `groups` numbers the groups of the basket.
pub(super) fn evaluate(offer: &StoreOffer, runs: &[Run], context: &Context<'_>, groups: &mut u32) -> Cuts {
    let most = context.most.map_or(i64::MAX, i64::from);
    let mut cuts = match &offer.offer.rule {
        Rule::Item { deal, most_per_line, .. } => {
            let per_line = most_per_line.map_or(i64::MAX, i64::from);
            each(runs, *deal, per_line, most, &|run| (context.selects)(run, 0))
        }
        Rule::Quantity { tiers, .. } => {
            let milli = |run: &Run| run.measure.unwrap_or(run.count.saturating_mul(1000));
            let selected = runs.iter().filter(|run| (context.selects)(run, 0));
            let reached = selected.map(milli).fold(0_i64, i64::saturating_add);
            match tier(tiers, |from| from.saturating_mul(1000) <= reached) {
                Some(deal) => each(runs, deal, i64::MAX, most, &|run| (context.selects)(run, 0)),
                None => Cuts::default(),
            }
        }
        Rule::Group { count, tiers, each, .. } => {
            let takes = [Take { selection: 0, count: i64::from(*count), dearest_first: true }];
            let formed = form(runs, &takes, most, context);
            let mut cuts = Cuts::default();
            for group in formed {
                let amount: i64 = group.units.iter().map(|&(run, units, _)| runs[run].value * units).sum();
                let Some(deal) = tier(tiers, |from| from <= amount) else { continue };
                if *each {
                    single(&mut cuts, runs, &group, deal, |_| true, groups);
                } else {
                    together(&mut cuts, runs, &group, deal, groups);
                }
            }
            cuts
        }
        Rule::Bundle { parts, deal } => {
            let take = |(selection, part): (usize, &Part)| Take {
                selection,
                count: i64::from(part.count),
                dearest_first: true,
            };
            let takes: Vec<Take> = parts.iter().enumerate().map(take).collect();
            let mut cuts = Cuts::default();
            for group in form(runs, &takes, most, context) {
                together(&mut cuts, runs, &group, *deal, groups);
            }
            cuts
        }
        Rule::BuyGet { buy, get, deal, pick } => {
            let bought = |dearest_first| Take { selection: 0, count: i64::from(buy.count), dearest_first };
            let given = |dearest_first| Take { selection: 1, count: i64::from(get.count), dearest_first };
            let (takes, discounted) = match pick {
                Pick::CheaperOfGroup => ([bought(true), given(true)], 1),
                Pick::Dearest => ([given(true), bought(false)], 0),
                Pick::CheapestOfAll => ([given(false), bought(true)], 0),
            };
            let mut cuts = Cuts::default();
            for group in form(runs, &takes, most, context) {
                single(&mut cuts, runs, &group, *deal, |taken| taken == discounted, groups);
            }
            cuts
        }
        Rule::Threshold { .. } => Cuts::default(),
    };
    if let Some(cap) = context.cap {
        cuts.limit(cap);
    }
    cuts
}

/// The deal of the highest tier that is reached.
pub(super) fn tier(tiers: &[Tier], reached: impl Fn(i64) -> bool) -> Option<Deal> {
    tiers.iter().rev().find(|tier| reached(tier.from)).map(|tier| tier.deal)
}

/// A deal on each selected unit; if there are limits, on those that gain most.
fn each(runs: &[Run], deal: Deal, per_line: i64, most: i64, selects: &dyn Fn(&Run) -> bool) -> Cuts {
    let mut order: Vec<(usize, i64)> = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| selects(run))
        .map(|(index, run)| (index, run.off(deal)))
        .filter(|(_, off)| *off > 0)
        .collect();
    order.sort_by_key(|&(index, off)| (std::cmp::Reverse(off), runs[index].item, runs[index].line));
    let (mut cuts, mut left) = (Cuts::default(), most);
    let mut of_line: std::collections::BTreeMap<usize, i64> = std::collections::BTreeMap::new();
    for (index, off) in order {
        let used = of_line.entry(runs[index].line).or_default();
        let units = runs[index].count.min(left).min(per_line - *used).max(0);
        *used += units;
        left -= units;
        cuts.add(index, units, off, None);
    }
    cuts
}

/// Forms groups until the units or `most` run out. Equal groups that follow each other are one [`Group`], so the work
/// does not grow with the quantity of a line.
fn form(runs: &[Run], takes: &[Take], most: i64, context: &Context<'_>) -> Vec<Group> {
    let mut left: Vec<i64> = runs.iter().map(|run| run.count).collect();
    // Of equal values those that fit fewer places first, so that no group fails for their sake.
    let fits = |index: usize| takes.iter().filter(|take| (context.selects)(&runs[index], take.selection)).count();
    let orders: Vec<Vec<usize>> = takes
        .iter()
        .map(|take| {
            let mut order: Vec<usize> =
                (0..runs.len()).filter(|&index| (context.selects)(&runs[index], take.selection)).collect();
            let sign = if take.dearest_first { -1 } else { 1 };
            order.sort_by_key(|&index| (sign * runs[index].value, fits(index), runs[index].item, runs[index].line));
            order
        })
        .collect();
    let (mut groups, mut still) = (Vec::new(), most);
    while still > 0 {
        let (mut units, mut used) = (Vec::new(), vec![0_i64; runs.len()]);
        for (number, (take, order)) in takes.iter().zip(&orders).enumerate() {
            let mut need = take.count;
            for &index in order {
                let taken = need.min(left[index] - used[index]);
                if taken > 0 {
                    units.push((index, taken, number));
                    used[index] += taken;
                    need -= taken;
                }
                if need == 0 {
                    break;
                }
            }
            if need > 0 {
                return groups;
            }
        }
        let repeats = left.iter().zip(&used).filter(|(_, used)| **used > 0).map(|(left, used)| left / used).min();
        let times = repeats.unwrap_or(1).min(still);
        left.iter_mut().zip(&used).for_each(|(left, used)| *left -= used * times);
        still -= times;
        groups.push(Group { units, times });
    }
    groups
}

/// A deal on a group as a whole, divided among its units in proportion to their values.
fn together(cuts: &mut Cuts, runs: &[Run], group: &Group, deal: Deal, groups: &mut u32) {
    let units: Vec<usize> = group
        .units
        .iter()
        .flat_map(|&(run, count, _)| std::iter::repeat_n(run, usize::try_from(count).unwrap_or(0)))
        .collect();
    let amount: i64 = units.iter().map(|&run| runs[run].value).sum();
    let off = match deal {
        Deal::Percent(permyriad) => percent(amount, permyriad),
        Deal::AmountOff(minor) => minor.get().min(amount),
        Deal::FixedPrice(minor) => amount - minor.get(),
    };
    if off <= 0 {
        return;
    }
    let weights: Vec<i64> = units.iter().map(|&run| runs[run].value).collect();
    let caps: Vec<i64> = units.iter().map(|&run| runs[run].room()).collect();
    *groups += 1;
    for (run, part) in units.into_iter().zip(capped_shares(off, &weights, &caps)) {
        cuts.add(run, group.times, part, Some(*groups));
    }
}

/// A deal on each of the units of a group that the rule discounts; the others are used up.
fn single(
    cuts: &mut Cuts,
    runs: &[Run],
    group: &Group,
    deal: Deal,
    discounted: impl Fn(usize) -> bool,
    groups: &mut u32,
) {
    let off = |run: usize, taken: usize| if discounted(taken) { runs[run].off(deal) } else { 0 };
    if group.units.iter().all(|&(run, _, taken)| off(run, taken) == 0) {
        return;
    }
    *groups += 1;
    for &(run, units, taken) in &group.units {
        cuts.add(run, units * group.times, off(run, taken), Some(*groups));
    }
}

/// The price of several pieces of an item: "3 for 5.00".
pub(super) fn multiples(
    runs: &[Run],
    of_item: &dyn Fn(&Run) -> bool,
    count: u32,
    price: Minor,
    groups: &mut u32,
) -> Cuts {
    let selects = |run: &Run, _: usize| of_item(run);
    let context = Context { selects: &selects, most: None, cap: None };
    let takes = [Take { selection: 0, count: i64::from(count), dearest_first: true }];
    let mut cuts = Cuts::default();
    for group in form(runs, &takes, i64::MAX, &context) {
        together(&mut cuts, runs, &group, Deal::FixedPrice(price), groups);
    }
    cuts
}
