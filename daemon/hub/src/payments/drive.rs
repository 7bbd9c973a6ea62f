//! Takes a stored payment through its terminal to its end. Runs on its own, whether or not the register still listens.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    payments::{self, Approval, Payment, PaymentState},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use commerce::CardReference;
use drivers::payment_terminal::{Amount, Intent, Journal, Outcome, Record, Resolution, TerminalError};
use serde_json::Value;
use store::Purpose;
use tokio::{sync::oneshot, time::sleep};

use crate::{clock::now_ms, hub::Hub, parts::terminals::Held};

/// Pauses between two questions to a terminal that does not answer yet: 0.1 s doubling to 5 s, each with as much again
/// at random.
const ASK_AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times()
    .with_jitter();

/// Takes hold of a terminal for a payment, with its driver's journal from before.
pub(super) fn take(hub: &Hub, terminal: &str) -> Result<(Held, Value), Refusal> {
    let held = hub.terminals.hold(terminal)?;
    Ok((held, hub.devices.terminal(terminal)?.journal().into()))
}

/// Starts driving a payment whose intent is stored. The receiver hears when it has an end.
pub(super) fn spawn(hub: &Arc<Hub>, payment: Payment, held: Held) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let hub = Arc::clone(hub);
    tokio::spawn(async move { authorise(&hub, payment, held, tell).await });
    ended
}

/// A stored payment as its terminal's driver sees it. A journal that no driver wrote resolves nothing, and is never
/// sent.
fn intent(hub: &Hub, payment: &Payment) -> Intent {
    let minor = u64::try_from(payment.amount.get()).unwrap_or(0);
    let amount = Amount { minor, currency: hub.currency().number() };
    Intent {
        reference: payment.id.to_string(),
        amount,
        before: Journal::try_from(payment.before.clone()).unwrap_or_default(),
    }
}

#[tracing::instrument(skip_all, fields(payment = %payment.id, terminal = %payment.terminal))]
async fn authorise(hub: &Arc<Hub>, payment: Payment, held: Held, tell: oneshot::Sender<()>) {
    let device = match hub.devices.terminal(&payment.terminal) {
        Ok(device) => device,
        Err(refusal) => {
            finish(hub, &payment, PaymentState::NotCharged { why: refusal.detail }, None).await;
            return;
        }
    };
    let intent = intent(hub, &payment);
    let asked = intent.amount;
    // The receipt is printed when it came, or was waited for.
    let _slip = hub.terminals.expect_slip(payment.id);
    match device.authorise(&intent).await {
        Ok(Outcome::Approved(approved)) if approved.record.amount == asked => {
            let record = approved.record.clone();
            if !finish(hub, &payment, PaymentState::Approved, Some(&record)).await {
                // It could not be stored, so it must not be charged.
                if let Err(error) = approved.roll_back().await {
                    tracing::error!(%error, "could not roll the approval back; the terminal will be asked");
                }
                return;
            }
            // The result is durable: now, and only now, the terminal may commit its side.
            match approved.keep().await {
                Ok(full) => {
                    drop(held);
                    let _ = tell.send(());
                    if full.receipt_text != record.receipt_text {
                        store_slip(hub, &payment, full).await;
                    }
                }
                Err(error) => confirm(hub, &payment, &held, error, tell).await,
            }
            return;
        }
        Ok(Outcome::Approved(other)) => {
            let got = other.record.amount.minor;
            tracing::error!(asked = asked.minor, got, "the terminal approved another amount; rolling back");
            let why = format!("the terminal approved {got} minor units instead of {}", asked.minor);
            let state = match other.roll_back().await {
                Ok(_) => PaymentState::NotCharged { why },
                Err(error) => {
                    PaymentState::Unknown { why: format!("{why}, and did not confirm the reversal: {error}") }
                }
            };
            finish(hub, &payment, state, None).await;
        }
        Ok(Outcome::Declined { code, why }) => {
            finish(hub, &payment, PaymentState::Declined { code, why }, None).await;
        }
        Err(error @ (TerminalError::Offline { .. } | TerminalError::Busy { .. })) => {
            finish(hub, &payment, PaymentState::NotCharged { why: error.to_string() }, None).await;
        }
        Err(error) => {
            tracing::warn!(%error, "payment in doubt; asking the terminal");
            resolve(hub, payment, held).await;
        }
    }
    let _ = tell.send(());
}

