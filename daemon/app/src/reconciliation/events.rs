//! The event of reconciliations for HQ, built from stored records.

use commerce::reconciliation::State;
use contract::cash::{TERMINAL_RECONCILED, TerminalReconciled};
use serde_json::value::RawValue;
use store::{Store, StoreError, outbox::Entry};

use super::records::RECONCILIATIONS;
use crate::outgoing;

/// The terminal's report stays in the store.
pub(super) fn reconciled(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing(RECONCILIATIONS.name(), entry);
    let number = entry.subject.parse().map_err(|_| missing())?;
    let mut reconciliation = store.get(&RECONCILIATIONS, number)?.ok_or_else(missing)?;
    if let State::Reconciled { report, .. } = &mut reconciliation.state {
        report.clear();
    }
    outgoing::written(&TERMINAL_RECONCILED, &TerminalReconciled { reconciliation }, entry)
}
