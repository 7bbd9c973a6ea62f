use proptest::prelude::*;
use store::Depth;

use super::*;
use crate::{
    pricing::BuyerRequest,
    selling::{self, LineRequest, SaleDone, TenderRequest, WholeSale},
    testing,
};

fn receipts(fiscal_year: u16, last: u64) -> Receipts {
    Receipts { fiscal_year, last, prefix: None }
}

#[test]
fn receipt_numbers_restart_with_a_fiscal_year() {
    assert_eq!(Receipts::default().next(2026), receipts(2026, 1));
    assert_eq!(receipts(2026, 41).next(2026), receipts(2026, 42));
    assert_eq!(receipts(2026, 41).next(2027), receipts(2027, 1));
    assert_eq!(receipts(2027, 1).next(2026), receipts(2027, 2), "a clock that was set back");
    assert_eq!(serde_json::to_string(&receipts(2026, 41)).unwrap(), r#"{"fiscal_year":2026,"last":41}"#);
    let apart = Receipts { prefix: Some(ReceiptPrefix::of_epoch(1_000)), ..receipts(2026, 41) };
    assert_eq!(serde_json::to_string(&apart).unwrap(), r#"{"fiscal_year":2026,"last":41,"prefix":"1"}"#);
    assert_eq!(apart.next(2026).prefix, apart.prefix);
}

#[test]
fn numbers_are_skipped_only_where_an_epoch_begins() {
    let apart = Receipts { prefix: Some(ReceiptPrefix::of_epoch(1_000)), ..receipts(2026, 1) };
    for (receipt, within, at_a_new_epoch) in [
        (receipts(2026, 42), true, true),
        (receipts(2026, 43), false, true),
        (receipts(2027, 1), true, true),
        (receipts(2027, 9), false, true),
        (receipts(2026, 41), false, false),
        (receipts(2026, 7), false, false),
        (apart, false, true),
    ] {
        let may = |begins| receipts(2026, 41).may_precede(receipt, begins);
        assert_eq!((may(false), may(true)), (within, at_a_new_epoch), "{receipt:?}");
    }
}

fn last(register: &str, fiscal_year: u16, receipt: u64) -> LastReceipt {
    LastReceipt { register: register.into(), fiscal_year, receipt }
}

/// Sells a piece for cash at once.
fn sell(store: &Store) -> Result<SaleDone, Refusal> {
    let line: LineRequest = serde_json::from_value(serde_json::json!({ "sku": testing::CEREAL })).unwrap();
    let line = line.find(&testing::CATALOG).unwrap();
    let (currency, by) = (commerce::Currency::from_code("USD").unwrap(), testing::register(2));
    let tenders = vec![TenderRequest::Cash { amount: commerce::Minor::literal(1_000) }];
    let sale = WholeSale {
        currency,
        reference: None,
        customer: None,
        buyer: BuyerRequest::default(),
        reservations: vec![],
        lines: vec![line],
        tenders,
    };
    let (basket, context) = (sale.basket(&by, None)?, testing::sale_context(store.epoch(), 2));
    store.commit_blocking(move |transaction| selling::sell(transaction, &by, basket, &context))
}

fn sold(store: &Store) -> String {
    let done = sell(store).unwrap();
    selling::find_sale(store, done.sale).unwrap().receipt_text()
}

fn settle(store: &Store, numbers: &[LastReceipt]) -> bool {
    let numbers = numbers.to_vec();
    store.commit_blocking(move |transaction| continue_numbers(transaction, &numbers)).unwrap()
}

/// A power failure: everything in memory is gone.
fn again(store: Store, directory: &std::path::Path) -> Store {
    drop(store);
    let store = testing::store(directory);
    begin_numbering(&store, true).unwrap();
    store
}

#[test]
fn a_store_on_an_empty_disk_sells_once_hq_has_answered_and_goes_on_from_its_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = testing::store(directory.path());
    begin_numbering(&store, true).unwrap();
    // The power fails while it asks, as often as it likes.
    for _ in 0..2 {
        assert_eq!(sell(&store).unwrap_err().kind, &NUMBERS_AWAITED);
        assert_eq!(number_source(&store).unwrap(), Some(NumberSource::Asking));
        store = again(store, directory.path());
    }
    let numbers =
        [last("till-1", 2026, 41), last("till-1", 2025, 977), last("till-2", 2026, 3), last("no name", 2026, 1)];
    assert!(settle(&store, &numbers));
    store = again(store, directory.path());
    assert_eq!(sold(&store), "000042");
    assert!(!settle(&store, &[last("till-1", 2026, 99)]), "a second answer changes nothing");
    assert!(!store.commit_blocking(number_apart).unwrap(), "nor does a time-out that comes late");
    store = again(store, directory.path());
    assert_eq!((sold(&store), number_source(&store).unwrap()), ("000043".into(), Some(NumberSource::Continued)));
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn without_an_answer_it_sells_under_a_prefix_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = testing::store(directory.path());
    begin_numbering(&store, true).unwrap();
    assert!(store.commit_blocking(number_apart).unwrap());
    let prefix = ReceiptPrefix::of_epoch(store.epoch());
    for number in 1..=3 {
        store = again(store, directory.path());
        assert_eq!(sold(&store), format!("{prefix}-00000{number}"));
        assert!(!settle(&store, &[last("till-1", 2026, 41)]), "HQ answers too late");
    }
    assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
}

#[test]
fn a_store_without_hq_does_not_wait_for_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    begin_numbering(&store, true).unwrap();
    assert_eq!(sell(&store).unwrap_err().kind, &NUMBERS_AWAITED);
    // The config names HQ no longer.
    begin_numbering(&store, false).unwrap();
    assert_eq!((sold(&store), number_source(&store).unwrap()), ("000001".into(), None));
}

