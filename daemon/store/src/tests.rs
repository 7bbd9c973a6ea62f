//! The store's promises, on the real engine and on one that fails.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use proptest::prelude::*;

use super::*;
use crate::{
    engine::{Batch, EngineError, Entry},
    idempotency::{CommandKey, Once, REMEMBERED},
    outbox::Span,
};

static NOTES: Table<Name, String> = Table::new("note");
static COUNTS: Table<Name, u64> = Table::new("count");
static ROWS: Table<NameNumber, u64> = Table::new("row");

/// An engine in memory that fails on demand and counts its flushes. What was applied and not flushed is lost by [`Faulty::cut`].
#[derive(Default)]
struct Faulty {
    durable: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    applied: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    flushes: AtomicUsize,
    fail_apply: AtomicBool,
    fail_flush: AtomicBool,
    /// Flushes say that they flushed, and don't.
    lie: AtomicBool,
    /// Applied since the last flush.
    pending: Mutex<Vec<Batch>>,
}

impl Faulty {
    fn new() -> Arc<Self> {
        let faulty = Self::default();
        let birth = [meta("format", u64::from(FORMAT)).unwrap(), meta("epoch", 7).unwrap()];
        faulty.apply(birth.map(|(key, value)| (key, Some(value))).into()).unwrap();
        faulty.flush().unwrap();
        Arc::new(faulty)
    }

    /// What a power cut leaves: what was flushed, and the first `kept` batches of what was not.
    fn cut(&self, kept: usize) -> Arc<Self> {
        let left = Self::default();
        *left.applied.lock().unwrap() = self.durable.lock().unwrap().clone();
        let pending = self.pending.lock().unwrap();
        for batch in pending.iter().take(kept) {
            left.apply(batch.clone()).unwrap();
        }
        left.flush().unwrap();
        Arc::new(left)
    }
}

impl Engine for Faulty {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.applied.lock().unwrap().get(key).cloned())
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let applied = self.applied.lock().unwrap();
        let entries = applied.range::<[u8], _>((from, to)).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if descending { entries.rev().take(limit).collect() } else { entries.take(limit).collect() })
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        if self.fail_apply.load(SeqCst) {
            return Err(EngineError::new("write a batch")("No space left on device".into()));
        }
        self.pending.lock().unwrap().push(batch.clone());
        let mut applied = self.applied.lock().unwrap();
        for (key, value) in batch {
            match value {
                Some(value) => applied.insert(key, value),
                None => applied.remove(&key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), EngineError> {
        if self.fail_flush.load(SeqCst) {
            return Err(EngineError::new("make a batch durable")("Input/output error".into()));
        }
        self.flushes.fetch_add(1, SeqCst);
        if self.lie.load(SeqCst) {
            return Ok(());
        }
        self.pending.lock().unwrap().clear();
        *self.durable.lock().unwrap() = self.applied.lock().unwrap().clone();
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        Ok(0)
    }
}

async fn note(store: &Store, key: &'static str, text: &str) -> Result<(), StoreError> {
    let text = text.to_owned();
    store.commit(move |transaction| transaction.put(&NOTES, key, &text)).await
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    for kind in EngineKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), kind, 42).unwrap();
        note(&store, "a", "first").await.unwrap();
        drop(store);
        let store = Store::open(directory.path(), kind, 99).unwrap();
        assert_eq!(store.get(&NOTES, "a").unwrap().as_deref(), Some("first"));
        assert_eq!(store.epoch(), 42, "the epoch is drawn once");
    }
}

#[tokio::test]
async fn a_store_half_created_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, torn) in [(EngineKind::Sled, "conf"), (EngineKind::Sqlite, "store.db")] {
        let directory = directory.path().join(kind.name());
        let unfinished = directory.join(format!("{kind}.new"));
        std::fs::create_dir_all(&unfinished).unwrap();
        std::fs::write(unfinished.join(torn), b"torn").unwrap();
        assert_eq!(Store::open(&directory, kind, 1).unwrap().epoch(), 1);
    }
}

