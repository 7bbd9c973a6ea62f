//! Runs a terminal's requests one after another over a connection that is opened again when the terminal has closed it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use data_encoding::BASE32_NOPAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::sleep};

use super::{
    link::{Link, Parties, Trouble},
    messages::{self, Said},
    money::Currency,
    now,
};
use crate::{
    device::DeviceName,
    payment_terminal::{Closing, Intent, Outcome, Progress, Resolution, TerminalError, Unacknowledged},
    supervise::{Abandon, Driver, HANDLE_DROPPED, Jobs, Reporter},
    transport::Wire,
};

/// The limit of a transaction: slightly longer than the terminal's own, 120 s.
const TRANSACTION: Duration = Duration::from_secs(150);

/// The limit of everything without a customer.
pub(super) const SHORT: Duration = Duration::from_secs(20);

/// The limit of a reconciliation.
const CLOSING: Duration = Duration::from_secs(120);

/// The interval of diagnoses of an idle terminal.
const CHECK: Duration = Duration::from_secs(30);

/// The pause between two diagnoses of a terminal that is not ready.
const POLL: Duration = Duration::from_secs(3);

type Reply<T> = oneshot::Sender<Result<T, TerminalError>>;

/// A request of the hub.
pub(super) enum Job {
    Transact { intent: Intent, reply: Reply<Outcome> },
    Resolve { intent: Intent, reply: Reply<Resolution> },
    CloseDay { reply: Reply<Closing> },
    Diagnose { reply: Reply<String> },
}

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Transact { reply, .. } => reply.is_closed(),
            Self::Resolve { reply, .. } => reply.is_closed(),
            Self::CloseDay { reply } => reply.is_closed(),
            Self::Diagnose { reply } => reply.is_closed(),
        }
    }
}

/// The last transaction that the terminal has, if any: by it a terminal shows that it has not lost its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Anchor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Message>,
}

/// A message to the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) category: String,
    pub(super) service_id: String,
}

/// `None` until the terminal has answered.
pub(super) type Last = Arc<Mutex<Option<Anchor>>>;

/// The transaction that runs, for its abort.
pub(super) type Running = Arc<Mutex<Option<Message>>>;

pub(super) struct NexoDriver {
    pub(super) device: DeviceName,
    pub(super) parties: Arc<Parties>,
    pub(super) currency: Currency,
    pub(super) last: Last,
}

/// An id for a message that nobody asks for later: ten letters and digits.
pub(super) fn fresh_id() -> String {
    let mut bytes = [0; 6];
    // Without randomness the terminal refuses a repeated id, and the request fails.
    let _ = SystemRandom::new().fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes)
}

impl NexoDriver {
    async fn ask(&self, link: &mut Link, category: &str, body: Value, limit: Duration) -> Result<Value, Trouble> {
        link.ask(&self.parties, category, &fresh_id(), body, limit).await
    }

