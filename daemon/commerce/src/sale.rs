//! The sale: what a basket becomes once it is paid. Never changed again; a return is another transaction.

use serde::{Deserialize, Serialize};

use crate::{
    basket::Basket,
    ids::{BasketId, BusinessDay, OperatorId, RegisterName, SaleId},
    line::Line,
    money::{Currency, Minor},
    tender::Tender,
};

/// A receipt's number: counts from 1 without gaps for each register and fiscal year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = u64))]
pub struct ReceiptNumber(pub u64);

impl std::fmt::Display for ReceiptNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// What the hub gives a sale at the moment of its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its epoch, and its place in the stream of sales.
    pub id: SaleId,
    /// The register's next in its fiscal year.
    pub receipt: ReceiptNumber,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// When: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The day it counts to, `2026-11-24`.
    pub business_day: BusinessDay,
}

/// A completed sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sale {
    /// Its epoch, and its place in the stream of sales.
    pub id: SaleId,
    /// The basket that it was sold from.
    pub basket: BasketId,
    /// The register's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The register that sold it.
    pub register: RegisterName,
    /// Who sold it, if somebody had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// From 1 without gaps per register and fiscal year.
    pub receipt: ReceiptNumber,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The day it counts to.
    pub business_day: BusinessDay,
    /// When: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Of all its amounts.
    pub currency: Currency,
    /// What was sold; voided lines are left out.
    pub lines: Vec<Line>,
    /// How it was paid.
    pub tenders: Vec<Tender>,
    /// The sums.
    pub totals: Totals,
    /// Its movement in the stock ledger; none if nothing of it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
}

/// The sums of a basket or sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Totals {
    /// All lines at their shelf price.
    pub regular: Minor,
    /// What the store took off.
    pub discount: Minor,
    /// What is owed: `regular - discount`.
    pub net: Minor,
    /// The part of `tendered` that makers pay back.
    pub manufacturer_coupon: Minor,
    /// What was handed over so far.
    pub tendered: Minor,
    /// What goes back to the customer in cash: `tendered - net`, if that is positive.
    pub change: Minor,
}

impl Totals {
    /// Computes the totals of lines and tenders; voided lines do not count.
    pub fn of<'a>(lines: &[Line], tenders: impl IntoIterator<Item = &'a Tender>) -> Self {
        let live = || lines.iter().filter(|line| !line.voided);
        let regular = live().map(|line| line.regular).sum();
        let discount = live().map(Line::discounted).sum();
        let net = regular - discount;
        let (mut tendered, mut manufacturer_coupon) = (Minor::ZERO, Minor::ZERO);
        for tender in tenders {
            tendered = tendered + tender.amount();
            if matches!(tender, Tender::ManufacturerCoupon { .. }) {
                manufacturer_coupon = manufacturer_coupon + tender.amount();
            }
        }
        Self { regular, discount, net, manufacturer_coupon, tendered, change: (tendered - net).max(Minor::ZERO) }
    }
}

impl Sale {
    /// Only [`Basket::complete`] makes sales, after its checks.
    pub(crate) fn of(basket: &Basket, stamp: Stamp) -> Self {
        Self {
            id: stamp.id,
            basket: basket.id,
            reference: basket.reference.clone(),
            register: basket.register.clone(),
            operator: basket.operator.clone(),
            receipt: stamp.receipt,
            fiscal_year: stamp.fiscal_year,
            business_day: stamp.business_day,
            sold_at_ms: stamp.sold_at_ms,
            customer: basket.customer.clone(),
            currency: basket.currency,
            lines: basket.lines.iter().filter(|line| !line.voided).cloned().collect(),
            tenders: basket.live_tenders().cloned().collect(),
            totals: basket.totals(),
            movement: None,
        }
    }
}
