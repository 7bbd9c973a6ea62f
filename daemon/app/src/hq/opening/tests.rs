use std::sync::Arc;

use commerce::stock::Kind;
use store::EngineKind;

use super::*;
use crate::{
    problem::Problem,
    stock::{Booking, MOVEMENTS, book},
};

static COUNTERS: Table<Name, u64> = Table::new("counter");
static SALES: Table<Number, Sale> = Table::new("sale");

/// Enough for parts of two commits.
const ITEMS: usize = AT_ONCE * OPENING_LINES + OPENING_LINES + 7;

/// Notes that are none.
static DAMAGED_NOTES: Table<Name, String> = Table::new("stock_opened");

/// Parts that are none.
static DAMAGED_PARTS: Table<Number, u64> = Table::new("stock_opening");

/// Movements that are none.
static DAMAGED: Table<Number, u64> = Table::new("movement");

/// A piece of each of many items comes, as movements of 400 lines.
fn come(store: &Store) {
    let skus: Vec<_> = (0..ITEMS).map(|item| format!("{item:05}")).collect();
    for skus in skus.chunks(commerce::MAX_LINES) {
        let sums = skus.iter().map(|sku| ((sku.parse().unwrap(), Unit::Each), 1000));
        let lines = Line::of(sums, None, Some(State::OnHand));
        let (kind, reference, by) = (Kind::Receipt, "1".into(), "till-1".into());
        let booking = Booking { kind, reference, by, at_ms: 1, lines, settled: false };
        store.commit_blocking(|transaction| book(transaction, booking)).unwrap();
    }
}

fn last(store: &Store) -> u64 {
    store.outbox_span("stock").unwrap().last
}

/// HQ has everything.
fn acknowledge(store: &Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.acknowledge_outbox("stock", last(store))).unwrap();
}

fn restored(store: &Store) -> (tempfile::TempDir, Store) {
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    let directory = tempfile::tempdir().unwrap();
    store::restore(directory.path(), EngineKind::Sqlite, &backup[..], 7).unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 7).unwrap();
    (directory, store)
}

/// What HQ hears of the epoch comes to one piece of every item.
fn is_told_once(store: &Store) {
    let base = store.outbox_span("stock").unwrap().base;
    let (mut said, mut records) = (Standings::new(), Records::of(store));
    for entry in store.outbox("stock", base + 1, usize::MAX).unwrap() {
        assert_eq!(entry.subject.parse::<u64>().is_err(), entry.kind == OPENED_KIND, "{entry:?}");
        if let Some(part) = opening_at(store, entry.sequence).unwrap() {
            assert_eq!(part.verify(), Ok(()));
        }
        add(&mut records, &Stream::stock(), &entry, &mut said).unwrap();
    }
    assert_eq!((said.len(), said.values().all(|milli| *milli == 1000)), (ITEMS, true));
}

#[test]
fn an_epoch_is_opened_once_wherever_its_opening_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
    open_epoch(&store, 1).unwrap();
    come(&store);
    let (movements, parts) = (last(&store), u64::try_from(ITEMS.div_ceil(OPENING_LINES)).unwrap());
    open_epoch(&store, 1).unwrap();
    assert_eq!(last(&store), movements, "HQ hears of all of it in the epoch of the store's birth");

    acknowledge(&store);
    // Before the first commit of parts, between the two, before the note.
    for (cut, written) in [(0, 0), (1, 16), (2, parts)] {
        let (_directory, store) = restored(&store);
        open_within(&store, 1, cut).unwrap();
        assert_eq!(last(&store), movements + written);
        for _ in 0..2 {
            open_epoch(&store, 2).unwrap();
            assert_eq!(last(&store), movements + parts);
            is_told_once(&store);
        }
        // Restored again, before HQ has heard a word.
        let (_directory, store) = restored(&store);
        open_epoch(&store, 3).unwrap();
        assert_eq!(last(&store), movements + parts, "what waits in the outbox says it all");
        is_told_once(&store);
    }
}

