//! What customers of this store buy together, in memory, and the baskets for which something was suggested.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::{
    BasketId, BusinessDay, Sale, Sku,
    guide::{Outcomes, Pairs, Rules, Scored},
};

/// Days that count.
const WINDOW: usize = 56;

/// Baskets whose outcome is awaited; beyond it, the oldest is not counted.
const AWAITED: usize = 2_000;

/// The counts, the rules and what is awaited.
pub(crate) struct Suggestions {
    pairs: Mutex<Pairs>,
    rules: Mutex<(u64, Arc<Rules>)>,
    awaited: Mutex<VecDeque<Awaited>>,
}

/// A basket for which something was mined.
struct Awaited {
    basket: BasketId,
    is_shown: bool,
    skus: BTreeSet<Sku>,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self { pairs: Mutex::new(Pairs::new(WINDOW)), rules: Mutex::default(), awaited: Mutex::default() }
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Suggestions {
    /// Counts the goods of a sale.
    pub(crate) fn learn(&self, day: BusinessDay, goods: &[(Sku, String)]) {
        held(&self.pairs).add(day, goods.iter().map(|(sku, name)| (sku, name.as_str())));
    }

    /// What goes with types of goods, the best first, each with its items, the most bought first.
    pub(crate) fn mined(&self, types: &BTreeSet<&str>, most: usize) -> Vec<(Scored, Vec<Sku>)> {
        let pairs = held(&self.pairs);
        let best = pairs.suggest(types).into_iter().take(most);
        best.map(|scored| {
            let items = pairs.items_of(&scored.name).into_iter().take(most).cloned().collect();
            (scored, items)
        })
        .collect()
    }

    /// The numbers of baskets and pairs.
    pub(crate) fn size(&self) -> (u32, usize) {
        let pairs = held(&self.pairs);
        (pairs.baskets(), pairs.len())
    }

    /// The rules, and how often they were published.
    pub(crate) fn rules(&self) -> (u64, Arc<Rules>) {
        held(&self.rules).clone()
    }

    /// Replaces the rules.
    pub(crate) fn set_rules(&self, generation: u64, rules: Rules) {
        *held(&self.rules) = (generation, Arc::new(rules));
    }

    /// Awaits the outcome of a basket.
    pub(crate) fn await_outcome(&self, basket: BasketId, is_shown: bool, skus: impl IntoIterator<Item = Sku>) {
        let mut awaited = held(&self.awaited);
        match awaited.iter_mut().find(|known| known.basket == basket) {
            Some(known) => known.skus.extend(skus),
            None => {
                awaited.push_back(Awaited { basket, is_shown, skus: skus.into_iter().collect() });
                if awaited.len() > AWAITED {
                    awaited.pop_front();
                }
            }
        }
    }

    /// Counts what came of the suggestions for a sale's basket, if there were any.
    pub(crate) fn outcome(&self, sale: &Sale, outcomes: &mut Outcomes) {
        let mut awaited = held(&self.awaited);
        let Some(place) = awaited.iter().position(|known| known.basket == sale.basket) else { return };
        let Some(known) = awaited.remove(place) else { return };
        let mut sold = sale.lines.iter().filter(|line| line.returned.is_none());
        let is_bought = sold.any(|line| line.sku().is_some_and(|sku| known.skus.contains(sku)));
        outcomes.add(known.is_shown, is_bought);
    }
}
