//! What older hubs wrote, what damage looks like.

use proptest::prelude::*;

use super::*;
use crate::{
    Depth, EngineKind, FORMAT, META, Number,
    chain::{BASE, HEAD, HEADS},
    engine::{Batch, Engine},
    home::open_or_create,
    meta, restore,
};

#[test]
fn a_store_of_a_newer_hub_is_refused() {
    let engine = Faulty::new();
    let (key, value) = meta("format", 4).unwrap();
    engine.apply(vec![(key, Some(value))]).unwrap();
    assert!(matches!(open(engine), Err(StoreError::TooNew { found: 4, known: 3 })));
}

/// What hubs of every format wrote, byte by byte (the checksums by zlib, the hash by OpenSSL). Lines are added here, never changed.
const WRITTEN: [(u8, &[u8], &[u8]); 3] = [
    (1, b"note\0a", b"\x01\"written by format 1\""),
    (2, b"note\0a", b"\x02\x25\xd5\x03\x01\"written by format 2\""),
    (
        3,
        b"note\0a",
        b"\x03\xee\xa6\xd7\x39\x01\x00\x00\x00\x00\x00\x00\x00\x04\x06\xba\x6e\xb5\x95\x02\
          \xbe\x6b\xe6\x3d\x88\x3a\xb8\x06\xb7\xa3\x9f\x87\xb7\xab\xa0\xde\xd6\xac\xf2\x02\xba\x29\x70\xfa\xae\"written by format 3\"",
    ),
];

/// The head of the chain whose one link is the record of format 3.
const WRITTEN_HEAD: &[u8] =
    b"\x01{\"number\":1,\"hash\":\"0406ba6eb59502be6be63d883ab806b7a39f87b7aba0ded6acf202ba2970faae\"}";

#[tokio::test]
async fn what_every_format_wrote_is_read_and_the_format_is_raised_once() {
    for (format, key, value) in WRITTEN {
        let engine = Faulty::new();
        let written = format!("\x01{format}").into_bytes();
        engine.apply(vec![(META.raw_key("format"), Some(written)), (key.to_vec(), Some(value.to_vec()))]).unwrap();
        if format >= 3 {
            engine.apply(vec![(b"chain\0head".to_vec(), Some(WRITTEN_HEAD.to_vec()))]).unwrap();
        }
        for _ in 0..2 {
            let store = open(engine.clone()).unwrap();
            assert_eq!(store.get(&NOTES, "a").unwrap(), Some(format!("written by format {format}")));
            assert_eq!(store.get(&META, "format").unwrap(), Some(u64::from(FORMAT)));
            let checked = store.check(Depth::Whole).unwrap();
            assert_eq!((checked.faults, checked.links), (Vec::new(), u64::from(format >= 3)));
        }
        let raised = engine.durable.lock().unwrap().contains_key(key);
        assert_eq!(raised, u32::from(format) < FORMAT, "flushed only if there was something to raise");
    }
}

static SALES: Table<Number, String> = Table::new("sale");

/// A store of format 2 with sales, as an older hub left it.
fn of_format_2(sales: u64) -> Arc<Faulty> {
    let engine = Faulty::new();
    let mut batch = vec![(META.raw_key("format"), Some(b"\x012".to_vec()))];
    for number in 1..=sales {
        let key = SALES.raw_key(number);
        let value = SALES.encode(&key, &format!("sale {number}"), |_| None).unwrap();
        batch.push((key, Some(value)));
    }
    engine.apply(batch).unwrap();
    engine.flush().unwrap();
    engine
}

#[tokio::test]
async fn raising_the_format_links_every_sale_wherever_it_is_cut() {
    let whole = of_format_2(1_700);
    drop(open(whole.clone()).unwrap());
    let expected = whole.durable.lock().unwrap().clone();
    // Four parts of sales, then the format.
    for writes in 0..6 {
        let mut engine = of_format_2(1_700);
        engine.fail_after(Some(writes));
        let raised = migrate::raise(&*engine, None);
        assert_eq!(raised.is_ok(), writes >= 6, "{raised:?}");
        engine = engine.cut(writes % 2);
        let store = open(engine.clone()).unwrap();
        assert_eq!(*engine.durable.lock().unwrap(), expected, "cut after {writes} writes");
        let checked = store.check(Depth::Whole).unwrap();
        assert_eq!((checked.links, checked.faults), (1_700, Vec::new()));
    }
}

#[tokio::test]
async fn a_backup_is_taken_before_the_format_is_raised_and_leads_back() {
    let directory = tempfile::tempdir().unwrap();
    let engine = of_format_2(700);
    let before = engine.durable.lock().unwrap().clone();
    engine.fail_after(Some(1));
    migrate::raise(&*engine, Some(directory.path())).unwrap_err();
    engine.fail_after(None);
    let path = directory.path().join("backups/before-format-3.backup");
    let taken = std::fs::read(&path).unwrap();
    migrate::raise(&*engine, Some(directory.path())).unwrap();
    let kept = directory.path().join("backups/before-format-3-7-700.backup");
    assert_eq!(std::fs::read(&kept).unwrap(), taken, "the one from before the first step stays");
    std::fs::rename(&kept, &path).unwrap();
    migrate::raise(&*engine, Some(directory.path())).unwrap();
    assert!(kept.exists(), "also if it was cut before it had its own name");
    let back = directory.path().join("back");
    restore(&back, EngineKind::Sqlite, &taken[..], 1).unwrap();
    let restored = open_or_create(&back, EngineKind::Sqlite, &[]).unwrap();
    for (key, value) in before.iter().filter(|(key, _)| !key.starts_with(b"meta")) {
        assert_eq!(restored.get(key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(META.read(&*restored, "format").unwrap(), Some(2));
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
        let told = damaged(vec![(HEADS.raw_key(end), Some(b"\x02nonsense".to_vec()))]);
        assert!(told.contains("the chain's ends: the record") && told.contains(end), "{told}");
    }
}

#[tokio::test]
async fn a_stream_that_can_not_be_read_holds_up_itself_alone() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    append(&store, "sales").await.unwrap();
    append(&store, "stock").await.unwrap();
    drop(store);
    engine.apply(vec![(b"outbox_stream\0sales".to_vec(), Some(b"\x02nonsense".to_vec()))]).unwrap();
    let store = open(engine).unwrap();
    assert!(matches!(append(&store, "sales").await, Err(StoreError::Corrupt { .. })));
    assert_eq!(append(&store, "stock").await.unwrap(), 2);
    let faults = store.check(Depth::Fast).unwrap().faults;
    assert!(matches!(&faults[..], [fault] if fault.contains("outbox_stream")), "{faults:?}");
    store.backup(std::io::sink()).unwrap();
}

proptest! {
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
