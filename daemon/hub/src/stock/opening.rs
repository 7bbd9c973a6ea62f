//! What HQ must know of the stock when an epoch begins.
//!
//! HQ keeps a store's positions by epoch, from nothing. A store that was restored begins an epoch with stock, and with entries in its outbox that HQ had not
//! acknowledged when the backup was taken: those are sent in the new epoch, and HQ adds what they moved. So the opening is
//!
//! ```text
//! opening = positions - what the outbox has to say in this epoch
//! ```
//!
//! and HQ's sum of all it hears is the store's positions, in whatever order sales, movements and opening come. It is written at the start, before anybody is
//! served: in parts, as entries of the stream `stock` whose bodies ([`Part`]) never change. Parts that are written are something that the outbox has to say. So
//! what is left to be written follows from the same formula wherever it was cut short, and nothing is left of an epoch that has been opened, or that began
//! with the store's birth. [`OPENED`] only spares the next start the walk.
//!
//! | what fails, when | what happens |
//! | --- | --- |
//! | power between two commits of parts | the next start writes what is left |
//! | power before the last commit, with the note that it is done | the same |
//! | the disk, or room on it | the hub starts and says so; a later start writes what is left, of whatever has been sold until then |
//! | the store is restored again before HQ has heard its opening | the parts are sent in the new epoch like any entry, and counted so in its opening |
//! | HQ gets a part twice | its sequence is known there; it is dropped |
//! | an entry's record is damaged | HQ hears that alone, with no effect; so it stays in the opening |
//! | a position is damaged | HQ is told of the others; the check names it |
//! | HQ went back to a cursor before what the outbox keeps, and the store is restored | the epoch begins with what is kept; the rest is in the opening |
//! | sales that HQ lacks again are given up, and the store is restored | HQ hears that they are gone, with no effect; so they stay in the opening |
//! | a hub ran in this epoch without opening it, and entries are trimmed or sales given up since | what HQ was told can't be known: no opening, said in the log |
//!
//! It costs a walk over all positions and over what the outbox keeps of the epoch, once in an epoch; [`AT_ONCE`] parts share a commit.

use std::collections::BTreeMap;

use commerce::{
    Sale, Unit,
    stock::{Line, Movement, Position, State},
};
use contract::{
    StockOpened, Stream,
    stock::{OPENED as OPENED_KIND, OPENING_LINES, Standing},
};
use serde::{Deserialize, Serialize};
use store::{Name, Number, Order, Purpose, Store, StoreError, Table, Transaction, outbox::Entry};

use super::{
    POSITIONS,
    beside::{Beside, movements_from},
    movement_at,
};
use crate::selling;

/// Parts of openings by their sequence in the stream `stock`.
static PARTS: Table<Number, Part> = Table::new("stock_opening");
/// The epoch that was opened last.
static OPENED: Table<Name, u64> = Table::new("stock_opened");

/// The one key of [`OPENED`].
const EPOCH: &str = "epoch";

/// Parts written by a commit.
const AT_ONCE: usize = 16;

/// Entries of the outbox read at once.
const PAGE: usize = 500;

/// A part of an opening, as HQ hears it. Never changes; forgotten with its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    sequence: u64,
    #[serde(flatten)]
    opened: StockOpened,
}

/// Thousandths by item, unit and state.
type Standings = BTreeMap<(String, Unit, State), i64>;

/// Sees to it that HQ will know the stock with which this epoch began. Blocks; nobody else may write meanwhile.
///
/// # Errors
/// The store fails or has no room, or its outbox has a gap. The hub serves all the same: what is left is written at a later start.
pub(crate) fn open_epoch(store: &Store, at_ms: i64) -> Result<(), StoreError> {
    open_within(store, at_ms, usize::MAX)
}

/// The same, cut after so many commits.
fn open_within(store: &Store, at_ms: i64, commits: usize) -> Result<(), StoreError> {
    // A note that can't be read is none: what is left follows from the formula.
    if matches!(store.get(&OPENED, EPOCH), Ok(Some(epoch)) if epoch == store.epoch()) {
        return Ok(());
    }
    let lines = remaining(store)?;
    if !lines.is_empty() {
        tracing::info!(
            lines = lines.len(),
            epoch = store.epoch(),
            "HQ will be told the stock with which the epoch begins"
        );
    }
    // Copied and split a commit at a time: a large store has hundreds of thousands of lines.
    let batches = lines.chunks(AT_ONCE * OPENING_LINES);
    let needed = batches.len();
    for lines in batches.take(commits) {
        let lines = lines.to_vec();
        // It can wait for a disk with room; nobody's money hangs on it.
        store.commit_blocking_for(Purpose::Ordinary, move |transaction| {
            let mut parts = lines.chunks(OPENING_LINES).map(<[Standing]>::to_vec);
            parts.try_for_each(|lines| write(transaction, StockOpened { at_ms, lines }))
        })?;
    }
    if commits <= needed {
        return Ok(());
    }
    let epoch = store.epoch();
    store.commit_blocking(move |transaction| transaction.put(&OPENED, EPOCH, &epoch))
}

