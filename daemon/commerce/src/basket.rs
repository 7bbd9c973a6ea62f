//! The basket while the customer is at the till.
//!
//! ```text
//!        add_line, void_line, discount, tender, void_tender
//!            +---+
//!            v   |
//!   open --> Open --complete--> Completed { sale }
//!              \---abandon----> Abandoned
//! ```
//!
//! A running card payment ([`Basket::reserve`]) freezes the amount: lines can't change until the payment ends, so the
//! terminal charges exactly what the basket owes. The hub stores the basket after every command.
//!
//! Change is given on cash only, so no other tender may exceed the amount due. Once something is paid, the lines are
//! fixed. To abandon such a basket, give cash and coupons back first ([`Basket::void_tender`]); the hub reverses its
//! card payments.

mod buyer;
mod card;
mod load;
mod refusal;
mod returning;

pub use buyer::{Buyer, StoreCoupon};
pub use card::Reserved;
pub use load::CardLoad;
pub use refusal::Refusal;
use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    ids::{BasketId, OperatorId, OrderId, PaymentId, RegisterName, SaleId},
    line::{Discount, Goods, Line, NewLine, checked_text},
    money::{Currency, Minor},
    pricing::{self, Book, Moment, cash::CashRounding, explain::Rejected},
    returns::{RefundStep, ReturnTicket, StepState},
    sale::{Sale, Stamp, Totals},
    stock::reservation::Reserved as ReservedStock,
    tender::{BasketTender, Tender},
};

/// The maximum number of tenders in a basket.
const MAX_TENDERS: usize = 40;

/// Cash may exceed the amount due by this factor, plus the largest banknote. Anything above is a typing mistake, such
/// as a barcode scanned into the amount or an extra zero.
const CASH_TIMES: i64 = 10;

/// A basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Basket {
    /// Assigned by the hub.
    pub id: BasketId,
    /// The register that sells it.
    pub register: RegisterName,
    /// The operator, if one had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The register's own reference, such as an order number. It is sent to HQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What else is known about the customer.
    #[serde(default, skip_serializing_if = "Buyer::is_unknown")]
    pub buyer: Buyer,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// The version of the price book that priced it; absent if the prices are the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_book: Option<String>,
    /// What the taxes of the whole basket add to those of its lines, if the price book rounds them by document.
    #[serde(default, skip_serializing_if = "Minor::is_zero")]
    pub tax_rounding: Minor,
    /// The current state.
    pub state: BasketState,
    /// Its lines, including voided ones.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// The gift cards that lines load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<CardLoad>,
    /// What has been paid so far, including voided tenders.
    #[serde(default)]
    pub tenders: Vec<BasketTender>,
    /// The running card payment and its amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The stock reservations it sells from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<u64>,
    /// The customer's order that it hands over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<CollectedOrder>,
    /// The returns in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<ReturnTicket>,
    /// The steps of its refund, once that has begun. The lines are fixed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refund: Vec<RefundStep>,
}

/// An order that is collected and paid with a basket. Its lines come first, and are as they were picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CollectedOrder {
    /// The order.
    pub order: OrderId,
    /// The store's part of it.
    pub part: u32,
    /// The number of lines that are the order's.
    pub lines: u32,
    /// The order's stock, which the basket sells from.
    pub stock: Vec<ReservedStock>,
}

/// The states of a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum BasketState {
    /// At the till.
    Open,
    /// Paid; it is a sale now.
    Completed {
        /// The sale's id.
        sale: SaleId,
    },
    /// Abandoned; its card payments are reversed.
    Abandoned,
}

