//! Printing receipts: one follower per printer works through its queue. The queue is in [`app::printing`].
//!
//! | failure | effect |
//! | --- | --- |
//! | the printer is off or out of paper | the jobs wait on disk; retried after the next commit or two seconds |
//! | the hub is killed while printing | only the current receipt is printed again |
//! | the paper runs out during a receipt | the printer's status shows it; the receipt is printed again |
//! | the printer accepted everything but does not confirm the end | done: the device's health and the log show that it is unconfirmed; it is not printed again automatically |
//! | the job of a printed receipt can't be deleted | the deletion is retried; nothing is printed meanwhile |
//! | the terminal has not sent its receipt text yet | the receipt waits for up to ten seconds |
//! | a sale or payment can't be read | its job is dropped and an error logged, so that a damaged record blocks no other receipts |

pub(crate) mod receipt;

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    devices::{DEVICE_UNKNOWN, PRINTER_FAILED},
    printing::{self, Job, REPRINT},
    selling,
};
use axum::{Json, extract::State};
use commerce::{Sale, SaleId, Tender};
use contract::Stream;
use drivers::receipt_printer::{PrintOutcome, layout};
use store::{Purpose, StoreError};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tracing::Instrument;
use utoipa_axum::routes;

use crate::{
    followers::Follower,
    hub::Hub,
    parts::printed::Printed,
    trail,
    web::{Command, Empty, InPath, Problem, Routes, reading},
};

/// How long a receipt waits for the terminal's text.
const SLIP: Duration = Duration::from_secs(10);

/// The interval of checks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Prints the receipts in a printer's queue.
pub(crate) struct PrintReceipts {
    hub: Arc<Hub>,
    printer: String,
    /// A printed job that could not be deleted yet.
    printed: Option<Job>,
}

impl Follower for PrintReceipts {
    fn name(&self) -> String {
        format!("receipts of {}", self.printer)
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        loop {
            // Each job is deleted before the next is printed, so that a killed hub prints at most one receipt twice.
            if let Some(job) = self.printed.clone() {
                // Even on a full disk: the receipt is printed, and the deletion frees space.
                let delete = self.hub.store.commit_for(Purpose::Settled, move |transaction| {
                    printing::done(transaction, &job);
                    Ok::<_, StoreError>(())
                });
                delete.await?;
                self.printed = None;
            }
            // Only durable sales: a record may be visible a moment before its flush.
            let durable = self.hub.store.outbox_span(Stream::sales().as_str())?.last;
            let job = printing::first(&self.hub.store, &self.printer)?.filter(|job| job.sequence <= durable);
            let Some(job) = job else { return Ok(()) };
            self.print(&job).instrument(trail::receipt(&self.printer)).await?;
            self.printed = Some(job);
        }
    }
}

impl PrintReceipts {
    pub(crate) fn new(hub: Arc<Hub>, printer: String) -> Self {
        Self { hub, printer, printed: None }
    }

    /// Prints a receipt. If a record can't be read, that is logged and the job is done.
    async fn print(&self, job: &Job) -> Result<(), Refusal> {
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
        let printer = self.hub.devices.receipt_printer(&self.printer)?;
        match printer.print(&document).await.map_err(|error| PRINTER_FAILED.because(error.to_string()))? {
            PrintOutcome::Confirmed => tracing::debug!("receipt printed"),
            PrintOutcome::Unconfirmed { why } => {
                tracing::warn!(%why, "the printer did not confirm a receipt");
            }
        }
        let lines = layout(&document, printer.columns());
        self.hub.last_printed.add(Printed { printer: self.printer.clone(), sale: id, lines });
        Ok(())
    }

    /// Whether a terminal will still send receipt text for a sale.
    fn slip_is_to_come(&self, sale: &Sale) -> bool {
        let is_to_come = |tender: &Tender| matches!(tender, Tender::Card { slip, .. } if self.hub.terminals.expects_slip(slip.payment));
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

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("receipts", "Receipts on paper", &["selling", "printing", "devices"])
        .command(&REPRINT, routes!(reprint))
}

/// Print a copy of a sale's receipt
///
/// Printed at the printer of the calling register; for a person at the console, at that of the register that sold it.
/// The paper shows that it is a copy, and its number. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/sales/{id}/reprint", params(("id" = SaleId, Path)), request_body = Empty,
    responses((status = 200, body = printing::ReceiptCopy), (status = 404, body = Problem)))]
async fn reprint(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
    command: Command<Empty>,
) -> Result<Json<printing::ReceiptCopy>, Problem> {
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
        printing::reprint(transaction, by, sale, printer)
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
