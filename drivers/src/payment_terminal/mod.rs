//! Payment terminals: take an amount from a card, without ever knowing the card.
//!
//! # The vote
//!
//! A terminal commits its side when the register acknowledges the result. So [`PaymentTerminal::authorise`] answers with an
//! [`Unacknowledged`] result: the hub stores it durably, *then* calls [`Unacknowledged::keep`] (or
//! [`roll_back`](Unacknowledged::roll_back)), and the driver acknowledges on the wire. Dropping it sends nothing: the terminal is
//! left in doubt, as after a crash, and only an [`inquiry`](PaymentTerminal::inquire) may settle it.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::Answer;

pub mod zvt;

/// An amount in minor units of a currency given by its ISO 4217 number (978 is EUR, 840 USD).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Minor units, more than zero.
    pub minor: u64,
    /// ISO 4217 numeric code.
    pub currency: u16,
}

/// What tells one transaction of a terminal from another. ZVT has no id of the register's own, so these are journalled before a payment
/// starts and compared after a lost link: `payments.md` §1.10.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Terminal id.
    pub terminal_id: Option<String>,
    /// Trace number (BMP 0B).
    pub trace: Option<u32>,
    /// Receipt number (BMP 87).
    pub receipt: Option<u16>,
}

/// First six and last four digits at most: there is no way to put more in. PCI DSS 3.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaskedPan(String);

impl MaskedPan {
    /// From the leading (at most 6 kept) and the trailing digits (at most 4 kept) of a card number.
    pub fn new(leading: &str, trailing: &str) -> Self {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let (leading, trailing) = (digits(leading), digits(trailing));
        let lead = leading.get(..6).unwrap_or(&leading);
        let tail = &trailing[trailing.len().saturating_sub(4)..];
        Self(format!("{lead}******{tail}"))
    }

    /// Such as `476173******0119`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MaskedPan {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once("******") {
            Some((lead, tail))
                if lead.len() <= 6
                    && tail.len() <= 4
                    && lead.bytes().chain(tail.bytes()).all(|byte| byte.is_ascii_digit()) =>
            {
                Ok(Self(text))
            }
            _ => Err("a masked card number has at most six digits, six asterisks, and at most four digits"),
        }
    }
}

impl From<MaskedPan> for String {
    fn from(pan: MaskedPan) -> Self {
        pan.0
    }
}

/// A transaction as the terminal recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was authorised; may differ from what was asked.
    pub amount: Amount,
    /// The terminal's own numbers.
    pub trace: Trace,
    /// Date (MMDD) and time (HHMMSS) by the terminal's clock, as it sent them.
    pub terminal_time: Option<String>,
    /// Truncated card number, if the terminal gave one.
    pub card: Option<MaskedPan>,
    /// Card scheme or name as the terminal tells it.
    pub card_name: Option<String>,
    /// What the terminal wants on the customer's receipt, scrubbed of anything like a card number.
    pub receipt_text: Vec<String>,
}

/// How an authorisation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Approved. Not acknowledged yet: see [`Unacknowledged`].
    Approved(Unacknowledged),
    /// Declined, aborted or impossible: nothing was charged.
    Declined {
        /// The terminal's result code (BMP 27 or the byte of `06 1E`).
        code: u8,
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
    /// Acknowledges on the wire and waits for the terminal's completion. The record comes back with the receipt text that followed.
    ///
    /// # Errors
    /// The vote may not have reached the terminal, which then may reverse by itself: an inquiry tells whether the payment stands.
    pub async fn keep(self) -> Result<Record, TerminalError> {
        self.decide(Vote::Keep).await
    }

    /// Refuses on the wire, so that the terminal reverses.
    ///
    /// # Errors
    /// The link was lost: whether it reversed must be inquired.
    pub async fn roll_back(self) -> Result<Record, TerminalError> {
        self.decide(Vote::RollBack).await
    }

    async fn decide(self, vote: Vote) -> Result<Record, TerminalError> {
        // If the driver does not listen any more, it left word why.
        let _ = self.vote.send(vote);
        let lost = || TerminalError::LinkLost { device: self.device, why: "its driver ended".into() };
        self.ended.await.unwrap_or_else(|_| Err(lost()))
    }
}

/// What an inquiry after a lost link found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// The terminal's last transaction, whoever's it was: the hub compares it with what it journalled.
    Last(Record),
    /// The last transaction was declined or reversed, with its numbers.
    LastFailed {
        /// The result code.
        code: u8,
        /// Its numbers.
        trace: Trace,
    },
    /// The terminal holds no transaction.
    Nothing,
}

/// How far a payment is, for the register's display. Never a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The terminal's status code; 0 when it is idle again.
    pub code: u8,
    /// The same in words: "insert card".
    pub text: String,
}

/// A payment terminal as the hub uses it.
pub trait PaymentTerminal: Send + Sync {
    /// The numbers of the last transaction this terminal is known to have made, to be journalled before the next.
    fn last_trace(&self) -> Trace;

    /// Takes `amount`. One at a time: a second call while one runs answers [`TerminalError::Busy`].
    ///
    /// # Errors
    /// [`TerminalError::Offline`] and [`TerminalError::Busy`] mean that nothing was sent. Every other error leaves the payment in doubt.
    fn authorise(&self, amount: Amount) -> Answer<'_, Result<Outcome, TerminalError>>;

    /// Asks the running authorisation to stop. The answer still comes from [`authorise`](Self::authorise), and may be an approval.
    fn abort(&self) -> Answer<'_, Result<(), TerminalError>>;

    /// Asks for the last transaction (ZVT: `06 20` repeat receipt), once the terminal says that it is idle.
    ///
    /// # Errors
    /// It proves nothing yet: the terminal can't be reached, is busy (perhaps with the payment in doubt), or does not tell. Ask again.
    fn inquire(&self) -> Answer<'_, Result<Inquiry, TerminalError>>;

    /// Reverses the transaction with this receipt number.
    ///
    /// # Errors
    /// [`TerminalError::Offline`] means that nothing was sent, [`TerminalError::Refused`] that nothing was reversed now (ZVT code B4: it was
    /// already). Every other error leaves the reversal in doubt.
    fn reverse(&self, receipt: u16) -> Answer<'_, Result<Record, TerminalError>>;
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
    #[error("payment terminal {device}: the link was lost ({why}); the payment is in doubt until an inquiry")]
    LinkLost {
        /// Its name.
        device: String,
        /// What happened.
        why: String,
    },
    /// It did not answer in time: the result is in doubt.
    #[error("payment terminal {device} gave no answer within {waited_ms} ms; the payment is in doubt until an inquiry")]
    TimedOut {
        /// Its name.
        device: String,
        /// How long the driver waited.
        waited_ms: u64,
    },
    /// It refused an inquiry or a reversal.
    #[error("payment terminal {device} refused: {why} (code {code:#04x})")]
    Refused {
        /// Its name.
        device: String,
        /// The result code.
        code: u8,
        /// The same in words.
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
