use commerce::{
    Quantity, Unit,
    stock::{Count, Decided, Decision, Position, Refusal as Rule, Rule as StockRule, Sums, Tally},
};
use proptest::{collection::vec, prelude::*};
use store::{Depth, EngineKind, Store, Transaction};

use crate::{
    Refusal,
    stock::{
        CountedItems, CountedLine, Decisions, OpenCount, counts::COUNTS, decide, ledger::POSITIONS, open_count, tally,
    },
    testing::{self, CATALOG, CEREAL, by, faults, goods, register, sku, store_kept_by},
};

const DAY_MS: i64 = 86_400_000;

/// Opens a count of one item.
fn open(transaction: &mut Transaction<'_>, at_ms: i64) -> Result<u64, Refusal> {
    let request = OpenCount { skus: vec![sku(CEREAL)], positions: vec![] };
    Ok(open_count(transaction, &by(at_ms), &CATALOG, request)?.id)
}

fn on_hand(store: &Store) -> i64 {
    store.get(&POSITIONS, (CEREAL, "each")).unwrap().map_or(0, |position| position.on_hand)
}

fn count(store: &Store, id: u64) -> Count {
    store.get(&COUNTS, id).unwrap().unwrap()
}

/// The variance of a count's only item.
fn variance(store: &Store, id: u64) -> Option<i64> {
    count(store, id).lines[0].tally.as_ref().map(Tally::variance)
}

/// A line of counted pieces, with the moment if given.
fn pieces_at(pieces: u32, counted_at_ms: Option<i64>) -> Vec<CountedLine> {
    vec![CountedLine { sku: sku(CEREAL), quantity: Quantity::pieces(pieces).unwrap(), counted_at_ms }]
}

/// Counted items, read back as far as needed.
fn counted(store: &Store, id: u64, lines: &[CountedLine], now_ms: i64) -> CountedItems {
    let mut counted = CountedItems::of_count(&count(store, id), lines, now_ms).unwrap();
    if !counted.look_back(store).unwrap() {
        counted.look_back_wholly(store).unwrap();
    }
    counted
}

fn approved(variance: i64) -> Decisions {
    Decisions { lines: vec![Decided { sku: sku(CEREAL), decision: Decision::Approved, variance }] }
}

/// A step around a count.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Goods arrive or leave.
    Goods(i64),
    /// Somebody counts, and reports it a number of steps later.
    Count { noted_after: usize },
    /// A person approves the tally.
    Approve,
    /// The hub is started again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (-5_i64..6).prop_filter("nothing", |pieces| *pieces != 0).prop_map(|pieces| Step::Goods(pieces * 1000)),
        2 => (0_usize..4).prop_map(|noted_after| Step::Count { noted_after }),
        1 => Just(Step::Approve),
        1 => Just(Step::Restart),
    ]
}

/// Plays steps; returns the stock in the books and on the shelf.
fn play(engine: EngineKind, lost: i64, steps: &[Step]) -> (i64, i64) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Some(store_kept_by(engine, directory.path()));
    // A large stock, of which the books have less or more.
    let mut shelf = 400_000;
    let opening = move |transaction: &mut Transaction<'_>| {
        goods(transaction, shelf + lost, 1)?;
        open(transaction, 2)
    };
    let id = store.as_ref().unwrap().commit_blocking(opening).unwrap();
    // The tally, its moment, and how many steps later it is reported.
    let mut noted: Option<(i64, i64, usize)> = None;
    let mut is_open = true;
    let mut at_ms = 10;
    let end = [Step::Count { noted_after: 0 }, Step::Approve, Step::Goods(-1000)];
    for step in steps.iter().copied().chain(end) {
        at_ms += 10;
        let open_store = store.as_ref().unwrap();
        match step {
            Step::Goods(milli) => {
                open_store.commit_blocking(move |transaction| goods(transaction, milli, at_ms)).unwrap();
                shelf += milli;
            }
            Step::Count { noted_after } if is_open => noted = Some((shelf, at_ms, noted_after)),
            Step::Approve if is_open => {
                // The variances as read by a person; empty before the first tally.
                let decisions = approved(variance(open_store, id).unwrap_or(0));
                let decided =
                    open_store.commit_blocking(move |transaction| decide(transaction, &by(at_ms), id, &decisions));
                is_open = decided.is_err();
            }
            Step::Count { .. } | Step::Approve => {}
            Step::Restart => {
                drop(store.take());
                store = Some(store_kept_by(engine, directory.path()));
            }
        }
        if let Some((milli, counted_at_ms, wait)) = noted.take().filter(|_| is_open) {
            if wait > 0 {
                noted = Some((milli, counted_at_ms, wait - 1));
                continue;
            }
            let quantity = Quantity::new(milli, Unit::Each).unwrap();
            let lines = vec![CountedLine { sku: sku(CEREAL), quantity, counted_at_ms: Some(counted_at_ms) }];
            let open_store = store.as_ref().unwrap();
            let counted = counted(open_store, id, &lines, at_ms);
            // A sale between reading back and the commit.
            open_store.commit_blocking(move |transaction| goods(transaction, -1000, at_ms + 1)).unwrap();
            shelf -= 1000;
            let note = move |transaction: &mut Transaction<'_>| {
                tally(transaction, &register(at_ms + 2), id, counted, &Sums::new())
            };
            open_store.commit_blocking(note).unwrap();
        }
    }
    let store = store.unwrap();
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
    (on_hand(&store), shelf)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_count_ends_with_the_stock_on_the_shelf_however_sales_interleave(
        lost in -9_i64..9, steps in vec(step(), 0..24)
    ) {
        for &engine in EngineKind::BUILT {
            let (books, shelf) = play(engine, lost * 1000, &steps);
            prop_assert_eq!(books, shelf, "{}", engine);
        }
    }
}

