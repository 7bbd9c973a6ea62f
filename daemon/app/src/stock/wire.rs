//! A movement as sent to HQ.

use commerce::stock::{Line, Movement};
use contract::{
    StockMoved,
    stock::{MOVED, Moved},
};
use serde_json::value::RawValue;
use store::{Store, StoreError, outbox::Entry};

use super::ledger::movement_at;
use crate::outgoing;

/// The body of a movement's event.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing("movement", entry);
    let number = entry.subject.parse().map_err(|_| missing())?;
    outgoing::written(&MOVED, &moved(store, number)?.ok_or_else(missing)?, entry)
}

/// A movement as sent to HQ; a sale's movement is part of the sale's event.
///
/// # Errors
/// The store fails.
pub(crate) fn moved(store: &Store, number: u64) -> Result<Option<StockMoved>, StoreError> {
    Ok(movement_at(store, number)?.map(|movement| {
        let Movement { number, kind, reference, at_ms, by, lines } = movement;
        let lines = lines.into_iter().map(moved_line).collect();
        StockMoved { movement: number, kind, reference, at_ms, by, lines }
    }))
}

fn moved_line(line: Line) -> Moved {
    Moved { sku: line.sku.into(), quantity_milli: line.milli, unit: line.unit, from: line.from, to: line.to }
}
