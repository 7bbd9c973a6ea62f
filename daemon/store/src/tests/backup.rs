//! Backups are consistent while the store sells, and only complete ones can be restored.

use std::{
    fs,
    io::{self, Write},
    ops::Bound,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use proptest::prelude::*;

use super::*;
use crate::{
    BackedUp, Depth, EngineKind, Number,
    backup::{restore, verify},
    engine::{Batch, Engine, EngineError, Entry},
};

static SALES: Table<Number, u64> = Table::linked("sale");

/// Sells `number`: three records that must always be together, and an old one that is deleted.
async fn sell(store: &Store, number: u64) {
    let sold = store.commit(move |transaction| {
        transaction.put(&SALES, number, &number)?;
        transaction.put(&ROWS, ("twin", number), &number)?;
        transaction.delete(&ROWS, ("twin", number.saturating_sub(50)));
        transaction.append_to_outbox("sales", "sale.completed", 0, "s")
    });
    sold.await.unwrap();
}

/// Sells after each part of the backup is written, so that there are sales between any two parts.
struct SellsMeanwhile<'s> {
    store: &'s Store,
    next: u64,
    out: Vec<u8>,
}

impl Write for SellsMeanwhile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tokio::runtime::Handle::current().block_on(sell(self.store, self.next));
        self.next += 1;
        self.out.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The number of sales in a restored store, after a check that each is complete.
fn restored(directory: &std::path::Path, kind: EngineKind) -> u64 {
    let store = Store::open(directory, kind, LINKED, 1).unwrap();
    assert_eq!(store.check(Depth::Whole).unwrap().faults, [""; 0]);
    let last = store.outbox_span("sales").unwrap().last;
    for number in 1..=last {
        assert_eq!(store.get(&SALES, number).unwrap(), Some(number));
        let twin = store.get(&ROWS, ("twin", number)).unwrap();
        assert_eq!(twin.is_some(), number + 50 > last, "twin {number} of {last}");
    }
    assert_eq!(store.get(&SALES, last + 1).unwrap(), None);
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_selling_is_consistent() {
    for &kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&directory.path().join("store"), kind, LINKED, 7).unwrap());
        for number in 1..=3_000 {
            // Incompressible data, so that the backup is written in many parts.
            let bulk = ring::digest::digest(&ring::digest::SHA256, number.to_string().as_bytes());
            let text = format!("{bulk:?}");
            store.commit(move |transaction| transaction.put(&NOTES, &format!("bulk-{number}"), &text)).await.unwrap();
        }
        for number in 1..=100 {
            sell(&store, number).await;
        }
        let seller = Arc::clone(&store);
        let (taken, next) = tokio::task::spawn_blocking(move || {
            let mut out = SellsMeanwhile { store: &seller, next: 101, out: Vec::new() };
            seller.backup(&mut out).unwrap();
            (out.out, out.next)
        })
        .await
        .unwrap();
        assert!(next > 105, "sold {} meanwhile", next - 101);
        let wanted = verify(&taken[..]).unwrap();
        for &into in EngineKind::BUILT {
            let back = directory.path().join(format!("back-{into}"));
            assert_eq!(restore(&back, into, &taken[..], 99).unwrap(), wanted);
            let last = restored(&back, into);
            assert!((100..next).contains(&last), "{last} of {next}");
        }
    }
}

#[tokio::test]
async fn a_restored_store_draws_a_new_epoch_and_sends_what_hq_had_not_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("store"), EngineKind::Sqlite, LINKED, 1_000).unwrap();
    for number in 1..=10 {
        sell(&store, number).await;
    }
    store.acknowledge_outbox("sales", 7).await.unwrap();
    let mut taken = Vec::new();
    store.backup(&mut taken).unwrap();
    let back = directory.path().join("back");
    // With a clock that was set back.
    restore(&back, EngineKind::Sqlite, &taken[..], 5).unwrap();
    let store = Store::open(&back, EngineKind::Sqlite, LINKED, 5).unwrap();
    assert!((1_001..1_001 + 65_536).contains(&store.epoch()), "later than the former: {}", store.epoch());
    let span = store.outbox_span("sales").unwrap();
    assert_eq!((span.base, span.acknowledged, span.last), (7, 7, 10));
    store.acknowledge_outbox("sales", 3).await.unwrap();
    assert_eq!(store.outbox_span("sales").unwrap().acknowledged, 7, "never before its own epoch");
}

