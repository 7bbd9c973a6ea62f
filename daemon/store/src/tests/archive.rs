//! Archiving old records, reading them, and interruptions of it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
};

use super::*;
use crate::{Depth, EngineKind, Name, Number, Order, archive::SEGMENT};

static SALES: Table<Number, String> = Table::linked("sale");
static AUDIT: Table<Number, String> = Table::linked("audit");
static SLIPS: Table<Name, String> = Table::new("slip");

const SALES_SOLD: u64 = 2 * SEGMENT + 500;

fn slip_of(sale: &str) -> String {
    format!("slip of {sale}")
}

async fn sold(directory: &Path, kind: EngineKind) -> Arc<Store> {
    let store = Arc::new(Store::open(directory, kind, LINKED, 7).unwrap());
    for first in (1..=SALES_SOLD).step_by(500) {
        let write = store.commit(move |transaction| {
            (first..first + 500).try_for_each(|number| {
                transaction.put(&SALES, number, &format!("sale {number}"))?;
                transaction.put(&SLIPS, &slip_of(&format!("sale {number}")), &"Thank you".into())
            })
        });
        write.await.unwrap();
    }
    store
}

async fn archive(store: &Arc<Store>, up_to: u64) -> u64 {
    blocking(|| store.archive(&SALES, up_to, |sale| vec![SLIPS.entry(&slip_of(sale))])).unwrap()
}

/// Everything can be read as if nothing had been archived.
fn is_whole(store: &Store) {
    let text = |number: u64| format!("sale {number}");
    for number in [1, 499, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 1, SALES_SOLD] {
        assert_eq!(store.kept(&SALES, number).unwrap(), Some(text(number)));
        let slip = store.kept_with(&SALES, number, &SLIPS, &slip_of(&text(number))).unwrap();
        assert_eq!(slip.as_deref(), Some("Thank you"));
    }
    assert_eq!(store.kept(&SALES, SALES_SOLD + 1).unwrap(), None);
    let page = |from, order, limit| store.page_kept(&SALES, from, order, limit).unwrap();
    let texts = |numbers: Vec<u64>| numbers.into_iter().map(text).collect::<Vec<_>>();
    assert_eq!(page(None, Order::Ascending, usize::MAX), texts((1..=SALES_SOLD).collect()));
    assert_eq!(page(None, Order::Descending, usize::MAX), texts((1..=SALES_SOLD).rev().collect()));
    for edge in [SEGMENT, 2 * SEGMENT] {
        assert_eq!(page(Some(edge - 2), Order::Ascending, 5), texts((edge - 2..edge + 3).collect()));
        assert_eq!(page(Some(edge + 2), Order::Descending, 5), texts((edge - 2..=edge + 2).rev().collect()));
    }
    let checked = store.check(Depth::Whole).unwrap();
    assert_eq!((checked.faults, checked.links), (Vec::new(), SALES_SOLD));
}

#[tokio::test]
async fn old_records_are_archived_with_their_companions_and_stay_readable() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    assert_eq!(archive(&store, SEGMENT - 1).await, 0, "only whole segments");
    assert_eq!(archive(&store, SALES_SOLD).await, 2 * SEGMENT);
    assert_eq!(archive(&store, SALES_SOLD).await, 0);
    is_whole(&store);
    assert_eq!(store.get(&SALES, 2 * SEGMENT).unwrap(), None, "it has left the engine");
    assert_eq!(store.get(&SLIPS, &slip_of("sale 1")).unwrap(), None, "and so has its companion");
    assert!(store.archive_size() < 2 * SEGMENT * 100, "{} bytes", store.archive_size());
    drop(store);
    is_whole(&Store::open(directory.path(), EngineKind::Sqlite, LINKED, 8).unwrap());
}

