//! What the rest of the hub sees of its enrolment: faults, and that it must end.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Why the hub must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It starts again, with another config.
    Restart,
    /// The location is closed: what it has is wiped.
    Wipe,
}

/// The enrolment of a running hub.
pub(crate) struct EnrolmentState {
    faults: Mutex<Vec<String>>,
    ending: watch::Sender<Option<Ending>>,
}

impl Default for EnrolmentState {
    fn default() -> Self {
        Self { faults: Mutex::default(), ending: watch::channel(None).0 }
    }
}

impl EnrolmentState {
    /// Replaces the faults.
    pub(crate) fn found(&self, faults: Vec<String>) {
        let mut known = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != faults {
            for fault in &faults {
                tracing::warn!(%fault, "enrolment");
            }
            *known = faults;
        }
    }

    /// The faults.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the hub.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.send_replace(Some(ending));
    }

    /// Whether the hub must end, and why.
    pub(crate) fn ending(&self) -> watch::Receiver<Option<Ending>> {
        self.ending.subscribe()
    }
}
