//! The requests of registers.

use std::sync::Arc;

use commerce::{
    Basket, Discount, Gtin, Minor, NewLine, Particulars, Quantity, ScannedCode, Sku, Tender, Unit, line::What,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    catalog::{Catalog, ITEM_DELISTED, ITEM_UNKNOWN, OnFile},
    pricing::BuyerRequest,
    refusal::{BAD_REQUEST, Refusal},
};

/// A request to open a basket.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBasket {
    /// The register's own reference; sent to HQ.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub reference: Option<String>,
    /// The customer, if known.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub customer: Option<String>,
    /// What else is known about the customer.
    #[serde(default)]
    pub buyer: BuyerRequest,
    /// Stock reservations that the customer collects.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub reservations: Vec<u64>,
}

/// A whole sale in one command, for registers that keep their own basket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleRequest {
    /// The register's own reference; sent to HQ.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub reference: Option<String>,
    /// The customer, if known.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub customer: Option<String>,
    /// What else is known about the customer.
    #[serde(default)]
    pub buyer: BuyerRequest,
    /// Stock reservations that the customer has come for.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub reservations: Vec<u64>,
    /// The lines, at least one.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<LineRequest>,
    /// Cash and coupons.
    #[serde(default)]
    #[schema(max_items = 40)]
    pub tenders: Vec<TenderRequest>,
    /// Whether the rest is paid by card, on the terminal of the register's lane.
    #[serde(default)]
    pub card: bool,
}

/// A line as entered at a register.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// The barcode as scanned: a GTIN of 8, 12, 13 or 14 digits, or a UPC-E. An item whose own code has these eight
    /// digits takes precedence over the UPC-E.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0400008189811")]
    pub gtin: Option<ScannedCode>,
    /// Alternatively the code as scanned, of any kind. Item, quantity, price, batch, dates and serial number are taken
    /// from it.
    #[serde(default)]
    pub code: Option<RawCode>,
    /// The batch, read on the package, where a recall asks for it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 20)]
    pub batch: Option<String>,
    /// The serial number, read on the goods, if the item has them and the code did not say it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 20)]
    pub serial: Option<String>,
    /// The line of this basket that takes goods back, for which the customer takes these: an even exchange, at the
    /// price of the goods that come back.
    #[serde(default)]
    pub exchange_of: Option<u32>,
    /// Whether the line is added although the goods are past their best-before date.
    #[serde(default)]
    pub past_best_before: bool,
    /// Alternatively the retailer's number.
    #[serde(default)]
    pub sku: Option<Sku>,
    /// The quantity; default one piece.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Alternatively a weighing, whose weight is the quantity: the `weighing` of a scale's answer. Each is sold once.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub weighing: Option<String>,
    /// An amount for the whole line, instead of the catalog's price.
    #[serde(default)]
    pub keyed: Option<Keyed>,
    /// Discounts known at entry.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub discounts: Vec<Discount>,
    /// A description, in case the item is not on file; it is then sold at the keyed amount.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub description: Option<String>,
    /// What the devices said about the goods; not from the register.
    #[serde(skip)]
    pub particulars: Particulars,
}

/// A code as a scanner sent it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCode {
    /// The content: the `data` of the scan.
    #[schema(min_length = 1, max_length = 512, example = "0400008189811")]
    pub data: String,
    /// The AIM identifier of the symbology: the `symbology` of the scan.
    #[serde(default)]
    #[schema(max_length = 3, example = "]E0")]
    pub symbology: Option<String>,
}

/// An amount keyed by a person or sent by a pump.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyed {
    /// The amount of the whole line before discounts.
    pub amount: Minor,
    /// The reason.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
}

/// A line request with its item.
#[derive(Debug)]
pub struct FoundLine {
    item: Option<Arc<OnFile>>,
    sku: Option<Sku>,
    gtin: Option<Gtin>,
    description: String,
    quantity: Quantity,
    keyed: Option<Keyed>,
    discounts: Vec<Discount>,
    particulars: Particulars,
    exchange_of: Option<u32>,
}

