//! Loading: checks the records of a book, and compiles it for a store.
//!
//! A book is refused as a whole, with all its problems, so that an active book never makes a sale fail.

mod clash;

use std::collections::{BTreeSet, HashMap};

use clash::at_the_same_time;
use serde::Serialize;

use super::{
    book::{Book, Selections, StoreOffer, StorePrice},
    offer::{Deal, Offer, Rule},
    record::{CouponClass, Header, ItemFacts, PriceEntry, PriceKind, Record, StoreSet},
    tax::{self, StoreTax, Tax},
    time::{LocalTime, Validity},
};
use crate::{MAX_LINE_AMOUNT, MAX_TEXT, item::Sku, money::Minor, text::is_readable};

/// The most units of a group, a part of a bundle, or a buy-get offer.
pub const MAX_GROUP: u32 = 1000;

/// The longest name of a record: a version, a set of stores, the id of a price or an offer.
const MAX_NAME: usize = 40;

/// The most problems that are reported.
const MAX_PROBLEMS: usize = 100;

/// What is wrong with a record of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("line {line}: {field}: {why}")]
pub struct Problem {
    /// The line of the file, from 1.
    pub line: u64,
    /// The field, such as `offer.rule.on`.
    pub field: String,
    /// What is wrong, and what is right.
    pub why: String,
}

/// The store that a book is compiled for.
pub struct Store<'a> {
    /// Its name, as in the sets of stores.
    pub name: &'a str,
    /// Its time zone: the milliseconds since 1970, UTC, of a time on its clock. A time that the clock skips means the
    /// moment of the change, a time that it shows twice the first.
    pub zone: &'a dyn Fn(LocalTime) -> i64,
}

/// Collects the records of a book.
#[derive(Debug, Default)]
pub struct Loader {
    header: Option<(u64, Header)>,
    stores: Vec<(u64, StoreSet)>,
    items: Vec<(u64, ItemFacts)>,
    prices: Vec<(u64, PriceEntry)>,
    offers: Vec<(u64, Offer)>,
    taxes: Vec<(u64, Tax)>,
    coupons: Vec<(u64, CouponClass)>,
    problems: Vec<Problem>,
}

impl Loader {
    /// Adds the record of a line.
    pub fn add(&mut self, line: u64, record: Record) {
        match record {
            Record::Book(header) if self.header.is_none() => self.header = Some((line, header)),
            Record::Book(_) => self.problem(line, "book", "the book has two headers; remove one".into()),
            Record::Stores(set) => self.stores.push((line, set)),
            Record::Item(item) => self.items.push((line, *item)),
            Record::Price(price) => self.prices.push((line, *price)),
            Record::Offer(offer) => self.offers.push((line, *offer)),
            Record::Tax(tax) => self.taxes.push((line, *tax)),
            Record::Coupon(class) => self.coupons.push((line, class)),
        }
    }

