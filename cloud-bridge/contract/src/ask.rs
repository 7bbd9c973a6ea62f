//! Questions that only HQ can answer.
//!
//! A question is an MQTT 5 request: it names the topic for the answer ([`topic::answer`](crate::topic::answer), the
//! hub's own), correlation data, and how long the hub waits (message expiry). HQ answers at most once; without an
//! answer in time the hub continues without it. A question changes nothing, so it may be repeated.

use commerce::{
    Currency, Minor, ReceiptPrefix,
    returns::{Past, SoughtBy, Way},
};
use serde::{Deserialize, Serialize};

use crate::{
    customer::CustomerNamed,
    gift_card::{GiftCardAnswer, GiftCardAsked},
    message::BadMessage,
    name::{Epoch, HubId},
    sale::SaleCompleted,
    wire::Wire,
};

/// The maximum number of sales in an answer.
pub const MAX_FOUND: usize = 20;

/// The maximum number of descriptions of a sale that was found.
pub const MAX_GOODS: usize = 3;

/// The maximum number of registers in an answer.
pub const MAX_REGISTERS: usize = 1_000;

/// The maximum number of identities in a question.
pub const MAX_IDENTITIES: usize = 8;

/// The maximum number of lines and stores that took goods back.
pub const MAX_BACK: usize = 2_000;

/// The maximum number of past returns in an answer.
pub const MAX_PAST: usize = 200;

/// The maximum number of coupons in a question.
pub const MAX_COUPONS: usize = 20;

/// The maximum length of a text in a question or an answer, in bytes.
pub const MAX_TEXT: usize = 256;

/// A hub's question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Asked {
    /// The hub that asks.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The question.
    pub question: Question,
}

/// The questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Question {
    /// The store's sales with this receipt number, newest first.
    Receipt(ReceiptAsked),
    /// The last receipt numbers of this hub in earlier epochs.
    Numbers,
    /// Money of a gift card, or its balance.
    GiftCard(GiftCardAsked),
    /// What HQ knows about goods that come back.
    Return(ReturnAsked),
    /// The last sales of a customer in all stores and channels, newest first.
    CustomerSales(CustomerNamed),
    /// The sales of all stores without their receipt; the value has 1 to [`MAX_TEXT`] bytes.
    Find(SoughtBy),
    /// How often store coupons were used elsewhere.
    Coupons(CouponsAsked),
}

/// Store coupons that a customer presents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CouponsAsked {
    /// The coupons; at most [`MAX_COUPONS`].
    pub coupons: Vec<CouponAsked>,
    /// The customer, if known; 1 to [`MAX_TEXT`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// A store coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CouponAsked {
    /// Its class; 1 to [`MAX_TEXT`] bytes.
    pub class: String,
    /// Its code; 1 to [`MAX_TEXT`] bytes.
    pub code: String,
}

/// Goods that come back, and who brings them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReturnAsked {
    /// The sale; absent without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleAsked>,
    /// The hashes of what identifies the customer; at most [`MAX_IDENTITIES`], each of 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<String>,
}

/// A sale of any store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleAsked {
    /// The store that sold.
    pub store: HubId,
    /// The sale's id; 1 to [`MAX_TEXT`] bytes.
    pub sale: String,
}

/// A receipt of any store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiptAsked {
    /// The store that sold.
    pub store: HubId,
    /// The register that sold; 1 to [`MAX_TEXT`] bytes.
    pub register: String,
    /// The receipt number.
    pub receipt: u64,
}

/// HQ's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Answered {
    /// The hub that asked.
    pub hub: HubId,
    /// The answer.
    pub answer: Answer,
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Answer {
    /// To [`Question::Receipt`] and [`Question::CustomerSales`]: at most [`MAX_FOUND`].
    Sales(Vec<SaleCompleted>),
    /// To [`Question::Numbers`].
    Numbers(Numbers),
    /// To [`Question::GiftCard`]; none if HQ does not know the card.
    GiftCard(Option<GiftCardAnswer>),
    /// To [`Question::Return`].
    Return(Box<ReturnKnown>),
    /// To [`Question::Find`]: at most [`MAX_FOUND`], newest first.
    Found(Vec<FoundSale>),
    /// To [`Question::Coupons`], in the order of the question; at most [`MAX_COUPONS`].
    Coupons(Vec<CouponUses>),
    /// HQ cannot answer; the reason has at most [`MAX_TEXT`] bytes.
    Unable(String),
}

/// A sale that was found without its receipt: enough for a person to choose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FoundSale {
    /// The store that sold.
    pub store: HubId,
    /// The sale's id.
    pub sale: String,
    /// The register.
    pub register: String,
    /// The receipt number.
    pub receipt: u64,
    /// Its prefix, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_prefix: Option<ReceiptPrefix>,
    /// When it was sold: milliseconds since 1970, UTC.
    pub sold_at_ms: i64,
    /// The currency.
    pub currency: Currency,
    /// What was owed in all.
    pub total: Minor,
    /// The number of lines that sell goods.
    pub lines: usize,
    /// The descriptions of the first of them; at most 3.
    pub goods: Vec<String>,
}

