//! The outbox: ordered, and visible only once it is durable.

use std::fs;

use super::*;
use crate::{
    EngineKind, Number,
    outbox::{KEPT, Span},
    restore,
};

static SALES: Table<Number, String> = Table::linked("sale");

#[tokio::test]
async fn the_outbox_numbers_without_gaps_and_is_trimmed_on_acknowledgement() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    for expected in 1..=5 {
        assert_eq!(append(&store, "sales").await.unwrap(), expected);
    }
    assert_eq!(append(&store, "other").await.unwrap(), 1);
    store.acknowledge_outbox("sales", 3).await.unwrap();
    drop(store);
    let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(store.outbox_span("sales").unwrap(), Span { first_kept: 1, last: 5, acknowledged: 3, base: 0 });
    let sequences: Vec<_> = store.outbox("sales", 4, 10).unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [4, 5]);
    store.acknowledge_outbox("sales", 99).await.unwrap();
    assert_eq!(store.outbox_span("sales").unwrap().acknowledged, 5, "never past what was sent");
}

#[tokio::test]
async fn an_epoch_begins_with_the_kept_entries_even_if_hq_went_back_further() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store"), EngineKind::Sqlite, LINKED, 1).unwrap();
    let last = KEPT + 5;
    let many = store.commit(move |transaction| {
        (0..last).try_for_each(|_| transaction.append_to_outbox("sales", "sale.completed", 5, "s").map(drop))
    });
    many.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    store.acknowledge_outbox("sales", last).await.unwrap();
    store.acknowledge_outbox("sales", 2).await.unwrap();
    assert_eq!(store.outbox_span("sales").unwrap(), Span { first_kept: 6, last, acknowledged: 2, base: 0 });
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    let back = directory.path().join("back");
    restore(&back, EngineKind::Sqlite, &backup[..], 1).unwrap();
    let store = Store::open(&back, EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(store.outbox_span("sales").unwrap(), Span { first_kept: 6, last, acknowledged: 5, base: 5 });
}

/// A disk that was set back, or a clone: both continue after the copy, and their entries with the same numbers differ.
#[tokio::test]
async fn links_differ_from_the_entry_where_two_stores_diverge() {
    let directory = tempfile::tempdir().unwrap();
    let (box_, clone) = (directory.path().join("box"), directory.path().join("clone"));
    let open = |path| Store::open(path, EngineKind::Sqlite, LINKED, 1).unwrap();
    let store = open(&box_);
    for _ in 0..3 {
        append(&store, "sales").await.unwrap();
    }
    drop(store);
    fs::create_dir_all(clone.join("sqlite")).unwrap();
    for file in fs::read_dir(box_.join("sqlite")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), clone.join("sqlite").join(file.file_name())).unwrap();
    }
    let (store, other) = (open(&box_), open(&clone));
    let link = |store: &Store, sequence| store.outbox_link("sales", sequence).unwrap();
    assert!((1..=3).all(|sequence| link(&store, sequence).is_some()));
    assert!((1..=3).all(|sequence| link(&store, sequence) == link(&other, sequence)));
    assert_eq!((link(&store, 0), link(&store, 4)), (None, None), "no such entries");
    // Even if the entries themselves are equal: a different link of the chain came between.
    let sold = other.commit(|transaction| transaction.put(&SALES, 1, &"sold".to_owned()));
    sold.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    for store in [&store, &other] {
        append(store, "sales").await.unwrap();
        append(store, "sales").await.unwrap();
    }
    assert!((4..=5).all(|sequence| link(&store, sequence).is_some()));
    assert!((4..=5).all(|sequence| link(&store, sequence) != link(&other, sequence)));
}

#[tokio::test]
async fn the_bridge_never_sees_an_entry_before_its_flush() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    append(&store, "sales").await.unwrap();
    engine.set(Some(Fault::EioOnFlush));
    assert!(append(&store, "sales").await.is_err());
    // It may be in the engine, but was not made durable.
    assert!(engine.applied.lock().unwrap().len() > engine.durable.lock().unwrap().len());
    assert_eq!(store.outbox_span("sales").unwrap().last, 1);
    assert_eq!(store.outbox("sales", 1, 10).unwrap().len(), 1);
    assert_eq!(store.outbox("sales", 2, 10).unwrap(), []);
}
