//! The basket while the customer is at the till.
//!
//! ```text
//!        add_line, void_line, discount, tender
//!            +---+
//!            v   |
//!   open --> Open --complete--> Completed { sale }
//!              \---abandon----> Abandoned
//! ```
//!
//! A card payment that runs ([`Basket::reserve`]) freezes the amount: lines can't change until it has an end, so that
//! what the terminal takes is what the basket owes. Nothing but time stands between the states; the hub stores the
//! basket after every command.

use serde::{Deserialize, Serialize};

use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    ids::{BasketId, OperatorId, PaymentId, RegisterName, SaleId},
    line::{Discount, Line, NewLine, checked_text},
    money::{Currency, Minor},
    quantity::Unit,
    sale::{Sale, Stamp, Totals},
    tender::Tender,
};

/// The most tenders a basket takes.
const MAX_TENDERS: usize = 40;

/// A basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Basket {
    /// Given by the hub.
    pub id: BasketId,
    /// The register that sells it.
    pub register: RegisterName,
    /// Who opened it, if somebody had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The register's own reference, which travels to HQ: an order number, a basket id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The customer, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Of all its amounts.
    pub currency: Currency,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// What it is now.
    pub state: BasketState,
    /// Its lines, voided ones among them.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// What was paid so far.
    #[serde(default)]
    pub tenders: Vec<Tender>,
    /// The card payment that runs for it, and its amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The stock reservations it sells from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<u64>,
}

/// A card payment under way.
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
    /// Given up before anything was paid.
    Abandoned,
}

/// Why the rules refuse a command. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Completed or abandoned.
    #[error("the basket is no longer open")]
    NotOpen,
    /// A card payment runs.
    #[error("a card payment of this basket is under way; wait for its end or abort it")]
    PaymentUnderWay,
    /// Lines can't change once something is paid.
    #[error("the basket is partly paid; its lines are fixed")]
    PartlyPaid,
    /// Too many lines.
    #[error("the basket has {MAX_LINES} lines, the most it takes; complete it and open another")]
    TooManyLines,
    /// Too many discounts on a line.
    #[error("line {line} has 16 discounts, the most it takes")]
    TooManyDiscounts {
        /// Which line.
        line: u32,
    },
    /// Too many tenders.
    #[error("the basket has {MAX_TENDERS} tenders, the most it takes")]
    TooManyTenders,
    /// No such line, or voided.
    #[error("the basket has no line {line}, or it is voided")]
    NoSuchLine {
        /// What was asked for.
        line: u32,
    },
    /// Nothing in it.
    #[error("the basket has no lines; add one or abandon it")]
    Empty,
    /// The item is sold by another unit.
    #[error("the item is sold by {}, not by {}", sold_by.name(), asked.name())]
    WrongUnit {
        /// The item's.
        sold_by: Unit,
        /// The command's.
        asked: Unit,
    },
    /// Zero, negative or too much where it may not be.
    #[error("the amount is out of range; positive and at most {} minor units", MAX_LINE_AMOUNT.get())]
    AmountOutOfRange,
    /// Not on file, and no price keyed.
    #[error("an item that is not on file needs a keyed amount and a reason")]
    PriceMissing,
    /// More off than on.
    #[error("a discount of {} exceeds what is left of line {line}, {} minor units", discount.get(), net.get())]
    DiscountExceedsLine {
        /// Which line.
        line: u32,
        /// What is left of it.
        net: Minor,
        /// What was asked.
        discount: Minor,
    },
    /// A card pays exactly or less: no cash is given back on cards.
    #[error("a card payment of {} exceeds the {} minor units that are due", amount.get(), due.get())]
    ExceedsDue {
        /// What was asked.
        amount: Minor,
        /// What is due.
        due: Minor,
    },
    /// Not enough.
    #[error("{} minor units are still due", due.get())]
    StillDue {
        /// What is missing.
        due: Minor,
    },
    /// A text is empty, too long or has control characters.
    #[error("`{field}` must be 1 to {} bytes of text without control characters", crate::MAX_TEXT)]
    BadText {
        /// Which field.
        field: &'static str,
    },
}

impl Basket {
    /// Opens a basket.
    ///
    /// # Errors
    /// A reference or customer that is no proper text.
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

