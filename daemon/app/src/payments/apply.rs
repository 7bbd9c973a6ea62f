//! An event of a payment and its consequences, in one commit.

use commerce::{
    Basket, BasketState, CardReference, CardSlip, EntryMode, Minor, PaymentId, PaymentState, Sale, SaleId, Station,
    Tender, payment::Event,
};
use serde::Serialize;
use store::{StoreError, Transaction};
use tracing::{Span, field};

use super::{OPEN, PAYMENTS, Payment, UNWANTED, bookings, offline, refunding, unknown};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    pricing,
    selling::{self, SaleContext, SaleDone},
    stock,
};

/// What the terminal said of an approval, without card data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The approved amount; `None` for the requested one.
    pub amount: Option<Minor>,
    /// The masked number, such as `476173******0119`.
    pub masked_pan: Option<String>,
    /// The scheme or card name.
    pub scheme: Option<String>,
    /// How the card was read.
    pub entry: Option<EntryMode>,
    /// The bank's authorisation code.
    pub authorisation: Option<String>,
    /// The token of the card.
    pub token: Option<String>,
    /// The hash of the token.
    pub identity: Option<String>,
    /// The terminal's numbers for the payment.
    pub reference: CardReference,
    /// The text for the customer's receipt.
    pub receipt_text: Vec<String>,
}

impl Approval {
    fn slip(&self, payment: PaymentId) -> CardSlip {
        CardSlip {
            payment,
            masked_pan: self.masked_pan.clone(),
            scheme: self.scheme.clone(),
            entry: self.entry,
            authorisation: self.authorisation.clone(),
            token: self.token.clone(),
            identity: self.identity.clone(),
            reference: self.reference.clone(),
        }
    }
}

/// The result of an event.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The payment as stored.
    pub payment: Payment,
    /// The sale, if the payment completed one.
    pub sale: Option<Sale>,
}

/// A terminal reported the failure of a payment that it had approved.
#[derive(Serialize)]
pub(super) struct PaymentDoubted {
    /// The payment.
    payment: PaymentId,
    /// The terminal's reason.
    why: String,
    /// The sale, if the payment had completed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleId>,
}

impl Act for PaymentDoubted {
    const KIND: ActKind =
        ActKind { name: "payment_doubted", doc: "A terminal reported the failure of a payment that it had approved" };
}

/// Stores an event of a payment and its consequences for the basket, in one commit. An event that does not apply to the
/// payment's state changes nothing.
///
/// # Errors
/// The store fails. No other error can prevent recording what a terminal did.
pub fn apply(
    transaction: &mut Transaction<'_>,
    id: PaymentId,
    event: &Event,
    approval: Option<&Approval>,
    context: &SaleContext,
) -> Result<Ended, Refusal> {
    let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    let is_blocked_by_another = transaction.get(&OPEN, &payment.terminal)?.is_some_and(|open| open != id);
    let after = payment.state.after(event).filter(|after| after.has_ended() || !is_blocked_by_another);
    let Some(after) = after else { return Ok(Ended { payment, sale: None }) };
    let before = std::mem::replace(&mut payment.state, after);
    // A person's decision has no data and does not remove the terminal's.
    if let Some(approval) = approval {
        payment.approved = approval.amount.filter(|amount| *amount != payment.amount);
        payment.card = Some(approval.slip(id));
        payment.slip.clone_from(&approval.receipt_text);
    }
    if !payment.state.has_ended() {
        transaction.put(&OPEN, &payment.terminal, &id)?;
    } else if !is_blocked_by_another {
        transaction.delete(&OPEN, &payment.terminal);
    }
    let mut made = None;
    match payment.refund_of {
        Some(of) => {
            if payment.state.charged_nothing() {
                release_refund(transaction, of, payment.amount)?;
            }
            refunding::settle(transaction, &payment, of)?;
        }
        None => made = consequences(transaction, &mut payment, &before, context)?,
    }
    record(transaction, &payment, event, context.at_ms)?;
    offline::follow(transaction, &payment, &before, event, context.at_ms)?;
    bookings::follow(transaction, &mut payment, event, context.at_ms)?;
    put(transaction, &payment)?;
    Ok(Ended { payment, sale: made })
}