#[test]
fn a_paid_sale_is_not_kept_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    begin_numbering(&store, true).unwrap();
    let context = testing::sale_context(1, 2);
    let completed = store.commit_blocking(move |transaction| {
        let mut basket = testing::basket(1, 1);
        basket.tender(commerce::Tender::Cash { amount: commerce::Minor::literal(1_000) })?;
        selling::complete(transaction, &mut basket, &context, true)
    });
    let prefix = ReceiptPrefix::of_epoch(1);
    assert_eq!(completed.unwrap().receipt_text(), format!("{prefix}-000001"));
    assert_eq!(number_source(&store).unwrap(), Some(NumberSource::Apart));
}

/// What happens to a store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sell,
    BackUp,
    /// HQ hears of all sales.
    Hear,
    /// The disk is lost; the last backup is restored, or an empty store begins.
    Lose {
        answers: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Sell),
        1 => Just(Step::BackUp),
        2 => Just(Step::Hear),
        2 => any::<bool>().prop_map(|answers| Step::Lose { answers }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// A receipt that HQ has heard of is never given again, whatever was lost, and the check finds no gap.
    #[test]
    fn no_number_that_hq_has_is_given_again(steps in proptest::collection::vec(step(), 1..25)) {
        let directory = tempfile::tempdir().unwrap();
        let (mut backup, mut lives) = (Vec::new(), 0_u64);
        let mut data = directory.path().join("0");
        let mut store = testing::store(&data);
        let (mut given, mut heard) = (Vec::<String>::new(), std::collections::BTreeSet::<String>::new());
        for step in steps {
            match step {
                Step::Sell => {
                    let receipt = sold(&store);
                    prop_assert!(!heard.contains(&receipt), "{receipt} again");
                    given.push(receipt);
                }
                Step::BackUp => {
                    backup.clear();
                    store.backup(&mut backup).unwrap();
                }
                Step::Hear => heard.extend(given.drain(..)),
                Step::Lose { answers } => {
                    prop_assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
                    lives += 1;
                    given.clear();
                    data = directory.path().join(lives.to_string());
                    let born = 1_000_000 * (lives + 1);
                    if !backup.is_empty() {
                        store::restore(&data, store::EngineKind::Sqlite, &backup[..], born).unwrap();
                    }
                    store = Store::open(&data, store::EngineKind::Sqlite, &crate::linked_tables(), born).unwrap();
                    begin_numbering(&store, true).unwrap();
                    let plain = heard.iter().filter_map(|receipt| receipt.parse().ok()).max();
                    let numbers: Vec<_> = plain.map(|receipt| last("till-1", 2026, receipt)).into_iter().collect();
                    let is_news = if answers {
                        settle(&store, &numbers)
                    } else {
                        store.commit_blocking(number_apart).unwrap()
                    };
                    prop_assert!(is_news);
                }
            }
        }
        prop_assert_eq!(testing::faults(&store, Depth::Whole), [""; 0]);
    }
}
