//! Payment terminals: they charge a card, and the hub never learns the card number.
//!
//! # What a driver promises
//!
//! - A payment is sent to the terminal once, and only if the driver's [`Journal`] was stored first.
//! - If the result of a payment did not arrive, the payment is *in doubt*. [`resolve`](PaymentTerminal::resolve)
//!   settles it from the stored [`Intent`] alone, also after a restart. Whether it uses an id of ours or the terminal's
//!   own numbers is up to the driver.
//! - No card number leaves a driver: a record has a [`MaskedPan`] and a [`TerminalReference`], and neither can hold
//!   one.
//!
//! # The vote
//!
//! A terminal commits a payment when the register acknowledges the result. So [`PaymentTerminal::authorise`] returns an
//! [`Unacknowledged`] result: the hub stores it durably and *then* calls [`Unacknowledged::keep`] (or
//! [`roll_back`](Unacknowledged::roll_back)), and the driver acknowledges it. Dropping it sends nothing: the payment is
//! then in doubt, as after a crash, and only [`resolve`](PaymentTerminal::resolve) can settle it.

use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod record;
mod scrub;
mod zvt;

pub use record::{Amount, Intent, Journal, MaskedPan, Record, TerminalReference};

/// The protocols of payment terminals.
pub const PROTOCOLS: &[Protocol<dyn PaymentTerminal>] =
    &[Protocol { name: "zvt", prepare: |setup| with_settings(setup, zvt::start) }];

/// The outcome of an authorisation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Approved. Not acknowledged yet: see [`Unacknowledged`].
    Approved(Unacknowledged),
    /// Declined, aborted or impossible: nothing was charged.
    Declined {
        /// The code of the terminal or the bank, in the protocol's format.
        code: String,
        /// The reason in words.
        why: String,
    },
}

/// The hub's decision on an approved payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It is stored: commit it.
    Keep,
    /// The goods are not handed over: reverse it.
    RollBack,
}

/// An approved payment that awaits the hub's vote.
#[derive(Debug)]
pub struct Unacknowledged {
    /// The approved transaction.
    pub record: Record,
    pub(crate) device: String,
    pub(crate) vote: oneshot::Sender<Vote>,
    pub(crate) ended: oneshot::Receiver<Result<Record, TerminalError>>,
}

impl PartialEq for Unacknowledged {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}
impl Eq for Unacknowledged {}

impl Unacknowledged {
    /// Acknowledges the result and waits for the terminal to complete. Returns the record with the receipt text, which
    /// arrives last.
    ///
    /// # Errors
    /// The vote may not have reached the terminal, which may then reverse the payment.
    pub async fn keep(self) -> Result<Record, TerminalError> {
        self.decide(Vote::Keep).await
    }

    /// Rejects the result, so that the terminal reverses the payment.
    ///
    /// # Errors
    /// The link was lost, and the payment may not be reversed.
    pub async fn roll_back(self) -> Result<Record, TerminalError> {
        self.decide(Vote::RollBack).await
    }

    async fn decide(self, vote: Vote) -> Result<Record, TerminalError> {
        // If the driver no longer listens, it has returned the reason.
        let _ = self.vote.send(vote);
        let lost = || TerminalError::LinkLost { device: self.device, why: "its driver stopped".into() };
        self.ended.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// The progress of a payment, for the register's display. Never a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// The instruction or status, such as "insert or tap the card"; "idle" once nothing runs.
    pub text: String,
}

/// The result of resolving a payment in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The terminal booked it.
    Charged(Record),
    /// The terminal did not book it.
    NotCharged {
        /// The evidence, in words.
        why: String,
    },
    /// The terminal's answer is not conclusive; a person must read its journal.
    Unknown {
        /// The answer, in words.
        why: String,
    },
}

/// A payment terminal.
pub trait PaymentTerminal: Device {
    /// The data that must be stored before the next payment, so that it can be resolved.
    fn journal(&self) -> Journal;

    /// Charges an amount. One at a time: a second call meanwhile returns [`TerminalError::Busy`].
    ///
    /// # Errors
    /// [`TerminalError::Offline`] and [`TerminalError::Busy`] mean that nothing was sent. After any other error the
    /// payment is in doubt.
    fn authorise<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Outcome, TerminalError>>;

    /// Requests that the running authorisation stops. [`authorise`](Self::authorise) still returns its outcome, which
    /// may be an approval.
    ///
    /// # Errors
    /// [`TerminalError::Offline`]: the request could not be sent.
    fn abort(&self) -> Answer<'_, Result<(), TerminalError>>;

    /// Finds out the outcome of a payment in doubt.
    ///
    /// # Errors
    /// The terminal can't answer yet: it is offline or busy, perhaps with this very payment. Ask again.
    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>>;

    /// Reverses a transaction of the terminal.
    ///
    /// # Errors
    /// [`TerminalError::Offline`] means that nothing was sent, [`TerminalError::Refused`] that nothing was reversed.
    /// After any other error the reversal is in doubt.
    fn reverse<'a>(&'a self, reference: &'a TerminalReference) -> Answer<'a, Result<Record, TerminalError>>;
}

/// Why a terminal returned no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TerminalError {
    /// Not connected; nothing was sent.
    #[error("payment terminal {device} is offline: {why}")]
    Offline {
        /// The device's name.
        device: String,
        /// The latest error that its supervisor saw.
        why: String,
    },
    /// Another payment is running; nothing was sent.
    #[error("payment terminal {device} is busy with another payment; wait for it or abort it")]
    Busy {
        /// The device's name.
        device: String,
    },
    /// The link was lost: the result is in doubt.
    #[error(
        "payment terminal {device}: the link was lost ({why}); the payment is in doubt until the terminal reports its result"
    )]
    LinkLost {
        /// The device's name.
        device: String,
        /// The cause.
        why: String,
    },
    /// No answer in time: the result is in doubt.
    #[error(
        "payment terminal {device}: no answer within {waited_ms} ms; the payment is in doubt until the terminal reports its result"
    )]
    TimedOut {
        /// The device's name.
        device: String,
        /// How long the driver waited, in milliseconds.
        waited_ms: u64,
    },
    /// It refused the request.
    #[error("payment terminal {device} refused: {why} (code {code})")]
    Refused {
        /// The device's name.
        device: String,
        /// The terminal's code, in the protocol's format.
        code: String,
        /// The reason in words.
        why: String,
    },
    /// The reference is not one of this terminal's protocol; nothing was sent.
    #[error("payment terminal {device} does not know the payment: {why}")]
    UnknownReference {
        /// The device's name.
        device: String,
        /// The missing data.
        why: String,
    },
    /// It violated the protocol: the result is in doubt.
    #[error("payment terminal {device} violated its protocol: {got}")]
    Protocol {
        /// The device's name.
        device: String,
        /// The violation, without card data.
        got: String,
    },
}
