//! Caisse-AP over IP (Concert V3), the protocol of French terminals (source: two open implementations).
//!
//! One request and one answer per TCP connection, usually to port 8888. A message is a sequence of fields: a tag of two
//! letters, a length of three digits, a value.
//!
//! | tag | value |
//! | --- | --- |
//! | CZ, CJ, CA, CE | version, protocol id, register number, ISO 4217 number |
//! | CB, CD | amount in cents; action: 0 debit, 1 refund, 2 cancel |
//! | BA | 1: the answer comes after the customer |
//! | AE, AF | 10 done, 01 not done, 11 noted; the reason |
//! | AA, AC, CC | truncated number, authorisation, kind of card |
//!
//! There is no inquiry: a payment in doubt is for a person, who reads the terminal's receipt.

use std::time::Duration;

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    Amount, Capabilities, Closing, Entry, Inquiry, Intent, LinkLost, MaskedPan, Operation, PaymentTerminal, Record,
    Refund, Resolution, Reversal, Taken, TerminalReference,
    scrub::scrub,
    simple::{self, Protocol, Said, Trouble},
};
use crate::{
    registry::{SetupError, Start},
    transport::Wire,
};

/// The limit with a customer.
const CUSTOMER: Duration = Duration::from_secs(180);

/// The longest answer.
const MAX_BYTES: usize = 16 * 1024;

/// The settings of a terminal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Two digits that name the register; the default is 01.
    #[serde(default = "register")]
    register_number: String,
}

fn register() -> String {
    "01".into()
}

/// Starts a terminal.
pub(super) fn start(start: Start<'_, Settings>) -> Result<std::sync::Arc<dyn PaymentTerminal>, SetupError> {
    let register = start.settings.register_number;
    if register.len() != 2 || !register.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SetupError::Settings { why: "`register_number` must be two digits".into() });
    }
    let protocol = CaisseAp { register, currency: start.context.currency };
    Ok(simple::start(start.name, start.address, protocol, start.context.events.clone()))
}

struct CaisseAp {
    register: String,
    currency: u16,
}

/// Fields by tag, in order. It has no `Debug`, because a broken terminal may send card data.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, tag: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == tag).map(|(_, value)| value.as_str())
    }

    /// Reads a message; `None` if it is cut off or has an invalid length.
    fn read(mut text: &str) -> Option<Self> {
        let mut fields = Vec::new();
        while !text.is_empty() {
            let (tag, rest) = text.split_at_checked(2)?;
            let (length, rest) = rest.split_at_checked(3)?;
            let length: usize = length.bytes().all(|byte| byte.is_ascii_digit()).then(|| length.parse().ok())??;
            let (value, rest) = rest.split_at_checked(length)?;
            fields.push((tag.to_owned(), value.to_owned()));
            text = rest;
        }
        Some(Self(fields))
    }
}

fn field(tag: &str, value: &str) -> String {
    format!("{tag}{:03}{value}", value.len())
}

impl CaisseAp {
    fn request(&self, intent: &Intent) -> Result<String, Trouble> {
        let action = match intent.operation {
            Operation::Charge => "0",
            Operation::Refund { .. } => "1",
            Operation::Reversal { .. } => "2",
        };
        let amount = format!("{:02}", intent.amount.minor);
        if amount.len() > 12 {
            return Err(Trouble::Unsupported("take such an amount"));
        }
        // CZ comes first.
        Ok([
            field("CZ", "0300"),
            field("CJ", "012345678901"),
            field("CA", &self.register),
            field("CE", &format!("{:03}", self.currency)),
            field("BA", "1"),
            field("CD", action),
            field("CB", &amount),
        ]
        .concat())
    }

    fn record(&self, fields: &Fields, intent: &Intent, minor: u64) -> Record {
        let text = |tag: &str| fields.get(tag).map(|text| scrub(text.trim())).filter(|text| !text.is_empty());
        let reference = TerminalReference::default().with("reference", &intent.reference);
        Record {
            amount: Amount { minor, currency: self.currency },
            reference: match text("AC") {
                Some(code) => reference.with("authorisation", &code),
                None => reference,
            },
            masked_pan: fields.get("AA").map(|pan| {
                let digits: Vec<char> = pan.chars().rev().take_while(char::is_ascii_digit).take(4).collect();
                MaskedPan::new("", &digits.into_iter().rev().collect::<String>())
            }),
            entry: match fields.get("CC") {
                Some("001") => Some(Entry::Chip),
                Some("00B") => Some(Entry::Contactless),
                _ => None,
            },
            authorisation: text("AC"),
            ..Record::default()
        }
    }
}