#[test]
fn a_store_of_a_newer_hub_is_refused() {
    let engine = Faulty::new();
    let (key, value) = meta("format", 3).unwrap();
    engine.apply(vec![(key, Some(value))]).unwrap();
    assert!(matches!(Store::on(engine), Err(StoreError::TooNew { found: 3, known: 2 })));
}

/// What hubs of every format wrote, byte by byte (the checksum reckoned by zlib). Lines are added here, never changed.
const WRITTEN: [(u8, &[u8], &[u8]); 2] =
    [(1, b"note\0a", b"\x01\"written by format 1\""), (2, b"note\0a", b"\x02\x25\xd5\x03\x01\"written by format 2\"")];

#[tokio::test]
async fn what_every_format_wrote_is_read_and_the_format_is_raised_once() {
    for (format, key, value) in WRITTEN {
        let engine = Faulty::new();
        let written = format!("\x01{format}").into_bytes();
        engine.apply(vec![(META.raw_key("format"), Some(written)), (key.to_vec(), Some(value.to_vec()))]).unwrap();
        for _ in 0..2 {
            let store = Store::on(engine.clone()).unwrap();
            assert_eq!(store.get(&NOTES, "a").unwrap(), Some(format!("written by format {format}")));
            assert_eq!(store.get(&META, "format").unwrap(), Some(u64::from(FORMAT)));
            assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
        }
        let raised = engine.durable.lock().unwrap().contains_key(key);
        assert_eq!(raised, u32::from(format) < FORMAT, "flushed only if there was something to raise");
    }
}

#[tokio::test]
async fn a_check_finds_every_kind_of_damage() {
    let engine = Faulty::new();
    let store = Store::on(engine.clone()).unwrap();
    for _ in 0..3 {
        append(&store, "sales").await.unwrap();
    }
    note(&store, "a", "first").await.unwrap();
    note(&store, "b", "other").await.unwrap();
    let checked = store.check(Depth::Whole).unwrap();
    assert_eq!((checked.records, checked.faults), (2 + 3 + 1 + 2 + 3, Vec::new()));

    let whole = engine.applied.lock().unwrap().clone();
    let damaged = |change: Batch| {
        *engine.applied.lock().unwrap() = whole.clone();
        engine.apply(change).unwrap();
        store.check(Depth::Whole).unwrap().faults.join("; ")
    };
    let (a, b) = (NOTES.raw_key("a"), NOTES.raw_key("b"));
    for bit in 0..whole[&a].len() * 8 {
        let mut value = whole[&a].clone();
        value[bit / 8] ^= 1 << (bit % 8);
        assert!(damaged(vec![(a.clone(), Some(value))]).contains("note"), "bit {bit}");
    }
    assert!(damaged(vec![(a.clone(), Some(whole[&b].clone()))]).contains("checksum"), "another's value");
    assert!(damaged(vec![(b"nonsense".to_vec(), Some(whole[&b].clone()))]).contains("no table"));
    let entry = |number: u64| [&b"outbox\0sales\0"[..], &number.to_be_bytes()].concat();
    for number in 1..=3 {
        assert!(whole.contains_key(&entry(number)));
        assert!(damaged(vec![(entry(number), None)]).contains("missing"), "entry {number}");
    }
}

#[tokio::test]
async fn a_refusal_leaves_no_trace_and_does_not_disturb_its_group() {
    let store = Store::on(Faulty::new()).unwrap();
    let refused = store.commit(|transaction| {
        transaction.put(&NOTES, "refused", &"x".to_owned())?;
        Err::<(), _>(StoreError::Busy)
    });
    let (refused, kept) = tokio::join!(refused, note(&store, "kept", "y"));
    assert!(matches!(refused, Err(StoreError::Busy)));
    kept.unwrap();
    assert_eq!(store.get(&NOTES, "refused").unwrap(), None);
    assert_eq!(store.get(&NOTES, "kept").unwrap().as_deref(), Some("y"));
}

#[tokio::test]
async fn a_panic_undoes_its_commit_alone() {
    let store = Store::on(Faulty::new()).unwrap();
    let panicking = store.commit(|transaction| -> Result<(), StoreError> {
        transaction.put(&NOTES, "lost", &"x".to_owned())?;
        panic!("a fault on purpose")
    });
    let (panicked, kept) = tokio::join!(panicking, note(&store, "kept", "y"));
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    kept.unwrap();
    assert_eq!(store.get(&NOTES, "lost").unwrap(), None);
}

