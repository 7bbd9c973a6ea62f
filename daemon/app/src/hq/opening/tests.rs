use commerce::{
    Actor, Sale, SaleId, Sku,
    stock::{Kind, Line, Movement},
};
use store::EngineKind;

use super::*;
use crate::{
    Refusal,
    selling::SALES,
    stock::records::MOVEMENTS,
    testing::{self, booked},
};

static COUNTERS: Table<Name, u64> = Table::new("counter");

/// Enough for the parts of two commits.
const ITEMS: usize = AT_ONCE * OPENING_LINES + OPENING_LINES + 7;

/// A table that stores invalid notes.
static DAMAGED_NOTES: Table<Name, String> = Table::new("stock_opened");

/// A table that stores invalid parts.
static DAMAGED_PARTS: Table<Number, u64> = Table::new("stock_opening");

/// A table that stores invalid movements.
static DAMAGED: Table<Number, u64> = Table::new("movement");

/// Receives thousandths of an item.
fn receive(
    transaction: &mut Transaction<'_>,
    sums: impl IntoIterator<Item = (Sku, i64)>,
) -> Result<Option<u64>, Refusal> {
    let sums = sums.into_iter().map(|(sku, milli)| ((sku, Unit::Each), milli));
    booked(transaction, Kind::Receipt, "1", 1, Line::of(sums, None, Some(State::OnHand)))
}

fn first_item() -> Sku {
    testing::sku("00000")
}

/// Receives a piece of each of many items, as movements of 400 lines.
fn come(store: &Store) {
    let skus: Vec<_> = (0..ITEMS).map(|item| testing::sku(&format!("{item:05}"))).collect();
    for skus in skus.chunks(commerce::MAX_LINES) {
        let skus = skus.to_vec();
        store.commit_blocking(|transaction| receive(transaction, skus.into_iter().map(|sku| (sku, 1000)))).unwrap();
    }
}

fn last(store: &Store) -> u64 {
    store.outbox_span("stock").unwrap().last
}

/// HQ acknowledges everything.
fn acknowledge(store: &Store) {
    testing::acknowledge(store, "stock", last(store));
}

fn restored(store: &Store) -> (tempfile::TempDir, Store) {
    let mut backup = Vec::new();
    store.backup(&mut backup).unwrap();
    let directory = tempfile::tempdir().unwrap();
    store::restore(directory.path(), EngineKind::Sqlite, &backup[..], 7).unwrap();
    let store = testing::store(directory.path());
    (directory, store)
}

/// The events of the epoch sum up to one piece of every item at HQ.
fn is_told_once(store: &Store) {
    let base = store.outbox_span("stock").unwrap().base;
    let (mut said, mut heard) = (Standings::new(), Heard::of(store));
    for entry in store.outbox("stock", base + 1, usize::MAX).unwrap() {
        assert_eq!(entry.subject.parse::<u64>().is_err(), entry.kind == OPENED_KIND.name(), "{entry:?}");
        if let Some(part) = part_at(store, entry.sequence).unwrap() {
            assert_eq!(part.verify(), Ok(()));
        }
        add(&mut said, heard.effects(&Stream::stock(), &entry).unwrap());
    }
    assert_eq!((said.len(), said.values().all(|milli| *milli == 1000)), (ITEMS, true));
}

#[test]
fn an_epoch_is_opened_once_wherever_its_opening_is_interrupted() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
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
        // Restored again, before HQ has received anything.
        let (_directory, store) = restored(&store);
        open_epoch(&store, 3).unwrap();
        assert_eq!(last(&store), movements + parts, "what waits in the outbox says it all");
        is_told_once(&store);
    }
}

#[test]
fn later_damage_does_not_reopen_an_opened_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
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
fn an_epoch_is_opened_despite_a_damaged_note() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    come_singly(&store, 3);
    acknowledge(&store);
    let (_directory, store) = restored(&store);
    store.commit_blocking(|transaction| transaction.put(&DAMAGED_NOTES, EPOCH, &"none".into())).unwrap();
    open_epoch(&store, 1).unwrap();
    assert_eq!((told(&store), store.get(&OPENED, EPOCH).unwrap()), (3000, Some(store.epoch())));
}

#[test]
fn a_damaged_entry_stays_in_the_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    come(&store);
    acknowledge(&store);
    let number = store.commit_blocking(|transaction| receive(transaction, [(first_item(), 5000)]));
    let number = number.unwrap().unwrap();
    let (_directory, store) = restored(&store);
    store.commit_blocking(move |transaction| transaction.put(&DAMAGED, number, &7)).unwrap();
    let lines = remaining(&store).unwrap();
    let first = lines.iter().find(|line| line.sku == "00000").unwrap();
    assert_eq!((lines.len(), first.quantity_milli), (ITEMS, 6000));
}

/// Receives a piece of one item a number of times.
fn come_singly(store: &Store, times: u64) {
    for first in (0..times).step_by(500) {
        let some = 500.min(times - first);
        let received = store.commit_blocking(move |transaction| {
            (0..some).try_for_each(|_| receive(transaction, [(first_item(), 1000)]).map(drop))
        });
        received.unwrap();
    }
}

