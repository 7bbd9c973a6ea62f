//! ZVT, the protocol of card terminals in Germany, Austria and Switzerland, over TCP and serial lines (PA00P015
//! commands, PA00P016 transport; sources: the Wireshark dissector, Portalum.Zvt, ecrterm, EVerest's zvt).
//!
//! # What this driver promises
//!
//! - An authorisation is sent once, and never again, whatever happens to the link. If the link is lost, the payment is
//!   in doubt, and an inquiry settles it.
//! - The terminal's result (`04 0F`) is acknowledged after the hub's vote, because the acknowledgement commits the
//!   payment at the terminal. A result without a readable amount and result code is not acknowledged at all.
//! - The terminal is [ready](Health::Ready) when it has reported that it is idle (`05 01`) and what its last payment
//!   was (`06 20`). Without the latter a payment could not be settled after a lost link, so the terminal is not used.
//! - A payment is sent only if its journal is the terminal's last transaction; `judge` uses it to settle a doubt. A
//!   terminal that is busy, perhaps with this very payment, must be asked again.
//! - Another terminal in the place of the one that was asked settles nothing, and is not asked to reverse or refund a
//!   charge of the other one. Terminals report their ids (BMP 29) at the registration and with each transaction.
//! - Card numbers are masked to six and four digits while a frame is parsed (`bmp`), which also drops track data,
//!   expiry and EMV data; receipt text is scrubbed (`text`). Frames and passwords are never logged.
//!
//! # Layout
//!
//! `serial` has the framing of serial lines, `apdu` splits bytes into frames, `bmp` and `text` parse their contents,
//! `packets` defines the messages, `dialogue` decides, `driver` does the I/O. `transaction` has a transaction's numbers
//! and their comparison, `judge` settles doubts.
//!
//! # The dialogue
//!
//! ```text
//! hub (ECR)                                          terminal (PT)
//!  06 00 registration ->   <- 80 00 00   ...   <- 06 0F completion   80 00 00 ->
//!  05 01 enquiry ->        until it is idle; also every 30 s while nothing runs, and before an inquiry
//!  06 20 repeat receipt -> the numbers of its last payment, kept for the journal
//!  06 01 authorisation ->  <- 80 00 00                      now the terminal leads
//!                          <- 04 FF intermediate status     80 00 00 ->     (any number, T4 restarts)
//!                          <- 04 0F result                  (vote) 80 00 00 or 84 66 00 ->
//!                          <- 06 D1 / 06 D3 receipt text    80 00 00 ->
//!                          <- 06 0F completion | 06 1E abort   80 00 00 ->
//!  06 B0 abort ->          at any time before 04 0F; the answer may still be an approval
//!  06 31 refund ->         like 06 01
//!  06 30 reversal ->       <- 80 00 00, 04 0F, 06 0F; one that is in doubt is sent again: `B4` says it was done
//!  06 50 end of day ->     <- 80 00 00, 04 0F with the totals, 06 D1 / 06 D3, 06 0F
//!  06 70 diagnosis ->      <- 80 00 00, 06 D1 / 06 D3, 06 0F
//! ```
//!
//! | failure | result |
//! | --- | --- |
//! | no link, or the terminal is not ready, before `06 01` | [`TerminalError::Offline`]: nothing was sent |
//! | the terminal refuses `06 01` (`84 xx`) | declined: nothing was charged |
//! | the link is lost after `06 01` | [`TerminalError::LinkLost`]: in doubt |
//! | no answer for T3 (5 s), T4 (180 s), or no end in 600 s | [`TerminalError::TimedOut`]: in doubt; a new link |
//! | the hub does not vote within 30 s, or drops the approval | nothing is acknowledged, the link is closed: in doubt |
//! | the link is lost after the vote | [`TerminalError::LinkLost`]: perhaps no vote arrived; an inquiry settles it |
//! | an invalid frame, or a result without amount or code | [`TerminalError::Protocol`]: in doubt; a new link |
//! | the terminal is exchanged | in doubt: a person reads the journal of the previous terminal |
//! | the hub loses power at any moment | as for a lost link: the hub has the journal, and inquires |
//!
//! # Unconfirmed
//!
//! Terminals differ in what they do if a result is not acknowledged: they may keep the payment, or reverse it once the
//! card is removed. The sources do not say how a terminal without any payment answers `06 20`; `06 1E 83` from an idle
//! terminal is taken for "none" if the driver knows of none either.

mod apdu;
mod bmp;
mod dialogue;
mod driver;
mod judge;
mod packets;
mod result;
mod serial;
mod text;
mod transaction;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde::Deserialize;

use self::{
    dialogue::{Duty, Order},
    driver::{Claim, Job, Last, Running, WHOLE, ZvtDriver},
    judge::judge,
    transaction::{Numbers, Original},
};
use super::{
    Amount, Capabilities, Closing, Inquiry, Intent, Journal, LinkLost, Operation, Outcome, PaymentTerminal, Record,
    Refund, Resolution, Reversal, Taken, TerminalError, TerminalReference, Unacknowledged,
};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    registry::{SetupError, Start},
    supervise::{Handle, Unanswered, start as supervise},
    transport::Address,
};