pub(super) fn put(transaction: &mut Transaction<'_>, payment: &Payment) -> Result<(), StoreError> {
    Span::current().record("payment", field::display(payment.id));
    let may_be_reversed = payment.reversal_refused.is_none() && payment.unwanted;
    if may_be_reversed && (payment.state.is_charged() || !payment.state.is_settled()) {
        transaction.put(&UNWANTED, payment.id.0, &payment.id)?;
    } else if payment.unwanted {
        transaction.delete(&UNWANTED, payment.id.0);
    }
    transaction.put(&PAYMENTS, payment.id.0, payment)
}

/// A refund that did not happen leaves its amount to be refunded.
fn release_refund(transaction: &mut Transaction<'_>, of: PaymentId, amount: Minor) -> Result<(), StoreError> {
    let Some(mut original) = transaction.get(&PAYMENTS, of.0)? else { return Ok(()) };
    original.refunded = original.refunded - amount;
    put(transaction, &original)
}

/// Applies a change of state to the basket; returns the sale, if it became one.
fn consequences(
    transaction: &mut Transaction<'_>,
    payment: &mut Payment,
    before: &PaymentState,
    context: &SaleContext,
) -> Result<Option<Sale>, Refusal> {
    let has_ended = payment.state.has_ended();
    if !has_ended && !before.is_charged() {
        return Ok(None);
    }
    let mut basket = match selling::basket_of_payment(transaction, payment.basket) {
        Ok(Some(basket)) => basket,
        // The terminal's action is a fact, whatever the state of the basket: the payment's record has it, and the check
        // names the basket. A sale's basket is deleted after some time.
        Ok(None) | Err(StoreError::Corrupt { .. }) => {
            if payment.sale.is_none() && !payment.unwanted {
                let Payment { id, basket, state, .. } = payment;
                tracing::error!(payment = %id, %basket, ?state, "the basket of this payment can't be read");
            }
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if !has_ended {
        if basket.doubt(payment.id) {
            selling::put_basket(transaction, &basket)?;
        }
        return Ok(None);
    }
    let made = settle(transaction, payment, &mut basket, context)?;
    selling::put_basket(transaction, &basket)?;
    Ok(made)
}

/// Ends the payment in its basket.
fn settle(
    transaction: &mut Transaction<'_>,
    payment: &mut Payment,
    basket: &mut Basket,
    context: &SaleContext,
) -> Result<Option<Sale>, Refusal> {
    let is_charged = payment.state.is_charged();
    let tender = is_charged.then(|| Tender::Card {
        amount: payment.charged(),
        slip: payment.card.clone().unwrap_or_else(|| CardSlip::bare(payment.id)),
    });
    basket.settle(payment.id, tender);
    if !basket.is_partly_paid() {
        pricing::release(transaction, basket)?;
        stock::release_holds(transaction, basket, context.at_ms)?;
    }
    if !(payment.completes && is_charged && basket.state == BasketState::Open && !basket.due().is_positive()) {
        return Ok(None);
    }
    let sale = selling::complete(transaction, basket, context, true)?;
    payment.sale = Some(SaleDone::from(&sale));
    Ok(Some(sale))
}

/// Records in the audit trail what people must know.
fn record(transaction: &mut Transaction<'_>, payment: &Payment, event: &Event, at_ms: i64) -> Result<(), Refusal> {
    let by = By { actor: Station::Hub.into(), at_ms };
    let Event::Retract { why } = event else { return Ok(()) };
    let sale = match &payment.sale {
        Some(done) => Some(done.sale),
        None => completed(transaction, payment),
    };
    Ok(audit::record(transaction, &by, &PaymentDoubted { payment: payment.id, why: why.clone(), sale })?)
}

/// The sale of a payment's basket.
fn completed(transaction: &Transaction<'_>, payment: &Payment) -> Option<SaleId> {
    match selling::basket_of_payment(transaction, payment.basket).ok()??.state {
        BasketState::Completed { sale } => Some(sale),
        _ => None,
    }
}
