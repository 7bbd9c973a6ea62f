//! Checks a store and the records of its capabilities for contradictions.
//!
//! What one capability can check by itself is in its own folder ([`Capability::check`]). This module has the checks
//! across capabilities: the ledger against its documents, and both against sales and baskets.
//!
//! Always: movements are numbered without gaps, the items that they move have a position, and sales and their movements
//! reference each other. The fast form covers the latest movements and sales ([`Depth`]), and of their items the
//! positions of the first [`FAST`]. In the whole check also: each position is the sum of its movements and has its
//! policy's rule; reserved and in-transit stock equals the sum of reservations and transfers; documents agree with
//! their movements ([`totals`]); the indexes list exactly the open documents; and reservations and baskets reference
//! each other.
//!
//! A damaged record is reported once. A damaged document, index or policy does not stop the check. A damaged movement
//! ends the check of movements and positions, because nothing adds up without it; a damaged sale ends that of sales.

mod cash;
mod documents;
mod ledger;
mod totals;

use std::collections::BTreeMap;

use commerce::stock::{Place, Position};
use store::{Checked, Depth, Key, Record, Store, StoreError, Table};

use crate::{CAPABILITIES, Capability, stock::records::POSITIONS};

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability { check: Some(check_stock), ..Capability::new("check") };

/// The number of positions looked up in the fast form. A day of sales touches fewer; an opening stock of a hundred
/// thousand items in a few movements must not make the start slow.
const FAST: usize = 5_000;

/// Checks a store: its records, outbox and archive, and then the records of each capability.
///
/// # Errors
/// The engine fails. Damage is not an error: it is reported in the result.
pub fn check(store: &Store, depth: Depth) -> Result<Checked, StoreError> {
    let mut checked = store.check(depth)?;
    for check in CAPABILITIES.iter().filter_map(|capability| capability.check) {
        check(store, depth, &mut checked)?;
    }
    Ok(checked)
}

/// The sums of a check.
#[derive(Default)]
struct Sums {
    /// Positions computed from movements.
    positions: BTreeMap<Place, Position>,
    /// Reserved and in-transit stock computed from documents.
    reserved: BTreeMap<Place, i64>,
    in_transit: BTreeMap<Place, i64>,
    /// The goods in documents.
    totals: totals::DocumentTotals,
}

/// Checks the ledger and everything that references it.
fn check_stock(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    cash::check(store, depth, checked)?;
    let walked = walk(store, depth, checked);
    readable(checked, walked).map(drop)
}

fn walk(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut sums = Sums::default();
    if depth == Depth::Whole {
        documents::check(store, checked, &mut sums)?;
    }
    // Without all movements the expected positions and documents are unknown.
    ledger::movements(store, depth, checked, &mut sums)?;
    let sold = ledger::sales(store, depth, checked);
    readable(checked, sold)?;
    if depth == Depth::Fast {
        for (sku, unit) in sums.positions.keys().take(FAST) {
            let position = store.get(&POSITIONS, (sku.as_str(), unit.name()));
            if matches!(readable(checked, position)?, Some(None)) {
                checked.fault(ledger::without_position(sku, *unit));
            }
        }
        return Ok(());
    }
    std::mem::take(&mut sums.totals).report(store, checked)?;
    ledger::positions(store, checked, sums)
}

/// The result of a read; `None` if the record is damaged, which is reported and does not stop the check.
fn readable<T>(checked: &mut Checked, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error @ StoreError::Corrupt { .. }) => {
            damaged(checked, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reports a damaged record, unless it has already been reported.
fn damaged(checked: &mut Checked, error: &StoreError) {
    let StoreError::Corrupt { key, .. } = error else { return };
    let (reported, error) = (format!("the record {key} can't be read"), error.to_string());
    if !checked.faults.iter().any(|fault| fault.starts_with(&reported) || *fault == error) {
        checked.fault(error);
    }
}

/// Passes every record of a table until `work` fails. Reports damaged records and continues.
fn each<K: Key, V: Record>(
    store: &Store,
    checked: &mut Checked,
    table: &Table<K, V>,
    mut work: impl FnMut(&mut Checked, V) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut done = Ok(());
    store.each(table, |record| match record {
        Ok(record) if done.is_ok() => {
            checked.records += 1;
            done = work(checked, record);
        }
        Ok(_) => {}
        Err(error) => damaged(checked, &error),
    })?;
    done
}

#[cfg(test)]
mod tests;
