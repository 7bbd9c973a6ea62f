//! The locks of payment terminals: whoever holds a lock drives the terminal's payment. Also records for which payments
//! the receipt text is still expected, because a terminal sends it after the approval.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use app::{Refusal, devices::DEVICE_UNKNOWN, payments::TERMINAL_BUSY};
use commerce::PaymentId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One lock per terminal.
#[derive(Default)]
pub(crate) struct TerminalLocks {
    terminals: HashMap<String, Terminal>,
    slips_to_come: std::sync::Mutex<HashSet<PaymentId>>,
}

/// Marks the receipt text of a payment as expected, until it is dropped.
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
    /// What the holder of the lock does.
    work: Arc<AtomicU8>,
}

/// Why a terminal is locked: the values of [`Terminal::work`].
const PAYS: u8 = 0;
const FINISHES: u8 = 1;
const ASKS: u8 = 2;
const CLOSES: u8 = 3;

/// A locked terminal.
pub(crate) struct Held {
    _lock: OwnedMutexGuard<()>,
    work: Arc<AtomicU8>,
}

impl Held {
    /// From now on the holder only asks for the outcome of a payment. The terminal may never answer, and a person may
    /// decide the payment meanwhile.
    pub(crate) fn only_asks(&self) {
        self.work.store(ASKS, Ordering::Release);
    }

    /// The terminal closes its day.
    pub(crate) fn closes(&self) {
        self.work.store(CLOSES, Ordering::Release);
    }

    /// The terminal has approved the payment; it is being stored, and the terminal still sends its receipt text.
    pub(crate) fn only_finishes(&self) {
        self.work.store(FINISHES, Ordering::Release);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.work.store(PAYS, Ordering::Release);
    }
}

impl Terminal {
    /// Why it can't be locked.
    fn busy(&self, name: &str) -> Refusal {
        let (reason, detail) = match self.work.load(Ordering::Acquire) {
            FINISHES => {
                ("receipt", "is sending the receipt text of the last payment; repeat the command after a second")
            }
            ASKS => ("inquiry", "is asked for the outcome of a payment; wait, or decide the payment at the console"),
            CLOSES => ("closing", "is closing its day; repeat the command in a minute"),
            _ => ("payment", "is busy with another payment; wait for it or abort it"),
        };
        TERMINAL_BUSY.because(format!("payment terminal {name} {detail}")).member("reason", reason)
    }
}

impl TerminalLocks {
    /// The locks of a config's terminals.
    pub(crate) fn new(terminals: impl IntoIterator<Item = String>) -> Self {
        let terminals = terminals.into_iter().map(|name| (name, Terminal::default())).collect();
        Self { terminals, slips_to_come: std::sync::Mutex::default() }
    }

    /// Locks a terminal.
    pub(crate) fn hold(&self, terminal: &str) -> Result<Held, Refusal> {
        let found = self.terminals.get(terminal).ok_or_else(|| {
            DEVICE_UNKNOWN
                .because(format!("unknown payment terminal `{}`; add it to the config", terminal.escape_debug()))
        })?;
        let lock = Arc::clone(&found.lock).try_lock_owned().map_err(|_| found.busy(terminal))?;
        Ok(Held { _lock: lock, work: Arc::clone(&found.work) })
    }

    /// Whether no terminal is busy.
    pub(crate) fn are_free(&self) -> bool {
        self.terminals.values().all(|terminal| terminal.lock.try_lock().is_ok())
    }

    /// Locks a terminal so that a person can decide its payment. No lock is needed if the holder only asks, or if the
    /// terminal is no longer in the config.
    pub(crate) fn hold_to_decide(&self, terminal: &str) -> Result<Option<Held>, Refusal> {
        if !self.knows(terminal) || self.is_asked(terminal) {
            return Ok(None);
        }
        self.hold(terminal).map(Some)
    }

    /// Whether a terminal is being asked for the outcome of its payment.
    pub(crate) fn is_asked(&self, terminal: &str) -> bool {
        self.terminals.get(terminal).is_some_and(|terminal| terminal.work.load(Ordering::Acquire) == ASKS)
    }

    /// Marks the receipt text of a payment as expected.
    pub(crate) fn expect_slip(&self, payment: PaymentId) -> SlipToCome<'_> {
        self.slips().insert(payment);
        SlipToCome { terminals: self, payment }
    }

    /// Whether the receipt text of a payment is still expected.
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
