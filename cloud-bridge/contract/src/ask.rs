//! Asking HQ: what only HQ knows, by a question and its answer.
//!
//! A question is an MQTT 5 request: it names the topic for the answer ([`topic::answer`](crate::topic::answer), the
//! hub's own and no other), data by which the hub knows the answer, and how long the hub waits (message expiry). HQ
//! answers once, at most; without an answer in time the hub goes on without. A question changes nothing, so it may be
//! asked again.

use serde::{Deserialize, Serialize};

use crate::{
    message::BadMessage,
    name::{Epoch, HubId},
    sale::SaleCompleted,
    wire::Wire,
};

/// The most sales in an answer.
pub const MAX_FOUND: usize = 20;

/// The most registers in an answer.
pub const MAX_REGISTERS: usize = 1_000;

/// The longest text in a question or an answer, in bytes.
pub const MAX_TEXT: usize = 256;

/// A question of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Asked {
    /// Who asks.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// What.
    pub question: Question,
}

/// What a hub may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Question {
    /// The sales of a store under a receipt's number, newest first.
    Receipt(ReceiptAsked),
    /// How far this hub's receipts had come in earlier lives of its store.
    Numbers,
}

/// A receipt of some store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReceiptAsked {
    /// Whose.
    pub store: HubId,
    /// By which register; 1 to [`MAX_TEXT`] bytes.
    pub register: String,
    /// Its number.
    pub receipt: u64,
}

/// An answer of HQ's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Answered {
    /// To whom.
    pub hub: HubId,
    /// What.
    pub answer: Answer,
}

/// What HQ may answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Answer {
    /// To [`Question::Receipt`]: at most [`MAX_FOUND`].
    Sales(Vec<SaleCompleted>),
    /// To [`Question::Numbers`].
    Numbers(Numbers),
    /// HQ cannot answer, for this reason; at most [`MAX_TEXT`] bytes.
    Unable(String),
}

/// How far a hub's receipts had come in earlier lives of its store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Numbers {
    /// The latest earlier life that HQ heard of, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The highest number of each register and fiscal year; at most [`MAX_REGISTERS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<LastReceipt>,
}

/// The highest number of a register's receipts in a fiscal year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LastReceipt {
    /// Which register.
    pub register: String,
    /// The fiscal year, by the calendar year in which it begins.
    pub fiscal_year: u16,
    /// The number.
    pub receipt: u64,
}

fn most(what: &'static str, count: usize, most: usize) -> Result<(), BadMessage> {
    if count > most { Err(BadMessage::TooMany { what, count, most }) } else { Ok(()) }
}

fn text(what: &'static str, text: &str) -> Result<(), BadMessage> {
    let bytes = text.len();
    if bytes > MAX_TEXT { Err(BadMessage::TooLong { what, bytes, most: MAX_TEXT }) } else { Ok(()) }
}

impl Wire for Asked {
    const NAME: &'static str = "question";

    fn check(&self) -> Result<(), BadMessage> {
        match &self.question {
            Question::Receipt(asked) => text("register", &asked.register),
            Question::Numbers => Ok(()),
        }
    }
}

impl Wire for Answered {
    const NAME: &'static str = "answer";

    fn check(&self) -> Result<(), BadMessage> {
        match &self.answer {
            Answer::Sales(sales) => most("sales", sales.len(), MAX_FOUND),
            Answer::Numbers(numbers) => {
                most("registers", numbers.receipts.len(), MAX_REGISTERS)?;
                numbers.receipts.iter().try_for_each(|last| text("register", &last.register))
            }
            Answer::Unable(why) => text("reason", why),
        }
    }
}