    /// A connection that is open.
    async fn ready<'a>(&self, link: &'a mut Link) -> Result<&'a mut Link, Trouble> {
        if link.is_closed() {
            *link = Link::open(&self.parties).await?;
        }
        Ok(link)
    }

    /// Logs in, and learns the terminal's last transaction. A terminal that needs no login says so.
    async fn greet(&self, link: &mut Link) -> Result<Result<(), String>, Trouble> {
        let login = json!({
            "DateTime": now(),
            "OperatorLanguage": "en",
            "SaleSoftware": {
                "ManufacturerID": "store-hub", "ApplicationName": "store-hub",
                "SoftwareVersion": env!("CARGO_PKG_VERSION"), "CertificationCode": "none",
            },
            "SaleTerminalData": {
                "TerminalEnvironment": "Attended",
                "SaleCapabilities": ["CashierStatus", "CashierError"],
            },
        });
        self.ask(link, "Login", login, SHORT).await?;
        if let Err(why) = self.diagnose(link, false).await? {
            return Ok(Err(why));
        }
        let status = messages::status(None, &self.parties.sale_id, &self.parties.poi_id);
        let answer = self.ask(link, "TransactionStatus", status, SHORT).await?;
        let anchor = match messages::failure(&answer) {
            None => Anchor { last: repeated(&answer) },
            Some((condition, _)) if condition == "NotFound" => Anchor::default(),
            Some((_, why)) => return Ok(Err(format!("it does not report its last transaction: {why}"))),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(anchor);
        Ok(Ok(()))
    }

    /// Whether the terminal is ready; an error says why not.
    async fn diagnose(&self, link: &mut Link, host: bool) -> Result<Result<String, String>, Trouble> {
        let answer = self.ask(link, "Diagnosis", json!({ "HostDiagnosisFlag": host }), SHORT).await?;
        if let Some((_, why)) = messages::failure(&answer) {
            return Ok(Err(why));
        }
        let state = messages::text(&answer["POIStatus"]["GlobalStatus"]).unwrap_or_else(|| "OK".into());
        if state != "OK" {
            return Ok(Err(format!("it is not ready: {state}")));
        }
        let hosts = answer["HostStatus"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_reachable = hosts.iter().all(|host| host["IsReachableFlag"] != false);
        Ok(if is_reachable { Ok("ready".into()) } else { Err("it can't reach its bank".into()) })
    }

    async fn transact(&self, link: &mut Link, intent: &Intent) -> Result<Outcome, TerminalError> {
        let device = || self.device.to_string();
        let offline = |why: String| TerminalError::Offline { device: device(), why };
        let category = messages::category(intent);
        let Some((_, body)) = messages::transaction(intent, self.currency, &now()) else {
            let why = "the terminal's id of the charge is missing".into();
            return Err(TerminalError::UnknownReference { device: device(), why });
        };
        let link = self.ready(link).await.map_err(|trouble| offline(trouble.in_words()))?;
        let answer = link.ask(&self.parties, category, &intent.reference, body, TRANSACTION).await;
        let answer = answer.map_err(|trouble| self.error(trouble))?;
        let said = messages::said(&answer, intent, self.currency);
        match &said {
            // It did not take the transaction.
            Said::Declined { code, .. } if code == "Busy" => return Err(TerminalError::Busy { device: device() }),
            Said::Declined { code, why } if code == "LoggedOut" => return Err(offline(why.clone())),
            _ => {}
        }
        let message = Message { category: category.into(), service_id: intent.reference.clone() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Anchor { last: Some(message) });
        match said {
            Said::Approved(record) => Ok(Outcome::Approved(Unacknowledged::committed(record, device()))),
            Said::Submitted(record) => Ok(Outcome::Submitted(record)),
            Said::Declined { code, why } => Ok(Outcome::Declined { code, why }),
            Said::Unreadable(got) => Err(TerminalError::Protocol { device: device(), got }),
        }
    }

    /// The outcome of a transaction: by its id, and if the terminal does not have it, by whether it still has the one
    /// before.
    async fn resolve(&self, link: &mut Link, intent: &Intent, before: &Anchor) -> Result<Resolution, TerminalError> {
        let this = Message { category: messages::category(intent).into(), service_id: intent.reference.clone() };
        let link = self.ready(link).await.map_err(|trouble| self.error(trouble))?;
        if let Some(answer) = self.status_of(link, &this).await? {
            return Ok(match messages::said(&answer, intent, self.currency) {
                Said::Approved(record) => Resolution::Charged(record),
                Said::Submitted(record) => Resolution::Submitted(record),
                Said::Declined { why, .. } => Resolution::NotCharged { why },
                Said::Unreadable(why) => Resolution::Unknown { why },
            });
        }
        let remembers = match &before.last {
            Some(earlier) => self.status_of(link, earlier).await?.is_some(),
            None => false,
        };
        Ok(if remembers {
            Resolution::NotFound { why: "the terminal never had it, and still has the one before".into() }
        } else {
            let why =
                "the terminal has neither this transaction nor the one before: it may have been reset or exchanged";
            Resolution::Unknown { why: why.into() }
        })
    }

    /// The answer to an earlier transaction; `None` if the terminal does not have it.
    async fn status_of(&self, link: &mut Link, of: &Message) -> Result<Option<Value>, TerminalError> {
        let named = (of.category.as_str(), of.service_id.as_str());
        let body = messages::status(Some(named), &self.parties.sale_id, &self.parties.poi_id);
        let mut answer =
            self.ask(link, "TransactionStatus", body, SHORT).await.map_err(|trouble| self.error(trouble))?;
        match messages::failure(&answer) {
            None if repeated(&answer).as_ref() == Some(of) => {
                let body = &mut answer["RepeatedMessageResponse"]["RepeatedResponseMessageBody"];
                Ok(Some(body[format!("{}Response", of.category)].take()))
            }
            None => Err(self.error(Trouble::Protocol("it reported another transaction".into()))),
            Some((condition, _)) if condition == "NotFound" => Ok(None),
            Some((condition, _)) if condition == "InProgress" || condition == "Busy" => {
                Err(TerminalError::Busy { device: self.device.to_string() })
            }
            Some((code, why)) => Err(TerminalError::Refused { device: self.device.to_string(), code, why }),
        }
    }

    async fn close_day(&self, link: &mut Link) -> Result<Closing, TerminalError> {
        let body = json!({ "ReconciliationType": "SaleReconciliation" });
        let link = self.ready(link).await.map_err(|trouble| self.error(trouble))?;
        let answer = self.ask(link, "Reconciliation", body, CLOSING).await.map_err(|trouble| self.error(trouble))?;
        match messages::failure(&answer) {
            None => Ok(messages::closing(&answer, self.currency)),
            Some((code, why)) => Err(TerminalError::Refused { device: self.device.to_string(), code, why }),
        }
    }

    async fn report(&self, link: &mut Link) -> Result<String, TerminalError> {
        let link = self.ready(link).await.map_err(|trouble| self.error(trouble))?;
        let diagnosed = self.diagnose(link, true).await.map_err(|trouble| self.error(trouble))?;
        let refused = |why| TerminalError::Refused { device: self.device.to_string(), code: "diagnosis".into(), why };
        diagnosed.map_err(refused)
    }

    fn error(&self, trouble: Trouble) -> TerminalError {
        let device = self.device.to_string();
        match trouble {
            Trouble::Unsent(why) => TerminalError::Offline { device, why },
            Trouble::Lost(why) => TerminalError::LinkLost { device, why },
            Trouble::Silent(limit) => {
                TerminalError::TimedOut { device, waited_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
            }
            Trouble::Protocol(got) => TerminalError::Protocol { device, got },
        }
    }

    /// Does a job; returns why the connection must be opened again.
    async fn work(&self, link: &mut Link, job: Job, report: &Reporter) -> Option<String> {
        let broken = |error: Option<&TerminalError>| match error {
            Some(
                error @ (TerminalError::LinkLost { .. }
                | TerminalError::TimedOut { .. }
                | TerminalError::Protocol { .. }
                | TerminalError::Offline { .. }),
            ) => Some(error.to_string()),
            _ => None,
        };
        match job {
            Job::Transact { intent, reply } => {
                report.payment(Progress { text: "follow the instructions of the terminal".into() });
                let outcome = self.transact(link, &intent).await;
                report.payment(Progress { text: "idle".into() });
                let why = broken(outcome.as_ref().err());
                let _ = reply.send(outcome);
                why
            }
            Job::Resolve { intent, reply } => {
                let resolution = match intent.before.read::<Option<Anchor>>() {
                    Some(Some(before)) => self.resolve(link, &intent, &before).await,
                    Some(None) => Ok(Resolution::NotCharged {
                        why: "the terminal had not reported its last transaction, so nothing was sent".into(),
                    }),
                    None => Ok(Resolution::Unknown {
                        why: "the journal was written by another protocol; was the terminal exchanged?".into(),
                    }),
                };
                let why = broken(resolution.as_ref().err());
                let _ = reply.send(resolution);
                why
            }
            Job::CloseDay { reply } => {
                let closed = self.close_day(link).await;
                let why = broken(closed.as_ref().err());
                let _ = reply.send(closed);
                why
            }
            Job::Diagnose { reply } => {
                let told = self.report(link).await;
                let why = broken(told.as_ref().err());
                let _ = reply.send(told);
                why
            }
        }
    }
}

/// The message that a status answer repeats.
fn repeated(answer: &Value) -> Option<Message> {
    let header = &answer["RepeatedMessageResponse"]["MessageHeader"];
    let short = |field: &str| header[field].as_str().filter(|text| text.len() <= 20).map(str::to_owned);
    Some(Message { category: short("MessageCategory")?, service_id: short("ServiceID")? })
}

impl Driver for NexoDriver {
    type Job = Job;

    async fn run(&mut self, wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
        let mut link = match Link::over(wire, &self.parties).await {
            Ok(link) => link,
            Err(trouble) => return trouble.in_words(),
        };
        let mut is_known = false;
        loop {
            let link = match self.ready(&mut link).await {
                Ok(link) => link,
                Err(trouble) => return trouble.in_words(),
            };
            let checked = if is_known {
                self.diagnose(link, false).await.map(|told| told.map(drop))
            } else {
                self.greet(link).await
            };
            let rest = match checked {
                Ok(Ok(())) => {
                    is_known = true;
                    report.ready();
                    CHECK
                }
                Ok(Err(why)) => {
                    report.attention(why);
                    POLL
                }
                Err(trouble) => return trouble.in_words(),
            };
            tokio::select! {
                job = jobs.next() => {
                    let Some(job) = job else { return HANDLE_DROPPED.into() };
                    if let Some(why) = self.work(link, job, report).await {
                        return why;
                    }
                }
                () = sleep(rest) => {}
            }
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        let offline = TerminalError::Offline { device: self.device.to_string(), why: why.to_owned() };
        match job {
            Job::Transact { reply, .. } => drop(reply.send(Err(offline))),
            Job::Resolve { reply, .. } => drop(reply.send(Err(offline))),
            Job::CloseDay { reply } => drop(reply.send(Err(offline))),
            Job::Diagnose { reply } => drop(reply.send(Err(offline))),
        }
    }
}