impl FoundSale {
    /// A sale of a store; `None` if it sells nothing, as a void or a mere return.
    pub fn of(store: &HubId, sale: &SaleCompleted) -> Option<Self> {
        let sells =
            |line: &&crate::sale::Line| line.returned.as_ref().is_none_or(|returned| returned.way == Way::Exchange);
        let lines = sale.lines.iter().filter(sells);
        let (count, goods) = (lines.clone().count(), lines.map(|line| line.description.clone()).take(MAX_GOODS));
        let totals = sale.totals;
        (count > 0 && sale.voids.is_none()).then(|| Self {
            store: store.clone(),
            sale: sale.sale.clone(),
            register: sale.register.clone(),
            receipt: sale.receipt,
            receipt_prefix: sale.receipt_prefix,
            sold_at_ms: sale.sold_at_ms,
            currency: sale.currency,
            total: totals.net + totals.charges + totals.added_tax + totals.cash_rounding,
            lines: count,
            goods: goods.collect(),
        })
    }
}

/// How often a coupon was used at other hubs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CouponUses {
    /// The uses of the code.
    pub of_code: u32,
    /// The customer's uses of coupons of the class.
    pub of_customer: u32,
}

/// What HQ knows about goods that come back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReturnKnown {
    /// The sale, if HQ has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleCompleted>,
    /// What came back of it, by store, also by a void; at most [`MAX_BACK`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<CameBack>,
    /// The past returns of the customer in all stores, newest first; at most [`MAX_PAST`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Past>,
}

/// Goods that came back to a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CameBack {
    /// The store that took them back.
    pub store: HubId,
    /// The line of the sale.
    pub line: u32,
    /// Thousandths of the unit.
    pub milli: i64,
}

/// The last receipt numbers of a hub in its other epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Numbers {
    /// The latest other epoch that HQ knows, if any. If it is later than the hub's own, the hub's clock was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The last number without a prefix of each register and fiscal year; at most [`MAX_REGISTERS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<LastReceipt>,
}

/// The last receipt number of a register in a fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LastReceipt {
    /// The register.
    pub register: String,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The receipt number.
    pub receipt: u64,
}

fn most(what: &'static str, count: usize, most: usize) -> Result<(), BadMessage> {
    if count > most { Err(BadMessage::TooMany { what, count, most }) } else { Ok(()) }
}

fn text(what: &'static str, text: &str) -> Result<(), BadMessage> {
    let bytes = text.len();
    if bytes > MAX_TEXT { Err(BadMessage::TooLong { what, bytes, most: MAX_TEXT }) } else { Ok(()) }
}

impl Wire for Asked {
    const NAME: &'static str = "question";

    fn check(&self) -> Result<(), BadMessage> {
        match &self.question {
            Question::Receipt(asked) => text("register", &asked.register),
            Question::Numbers | Question::GiftCard(_) | Question::CustomerSales(_) => Ok(()),
            Question::Find(sought) => text("value", sought.value()),
            Question::Coupons(asked) => {
                most("coupons", asked.coupons.len(), MAX_COUPONS)?;
                asked.customer.as_ref().map_or(Ok(()), |customer| text("customer", customer))?;
                let texts = asked.coupons.iter().flat_map(|coupon| [&coupon.class, &coupon.code]);
                texts.into_iter().try_for_each(|of| text("coupon", of))
            }
            Question::Return(asked) => {
                most("identities", asked.identities.len(), MAX_IDENTITIES)?;
                asked.identities.iter().try_for_each(|identity| text("identity", identity))?;
                asked.sale.as_ref().map_or(Ok(()), |sale| text("sale", &sale.sale))
            }
        }
    }
}

impl Wire for Answered {
    const NAME: &'static str = "answer";

    fn check(&self) -> Result<(), BadMessage> {
        match &self.answer {
            Answer::Sales(sales) => most("sales", sales.len(), MAX_FOUND),
            Answer::Numbers(numbers) => {
                most("registers", numbers.receipts.len(), MAX_REGISTERS)?;
                numbers.receipts.iter().try_for_each(|last| text("register", &last.register))
            }
            Answer::Found(found) => {
                most("sales", found.len(), MAX_FOUND)?;
                found.iter().try_for_each(|found| most("goods", found.goods.len(), MAX_GOODS))
            }
            Answer::GiftCard(found) => {
                text("reason", found.as_ref().and_then(|card| card.blocked.as_deref()).unwrap_or_default())
            }
            Answer::Return(known) => {
                most("returns", known.back.len(), MAX_BACK)?;
                most("past returns", known.history.len(), MAX_PAST)
            }
            Answer::Coupons(uses) => most("coupons", uses.len(), MAX_COUPONS),
            Answer::Unable(why) => text("reason", why),
        }
    }
}