/// The body of a part's event.
pub(crate) fn opening_at(store: &Store, sequence: u64) -> Result<Option<StockOpened>, StoreError> {
    Ok(store.get(&PARTS, sequence)?.map(|part| part.opened))
}

/// Forgets parts whose entries are trimmed. Gives how many.
pub(super) async fn forget(store: &Store) -> Result<u64, StoreError> {
    let first_kept = store.outbox_span(Stream::stock().as_str())?.first_kept;
    let is_over = move |part: &Part| part.sequence < first_kept;
    let may_be_over = match store.page(&PARTS, None, Order::Ascending, 1) {
        Ok(oldest) => oldest.first().is_some_and(is_over),
        // It stays, for the check to find; those behind it don't.
        Err(StoreError::Corrupt { .. }) => true,
        Err(error) => return Err(error),
    };
    if may_be_over { store.forget(&PARTS, is_over).await } else { Ok(0) }
}

fn write(transaction: &mut Transaction<'_>, opened: StockOpened) -> Result<(), StoreError> {
    let (stream, at_ms) = (Stream::stock(), opened.at_ms);
    let sequence = transaction.next_in_outbox(stream.as_str())?;
    transaction.put(&PARTS, sequence, &Part { sequence, opened })?;
    // No number: an older hub, put back, would send the movement of that number under it.
    transaction.append_to_outbox(stream.as_str(), OPENED_KIND.name(), at_ms, &format!("opening-{sequence}")).map(drop)
}

