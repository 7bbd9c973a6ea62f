//! From a basket to its prices.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    basket::{Adjustment, Basket, BasketLine, Evidence, Granted, LinkedCharge, Priced, PricedLine, Refusal},
    book::{Book, StoreOffer},
    engine::{Engine, Limits},
    evaluate,
    pool::{Run, Source},
    record::Multi,
    share,
    tax::{self, Taxable},
};
use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    item::Sku,
    money::{Minor, Rounding},
};

/// Prices a basket.
///
/// # Errors
/// An item has no price or another unit, an amount is out of range, or there are too many lines.
pub fn price(book: &Book, basket: &Basket) -> Result<Priced, Refusal> {
    if basket.lines.len() > MAX_LINES {
        return Err(Refusal::TooManyLines { lines: basket.lines.len() });
    }
    let (mut lines, mut runs, mut multis) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (index, line) in basket.lines.iter().enumerate() {
        let (priced, run) = price_line(book, basket, index, line, &mut multis)?;
        lines.push(priced);
        runs.push(run);
    }
    let skus: BTreeSet<&Sku> = basket.lines.iter().map(|line| &line.sku).collect();
    let places: BTreeMap<&Sku, usize> = skus.into_iter().zip(0..).collect();
    for run in &mut runs {
        run.item = places[&basket.lines[run.line].sku];
    }
    let mut groups = 0;
    for (multi, of_lines) in multis.values() {
        let cuts =
            evaluate::multiples(&runs, &|run| of_lines.contains(&run.line), multi.count, multi.minor, &mut groups);
        runs = cuts.apply(Source::Multi, &runs);
    }
    let at_ms = basket.moment.at_ms;
    let class = |index: usize| book.item(&basket.lines[index].sku).and_then(|item| item.tax.as_deref());
    let without_tax = |index: usize, amount: i64| {
        let line = Taxable { class: class(index), amount, milli: basket.lines[index].quantity.milli() };
        tax::net(&book.taxes, book.header.tax, line, at_ms).unwrap_or(amount)
    };
    let mut engine = Engine {
        book,
        offers: live_offers(book, basket),
        selections: basket.lines.iter().map(|line| selections(book, line)).collect(),
        runs,
        without_tax: &without_tax,
        groups,
        exact: true,
    };
    engine.run();
    let (runs, exact) = (engine.runs, engine.exact);
    explain_runs(book, &mut lines, &runs);
    keyed_discounts(basket, &mut lines)?;
    finish(book, basket, lines, exact)
}

/// A line before offers, and its units. Lines that share a price of several pieces are collected in `multis`.
fn price_line(
    book: &Book,
    basket: &Basket,
    index: usize,
    line: &BasketLine,
    multis: &mut BTreeMap<String, (Multi, Vec<usize>)>,
) -> Result<(PricedLine, Run), Refusal> {
    let number = line.number;
    let out_of_range = Refusal::AmountOutOfRange { line: number };
    let facts = book.item(&line.sku);
    let floor = |full: i64| match facts {
        Some(facts) if facts.no_discount => full,
        Some(facts) => facts.lowest.map_or(0, Minor::get),
        None => 0,
    };
    let measured = line.quantity.unit().is_measure();
    let mut priced = PricedLine {
        number,
        entry: None,
        kind: None,
        price: None,
        regular: Minor::ZERO,
        adjustments: Vec::new(),
        net: Minor::ZERO,
        linked: Vec::new(),
        taxes: Vec::new(),
        minimum_age: facts.and_then(|facts| facts.minimum_age),
        sold_within: facts.and_then(|facts| facts.sale_hours.as_ref()?.window(basket.moment)),
    };
    let measure = measured.then(|| line.quantity.milli());
    let keyed: i64 = line.keyed.iter().map(|keyed| keyed.minor.get().max(0)).fold(0, i64::saturating_add);
    let run = if let Some(amount) = line.amount {
        priced.regular = amount;
        let lowest = floor(amount.get()).max(keyed).min(amount.get());
        Run { line: index, item: 0, count: 1, value: amount.get(), floor: lowest, measure, steps: Vec::new() }
    } else {
        let unit = line.quantity.unit();
        let of_book = book.price_at(&line.sku, basket.moment, &basket.customers);
        let usable = of_book.filter(|entry| entry.price.per == unit);
        let price = usable.map(|entry| entry.price).or(line.price.filter(|price| price.per == unit));
        let price = price.ok_or_else(|| match of_book.map(|entry| entry.price).or(line.price) {
            Some(other) => Refusal::WrongUnit { line: number, sku: line.sku.clone(), sold_by: other.per, asked: unit },
            None => Refusal::NoPrice { line: number, sku: line.sku.clone() },
        })?;
        let regular = price.extend(line.quantity, Rounding::HalfAwayFromZero).ok_or_else(|| out_of_range.clone())?;
        (priced.price, priced.regular) = (Some(price), regular);
        if let Some(entry) = usable {
            (priced.entry, priced.kind) = (Some(entry.id.clone()), Some(entry.kind));
            if let Some(multi) = entry.multi {
                multis.entry(entry.id.clone()).or_insert_with(|| (multi, Vec::new())).1.push(index);
            }
        }
        let (count, value) =
            if measured { (1, regular.get()) } else { (line.quantity.milli() / 1000, price.minor.get()) };
        let lowest = match floor(value) {
            lowest if measured => share::ratio(lowest, i128::from(line.quantity.milli()), 1000).min(value),
            lowest => lowest.min(value),
        };
        let lowest = if facts.is_some_and(|facts| facts.no_discount) { value } else { lowest };
        // Keyed discounts come last; offers leave them their share of each unit.
        let share = keyed.saturating_add(count - 1).checked_div(count).unwrap_or(0);
        let lowest = lowest.max(share.min(value));
        Run { line: index, item: 0, count, value, floor: lowest, measure, steps: Vec::new() }
    };
    if priced.regular.is_negative() || priced.regular > MAX_LINE_AMOUNT {
        return Err(out_of_range);
    }
    for linked in facts.map(|facts| facts.linked.as_slice()).unwrap_or_default() {
        let amount = share::ratio(linked.minor.get(), i128::from(line.quantity.milli()), 1000);
        let amount = Minor::new(amount).filter(|amount| *amount <= MAX_LINE_AMOUNT);
        let amount = amount.ok_or_else(|| out_of_range.clone())?;
        priced.linked.push(LinkedCharge { name: linked.name.clone(), amount });
    }
    Ok((priced, run))
}

