//! The common part of label and receipt printers: jobs are printed one after the other, with a status request before
//! and after.
//!
//! A job that the printer did not accept completely, or that met trouble before its end was confirmed, fails and may be
//! sent again; then a part of it may be on paper before the whole. A job that was accepted completely, but whose end
//! the printer does not report, is done and unconfirmed. It is never printed again automatically.
//!
//! | failure | effect |
//! | --- | --- |
//! | it needs paper or a hand, before or during a job | [`PrintError::NeedsAttention`] with what to do |
//! | it accepts only a part of a job | [`PrintError::TimedOut`] or [`PrintError::Offline`]; a new connection |
//! | it accepts all of a job and does not confirm it | [`PrintOutcome::Unconfirmed`], until a later job is confirmed |
//! | the caller gave up before its turn | nothing is printed |

use std::{marker::PhantomData, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    sync::oneshot,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    device::{DeviceName, Health},
    registry::Start,
    supervise::{Abandon, Driver, HANDLE_DROPPED, Handle, Jobs, Reporter, Unanswered, start as supervise},
    transport::Wire,
};

/// The interval of status requests to an idle printer.
const LOOK: Duration = Duration::from_secs(3);

/// Why a job was not printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// Not connected.
    #[error("printer {device} is offline: {why}")]
    Offline {
        /// The device's name.
        device: String,
        /// The latest error that its supervisor saw.
        why: String,
    },
    /// It is connected but can't print: paper, cover or head.
    #[error("printer {device}: {why}")]
    NeedsAttention {
        /// The device's name.
        device: String,
        /// What to do.
        why: String,
    },
    /// It stopped accepting data.
    #[error("printer {device} did not accept the data within {waited_ms} ms")]
    TimedOut {
        /// The device's name.
        device: String,
        /// How long the driver waited, in milliseconds.
        waited_ms: u64,
    },
    /// The content can't be printed.
    #[error("Invalid print job: {why}")]
    Invalid {
        /// The field and the reason.
        why: String,
    },
}

/// The outcome of a job that the printer accepted completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrintOutcome {
    /// The printer confirmed that it is on paper.
    Confirmed,
    /// It may or may not be on paper. A person can check, and print it again.
    Unconfirmed {
        /// The reason, in words.
        why: String,
    },
}

/// A printer's status: `Some` says what is wrong and what to do.
pub(crate) type Status = Option<&'static str>;

/// Why the connection is closed.
pub(crate) enum Fault {
    /// The printer stopped accepting data.
    Stalled,
    /// The connection broke, or another kind of device answers.
    Broken(String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(format!("the connection broke: {error}"))
    }
}

/// Why a job is unconfirmed.
pub(crate) struct Unconfirmed {
    pub(crate) why: String,
    /// Whether the connection must be opened again.
    pub(crate) line_is_lost: bool,
}

impl From<Fault> for Unconfirmed {
    fn from(fault: Fault) -> Self {
        let why = match fault {
            Fault::Stalled => "it stopped accepting data".to_owned(),
            Fault::Broken(why) => why,
        };
        Self { why, line_is_lost: true }
    }
}

/// A printer's language and its status requests. Remembers what it learns about the printer.
pub(crate) trait Language: Default + Send + 'static {
    /// The limit for a label or a drawer, including the jobs before it.
    const JOB: Duration;

    /// The limit for a printer to accept the data of a job with this many lines.
    fn patience(lines: u32) -> Duration;

    /// A connection was opened: nothing that was asked before will be answered.
    fn connected(&mut self) {}

    /// Requests the printer's status.
    fn status(&mut self, wire: &mut dyn Wire) -> impl Future<Output = Result<Status, Fault>> + Send;

    /// Requests the printer's status once everything sent is on paper, of which the last job has this many lines. Sends
    /// urgent pulses meanwhile, if it can.
    fn printed(
        &mut self,
        wire: &mut dyn Wire,
        _lines: u32,
        _urgent: &mut Urgent<'_>,
    ) -> impl Future<Output = Result<Status, Unconfirmed>> + Send {
        async { self.status(wire).await.map_err(Unconfirmed::from) }
    }
}

/// A task for a printer.
pub(crate) enum Work {
    /// Print this, which has this many lines, and wait for its end.
    Print { data: Vec<u8>, lines: u32 },
    /// Send one of these at once: the first to a printer that is ready, the second to one that needs attention or is
    /// printing.
    Pulse { well: &'static [u8], unwell: &'static [u8] },
}

