//! A price book that is compiled for one store.

use std::collections::HashMap;

use super::{
    offer::{Control, Offer, Selection},
    record::{CouponClass, Header, ItemFacts, PriceEntry, PriceKind},
    tax::StoreTax,
    time::{Moment, Span},
};
use crate::{item::Sku, money::Currency, quantity::Quantity};

/// The prices, offers and taxes of one store. It never changes; a new version replaces it.
#[derive(Debug)]
pub struct Book {
    pub(super) header: Header,
    pub(super) prices: HashMap<Sku, Vec<StorePrice>>,
    pub(super) items: HashMap<Sku, ItemFacts>,
    /// In the order of their ids.
    pub(super) offers: Vec<StoreOffer>,
    pub(super) selections: Selections,
    pub(super) taxes: Vec<StoreTax>,
    pub(super) coupons: Vec<CouponClass>,
}

/// A price that holds in this store.
#[derive(Debug)]
pub(super) struct StorePrice {
    pub(super) entry: PriceEntry,
    pub(super) span: Span,
    /// 2 for this store, 1 for a set of stores, 0 for all.
    pub(super) specific: u8,
}

/// An offer that can hold in this store.
#[derive(Debug)]
pub(super) struct StoreOffer {
    pub(super) offer: Offer,
    pub(super) span: Span,
    /// The first of its selections in [`Selections`].
    pub(super) first_selection: usize,
    pub(super) selections: usize,
}

/// All selections of all offers, indexed by what they name: a lookup does not depend on the number of offers.
#[derive(Debug, Default)]
pub(super) struct Selections {
    all: Vec<usize>,
    skus: HashMap<Sku, Vec<usize>>,
    groups: HashMap<String, Vec<usize>>,
    except_skus: HashMap<Sku, Vec<usize>>,
    except_groups: HashMap<String, Vec<usize>>,
    count: usize,
}

impl Selections {
    pub(super) fn add(&mut self, selection: &Selection) -> usize {
        let number = self.count;
        self.count += 1;
        if selection.all {
            self.all.push(number);
        }
        let skus = |index: &mut HashMap<Sku, Vec<usize>>, list: &[Sku]| {
            for sku in list {
                index.entry(sku.clone()).or_default().push(number);
            }
        };
        let groups = |index: &mut HashMap<String, Vec<usize>>, list: &[String]| {
            for group in list {
                index.entry(group.clone()).or_default().push(number);
            }
        };
        skus(&mut self.skus, &selection.skus);
        skus(&mut self.except_skus, &selection.except_skus);
        groups(&mut self.groups, &selection.groups);
        groups(&mut self.except_groups, &selection.except_groups);
        number
    }

    /// The selections that include an item, in ascending order.
    pub(super) fn of<'g>(&self, sku: &Sku, groups: &(impl Iterator<Item = &'g str> + Clone)) -> Vec<usize> {
        let in_groups = |index: &HashMap<String, Vec<usize>>| {
            groups.clone().filter_map(|group| index.get(group)).flatten().copied().collect::<Vec<_>>()
        };
        let in_skus = |index: &HashMap<Sku, Vec<usize>>| index.get(sku).cloned().unwrap_or_default();
        let mut found = self.all.clone();
        found.extend(in_skus(&self.skus));
        found.extend(in_groups(&self.groups));
        let mut excluded = in_skus(&self.except_skus);
        excluded.extend(in_groups(&self.except_groups));
        found.sort_unstable();
        found.dedup();
        found.retain(|number| !excluded.contains(number));
        found
    }
}

/// Who buys: what decides which prices and offers apply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buyer<'a> {
    pub(super) moment: Moment,
    pub(super) customers: &'a [String],
}

impl Book {
    /// The version, which a sale names.
    pub fn version(&self) -> &str {
        &self.header.version
    }

    /// The currency of all amounts.
    pub fn currency(&self) -> Currency {
        self.header.currency
    }

    /// How offers interact.
    pub fn control(&self) -> Control {
        self.header.control
    }

