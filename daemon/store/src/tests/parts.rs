//! Records larger than a value of the engine are written in parts, and no part outlives its record.

use std::{collections::BTreeMap, ops::Bound};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    Depth, EngineKind, Number, Order, ask_for_rewriting, convert,
    engine::{Batch, Engine},
    parts::{MAX_VALUE, TABLE},
    restore,
    store_dir::open_or_create,
    value::{COUNT, SEAL},
};

static SALES: Table<Number, String> = Table::linked("sale");

/// The keys in a history. One is a prefix of another.
const KEYS: [&str; 4] = ["a", "ab", "b", "b\u{1}c"];

/// Note sizes around the limits where one more part is needed.
fn a_size() -> impl Strategy<Value = usize> {
    let (head, part, quotes) = (MAX_VALUE - SEAL - COUNT, MAX_VALUE - SEAL, 2);
    let boundary = select(vec![MAX_VALUE - SEAL, head + part, head + 2 * part]);
    prop_oneof![
        2 => 0_usize..2_000,
        5 => (boundary, 0_usize..10).prop_map(move |(boundary, offset)| boundary - quotes + offset - 5),
        1 => 0_usize..900_000,
    ]
}

/// A step in the history of some notes.
#[derive(Clone, Debug)]
enum Step {
    /// One commit of writes and deletions, perhaps twice of the same key, which may refuse.
    Commit(Vec<(usize, Option<usize>)>, bool),
    Reopen,
    Restore,
}

fn a_step() -> impl Strategy<Value = Step> {
    let change = (0..KEYS.len(), prop::option::weighted(0.7, a_size()));
    prop_oneof![
        6 => (prop::collection::vec(change, 1..4), prop::bool::weighted(0.15))
            .prop_map(|(changes, refuses)| Step::Commit(changes, refuses)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Restore),
    ]
}

fn text(bytes: usize) -> String {
    // The text depends on its size, so that parts of two notes are never equal.
    (0..bytes).map(|place| char::from(b'a' + u8::try_from((place / 7 + bytes) % 26).unwrap())).collect()
}

/// The number of parts that the notes need.
fn parts_of(notes: &BTreeMap<&str, usize>) -> usize {
    let needed = |bytes: &usize| (bytes + 2 + SEAL).checked_sub(MAX_VALUE + 1).map(|_| ());
    let parts = |bytes: &usize| {
        needed(bytes).map_or(0, |()| (bytes + 2 + SEAL - (MAX_VALUE - SEAL - COUNT)).div_ceil(MAX_VALUE - SEAL))
    };
    notes.values().map(parts).sum()
}

/// The number of parts in the engine.
fn parts_in(engine: &dyn Engine) -> usize {
    let (first, end) = ([TABLE.as_bytes(), &[0]].concat(), [TABLE.as_bytes(), &[1]].concat());
    engine.range(Bound::Included(&first), Bound::Excluded(&end), false, usize::MAX).unwrap().len()
}

fn holds(store: &Store, notes: &BTreeMap<&str, usize>) -> Result<(), TestCaseError> {
    for key in KEYS {
        let found = store.get(&NOTES, key).unwrap();
        prop_assert!(found == notes.get(key).map(|bytes| text(*bytes)), "{key}: {:?}", found.map(|text| text.len()));
    }
    let texts: Vec<_> = notes.values().map(|bytes| text(*bytes)).collect();
    prop_assert!(store.page(&NOTES, None, Order::Ascending, usize::MAX).unwrap() == texts);
    let mut each = Vec::new();
    store.each(&NOTES, |note| each.push(note.unwrap())).unwrap();
    prop_assert!(each == texts);
    prop_assert_eq!(parts_in(&*store.engine), parts_of(notes));
    prop_assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
    Ok(())
}

async fn live(kind: EngineKind, steps: &[Step]) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let mut place = directory.path().join("0");
    let mut store = Store::open(&place, kind, LINKED, 1).unwrap();
    let mut notes = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Commit(changes, refuses) => {
                let (doing, refuses) = (changes.clone(), *refuses);
                let done = store.commit(move |transaction| {
                    for (key, size) in doing {
                        match size {
                            Some(size) => transaction.put(&NOTES, KEYS[key], &text(size))?,
                            None => transaction.delete(&NOTES, KEYS[key]),
                        }
                        let found = transaction.get(&NOTES, KEYS[key])?.map(|text| text.len());
                        assert_eq!(found, size, "it sees what it wrote");
                    }
                    if refuses { Err(StoreError::Busy) } else { Ok(()) }
                });
                if done.await.is_ok() {
                    for (key, size) in changes {
                        match size {
                            Some(size) => notes.insert(KEYS[*key], *size),
                            None => notes.remove(KEYS[*key]),
                        };
                    }
                }
            }
            Step::Reopen => {
                drop(store);
                store = Store::open(&place, kind, LINKED, 1).unwrap();
            }
            Step::Restore => {
                let mut backup = Vec::new();
                store.backup(&mut backup).unwrap();
                place = directory.path().join((number + 1).to_string());
                let restored = restore(&place, kind, &backup[..], 1).unwrap();
                prop_assert_eq!(restored.damaged, 0);
                store = Store::open(&place, kind, LINKED, 1).unwrap();
            }
        }
        holds(&store, &notes)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn parts_always_belong_to_a_record_and_are_complete(steps in prop::collection::vec(a_step(), 1..12)) {
        for kind in EngineKind::BUILT {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(live(*kind, &steps))?;
        }
    }
}

