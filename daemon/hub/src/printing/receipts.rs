//! Printing receipts: one follower per printer works through its queue. The queue is in [`app::printing::receipts`].
//!
//! | failure | effect |
//! | --- | --- |
//! | the printer is off or out of paper | the jobs wait on disk; retried after the next commit or two seconds |
//! | the hub is stopped while it prints a receipt | it is unconfirmed and not printed again; the log names it |
//! | the paper runs out during a receipt | the printer's status shows it; the receipt is printed again |
//! | it accepts all of it and does not confirm the end | done: health and log show it; it is not printed again |
//! | the job of a printed receipt can't be deleted | the deletion is retried; nothing is printed meanwhile |
//! | the terminal has not sent its receipt text yet | the receipt waits for up to ten seconds |
//! | a sale or payment can't be read | its job is dropped with an error in the log; others go on |

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    devices::{DEVICE_UNKNOWN, PRINTER_FAILED},
    printing::receipts::{self, Job, ReceiptCopy},
    selling, training,
};
use axum::{Json, extract::State};
use commerce::{Sale, SaleId, Tender, receipt::TrainingNumber};
use contract::Stream;
use drivers::{
    device::Health,
    receipt_printer::{Document, PrintOutcome, layout},
};
use store::{Purpose, StoreError, Transaction};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::Instrument;

use super::receipt;
use crate::{
    followers::Follower,
    hub::Hub,
    parts::printed::Printed,
    trail,
    web::{Command, Empty, InPath, Problem, reading},
};

/// How long a receipt waits for the terminal's text.
const SLIP: Duration = Duration::from_secs(10);

/// The interval of checks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Prints the receipts in a printer's queue.
pub(crate) struct PrintReceipts {
    hub: Arc<Hub>,
    printer: String,
    /// The job that was begun last, and whether it is done; not recorded yet.
    begun: Option<(Job, bool)>,
}

impl Follower for PrintReceipts {
    fn name(&self) -> String {
        format!("receipts of {}", self.printer)
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        loop {
            self.settle().await?;
            // Only durable sales: a record may be visible a moment before its flush. Training has nothing to lose.
            let durable = self.hub.store.outbox_span(Stream::sales().as_str())?.last;
            let job =
                receipts::first(&self.hub.store, &self.printer)?.filter(|job| job.training || job.sequence <= durable);
            let Some(job) = job else { return Ok(()) };
            if job.begun {
                tracing::warn!(
                    printer = %self.printer, sequence = job.sequence,
                    "the hub was stopped while it printed a receipt; check the paper, and print a copy if it is missing"
                );
                self.begun = Some((job, true));
                continue;
            }
            let printer = self.hub.devices.receipt_printer(&self.printer)?;
            if let Health::Offline { why, .. } = printer.health() {
                return Err(PRINTER_FAILED.because(format!("printer {}: {why}", self.printer)));
            }
            let printed = self.print(&job).instrument(trail::receipt(&self.printer)).await;
            self.begun = Some((job, printed.is_ok()));
            if let Err(failed) = printed {
                self.settle().await?;
                return Err(failed);
            }
        }
    }
}

impl PrintReceipts {
    pub(crate) fn new(hub: Arc<Hub>, printer: String) -> Self {
        Self { hub, printer, begun: None }
    }

