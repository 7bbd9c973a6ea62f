//! Walks a store, and what the capabilities keep in it, and reports what can't be so.
//!
//! What a capability can tell by itself it checks in its own folder ([`Capability::check`]). Here is what takes
//! several: the ledger against its documents, and both against sales and baskets.
//!
//! In every form: movements are numbered without gaps, what they touch has a position (in the fast form the first
//! [`FAST`] items), and sales and their movements name each other. As a whole: each position is the sum of its
//! movements and follows its policy's rule; what is reserved and in transit is what reservations and transfers say;
//! what documents say of their goods is what moved ([`totals`]); the indexes of documents list just those that are
//! open, and reservations and baskets agree who has whom.
//!
//! A damaged record is reported once and keeps nobody from looking at the rest.

mod documents;
mod ledger;
mod totals;

use std::collections::BTreeMap;

use commerce::stock::{Place, Position};
use store::{Checked, Depth, Key, Record, Store, StoreError, Table};

use crate::{CAPABILITIES, Capability, stock::records::POSITIONS};

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability { check: Some(check_stock), ..Capability::new("check") };

/// Positions looked up in the fast form. A day of sales touches fewer; an opening stock is a hundred thousand items in
/// a few movements, and no reason to start slowly.
const FAST: usize = 5_000;

/// Checks a store: its records, its outbox and its archive, and then what each capability keeps in it.
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

/// What the walk has added up.
#[derive(Default)]
struct Sums {
    /// Positions as their movements make them.
    positions: BTreeMap<Place, Position>,
    /// What documents say should be reserved and in transit.
    reserved: BTreeMap<Place, i64>,
    in_transit: BTreeMap<Place, i64>,
    /// What documents say of their goods.
    totals: totals::DocumentTotals,
}

/// Looks at the ledger, and what refers to it.
fn check_stock(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let walked = walk(store, depth, checked);
    readable(checked, walked).map(drop)
}

fn walk(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut sums = Sums::default();
    if depth == Depth::Whole {
        documents::check(store, checked, &mut sums)?;
    }
    // Without all movements nobody knows what positions and documents should be.
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

/// What was read; `None` if it is damaged, which is reported and keeps nobody from looking at the rest.
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

/// Reports a damaged record, unless the walk over all records has, or this one.
fn damaged(checked: &mut Checked, error: &StoreError) {
    let StoreError::Corrupt { key, .. } = error else { return };
    let (reported, error) = (format!("the record {key} can't be read"), error.to_string());
    if !checked.faults.iter().any(|fault| fault.starts_with(&reported) || *fault == error) {
        checked.fault(error);
    }
}

/// Every record of a table, until `work` fails. Reports those that are damaged, and goes on.
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