/// The thousandths that HQ receives in the stream `stock` of the epoch.
fn told(store: &Store) -> i64 {
    let (mut said, mut heard) = (Standings::new(), Heard::of(store));
    for entry in store.outbox("stock", store.outbox_span("stock").unwrap().base + 1, usize::MAX).unwrap() {
        match heard.effects(&Stream::stock(), &entry) {
            Ok(effects) => add(&mut said, effects),
            Err(StoreError::Corrupt { .. }) => {}
            Err(error) => panic!("HQ's stream would stand still: {error}"),
        }
    }
    said.into_values().sum()
}

#[test]
fn an_epoch_is_opened_despite_a_damaged_block_of_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let pieces = store::archive::SEGMENT + 10;
    come_singly(&store, pieces);
    testing::acknowledge(&store, "stock", 1);
    store.archive(&MOVEMENTS, pieces, |_| Vec::new()).unwrap();
    let (directory, store) = restored(&store);
    drop(store);
    let segment = std::fs::read_dir(directory.path().join("archive")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let store = testing::store(directory.path());
    let before = told(&store);
    assert!((10_000..i64::try_from(pieces - 1).unwrap() * 1000).contains(&before), "one block: {before}");
    open_epoch(&store, 1).unwrap();
    assert_eq!(told(&store), i64::try_from(pieces).unwrap() * 1000);
}

#[test]
fn deleted_sales_that_hq_needs_again_are_in_the_opening() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    come_singly(&store, 3);
    let stored: Sale = serde_json::from_str(include_str!("../../fixtures/sale.json")).unwrap();
    let sold = store.commit_blocking(move |transaction| {
        let lines = vec![testing::line("00000", 1000, Some(State::OnHand), None)];
        let movement = booked(transaction, Kind::Sale, "1-1", 1, lines)?;
        for sequence in 1..=store::archive::SEGMENT {
            let movement = movement.filter(|_| sequence == 1);
            let id = SaleId { epoch: 1, sequence };
            let sale = Sale { id, movement, ..stored.clone() };
            transaction.append_to_outbox("sales", "sale.completed", 1, &id.to_string())?;
            transaction.put(&SALES, sequence, &sale)?;
        }
        Ok::<_, Refusal>(())
    });
    sold.unwrap();
    acknowledge(&store);
    store.archive(&SALES, store::archive::SEGMENT, |_| Vec::new()).unwrap();
    store.give_up(&SALES, |_| true).unwrap();
    assert_eq!(selling::given_up_to(&store).unwrap(), store::archive::SEGMENT);
    let (_directory, store) = restored(&store);
    open_epoch(&store, 1).unwrap();
    assert_eq!(told(&store), 2000);
}

#[test]
fn a_part_round_trips() {
    let part: Part = testing::read_back(include_str!("../../fixtures/opening.json"));
    assert_eq!((part.sequence, part.opened.lines[1].quantity_milli), (41, -745));
}

fn forget(store: &Store) -> u64 {
    let retention = Retention { now_ms: 1, keep_sales_days: 30, has_headquarters: true };
    tidy(store, &retention).unwrap()[0].1
}

#[test]
fn parts_are_deleted_with_their_entries_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let line = |sku: &str| Standing { sku: sku.into(), unit: Unit::Each, state: State::OnHand, quantity_milli: 1 };
    let part = StockOpened { at_ms: 1, lines: vec![line("1")] };
    store.commit_blocking(|transaction| write(transaction, part)).unwrap();
    assert_eq!(forget(&store), 0);
    let more = store.commit_blocking(|transaction| {
        (0..=store::outbox::KEPT).try_for_each(|_| transaction.append_to_outbox("stock", "x", 1, "1").map(drop))?;
        Ok::<_, Refusal>(())
    });
    more.unwrap();
    acknowledge(&store);
    assert_eq!(forget(&store), 1);
    assert_eq!(part_at(&store, 1).unwrap(), None);
}

#[test]
fn a_damaged_part_stops_neither_deletion_nor_archiving() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let line = Standing { sku: "1".into(), unit: Unit::Each, state: State::OnHand, quantity_milli: 1 };
    let issued = 20_000 + store::archive::SEGMENT;
    let written = store.commit_blocking(move |transaction| {
        for _ in 0..2 {
            write(transaction, StockOpened { at_ms: 1, lines: vec![line.clone()] })?;
        }
        transaction.put(&DAMAGED_PARTS, 1, &7)?;
        (0..=store::outbox::KEPT).try_for_each(|_| transaction.append_to_outbox("stock", "x", 1, "1").map(drop))?;
        for number in 1..=issued {
            let (kind, reference, by) = (Kind::Receipt, "1".into(), Actor::console());
            let movement = Movement { number, kind, reference, at_ms: 1, by, lines: Vec::new() };
            transaction.put(&MOVEMENTS, number, &movement)?;
        }
        transaction.put(&COUNTERS, "movement", &issued)
    });
    written.unwrap();
    acknowledge(&store);
    let retention = Retention { now_ms: 1, keep_sales_days: 30, has_headquarters: true };
    let tidied = crate::keeping::tidy(&store, &retention).unwrap();
    assert_eq!(tidied, [("movements_archived", store::archive::SEGMENT), ("stock_openings", 1)]);
}
