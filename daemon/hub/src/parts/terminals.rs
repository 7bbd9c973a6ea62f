//! The terminals' locks: whoever holds one drives the terminal's payment.

use std::{collections::HashMap, sync::Arc};

use app::{Refusal, devices::DEVICE_UNKNOWN, payments::TERMINAL_BUSY};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One payment at a time on each terminal.
#[derive(Default)]
pub(crate) struct TerminalLocks(HashMap<String, Arc<Mutex<()>>>);

impl TerminalLocks {
    /// For the terminals of a config.
    pub(crate) fn new(terminals: impl IntoIterator<Item = String>) -> Self {
        Self(terminals.into_iter().map(|name| (name, Arc::default())).collect())
    }

    /// Takes hold of a terminal.
    pub(crate) fn hold(&self, terminal: &str) -> Result<OwnedMutexGuard<()>, Refusal> {
        let lock = self.0.get(terminal).ok_or_else(|| {
            DEVICE_UNKNOWN.because(format!("the config has no payment terminal `{}`", terminal.escape_debug()))
        })?;
        Arc::clone(lock).try_lock_owned().map_err(|_| {
            TERMINAL_BUSY
                .because(format!("payment terminal {terminal} is busy with another payment; wait for it or abort it"))
        })
    }

    /// Whether somebody holds a terminal. Looking does not disturb whoever wants to hold it.
    pub(crate) fn is_held(&self, terminal: &str) -> bool {
        self.0.get(terminal).is_some_and(|lock| Arc::strong_count(lock) > 1)
    }

    /// Whether the config has a terminal.
    pub(crate) fn knows(&self, terminal: &str) -> bool {
        self.0.contains_key(terminal)
    }
}
