//! Which types of goods are bought together.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    hash::Hash,
};

use crate::{ids::BusinessDay, item::Sku};

/// A basket with more types than this is no customer's: it counts for its types, not for pairs.
const MOST_TYPES: usize = 100;

/// The most pairs in memory, some 30 MB. Beyond it, new pairs are left out until days drop out.
const MOST_PAIRS: usize = 1_000_000;

/// A pair in fewer baskets is not suggested.
const LEAST: u32 = 30;

/// Chi-square of one degree of freedom: a coincidence as strong has a probability below 0.001.
const CHI_SQUARE: f64 = 10.83;

/// The counts of a day.
#[derive(Clone, Debug, Default)]
struct Day {
    baskets: u32,
    types: HashMap<u32, u32>,
    pairs: HashMap<(u32, u32), u32>,
    items: HashMap<(u32, Sku), u32>,
}

/// The counts of the last days. A type is a text, such as the catalog's category.
#[derive(Clone, Debug)]
pub struct Pairs {
    window: usize,
    days: VecDeque<(BusinessDay, Day)>,
    names: Vec<String>,
    ids: HashMap<String, u32>,
    baskets: u32,
    types: HashMap<u32, u32>,
    /// Both ways, so that the partners of a type are found at once.
    partners: HashMap<u32, HashMap<u32, u32>>,
    distinct: usize,
    /// Of each type, in how many baskets each item was.
    items: HashMap<u32, HashMap<Sku, u32>>,
}

/// A type that customers buy with those of a basket.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The type.
    pub name: String,
    /// The type in the basket that it goes with.
    pub with: String,
    /// In how many baskets both were.
    pub count: u32,
    /// How much more often than by chance.
    pub lift: f64,
    /// Lift times the lower bound of the confidence.
    pub score: f64,
}

impl Pairs {
    /// No baskets yet; days before the last `window` drop out.
    pub fn new(window: usize) -> Self {
        Self {
            window: window.max(1),
            days: VecDeque::new(),
            names: Vec::new(),
            ids: HashMap::new(),
            baskets: 0,
            types: HashMap::new(),
            partners: HashMap::new(),
            distinct: 0,
            items: HashMap::new(),
        }
    }

    fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// Counts a basket: its items with their types. A day older than the window is left out.
    pub fn add<'g>(&mut self, day: BusinessDay, goods: impl IntoIterator<Item = (&'g Sku, &'g str)>) {
        let Some(place) = self.day(day) else { return };
        let mut types = BTreeSet::new();
        let mut items = BTreeSet::new();
        for (sku, name) in goods {
            let id = self.id(name);
            types.insert(id);
            items.insert((sku.clone(), id));
        }
        let counted = &mut self.days[place].1;
        counted.baskets += 1;
        self.baskets += 1;
        for (sku, id) in items {
            *counted.items.entry((id, sku.clone())).or_default() += 1;
            *self.items.entry(id).or_default().entry(sku).or_default() += 1;
        }
        for id in &types {
            *counted.types.entry(*id).or_default() += 1;
            *self.types.entry(*id).or_default() += 1;
        }
        if types.len() > MOST_TYPES {
            return;
        }
        for one in &types {
            for other in types.range(one + 1..) {
                let is_known = self.partners.get(one).is_some_and(|partners| partners.contains_key(other));
                if !is_known && self.distinct >= MOST_PAIRS {
                    continue;
                }
                self.distinct += usize::from(!is_known);
                *counted.pairs.entry((*one, *other)).or_default() += 1;
                *self.partners.entry(*one).or_default().entry(*other).or_default() += 1;
                *self.partners.entry(*other).or_default().entry(*one).or_default() += 1;
            }
        }
    }

    /// The place of a day, which may be new; older ones drop out for it.
    fn day(&mut self, day: BusinessDay) -> Option<usize> {
        let place = self.days.partition_point(|(known, _)| *known < day);
        if self.days.get(place).is_some_and(|(known, _)| *known == day) {
            return Some(place);
        }
        if place == 0 && self.days.len() >= self.window {
            return None;
        }
        self.days.insert(place, (day, Day::default()));
        if self.days.len() > self.window {
            self.drop_first();
            return Some(place - 1);
        }
        Some(place)
    }

    fn drop_first(&mut self) {
        let Some((_, day)) = self.days.pop_front() else { return };
        self.baskets -= day.baskets;
        for (id, count) in day.types {
            take(&mut self.types, &id, count);
        }
        for ((id, sku), count) in day.items {
            if let Some(items) = self.items.get_mut(&id) {
                take(items, &sku, count);
            }
        }
        for ((one, other), count) in day.pairs {
            for (one, other) in [(one, other), (other, one)] {
                if let Some(partners) = self.partners.get_mut(&one) {
                    take(partners, &other, count);
                    if partners.is_empty() {
                        self.partners.remove(&one);
                    }
                }
            }
            let is_gone = self.partners.get(&one).is_none_or(|partners| !partners.contains_key(&other));
            self.distinct -= usize::from(is_gone);
        }
    }

    /// The number of baskets.
    pub fn baskets(&self) -> u32 {
        self.baskets
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.distinct
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.distinct == 0
    }

    /// In how many baskets two types were together.
    pub fn count(&self, one: &str, other: &str) -> u32 {
        let ids = (self.ids.get(one), self.ids.get(other));
        let (Some(one), Some(other)) = ids else { return 0 };
        self.partners.get(one).and_then(|partners| partners.get(other)).copied().unwrap_or(0)
    }

    /// All pairs in order of their names, each once.
    pub fn all(&self) -> Vec<(&str, &str, u32)> {
        let mut all: Vec<_> = self
            .partners
            .iter()
            .flat_map(|(one, partners)| partners.iter().map(move |(other, count)| (one, other, *count)))
            .map(|(one, other, count)| (self.name(*one), self.name(*other), count))
            .filter(|(one, other, _)| one < other)
            .collect();
        all.sort_unstable();
        all
    }

    fn name(&self, id: u32) -> &str {
        usize::try_from(id).ok().and_then(|id| self.names.get(id)).map_or("", String::as_str)
    }

    /// The items of a type, the most bought first.
    pub fn items_of(&self, name: &str) -> Vec<&Sku> {
        let Some(items) = self.ids.get(name).and_then(|id| self.items.get(id)) else { return Vec::new() };
        let mut items: Vec<_> = items.iter().collect();
        items.sort_by(|(one, many), (other, more)| more.cmp(many).then_with(|| one.as_str().cmp(other.as_str())));
        items.into_iter().map(|(sku, _)| sku).collect()
    }

    /// What goes with the types of a basket, the best first: pairs in at least 30 baskets, more often than by chance
    /// (chi-square, p < 0.001), ordered by lift times the lower bound of the confidence (Wilson, 95 %).
    pub fn suggest(&self, basket: &BTreeSet<&str>) -> Vec<Scored> {
        let mut best: HashMap<u32, Scored> = HashMap::new();
        let own: BTreeSet<u32> = basket.iter().filter_map(|name| self.ids.get(*name).copied()).collect();
        for with in &own {
            let Some(partners) = self.partners.get(with) else { continue };
            for (id, count) in partners.iter().filter(|(id, count)| !own.contains(id) && **count >= LEAST) {
                let Some(scored) = self.score(*with, *id, *count) else { continue };
                let is_better = best.get(id).is_none_or(|known| scored.score > known.score);
                if is_better {
                    best.insert(*id, scored);
                }
            }
        }
        let mut best: Vec<_> = best.into_values().collect();
        best.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.name.cmp(&other.name)));
        best
    }

    fn score(&self, with: u32, id: u32, count: u32) -> Option<Scored> {
        let (all, both) = (f64::from(self.baskets), f64::from(count));
        let (one, other) = (f64::from(*self.types.get(&with)?), f64::from(*self.types.get(&id)?));
        let lift = both * all / (one * other);
        // Of the table of both, one, the other and neither.
        let difference = both * all - one * other;
        let chi_square = all * difference * difference / (one * other * (all - one) * (all - other)).max(1.0);
        if lift <= 1.0 || chi_square <= CHI_SQUARE {
            return None;
        }
        let (lower, _) = super::uplift::wilson(both, one);
        let (name, with) = (self.name(id).to_owned(), self.name(with).to_owned());
        Some(Scored { name, with, count, lift, score: lift * lower })
    }
}

fn take<K: Eq + Hash>(counts: &mut HashMap<K, u32>, of: &K, count: u32) {
    if let Some(known) = counts.get_mut(of) {
        *known -= count;
        if *known == 0 {
            counts.remove(of);
        }
    }
}