/// The selections of a line, ascending.
pub(super) fn selections(book: &Book, line: &BasketLine) -> Vec<usize> {
    let of_book = book.item(&line.sku).map(|item| item.groups.as_slice()).unwrap_or_default();
    book.selections.of(&line.sku, &of_book.iter().chain(&line.groups).map(String::as_str))
}

/// Why an offer of the book can't apply to the basket, whatever it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    Time,
    Hours,
    Channel,
    Customer,
    Coupon,
    Budget,
}

pub(super) fn barred(offer: &StoreOffer, basket: &Basket) -> Option<Barred> {
    let StoreOffer { offer, span, .. } = offer;
    let budget = basket.budgets.get(&offer.id).copied().unwrap_or_default();
    let used = budget.uses == Some(0) || budget.minor.is_some_and(|minor| !minor.is_positive());
    let barred = [
        (!span.contains(basket.moment.at_ms), Barred::Time),
        (offer.hours.as_ref().is_some_and(|hours| !hours.contain(basket.moment)), Barred::Hours),
        (!offer.channels.is_empty() && !offer.channels.contains(&basket.channel), Barred::Channel),
        (
            !offer.customers.is_empty() && !offer.customers.iter().any(|one| basket.customers.contains(one)),
            Barred::Customer,
        ),
        (
            offer.coupon.as_ref().is_some_and(|class| basket.coupons.iter().all(|coupon| coupon.class != *class)),
            Barred::Coupon,
        ),
        (used, Barred::Budget),
    ];
    barred.into_iter().find(|(is, _)| *is).map(|(_, why)| why)
}

/// The offers that may apply, with their limits. A coupon is good for one use unless the offer says otherwise.
fn live_offers(book: &Book, basket: &Basket) -> Vec<(usize, Limits)> {
    let live = book.offers.iter().enumerate().filter(|(_, offer)| barred(offer, basket).is_none());
    live.map(|(index, StoreOffer { offer, .. })| {
        let budget = basket.budgets.get(&offer.id).copied().unwrap_or_default();
        let least = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
        let cap = offer.cap.into_iter().chain(budget.minor).min();
        (index, Limits { most: least(offer.most, budget.uses), cap: cap.map(Minor::get) })
    })
    .collect()
}