/// What of the positions HQ neither has heard in this epoch nor will hear from the outbox.
fn remaining(store: &Store) -> Result<Vec<Standing>, StoreError> {
    let span = |stream: Stream| store.outbox_span(stream.as_str());
    let (sales, stock) = (span(Stream::sales())?, span(Stream::stock())?);
    // Sales given up before the epoch began are sent without effect, and stay in the opening. What of them HQ has had in this epoch can't be known.
    let may_be_told = selling::given_up_to(store)? > sales.base && sales.acknowledged > sales.base;
    if may_be_told || [sales, stock].iter().any(|span| span.first_kept > span.base + 1) {
        tracing::warn!(
            epoch = store.epoch(),
            "what HQ has heard in this epoch is no longer kept whole, so no opening is written: if the epoch began with a restore, HQ counts the stock from there, until a backup is restored once more"
        );
        return Ok(Vec::new());
    }
    // HQ hears of everything since the store's birth.
    if (sales.base, stock.base) == (0, 0) && selling::given_up_to(store)? == 0 {
        return Ok(Vec::new());
    }
    let (mut said, mut records) = (Standings::new(), Records::of(store));
    for (span, stream) in [(sales, Stream::sales()), (stock, Stream::stock())] {
        let mut next = span.base + 1;
        while next <= span.last {
            let entries = store.outbox(stream.as_str(), next, PAGE)?;
            let Some(last) = entries.last() else { break };
            next = last.sequence + 1;
            for entry in &entries {
                match add(&mut records, &stream, entry, &mut said) {
                    // HQ hears that it is damaged, and no more.
                    Ok(()) | Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    let mut lines = Vec::new();
    store.each(&POSITIONS, |position| match position {
        Ok(position) => lines.extend(beyond(&position, &said)),
        Err(error) => tracing::error!(%error, "HQ is not told of this position"),
    })?;
    Ok(lines)
}

/// The records of entries, which count up with them.
struct Records<'s> {
    store: &'s Store,
    sales: Beside<'s, Sale>,
    movements: Beside<'s, Movement>,
}

impl<'s> Records<'s> {
    fn of(store: &'s Store) -> Self {
        Self {
            store,
            sales: Beside::new(store, selling::sales_from, |sale| sale.sequence),
            movements: Beside::new(store, movements_from, |movement| movement.number),
        }
    }

    /// The number of a sale's movement.
    fn movement_of_sale(&mut self, sequence: u64) -> Result<Option<u64>, StoreError> {
        match self.sales.get(sequence) {
            Ok(Some(sale)) => Ok(sale.movement),
            // Of a page with damage, those that can be read.
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                Ok(selling::sale_at(self.store, sequence)?.and_then(|sale| sale.movement))
            }
            Err(error) => Err(error),
        }
    }

    /// The lines of a movement; none of one that is missing.
    fn lines_of(&mut self, number: u64) -> Result<Vec<Line>, StoreError> {
        match self.movements.get(number) {
            Ok(Some(movement)) => Ok(movement.lines.clone()),
            Ok(None) | Err(StoreError::Corrupt { .. }) => {
                Ok(movement_at(self.store, number)?.map(|movement| movement.lines).unwrap_or_default())
            }
            Err(error) => Err(error),
        }
    }
}

/// Adds what HQ makes of an entry.
fn add(records: &mut Records<'_>, stream: &Stream, entry: &Entry, said: &mut Standings) -> Result<(), StoreError> {
    if entry.kind == OPENED_KIND.name() {
        for line in opening_at(records.store, entry.sequence)?.map(|part| part.lines).unwrap_or_default() {
            *said.entry((line.sku, line.unit, line.state)).or_default() += line.quantity_milli;
        }
        return Ok(());
    }
    let number =
        if *stream == Stream::sales() { records.movement_of_sale(entry.sequence)? } else { entry.subject.parse().ok() };
    let lines = match number {
        Some(number) => records.lines_of(number)?,
        None => Vec::new(),
    };
    for line in lines {
        for state in [line.from, line.to].into_iter().flatten() {
            *said.entry((line.sku.to_string(), line.unit, state)).or_default() += line.effect(state);
        }
    }
    Ok(())
}

/// What a position has beyond what is said of it.
fn beyond(position: &Position, said: &Standings) -> Vec<Standing> {
    let standing = |state| {
        let (sku, unit) = (position.sku.to_string(), position.unit);
        let said = said.get(&(sku.clone(), unit, state)).copied().unwrap_or(0);
        Standing { sku, unit, state, quantity_milli: position.of(state).saturating_sub(said) }
    };
    State::ALL.map(standing).into_iter().filter(|line| line.quantity_milli != 0).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use commerce::stock::Kind;
    use store::EngineKind;

    use super::*;
    use crate::{
        problem::Problem,
        stock::{Booking, MOVEMENTS, book},
    };

    static COUNTERS: Table<Name, u64> = Table::new("counter");
    static SALES: Table<Number, Sale> = Table::linked("sale");

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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
        (directory, store)
    }

    /// What HQ hears of the epoch comes to one piece of every item.
    fn is_told_once(store: &Store) {
        let base = store.outbox_span("stock").unwrap().base;
        let (mut said, mut records) = (Standings::new(), Records::of(store));
        for entry in store.outbox("stock", base + 1, usize::MAX).unwrap() {
            assert_eq!(entry.subject.parse::<u64>().is_err(), entry.kind == OPENED_KIND.name(), "{entry:?}");
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
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
        let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap());
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 7).unwrap();
        let before = told(&store);
        assert!((10_000..i64::try_from(pieces - 1).unwrap() * 1000).contains(&before), "one block: {before}");
        open_epoch(&store, 1).unwrap();
        assert_eq!(told(&store), i64::try_from(pieces).unwrap() * 1000);
    }

    #[test]
    fn sales_given_up_that_hq_lacks_again_are_in_the_opening() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap());
        come_singly(&store, 3);
        let stored: Sale = serde_json::from_str(include_str!("../selling/fixtures/sale-2.json")).unwrap();
        let sold = store.commit_blocking(move |transaction| {
            let lines = Line::of([(("00000".parse().unwrap(), Unit::Each), 1000)], Some(State::OnHand), None);
            let (kind, reference, by) = (Kind::Sale, "1-1".into(), "till-1".into());
            let movement = book(transaction, Booking { kind, reference, by, at_ms: 1, lines, settled: true })?;
            for sequence in 1..=store::archive::SEGMENT {
                let movement = movement.filter(|_| sequence == 1);
                transaction.append_to_outbox("sales", "sale.completed", 1, &format!("1-{sequence}"))?;
                transaction.put(&SALES, sequence, &Sale { sequence, movement, ..stored.clone() })?;
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
        let store = Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap();
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
        let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, &crate::LINKED, 1).unwrap());
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
}
