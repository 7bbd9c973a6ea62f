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
//! fixed. To abandon such a basket, give its tenders back first ([`Basket::void_tender`]).

mod refusal;

pub use refusal::Refusal;
use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    ids::{BasketId, OperatorId, PaymentId, RegisterName, SaleId},
    line::{Discount, Line, NewLine, checked_text},
    money::{Currency, Minor},
    sale::{Sale, Stamp, Totals},
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
    /// The currency of all its amounts.
    pub currency: Currency,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// The current state.
    pub state: BasketState,
    /// Its lines, including voided ones.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// What has been paid so far, including voided tenders.
    #[serde(default)]
    pub tenders: Vec<BasketTender>,
    /// The running card payment and its amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The stock reservations it sells from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<u64>,
}

/// A running card payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reserved {
    /// The hub's payment.
    pub payment: PaymentId,
    /// Its amount.
    pub amount: Minor,
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
    /// Abandoned while nothing was paid.
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
            currency,
            opened_at_ms,
            state: BasketState::Open,
            lines: Vec::new(),
            tenders: Vec::new(),
            reserved: None,
            reservations: Vec::new(),
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
        self.live_line(number)?.voided = true;
        Ok(())
    }

    /// Applies a discount to a line.
    ///
    /// # Errors
    /// Not open, a card payment runs, no such line, or [`Line::discount`] refuses.
    pub fn discount(&mut self, number: u32, discount: Discount) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.live_line(number)?.discount(discount)
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
            let is_the_same = |taken: &Tender| matches!(taken, Tender::ManufacturerCoupon { code: Some(taken), .. } if *taken == code);
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

    /// Freezes the basket for a card payment of `amount`, or of the whole amount due.
    ///
    /// # Errors
    /// Not open, another payment runs, nothing is due or less than `amount`, or the basket has too many tenders.
    pub fn reserve(&mut self, payment: PaymentId, amount: Option<Minor>) -> Result<Minor, Refusal> {
        self.is_not_being_paid()?;
        // Checked now, because an approved payment must become a tender.
        if self.tenders.len() >= MAX_TENDERS {
            return Err(Refusal::TooManyTenders);
        }
        let due = self.due();
        if !due.is_positive() {
            return Err(Refusal::NothingDue);
        }
        let amount = amount.unwrap_or(due);
        if !amount.is_positive() {
            return Err(Refusal::AmountOutOfRange);
        }
        if amount > due {
            return Err(Refusal::ExceedsDue { amount, due });
        }
        self.reserved = Some(Reserved { payment, amount });
        Ok(amount)
    }

    /// Ends the card payment: adds its tender if it was approved. Any payment other than the reserved one is ignored.
    pub fn settle(&mut self, payment: PaymentId, approved: Option<Tender>) {
        if self.reserved.as_ref().is_some_and(|reserved| reserved.payment == payment) {
            self.reserved = None;
            if let Some(tender) = approved {
                self.push(tender);
            }
        }
    }

    /// Puts an approved card payment back in doubt: its amount is frozen again until the payment ends. Returns false
    /// and changes nothing if the basket is no longer open or has no such tender.
    pub fn doubt(&mut self, payment: PaymentId) -> bool {
        let is_its =
            |tender: &BasketTender| matches!(&tender.tender, Tender::Card { slip, .. } if slip.payment == payment);
        let can_be = self.is_not_being_paid().is_ok();
        let found = self.tenders.iter_mut().find(|tender| can_be && !tender.voided && is_its(tender));
        let Some(found) = found else { return false };
        found.voided = true;
        self.reserved = Some(Reserved { payment, amount: found.tender.amount() });
        true
    }

    /// What is still to be paid; negative if there is change to give.
    pub fn due(&self) -> Minor {
        self.totals().net - self.live_tenders().map(Tender::amount).sum()
    }

    /// The totals of the lines and tenders.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.lines, self.live_tenders())
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
        let sale = Sale::of(self, stamp);
        self.state = BasketState::Completed { sale: sale.id };
        Ok(sale)
    }

    /// Abandons the basket.
    ///
    /// # Errors
    /// Not open, or something is paid.
    pub fn abandon(&mut self) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.state = BasketState::Abandoned;
        Ok(())
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
        if self.is_partly_paid() { Err(Refusal::PartlyPaid) } else { Ok(()) }
    }

    fn live_line(&mut self, number: u32) -> Result<&mut Line, Refusal> {
        self.lines
            .iter_mut()
            .find(|line| line.number == number && !line.voided)
            .ok_or(Refusal::NoSuchLine { line: number })
    }
}

#[cfg(test)]
#[path = "basket_tests.rs"]
mod tests;
