//! The records of reconciliations.

use commerce::reconciliation::{Cut, Reconciliation};
use contract::Stream;
use serde::{Deserialize, Serialize};
use store::{Name, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    Refusal, Retention, Tidied,
    cash::{self, DayReport},
};

/// Reconciliations by number.
pub(super) static RECONCILIATIONS: Table<Number, Reconciliation> = Table::new("terminal_reconciliation");
/// The numbers of those that have not ended.
pub(super) static PENDING: Table<Number, u64> = Table::new("pending_reconciliation");
/// The numbers of those of a business day, in their order.
pub(super) static DAY_INDEX: Table<Number, Vec<u64>> = Table::new("reconciliations_of_day");
/// Where the next reconciliation of each terminal begins.
pub(super) static CUTS: Table<Name, Cut> = Table::new("terminal_cut");

/// The tables.
pub(super) static TABLES: &[&str] =
    &["terminal_reconciliation", "pending_reconciliation", "reconciliations_of_day", "terminal_cut"];

/// The counter of reconciliations.
pub(super) const NUMBER: &str = "terminal_reconciliation";

/// The most reconciliations that a day lists: the last ones.
pub(super) const MAX_OF_DAY: usize = 200;

/// A business day with the reconciliations of its terminals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayWithTerminals {
    /// The day.
    #[serde(flatten)]
    pub report: DayReport,
    /// The reconciliations that were asked for it, in their order. A terminal has several if it was asked again.
    pub terminals: Vec<Reconciliation>,
}

/// What was read, or nothing if the record is damaged.
fn undamaged<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "a record of a terminal's reconciliation is damaged; going on without it");
            Ok(None)
        }
        other => other,
    }
}

/// A reconciliation, in a commit; `None` if it is damaged.
pub(super) fn known(transaction: &Transaction<'_>, number: u64) -> Result<Option<Reconciliation>, StoreError> {
    undamaged(transaction.get(&RECONCILIATIONS, number))
}

/// Where the next reconciliation of a terminal begins.
pub(super) fn cut(store: &Store, terminal: &str) -> Result<Cut, StoreError> {
    Ok(undamaged(store.get(&CUTS, terminal))?.unwrap_or_default())
}

/// The reconciliations that have not ended, in their order. A damaged record is passed by its number.
///
/// # Errors
/// The engine fails.
pub fn pending(store: &Store) -> Result<Vec<Result<Reconciliation, u64>>, StoreError> {
    let mut numbers = Vec::new();
    store.each(&PENDING, |number| numbers.extend(number.ok()))?;
    let read = |number| Ok(undamaged(store.get(&RECONCILIATIONS, number))?.ok_or(number));
    numbers.into_iter().map(read).collect()
}

/// A reconciliation.
///
/// # Errors
/// The store fails, or the record is missing.
pub fn of_terminal(store: &Store, number: u64) -> Result<Reconciliation, Refusal> {
    let missing = || StoreError::Corrupt {
        table: RECONCILIATIONS.name(),
        key: number.to_string(),
        why: "the record is missing".into(),
    };
    Ok(store.get(&RECONCILIATIONS, number)?.ok_or_else(missing)?)
}

/// A business day with the reconciliations of its terminals. Blocks.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn day(store: &Store, number: u64) -> Result<DayWithTerminals, Refusal> {
    let report = cash::day(store, number)?;
    let numbers = undamaged(store.get(&DAY_INDEX, number))?.unwrap_or_default();
    let mut terminals = Vec::new();
    for number in numbers {
        terminals.extend(undamaged(store.get(&RECONCILIATIONS, number))?);
    }
    Ok(DayWithTerminals { report, terminals })
}

/// Deletes reconciliations after the retention period of sales, once HQ has all events of cash. Blocks.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let span = store.outbox_span(Stream::cash().as_str())?;
    if retention.has_headquarters && span.acknowledged < span.last {
        return Ok(Tidied::new());
    }
    let keep_from_ms = retention.keep_from_ms();
    let is_over =
        |reconciliation: &Reconciliation| reconciliation.has_ended() && reconciliation.asked_at_ms < keep_from_ms;
    let mut kept = None::<u64>;
    store.each(&RECONCILIATIONS, |found| {
        if let Ok(reconciliation) = found
            && !is_over(&reconciliation)
        {
            kept = Some(kept.map_or(reconciliation.number, |kept| kept.min(reconciliation.number)));
        }
    })?;
    let reconciliations = store.forget(&RECONCILIATIONS, is_over)?;
    // A day's list is of no use once all that it lists is deleted.
    let is_left = |numbers: &Vec<u64>| numbers.iter().any(|number| kept.is_some_and(|kept| *number >= kept));
    let days = store.forget(&DAY_INDEX, |numbers| !is_left(numbers))?;
    Ok(vec![("terminal_reconciliations", reconciliations), ("reconciliations_of_days", days)])
}