#[tokio::test]
async fn commits_that_wait_together_share_a_flush_and_see_each_other() {
    let engine = Faulty::new();
    let store = Store::on(engine.clone()).unwrap();
    // The first commit holds the committer until all the others wait.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let held = store.committer.submit(Urgency::Now, move |_: &mut Transaction<'_>| {
        let _ = gate.recv();
        Ok::<_, StoreError>(())
    });
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(store.committer.submit(Urgency::Now, |transaction: &mut Transaction<'_>| {
            let next = transaction.get(&COUNTS, "n")?.unwrap_or(0) + 1;
            transaction.put(&COUNTS, "n", &next)?;
            Ok::<_, StoreError>(next)
        }));
    }
    let before = engine.flushes.load(SeqCst);
    open.send(()).unwrap();
    held.unwrap().await.unwrap().unwrap();
    let mut answers = Vec::new();
    for other in others {
        answers.push(other.unwrap().await.unwrap().unwrap());
    }
    assert_eq!(answers, (1..=100).collect::<Vec<_>>());
    assert!(
        engine.flushes.load(SeqCst) - before <= 2,
        "{} flushes for 100 commits",
        engine.flushes.load(SeqCst) - before
    );
}

#[tokio::test]
async fn housekeeping_shares_a_customers_flush_and_is_not_put_off_for_ever() {
    let engine = Faulty::new();
    let store = Store::on(engine.clone()).unwrap();
    let before = engine.flushes.load(SeqCst);
    let patient = store.committer.submit(Urgency::Patient, |transaction: &mut Transaction<'_>| {
        transaction.put(&NOTES, "tidy", &"up".to_owned())
    });
    note(&store, "customer", "waits").await.unwrap();
    patient.unwrap().await.unwrap().unwrap();
    assert!(engine.flushes.load(SeqCst) - before <= 2);
    let alone = store.commit_patiently(|transaction| transaction.put(&NOTES, "alone", &"x".to_owned()));
    alone.await.unwrap();
    assert_eq!(store.get(&NOTES, "alone").unwrap().as_deref(), Some("x"));
}

#[tokio::test]
async fn past_the_bound_of_the_queue_askers_are_sent_away_at_once() {
    let store = Store::on(Faulty::new()).unwrap();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let held = store.committer.submit(Urgency::Now, move |_: &mut Transaction<'_>| {
        let _ = gate.recv();
        Ok::<_, StoreError>(())
    });
    let mut waiting = Vec::new();
    let busy = loop {
        match store.committer.submit(Urgency::Now, |_: &mut Transaction<'_>| Ok::<_, StoreError>(())) {
            Ok(answer) => waiting.push(answer),
            Err(error) => break error,
        }
    };
    assert!(matches!(busy, StoreError::Busy));
    assert!(waiting.len() <= QUEUE + GROUP);
    open.send(()).unwrap();
    held.unwrap().await.unwrap().unwrap();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_failed_write_or_flush_stops_the_store_for_good() {
    for apply in [true, false] {
        let engine = Faulty::new();
        let store = Store::on(engine.clone()).unwrap();
        note(&store, "before", "kept").await.unwrap();
        let fault = if apply { &engine.fail_apply } else { &engine.fail_flush };
        fault.store(true, SeqCst);
        assert!(matches!(note(&store, "during", "x").await, Err(StoreError::Stopped { .. })));
        fault.store(false, SeqCst);
        assert!(
            matches!(note(&store, "after", "x").await, Err(StoreError::Stopped { .. })),
            "a later success proves nothing"
        );
        assert!(store.stopped().is_some());
        let durable = engine.durable.lock().unwrap();
        assert!(durable.contains_key(&NOTES.raw_key("before")) && !durable.contains_key(&NOTES.raw_key("after")));
    }
}