#[test]
fn an_epoch_that_is_opened_is_not_opened_again_for_damage_that_came_after_hq_had_heard() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
    come_singly(&store, 3);
    acknowledge(&store);
    let (_directory, store) = restored(&store);
    open_epoch(&store, 1).unwrap();
    come_singly(&store, 1);
    assert_eq!(told(&store), 4000);
    let last_before = last(&store);
    store.commit_blocking(|transaction| transaction.put(&DAMAGED, 4, &7)).unwrap();
    open_epoch(&store, 2).unwrap();
    assert_eq!(last(&store), last_before, "HQ has that movement, and would count it twice");
}

#[test]
fn a_damaged_note_keeps_no_epoch_from_being_opened() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
    come_singly(&store, 3);
    acknowledge(&store);
    let (_directory, store) = restored(&store);
    store.commit_blocking(|transaction| transaction.put(&DAMAGED_NOTES, EPOCH, &"none".into())).unwrap();
    open_epoch(&store, 1).unwrap();
    assert_eq!((told(&store), store.get(&OPENED, EPOCH).unwrap()), (3000, Some(store.epoch())));
}

#[test]
fn a_damaged_entry_is_not_taken_for_told() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
    come(&store);
    acknowledge(&store);
    let more = Line::of([(("00000".parse().unwrap(), Unit::Each), 5000)], None, Some(State::OnHand));
    let (kind, reference, by) = (Kind::Receipt, "1".into(), "till-1".into());
    let booking = Booking { kind, reference, by, at_ms: 1, lines: more, settled: false };
    let number = store.commit_blocking(|transaction| book(transaction, booking)).unwrap().unwrap();
    let (_directory, store) = restored(&store);
    store.commit_blocking(move |transaction| transaction.put(&DAMAGED, number, &7)).unwrap();
    let lines = remaining(&store).unwrap();
    let first = lines.iter().find(|line| line.sku == "00000").unwrap();
    assert_eq!((lines.len(), first.quantity_milli), (ITEMS, 6000));
}

/// A piece of one item comes so many times.
fn come_singly(store: &Store, times: u64) {
    for first in (0..times).step_by(500) {
        let some = 500.min(times - first);
        let booked = store.commit_blocking(move |transaction| {
            for _ in 0..some {
                let lines = Line::of([(("00000".parse().unwrap(), Unit::Each), 1000)], None, Some(State::OnHand));
                let (kind, reference, by) = (Kind::Receipt, "1".into(), "till-1".into());
                book(transaction, Booking { kind, reference, by, at_ms: 1, lines, settled: false })?;
            }
            Ok::<_, Problem>(())
        });
        booked.unwrap();
    }
}

/// Thousandths that HQ hears of the epoch in the stream `stock`.
fn told(store: &Store) -> i64 {
    let (mut said, mut records) = (Standings::new(), Records::of(store));
    for entry in store.outbox("stock", store.outbox_span("stock").unwrap().base + 1, usize::MAX).unwrap() {
        match add(&mut records, &Stream::stock(), &entry, &mut said) {
            Ok(()) | Err(StoreError::Corrupt { .. }) => {}
            Err(error) => panic!("HQ's stream would stand still: {error}"),
        }
    }
    said.into_values().sum()
}

#[test]
fn a_damaged_block_of_the_archive_keeps_no_epoch_from_being_opened() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap());
    let pieces = store::archive::SEGMENT + 10;
    come_singly(&store, pieces);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.acknowledge_outbox("stock", 1)).unwrap();
    runtime.block_on(store.archive(&MOVEMENTS, pieces, |_| Vec::new())).unwrap();
    let (directory, store) = restored(&store);
    drop(store);
    let segment = std::fs::read_dir(directory.path().join("archive")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 7).unwrap();
    let before = told(&store);
    assert!((10_000..i64::try_from(pieces - 1).unwrap() * 1000).contains(&before), "one block: {before}");
    open_epoch(&store, 1).unwrap();
    assert_eq!(told(&store), i64::try_from(pieces).unwrap() * 1000);
}