/// Turns what was taken off units into adjustments of lines.
fn explain_runs(book: &Book, lines: &mut [PricedLine], runs: &[Run]) {
    // Line, place in its history, source and group.
    type Key = (usize, usize, Source, Option<u32>);
    let mut evidence: BTreeMap<u32, BTreeMap<usize, i64>> = BTreeMap::new();
    // Basis, amount and units.
    let mut sums: BTreeMap<Key, (i64, i64, i64)> = BTreeMap::new();
    for run in runs {
        for (place, step) in run.steps.iter().enumerate() {
            if let Some(group) = step.group {
                *evidence.entry(group).or_default().entry(run.line).or_default() += run.count;
            }
            if step.off > 0 {
                let sum = sums.entry((run.line, place, step.source, step.group)).or_default();
                sum.0 += step.basis * run.count;
                sum.1 += step.off * run.count;
                sum.2 += run.count;
            }
        }
    }
    for ((line, _, source, group), (basis, amount, units)) in sums {
        let (granted, name) = match source {
            Source::Multi => (Granted::MultiPrice, "multi-price".to_owned()),
            Source::Offer { index, .. } => {
                let offer = &book.offers[index].offer;
                let granted = Granted::Offer {
                    offer: offer.id.clone(),
                    version: offer.version,
                    funded_by: offer.funded_by.clone(),
                };
                (granted, offer.name.clone())
            }
        };
        let of_group = group.and_then(|group| evidence.get(&group)).into_iter().flatten();
        let evidence = of_group.map(|(&line, &units)| Evidence { line: lines[line].number, units }).collect();
        lines[line].adjustments.push(Adjustment {
            granted,
            name,
            basis: bounded(basis),
            amount: bounded(amount),
            units,
            group,
            evidence,
        });
    }
    for line in lines {
        line.net = line.regular - line.adjustments.iter().map(|adjustment| adjustment.amount).sum();
    }
}

/// The amounts of a basket are bounded by its lines.
fn bounded(amount: i64) -> Minor {
    Minor::new(amount).unwrap_or(Minor::ZERO)
}

/// Takes the keyed discounts off what is left of each line.
fn keyed_discounts(basket: &Basket, lines: &mut [PricedLine]) -> Result<(), Refusal> {
    for (line, priced) in basket.lines.iter().zip(lines) {
        for keyed in &line.keyed {
            if !keyed.minor.is_positive() || keyed.minor > priced.net {
                return Err(Refusal::AmountOutOfRange { line: line.number });
            }
            priced.adjustments.push(Adjustment {
                granted: Granted::Person,
                name: keyed.reason.clone(),
                basis: priced.net,
                amount: keyed.minor,
                units: (line.quantity.milli() / 1000).max(1),
                group: None,
                evidence: Vec::new(),
            });
            priced.net = priced.net - keyed.minor;
        }
    }
    Ok(())
}

/// Computes the taxes and the totals.
fn finish(book: &Book, basket: &Basket, mut lines: Vec<PricedLine>, exact: bool) -> Result<Priced, Refusal> {
    let (mut taxables, mut owners) = (Vec::new(), Vec::new());
    for (index, (line, priced)) in basket.lines.iter().zip(&lines).enumerate() {
        let facts = book.item(&line.sku);
        let milli = line.quantity.milli();
        let class = facts.and_then(|facts| facts.tax.as_deref());
        taxables.push(Taxable { class, amount: priced.net.get(), milli });
        owners.push(index);
        let linked = facts.map(|facts| facts.linked.as_slice()).unwrap_or_default();
        for (linked, charge) in linked.iter().zip(&priced.linked) {
            taxables.push(Taxable { class: linked.tax.as_deref(), amount: charge.amount.get(), milli });
            owners.push(index);
        }
    }
    let exempt = basket.exemption.is_some();
    let taxes = tax::compute(&book.taxes, book.header.tax, &taxables, exempt, basket.moment.at_ms);
    let taxes = taxes.ok_or(Refusal::AmountOutOfRange { line: basket.lines.first().map_or(0, |line| line.number) })?;
    for (owner, of_line) in owners.into_iter().zip(taxes.lines) {
        lines[owner].taxes.extend(of_line);
    }
    let sum = |of: &dyn Fn(&PricedLine) -> Minor| lines.iter().map(of).sum::<Minor>();
    let (regular, net) = (sum(&|line| line.regular), sum(&|line| line.net));
    let linked = sum(&|line| line.linked.iter().map(|charge| charge.amount).sum());
    let amount: i64 = taxes.totals.iter().map(|total| total.amount.get()).sum();
    let total = bounded(taxes.base + amount);
    let added: Minor =
        lines.iter().flat_map(|line| &line.taxes).filter(|tax| !tax.included).map(|tax| tax.amount).sum();
    // An exemption takes included taxes out of the prices.
    let rounding = total - net - linked - added;
    Ok(Priced {
        book: book.version().to_owned(),
        lines,
        regular,
        discount: regular - net,
        net,
        linked,
        rounding,
        total,
        taxes: taxes.totals,
        exact,
    })
}
