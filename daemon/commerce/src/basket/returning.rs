//! Goods that come back in a basket, and the refund.
//!
//! ```text
//!   add_returns* --> begin_refund --> (card: reserve_refund --> settle_refund | give_back)* --> complete
//! ```
//!
//! The lines of a return have negative amounts. If the basket then owes the customer something,
//! [`Basket::begin_refund`] fixes its lines and plans the steps; each step that is done is a negative tender. A card's
//! step freezes the basket as a payment does, until its outcome is known.

use super::{Basket, MAX_TENDERS, Refusal, Reserved};
use crate::{
    MAX_LINES,
    ids::PaymentId,
    line::{Line, NewLine},
    money::Minor,
    pricing::cash::{CashRounding, Direction},
    returns::{RefundStep, RefundTo, ReturnTicket, StepState, Way, plan},
    tender::Tender,
    void::opposite,
};

/// The maximum number of receipts whose goods a basket takes back.
const MAX_RETURNS: usize = 10;

impl Basket {
    /// The number of the next line.
    pub fn next_line(&self) -> u32 {
        self.lines.last().map_or(1, |line| line.number + 1)
    }

    /// Takes goods of a receipt back. The lines are numbered from [`next_line`](Self::next_line) on.
    ///
    /// # Errors
    /// Not open, something is paid, or the basket is full.
    pub fn add_returns(&mut self, lines: Vec<Line>, ticket: ReturnTicket) -> Result<(), Refusal> {
        self.lines_may_change()?;
        if self.returns.len() >= MAX_RETURNS {
            return Err(Refusal::TooManyReturns { most: MAX_RETURNS });
        }
        if self.lines.len() + lines.len() > MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        self.lines.extend(lines);
        self.returns.push(ticket);
        Ok(())
    }

    /// Sells goods at the price of those that a line takes back: an even exchange, such as another size. Gives the
    /// line.
    ///
    /// # Errors
    /// Not open, something is paid, no such line of a return, or the goods have another price or quantity.
    pub fn exchange(&mut self, of: u32, new: NewLine<'_>) -> Result<u32, Refusal> {
        self.lines_may_change()?;
        if self.lines.len() >= MAX_LINES {
            return Err(Refusal::TooManyLines);
        }
        let number = self.next_line();
        let taken = self.lines.iter().find(|line| line.number == of && !line.voided && line.takes_back());
        let taken = taken.ok_or(Refusal::NoSuchLine { line: of })?;
        let mut line = Line::price(number, new)?;
        let is_same = line.sku().is_some() && line.sku() == taken.sku();
        let is_even = is_same || line.unit_price().is_some() && line.unit_price() == taken.unit_price();
        if !is_even || line.quantity != taken.quantity {
            return Err(Refusal::NotEven { line: of });
        }
        let opposite = opposite(taken);
        line.basis = opposite.basis;
        (line.regular, line.adjustments, line.discounts) = (opposite.regular, opposite.adjustments, opposite.discounts);
        (line.charges, line.taxes) = (opposite.charges, opposite.taxes);
        line.returned = taken.returned.clone().map(|mut returned| {
            (returned.way, returned.tax_rounding) = (Way::Exchange, -returned.tax_rounding);
            returned
        });
        self.lines.push(line);
        if let Some(ticket) = self.returns.iter_mut().find(|ticket| ticket.lines.contains(&of)) {
            ticket.lines.push(number);
        }
        Ok(number)
    }

    /// Voids the whole return that a line belongs to. Returns false if the line is not of a return.
    pub(super) fn void_return(&mut self, number: u32) -> bool {
        let Some(place) = self.returns.iter().position(|ticket| ticket.lines.contains(&number)) else { return false };
        let ticket = self.returns.remove(place);
        for line in self.lines.iter_mut().filter(|line| ticket.lines.contains(&line.number)) {
            line.voided = true;
        }
        true
    }

    /// What is to be given back; zero if nothing is.
    pub fn refund_due(&self) -> Minor {
        if self.totals().owed().is_negative() { (-self.due()).max(Minor::ZERO) } else { Minor::ZERO }
    }

