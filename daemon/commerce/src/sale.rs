//! The sale: what a paid basket becomes. It never changes; a void or a return is another transaction.

use serde::{Deserialize, Serialize};

use crate::{
    basket::{Basket, Buyer, CardLoad},
    ids::{BasketId, BusinessDay, OperatorId, RegisterName, SaleId, ShiftId},
    line::Line,
    loyalty::Earned,
    money::{Currency, Minor},
    pricing::cash::{CashRounding, Direction},
    receipt::{ReceiptNumber, ReceiptPrefix},
    returns::ReturnTicket,
    tender::Tender,
};

/// The data that the hub assigns to a sale in its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The epoch of the store, and the sequence number in the stream of sales.
    pub id: SaleId,
    /// The register's next receipt number in its fiscal year and prefix.
    pub receipt: ReceiptNumber,
    /// The prefix of the receipt number, if it has one.
    pub receipt_prefix: Option<ReceiptPrefix>,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The time of the sale: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The business day, such as `2026-11-24`.
    pub business_day: BusinessDay,
    /// The shift whose till takes the cash.
    pub shift: ShiftId,
}

/// A completed sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sale {
    /// The epoch of the store, and the sequence number in the stream of sales.
    pub id: SaleId,
    /// The basket that was sold.
    pub basket: BasketId,
    /// The sale that this one voids: its amounts are the opposite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voids: Option<SaleId>,
    /// The register's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The register that sold it.
    pub register: RegisterName,
    /// The operator, if one had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// Counted from 1 without gaps in a register's fiscal year and prefix.
    pub receipt: ReceiptNumber,
    /// The prefix of the receipt number, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_prefix: Option<ReceiptPrefix>,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The business day.
    pub business_day: BusinessDay,
    /// The shift whose till took the cash; absent in sales of versions without shifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftId>,
    /// The time of the sale: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What else was known about the customer.
    #[serde(default, skip_serializing_if = "Buyer::is_unknown")]
    pub buyer: Buyer,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The version of the price book that priced it; absent if the prices are the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_book: Option<String>,
    /// The returns in it, each with its decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<ReturnTicket>,
    /// The lines sold, without voided ones.
    pub lines: Vec<Line>,
    /// The gift cards that lines load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<CardLoad>,
    /// The loyalty points that it earned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Earned>,
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
    /// The amount owed for the goods: `regular - discount`.
    pub net: Minor,
    /// Deposits and fees.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub charges: Minor,
    /// Taxes that come on top of the prices.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub added_tax: Minor,
    /// What rounding to the smallest coin adds, or takes off if it is negative, because the rest was paid in cash.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub cash_rounding: Minor,
    /// The part of `tendered` that manufacturers reimburse.
    pub manufacturer_coupon: Minor,
    /// The amount paid so far.
    pub tendered: Minor,
    /// The change due in cash: `tendered` less the amount owed, or zero.
    pub change: Minor,
}

impl Totals {
    /// Computes the totals of lines and tenders, without voided lines; see [`Basket::tax_rounding`].
    ///
    /// Only the rest that is paid in cash is rounded, once the cash covers it: cards and coupons pay exact amounts.
    pub fn of<'a>(
        lines: &[Line],
        tax_rounding: Minor,
        rule: Option<CashRounding>,
        tenders: impl IntoIterator<Item = &'a Tender>,
    ) -> Self {
        let live = || lines.iter().filter(|line| !line.voided);
        let regular = live().map(|line| line.regular).sum();
        let discount = live().map(Line::discounted).sum();
        let net = regular - discount;
        let charges = live().map(Line::charged).sum();
        let added_tax = live().map(Line::added_tax).sum::<Minor>() + tax_rounding;
        let owed = net + charges + added_tax;
        let (mut tendered, mut cash, mut manufacturer_coupon) = (Minor::ZERO, Minor::ZERO, Minor::ZERO);
        for tender in tenders {
            tendered = tendered + tender.amount();
            match tender {
                Tender::ManufacturerCoupon { .. } => manufacturer_coupon = manufacturer_coupon + tender.amount(),
                Tender::Cash { .. } => cash = cash + tender.amount(),
                _ => {}
            }
        }
        let rest: Minor = owed - (tendered - cash);
        let direction = if rest.is_negative() { Direction::Change } else { Direction::Due };
        let in_coins = |rule: CashRounding| Minor::new(rule.round(rest.get(), direction)).unwrap_or(rest);
        let rounded = rule.map_or(rest, in_coins);
        let is_paid = if rest.is_negative() { cash == rounded } else { cash.is_positive() && cash >= rounded };
        let cash_rounding = if is_paid && !cash.is_zero() { rounded - rest } else { Minor::ZERO };
        let change = (tendered - owed - cash_rounding).max(Minor::ZERO);
        Self { regular, discount, net, charges, added_tax, cash_rounding, manufacturer_coupon, tendered, change }
    }

    /// The amount owed: goods, deposits, fees, added taxes and the rounding of cash.
    pub fn owed(&self) -> Minor {
        self.net + self.charges + self.added_tax + self.cash_rounding
    }
}