#[tokio::test]
async fn a_restore_needs_an_empty_directory_and_a_complete_backup() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open(&path, EngineKind::Sqlite, LINKED, 7).unwrap();
    sell(&store, 1).await;
    let mut taken = Vec::new();
    store.backup(&mut taken).unwrap();
    for &kind in EngineKind::BUILT {
        let refused = restore(&path, kind, &taken[..], 1).unwrap_err().to_string();
        assert!(refused.contains("already holds a store"), "{refused}");
    }
    let back = directory.path().join("back");
    // A restore that was interrupted before the store had its name: no hub uses what is there, and the restore can
    // start again.
    fs::create_dir_all(back.join("archive")).unwrap();
    fs::write(back.join("archive/sale-000000000001-000000010000.segment"), b"of the cut").unwrap();
    assert!(matches!(Store::open(&back, EngineKind::Sqlite, LINKED, 1), Err(StoreError::ArchiveAlone { .. })));
    assert!(restore(&back, EngineKind::Sqlite, &taken[..], 1).is_err(), "an archive that is not of a restoring");
    fs::write(back.join("restoring"), b"").unwrap();
    for half in [0, 10, 30, taken.len() / 2, taken.len() - 1] {
        let why = restore(&back, EngineKind::Sqlite, &taken[..half], 1).unwrap_err().to_string();
        assert!(why.contains("restore the backup"), "{why}");
        assert!(!back.join("sqlite").exists());
    }
    restore(&back, EngineKind::Sqlite, &taken[..], 1).unwrap();
    assert_eq!(restored(&back, EngineKind::Sqlite), 1);
}

#[tokio::test]
async fn no_empty_store_is_created_during_a_restore() {
    let mut taken = Vec::new();
    let store = open(Faulty::new()).unwrap();
    sell(&store, 1).await;
    store.backup(&mut taken).unwrap();
    for &kind in EngineKind::BUILT {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        // The state after an interruption while the backup is read.
        fs::create_dir(path.join(format!("{kind}.new"))).unwrap();
        fs::write(path.join("restoring"), b"").unwrap();
        assert!(matches!(Store::open(path, kind, LINKED, 1), Err(StoreError::HalfRestored { .. })));
        restore(path, kind, &taken[..taken.len() / 2], 1).unwrap_err();
        assert!(matches!(Store::open(path, kind, LINKED, 1), Err(StoreError::HalfRestored { .. })), "still incomplete");
        let empty = path.join("empty");
        restore(&empty, kind, &taken[..taken.len() / 2], 1).unwrap_err();
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "a failure takes away what it made");
        restore(path, kind, &taken[..], 1).unwrap();
        // The state after an interruption just before the end.
        fs::write(path.join("restoring"), b"").unwrap();
        let store = Store::open(path, kind, LINKED, 1).unwrap();
        assert!(!path.join("restoring").exists());
        assert_eq!(store.restored().unwrap(), Some(verify(&taken[..]).unwrap().entries));
        let settled = store.commit(|transaction| {
            transaction.settle_restored();
            Ok::<_, StoreError>(())
        });
        settled.await.unwrap();
        assert_eq!(store.restored().unwrap(), None);
    }
}

#[tokio::test]
async fn a_damaged_store_can_be_backed_up_and_the_damage_is_counted() {
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    sell(&store, 1).await;
    note(&store, "a", "x").await.unwrap();
    append(&store, "stock").await.unwrap();
    for key in [NOTES.raw_key("a"), b"outbox_stream\0stock".to_vec()] {
        engine.apply(vec![(key, Some(b"\x01nonsense".to_vec()))]).unwrap();
    }
    let mut taken = Vec::new();
    store.backup(&mut taken).unwrap();
    assert_eq!(verify(&taken[..]).unwrap().damaged, 2);
    let directory = tempfile::tempdir().unwrap();
    restore(directory.path(), EngineKind::Sqlite, &taken[..], 1).unwrap();
    let restored = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    assert_eq!(restored.get(&SALES, 1).unwrap(), Some(1));
    let faults = restored.check(Depth::Whole).unwrap().faults;
    assert!(
        ["note", "outbox_stream"].map(|table| faults.iter().any(|fault| fault.contains(table))) == [true; 2],
        "{faults:?}"
    );
}

#[tokio::test]
async fn a_backup_fails_if_the_store_stops_or_its_disk_fails() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let engine = Faulty::new();
    let store = open(engine.clone()).unwrap();
    sell(&store, 1).await;
    assert!(store.backup(Full).unwrap_err().to_string().contains("write the backup"));
    store.backup(io::sink()).unwrap();
    engine.set(Some(Fault::EioOnFlush));
    assert!(note(&store, "a", "x").await.is_err());
    assert!(matches!(store.backup(io::sink()), Err(StoreError::Stopped { .. })));
}

/// A small backup, made once.
fn small() -> &'static [u8] {
    static SMALL: Mutex<Option<&'static [u8]>> = Mutex::new(None);
    SMALL.lock().unwrap().get_or_insert_with(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut taken = Vec::new();
        runtime.block_on(async {
            let store = open(Faulty::new()).unwrap();
            for number in 1..=40 {
                sell(&store, number).await;
            }
            store.backup(&mut taken).unwrap();
        });
        taken.leak()
    })
}