#[tokio::test]
async fn archiving_interrupted_before_its_deletions_is_completed_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    // After the interruption the segment is complete, and its records are still in the engine.
    let copy = tempfile::tempdir().unwrap();
    let backup = copy.path().join("backup");
    store.backup(File::create(&backup).unwrap()).unwrap();
    archive(&store, SEGMENT).await;
    let cut = copy.path().join("cut");
    crate::restore(&cut, EngineKind::Sqlite, File::open(&backup).unwrap(), 9).unwrap();
    for entry in fs::read_dir(directory.path().join("archive")).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, cut.join("archive").join(from.file_name().unwrap())).unwrap();
    }
    fs::write(cut.join("archive/sale-000000010001-000000020000.segment.new"), b"half a segment").unwrap();
    let store = Arc::new(Store::open(&cut, EngineKind::Sqlite, LINKED, 1).unwrap());
    assert!(!cut.join("archive/sale-000000010001-000000020000.segment.new").exists());
    is_whole(&store);
    assert_eq!(archive(&store, SEGMENT).await, 0, "deleted, not archived again");
    assert_eq!(store.get(&SALES, SEGMENT).unwrap(), None);
    is_whole(&store);
}

#[tokio::test]
async fn expired_segments_are_deleted_and_the_chain_begins_after_them() {
    const NOTED: u64 = 1_200;
    let directory = tempfile::tempdir().unwrap();
    let note = async |store: &Store, mut numbers: std::ops::RangeInclusive<u64>| {
        let noted = store.commit(move |transaction| {
            numbers.try_for_each(|number| transaction.put(&AUDIT, number, &"noted".to_owned()))
        });
        noted.await.unwrap();
    };
    note(&Store::open(directory.path(), EngineKind::Sqlite, LINKED, 7).unwrap(), 1..=NOTED).await;
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    note(&store, NOTED + 1..=NOTED + 1).await;
    archive(&store, SALES_SOLD).await;
    assert_eq!(blocking(|| store.give_up(&SALES, |_| false)).unwrap(), 0);
    assert!(store.get(&AUDIT, 1).unwrap().is_some());
    let first_may_go = |sale: &String| *sale == format!("sale {SEGMENT}");
    assert_eq!(blocking(|| store.give_up(&SALES, first_may_go)).unwrap(), SEGMENT);
    let left = |store: &Store| {
        let checked = store.check(Depth::Whole).unwrap();
        assert_eq!((checked.faults, checked.links), (Vec::new(), SALES_SOLD - SEGMENT + 1));
        assert_eq!(store.kept(&SALES, SEGMENT).unwrap(), None);
        assert!(store.kept(&SALES, SEGMENT + 1).unwrap().is_some());
        let noted = store.page(&AUDIT, None, Order::Ascending, usize::MAX).unwrap().len();
        assert_eq!((noted, store.get(&AUDIT, NOTED + 1).unwrap().is_some()), (1, true), "the chain still proves it");
        assert_eq!(
            store.page_kept(&SALES, None, Order::Descending, usize::MAX).unwrap().len() as u64,
            SALES_SOLD - SEGMENT
        );
    };
    left(&store);
    drop(store);
    left(&Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap());
}

#[tokio::test]
async fn reading_while_segments_come_and_go_finds_every_record_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    let reads = Arc::clone(&store);
    let (tell_end, end) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        while end.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            for order in [Order::Ascending, Order::Descending] {
                let mut page = reads.page_kept(&SALES, None, order, usize::MAX).unwrap();
                if order == Order::Descending {
                    page.reverse();
                }
                let oldest = SALES_SOLD - page.len() as u64 + 1;
                assert_eq!(page, (oldest..=SALES_SOLD).map(|number| format!("sale {number}")).collect::<Vec<_>>());
            }
            reads.kept(&SALES, 1).unwrap();
        }
    });
    archive(&store, SALES_SOLD).await;
    assert_eq!(blocking(|| store.give_up(&SALES, |_| true)).unwrap(), 2 * SEGMENT);
    drop(tell_end);
    reader.join().unwrap();
}

