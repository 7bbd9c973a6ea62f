//! The events of cash for HQ, built from stored records.

use contract::cash::{CashMoved, DAY_CLOSED, DayClosed, MOVED, SHIFT_CLOSED, SHIFT_OPENED, ShiftClosed, ShiftOpened};
use serde_json::value::RawValue;
use store::{Number, Record, Store, StoreError, Table, outbox::Entry};

use super::records::{DAYS, MOVEMENTS, Movement, SHIFTS};
use crate::outgoing;

/// The record whose number is the entry's subject.
fn subject<V: Record>(store: &Store, table: &'static Table<Number, V>, entry: &Entry) -> Result<V, StoreError> {
    let missing = || outgoing::missing(table.name(), entry);
    let number = entry.subject.parse().map_err(|_| missing())?;
    store.get(table, number)?.ok_or_else(missing)
}

pub(super) fn opened(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let shift = subject(store, &SHIFTS, entry)?;
    let opened = ShiftOpened {
        shift: shift.id,
        till: shift.till,
        day: shift.day,
        business_day: shift.business_day,
        currency: shift.currency,
        float: shift.float,
        by: shift.opened_by,
        at_ms: entry.occurred_at_ms,
    };
    outgoing::written(&SHIFT_OPENED, &opened, entry)
}

pub(super) fn moved(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let Movement { number, shift, till, kind, amount, reason, by, at_ms } = subject(store, &MOVEMENTS, entry)?;
    outgoing::written(&MOVED, &CashMoved { number, shift, till, kind, amount, reason, by, at_ms }, entry)
}

pub(super) fn closed(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let shift = subject(store, &SHIFTS, entry)?;
    outgoing::written(&SHIFT_CLOSED, &ShiftClosed { shift }, entry)
}

pub(super) fn day_closed(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let day = subject(store, &DAYS, entry)?;
    outgoing::written(&DAY_CLOSED, &DayClosed { day }, entry)
}
