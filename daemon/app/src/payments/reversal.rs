//! Money back to the card: a voided tender, an abandoned basket, a refund.
//!
//! A reversal cancels a payment as if it had not been; the payment itself goes through `Reversing`. A refund is a
//! payment of its own in the other direction, for a part of the amount or after the day's closing.
//!
//! | who | when | if the terminal refuses |
//! | --- | --- | --- |
//! | a register or a person | the tender of an open basket is voided | the payment stays, and pays the basket |
//! | the hub, once | the basket was abandoned, or the sale voided | a person must give the money back, and decides |

use commerce::{BasketId, Minor, PaymentId, PaymentState, RegisterName, Station, operator::Right, payment::Event};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Store, StoreError, Transaction};

use super::{
    PAYMENTS, Payment, REFUND, UNWANTED,
    apply::{apply, put},
    journal::is_free,
    offline,
    refusals::NOT_REVERSIBLE,
    unknown,
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    operators::allow,
    selling::{self, BasketStatus, SaleContext},
};

/// A card payment is to be reversed.
#[derive(Serialize)]
pub(super) struct ReversalStarted {
    /// The payment.
    payment: PaymentId,
    /// The amount.
    amount: Minor,
}

impl Act for ReversalStarted {
    const KIND: ActKind = ActKind { name: "payment_reversal_started", doc: "A card payment is to be reversed" };
}

/// A terminal refused to reverse a payment.
#[derive(Serialize)]
pub(super) struct ReversalRefused {
    /// The payment.
    payment: PaymentId,
    /// The terminal's reason.
    why: String,
}

impl Act for ReversalRefused {
    const KIND: ActKind =
        ActKind { name: "payment_reversal_refused", doc: "A terminal refused to reverse a card payment" };
}

/// A refund to a card was requested.
#[derive(Serialize)]
pub(super) struct RefundStarted {
    /// The refund.
    refund: PaymentId,
    /// The payment.
    payment: PaymentId,
    /// The amount.
    amount: Minor,
}

impl Act for RefundStarted {
    const KIND: ActKind = ActKind { name: "payment_refund_started", doc: "A refund to a card was requested" };
}

/// A voided tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Voided {
    /// Cash or a coupon was given back.
    GivenBack(Box<BasketStatus>),
    /// A card payment is to be reversed.
    Reversing(PaymentId),
}

/// Voids a tender: cash and coupons are given back at once, and a card payment is to be reversed. `terminal` says
/// whether its terminal can be used.
///
/// # Errors
/// No such tender, the basket belongs to another register, or the terminal is not free.
pub fn void_tender(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: BasketId,
    number: u32,
    terminal: Result<(), Refusal>,
    context: impl FnOnce(&RegisterName) -> SaleContext,
) -> Result<Voided, Refusal> {
    let Some(payment) = selling::card_tender(transaction, by, basket, number)? else {
        return selling::void_tender(transaction, by, basket, number).map(|status| Voided::GivenBack(Box::new(status)));
    };
    terminal?;
    allow(transaction, by, Right::VoidTender, 0)?;
    let register = transaction.get(&PAYMENTS, payment.0)?.ok_or_else(|| unknown(payment))?.register;
    start_reversal(transaction, by, payment, &context(&register)).map(|payment| Voided::Reversing(payment.id))
}

/// Stores that a payment is about to be reversed.
fn start_reversal(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: PaymentId,
    context: &SaleContext,
) -> Result<Payment, Refusal> {
    let payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    is_free(transaction, &payment.terminal)?;
    if !payment.state.is_charged() || payment.refund_of.is_some() || payment.refunded.is_positive() {
        let detail =
            format!("payment {id} can't be reversed: it is not charged, or partly refunded, or itself a refund");
        return Err(NOT_REVERSIBLE.because(detail).member("left", 0));
    }
    audit::record(transaction, by, &ReversalStarted { payment: id, amount: payment.charged() })?;
    apply(transaction, id, &Event::Reverse, None, context).map(|ended| ended.payment)
}

/// Abandons a basket. Its card payments, approved or running, must not stay charged: the hub reverses them, or rolls
/// them back when they are approved.
///
/// # Errors
/// Cash or a coupon must be given back first, or the basket belongs to another register.
pub fn abandon(transaction: &mut Transaction<'_>, by: &By, basket: BasketId) -> Result<BasketStatus, Refusal> {
    let (status, unwanted) = selling::abandon(transaction, by, basket)?;
    for id in unwanted {
        let Some(mut payment) = transaction.get(&PAYMENTS, id.0)? else { continue };
        payment.unwanted = true;
        put(transaction, &payment)?;
    }
    Ok(status)
}

