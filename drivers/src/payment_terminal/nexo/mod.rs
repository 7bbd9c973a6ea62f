//! nexo Retailer over the LAN, as Adyen's terminals speak it ("Terminal API", local): JSON over HTTPS in a sealed
//! envelope (sources: `@adyen/api-library`, Adyen's documentation).
//!
//! # What this driver promises
//!
//! - A transaction is sent once, under the hub's own id (`ServiceID`). If its answer does not arrive, it is in doubt,
//!   and the terminal is asked for it by that id.
//! - "No such transaction" is believed only of a terminal that still has the one before: one that was reset or
//!   exchanged would say the same.
//! - Nothing is read that is not sealed with the terminal's key, and nothing that answers another request.
//! - Card numbers are masked and texts scrubbed while a message is read; unknown fields are dropped.
//!
//! # Layout
//!
//! `tls` has the trust in the terminal's certificate, `crypto` the seal, `link` the connection and the envelope,
//! `messages` the bodies, `money` decimal amounts, `driver` the sequence of requests.
//!
//! # The dialogue
//!
//! ```text
//! Login, Diagnosis, TransactionStatus (the last)     on every new connection; Diagnosis every 30 s
//! Payment (Normal, Refund)                           answered after customer and bank, at most 120 s
//! Reversal (whole, or an amount)                     answered "taken"; the bank's answer comes outside the store
//! Abort                                              over a connection of its own; the payment's answer is the truth
//! TransactionStatus (by id)                          the repeated answer | InProgress | NotFound
//! Reconciliation                                     totals by brand
//! ```
//!
//! | failure | result |
//! | --- | --- |
//! | no connection, an untrusted certificate | [`TerminalError::Offline`]: nothing was sent |
//! | the terminal is busy or logged out | nothing was done |
//! | the connection is lost after the request began | [`TerminalError::LinkLost`]: in doubt; the terminal goes on |
//! | no answer within 150 s | [`TerminalError::TimedOut`]: in doubt |
//! | an answer without a valid seal, or to another request | [`TerminalError::Protocol`]: in doubt |
//! | the hub loses power at any moment | as for a lost connection |

mod crypto;
mod driver;
mod link;
mod messages;
mod money;
mod tls;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::json;

use self::{
    crypto::Keys,
    driver::{Anchor, Job, Last, Message, NexoDriver, Running, SHORT, fresh_id},
    link::{Link, Parties, Trouble},
    money::Currency,
};
use super::{
    Capabilities, Closing, Inquiry, Intent, Journal, LinkLost, Outcome, PaymentTerminal, Refund, Resolution, Reversal,
    Taken, TerminalError,
};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    registry::{SetupError, Start},
    supervise::{Handle, Unanswered, start as supervise},
};

/// How long the hub waits for a transaction: slightly longer than the driver.
const TRANSACTION: Duration = Duration::from_secs(180);

/// How long the hub waits for the end of a day.
const CLOSING: Duration = Duration::from_secs(150);

/// The settings of a terminal. Its address is a TCP port, usually 8443.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The terminal's id, such as `V400m-346403161`.
    poi_id: String,
    /// The hub's id for the terminal; the default is `store-hub`. A terminal keeps transactions apart by it, so it must
    /// not change while one is in doubt.
    #[serde(default = "sale_id")]
    sale_id: String,
    /// The file with the certificate that terminals' certificates are signed with.
    ca_file: PathBuf,
    /// The name in the terminal's certificate; the default is `POI_ID.test.terminal.adyen.com`.
    tls_name: Option<String>,
    /// The file with the passphrase of the key.
    passphrase_file: PathBuf,
    /// The key's identifier.
    key_identifier: String,
    /// The key's version.
    key_version: u32,
}

fn sale_id() -> String {
    "store-hub".into()
}

/// A running terminal.
struct NexoTerminal {
    handle: Handle<Job>,
    parties: Arc<Parties>,
    last: Last,
    running: Running,
}

/// Starts a terminal.
pub(super) fn start(start: Start<'_, Settings>) -> Result<Arc<dyn PaymentTerminal>, SetupError> {
    let not_started = |why: String| SetupError::NotStarted { why };
    let settings = start.settings;
    let number = start.context.currency;
    let currency =
        Currency::of(number).ok_or_else(|| not_started(format!("nexo terminals do not take the currency {number}")))?;
    let name = settings.tls_name.unwrap_or_else(|| format!("{}.test.terminal.adyen.com", settings.poi_id));
    let tls = tls::config(&settings.ca_file, name).map_err(not_started)?;
    let passphrase = fs::read_to_string(&settings.passphrase_file).map_err(|error| {
        not_started(format!("could not read the passphrase from {}: {error}", settings.passphrase_file.display()))
    })?;
    let parties = Arc::new(Parties {
        address: start.address.clone(),
        tls: Arc::new(tls),
        keys: Keys::of(passphrase.trim_end_matches(['\r', '\n'])),
        key_identifier: settings.key_identifier,
        key_version: settings.key_version,
        sale_id: settings.sale_id,
        poi_id: settings.poi_id,
    });
    let last = Last::default();
    let device = start.name.clone();
    let driver = NexoDriver { device, parties: Arc::clone(&parties), currency, last: Arc::clone(&last) };
    let handle = supervise(start.name, start.address, driver, start.context.events.clone());
    Ok(Arc::new(NexoTerminal { handle, parties, last, running: Running::default() }))
}

