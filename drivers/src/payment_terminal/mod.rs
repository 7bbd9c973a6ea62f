//! Payment terminals: take an amount from a card, without ever knowing the card.
//!
//! # What a driver promises
//!
//! - A payment is sent to the terminal once, and only if the driver's [`Journal`] was stored before it.
//! - A payment whose result did not arrive is *in doubt*. [`resolve`](PaymentTerminal::resolve) settles it from the
//!   stored [`Intent`] alone, also after a restart. How it does that (an id of ours, or the terminal's own numbers) is
//!   the driver's affair.
//! - No card number leaves a driver: records have a [`MaskedPan`] and a [`TerminalReference`], and neither can hold
//!   one.
//!
//! # The vote
//!
//! A terminal commits its side when the register acknowledges the result. So [`PaymentTerminal::authorise`] answers
//! with an [`Unacknowledged`] result: the hub stores it durably, *then* calls [`Unacknowledged::keep`] (or
//! [`roll_back`](Unacknowledged::roll_back)), and the driver acknowledges on the wire. Dropping it sends nothing: the
//! terminal is left in doubt, as after a crash, and only [`resolve`](PaymentTerminal::resolve) may settle it.

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

/// What payment terminals can be spoken to in.
pub const PROTOCOLS: &[Protocol<dyn PaymentTerminal>] =
    &[Protocol { name: "zvt", prepare: |setup| with_settings(setup, zvt::start) }];

/// How an authorisation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Approved. Not acknowledged yet: see [`Unacknowledged`].
    Approved(Unacknowledged),
    /// Declined, aborted or impossible: nothing was charged.
    Declined {
        /// The code that the terminal or the bank gave, as the protocol writes it.
        code: String,
        /// The same in words.
        why: String,
    },
}

/// What the hub decides about an approved payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// It is stored; commit it.
    Keep,
    /// The goods are not handed over; reverse it.
    RollBack,
}

/// An approved payment that waits for the hub's vote.
#[derive(Debug)]
pub struct Unacknowledged {
    /// What was approved.
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
    /// Acknowledges on the wire and waits for the terminal's completion. The record comes back with the receipt text
    /// that followed.
    ///
    /// # Errors
    /// The vote may not have reached the terminal, which then may reverse by itself.
    pub async fn keep(self) -> Result<Record, TerminalError> {
        self.decide(Vote::Keep).await
    }

    /// Refuses on the wire, so that the terminal reverses.
    ///
    /// # Errors
    /// The link was lost: it may not have reversed.
    pub async fn roll_back(self) -> Result<Record, TerminalError> {
        self.decide(Vote::RollBack).await
    }

    async fn decide(self, vote: Vote) -> Result<Record, TerminalError> {
        // If the driver no longer listens, it said why.
        let _ = self.vote.send(vote);
        let lost = || TerminalError::LinkLost { device: self.device, why: "its driver ended".into() };
        self.ended.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// How far a payment is, for the register's display. Never a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// What to do or wait for: "insert or tap the card"; "idle" once nothing runs.
    pub text: String,
}

/// What became of a payment in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The terminal booked it.
    Charged(Record),
    /// The terminal did not book it.
    NotCharged {
        /// How that is known, in words.
        why: String,
    },
    /// The terminal's answer does not tell; a person must read its journal.
    Unknown {
        /// What it told, in words.
        why: String,
    },
}

/// A payment terminal as the hub uses it.
pub trait PaymentTerminal: Device {
    /// What must be stored before the next payment, so that it can be resolved.
    fn journal(&self) -> Journal;

    /// Takes an amount. One at a time: a second call while one runs answers [`TerminalError::Busy`].
    ///
    /// # Errors
    /// [`TerminalError::Offline`] and [`TerminalError::Busy`] mean that nothing was sent. Every other error leaves the
    /// payment in doubt.
    fn authorise<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Outcome, TerminalError>>;

    /// Asks the running authorisation to stop. The answer still comes from [`authorise`](Self::authorise), and may be
    /// an approval.
    ///
    /// # Errors
    /// [`TerminalError::Offline`]: it could not be asked.
    fn abort(&self) -> Answer<'_, Result<(), TerminalError>>;

    /// Finds out what became of a payment in doubt.
    ///
    /// # Errors
    /// The terminal does not answer yet: it can't be reached, or is busy, perhaps with this very payment. Ask again.
    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>>;

    /// Reverses a transaction of this terminal.
    ///
    /// # Errors
    /// [`TerminalError::Offline`] means that nothing was sent, [`TerminalError::Refused`] that nothing was reversed
    /// now. Every other error leaves the reversal in doubt.
    fn reverse<'a>(&'a self, reference: &'a TerminalReference) -> Answer<'a, Result<Record, TerminalError>>;
}

/// Why a terminal gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TerminalError {
    /// Not connected; nothing was sent.
    #[error("payment terminal {device} is offline: {why}")]
    Offline {
        /// Its name.
        device: String,
        /// What its supervisor last saw.
        why: String,
    },
    /// Another payment runs on it; nothing was sent.
    #[error("payment terminal {device} is busy with another payment; wait for it or abort it")]
    Busy {
        /// Its name.
        device: String,
    },
    /// The link fell in the middle: the result is in doubt.
    #[error(
        "payment terminal {device}: the link was lost ({why}); the payment is in doubt until the terminal tells its result"
    )]
    LinkLost {
        /// Its name.
        device: String,
        /// What happened.
        why: String,
    },
    /// It did not answer in time: the result is in doubt.
    #[error(
        "payment terminal {device}: no answer within {waited_ms} ms; the payment is in doubt until it tells the result"
    )]
    TimedOut {
        /// Its name.
        device: String,
        /// How long the driver waited.
        waited_ms: u64,
    },
    /// It refused what was asked.
    #[error("payment terminal {device} refused: {why} (code {code})")]
    Refused {
        /// Its name.
        device: String,
        /// The code that it gave, as the protocol writes it.
        code: String,
        /// The same in words.
        why: String,
    },
    /// The reference names no transaction of this terminal's protocol; nothing was sent.
    #[error("payment terminal {device} does not know the payment: {why}")]
    UnknownReference {
        /// Its name.
        device: String,
        /// What is missing.
        why: String,
    },
    /// It answered what the protocol does not allow: in doubt.
    #[error("payment terminal {device} answered out of protocol: {got}")]
    Protocol {
        /// Its name.
        device: String,
        /// What was wrong, without card data.
        got: String,
    },
}