    /// Records what became of the job that was begun last.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Some((job, is_done)) = self.begun.clone() else { return Ok(()) };
        let settled = self.record(move |transaction| {
            if is_done {
                receipts::done(transaction, &job);
                return Ok(());
            }
            receipts::mark(transaction, &job, false)
        });
        settled.await?;
        self.begun = None;
        Ok(())
    }

    /// Even on a full disk: a receipt's job frees space when it is done.
    async fn record(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.hub.store.commit_for(Purpose::Settled, work).await
    }

    /// Prints a receipt. If a record can't be read, that is logged and the job is done.
    async fn print(&self, job: &Job) -> Result<(), Refusal> {
        if job.training {
            return self.print_training(job).await;
        }
        let sequence = job.sequence;
        let Some(sale) = self.read(sequence, move |hub| selling::sale_at(&hub.store, sequence)).await? else {
            return Ok(());
        };
        trail::about(sale.id);
        let end = Instant::now() + SLIP;
        while self.slip_is_to_come(&sale) && Instant::now() < end {
            sleep(LOOK).await;
        }
        let (copy, id) = (job.copy, sale.id);
        let document = self.read(sequence, move |hub| receipt::document(hub, &sale, copy).map(Some)).await?;
        let Some(document) = document else { return Ok(()) };
        let lines = self.put_on_paper(job, &document).await?;
        self.hub.last_printed.add(Printed { printer: self.printer.clone(), sale: id, lines });
        Ok(())
    }

    /// The same for a training sale. The page does not show it among the receipts that were printed.
    async fn print_training(&self, job: &Job) -> Result<(), Refusal> {
        let number = TrainingNumber(job.sequence);
        let document = self.read(job.sequence, move |hub| {
            let sold = training::find_sale(&hub.store, number)?;
            sold.map(|sold| receipt::of_training(hub, &sold)).transpose()
        });
        let Some(document) = document.await? else { return Ok(()) };
        self.put_on_paper(job, &document).await.map(drop)
    }

    /// Prints the document of a job that begins now, and returns its lines.
    async fn put_on_paper(&self, job: &Job, document: &Document) -> Result<Vec<String>, Refusal> {
        let printer = self.hub.devices.receipt_printer(&self.printer)?;
        let begins = job.clone();
        self.record(move |transaction| receipts::mark(transaction, &begins, true)).await?;
        match printer.print(document).await.map_err(|error| PRINTER_FAILED.because(error.to_string()))? {
            PrintOutcome::Confirmed => tracing::debug!("receipt printed"),
            PrintOutcome::Unconfirmed { why } => {
                tracing::warn!(%why, "the printer did not confirm a receipt");
            }
        }
        Ok(layout(document, printer.columns()))
    }

    /// Whether a terminal will still send receipt text for a sale.
    fn slip_is_to_come(&self, sale: &Sale) -> bool {
        let is_to_come = |tender: &Tender| match tender {
            Tender::Card { slip, .. } => self.hub.terminals.expects_slip(slip.payment),
            _ => false,
        };
        sale.tenders.iter().any(is_to_come)
    }

    /// Reads off the runtime's threads, because a sale may be archived. `None` if the record is damaged, which is
    /// logged.
    async fn read<T: Send + 'static>(
        &self,
        sequence: u64,
        read: impl FnOnce(&Hub) -> Result<Option<T>, StoreError> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let hub = Arc::clone(&self.hub);
        match spawn_blocking(move || read(&hub)).await.unwrap_or(Err(StoreError::Panicked)) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(sequence, %error, "cannot print a receipt: its record is damaged");
                Ok(None)
            }
            read => read,
        }
    }
}

/// Print a copy of a sale's receipt
///
/// Printed at the printer of the calling register; for a person at the console, at that of the register that sold it.
/// The paper shows that it is a copy, and its number. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/sales/{id}/reprint", params(("id" = SaleId, Path)), request_body = Empty,
    responses((status = 200, body = ReceiptCopy), (status = 404, body = Problem)))]
pub(super) async fn reprint(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
    command: Command<Empty>,
) -> Result<Json<ReceiptCopy>, Problem> {
    let reader = Arc::clone(&hub);
    let asks = command.by.actor.register_name().cloned();
    // Refused inside the commit, so that a repeat gets its answer first.
    let find = move || {
        let sale = selling::find_sale(&reader.store, id)?;
        let printer = lane_printer(&reader, asks.as_ref().unwrap_or(&sale.register))?.to_owned();
        Ok((sale.id, printer))
    };
    let found: Result<_, Refusal> = reading(move || Ok(find())).await?;
    let queued = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, _| {
        let (sale, printer) = found?;
        receipts::reprint(transaction, by, sale, printer)
    });
    Ok(Json(queued.await?))
}

/// The receipt printer of a register's lane.
pub(crate) fn lane_printer<'h>(hub: &'h Hub, register: &commerce::RegisterName) -> Result<&'h str, Refusal> {
    let printer = hub.config.lane(register).and_then(|lane| lane.receipt_printer.as_deref());
    printer.ok_or_else(|| {
        DEVICE_UNKNOWN
            .because(format!("register {register} has no receipt printer; add `receipt_printer` to its [[register]]"))
    })
}
