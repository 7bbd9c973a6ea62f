//! One task per device: connect, run, reconnect.
//!
//! ```text
//!            connect ok               run() returns or panics
//! Connecting ----------> (driver says Ready) ----------> Offline --back-off--> Connecting …
//!      \___ connect failed or timed out ________________/
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | the address can't be opened | `Offline` with a remedy; jobs are refused; retries after 0.05 to 5 s |
//! | nobody waits for a job any more | it is dropped: a job reported as failed is never executed later |
//! | the connection breaks | `run` returns; the job is answered by the driver or its dropped channel; then as above |
//! | the device floods | it is read at a limited rate |
//! | the driver panics | reported as `Offline`; the job's channel is dropped; the driver gets a new connection |
//! | the hub drops the handle | the task ends and the connection is closed |

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::{
    device::{DeviceEvent, DeviceName, Health, Listener, What},
    payment_terminal::Progress,
    scale::Weight,
    scanner::Scan,
    transport::{Address, Throttle, Wire},
};

/// The maximum number of jobs that wait for a device; further jobs are refused at once.
pub const JOB_QUEUE: usize = 32;

const CONNECT: Duration = Duration::from_secs(3);

/// After this time a connection counts as good; a port that accepts and hangs up does not get this far.
const HELD: Duration = Duration::from_secs(5);

/// Pauses between attempts: 50 ms doubling to 2.5 s, each doubled again by random jitter. Devices that were lost
/// together (by a switch or a USB hub) should not reconnect at the same moment.
const BACK_OFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_millis(2_500))
    .without_max_times()
    .with_jitter();

/// The same for devices on this machine: looking again costs nothing, and a device that is plugged in is back within a
/// second.
const LOCAL_BACK_OFF: ExponentialBuilder = BACK_OFF.with_max_delay(Duration::from_millis(400));

/// Why a driver's run ends when its [`Handle`] was dropped.
pub(crate) const HANDLE_DROPPED: &str = "handle dropped";

/// A job whose caller may have given up.
pub trait Abandon: Send + 'static {
    /// Whether the caller has timed out or gone away. It was told, or must assume, that the job was not done.
    fn is_abandoned(&self) -> bool;
}

/// The jobs that wait for a driver.
pub struct Jobs<J>(mpsc::Receiver<J>);

impl<J: Abandon> Jobs<J> {
    /// A queue of jobs and its sender.
    pub(crate) fn channel() -> (mpsc::Sender<J>, Self) {
        let (jobs, waiting) = mpsc::channel(JOB_QUEUE);
        (jobs, Self(waiting))
    }

    /// The next job with a waiting caller; abandoned jobs are dropped. `None` once the [`Handle`] was dropped.
    ///
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<J> {
        loop {
            let job = self.0.recv().await?;
            if !job.is_abandoned() {
                return Some(job);
            }
        }
    }
}

/// A protocol: what to do with a connection while it lasts.
pub trait Driver: Send + 'static {
    /// A request of the hub; carries its own answer channel.
    type Job: Abandon;

    /// Runs on a new connection until it breaks, and returns the reason. Reports [`Health::Ready`] once the device has
    /// answered (or at once, if the device only sends).
    fn run(
        &mut self,
        wire: Box<dyn Wire>,
        jobs: &mut Jobs<Self::Job>,
        report: &Reporter,
    ) -> impl Future<Output = String> + Send;

    /// Answers a job that arrived while there was no connection.
    fn refuse(&mut self, job: Self::Job, why: &str);
}

/// Reports what a driver's device does.
#[derive(Clone)]
pub struct Reporter {
    device: DeviceName,
    events: Listener,
    health: watch::Sender<Health>,
}

impl Reporter {
    /// The device.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// The device answers.
    pub fn ready(&self) {
        self.health(Health::Ready);
    }

    /// The device needs attention; `why` says what is wrong and what to do.
    pub fn attention(&self, why: impl Into<String>) {
        self.health(Health::Attention { why: why.into() });
    }

    /// A code was scanned.
    pub fn scan(&self, scan: Scan) {
        self.tell(What::Scan(scan));
    }

    /// A weight was read.
    pub fn weight(&self, weight: Weight) {
        self.tell(What::Weight(weight));
    }

    /// The progress of a payment.
    pub fn payment(&self, progress: Progress) {
        self.tell(What::Payment(progress));
    }

