//! The committer: groups the waiting commits, makes them durable with one flush, and only then answers.

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
use tracing::Span;

use crate::{
    cache::Cache,
    engine::{Batch, Engine, EngineError},
    error::StoreError,
    outbox::Heads,
    room::{Disk, DiskState, Purpose},
    transaction::{Changes, Overlay, Tables, Transaction, View},
};

/// The maximum number of waiting commits; further callers get an error at once.
pub const QUEUE: usize = 1024;

/// The maximum number of commits per flush.
pub const GROUP: usize = 256;

/// How long a commit that nobody waits for may be delayed, so that it shares a flush instead of costing one.
pub const MAX_DELAY: Duration = Duration::from_millis(20);

/// The outcome of a commit's group, passed to the commit so that it can answer.
type Verdict<'a> = Result<(), &'a StoreError>;

/// A commit in the queue, type-erased: runs, then answers.
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
    /// The asker's: what the closure logs, and what it notes on it, belongs to whoever asked.
    span: Span,
}

impl<T, E, F> Work for Commit<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, view: View<'_>) -> Option<Changes> {
        let work = self.work.take()?;
        let _entered = self.span.enter();
        let mut transaction = Transaction::begin(view);
        // A panic drops the transaction, so no partial change is visible.
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
            // The caller may be gone; the change is stored all the same.
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
    /// Held by the committer while a group becomes durable, and by whoever starts or stops listening, so that both
    /// happen between groups.
    listener: Arc<Mutex<Option<Listener>>>,
    timings: Arc<Mutex<Timings>>,
    /// After the queue: dropping the queue ends the thread, which is then joined.
    _thread: JoinOnDrop,
}

/// A thread that is joined on drop, so that dropping a store closes it.
struct JoinOnDrop(Option<JoinHandle<()>>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        // If a commit owns the last handle of its store, the committer drops itself and can't wait for itself.
        if let Some(thread) = self.0.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            // Panics of closures are caught; a panic of the thread itself was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Called with every batch, in order, after it is applied.
pub(crate) type Listener = Box<dyn FnMut(&Batch) + Send>;

/// The committer's work since the store was opened. These are counters, so two readings give a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Commits answered.
    pub commits: u64,
    /// Groups, each with one flush.
    pub groups: u64,
    /// Time in closures, in microseconds.
    pub deciding_us: u64,
    /// Time in the engine until the batches were applied, in microseconds.
    pub applying_us: u64,
    /// Time until the batches were durable, in microseconds.
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
        Ok(Self { queue, committed, stopped, disk, listener, timings, _thread: JoinOnDrop(Some(thread)) })
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
        let work = Box::new(Commit { work: Some(work), outcome: None, asker, span: Span::current() });
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

    /// Whether the disk has enough space for a purpose.
    pub(crate) fn takes(&self, purpose: Purpose) -> Result<(), StoreError> {
        self.disk.takes(purpose)
    }

    pub(crate) fn timings(&self) -> Timings {
        *locked(&self.timings)
    }

    pub(crate) fn disk(&self) -> DiskState {
        self.disk.state()
    }

    /// Passes every batch to `listener` from the end of the current group on. False if there is a listener already.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        let mut place = locked(&self.listener);
        let is_free = place.is_none();
        if is_free {
            *place = Some(listener);
        }
        is_free
    }

    /// Removes the listener. Every batch passed to it is durable then, unless the store has stopped.
    pub(crate) fn stop_listening(&self) {
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
    /// Runs until every handle of the store is gone.
    fn work(&self, waiting: &Receiver<Waiting>) {
        while let Ok(first) = waiting.recv() {
            let mut is_waited_for = first.is_waited_for;
            let mut group = vec![first.work];
            let until = Instant::now() + MAX_DELAY;
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
        // In key order, so that neighbouring keys are written together.
        batch.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut cache = self.cache.borrow_mut();
        for (key, value) in &batch {
            cache.follow(key, value.as_ref());
        }
        drop(cache);
        let mut listener = locked(&self.listener);
        let told = listener.is_some().then(|| batch.clone());
        // While the listener is locked: whoever stops listening after a failure then knows of it.
        let believe = |error: &EngineError| drop(self.stopped.set(error.to_string()));
        self.engine.apply(batch).inspect_err(believe)?;
        // After applying: a listener that reads in response must not find the older value.
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
