//! Drives a stored payment to its end, whether or not the register still waits for it.
//!
//! Each step is stored before it is taken: `Sent` before the first byte to the terminal, the result before its
//! acknowledgement. What a terminal can do comes from its capabilities.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    payments::{self, Payment},
};
use backon::{BackoffBuilder, ExponentialBuilder};
use commerce::{
    PaymentState,
    payment::{self as life, Event, Finding, Todo},
};
use drivers::payment_terminal::{
    Intent, Operation, Outcome, PaymentTerminal, Record, Resolution, Taken, TerminalError, Unacknowledged,
};
use store::Purpose;
use tokio::{sync::oneshot, time::sleep};
use tracing::Instrument;

use super::{
    offline,
    terminal::{self, is_acceptable, is_reversal},
};
use crate::{hub::Hub, parts::terminals::Held, trail};

/// Pauses between inquiries to a terminal that does not answer: 0.1 s doubling to 5 s, each doubled again by random
/// jitter.
const ASK_AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times()
    .with_jitter();

/// Starts driving a payment that is stored as created or reversing. The receiver is notified when it ends.
pub(super) fn spawn(hub: &Arc<Hub>, payment: Payment, held: Held) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let hub = Arc::clone(hub);
    let span = trail::payment(&payment);
    tokio::spawn(async move { perform(&hub, payment, held, tell).await }.instrument(span));
    ended
}

async fn perform(hub: &Arc<Hub>, payment: Payment, held: Held, tell: oneshot::Sender<()>) {
    let device = match hub.devices.terminal(&payment.terminal) {
        Ok(device) => device,
        Err(refusal) => {
            not_sent(hub, &payment, refusal.detail).await;
            return;
        }
    };
    let intent = match terminal::intent(hub, &payment) {
        Ok(intent) => intent,
        Err(refusal) => {
            refused(hub, &payment, "unknown".into(), refusal.detail).await;
            return;
        }
    };
    if payment.state == PaymentState::Created && !step(hub, &payment, Event::Send, None).await {
        // Nothing was sent; the follower ends it.
        return;
    }
    // The receipt is printed once the text has arrived or the wait is over.
    let _slip = hub.terminals.expect_slip(payment.id);
    match authorise(hub, &payment, &intent, &**device).await {
        Ok(Outcome::Approved(approved)) => return approve(hub, &payment, &intent, approved, held, tell).await,
        Ok(Outcome::Submitted(record)) => {
            step(hub, &payment, Event::Submit, Some(&record)).await;
        }
        Ok(Outcome::Declined { code, why }) => refused(hub, &payment, code, why).await,
        Err(error @ (TerminalError::UnknownReference { .. } | TerminalError::Unsupported { .. })) => {
            refused(hub, &payment, "unknown".into(), error.to_string()).await;
        }
        Err(error @ (TerminalError::Offline { .. } | TerminalError::Busy { .. })) => {
            not_sent(hub, &payment, error.to_string()).await;
        }
        Err(error) => {
            tracing::warn!(%error, "payment in doubt; asking the terminal");
            step(hub, &payment, Event::Doubt { why: error.to_string() }, None).await;
            return resolve(hub, payment, held).await;
        }
    }
    // Whoever is told can use the terminal again.
    drop(held);
    drop(tell);
}

/// Sends the transaction, and stores that the terminal took it.
async fn authorise(
    hub: &Hub,
    payment: &Payment,
    intent: &Intent,
    device: &dyn PaymentTerminal,
) -> Result<Outcome, TerminalError> {
    let (taken, was_taken) = Taken::new();
    let mut authorising = device.authorise(intent, taken);
    tokio::select! {
        outcome = &mut authorising => outcome,
        Ok(()) = was_taken => {
            step(hub, payment, Event::Taken, None).await;
            authorising.await
        }
    }
}

