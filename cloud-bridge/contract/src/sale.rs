//! The body of `sale.completed`.
//!
//! HQ checks the sums itself ([`SaleCompleted::verify`]): a hub with a fault must not get wrong money into the ledger
//! unseen.

use commerce::{CardReference, Currency, Minor, Unit, stock::Kind as MovementKind};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, EventKind, Kind},
    name::Stream,
    stock::{self, Moved},
};

/// A sale was completed.
pub static COMPLETED: EventKind<SaleCompleted> = Kind::new("sale.completed", Stream::sales());

/// The longest name of an operator, in bytes.
pub const MAX_OPERATOR: usize = 64;

/// A completed sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleCompleted {
    /// Unique in the hub for all time.
    pub sale: String,
    /// The register's own reference: an order number, a basket id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Which register.
    pub register: String,
    /// Who was at the register, if somebody was signed in; 1 to [`MAX_OPERATOR`] bytes of printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Its receipt's number, from 1 without gaps per register and fiscal year.
    pub receipt: u64,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The day it counts to, `2026-11-24`.
    pub business_day: String,
    /// When: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Of all its amounts.
    pub currency: Currency,
    /// What was sold.
    pub lines: Vec<Line>,
    /// How it was paid.
    pub tenders: Vec<Tender>,
    /// The sums.
    pub totals: Totals,
    /// The number of the movement that took it from the stock, in the hub's ledger; none if it took nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<u64>,
    /// What left the store's stock with it. Nothing for items that are not on file or not tracked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
}

/// A line sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleLine))]
pub struct Line {
    /// Its number on the basket.
    pub number: u32,
    /// The item's number; none if it was not on file and had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    /// False if it was sold though it was not in the catalog.
    pub on_file: bool,
    /// As printed.
    pub description: String,
    /// Thousandths of the unit.
    pub quantity_milli: i64,
    /// The unit.
    pub unit: Unit,
    /// At its shelf price, for the whole quantity.
    pub regular: Minor,
    /// Why the amount was keyed rather than taken from the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyed_because: Option<String>,
    /// What the store took off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// `regular` less `discounts`.
    pub net: Minor,
}

/// Money taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleDiscount))]
pub struct Discount {
    /// Why.
    pub reason: String,
    /// By whom: `loyalty`, `store_coupon`, `promotion`, `manager`.
    pub origin: String,
    /// How much.
    pub amount: Minor,
}

/// A part of the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleTender))]
pub struct Tender {
    /// `cash`, `card`, `manufacturer_coupon`.
    pub kind: String,
    /// What was handed over or authorised.
    pub amount: Minor,
    /// For cards: the terminal's numbers, and at most six and four digits of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
}

/// What a card payment leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleCard))]
pub struct Card {
    /// The hub's payment.
    pub payment: String,
    /// Truncated card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pan: Option<String>,
    /// Scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The numbers by which the terminal knows it; the names are its protocol's.
    #[serde(default, skip_serializing_if = "CardReference::is_empty")]
    pub reference: CardReference,
}

/// The sums of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SaleTotals))]
pub struct Totals {
    /// All lines at their shelf price.
    pub regular: Minor,
    /// What the store took off.
    pub discount: Minor,
    /// What was owed.
    pub net: Minor,
    /// What makers pay back.
    pub manufacturer_coupon: Minor,
    /// What was handed over.
    pub tendered: Minor,
    /// What went back in cash.
    pub change: Minor,
}

/// A sale whose parts do not sum to the whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sale {sale}: {what} is {said}, but its parts sum to {summed}")]
pub struct Inconsistent {
    /// Which sale.
    pub sale: String,
    /// Which sum.
    pub what: String,
    /// What the sale says.
    pub said: i64,
    /// What its parts sum to.
    pub summed: i64,
}

impl SaleCompleted {
    /// Checks that every part sums to its whole.
    ///
    /// # Errors
    /// The first sum that does not hold.
    pub fn verify(&self) -> Result<(), Inconsistent> {
        let check = |what: &str, said: Minor, summed: i128| {
            if i128::from(said.get()) == summed {
                return Ok(());
            }
            let summed = i64::try_from(summed).unwrap_or(i64::MAX);
            Err(Inconsistent { sale: self.sale.clone(), what: what.to_owned(), said: said.get(), summed })
        };
        // In 128 bits: these numbers come from outside, and no count of lines can overflow them.
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
        check("the change", totals.change, tendered - net)
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
    fn a_sale_whose_parts_sum_up_passes() {
        assert_eq!(sale().verify(), Ok(()));
    }

    #[test]
    fn an_operator_has_a_printable_name_or_is_not_known() {
        let by = |operator: Option<&str>| SaleCompleted { operator: operator.map(str::to_owned), ..sale() };
        for operator in [None, Some("ada"), Some(&*"x".repeat(MAX_OPERATOR))] {
            assert_eq!(by(operator).check(), Ok(()));
        }
        for operator in ["", "a\nb", &"x".repeat(MAX_OPERATOR + 1)] {
            assert_eq!(by(Some(operator)).check(), Err(BadBody::Operator), "{operator:?}");
        }
    }

    #[test]
    fn a_sale_can_move_only_what_a_sale_moves() {
        let line = serde_json::json!({ "sku": "818981", "quantity_milli": 1000, "unit": "each", "to": "on_hand" });
        let moved = vec![serde_json::from_value(line).unwrap()];
        assert!(matches!(SaleCompleted { moved, ..sale() }.check(), Err(BadBody::Moved(_))));
    }

    #[test]
    fn every_sum_is_checked() {
        type Fault = (&'static str, fn(&mut SaleCompleted));
        let broken: [Fault; 7] = [
            ("the net of line 1", |sale| sale.lines[0].net = Minor::literal(701)),
            ("the regular total", |sale| sale.totals.regular = Minor::literal(1)),
            ("the discount total", |sale| sale.totals.discount = Minor::literal(1)),
            ("the net total", |sale| sale.totals.net = Minor::literal(1)),
            ("the coupon total", |sale| sale.totals.manufacturer_coupon = Minor::literal(1)),
            ("the tendered total", |sale| sale.totals.tendered = Minor::literal(1)),
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
