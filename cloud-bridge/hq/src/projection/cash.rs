//! Cash: the book of each shift from its sales, and what the store says of it; [`crate::report::cash`] compares them.

use std::collections::BTreeMap;

use commerce::{
    Minor,
    reconciliation::{Reconciliation, State},
};
use contract::SaleCompleted;

use super::{
    Projection,
    sale::business_day,
    table::{Effect, Table, TableKind},
    told::{Body, Told, Unusable},
};
use crate::database::{Value, statement::statements, values};

statements! {
    /// Tenders of shifts by their sales, by their keys.
    LOAD_BOOK = "cash/load_book" + postgres;
    /// Writes tenders of shifts by their sales.
    STORE_BOOK = "cash/store_book" + postgres;
    /// Empties the table.
    CLEAR_BOOK = "cash/clear_book";
    /// Adds tenders of closed shifts.
    INSERT_TENDER = "cash/insert_tender" + postgres;
    /// Empties the table.
    CLEAR_TENDERS = "cash/clear_tenders";
    /// Adds closed shifts.
    INSERT_RESULT = "cash/insert_result" + postgres;
    /// Empties the table.
    CLEAR_RESULTS = "cash/clear_results";
    /// Adds movements of cash.
    INSERT_MOVEMENT = "cash/insert_movement" + postgres;
    /// Empties the table.
    CLEAR_MOVEMENTS = "cash/clear_movements";
    /// Adds closed days.
    INSERT_DAY = "cash/insert_day" + postgres;
    /// Empties the table.
    CLEAR_DAYS = "cash/clear_days";
    /// Adds terminals that were asked to close their day.
    INSERT_TERMINAL = "cash/insert_terminal" + postgres;
    /// Empties the table.
    CLEAR_TERMINALS = "cash/clear_terminals";
    /// Adds bookings that can be the cause of a difference.
    INSERT_SUSPECT = "cash/insert_suspect" + postgres;
    /// Empties the table.
    CLEAR_SUSPECTS = "cash/clear_suspects";
}

/// The largest sum of a shift.
const MOST: i64 = 1_000_000_000_000_000;

static BOOK: Table = Table {
    name: "shift_book",
    kind: TableKind::Sums { load: &LOAD_BOOK, columns: &["tenders", "amount"], most: MOST },
    store: &STORE_BOOK,
    clear: &CLEAR_BOOK,
};

/// A table of rows.
const fn rows(
    name: &'static str,
    store: &'static crate::database::Statement,
    clear: &'static crate::database::Statement,
) -> Table {
    Table { name, kind: TableKind::Rows { month: None }, store, clear }
}

static TENDER: Table = rows("shift_tender", &INSERT_TENDER, &CLEAR_TENDERS);
static RESULT: Table = rows("shift_result", &INSERT_RESULT, &CLEAR_RESULTS);
static MOVEMENT: Table = rows("cash_movement", &INSERT_MOVEMENT, &CLEAR_MOVEMENTS);
static DAY: Table = rows("store_day", &INSERT_DAY, &CLEAR_DAYS);
static TERMINAL: Table = rows("terminal_result", &INSERT_TERMINAL, &CLEAR_TERMINALS);
static SUSPECT: Table = rows("terminal_suspect", &INSERT_SUSPECT, &CLEAR_SUSPECTS);

/// Shifts by their sales and by their results, movements of cash, closed days, and reconciled terminals.
pub(crate) static PROJECTION: Projection =
    Projection { tables: &[&BOOK, &TENDER, &RESULT, &MOVEMENT, &DAY, &TERMINAL, &SUSPECT], effects };

