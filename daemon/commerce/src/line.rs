//! A line of a basket: the goods, their regular amount and their discounts.

use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_TEXT,
    basket::Refusal,
    item::{Gtin, Item, Price, Sku},
    money::{Minor, Rounding},
    particulars::Particulars,
    pricing::{
        Adjustment, PricedLine,
        basket::{BasketLine, Keyed, LinkedCharge},
        record::PriceKind,
        tax::LineTax,
        time::SaleWindow,
    },
    quantity::Quantity,
    returns::{Returned, Way},
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
        /// The scanned GTIN, by which the item can be put on file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gtin: Option<Gtin>,
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
    /// An entry of the price book, extended by the quantity.
    Book {
        /// The entry.
        entry: String,
        /// The kind of price.
        price_kind: PriceKind,
        /// The price at the time.
        price: Price,
        /// The catalog's price, which counts if the book no longer has one.
        catalog: Price,
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
    /// Discounts of the price book. Derived: recomputed with every change of the basket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
    /// Discounts that were entered, in addition to those of the price book.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// What a scale or a code said about the goods.
    #[serde(default, skip_serializing_if = "Particulars::is_empty")]
    pub particulars: Particulars,
    /// Deposits and fees that come with the goods; derived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<LinkedCharge>,
    /// Taxes; derived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<LineTax>,
    /// The customer's minimum age, in years; derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
    /// When it may be sold, if not always; derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_within: Option<SaleWindow>,
    /// The return that it is a part of. If goods come back with it, all amounts are negative, and the quantity says how
    /// much comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Box<Returned>>,
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
    /// What a scale or a code said about the goods.
    pub particulars: Particulars,
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
        /// The scanned GTIN.
        gtin: Option<Gtin>,
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
            What::NotOnFile { sku, gtin, description } => {
                (Goods::NotOnFile { sku, gtin }, checked_text("description", description)?, None)
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
            adjustments: Vec::new(),
            discounts: Vec::new(),
            particulars: new.particulars,
            charges: Vec::new(),
            taxes: Vec::new(),
            minimum_age: None,
            sold_within: None,
            returned: None,
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

    /// The sum of all discounts.
    pub fn discounted(&self) -> Minor {
        let adjusted: Minor = self.adjustments.iter().map(|adjustment| adjustment.amount).sum();
        adjusted + self.discounts.iter().map(|discount| discount.amount).sum()
    }

    /// The discounts that a person granted, in thousandths of the regular amount, rounded up.
    pub fn granted_permille(&self) -> u64 {
        let by_person = self.discounts.iter().filter(|discount| discount.origin == Origin::Manager);
        let granted: Minor = by_person.map(|discount| discount.amount).sum();
        let (granted, regular) = (granted.get().unsigned_abs(), self.regular.get().unsigned_abs());
        (granted * 1000).div_ceil(regular.max(1))
    }

    /// The amount that the customer owes for the goods, without deposits, fees and added taxes.
    pub fn net(&self) -> Minor {
        self.regular - self.discounted()
    }

    /// The sum of deposits and fees.
    pub fn charged(&self) -> Minor {
        self.charges.iter().map(|charge| charge.amount).sum()
    }

    /// The sum of the taxes that come on top of the price.
    pub fn added_tax(&self) -> Minor {
        let added: Minor = self.taxes.iter().filter(|tax| !tax.included).map(|tax| tax.amount).sum();
        added + self.returned.as_ref().map_or(Minor::ZERO, |returned| returned.tax_rounding)
    }

    /// Whether goods come back with it.
    pub fn takes_back(&self) -> bool {
        self.returned.as_ref().is_some_and(|returned| returned.way == Way::Back)
    }

    /// Whether goods leave the store with it.
    pub fn sells(&self) -> bool {
        self.returned.as_ref().is_none_or(|returned| returned.way == Way::Exchange)
    }

    /// The price of a unit, if the amount was not keyed.
    pub fn unit_price(&self) -> Option<Price> {
        match &self.basis {
            Regular::Catalog { price } | Regular::Book { price, .. } => Some(*price),
            Regular::Keyed { .. } => None,
        }
    }

    /// What was entered, for a price book.
    pub(crate) fn to_be_priced(&self, sku: Sku) -> BasketLine {
        let (amount, price) = match &self.basis {
            Regular::Keyed { .. } => (Some(self.regular), None),
            Regular::Catalog { price } | Regular::Book { catalog: price, .. } => (None, Some(*price)),
        };
        let keyed = |discount: &Discount| Keyed { reason: discount.reason.clone(), minor: discount.amount };
        BasketLine {
            number: self.number,
            sku,
            quantity: self.quantity,
            groups: Vec::new(),
            amount,
            price,
            keyed: self.discounts.iter().map(keyed).collect(),
        }
    }

    /// Takes over what a price book derived for the line.
    pub(crate) fn take(&mut self, priced: PricedLine) {
        let catalog = match &self.basis {
            Regular::Catalog { price } | Regular::Book { catalog: price, .. } => Some(*price),
            Regular::Keyed { .. } => None,
        };
        if let Some(catalog) = catalog {
            self.basis = match (priced.entry, priced.kind, priced.price) {
                (Some(entry), Some(price_kind), Some(price)) => Regular::Book { entry, price_kind, price, catalog },
                _ => Regular::Catalog { price: catalog },
            };
        }
        self.regular = priced.regular;
        self.adjustments = priced.adjustments.into_iter().filter(|one| !one.is_keyed()).collect();
        self.charges = priced.linked;
        self.taxes = priced.taxes;
        self.minimum_age = priced.minimum_age;
        self.sold_within = priced.sold_within;
    }

    /// The SKU, if known.
    pub fn sku(&self) -> Option<&Sku> {
        match &self.goods {
            Goods::Item { sku, .. } => Some(sku),
            Goods::NotOnFile { sku, .. } => sku.as_ref(),
        }
    }

    /// The GTIN, if known.
    pub fn gtin(&self) -> Option<Gtin> {
        match self.goods {
            Goods::Item { gtin, .. } | Goods::NotOnFile { gtin, .. } => gtin,
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
            what: What::NotOnFile { sku: None, gtin: None, description: "Bread".into() },
            quantity: Quantity::new(500, Unit::Kilogram).unwrap(),
            keyed: Some((Minor::literal(amount), "price on the shelf".into())),
            discounts: Vec::new(),
            particulars: Particulars::default(),
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
        line.goods = Goods::NotOnFile { sku: Some(sku.clone()), gtin: None };
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

    #[test]
    fn what_a_manager_granted_is_a_part_of_the_shelf_price_rounded_up() {
        let by = |origin, amount| Discount { origin, ..off(amount) };
        let mut line = Line::price(1, keyed(1_000)).unwrap();
        line.discount(by(Origin::Loyalty, 500)).unwrap();
        assert_eq!(line.granted_permille(), 0);
        line.discount(by(Origin::Manager, 100)).unwrap();
        assert_eq!(line.granted_permille(), 100);
        let mut third = Line::price(1, keyed(300)).unwrap();
        third.discount(by(Origin::Manager, 100)).unwrap();
        assert_eq!(third.granted_permille(), 334);
    }

    #[test]
    fn a_line_sums_its_deposits_and_knows_its_price() {
        let mut line = Line::price(1, keyed(100)).unwrap();
        assert_eq!((line.charged(), line.unit_price()), (Minor::ZERO, None));
        for amount in [25, 8] {
            line.charges.push(LinkedCharge { name: "Deposit".into(), amount: Minor::literal(amount) });
        }
        let (price, catalog) = (200, 210);
        let [price, catalog] =
            [price, catalog].map(|minor| Price { minor: Minor::literal(minor), per: Unit::Kilogram });
        line.basis = Regular::Catalog { price: catalog };
        assert_eq!((line.charged(), line.unit_price()), (Minor::literal(33), Some(catalog)));
        line.basis = Regular::Book { entry: "e".into(), price_kind: PriceKind::Regular, price, catalog };
        assert_eq!(line.unit_price(), Some(price));
    }

    #[test]
    fn goods_leave_with_a_sale_or_an_exchange_and_come_back_with_a_return() {
        let mut line = Line::price(1, keyed(100)).unwrap();
        assert_eq!((line.takes_back(), line.sells()), (false, true));
        for (way, takes_back, sells) in
            [(Way::Back, true, false), (Way::Recharge, false, false), (Way::Exchange, false, true)]
        {
            line.returned = Some(Box::new(Returned {
                sale: None,
                line: 0,
                reason: crate::returns::Reason::Unwanted,
                disposition: crate::returns::Disposition::Sellable,
                way,
                tax_rounding: Minor::ZERO,
            }));
            assert_eq!((line.takes_back(), line.sells()), (takes_back, sells), "{way:?}");
        }
    }
}
