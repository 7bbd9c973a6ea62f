//! The body of `sale.completed`.
//!
//! HQ checks the sums itself ([`SaleCompleted::verify`]), so that a faulty hub cannot bring wrong amounts into the
//! ledger unnoticed.

use commerce::{
    CardReference, Currency, Minor, ReceiptPrefix, ShiftId, Unit,
    loyalty::{Earned, PointsBack},
    pricing::{basket::LinkedCharge, tax::LineTax},
    returns::{Decision, Limits, Returned, SoldIn, Validated},
    serial::Warranty,
    stock::Kind as MovementKind,
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, EventKind, Kind},
    name::Stream,
    stock::{self, Moved},
};

/// A completed sale.
pub static COMPLETED: EventKind<SaleCompleted> = Kind::new("sale.completed", Stream::sales());

/// The maximum length of an operator's name, in bytes.
pub const MAX_OPERATOR: usize = 64;

/// The most that rounding cash adds or takes off, in minor units: half of a coin of 5 forint.
const MOST_CASH_ROUNDING: i128 = 250;

/// A completed sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleCompleted {
    /// The sale's id, unique in the hub for all time.
    pub sale: String,
    /// The sale that this one voids: all amounts and quantities are the opposite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voids: Option<String>,
    /// The returns in it, each with its decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Return>,
    /// The register's own reference, such as an order number or a basket id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The register.
    pub register: String,
    /// The operator at the register, if signed in; 1 to 64 bytes of printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The receipt number, from 1 without gaps per register and fiscal year.
    pub receipt: u64,
    /// The prefix of the receipt number, in a store that could not learn where its numbers had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_prefix: Option<ReceiptPrefix>,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The business day, such as `2026-11-24`.
    pub business_day: String,
    /// The shift whose till took the cash; absent in sales of versions without shifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftId>,
    /// When it was completed: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The groups that the customer belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customer_groups: Vec<String>,
    /// The number of the customer's certificate of tax exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    /// The store coupons that offers rewarded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<Coupon>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The version of the price book that priced it; none if the prices are the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_book: Option<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// The payments.
    pub tenders: Vec<Tender>,
    /// The loyalty points that it earned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Earned>,
    /// The sums.
    pub totals: Totals,
    /// The number of its movement in the hub's stock ledger; absent if it moved nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
    /// The stock that it moved. Items that are not on file or not tracked move nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
}

/// A line of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleLine))]
pub struct Line {
    /// The line's number in the basket.
    pub number: u32,
    /// The item; absent if it was not on file and had no SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The item's GTIN; of an item that is not on file, the scanned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// Whether the item was in the catalog.
    pub on_file: bool,
    /// The description, as printed.
    pub description: String,
    /// The quantity in thousandths of the unit.
    pub quantity_milli: i64,
    /// The unit.
    pub unit: Unit,
    /// The amount at the shelf price, for the whole quantity.
    pub regular: Minor,
    /// Why the amount was keyed instead of taken from the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyed_because: Option<String>,
    /// The discounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// `regular` less `discounts`.
    pub net: Minor,
    /// The entry of the price book; none if the price is the catalog's or keyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_entry: Option<String>,
    /// Deposits and fees that came with the goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<LinkedCharge>,
    /// The taxes on the line, deposits and fees included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<LineTax>,
    /// What it takes back: its amounts and its quantity are negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Box<Returned>>,
    /// The serial number of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The warranty of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty: Option<Warranty>,
}

/// A return in a sale: the goods of one receipt, or goods without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleReturn))]
pub struct Return {
    /// The sale of the goods; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SoldIn>,
    /// The numbers of its lines.
    pub lines: Vec<u32>,
    /// How the receipt was verified.
    pub validated: Validated,
    /// Hashes by which the customer is recognised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<String>,
    /// The hash of the card that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether the receipt's number was keyed instead of scanned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
    /// What is given back for its lines.
    pub refund: Minor,
    /// The decision.
    pub decision: Decision,
    /// Who agreed, where the decision needs an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// The amounts of the policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// The loyalty points of the sale of the goods that are taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsBack>,
}

/// A store coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleCoupon))]
pub struct Coupon {
    /// The class, which offers of the price book name.
    pub class: String,
    /// Its code.
    pub code: String,
    /// How often the code may be used, in all stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How often a customer may use coupons of the class, in all stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_customer: Option<u32>,
}