#[tokio::test]
async fn a_record_too_large_is_refused() {
    let store = Store::on(Faulty::new()).unwrap();
    let huge = "x".repeat(MAX_RECORD);
    assert!(matches!(note(&store, "huge", &huge).await, Err(StoreError::TooLarge { .. })));
}

#[tokio::test]
async fn tables_page_in_order_and_never_run_into_their_neighbours() {
    let store = Store::on(Faulty::new()).unwrap();
    store
        .commit(|transaction| {
            for number in [3, 1, 300, 2] {
                transaction.put(&ROWS, ("a", number), &number)?;
                transaction.put(&ROWS, ("b", number), &(number + 1000))?;
            }
            transaction.put(&COUNTS, "row", &9)
        })
        .await
        .unwrap();
    assert_eq!(store.page(&ROWS, Some(("a", 2)), Order::Ascending, 3).unwrap(), [2, 3, 300]);
    assert_eq!(store.page(&ROWS, Some(("a", 300)), Order::Descending, 9).unwrap(), [300, 3, 2, 1]);
    assert_eq!(store.page(&ROWS, None, Order::Descending, 1).unwrap(), [1300]);
    assert_eq!(store.page(&ROWS, None, Order::Ascending, usize::MAX).unwrap().len(), 8);
}

fn command(key: &str, fingerprint: &str) -> CommandKey {
    CommandKey { asker: "till-1".into(), key: key.into(), fingerprint: fingerprint.into(), at_ms: 0 }
}

async fn count_once(store: &Store, command: CommandKey) -> Once<u64> {
    store
        .commit(move |transaction| {
            transaction.once(&command, |transaction| {
                let next = transaction.get(&COUNTS, "n")?.unwrap_or(0) + 1;
                transaction.put(&COUNTS, "n", &next)?;
                Ok::<_, StoreError>(next)
            })
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_repeated_command_gets_its_first_answer_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sled, 1).unwrap();
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::First(1));
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::Again(1));
    assert_eq!(count_once(&store, command("k1", "other")).await, Once::OtherCommand);
    drop(store);
    let store = Store::open(directory.path(), EngineKind::Sled, 1).unwrap();
    assert_eq!(count_once(&store, command("k1", "f")).await, Once::Again(1));
    assert_eq!(count_once(&store, command("k2", "f")).await, Once::First(2));
    let both = tokio::join!(count_once(&store, command("k3", "f")), count_once(&store, command("k3", "f")));
    assert_eq!(both, (Once::First(3), Once::Again(3)), "also within one group");
}

#[tokio::test]
async fn old_answers_are_forgotten_and_young_ones_kept() {
    for kind in EngineKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), kind, 1).unwrap();
        let key = |number: i64| CommandKey { at_ms: number, ..command(&format!("key-{number:05}"), "f") };
        store
            .commit(move |transaction| {
                for number in 0..1_300 {
                    transaction.once(&key(number), |_| Ok::<_, StoreError>(number))?;
                }
                transaction.put(&NOTES, "a", &"not an answer".to_owned())
            })
            .await
            .unwrap();
        let limit = i64::try_from(REMEMBERED.as_millis()).unwrap();
        assert_eq!(store.forget_answers(limit).await.unwrap(), 0, "exactly as old as is kept");
        assert_eq!(store.forget_answers(limit + 700).await.unwrap(), 700);
        assert_eq!(store.forget_answers(limit + 700).await.unwrap(), 0);
        let again =
            |number| store.commit(move |transaction| transaction.once(&key(number), |_| Ok::<_, StoreError>(-1)));
        assert_eq!(again(700).await.unwrap(), Once::Again(700));
        assert_eq!(again(699).await.unwrap(), Once::First(-1));
        assert_eq!(store.get(&NOTES, "a").unwrap().as_deref(), Some("not an answer"));
    }
}

async fn append(store: &Store, stream: &'static str) -> Result<u64, StoreError> {
    store.commit(move |transaction| transaction.append_to_outbox(stream, "sale.completed", 5, "s")).await
}