/// An approved payment whose terminal did not complete it after the hub's acknowledgement. If it told that the payment
/// failed, that is believed until it confirms the payment; if it was not heard any more, it is asked first.
async fn confirm(hub: &Arc<Hub>, payment: &Payment, held: &Held, error: TerminalError, tell: oneshot::Sender<()>) {
    tracing::warn!(%error, "approved and stored, but not completed by the terminal; asking it");
    let told_failure = matches!(error, TerminalError::Refused { .. } | TerminalError::Protocol { .. });
    if told_failure {
        doubt(hub, payment, error.to_string()).await;
    }
    let _ = tell.send(());
    match ask(hub, payment, held, |state| told_failure && state.has_ended()).await {
        Some(Resolution::Charged(record)) if told_failure => {
            finish(hub, payment, PaymentState::Approved, Some(&record)).await;
        }
        Some(Resolution::Charged(record)) => store_slip(hub, payment, record).await,
        Some(Resolution::NotCharged { why } | Resolution::Unknown { why }) => {
            if told_failure {
                tracing::error!(%why, "the terminal does not confirm the payment; a person must decide it");
            } else {
                doubt(hub, payment, format!("approved, but its end was not heard ({error}), and then: {why}")).await;
            }
        }
        None => {}
    }
}

/// Asks the terminal until it answers, and ends the payment by what it says. Holds the terminal meanwhile; a person may
/// decide the payment.
pub(super) async fn resolve(hub: &Arc<Hub>, payment: Payment, held: Held) {
    let Some(resolution) = ask(hub, &payment, &held, PaymentState::has_ended).await else { return };
    tracing::info!(payment = %payment.id, ?resolution, "payment resolved by its terminal");
    let (state, record) = match resolution {
        Resolution::Charged(record) => (PaymentState::Approved, Some(record)),
        Resolution::NotCharged { why } => (PaymentState::NotCharged { why }, None),
        Resolution::Unknown { why } => (PaymentState::Unknown { why }, None),
    };
    finish(hub, &payment, state, record.as_ref()).await;
}

/// Asks the terminal until it answers; nothing if the payment needs no answer any more, because a person decided it.
async fn ask(
    hub: &Hub,
    payment: &Payment,
    held: &Held,
    is_decided: impl Fn(&PaymentState) -> bool,
) -> Option<Resolution> {
    held.only_asks();
    let intent = intent(hub, payment);
    let mut pauses = ASK_AGAIN.build();
    loop {
        match hub.devices.terminal(&payment.terminal) {
            Ok(device) => match device.resolve(&intent).await {
                Ok(resolution) => return Some(resolution),
                Err(error) => tracing::debug!(payment = %payment.id, %error, "the terminal does not answer yet"),
            },
            Err(refusal) => return Some(Resolution::Unknown { why: refusal.detail }),
        }
        sleep(pauses.next().unwrap_or_default()).await;
        if payments::read(&hub.store, payment.id).is_ok_and(|payment| is_decided(&payment.state)) {
            return None;
        }
    }
}

/// Stores that an approved payment is in doubt after all.
async fn doubt(hub: &Hub, payment: &Payment, why: String) {
    tracing::error!(%why, "an approved payment is in doubt; a person must decide it if the terminal does not confirm it");
    let (id, at_ms) = (payment.id, now_ms());
    let stored = hub
        .store
        .commit_for(Purpose::Settled, move |transaction| payments::doubt(transaction, id, at_ms, why).map(drop));
    if let Err(refusal) = stored.await {
        tracing::error!(%refusal, "could not store that the payment is in doubt");
    }
}

/// Stores a payment's end. False if it could not be stored: then it stays started, and the follower finds it.
async fn finish(hub: &Arc<Hub>, payment: &Payment, state: PaymentState, record: Option<&Record>) -> bool {
    let context = hub.sale_context(&payment.register, now_ms());
    let (id, approval, said) = (payment.id, record.map(approval), state.clone());
    // Also on a disk with no room for sales: what a terminal did has happened.
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        payments::end(transaction, id, state, approval.as_ref(), &context)
    });
    match stored.await {
        Ok(ended) => {
            let stands = ended.payment.state;
            if std::mem::discriminant(&stands) != std::mem::discriminant(&said) {
                tracing::error!(payment = %id, ?stands, ?said, "the payment was decided otherwise than the terminal says");
            }
            true
        }
        Err(refusal) => {
            tracing::error!(payment = %id, %refusal, "could not store the payment's result");
            false
        }
    }
}

/// What a terminal says of a payment, in the shop's words.
fn approval(record: &Record) -> Approval {
    Approval {
        masked_pan: record.masked_pan.as_ref().map(|pan| pan.as_str().to_owned()),
        scheme: record.scheme.clone(),
        reference: CardReference::of(record.reference.iter()),
        receipt_text: record.receipt_text.clone(),
    }
}

async fn store_slip(hub: &Hub, payment: &Payment, record: Record) {
    let id = payment.id;
    let stored = hub.store.commit_for(Purpose::Housekeeping, move |transaction| {
        payments::store_slip(transaction, id, record.receipt_text)
    });
    if let Err(error) = stored.await {
        tracing::warn!(payment = %id, %error, "could not store the terminal's receipt text");
    }
}
