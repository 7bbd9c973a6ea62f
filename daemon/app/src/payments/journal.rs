//! The records of a payment before and after it is sent to the terminal, each written in one commit.

use commerce::{Basket, BasketId, BasketState, CardSlip, Minor, PaymentId, Sale, SaleId, Station, Tender};
use serde::Serialize;
use serde_json::Value;
use store::{Store, StoreError, Transaction};
use tracing::{Span, field};

use super::{
    Approval, DECIDE, OPEN, PAYMENTS, Payment, PaymentState, TAKE,
    refusals::{PAYMENT_ENDED, TERMINAL_UNRESOLVED},
    unknown,
};
use crate::{
    By, Refusal, Retention, Tidied,
    audit::{self, Act, ActKind},
    selling::{self, SaleContext, SaleDone},
    stock,
};

/// A payment to make.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The terminal.
    pub terminal: String,
    /// The amount; the default is the whole amount due.
    pub amount: Option<Minor>,
    /// The journal of the terminal's driver.
    pub before: Value,
}

/// The result of ending a payment.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The payment as stored.
    pub payment: Payment,
    /// The sale, if the payment completed one.
    pub sale: Option<Sale>,
}

/// A person decided a payment with an unknown outcome.
#[derive(Serialize)]
pub(super) struct PaymentDecided {
    /// The payment.
    payment: PaymentId,
    /// Whether the customer was charged, according to the terminal's journal.
    charged: bool,
}

impl Act for PaymentDecided {
    const KIND: ActKind =
        ActKind { name: "payment_decided", doc: "A person decided a payment with an unknown outcome" };
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

/// Stores the intent to pay a basket. After this commit the payment may be sent to the terminal.
///
/// # Errors
/// The rules of the basket or the stock refuse it, or the terminal has an unresolved payment.
pub fn start(transaction: &mut Transaction<'_>, by: &By, basket: BasketId, intent: Intent) -> Result<Payment, Refusal> {
    TAKE.require(&by.actor)?;
    let register = by.register()?;
    let found = selling::basket_of_payment(transaction, basket)?;
    let mut basket = found
        .filter(|basket| basket.register == *register)
        .ok_or_else(|| selling::BASKET_UNKNOWN.because(format!("register {register} has no basket {basket}")))?;
    begin(transaction, by, &mut basket, intent, false)
}

/// The same for a whole sale: this command makes the basket, which becomes a sale when the payment is approved.
///
/// # Errors
/// As for [`start`].
pub fn start_whole_sale(
    transaction: &mut Transaction<'_>,
    by: &By,
    mut basket: Basket,
    intent: Intent,
) -> Result<Payment, Refusal> {
    TAKE.require(&by.actor)?;
    basket.id = selling::new_basket_id(transaction)?;
    stock::claim(transaction, &basket)?;
    begin(transaction, by, &mut basket, intent, true)
}

fn begin(
    transaction: &mut Transaction<'_>,
    by: &By,
    basket: &mut Basket,
    intent: Intent,
    completes: bool,
) -> Result<Payment, Refusal> {
    let Intent { terminal, amount, before } = intent;
    if let Some(open) = transaction.get(&OPEN, &terminal)? {
        let detail = format!(
            "payment {open} on terminal {terminal} is unresolved; wait for the terminal's answer, or read its journal and decide \
             the payment at the console"
        );
        return Err(TERMINAL_UNRESOLVED.because(detail).member("payment", open.to_string()));
    }
    let id = PaymentId(transaction.next_number("payment")?);
    let amount = basket.reserve(id, amount)?;
    // If nothing is paid yet, the lines become fixed now; otherwise the first tender fixed them.
    if completes || !basket.is_partly_paid() {
        stock::hold(transaction, basket, by.at_ms)?;
    }
    let payment = Payment {
        id,
        basket: basket.id,
        register: basket.register.clone(),
        terminal,
        amount,
        started_at_ms: by.at_ms,
        state: PaymentState::Started,
        completes,
        sale: None,
        before,
        slip: Vec::new(),
    };
    transaction.put(&OPEN, &payment.terminal, &id)?;
    put(transaction, &payment)?;
    selling::put_basket(transaction, basket)?;
    Ok(payment)
}

fn put(transaction: &mut Transaction<'_>, payment: &Payment) -> Result<(), StoreError> {
    Span::current().record("payment", field::display(payment.id));
    transaction.put(&PAYMENTS, payment.id.0, payment)
}

/// Stores the outcome of a payment and its consequences for the basket, in one commit. A payment that has already ended
/// does not change.
///
/// # Errors
/// The store fails. No other error can prevent recording what a terminal did.
pub fn end(
    transaction: &mut Transaction<'_>,
    id: PaymentId,
    state: PaymentState,
    approval: Option<&Approval>,
    context: &SaleContext,
) -> Result<Ended, Refusal> {
    let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    let mut made = None;
    if payment.state.has_ended() {
        return Ok(Ended { payment, sale: made });
    }
    if state.has_ended() {
        transaction.delete(&OPEN, &payment.terminal);
        let basket = selling::basket_of_payment(transaction, payment.basket);
        match basket {
            Ok(Some(mut basket)) => {
                made = settle(transaction, &mut payment, &mut basket, &state, approval, context)?;
            }
            // The terminal's action is a fact, whatever the state of the basket: the payment's record has it, and the
            // check names the basket.
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                tracing::error!(payment = %id, basket = %payment.basket, ?state, "payment ended without its basket");
            }
            Err(error) => return Err(error.into()),
        }
    }
    payment.state = state;
    // A person's decision has no receipt text and does not remove the terminal's.
    if let Some(approval) = approval {
        payment.slip.clone_from(&approval.receipt_text);
    }
    put(transaction, &payment)?;
    Ok(Ended { payment, sale: made })
}

