//! Terminals with one request and one answer per connection: the part that their protocols share.
//!
//! | failure | result |
//! | --- | --- |
//! | no connection, or the terminal is not ready | [`TerminalError::Offline`]: nothing was sent |
//! | the link is lost after the request began | [`TerminalError::LinkLost`]: in doubt |
//! | no answer within the protocol's limit | [`TerminalError::TimedOut`]: in doubt |
//! | an invalid answer | [`TerminalError::Protocol`]: in doubt |

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::oneshot, time::sleep};

use super::{
    Capabilities, Closing, Intent, Journal, Outcome, PaymentTerminal, Progress, Resolution, Taken, TerminalError,
};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    supervise::{Abandon, Driver, HANDLE_DROPPED, Handle, Jobs, Reporter, Unanswered, start as supervise},
    transport::{Address, Wire},
};

/// The limit for a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// The interval of checks of an idle terminal.
const CHECK: Duration = Duration::from_secs(30);

/// The limit of a transaction, for whoever waits: slightly longer than any protocol's own.
const TRANSACTION: Duration = Duration::from_secs(240);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The protocol can't do it; nothing was sent.
    Unsupported(&'static str),
    /// The link was lost.
    Lost(String),
    /// No answer for this long.
    Silent(Duration),
    /// An invalid answer, without card data.
    Protocol(String),
}

impl Trouble {
    fn error(self, device: &DeviceName) -> TerminalError {
        let device = device.to_string();
        match self {
            Self::Unsupported(what) => TerminalError::Unsupported { device, what },
            Self::Lost(why) => TerminalError::LinkLost { device, why },
            Self::Silent(limit) => {
                TerminalError::TimedOut { device, waited_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
            }
            Self::Protocol(got) => TerminalError::Protocol { device, got },
        }
    }
}

/// A protocol over a fresh connection per request.
pub(super) trait Protocol: Send + Sync + 'static {
    /// What identifies the terminal's last transaction.
    type Last: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static;

    /// What such a terminal can do.
    fn capabilities() -> Capabilities;

    /// Checks that the terminal is ready, and learns its last transaction. The inner error says why it is not ready.
    fn greet(
        &mut self,
        wire: &mut dyn Wire,
    ) -> impl Future<Output = Result<Result<Self::Last, String>, Trouble>> + Send;

    /// Performs a transaction. Returns what the terminal's last one is then, if that is known.
    fn transact(
        &mut self,
        wire: &mut dyn Wire,
        intent: &Intent,
        taken: Taken,
        progress: &(dyn Fn(String) + Sync),
    ) -> impl Future<Output = Result<(Said, Option<Self::Last>), Trouble>> + Send;

    /// Asks for the outcome of a transaction, given the last one before it.
    fn resolve(
        &mut self,
        wire: &mut dyn Wire,
        intent: &Intent,
        before: &Self::Last,
    ) -> impl Future<Output = Result<Resolution, Trouble>> + Send;

    /// Closes the day; the inner error is a refusal.
    fn close_day(
        &mut self,
        wire: &mut dyn Wire,
    ) -> impl Future<Output = Result<Result<Closing, String>, Trouble>> + Send;
}

/// What a terminal says of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Approved(super::Record),
    Declined { code: String, why: String },
}

/// A request of the hub.
enum Job<L> {
    Transact { intent: Intent, before: L, taken: Taken, reply: oneshot::Sender<Result<Outcome, TerminalError>> },
    Resolve { intent: Intent, before: L, reply: oneshot::Sender<Result<Resolution, TerminalError>> },
    CloseDay { reply: oneshot::Sender<Result<Closing, TerminalError>> },
}

impl<L: Send + 'static> Abandon for Job<L> {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Transact { reply, .. } => reply.is_closed(),
            Self::Resolve { reply, .. } => reply.is_closed(),
            Self::CloseDay { reply } => reply.is_closed(),
        }
    }
}

/// The last transaction; `None` until the terminal has told it.
type LastKnown<L> = Arc<Mutex<Option<L>>>;

struct SimpleDriver<P: Protocol> {
    device: DeviceName,
    address: Address,
    protocol: P,
    last: LastKnown<P::Last>,
}

