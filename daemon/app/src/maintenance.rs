//! Follow-up work after maintenance of the store: a restore from a backup, or a conversion to another engine.

use commerce::Station;
use serde::Serialize;
use store::{Store, StoreError, Transaction};

use crate::{
    By, Capability,
    audit::{self, Act, ActKind},
    payments,
};

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability =
    Capability { acts: &[Restored::KIND, Converted::KIND], ..Capability::new("maintenance") };

/// The store was restored from a backup.
#[derive(Serialize)]
struct Restored {
    /// The number of entries in the backup.
    entries: u64,
    /// The epoch that began with it.
    epoch: u64,
}

impl Act for Restored {
    const KIND: ActKind = ActKind { name: "restored", doc: "The store was restored from a backup" };
}

/// The store was converted to another engine.
#[derive(Serialize)]
struct Converted<'a> {
    /// The new engine.
    engine: &'a str,
}

impl Act for Converted<'_> {
    const KIND: ActKind = ActKind { name: "converted", doc: "The store was converted to another engine" };
}

/// A person at the machine itself.
fn shell(at_ms: i64) -> By {
    By { actor: Station::Shell.into(), at_ms }
}

/// Records a conversion in the audit trail.
///
/// # Errors
/// The store fails.
pub fn converted(transaction: &mut Transaction<'_>, at_ms: i64, engine: &str) -> Result<(), StoreError> {
    audit::record(transaction, &shell(at_ms), &Converted { engine })
}

/// Completes a restore, once, whichever program opens the store first: payments that were with a terminal become
/// unknown, and the restore is recorded in the audit trail, if possible. Returns how many payments a person must
/// decide. Blocks.
///
/// # Errors
/// The store fails.
pub fn after_restore(store: &Store, at_ms: i64) -> Result<usize, StoreError> {
    let entries = match store.restored() {
        Ok(None) => return Ok(0),
        Ok(Some(entries)) => entries,
        // Better twice than never.
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
            // This must not keep the hub from selling, nor from the work above.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "could not record the restore in the audit trail");
            }
            recorded => recorded?,
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(count)
}