/// The time as nexo writes it.
fn now() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (elapsed.as_secs() / 86_400, elapsed.as_secs() % 86_400);
    // Days since 0000-03-01, in eras of 400 years (Howard Hinnant's civil_from_days).
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// Exclusive use of the terminal by a transaction.
struct Claim<'a>(&'a Running);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl NexoTerminal {
    fn device(&self) -> String {
        self.handle.device().to_string()
    }

    fn offline(&self, why: String) -> TerminalError {
        TerminalError::Offline { device: self.device(), why }
    }

    fn is_ready(&self) -> Result<(), TerminalError> {
        if self.handle.health() == Health::Ready { Ok(()) } else { Err(self.offline(self.handle.trouble())) }
    }

    fn unanswered(&self, unanswered: &Unanswered, limit: Duration) -> TerminalError {
        let device = self.device();
        match unanswered {
            Unanswered::Full => TerminalError::Busy { device },
            Unanswered::Broken => TerminalError::LinkLost { device, why: self.handle.trouble() },
            Unanswered::TimedOut => {
                TerminalError::TimedOut { device, waited_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
            }
        }
    }
}

impl Device for NexoTerminal {
    fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    fn health(&self) -> Health {
        self.handle.health()
    }
}

impl PaymentTerminal for NexoTerminal {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            inquiry: Inquiry::ById,
            link_lost: LinkLost::Continues,
            waits_for_vote: false,
            abort: true,
            offline: true,
            partial: true,
            reversal: Reversal::Any,
            refund: Refund::Linked,
            tips: false,
            wallets: true,
            pay_later: true,
            gift_cards: false,
            closing: true,
        }
    }

    fn journal(&self) -> Journal {
        Journal::of(&*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn authorise<'a>(&'a self, intent: &'a Intent, _taken: Taken) -> Answer<'a, Result<Outcome, TerminalError>> {
        Box::pin(async move {
            if !matches!(intent.before.read::<Option<Anchor>>(), Some(Some(_))) {
                let why = "it had not reported its last transaction before the payment; repeat the payment";
                return Err(self.offline(why.into()));
            }
            self.is_ready()?;
            let message = Message { category: messages::category(intent).into(), service_id: intent.reference.clone() };
            let _claim = {
                let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
                if running.is_some() {
                    return Err(TerminalError::Busy { device: self.device() });
                }
                *running = Some(message);
                Claim(&self.running)
            };
            let intent = intent.clone();
            match self.handle.ask(TRANSACTION, |reply| Job::Transact { intent, reply }).await {
                Ok(outcome) => outcome,
                Err(unanswered) => Err(self.unanswered(&unanswered, TRANSACTION)),
            }
        })
    }

    fn abort(&self) -> Answer<'_, Result<(), TerminalError>> {
        Box::pin(async move {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(Message { category, service_id }) = running else { return Ok(()) };
            let parties = &*self.parties;
            let body = json!({
                "AbortReason": "MerchantAbort",
                "MessageReference": {
                    "MessageCategory": category, "ServiceID": service_id,
                    "SaleID": parties.sale_id, "POIID": parties.poi_id,
                },
            });
            // The terminal answers the payment's connection, so this one is another.
            let sent = async {
                let mut link = Link::open(parties).await?;
                link.ask(parties, "Abort", &fresh_id(), body, SHORT).await
            };
            match sent.await {
                Ok(_) | Err(Trouble::Lost(_) | Trouble::Protocol(_)) => Ok(()),
                Err(trouble) => Err(self.offline(trouble.in_words())),
            }
        })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>> {
        Box::pin(async move {
            let intent = intent.clone();
            match self.handle.ask(3 * SHORT, |reply| Job::Resolve { intent, reply }).await {
                Ok(resolution) => resolution,
                Err(unanswered) => Err(self.unanswered(&unanswered, 3 * SHORT)),
            }
        })
    }

    fn close_day(&self) -> Answer<'_, Result<Closing, TerminalError>> {
        Box::pin(async move {
            self.is_ready()?;
            match self.handle.ask(CLOSING, |reply| Job::CloseDay { reply }).await {
                Ok(closing) => closing,
                Err(unanswered) => Err(self.unanswered(&unanswered, CLOSING)),
            }
        })
    }

    fn diagnose(&self) -> Answer<'_, Result<String, TerminalError>> {
        Box::pin(async move {
            self.is_ready()?;
            match self.handle.ask(3 * SHORT, |reply| Job::Diagnose { reply }).await {
                Ok(report) => report,
                Err(unanswered) => Err(self.unanswered(&unanswered, 3 * SHORT)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_time_is_written_as_a_date_and_time() {
        let now = super::now();
        assert!(now.len() == 24 && now.starts_with("20") && now.as_bytes()[10] == b'T', "{now}");
    }
}
