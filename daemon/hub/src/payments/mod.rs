//! Card payments, from the command to the terminal and back. [`app::payments`] has the states and the failures.
//!
//! - A payment is driven by its own task, which holds the terminal's lock, whether or not its register still waits.
//! - The payments' follower finds a payment without an outcome while nobody holds its terminal's lock (the hub was
//!   restarted, the task ended, or the result could not be stored), and does what [`commerce::payment::todo`] says.
//! - It also reverses an approved payment whose basket was abandoned, once the terminal is ready.

mod drive;
mod follower;
mod offline;
mod reconciling;
mod routes;
mod terminal;

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    devices::DEVICE_UNKNOWN,
    payments::{
        self, Intent, NOT_REVERSIBLE, PAYMENT_DECLINED, PAYMENT_NOT_CHARGED, PAYMENT_OUTCOME_UNKNOWN, PAYMENT_PARTIAL,
        PAYMENT_UNDER_WAY, Payment, RefundRequest, Refunding, Voided,
    },
    refusal::BUSY,
    selling::{self, BasketStatus, SaleDone},
};
use commerce::{Basket, BasketId, Minor, PaymentId, PaymentState, RegisterName, gift_card::CardNumber, payment::Waits};
pub(crate) use follower::ResolvePayments;
pub(crate) use reconciling::ReconcileTerminals;
pub(crate) use routes::routes;
use serde_json::Value;
use store::Purpose;
use tokio::sync::oneshot;

use crate::{
    gift_cards,
    hub::Hub,
    parts::terminals::Held,
    trail,
    web::{Command, Empty, Problem, reading},
};

/// How long a request waits for the terminal before it returns an unfinished payment.
const WAIT: Duration = Duration::from_secs(90);

/// The terminal of a register's lane.
fn lane_terminal(hub: &Hub, register: &RegisterName) -> Result<String, Refusal> {
    let terminal = hub.config.lane(register).and_then(|lane| lane.payment_terminal.clone());
    terminal.ok_or_else(|| {
        DEVICE_UNKNOWN
            .because(format!("register {register} has no payment terminal; add `payment_terminal` to its [[register]]"))
    })
}

/// Stores the intent of a command and drives the payment, or finds the payment of a repeated command; waits for its end
/// as long as a request may. `start` receives an intent for the whole amount due.
async fn take<T>(
    hub: &Arc<Hub>,
    register: &RegisterName,
    command: Command<T>,
    start: impl FnOnce(&mut store::Transaction<'_>, &app::By, T, Intent) -> Result<Payment, Refusal> + Send + 'static,
) -> Result<Payment, Refusal>
where
    T: Send + 'static,
{
    // For a repeated command the terminal may be locked by the same payment, or no longer in the lane. Whether that
    // matters is known once the key was looked up.
    let taken = lane_terminal(hub, register).and_then(|terminal| {
        let held = hub.terminals.hold(&terminal)?;
        let before = hub.devices.terminal(&terminal)?.journal().into();
        Ok((held, (terminal, before)))
    });
    let (held, taken) = match taken {
        Ok((held, taken)) => (Some(held), Ok(taken)),
        Err(refusal) => (None, Err(refusal)),
    };
    let (id, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, body| {
            let (terminal, before) = taken?;
            let intent = Intent { terminal, amount: None, before };
            start(transaction, by, body, intent).map(|payment| payment.id)
        })
        .await?;
    // A repeated command releases the terminal, because the task that resolves the payment needs it.
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, id)?, held)),
        None => None,
    };
    settled(hub, id, ended).await
}

/// Waits until a payment ends, as long as a request may.
async fn settled(hub: &Hub, id: PaymentId, ended: Option<oneshot::Receiver<()>>) -> Result<Payment, Refusal> {
    let waited = async {
        if let Some(ended) = ended {
            let _ = ended.await;
            return;
        }
        let mut commits = hub.store.committed();
        let is_under_way = || payments::read(&hub.store, id).is_ok_and(|payment| !payment.state.is_settled());
        while is_under_way() && commits.changed().await.is_ok() {}
    };
    let _ = tokio::time::timeout(WAIT, waited).await;
    payments::read(&hub.store, id)
}