    /// Reports a line that could not be read.
    pub fn problem(&mut self, line: u64, field: &str, why: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { line, field: field.into(), why });
        }
    }

    /// The local times of the book, for a caller that resolves them before [`finish`](Self::finish).
    pub fn times(&self) -> BTreeSet<LocalTime> {
        let prices = self.prices.iter().map(|(_, entry)| entry.validity());
        let offers = self.offers.iter().map(|(_, offer)| offer.validity());
        let taxes = self.taxes.iter().map(|(_, tax)| tax.validity());
        let all = prices.chain(offers).chain(taxes);
        all.flat_map(|validity| validity.from.into_iter().chain(validity.until)).collect()
    }

    /// Checks everything and compiles the book for a store.
    ///
    /// # Errors
    /// All problems, up to 100, in the order of the lines.
    pub fn finish(mut self, store: &Store<'_>) -> Result<Book, Vec<Problem>> {
        self.check_header();
        self.check_stores();
        self.check_items();
        self.check_prices();
        self.check_offers();
        self.check_exclusives();
        self.check_taxes();
        self.check_coupons();
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(self.problems);
        }
        let Some((_, header)) = self.header else { return Err(self.problems) };
        let sets: BTreeSet<&str> = self
            .stores
            .iter()
            .filter(|(_, set)| set.stores.iter().any(|name| name == store.name))
            .map(|(_, set)| set.name.as_str())
            .collect();
        let specific = |location: Option<&str>| match location {
            None => Some(0),
            Some(name) if name == store.name => Some(2),
            Some(name) => sets.contains(name).then_some(1),
        };
        let mut prices: HashMap<Sku, Vec<StorePrice>> = HashMap::new();
        for (_, entry) in self.prices {
            if let Some(specific) = specific(entry.location.as_deref()) {
                let span = entry.validity().resolve(store.zone);
                prices.entry(entry.sku.clone()).or_default().push(StorePrice { entry, span, specific });
            }
        }
        let mut selections = Selections::default();
        self.offers.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
        let mut offers = Vec::new();
        for (_, offer) in self.offers {
            let here = offer.locations.is_empty() || offer.locations.iter().any(|name| specific(Some(name)).is_some());
            if here {
                let numbers: Vec<usize> =
                    offer.rule.selections().iter().map(|(_, selection)| selections.add(selection)).collect();
                let span = offer.validity().resolve(store.zone);
                let first_selection = numbers.first().copied().unwrap_or_default();
                offers.push(StoreOffer { offer, span, first_selection, selections: numbers.len() });
            }
        }
        let taxes = self.taxes.into_iter().filter(|(_, tax)| specific(tax.location.as_deref()).is_some());
        let taxes =
            taxes.map(|(_, tax)| StoreTax { span: tax.validity().resolve(store.zone), tax }).collect::<Vec<_>>();
        let items = self.items.into_iter().map(|(_, item)| (item.sku.clone(), item)).collect();
        let coupons = self.coupons.into_iter().map(|(_, class)| class).collect();
        Ok(Book { header, prices, items, offers, selections, taxes, coupons })
    }

    fn check_header(&mut self) {
        let Some((line, header)) = &self.header else {
            return self.problem(1, "book", "the book has no header; begin it with a `book` record".into());
        };
        let (line, version) = (*line, header.version.clone());
        self.name(line, "book.version", &version);
    }

    fn check_stores(&mut self) {
        let mut seen = BTreeSet::new();
        let lines: Vec<(u64, String)> = self.stores.iter().map(|(line, set)| (*line, set.name.clone())).collect();
        for (line, name) in lines {
            self.name(line, "stores.name", &name);
            if !seen.insert(name.clone()) {
                self.problem(line, "stores.name", format!("duplicate set of stores `{name}`"));
            }
        }
    }

    fn check_items(&mut self) {
        let classes = self.tax_classes();
        let mut seen = BTreeSet::new();
        let items = std::mem::take(&mut self.items);
        for (line, item) in &items {
            let sku = &item.sku;
            if !seen.insert(sku) {
                self.problem(*line, "item.sku", format!("duplicate item {sku}"));
            }
            let linked = item.linked.iter().map(|linked| &linked.tax);
            for class in std::iter::once(&item.tax).chain(linked).flatten().filter(|class| !classes.contains(*class)) {
                self.problem(*line, "item.tax", format!("item {sku}: unknown tax class `{class}`: add a `tax` for it"));
            }
            for (index, linked) in item.linked.iter().enumerate() {
                self.text(*line, &format!("item.linked[{index}].name"), &linked.name);
                self.amount(*line, &format!("item.linked[{index}].minor"), linked.minor, 0);
            }
            if let Some(lowest) = item.lowest {
                self.amount(*line, "item.lowest", lowest, 0);
            }
            if item.sale_hours.as_ref().is_some_and(|hours| !hours.are_valid()) {
                self.problem(*line, "item.sale_hours", "minutes of a day are from 0 to 1440".into());
            }
        }
        self.items = items;
    }

    fn check_prices(&mut self) {
        let mut ids = BTreeSet::new();
        let prices = std::mem::take(&mut self.prices);
        for (line, entry) in &prices {
            let (line, sku) = (*line, &entry.sku);
            self.name(line, "price.id", &entry.id);
            if !ids.insert(&entry.id) {
                let why = format!("item {sku}: duplicate price `{}`", entry.id.escape_debug());
                self.problem(line, "price.id", why);
            }
            self.amount(line, "price.price.minor", entry.price.minor, 0);
            if let Some(multi) = entry.multi {
                self.amount(line, "price.multi.minor", multi.minor, 0);
                if !(2..=MAX_GROUP).contains(&multi.count) || entry.price.per.is_measure() {
                    let why = format!("item {sku}: a multiple is 2 to {MAX_GROUP} pieces, and not of weighed goods");
                    self.problem(line, "price.multi.count", why);
                }
            }
            self.validity(line, "price", entry.validity());
            self.location(line, "price.location", entry.location.as_deref());
            if (entry.kind == PriceKind::Override) != entry.author.is_some() {
                let why = format!("item {sku}: an override names its author, and no other price does");
                self.problem(line, "price.author", why);
            }
            if (entry.kind == PriceKind::Member) == entry.customers.is_empty() {
                let why = format!("item {sku}: a member price names its groups of customers, and no other price does");
                self.problem(line, "price.customers", why);
            }
        }
        self.prices = prices;
    }

    fn check_offers(&mut self) {
        let mut ids = BTreeSet::new();
        let offers = std::mem::take(&mut self.offers);
        for (line, offer) in &offers {
            let line = *line;
            self.name(line, "offer.id", &offer.id);
            if !ids.insert(&offer.id) {
                self.problem(line, "offer.id", format!("duplicate offer `{}`", offer.id.escape_debug()));
            }
            self.text(line, "offer.name", &offer.name);
            self.validity(line, "offer", offer.validity());
            for name in &offer.locations {
                self.location(line, "offer.locations", Some(name));
            }
            if offer.hours.as_ref().is_some_and(|hours| !hours.are_valid()) {
                self.problem(line, "offer.hours", "minutes of a day are from 0 to 1440".into());
            }
            for (field, selection) in offer.rule.selections() {
                if selection.is_empty() {
                    let why = format!("offer {} selects nothing: name items or groups, or set `all`", offer.id);
                    self.problem(line, &format!("offer.rule.{field}"), why);
                }
            }
            for (field, deal) in offer.rule.deals() {
                self.deal(line, &format!("offer.rule.{field}"), deal, offer.rule.is_threshold());
            }
            if let Some(cap) = offer.cap {
                self.amount(line, "offer.cap", cap, 1);
            }
            self.rule(line, &offer.rule);
        }
        self.offers = offers;
    }

    fn rule(&mut self, line: u64, rule: &Rule) {
        let counts: Vec<u32> = match rule {
            Rule::Group { count, .. } => vec![*count],
            Rule::Bundle { parts, .. } => parts.iter().map(|part| part.count).collect(),
            Rule::BuyGet { buy, get, .. } => vec![buy.count, get.count],
            Rule::Item { most_per_line, .. } => most_per_line.iter().copied().collect(),
            Rule::Quantity { .. } | Rule::Threshold { .. } => Vec::new(),
        };
        if counts.iter().any(|count| !(1..=MAX_GROUP).contains(count)) {
            self.problem(line, "offer.rule", format!("a number of units is out of range; 1 to {MAX_GROUP}"));
        }
        match rule {
            Rule::Bundle { parts, .. } if parts.len() < 2 => {
                self.problem(line, "offer.rule.parts", "a bundle has at least 2 parts; use a group otherwise".into());
            }
            Rule::Quantity { tiers, .. } | Rule::Group { tiers, .. } | Rule::Threshold { tiers, .. } => {
                let ascend = tiers.windows(2).all(|pair| pair[0].from < pair[1].from);
                if tiers.is_empty() || !ascend || tiers.iter().any(|tier| tier.from < 0) {
                    let why = "at least one tier, and each `from` higher than the one before, from 0".into();
                    self.problem(line, "offer.rule.tiers", why);
                }
            }
            _ => {}
        }
    }

    fn check_taxes(&mut self) {
        let classes = self.tax_classes();
        let taxes = std::mem::take(&mut self.taxes);
        for (index, (line, tax)) in taxes.iter().enumerate() {
            self.validity(*line, "tax", tax.validity());
            self.location(*line, "tax.location", tax.location.as_deref());
            match tax.rate {
                tax::Rate::Ppm(ppm) if ppm > 1_000_000 => {
                    self.problem(
                        *line,
                        "tax.rate.ppm",
                        format!("{ppm} is out of range; at most 1000000, which is 100 %"),
                    );
                }
                tax::Rate::Fixed(minor) => self.amount(*line, "tax.rate.fixed", minor, 0),
                tax::Rate::Ppm(_) => {}
            }
            let clash = taxes[..index].iter().find(|(_, other)| {
                other.id == tax.id
                    && other.location == tax.location
                    && at_the_same_time(other.validity(), tax.validity())
                    && other.classes.iter().any(|class| tax.classes.contains(class))
            });
            if let Some((other, _)) = clash {
                let why = format!("tax {} holds twice for a class at the same time: see line {other}", tax.id);
                self.problem(*line, "tax.id", why);
            }
        }
        let all: Vec<&Tax> = taxes.iter().map(|(_, tax)| tax).collect();
        if !tax::fit(&all, classes.iter().map(String::as_str)) {
            let line = taxes.first().map_or(1, |(line, _)| *line);
            self.problem(line, "tax", "the rates have too many digits to be exact; use fewer taxes on taxes".into());
        }
        self.taxes = taxes;
    }

    fn check_coupons(&mut self) {
        let coupons = std::mem::take(&mut self.coupons);
        for (index, (line, class)) in coupons.iter().enumerate() {
            self.text(*line, "coupon.class", &class.class);
            self.text(*line, "coupon.prefix", &class.prefix);
            for (other, known) in &coupons[..index] {
                if known.class == class.class || known.prefix == class.prefix {
                    let why = format!("class `{}` has the name or the prefix of line {other}", class.class);
                    self.problem(*line, "coupon", why);
                }
            }
            if class.uses == Some(0) || class.per_customer == Some(0) {
                self.problem(*line, "coupon", "a limit of 0 forbids every use; remove it".into());
            }
        }
        self.coupons = coupons;
    }

    fn tax_classes(&self) -> BTreeSet<String> {
        self.taxes.iter().flat_map(|(_, tax)| tax.classes.iter().cloned()).collect()
    }

    fn amount(&mut self, line: u64, field: &str, amount: Minor, least: i64) {
        if !(least..=MAX_LINE_AMOUNT.get()).contains(&amount.get()) {
            let why = format!("{} is out of range; {least} to {} minor units", amount.get(), MAX_LINE_AMOUNT.get());
            self.problem(line, field, why);
        }
    }

    fn deal(&mut self, line: u64, field: &str, deal: Deal, threshold: bool) {
        match deal {
            Deal::Percent(permyriad) if !(1..=10_000).contains(&permyriad) => {
                self.problem(line, field, format!("{permyriad} is out of range; 1 to 10000, which is 100 %"));
            }
            Deal::Percent(_) => {}
            Deal::AmountOff(minor) => self.amount(line, field, minor, 1),
            Deal::FixedPrice(_) if threshold => {
                self.problem(line, field, "a threshold gives a percentage or an amount off, not a fixed price".into());
            }
            Deal::FixedPrice(minor) => self.amount(line, field, minor, 0),
        }
    }

    /// Names are printed on receipts and are part of the records' keys when a book is published.
    fn name(&mut self, line: u64, field: &str, name: &str) {
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let name = name.escape_debug();
            let why = format!("invalid `{name}`: 1 to {MAX_NAME} printable ASCII characters without spaces");
            self.problem(line, field, why);
        }
    }

    fn text(&mut self, line: u64, field: &str, text: &str) {
        if text.len() > MAX_TEXT || !is_readable(text) {
            self.problem(line, field, format!("must be readable text of 1 to {MAX_TEXT} bytes"));
        }
    }

    fn validity(&mut self, line: u64, record: &str, validity: Validity) {
        if !validity.is_ordered() {
            self.problem(line, &format!("{record}.until"), "must be later than `from`".into());
        }
    }

    /// A location is a store or a set; a store that no set names can't be told from a typing mistake, so it is taken.
    fn location(&mut self, line: u64, field: &str, location: Option<&str>) {
        if location.is_some_and(str::is_empty) {
            self.problem(line, field, "must be the name of a store or of a set of stores".into());
        }
    }
}
