//! The queue of receipts: durable, one per printer.
//!
//! A job is queued in the commit of its sale, and deleted once the printer has printed it. It is marked as begun in a
//! commit before it is sent to the printer, and the mark is removed if the printer did not print it. **So no receipt is
//! printed twice unless a person asks for a copy**: if the hub is stopped while it prints a receipt, that receipt may
//! or may not be on paper, and is not printed again. A copy is marked as a copy, numbered, and recorded in the audit
//! trail.

use commerce::{SaleId, receipt::TrainingNumber};
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::REPRINT;
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
};

/// Jobs by printer and by the sale's sequence number.
static JOBS: Table<NameNumber, Job> = Table::new("print_job");

/// Copies by printer and by their number.
static COPIES: Table<NameNumber, Job> = Table::new("print_copy");

/// Receipts of training, by printer and by the training sale's number.
static TRAINING: Table<NameNumber, Job> = Table::new("print_training");

/// The counter of copies.
const COPY: &str = "receipt_copy";

/// A receipt to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The printer.
    pub printer: String,
    /// The sale's sequence number; of a training sale, its number.
    pub sequence: u64,
    /// Whether the sale is one of training.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub training: bool,
    /// The number of the copy, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u64>,
    /// It was sent to the printer or is being sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
}

impl Job {
    /// Its table, and its number there.
    fn place(&self) -> (&'static Table<NameNumber, Self>, u64) {
        match self.copy {
            Some(copy) => (&COPIES, copy),
            None if self.training => (&TRAINING, self.sequence),
            None => (&JOBS, self.sequence),
        }
    }
}

/// A copy that is queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptCopy {
    /// The number on the paper; counts all copies of this hub.
    pub copy: u64,
    /// The printer.
    pub printer: String,
}

/// A copy of a receipt was printed.
#[derive(Serialize)]
pub(super) struct ReceiptReprinted {
    /// The sale.
    sale: SaleId,
    /// The number of the copy.
    copy: u64,
    /// The printer.
    printer: String,
}

impl Act for ReceiptReprinted {
    const KIND: ActKind = ActKind { name: "receipt_reprinted", doc: "A copy of a receipt was printed" };
}

/// Queues a sale's receipt, in the sale's own commit.
///
/// # Errors
/// The store fails.
pub fn queue(transaction: &mut Transaction<'_>, printer: &str, sequence: u64) -> Result<(), StoreError> {
    let job = Job { printer: printer.to_owned(), sequence, training: false, copy: None, begun: false };
    transaction.put(&JOBS, (printer, sequence), &job)
}

/// Queues the receipt of a training sale, in the sale's own commit.
///
/// # Errors
/// The store fails.
pub(crate) fn queue_training(
    transaction: &mut Transaction<'_>,
    printer: &str,
    number: TrainingNumber,
) -> Result<(), StoreError> {
    let job = Job { printer: printer.to_owned(), sequence: number.0, training: true, copy: None, begun: false };
    transaction.put(&TRAINING, (printer, number.0), &job)
}

/// Queues a copy of a sale's receipt.
///
/// # Errors
/// The actor may not print copies, or the store fails.
pub fn reprint(
    transaction: &mut Transaction<'_>,
    by: &By,
    sale: SaleId,
    printer: String,
) -> Result<ReceiptCopy, Refusal> {
    REPRINT.require(&by.actor)?;
    let copy = transaction.next_number(COPY)?;
    let job =
        Job { printer: printer.clone(), sequence: sale.sequence, training: false, copy: Some(copy), begun: false };
    transaction.put(&COPIES, (&*printer, copy), &job)?;
    audit::record(transaction, by, &ReceiptReprinted { sale, copy, printer: printer.clone() })?;
    Ok(ReceiptCopy { copy, printer })
}

/// Removes a job that is done or can never be done.
pub fn done(transaction: &mut Transaction<'_>, job: &Job) {
    let (table, number) = job.place();
    transaction.delete(table, (&*job.printer, number));
}

/// Marks a job as begun, or removes the mark from one that was not printed.
///
/// # Errors
/// The store fails.
pub fn mark(transaction: &mut Transaction<'_>, job: &Job, begun: bool) -> Result<(), StoreError> {
    let job = Job { begun, ..job.clone() };
    let (table, number) = job.place();
    transaction.put(table, (&*job.printer, number), &job)
}

/// The first job in a printer's queue; receipts come before copies, and those of training come last.
///
/// # Errors
/// The store fails.
pub fn first(store: &Store, printer: &str) -> Result<Option<Job>, StoreError> {
    for table in [&JOBS, &COPIES, &TRAINING] {
        // A damaged job is skipped; the check names it.
        let damaged = |error: StoreError| tracing::error!(%error, "could not read a print job");
        let jobs = store.readable_page(table, Some((printer, 0)), Order::Ascending, 1, damaged)?;
        if let Some(job) = jobs.into_iter().next().filter(|job| job.printer == printer) {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// The number of receipts and copies in a printer's queue, with those of training; at most `most` of each are counted.
///
/// # Errors
/// The store fails.
pub fn waiting(store: &Store, printer: &str, most: usize) -> Result<usize, StoreError> {
    let mut count = 0;
    for table in [&JOBS, &COPIES, &TRAINING] {
        let jobs = store.readable_page(table, Some((printer, 0)), Order::Ascending, most, |_| ())?;
        count += jobs.iter().filter(|job| job.printer == printer).count();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_job_round_trips() {
        let _: Job = crate::testing::read_back(include_str!("../fixtures/print-job.json"));
    }
}