/// The terminal refused.
async fn refused(hub: &Hub, payment: &Payment, code: String, why: String) {
    if !is_reversal(&payment.state) {
        step(hub, payment, Event::Decline { code, why: why.clone() }, None).await;
        // If nothing was sent at all.
        step(hub, payment, Event::NotSent { why }, None).await;
        return;
    }
    let (id, context) = (payment.id, hub.sale_context(&payment.register, hub.now_ms()));
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        payments::refuse_reversal(transaction, id, &format!("{why} (code {code})"), &context)
    });
    if let Err(refusal) = stored.await {
        tracing::error!(%refusal, "could not store that the terminal refused a reversal");
    }
}

/// Nothing was sent.
async fn not_sent(hub: &Hub, payment: &Payment, why: String) {
    let event = if is_reversal(&payment.state) { Event::KeepCharged } else { Event::NotSent { why } };
    step(hub, payment, event, None).await;
}

/// Stores an approval, and only then acknowledges it to the terminal.
async fn approve(
    hub: &Arc<Hub>,
    payment: &Payment,
    intent: &Intent,
    approved: Unacknowledged,
    held: Held,
    tell: oneshot::Sender<()>,
) {
    let can = match hub.devices.terminal(&payment.terminal) {
        Ok(device) => device.capabilities(),
        Err(refusal) => {
            tracing::error!(%refusal, "terminal is not in the config");
            return;
        }
    };
    let record = approved.record.clone();
    if !is_acceptable(intent, record.amount, &can) {
        let (asked, got) = (intent.amount, record.amount);
        tracing::error!(%asked, %got, "the terminal approved a different amount; rolling back");
        roll_back(hub, payment, approved, format!("the terminal approved {got} instead of {asked}")).await;
        return;
    }
    // Whoever abandons the basket later finds an approved payment, and the hub reverses it.
    let is_unwanted = payments::read(&hub.store, payment.id).is_ok_and(|payment| payment.unwanted);
    if is_unwanted && can.waits_for_vote && intent.operation == Operation::Charge {
        roll_back(hub, payment, approved, "the basket was abandoned".into()).await;
        return;
    }
    // A terminal that has committed already keeps to the limits of its acquirer.
    if can.waits_for_vote
        && intent.operation == Operation::Charge
        && let Some(why) = offline::exceeds_limits(hub, payment, &record)
    {
        roll_back(hub, payment, approved, why).await;
        return;
    }
    let event = match intent.operation {
        Operation::Reversal { .. } => Event::Reversed,
        _ => Event::Approve { offline: record.offline },
    };
    held.only_finishes();
    if !step(hub, payment, event, Some(&record)).await {
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
                store_slip(hub, payment, full).await;
            }
        }
        Err(error) => confirm(hub, payment, &held, error).await,
    }
}

/// Rejects an approval.
async fn roll_back(hub: &Hub, payment: &Payment, approved: Unacknowledged, why: String) {
    let events = match approved.roll_back().await {
        Ok(_) => vec![Event::Decline { code: "rolled back".into(), why: format!("{why}; rolled back") }],
        Err(error) => {
            let why = format!("{why}, and did not confirm the roll-back: {error}");
            vec![Event::Doubt { why: why.clone() }, Event::Found(Finding::Inconclusive { why })]
        }
    };
    for event in events {
        step(hub, payment, event, None).await;
    }
}

/// Settles an approved payment that the terminal did not complete after the hub's acknowledgement. A reported failure
/// counts until the terminal confirms the payment; if the link was lost, the terminal is asked first.
async fn confirm(hub: &Arc<Hub>, payment: &Payment, held: &Held, error: TerminalError) {
    tracing::warn!(%error, "approved and stored, but the terminal did not complete it; asking the terminal");
    let told_failure = matches!(error, TerminalError::Refused { .. } | TerminalError::Protocol { .. });
    if told_failure {
        step(hub, payment, Event::Retract { why: error.to_string() }, None).await;
    }
    let why = match ask(hub, payment, held, |state| told_failure && state.has_ended()).await {
        None => return,
        Some(Resolution::Charged(record)) if told_failure => {
            found(hub, payment, Resolution::Charged(record)).await;
            return;
        }
        Some(Resolution::Charged(record) | Resolution::Submitted(record)) => {
            store_slip(hub, payment, record).await;
            return;
        }
        Some(Resolution::NotCharged { why } | Resolution::NotFound { why } | Resolution::Unknown { why }) => why,
    };
    let why = format!("approved, but not completed ({error}); then: {why}");
    step(hub, payment, Event::Retract { why: why.clone() }, None).await;
    found(hub, payment, Resolution::Unknown { why }).await;
}