#[tokio::test]
async fn a_damaged_or_missing_segment_is_reported_and_the_store_opens() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    archive(&store, SALES_SOLD).await;
    drop(store);
    let mut paths: Vec<_> =
        fs::read_dir(directory.path().join("archive")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let told = || {
        let store = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap();
        assert_eq!(store.kept(&SALES, SALES_SOLD).unwrap(), Some(format!("sale {SALES_SOLD}")));
        let damaged = [1, SEGMENT + 1].map(|number| store.kept(&SALES, number));
        if damaged[0].is_err() {
            let page = store.page_kept(&SALES, None, Order::Ascending, 5);
            assert!(matches!(page, Err(StoreError::Corrupt { table: "sale", .. })), "{page:?}");
        }
        (store.check(Depth::Fast).unwrap().faults, store.check(Depth::Whole).unwrap().faults, damaged)
    };
    let bytes = fs::read(&paths[0]).unwrap();
    let mut broken = bytes.clone();
    broken[20] ^= 1;
    fs::write(&paths[0], &broken).unwrap();
    let (fast, whole, damaged) = told();
    assert_eq!(fast, [""; 0], "a block is looked at by the whole check");
    assert!(whole.iter().any(|fault| fault.contains("block that begins with record 1 is damaged")), "{whole:?}");
    let Err(StoreError::Corrupt { table: "sale", why, .. }) = &damaged[0] else { panic!("{damaged:?}") };
    assert!(why.contains("000000000001") && damaged[1].is_ok(), "{why}");
    broken.truncate(bytes.len() - 1);
    fs::write(&paths[0], &broken).unwrap();
    assert!(told().0.iter().any(|fault| fault.contains("can't be read")));
    fs::remove_file(&paths[0]).unwrap();
    assert_eq!(told().0, [format!("the archive is missing records 1 to {SEGMENT} of table sale")]);
    fs::remove_file(&paths[1]).unwrap();
    assert_eq!(told().0, [format!("the archive is missing records 1 to {} of table sale", 2 * SEGMENT)]);
}