    /// Fixes the lines and plans the refund.
    ///
    /// # Errors
    /// Not open, a card payment runs, or nothing is to be given back.
    pub fn begin_refund(&mut self) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        let refund = self.refund_due();
        if !refund.is_positive() {
            return Err(Refusal::NoRefundDue);
        }
        if !self.refund.is_empty() {
            return Ok(());
        }
        let steps = plan::plan_all(refund, &self.returns);
        if steps.len() + self.tenders.len() > MAX_TENDERS {
            return Err(Refusal::TooManyTenders);
        }
        self.refund = steps;
        Ok(())
    }

    /// The next step of the refund; `None` if all are done.
    pub fn next_refund(&self) -> Option<&RefundStep> {
        self.refund.iter().find(|step| step.status == StepState::Planned)
    }

    /// Whether a refund to a card is running.
    pub(super) fn is_refunding(&self) -> bool {
        self.reserved.as_ref().is_some_and(|reserved| reserved.amount.is_negative())
    }

    /// Freezes the basket for the refund of a step to a card.
    ///
    /// # Errors
    /// Not open, or a card payment runs.
    pub fn reserve_refund(&mut self, payment: PaymentId, amount: Minor) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        self.reserved = Some(Reserved { payment, amount: -amount });
        Ok(())
    }

    /// Ends the refund to a card: `given` is its tender, or why it failed; then store credit takes its place. Any
    /// payment other than the reserved one is ignored. Returns whether it was this one.
    pub fn settle_refund(&mut self, payment: PaymentId, of: PaymentId, given: Result<Tender, String>) -> bool {
        let is_its = |reserved: &Reserved| reserved.payment == payment && reserved.amount.is_negative();
        if !self.reserved.as_ref().is_some_and(is_its) {
            return false;
        }
        self.reserved = None;
        let to = RefundTo::Card { payment: of };
        match given {
            Ok(tender) => self.mark_given(&to, tender),
            Err(why) => {
                plan::fall_back(&mut self.refund, &to, &why, false);
            }
        }
        true
    }

    /// Gives up a step that can't be done: its terminal is gone, or the cashier decides so.
    ///
    /// # Errors
    /// A card payment runs, or no such step is planned.
    pub fn skip_refund(&mut self, to: &RefundTo, why: &str, to_cash: bool) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        let to_cash = to_cash && self.may_be_cash();
        let fell = plan::fall_back(&mut self.refund, to, why, to_cash);
        if fell { Ok(()) } else { Err(Refusal::NoRefundDue) }
    }

    fn may_be_cash(&self) -> bool {
        self.returns.iter().all(|ticket| ticket.decision.cash)
    }

    /// Does a step that needs no terminal: its tender, from `gift_card` for gift cards and store credit.
    ///
    /// # Errors
    /// Not open, a card payment runs, or the tender is missing.
    pub fn give_back(&mut self, step: &RefundStep, gift_card: Option<Tender>) -> Result<(), Refusal> {
        self.is_not_being_paid()?;
        let amount = -step.amount;
        let tender = match &step.refund {
            RefundTo::Cash => {
                let rule = CashRounding::of(self.currency);
                let coins = |rule: CashRounding| Minor::new(rule.round(amount.get(), Direction::Change));
                Tender::Cash { amount: rule.and_then(coins).unwrap_or(amount) }
            }
            RefundTo::ManufacturerCoupon => Tender::ManufacturerCoupon { amount, code: None },
            RefundTo::Prepaid { reference } => Tender::Prepaid { amount, reference: reference.clone() },
            RefundTo::GiftCard { .. } | RefundTo::Points { .. } | RefundTo::StoreCredit => {
                gift_card.ok_or(Refusal::NoRefundDue)?
            }
            RefundTo::Card { .. } => return Err(Refusal::PaymentUnderWay),
        };
        self.mark_given(&step.refund, tender);
        Ok(())
    }

    fn mark_given(&mut self, to: &RefundTo, tender: Tender) {
        let step = self.refund.iter_mut().find(|step| step.refund == *to && step.status == StepState::Planned);
        if let Some(step) = step {
            step.status = StepState::Done;
        }
        // Cash that rounds to zero is not a tender.
        if !tender.amount().is_zero() {
            self.push(tender);
        }
    }
}
