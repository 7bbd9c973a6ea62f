//! Tests of the check: a whole store has no faults, and each kind of damage is found.

mod documents;
mod ledger;
mod totals;

use store::{StoreError, Transaction};

/// Does something to a store that no use case does.
type Damage = fn(&mut Transaction<'_>) -> Result<(), StoreError>;