/// A lost record is not an absent one: a page does not skip it, and does not stop before it for ever.
#[tokio::test]
async fn reading_ends_at_a_lost_segment_which_is_deleted_with_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    archive(&store, SALES_SOLD).await;
    drop(store);
    let path = |first: u64| {
        let name = format!("archive/sale-{first:012}-{:012}.segment", first + SEGMENT - 1);
        directory.path().join(name)
    };
    let (first, second) = (fs::read(path(1)).unwrap(), path(SEGMENT + 1));
    for cut in [Some(7), None] {
        match cut {
            Some(bytes) => File::options().write(true).open(&second).unwrap().set_len(bytes).unwrap(),
            None => fs::remove_file(&second).unwrap(),
        }
        let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap());
        let lost = |found: Result<Vec<String>, StoreError>| matches!(found, Err(StoreError::Corrupt { .. }));
        assert!(lost(store.kept(&SALES, SEGMENT + 7).map(|found| found.into_iter().collect())));
        let page = |from, order, limit| store.page_kept(&SALES, from, order, limit);
        assert_eq!(page(Some(SEGMENT - 4), Order::Ascending, 5).unwrap().len(), 5);
        assert!(lost(page(Some(SEGMENT - 4), Order::Ascending, 6)));
        assert_eq!(page(None, Order::Descending, 500).unwrap().len(), 500);
        assert!(lost(page(None, Order::Descending, 501)));
        assert_eq!(page(Some(SEGMENT), Order::Descending, 5).unwrap().len(), 5, "before it");
        assert_eq!(archive(&store, SALES_SOLD).await, 0, "its numbers are not archived again");
        let mut taken = Vec::new();
        store.backup(&mut taken).unwrap();
        let read = crate::backup::verify(&taken[..]).unwrap();
        assert_eq!((read.segments, read.damaged), (2, 1));
    }
    let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, LINKED, 1).unwrap());
    assert_eq!(blocking(|| store.give_up(&SALES, |_| true)).unwrap(), SEGMENT, "nobody knows how old it is");
    assert_eq!(blocking(|| store.give_up(&SALES, |_| true)).unwrap(), 0);
    drop(store);
    // The other way round: the lost segment is the older one.
    let other = tempfile::tempdir().unwrap();
    let store = sold(other.path(), EngineKind::Sqlite).await;
    archive(&store, SALES_SOLD).await;
    drop(store);
    let oldest = other.path().join(path(1).strip_prefix(directory.path()).unwrap());
    assert_eq!(fs::read(&oldest).unwrap(), first);
    fs::remove_file(oldest).unwrap();
    let store = Arc::new(Store::open(other.path(), EngineKind::Sqlite, LINKED, 1).unwrap());
    // It does not keep other records from being archived.
    let more = store.commit(|transaction| {
        (SALES_SOLD + 1..=3 * SEGMENT).try_for_each(|number| transaction.put(&SALES, number, &format!("sale {number}")))
    });
    more.await.unwrap();
    assert_eq!(archive(&store, 3 * SEGMENT).await, SEGMENT);
    assert_eq!(store.get(&SALES, 3 * SEGMENT).unwrap(), None, "deleted from the engine");
    // The last block of the next segment is damaged: its age can't be determined either.
    let middle = other.path().join(path(SEGMENT + 1).strip_prefix(directory.path()).unwrap());
    let mut bytes = fs::read(&middle).unwrap();
    let index_at =
        usize::try_from(u64::from_le_bytes(bytes[bytes.len() - 24..bytes.len() - 16].try_into().unwrap())).unwrap();
    bytes[index_at - 1] ^= 1;
    fs::write(&middle, bytes).unwrap();
    assert!(store.kept(&SALES, 2 * SEGMENT).is_err());
    let first_two_may_go = |sale: &String| *sale == format!("sale {}", 3 * SEGMENT);
    assert_eq!(blocking(|| store.give_up(&SALES, first_two_may_go)).unwrap(), 3 * SEGMENT);
    assert_eq!(
        store.check(Depth::Whole).unwrap().faults,
        ["the archive is missing records 1 to 10000 of table sale"],
        "as it was opened"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_while_records_are_archived_misses_none() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    let reader = {
        let store = Arc::clone(&store);
        tokio::task::spawn_blocking(move || {
            let mut seen = BTreeSet::new();
            while store.get(&SALES, 2 * SEGMENT).unwrap().is_some() {
                let from = SEGMENT - 50;
                let page = store.page_kept(&SALES, Some(from), Order::Ascending, 100).unwrap();
                let expected: Vec<_> = (from..from + 100).map(|number| format!("sale {number}")).collect();
                assert_eq!(page, expected);
                assert!(store.kept(&SALES, SEGMENT).unwrap().is_some());
                seen.insert(store.archived_up_to(&SALES));
            }
            seen
        })
    };
    archive(&store, SALES_SOLD).await;
    let seen = reader.await.unwrap();
    assert!(seen.contains(&SEGMENT) || seen.contains(&(2 * SEGMENT)), "read while it went on: {seen:?}");
    is_whole(&store);
}

#[tokio::test]
async fn an_archive_of_another_store_causes_no_deletions() {
    let directory = tempfile::tempdir().unwrap();
    let store = sold(directory.path(), EngineKind::Sqlite).await;
    archive(&store, SEGMENT).await;
    drop(store);
    // Somebody moved the engine's folder away and left the archive: no new store may be created beside it.
    fs::rename(directory.path().join("sqlite"), directory.path().join("away")).unwrap();
    let refused = Store::open(directory.path(), EngineKind::Sqlite, LINKED, 9).err().unwrap().to_string();
    assert!(refused.contains("without the store that it belongs to"), "{refused}");
    // Nor may anything of a new store be deleted if the archive is put beside it by hand.
    let other = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(other.path(), EngineKind::Sqlite, LINKED, 9).unwrap());
    let write = store.commit(|transaction| transaction.put(&SALES, 5, &"another sale 5".into()));
    write.await.unwrap();
    drop(store);
    for entry in fs::read_dir(directory.path().join("archive")).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, other.path().join("archive").join(from.file_name().unwrap())).unwrap();
    }
    let store = Arc::new(Store::open(other.path(), EngineKind::Sqlite, LINKED, 9).unwrap());
    let refused = blocking(|| store.archive(&SALES, 0, |_| Vec::new())).unwrap_err().to_string();
    assert!(refused.contains("has another value for it"), "{refused}");
    assert_eq!(store.get(&SALES, 5).unwrap().as_deref(), Some("another sale 5"));
}
