//! Reconciliation of payment terminals with the store's bookings. [`commerce::reconciliation`] compares.
//!
//! # What this capability promises
//!
//! - A day that a person or HQ closes leaves a task for each terminal in the same commit. The day never waits for a
//!   terminal: what a terminal did not report is `not_reconciled`, and can be asked again at any time.
//! - A terminal is only asked while no payment of it runs or has an unknown outcome. Its totals are compared with the
//!   bookings up to that moment, by their numbers.
//! - The result is stored, in the audit trail, and sent to HQ, with the bookings that can be the cause of a difference.
//!
//! ```text
//!  Due ----> Asked ----> Reconciled
//!    \          \------> NotReconciled
//!     \---------------->
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before `Asked` is flushed | the terminal was not asked; the task is still due |
//! | power or the link, after it | `not_reconciled`: the terminal may have closed its day, and its totals are lost |
//! | the next totals after a lost answer | compared from the last reconciliation on, or from the attempt, if that agrees |
//! | the terminal is offline, busy for too long, or refuses | `not_reconciled`, with the reason |
//! | the terminal is no longer in the config | the same |
//! | the WAN is down | the results wait in the outbox |

mod events;
mod records;
#[cfg(test)]
mod tests;

use commerce::{
    Actor, BusinessDay, Currency,
    reconciliation::{Comparison, Cut, Reconciliation, State, Total},
};
use contract::cash::TERMINAL_RECONCILED;
use records::{CUTS, DAY_INDEX, MAX_OF_DAY, NUMBER, PENDING, RECONCILIATIONS, known};
pub use records::{DayWithTerminals, day, of_terminal, pending};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, OutgoingEvent, Refusal,
    audit::{self, Act, ActKind},
    cash,
    payments::{self, CLOSE, TERMINAL_UNRESOLVED, bookings},
};

/// The most lines of a terminal's report that are kept.
const MAX_REPORT: usize = 200;

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: records::TABLES,
    acts: &[TerminalReconciled::KIND],
    events: &[OutgoingEvent { kind: TERMINAL_RECONCILED.name(), body: events::reconciled }],
    tidy: Some(records::tidy),
    ..Capability::new("reconciliation")
};

/// A terminal was asked to close its day.
#[derive(Serialize)]
struct TerminalReconciled<'a> {
    /// The reconciliation.
    reconciliation: u64,
    /// The terminal.
    terminal: &'a str,
    /// Whether its totals agree with the store's bookings; absent if it reported none.
    #[serde(skip_serializing_if = "Option::is_none")]
    agrees: Option<bool>,
    /// What the terminal has more than the store, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<i64>,
}

impl Act for TerminalReconciled<'_> {
    const KIND: ActKind = ActKind {
        name: "terminal_reconciled",
        doc: "A payment terminal was asked to close its day, and its totals were compared with the store's bookings",
    };
}

/// A request to close a terminal's day.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseTerminal {
    /// The number of the business day that it is for; by default the open one, or the last.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub day: Option<u64>,
}

/// What a terminal reported at the closing of its day.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    /// Its totals.
    pub totals: Vec<Total>,
    /// Its report, in lines of text without card numbers.
    pub report: Vec<String>,
}

/// Why a terminal reported no totals.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The reason in words.
    pub why: String,
    /// Whether it may have closed its day.
    pub may_be_closed: bool,
}

/// The day of a new reconciliation.
type OfDay = (u64, BusinessDay, Currency);

fn begin(
    transaction: &mut Transaction<'_>,
    by: &By,
    terminal: &str,
    (day, business_day, currency): OfDay,
    state: State,
) -> Result<Reconciliation, Refusal> {
    let number = transaction.next_number(NUMBER)?;
    let reconciliation = Reconciliation {
        number,
        terminal: terminal.to_owned(),
        day,
        business_day,
        currency,
        by: by.actor.clone(),
        asked_at_ms: by.at_ms,
        state,
    };
    transaction.put(&RECONCILIATIONS, number, &reconciliation)?;
    transaction.put(&PENDING, number, &number)?;
    let mut of_day = transaction.get(&DAY_INDEX, day)?.unwrap_or_default();
    of_day.push(number);
    if of_day.len() > MAX_OF_DAY {
        of_day.remove(0);
    }
    transaction.put(&DAY_INDEX, day, &of_day)?;
    Ok(reconciliation)
}

/// Leaves a task for each terminal: the day is closed.
pub(crate) fn due(
    transaction: &mut Transaction<'_>,
    by: &By,
    terminals: &[String],
    day: (u64, BusinessDay),
    currency: Currency,
) -> Result<(), Refusal> {
    for terminal in terminals {
        begin(transaction, by, terminal, (day.0, day.1, currency), State::Due)?;
    }
    Ok(())
}

