//! The refund of a basket that takes goods back, step by step: cards first, cash last.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the intent of a card's refund is flushed | nothing was sent; the register repeats the command |
//! | power, after it | the payments' follower ends the refund; the basket gets its tender or its next step |
//! | the card declines, or the terminal no longer knows the payment | store credit takes the place of the step |
//! | the outcome is unknown | the basket is frozen until the terminal or a person has settled the refund |
//! | power, after a step | the step is a tender of the basket; the register goes on with the next one |
//!
//! A refund is booked against its payment when it starts, and released if it did not happen, so that no payment gives
//! back more than it took, from whichever baskets.

use commerce::{
    Basket, BasketId, BasketState, CardSlip, PaymentId, PaymentState, Tender,
    gift_card::{CardKind, CardNumber},
    returns::{RefundStep, RefundTo},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{OPEN, PAYMENTS, Payment, REFUND, apply::put, refusals::NOT_REVERSIBLE, reversal::book_refund};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    customers, gift_cards, pricing, recalls,
    refusal::{BUSY, FAULT},
    selling, serials, stock,
};

/// The next step of a refund.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// Give up the next card, with the reason: its terminal is gone, or the customer no longer has the card. Store
    /// credit takes its place. In the audit trail.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub skip_card: Option<String>,
    /// With `skip_card`: cash instead of store credit, where the policy allows it.
    #[serde(default)]
    pub cash: bool,
}

/// What the command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refunding {
    /// A refund to a card was stored; it is to be driven.
    Card(PaymentId),
    /// Everything up to the next card was given back.
    Given {
        /// The number of new store credit, if a part went to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store_credit: Option<CardNumber>,
    },
}

/// A card was given up.
#[derive(Serialize)]
pub(super) struct CardRefundSkipped {
    /// The basket.
    basket: BasketId,
    /// The payment.
    payment: PaymentId,
    /// The reason.
    reason: String,
}

impl Act for CardRefundSkipped {
    const KIND: ActKind =
        ActKind { name: "card_refund_skipped", doc: "A refund was given in another way than to the card that paid" };
}

