//! The records of a price book as HQ publishes it, one per line of its file.

use serde::{Deserialize, Serialize};

use super::{
    offer::{Control, Offer},
    tax::{Tax, TaxRules},
    time::{Hours, LocalTime, Validity},
};
use crate::{
    item::{Price, Sku},
    money::{Currency, Minor},
};

/// A record of a price book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The book as a whole; exactly one, the first.
    Book(Header),
    /// A set of stores.
    Stores(StoreSet),
    /// What a price, an offer and a tax have to know about an item.
    Item(Box<ItemFacts>),
    /// A price.
    Price(Box<PriceEntry>),
    /// An offer.
    Offer(Box<Offer>),
    /// A tax.
    Tax(Box<Tax>),
    /// A class of store coupons.
    Coupon(CouponClass),
}

/// The book as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version, which a sale names: 1 to 40 printable ASCII characters.
    pub version: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How offers interact.
    #[serde(default)]
    pub control: Control,
    /// How taxes are computed and rounded.
    #[serde(default)]
    pub tax: TaxRules,
}

/// A set of stores, such as a price zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSet {
    /// The name of the set.
    pub name: String,
    /// The stores.
    pub stores: Vec<String>,
}

/// What kind of price it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PriceKind {
    /// The regular price.
    Regular,
    /// For members of the groups of customers that the entry names.
    Member,
    /// For a limited time, such as the weekly circular.
    Promotional,
    /// Until the goods are sold.
    Clearance,
    /// Set by a store; it replaces all others.
    Override,
}

/// A price for several pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Multi {
    /// The number of pieces, at least 2.
    pub count: u32,
    /// The price of all of them, in minor units.
    pub minor: Minor,
}

/// A class of store coupons, which offers name. A coupon belongs to the class with the longest prefix of its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouponClass {
    /// The name of the class.
    pub class: String,
    /// What its codes begin with.
    pub prefix: String,
    /// How often each code may be used: 1 for single use; without a limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How often a customer may use coupons of the class; they must be known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_customer: Option<u32>,
}

/// A price of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    /// The key, which a receipt names.
    pub id: String,
    /// The item.
    pub sku: Sku,
    /// A store or a set of stores; everywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The kind.
    pub kind: PriceKind,
    /// The price of one unit.
    pub price: Price,
    /// The price of several: "3 for 5.00". Pieces that do not make up a multiple are sold at the price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi: Option<Multi>,
    /// The first minute in which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LocalTime>,
    /// The first minute in which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalTime>,
    /// The groups of customers, for a member price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customers: Vec<String>,
    /// The version of the source; of two entries that are otherwise equal the higher one counts.
    #[serde(default)]
    pub source_version: u64,
    /// Who set it, for an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

impl PriceEntry {
    /// When it holds.
    pub fn validity(&self) -> Validity {
        Validity { from: self.from, until: self.until }
    }
}

/// An amount that is charged with an item: a deposit or a fee. It is never discounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Linked {
    /// The name on the receipt.
    pub name: String,
    /// The amount for each piece, in minor units.
    pub minor: Minor,
    /// Its tax class; not taxed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<String>,
}

/// What a price, an offer and a tax have to know about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemFacts {
    /// The item.
    pub sku: Sku,
    /// Its groups, such as its department, its category and its brand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Its tax class; not taxed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<String>,
    /// It must not be discounted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_discount: bool,
    /// No offer brings the price of a unit below this, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest: Option<Minor>,
    /// Deposits and fees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked: Vec<Linked>,
    /// The customer's minimum age, in years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// The hours in which it may be sold, checked when the customer pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_hours: Option<Hours>,
}