/// A record in three parts and a small one, on an engine that tests can tamper with.
async fn with_a_large_note() -> (Arc<Faulty>, Store) {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    note(&store, "large", &text(3 * MAX_VALUE)).await.unwrap();
    note(&store, "small", "x").await.unwrap();
    (engine, store)
}

fn part_key(number: u16) -> Vec<u8> {
    [b"continuation\0note\0large", &number.to_be_bytes()[..]].concat()
}

#[tokio::test]
async fn a_check_finds_a_part_that_is_missing_damaged_or_left_over() {
    let (engine, store) = with_a_large_note().await;
    let whole = engine.applied.lock().unwrap().clone();
    let told = |change: Batch| {
        *engine.applied.lock().unwrap() = whole.clone();
        engine.apply(change).unwrap();
        store.check(Depth::Whole).unwrap().faults.join("; ")
    };
    assert_eq!(told(Batch::new()), "");
    for number in 0..3 {
        let missing = told(vec![(part_key(number), None)]);
        assert!(missing.contains(&format!("part {} of 3 is missing", number + 1)), "{missing}");
        let mut bytes = whole[&part_key(number)].clone();
        bytes[10] ^= 1;
        assert!(told(vec![(part_key(number), Some(bytes))]).contains("its checksum is wrong"));
    }
    assert!(told(vec![(part_key(0), Some(whole[&part_key(1)].clone()))]).contains("checksum"), "another part");
    assert!(told(vec![(part_key(3), Some(whole[&part_key(2)].clone()))]).contains("belongs to no record"));
    assert!(told(vec![(NOTES.raw_key("large"), None)]).contains("belongs to no record"));
    let other = NOTES.encode(&NOTES.raw_key("large"), &"small now".into(), |_| None).unwrap();
    assert!(told(vec![(NOTES.raw_key("large"), Some(other))]).contains("belongs to no record"));
    // A part of an older record of the same size, with a correct checksum of its own.
    note(&store, "large", &text(3 * MAX_VALUE + 1)).await.unwrap();
    let newer = engine.applied.lock().unwrap().clone();
    let mixed = told(vec![(part_key(1), Some(newer[&part_key(1)].clone()))]);
    assert!(mixed.contains("its checksum is wrong"), "{mixed}");
}

#[tokio::test]
async fn a_damaged_large_record_can_be_overwritten_and_leaves_no_part() {
    for damaged in [None, Some(b"\x03nonsense".to_vec()), Some(Vec::new())] {
        let (engine, store) = with_a_large_note().await;
        drop(store);
        // Write the whole record first, so that opening sees a table in parts; then damage its beginning.
        let (change, is_gone) = match damaged {
            Some(bytes) => ((NOTES.raw_key("large"), Some(bytes)), false),
            None => ((part_key(1), None), true),
        };
        engine.apply(vec![change]).unwrap();
        let store = open(engine.clone()).unwrap();
        assert!(matches!(store.get(&NOTES, "large"), Err(StoreError::Corrupt { .. })), "{is_gone}");
        note(&store, "large", "small now").await.unwrap();
        assert_eq!(parts_in(&*engine), 0);
        assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
    }
}

#[tokio::test]
async fn a_page_shows_readable_records_and_reports_the_others() {
    let (engine, store) = with_a_large_note().await;
    for key in ["a", "m", "z"] {
        note(&store, key, key).await.unwrap();
    }
    engine.apply(vec![(part_key(2), None), (NOTES.raw_key("m"), Some(b"\x01nonsense".to_vec()))]).unwrap();
    assert!(matches!(store.page(&NOTES, None, Order::Ascending, 9), Err(StoreError::Corrupt { .. })));
    for (order, limit, texts, damaged) in [
        (Order::Ascending, 9, &["a", "x", "z"][..], 2),
        (Order::Descending, 2, &["z", "x"], 0),
        (Order::Ascending, 2, &["a", "x"], 2),
    ] {
        let mut told = Vec::new();
        let page = store.readable_page(&NOTES, None, order, limit, |error| told.push(error.to_string())).unwrap();
        assert_eq!((page, told.len()), (texts.iter().map(|text| (*text).to_owned()).collect(), damaged), "{told:?}");
    }
}

