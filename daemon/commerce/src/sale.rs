//! The sale: what a paid basket becomes. It never changes; a return is another transaction.

use serde::{Deserialize, Serialize};

use crate::{
    basket::Basket,
    ids::{BasketId, BusinessDay, OperatorId, RegisterName, SaleId},
    line::Line,
    money::{Currency, Minor},
    tender::Tender,
};

/// A receipt number, counted from 1 without gaps in a register's fiscal year.
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

/// The data that the hub assigns to a sale in its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The epoch of the store, and the sequence number in the stream of sales.
    pub id: SaleId,
    /// The register's next receipt number in its fiscal year.
    pub receipt: ReceiptNumber,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The time of the sale: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The business day, such as `2026-11-24`.
    pub business_day: BusinessDay,
}

/// A completed sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sale {
    /// The epoch of the store, and the sequence number in the stream of sales.
    pub id: SaleId,
    /// The basket that was sold.
    pub basket: BasketId,
    /// The register's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The register that sold it.
    pub register: RegisterName,
    /// The operator, if one had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// Counted from 1 without gaps in a register's fiscal year.
    pub receipt: ReceiptNumber,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The business day.
    pub business_day: BusinessDay,
    /// The time of the sale: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The lines sold, without voided ones.
    pub lines: Vec<Line>,
    /// The payments.
    pub tenders: Vec<Tender>,
    /// The totals.
    pub totals: Totals,
    /// Its movement in the stock ledger; absent if no item of it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
}

/// The totals of a basket or sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Totals {
    /// The sum of the lines at their shelf price.
    pub regular: Minor,
    /// The sum of the discounts.
    pub discount: Minor,
    /// The amount owed: `regular - discount`.
    pub net: Minor,
    /// The part of `tendered` that manufacturers reimburse.
    pub manufacturer_coupon: Minor,
    /// The amount paid so far.
    pub tendered: Minor,
    /// The change due in cash: `tendered - net`, or zero.
    pub change: Minor,
}

impl Totals {
    /// Computes the totals of lines and tenders, without voided lines.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_number_has_six_digits_and_more_when_it_needs_them() {
        let read = [1, 999_999, 1_000_000].map(|number| ReceiptNumber(number).to_string());
        assert_eq!(read, ["000001", "999999", "1000000"]);
    }
}
