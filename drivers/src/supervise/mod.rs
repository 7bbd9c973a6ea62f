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
//! | the address can't be opened | `Offline` with the reason and a remedy; jobs are refused at once; retries after 0.05 s doubling to 5 s, with jitter |
//! | nobody waits for a job any more | it is dropped: a job reported as failed is never executed later |
//! | the connection breaks | the driver's `run` returns; its current job is answered by the driver or by its dropped channel; then as above |
//! | the driver panics | the panic is caught and reported as `Offline`, the job's answer channel is dropped, and the driver continues on a new connection |
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
    scale::Reading,
    scanner::Scan,
    transport::{Address, Wire},
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
    pub fn weight(&self, reading: Reading) {
        self.tell(What::Weight(reading));
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
    let (mut attempts, mut pauses) = (0_u32, BACK_OFF.build());
    // A failure that lasts for days is logged once, and its end once.
    let mut is_gone = false;
    loop {
        let why = match refusing(&mut driver, &mut jobs, "connecting", address.connect(CONNECT)).await {
            Ok(wire) => {
                let began = Instant::now();
                let run = AssertUnwindSafe(driver.run(wire, &mut jobs, &report)).catch_unwind();
                let run = until_held(run, || {
                    if std::mem::take(&mut is_gone) {
                        tracing::info!(device = %report.device, "online again");
                    }
                });
                let run = run.await;
                if began.elapsed() >= HELD {
                    (attempts, pauses) = (0, BACK_OFF.build());
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
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Echoes one byte per job; panics on `!`.
    struct Echo;

    type Job = (u8, oneshot::Sender<Result<u8, String>>);

    impl Abandon for Job {
        fn is_abandoned(&self) -> bool {
            self.1.is_closed()
        }
    }

    impl Driver for Echo {
        type Job = Job;

        async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
            report.ready();
            while let Some((byte, answer)) = jobs.next().await {
                assert_ne!(byte, b'!', "a fault on purpose");
                if let Err(error) = wire.write_all(&[byte]).await {
                    return error.to_string();
                }
                match wire.read_u8().await {
                    Ok(echoed) => {
                        let _ = answer.send(Ok(echoed));
                    }
                    Err(error) => return error.to_string(),
                }
            }
            HANDLE_DROPPED.into()
        }

        fn refuse(&mut self, (_, answer): Job, why: &str) {
            let _ = answer.send(Err(why.to_owned()));
        }
    }

    const LIMIT: Duration = Duration::from_secs(20);

    async fn until(health: &mut watch::Receiver<Health>, wanted: impl FnMut(&Health) -> bool) -> Health {
        timeout(LIMIT, health.wait_for(wanted)).await.unwrap().unwrap().clone()
    }

    /// A device that echoes; each connection ends after `bytes` bytes.
    async fn device(bytes: usize) -> (Address, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                for _ in 0..bytes {
                    let Ok(byte) = stream.read_u8().await else { break };
                    stream.write_u8(byte).await.unwrap();
                }
            }
        });
        (address, task)
    }

    fn begin(address: Address) -> (Handle<Job>, mpsc::UnboundedReceiver<DeviceEvent>) {
        let (tell, heard) = mpsc::unbounded_channel();
        let events: Listener = Arc::new(move |event| drop(tell.send(event)));
        (start("echo-1".parse().unwrap(), address, Echo, events), heard)
    }

    #[tokio::test]
    async fn a_broken_wire_is_connected_again() {
        let (address, _device) = device(1).await;
        let (handle, _heard) = begin(address);
        let mut health = handle.health.clone();
        for byte in [b'a', b'b', b'c'] {
            until(&mut health, |health| *health == Health::Ready).await;
            let answer = handle.ask(LIMIT, |answer| (byte, answer)).await;
            assert_eq!(answer, Ok(Ok(byte)));
            // The device has closed the connection, which the next job notices.
            let _ = handle.ask(LIMIT, |answer| (b'x', answer)).await;
            until(&mut health, |health| *health != Health::Ready).await;
        }
    }

    #[tokio::test]
    async fn a_panicking_driver_is_restarted_and_reported() {
        let (address, _device) = device(9).await;
        let (handle, mut heard) = begin(address);
        let mut health = handle.health.clone();
        until(&mut health, |health| *health == Health::Ready).await;
        assert_eq!(handle.ask(LIMIT, |answer| (b'!', answer)).await, Err(Unanswered::Broken));
        let reported = loop {
            if let What::Health(Health::Offline { why, .. }) = heard.recv().await.unwrap().what {
                break why;
            }
        };
        assert!(reported.contains("panicked"), "{reported}");
        until(&mut health, |health| *health == Health::Ready).await;
        assert_eq!(handle.ask(LIMIT, |answer| (b'a', answer)).await, Ok(Ok(b'a')));
    }

    #[tokio::test]
    async fn jobs_are_refused_with_the_reason_while_a_device_is_offline() {
        let (address, device) = device(1).await;
        device.abort();
        let _ = device.await;
        let (handle, _heard) = begin(address);
        until(&mut handle.health.clone(), |health| matches!(health, Health::Offline { attempts: 2, .. })).await;
        let refused = handle.ask(LIMIT, |answer| (b'a', answer)).await.unwrap().unwrap_err();
        assert!(refused.contains("switched on") || refused.contains("connecting"), "{refused}");
    }

    #[tokio::test]
    async fn an_abandoned_job_is_never_executed() {
        let (jobs, waiting) = mpsc::channel(4);
        let mut waiting = Jobs(waiting);
        for (byte, abandoned) in [(1, true), (2, false), (3, true)] {
            let (answer, answered) = oneshot::channel();
            jobs.try_send((byte, answer)).unwrap();
            if !abandoned {
                tokio::spawn(answered);
            }
        }
        drop(jobs);
        assert_eq!(waiting.next().await.map(|job: Job| job.0), Some(2));
        assert!(waiting.next().await.is_none());
    }

    #[tokio::test]
    async fn a_repeated_failure_is_not_an_event() {
        let (address, device) = device(1).await;
        device.abort();
        let _ = device.await;
        let (handle, mut heard) = begin(address);
        until(&mut handle.health.clone(), |health| matches!(health, Health::Offline { attempts: 3.., .. })).await;
        drop(handle);
        let mut events = 0;
        while heard.recv().await.is_some() {
            events += 1;
        }
        assert_eq!(events, 1);
    }

    #[tokio::test]
    async fn one_log_line_when_a_device_goes_offline_and_one_when_it_is_back() {
        let log = Log::default();
        let _guard = tracing::subscriber::set_default(log.clone());
        let (address, device) = device(9).await;
        device.abort();
        let _ = device.await;
        let (handle, _heard) = begin(address.clone());
        let mut health = handle.health.clone();
        until(&mut health, |health| matches!(health, Health::Offline { attempts: 4.., .. })).await;
        assert_eq!(log.lines(), ["offline; reconnecting"]);
        let Address::Tcp { host, port } = &address else { panic!("a TCP address") };
        let listener = TcpListener::bind((host.as_str(), *port)).await.unwrap();
        let _back = listener.accept().await.unwrap();
        timeout(LIMIT, async {
            while log.lines().len() < 2 {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(log.lines(), ["offline; reconnecting", "online again"]);
    }

    /// The messages in this crate's log.
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Vec<String>>>);

    impl Log {
        fn lines(&self) -> Vec<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl tracing::Subscriber for Log {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target().starts_with("drivers")
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            struct Message(String);
            impl tracing::field::Visit for Message {
                fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                    if field.name() == "message" {
                        self.0 = format!("{value:?}");
                    }
                }
            }
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn pauses_grow_to_their_bound_and_have_jitter() {
        let pauses: Vec<Duration> = BACK_OFF.build().take(50).collect();
        assert_eq!(pauses.len(), 50, "it never gives up");
        assert!(pauses[0] <= Duration::from_millis(100) && pauses.iter().all(|pause| *pause <= HELD), "{pauses:?}");
        assert!(pauses[20..].iter().all(|pause| *pause >= Duration::from_millis(2_500)), "{pauses:?}");
        assert_ne!(pauses, BACK_OFF.build().take(50).collect::<Vec<_>>());
    }
}
