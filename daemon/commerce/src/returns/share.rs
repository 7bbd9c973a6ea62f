//! What was really paid for some units of a line.
//!
//! The shares are cumulative: what is given back for the first `n` units together is the line's amount times `n` over
//! its quantity, rounded up, and each return gets the difference to what came before it. So 290.00 for three units
//! comes back as 96.67, 96.67 and 96.66, in whichever portions; the last unit gets exactly what is left, and at no time
//! is more given back than was paid. Every component (net, each discount, deposit, fee and tax) follows the same rule,
//! and the amount at the shelf price is the sum of net and discounts, so that the parts of each share sum as those of a
//! sale.

use serde::{Deserialize, Serialize};

use super::{Disposition, NotReturnable, Reason, Returned, SoldIn, Way};
use crate::{
    gift_card::CardKind,
    line::{Line, Regular},
    money::Minor,
    pricing::tax::LineTax,
    quantity::Quantity,
    sale::Sale,
};

/// What came back of a line before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Thousandths of the unit.
    pub milli: i64,
    /// What was charged again for the units that were kept, because an offer was broken up.
    #[serde(default)]
    pub recharged: Minor,
    /// What was given back of that.
    #[serde(default)]
    pub recharge_back: Minor,
}

/// What the customer brings.
#[derive(Clone, Copy, Debug)]
pub struct Brought {
    /// The line of the sale.
    pub line: u32,
    /// How much of it.
    pub quantity: Quantity,
    /// Why.
    pub reason: Reason,
    /// Where it goes.
    pub disposition: Disposition,
}

/// The part of an amount that falls to the units from `before` to `before + milli` of `whole`.
pub(crate) fn part(amount: Minor, whole: i64, before: i64, milli: i64) -> Minor {
    let up_to = |units: i64| {
        let exact = i128::from(amount.get().unsigned_abs()) * i128::from(units);
        let sum = exact.div_euclid(i128::from(whole.max(1))) + i128::from(exact % i128::from(whole.max(1)) > 0);
        i64::try_from(sum).unwrap_or(i64::MAX) * amount.get().signum()
    };
    Minor::new(up_to(before.saturating_add(milli)) - up_to(before)).unwrap_or(Minor::ZERO)
}

/// The rounding of taxes by document, divided among the lines with added taxes: a minor unit each, the largest first.
pub(super) fn roundings(sale: &Sale) -> Vec<(u32, Minor)> {
    let of_lines: Minor = sale.lines.iter().map(Line::added_tax).sum();
    let rest = (sale.totals.added_tax - of_lines).get();
    let mut lines: Vec<&Line> = sale.lines.iter().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.added_tax().get().abs()), line.number));
    let unit = Minor::new(rest.signum()).unwrap_or(Minor::ZERO);
    let count = usize::try_from(rest.unsigned_abs()).unwrap_or(usize::MAX);
    lines.into_iter().take(count).map(|line| (line.number, unit)).collect()
}

/// The line of a sale that goods may come back of.
///
/// # Errors
/// The sale is void, or has no such line of goods.
pub fn returnable(sale: &Sale, number: u32) -> Result<&Line, NotReturnable> {
    if sale.voids.is_some() {
        return Err(NotReturnable::Void { sale: sale.id });
    }
    let unknown = NotReturnable::NoSuchLine { sale: sale.id, line: number };
    let line = sale.lines.iter().find(|line| line.number == number && !line.voided).ok_or(unknown)?;
    // A gift card is money, not goods. What HQ tells of another store's sale has no loads, only their lines.
    let title = CardKind::GiftCard.title();
    let is_load = sale.loads.iter().any(|load| load.line == number)
        || line.sku().is_none() && matches!(&line.basis, Regular::Keyed { reason } if reason == title);
    if !line.sells() || is_load {
        return Err(NotReturnable::Return { sale: sale.id, line: number });
    }
    Ok(line)
}

