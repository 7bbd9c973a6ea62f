//! Finds payments that nobody drives, and those that nobody wants.

use std::{sync::Arc, time::Duration};

use app::{
    Refusal,
    payments::{self, Payment},
};
use drivers::device::Health;
use tracing::Instrument;

use super::drive;
use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
    trail,
};

/// The interval of sweeps while a payment waits for its terminal: nothing is stored when that is free or ready again.
const WAITING: Duration = Duration::from_secs(1);

/// Resolves payments without an outcome whose terminal's lock nobody holds: the hub was restarted, the task that drove
/// them ended, or their result could not be stored. Reverses approved payments of abandoned baskets.
pub(crate) struct ResolvePayments {
    hub: Arc<Hub>,
    /// Whether the last sweep left a payment to its terminal's present work.
    waits: bool,
}

impl ResolvePayments {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, waits: false }
    }

    fn resolve(&mut self, payment: &Payment) -> Result<(), Refusal> {
        let hub = &self.hub;
        if payment.state.is_settled() {
            return Ok(());
        }
        if !hub.terminals.knows(&payment.terminal) {
            tracing::error!(payment = %payment.id, terminal = %payment.terminal,
                "payment in doubt, but its terminal is no longer in the config; add it again, or decide the payment \
                 at the console");
            return Ok(());
        }
        // Whoever holds the terminal's lock drives the payment.
        let Ok(held) = hub.terminals.hold(&payment.terminal) else {
            self.waits = true;
            return Ok(());
        };
        // The task may have ended the payment before it released the lock.
        let payment = payments::read(&hub.store, payment.id)?;
        if !payment.state.is_settled() {
            tracing::warn!(payment = %payment.id, terminal = %payment.terminal, "payment has no task; resuming it");
            let hub = Arc::clone(hub);
            let span = trail::payment(&payment);
            tokio::spawn(async move { drive::resolve(&hub, payment, held).await }.instrument(span));
        }
        Ok(())
    }

    async fn reverse(&mut self, payment: &Payment) -> Result<(), Refusal> {
        let hub = &self.hub;
        let is_ready = hub.devices.terminal(&payment.terminal).is_ok_and(|device| device.health() == Health::Ready);
        let Some(held) = is_ready.then(|| hub.terminals.hold(&payment.terminal).ok()).flatten() else {
            self.waits = true;
            return Ok(());
        };
        let payment = payments::read(&hub.store, payment.id)?;
        if !payment.state.is_charged() {
            return Ok(());
        }
        match drive::reverse_unwanted(hub, &payment, held).await {
            // It waits until the other payment of the terminal has an outcome.
            Err(refusal) if refusal.kind == &payments::TERMINAL_UNRESOLVED => Ok(()),
            started => started,
        }
    }
}

impl Follower for ResolvePayments {
    fn name(&self) -> String {
        "payments".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        self.waits = false;
        for payment in payments::unresolved(&self.hub.store)? {
            self.resolve(&payment)?;
        }
        for payment in payments::to_reverse(&self.hub.store)? {
            self.reverse(&payment).await?;
        }
        Ok(())
    }

    fn rest(&self) -> Duration {
        if self.waits { WAITING } else { EVERY }
    }
}
