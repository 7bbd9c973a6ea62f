//! ECR17, the protocol of Italian terminals (Nexi), over TCP or a serial line (source: Nexi's developer pages; checked
//! against the crate `ecr17-protocol`).
//!
//! ```text
//! hub                                    terminal
//!  STX payload ETX LRC ->   <- ACK ETX LRC          `s` status, `P` payment, `S` reversal, `G` last result, `C` close
//!                           <- SOH text EOT          progress
//!  ACK ETX LRC ->           <- STX payload ETX LRC   the answer
//! ```
//!
//! The answer has no amount and no id of the hub: a transaction is known by its number (STAN). So the number of the
//! last one is stored before a payment, and `G` tells the last result: with a new number it is this payment's.
//!
//! The LRC is the XOR of the payload, starting at 7F; some terminals fold STX or ETX in (`lrc`).

mod answer;
mod frame;
#[cfg(test)]
mod tests;

use std::time::Duration;

use answer::Answer;
use frame::{ACK, Heard, Lrc, NAK, Reader};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    Capabilities, Closing, Inquiry, Intent, LinkLost, Operation, PaymentTerminal, Record, Refund, Resolution, Reversal,
    SchemeTotal, Taken, TerminalReference,
    simple::{self, Protocol, Said, Trouble},
};
use crate::{
    registry::{SetupError, Start},
    transport::Wire,
};

/// The attempts to send a request.
const ATTEMPTS: u32 = 3;

/// The limit for `ACK`.
const ANSWER: Duration = Duration::from_secs(2);

/// The limit without a customer, and with one.
const SHORT: Duration = Duration::from_secs(15);
const CUSTOMER: Duration = Duration::from_secs(180);

/// The settings of a terminal. Its address is a TCP port or a serial line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Eight digits, as on the terminal.
    terminal_id: String,
    /// Eight digits that name the register; the default is 00000001.
    #[serde(default = "register")]
    register_id: String,
    /// How the terminal computes its check byte.
    #[serde(default)]
    lrc: Lrc,
}

fn register() -> String {
    "00000001".into()
}

/// Starts a terminal.
pub(super) fn start(start: Start<'_, Settings>) -> Result<std::sync::Arc<dyn PaymentTerminal>, SetupError> {
    let Settings { terminal_id, register_id, lrc } = start.settings;
    for (name, value) in [("terminal_id", &terminal_id), ("register_id", &register_id)] {
        if value.len() != 8 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SetupError::Settings { why: format!("`{name}` must be eight digits, as on the terminal") });
        }
    }
    let protocol = Ecr17 { terminal_id, register_id, lrc, currency: start.context.currency };
    Ok(simple::start(start.name, start.address, protocol, start.context.events.clone()))
}

struct Ecr17 {
    terminal_id: String,
    register_id: String,
    lrc: Lrc,
    currency: u16,
}

/// The number of the terminal's last transaction, if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LastStan {
    stan: Option<String>,
}

impl Ecr17 {
    fn header(&self, code: char) -> String {
        format!("{}0{code}", self.terminal_id)
    }

    /// `P`: 167 bytes. The amount has eight digits.
    fn payment(&self, cents: u64) -> Option<String> {
        let amount = format!("{cents:08}");
        (amount.len() == 8)
            .then(|| format!("{}{}00000{amount}{}00000000", self.header('P'), self.register_id, " ".repeat(128)))
    }

    /// `S`: 26 bytes.
    fn reversal(&self, stan: &str) -> String {
        format!("{}{}{stan}00", self.header('S'), self.register_id)
    }

    /// `G`: 22 bytes.
    fn last_result(&self) -> String {
        format!("{}{}0000", self.header('G'), self.register_id)
    }

    /// `C`: 26 bytes.
    fn closing(&self) -> String {
        format!("{}{}00000000", self.header('C'), self.register_id)
    }

    /// Sends a request and returns the payload of the answer.
    async fn ask(
        &self,
        wire: &mut dyn Wire,
        request: &str,
        limit: Duration,
        mut taken: Taken,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Answer, Trouble> {
        let lost = |error: std::io::Error| Trouble::Lost(error.to_string());
        let frame = self.lrc.frame(request.as_bytes());
        let mut reader = Reader::default();
        let mut attempt = 1;
        loop {
            wire.write_all(&frame).await.map_err(lost)?;
            wire.flush().await.map_err(lost)?;
            let heard = timeout(ANSWER, reader.next(wire, self.lrc)).await;
            match heard {
                Ok(Ok(Heard::Ack)) => break,
                Ok(Ok(Heard::Nak) | Err(_)) | Err(_) if attempt == ATTEMPTS => {
                    return Err(match heard {
                        Ok(Err(trouble)) => trouble,
                        Ok(_) => Trouble::Protocol("it refused the request three times; check `lrc`".into()),
                        Err(_) => Trouble::Silent(ANSWER),
                    });
                }
                // Only a refused request is sent again: one that was not answered may have arrived.
                Ok(Ok(Heard::Nak)) => attempt += 1,
                Ok(Ok(_)) => return Err(Trouble::Protocol("an answer before the acknowledgement".into())),
                Ok(Err(trouble)) => return Err(trouble),
                Err(_) => return Err(Trouble::Silent(ANSWER)),
            }
        }
        taken.tell();
        let mut refused = 0;
        loop {
            let heard = timeout(limit, reader.next(wire, self.lrc)).await.map_err(|_| Trouble::Silent(limit))??;
            match heard {
                Heard::Progress(text) => progress(text),
                Heard::Payload(payload) => {
                    wire.write_all(&self.lrc.control(ACK)).await.map_err(lost)?;
                    wire.flush().await.map_err(lost)?;
                    return Ok(Answer(payload));
                }
                Heard::Damaged if refused + 1 < ATTEMPTS => {
                    refused += 1;
                    wire.write_all(&self.lrc.control(NAK)).await.map_err(lost)?;
                    wire.flush().await.map_err(lost)?;
                }
                Heard::Damaged => return Err(Trouble::Protocol("three answers with a wrong check byte".into())),
                Heard::Ack | Heard::Nak => {}
            }
        }
    }

    /// The terminal's last result; `None` if it has none.
    async fn last(&self, wire: &mut dyn Wire) -> Result<Option<Answer>, Trouble> {
        let answer = self.ask(wire, &self.last_result(), SHORT, Taken::default(), &|_| {}).await?;
        if answer.result() == Some("01") && answer.stan().is_none() { Ok(None) } else { Ok(Some(answer)) }
    }

    fn record(&self, answer: &Answer, intent: &Intent) -> Record {
        let reference = TerminalReference::default().with("terminal_id", &self.terminal_id);
        let reference = match answer.stan() {
            Some(stan) => reference.with("stan", stan),
            None => reference,
        };
        Record {
            amount: super::Amount { minor: intent.amount.minor, currency: self.currency },
            reference,
            terminal_time: answer.time(),
            masked_pan: answer.card(),
            scheme: answer.scheme(),
            entry: answer.entry(),
            authorisation: answer.authorisation(),
            ..Record::default()
        }
    }
}

impl Protocol for Ecr17 {
    type Last = LastStan;