/// A discount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleDiscount))]
pub struct Discount {
    /// The reason.
    pub reason: String,
    /// The origin: `loyalty`, `store_coupon`, `promotion` or `manager`.
    pub origin: String,
    /// The amount.
    pub amount: Minor,
    /// The offer that granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// The version of the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_version: Option<u32>,
}

/// A payment, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleTender))]
pub struct Tender {
    /// The kind: `cash`, `card`, `manufacturer_coupon`, `gift_card`, `store_credit`, `loyalty_points` or `prepaid`.
    pub kind: String,
    /// The amount handed over or authorised.
    pub amount: Minor,
    /// For prepaid orders: the payment's number in the web shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// For cards: the terminal's reference, and at most the first six and last four digits of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
}

/// The record of a card payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleCard))]
pub struct Card {
    /// The hub's id of the payment.
    pub payment: String,
    /// The truncated card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pan: Option<String>,
    /// The card scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The hash of the card's token, by which returns find its sales in all stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The terminal's reference; its names are those of the terminal's protocol.
    #[serde(default, skip_serializing_if = "CardReference::is_empty")]
    pub reference: CardReference,
}

/// The sums of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleTotals))]
pub struct Totals {
    /// The sum of all lines at shelf prices.
    pub regular: Minor,
    /// The sum of all discounts.
    pub discount: Minor,
    /// The amount owed for the goods.
    pub net: Minor,
    /// The sum of deposits and fees.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub charges: Minor,
    /// The sum of the taxes that come on top of the prices. If the price book rounds taxes by document, it can differ
    /// from the sum of the lines by less than a minor unit per line.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub added_tax: Minor,
    /// What rounding to the smallest coin adds, or takes off if it is negative, because the rest was paid in cash.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub cash_rounding: Minor,
    /// The sum of manufacturers' coupons.
    pub manufacturer_coupon: Minor,
    /// The sum handed over.
    pub tendered: Minor,
    /// The change, in cash.
    pub change: Minor,
}

/// A sale whose sums do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sale {sale}: {what} is {said}, but its parts sum to {summed}")]
pub struct Inconsistent {
    /// The sale.
    pub sale: String,
    /// The sum that is wrong.
    pub what: String,
    /// The amount in the sale.
    pub said: i64,
    /// The sum of its parts.
    pub summed: i64,
}

impl SaleCompleted {
    /// Checks all sums.
    ///
    /// # Errors
    /// The first sum that is wrong.
    pub fn verify(&self) -> Result<(), Inconsistent> {
        let check = |what: &str, said: Minor, summed: i128| {
            if i128::from(said.get()) == summed {
                return Ok(());
            }
            let summed = i64::try_from(summed).unwrap_or(i64::MAX);
            Err(Inconsistent { sale: self.sale.clone(), what: what.to_owned(), said: said.get(), summed })
        };
        // In 128 bits: the amounts are untrusted, and no number of lines can overflow this.
        let wide = |amount: Minor| i128::from(amount.get());
        for line in &self.lines {
            let discounts: i128 = line.discounts.iter().map(|discount| wide(discount.amount)).sum();
            check(&format!("the net of line {}", line.number), line.net, wide(line.regular) - discounts)?;
        }
        let totals = &self.totals;
        let regular = self.lines.iter().map(|line| wide(line.regular)).sum();
        let net = self.lines.iter().map(|line| wide(line.net)).sum::<i128>();
        let tendered = self.tenders.iter().map(|tender| wide(tender.amount)).sum();
        let coupons = self.tenders.iter().filter(|tender| tender.kind == "manufacturer_coupon");
        check("the regular total", totals.regular, regular)?;
        check("the discount total", totals.discount, regular - net)?;
        check("the net total", totals.net, net)?;
        check("the coupon total", totals.manufacturer_coupon, coupons.map(|tender| wide(tender.amount)).sum())?;
        check("the tendered total", totals.tendered, tendered)?;
        let charges = self.lines.iter().flat_map(|line| &line.charges).map(|charge| wide(charge.amount)).sum::<i128>();
        check("the charges total", totals.charges, charges)?;
        let added = self.lines.iter().flat_map(|line| &line.taxes).filter(|tax| !tax.included);
        let added = added.map(|tax| wide(tax.amount)).sum::<i128>();
        // Rounded by document, the sum may differ from the lines.
        let lines = i128::try_from(self.lines.len()).unwrap_or(i128::MAX);
        if (wide(totals.added_tax) - added).abs() > lines {
            check("the added tax", totals.added_tax, added)?;
        }
        // Only what is paid in cash is rounded, and by less than the smallest coin.
        let cash = self.tenders.iter().any(|tender| tender.kind == "cash");
        if !cash || wide(totals.cash_rounding).abs() > MOST_CASH_ROUNDING {
            check("the rounding of cash", totals.cash_rounding, 0)?;
        }
        check(
            "the change",
            totals.change,
            tendered - net - charges - wide(totals.added_tax) - wide(totals.cash_rounding),
        )
    }
}