/// The line that takes goods back: the opposite of their share.
///
/// # Errors
/// The sale is void, has no such line, or less of it is left.
pub fn take_back(
    sale: &Sale,
    store: Option<&str>,
    brought: Brought,
    back: Back,
    number: u32,
) -> Result<Line, NotReturnable> {
    let sold = returnable(sale, brought.line)?;
    let (whole, milli) = (sold.quantity.milli(), brought.quantity.milli());
    if milli <= 0 || brought.quantity.unit() != sold.quantity.unit() {
        return Err(NotReturnable::BadQuantity { sale: sale.id, line: brought.line });
    }
    if back.milli.saturating_add(milli) > whole {
        let (sale, line) = (sale.id, brought.line);
        return Err(NotReturnable::TooMuch { sale, line, sold: whole, back: back.milli, asked: milli });
    }
    let rounding = roundings(sale).into_iter().find(|(of, _)| *of == sold.number).map_or(Minor::ZERO, |(_, unit)| unit);
    let origin = SoldIn { store: store.map(str::to_owned), sale: sale.id };
    Ok(share_of(sold, (Some(origin), rounding), brought, back, number))
}

/// The line that takes goods back without a receipt, at the price of a line that sells them now.
pub fn take_back_blind(now: &Line, brought: Brought, number: u32) -> Line {
    share_of(now, (None, Minor::ZERO), Brought { line: 0, ..brought }, Back::default(), number)
}

fn share_of(
    sold: &Line,
    (origin, rounding): (Option<SoldIn>, Minor),
    brought: Brought,
    back: Back,
    number: u32,
) -> Line {
    let (whole, milli) = (sold.quantity.milli(), brought.quantity.milli());
    let share = |amount: Minor| part(amount, whole, back.milli, milli);
    let mut line = sold.clone();
    line.number = number;
    line.quantity = brought.quantity;
    let net = share(sold.net());
    let mut discounts = Minor::ZERO;
    for adjustment in &mut line.adjustments {
        let amount = share(adjustment.amount);
        discounts = discounts + amount;
        (adjustment.basis, adjustment.amount) = (-share(adjustment.basis), -amount);
    }
    for discount in &mut line.discounts {
        let amount = share(discount.amount);
        discounts = discounts + amount;
        discount.amount = -amount;
    }
    line.regular = -(net + discounts);
    for charge in &mut line.charges {
        charge.amount = -share(charge.amount);
    }
    let gross = net - line.charges.iter().map(|charge| charge.amount).sum();
    let only_tax = sold.taxes.len() == 1;
    for tax in &mut line.taxes {
        *tax = opposite(tax, share, only_tax.then_some(gross));
    }
    // Goods that come back were allowed to be sold.
    (line.minimum_age, line.sold_within) = (None, None);
    line.returned = Some(Box::new(Returned {
        sale: origin,
        line: brought.line,
        reason: brought.reason,
        disposition: brought.disposition,
        way: Way::Back,
        tax_rounding: -share(rounding),
    }));
    line
}

/// The opposite of a share of a tax. If it is the only tax of the line and part of the price, its base is what is left
/// of the price, so that both sum to it.
fn opposite(tax: &LineTax, share: impl Fn(Minor) -> Minor, gross: Option<Minor>) -> LineTax {
    let amount = share(tax.amount);
    let base = match gross {
        Some(gross) if tax.included => gross - amount,
        _ => share(tax.base),
    };
    LineTax { base: -base, amount: -amount, ..tax.clone() }
}

/// What is given back for the units of a line besides their share: what was charged again for them when an offer was
/// broken up.
pub fn recharge_back(back: Back, whole: i64, milli: i64) -> Minor {
    let left = back.recharged - back.recharge_back;
    // The units that are still kept.
    let kept = whole - back.milli;
    part(left, kept, 0, milli)
}

/// What a line asks of the customer in all: goods, deposits, fees and added taxes.
pub fn paid(line: &Line) -> Minor {
    line.net() + line.charged() + line.added_tax()
}
