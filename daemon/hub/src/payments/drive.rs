//! Takes a stored payment through its terminal to its end. Runs on its own, whether or not the register still listens.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use drivers::payment_terminal::{Amount, Intent, Journal, Outcome, Record, Resolution, TerminalError};
use store::{Purpose, Transaction};
use tokio::{
    sync::{OwnedMutexGuard, oneshot},
    time::sleep,
};

use super::{Payment, PaymentState, end, lane_terminal, put};
use crate::{
    audit::{self, Act},
    hub::Hub,
    problem::Problem,
    registers::CONSOLE,
    selling::{self, Counter},
};

/// Pauses between two questions to a terminal that does not answer yet: 0.1 s doubling to 5 s, each with as much again at random.
const ASK_AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times()
    .with_jitter();

/// Takes hold of a terminal for a payment, with its journal from before; or says why not.
pub(super) fn take(hub: &Hub, terminal: &str) -> (Option<OwnedMutexGuard<()>>, Result<Journal, Problem>) {
    let held = hub.payments.hold(terminal).and_then(|held| Ok((held, hub.devices.terminal(terminal)?.journal())));
    match held {
        Ok((held, before)) => (Some(held), Ok(before)),
        Err(problem) => (None, Err(problem)),
    }
}

/// Starts driving a payment whose intent is stored. The receiver hears when it has an end.
pub(super) fn spawn(hub: &Arc<Hub>, payment: Payment, held: OwnedMutexGuard<()>) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        authorise(&hub, payment, held, tell).await;
    });
    ended
}

#[tracing::instrument(skip_all, fields(payment = %payment.id, terminal = %payment.terminal))]
async fn authorise(hub: &Arc<Hub>, payment: Payment, held: OwnedMutexGuard<()>, tell: oneshot::Sender<()>) {
    let device = match hub.devices.terminal(&payment.terminal) {
        Ok(device) => device,
        Err(problem) => {
            finish(hub, &payment, PaymentState::NotCharged { why: problem.detail }, None, None).await;
            return;
        }
    };
    let intent = intent(hub, &payment);
    let asked = intent.amount;
    match device.authorise(&intent).await {
        Ok(Outcome::Approved(approved)) if approved.record.amount == asked => {
            let record = approved.record.clone();
            if !finish(hub, &payment, PaymentState::Approved, Some(&record), None).await {
                // It could not be stored, so it must not be charged.
                if let Err(error) = approved.roll_back().await {
                    tracing::error!(%error, "could not be rolled back; at the next start the terminal is asked");
                }
                return;
            }
            // The result is durable: now, and only now, the terminal may commit its side.
            let kept = approved.keep().await;
            drop(held);
            let _ = tell.send(());
            match kept {
                Ok(full) if full.receipt_text != record.receipt_text => store_slip(hub, &payment, full).await,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "approved and stored, but the terminal's receipt text is missing"),
            }
            selling::print(hub, &Counter::of(hub, &payment.register));
            return;
        }
        Ok(Outcome::Approved(other)) => {
            tracing::error!(
                asked = asked.minor,
                got = other.record.amount.minor,
                "the terminal approved another amount; rolling back"
            );
            let why =
                format!("the terminal approved {} minor units instead of {}", other.record.amount.minor, asked.minor);
            let state = match other.roll_back().await {
                Ok(_) => PaymentState::NotCharged { why },
                Err(error) => {
                    PaymentState::Unknown { why: format!("{why}, and did not confirm the reversal: {error}") }
                }
            };
            finish(hub, &payment, state, None, None).await;
        }
        Ok(Outcome::Declined { code, why }) => {
            finish(hub, &payment, PaymentState::Declined { code, why }, None, None).await;
        }
        Err(error @ (TerminalError::Offline { .. } | TerminalError::Busy { .. })) => {
            finish(hub, &payment, PaymentState::NotCharged { why: error.to_string() }, None, None).await;
        }
        Err(error) => {
            tracing::warn!(%error, "in doubt; asking the terminal");
            resolve(hub, payment, held).await;
        }
    }
    let _ = tell.send(());
}

/// A stored payment as its terminal's driver sees it.
fn intent(hub: &Hub, payment: &Payment) -> Intent {
    let minor = u64::try_from(payment.amount.get()).unwrap_or(0);
    let amount = Amount { minor, currency: hub.currency().number() };
    Intent { reference: payment.id.clone(), amount, before: payment.before.clone() }
}

/// Asks the terminal until it answers, and ends the payment by what it says. Holds the terminal meanwhile.
pub(super) async fn resolve(hub: &Arc<Hub>, payment: Payment, held: OwnedMutexGuard<()>) {
    let intent = intent(hub, &payment);
    let mut pauses = ASK_AGAIN.build();
    let resolution = loop {
        match hub.devices.terminal(&payment.terminal) {
            Ok(device) => match device.resolve(&intent).await {
                Ok(resolution) => break resolution,
                Err(error) => tracing::debug!(payment = %payment.id, %error, "the terminal does not answer yet"),
            },
            Err(problem) => break Resolution::Unknown { why: problem.detail },
        }
        sleep(pauses.next().unwrap_or_default()).await;
    };
    tracing::info!(payment = %payment.id, ?resolution, "resolved by the terminal");
    let (state, record) = match resolution {
        Resolution::Charged(record) => (PaymentState::Approved, Some(record)),
        Resolution::NotCharged { why } => (PaymentState::NotCharged { why }, None),
        Resolution::Unknown { why } => (PaymentState::Unknown { why }, None),
    };
    finish(hub, &payment, state, record.as_ref(), None).await;
    drop(held);
    selling::print(hub, &Counter::of(hub, &payment.register));
}

/// Stores a payment's end, with what a person decided about it, and tells the house. False if it could not be stored.
pub(super) async fn finish(
    hub: &Arc<Hub>,
    payment: &Payment,
    state: PaymentState,
    record: Option<&Record>,
    decided: Option<Act>,
) -> bool {
    let counter = Counter::of(hub, &payment.register);
    let (id, record) = (payment.id.clone(), record.cloned());
    // Also on a disk with no room for sales: what a terminal did has happened.
    let end = move |transaction: &mut Transaction<'_>| {
        if let Some(decided) = decided {
            audit::record(transaction, CONSOLE, decided)?;
        }
        end(transaction, &id, state, record.as_ref(), &counter)
    };
    let stored = hub.store.commit_for(Purpose::Settled, end).await;
    match stored {
        Ok((_, sale)) => {
            if let Some(sale) = sale {
                selling::announce(hub, &sale);
            }
            true
        }
        Err(problem) => {
            tracing::error!(payment = %payment.id, detail = %problem.detail, "its end could not be stored");
            false
        }
    }
}

async fn store_slip(hub: &Hub, payment: &Payment, record: Record) {
    let id = payment.id.clone();
    let stored = hub.store.commit_for(Purpose::Housekeeping, move |transaction| {
        let Some(mut payment) = transaction.get(&super::PAYMENTS, &id)? else { return Ok(()) };
        payment.slip = record.receipt_text;
        put(transaction, &payment)
    });
    if let Err(error) = stored.await {
        tracing::warn!(payment = %payment.id, %error, "the terminal's receipt text could not be stored");
    }
}

/// Asks a terminal to stop its running payment.
pub(super) async fn abort(hub: &Hub, register: &str) -> Result<(), Problem> {
    let terminal = lane_terminal(hub, register)?;
    hub.devices.terminal(&terminal)?.abort().await.map_err(|error| Problem::device("abort-refused", error.to_string()))
}
