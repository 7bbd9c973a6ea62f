//! Drives a stored payment to its end, whether or not the register still waits for it.

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
use tracing::Instrument;

use crate::{hub::Hub, parts::terminals::Held, trail};

/// Pauses between inquiries to a terminal that does not answer: 0.1 s doubling to 5 s, each doubled again by random
/// jitter.
const ASK_AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times()
    .with_jitter();

/// Locks a terminal for a payment, and returns its driver's journal.
pub(super) fn take(hub: &Hub, terminal: &str) -> Result<(Held, Value), Refusal> {
    let held = hub.terminals.hold(terminal)?;
    Ok((held, hub.devices.terminal(terminal)?.journal().into()))
}

/// Starts driving a payment with a stored intent. The receiver is notified when it ends.
pub(super) fn spawn(hub: &Arc<Hub>, payment: Payment, held: Held) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let hub = Arc::clone(hub);
    let span = trail::payment(&payment);
    tokio::spawn(async move { authorise(&hub, payment, held, tell).await }.instrument(span));
    ended
}

/// The payment for the terminal's driver. A journal that no driver wrote settles nothing and is never sent.
fn intent(hub: &Hub, payment: &Payment) -> Intent {
    let minor = u64::try_from(payment.amount.get()).unwrap_or(0);
    let amount = Amount { minor, currency: hub.currency().number() };
    Intent {
        reference: payment.id.to_string(),
        amount,
        before: Journal::try_from(payment.before.clone()).unwrap_or_default(),
    }
}

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
    // The receipt is printed once the text has arrived or the wait is over.
    let _slip = hub.terminals.expect_slip(payment.id);
    match device.authorise(&intent).await {
        Ok(Outcome::Approved(approved)) if approved.record.amount == asked => {
            let record = approved.record.clone();
            if !finish(hub, &payment, PaymentState::Approved, Some(&record)).await {
                // The result could not be stored, so the payment must be rolled back.
                if let Err(error) = approved.roll_back().await {
                    tracing::error!(%error, "could not roll back the approval; asking the terminal");
                }
                return;
            }
            // The result is durable: only now may the terminal commit.
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
            tracing::error!(asked = asked.minor, got, "the terminal approved a different amount; rolling back");
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

/// Settles an approved payment that the terminal did not complete after the hub's acknowledgement. A reported failure
/// counts until the terminal confirms the payment; if the link was lost, the terminal is asked first.
async fn confirm(hub: &Arc<Hub>, payment: &Payment, held: &Held, error: TerminalError, tell: oneshot::Sender<()>) {
    tracing::warn!(%error, "approved and stored, but the terminal did not complete it; asking the terminal");
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
                tracing::error!(%why, "the terminal did not confirm the payment; a person must decide it");
            } else {
                doubt(hub, payment, format!("approved, but not completed ({error}); then: {why}")).await;
            }
        }
        None => {}
    }
}

/// Asks the terminal until it answers, and ends the payment accordingly. Keeps the terminal locked; a person may decide
/// the payment meanwhile.
pub(super) async fn resolve(hub: &Arc<Hub>, payment: Payment, held: Held) {
    let Some(resolution) = ask(hub, &payment, &held, PaymentState::has_ended).await else { return };
    tracing::info!(?resolution, "the terminal resolved the payment");
    let (state, record) = match resolution {
        Resolution::Charged(record) => (PaymentState::Approved, Some(record)),
        Resolution::NotCharged { why } => (PaymentState::NotCharged { why }, None),
        Resolution::Unknown { why } => (PaymentState::Unknown { why }, None),
    };
    finish(hub, &payment, state, record.as_ref()).await;
}

/// Asks the terminal until it answers; `None` if a person decided the payment meanwhile.
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
                Err(error) => tracing::debug!(%error, "the terminal has not answered yet"),
            },
            Err(refusal) => return Some(Resolution::Unknown { why: refusal.detail }),
        }
        sleep(pauses.next().unwrap_or_default()).await;
        if payments::read(&hub.store, payment.id).is_ok_and(|payment| is_decided(&payment.state)) {
            return None;
        }
    }
}

/// Records that an approved payment is back in doubt.
async fn doubt(hub: &Hub, payment: &Payment, why: String) {
    tracing::error!(%why, "an approved payment is in doubt; a person must decide it if the terminal does not confirm it");
    let (id, at_ms) = (payment.id, hub.now_ms());
    let stored = hub
        .store
        .commit_for(Purpose::Settled, move |transaction| payments::doubt(transaction, id, at_ms, why).map(drop));
    if let Err(refusal) = stored.await {
        tracing::error!(%refusal, "could not record that the payment is in doubt");
    }
}

/// Stores the end of a payment. Returns false if that fails: the payment stays started, and the follower finds it.
async fn finish(hub: &Arc<Hub>, payment: &Payment, state: PaymentState, record: Option<&Record>) -> bool {
    let context = hub.sale_context(&payment.register, hub.now_ms());
    let (id, approval, said) = (payment.id, record.map(approval), state.clone());
    // Even on a full disk, because the terminal has already acted.
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        payments::end(transaction, id, state, approval.as_ref(), &context)
    });
    match stored.await {
        Ok(ended) => {
            let stands = ended.payment.state;
            if std::mem::discriminant(&stands) != std::mem::discriminant(&said) {
                tracing::error!(?stands, ?said, "the payment was decided differently from the terminal's answer");
            }
            true
        }
        Err(refusal) => {
            tracing::error!(%refusal, "could not store the payment's result");
            false
        }
    }
}

/// Converts the terminal's record of an approved payment.
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
        tracing::warn!(%error, "could not store the terminal's receipt text");
    }
}
