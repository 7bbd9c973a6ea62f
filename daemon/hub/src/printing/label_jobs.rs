//! Printing labels: one follower per printer works through its jobs, label by label. The queue is in
//! [`app::printing::labels`], and what a printer proves in [`drivers::label_printer`].

use std::sync::Arc;

use app::{
    Refusal,
    devices::PRINTER_FAILED,
    printing::labels::{self, Outcome, QueuedLabel},
};
use drivers::{
    device::Health,
    label_printer::{LabelPrinter, PrintError, PrintOutcome},
};
use store::{Purpose, StoreError};

use crate::{followers::Follower, hub::Hub};

/// Prints the jobs of a printer.
pub(crate) struct PrintLabels {
    hub: Arc<Hub>,
    printer: String,
    /// The job whose label was printed last, and the outcome, which is not recorded yet.
    outcome: Option<(u64, Outcome)>,
}

impl Follower for PrintLabels {
    fn name(&self) -> String {
        format!("labels of {}", self.printer)
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        while let Some(job) = labels::first(&self.hub.store, &self.printer)? {
            let printer = Arc::clone(self.hub.devices.label_printer(&self.printer)?);
            if let Some(trouble) = trouble(&*printer) {
                self.settle().await?;
                return Err(PRINTER_FAILED.because(format!("printer {}: {trouble}", self.printer)));
            }
            let outcome = self.outcome.clone().filter(|(number, _)| *number == job.number).map(|(_, outcome)| outcome);
            let name = self.printer.clone();
            let next = self
                .hub
                .store
                .commit_for(Purpose::Settled, move |transaction| labels::next(transaction, &name, job.number, outcome));
            let label = next.await?;
            self.outcome = None;
            if let Some(label) = label {
                let (outcome, failed) = self.print(&*printer, &job.template, &label).await;
                self.outcome = Some((job.number, outcome));
                if let Some(failed) = failed {
                    self.settle().await?;
                    return Err(failed);
                }
            }
        }
        Ok(())
    }
}

impl PrintLabels {
    pub(crate) fn new(hub: Arc<Hub>, printer: String) -> Self {
        Self { hub, printer, outcome: None }
    }

    /// Records the outcome of the label that was printed last.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if let Some((number, outcome)) = self.outcome.clone() {
            let name = self.printer.clone();
            let settle = self
                .hub
                .store
                .commit_for(Purpose::Settled, move |transaction| labels::settle(transaction, &name, number, outcome));
            settle.await?;
            self.outcome = None;
        }
        Ok(())
    }

    /// Prints a label; the second value is why it was not printed, if it may be printed later.
    async fn print(
        &self,
        printer: &dyn LabelPrinter,
        template: &str,
        label: &QueuedLabel,
    ) -> (Outcome, Option<Refusal>) {
        let template = match self.hub.templates.named(template) {
            Ok(template) => template,
            Err(unknown) => return (Outcome::Refused(unknown.detail), None),
        };
        let sheet = match template.layout(&label.data, printer.dots_per_mm()) {
            Ok(sheet) => sheet,
            Err(why) => return (Outcome::Refused(why), None),
        };
        match printer.print(&sheet, label.copies).await {
            Ok(PrintOutcome::Confirmed) => (Outcome::Printed, None),
            Ok(PrintOutcome::Unconfirmed { why }) => {
                tracing::warn!(printer = %self.printer, %why, "the printer did not confirm a label");
                (Outcome::Unconfirmed(why), None)
            }
            Err(PrintError::Invalid { why }) => (Outcome::Refused(why), None),
            Err(error) => (Outcome::NotPrinted, Some(PRINTER_FAILED.because(error.to_string()))),
        }
    }
}

/// Why no label should be sent to a printer now. A label that is not confirmed does not keep the next from being sent.
pub(super) fn trouble(printer: &dyn LabelPrinter) -> Option<String> {
    match printer.health() {
        Health::Ready | Health::Attention { .. } => None,
        Health::Connecting => Some("connecting".into()),
        Health::Offline { why, .. } => Some(why),
    }
}
