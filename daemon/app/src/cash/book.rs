//! Books sales in the shift of their register, and begins and turns business days.

use commerce::{
    BusinessDay, Currency, RegisterName, Sale, ShiftId, Station,
    cash::{Day, NewShift, Shift},
};
use contract::cash::{DAY_CLOSED, SHIFT_CLOSED};
use store::{Store, StoreError, Transaction};

use super::records::{AT_REGISTER, DAY, DAYS, OF_TILL, SHIFT, SHIFTS, current, free, open_day, put, undamaged};

/// What a new shift or day takes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The store's epoch.
    pub epoch: u64,
    /// The time: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The date by the store's calendar.
    pub date: BusinessDay,
    /// The store's currency.
    pub currency: Currency,
}

/// The shift in which a register's next sale is booked; one of its own if it has none.
pub(crate) fn shift_of_sale(
    transaction: &mut Transaction<'_>,
    register: &RegisterName,
    moment: &Moment,
) -> Result<Shift, StoreError> {
    if let Some(shift) = current(transaction, register)?
        && !is_turned(transaction, &shift, moment.date)?
    {
        return Ok(shift);
    }
    let mut day = day_of(transaction, moment)?;
    let shift = begin(transaction, &mut day, register, moment)?;
    put(transaction, &shift)?;
    transaction.put(&DAYS, day.number, &day)?;
    Ok(shift)
}

/// Whether a shift is of a day that ends with a sale on a date.
pub(super) fn is_turned(transaction: &Transaction<'_>, shift: &Shift, date: BusinessDay) -> Result<bool, StoreError> {
    if shift.is_attended() || shift.business_day == date {
        return Ok(false);
    }
    let day = undamaged(transaction.get(&DAYS, shift.day))?;
    Ok(day.is_none_or(|day| day.is_turned_by(date)))
}

/// A new shift of a register in a day. The caller writes both.
pub(super) fn begin(
    transaction: &mut Transaction<'_>,
    day: &mut Day,
    register: &RegisterName,
    moment: &Moment,
) -> Result<Shift, StoreError> {
    let id = ShiftId { epoch: moment.epoch, number: transaction.next_number(SHIFT)? };
    // A register's name has the form of a till's.
    let till = register.as_str().parse().map_err(|error: commerce::InvalidId| StoreError::Corrupt {
        table: SHIFTS.name(),
        key: register.to_string(),
        why: error.to_string(),
    })?;
    let shift = Shift::unattended(NewShift {
        id,
        till,
        day: (day.number, day.business_day),
        currency: moment.currency,
        at_ms: moment.at_ms,
        register: register.clone(),
    });
    day.enter(&shift);
    transaction.put(&AT_REGISTER, register.as_str(), &id)?;
    Ok(shift)
}

/// Books a sale. The caller has found the shift by [`shift_of_sale`].
pub(crate) fn book(transaction: &mut Transaction<'_>, mut shift: Shift, sale: &Sale) -> Result<(), StoreError> {
    shift.sell(sale);
    put(transaction, &shift)
}

/// The business day of a moment: the open one, or a new one.
pub(super) fn day_of(transaction: &mut Transaction<'_>, moment: &Moment) -> Result<Day, StoreError> {
    if let Some(day) = open_day(transaction)? {
        if !day.is_turned_by(moment.date) {
            return Ok(day);
        }
        turn(transaction, day, moment.at_ms)?;
    }
    let number = transaction.next_number(DAY)?;
    Ok(Day::begin(number, moment.date, moment.at_ms))
}

/// Closes a day that nobody attends to, with its shifts.
fn turn(transaction: &mut Transaction<'_>, mut day: Day, at_ms: i64) -> Result<(), StoreError> {
    close_unattended(transaction, &mut day, at_ms)?;
    if let Err(refusal) = day.close(at_ms, Station::Hub.into()) {
        // Its damaged or contradictory shifts are for the check to report.
        tracing::error!(day = day.number, %refusal, "closing a business day although it has open shifts");
        day.open.clear();
        let _ = day.close(at_ms, Station::Hub.into());
    }
    store_closed(transaction, &day, at_ms)
}

/// Writes a closed day, with its event.
pub(super) fn store_closed(transaction: &mut Transaction<'_>, day: &Day, at_ms: i64) -> Result<(), StoreError> {
    transaction.put(&DAYS, day.number, day)?;
    let (stream, kind) = (DAY_CLOSED.stream().as_str(), DAY_CLOSED.name());
    transaction.append_to_outbox(stream, kind, at_ms, &day.number.to_string()).map(drop)
}

/// Closes the shifts of a day that nobody opened. The caller writes the day.
pub(super) fn close_unattended(transaction: &mut Transaction<'_>, day: &mut Day, at_ms: i64) -> Result<(), StoreError> {
    for id in day.open.clone() {
        let Some(mut shift) = undamaged(transaction.get(&SHIFTS, id.number))? else {
            day.open.remove(&id);
            continue;
        };
        if let Ok(registers) = shift.close_unattended(at_ms, Station::Hub.into()) {
            free(transaction, registers);
            store_result(transaction, &shift, Some(day), at_ms)?;
        }
    }
    Ok(())
}

/// Writes a closed shift, with its event, and adds it to its day. The caller writes the day.
fn store_result(
    transaction: &mut Transaction<'_>,
    shift: &Shift,
    day: Option<&mut Day>,
    at_ms: i64,
) -> Result<(), StoreError> {
    put(transaction, shift)?;
    if undamaged(transaction.get(&OF_TILL, shift.till.as_str()))? == Some(shift.id) {
        transaction.delete(&OF_TILL, shift.till.as_str());
    }
    if let Some(day) = day {
        day.add(shift);
    }
    let (stream, kind) = (SHIFT_CLOSED.stream().as_str(), SHIFT_CLOSED.name());
    transaction.append_to_outbox(stream, kind, at_ms, &shift.id.number.to_string()).map(drop)
}

/// Writes a closed shift and its day.
pub(super) fn finish(transaction: &mut Transaction<'_>, shift: &Shift, at_ms: i64) -> Result<(), StoreError> {
    let mut day = undamaged(transaction.get(&DAYS, shift.day))?;
    store_result(transaction, shift, day.as_mut(), at_ms)?;
    day.map_or(Ok(()), |day| transaction.put(&DAYS, day.number, &day))
}

/// The date that a sale at a moment would have.
///
/// # Errors
/// The store fails.
pub fn date_of_sales(store: &Store, date: BusinessDay) -> Result<BusinessDay, StoreError> {
    let Some(last) = undamaged(store.last_number(DAY).map(Some))? else { return Ok(date) };
    let day = undamaged(store.get(&DAYS, last))?;
    let is_open = |day: &Day| day.closing.is_none() && !day.is_turned_by(date);
    Ok(day.filter(is_open).map_or(date, |day| day.business_day))
}