/// Follows the stored state of a payment that nobody drives until it has ended or a person must decide. Keeps the
/// terminal locked; a person may decide the payment meanwhile.
pub(super) async fn resolve(hub: &Arc<Hub>, payment: Payment, held: Held) {
    held.only_asks();
    loop {
        let Ok(payment) = payments::read(&hub.store, payment.id) else { return };
        let inquiry = match hub.devices.terminal(&payment.terminal) {
            Ok(device) => terminal::inquiry(&device.capabilities()),
            Err(_) => return,
        };
        match life::todo(&payment.state, inquiry) {
            Todo::Store(event) => {
                if !step(hub, &payment, event, None).await {
                    return;
                }
            }
            Todo::Ask => {
                let Some(resolution) = ask(hub, &payment, &held, PaymentState::has_ended).await else { return };
                tracing::info!(?resolution, "the terminal resolved the payment");
                if !found(hub, &payment, resolution).await {
                    return;
                }
            }
            Todo::Wait => return,
        }
    }
}

/// Stores the terminal's answer to an inquiry.
async fn found(hub: &Hub, payment: &Payment, resolution: Resolution) -> bool {
    let (finding, record) = terminal::finding(hub, payment, resolution);
    step(hub, payment, Event::Found(finding), record.as_ref()).await
}

/// Asks the terminal until it answers; `None` if a person decided the payment meanwhile.
async fn ask(
    hub: &Hub,
    payment: &Payment,
    held: &Held,
    is_decided: impl Fn(&PaymentState) -> bool,
) -> Option<Resolution> {
    held.only_asks();
    let intent = match terminal::intent(hub, payment) {
        Ok(intent) => intent,
        Err(refusal) => return Some(Resolution::Unknown { why: refusal.detail }),
    };
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

/// Stores an event. Returns false if that fails: the follower finds the payment.
async fn step(hub: &Hub, payment: &Payment, event: Event, record: Option<&Record>) -> bool {
    let context = hub.sale_context(&payment.register, hub.now_ms());
    let key = &hub.config.returns.identity_key;
    let (id, approval) = (payment.id, record.and_then(|record| terminal::approval(payment, record, key)));
    if let Event::Retract { why } = &event {
        tracing::error!(%why, "an approved payment is in doubt; a person must decide it if the terminal does not \
             confirm it");
    }
    // Even on a full disk, because the terminal has already acted.
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        payments::apply(transaction, id, &event, approval.as_ref(), &context)
    });
    match stored.await {
        Ok(_) => true,
        Err(refusal) => {
            tracing::error!(%refusal, "could not store an event of the payment");
            false
        }
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

/// The hub starts to reverse a payment that nobody wants.
pub(super) async fn reverse_unwanted(hub: &Arc<Hub>, payment: &Payment, held: Held) -> Result<(), Refusal> {
    let (id, context) = (payment.id, hub.sale_context(&payment.register, hub.now_ms()));
    let started = hub
        .store
        .commit_for(Purpose::Settled, move |transaction| payments::reverse_unwanted(transaction, id, &context));
    let payment = started.await?;
    tracing::warn!(payment = %id, "reversing the payment of an abandoned basket or a voided sale");
    // The task drives it; nobody waits for its end.
    drop(spawn(hub, payment, held));
    Ok(())
}