/// A terminal is about to be asked, without a task: its lock is held. `date` is that of the store's calendar.
///
/// # Errors
/// The actor lacks the permission, the day is unknown, or a payment of the terminal has no outcome.
pub fn ask(
    transaction: &mut Transaction<'_>,
    by: &By,
    terminal: &str,
    request: CloseTerminal,
    date: BusinessDay,
    currency: Currency,
) -> Result<Reconciliation, Refusal> {
    CLOSE.require(&by.actor)?;
    let day = cash::day_at(transaction, request.day)?.map_or((0, date), |day| (day.number, day.business_day));
    require_settled(transaction, terminal)?;
    let asked = State::Asked { through: bookings::last(transaction)? };
    begin(transaction, by, terminal, (day.0, day.1, currency), asked)
}

/// Requires that no payment of a terminal is without an outcome.
fn require_settled(transaction: &Transaction<'_>, terminal: &str) -> Result<(), Refusal> {
    let Some(open) = payments::unresolved_at(transaction, terminal)? else { return Ok(()) };
    let detail = format!("payment {} of terminal {terminal} has no outcome yet; decide it first", open.id);
    Err(TERMINAL_UNRESOLVED.because(detail).member("payment", open.id.to_string()))
}

/// The terminal of a task is about to be asked: its lock is held. `None` if the task has ended meanwhile.
///
/// # Errors
/// A payment of the terminal has no outcome, or the store fails.
pub fn begin_due(transaction: &mut Transaction<'_>, number: u64) -> Result<Option<Reconciliation>, Refusal> {
    let Some(mut reconciliation) = known(transaction, number)? else { return Ok(None) };
    if reconciliation.state != State::Due {
        return Ok(None);
    }
    require_settled(transaction, &reconciliation.terminal)?;
    reconciliation.state = State::Asked { through: bookings::last(transaction)? };
    transaction.put(&RECONCILIATIONS, number, &reconciliation)?;
    Ok(Some(reconciliation))
}

/// Compares what a terminal reported with the bookings of its time. Blocks. The terminal's lock is held, so that it
/// books nothing meanwhile.
///
/// # Errors
/// The engine fails.
pub fn compare(store: &Store, terminal: &str, through: u64, totals: &[Total]) -> Result<(u64, Comparison), StoreError> {
    let cut = records::cut(store, terminal)?;
    let bookings = bookings::between(store, terminal, cut.after, through)?;
    Ok(cut.compare(totals, &bookings))
}

/// Stores the result of a terminal that reported its totals.
///
/// # Errors
/// The store fails.
pub fn reconciled(
    transaction: &mut Transaction<'_>,
    number: u64,
    (after, result): (u64, Comparison),
    mut report: Vec<String>,
    at_ms: i64,
) -> Result<(), Refusal> {
    let Some(mut reconciliation) = known(transaction, number)? else { return Ok(()) };
    let State::Asked { through } = reconciliation.state else { return Ok(()) };
    report.truncate(MAX_REPORT);
    transaction.put(&CUTS, &reconciliation.terminal, &Cut { after: through, lost: Vec::new() })?;
    reconciliation.state = State::Reconciled { at_ms, after, through, result, report };
    end(transaction, &reconciliation, at_ms)
}

/// Stores that a terminal reported no totals. A reconciliation that has ended stays as it is.
///
/// # Errors
/// The store fails.
pub fn not_reconciled(
    transaction: &mut Transaction<'_>,
    number: u64,
    Failed { why, may_be_closed }: Failed,
    at_ms: i64,
) -> Result<(), Refusal> {
    let Some(mut reconciliation) = known(transaction, number)? else {
        // Its record is damaged, which the check reports.
        transaction.delete(&PENDING, number);
        return Ok(());
    };
    match reconciliation.state {
        State::Asked { through } if may_be_closed => {
            let mut cut = transaction.get(&CUTS, &reconciliation.terminal)?.unwrap_or_default();
            cut.lose(through);
            transaction.put(&CUTS, &reconciliation.terminal, &cut)?;
        }
        State::Due | State::Asked { .. } => {}
        State::Reconciled { .. } | State::NotReconciled { .. } => return Ok(()),
    }
    reconciliation.state = State::NotReconciled { at_ms, why, may_be_closed };
    end(transaction, &reconciliation, at_ms)
}

fn end(transaction: &mut Transaction<'_>, reconciliation: &Reconciliation, at_ms: i64) -> Result<(), Refusal> {
    let number = reconciliation.number;
    transaction.put(&RECONCILIATIONS, number, reconciliation)?;
    transaction.delete(&PENDING, number);
    let (stream, kind) = (TERMINAL_RECONCILED.stream().as_str(), TERMINAL_RECONCILED.name());
    transaction.append_to_outbox(stream, kind, at_ms, &number.to_string())?;
    let by = By { actor: Actor::clone(&reconciliation.by), at_ms };
    let result = reconciliation.comparison();
    let act = TerminalReconciled {
        reconciliation: number,
        terminal: &reconciliation.terminal,
        agrees: result.map(|result| result.agrees),
        difference: result.map(|result| result.difference.get()),
    };
    Ok(audit::record(transaction, &by, &act)?)
}
