use commerce::{Quantity, stock::Portion};
use proptest::{collection::vec, prelude::*};
use store::Depth;

use super::*;
use crate::{
    By, Refusal,
    stock::{
        Arrival, DeliveredLine, Delivery, Dispatch, NoticeRequest, OpenCount, ReserveRequest, ThisStore, arrive,
        close_count, close_notice, dispatch, enter, open_count, receive, release, reopen_notice, reserve,
    },
    testing::{self, CATALOG, faults, hub, sku},
};

const DAY_MS: i64 = 24 * 3600 * 1000;
const TODAY: i64 = 20_000;
const KEEP_DAYS: u16 = 30;

/// The kind of a document, how many days ago it was opened, and how many days ago it was closed, if so.
type Paper = (usize, i64, Option<i64>);

fn paper() -> impl Strategy<Value = Paper> {
    let life = (0..90_i64).prop_flat_map(|opened| (Just(opened), proptest::option::of(0..=opened)));
    (0..5_usize, life).prop_map(|(kind, (opened, closed))| (kind, opened, closed))
}

fn by(days_ago: i64) -> By {
    testing::by((TODAY - days_ago) * DAY_MS)
}

fn retention() -> Retention {
    Retention { now_ms: TODAY * DAY_MS, keep_sales_days: KEEP_DAYS, has_headquarters: false }
}

/// Opens a document about its own item, and closes it. Returns its number.
fn file(transaction: &mut Transaction<'_>, number: usize, (kind, opened, closed): Paper) -> Result<u64, Refusal> {
    let (sku, here, opening) = (sku(&format!("{number:05}")), hub("store-1"), by(opened));
    let quantity = Quantity::pieces(2).unwrap();
    let lines = || vec![Portion { sku: sku.clone(), quantity }];
    let notice = match kind {
        0 => NoticeRequest::Supplier { supplier: "Dairy".into(), order: number.to_string(), lines: lines() },
        _ => NoticeRequest::Store {
            store: hub("store-2"),
            transfer: format!("7-{number}").parse().unwrap(),
            to: here.clone(),
            lines: lines(),
        },
    };
    let id = enter(transaction, &opening, &CATALOG, &here, notice)?.id;
    let came = vec![DeliveredLine { sku: sku.clone(), quantity, condition: commerce::stock::Condition::Good }];
    receive(transaction, &opening, &CATALOG, id, Delivery { delivery_note: None, lines: came })?;
    if kind < 2 {
        if let Some(closed) = closed {
            close_notice(transaction, &by(closed), id)?;
        }
        return Ok(id);
    }
    // The notice has delivered the goods for the other documents.
    close_notice(transaction, &opening, id)?;
    Ok(match kind {
        2 => {
            let (this, to) = (ThisStore { hub: here.clone(), epoch: 1 }, hub("store-2"));
            let id = dispatch(transaction, &opening, &CATALOG, &this, Dispatch { to, lines: lines() })?.id;
            if let Some(closed) = closed {
                arrive(transaction, &by(closed), &here, id, Arrival { lines: lines() })?;
            }
            id
        }
        3 => {
            let request = OpenCount { skus: vec![sku.clone()], positions: vec![] };
            let id = open_count(transaction, &opening, &CATALOG, request)?.id;
            if let Some(closed) = closed {
                close_count(transaction, &by(closed), id)?;
            }
            id
        }
        _ => {
            let request = ReserveRequest { reference: "order".into(), lines: lines() };
            let id = reserve(transaction, &opening, request)?.id;
            if let Some(closed) = closed {
                release(transaction, &by(closed), id)?;
            }
            id
        }
    })
}

fn is_there(store: &Store, kind: usize, id: u64) -> bool {
    match kind {
        0 | 1 => store.get(&NOTICES, id).unwrap().is_some(),
        2 => store.get(&TRANSFERS, id).unwrap().is_some(),
        3 => store.get(&COUNTS, id).unwrap().is_some(),
        _ => store.get(&RESERVATIONS, id).unwrap().is_some(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whenever documents were opened and closed, in any order: open ones stay, and closed ones are deleted when they
    /// are old enough. No transfer can be entered again, an order only once it is closed, and the ledger remains
    /// consistent.
    #[test]
    fn open_documents_are_never_deleted_and_closed_ones_by_age(papers in vec(paper(), 1..250)) {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let filed = papers.clone();
        let filing = move |transaction: &mut Transaction<'_>| {
            let papers = filed.into_iter().enumerate();
            papers.map(|(number, paper)| file(transaction, number, paper)).collect::<Result<Vec<_>, _>>()
        };
        let ids = store.commit_blocking(filing).unwrap();
        tidy(&store, &retention()).unwrap();
        for ((kind, opened, closed), id) in papers.iter().zip(&ids) {
            // The end of a reservation is not recorded, so the day when it was made counts.
            let end = if *kind == 4 { closed.map(|_| opened) } else { closed.as_ref() };
            let must_stay = end.is_none_or(|end| *end <= i64::from(KEEP_DAYS));
            let is_there = is_there(&store, *kind, *id);
            prop_assert_eq!(is_there, must_stay, "kind {}, opened {}, closed {:?}", kind, opened, closed);
        }
        prop_assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
        for (number, (kind, ..)) in papers.iter().enumerate() {
            let paper = (*kind, 0, None);
            let again = store.commit_blocking(move |transaction| file(transaction, number, paper));
            let known = match kind {
                0 if papers[number].2.is_some() => None,
                0 => Some("order-known"),
                _ => Some("transfer-known"),
            };
            prop_assert_eq!(again.err().map(|refusal| refusal.kind.slug), known);
        }
        prop_assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
    }
}

#[test]
fn a_notice_reopened_during_deletion_stays() {
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let filing = |transaction: &mut Transaction<'_>| {
        file(transaction, 1, (1, 90, Some(90)))?;
        file(transaction, 2, (1, 90, Some(90)))
    };
    store.commit_blocking(filing).unwrap();
    let before = retention().keep_from_ms();
    store.commit_blocking(|transaction| reopen_notice(transaction, &by(1), 2)).unwrap();
    let forgotten = store.commit_blocking(move |transaction| forget_over(transaction, &NOTICES, &[1, 2], before));
    assert_eq!(forgotten.unwrap(), 1);
    assert_eq!([1, 2].map(|id| is_there(&store, 1, id)), [false, true]);
    assert_eq!(faults(&store, Depth::Whole), Vec::<String>::new());
}

#[test]
fn a_damaged_notice_stays_and_others_are_deleted() {
    static DAMAGED: Table<Number, String> = Table::new("notice");
    let directory = tempfile::tempdir().unwrap();
    let store = testing::store(directory.path());
    let filing = |transaction: &mut Transaction<'_>| {
        for number in 1..=250 {
            file(transaction, number, (1, 90, Some(90)))?;
        }
        Ok::<_, Refusal>(transaction.put(&DAMAGED, 120, &"none".to_owned())?)
    };
    store.commit_blocking(filing).unwrap();
    assert_eq!(forget(&store, &NOTICES, retention().keep_from_ms()).unwrap(), 249);
    assert!(matches!(store.get(&NOTICES, 120), Err(StoreError::Corrupt { .. })));
    assert_eq!(forget(&store, &NOTICES, retention().keep_from_ms()).unwrap(), 0);
}