/// Deletes payments that charged nothing after the retention period of sales; other payments are deleted with their
/// sales. Blocks.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    let is_over = move |payment: &Payment| {
        let charged_nothing = matches!(payment.state, PaymentState::Declined { .. } | PaymentState::NotCharged { .. });
        charged_nothing && payment.sale.is_none() && payment.started_at_ms < keep_from_ms
    };
    Ok(vec![("payments", store.forget(&PAYMENTS, is_over)?)])
}

/// Puts an approved payment back in doubt, because the terminal reported that it failed or no longer knows it. It
/// becomes `Unknown` and blocks its terminal until the terminal confirms it or a person decides. If its basket is still
/// open, the amount is due again; if it is a sale, the sale stands and the audit trail records both.
///
/// A payment that is not approved, or whose terminal has another open payment, does not change.
///
/// # Errors
/// The store fails.
pub fn doubt(transaction: &mut Transaction<'_>, id: PaymentId, at_ms: i64, why: String) -> Result<Payment, Refusal> {
    let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    if payment.state != PaymentState::Approved || transaction.get(&OPEN, &payment.terminal)?.is_some() {
        return Ok(payment);
    }
    let mut sale = payment.sale.as_ref().map(|done| done.sale);
    match selling::basket_of_payment(transaction, payment.basket) {
        Ok(Some(mut basket)) => {
            if basket.doubt(id) {
                selling::put_basket(transaction, &basket)?;
            } else if let BasketState::Completed { sale: made } = &basket.state {
                sale = Some(*made);
            }
        }
        Ok(None) | Err(StoreError::Corrupt { .. }) => {
            tracing::error!(payment = %id, basket = %payment.basket, "payment is in doubt without its basket");
        }
        Err(error) => return Err(error.into()),
    }
    let by = By { actor: Station::Hub.into(), at_ms };
    audit::record(transaction, &by, &PaymentDoubted { payment: id, why: why.clone(), sale })?;
    payment.state = PaymentState::Unknown { why };
    transaction.put(&OPEN, &payment.terminal, &id)?;
    put(transaction, &payment)?;
    Ok(payment)
}

