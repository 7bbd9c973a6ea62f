//! Commits: durable before the answer, all or nothing, bounded, and stopped after a disk error.

use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::{EngineKind, GROUP, MAX_RECORD, Order, Purpose, QUEUE, Transaction};

#[tokio::test]
async fn answered_commits_are_there_after_reopening() {
    for &kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), kind, LINKED, 42).unwrap();
        note(&store, "a", "first").await.unwrap();
        drop(store);
        let store = Store::open(directory.path(), kind, LINKED, 99).unwrap();
        assert_eq!(store.get(&NOTES, "a").unwrap().as_deref(), Some("first"));
        assert_eq!(store.epoch(), 42, "the epoch is drawn once");
    }
}

#[tokio::test]
async fn a_dropped_store_completes_pending_commits_and_closes_its_engine() {
    for _ in 0..100 {
        let engine = Faulty::new();
        let store = open(engine.clone()).unwrap();
        let unanswered = store.committer.submit(Purpose::Money, |transaction: &mut Transaction<'_>| {
            transaction.put(&NOTES, "asked for", &"y".to_owned())
        });
        drop((unanswered.unwrap(), store));
        assert_eq!(NOTES.read(&*engine, "asked for").unwrap().as_deref(), Some("y"));
        assert_eq!(Arc::strong_count(&engine), 1);
    }
}

#[tokio::test]
async fn a_commit_may_own_the_last_handle_of_its_store() {
    let store = Arc::new(open(Faulty::new()).unwrap());
    let (dropped, gate) = std::sync::mpsc::channel::<()>();
    let owned = Arc::clone(&store);
    let answer = store.committer.submit(Purpose::Money, move |_: &mut Transaction<'_>| {
        let _ = gate.recv();
        Ok::<_, StoreError>(Arc::strong_count(&owned))
    });
    drop(store);
    dropped.send(()).unwrap();
    assert_eq!(answer.unwrap().await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_partly_created_store_is_created_again() {
    let directory = tempfile::tempdir().unwrap();
    for &kind in EngineKind::BUILT {
        let torn = match kind {
            EngineKind::Sled => "conf",
            EngineKind::Sqlite => "store.db",
        };
        let directory = directory.path().join(kind.name());
        let unfinished = directory.join(format!("{kind}.new"));
        std::fs::create_dir_all(&unfinished).unwrap();
        std::fs::write(unfinished.join(torn), b"torn").unwrap();
        assert_eq!(Store::open(&directory, kind, LINKED, 1).unwrap().epoch(), 1);
    }
}

#[cfg(not(feature = "sled"))]
#[tokio::test]
async fn a_build_without_sled_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Store::open(directory.path(), EngineKind::Sled, LINKED, 1).err().unwrap().to_string();
    assert!(refused.contains("this build has no sled engine"), "{refused}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left of the attempt");
}

#[tokio::test]
async fn a_refusal_leaves_no_trace_and_does_not_disturb_its_group() {
    let store = open(Faulty::new()).unwrap();
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
async fn a_panic_undoes_only_its_own_commit() {
    let store = open(Faulty::new()).unwrap();
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
async fn waiting_commits_share_a_flush_and_see_each_other() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    // The first commit blocks the committer until all the others wait.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let held = store.committer.submit(Purpose::Money, move |_: &mut Transaction<'_>| {
        let _ = gate.recv();
        Ok::<_, StoreError>(())
    });
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(store.committer.submit(Purpose::Money, |transaction: &mut Transaction<'_>| {
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
async fn housekeeping_shares_a_customers_flush_and_is_not_delayed_for_ever() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    let before = engine.flushes.load(SeqCst);
    let patient = store.committer.submit(Purpose::Housekeeping, |transaction: &mut Transaction<'_>| {
        transaction.put(&NOTES, "tidy", &"up".to_owned())
    });
    note(&store, "customer", "waits").await.unwrap();
    patient.unwrap().await.unwrap().unwrap();
    assert!(engine.flushes.load(SeqCst) - before <= 2);
    let alone =
        store.commit_for(Purpose::Housekeeping, |transaction| transaction.put(&NOTES, "alone", &"x".to_owned()));
    alone.await.unwrap();
    assert_eq!(store.get(&NOTES, "alone").unwrap().as_deref(), Some("x"));
}

#[tokio::test]
async fn a_full_queue_refuses_commits_at_once() {
    let store = open(Faulty::new()).unwrap();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let held = store.committer.submit(Purpose::Money, move |_: &mut Transaction<'_>| {
        let _ = gate.recv();
        Ok::<_, StoreError>(())
    });
    let mut waiting = Vec::new();
    let busy = loop {
        match store.committer.submit(Purpose::Money, |_: &mut Transaction<'_>| Ok::<_, StoreError>(())) {
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
    for fault in [Fault::Enospc, Fault::EioOnWrite, Fault::EioOnFlush] {
        let engine = Faulty::new();
        let store = open(engine.clone()).unwrap();
        note(&store, "before", "kept").await.unwrap();
        engine.set(Some(fault));
        assert!(matches!(note(&store, "during", "x").await, Err(StoreError::Stopped { .. })));
        engine.set(None);
        assert!(
            matches!(note(&store, "after", "x").await, Err(StoreError::Stopped { .. })),
            "a later success proves nothing"
        );
        assert!(store.stopped().is_some());
        let durable = engine.durable.lock().unwrap();
        assert!(durable.contains_key(&NOTES.raw_key("before")) && !durable.contains_key(&NOTES.raw_key("after")));
    }
}

/// The files are removed while the store is open: what is written then is lost.
#[tokio::test]
async fn a_store_whose_files_are_gone_answers_nothing() {
    for &kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), kind, LINKED, 42).unwrap();
        note(&store, "a", "first").await.unwrap();
        std::fs::rename(directory.path().join(kind.name()), directory.path().join("away")).unwrap();
        let lost = note(&store, "b", "second").await;
        assert!(matches!(lost, Err(StoreError::Stopped { .. })), "{kind}: {lost:?}");
        let why = store.stopped().unwrap();
        assert!(why.contains("restore a backup"), "{why}");
    }
}

#[tokio::test]
async fn a_record_too_large_is_refused() {
    let store = open(Faulty::new()).unwrap();
    let huge = "x".repeat(MAX_RECORD);
    assert!(matches!(note(&store, "huge", &huge).await, Err(StoreError::TooLarge { .. })));
}

#[tokio::test]
async fn pages_are_in_order_and_stay_within_their_table() {
    let store = open(Faulty::new()).unwrap();
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
