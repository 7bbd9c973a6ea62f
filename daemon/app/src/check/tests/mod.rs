//! Tests of the check: an undamaged store has no faults, and each kind of damage is found.

mod documents;
mod ledger;
mod totals;

use store::{StoreError, Transaction};

/// Damages a store in a way that no use case does.
type Damage = fn(&mut Transaction<'_>) -> Result<(), StoreError>;
