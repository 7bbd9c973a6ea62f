//! What every engine must do: one suite for all of them, beside a map in memory that is plainly right.

use std::{collections::BTreeMap, fs, ops::Bound, path::Path, sync::Arc};

use proptest::{prelude::*, sample::select};

use crate::{
    EngineKind, Name, Store, StoreError, Table, ask_for_rewriting, convert,
    engine::{Batch, Engine},
    home::open_or_create,
};

static NOTES: Table<Name, String> = Table::new("note");

fn open(directory: &Path, kind: EngineKind) -> Arc<dyn Engine> {
    open_or_create(directory, kind, &[]).unwrap()
}

/// A step in an engine's life.
#[derive(Clone, Debug)]
enum Step {
    Apply(Batch),
    Reopen,
}

fn a_key() -> impl Strategy<Value = Vec<u8>> {
    // Few and alike, so that histories meet the same key again, with the bytes that sort oddly.
    proptest::collection::vec(select(vec![0, 1, b'a', 0x7f, 0x80, 0xff]), 0..4)
}

fn a_step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        Just(None),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        (4_000_usize..9_000).prop_map(|length| Some(vec![7; length])),
    ];
    prop_oneof![
        9 => proptest::collection::btree_map(a_key(), value, 0..12).prop_map(|batch| Step::Apply(batch.into_iter().collect())),
        1 => Just(Step::Reopen),
    ]
}

fn a_bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Bound::Unbounded), a_key().prop_map(Bound::Included), a_key().prop_map(Bound::Excluded)]
}

/// Whether a map in memory takes the bounds; its `range` panics where an engine finds nothing.
fn ordered(from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
        (Bound::Excluded(from), Bound::Excluded(to)) => from < to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from <= to,
    }
}

fn slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_engine_is_an_ordered_map(
        steps in proptest::collection::vec(a_step(), 1..24),
        bounds in proptest::collection::vec((a_bound(), a_bound(), any::<bool>(), 0_usize..20), 8),
    ) {
        for kind in EngineKind::ALL {
            let directory = tempfile::tempdir().unwrap();
            let mut engine = open(directory.path(), kind);
            let mut model = BTreeMap::new();
            for step in &steps {
                match step {
                    Step::Apply(batch) => {
                        engine.apply(batch.clone()).unwrap();
                        engine.flush().unwrap();
                        for (key, value) in batch {
                            match value {
                                Some(value) => model.insert(key.clone(), value.clone()),
                                None => model.remove(key),
                            };
                        }
                    }
                    Step::Reopen => {
                        drop(engine);
                        engine = open(directory.path(), kind);
                    }
                }
            }
            for (key, value) in &model {
                let found = engine.get(key).unwrap();
                prop_assert_eq!(found.as_ref(), Some(value), "{}", kind);
            }
            prop_assert_eq!(engine.get(b"never written").unwrap(), None);
            for (from, to, descending, limit) in bounds.iter().filter(|(from, to, ..)| ordered(from, to)) {
                let inside = model.range::<[u8], _>((slice(from), slice(to))).map(|(key, value)| (key.clone(), value.clone()));
                let expected: Vec<_> = if *descending { inside.rev().take(*limit).collect() } else { inside.take(*limit).collect() };
                let found = engine.range(slice(from), slice(to), *descending, *limit).unwrap();
                prop_assert_eq!(found, expected, "{} {:?} {:?}", kind, from, to);
            }
        }
    }
}

#[test]
fn an_engine_tells_its_size() {
    for kind in EngineKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path(), kind);
        for part in 0..64_u8 {
            engine.apply(vec![(vec![part], Some(vec![part; 100_000]))]).unwrap();
            engine.flush().unwrap();
        }
        let size = engine.size_on_disk().unwrap();
        assert!((1_000_000..64_000_000).contains(&size), "{kind}: {size}");
    }
}

#[test]
fn a_store_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let _first = open(directory.path(), EngineKind::Sqlite);
    let second = open_or_create(directory.path(), EngineKind::Sqlite, &[]).map(drop);
    assert!(second.unwrap_err().to_string().contains("another process"));
}

async fn filled(directory: &Path, kind: EngineKind, notes: u32) {
    let store = Store::open(directory, kind, 42).unwrap();
    store
        .commit(move |transaction| {
            (0..notes).try_for_each(|number| transaction.put(&NOTES, &format!("note-{number}"), &number.to_string()))
        })
        .await
        .unwrap();
}

/// Until the engine has let go of its files: dropping a store hands that to its committer's thread.
fn converted(directory: &Path, to: EngineKind) -> u64 {
    convert(directory, to, |_| ()).unwrap().entries
}

#[tokio::test]
async fn a_store_is_converted_there_and_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 2_500).await;
    assert_eq!(converted(path, EngineKind::Sqlite), 2_502);
    let wrong = Store::open(path, EngineKind::Sled, 1).err().unwrap();
    assert!(matches!(wrong, StoreError::OtherEngine { .. }), "{wrong}");
    assert!(wrong.to_string().contains("store convert --to sled"));
    {
        let store = Store::open(path, EngineKind::Sqlite, 99).unwrap();
        assert_eq!(store.epoch(), 42);
        assert_eq!(store.get(&NOTES, "note-2499").unwrap().as_deref(), Some("2499"));
    }
    assert_eq!(converted(path, EngineKind::Sled), 2_502);
    assert_eq!(Store::open(path, EngineKind::Sled, 99).unwrap().get(&NOTES, "note-7").unwrap().as_deref(), Some("7"));
}

