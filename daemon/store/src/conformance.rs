//! The requirements on every engine: one suite for all of them, compared with a map in memory.

use std::{collections::BTreeMap, fs, ops::Bound, path::Path, sync::Arc};

use proptest::{prelude::*, sample::select};

use crate::{
    EngineKind, Name, Store, Table, ask_for_rewriting,
    engine::{Batch, Engine},
    store_dir::open_or_create,
    tests::LINKED,
};

static NOTES: Table<Name, String> = Table::new("note");

fn open(directory: &Path, kind: EngineKind) -> Arc<dyn Engine> {
    open_or_create(directory, &kind.into(), &[]).unwrap()
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Apply(Batch),
    Reopen,
}

fn a_key() -> impl Strategy<Value = Vec<u8>> {
    // Few and similar keys, so that histories use the same key again; with bytes that sort oddly.
    proptest::collection::vec(select(vec![0, 1, b'a', 0x7f, 0x80, 0xff]), 0..4)
}

fn a_step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        Just(None),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        (4_000_usize..9_000).prop_map(|length| Some(vec![7; length])),
    ];
    prop_oneof![
        9 => proptest::collection::btree_map(a_key(), value, 0..12)
            .prop_map(|batch| Step::Apply(batch.into_iter().collect())),
        1 => Just(Step::Reopen),
    ]
}

fn a_bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![Just(Bound::Unbounded), a_key().prop_map(Bound::Included), a_key().prop_map(Bound::Excluded)]
}

/// Whether a map in memory accepts the bounds; its `range` panics where an engine finds nothing.
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
        for &kind in EngineKind::BUILT {
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
                let inside = model.range::<[u8], _>((slice(from), slice(to)));
                let inside = inside.map(|(key, value)| (key.clone(), value.clone()));
                let expected: Vec<_> =
                    if *descending { inside.rev().take(*limit).collect() } else { inside.take(*limit).collect() };
                let found = engine.range(slice(from), slice(to), *descending, *limit).unwrap();
                prop_assert_eq!(found, expected, "{} {:?} {:?}", kind, from, to);
            }
        }
    }
}

#[test]
fn an_engine_reports_its_size() {
    for &kind in EngineKind::BUILT {
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
    let second = open_or_create(directory.path(), &EngineKind::Sqlite.into(), &[]).map(drop);
    let why = second.unwrap_err().to_string();
    assert!(why.ends_with(": another process has it open; stop that process first"), "{why}");
}

/// A store with many writes to few notes, so that most of its files is obsolete.
async fn worn(directory: &Path, kind: EngineKind) -> u64 {
    let store = Store::open(directory, kind, LINKED, 42).unwrap();
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
    let store = Store::open(directory, kind, LINKED, 99).unwrap();
    assert_eq!(store.epoch(), 42);
    for number in 0..40 {
        assert_eq!(store.get(&NOTES, &format!("worn-{number}")).unwrap(), Some(number.to_string()));
    }
    store.size_on_disk().unwrap()
}

#[tokio::test]
async fn a_store_is_rewritten_on_request_and_frees_its_space() {
    for &kind in EngineKind::BUILT {
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
async fn an_interrupted_rewrite_leaves_a_whole_store() {
    for &kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        worn(path, kind).await;
        let (current, former) = (path.join(kind.name()), path.join(format!("{kind}.former")));
        // Before the new store has its name, half of it is beside the old one.
        fs::rename(&current, &former).unwrap();
        fs::create_dir(path.join(format!("{kind}.new"))).unwrap();
        fs::write(path.join(format!("{kind}.new/torn")), b"half").unwrap();
        ask_for_rewriting(path).unwrap();
        is_whole(path, kind);
        // After that, the old one is still there.
        fs::create_dir(&former).unwrap();
        fs::write(former.join("db"), b"of the past").unwrap();
        is_whole(path, kind);
        assert!(!former.exists());
    }
}
