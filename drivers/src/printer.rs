//! What label and receipt printers share: one job after the other goes out between two looks at the printer's status.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the printer needs attention: paper, cover, head | [`PrintError::NeedsAttention`] with what to do; health says so until it is put right |
//! | it stops taking data | [`PrintError::TimedOut`]; the line is opened again |
//! | the line breaks in the middle | [`PrintError::Offline`]; nobody knows how much is on the paper |
//! | whoever asked gave up before its turn came | nothing is printed |

use std::{marker::PhantomData, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    sync::oneshot,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    device::{DeviceName, Health},
    registry::Start,
    supervise::{Abandon, Driver, HUB_LET_GO, Handle, Jobs, Reporter, Unanswered, start as supervise},
    transport::Wire,
};

/// How often an idle printer is asked how it is.
const LOOK: Duration = Duration::from_secs(3);

/// Why something was not printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// Not connected.
    #[error("printer {device} is offline: {why}")]
    Offline {
        /// Its name.
        device: String,
        /// What its supervisor last saw.
        why: String,
    },
    /// It answers, but can't print: paper, cover, head.
    #[error("printer {device}: {why}")]
    NeedsAttention {
        /// Its name.
        device: String,
        /// What to do.
        why: String,
    },
    /// It stopped answering in the middle.
    #[error("printer {device} did not take the data within {waited_ms} ms")]
    TimedOut {
        /// Its name.
        device: String,
        /// How long the driver waited.
        waited_ms: u64,
    },
    /// The content has no printable form.
    #[error("Invalid print job: {why}")]
    Invalid {
        /// Which field and why.
        why: String,
    },
}

/// A printer's status: `Some` is what is wrong with it and what to do.
pub(crate) type Status = Option<&'static str>;

/// Why a line is given up.
pub(crate) enum Fault {
    /// The printer stopped taking data.
    Stalled,
    /// The line broke, or what answers is another kind of device.
    Broken(String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(format!("the line broke: {error}"))
    }
}

/// A printer's language: how it is asked for its status.
pub(crate) trait Language: Send + 'static {
    /// How long a printer may take to accept a job's data.
    const TAKE: Duration;

    /// How long a job may take in all, with those before it.
    const JOB: Duration;

    /// Asks how the printer is.
    fn status(wire: &mut dyn Wire) -> impl Future<Output = Result<Status, Fault>> + Send;

    /// Asks how the printer is once everything that was sent is on the paper.
    fn printed(wire: &mut dyn Wire) -> impl Future<Output = Result<Status, Fault>> + Send {
        Self::status(wire)
    }
}

/// A running printer.
pub(crate) struct Printer<L> {
    handle: Handle<Job>,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> Printer<L> {
    /// Starts its driver.
    pub(crate) fn start<S>(start: Start<'_, S>) -> Self {
        let driver = PrinterDriver::<L> { device: start.name.clone(), language: PhantomData };
        let handle = supervise(start.name, start.address, driver, start.context.events.clone());
        Self { handle, language: PhantomData }
    }

    pub(crate) fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    pub(crate) fn health(&self) -> Health {
        self.handle.health()
    }

    /// Sends bytes and answers when the printer has taken them and reports no fault.
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> Result<(), PrintError> {
        let device = || self.handle.device().to_string();
        match self.handle.ask(L::JOB, |answer| Job { bytes, answer }).await {
            Ok(done) => done,
            Err(Unanswered::Full | Unanswered::Broken) => {
                Err(PrintError::Offline { device: device(), why: self.handle.trouble() })
            }
            Err(Unanswered::TimedOut) => Err(PrintError::TimedOut { device: device(), waited_ms: millis(L::JOB) }),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Job {
    bytes: Vec<u8>,
    answer: oneshot::Sender<Result<(), PrintError>>,
}

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

struct PrinterDriver<L> {
    device: DeviceName,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> Driver for PrinterDriver<L> {
    type Job = Job;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let job = tokio::select! {
                job = jobs.next() => match job {
                    Some(job) => Some(job),
                    None => return HUB_LET_GO.into(),
                },
                _ = look.tick() => None,
            };
            let sent = match &job {
                Some(job) => send::<L>(&mut *wire, &job.bytes).await,
                None => L::status(&mut *wire).await,
            };
            let device = || self.device.to_string();
            let (told, broken) = match sent {
                Ok(None) => {
                    report.ready();
                    (Ok(()), None)
                }
                Ok(Some(why)) => {
                    report.attention(why);
                    (Err(PrintError::NeedsAttention { device: device(), why: why.into() }), None)
                }
                Err(Fault::Stalled) => {
                    let timed_out = PrintError::TimedOut { device: device(), waited_ms: millis(L::TAKE) };
                    (Err(timed_out), Some("it stopped taking data".to_owned()))
                }
                Err(Fault::Broken(why)) => (Err(PrintError::Offline { device: device(), why: why.clone() }), Some(why)),
            };
            if let Some(job) = job {
                let _ = job.answer.send(told);
            }
            if let Some(why) = broken {
                return why;
            }
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        let _ = job.answer.send(Err(PrintError::Offline { device: self.device.to_string(), why: why.to_owned() }));
    }
}

/// Sends a job's data between two looks at the status.
async fn send<L: Language>(wire: &mut dyn Wire, bytes: &[u8]) -> Result<Status, Fault> {
    if let Some(why) = L::status(wire).await? {
        return Ok(Some(why));
    }
    let taking = timeout(L::TAKE, async {
        wire.write_all(bytes).await?;
        wire.flush().await
    });
    taking.await.map_err(|_| Fault::Stalled)??;
    L::printed(wire).await
}