/// A whole sale by card: basket and intent are stored in one commit, result and sale in another.
///
/// # Errors
/// The terminal is busy, declines or does not answer, or the store fails. The basket stays open then.
pub(crate) async fn sell_by_card(
    hub: &Arc<Hub>,
    register: &RegisterName,
    command: Command<Result<Basket, Refusal>>,
) -> Result<SaleDone, Refusal> {
    let payment = take(hub, register, command, |transaction, by, basket, intent| {
        payments::start_whole_sale(transaction, by, basket?, intent)
    })
    .await?;
    let (id, basket, terminal) = (payment.id, payment.basket, payment.terminal.clone());
    let (sale, state) = (payment.sale.clone(), payment.state.clone());
    if let Some(sale) = &sale {
        trail::about(sale.sale);
    }
    if let (Some(sale), PaymentState::Unknown { why, .. }) = (&sale, &state) {
        let detail = format!(
            "sale {} was made, but its payment {id} is in doubt: {why}; read the terminal's journal, decide the \
             payment at the console, and keep the goods if it was not charged",
            sale.sale
        );
        return Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", id.to_string()));
    }
    let still_open = format!("basket {basket} is still open: pay it in another way or abandon it");
    match (sale, state) {
        (Some(sale), _) => Ok(sale),
        (None, PaymentState::Declined { why, .. }) => {
            Err(PAYMENT_DECLINED.because(format!("{why}; {still_open}")).member("basket", basket.to_string()))
        }
        (None, PaymentState::NotCharged { why }) => {
            let detail = format!("{why}; nothing was charged; {still_open}");
            Err(PAYMENT_NOT_CHARGED.because(detail).member("basket", basket.to_string()))
        }
        (None, PaymentState::Unknown { why, waits_for: Waits::Person, .. }) => {
            let detail = format!("{why}; read the terminal's journal and decide payment {id} at the console");
            Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", id.to_string()))
        }
        (None, PaymentState::Reversed | PaymentState::RefundSubmitted) => {
            let detail = format!("payment {id} was reversed because its basket was abandoned");
            Err(PAYMENT_NOT_CHARGED.because(detail).member("basket", basket.to_string()))
        }
        (None, PaymentState::Approved | PaymentState::ApprovedOffline) if payment.approved.is_some() => {
            let due = selling::basket(&hub.store, basket)?.map_or(payment.amount, |basket| basket.due());
            let detail = format!(
                "the card paid {} of {} minor units; pay the other {} of basket {basket} in another way",
                payment.approved.unwrap_or_default().get(),
                payment.amount.get(),
                due.get()
            );
            Err(PAYMENT_PARTIAL.because(detail).member("basket", basket.to_string()).member("due", due.get()))
        }
        (None, _) => Err(under_way(id, &terminal)),
    }
}

fn under_way(id: PaymentId, terminal: &str) -> Refusal {
    let detail =
        format!("payment {id} is still in progress at terminal {terminal}; repeat this command with the same key");
    PAYMENT_UNDER_WAY.because(detail).member("payment", id.to_string())
}

/// Voids a tender. A card payment is reversed at its terminal, and the answer waits for it.
///
/// # Errors
/// No such tender, the terminal is busy or refuses, or the store fails.
pub(crate) async fn void_tender(
    hub: &Arc<Hub>,
    id: BasketId,
    number: u32,
    command: Command<Empty>,
) -> Result<BasketStatus, Refusal> {
    // The terminal is locked before the commit; whether that matters is known once the key was looked up.
    let found = selling::basket(&hub.store, id)?;
    let paid_by_card = found.and_then(|basket| basket.card_tender(number).ok().flatten());
    let (held, terminal) = match paid_by_card.map(|payment| lock(hub, payment)) {
        Some(Ok(held)) => (Some(held), Ok(())),
        Some(Err(refusal)) => (None, Err(refusal)),
        None => (None, Ok(())),
    };
    let hub_of_context = Arc::clone(hub);
    let (voided, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
            let context = |register: &RegisterName| hub_of_context.sale_context(register, by.at_ms);
            payments::void_tender(transaction, by, id, number, terminal, context)
        })
        .await?;
    let payment = match voided {
        Voided::GivenBack(status) => return Ok(*status),
        Voided::Reversing(payment) => payment,
    };
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, payment)?, held)),
        None => None,
    };
    let payment = settled(hub, payment, ended).await?;
    match &payment.state {
        PaymentState::Reversed | PaymentState::RefundSubmitted => selling::status(&hub.store, id, number),
        state if state.is_charged() => {
            let why = payment.reversal_refused.unwrap_or_else(|| "the terminal could not be reached".into());
            let detail = format!("payment {} was not reversed: {why}; it still pays the basket", payment.id);
            Err(NOT_REVERSIBLE.because(detail).member("left", payment.approved.unwrap_or(payment.amount).get()))
        }
        PaymentState::Unknown { why, waits_for: Waits::Person, .. } => {
            let detail = format!("{why}; read the terminal's journal and decide payment {} at the console", payment.id);
            Err(PAYMENT_OUTCOME_UNKNOWN.because(detail).member("payment", payment.id.to_string()))
        }
        _ => Err(under_way(payment.id, &payment.terminal)),
    }
}

