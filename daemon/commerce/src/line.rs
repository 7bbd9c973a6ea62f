//! A line of a basket: the goods, their regular amount and their discounts.

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
    /// A store coupon, or the store's match of a manufacturer's coupon.
    StoreCoupon,
    /// A promotion of the price book.
    Promotion,
    /// A person who may grant discounts.
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

/// An amount that the store takes off a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Discount {
    /// The reason as printed, such as "loyalty price".
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub reason: String,
    /// Who or what granted it.
    pub origin: Origin,
    /// The amount, greater than zero.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1_000_000_000))]
    pub amount: Minor,
}

/// The goods that a line sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "goods", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Goods {
    /// An item of the catalog.
    Item {
        /// The item's SKU.
        sku: Sku,
        /// The item's GTIN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gtin: Option<Gtin>,
    },
    /// Something that is not on file: sold at a keyed price so that the queue moves, and followed up later.
    NotOnFile {
        /// The number on the package, if any.
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
    /// Keyed for the whole line, with a reason: the price on a package, a pump's total, an item that is not on file.
    Keyed {
        /// The reason.
        reason: String,
    },
}

/// A line of a basket. Its net amount is derived, so its amounts are always consistent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Line {
    /// Counts from 1 in the order of entry; never reused.
    pub number: u32,
    /// The goods.
    #[serde(flatten)]
    pub goods: Goods,
    /// The description as printed.
    pub description: String,
    /// The quantity sold.
    pub quantity: Quantity,
    /// The source of `regular`.
    #[serde(flatten)]
    pub basis: Regular,
    /// The amount at the shelf price for the whole quantity, before discounts.
    pub regular: Minor,
    /// The discounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// Voided by the cashier; not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voided: bool,
}

/// A line to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine<'a> {
    /// The item, or the description of something that is not on file.
    pub what: What<'a>,
    /// The quantity.
    pub quantity: Quantity,
    /// A keyed amount for the whole line, with its reason; required if the item is not on file.
    pub keyed: Option<(Minor, String)>,
    /// Discounts known at entry.
    pub discounts: Vec<Discount>,
}

/// What a [`NewLine`] is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// An item of the catalog.
    Item(&'a Item),
    /// Something that is not on file.
    NotOnFile {
        /// The number on the package, if any.
        sku: Option<Sku>,
        /// The description for the receipt.
        description: String,
    },
}

impl Line {
    /// Prices a new line.
    ///
    /// # Errors
    /// The unit is not the item's, the amount is missing or out of range, the discounts exceed it, or a text is
    /// invalid.
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

    /// Applies a discount.
    ///
    /// # Errors
    /// The discount is not positive or exceeds the line.
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

    /// The sum of the discounts.
    pub fn discounted(&self) -> Minor {
        self.discounts.iter().map(|discount| discount.amount).sum()
    }

    /// The amount that the customer owes for the line.
    pub fn net(&self) -> Minor {
        self.regular - self.discounted()
    }

    /// The SKU, if known.
    pub fn sku(&self) -> Option<&Sku> {
        match &self.goods {
            Goods::Item { sku, .. } => Some(sku),
            Goods::NotOnFile { sku } => sku.as_ref(),
        }
    }
}

/// Checks a text that a person typed: legible and not too long.
///
/// # Errors
/// It is illegible, empty or too long.
pub fn checked_text(field: &'static str, text: String) -> Result<String, Refusal> {
    if text.len() > MAX_TEXT || !is_readable(&text) {
        return Err(Refusal::BadText { field });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Unit;

    fn keyed<'a>(amount: i64) -> NewLine<'a> {
        NewLine {
            what: What::NotOnFile { sku: None, description: "Bread".into() },
            quantity: Quantity::new(500, Unit::Kilogram).unwrap(),
            keyed: Some((Minor::literal(amount), "price on the shelf".into())),
            discounts: Vec::new(),
        }
    }

    fn off(amount: i64) -> Discount {
        Discount { reason: "loyalty price".into(), origin: Origin::Loyalty, amount: Minor::literal(amount) }
    }

    #[test]
    fn origins_have_the_names_of_the_api() {
        let origins = [Origin::Loyalty, Origin::StoreCoupon, Origin::Promotion, Origin::Manager];
        assert_eq!(origins.map(Origin::name), ["loyalty", "store_coupon", "promotion", "manager"]);
        for origin in origins {
            assert_eq!(serde_json::to_value(origin).unwrap(), origin.name());
        }
    }

    #[test]
    fn a_line_comes_to_nothing_or_more_and_to_the_most_at_most() {
        for amount in [0, 1, MAX_LINE_AMOUNT.get()] {
            assert_eq!(Line::price(1, keyed(amount)).unwrap().net(), Minor::literal(amount));
        }
        for amount in [-1, MAX_LINE_AMOUNT.get() + 1] {
            assert_eq!(Line::price(1, keyed(amount)), Err(Refusal::AmountOutOfRange));
        }
    }

    #[test]
    fn a_discount_is_more_than_nothing_and_at_most_what_is_left() {
        let mut line = Line::price(3, keyed(100)).unwrap();
        for amount in [0, -1, MAX_LINE_AMOUNT.get() + 1] {
            assert_eq!(line.discount(off(amount)), Err(Refusal::AmountOutOfRange));
        }
        line.discount(off(60)).unwrap();
        let (net, discount) = (Minor::literal(40), Minor::literal(41));
        assert_eq!(line.discount(off(41)), Err(Refusal::DiscountExceedsLine { line: 3, net, discount }));
        line.discount(off(40)).unwrap();
        assert_eq!((line.net(), line.discounted()), (Minor::ZERO, Minor::literal(100)));
        let mut dear = Line::price(1, keyed(MAX_LINE_AMOUNT.get())).unwrap();
        dear.discount(off(MAX_LINE_AMOUNT.get())).unwrap();
    }

    #[test]
    fn a_line_has_16_discounts_at_most() {
        let new = NewLine { discounts: vec![off(1); 16], ..keyed(100) };
        let mut line = Line::price(3, new).unwrap();
        assert_eq!(line.discount(off(1)), Err(Refusal::TooManyDiscounts { line: 3 }));
        assert_eq!(line.net(), Minor::literal(84));
    }

    #[test]
    fn the_number_on_the_package_is_the_lines() {
        let mut line = Line::price(1, keyed(100)).unwrap();
        assert_eq!(line.sku(), None);
        let sku: Sku = "4011".parse().unwrap();
        line.goods = Goods::NotOnFile { sku: Some(sku.clone()) };
        assert_eq!(line.sku(), Some(&sku));
        line.goods = Goods::Item { sku: sku.clone(), gtin: None };
        assert_eq!(line.sku(), Some(&sku));
    }

    #[test]
    fn a_text_is_readable_and_has_120_bytes_at_most() {
        let longest = "a".repeat(120);
        assert_eq!(checked_text("reason", longest.clone()), Ok(longest));
        for text in ["a".repeat(121), String::new(), "\u{200b}".into()] {
            assert_eq!(checked_text("reason", text), Err(Refusal::BadText { field: "reason" }));
        }
    }
}
