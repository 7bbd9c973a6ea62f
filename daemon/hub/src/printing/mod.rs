//! Receipts on paper: a queue on disk for each printer, and a task that works it off.
//!
//! A job is put into the queue in the commit of its sale, and deleted once the printer says that it is through. So every sale is printed, also after
//! a restart; a power cut between the paper and the deletion prints it twice, which is the better of the two mistakes.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the printer is off, or out of paper | the jobs wait on disk; tried again when it is ready, or every [`RETRY`] |
//! | the hub, while printing | printed again from the first job that was not deleted |
//! | the paper ends in the middle | the printer's status after the cut tells; printed again |

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::Stream;
use drivers::receipt_printer::layout;
use serde::{Deserialize, Serialize};
use store::{NameNumber, Order, Purpose, StoreError, Table, Transaction};
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::{
    hub::Hub,
    problem::Problem,
    selling::{receipt, sale_at},
};

/// Jobs by printer and by the sale's sequence.
static JOBS: Table<NameNumber, Job> = Table::new("print_job");

/// How long a printer that failed is left alone.
const RETRY: Duration = Duration::from_secs(2);

/// Receipts remembered for the status page.
const SHOWN: usize = 3;

/// A receipt to print.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    printer: String,
    sequence: u64,
}

/// A receipt that was printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Printed {
    /// By which printer.
    pub printer: String,
    /// Of which sale.
    pub sale: String,
    /// Line by line.
    pub lines: Vec<String>,
}

/// The printers' queues.
#[derive(Default)]
pub struct Printing {
    bells: HashMap<String, Arc<Notify>>,
    shown: Mutex<VecDeque<Printed>>,
}

/// Puts a sale's receipt into a printer's queue, in the sale's own commit.
///
/// # Errors
/// The store fails.
pub(crate) fn queue(transaction: &mut Transaction<'_>, printer: &str, sequence: u64) -> Result<(), StoreError> {
    transaction.put(&JOBS, (printer, sequence), &Job { printer: printer.to_owned(), sequence })
}

impl Printing {
    /// For the printers of a config.
    pub fn new(printers: impl IntoIterator<Item = String>) -> Self {
        Self { bells: printers.into_iter().map(|name| (name, Arc::default())).collect(), shown: Mutex::default() }
    }

    /// There is something to print.
    pub fn wake(&self, printer: &str) {
        if let Some(bell) = self.bells.get(printer) {
            bell.notify_one();
        }
    }

    /// The last receipts printed, newest first.
    pub fn shown(&self) -> Vec<Printed> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn show(&self, printed: Printed) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push_front(printed);
        shown.truncate(SHOWN);
    }
}

/// Starts a task for each printer; it begins with what was left.
pub fn start(hub: &Arc<Hub>) {
    for (printer, bell) in &hub.printing.bells {
        let (hub, printer, bell) = (Arc::clone(hub), printer.clone(), Arc::clone(bell));
        tokio::spawn(async move {
            loop {
                match work_off(&hub, &printer).await {
                    Ok(()) => bell.notified().await,
                    Err(problem) => {
                        tracing::warn!(%printer, detail = %problem.detail, "receipts wait");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        });
    }
}

/// Prints until the queue is empty.
async fn work_off(hub: &Hub, printer: &str) -> Result<(), Problem> {
    let device = hub.devices.receipt_printer(printer)?;
    loop {
        // Only sales that are durable: a record may be seen a moment before its flush.
        let durable = hub.store.outbox_span(Stream::sales().as_str())?.last;
        let jobs = hub.store.page(&JOBS, Some((printer, 0)), Order::Ascending, 16)?;
        let jobs: Vec<_> = jobs.into_iter().filter(|job| job.printer == printer && job.sequence <= durable).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let mut done = Vec::new();
        let mut trouble = None;
        for job in jobs {
            if let Some(sale) = sale_at(&hub.store, job.sequence)? {
                let document = receipt::document(hub, &sale)?;
                if let Err(error) = device.print(&document).await {
                    trouble = Some(Problem::device("printer-failed", error.to_string()));
                    break;
                }
                let columns = device.columns();
                hub.printing.show(Printed {
                    printer: printer.to_owned(),
                    sale: sale.id,
                    lines: layout(&document, columns),
                });
            }
            done.push(job);
        }
        hub.store
            .commit_for(Purpose::Housekeeping, move |transaction| {
                for job in done {
                    transaction.delete(&JOBS, (&*job.printer, job.sequence));
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/print-job-2.json");

    #[test]
    fn a_stored_print_job_reads_back_as_it_was_written() {
        let read: Job = serde_json::from_str(STORED).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
    }
}