/// How long the hub waits for an authorisation: slightly longer than the driver, which reports failures more precisely.
const AUTHORISATION: Duration = WHOLE.saturating_add(Duration::from_secs(60));

/// The limit for a whole inquiry or reversal.
const SHORT: Duration = Duration::from_secs(60);

/// The limit for closing a day: the terminal sends all its transactions to the bank.
const CLOSING: Duration = Duration::from_secs(300);

/// The result code of a reversal that was done before.
const ALREADY_REVERSED: &str = "B4";

/// The settings of a ZVT terminal. Its address is a TCP port (usually 20007) or a serial line (9600 bits per second, 8
/// data bits, no parity, 2 stop bits).
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The file with the six digits of its register password; the default is 000000.
    password_file: Option<PathBuf>,
}

/// The data sent at registration.
#[derive(Clone)]
struct Registration {
    /// Six digits, two per byte (BCD). Never logged.
    password: [u8; 3],
    /// ISO 4217 number.
    currency: u16,
    /// Whether the link is a serial line, which has a framing of its own.
    serial: bool,
}

/// A running terminal.
struct ZvtTerminal {
    handle: Handle<Job>,
    last: Last,
    running: Running,
}

/// Starts a terminal.
pub(super) fn start(start: Start<'_, Settings>) -> Result<Arc<dyn PaymentTerminal>, SetupError> {
    let password = match &start.settings.password_file {
        Some(path) => password(path).map_err(|why| SetupError::NotStarted { why })?,
        None => [0; 3],
    };
    let serial = matches!(start.address, Address::Serial { .. });
    let registration = Registration { password, currency: start.context.currency, serial };
    let last = Last::default();
    let driver = ZvtDriver::new(start.name.clone(), registration, Arc::clone(&last));
    let handle = supervise(start.name, start.address, driver, start.context.events.clone());
    Ok(Arc::new(ZvtTerminal { handle, last, running: Running::default() }))
}

/// Six digits as three bytes of two digits each.
fn password(path: &Path) -> Result<[u8; 3], String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("could not read the password from {}: {error}", path.display()))?;
    match text.trim().as_bytes() {
        digits @ [_, _, _, _, _, _] if digits.iter().all(u8::is_ascii_digit) => {
            let pair = |at: usize| (digits[at] - b'0') << 4 | (digits[at + 1] - b'0');
            Ok([pair(0), pair(2), pair(4)])
        }
        _ => Err(format!("the password in {} must be six digits", path.display())),
    }
}

impl ZvtTerminal {
    fn offline(&self, why: String) -> TerminalError {
        TerminalError::Offline { device: self.handle.device().to_string(), why }
    }

    fn unanswered(&self, unanswered: &Unanswered, limit: Duration) -> TerminalError {
        let device = self.handle.device().to_string();
        match unanswered {
            Unanswered::Full => TerminalError::Busy { device },
            Unanswered::Broken => TerminalError::LinkLost { device, why: self.handle.trouble() },
            Unanswered::TimedOut => {
                TerminalError::TimedOut { device, waited_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
            }
        }
    }
}

impl Device for ZvtTerminal {
    fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    fn health(&self) -> Health {
        self.handle.health()
    }
}

impl ZvtTerminal {
    /// Exclusive use of the terminal.
    fn claim(&self) -> Result<Claim, TerminalError> {
        if self.handle.health() != Health::Ready {
            return Err(self.offline(self.handle.trouble()));
        }
        Claim::of(&self.running).ok_or_else(|| TerminalError::Busy { device: self.handle.device().to_string() })
    }

    async fn order(&self, order: Order, intent: &Intent, taken: Taken) -> Result<Outcome, TerminalError> {
        if let Some(code) = out_of_range(intent.amount) {
            return Ok(driver::declined(code));
        }
        let Some(Some(before)) = intent.before.read::<Option<Numbers>>() else {
            return Err(
                self.offline("it had not reported its last transaction before the payment; repeat the payment".into())
            );
        };
        let claim = self.claim()?;
        match self.handle.ask(AUTHORISATION, |reply| Job::Authorise { order, before, claim, taken, reply }).await {
            Ok(outcome) => outcome,
            Err(unanswered) => Err(self.unanswered(&unanswered, AUTHORISATION)),
        }
    }