/// The pulses that may be sent while a job is being printed. The first job of another kind waits until that is done,
/// and so does everything after it.
pub(crate) struct Urgent<'a> {
    jobs: &'a mut Jobs<Job>,
    waiting: &'a mut Option<Job>,
    report: Option<&'a Reporter>,
}

/// An urgent pulse, and its caller.
pub(crate) struct Pulse {
    pub(crate) bytes: &'static [u8],
    answer: oneshot::Sender<Result<PrintOutcome, PrintError>>,
}

impl Pulse {
    /// The pulse was sent.
    pub(crate) fn done(self) {
        let _ = self.answer.send(Ok(PrintOutcome::Confirmed));
    }
}

impl<'a> Urgent<'a> {
    pub(crate) fn new(jobs: &'a mut Jobs<Job>, waiting: &'a mut Option<Job>, report: Option<&'a Reporter>) -> Self {
        Self { jobs, waiting, report }
    }

    /// The printer needs attention before it can go on with the job.
    pub(crate) fn attention(&self, why: &str) {
        if let Some(report) = self.report {
            report.attention(why);
        }
    }

    /// The next pulse. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Pulse {
        while self.waiting.is_none() {
            match self.jobs.next().await {
                Some(Job { work: Work::Pulse { unwell, .. }, answer }) => return Pulse { bytes: unwell, answer },
                Some(job) => *self.waiting = Some(job),
                None => break,
            }
        }
        std::future::pending().await
    }
}

