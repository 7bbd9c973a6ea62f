//! Asks payment terminals to close their day. [`app::reconciliation`] has the states and the failures.
//!
//! The task that asks a terminal holds its lock from before `Asked` is stored until the outcome is stored. So an
//! `Asked` record whose terminal nobody holds belongs to a task that ended without the answer.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    payments::TERMINAL_UNRESOLVED,
    reconciliation::{self, CloseTerminal, Failed},
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{
    Minor,
    cash::Sum,
    reconciliation::{Reconciliation, State as Standing, Total},
};
use drivers::payment_terminal::{Closing, SchemeTotal, TerminalError};
use store::{Purpose, StoreError};
use tokio::{sync::oneshot, task::spawn_blocking};
use tracing::Instrument;

use super::WAIT;
use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
    parts::terminals::Held,
    trail,
    web::{Command, InPath, Problem},
};

/// How long a task waits for a terminal that is busy with payments, in milliseconds.
const PATIENCE_MS: i64 = 10 * 60 * 1000;

/// The interval of sweeps while a terminal is busy.
const WAITING: Duration = Duration::from_secs(1);

/// The most characters of a line of a terminal's report.
const MAX_LINE: usize = 200;

/// Close the day of a payment terminal: it settles with its bank, and its totals are compared with the store's bookings
///
/// Closing the business day does this for every terminal. Use this for a terminal that was not reconciled then. Refused
/// while the terminal has a payment without an outcome. Answers when the terminal has, or with 202 after 90 seconds;
/// then repeat with the same key, or read the day. If the terminal reports nothing, the state is `not_reconciled` and
/// says why.
#[utoipa::path(post, path = "/api/v1/terminals/{name}/closing", request_body = CloseTerminal,
    params(("name" = String, Path)),
    responses((status = 200, body = Reconciliation), (status = 202, body = Reconciliation),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn close_terminal(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    command: Command<CloseTerminal>,
) -> Result<(StatusCode, Json<Reconciliation>), Problem> {
    // For a repeated command the terminal may be locked by the same reconciliation. Whether that matters is known once
    // the key was looked up.
    let (held, locked) = match hub.terminals.hold(&name) {
        Ok(held) => (Some(held), Ok(())),
        Err(refusal) => (None, Err(refusal)),
    };
    let (date, currency) = (hub.calendar.business_day(command.by.at_ms), hub.currency());
    let (number, is_first) = command
        .commit_first(&hub.store, Purpose::Money, move |transaction, by, request| {
            locked?;
            let asked = reconciliation::ask(transaction, by, &name, request, date, currency)?;
            Ok(asked.number)
        })
        .await?;
    let ended = match held.filter(|_| is_first) {
        Some(held) => Some(spawn(&hub, reconciliation::of_terminal(&hub.store, number)?, held)),
        None => None,
    };
    let waited = async {
        if let Some(ended) = ended {
            let _ = ended.await;
            return;
        }
        let mut commits = hub.store.committed();
        let is_asked = || reconciliation::of_terminal(&hub.store, number).is_ok_and(|found| !found.has_ended());
        while is_asked() && commits.changed().await.is_ok() {}
    };
    let _ = tokio::time::timeout(WAIT, waited).await;
    let reconciliation = reconciliation::of_terminal(&hub.store, number)?;
    let status = if reconciliation.has_ended() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(reconciliation)))
}

/// Asks a terminal whose reconciliation is stored as asked. The receiver is notified when it ends.
fn spawn(hub: &Arc<Hub>, asked: Reconciliation, held: Held) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let (hub, span) = (Arc::clone(hub), trail::reconciliation(&asked.terminal));
    let task = async move {
        perform(&hub, &asked, &held).await;
        drop((held, tell));
    };
    tokio::spawn(task.instrument(span));
    ended
}

async fn perform(hub: &Arc<Hub>, asked: &Reconciliation, held: &Held) {
    held.closes();
    let number = asked.number;
    let closing = match close(hub, &asked.terminal).await {
        Ok(closing) => closing,
        Err(failed) => return not_reconciled(hub, number, failed).await,
    };
    if let Err(refusal) = store_result(hub, asked, closing).await {
        // The follower then finds that the answer is lost.
        tracing::error!(reconciliation = number, %refusal, "could not store the totals of a terminal");
    }
}

/// Lets the terminal close its day.
async fn close(hub: &Hub, terminal: &str) -> Result<Closing, Failed> {
    let failed = |why: String| Failed { why, may_be_closed: false };
    let device = hub.devices.terminal(terminal).map_err(|refusal| failed(refusal.detail))?;
    if !device.capabilities().closing {
        let why = format!("terminal {terminal} reports no totals in its protocol; compare its own report by hand");
        return Err(failed(why));
    }
    device.close_day().await.map_err(|error| {
        let may_be_closed = matches!(
            error,
            TerminalError::LinkLost { .. } | TerminalError::TimedOut { .. } | TerminalError::Protocol { .. }
        );
        let why = match &error {
            TerminalError::LinkLost { why, .. } => format!("terminal {terminal}: the link was lost ({why})"),
            TerminalError::TimedOut { waited_ms, .. } => {
                format!("terminal {terminal}: no answer within {waited_ms} ms")
            }
            other => other.to_string(),
        };
        Failed { why, may_be_closed }
    })
}