    /// The number of items that have a price.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether no item has a price.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// The items that have a price, in no order.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.prices.keys()
    }

    /// What the book knows about an item.
    pub fn item(&self, sku: &Sku) -> Option<&ItemFacts> {
        self.items.get(sku)
    }

    /// The class of coupons that an offer needs.
    pub fn coupon_of(&self, offer: &str) -> Option<&str> {
        let place = self.offers.binary_search_by(|other| other.offer.id.as_str().cmp(offer)).ok()?;
        self.offers[place].offer.coupon.as_deref()
    }

    /// The class of coupons that a code belongs to: the one with the longest prefix of it.
    pub fn coupon(&self, code: &str) -> Option<&CouponClass> {
        let matching = self.coupons.iter().filter(|class| code.starts_with(&class.prefix));
        matching.max_by_key(|class| class.prefix.len())
    }

    /// A class of coupons.
    pub fn coupon_class(&self, class: &str) -> Option<&CouponClass> {
        self.coupons.iter().find(|known| known.class == class)
    }

    /// The price of an item at a moment, for a customer who belongs to these groups.
    ///
    /// Of each kind the entry for the most specific location counts; of two for the same location the newer one. An
    /// override replaces all other kinds. Of the other kinds the lowest price counts, so that a member never pays more
    /// than others; among equal prices clearance, promotional, member, regular.
    pub fn price_at(&self, sku: &Sku, moment: Moment, customers: &[String]) -> Option<&PriceEntry> {
        let buyer = Buyer { moment, customers };
        let entries = self.prices.get(sku)?;
        let applies = |price: &&StorePrice| {
            let entry = &price.entry;
            let for_them =
                entry.customers.is_empty() || entry.customers.iter().any(|one| buyer.customers.contains(one));
            price.span.contains(buyer.moment.at_ms) && for_them
        };
        let mut best: Vec<&StorePrice> = Vec::with_capacity(2);
        for price in entries.iter().filter(applies) {
            let newer = |other: &StorePrice| {
                let key = |price: &StorePrice| (price.specific, price.entry.source_version, price.span.from_ms);
                (key(price), &price.entry.id) > (key(other), &other.entry.id)
            };
            match best.iter_mut().find(|other| other.entry.kind == price.entry.kind) {
                Some(other) if newer(other) => *other = price,
                Some(_) => {}
                None => best.push(price),
            }
        }
        let order = |price: &&&StorePrice| {
            let entry = &price.entry;
            (entry.kind != PriceKind::Override, entry.price.minor, std::cmp::Reverse(entry.kind))
        };
        best.iter().min_by_key(order).map(|price| &price.entry)
    }

    /// The moments at which prices or offers change, in milliseconds since 1970, after `after_ms` and up to `until_ms`.
    pub fn changes(&self, after_ms: i64, until_ms: i64) -> Vec<i64> {
        let spans = self
            .prices
            .values()
            .flatten()
            .map(|price| price.span)
            .chain(self.offers.iter().map(|offer| offer.span))
            .chain(self.taxes.iter().map(|tax| tax.span));
        let mut times: Vec<i64> = spans.flat_map(|span| [span.from_ms, span.until_ms]).collect();
        times.retain(|time| (after_ms + 1..=until_ms).contains(time));
        times.sort_unstable();
        times.dedup();
        times
    }

    /// The items whose price at one moment differs from that at another, in order: whose shelf labels must be printed.
    pub fn changed_between(&self, before: Moment, after: Moment) -> Vec<&Sku> {
        let shown = |sku: &Sku, moment| self.price_at(sku, moment, &[]).map(|entry| (entry.price, entry.multi));
        let mut changed: Vec<&Sku> = self.prices.keys().filter(|sku| shown(sku, before) != shown(sku, after)).collect();
        changed.sort_unstable();
        changed
    }

    /// The lowest price of a unit in the days before a moment, for the "was" price of a reduction (EU Directive
    /// 98/6/EC, Article 6a): member prices do not count, because they are not offered to everybody.
    pub fn lowest_in(&self, sku: &Sku, from_ms: i64, until_ms: i64) -> Option<i64> {
        let at = |at_ms| {
            let moment = Moment { at_ms, weekday: super::time::Weekday::Monday, minute: 0 };
            self.price_at(sku, moment, &[]).map(|entry| entry.price.minor.get())
        };
        let starts = self.prices.get(sku)?.iter().flat_map(|price| [price.span.from_ms, price.span.until_ms]);
        let inside = starts.filter(|time| (from_ms..until_ms).contains(time));
        std::iter::once(from_ms).chain(inside).filter_map(at).min()
    }
}

/// The price of a quantity of a measure for a label: per kilogram, litre or piece, or per 100 of its thousandths.
///
/// `content` is the content of the package. `per_milli` is 1000 for a whole unit, 100 for 100 g or 100 ml.
pub fn unit_price(package: i64, content: Quantity, per_milli: i64) -> Option<i64> {
    (content.milli() > 0).then(|| super::share::ratio(package, i128::from(per_milli), i128::from(content.milli())))
}
