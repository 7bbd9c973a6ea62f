//! Payment terminals: they charge a card, and the hub never learns the card number.
//!
//! # What a driver promises
//!
//! - A transaction (a charge, refund or reversal) is sent to the terminal once, and only if the driver's [`Journal`]
//!   was stored first.
//! - If the result did not arrive, the transaction is *in doubt*. [`resolve`](PaymentTerminal::resolve)
//!   settles it from the stored [`Intent`] alone, also after a restart. Whether it uses an id of ours or the terminal's
//!   own numbers is up to the driver.
//! - No card number leaves a driver: a record has a [`MaskedPan`] and a [`TerminalReference`], and neither can hold
//!   one.
//!
//! # The vote
//!
//! Some terminals commit a payment when the register acknowledges the result ([`Capabilities::waits_for_vote`]). So
//! [`PaymentTerminal::authorise`] returns an [`Unacknowledged`] result: the hub stores it durably and *then* calls
//! [`Unacknowledged::keep`] (or [`roll_back`](Unacknowledged::roll_back)), and the driver acknowledges it. Dropping it
//! sends nothing: the payment is then in doubt, as after a crash, and only [`resolve`](PaymentTerminal::resolve) can
//! settle it. Other terminals have already committed: there is nothing to roll back, only to reverse.

use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod caisse_ap;
mod capabilities;
mod ecr17;
mod nexo;
mod record;
mod scrub;
mod simple;
mod zvt;

pub use capabilities::{Capabilities, Inquiry, LinkLost, Refund, Reversal};
pub use record::{
    Amount, Closing, Entry, Intent, Journal, MaskedPan, Operation, Record, SchemeTotal, TerminalReference,
};

/// The protocols of payment terminals.
pub const PROTOCOLS: &[Protocol<dyn PaymentTerminal>] = &[
    Protocol { name: "zvt", prepare: |setup| with_settings(setup, zvt::start) },
    Protocol { name: "nexo", prepare: |setup| with_settings(setup, nexo::start) },
    Protocol { name: "ecr17", prepare: |setup| with_settings(setup, ecr17::start) },
    Protocol { name: "caisse-ap", prepare: |setup| with_settings(setup, caisse_ap::start) },
];

/// The outcome of an authorisation.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Approved. Not acknowledged yet: see [`Unacknowledged`].
    Approved(Unacknowledged),
    /// A refund or reversal was taken; its outcome is settled outside the store.
    Submitted(Record),
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
    device: String,
    /// `None` if the terminal has already committed it.
    ballot: Option<Ballot>,
}

#[derive(Debug)]
struct Ballot {
    vote: oneshot::Sender<Vote>,
    ended: oneshot::Receiver<Result<Record, TerminalError>>,
}

impl PartialEq for Unacknowledged {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}
impl Eq for Unacknowledged {}

impl Unacknowledged {
    /// A result that the terminal commits after the hub's vote.
    pub(crate) fn awaiting(
        record: Record,
        device: String,
        vote: oneshot::Sender<Vote>,
        ended: oneshot::Receiver<Result<Record, TerminalError>>,
    ) -> Self {
        Self { record, device, ballot: Some(Ballot { vote, ended }) }
    }

    /// A result that the terminal has already committed.
    pub(crate) fn committed(record: Record, device: String) -> Self {
        Self { record, device, ballot: None }
    }

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
    /// The link was lost, and the payment may not be reversed; or the terminal has already committed it.
    pub async fn roll_back(self) -> Result<Record, TerminalError> {
        self.decide(Vote::RollBack).await
    }

