//! The one committer: groups the commits that wait, makes them durable with one flush, and only then answers.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};

use crate::{
    cache::Cache,
    engine::{Batch, Engine, EngineError},
    error::StoreError,
    outbox::Heads,
    room::{Disk, DiskState, Purpose},
    transaction::{Changes, Overlay, Tables, Transaction, View},
};

/// Commits that may wait; past it askers are sent away at once.
pub const QUEUE: usize = 1024;

/// The most commits that share one flush.
pub const GROUP: usize = 256;

/// How long a commit that nobody waits for may be put off, so that it shares somebody's flush instead of costing one.
pub const PATIENT: Duration = Duration::from_millis(20);

/// How a commit's group ended, told to the commit so that it can answer.
type Verdict<'a> = Result<(), &'a StoreError>;

/// A commit in the queue, its types erased: runs, then answers.
trait Work: Send {
    /// Runs the closure; `None` if it refused.
    fn run(&mut self, view: View<'_>) -> Option<Changes>;
    /// Answers the asker.
    fn answer(self: Box<Self>, verdict: Verdict<'_>);
}

struct Commit<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    asker: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Work for Commit<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, view: View<'_>) -> Option<Changes> {
        let work = self.work.take()?;
        let mut transaction = Transaction::begin(view);
        // What it wrote is dropped with a panic, so nothing half-done can be seen.
        let decided = catch_unwind(AssertUnwindSafe(|| work(&mut transaction)))
            .unwrap_or_else(|_| Err(E::from(StoreError::Panicked)));
        let ended = decided.and_then(|answer| Ok((answer, transaction.end().map_err(E::from)?)));
        let (outcome, changes) = match ended {
            Ok((answer, changes)) => (Ok(answer), Some(changes)),
            Err(refusal) => (Err(refusal), None),
        };
        self.outcome = Some(outcome);
        changes
    }

    fn answer(self: Box<Self>, verdict: Verdict<'_>) {
        let outcome = match verdict {
            Ok(()) => self.outcome,
            Err(stopped) => Some(Err(E::from(stopped.clone()))),
        };
        if let Some(outcome) = outcome {
            // The asker may have gone; what is stored is stored.
            let _ = self.asker.send(outcome);
        }
    }
}

/// A commit in the queue.
struct Waiting {
    work: Box<dyn Work>,
    is_waited_for: bool,
}

pub(crate) struct Committer {
    queue: SyncSender<Waiting>,
    committed: watch::Receiver<u64>,
    stopped: Arc<OnceLock<String>>,
    disk: Disk,
    /// Held by the committer while a group becomes durable, and by whoever begins or ends to listen: so both happen
    /// between groups.
    listener: Arc<Mutex<Option<Listener>>>,
    timings: Arc<Mutex<Timings>>,
    /// After the queue: dropped in this order, the thread hears that nobody asks any more, and is waited for.
    _thread: Joined,
}

/// A thread that is waited for when this is dropped, so that a store that is dropped is closed.
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        // A commit may own the last handle of its store: then the committer drops itself, and can't wait for that.
        if let Some(thread) = self.0.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            // It catches what closures do; a panic of its own was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Hears of every batch, in order, once it is applied.
pub(crate) type Listener = Box<dyn FnMut(&Batch) + Send>;

/// Where the committer's time went since the store was opened. Counts, so that two readings give a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Commits that were answered.
    pub commits: u64,
    /// Groups they shared.
    pub groups: u64,
    /// In closures, in microseconds.
    pub deciding_us: u64,
    /// In the engine, until a batch was applied, in microseconds.
    pub applying_us: u64,
    /// Until it was durable, in microseconds.
    pub flushing_us: u64,
}

impl Committer {
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        linked: &[&'static str],
        heads: Arc<Heads>,
        disk: Disk,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = sync_channel(QUEUE);
        let (tick, committed) = watch::channel(0);
        let (stopped, listener, timings) = (Arc::new(OnceLock::new()), Arc::default(), Arc::default());
        let worker = Worker {
            tables: Tables::of(&*engine, linked)?,
            engine,
            cache: RefCell::default(),
            heads,
            tick,
            stopped: Arc::clone(&stopped),
            listener: Arc::clone(&listener),
            timings: Arc::clone(&timings),
        };
        let thread = thread::Builder::new()
            .name("committer".into())
            .spawn(move || worker.work(&waiting))
            .map_err(|error| EngineError::new("start the committer's thread")(error.to_string()))?;
        Ok(Self { queue, committed, stopped, disk, listener, timings, _thread: Joined(Some(thread)) })
    }

