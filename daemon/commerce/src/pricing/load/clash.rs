//! Exclusive offers that clash: on the same goods, at the same time, without a priority.

use std::collections::BTreeSet;

use super::Loader;
use crate::{
    item::Sku,
    pricing::{
        offer::{Concurrency, Offer, Selection},
        record::ItemFacts,
        time::{LocalTime, Validity},
    },
};

impl Loader {
    /// Two exclusive offers on the same goods at the same time need priorities.
    pub(super) fn check_exclusives(&mut self) {
        let exclusive = |(_, offer): &&(u64, Offer)| {
            offer.concurrency == Concurrency::Exclusive && offer.priority.is_none() && offer.coupon.is_none()
        };
        let candidates: Vec<(u64, &Offer, Goods<'_>)> = self
            .offers
            .iter()
            .filter(exclusive)
            .map(|(line, offer)| (*line, offer, Goods::of(offer, &self.items)))
            .collect();
        let mut found = Vec::new();
        for (index, (_, first, goods)) in candidates.iter().enumerate() {
            for (line, second, other) in candidates.iter().skip(index + 1) {
                if goods.overlap(other) && at_the_same_time(first.validity(), second.validity()) {
                    let (first, second) = (&first.id, &second.id);
                    found.push((*line, format!("exclusive offers {first} and {second} overlap: give them priorities")));
                }
            }
        }
        for (line, why) in found {
            self.problem(line, "offer.priority", why);
        }
    }
}

pub(super) fn at_the_same_time(a: Validity, b: Validity) -> bool {
    let before =
        |end: Option<LocalTime>, start: Option<LocalTime>| end.zip(start).is_some_and(|(end, start)| end <= start);
    !before(a.until, b.from) && !before(b.until, a.from)
}

/// The goods of an offer, as far as the book knows the items.
struct Goods<'a> {
    all: bool,
    groups: BTreeSet<&'a str>,
    skus: BTreeSet<&'a Sku>,
}

impl<'a> Goods<'a> {
    fn of(offer: &'a Offer, items: &'a [(u64, ItemFacts)]) -> Self {
        let selections: Vec<&Selection> = offer.rule.selections().into_iter().map(|(_, selection)| selection).collect();
        let selected = |item: &&ItemFacts| {
            let groups = item.groups.iter().map(String::as_str);
            selections.iter().any(|selection| selection.includes(&item.sku, &groups))
        };
        let known = items.iter().map(|(_, item)| item).filter(selected).map(|item| &item.sku);
        Self {
            all: selections.iter().any(|selection| selection.all),
            groups: selections.iter().flat_map(|selection| &selection.groups).map(String::as_str).collect(),
            skus: selections.iter().flat_map(|selection| &selection.skus).chain(known).collect(),
        }
    }

    fn overlap(&self, other: &Self) -> bool {
        let reaches_all = |all: &Self, some: &Self| all.all && (some.all || !some.groups.is_empty());
        reaches_all(self, other)
            || reaches_all(other, self)
            || !self.groups.is_disjoint(&other.groups)
            || !self.skus.is_disjoint(&other.skus)
            || (self.all && !other.skus.is_empty())
            || (other.all && !self.skus.is_empty())
    }
}