#[tokio::test]
async fn a_record_that_changes_while_its_parts_are_read_is_read_again() {
    for kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), *kind, LINKED, 1).unwrap());
        let sizes = [2 * MAX_VALUE + 1, 3 * MAX_VALUE, 10, 2 * MAX_VALUE + 2];
        note(&store, "a", &text(sizes[0])).await.unwrap();
        let (reads, (tell_end, end)) = (Arc::clone(&store), std::sync::mpsc::channel::<()>());
        let reader = std::thread::spawn(move || {
            while end.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                for found in
                    [reads.get(&NOTES, "a").unwrap(), reads.page(&NOTES, None, Order::Ascending, 9).unwrap().pop()]
                {
                    let found = found.expect("it is never deleted");
                    assert!(sizes.contains(&found.len()) && found == text(found.len()), "{}", found.len());
                }
            }
        });
        for round in 0..40 {
            note(&store, "a", &text(sizes[round % sizes.len()])).await.unwrap();
        }
        drop(tell_end);
        reader.join().unwrap();
    }
}

#[tokio::test]
async fn large_records_are_linked_archived_converted_and_forgotten_with_their_parts() {
    use crate::archive::SEGMENT;
    let directory = tempfile::tempdir().unwrap();
    let mut store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap());
    let sale = |number: u64| {
        if number.is_multiple_of(2_500) {
            text(MAX_VALUE + usize::try_from(number).unwrap())
        } else {
            number.to_string()
        }
    };
    for first in (1..=SEGMENT).step_by(500) {
        let sold = store.commit(move |transaction| {
            for number in first..first + 500 {
                transaction.put(&SALES, number, &sale(number))?;
                if number.is_multiple_of(5_000) {
                    transaction.put(&NOTES, &number.to_string(), &text(2 * MAX_VALUE))?;
                }
            }
            Ok::<_, StoreError>(())
        });
        sold.await.unwrap();
    }
    let is_whole = |store: &Store| {
        for number in [1, 2_500, 4_999, 5_000, SEGMENT] {
            assert!(store.kept(&SALES, number).unwrap() == Some(sale(number)), "{number}");
        }
        let slip = store.kept_with(&SALES, 5_000, &NOTES, "5000").unwrap();
        assert!(slip == Some(text(2 * MAX_VALUE)));
        for order in [Order::Ascending, Order::Descending] {
            let page = store.page_kept(&SALES, Some(5_000), order, 3).unwrap();
            assert!(page[0] == sale(5_000) && page.len() == 3);
        }
        let checked = store.check(Depth::Whole).unwrap();
        assert_eq!((checked.faults, checked.links), (Vec::new(), SEGMENT));
    };
    is_whole(&store);
    assert_eq!(parts_in(&*store.engine), 4 + 2 * 2);
    let companions = |sale: &String| {
        let number = if sale.len() > 100 { sale.len() - MAX_VALUE } else { sale.parse().unwrap() };
        vec![NOTES.entry(&number.to_string())]
    };
    assert_eq!(blocking(|| store.archive(&SALES, SEGMENT, companions)).unwrap(), SEGMENT);
    assert_eq!(parts_in(&*store.engine), 0);
    is_whole(&store);
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    let back = directory.path().join("back");
    restore(&back, EngineKind::Sqlite, &backup[..], 1).unwrap();
    is_whole(&Store::open(&back, EngineKind::Sqlite, LINKED, 1).unwrap());
    assert_eq!(blocking(|| store.give_up(&SALES, |_| true)).unwrap(), SEGMENT);
    // The next sale is linked after those that were deleted.
    store.commit(move |transaction| transaction.put(&SALES, SEGMENT + 1, &text(MAX_VALUE))).await.unwrap();
    let checked = store.check(Depth::Whole).unwrap();
    assert_eq!((checked.faults, checked.links), (Vec::new(), 1));
    note(&store, "old", &text(3 * MAX_VALUE)).await.unwrap();
    assert_eq!(blocking(|| store.forget(&NOTES, |note| note.len() > MAX_VALUE)).unwrap(), 1);
    assert_eq!(parts_in(&*store.engine), 1, "the sale's");
    drop(store);
    if let [other, EngineKind::Sqlite] = EngineKind::BUILT {
        convert(directory.path(), *other, |_| ()).unwrap();
        store = Arc::new(Store::open(directory.path(), *other, LINKED, 1).unwrap());
        assert!(store.get(&SALES, SEGMENT + 1).unwrap() == Some(text(MAX_VALUE)));
        drop(store);
        ask_for_rewriting(directory.path()).unwrap();
        let engine = open_or_create(directory.path(), &(*other).into(), &[]).unwrap();
        assert_eq!(parts_in(&*engine), 1);
    }
}
