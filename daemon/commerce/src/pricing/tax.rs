//! Taxes: inclusive and exclusive, several on a line, taxes on taxes, per line or per document.
//!
//! A line's taxes are computed in the order of the book. An included tax is part of the price; an added tax comes on
//! top. A tax with `on_taxes` is computed on the amount with the taxes before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    fraction::Fraction,
    share,
    time::{LocalTime, Span, Validity},
};
use crate::money::{Minor, Rounding};

/// The largest amount that is taxed: more than a basket of [`MAX_LINES`](crate::MAX_LINES) lines can come to.
const MOST: i64 = 1_000_000_000_000;

/// Where tax amounts are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaxLevel {
    /// On each line.
    #[default]
    Line,
    /// On the sum of all lines of a tax. The lines' shares sum to it.
    Document,
}

/// How a fraction of a minor unit of tax is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaxRounding {
    /// Half away from zero: EU, UK retailers, and the US Streamlined Agreement, whose rule (carry to the third decimal,
    /// round up when it is greater than four) is the same.
    #[default]
    Nearest,
    /// Toward zero: the UK's concession for invoice traders.
    Down,
}

/// How taxes are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaxRules {
    /// Where tax amounts are rounded.
    #[serde(default)]
    pub level: TaxLevel,
    /// How they are rounded.
    #[serde(default)]
    pub rounding: TaxRounding,
}

/// The size of a tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Parts per million of the base: 190000 is 19 %.
    Ppm(u32),
    /// An amount on each unit, in minor units.
    Fixed(Minor),
}

impl Rate {
    /// Parts per million; `None` for an amount on each unit.
    pub fn ppm(self) -> Option<u32> {
        match self {
            Self::Ppm(ppm) => Some(ppm),
            Self::Fixed(_) => None,
        }
    }
}

/// A tax of a class of goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// The key. The same tax with another rate at another time has the same key.
    pub id: String,
    /// The classes of goods it applies to.
    pub classes: Vec<String>,
    /// The rate.
    pub rate: Rate,
    /// The first minute in which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LocalTime>,
    /// The first minute in which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalTime>,
    /// It is part of the price.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub included: bool,
    /// It is also computed on the taxes before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_taxes: bool,
    /// A store or a set of stores; everywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

impl Tax {
    /// When it holds.
    pub fn validity(&self) -> Validity {
        Validity { from: self.from, until: self.until }
    }
}

/// A tax of a book that is compiled for a store.
#[derive(Clone, Debug)]
pub(super) struct StoreTax {
    pub(super) tax: Tax,
    pub(super) span: Span,
}

/// What is taxed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taxable<'a> {
    /// The class of the goods.
    pub(super) class: Option<&'a str>,
    /// The amount that the customer is asked for before added taxes.
    pub(super) amount: i64,
    /// Thousandths of a unit.
    pub(super) milli: i64,
}

/// A tax on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LineTax {
    /// The tax.
    pub tax: String,
    /// Its rate in parts per million; absent if it is an amount on each unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_ppm: Option<u32>,
    /// The base, without this tax.
    pub base: Minor,
    /// The amount.
    pub amount: Minor,
    /// It is part of the price.
    pub included: bool,
}

/// The sum of a tax over all lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaxTotal {
    /// The tax.
    pub tax: String,
    /// Its rate in parts per million; absent if it is an amount on each unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_ppm: Option<u32>,
    /// The sum of the bases.
    pub base: Minor,
    /// The sum of the amounts.
    pub amount: Minor,
    /// It is part of the price.
    pub included: bool,
}

/// The taxes of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taxes {
    /// For each line the taxes in the order of the book.
    pub(super) lines: Vec<Vec<LineTax>>,
    /// The net amount without any tax.
    pub(super) base: i64,
    /// The sums by tax.
    pub(super) totals: Vec<TaxTotal>,
}

impl Taxes {
    /// The whole tax.
    pub(super) fn amount(&self) -> i64 {
        self.totals.iter().map(|total| total.amount.get()).sum()
    }
}

/// The exact taxes of an amount of one class: each tax and its base, and the net amount.
struct Exact {
    net: Fraction,
    taxes: Vec<Fraction>,
    bases: Vec<Fraction>,
}