    pub(crate) fn submit<T, E, F>(
        &self,
        purpose: Purpose,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, E>>, StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        if let Some(why) = self.stopped() {
            return Err(StoreError::Stopped { why });
        }
        self.disk.takes(purpose)?;
        let (asker, answer) = oneshot::channel();
        let work = Box::new(Commit { work: Some(work), outcome: None, asker });
        match self.queue.try_send(Waiting { work, is_waited_for: purpose.is_waited_for() }) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Stopped { why: "the committer has ended".into() }),
        }
    }

    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    pub(crate) fn stopped(&self) -> Option<String> {
        self.stopped.get().cloned()
    }

    /// Whether the disk has room for a purpose.
    pub(crate) fn takes(&self, purpose: Purpose) -> Result<(), StoreError> {
        self.disk.takes(purpose)
    }

    pub(crate) fn timings(&self) -> Timings {
        *locked(&self.timings)
    }

    pub(crate) fn disk(&self) -> DiskState {
        self.disk.state()
    }

    /// From the end of the group under way on, `listener` hears of every batch. False if somebody listens already.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        let mut place = locked(&self.listener);
        let is_free = place.is_none();
        if is_free {
            *place = Some(listener);
        }
        is_free
    }

    /// Ends that; every batch that was heard of is durable then, or the store has stopped.
    pub(crate) fn listen_no_more(&self) {
        *locked(&self.listener) = None;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    engine: Arc<dyn Engine>,
    tables: Tables,
    cache: RefCell<Cache>,
    heads: Arc<Heads>,
    tick: watch::Sender<u64>,
    stopped: Arc<OnceLock<String>>,
    listener: Arc<Mutex<Option<Listener>>>,
    timings: Arc<Mutex<Timings>>,
}

impl Worker {
    /// Until every handle of the store is gone.
    fn work(&self, waiting: &Receiver<Waiting>) {
        while let Ok(first) = waiting.recv() {
            let mut is_waited_for = first.is_waited_for;
            let mut group = vec![first.work];
            let until = Instant::now() + PATIENT;
            while !is_waited_for && group.len() < GROUP {
                let Ok(next) = waiting.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
                is_waited_for = next.is_waited_for;
                group.push(next.work);
            }
            let room = GROUP - group.len();
            group.extend(waiting.try_iter().take(room).map(|next| next.work));
            self.commit(group);
        }
    }

    fn commit(&self, mut group: Vec<Box<dyn Work>>) {
        let (mut overlay, mut heads, mut stored) = (Overlay::new(), Vec::new(), 0);
        let began = Instant::now();
        let commits = group.len() as u64;
        if self.stopped.get().is_none() {
            for commit in &mut group {
                let view = View { engine: &*self.engine, tables: &self.tables, cache: &self.cache, group: &overlay };
                if let Some(changes) = commit.run(view) {
                    overlay.extend(changes.overlay);
                    heads.extend(changes.heads);
                    stored += 1;
                }
            }
            if let Err(error) = self.store(overlay, began, commits) {
                tracing::error!(%error, "the disk failed; the store accepts nothing until the hub is restarted");
            }
        }
        if let Some(why) = self.stopped.get() {
            let stopped = StoreError::Stopped { why: why.clone() };
            for commit in group {
                commit.answer(Err(&stopped));
            }
            return;
        }
        self.heads.advance(heads);
        for commit in group {
            commit.answer(Ok(()));
        }
        if stored > 0 {
            self.tick.send_modify(|count| *count += stored);
        }
    }

    fn store(&self, overlay: Overlay, began: Instant, commits: u64) -> Result<(), EngineError> {
        if overlay.is_empty() {
            return Ok(());
        }
        let decided = Instant::now();
        let mut batch: Batch = overlay.into_iter().collect();
        // In the engine's order, so that neighbours are written together.
        batch.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut cache = self.cache.borrow_mut();
        for (key, value) in &batch {
            cache.follow(key, value.as_ref());
        }
        drop(cache);
        let mut listener = locked(&self.listener);
        let told = listener.is_some().then(|| batch.clone());
        // While the listener is held: who ends to listen after a failure knows of it.
        let believe = |error: &EngineError| drop(self.stopped.set(error.to_string()));
        self.engine.apply(batch).inspect_err(believe)?;
        // Not before: who hears of a batch and reads then must not find what was there before it.
        if let (Some(listener), Some(batch)) = (&mut *listener, &told) {
            listener(batch);
        }
        let applied = Instant::now();
        self.engine.flush().inspect_err(believe)?;
        let mut timings = locked(&self.timings);
        let us = |from: Instant, to: Instant| u64::try_from((to - from).as_micros()).unwrap_or(u64::MAX);
        timings.commits += commits;
        timings.groups += 1;
        timings.deciding_us += us(began, decided);
        timings.applying_us += us(decided, applied);
        timings.flushing_us += us(applied, Instant::now());
        Ok(())
    }
}