fn total(total: SchemeTotal) -> Total {
    let amount = Minor::new(total.minor).unwrap_or_default();
    Total { scheme: total.scheme, sum: Sum { count: total.count.into(), amount } }
}

async fn store_result(hub: &Arc<Hub>, asked: &Reconciliation, closing: Closing) -> Result<(), Refusal> {
    let Standing::Asked { through } = asked.state else { return Ok(()) };
    let totals: Vec<_> = closing.schemes.into_iter().map(total).collect();
    let report: Vec<String> = closing.report.into_iter().map(|line| line.chars().take(MAX_LINE).collect()).collect();
    let (reading, terminal) = (Arc::clone(hub), asked.terminal.clone());
    let compared = spawn_blocking(move || reconciliation::compare(&reading.store, &terminal, through, &totals)).await;
    let compared = compared.unwrap_or(Err(StoreError::Panicked))?;
    let result = &compared.1;
    if result.agrees {
        tracing::info!(reconciliation = asked.number, "the terminal's totals agree with the store's bookings");
    } else {
        let difference = result.difference.get();
        tracing::warn!(reconciliation = asked.number, difference, "the terminal's totals differ from the bookings");
    }
    let (number, at_ms) = (asked.number, hub.now_ms());
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        reconciliation::reconciled(transaction, number, compared, report, at_ms)
    });
    stored.await
}

/// Stores that a terminal reported no totals.
async fn not_reconciled(hub: &Hub, number: u64, failed: Failed) {
    tracing::warn!(reconciliation = number, why = %failed.why, "a terminal was not reconciled");
    let at_ms = hub.now_ms();
    let stored = hub.store.commit_for(Purpose::Settled, move |transaction| {
        reconciliation::not_reconciled(transaction, number, failed, at_ms)
    });
    if let Err(refusal) = stored.await {
        tracing::error!(reconciliation = number, %refusal, "could not store why a terminal was not reconciled");
    }
}

/// Asks the terminals of closed days, and ends reconciliations whose task was lost.
pub(crate) struct ReconcileTerminals {
    hub: Arc<Hub>,
    /// Whether the last sweep left a terminal to its present work.
    waits: bool,
}

impl ReconcileTerminals {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, waits: false }
    }

    async fn follow(&mut self, found: Reconciliation) -> Result<(), Refusal> {
        let hub = Arc::clone(&self.hub);
        let (number, terminal) = (found.number, &found.terminal);
        let Ok(held) = hub.terminals.hold(terminal) else {
            let is_known = hub.terminals.knows(terminal);
            let is_late = hub.now_ms().saturating_sub(found.asked_at_ms) > PATIENCE_MS;
            if is_known && (found.state != Standing::Due || !is_late) {
                self.waits = true;
                return Ok(());
            }
            let why = if is_known {
                format!("terminal {terminal} was busy with payments for too long; close its day again")
            } else {
                format!("terminal {terminal} is no longer in the config")
            };
            let may_be_closed = found.state != Standing::Due;
            not_reconciled(&hub, number, Failed { why, may_be_closed }).await;
            return Ok(());
        };
        match reconciliation::of_terminal(&hub.store, number)?.state {
            Standing::Due => self.begin(number, held).await,
            Standing::Asked { .. } => {
                let why = "the hub stopped before the terminal's answer was stored; close its day again";
                not_reconciled(&hub, number, Failed { why: why.into(), may_be_closed: true }).await;
                Ok(())
            }
            Standing::Reconciled { .. } | Standing::NotReconciled { .. } => Ok(()),
        }
    }

    async fn begin(&mut self, number: u64, held: Held) -> Result<(), Refusal> {
        let begun = self
            .hub
            .store
            .commit_for(Purpose::Money, move |transaction| reconciliation::begin_due(transaction, number));
        match begun.await {
            Ok(Some(asked)) => drop(spawn(&self.hub, asked, held)),
            Ok(None) => {}
            Err(refusal) if refusal.kind == &TERMINAL_UNRESOLVED => {
                not_reconciled(&self.hub, number, Failed { why: refusal.detail, may_be_closed: false }).await;
            }
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }
}

impl Follower for ReconcileTerminals {
    fn name(&self) -> String {
        "reconciliation".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        self.waits = false;
        for pending in reconciliation::pending(&self.hub.store)? {
            match pending {
                Ok(found) => self.follow(found).await?,
                Err(number) => {
                    let why = "its record is damaged".into();
                    not_reconciled(&self.hub, number, Failed { why, may_be_closed: false }).await;
                }
            }
        }
        Ok(())
    }

    fn rest(&self) -> Duration {
        if self.waits { WAITING } else { EVERY }
    }
}
