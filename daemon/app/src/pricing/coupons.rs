//! What is known about a customer, and how often store coupons may be used.
//!
//! # Promises
//!
//! - A code is a coupon if the price book has a class for it. What the coupon is worth is the offer's matter.
//! - A coupon that an offer rewards is spent in the commit that fixes the lines of its basket: with the first tender,
//!   a card payment, or the sale. So of two registers that present the last use, one is refused. It is given back when
//!   the lines may change again, and when the sale is voided. A coupon that no offer rewards is not spent.
//! - The limits hold within the store, also without HQ. Each sale names its coupons with their limits. HQ counts those
//!   of all stores, is asked for them when a coupon is presented, and raises an alarm if two stores without a
//!   connection accept the same last use.
//! - A use is remembered as long as sales are; a coupon's offer has to end before that.
//!
//! A damaged record of uses counts as none: a customer is not turned away for it. The check names it.

use commerce::{
    Basket, Sale,
    basket::{Buyer, StoreCoupon},
};
use contract::ask::{CouponAsked, CouponUses, CouponsAsked, MAX_COUPONS};
use serde::{Deserialize, Serialize};
use store::{Checked, NameName, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::Pricing;
use crate::{
    Refusal, Retention, Tidied,
    refusal::{Class, Kind},
};

/// The price book does not know the coupon.
pub(super) static COUPON_UNKNOWN: Kind =
    Kind::new("coupon-unknown", Class::Rule, "Unknown coupon", "No class of coupons of the price book has this code.");
/// The coupon may not be used again.
pub(super) static COUPON_USED_UP: Kind = Kind::new(
    "coupon-used-up",
    Class::Rule,
    "Coupon used up",
    "The coupon was used as often as it may be, or the customer has used as many of its class as they may.",
);
/// The coupon is limited per customer, and the customer is not known.
pub(super) static COUPON_NEEDS_CUSTOMER: Kind = Kind::new(
    "coupon-needs-customer",
    Class::Rule,
    "Customer unknown",
    "The coupon is limited per customer; open the basket with `customer`.",
);

/// The uses of a code, with an empty second name; and those of a class by a customer.
static USES: Table<NameName, Uses> = Table::new("coupon_use");

/// What HQ last told of the uses elsewhere, under the same keys.
static ELSEWHERE: Table<NameName, Uses> = Table::new("coupon_elsewhere");

/// How often a coupon was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Uses {
    count: u32,
    last_at_ms: i64,
}

/// What a register knows about the customer of a basket. It replaces what it sent before.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyerRequest {
    /// The groups of customers that they belong to, for member prices and personal offers.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub groups: Vec<String>,
    /// The number of their certificate of tax exemption.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub exemption: Option<String>,
    /// The age that was checked at the register, in years. Goods with a minimum age can't be paid without it.
    #[serde(default)]
    pub checked_age: Option<u8>,
    /// The codes of the store coupons that they present.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub coupons: Vec<String>,
}

impl BuyerRequest {
    /// Finds the classes of the coupons.
    ///
    /// # Errors
    /// A code is unknown, or its class is limited per customer and the customer is not known.
    pub(crate) fn buyer(self, pricing: Option<&Pricing>, customer: Option<&str>) -> Result<Buyer, Refusal> {
        let coupon = |code: String| {
            let class = pricing.and_then(|pricing| pricing.book.coupon(&code));
            let class = class.ok_or_else(|| {
                let code = code.escape_debug();
                COUPON_UNKNOWN
                    .because(format!("unknown coupon `{code}`: the price book has no class of coupons for it"))
            })?;
            if class.per_customer.is_some() && customer.is_none() {
                let detail = format!("coupon `{code}` is limited per customer: open the basket with `customer`");
                return Err(COUPON_NEEDS_CUSTOMER.because(detail));
            }
            let (uses, per_customer) = (class.uses, class.per_customer);
            Ok(StoreCoupon { class: class.class.clone(), code, uses, per_customer, used: false, spent: false })
        };
        let coupons = self.coupons.into_iter().map(coupon).collect::<Result<_, _>>()?;
        Ok(Buyer { groups: self.groups, exemption: self.exemption, checked_age: self.checked_age, coupons })
    }
}