fn effects(told: &Told<'_>) -> Result<Vec<Effect>, Unusable> {
    let hub = told.stored.hub.as_str();
    let epoch = Value::unsigned("epoch", told.stored.epoch.0)?;
    Ok(match told.body {
        Body::Sale(sale) if told.is_first => book(hub, sale)?,
        Body::ShiftClosed(closed) => {
            let shift = &closed.shift;
            // The body was checked: a closed shift has its result.
            let Some(closing) = &shift.closing else { return Ok(Vec::new()) };
            let (id, day) = (shift.id.to_string(), shift.business_day.to_string());
            let key = values![hub, &day, shift.currency.code(), &id];
            let total = shift.total();
            let numbers = values![
                shift.till.as_str(),
                closing.at_ms,
                Value::unsigned("sales", total.sales)?,
                closing.expected.get(),
                closing.counted.map(Minor::get),
                closing.difference.get(),
            ];
            let mut effects = vec![Effect::row(&RESULT, key.iter().cloned().chain(numbers).collect())];
            for (kind, sum) in &total.tenders {
                let count = Value::unsigned("tenders", sum.count)?;
                let row = key.iter().cloned().chain(values![kind, count, sum.amount.get()]).collect();
                effects.push(Effect::row(&TENDER, row));
            }
            effects
        }
        Body::CashMoved(moved) => vec![Effect::row(
            &MOVEMENT,
            values![
                hub,
                epoch,
                Value::unsigned("sequence", told.stored.event.sequence.0)?,
                moved.shift.to_string(),
                moved.till.as_str(),
                moved.kind.name(),
                moved.amount.get(),
                moved.reason.as_deref(),
                moved.by.station.to_string(),
                moved.by.operator.as_ref().map(ToString::to_string),
                moved.at_ms,
            ],
        )],
        Body::DayClosed(closed) => {
            let day = &closed.day;
            let Some(closing) = &day.closing else { return Ok(Vec::new()) };
            let total = day.total();
            vec![Effect::row(
                &DAY,
                values![
                    hub,
                    epoch,
                    Value::unsigned("number", day.number)?,
                    day.business_day.to_string(),
                    closing.at_ms,
                    Value::unsigned("shifts", day.shifts)?,
                    Value::unsigned("uncounted", day.uncounted)?,
                    day.expected.get(),
                    day.counted.get(),
                    day.difference.get(),
                    Value::unsigned("sales", total.sales)?,
                    total.discount.get(),
                    total.net.get(),
                    total.owed.get(),
                ],
            )]
        }
        Body::TerminalReconciled(told) => terminal(hub, &epoch, &told.reconciliation)?,
        _ => Vec::new(),
    })
}

/// A terminal that was asked to close its day.
fn terminal(hub: &str, epoch: &Value, reconciliation: &Reconciliation) -> Result<Vec<Effect>, Unusable> {
    let (state, ended_at_ms, why) = match &reconciliation.state {
        State::Reconciled { at_ms, result, .. } if result.agrees => ("agrees", *at_ms, None),
        State::Reconciled { at_ms, .. } => ("differs", *at_ms, None),
        State::NotReconciled { at_ms, why, .. } => ("not_reconciled", *at_ms, Some(why.as_str())),
        // The body was checked: it has ended.
        State::Due | State::Asked { .. } => return Ok(Vec::new()),
    };
    let day = reconciliation.business_day.to_string();
    let number = Value::unsigned("number", reconciliation.number)?;
    let key = || values![hub, &day, reconciliation.currency.code(), epoch.clone(), number.clone()].into_iter();
    let result = reconciliation.comparison();
    let listed = result.map_or(0, |result| result.suspects.len() as u64);
    let suspects = result.map_or(0, |result| result.more_suspects).saturating_add(listed);
    let sums = values![
        reconciliation.terminal.as_str(),
        state,
        ended_at_ms,
        result.map(|result| result.terminal.get()),
        result.map(|result| result.store.get()),
        result.map(|result| result.difference.get()),
        Value::unsigned("suspects", suspects)?,
        why,
    ];
    let mut effects = vec![Effect::row(&TERMINAL, key().chain(sums).collect())];
    for suspect in result.map(|result| result.suspects.as_slice()).unwrap_or_default() {
        let booking = &suspect.booking;
        let row = values![
            Value::unsigned("booking", booking.number)?,
            booking.payment.to_string(),
            booking.register.as_str(),
            booking.amount.get(),
            booking.requested.get(),
            i64::from(suspect.explains),
        ];
        effects.push(Effect::row(&SUSPECT, key().chain(row).collect()));
    }
    Ok(effects)
}

/// A sale, in the book of its shift.
fn book(hub: &str, sale: &SaleCompleted) -> Result<Vec<Effect>, Unusable> {
    let Some(shift) = sale.shift else { return Ok(Vec::new()) };
    let day = business_day(sale)?.to_string();
    let mut tenders: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for tender in &sale.tenders {
        let [count, amount] = tenders.entry(&tender.kind).or_default();
        *count += 1;
        *amount = amount.saturating_add(tender.amount.get());
    }
    if sale.totals.change.get() != 0 {
        let [_, amount] = tenders.entry("cash").or_default();
        *amount = amount.saturating_sub(sale.totals.change.get());
    }
    let change = |(kind, by): (&str, [i64; 2])| {
        let key = values![hub, &day, sale.currency.code(), shift.to_string(), kind];
        Effect::Change { table: &BOOK, key, by: by.to_vec() }
    };
    Ok(tenders.into_iter().map(change).collect())
}