proptest! {
    /// A backup with any byte changed is refused.
    #[test]
    fn a_backup_that_was_changed_is_refused(at in any::<prop::sample::Index>(), mask in 1_u8..) {
        let mut taken = small().to_vec();
        let at = at.index(taken.len());
        taken[at] ^= mask;
        // A changed bit that zstd ignores may change the contents or nothing.
        prop_assert!(verify(&taken[..]).map_or(true, |done: BackedUp| done == verify(small()).unwrap()));
    }

    /// A cut backup is told from a damaged one.
    #[test]
    fn a_backup_that_ends_early_is_cut_off(at in any::<prop::sample::Index>()) {
        let taken = small();
        let why = verify(&taken[..at.index(taken.len() - 40) + 40]).unwrap_err().to_string();
        prop_assert!(why.contains("it is cut off"), "{}", why);
    }

    /// Invalid bytes cause no panic and no large allocation.
    #[test]
    fn no_bytes_make_a_backup(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let compressed = zstd::bulk::compress(&bytes, 1).unwrap();
        for input in [bytes, [b"store-hub backup 1\n".to_vec(), compressed].concat()] {
            prop_assert!(verify(&input[..]).is_err());
        }
    }
}

#[test]
fn a_changed_bit_in_a_backup_is_damage() {
    let mut taken = small().to_vec();
    let middle = taken.len() / 2;
    taken[middle] ^= 1;
    let why = verify(&taken[..]).unwrap_err().to_string();
    assert!(!why.contains("cut off"), "{why}");
}

#[test]
fn a_segments_name_cannot_leave_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["../../etc/passwd", "/etc/passwd", "sale-1-2.segment", "sale-000000000001-000000010000.segment/.."] {
        let item =
            [&[3_u8][..], &u32::try_from(name.len()).unwrap().to_le_bytes(), name.as_bytes(), &0_u64.to_le_bytes()];
        let backup = [b"store-hub backup 1\n".to_vec(), zstd::bulk::compress(&item.concat(), 1).unwrap()].concat();
        let why = restore(&directory.path().join("back"), EngineKind::Sqlite, &backup[..], 1).unwrap_err();
        assert!(why.to_string().contains("invalid segment name"), "{why}");
    }
    assert_eq!(fs::read_dir(directory.path().join("back")).unwrap().count(), 0);
}

/// An engine that delays a batch between two parts of a backup: it begins when the first part is read and is applied
/// when the second is.
struct HeldUp {
    engine: Arc<Faulty>,
    /// The parts that the backup has read, with a condition for whoever waits for the first and the second.
    parts: Mutex<usize>,
    was_read: Condvar,
    /// Whether the batch has begun.
    begun: Mutex<bool>,
    was_begun: Condvar,
    is_armed: AtomicBool,
}

/// The size of a backup's part.
const PART: usize = 500;

impl HeldUp {
    fn wait_for_part(&self, number: usize) {
        let parts = self.parts.lock().unwrap();
        drop(self.was_read.wait_while(parts, |parts| *parts < number).unwrap());
    }
}

impl Engine for HeldUp {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.engine.get(key)
    }

    fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let entries = self.engine.range(from, to, descending, limit)?;
        if limit == PART && self.is_armed.load(SeqCst) {
            *self.parts.lock().unwrap() += 1;
            self.was_read.notify_all();
            let begun = self.begun.lock().unwrap();
            drop(self.was_begun.wait_while(begun, |begun| !*begun).unwrap());
        }
        Ok(entries)
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        if self.is_armed.load(SeqCst) {
            *self.begun.lock().unwrap() = true;
            self.was_begun.notify_all();
            self.wait_for_part(2);
        }
        self.engine.apply(batch)
    }

    fn flush(&self) -> Result<(), EngineError> {
        self.engine.flush()
    }

    fn size_on_disk(&self) -> Result<u64, EngineError> {
        self.engine.size_on_disk()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_applied_while_a_part_is_read_is_complete_in_the_backup() {
    let engine = Arc::new(HeldUp {
        engine: Faulty::new(),
        parts: Mutex::default(),
        was_read: Condvar::new(),
        begun: Mutex::default(),
        was_begun: Condvar::new(),
        is_armed: AtomicBool::new(false),
    });
    let store =
        Store::on(Arc::clone(&engine) as Arc<dyn Engine>, LINKED, Archive::none(), Disk::probed(Box::new(|| None)));
    let store = Arc::new(store.unwrap());
    let last = PART as u64 + 100;
    let filled = store.commit(move |transaction| {
        transaction.put(&COUNTS, "sold", &0)?;
        (1..=last).try_for_each(|number| transaction.put(&ROWS, ("row", number), &0))
    });
    filled.await.unwrap();
    engine.is_armed.store(true, SeqCst);
    let backed_up = Arc::clone(&store);
    let backup = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        backed_up.backup(&mut out).unwrap();
        out
    });
    let waits = Arc::clone(&engine);
    tokio::task::spawn_blocking(move || waits.wait_for_part(1)).await.unwrap();
    // One record of the first part and one of the last, in one batch.
    let changed = store.commit(move |transaction| {
        transaction.put(&COUNTS, "sold", &1)?;
        transaction.put(&ROWS, ("row", last), &1)
    });
    changed.await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    restore(directory.path(), EngineKind::Sqlite, &*backup.await.unwrap(), 1).unwrap();
    let restored = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
    let both = (restored.get(&COUNTS, "sold").unwrap(), restored.get(&ROWS, ("row", last)).unwrap());
    assert_eq!(both, (Some(1), Some(1)));
}