    async fn decide(self, vote: Vote) -> Result<Record, TerminalError> {
        let device = self.device;
        match (self.ballot, vote) {
            (Some(ballot), vote) => {
                // If the driver no longer listens, it has returned the reason.
                let _ = ballot.vote.send(vote);
                let lost = || TerminalError::LinkLost { device, why: "its driver stopped".into() };
                ballot.ended.await.unwrap_or_else(|_| Err(lost()))
            }
            (None, Vote::Keep) => Ok(self.record),
            (None, Vote::RollBack) => Err(TerminalError::Refused {
                device,
                code: "committed".into(),
                why: "it has already committed the payment; reverse it".into(),
            }),
        }
    }
}

/// The progress of a payment, for the register's display. Never a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// The instruction or status, such as "insert or tap the card"; "idle" once nothing runs.
    pub text: String,
}

/// Tells the hub that the terminal took a transaction: from then on it exists there.
#[derive(Debug, Default)]
pub struct Taken(Option<oneshot::Sender<()>>);

impl Taken {
    /// A notice, and its receiver.
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (tell, told) = oneshot::channel();
        (Self(Some(tell)), told)
    }

    /// Tells it, once.
    pub(crate) fn tell(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(());
        }
    }
}

/// The result of resolving a transaction in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The terminal booked it.
    Charged(Record),
    /// The terminal did not book it.
    NotCharged {
        /// The evidence, in words.
        why: String,
    },
    /// The terminal has no such transaction, and shows that it remembers the one before.
    NotFound {
        /// The evidence, in words.
        why: String,
    },
    /// It took a refund or reversal, whose outcome is settled outside the store.
    Submitted(Record),
    /// The terminal's answer is not conclusive; a person must read its journal.
    Unknown {
        /// The answer, in words.
        why: String,
    },
}

/// A payment terminal.
pub trait PaymentTerminal: Device {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The data that must be stored before the next transaction, so that it can be resolved.
    fn journal(&self) -> Journal;

    /// Charges, refunds or reverses. One at a time: a second call meanwhile returns [`TerminalError::Busy`]. Tells
    /// `taken` once the terminal has the transaction, if the protocol says so.
    ///
    /// # Errors
    /// [`TerminalError::Offline`], [`TerminalError::Busy`] and [`TerminalError::UnknownReference`] mean that nothing
    /// was sent. After any other error the transaction is in doubt.
    fn authorise<'a>(&'a self, intent: &'a Intent, taken: Taken) -> Answer<'a, Result<Outcome, TerminalError>>;

    /// Requests that the running authorisation stops. [`authorise`](Self::authorise) still returns its outcome, which
    /// may be an approval.
    ///
    /// # Errors
    /// [`TerminalError::Offline`]: the request could not be sent. [`TerminalError::Unsupported`]: it can't be aborted.
    fn abort(&self) -> Answer<'_, Result<(), TerminalError>>;

    /// Finds out the outcome of a transaction in doubt.
    ///
    /// # Errors
    /// The terminal can't answer yet: it is offline or busy, perhaps with this very transaction. Ask again.
    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>>;

    /// Closes the day: the terminal settles with its bank and reports its totals.
    ///
    /// # Errors
    /// The terminal refuses, or can't do this. After a lost link the day may be closed.
    fn close_day(&self) -> Answer<'_, Result<Closing, TerminalError>>;

    /// Lets the terminal check its connection to the bank. Returns what it says.
    ///
    /// # Errors
    /// The terminal or its bank does not answer, or it can't do this.
    fn diagnose(&self) -> Answer<'_, Result<String, TerminalError>>;
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
        "payment terminal {device}: the link was lost ({why}); the payment is in doubt until the terminal \
         reports its result"
    )]
    LinkLost {
        /// The device's name.
        device: String,
        /// The cause.
        why: String,
    },
    /// No answer in time: the result is in doubt.
    #[error(
        "payment terminal {device}: no answer within {waited_ms} ms; the payment is in doubt until the terminal \
         reports its result"
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
    /// The protocol has no such command; nothing was sent.
    #[error("payment terminal {device} can't {what}")]
    Unsupported {
        /// The device's name.
        device: String,
        /// The command.
        what: &'static str,
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