impl Body for SaleCompleted {
    fn check(&self) -> Result<(), BadBody> {
        let is_name =
            |operator: &String| (1..=MAX_OPERATOR).contains(&operator.len()) && !operator.chars().any(char::is_control);
        if !self.operator.as_ref().is_none_or(is_name) {
            return Err(BadBody::Operator);
        }
        self.verify()?;
        Ok(stock::verify(MovementKind::Sale, &self.moved)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale() -> SaleCompleted {
        serde_json::from_value(serde_json::json!({
            "sale": "1-1", "register": "till-1", "receipt": 1, "fiscal_year": 2026,
            "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
            "lines": [{
                "number": 1, "sku": "818981", "on_file": true, "description": "Cereal", "quantity_milli": 2000,
                "unit": "each",
                "regular": 738, "discounts": [{ "reason": "loyalty", "origin": "loyalty", "amount": 38 }], "net": 700
            }],
            "tenders": [{ "kind": "cash", "amount": 900 }, { "kind": "manufacturer_coupon", "amount": 100 }],
            "totals": { "regular": 738, "discount": 38, "net": 700,
                "manufacturer_coupon": 100, "tendered": 1000, "change": 300 }
        }))
        .unwrap()
    }

    #[test]
    fn a_consistent_sale_passes() {
        assert_eq!(sale().verify(), Ok(()));
    }

    #[test]
    fn an_operators_name_is_printable_or_absent() {
        let by = |operator: Option<&str>| SaleCompleted { operator: operator.map(str::to_owned), ..sale() };
        for operator in [None, Some("ada"), Some(&*"x".repeat(MAX_OPERATOR))] {
            assert_eq!(by(operator).check(), Ok(()));
        }
        for operator in ["", "a\nb", &"x".repeat(MAX_OPERATOR + 1)] {
            assert_eq!(by(Some(operator)).check(), Err(BadBody::Operator), "{operator:?}");
        }
    }

    #[test]
    fn a_sale_moves_stock_only_as_a_sale_can() {
        let line = serde_json::json!({ "sku": "818981", "quantity_milli": 1000, "unit": "each", "to": "on_hand" });
        let moved = vec![serde_json::from_value(line).unwrap()];
        assert!(matches!(SaleCompleted { moved, ..sale() }.check(), Err(BadBody::Moved(_))));
    }

    #[test]
    fn every_sum_is_checked() {
        type Fault = (&'static str, fn(&mut SaleCompleted));
        let broken: [Fault; 8] = [
            ("the net of line 1", |sale| sale.lines[0].net = Minor::literal(701)),
            ("the regular total", |sale| sale.totals.regular = Minor::literal(1)),
            ("the discount total", |sale| sale.totals.discount = Minor::literal(1)),
            ("the net total", |sale| sale.totals.net = Minor::literal(1)),
            ("the coupon total", |sale| sale.totals.manufacturer_coupon = Minor::literal(1)),
            ("the tendered total", |sale| sale.totals.tendered = Minor::literal(1)),
            ("the rounding of cash", |sale| sale.totals.cash_rounding = Minor::literal(251)),
            ("the change", |sale| sale.totals.change = Minor::literal(1)),
        ];
        for (what, break_it) in broken {
            let mut sale = sale();
            break_it(&mut sale);
            assert_eq!(sale.verify().unwrap_err().what, what);
        }
    }

    #[test]
    fn a_card_payments_reference_is_bounded() {
        let mut sale = serde_json::to_value(sale()).unwrap();
        sale["tenders"][0] = serde_json::json!({
            "kind": "card", "amount": 900, "card": { "payment": "p1", "reference": { "trace": "17" } }
        });
        let read: SaleCompleted = serde_json::from_value(sale.clone()).unwrap();
        assert_eq!(read.tenders[0].card.as_ref().unwrap().reference.get("trace"), Some("17"));
        assert_eq!(serde_json::to_value(read).unwrap(), sale);
        sale["tenders"][0]["card"]["reference"]["trace"] = "1".repeat(41).into();
        assert!(
            serde_json::from_value::<SaleCompleted>(sale).unwrap_err().to_string().contains("Invalid card reference")
        );
    }
}
