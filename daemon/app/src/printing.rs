//! Receipts to print: a durable queue for each printer.
//!
//! A job is put into the queue in the commit of its sale, and deleted once the printer says that it is through. So
//! every sale is printed, also after a restart; a power cut between the paper and the deletion prints it twice, which
//! is the better of the two mistakes.

use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};

use crate::Capability;

/// Jobs by printer and by the sale's sequence.
static JOBS: Table<NameNumber, Job> = Table::new("print_job");

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability { tables: &["print_job"], ..Capability::new("printing") };

/// A receipt to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// By which printer.
    pub printer: String,
    /// Of which sale: its sequence.
    pub sequence: u64,
}

/// Puts a sale's receipt into a printer's queue, in the sale's own commit.
///
/// # Errors
/// The store fails.
pub fn queue(transaction: &mut Transaction<'_>, printer: &str, sequence: u64) -> Result<(), StoreError> {
    transaction.put(&JOBS, (printer, sequence), &Job { printer: printer.to_owned(), sequence })
}

/// A job is done, or can never be.
pub fn done(transaction: &mut Transaction<'_>, job: &Job) {
    transaction.delete(&JOBS, (&*job.printer, job.sequence));
}

/// The first jobs of a printer's queue.
///
/// # Errors
/// The store fails.
pub fn waiting(store: &Store, printer: &str, limit: usize) -> Result<Vec<Job>, StoreError> {
    // A damaged job is nobody's receipt; the check names it.
    let damaged = |error: StoreError| tracing::error!(%error, "print job left out");
    let mut jobs = store.readable_page(&JOBS, Some((printer, 0)), Order::Ascending, limit, damaged)?;
    jobs.retain(|job| job.printer == printer);
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_job_reads_back_as_it_was_written() {
        let stored = include_str!("fixtures/print-job.json");
        let read: Job = serde_json::from_str(stored).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(stored).unwrap());
    }
}