impl Sale {
    /// The receipt number as printed: `000027`, or `TP7L6O-000027` with a prefix.
    pub fn receipt_text(&self) -> String {
        match self.receipt_prefix {
            Some(prefix) => format!("{prefix}-{}", self.receipt),
            None => self.receipt.to_string(),
        }
    }

    /// Only [`Basket::complete`] makes sales, after its checks.
    pub(crate) fn of(basket: &Basket, stamp: Stamp) -> Self {
        Self {
            id: stamp.id,
            basket: basket.id,
            voids: None,
            reference: basket.reference.clone(),
            register: basket.register.clone(),
            operator: basket.operator.clone(),
            receipt: stamp.receipt,
            receipt_prefix: stamp.receipt_prefix,
            fiscal_year: stamp.fiscal_year,
            business_day: stamp.business_day,
            shift: Some(stamp.shift),
            sold_at_ms: stamp.sold_at_ms,
            customer: basket.customer.clone(),
            buyer: basket.buyer.clone(),
            currency: basket.currency,
            price_book: basket.price_book.clone(),
            returns: basket.returns.clone(),
            lines: basket.lines.iter().filter(|line| !line.voided).cloned().collect(),
            loads: basket.live_loads().cloned().collect(),
            points: None,
            tenders: basket.live_tenders().cloned().collect(),
            totals: basket.totals(),
            movement: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        line::{NewLine, What},
        particulars::Particulars,
        pricing::{basket::LinkedCharge, tax::LineTax},
        quantity::Quantity,
    };

    fn line(amount: i64) -> Line {
        let what = What::NotOnFile { sku: None, gtin: None, description: "Soap".into() };
        let keyed = Some((Minor::literal(amount), "marked".to_owned()));
        let (quantity, particulars) = (Quantity::pieces(1).unwrap(), Particulars::default());
        Line::price(1, NewLine { what, quantity, keyed, discounts: vec![], particulars }).unwrap()
    }

    #[test]
    fn deposits_and_taxes_on_top_are_owed_besides_the_goods() {
        let mut line = line(1_000);
        line.charges.push(LinkedCharge { name: "Deposit".into(), amount: Minor::literal(25) });
        let tax = |amount, included| LineTax {
            tax: "vat".into(),
            rate_ppm: None,
            base: Minor::literal(1_000),
            amount: Minor::literal(amount),
            included,
        };
        line.taxes = vec![tax(70, false), tax(300, true)];
        let totals = Totals::of(&[line], Minor::literal(2), None, &[Tender::Cash { amount: Minor::literal(1_100) }]);
        assert_eq!(
            (totals.net, totals.charges, totals.added_tax),
            (Minor::literal(1_000), Minor::literal(25), Minor::literal(72))
        );
        assert_eq!((totals.owed(), totals.change), (Minor::literal(1_097), Minor::literal(3)));
    }

    /// In Switzerland, 15.72 that are given back are 15.70 in cash.
    #[test]
    fn a_refund_in_cash_is_rounded_once_it_is_given() {
        let mut back = line(1_572);
        back.regular = -back.regular;
        let rule = CashRounding::of(Currency::from_code("CHF").unwrap());
        let given = |amount: i64| {
            let tender = Tender::Cash { amount: Minor::literal(amount) };
            let totals = Totals::of(std::slice::from_ref(&back), Minor::ZERO, rule, &[tender]);
            (totals.cash_rounding.get(), totals.owed().get())
        };
        assert_eq!([given(-1_570), given(-1_572), given(-1_000)], [(2, -1_570), (0, -1_572), (0, -1_572)]);
    }

    #[test]
    fn a_receipt_number_has_its_prefix() {
        let currency = Currency::from_code("EUR").unwrap();
        let mut basket = Basket::open(BasketId(1), "till-1".parse().unwrap(), None, currency, 1, None, None).unwrap();
        let what = What::NotOnFile { sku: None, gtin: None, description: "Soap".into() };
        let (quantity, particulars) = (Quantity::pieces(1).unwrap(), Particulars::default());
        let keyed = Some((Minor::literal(100), "marked".to_owned()));
        basket.add_line(NewLine { what, quantity, keyed, discounts: vec![], particulars }).unwrap();
        basket.tender(Tender::Cash { amount: Minor::literal(100) }).unwrap();
        let mut sale = basket
            .complete(Stamp {
                id: SaleId { epoch: 1, sequence: 1 },
                receipt: ReceiptNumber(27),
                receipt_prefix: None,
                fiscal_year: 2026,
                sold_at_ms: 1,
                business_day: "2026-11-28".parse().unwrap(),
                shift: ShiftId { epoch: 1, number: 1 },
            })
            .unwrap();
        assert_eq!(sale.receipt_text(), "000027");
        sale.receipt_prefix = Some(ReceiptPrefix::of_epoch(1_795_863_552_123));
        assert_eq!(sale.receipt_text(), "TP7L6O-000027");
    }
}
