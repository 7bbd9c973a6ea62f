//! The terminals' locks: whoever holds one drives the terminal's payment. And which payments' slips are still to come:
//! a terminal tells what it wants on the receipt after it has approved.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use app::{Refusal, devices::DEVICE_UNKNOWN, payments::TERMINAL_BUSY};
use commerce::PaymentId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One payment at a time on each terminal.
#[derive(Default)]
pub(crate) struct TerminalLocks {
    terminals: HashMap<String, Terminal>,
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

#[derive(Default)]
struct Terminal {
    lock: Arc<Mutex<()>>,
    /// Whoever holds the lock only asks what became of a payment.
    is_asked: Arc<AtomicBool>,
}

/// A terminal that is held.
pub(crate) struct Held {
    _lock: OwnedMutexGuard<()>,
    is_asked: Arc<AtomicBool>,
}

impl Held {
    /// From here on the terminal is only asked what became of its payment: it may not answer for ever, and a person may
    /// decide meanwhile.
    pub(crate) fn only_asks(&self) {
        self.is_asked.store(true, Ordering::Release);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.is_asked.store(false, Ordering::Release);
    }
}

impl TerminalLocks {
    /// For the terminals of a config.
    pub(crate) fn new(terminals: impl IntoIterator<Item = String>) -> Self {
        let terminals = terminals.into_iter().map(|name| (name, Terminal::default())).collect();
        Self { terminals, slips_to_come: std::sync::Mutex::default() }
    }

    /// Takes hold of a terminal.
    pub(crate) fn hold(&self, terminal: &str) -> Result<Held, Refusal> {
        let found = self.terminals.get(terminal).ok_or_else(|| {
            DEVICE_UNKNOWN.because(format!("the config has no payment terminal `{}`", terminal.escape_debug()))
        })?;
        let lock = Arc::clone(&found.lock).try_lock_owned().map_err(|_| {
            TERMINAL_BUSY
                .because(format!("payment terminal {terminal} is busy with another payment; wait for it or abort it"))
        })?;
        Ok(Held { _lock: lock, is_asked: Arc::clone(&found.is_asked) })
    }

    /// Takes hold of a terminal so that a person can decide its payment; of one that is only asked, or that the config
    /// has no longer, nothing need be held.
    pub(crate) fn hold_to_decide(&self, terminal: &str) -> Result<Option<Held>, Refusal> {
        if !self.knows(terminal) || self.is_asked(terminal) {
            return Ok(None);
        }
        self.hold(terminal).map(Some)
    }

    /// Whether a terminal is being asked what became of its payment.
    pub(crate) fn is_asked(&self, terminal: &str) -> bool {
        self.terminals.get(terminal).is_some_and(|terminal| terminal.is_asked.load(Ordering::Acquire))
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
        self.terminals.contains_key(terminal)
    }
}