impl Exact {
    /// The price is `net + included taxes`. Each tax is `factor * net + constant`, so the net amount follows from the
    /// price. `None` if the fractions do not fit, which the loader excludes.
    fn of(taxes: &[&Tax], amount: i64, milli: i64) -> Option<Self> {
        let mut parts: Vec<(Fraction, Fraction)> = Vec::with_capacity(taxes.len());
        let mut bases: Vec<(Fraction, Fraction)> = Vec::with_capacity(taxes.len());
        let (mut included, mut all) = ((Fraction::ZERO, Fraction::ZERO), (Fraction::ZERO, Fraction::ZERO));
        let plus = |a: (Fraction, Fraction), b: (Fraction, Fraction)| Some((a.0.plus(b.0)?, a.1.plus(b.1)?));
        for tax in taxes {
            let base = plus(
                (Fraction::ONE, Fraction::ZERO),
                if tax.on_taxes { all } else { (Fraction::ZERO, Fraction::ZERO) },
            )?;
            let part = match tax.rate {
                Rate::Ppm(ppm) => {
                    let rate = Fraction::new(i128::from(ppm), 1_000_000);
                    (base.0.times(rate)?, base.1.times(rate)?)
                }
                Rate::Fixed(minor) => {
                    (Fraction::ZERO, Fraction::new(i128::from(minor.get()) * i128::from(milli), 1000))
                }
            };
            all = plus(all, part)?;
            if tax.included {
                included = plus(included, part)?;
            }
            parts.push(part);
            bases.push(base);
        }
        let price = Fraction::new(i128::from(amount), 1);
        let net = price.plus(included.1.negative())?.over(Fraction::ONE.plus(included.0)?)?;
        let at = |list: &[(Fraction, Fraction)]| {
            list.iter().map(|(factor, constant)| net.times(*factor)?.plus(*constant)).collect::<Option<Vec<_>>>()
        };
        Some(Self { net, taxes: at(&parts)?, bases: at(&bases)? })
    }
}

/// The taxes of a class at a moment.
fn of_class<'t>(taxes: &'t [StoreTax], class: Option<&str>, at_ms: i64) -> Vec<&'t Tax> {
    let Some(class) = class else { return Vec::new() };
    let applies = |tax: &&StoreTax| tax.span.contains(at_ms) && tax.tax.classes.iter().any(|listed| listed == class);
    taxes.iter().filter(applies).map(|tax| &tax.tax).collect()
}

/// Whether the taxes of these classes can be computed for every amount.
pub(super) fn fit<'a>(taxes: &[&Tax], classes: impl Iterator<Item = &'a str>) -> bool {
    let mut sums: BTreeMap<&str, Fraction> = BTreeMap::new();
    for class in classes {
        let of_it: Vec<&Tax> =
            taxes.iter().copied().filter(|tax| tax.classes.iter().any(|listed| listed == class)).collect();
        // An amount without common factors with the rates.
        let Some(exact) = Exact::of(&of_it, MOST - 1, 999_999_937) else { return false };
        for (tax, amount) in of_it.iter().zip(&exact.taxes) {
            let sum = sums.entry(&tax.id).or_insert(Fraction::ZERO);
            let Some(more) = sum.plus(*amount) else { return false };
            *sum = more;
        }
    }
    true
}

/// The price of an amount without its included taxes, rounded.
pub(super) fn net(taxes: &[StoreTax], rules: TaxRules, line: Taxable<'_>, at_ms: i64) -> Option<i64> {
    let exact = Exact::of(&of_class(taxes, line.class, at_ms), line.amount, line.milli)?;
    Some(rules.rounding.apply(exact.net))
}

