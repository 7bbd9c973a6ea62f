//! The records of cash.

use commerce::{
    Actor, Minor, RegisterName, ShiftId, TillName,
    cash::{Day, Kind, Shift},
};
use serde::{Deserialize, Serialize};
use store::{Name, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::refusals::SHIFT_UNKNOWN;
use crate::{Refusal, lists};

/// Shifts by number.
pub(super) static SHIFTS: Table<Number, Shift> = Table::new("shift");
/// The shift of each register.
pub(super) static AT_REGISTER: Table<Name, ShiftId> = Table::new("shift_at_register");
/// The shift of each till, until it is closed.
pub(super) static OF_TILL: Table<Name, ShiftId> = Table::new("shift_of_till");
/// Movements of cash by number.
pub(super) static MOVEMENTS: Table<Number, Movement> = Table::new("cash_movement");
/// Business days by number.
pub(super) static DAYS: Table<Number, Day> = Table::new("store_day");

/// The tables.
pub(super) static TABLES: &[&str] = &["shift", "shift_at_register", "shift_of_till", "cash_movement", "store_day"];

/// The counter of shifts.
pub(super) const SHIFT: &str = "shift";
/// The counter of days.
pub(super) const DAY: &str = "store_day";
/// The counter of movements.
pub(super) const MOVEMENT: &str = "cash_movement";

/// Cash that was put into a till or taken out of it without a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CashMovement)]
pub struct Movement {
    /// Counted from 1 in the store.
    pub number: u64,
    /// The shift.
    pub shift: ShiftId,
    /// The till.
    pub till: TillName,
    /// The kind.
    pub kind: Kind,
    /// The amount, in minor units.
    pub amount: Minor,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who moved it.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// What was read, or nothing if the record is damaged: the check reports it, and a sale goes on without it.
pub(super) fn undamaged<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "a record of cash is damaged; going on without it");
            Ok(None)
        }
        other => other,
    }
}

/// A shift.
pub(super) fn known(transaction: &Transaction<'_>, id: ShiftId) -> Result<Shift, Refusal> {
    let found = transaction.get(&SHIFTS, id.number)?.filter(|shift| shift.id == id);
    found.ok_or_else(|| unknown(id))
}

/// The refusal for a shift that does not exist.
pub(super) fn unknown(id: ShiftId) -> Refusal {
    SHIFT_UNKNOWN.because(format!("unknown shift {id}"))
}

/// Writes a shift.
pub(super) fn put(transaction: &mut Transaction<'_>, shift: &Shift) -> Result<(), StoreError> {
    transaction.put(&SHIFTS, shift.id.number, shift)
}

/// The open shift of a register.
pub(super) fn current(transaction: &Transaction<'_>, register: &RegisterName) -> Result<Option<Shift>, StoreError> {
    let Some(id) = undamaged(transaction.get(&AT_REGISTER, register.as_str()))? else { return Ok(None) };
    let shift = undamaged(transaction.get(&SHIFTS, id.number))?;
    Ok(shift.filter(|shift| shift.id == id && shift.registers.contains(register)))
}

/// Frees the registers that a shift leaves.
pub(super) fn free(transaction: &mut Transaction<'_>, registers: impl IntoIterator<Item = RegisterName>) {
    for register in registers {
        transaction.delete(&AT_REGISTER, register.as_str());
    }
}

/// The business day that is not closed.
pub(super) fn open_day(transaction: &Transaction<'_>) -> Result<Option<Day>, StoreError> {
    let day = undamaged(transaction.get(&DAYS, transaction.last_number(DAY)?))?;
    Ok(day.filter(|day| day.closing.is_none()))
}

/// Passes every shift, or the reason why one can't be read.
pub(crate) fn each_shift(store: &Store, take: impl FnMut(Result<Shift, StoreError>)) -> Result<(), StoreError> {
    store.each(&SHIFTS, take)
}

/// Movements of cash, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn movements(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Movement>, StoreError> {
    lists::before(store, &MOVEMENTS, before, limit)
}