    /// Adds a line and gives its number.
    ///
    /// # Errors
    /// Not open, being paid, full, or [`Line::price`] refuses.
    pub fn add_line(&mut self, new: NewLine<'_>) -> Result<u32, Refusal> {
        self.lines_may_change()?;
        if self.lines.len() >= MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        let number = self.lines.last().map_or(1, |line| line.number + 1);
        self.lines.push(Line::price(number, new)?);
        Ok(number)
    }

    /// Takes a line back; it stays on record.
    ///
    /// # Errors
    /// Not open, being paid, no such line.
    pub fn void_line(&mut self, number: u32) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.live_line(number)?.voided = true;
        Ok(())
    }

    /// Takes a discount off a line.
    ///
    /// # Errors
    /// Not open, being paid, no such line, or [`Line::discount`] refuses.
    pub fn discount(&mut self, number: u32, discount: Discount) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.live_line(number)?.discount(discount)
    }

    /// Takes cash or a coupon.
    ///
    /// # Errors
    /// Not open, a card payment runs, or the amount is not positive.
    pub fn tender(&mut self, tender: Tender) -> Result<(), Refusal> {
        self.is_open()?;
        if self.reserved.is_some() {
            return Err(Refusal::PaymentUnderWay);
        }
        if self.lines.iter().all(|line| line.voided) {
            return Err(Refusal::Empty);
        }
        if self.tenders.len() >= MAX_TENDERS {
            return Err(Refusal::TooManyTenders);
        }
        if !tender.amount().is_positive() || tender.amount() > MAX_LINE_AMOUNT {
            return Err(Refusal::AmountOutOfRange);
        }
        if let Tender::ManufacturerCoupon { code: Some(code), .. } = &tender {
            checked_text("code", code.clone())?;
        }
        self.tenders.push(tender);
        Ok(())
    }

    /// Freezes the basket for a card payment of `amount`, or of all that is due.
    ///
    /// # Errors
    /// Not open, another runs, nothing or less is due, or one tender more is too many.
    pub fn reserve(&mut self, payment: PaymentId, amount: Option<Minor>) -> Result<Minor, Refusal> {
        self.is_open()?;
        if self.reserved.is_some() {
            return Err(Refusal::PaymentUnderWay);
        }
        // Not when it is approved: then it is a tender.
        if self.tenders.len() >= MAX_TENDERS {
            return Err(Refusal::TooManyTenders);
        }
        let due = self.due();
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

    /// Ends the card payment: with its tender if it was approved, with nothing if not. Ignores any other payment than
    /// the reserved one.
    pub fn settle(&mut self, payment: PaymentId, approved: Option<Tender>) {
        if self.reserved.as_ref().is_some_and(|reserved| reserved.payment == payment) {
            self.reserved = None;
            self.tenders.extend(approved);
        }
    }

    /// What is still to be paid; negative if there is change to give.
    pub fn due(&self) -> Minor {
        self.totals().net - self.tenders.iter().map(Tender::amount).sum()
    }

    /// The sums of the lines and tenders.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.lines, &self.tenders)
    }

    /// Makes the sale. The basket is [`Completed`](BasketState::Completed) then.
    ///
    /// # Errors
    /// Not open, empty, not fully paid, a card payment runs.
    pub fn complete(&mut self, stamp: Stamp) -> Result<Sale, Refusal> {
        self.is_open()?;
        if self.reserved.is_some() {
            return Err(Refusal::PaymentUnderWay);
        }
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

    /// Gives the basket up.
    ///
    /// # Errors
    /// Not open, or something is paid: give that back first.
    pub fn abandon(&mut self) -> Result<(), Refusal> {
        self.lines_may_change()?;
        self.state = BasketState::Abandoned;
        Ok(())
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.state == BasketState::Open { Ok(()) } else { Err(Refusal::NotOpen) }
    }

    fn lines_may_change(&self) -> Result<(), Refusal> {
        self.is_open()?;
        if self.reserved.is_some() {
            return Err(Refusal::PaymentUnderWay);
        }
        if self.tenders.is_empty() { Ok(()) } else { Err(Refusal::PartlyPaid) }
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
