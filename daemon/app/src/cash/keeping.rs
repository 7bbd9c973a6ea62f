//! The check and the retention of cash.

use std::collections::{BTreeMap, BTreeSet};

use commerce::cash::ShiftState;
use contract::Stream;
use store::{Checked, Depth, Store, StoreError};

use super::records::{DAYS, MOVEMENTS, SHIFTS};
use crate::{Retention, Tidied};

/// Checks that closed shifts add up, and that each day lists exactly its open shifts. The shifts are compared with
/// their sales in [`crate::check`].
pub(super) fn check(store: &Store, _: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut open = BTreeMap::<u64, BTreeSet<_>>::new();
    let mut damaged = false;
    store.each(&SHIFTS, |shift| match shift {
        Ok(shift) => {
            checked.records += 1;
            checked.faults.extend(shift.contradiction());
            if shift.state != ShiftState::Closed {
                open.entry(shift.day).or_default().insert(shift.id);
            }
        }
        Err(error) => {
            damaged = true;
            checked.fault(error.to_string());
        }
    })?;
    store.each(&DAYS, |day| match day {
        Ok(day) => {
            checked.records += 1;
            let found = open.remove(&day.number).unwrap_or_default();
            if found != day.open && !damaged {
                let number = day.number;
                checked.fault(format!("business day {number} lists open shifts {:?}, not {found:?}", day.open));
            }
        }
        Err(error) => {
            damaged = true;
            checked.fault(error.to_string());
        }
    })?;
    if !damaged {
        for (day, shifts) in open {
            checked.fault(format!("shifts {shifts:?} are open in business day {day}, which is missing"));
        }
    }
    Ok(())
}

/// Deletes shifts, days and movements after the retention period of sales, once HQ has all events of cash.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let span = store.outbox_span(Stream::cash().as_str())?;
    if retention.has_headquarters && span.acknowledged < span.last {
        return Ok(Tidied::new());
    }
    let before_ms = retention.keep_from_ms();
    let is_over = move |closed_at_ms: Option<i64>| closed_at_ms.is_some_and(|closed_at_ms| closed_at_ms < before_ms);
    let days = store.forget(&DAYS, move |day| is_over(day.closing.as_ref().map(|closing| closing.at_ms)))?;
    let shifts = store.forget(&SHIFTS, move |shift| is_over(shift.closing.as_ref().map(|closing| closing.at_ms)))?;
    let movements = store.forget(&MOVEMENTS, move |movement| movement.at_ms < before_ms)?;
    Ok(vec![("store_days", days), ("shifts", shifts), ("cash_movements", movements)])
}