    /// Reverses a charge. One that was reversed before counts as done, because the command names the charge.
    async fn reverse(&self, original: Original, intent: &Intent, taken: Taken) -> Result<Outcome, TerminalError> {
        let _claim = self.claim()?;
        let device = self.handle.device().to_string();
        match self.handle.ask(SHORT, |reply| Job::Reverse { original, taken, reply }).await {
            Ok(Ok(record)) => Ok(Outcome::Approved(Unacknowledged::committed(record, device))),
            Ok(Err(TerminalError::Refused { code, .. })) if code == ALREADY_REVERSED => {
                let record = Record { amount: intent.amount, ..Record::default() };
                Ok(Outcome::Approved(Unacknowledged::committed(record, device)))
            }
            Ok(Err(TerminalError::Refused { code, why, .. })) => Ok(Outcome::Declined { code, why }),
            Ok(Err(error)) => Err(error),
            Err(unanswered) => Err(self.unanswered(&unanswered, SHORT)),
        }
    }

    fn original(&self, reference: &TerminalReference) -> Result<Original, TerminalError> {
        Original::of(reference).ok_or_else(|| self.unknown_reference("the receipt number is missing".into()))
    }

    fn unknown_reference(&self, why: String) -> TerminalError {
        TerminalError::UnknownReference { device: self.handle.device().to_string(), why }
    }

    async fn manage(&self, duty: Duty) -> Result<Closing, TerminalError> {
        let _claim = self.claim()?;
        match self.handle.ask(CLOSING, |reply| Job::Manage { duty, reply }).await {
            Ok(done) => done,
            Err(unanswered) => Err(self.unanswered(&unanswered, CLOSING)),
        }
    }
}

impl PaymentTerminal for ZvtTerminal {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            inquiry: Inquiry::LastOnly,
            link_lost: LinkLost::Unknown,
            waits_for_vote: true,
            abort: true,
            offline: true,
            partial: false,
            reversal: Reversal::Any,
            refund: Refund::CardPresent,
            tips: false,
            wallets: false,
            pay_later: false,
            gift_cards: false,
            closing: true,
        }
    }

    fn journal(&self) -> Journal {
        Journal::of(&*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn authorise<'a>(&'a self, intent: &'a Intent, taken: Taken) -> Answer<'a, Result<Outcome, TerminalError>> {
        Box::pin(async move {
            match &intent.operation {
                Operation::Charge => self.order(Order::Charge(intent.amount), intent, taken).await,
                Operation::Refund { original } => {
                    let original = original.as_ref().map(|original| self.original(original)).transpose()?;
                    let here = intent.before.read::<Option<Numbers>>().flatten().unwrap_or_default();
                    if let Some(Err(why)) = original.as_ref().map(|original| original.require_at(&here)) {
                        return Err(self.unknown_reference(why));
                    }
                    let receipt = original.map(|original| original.receipt);
                    self.order(Order::Refund(intent.amount, receipt), intent, taken).await
                }
                Operation::Reversal { original } => self.reverse(self.original(original)?, intent, taken).await,
            }
        })
    }

    fn abort(&self) -> Answer<'_, Result<(), TerminalError>> {
        Box::pin(async move {
            if self.handle.health() != Health::Ready {
                return Err(self.offline(self.handle.trouble()));
            }
            if let Some(running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
                // Stored until the driver listens again.
                running.notify_one();
            }
            Ok(())
        })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>> {
        Box::pin(async move {
            if let Operation::Reversal { original } = &intent.operation {
                // Sent again: the terminal does it now, says that it was done, or refuses.
                return match self.reverse(self.original(original)?, intent, Taken::default()).await {
                    Ok(Outcome::Approved(done)) => Ok(Resolution::Charged(done.record)),
                    Ok(Outcome::Submitted(record)) => Ok(Resolution::Submitted(record)),
                    Ok(Outcome::Declined { why, .. }) => Ok(Resolution::NotCharged { why }),
                    Err(TerminalError::UnknownReference { why, .. }) => Ok(Resolution::Unknown { why }),
                    Err(error) => Err(error),
                };
            }
            let Some(before) = intent.before.read::<Option<Numbers>>() else {
                let why = "the journal was written by another protocol; was the terminal exchanged?";
                return Ok(Resolution::Unknown { why: why.into() });
            };
            match self.handle.ask(SHORT, |reply| Job::Inquire { reply }).await {
                Ok(inquiry) => Ok(judge(before.as_ref(), intent.amount, inquiry?)),
                Err(unanswered) => Err(self.unanswered(&unanswered, SHORT)),
            }
        })
    }

    fn close_day(&self) -> Answer<'_, Result<Closing, TerminalError>> {
        Box::pin(self.manage(Duty::CloseDay))
    }

    fn diagnose(&self) -> Answer<'_, Result<String, TerminalError>> {
        Box::pin(async { self.manage(Duty::Diagnose).await.map(|done| done.report.join(" ")) })
    }
}

/// The result code for an amount that `06 01` can't express: six bytes hold twelve digits, two hold a currency.
fn out_of_range(amount: Amount) -> Option<u8> {
    match amount {
        Amount { minor: 0, .. } => Some(0xc8),
        Amount { minor: 1_000_000_000_000.., .. } => Some(0xc3),
        Amount { currency: 10_000.., .. } => Some(0x6f),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
