//! What label and receipt printers share: one job after the other goes out between two looks at the printer's status.
//!
//! A job that the printer did not take whole, or that met trouble before its end was confirmed, fails and may be sent
//! again: then a part of it may be on the paper, and once more the whole. A job that was taken whole, but whose end the
//! printer does not tell, is done and unconfirmed: it is never a reason to print a second time.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the printer needs attention before or while it prints: paper, cover, head | [`PrintError::NeedsAttention`] with what to do; health says so until it is put right |
//! | it stops taking data, or the line breaks, before all of a job was taken | [`PrintError::TimedOut`] or [`PrintError::Offline`]; the line is opened again |
//! | all was taken, but the printer does not say that it is through: the line breaks, it does not answer, it can't be asked | [`PrintOutcome::Unconfirmed`]; health says so until a later job is confirmed |
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

/// How a job ended that the printer took whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrintOutcome {
    /// The printer says that it is on the paper.
    Confirmed,
    /// Nobody knows whether it is on the paper. A person may look, and print it again.
    Unconfirmed {
        /// What is missing, in words.
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

/// Why nobody knows whether a job is on the paper.
pub(crate) struct Unproved {
    pub(crate) why: String,
    /// Whether the line is to be opened again.
    pub(crate) line_is_lost: bool,
}

impl From<Fault> for Unproved {
    fn from(fault: Fault) -> Self {
        let why = match fault {
            Fault::Stalled => "it stopped taking data".to_owned(),
            Fault::Broken(why) => why,
        };
        Self { why, line_is_lost: true }
    }
}

/// A printer's language: how it is asked for its status. Keeps what it has learned of its printer.
pub(crate) trait Language: Default + Send + 'static {
    /// How long a label or a drawer may take in all, with the jobs before it.
    const JOB: Duration;

    /// How long a printer may take to accept the data of a job of so many lines.
    fn patience(lines: u32) -> Duration;

    /// A line was opened: nothing that was asked before will be answered.
    fn connected(&mut self) {}

    /// Asks how the printer is.
    fn status(&mut self, wire: &mut dyn Wire) -> impl Future<Output = Result<Status, Fault>> + Send;

    /// Asks how the printer is once everything that was sent, the last of it so many lines, is on the paper. Does what
    /// is urgent meanwhile, if it can.
    fn printed(
        &mut self,
        wire: &mut dyn Wire,
        _lines: u32,
        _urgent: &mut Urgent<'_>,
    ) -> impl Future<Output = Result<Status, Unproved>> + Send {
        async { self.status(wire).await.map_err(Unproved::from) }
    }
}

/// What a printer is to do.
pub(crate) enum Work {
    /// Print this, of so many lines, and see it through.
    Print { data: Vec<u8>, lines: u32 },
    /// Do this at once: the first to a printer that is well, the second to one that needs attention or is at work.
    Pulse { well: &'static [u8], unwell: &'static [u8] },
}

/// What may be done while a job is on its way to the paper: pulses. The first job of another kind waits until it is
/// through, and everything after that job.
pub(crate) struct Urgent<'a> {
    jobs: &'a mut Jobs<Job>,
    waiting: &'a mut Option<Job>,
}

/// A pulse that cannot wait, and who waits for it.
pub(crate) struct Pulse {
    pub(crate) bytes: &'static [u8],
    answer: oneshot::Sender<Result<PrintOutcome, PrintError>>,
}

impl Pulse {
    /// It was sent.
    pub(crate) fn done(self) {
        let _ = self.answer.send(Ok(PrintOutcome::Confirmed));
    }
}

impl<'a> Urgent<'a> {
    pub(crate) fn new(jobs: &'a mut Jobs<Job>, waiting: &'a mut Option<Job>) -> Self {
        Self { jobs, waiting }
    }

    /// The next pulse. Safe to drop while it waits.
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
    /// Starts its driver.
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

    /// Has it done, within the language's bound; what has not begun by then is not done later.
    pub(crate) async fn send(&self, work: Work) -> Result<PrintOutcome, PrintError> {
        self.ask(L::JOB, work).await
    }

    /// The same without a bound of its own: every wait of the driver has one, by the length of what is printed.
    /// Whoever gave up in the middle would print it a second time.
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

/// A piece of work, and who waits for it.
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
    /// What the last job's proof lacks.
    unconfirmed: Option<String>,
    /// A job that came while another was printed.
    waiting: Option<Job>,
}

/// How a job, or a look at an idle printer, ended.
enum Sent {
    Well,
    /// A pulse was sent, and this is how the printer is.
    Pulsed(Status),
    Trouble(&'static str),
    Unproved(Unproved),
    /// It was not taken whole.
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
                        None => return HUB_LET_GO.into(),
                    },
                    _ = look.tick() => None,
                },
            };
            let sent = match &job {
                Some(Job { work: Work::Print { data, lines }, .. }) => self.print(&mut *wire, data, *lines, jobs).await,
                Some(Job { work: Work::Pulse { well, unwell }, .. }) => self.pulse(&mut *wire, well, unwell).await,
                None => self.look(&mut *wire).await,
            };
            let is_print = matches!(job, Some(Job { work: Work::Print { .. }, .. }));
            match &sent {
                Sent::Well if is_print => self.unconfirmed = None,
                Sent::Unproved(unproved) if is_print => self.unconfirmed = Some(unproved.why.clone()),
                _ => {}
            }
            match (&sent, &self.unconfirmed) {
                (Sent::Trouble(why) | Sent::Pulsed(Some(why)), _) => report.attention(*why),
                (Sent::Well | Sent::Pulsed(None) | Sent::Unproved(_), Some(why)) => report.attention(format!(
                    "what was printed last is not confirmed: {why}; look at the paper, and print it again if it is missing"
                )),
                (Sent::Well | Sent::Pulsed(None) | Sent::Unproved(_), None) => report.ready(),
                (Sent::Failed { .. }, _) => {}
            }
            let device = || self.device.to_string();
            let (told, broken) = match sent {
                Sent::Well | Sent::Pulsed(_) => (Ok(PrintOutcome::Confirmed), None),
                Sent::Trouble(why) => (Err(PrintError::NeedsAttention { device: device(), why: why.into() }), None),
                Sent::Unproved(Unproved { why, line_is_lost }) => {
                    (Ok(PrintOutcome::Unconfirmed { why: why.clone() }), line_is_lost.then_some(why))
                }
                Sent::Failed { fault: Fault::Stalled, limit } => {
                    let timed_out = PrintError::TimedOut { device: device(), waited_ms: millis(limit) };
                    (Err(timed_out), Some("it stopped taking data".to_owned()))
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
    /// Sends a job's data between two looks at the status.
    async fn print(&mut self, wire: &mut dyn Wire, data: &[u8], lines: u32, jobs: &mut Jobs<Job>) -> Sent {
        match self.look(wire).await {
            Sent::Well => {}
            unwell => return unwell,
        }
        if let Err(failed) = hand_over(wire, data, L::patience(lines)).await {
            return failed;
        }
        let mut urgent = Urgent::new(jobs, &mut self.waiting);
        match self.language.printed(wire, lines, &mut urgent).await {
            Ok(None) => Sent::Well,
            Ok(Some(why)) => Sent::Trouble(why),
            Err(unproved) => Sent::Unproved(unproved),
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
            Sent::Failed { fault, .. } => Sent::Unproved(fault.into()),
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