#[tokio::test]
async fn the_outbox_numbers_without_gaps_and_is_trimmed_on_acknowledgement() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sled, 1).unwrap();
    for expected in 1..=5 {
        assert_eq!(append(&store, "sales").await.unwrap(), expected);
    }
    assert_eq!(append(&store, "other").await.unwrap(), 1);
    store.acknowledge_outbox("sales", 3).await.unwrap();
    drop(store);
    let store = Store::open(directory.path(), EngineKind::Sled, 1).unwrap();
    assert_eq!(store.outbox_span("sales").unwrap(), Span { first_kept: 1, last: 5, acknowledged: 3 });
    let sequences: Vec<_> = store.outbox("sales", 4, 10).unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [4, 5]);
    store.acknowledge_outbox("sales", 99).await.unwrap();
    assert_eq!(store.outbox_span("sales").unwrap().acknowledged, 5, "never past what was sent");
}

#[tokio::test]
async fn the_bridge_never_sees_an_entry_before_its_flush() {
    let engine = Faulty::new();
    let store = Store::on(engine.clone()).unwrap();
    append(&store, "sales").await.unwrap();
    engine.fail_flush.store(true, SeqCst);
    assert!(append(&store, "sales").await.is_err());
    // It is in the engine, for all that is known, but was not made durable.
    assert!(engine.applied.lock().unwrap().len() > engine.durable.lock().unwrap().len());
    assert_eq!(store.outbox_span("sales").unwrap().last, 1);
    assert_eq!(store.outbox("sales", 1, 10).unwrap().len(), 1);
    assert_eq!(store.outbox("sales", 2, 10).unwrap(), []);
}

/// Commits until the power goes, in lives one after the other; gives how many answered commits were lost, and how many were torn.
async fn lives(lives: &[(usize, usize, bool)], lie: bool) -> (usize, usize) {
    let (mut engine, mut answered, mut tried) = (Faulty::new(), Vec::new(), 0_u64);
    for (commits, kept, in_mid_commit) in lives {
        let store = Store::on(engine.clone()).unwrap();
        engine.lie.store(lie, SeqCst);
        for left in (0..*commits).rev() {
            engine.fail_flush.store(*in_mid_commit && left == 0, SeqCst);
            let number = tried;
            tried += 1;
            let done = store.commit(move |transaction| {
                transaction.put(&ROWS, ("left", number), &number)?;
                transaction.append_to_outbox("sales", "sale.completed", 0, "s")?;
                transaction.put(&ROWS, ("right", number), &number)
            });
            if done.await.is_ok() {
                answered.push(number);
            }
        }
        engine = engine.cut(*kept);
    }
    let store = Store::on(engine).unwrap();
    let there = |side, number| store.get(&ROWS, (side, number)).unwrap().is_some();
    let lost = answered.iter().filter(|number| !there("left", **number)).count();
    let torn = (0..tried).filter(|number| there("left", *number) != there("right", *number)).count();
    let stored = (0..tried).filter(|number| there("left", *number)).count() as u64;
    assert_eq!(store.outbox_span("sales").unwrap().last, stored, "one event for each commit that is there");
    assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
    (lost, torn)
}

#[tokio::test]
async fn an_engine_that_lies_about_its_flush_is_found_out_by_the_power_cut() {
    assert_eq!(lives(&[(5, 0, false)], false).await, (0, 0));
    assert_eq!(lives(&[(5, 0, false)], true).await, (5, 0));
    assert_eq!(lives(&[(5, 3, false), (2, 9, false)], true).await, (2, 0));
}

proptest! {
    /// Whatever part of the unflushed batches a power cut leaves, and wherever it hits: what was answered is there, and nothing is torn.
    #[test]
    fn power_cuts_lose_nothing_that_was_answered(
        histories in proptest::collection::vec((0_usize..6, 0_usize..4, any::<bool>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(lives(&histories, false)), (0, 0));
    }

    /// No bytes in the engine make a table panic: a damaged record is an error that names it.
    #[test]
    fn damaged_records_are_errors(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let engine = Faulty::new();
        engine.apply(vec![(NOTES.raw_key("a"), Some(bytes.clone()))]).unwrap();
        match NOTES.read(&*engine, "a") {
            Ok(text) => prop_assert!(text.is_some() && bytes[0] <= 2),
            Err(error) => prop_assert!(error.to_string().contains("note")),
        }
    }
}
