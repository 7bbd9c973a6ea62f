use proptest::prelude::*;

use super::*;
use crate::{
    Number, Order, Store, Table,
    archive::SEGMENT,
    backup::{restore, verify},
};

static NOTES: Table<Number, String> = Table::linked("note");
const SECRET: &str = "Anna Huber, Hauptstrasse 1";

fn key(byte: u8) -> Option<Arc<SealKey>> {
    SealKey::new(&[byte; 32]).map(Arc::new)
}

fn medium(engine: EngineKind, byte: u8) -> Medium {
    Medium { engine, key: key(byte) }
}

/// All bytes of all files of a directory.
fn bytes(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes(&path) } else { std::fs::read(path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn note(store: &Store, number: u64, text: &str) {
    let text = text.to_owned();
    store.commit_blocking(move |transaction| transaction.put(&NOTES, number, &text)).unwrap();
}

#[test]
fn a_sealed_store_shows_nothing_on_the_disk_and_reads_back() {
    for engine in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let open = |medium: Medium| Store::open(directory.path(), medium, &["note"], 7);
        let store = open(medium(*engine, 1)).unwrap();
        note(&store, 1, SECRET);
        drop(store);
        assert!(!holds(&bytes(directory.path()), SECRET), "{engine}");
        let store = open(medium(*engine, 1)).unwrap();
        assert_eq!(store.get(&NOTES, 1).unwrap().as_deref(), Some(SECRET));
        assert_eq!(store.page(&NOTES, None, Order::Descending, 9).unwrap(), [SECRET]);
        assert_eq!(store.check(crate::Depth::Whole).unwrap().faults, [""; 0]);
        drop(store);
        let refused = |medium: Medium| open(medium).err().unwrap().to_string();
        assert!(refused(medium(*engine, 2)).contains("another key"));
        assert!(refused((*engine).into()).contains("there is no key"));
    }
}

#[test]
fn an_open_store_is_not_opened_with_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let open = |medium: Medium| Store::open(directory.path(), medium, &["note"], 7);
    drop(open(EngineKind::Sqlite.into()).unwrap());
    assert!(open(medium(EngineKind::Sqlite, 1)).err().unwrap().to_string().contains("not encrypted"));
    assert!(open(EngineKind::Sqlite.into()).is_ok());
}

#[test]
fn a_backup_moves_a_store_and_its_archive_to_another_key() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let store = Store::open(&place("one"), medium(EngineKind::Sqlite, 1), &["note"], 7).unwrap();
    for first in (1..=SEGMENT).step_by(500) {
        let notes = (first..first + 500).map(|number| (number, format!("{SECRET}, {number}")));
        let notes: Vec<_> = notes.collect();
        let put = store.commit_blocking(move |transaction| {
            notes.iter().try_for_each(|(number, text)| transaction.put(&NOTES, *number, text))
        });
        put.unwrap();
    }
    note(&store, SEGMENT + 1, SECRET);
    assert_eq!(store.archive(&NOTES, SEGMENT, |_| Vec::new()).unwrap(), SEGMENT);
    let last = format!("{SECRET}, {SEGMENT}");
    assert_eq!(store.kept(&NOTES, SEGMENT).unwrap().as_ref(), Some(&last));
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    drop(store);
    assert_eq!(verify(&backup[..]).unwrap().damaged, 0);
    assert!(!holds(&bytes(&place("one")), "Hauptstrasse"), "the archive is sealed");
    for (name, medium) in [("two", medium(EngineKind::Sqlite, 2)), ("three", EngineKind::Sqlite.into())] {
        assert_eq!(restore(&place(name), medium.clone(), &backup[..], 8).unwrap().damaged, 0);
        let store = Store::open(&place(name), medium, &["note"], 9).unwrap();
        assert_eq!(store.kept(&NOTES, SEGMENT).unwrap().as_ref(), Some(&last), "{name}");
        assert_eq!(store.check(crate::Depth::Whole).unwrap().faults, [""; 0], "{name}");
    }
}

proptest! {
    /// What is opened is what was sealed, in its place; a change of any byte is found.
    #[test]
    fn a_change_is_found(open in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), mask in 1_u8..) {
        let key = key(3).unwrap();
        let sealed = key.seal(b"place", &open).unwrap();
        prop_assert_eq!(key.open(b"place", &sealed), Some(open));
        prop_assert_eq!(key.open(b"other", &sealed), None);
        let mut changed = sealed.clone();
        changed[at.index(sealed.len())] ^= mask;
        prop_assert_eq!(key.open(b"place", &changed), None);
        prop_assert_eq!(key.open(b"place", &sealed[..at.index(sealed.len())]), None);
    }
}
