//! A line of a basket: goods, their regular amount, and what is taken off it.

use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_TEXT,
    basket::Refusal,
    item::{Gtin, Item, Price, Sku},
    money::{Minor, Rounding},
    quantity::Quantity,
    text::is_readable,
};

/// Who or what granted a discount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Origin {
    /// The store's loyalty programme.
    Loyalty,
    /// A coupon of the store, or the store's match of a maker's coupon.
    StoreCoupon,
    /// A promotion of the price book.
    Promotion,
    /// A person with the right to.
    Manager,
}

impl Origin {
    /// The name used in the API and towards HQ.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loyalty => "loyalty",
            Self::StoreCoupon => "store_coupon",
            Self::Promotion => "promotion",
            Self::Manager => "manager",
        }
    }
}

/// Money taken off a line by the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Discount {
    /// Why, as printed: "loyalty price".
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub reason: String,
    /// By whom.
    pub origin: Origin,
    /// How much, more than zero.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1_000_000_000))]
    pub amount: Minor,
}

/// What a line sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goods", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Goods {
    /// An item of the catalog.
    Item {
        /// Its number.
        sku: Sku,
        /// Its code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gtin: Option<Gtin>,
    },
    /// Something that is not on file: sold at a keyed price so that the queue moves, and followed up later.
    NotOnFile {
        /// The number on the package, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sku: Option<Sku>,
    },
}

/// Where a line's regular amount comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Regular {
    /// The catalog's price, extended by the quantity.
    Catalog {
        /// The price at the time.
        price: Price,
    },
    /// Keyed for the whole line, with a reason: a price on the package, a pump's total, an item not on file.
    Keyed {
        /// Why.
        reason: String,
    },
}

/// A line as it stands in a basket. Its amounts can't disagree: what it comes to is derived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Line {
    /// Counts from 1 in the order of entry; never reused.
    pub number: u32,
    /// What is sold.
    #[serde(flatten)]
    pub goods: Goods,
    /// As printed.
    pub description: String,
    /// How much of it.
    pub quantity: Quantity,
    /// Where `regular` comes from.
    #[serde(flatten)]
    pub basis: Regular,
    /// The line at its shelf price, for the whole quantity, before discounts.
    pub regular: Minor,
    /// What the store takes off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// Taken back by the cashier; counts for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
}

/// A line to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine<'a> {
    /// The item, or the description of something that is not on file.
    pub what: What<'a>,
    /// How much.
    pub quantity: Quantity,
    /// A keyed amount for the whole line, with its reason; needed for what is not on file.
    pub keyed: Option<(Minor, String)>,
    /// Discounts known at entry.
    pub discounts: Vec<Discount>,
}

/// What a [`NewLine`] is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// An item of the catalog.
    Item(&'a Item),
    /// Not on file.
    NotOnFile {
        /// The number on the package.
        sku: Option<Sku>,
        /// What it is, for the receipt.
        description: String,
    },
}

impl Line {
    /// Prices a new line.
    ///
    /// # Errors
    /// The unit is not the item's, the amount is out of range or missing, the discounts exceed it, a text is too long.
    pub fn price(number: u32, new: NewLine<'_>) -> Result<Self, Refusal> {
        let (goods, description, price) = match new.what {
            What::Item(item) => {
                (Goods::Item { sku: item.sku.clone(), gtin: item.gtin }, item.description.clone(), Some(item.price))
            }
            What::NotOnFile { sku, description } => {
                (Goods::NotOnFile { sku }, checked_text("description", description)?, None)
            }
        };
        if let Some(price) = price
            && price.per != new.quantity.unit()
        {
            return Err(Refusal::WrongUnit { sold_by: price.per, asked: new.quantity.unit() });
        }
        let (basis, regular) = match (new.keyed, price) {
            (Some((amount, reason)), _) => (Regular::Keyed { reason: checked_text("reason", reason)? }, amount),
            (None, Some(price)) => {
                let regular =
                    price.extend(new.quantity, Rounding::HalfAwayFromZero).ok_or(Refusal::AmountOutOfRange)?;
                (Regular::Catalog { price }, regular)
            }
            (None, None) => return Err(Refusal::PriceMissing),
        };
        if regular.is_negative() || regular > MAX_LINE_AMOUNT {
            return Err(Refusal::AmountOutOfRange);
        }
        let mut line = Self {
            number,
            goods,
            description,
            quantity: new.quantity,
            basis,
            regular,
            discounts: Vec::new(),
            voided: false,
        };
        for discount in new.discounts {
            line.discount(discount)?;
        }
        Ok(line)
    }

    /// Takes a discount off.
    ///
    /// # Errors
    /// It is not positive, or the line would go below zero.
    pub fn discount(&mut self, discount: Discount) -> Result<(), Refusal> {
        if !discount.amount.is_positive() || discount.amount > MAX_LINE_AMOUNT {
            return Err(Refusal::AmountOutOfRange);
        }
        if discount.amount > self.net() {
            return Err(Refusal::DiscountExceedsLine { line: self.number, net: self.net(), discount: discount.amount });
        }
        if self.discounts.len() >= 16 {
            return Err(Refusal::TooManyDiscounts { line: self.number });
        }
        self.discounts.push(Discount { reason: checked_text("reason", discount.reason)?, ..discount });
        Ok(())
    }

    /// All discounts together.
    pub fn discounted(&self) -> Minor {
        self.discounts.iter().map(|discount| discount.amount).sum()
    }

    /// What the customer owes for it.
    pub fn net(&self) -> Minor {
        self.regular - self.discounted()
    }

    /// The item's number, if known.
    pub fn sku(&self) -> Option<&Sku> {
        match &self.goods {
            Goods::Item { sku, .. } => Some(sku),
            Goods::NotOnFile { sku } => sku.as_ref(),
        }
    }
}

/// A text a person typed: readable, and not too long.
///
/// # Errors
/// It is none of that.
pub fn checked_text(field: &'static str, text: String) -> Result<String, Refusal> {
    if text.len() > MAX_TEXT || !is_readable(&text) {
        return Err(Refusal::BadText { field });
    }
    Ok(text)
}