/// A running terminal.
struct SimpleTerminal<P: Protocol> {
    handle: Handle<Job<P::Last>>,
    last: LastKnown<P::Last>,
    is_running: AtomicBool,
}

/// Starts a terminal.
pub(super) fn start<P: Protocol>(
    name: DeviceName,
    address: Address,
    protocol: P,
    events: crate::device::Listener,
) -> Arc<dyn PaymentTerminal> {
    let last = LastKnown::<P::Last>::default();
    let driver = SimpleDriver { device: name.clone(), address: address.clone(), protocol, last: Arc::clone(&last) };
    let handle = supervise(name, address, driver, events);
    Arc::new(SimpleTerminal::<P> { handle, last, is_running: AtomicBool::new(false) })
}

impl<P: Protocol> SimpleDriver<P> {
    fn remember(&self, last: P::Last) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    fn offline(&self, why: impl Into<String>) -> TerminalError {
        TerminalError::Offline { device: self.device.to_string(), why: why.into() }
    }

    async fn connect(&self) -> Result<Box<dyn Wire>, TerminalError> {
        self.address.connect(CONNECT).await.map_err(|error| self.offline(error.to_string()))
    }

    async fn transact(
        &mut self,
        intent: &Intent,
        before: &P::Last,
        taken: Taken,
        report: &Reporter,
    ) -> Result<Outcome, TerminalError> {
        let known = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.as_ref() != Some(before) {
            return Err(self.offline("its last transaction changed before the payment was sent; repeat the payment"));
        }
        let mut wire = self.connect().await?;
        let progress = |text| report.payment(Progress { text });
        let said = self.protocol.transact(&mut *wire, intent, taken, &progress).await;
        progress("idle".into());
        let (said, last) = said.map_err(|trouble| trouble.error(&self.device))?;
        if let Some(last) = last {
            self.remember(last);
        }
        Ok(match said {
            Said::Approved(record) => {
                Outcome::Approved(super::Unacknowledged::committed(record, self.device.to_string()))
            }
            Said::Declined { code, why } => Outcome::Declined { code, why },
        })
    }

    async fn resolve(&mut self, intent: &Intent, before: &P::Last) -> Result<Resolution, TerminalError> {
        let mut wire = self.connect().await?;
        self.protocol.resolve(&mut *wire, intent, before).await.map_err(|trouble| trouble.error(&self.device))
    }

    async fn close_day(&mut self) -> Result<Closing, TerminalError> {
        let mut wire = self.connect().await?;
        let closed = self.protocol.close_day(&mut *wire).await.map_err(|trouble| trouble.error(&self.device))?;
        let device = self.device.to_string();
        closed.map_err(|why| TerminalError::Refused { device, code: "closing".into(), why })
    }
}

impl<P: Protocol> Driver for SimpleDriver<P> {
    type Job = Job<P::Last>;

    async fn run(&mut self, wire: Box<dyn Wire>, jobs: &mut Jobs<Self::Job>, report: &Reporter) -> String {
        let mut wire = Some(wire);
        loop {
            let greeted = {
                let mut open = match wire.take() {
                    Some(open) => open,
                    None => match self.connect().await {
                        Ok(open) => open,
                        Err(error) => return error.to_string(),
                    },
                };
                self.protocol.greet(&mut *open).await
            };
            match greeted {
                Ok(Ok(last)) => {
                    self.remember(last);
                    report.ready();
                }
                Ok(Err(why)) => report.attention(why),
                Err(trouble) => return trouble.error(&self.device).to_string(),
            }
            let job = tokio::select! {
                job = jobs.next() => job,
                () = sleep(CHECK) => continue,
            };
            match job {
                None => return HANDLE_DROPPED.into(),
                Some(Job::Transact { intent, before, taken, reply }) => {
                    let outcome = self.transact(&intent, &before, taken, report).await;
                    let _ = reply.send(outcome);
                }
                Some(Job::Resolve { intent, before, reply }) => {
                    let _ = reply.send(self.resolve(&intent, &before).await);
                }
                Some(Job::CloseDay { reply }) => {
                    let _ = reply.send(self.close_day().await);
                }
            }
        }
    }