/// The payments that are charged and that nobody wants.
///
/// # Errors
/// The engine fails.
pub fn to_reverse(store: &Store) -> Result<Vec<Payment>, StoreError> {
    let mut payments = offline::listed(store, &UNWANTED)?;
    payments.retain(|payment| payment.state.is_charged());
    Ok(payments)
}

/// The hub starts to reverse a payment that nobody wants.
///
/// # Errors
/// The payment was reversed already, or the terminal has an unresolved payment.
pub fn reverse_unwanted(
    transaction: &mut Transaction<'_>,
    id: PaymentId,
    context: &SaleContext,
) -> Result<Payment, Refusal> {
    let by = By { actor: Station::Hub.into(), at_ms: context.at_ms };
    start_reversal(transaction, &by, id, context)
}

/// The terminal refused a reversal.
///
/// # Errors
/// The store fails.
pub fn refuse_reversal(
    transaction: &mut Transaction<'_>,
    id: PaymentId,
    why: &str,
    context: &SaleContext,
) -> Result<(), Refusal> {
    let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    if payment.state != PaymentState::Reversing {
        return Ok(());
    }
    payment.reversal_refused = Some(why.to_owned());
    put(transaction, &payment)?;
    let by = By { actor: Station::Hub.into(), at_ms: context.at_ms };
    audit::record(transaction, &by, &ReversalRefused { payment: id, why: why.to_owned() })?;
    let event = if payment.unwanted {
        let why = format!("{why}; give the customer the money back in another way, then decide `charged: false`");
        Event::Strand { why }
    } else {
        Event::KeepCharged
    };
    apply(transaction, id, &event, None, context).map(drop)
}

/// Stores the intent to refund a part of a payment, or all of it, on the terminal that charged it.
///
/// # Errors
/// The payment is not charged, less of it is left, or the terminal has an unresolved payment.
pub fn start_refund(
    transaction: &mut Transaction<'_>,
    by: &By,
    of: PaymentId,
    amount: Option<Minor>,
    before: Value,
) -> Result<Payment, Refusal> {
    REFUND.require(&by.actor)?;
    let original = transaction.get(&PAYMENTS, of.0)?.ok_or_else(|| unknown(of))?;
    let is_own = by.actor.register_name().is_none_or(|register| *register == original.register);
    if !is_own {
        return Err(unknown(of));
    }
    let left = original.charged() - original.refunded;
    let refund = book_refund(transaction, by, original, amount.unwrap_or(left), before)?;
    allow(transaction, by, Right::Refund, refund.amount.get().unsigned_abs())?;
    transaction.put(&super::OPEN, &refund.terminal, &refund.id)?;
    put(transaction, &refund)?;
    Ok(refund)
}

/// Books a refund against its payment; the caller stores the refund.
pub(super) fn book_refund(
    transaction: &mut Transaction<'_>,
    by: &By,
    mut original: Payment,
    amount: Minor,
    before: Value,
) -> Result<Payment, Refusal> {
    let of = original.id;
    is_free(transaction, &original.terminal)?;
    let is_charge = original.state.is_charged() && original.refund_of.is_none() && !original.unwanted;
    let left = if is_charge { original.charged() - original.refunded } else { Minor::ZERO };
    if !amount.is_positive() || amount > left {
        let detail = format!("payment {of}: {} minor units can't be refunded; {} are left", amount.get(), left.get());
        return Err(NOT_REVERSIBLE.because(detail).member("left", left.get()));
    }
    original.refunded = original.refunded + amount;
    put(transaction, &original)?;
    let refund = Payment {
        id: PaymentId(transaction.next_number("payment")?),
        refund_of: Some(of),
        amount,
        offline_limit: None,
        approved: None,
        refunded: Minor::ZERO,
        booked: Minor::ZERO,
        started_at_ms: by.at_ms,
        state: PaymentState::Created,
        completes: false,
        sale: None,
        collected: None,
        reversal_refused: None,
        before,
        card: None,
        slip: Vec::new(),
        ..original
    };
    audit::record(transaction, by, &RefundStarted { refund: refund.id, payment: of, amount })?;
    Ok(refund)
}