impl LineRequest {
    /// Looks up the item.
    ///
    /// # Errors
    /// No item has the code, and the data to sell it as an open-price line is missing; or the item is delisted.
    pub fn find(self, catalog: &Catalog) -> Result<FoundLine, Refusal> {
        let item = match (self.gtin, &self.sku) {
            (Some(code), None) => catalog.scanned(code),
            (None, Some(sku)) => catalog.sku(sku),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(BAD_REQUEST.because("send `gtin` or `sku`, not both")),
        }
        .cloned();
        if let Some(item) = item.as_ref().filter(|item| item.delisted) {
            let detail = format!("item {} ({}) is delisted and can no longer be sold", item.sku, item.description);
            return Err(ITEM_DELISTED.because(detail).member("sku", item.sku.as_str()));
        }
        if item.is_none() && (self.description.is_none() || self.keyed.is_none()) {
            let asked = match (&self.gtin, &self.sku) {
                (Some(gtin), _) => format!("unknown item: GTIN {gtin}"),
                (_, Some(sku)) => format!("unknown item: SKU {sku}"),
                _ => "the line has no item".to_owned(),
            };
            return Err(ITEM_UNKNOWN.because(format!(
                "{asked}; load the catalog, or send `description` and `keyed` to sell it as an open-price line"
            )));
        }
        let quantity = match self.quantity {
            Some(quantity) => quantity,
            None => Quantity::new(1000, Unit::Each).map_err(|error| BAD_REQUEST.because(error.to_string()))?,
        };
        Ok(FoundLine {
            item,
            sku: self.sku,
            gtin: self.gtin.and_then(|code| code.gtins().next()),
            description: self.description.unwrap_or_default(),
            quantity,
            keyed: self.keyed,
            discounts: self.discounts,
            particulars: self.particulars,
            exchange_of: self.exchange_of,
        })
    }
}

impl FoundLine {
    /// Adds the line to a basket; returns its number.
    ///
    /// # Errors
    /// The rules of the basket refuse it.
    pub fn add_to(self, basket: &mut Basket) -> Result<u32, Refusal> {
        let what = match &self.item {
            Some(item) => What::Item(&item.item),
            None => What::NotOnFile { sku: self.sku, gtin: self.gtin, description: self.description },
        };
        let keyed = self.keyed.map(|keyed| (keyed.amount, keyed.reason));
        let Self { quantity, discounts, particulars, exchange_of, .. } = self;
        let new = NewLine { what, quantity, keyed, discounts, particulars };
        Ok(match exchange_of {
            Some(of) => basket.exchange(of, new)?,
            None => basket.add_line(new)?,
        })
    }
}

/// A payment other than by card.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "tender", rename_all = "snake_case", deny_unknown_fields)]
pub enum TenderRequest {
    /// Notes and coins.
    Cash {
        /// The amount handed over.
        amount: Minor,
    },
    /// A manufacturer's coupon.
    ManufacturerCoupon {
        /// The value of the coupon.
        amount: Minor,
        /// The coupon's code, if it was scanned.
        #[serde(default)]
        #[schema(min_length = 1, max_length = 120)]
        code: Option<String>,
    },
    /// A gift card or store credit that was presented.
    GiftCard {
        /// The amount, at most what is due and what the store holds of the card.
        amount: Minor,
        /// `presented` of the answer to `POST /gift-cards/present`.
        #[schema(min_length = 16, max_length = 64)]
        presented: String,
    },
}

impl TenderRequest {
    /// The tender, if it needs nothing from the store.
    ///
    /// # Errors
    /// It is a gift card.
    pub(crate) fn plain(self) -> Result<Tender, Refusal> {
        match self {
            Self::Cash { amount } => Ok(Tender::Cash { amount }),
            Self::ManufacturerCoupon { amount, code } => Ok(Tender::ManufacturerCoupon { amount, code }),
            Self::GiftCard { .. } => Err(BAD_REQUEST
                .because("a gift card pays a basket, not a whole sale in one command; open a basket, and tender it")),
        }
    }
}