fn reason_in_words(code: &str) -> &'static str {
    match code {
        "04" => "declined",
        "06" => "abandoned by the customer",
        "08" => "the customer took too long",
        "09" => "the terminal does not understand the request",
        "11" => "abandoned by the operator",
        "12" => "the terminal can't do this",
        "13" => "the terminal does not accept this currency",
        _ => "refused by the terminal",
    }
}

impl Protocol for CaisseAp {
    /// The protocol tells nothing of earlier transactions.
    type Last = bool;

    fn capabilities() -> Capabilities {
        Capabilities {
            inquiry: Inquiry::None,
            link_lost: LinkLost::Unknown,
            waits_for_vote: false,
            abort: false,
            offline: false,
            partial: false,
            reversal: Reversal::Last,
            refund: Refund::CardPresent,
            tips: false,
            wallets: false,
            pay_later: false,
            gift_cards: false,
            closing: false,
        }
    }

    /// There is no status command: a terminal that takes connections counts as ready.
    async fn greet(&mut self, _wire: &mut dyn Wire) -> Result<Result<bool, String>, Trouble> {
        Ok(Ok(true))
    }

    async fn transact(
        &mut self,
        wire: &mut dyn Wire,
        intent: &Intent,
        _taken: Taken,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<(Said, Option<bool>), Trouble> {
        let request = self.request(intent)?;
        let lost = |error: std::io::Error| Trouble::Lost(error.to_string());
        progress("follow the instructions of the terminal".into());
        wire.write_all(request.as_bytes()).await.map_err(lost)?;
        wire.flush().await.map_err(lost)?;
        let answered = timeout(CUSTOMER, async {
            let mut bytes = Vec::new();
            loop {
                let mut buffer = [0; 1024];
                let length = wire.read(&mut buffer).await.map_err(lost)?;
                bytes.extend_from_slice(&buffer[..length]);
                let fields = std::str::from_utf8(&bytes).ok().and_then(Fields::read);
                match fields.filter(|fields| fields.get("AE").is_some()) {
                    Some(fields) => return Ok(fields),
                    None if length == 0 => return Err(Trouble::Lost("the terminal closed the link".into())),
                    None if bytes.len() > MAX_BYTES => {
                        return Err(Trouble::Protocol("an answer that does not end".into()));
                    }
                    None => {}
                }
            }
        });
        let fields = answered.await.map_err(|_| Trouble::Silent(CUSTOMER))??;
        let minor = match fields.get("CB") {
            Some(amount) => amount.parse().map_err(|_| Trouble::Protocol("an unreadable amount".into()))?,
            None => intent.amount.minor,
        };
        match fields.get("AE") {
            Some("10") => Ok((Said::Approved(self.record(&fields, intent, minor)), None)),
            Some("01") => {
                let code = fields.get("AF").filter(|code| code.len() <= 4).unwrap_or("00").to_owned();
                let why = reason_in_words(&code).to_owned();
                Ok((Said::Declined { code, why }, None))
            }
            _ => Err(Trouble::Protocol("an answer that is neither done nor refused".into())),
        }
    }

    async fn resolve(&mut self, _: &mut dyn Wire, _: &Intent, _: &bool) -> Result<Resolution, Trouble> {
        Ok(Resolution::Unknown { why: "this terminal can't be asked; read its receipt".into() })
    }

    async fn close_day(&mut self, _: &mut dyn Wire) -> Result<Result<Closing, String>, Trouble> {
        Err(Trouble::Unsupported("close its day"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_has_its_fields_in_order() {
        let protocol = CaisseAp { register: "01".into(), currency: 978 };
        let amount = Amount { minor: 1234, currency: 978 };
        let before = super::super::Journal::default();
        let intent = Intent { reference: "A1".into(), operation: Operation::Charge, amount, before };
        let request = protocol.request(&intent).unwrap();
        assert_eq!(request, "CZ0040300CJ012012345678901CA00201CE003978BA0011CD0010CB0041234");
        let large = Intent { amount: Amount { minor: 10_u64.pow(12), currency: 978 }, ..intent };
        assert!(protocol.request(&large).is_err());
    }

    #[test]
    fn cut_off_messages_are_not_read() {
        let whole = "CZ0040300AE00210";
        assert_eq!(Fields::read(whole).unwrap().get("AE"), Some("10"));
        for end in [1, 4, 8, 11, 15] {
            assert!(Fields::read(&whole[..end]).is_none(), "{end}");
        }
        assert!(Fields::read("AE+0210").is_none());
    }

    proptest! {
        #[test]
        fn the_parser_never_panics(text in ".{0,200}") {
            let _ = Fields::read(&text);
        }
    }
}
