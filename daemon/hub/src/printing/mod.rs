//! Receipts on paper: a follower for each printer works its queue off. [`app::printing`] has the queue.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the printer is off, or out of paper | the jobs wait on disk; tried again when something is committed, or after two seconds |
//! | the hub, while printing | printed again from the first job that was not deleted |
//! | the paper ends in the middle | the printer's status after the cut tells; printed again |
//! | a sale or payment can't be read | its job is dropped, with an error in the log: no damaged record keeps others from being printed, or prints them twice |

pub(crate) mod receipt;

use std::sync::Arc;

use app::{
    Refusal,
    devices::{DEVICE_UNKNOWN, PRINTER_FAILED},
    printing::{self, Job},
    selling,
};
use commerce::SaleId;
use contract::Stream;
use drivers::receipt_printer::{Document, layout};
use store::{Purpose, StoreError};

use crate::{followers::Follower, hub::Hub, parts::printed::Printed};

/// Jobs read at once.
const PAGE: usize = 16;

/// Works a printer's queue off.
pub(crate) struct PrintReceipts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) printer: String,
}

impl Follower for PrintReceipts {
    fn name(&self) -> String {
        format!("receipts of {}", self.printer)
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let hub = &self.hub;
        loop {
            // Only sales that are durable: a record may be seen a moment before its flush.
            let durable = hub.store.outbox_span(Stream::sales().as_str())?.last;
            let mut jobs = printing::waiting(&hub.store, &self.printer, PAGE)?;
            jobs.retain(|job| job.sequence <= durable);
            if jobs.is_empty() {
                return Ok(());
            }
            let mut done = Vec::with_capacity(jobs.len());
            let mut outcome = Ok(());
            for job in jobs {
                outcome = self.print(&job).await;
                if outcome.is_err() {
                    break;
                }
                done.push(job);
            }
            // What is on paper leaves the queue, whatever became of what came after it.
            if !done.is_empty() {
                let delete = hub.store.commit_for(Purpose::Housekeeping, move |transaction| {
                    for job in &done {
                        printing::done(transaction, job);
                    }
                    Ok::<_, StoreError>(())
                });
                delete.await?;
            }
            outcome?;
        }
    }
}

impl PrintReceipts {
    /// Prints a receipt. What can't be read can't be printed: that is logged, and the job is done.
    async fn print(&self, job: &Job) -> Result<(), Refusal> {
        let (sale, document) = match self.read(job) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(()),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(printer = %self.printer, sequence = job.sequence, %error, "receipt can't be printed: its record is damaged");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let printer = self.hub.devices.receipt_printer(&self.printer)?;
        printer.print(&document).await.map_err(|error| PRINTER_FAILED.because(error.to_string()))?;
        let lines = layout(&document, printer.columns());
        self.hub.last_printed.add(Printed { printer: self.printer.clone(), sale, lines });
        Ok(())
    }

    fn read(&self, job: &Job) -> Result<Option<(SaleId, Document)>, StoreError> {
        let Some(sale) = selling::sale_at(&self.hub.store, job.sequence)? else { return Ok(None) };
        Ok(Some((sale.id, receipt::document(&self.hub, &sale)?)))
    }
}

/// The receipt printer of a register's lane.
pub(crate) fn lane_printer<'h>(hub: &'h Hub, register: &commerce::RegisterName) -> Result<&'h str, Refusal> {
    let printer = hub.config.lane(register).and_then(|lane| lane.receipt_printer.as_deref());
    printer.ok_or_else(|| {
        DEVICE_UNKNOWN
            .because(format!("register {register} has no receipt printer; add `receipt_printer` to its [[register]]"))
    })
}