/// Computes the taxes of all lines. `None` if the fractions do not fit, which the loader excludes.
pub(super) fn compute(
    taxes: &[StoreTax],
    rules: TaxRules,
    lines: &[Taxable<'_>],
    exempt: bool,
    at_ms: i64,
) -> Option<Taxes> {
    let mut result = Taxes::default();
    let mut exact_lines = Vec::with_capacity(lines.len());
    for line in lines {
        let of_line = of_class(taxes, line.class, at_ms);
        let exact = Exact::of(&of_line, line.amount, line.milli)?;
        exact_lines.push((of_line, exact));
    }
    let round = |fraction| rules.rounding.apply(fraction);
    for ((of_line, exact), line) in exact_lines.iter().zip(lines) {
        let amounts: Vec<i64> = exact.taxes.iter().map(|tax| if exempt { 0 } else { round(*tax) }).collect();
        let included: i64 =
            of_line.iter().zip(&exact.taxes).filter(|(tax, _)| tax.included).map(|(_, tax)| round(*tax)).sum();
        let base = line.amount - included;
        let line_taxes = of_line.iter().zip(amounts).zip(&exact.bases).map(|((tax, amount), exact_base)| LineTax {
            tax: tax.id.clone(),
            rate_ppm: tax.rate.ppm(),
            // A tax on the net amount alone has the line's base, so that base and taxes sum to the price.
            base: minor(if tax.on_taxes { round(*exact_base) } else { base }),
            amount: minor(amount),
            included: tax.included,
        });
        result.lines.push(line_taxes.collect());
        result.base += base;
    }
    result.totals = totals(&result.lines);
    if rules.level == TaxLevel::Document && !exempt {
        whole_document(&mut result, rules, &exact_lines, lines)?;
    }
    Some(result)
}

fn minor(amount: i64) -> Minor {
    Minor::new(amount).unwrap_or(Minor::ZERO)
}

/// Sums the lines' taxes by tax and rate.
fn totals(lines: &[Vec<LineTax>]) -> Vec<TaxTotal> {
    let mut totals: Vec<TaxTotal> = Vec::new();
    for tax in lines.iter().flatten() {
        match totals.iter_mut().find(|total| total.tax == tax.tax && total.rate_ppm == tax.rate_ppm) {
            Some(total) => {
                total.base = total.base + tax.base;
                total.amount = total.amount + tax.amount;
            }
            None => totals.push(TaxTotal {
                tax: tax.tax.clone(),
                rate_ppm: tax.rate_ppm,
                base: tax.base,
                amount: tax.amount,
                included: tax.included,
            }),
        }
    }
    totals
}

/// Rounds the sums instead of the lines, and divides them among the lines.
fn whole_document(
    result: &mut Taxes,
    rules: TaxRules,
    exact: &[(Vec<&Tax>, Exact)],
    lines: &[Taxable<'_>],
) -> Option<()> {
    for total in &mut result.totals {
        let its = |tax: &LineTax| tax.tax == total.tax && tax.rate_ppm == total.rate_ppm;
        let (mut sum, mut places) = (Fraction::ZERO, Vec::new());
        for (index, taxes) in result.lines.iter().enumerate() {
            for (slot, _) in taxes.iter().enumerate().filter(|(_, tax)| its(tax)) {
                let amount = exact.get(index)?.1.taxes.get(slot).copied()?;
                sum = sum.plus(amount)?;
                places.push((index, slot, amount));
            }
        }
        let whole = rules.rounding.apply(sum);
        // In thousandths of a minor unit, which keeps the order of the remainders.
        let weights: Vec<i64> = places
            .iter()
            .map(|(_, _, amount)| amount.times(Fraction::new(1000, 1)).map_or(0, |amount| rules.rounding.apply(amount)))
            .collect();
        for ((index, slot, _), part) in places.iter().zip(share::shares(whole, &weights)) {
            if let Some(tax) = result.lines.get_mut(*index).and_then(|taxes| taxes.get_mut(*slot)) {
                tax.amount = minor(part);
            }
        }
        total.amount = minor(whole);
    }
    let all_included = result.totals.iter().all(|total| total.included);
    result.base = if all_included {
        // The customer pays the shelf prices, so the base is what is left of them.
        lines.iter().map(|line| line.amount).sum::<i64>() - result.amount()
    } else {
        let sum = exact.iter().try_fold(Fraction::ZERO, |sum, (_, exact)| sum.plus(exact.net))?;
        rules.rounding.apply(sum)
    };
    Some(())
}

impl TaxRounding {
    fn apply(self, exact: Fraction) -> i64 {
        let rounding = match self {
            Self::Nearest => Rounding::HalfAwayFromZero,
            Self::Down => Rounding::TowardZero,
        };
        exact.round(rounding)
    }
}
