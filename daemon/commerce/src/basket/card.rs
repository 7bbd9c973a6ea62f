//! Card payments of a basket: the amount is frozen while one runs.

use serde::{Deserialize, Serialize};

use super::{Basket, MAX_TENDERS, Refusal};
use crate::{
    ids::PaymentId,
    money::Minor,
    tender::{BasketTender, Tender},
};

/// A running card payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reserved {
    /// The hub's payment.
    pub payment: PaymentId,
    /// Its amount.
    pub amount: Minor,
}

impl Basket {
    /// The card payment of a tender.
    ///
    /// `None` if it is another kind of tender.
    ///
    /// # Errors
    /// Not open, a card payment runs, or no such tender.
    pub fn card_tender(&self, number: u32) -> Result<Option<PaymentId>, Refusal> {
        self.is_not_being_paid()?;
        if !self.refund.is_empty() {
            return Err(Refusal::RefundBegun);
        }
        let found = self.tenders.iter().find(|tender| tender.number == number && !tender.voided);
        match &found.ok_or(Refusal::NoSuchTender { tender: number })?.tender {
            Tender::Card { slip, .. } => Ok(Some(slip.payment)),
            _ => Ok(None),
        }
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
}