/// Applies the outcome of a payment to its basket; returns the sale, if there is one.
fn settle(
    transaction: &mut Transaction<'_>,
    payment: &mut Payment,
    basket: &mut Basket,
    state: &PaymentState,
    approval: Option<&Approval>,
    context: &SaleContext,
) -> Result<Option<Sale>, Refusal> {
    let is_approved = *state == PaymentState::Approved;
    let tender = is_approved.then(|| Tender::Card { amount: payment.amount, slip: slip(payment.id, approval) });
    basket.settle(payment.id, tender);
    if !basket.is_partly_paid() {
        stock::release_holds(transaction, basket, context.at_ms)?;
    }
    let mut made = None;
    if payment.completes && is_approved && basket.state == BasketState::Open && !basket.due().is_positive() {
        let sale = selling::complete(transaction, basket, context, true)?;
        payment.sale = Some(SaleDone::from(&sale));
        made = Some(sale);
    }
    selling::put_basket(transaction, basket)?;
    Ok(made)
}

fn slip(payment: PaymentId, approval: Option<&Approval>) -> CardSlip {
    let approval = approval.cloned().unwrap_or_default();
    let Approval { masked_pan, scheme, reference, .. } = approval;
    CardSlip { payment, masked_pan, scheme, reference }
}

/// Decides a payment according to the terminal's journal, which a person has read. Only for a payment that is unknown
/// or that nobody drives: the caller has locked its terminal.
///
/// # Errors
/// It has ended, or the actor may not decide it.
pub fn decide(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: PaymentId,
    charged: bool,
    context: &SaleContext,
) -> Result<Payment, Refusal> {
    DECIDE.require(&by.actor)?;
    let payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    if payment.state.has_ended() {
        let state = serde_json::to_value(&payment.state).unwrap_or_default();
        let detail = format!("payment {id} has ended; there is nothing to decide");
        return Err(PAYMENT_ENDED.because(detail).member("state", state["state"].clone()));
    }
    audit::record(transaction, by, &PaymentDecided { payment: id, charged })?;
    let state = if charged {
        PaymentState::Approved
    } else {
        PaymentState::NotCharged { why: "decided by a person from the terminal's journal".into() }
    };
    end(transaction, id, state, None, context).map(|ended| ended.payment)
}

/// Adds the text for the customer's receipt, once it is complete.
///
/// # Errors
/// The store fails.
pub fn store_slip(transaction: &mut Transaction<'_>, id: PaymentId, slip: Vec<String>) -> Result<(), StoreError> {
    let Some(mut payment) = transaction.get(&PAYMENTS, id.0)? else { return Ok(()) };
    payment.slip = slip;
    put(transaction, &payment)
}

/// The payments that block their terminals: started or unknown. An entry that can't be read blocks no terminal; the
/// check names it.
///
/// # Errors
/// The engine fails.
pub fn unresolved(store: &Store) -> Result<Vec<Payment>, StoreError> {
    let mut open = Vec::new();
    store.each(&OPEN, |id| match id {
        Ok(id) => open.push(id),
        Err(error) => tracing::error!(%error, "could not read which payment holds a terminal"),
    })?;
    let mut payments = Vec::new();
    for id in open {
        match store.get(&PAYMENTS, id.0) {
            Ok(payment) => payments.extend(payment),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(payment = %id, %error, "could not read an open payment record");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(payments)
}

/// Marks a payment as unknown in a restored store, if it was with a terminal when the backup was taken. Only a person
/// can decide it, because the terminal's last transaction is another customer's by now.
///
/// # Errors
/// The store fails.
pub fn mark_unknown(transaction: &mut Transaction<'_>, id: PaymentId) -> Result<(), StoreError> {
    let found = transaction.get(&PAYMENTS, id.0)?;
    let Some(mut payment) = found.filter(|payment| payment.state == PaymentState::Started) else { return Ok(()) };
    let why = "the store was restored from a backup taken while the payment was with the terminal";
    payment.state = PaymentState::Unknown { why: why.into() };
    put(transaction, &payment)
}
