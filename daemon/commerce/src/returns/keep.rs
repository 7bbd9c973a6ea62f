//! The price of what is kept when an offer is broken up.
//!
//! Two policies are in use. By **paid share**, each unit is worth what was paid for it, whatever offer it helped to
//! earn. By **re-price what is kept**, the customer gets back the difference between what was paid and what the kept
//! goods cost on their own, by the price book of the sale: of "three for two" at 10.00, the first returned unit gives
//! nothing. The share is given back as ever, and what the kept lines cost more is charged by lines of their own
//! ([`recharge`]), which name the goods and mirror their taxes. A later return of those goods gives the charge back.

use serde::{Deserialize, Serialize};

use super::{
    Disposition, Reason, Returned, SoldIn, Way,
    share::{self, Back},
};
use crate::{
    line::{Line, Regular},
    money::Minor,
    pricing::{self, Book, Moment},
    quantity::Quantity,
    sale::Sale,
};

/// What a unit of a broken-up offer is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BrokenOffer {
    /// What was paid for it.
    #[default]
    PaidShare,
    /// The difference between what was paid and what the kept goods cost on their own.
    RepriceKept,
}

/// The lines that charge for kept goods that no longer earn their offer; empty if no offer is broken up. `after` has
/// what came back of each line, with the goods that come back now.
pub fn recharge(sale: &Sale, book: &Book, moment: Moment, after: impl Fn(u32) -> Back, mut number: u32) -> Vec<Line> {
    let mut kept_lines = Vec::new();
    for line in sale.lines.iter().filter(|line| line.sells() && !line.voided) {
        let kept = line.quantity.milli() - after(line.number).milli;
        let (Some(sku), Ok(quantity), 1..) = (line.sku(), Quantity::new(kept.max(0), line.quantity.unit()), kept)
        else {
            continue;
        };
        let mut asked = line.to_be_priced(sku.clone());
        asked.quantity = quantity;
        // A keyed amount is of the whole line.
        if matches!(line.basis, Regular::Keyed { .. }) {
            continue;
        }
        asked.keyed.clear();
        kept_lines.push((line, quantity, asked));
    }
    let basket = pricing::Basket {
        customers: sale.buyer.groups.clone(),
        coupons: used_coupons(sale),
        exemption: sale.buyer.exemption.clone(),
        lines: kept_lines.iter().map(|(_, _, asked)| asked.clone()).collect(),
        ..pricing::Basket::new(moment, "store")
    };
    let Ok(priced) = pricing::price(book, &basket) else { return Vec::new() };
    let mut lines = Vec::new();
    for (line, quantity, _) in kept_lines {
        let Some(alone) = priced.lines.iter().find(|priced| priced.number == line.number) else { continue };
        let discounted: Minor = alone.adjustments.iter().map(|adjustment| adjustment.amount).sum();
        let keyed = part_of(line.discounts.iter().map(|discount| discount.amount).sum(), line, quantity);
        let worth = alone.regular - discounted - keyed;
        let back = after(line.number);
        let paid = line.net() - part_before(line, back.milli) + (back.recharged - back.recharge_back);
        let more = worth - paid;
        if !more.is_positive() {
            continue;
        }
        lines.push(charge(sale, line, more, number));
        number += 1;
    }
    lines
}

/// The coupons that took something off the sale still do so for what is kept.
fn used_coupons(sale: &Sale) -> Vec<pricing::basket::Coupon> {
    let used = sale.buyer.coupons.iter().filter(|coupon| coupon.spent || coupon.used);
    used.map(|coupon| pricing::basket::Coupon { class: coupon.class.clone(), code: coupon.code.clone() }).collect()
}

/// The share of the units that came back.
fn part_before(line: &Line, milli: i64) -> Minor {
    scaled(line.net(), milli, line.quantity.milli())
}

fn part_of(amount: Minor, line: &Line, quantity: Quantity) -> Minor {
    amount - scaled(amount, line.quantity.milli() - quantity.milli(), line.quantity.milli())
}

/// `amount * part / whole`, rounded up as a share is.
fn scaled(amount: Minor, part: i64, whole: i64) -> Minor {
    let exact = i128::from(amount.get()) * i128::from(part);
    let whole = i128::from(whole.max(1));
    let up = exact.div_euclid(whole) + i128::from(exact.rem_euclid(whole) > 0);
    Minor::new(i64::try_from(up).unwrap_or(i64::MAX)).unwrap_or(Minor::ZERO)
}

/// A line that charges an amount for kept goods, with taxes in the proportion of the sale.
fn charge(sale: &Sale, sold: &Line, more: Minor, number: u32) -> Line {
    let mut line = sold.clone();
    let net = sold.net();
    let of = |amount: Minor| if net.is_zero() { Minor::ZERO } else { scaled(amount, more.get(), net.get()) };
    line.number = number;
    line.quantity = Quantity::new(0, sold.quantity.unit()).unwrap_or(sold.quantity);
    line.basis = Regular::Keyed { reason: "offer no longer earned".into() };
    line.regular = more;
    (line.adjustments, line.discounts, line.charges) = (Vec::new(), Vec::new(), Vec::new());
    for tax in &mut line.taxes {
        (tax.base, tax.amount) = (of(tax.base), of(tax.amount));
    }
    (line.minimum_age, line.sold_within) = (None, None);
    line.returned = Some(Box::new(Returned {
        sale: Some(SoldIn { store: None, sale: sale.id }),
        line: sold.number,
        reason: Reason::Unwanted,
        disposition: Disposition::Sellable,
        way: Way::Recharge,
        tax_rounding: Minor::ZERO,
    }));
    line
}

/// The line that gives a charge back with the goods.
pub fn give_charge_back(sale: &Sale, line: u32, amount: Minor, number: u32) -> Option<Line> {
    let sold = share::returnable(sale, line).ok()?;
    let mut line = charge(sale, sold, amount, number);
    line.regular = -line.regular;
    for tax in &mut line.taxes {
        (tax.base, tax.amount) = (-tax.base, -tax.amount);
    }
    Some(line)
}