#[tokio::test]
async fn a_conversion_cut_between_its_renames_is_ended_by_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 10).await;
    assert_eq!(converted(path, EngineKind::Sqlite), 12);
    // As the cut leaves it: the new store has its name, the old one still has its own.
    fs::rename(path.join("sled.converted"), path.join("sled")).unwrap();
    for kind in EngineKind::ALL {
        assert!(matches!(Store::open(path, kind, 1), Err(StoreError::TwoStores { .. })));
    }
    assert_eq!(converted(path, EngineKind::Sqlite), 12);
    assert_eq!(Store::open(path, EngineKind::Sqlite, 1).unwrap().epoch(), 42);
}

#[tokio::test]
async fn of_two_stores_that_differ_neither_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    filled(path, EngineKind::Sled, 10).await;
    converted(path, EngineKind::Sqlite);
    // Sold on, then the former was put back by hand.
    filled(path, EngineKind::Sqlite, 11).await;
    fs::rename(path.join("sled.converted"), path.join("sled")).unwrap();
    for to in EngineKind::ALL {
        let told = convert(path, to, |_| ()).unwrap_err().to_string();
        assert!(told.contains("are both there and differ"), "{told}");
    }
    fs::rename(path.join("sled"), path.join("sled.converted")).unwrap();
    let store = Store::open(path, EngineKind::Sqlite, 1).unwrap();
    assert_eq!(store.page(&NOTES, None, crate::Order::Ascending, usize::MAX).unwrap().len(), 11);
}

#[tokio::test]
async fn what_can_not_be_converted_is_told_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(convert(path, EngineKind::Sqlite, |_| ()).unwrap_err().to_string().contains("there is none"));
    filled(path, EngineKind::Sqlite, 1).await;
    assert!(convert(path, EngineKind::Sqlite, |_| ()).unwrap_err().to_string().contains("kept by sqlite already"));
    fs::create_dir(path.join("sqlite.converted")).unwrap();
    assert!(convert(path, EngineKind::Sled, |_| ()).unwrap_err().to_string().contains("delete it first"));
    assert_eq!(Store::open(path, EngineKind::Sqlite, 1).unwrap().epoch(), 42);
}

/// A store of many writes to few notes, so that most of its files is of the past.
async fn worn(directory: &Path, kind: EngineKind) -> u64 {
    let store = Store::open(directory, kind, 42).unwrap();
    for round in 0..60 {
        let write = store.commit(move |transaction| {
            (0..40_u32).try_for_each(|number| {
                let text = format!("{round}").repeat(20_000 + number as usize);
                transaction.put(&NOTES, &format!("worn-{number}"), &text)
            })
        });
        write.await.unwrap();
    }
    let write = store.commit(|transaction| {
        (0..40_u32).try_for_each(|number| transaction.put(&NOTES, &format!("worn-{number}"), &number.to_string()))
    });
    write.await.unwrap();
    assert!(store.live_bytes().unwrap() < 100_000);
    store.size_on_disk().unwrap()
}

fn is_whole(directory: &Path, kind: EngineKind) -> u64 {
    let store = Store::open(directory, kind, 99).unwrap();
    assert_eq!(store.epoch(), 42);
    for number in 0..40 {
        assert_eq!(store.get(&NOTES, &format!("worn-{number}")).unwrap(), Some(number.to_string()));
    }
    store.size_on_disk().unwrap()
}

#[tokio::test]
async fn a_store_is_rewritten_when_asked_for_and_has_its_space_back() {
    for kind in EngineKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let before = worn(path, kind).await;
        ask_for_rewriting(path).unwrap();
        let after = is_whole(path, kind);
        assert!(after < before / 4, "{kind}: {after} of {before} bytes");
        for gone in ["rewrite".to_owned(), format!("{kind}.former"), format!("{kind}.new")] {
            assert!(!path.join(&gone).exists(), "{gone}");
        }
        is_whole(path, kind);
    }
}

#[tokio::test]
async fn a_rewriting_cut_anywhere_leaves_a_whole_store() {
    for kind in EngineKind::ALL {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        worn(path, kind).await;
        let (home, former) = (path.join(kind.name()), path.join(format!("{kind}.former")));
        // Before the new store has its name: half of it lies beside the former.
        fs::rename(&home, &former).unwrap();
        fs::create_dir(path.join(format!("{kind}.new"))).unwrap();
        fs::write(path.join(format!("{kind}.new/torn")), b"half").unwrap();
        ask_for_rewriting(path).unwrap();
        is_whole(path, kind);
        // After that: the former is there still.
        fs::create_dir(&former).unwrap();
        fs::write(former.join("db"), b"of the past").unwrap();
        is_whole(path, kind);
        assert!(!former.exists());
    }
}