impl Basket {
    /// Opens a basket.
    ///
    /// # Errors
    /// The reference or the customer is not a valid text.
    pub fn open(
        id: BasketId,
        register: RegisterName,
        operator: Option<OperatorId>,
        currency: Currency,
        opened_at_ms: i64,
        reference: Option<String>,
        customer: Option<String>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            id,
            register,
            operator,
            reference: reference.map(|text| checked_text("reference", text)).transpose()?,
            customer: customer.map(|text| checked_text("customer", text)).transpose()?,
            buyer: Buyer::default(),
            currency,
            opened_at_ms,
            price_book: None,
            tax_rounding: Minor::ZERO,
            state: BasketState::Open,
            lines: Vec::new(),
            loads: Vec::new(),
            tenders: Vec::new(),
            reserved: None,
            reservations: Vec::new(),
            order: None,
            returns: Vec::new(),
            refund: Vec::new(),
        })
    }

    /// Adds a line and returns its number.
    ///
    /// # Errors
    /// Not open, a card payment runs, too many lines, or [`Line::price`] refuses.
    pub fn add_line(&mut self, new: NewLine<'_>) -> Result<u32, Refusal> {
        self.lines_may_change()?;
        if self.lines.len() >= MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        let number = self.lines.last().map_or(1, |line| line.number + 1);
        self.lines.push(Line::price(number, new)?);
        Ok(number)
    }

    /// Voids a line; it stays on record.
    ///
    /// # Errors
    /// Not open, a card payment runs, or no such line.
    pub fn void_line(&mut self, number: u32) -> Result<(), Refusal> {
        self.lines_may_change()?;
        if self.void_return(number) {
            return Ok(());
        }
        self.live_line(number)?.voided = true;
        Ok(())
    }

    /// Applies a discount to a line.
    ///
    /// # Errors
    /// Not open, a card payment runs, no such line, or [`Line::discount`] refuses.
    pub fn discount(&mut self, number: u32, discount: Discount) -> Result<(), Refusal> {
        self.lines_may_change()?;
        let line = self.live_line(number)?;
        if line.returned.is_some() {
            return Err(Refusal::LineReturned { line: number });
        }
        line.discount(discount)
    }

    /// Prices the lines by a book. All derived amounts are recomputed from what was entered, so a basket
    /// that was priced by an earlier book has the prices of this one. Items that the book does not know keep the
    /// catalog's price.
    ///
    /// # Errors
    /// Not open, something is paid, or an amount is out of range.
    pub fn reprice(&mut self, book: &Book, moment: Moment) -> Result<(), Refusal> {
        self.lines_may_change()?;
        let priced = pricing::price(book, &self.to_be_priced(moment)).map_err(|_| Refusal::AmountOutOfRange)?;
        self.tax_rounding = priced.rounding;
        for coupon in &mut self.buyer.coupons {
            coupon.used = priced.uses_coupon(book, &coupon.class);
        }
        for priced in priced.lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.number == priced.number) {
                line.take(priced);
            }
        }
        self.price_book = Some(book.version().to_owned());
        Ok(())
    }

    /// The offers of a book that take nothing off this basket, with the reasons.
    pub fn rejected_offers(&self, book: &Book, moment: Moment) -> Vec<Rejected> {
        let basket = self.to_be_priced(moment);
        pricing::price(book, &basket).map(|priced| pricing::why_not(book, &basket, &priced)).unwrap_or_default()
    }

    fn to_be_priced(&self, moment: Moment) -> pricing::Basket {
        // The lines of an order have the prices that were agreed with the order.
        let agreed = self.order.as_ref().map_or(0, |collected| collected.lines);
        let live = self.lines.iter().filter(|line| !line.voided && line.number > agreed && line.returned.is_none());
        let lines = live.filter_map(|line| match &line.goods {
            Goods::Item { sku, .. } => Some(line.to_be_priced(sku.clone())),
            Goods::NotOnFile { .. } => None,
        });
        pricing::Basket {
            customers: self.buyer.groups.clone(),
            coupons: self.buyer.presented(),
            exemption: self.buyer.exemption.clone(),
            lines: lines.collect(),
            ..pricing::Basket::new(moment, "store")
        }
    }

    /// Takes cash or a coupon.
    ///
    /// # Errors
    /// Not open, a card payment runs, nothing is due, the amount is not positive, it exceeds the amount due (or, in
    /// cash, a plausible banknote), or the coupon is already in the basket.
    pub fn tender(&mut self, tender: Tender) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        if self.lines.iter().all(|line| line.voided) {
            return Err(Refusal::Empty);
        }
        if self.tenders.len() >= MAX_TENDERS {
            return Err(Refusal::TooManyTenders);
        }
        if !tender.amount().is_positive() || tender.amount() > MAX_LINE_AMOUNT {
            return Err(Refusal::AmountOutOfRange);
        }
        let (amount, due) = (tender.amount(), self.due());
        if !due.is_positive() {
            return Err(Refusal::NothingDue);
        }
        if let Tender::Cash { .. } = &tender {
            let note = self.currency.largest_note();
            let most = Minor::new(due.get() * CASH_TIMES).map_or(MAX_LINE_AMOUNT, |many| many + note);
            if amount > most {
                return Err(Refusal::TooMuchCash { amount, due, most });
            }
        } else if amount > due {
            return Err(Refusal::ExceedsDue { amount, due });
        }
        if let Tender::ManufacturerCoupon { code: Some(code), .. } = &tender {
            let code = checked_text("code", code.clone())?;
            let is_the_same = |taken: &Tender| match taken {
                Tender::ManufacturerCoupon { code: Some(taken), .. } => *taken == code,
                _ => false,
            };
            if self.live_tenders().any(is_the_same) {
                return Err(Refusal::CouponTaken { code });
            }
        }
        self.push(tender);
        Ok(())
    }

    /// Gives cash or a coupon back to the customer; the tender stays on record.
    ///
    /// # Errors
    /// Not open, a card payment runs, no such tender, or it is a card tender.
    pub fn void_tender(&mut self, number: u32) -> Result<&BasketTender, Refusal> {
        self.is_not_being_paid()?;
        if !self.refund.is_empty() {
            return Err(Refusal::RefundBegun);
        }
        let found = self.tenders.iter_mut().find(|tender| tender.number == number && !tender.voided);
        let found = found.ok_or(Refusal::NoSuchTender { tender: number })?;
        if let Tender::Card { slip, .. } = &found.tender {
            return Err(Refusal::TenderIsCard { tender: number, payment: slip.payment });
        }
        found.voided = true;
        Ok(found)
    }

    fn push(&mut self, tender: Tender) {
        let number = self.tenders.last().map_or(1, |last| last.number + 1);
        self.tenders.push(BasketTender { number, tender, voided: false });
    }

    /// The tenders that were not voided.
    pub fn live_tenders(&self) -> impl Iterator<Item = &Tender> {
        self.tenders.iter().filter(|tender| !tender.voided).map(|tender| &tender.tender)
    }

    /// Whether anything has been paid.
    pub fn is_partly_paid(&self) -> bool {
        self.live_tenders().next().is_some()
    }

    /// What is still to be paid; negative if there is change to give.
    pub fn due(&self) -> Minor {
        self.totals().owed() - self.live_tenders().map(Tender::amount).sum()
    }

    /// The totals of the lines and tenders.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.lines, self.tax_rounding, CashRounding::of(self.currency), self.live_tenders())
    }

    /// What is still to be paid if the rest is paid in cash: [`due`](Self::due) in coins that exist.
    pub fn due_in_cash(&self) -> Minor {
        CashRounding::of(self.currency).map_or(self.due(), |rule| rule.due(self.due()))
    }

    /// Makes the sale and marks the basket as [`Completed`](BasketState::Completed).
    ///
    /// # Errors
    /// Not open, empty, not fully paid, or a card payment runs.
    pub fn complete(&mut self, stamp: Stamp) -> Result<Sale, Refusal> {
        self.is_not_being_paid()?;
        if self.lines.iter().all(|line| line.voided) {
            return Err(Refusal::Empty);
        }
        let due = self.due();
        if due.is_positive() {
            return Err(Refusal::StillDue { due });
        }
        if due.is_negative() && self.totals().owed().is_negative() {
            return Err(Refusal::RefundDue { due: -due });
        }
        let sale = Sale::of(self, stamp);
        self.state = BasketState::Completed { sale: sale.id };
        Ok(sale)
    }

    /// Abandons the basket. Its card payments, approved or running, are no longer wanted: they are returned, to be
    /// reversed.
    ///
    /// # Errors
    /// Not open, or cash or a coupon must be given back first.
    pub fn abandon(&mut self) -> Result<Vec<PaymentId>, Refusal> {
        self.is_open()?;
        if self.refund.iter().any(|step| step.status == StepState::Done) || self.is_refunding() {
            return Err(Refusal::RefundBegun);
        }
        if self.live_tenders().any(|tender| !matches!(tender, Tender::Card { .. })) {
            return Err(Refusal::PartlyPaid);
        }
        let mut unwanted: Vec<PaymentId> = self.reserved.take().map(|reserved| reserved.payment).into_iter().collect();
        for paid in self.tenders.iter_mut().filter(|paid| !paid.voided) {
            if let Tender::Card { slip, .. } = &paid.tender {
                unwanted.push(slip.payment);
                paid.voided = true;
            }
        }
        self.state = BasketState::Abandoned;
        Ok(unwanted)
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.state == BasketState::Open { Ok(()) } else { Err(Refusal::NotOpen) }
    }

    fn is_not_being_paid(&self) -> Result<(), Refusal> {
        self.is_open()?;
        if self.reserved.is_some() { Err(Refusal::PaymentUnderWay) } else { Ok(()) }
    }

    fn lines_may_change(&self) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        if !self.refund.is_empty() {
            return Err(Refusal::RefundBegun);
        }
        if self.is_partly_paid() { Err(Refusal::PartlyPaid) } else { Ok(()) }
    }

    /// A line that may be changed.
    fn live_line(&mut self, number: u32) -> Result<&mut Line, Refusal> {
        if let Some(CollectedOrder { order, .. }) = self.order.as_ref().filter(|collected| number <= collected.lines) {
            return Err(Refusal::LineOfOrder { line: number, order: order.clone() });
        }
        self.lines
            .iter_mut()
            .find(|line| line.number == number && !line.voided)
            .ok_or(Refusal::NoSuchLine { line: number })
    }
}

#[cfg(test)]
mod tests;
