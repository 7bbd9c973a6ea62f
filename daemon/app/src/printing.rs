//! Receipts to print: a durable queue for each printer.
//!
//! A job is put into the queue in the commit of its sale, and deleted once the printer has it. So every sale is printed,
//! also after a restart; a power cut between the paper and the deletion prints it twice, which is the better of the two
//! mistakes. Somebody may have a copy printed, which is marked as one with a number of its own and is in the audit trail.

use commerce::SaleId;
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
};

/// Jobs by printer and by the sale's sequence.
static JOBS: Table<NameNumber, Job> = Table::new("print_job");

/// Copies by printer and by their number.
static COPIES: Table<NameNumber, Job> = Table::new("print_copy");

/// Counts the copies.
const COPY: &str = "receipt_copy";

/// Have copies of receipts printed.
pub static REPRINT: Permission =
    Permission::new("receipts.reprint", "Have a copy of a receipt printed", &[Holder::Register, Holder::Person]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["print_job", "print_copy"],
    permissions: &[&REPRINT],
    acts: &[ReceiptReprinted::KIND],
    ..Capability::new("printing")
};

/// A receipt to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// By which printer.
    pub printer: String,
    /// Of which sale: its sequence.
    pub sequence: u64,
    /// The number of the copy, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u64>,
}

/// A copy that will be printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptCopy {
    /// Its number, as on the paper: counts all copies of this hub.
    pub copy: u64,
    /// By which printer.
    pub printer: String,
}

/// A copy of a receipt was printed.
#[derive(Serialize)]
struct ReceiptReprinted {
    /// Of which sale.
    sale: SaleId,
    /// The copy's number.
    copy: u64,
    /// By which printer.
    printer: String,
}

impl Act for ReceiptReprinted {
    const KIND: ActKind = ActKind { name: "receipt_reprinted", doc: "A copy of a receipt was printed" };
}

/// Puts a sale's receipt into a printer's queue, in the sale's own commit.
///
/// # Errors
/// The store fails.
pub fn queue(transaction: &mut Transaction<'_>, printer: &str, sequence: u64) -> Result<(), StoreError> {
    transaction.put(&JOBS, (printer, sequence), &Job { printer: printer.to_owned(), sequence, copy: None })
}

/// Puts a copy of a sale's receipt into a printer's queue.
///
/// # Errors
/// Whoever asks may not, or the store fails.
pub fn reprint(
    transaction: &mut Transaction<'_>,
    by: &By,
    sale: SaleId,
    printer: String,
) -> Result<ReceiptCopy, Refusal> {
    REPRINT.require(&by.actor)?;
    let copy = transaction.next_number(COPY)?;
    let job = Job { printer: printer.clone(), sequence: sale.sequence, copy: Some(copy) };
    transaction.put(&COPIES, (&*printer, copy), &job)?;
    audit::record(transaction, by, &ReceiptReprinted { sale, copy, printer: printer.clone() })?;
    Ok(ReceiptCopy { copy, printer })
}

/// A job is done, or can never be.
pub fn done(transaction: &mut Transaction<'_>, job: &Job) {
    match job.copy {
        None => transaction.delete(&JOBS, (&*job.printer, job.sequence)),
        Some(copy) => transaction.delete(&COPIES, (&*job.printer, copy)),
    }
}

/// The first job of a printer's queue: receipts before copies.
///
/// # Errors
/// The store fails.
pub fn first(store: &Store, printer: &str) -> Result<Option<Job>, StoreError> {
    for table in [&JOBS, &COPIES] {
        // A damaged job is nobody's receipt; the check names it.
        let damaged = |error: StoreError| tracing::error!(%error, "print job left out");
        let jobs = store.readable_page(table, Some((printer, 0)), Order::Ascending, 1, damaged)?;
        if let Some(job) = jobs.into_iter().next().filter(|job| job.printer == printer) {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// How many jobs wait for a printer, receipts and copies; no more than `most` of each are counted.
///
/// # Errors
/// The store fails.
pub fn waiting(store: &Store, printer: &str, most: usize) -> Result<usize, StoreError> {
    let mut count = 0;
    for table in [&JOBS, &COPIES] {
        let jobs = store.readable_page(table, Some((printer, 0)), Order::Ascending, most, |_| ())?;
        count += jobs.iter().filter(|job| job.printer == printer).count();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_job_reads_back_as_it_was_written() {
        let _: Job = crate::testing::read_back(include_str!("fixtures/print-job.json"));
    }
}
