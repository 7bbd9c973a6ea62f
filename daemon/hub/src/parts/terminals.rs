//! The terminals' locks: whoever holds one drives the terminal's payment.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use app::{Refusal, devices::DEVICE_UNKNOWN, payments::TERMINAL_BUSY};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One payment at a time on each terminal.
#[derive(Default)]
pub(crate) struct TerminalLocks(HashMap<String, Terminal>);

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
        Self(terminals.into_iter().map(|name| (name, Terminal::default())).collect())
    }

    /// Takes hold of a terminal.
    pub(crate) fn hold(&self, terminal: &str) -> Result<Held, Refusal> {
        let found = self.0.get(terminal).ok_or_else(|| {
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
        self.0.get(terminal).is_some_and(|terminal| terminal.is_asked.load(Ordering::Acquire))
    }

    /// Whether somebody holds a terminal. Looking does not disturb whoever wants to hold it.
    pub(crate) fn is_held(&self, terminal: &str) -> bool {
        self.0.get(terminal).is_some_and(|terminal| Arc::strong_count(&terminal.lock) > 1)
    }

    /// Whether the config has a terminal.
    pub(crate) fn knows(&self, terminal: &str) -> bool {
        self.0.contains_key(terminal)
    }
}