    fn refuse(&mut self, job: Self::Job, why: &str) {
        match job {
            Job::Transact { reply, .. } => drop(reply.send(Err(self.offline(why)))),
            Job::Resolve { reply, .. } => drop(reply.send(Err(self.offline(why)))),
            Job::CloseDay { reply } => drop(reply.send(Err(self.offline(why)))),
        }
    }
}

impl<P: Protocol> SimpleTerminal<P> {
    fn device(&self) -> String {
        self.handle.device().to_string()
    }

    fn unanswered(&self, unanswered: &Unanswered) -> TerminalError {
        let device = self.device();
        match unanswered {
            Unanswered::Full => TerminalError::Busy { device },
            Unanswered::Broken => TerminalError::LinkLost { device, why: self.handle.trouble() },
            Unanswered::TimedOut => TerminalError::TimedOut {
                device,
                waited_ms: u64::try_from(TRANSACTION.as_millis()).unwrap_or(u64::MAX),
            },
        }
    }
}

/// The one transaction that may run, until it is dropped.
struct Claim<'a>(&'a AtomicBool);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl<P: Protocol> Device for SimpleTerminal<P> {
    fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    fn health(&self) -> Health {
        self.handle.health()
    }
}

impl<P: Protocol> PaymentTerminal for SimpleTerminal<P> {
    fn capabilities(&self) -> Capabilities {
        P::capabilities()
    }

    fn journal(&self) -> Journal {
        Journal::of(&*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn authorise<'a>(&'a self, intent: &'a Intent, taken: Taken) -> Answer<'a, Result<Outcome, TerminalError>> {
        Box::pin(async move {
            let offline = |why| TerminalError::Offline { device: self.device(), why };
            let Some(Some(before)) = intent.before.read::<Option<P::Last>>() else {
                let why = "it had not reported its last transaction before the payment; repeat the payment";
                return Err(offline(why.to_owned()));
            };
            if self.handle.health() != Health::Ready {
                return Err(offline(self.handle.trouble()));
            }
            if self.is_running.swap(true, Ordering::AcqRel) {
                return Err(TerminalError::Busy { device: self.device() });
            }
            let _claim = Claim(&self.is_running);
            let intent = intent.clone();
            match self.handle.ask(TRANSACTION, |reply| Job::Transact { intent, before, taken, reply }).await {
                Ok(outcome) => outcome,
                Err(unanswered) => Err(self.unanswered(&unanswered)),
            }
        })
    }

    fn abort(&self) -> Answer<'_, Result<(), TerminalError>> {
        Box::pin(async move { Err(TerminalError::Unsupported { device: self.device(), what: "abort a payment" }) })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent) -> Answer<'a, Result<Resolution, TerminalError>> {
        Box::pin(async move {
            let before = match intent.before.read::<Option<P::Last>>() {
                Some(Some(before)) => before,
                Some(None) => {
                    let why = "the terminal had not reported its last transaction, so nothing was sent";
                    return Ok(Resolution::NotCharged { why: why.into() });
                }
                None => {
                    let why = "the journal was written by another protocol; was the terminal exchanged?";
                    return Ok(Resolution::Unknown { why: why.into() });
                }
            };
            let intent = intent.clone();
            match self.handle.ask(TRANSACTION, |reply| Job::Resolve { intent, before, reply }).await {
                Ok(resolution) => resolution,
                Err(unanswered) => Err(self.unanswered(&unanswered)),
            }
        })
    }

    fn close_day(&self) -> Answer<'_, Result<Closing, TerminalError>> {
        Box::pin(async move {
            match self.handle.ask(TRANSACTION, |reply| Job::CloseDay { reply }).await {
                Ok(closing) => closing,
                Err(unanswered) => Err(self.unanswered(&unanswered)),
            }
        })
    }

    fn diagnose(&self) -> Answer<'_, Result<String, TerminalError>> {
        let unsupported =
            TerminalError::Unsupported { device: self.device(), what: "check its connection to the bank" };
        Box::pin(async move { Err(unsupported) })
    }
}
