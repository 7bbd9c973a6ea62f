//! Converting a store to the other engine, and interruptions of it.

use std::{fs, path::Path};

use super::*;
use crate::{EngineKind, Order, convert};

async fn filled(directory: &Path, kind: EngineKind, notes: u32) {
    let store = Store::open(directory, kind, LINKED, 42).unwrap();
    store
        .commit(move |transaction| {
            (0..notes).try_for_each(|number| transaction.put(&NOTES, &format!("note-{number}"), &number.to_string()))
        })
        .await
        .unwrap();
}

fn converted(directory: &Path, to: EngineKind) -> u64 {
    convert(directory, to, |_| ()).unwrap().entries
}

#[tokio::test]
async fn a_store_is_converted_there_and_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 2_500).await;
    assert_eq!(converted(path, EngineKind::Sqlite), 2_502);
    let wrong = Store::open(path, EngineKind::Sled, LINKED, 1).err().unwrap();
    assert!(matches!(wrong, StoreError::OtherEngine { .. }), "{wrong}");
    assert!(wrong.to_string().contains("store convert --to sled"));
    {
        let store = Store::open(path, EngineKind::Sqlite, LINKED, 99).unwrap();
        assert_eq!(store.epoch(), 42);
        assert_eq!(store.get(&NOTES, "note-2499").unwrap().as_deref(), Some("2499"));
    }
    assert_eq!(converted(path, EngineKind::Sled), 2_502);
    assert_eq!(
        Store::open(path, EngineKind::Sled, LINKED, 99).unwrap().get(&NOTES, "note-7").unwrap().as_deref(),
        Some("7")
    );
}

#[tokio::test]
async fn a_conversion_interrupted_between_its_renames_can_be_completed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 10).await;
    assert_eq!(converted(path, EngineKind::Sqlite), 12);
    // The state after the interruption: both stores have their final names.
    fs::rename(path.join("sled.converted"), path.join("sled")).unwrap();
    for kind in EngineKind::ALL {
        assert!(matches!(Store::open(path, kind, LINKED, 1), Err(StoreError::TwoStores { .. })));
    }
    assert_eq!(converted(path, EngineKind::Sqlite), 12);
    assert_eq!(Store::open(path, EngineKind::Sqlite, LINKED, 1).unwrap().epoch(), 42);
}

#[tokio::test]
async fn two_stores_that_differ_are_both_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 10).await;
    converted(path, EngineKind::Sqlite);
    // The new store has sold, then the old one was put back by hand.
    filled(path, EngineKind::Sqlite, 11).await;
    fs::rename(path.join("sled.converted"), path.join("sled")).unwrap();
    for to in EngineKind::ALL {
        let told = convert(path, to, |_| ()).unwrap_err().to_string();
        assert!(told.contains("both exist and differ"), "{told}");
    }
    fs::rename(path.join("sled"), path.join("sled.converted")).unwrap();
    let store = Store::open(path, EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(store.page(&NOTES, None, Order::Ascending, usize::MAX).unwrap().len(), 11);
}

#[tokio::test]
async fn a_conversion_that_fails_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(convert(path, EngineKind::Sqlite, |_| ()).unwrap_err().to_string().contains("there is no store"));
    filled(path, EngineKind::Sqlite, 1).await;
    assert!(convert(path, EngineKind::Sqlite, |_| ()).unwrap_err().to_string().contains("already uses sqlite"));
    fs::create_dir(path.join("sqlite.converted")).unwrap();
    assert!(convert(path, EngineKind::Sled, |_| ()).unwrap_err().to_string().contains("delete it first"));
    assert_eq!(Store::open(path, EngineKind::Sqlite, LINKED, 1).unwrap().epoch(), 42);
}