    fn health(&self, health: Health) {
        let mut is_news = false;
        self.health.send_if_modified(|known| {
            let changed = *known != health;
            // Another attempt with the same failure is not an event.
            is_news = changed
                && !matches!(
                    (&*known, &health),
                    (Health::Offline { why, .. }, Health::Offline { why: still, .. }) if why == still
                );
            known.clone_from(&health);
            changed
        });
        if is_news {
            self.tell(What::Health(health));
        }
    }

    fn tell(&self, what: What) {
        (self.events)(DeviceEvent { device: self.device.clone(), at: SystemTime::now(), what });
    }
}

/// The hub's handle of a device. Dropping it ends the device's task.
pub struct Handle<J> {
    device: DeviceName,
    jobs: mpsc::Sender<J>,
    health: watch::Receiver<Health>,
    task: JoinHandle<()>,
}

impl<J> Drop for Handle<J> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why the device did not answer a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It was refused: too many jobs are waiting.
    Full,
    /// The connection broke or the driver panicked during the job.
    Broken,
    /// It took too long.
    TimedOut,
}

impl<J: Abandon> Handle<J> {
    /// The device's name.
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// The device's current health.
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// Why the device can't answer, for an error message.
    pub fn trouble(&self) -> String {
        match self.health() {
            Health::Offline { why, .. } | Health::Attention { why } => why,
            Health::Connecting => "connecting".into(),
            Health::Ready => "the connection broke during the job".into(),
        }
    }

    /// Sends a job to the device and waits for the answer.
    ///
    /// # Errors
    /// The device did not answer.
    pub async fn ask<T>(&self, limit: Duration, job: impl FnOnce(oneshot::Sender<T>) -> J) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(job(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unanswered::Full,
            mpsc::error::TrySendError::Closed(_) => Unanswered::Broken,
        })?;
        match timeout(limit, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Broken),
            Err(_) => Err(Unanswered::TimedOut),
        }
    }
}

/// Starts a device's task on the current runtime.
pub fn start<D: Driver>(device: DeviceName, address: Address, driver: D, events: Listener) -> Handle<D::Job> {
    let (jobs, waiting) = Jobs::channel();
    let (tell, health) = watch::channel(Health::Connecting);
    let report = Reporter { device: device.clone(), events, health: tell };
    let task = tokio::spawn(supervise(address, driver, waiting, report));
    Handle { device, jobs, health, task }
}

async fn supervise<D: Driver>(address: Address, mut driver: D, mut jobs: Jobs<D::Job>, report: Reporter) {
    let back_off = if address.is_local() { LOCAL_BACK_OFF } else { BACK_OFF };
    let (mut attempts, mut pauses) = (0_u32, back_off.build());
    // A failure that lasts for days is logged once, and its end once.
    let mut is_gone = false;
    loop {
        let why = match refusing(&mut driver, &mut jobs, "connecting", address.connect(CONNECT)).await {
            Ok(wire) => {
                let began = Instant::now();
                let run =
                    AssertUnwindSafe(driver.run(Box::new(Throttle::new(wire)), &mut jobs, &report)).catch_unwind();
                let run = until_held(run, || {
                    if std::mem::take(&mut is_gone) {
                        tracing::info!(device = %report.device, "online again");
                    }
                });
                let run = run.await;
                if began.elapsed() >= HELD {
                    (attempts, pauses) = (0, back_off.build());
                }
                run.unwrap_or_else(|_| "the driver panicked and was restarted; please report this with the log".into())
            }
            Err(error) => error.to_string(),
        };
        attempts = attempts.saturating_add(1);
        if !std::mem::replace(&mut is_gone, true) {
            tracing::warn!(device = %report.device, %why, "offline; reconnecting");
        }
        report.health(Health::Offline { why: why.clone(), attempts });
        refusing(&mut driver, &mut jobs, &why, sleep(pauses.next().unwrap_or(HELD))).await;
    }
}

/// Waits for a run's end, and calls `held` once it has lasted for [`HELD`].
async fn until_held<T>(run: impl Future<Output = T>, held: impl FnOnce()) -> T {
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => return ended,
        () = sleep(HELD) => held(),
    }
    run.await
}

/// Waits for a future while jobs are refused.
async fn refusing<D: Driver, T>(
    driver: &mut D,
    jobs: &mut Jobs<D::Job>,
    why: &str,
    wait: impl Future<Output = T>,
) -> T {
    tokio::pin!(wait);
    loop {
        tokio::select! {
            done = &mut wait => return done,
            Some(job) = jobs.next() => driver.refuse(job, why),
        }
    }
}

#[cfg(test)]
mod tests;
