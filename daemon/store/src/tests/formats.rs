//! Reading old formats, upgrading them, and detecting damage.

use std::ops::Bound;

use proptest::prelude::*;

use super::*;
use crate::{
    Depth, EngineKind, FORMAT, META,
    chain::{BASE, HEAD, HEADS, Head},
    engine::{Batch, Engine, each_entry_of},
    meta,
    migrate::Step,
    restore,
    store_dir::open_or_create,
};

#[test]
fn a_store_of_a_newer_hub_is_refused() {
    let engine = Faulty::new();
    let newer = FORMAT + 1;
    let (key, value) = meta("format", u64::from(newer)).unwrap();
    engine.apply(vec![(key, Some(value))]).unwrap();
    let Err(StoreError::TooNew { found, known }) = open(engine) else { panic!("it was opened") };
    assert_eq!((found, known), (u64::from(newer), FORMAT));
}

/// The first records ever written, byte by byte (the checksums by zlib, the hash by OpenSSL), in the encodings 1 and 2.
/// Lines are added here, never changed.
const WRITTEN: [&[u8]; 2] = [
    b"\x01\xac\x82n\x8b\"as first written\"",
    b"\x02\x8e\x98\xa2\xe0\x01\x00\x00\x00\x00\x00\x00\x00\xe8\x92\x1e\xe6\xb1<o\xac\xeb\x8e\xdd\x05\
      \xfb\x89\xe1\xf7\xbd~\xaf\xf3(t\xe4\x12\xa6\x0d.v\x5cC\x9d\xfd\"as first written\"",
];

#[tokio::test]
async fn the_first_records_can_be_read() {
    for value in WRITTEN {
        let engine = Faulty::new();
        let key = b"note\0a".to_vec();
        engine.apply(vec![(key.clone(), Some(value.to_vec()))]).unwrap();
        let link = crate::value::Value::of(&key, value).unwrap().link;
        if let Some(link) = link {
            let head_key = HEADS.raw_key(HEAD);
            let head = HEADS.encode(&head_key, &Head::from(link), |_| None).unwrap();
            engine.apply(vec![(head_key, Some(head))]).unwrap();
        }
        let store = open(engine).unwrap();
        assert_eq!(store.get(&NOTES, "a").unwrap().as_deref(), Some("as first written"));
        let checked = store.check(Depth::Whole).unwrap();
        assert_eq!((checked.faults, checked.links), (Vec::new(), u64::from(link.is_some())));
    }
}

/// An invented format: its notes begin with "2: ".
const NEXT: u32 = FORMAT + 1;

const STEPS: &[(u32, Step)] = &[(NEXT, mark_notes)];

/// Records changed with one batch.
const PART: usize = 500;

/// A model of a step: it changes the records that are not changed yet, in durable batches.
fn mark_notes(engine: &dyn Engine) -> Result<(), StoreError> {
    let (first, end) = NOTES.span();
    each_entry_of(engine, Bound::Included(&first), Bound::Excluded(&end), PART, |part| {
        let mut batch = Batch::new();
        for (key, value) in part {
            let text = NOTES.decode(key, value)?;
            if !text.starts_with("2: ") {
                batch.push((key.clone(), Some(NOTES.encode(key, &format!("2: {text}"), |_| None)?)));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        engine.apply(batch)?;
        Ok(engine.flush()?)
    })
}

/// A store of today's format, with notes.
fn with_notes(engine: &dyn Engine, notes: u32) {
    let entry = |number: u32| {
        let key = NOTES.raw_key(&format!("note-{number:05}"));
        let value = NOTES.encode(&key, &format!("text {number}"), |_| None).unwrap();
        (key, Some(value))
    };
    engine.apply((0..notes).map(entry).collect()).unwrap();
    engine.flush().unwrap();
}

#[test]
fn an_interrupted_step_ends_the_same() {
    let raised = |writes: Option<usize>, kept: usize| {
        let mut engine = Faulty::new();
        with_notes(&*engine, 1_700);
        engine.fail_after(writes);
        let outcome = migrate::raise(&*engine, None, STEPS);
        engine = engine.cut(kept);
        migrate::raise(&*engine, None, STEPS).unwrap();
        assert_eq!(META.read(&*engine, "format").unwrap(), Some(u64::from(NEXT)));
        let durable = engine.durable.lock().unwrap().clone();
        (outcome.is_ok(), durable)
    };
    let (_, expected) = raised(None, 0);
    assert_eq!(expected.iter().filter(|(key, _)| key.starts_with(b"note\0")).count(), 1_700);
    // Four batches of notes, then the format.
    for writes in 0..=5 {
        let (is_through, durable) = raised(Some(writes), writes % 2);
        assert_eq!((is_through, durable == expected), (writes >= 5, true), "cut after {writes} writes");
    }
}

#[test]
fn a_backup_is_taken_before_an_upgrade_and_can_be_restored() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Faulty::new();
    with_notes(&*engine, 700);
    let before = engine.durable.lock().unwrap().clone();
    engine.fail_after(Some(1));
    migrate::raise(&*engine, Some(directory.path()), STEPS).unwrap_err();
    engine.fail_after(None);
    let path = directory.path().join("backups/before-format-2.backup");
    let taken = std::fs::read(&path).unwrap();
    migrate::raise(&*engine, Some(directory.path()), STEPS).unwrap();
    let kept = directory.path().join("backups/before-format-2-7-0.backup");
    assert_eq!(std::fs::read(&kept).unwrap(), taken, "the one from before the first step stays");
    std::fs::rename(&kept, &path).unwrap();
    migrate::raise(&*engine, Some(directory.path()), STEPS).unwrap();
    assert!(kept.exists(), "also if it was cut before it had its own name");
    let back = directory.path().join("back");
    restore(&back, EngineKind::Sqlite, &taken[..], 1).unwrap();
    let restored = open_or_create(&back, &EngineKind::Sqlite.into(), &[]).unwrap();
    for (key, value) in before.iter().filter(|(key, _)| !key.starts_with(b"meta")) {
        assert_eq!(restored.get(key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(META.read(&*restored, "format").unwrap(), Some(u64::from(FORMAT)));
}

#[tokio::test]
async fn a_check_finds_every_kind_of_damage() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
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
    for end in [HEAD, BASE] {
        let told = damaged(vec![(HEADS.raw_key(end), Some(b"\x01nonsense".to_vec()))]);
        assert!(told.contains("the chain's ends: the record") && told.contains(end), "{told}");
    }
}

#[tokio::test]
async fn a_damaged_stream_affects_no_other_stream() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    append(&store, "sales").await.unwrap();
    append(&store, "stock").await.unwrap();
    drop(store);
    engine.apply(vec![(b"outbox_stream\0sales".to_vec(), Some(b"\x01nonsense".to_vec()))]).unwrap();
    let store = open(engine).unwrap();
    assert!(matches!(append(&store, "sales").await, Err(StoreError::Corrupt { .. })));
    assert_eq!(append(&store, "stock").await.unwrap(), 2);
    let faults = store.check(Depth::Fast).unwrap().faults;
    assert!(matches!(&faults[..], [fault] if fault.contains("outbox_stream")), "{faults:?}");
    store.backup(std::io::sink()).unwrap();
}

proptest! {
    /// Damaged bytes in the engine cause errors that name the record, never a panic.
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
