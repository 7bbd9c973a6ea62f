//! ZVT, the protocol of card terminals in Germany, Austria and Switzerland, over TCP (PA00P015 commands, PA00P016 transport; facts here by the
//! sources gathered with the project's protocol notes: the Wireshark dissector, Portalum.Zvt, ecrterm, EVerest's zvt).
//!
//! # What this driver promises
//!
//! - An authorisation is sent once. It is never sent again, whatever happens to the link: then the payment is in doubt, and an inquiry tells.
//! - The terminal's result (`04 0F`) is acknowledged after the hub's vote, not before: the acknowledgement is what commits the terminal's side.
//! - Card numbers are reduced to six and four digits while a frame is parsed ([`bmp`]); track data, expiry and EMV data are dropped there; text for the
//!   receipt is scrubbed ([`text`]). No frame is ever logged.
//!
//! # The dialogue
//!
//! ```text
//! hub (ECR)                                          terminal (PT)
//!  06 00 registration ->   <- 80 00 00   ...   <- 06 0F completion   80 00 00 ->
//!  06 20 repeat receipt -> the numbers of its last transaction, kept for the journal
//!  06 01 authorisation ->  <- 80 00 00                      now the terminal leads
//!                          <- 04 FF intermediate status     80 00 00 ->     (any number, T4 starts anew)
//!                          <- 04 0F result                  (vote) 80 00 00 or 84 66 00 ->
//!                          <- 06 D1 / 06 D3 receipt text    80 00 00 ->
//!                          <- 06 0F completion | 06 1E abort   80 00 00 ->
//!  06 B0 abort ->          at any time before 04 0F; the answer may still be an approval
//! ```
//!
//! | what fails, when | what the hub hears |
//! | --- | --- |
//! | no link, before `06 01` | [`TerminalError::Offline`]: nothing was sent |
//! | the terminal refuses `06 01` (`84 xx`) | declined: nothing was charged |
//! | the link, after `06 01` was sent | [`TerminalError::LinkLost`]: in doubt |
//! | no answer for T3 (5 s) or T4 (180 s) | [`TerminalError::TimedOut`]: in doubt; the link is opened anew |
//! | the hub gives no vote for 30 s, or dies | nothing is acknowledged, the link is closed: in doubt |
//! | a frame out of protocol | [`TerminalError::Protocol`]: in doubt; the link is opened anew |

mod apdu;
mod bmp;
mod driver;
mod result;
mod text;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast};

use self::driver::{Job, ZvtDriver};
use super::{Amount, Inquiry, Outcome, PaymentTerminal, Record, TerminalError, Trace};
use crate::{
    Answer,
    device::{DeviceEvent, DeviceName, Health},
    supervise::{Handle, Unanswered, start as supervise},
    transport::Address,
};

/// How long an authorisation may take in all, customer and bank included.
const AUTHORISATION: Duration = Duration::from_secs(600);

/// How long an inquiry or a reversal may take in all.
const SHORT: Duration = Duration::from_secs(60);

/// What a terminal must be told at registration.
#[derive(Clone)]
pub struct ZvtSettings {
    /// Six digits, two a byte (BCD). Never logged.
    pub password: [u8; 3],
    /// ISO 4217 number.
    pub currency: u16,
}

/// A running terminal.
pub struct ZvtTerminal {
    handle: Handle<Job>,
    last: Arc<Mutex<Trace>>,
    abort: Arc<Notify>,
    /// Held by the authorisation that runs.
    one: tokio::sync::Mutex<()>,
}

/// Starts a terminal.
pub fn start(
    device: DeviceName,
    address: Address,
    settings: ZvtSettings,
    events: broadcast::Sender<DeviceEvent>,
) -> ZvtTerminal {
    let (last, abort) = (Arc::<Mutex<Trace>>::default(), Arc::<Notify>::default());
    let driver = ZvtDriver::new(device.clone(), settings, Arc::clone(&last), Arc::clone(&abort));
    ZvtTerminal { handle: supervise(device, address, driver, events), last, abort, one: tokio::sync::Mutex::default() }
}

impl ZvtTerminal {
    /// How it is.
    pub fn health(&self) -> Health {
        self.handle.health()
    }

    fn offline(&self) -> TerminalError {
        TerminalError::Offline { device: self.handle.device().to_string(), why: self.handle.trouble() }
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

impl PaymentTerminal for ZvtTerminal {
    fn last_trace(&self) -> Trace {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn authorise(&self, amount: Amount) -> Answer<'_, Result<Outcome, TerminalError>> {
        Box::pin(async move {
            if self.handle.health() != Health::Ready {
                return Err(self.offline());
            }
            let Ok(_one) = self.one.try_lock() else {
                return Err(TerminalError::Busy { device: self.handle.device().to_string() });
            };
            match self.handle.ask(AUTHORISATION, |answer| Job::Authorise { amount, answer }).await {
                Ok(outcome) => outcome,
                Err(unanswered) => Err(self.unanswered(&unanswered, AUTHORISATION)),
            }
        })
    }

    fn abort(&self) -> Answer<'_, Result<(), TerminalError>> {
        Box::pin(async move {
            if self.handle.health() != Health::Ready {
                return Err(self.offline());
            }
            // Heard by a running authorisation; a later one starts afresh.
            self.abort.notify_waiters();
            Ok(())
        })
    }

    fn inquire(&self) -> Answer<'_, Result<Inquiry, TerminalError>> {
        Box::pin(async move {
            match self.handle.ask(SHORT, |answer| Job::Inquire { answer }).await {
                Ok(inquiry) => inquiry,
                Err(unanswered) => Err(self.unanswered(&unanswered, SHORT)),
            }
        })
    }

    fn reverse(&self, receipt: u16) -> Answer<'_, Result<Record, TerminalError>> {
        Box::pin(async move {
            match self.handle.ask(SHORT, |answer| Job::Reverse { receipt, answer }).await {
                Ok(record) => record,
                Err(unanswered) => Err(self.unanswered(&unanswered, SHORT)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