#[test]
fn a_tally_without_a_moment_counts_from_the_arrival_of_its_command() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let opening = store.commit_blocking(|transaction| {
        goods(transaction, 5000, 100)?;
        open(transaction, 100)
    });
    let id = opening.unwrap();
    // At 200 three are counted. One is sold while the command waits to be read back, and one while it waits to be
    // committed.
    store.commit_blocking(|transaction| goods(transaction, -1000, 201)).unwrap();
    let counted = counted(&store, id, &pieces_at(3, None), 200);
    store.commit_blocking(|transaction| goods(transaction, -1000, 202)).unwrap();
    let baskets = [((sku(CEREAL), Unit::Each), 1000)].into();
    store.commit_blocking(move |transaction| tally(transaction, &register(200), id, counted, &baskets)).unwrap();
    let noted = count(&store, id).lines[0].tally.clone().unwrap();
    assert_eq!((noted.expected, noted.counted_at_ms, noted.variance()), (5000, 200, -2000));
    assert_eq!(noted.in_baskets_when_counted, 1000);
    store.commit_blocking(|transaction| goods(transaction, -2000, 203)).unwrap();
    store.commit_blocking(move |transaction| decide(transaction, &by(204), id, &approved(-2000))).unwrap();
    assert_eq!(on_hand(&store), -1000, "more was sold than was counted, and the books say so");
}

#[test]
fn a_moment_is_within_the_count_although_the_clock_was_set_back() {
    let count = Count::open(1, 100, vec![(sku(CEREAL), Unit::Each)]).unwrap();
    let counted = |lines: &[CountedLine], now_ms| CountedItems::of_count(&count, lines, now_ms).map(drop);
    let at = |moment, now_ms| counted(&pieces_at(1, moment), now_ms);
    assert_eq!((at(None, 90), at(Some(100), 90), at(Some(150), 150)), (Ok(()), Ok(()), Ok(())));
    let refused = Err(Rule::NotDuringTheCount { sku: sku(CEREAL) });
    assert_eq!((at(Some(99), 150), at(Some(151), 150)), (refused.clone(), refused));
    let twice = [pieces_at(1, None), pieces_at(2, None)].concat();
    assert!(matches!(counted(&twice, 150), Err(Rule::Twice { .. })));
    assert!(matches!(counted(&[], 150), Err(Rule::NoLines)));
}

#[test]
fn a_long_look_back_includes_sales_made_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let opening = store.commit_blocking(|transaction| {
        let id = open(transaction, 0)?;
        // More than a short walk reads.
        (1..=3_000).try_for_each(|day| goods(transaction, 1000, day * DAY_MS))?;
        Ok::<_, Refusal>(id)
    });
    let id = opening.unwrap();
    let now_ms = 3_001 * DAY_MS;
    let count = count(&store, id);
    let mut from_the_opening = CountedItems::of_count(&count, &pieces_at(7, Some(0)), now_ms).unwrap();
    let mut just_now = CountedItems::of_count(&count, &pieces_at(7, None), now_ms).unwrap();
    assert_eq!((just_now.look_back(&store).unwrap(), from_the_opening.look_back(&store).unwrap()), (true, false));
    assert_eq!(just_now.undone(&sku(CEREAL), Unit::Each), 0);
    store.commit_blocking(move |transaction| (0..1_200).try_for_each(|_| goods(transaction, -1000, now_ms))).unwrap();
    from_the_opening.look_back_wholly(&store).unwrap();
    let undone = from_the_opening.undone(&sku(CEREAL), Unit::Each);
    assert_eq!(undone, 1_800_000, "what came, and what was sold while it waited");
}

#[test]
fn a_correction_respects_the_rule_about_going_below_zero() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let opening = store.commit_blocking(|transaction| {
        let position = Position::empty((sku(CEREAL), Unit::Each), StockRule::ToZero);
        transaction.put(&POSITIONS, (CEREAL, "each"), &position)?;
        goods(transaction, 5000, 1)?;
        open(transaction, 1)
    });
    let id = opening.unwrap();
    let counted = counted(&store, id, &pieces_at(3, None), 2);
    let refused = store.commit_blocking(move |transaction| {
        tally(transaction, &register(2), id, counted, &Sums::new())?;
        goods(transaction, -4000, 3)?;
        decide(transaction, &by(4), id, &approved(-2000))
    });
    assert_eq!(refused.unwrap_err().kind.slug, "stock-insufficient");
}

#[test]
fn an_item_is_in_one_open_count_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let open = || store.commit_blocking(|transaction| open(transaction, 1));
    open().unwrap();
    let refused = open().unwrap_err();
    assert_eq!(refused.members, [("item", CEREAL.into()), ("count", 1.into())], "{}", refused.detail);
}
