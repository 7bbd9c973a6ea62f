//! What follows when a person has worked on the store itself: restored it from a backup, moved it to another engine.

use commerce::Station;
use serde::Serialize;
use store::{Store, StoreError, Transaction};

use crate::{
    By, Capability,
    audit::{self, Act, ActKind},
    payments,
};

/// What this capability declares.
pub(crate) static CAPABILITY: Capability =
    Capability { acts: &[Restored::KIND, Converted::KIND], ..Capability::new("maintenance") };

/// The store was restored from a backup.
#[derive(Serialize)]
struct Restored {
    /// Entries in it.
    entries: u64,
    /// The epoch that begins with it.
    epoch: u64,
}

impl Act for Restored {
    const KIND: ActKind = ActKind { name: "restored", doc: "The store was restored from a backup" };
}

/// The store was moved to another engine.
#[derive(Serialize)]
struct Converted<'a> {
    /// Which.
    engine: &'a str,
}

impl Act for Converted<'_> {
    const KIND: ActKind = ActKind { name: "converted", doc: "The store was moved to another engine" };
}

/// Somebody at the machine itself.
fn shell(at_ms: i64) -> By {
    By { actor: Station::Shell.into(), at_ms }
}

/// Records that the store was moved to another engine.
///
/// # Errors
/// The store fails.
pub fn converted(transaction: &mut Transaction<'_>, at_ms: i64, engine: &str) -> Result<(), StoreError> {
    audit::record(transaction, &shell(at_ms), &Converted { engine })
}

/// Draws the conclusions from a store's having been restored, once, whoever opens it first: the outcome of what was
/// with a terminal is unknown, and the audit trail tells of it, if it can be written. Gives how many payments a person
/// must decide. Blocks.
///
/// # Errors
/// The store fails.
pub fn after_restore(store: &Store, at_ms: i64) -> Result<usize, StoreError> {
    let entries = match store.restored() {
        Ok(None) => return Ok(0),
        Ok(Some(entries)) => entries,
        // Better once too often than never.
        Err(StoreError::Corrupt { .. }) => 0,
        Err(error) => return Err(error),
    };
    let mut started = payments::unresolved(store)?;
    started.retain(|payment| !payment.state.is_settled());
    let (count, epoch) = (started.len(), store.epoch());
    store.commit_blocking(move |transaction| {
        started.iter().try_for_each(|payment| payments::mark_unknown(transaction, payment.id))?;
        transaction.settle_restored();
        match audit::record(transaction, &shell(at_ms), &Restored { entries, epoch }) {
            // No reason not to sell, nor to ask a terminal of a moment that is past.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "could not record the restore in the audit trail");
            }
            recorded => recorded?,
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(count)
}
