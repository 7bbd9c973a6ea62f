//! Business days.

use commerce::cash::{Day, Takings};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Transaction};
use utoipa::ToSchema;

use super::{
    CLOSE_DAY,
    book::{close_unattended, store_closed},
    records::{DAY, DAYS, open_day},
    refusals::{DAY_UNKNOWN, NO_DAY},
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    lists,
};

/// A business day was closed.
#[derive(Serialize)]
pub(super) struct DayClosed {
    /// The number of the day.
    day: u64,
    /// The number of its shifts.
    shifts: u64,
    /// The sum of their differences, in minor units.
    difference: i64,
}

impl Act for DayClosed {
    const KIND: ActKind = ActKind { name: "day_closed", doc: "A person closed the business day" };
}

/// A business day with its sums: the Z report of the store once it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayReport {
    /// The day.
    #[serde(flatten)]
    pub day: Day,
    /// The takings of its closed shifts.
    pub total: Takings,
}

impl From<Day> for DayReport {
    fn from(day: Day) -> Self {
        Self { total: day.total(), day }
    }
}

/// Closes the business day. Shifts that nobody opened are closed without a count.
///
/// # Errors
/// The actor lacks the permission, no day is open, or a shift is not closed.
pub fn close_day(transaction: &mut Transaction<'_>, by: &By) -> Result<DayReport, Refusal> {
    CLOSE_DAY.require(&by.actor)?;
    let none = "no business day is open: nothing was sold since the last one was closed";
    let mut day = open_day(transaction)?.ok_or_else(|| NO_DAY.because(none))?;
    close_unattended(transaction, &mut day, by.at_ms)?;
    day.close(by.at_ms, by.actor.clone())?;
    store_closed(transaction, &day, by.at_ms)?;
    let act = DayClosed { day: day.number, shifts: day.shifts, difference: day.difference.get() };
    audit::record(transaction, by, &act)?;
    Ok(day.into())
}

/// A business day, in a commit: the open one or the last if none is named; `None` if there is none yet.
///
/// # Errors
/// The named one does not exist, or the store fails.
pub(crate) fn day_at(transaction: &Transaction<'_>, number: Option<u64>) -> Result<Option<Day>, Refusal> {
    let found = transaction.get(&DAYS, number.map_or_else(|| transaction.last_number(DAY), Ok)?)?;
    match number {
        Some(number) if found.is_none() => Err(unknown(number)),
        _ => Ok(found),
    }
}

fn unknown(number: u64) -> Refusal {
    DAY_UNKNOWN.because(format!("unknown business day {number}"))
}

/// A business day.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn day(store: &Store, number: u64) -> Result<DayReport, Refusal> {
    let found = store.get(&DAYS, number)?;
    found.map(DayReport::from).ok_or_else(|| unknown(number))
}

/// Business days, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn days(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<DayReport>, StoreError> {
    Ok(lists::before(store, &DAYS, before, limit)?.into_iter().map(DayReport::from).collect())
}
