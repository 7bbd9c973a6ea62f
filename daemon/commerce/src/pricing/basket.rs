//! What is priced, and the result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    book::Book,
    record::PriceKind,
    tax::{LineTax, TaxTotal},
    time::{Moment, SaleWindow},
};
use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    item::{Price, Sku},
    money::Minor,
    quantity::{Quantity, Unit},
};

/// A basket to be priced: only what people and devices entered, nothing that was derived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basket {
    /// When.
    pub moment: Moment,
    /// Where it is sold: `store`, `web`.
    pub channel: String,
    /// The groups that the customer belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// The coupons that were presented and may be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<Coupon>,
    /// What is left of the budgets of offers, by the offer's id; an offer that is not listed is not limited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub budgets: BTreeMap<String, Budget>,
    /// The number of the customer's certificate of tax exemption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    /// The lines.
    pub lines: Vec<BasketLine>,
}

/// A coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PresentedCoupon))]
pub struct Coupon {
    /// The class, which an offer names.
    pub class: String,
    /// Its own code.
    pub code: String,
}

/// What is left of the budget of an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OfferBudget))]
pub struct Budget {
    /// How often it may still be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// What it may still give, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<Minor>,
}

/// A line to be priced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LineToPrice))]
pub struct BasketLine {
    /// Its number in the basket.
    pub number: u32,
    /// The item.
    pub sku: Sku,
    /// The quantity.
    pub quantity: Quantity,
    /// Groups of the item beside those of the book.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// An amount for the whole line that replaces the price of the book: from the package's code, or keyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// The price if the book has none in the unit of the line: the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Discounts that a person keyed. Offers get what they leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyed: Vec<Keyed>,
}

impl Basket {
    /// An empty basket without a customer.
    pub fn new(moment: Moment, channel: &str) -> Self {
        Self {
            moment,
            channel: channel.to_owned(),
            customers: Vec::new(),
            coupons: Vec::new(),
            budgets: BTreeMap::new(),
            exemption: None,
            lines: Vec::new(),
        }
    }
}

impl Adjustment {
    /// Whether a person keyed it.
    pub fn is_keyed(&self) -> bool {
        self.granted == Granted::Person
    }
}

/// A discount on a line that a person keyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = KeyedDiscount))]
pub struct Keyed {
    /// The reason.
    pub reason: String,
    /// The amount, in minor units.
    pub minor: Minor,
}

/// Why a basket has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The book has no price.
    #[error("line {line}: no price for item {sku} at this time: publish one, or key the amount")]
    NoPrice {
        /// The line.
        line: u32,
        /// The item.
        sku: Sku,
    },
    /// The item is sold by another unit.
    #[error("line {line}: item {sku} is sold by {}, not by {}", sold_by.name(), asked.name())]
    WrongUnit {
        /// The line.
        line: u32,
        /// The item.
        sku: Sku,
        /// The unit of its price.
        sold_by: Unit,
        /// The unit of the line.
        asked: Unit,
    },
    /// The amount is too large or negative.
    #[error("line {line}: the amount is out of range; 0 to {} minor units", MAX_LINE_AMOUNT.get())]
    AmountOutOfRange {
        /// The line.
        line: u32,
    },
    /// Too many lines.
    #[error("{lines} lines; the maximum is {MAX_LINES}")]
    TooManyLines {
        /// How many.
        lines: usize,
    },
}

/// A basket with its prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Priced {
    /// The version of the book.
    pub book: String,
    /// The lines, in the order of the basket.
    pub lines: Vec<PricedLine>,
    /// The sum of the lines at their price before adjustments.
    pub regular: Minor,
    /// The sum of all adjustments.
    pub discount: Minor,
    /// `regular - discount`.
    pub net: Minor,
    /// The sum of deposits and fees.
    pub linked: Minor,
    /// The taxes.
    pub taxes: Vec<TaxTotal>,
    /// What rounding taxes by document adds to the prices and the taxes of the lines.
    pub rounding: Minor,
    /// What the customer pays.
    pub total: Minor,
    /// Whether the offers are proven to be the best deal; otherwise there were too many combinations.
    pub exact: bool,
}

impl Priced {
    /// Whether an offer for a class of coupons took something off.
    pub fn uses_coupon(&self, book: &Book, class: &str) -> bool {
        let mut adjustments = self.lines.iter().flat_map(|line| &line.adjustments);
        adjustments.any(|one| match &one.granted {
            Granted::Offer { offer, .. } => book.coupon_of(offer) == Some(class),
            Granted::MultiPrice | Granted::Person => false,
        })
    }
}

/// A line with its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PricedLine {
    /// Its number in the basket.
    pub number: u32,
    /// The entry of the book; absent if the amount was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The kind of price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PriceKind>,
    /// The price of a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The amount before adjustments.
    pub regular: Minor,
    /// What was taken off, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
    /// `regular` less the adjustments.
    pub net: Minor,
    /// Deposits and fees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<LinkedCharge>,
    /// The taxes, those of deposits and fees included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<LineTax>,
    /// The customer's minimum age, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// When it may be sold, if not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_within: Option<SaleWindow>,
}

/// A deposit or a fee of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LinkedCharge {
    /// The name.
    pub name: String,
    /// The amount for the whole line.
    pub amount: Minor,
}

/// What granted an adjustment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Granted {
    /// The price of several pieces.
    MultiPrice,
    /// An offer.
    Offer {
        /// Its id.
        offer: String,
        /// Its version.
        version: u32,
        /// Who pays for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        funded_by: Option<String>,
    },
    /// A person.
    Person,
}

/// An amount that was taken off a line, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Adjustment {
    /// What granted it.
    #[serde(flatten)]
    pub granted: Granted,
    /// The name on the receipt, or the reason that a person keyed.
    pub name: String,
    /// What it was computed on.
    pub basis: Minor,
    /// The amount.
    pub amount: Minor,
    /// The number of units that got it; weighed goods are one unit.
    pub units: i64,
    /// Units of all lines with the same number got it together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// The lines and their units that qualified, if it is a group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// Units that qualified for an adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// The line.
    pub line: u32,
    /// How many of its units.
    pub units: i64,
}