#[test]
fn sales_given_up_that_hq_lacks_again_are_in_the_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap());
    come_singly(&store, 3);
    let stored: Sale = serde_json::from_str(include_str!("../selling/fixtures/sale-2.json")).unwrap();
    let sold = store.commit_blocking(move |transaction| {
        let lines = Line::of([(("00000".parse().unwrap(), Unit::Each), 1000)], Some(State::OnHand), None);
        let (kind, reference, by) = (Kind::Sale, "1-1".into(), "till-1".into());
        let movement = book(transaction, Booking { kind, reference, by, at_ms: 1, lines, settled: true })?;
        for sequence in 1..=store::archive::SEGMENT {
            let movement = movement.filter(|_| sequence == 1);
            transaction.append_to_outbox("sales", "sale.completed", 1, &format!("1-{sequence}"))?;
            transaction.put_linked(&SALES, sequence, &Sale { sequence, movement, ..stored.clone() })?;
        }
        Ok::<_, Problem>(())
    });
    sold.unwrap();
    acknowledge(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.archive(&SALES, store::archive::SEGMENT, |_| Vec::new())).unwrap();
    runtime.block_on(store.give_up(&SALES, |_| true)).unwrap();
    assert_eq!(selling::given_up_to(&store).unwrap(), store::archive::SEGMENT);
    let (_directory, store) = restored(&store);
    open_epoch(&store, 1).unwrap();
    assert_eq!(told(&store), 2000);
}

/// As this format stores it. Others are added beside it; this one never changes.
#[test]
fn a_stored_part_reads_back_as_it_was_written() {
    let stored = include_str!("fixtures/opening-3.json");
    let part: Part = serde_json::from_str(stored).unwrap();
    assert_eq!((part.sequence, part.opened.lines[1].quantity_milli), (41, -745));
    assert_eq!(serde_json::to_value(&part).unwrap(), serde_json::from_str::<serde_json::Value>(stored).unwrap());
}

#[test]
fn parts_are_forgotten_with_their_entries_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let line = |sku: &str| Standing { sku: sku.into(), unit: Unit::Each, state: State::OnHand, quantity_milli: 1 };
    let part = StockOpened { at_ms: 1, lines: vec![line("1")] };
    store.commit_blocking(|transaction| write(transaction, part)).unwrap();
    assert_eq!(runtime.block_on(forget(&store)).unwrap(), 0);
    let more = store.commit_blocking(|transaction| {
        (0..=store::outbox::KEPT).try_for_each(|_| transaction.append_to_outbox("stock", "x", 1, "1").map(drop))?;
        Ok::<_, Problem>(())
    });
    more.unwrap();
    acknowledge(&store);
    assert_eq!(runtime.block_on(forget(&store)).unwrap(), 1);
    assert_eq!(opening_at(&store, 1).unwrap(), None);
}

#[test]
fn a_damaged_part_stops_neither_forgetting_nor_archiving() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let line = Standing { sku: "1".into(), unit: Unit::Each, state: State::OnHand, quantity_milli: 1 };
    let given = 20_000 + store::archive::SEGMENT;
    let written = store.commit_blocking(move |transaction| {
        for _ in 0..2 {
            write(transaction, StockOpened { at_ms: 1, lines: vec![line.clone()] })?;
        }
        transaction.put(&DAMAGED_PARTS, 1, &7)?;
        (0..=store::outbox::KEPT).try_for_each(|_| transaction.append_to_outbox("stock", "x", 1, "1").map(drop))?;
        for number in 1..=given {
            let (kind, reference, by) = (Kind::Receipt, "1".into(), "till-1".into());
            let movement = Movement { number, kind, reference, at_ms: 1, by, lines: Vec::new() };
            transaction.put(&MOVEMENTS, number, &movement)?;
        }
        transaction.put(&COUNTERS, "movement", &given)
    });
    written.unwrap();
    acknowledge(&store);
    let tidied = runtime.block_on(crate::stock::keeping::tidy(&store, 1, 30)).unwrap();
    assert_eq!(tidied, (store::archive::SEGMENT, 1));
}