/// The payment that the next step of a basket's refund gives back, live or from the archive; `None` if the next step is
/// none to a card.
///
/// # Errors
/// The basket is unknown, or the store fails.
pub fn next_card(store: &Store, id: BasketId) -> Result<Option<Payment>, Refusal> {
    let Some(mut basket) = selling::basket(store, id)? else { return Ok(None) };
    if basket.begin_refund().is_err() {
        return Ok(None);
    }
    let Some(RefundTo::Card { payment }) = basket.next_refund().map(|step| step.refund.clone()) else {
        return Ok(None);
    };
    if let Some(live) = store.get(&PAYMENTS, payment.0)? {
        return Ok(Some(live));
    }
    for ticket in &basket.returns {
        let Some(sold) = ticket.sale.as_ref().filter(|sold| sold.store.is_none()) else { continue };
        if let Some(kept) = selling::kept_with_sale(store, sold.sale.sequence, &PAYMENTS, payment.0)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// Does the next step: stores the intent of a card's refund, or gives everything else back. `original` is what
/// [`next_card`] found, `before` the journal of its terminal's driver, and `new_card` a new number for store credit.
///
/// # Errors
/// Nothing is to be given back, the basket belongs to another register, or the terminal is not free.
pub fn refund_step(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: BasketId,
    request: &RefundRequest,
    original: Option<&Payment>,
    before: Result<Value, Refusal>,
    (new_card, cash_instead): (CardNumber, bool),
) -> Result<Refunding, Refusal> {
    REFUND.require(&by.actor)?;
    let register = by.register()?;
    let mut basket = selling::basket_of_payment(transaction, id)?
        .filter(|basket| basket.register == *register)
        .ok_or_else(|| selling::BASKET_UNKNOWN.because(format!("register {register} has no basket {id}")))?;
    if basket.refund.is_empty() {
        selling::require_numbers(transaction)?;
        recalls::refuse(transaction, &basket.lines)?;
        serials::refuse(transaction, &basket.lines)?;
        basket.begin_refund()?;
        pricing::fix(transaction, &mut basket, by.at_ms)?;
        stock::hold(transaction, &mut basket, by.at_ms)?;
    }
    if let Some(reason) = &request.skip_card {
        skip(transaction, by, &mut basket, reason, request.cash && cash_instead)?;
    }
    let (mut before, mut store_credit, mut has_done) = (Some(before), None, request.skip_card.is_some());
    while let Some(step) = basket.next_refund().cloned() {
        if let RefundTo::Card { payment } = step.refund {
            // Its terminal is not locked for this command; what is done stays done, and the next command goes on.
            if has_done && original.is_none_or(|original| original.id != payment) {
                break;
            }
        } else {
            give(transaction, by, &mut basket, &step, &new_card)?;
            if step.refund == RefundTo::StoreCredit {
                store_credit = Some(new_card.clone());
            }
            has_done = true;
            continue;
        }
        let started = start(transaction, by, &basket, &step, original, before.take());
        match started {
            Ok(refund) => {
                basket.reserve_refund(refund.id, step.amount)?;
                selling::put_basket(transaction, &basket)?;
                return Ok(Refunding::Card(refund.id));
            }
            // The payment was reversed or refunded elsewhere, or its record is gone.
            Err(refusal) if refusal.kind == &NOT_REVERSIBLE => {
                basket.skip_refund(&step.refund, &refusal.detail, false)?;
                has_done = true;
            }
            Err(refusal) => return Err(refusal),
        }
    }
    selling::put_basket(transaction, &basket)?;
    Ok(Refunding::Given { store_credit })
}

/// Does a step that needs no terminal.
fn give(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    step: &RefundStep,
    new_card: &CardNumber,
) -> Result<(), Refusal> {
    let (amount, reference) = (step.amount, basket.id.to_string());
    let tender = match &step.refund {
        RefundTo::GiftCard { movement, kind, card } => {
            match gift_cards::give_back(transaction, by, *movement, amount, &reference) {
                Ok(movement) => Some(Tender::GiftCard { amount: -amount, kind: *kind, card: card.clone(), movement }),
                // The movement has been deleted.
                Err(refusal) if refusal.kind == &FAULT => {
                    return Ok(basket.skip_refund(&step.refund, "the card's payment has been deleted", false)?);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        RefundTo::Points { customer } => {
            match customers::give_points(transaction, by, customer, (amount, basket.currency), &reference)? {
                Some((card, movement)) => {
                    Some(Tender::GiftCard { amount: -amount, kind: CardKind::LoyaltyPoints, card, movement })
                }
                None => {
                    return Ok(basket.skip_refund(&step.refund, "the customer has no account of points", false)?);
                }
            }
        }
        RefundTo::StoreCredit => {
            let what = (amount, basket.currency);
            let movement = gift_cards::refund(transaction, by, new_card, what, &reference)?;
            let (kind, card) = (CardKind::StoreCredit, new_card.masked());
            Some(Tender::GiftCard { amount: -amount, kind, card, movement })
        }
        _ => None,
    };
    Ok(basket.give_back(step, tender)?)
}

fn skip(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    reason: &str,
    to_cash: bool,
) -> Result<(), Refusal> {
    let reason = commerce::line::checked_text("skip_card", reason.to_owned())?;
    let next = basket.next_refund().map(|step| step.refund.clone());
    let Some(RefundTo::Card { payment }) = next else { return Err(commerce::Refusal::NoRefundDue.into()) };
    basket.skip_refund(&RefundTo::Card { payment }, &reason, to_cash)?;
    Ok(audit::record(transaction, by, &CardRefundSkipped { basket: basket.id, payment, reason })?)
}

/// Stores the intent to refund a step to its card.
fn start(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &Basket,
    step: &RefundStep,
    found: Option<&Payment>,
    before: Option<Result<Value, Refusal>>,
) -> Result<Payment, Refusal> {
    let RefundTo::Card { payment } = step.refund else { return Err(commerce::Refusal::NoRefundDue.into()) };
    let live = transaction.get(&PAYMENTS, payment.0)?;
    let original = live.or_else(|| found.filter(|found| found.id == payment).cloned()).ok_or_else(|| {
        let detail = format!("the record of payment {payment} has been deleted; refund it by hand");
        NOT_REVERSIBLE.because(detail).member("left", 0)
    })?;
    // The terminal was locked for the step that was next before this command.
    if found.is_none_or(|found| found.id != payment) {
        return Err(BUSY.because(format!("the next step refunds payment {payment}; send the command again")));
    }
    let before =
        before.unwrap_or_else(|| Err(BUSY.because("one card is refunded at a time; send the command again")))?;
    let refund = book_refund(transaction, by, original, step.amount, before)?;
    let refund = Payment { basket: basket.id, register: basket.register.clone(), ..refund };
    transaction.put(&OPEN, &refund.terminal, &refund.id)?;
    put(transaction, &refund)?;
    Ok(refund)
}

/// Ends a refund in its basket: it becomes a tender, or another step takes its place.
pub(super) fn settle(transaction: &mut Transaction<'_>, payment: &Payment, of: PaymentId) -> Result<(), StoreError> {
    if !payment.state.has_ended() {
        return Ok(());
    }
    // The refund is a fact, whatever the state of its basket.
    let mut basket = match selling::basket_of_payment(transaction, payment.basket) {
        Ok(Some(basket)) if basket.state == BasketState::Open => basket,
        Ok(_) | Err(StoreError::Corrupt { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let given = match &payment.state {
        state if state.charged_nothing() => Err(match state {
            PaymentState::Declined { why, .. } | PaymentState::NotCharged { why } => why.clone(),
            _ => "the refund did not happen".to_owned(),
        }),
        _ => {
            let slip = payment.card.clone().unwrap_or_else(|| CardSlip::bare(payment.id));
            Ok(Tender::Card { amount: -payment.amount, slip })
        }
    };
    if basket.settle_refund(payment.id, of, given) {
        selling::put_basket(transaction, &basket)?;
    }
    Ok(())
}
