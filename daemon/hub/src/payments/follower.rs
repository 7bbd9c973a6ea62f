//! Finds payments that nobody drives, and asks their terminals.

use std::sync::Arc;

use app::{
    Refusal,
    payments::{self, PaymentState},
};
use tracing::Instrument;

use super::drive;
use crate::{followers::Follower, hub::Hub, trail};

/// Resolves payments that are started while nobody holds their terminal's lock: the hub was restarted, the task that
/// drove them ended, or their result could not be stored.
pub(crate) struct ResolvePayments(pub(crate) Arc<Hub>);

impl Follower for ResolvePayments {
    fn name(&self) -> String {
        "payments".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        for payment in payments::unresolved(&self.0.store)? {
            if payment.state != PaymentState::Started {
                continue;
            }
            if !self.0.terminals.knows(&payment.terminal) {
                tracing::error!(payment = %payment.id, terminal = %payment.terminal,
                    "payment in doubt, but its terminal is no longer in the config; add it again, or decide the payment at the console");
                continue;
            }
            // Whoever holds the terminal's lock drives the payment.
            let Ok(held) = self.0.terminals.hold(&payment.terminal) else { continue };
            // The task may have ended the payment before it released the lock.
            let payment = payments::read(&self.0.store, payment.id)?;
            if payment.state == PaymentState::Started {
                tracing::warn!(payment = %payment.id, terminal = %payment.terminal, "nobody drives this payment; asking the terminal");
                let hub = Arc::clone(&self.0);
                let span = trail::payment(&payment);
                tokio::spawn(async move { drive::resolve(&hub, payment, held).await }.instrument(span));
            }
        }
        Ok(())
    }
}
