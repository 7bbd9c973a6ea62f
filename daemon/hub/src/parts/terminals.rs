//! The terminals' locks: whoever holds one drives the terminal's payment. And which payments' slips are still to come:
//! a terminal tells what it wants on the receipt after it has approved.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use app::{Refusal, devices::DEVICE_UNKNOWN, payments::TERMINAL_BUSY};
use commerce::PaymentId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One payment at a time on each terminal.
#[derive(Default)]
pub(crate) struct TerminalLocks {
    locks: HashMap<String, Arc<Mutex<()>>>,
    slips_to_come: std::sync::Mutex<HashSet<PaymentId>>,
}

/// While it is there, a payment's slip is still to come.
pub(crate) struct SlipToCome<'a> {
    terminals: &'a TerminalLocks,
    payment: PaymentId,
}

impl Drop for SlipToCome<'_> {
    fn drop(&mut self) {
        self.terminals.slips().remove(&self.payment);
    }
}

impl TerminalLocks {
    /// For the terminals of a config.
    pub(crate) fn new(terminals: impl IntoIterator<Item = String>) -> Self {
        let locks = terminals.into_iter().map(|name| (name, Arc::default())).collect();
        Self { locks, slips_to_come: std::sync::Mutex::default() }
    }

    /// Takes hold of a terminal.
    pub(crate) fn hold(&self, terminal: &str) -> Result<OwnedMutexGuard<()>, Refusal> {
        let lock = self.locks.get(terminal).ok_or_else(|| {
            DEVICE_UNKNOWN.because(format!("the config has no payment terminal `{}`", terminal.escape_debug()))
        })?;
        Arc::clone(lock).try_lock_owned().map_err(|_| {
            TERMINAL_BUSY
                .because(format!("payment terminal {terminal} is busy with another payment; wait for it or abort it"))
        })
    }

    /// A payment begins whose terminal will tell what it wants on the receipt.
    pub(crate) fn expect_slip(&self, payment: PaymentId) -> SlipToCome<'_> {
        self.slips().insert(payment);
        SlipToCome { terminals: self, payment }
    }

    /// Whether a payment's slip is still to come.
    pub(crate) fn expects_slip(&self, payment: PaymentId) -> bool {
        self.slips().contains(&payment)
    }

    fn slips(&self) -> std::sync::MutexGuard<'_, HashSet<PaymentId>> {
        self.slips_to_come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the config has a terminal.
    pub(crate) fn knows(&self, terminal: &str) -> bool {
        self.locks.contains_key(terminal)
    }
}
