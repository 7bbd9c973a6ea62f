//! The intent of a payment, stored before it is sent to the terminal, and a person's decision.

use commerce::{
    Basket, BasketId, Minor, PaymentId, PaymentState,
    operator::Right,
    payment::{Event, Finding},
};
use serde::Serialize;
use serde_json::Value;
use store::{Store, StoreError, Transaction};

use super::{
    DECIDE, OPEN, PAYMENTS, Payment, TAKE,
    apply::{apply, put},
    bookings,
    refusals::{PAYMENT_ENDED, TERMINAL_UNRESOLVED},
    unknown,
};
use crate::{
    By, Refusal, Retention, Tidied,
    audit::{self, Act, ActKind},
    operators::{allow, limit},
    pricing, recalls,
    selling::{self, SaleContext},
    serials, stock,
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
    allow(transaction, by, Right::Sell, 0)?;
    for line in &basket.lines {
        selling::allow_discounts(transaction, by, &basket, line.number)?;
    }
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
    is_free(transaction, &terminal)?;
    let id = PaymentId(transaction.next_number("payment")?);
    let amount = basket.reserve(id, amount)?;
    let offline_limit = limit(transaction, by, Right::AcceptOffline, amount.get().unsigned_abs())?;
    let offline_limit = offline_limit.and_then(|most| Minor::new(i64::try_from(most).ok()?));
    // If nothing is paid yet, the lines become fixed now; otherwise the first tender fixed them.
    if completes || !basket.is_partly_paid() {
        selling::require_numbers(transaction)?;
        recalls::refuse(transaction, &basket.lines)?;
        serials::refuse(transaction, &basket.lines)?;
        pricing::fix(transaction, basket, by.at_ms)?;
        stock::hold(transaction, basket, by.at_ms)?;
    }
    let payment = Payment {
        id,
        basket: basket.id,
        register: basket.register.clone(),
        terminal,
        refund_of: None,
        amount,
        offline_limit,
        approved: None,
        refunded: Minor::ZERO,
        booked: Minor::ZERO,
        started_at_ms: by.at_ms,
        state: PaymentState::Created,
        completes,
        sale: None,
        unwanted: false,
        collected: None,
        reversal_refused: None,
        before,
        card: None,
        slip: Vec::new(),
    };
    transaction.put(&OPEN, &payment.terminal, &id)?;
    put(transaction, &payment)?;
    selling::put_basket(transaction, basket)?;
    Ok(payment)
}

/// Requires that no payment without an outcome blocks a terminal.
pub(super) fn is_free(transaction: &Transaction<'_>, terminal: &str) -> Result<(), Refusal> {
    let Some(open) = transaction.get(&OPEN, terminal)? else { return Ok(()) };
    let detail = format!(
        "payment {open} on terminal {terminal} is unresolved; wait for the terminal's answer, or read its journal and \
         decide the payment at the console"
    );
    Err(TERMINAL_UNRESOLVED.because(detail).member("payment", open.to_string()))
}

/// The payment that blocks a terminal, read in a commit.
pub(crate) fn unresolved_at(transaction: &Transaction<'_>, terminal: &str) -> Result<Option<Payment>, StoreError> {
    match transaction.get(&OPEN, terminal)? {
        Some(id) => transaction.get(&PAYMENTS, id.0),
        None => Ok(None),
    }
}

/// Deletes payments that charged nothing or were reversed, and refunds, after the retention period of sales; other
/// payments are deleted with their sales. Blocks.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let keep_from_ms = retention.keep_from_ms();
    let is_over = move |payment: &Payment| {
        let is_of_no_sale = payment.state.charged_nothing()
            || payment.state == PaymentState::Reversed
            || payment.refund_of.is_some() && payment.state.has_ended();
        is_of_no_sale && payment.sale.is_none() && payment.started_at_ms < keep_from_ms
    };
    let payments = store.forget(&PAYMENTS, is_over)?;
    Ok(vec![("payments", payments), ("terminal_bookings", bookings::tidy(store, retention)?)])
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
    let mut payment = payment;
    give_up(&mut payment, "nobody drives it");
    put(transaction, &payment)?;
    apply(transaction, id, &Event::Decide { charged }, None, context).map(|ended| ended.payment)
}

/// Puts a payment that runs in doubt.
fn give_up(payment: &mut Payment, why: &str) {
    for event in [Event::Send, Event::Doubt { why: why.into() }] {
        step(payment, &event);
    }
}

/// An event without consequences for the basket.
fn step(payment: &mut Payment, event: &Event) {
    if let Some(after) = payment.state.after(event) {
        payment.state = after;
    }
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

/// The payments that block their terminals: without an outcome. An entry that can't be read blocks no terminal; the
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
    let Some(mut payment) = transaction.get(&PAYMENTS, id.0)? else { return Ok(()) };
    let why = "the store was restored from a backup taken while the payment was with the terminal";
    give_up(&mut payment, why);
    step(&mut payment, &Event::Found(Finding::Inconclusive { why: why.into() }));
    put(transaction, &payment)
}