    fn capabilities() -> Capabilities {
        Capabilities {
            inquiry: Inquiry::LastOnly,
            link_lost: LinkLost::Unknown,
            waits_for_vote: false,
            abort: false,
            offline: false,
            partial: false,
            reversal: Reversal::Last,
            refund: Refund::None,
            tips: false,
            wallets: false,
            pay_later: false,
            gift_cards: false,
            closing: true,
        }
    }

    async fn greet(&mut self, wire: &mut dyn Wire) -> Result<Result<LastStan, String>, Trouble> {
        let status = self.ask(wire, &self.header('s'), SHORT, Taken::default(), &|_| {}).await?;
        // 0 is ready.
        match status.field(31, 1) {
            Some("0") => {
                let last = self.last(wire).await?;
                Ok(Ok(LastStan { stan: last.and_then(|answer| answer.stan().map(str::to_owned)) }))
            }
            Some(state) => Ok(Err(format!("it is not ready (state {state})"))),
            None => Err(Trouble::Protocol("a status without a state".into())),
        }
    }

    async fn transact(
        &mut self,
        wire: &mut dyn Wire,
        intent: &Intent,
        taken: Taken,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<(Said, Option<LastStan>), Trouble> {
        let request = match &intent.operation {
            Operation::Charge => match self.payment(intent.amount.minor) {
                Some(request) => request,
                None => {
                    let why = "the terminal takes at most 999999.99".to_owned();
                    return Ok((Said::Declined { code: "amount".into(), why }, None));
                }
            },
            Operation::Reversal { original } => match original.get("stan").filter(|stan| stan.len() == 6) {
                Some(stan) => self.reversal(stan),
                None => return Err(Trouble::Unsupported("reverse a payment whose number is not known")),
            },
            Operation::Refund { .. } => return Err(Trouble::Unsupported("refund")),
        };
        let answer = self.ask(wire, &request, CUSTOMER, taken, progress).await?;
        let last = answer.stan().map(|stan| LastStan { stan: Some(stan.to_owned()) });
        match answer.result() {
            Some("00") => Ok((Said::Approved(self.record(&answer, intent)), last)),
            Some(code) => Ok((Said::Declined { code: code.to_owned(), why: answer.why() }, last)),
            None => Err(Trouble::Protocol("an answer without a result".into())),
        }
    }

    async fn resolve(
        &mut self,
        wire: &mut dyn Wire,
        intent: &Intent,
        before: &LastStan,
    ) -> Result<Resolution, Trouble> {
        let Some(last) = self.last(wire).await? else {
            return Ok(if before.stan.is_none() {
                Resolution::NotCharged { why: "the terminal has no transaction".into() }
            } else {
                Resolution::Unknown { why: "the terminal has no transaction, but had one before: it was reset".into() }
            });
        };
        let is_new = match (&before.stan, last.stan()) {
            (_, None) => return Ok(Resolution::Unknown { why: "the last result has no number".into() }),
            (None, Some(_)) => true,
            (Some(before), Some(last)) => before != last,
        };
        Ok(match last.result() {
            _ if !is_new => {
                Resolution::NotCharged { why: "the terminal's last transaction is from before this payment".into() }
            }
            Some("00") => Resolution::Charged(self.record(&last, intent)),
            Some(_) => Resolution::NotCharged { why: last.why() },
            None => Resolution::Unknown { why: "the last result can't be read".into() },
        })
    }

    async fn close_day(&mut self, wire: &mut dyn Wire) -> Result<Result<Closing, String>, Trouble> {
        let answer = self.ask(wire, &self.closing(), CUSTOMER, Taken::default(), &|_| {}).await?;
        let total = answer.field(13, 16).and_then(|total| total.parse::<i64>().ok());
        match (answer.result(), total) {
            (Some("00"), Some(minor)) => {
                // The number of transactions is not told.
                let total = SchemeTotal { scheme: "card".into(), count: 0, minor };
                Ok(Ok(Closing { schemes: vec![total], report: Vec::new() }))
            }
            (Some("00"), None) => Err(Trouble::Protocol("a closing without a total".into())),
            _ => Ok(Err(answer.why())),
        }
    }
}