/// Fixes the lines of a basket that is to be paid: checks the restrictions of its goods, and spends its coupons.
///
/// # Errors
/// The goods may not be sold now or to this customer, or a coupon is used up.
pub(crate) fn fix(transaction: &mut Transaction<'_>, basket: &mut Basket, at_ms: i64) -> Result<(), Refusal> {
    basket.may_be_paid(at_ms)?;
    let customer = basket.customer.clone();
    for coupon in basket.buyer.coupons.iter_mut().filter(|coupon| coupon.used && !coupon.spent) {
        for (key, limit, whose) in limits(coupon, customer.as_deref()) {
            let uses = uses(transaction, &USES, key)?;
            let count = uses.count.saturating_add(self::uses(transaction, &ELSEWHERE, key)?.count);
            if count >= limit {
                let (code, class) = (coupon.code.escape_debug(), &coupon.class);
                let detail =
                    format!("coupon `{code}` of class {class} is used up{whose}: {count} of {limit} uses; take it out");
                return Err(COUPON_USED_UP.because(detail));
            }
            transaction.put(&USES, key, &Uses { count: uses.count + 1, last_at_ms: at_ms })?;
        }
        coupon.spent = true;
    }
    Ok(())
}

/// Gives the coupons of a basket back, whose lines may change again.
///
/// # Errors
/// The store fails.
pub(crate) fn release(transaction: &mut Transaction<'_>, basket: &mut Basket) -> Result<(), StoreError> {
    give_back(transaction, &basket.buyer, basket.customer.as_deref())?;
    for coupon in &mut basket.buyer.coupons {
        coupon.spent = false;
    }
    Ok(())
}

/// Gives the coupons of a sale back, which is voided.
///
/// # Errors
/// The store fails.
pub(crate) fn unspend(transaction: &mut Transaction<'_>, sale: &Sale) -> Result<(), StoreError> {
    give_back(transaction, &sale.buyer, sale.customer.as_deref())
}

fn give_back(transaction: &mut Transaction<'_>, buyer: &Buyer, customer: Option<&str>) -> Result<(), StoreError> {
    for coupon in buyer.coupons.iter().filter(|coupon| coupon.spent) {
        for (key, _, _) in limits(coupon, customer) {
            let uses = uses(transaction, &USES, key)?;
            transaction.put(&USES, key, &Uses { count: uses.count.saturating_sub(1), ..uses })?;
        }
    }
    Ok(())
}

/// The question to HQ about coupons; none if they have no limits.
pub fn question(coupons: &[StoreCoupon], customer: Option<&str>) -> Option<CouponsAsked> {
    let limited = coupons.iter().filter(|coupon| limits(coupon, customer).next().is_some());
    let asked = |coupon: &StoreCoupon| CouponAsked { class: coupon.class.clone(), code: coupon.code.clone() };
    let coupons: Vec<_> = limited.take(MAX_COUPONS).map(asked).collect();
    (!coupons.is_empty()).then(|| CouponsAsked { coupons, customer: customer.map(str::to_owned) })
}

/// Stores what HQ answered, for the payments that follow.
///
/// # Errors
/// The store fails.
pub fn note_elsewhere(
    transaction: &mut Transaction<'_>,
    asked: &CouponsAsked,
    answered: &[CouponUses],
    at_ms: i64,
) -> Result<(), StoreError> {
    for (CouponAsked { class, code }, uses) in asked.coupons.iter().zip(answered) {
        let of_code = (code.as_str(), "");
        transaction.put(&ELSEWHERE, of_code, &Uses { count: uses.of_code, last_at_ms: at_ms })?;
        if let Some(customer) = &asked.customer {
            let of_customer = (class.as_str(), customer.as_str());
            transaction.put(&ELSEWHERE, of_customer, &Uses { count: uses.of_customer, last_at_ms: at_ms })?;
        }
    }
    Ok(())
}

/// The keys under which a coupon's uses are counted, with their limits.
fn limits<'a>(
    coupon: &'a StoreCoupon,
    customer: Option<&'a str>,
) -> impl Iterator<Item = ((&'a str, &'a str), u32, &'static str)> {
    let of_code = coupon.uses.map(|limit| ((coupon.code.as_str(), ""), limit, ""));
    let of_customer = coupon.per_customer.zip(customer);
    let of_customer =
        of_customer.map(|(limit, customer)| ((coupon.class.as_str(), customer), limit, " by the customer"));
    of_code.into_iter().chain(of_customer)
}

fn uses(
    transaction: &Transaction<'_>,
    table: &'static Table<NameName, Uses>,
    key: (&str, &str),
) -> Result<Uses, StoreError> {
    match transaction.get(table, key) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "the uses of a coupon are damaged; they count as none");
            Ok(Uses::default())
        }
        found => Ok(found?.unwrap_or_default()),
    }
}

/// Forgets uses after the retention period of sales. Blocks.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    let forget = |table| store.forget(table, move |uses: &Uses| uses.last_at_ms < keep_from_ms);
    Ok(vec![("coupon uses", forget(&USES)?), ("coupon uses elsewhere", forget(&ELSEWHERE)?)])
}

/// Checks that the records can be read.
pub(super) fn check(store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
    for table in [&USES, &ELSEWHERE] {
        store.each(table, |uses| {
            checked.records += 1;
            if let Err(error) = uses {
                checked.fault(error.to_string());
            }
        })?;
    }
    Ok(())
}