/// Locks the terminal of a payment.
fn lock(hub: &Hub, payment: PaymentId) -> Result<Held, Refusal> {
    hub.terminals.hold(&payments::read(&hub.store, payment)?.terminal)
}

/// Refunds a part of a payment, or all of it, at its terminal.
///
/// # Errors
/// The terminal is busy, the payment can't be refunded, or the store fails.
async fn refund(hub: &Arc<Hub>, of: PaymentId, command: Command<Option<Minor>>) -> Result<Payment, Refusal> {
    let taken = lock(hub, of).and_then(|held| {
        let terminal = payments::read(&hub.store, of)?.terminal;
        Ok((held, Value::from(hub.devices.terminal(&terminal)?.journal())))
    });
    let (held, before) = match taken {
        Ok((held, before)) => (Some(held), Ok(before)),
        Err(refusal) => (None, Err(refusal)),
    };
    let (id, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, amount| {
            payments::start_refund(transaction, by, of, amount, before?).map(|refund| refund.id)
        })
        .await?;
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, id)?, held)),
        None => None,
    };
    settled(hub, id, ended).await
}

/// Does the next step of a basket's refund, and waits for the terminal if it is one to a card.
///
/// # Errors
/// Nothing is to be given back, the terminal is busy, or the store fails.
pub(crate) async fn refund_step(
    hub: &Arc<Hub>,
    id: BasketId,
    command: Command<RefundRequest>,
) -> Result<(Basket, Option<CardNumber>), Problem> {
    let of = Arc::clone(hub);
    let (original, cash_instead) = reading(move || {
        let original = payments::next_card(&of.store, id)?;
        Ok((original, of.return_policies()?.cash_instead))
    })
    .await?;
    let is_skipped = command.body.skip_card.is_some();
    let taken = original.as_ref().filter(|_| !is_skipped).map(|original| {
        let held = hub.terminals.hold(&original.terminal)?;
        Ok((held, Value::from(hub.devices.terminal(&original.terminal)?.journal())))
    });
    let (held, before) = match taken {
        Some(Ok((held, before))) => (Some(held), Ok(before)),
        Some(Err(refusal)) => (None, Err(refusal)),
        None => (None, Err(BUSY.because("the next card's terminal is not locked; send the command again"))),
    };
    let terms = (gift_cards::new_number()?, cash_instead);
    let (step, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, request| {
            payments::refund_step(transaction, by, id, &request, original.as_ref(), before, terms)
        })
        .await?;
    let mut store_credit = None;
    if let Refunding::Given { store_credit: new } = &step {
        store_credit.clone_from(new);
    }
    if let Refunding::Card(refund) = step {
        let ended = match held.filter(|_| is_first) {
            Some(held) => Some(drive::spawn(hub, payments::read(&hub.store, refund)?, held)),
            None => None,
        };
        settled(hub, refund, ended).await?;
    }
    let of = Arc::clone(hub);
    let basket = reading(move || Ok(selling::basket(&of.store, id)?)).await?;
    let basket = basket.ok_or_else(|| selling::BASKET_UNKNOWN.because(format!("unknown basket {id}")))?;
    Ok((basket, store_credit))
}