/// A running printer.
pub(crate) struct Printer<L> {
    handle: Handle<Job>,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> Printer<L> {
    /// Starts the driver.
    pub(crate) fn start<S>(start: Start<'_, S>) -> Self {
        let driver =
            PrinterDriver { device: start.name.clone(), language: L::default(), unconfirmed: None, waiting: None };
        let handle = supervise(start.name, start.address, driver, start.context.events.clone());
        Self { handle, language: PhantomData }
    }

    pub(crate) fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    pub(crate) fn health(&self) -> Health {
        self.handle.health()
    }

    /// Executes a task within the language's limit; a task that has not begun by then is dropped.
    pub(crate) async fn send(&self, work: Work) -> Result<PrintOutcome, PrintError> {
        self.ask(L::JOB, work).await
    }

    /// The same without a limit of its own: each of the driver's waits is bounded, depending on the length of the job.
    /// A caller that gave up halfway would print it again.
    pub(crate) async fn see_through(&self, work: Work) -> Result<PrintOutcome, PrintError> {
        self.ask(Duration::MAX, work).await
    }

    async fn ask(&self, limit: Duration, work: Work) -> Result<PrintOutcome, PrintError> {
        let device = || self.handle.device().to_string();
        match self.handle.ask(limit, |answer| Job { work, answer }).await {
            Ok(done) => done,
            Err(Unanswered::Full | Unanswered::Broken) => {
                Err(PrintError::Offline { device: device(), why: self.handle.trouble() })
            }
            Err(Unanswered::TimedOut) => Err(PrintError::TimedOut { device: device(), waited_ms: millis(limit) }),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A task and its caller.
pub(crate) struct Job {
    work: Work,
    answer: oneshot::Sender<Result<PrintOutcome, PrintError>>,
}

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

struct PrinterDriver<L> {
    device: DeviceName,
    language: L,
    /// Why the last job is unconfirmed.
    unconfirmed: Option<String>,
    /// A job that arrived while another was being printed.
    waiting: Option<Job>,
}

/// The outcome of a job or of a status request.
enum Sent {
    Well,
    /// A pulse was sent; this is the printer's status.
    Pulsed(Status),
    Trouble(&'static str),
    Unconfirmed(Unconfirmed),
    /// The job was not accepted completely.
    Failed {
        fault: Fault,
        limit: Duration,
    },
}

impl<L: Language> Driver for PrinterDriver<L> {
    type Job = Job;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
        self.language.connected();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let job = match self.waiting.take().filter(|job| !job.is_abandoned()) {
                Some(job) => Some(job),
                None => tokio::select! {
                    job = jobs.next() => match job {
                        Some(job) => Some(job),
                        None => return HANDLE_DROPPED.into(),
                    },
                    _ = look.tick() => None,
                },
            };
            let sent = match &job {
                Some(Job { work: Work::Print { data, lines }, .. }) => {
                    self.print(&mut *wire, data, *lines, jobs, report).await
                }
                Some(Job { work: Work::Pulse { well, unwell }, .. }) => self.pulse(&mut *wire, well, unwell).await,
                None => self.look(&mut *wire).await,
            };
            let is_print = matches!(job, Some(Job { work: Work::Print { .. }, .. }));
            match &sent {
                Sent::Well if is_print => self.unconfirmed = None,
                Sent::Unconfirmed(unconfirmed) if is_print => self.unconfirmed = Some(unconfirmed.why.clone()),
                _ => {}
            }
            match (&sent, &self.unconfirmed) {
                (Sent::Trouble(why) | Sent::Pulsed(Some(why)), _) => report.attention(*why),
                (Sent::Well | Sent::Pulsed(None) | Sent::Unconfirmed(_), Some(why)) => report.attention(format!(
                    "the last print is not confirmed: {why}; check the paper, and print it again if it is missing"
                )),
                (Sent::Well | Sent::Pulsed(None) | Sent::Unconfirmed(_), None) => report.ready(),
                (Sent::Failed { .. }, _) => {}
            }
            let device = || self.device.to_string();
            let (told, broken) = match sent {
                Sent::Well | Sent::Pulsed(_) => (Ok(PrintOutcome::Confirmed), None),
                Sent::Trouble(why) => (Err(PrintError::NeedsAttention { device: device(), why: why.into() }), None),
                Sent::Unconfirmed(Unconfirmed { why, line_is_lost }) => {
                    (Ok(PrintOutcome::Unconfirmed { why: why.clone() }), line_is_lost.then_some(why))
                }
                Sent::Failed { fault: Fault::Stalled, limit } => {
                    let timed_out = PrintError::TimedOut { device: device(), waited_ms: millis(limit) };
                    (Err(timed_out), Some("it stopped accepting data".to_owned()))
                }
                Sent::Failed { fault: Fault::Broken(why), .. } => {
                    (Err(PrintError::Offline { device: device(), why: why.clone() }), Some(why))
                }
            };
            if let Some(job) = job {
                let _ = job.answer.send(told);
            }
            if let Some(why) = broken {
                if let Some(job) = self.waiting.take() {
                    self.refuse(job, &why);
                }
                return why;
            }
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        let _ = job.answer.send(Err(PrintError::Offline { device: self.device.to_string(), why: why.to_owned() }));
    }
}

impl<L: Language> PrinterDriver<L> {
    /// Sends a job's data between two status requests.
    async fn print(
        &mut self,
        wire: &mut dyn Wire,
        data: &[u8],
        lines: u32,
        jobs: &mut Jobs<Job>,
        report: &Reporter,
    ) -> Sent {
        match self.look(wire).await {
            Sent::Well => {}
            unwell => return unwell,
        }
        if let Err(failed) = hand_over(wire, data, L::patience(lines)).await {
            return failed;
        }
        let mut urgent = Urgent::new(jobs, &mut self.waiting, Some(report));
        match self.language.printed(wire, lines, &mut urgent).await {
            Ok(None) => Sent::Well,
            Ok(Some(why)) => Sent::Trouble(why),
            Err(unconfirmed) => Sent::Unconfirmed(unconfirmed),
        }
    }

    async fn pulse(&mut self, wire: &mut dyn Wire, well: &[u8], unwell: &[u8]) -> Sent {
        let bytes = match self.look(wire).await {
            Sent::Well => well,
            Sent::Trouble(_) => unwell,
            failed => return failed,
        };
        if let Err(failed) = hand_over(wire, bytes, L::patience(0)).await {
            return failed;
        }
        match self.look(wire).await {
            Sent::Well => Sent::Pulsed(None),
            Sent::Trouble(why) => Sent::Pulsed(Some(why)),
            // It was sent all the same.
            Sent::Failed { fault, .. } => Sent::Unconfirmed(fault.into()),
            other => other,
        }
    }

    async fn look(&mut self, wire: &mut dyn Wire) -> Sent {
        match self.language.status(wire).await {
            Ok(None) => Sent::Well,
            Ok(Some(why)) => Sent::Trouble(why),
            Err(fault) => Sent::Failed { fault, limit: L::patience(0) },
        }
    }
}

async fn hand_over(wire: &mut dyn Wire, data: &[u8], limit: Duration) -> Result<(), Sent> {
    let taking = timeout(limit, async {
        wire.write_all(data).await?;
        wire.flush().await
    });
    match taking.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Sent::Failed { fault: error.into(), limit }),
        Err(_) => Err(Sent::Failed { fault: Fault::Stalled, limit }),
    }
}
