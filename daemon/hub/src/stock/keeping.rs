//! What becomes of the ledger with the years.
//!
//! - Old movements move to the archive and are read through it. They are never given up: positions are their sums.
//! - What the hub held for baskets that have ended is forgotten, and an epoch's opening with its entries in the outbox.
//! - Documents that are closed are forgotten after the config's `keep_sales_days`, as sales are. What is open is never forgotten, however old. The indexes
//!   of orders and transfers stay, some dozen bytes each: no transfer is entered twice.

use std::sync::Arc;

use commerce::stock::{Count, Notice, Reservation, Transfer};
use store::{Number, Purpose, Record, Store, StoreError, Table, Transaction, idempotency::REMEMBERED};

use super::{
    MOVEMENT, MOVEMENTS, counts::COUNTS, documents::Document, notices::NOTICES, opening, reservations::RESERVATIONS,
    transfers::TRANSFERS,
};
use crate::selling::{self, keeping::DAY_MS};

/// The newest movements that stay in the engine: longer than anybody counts or plans, so that a commit finds what it needs.
const LIVE: u64 = 20_000;

/// Numbers of documents looked at in one go, and forgotten with one commit: a count of 400 items has some 100 KB.
const PART: u64 = 100;

/// Tidies the ledger up, while others sell. Gives the movements archived, and the documents and parts of openings forgotten.
///
/// # Errors
/// The store fails; what was done is done.
pub async fn tidy(store: &Arc<Store>, now_ms: i64, keep_days: u16) -> Result<(u64, u64), StoreError> {
    let remembered = now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    // Not before the answers to their commands.
    let kept = now_ms.saturating_sub(i64::from(keep_days).saturating_mul(DAY_MS)).min(remembered);
    let is_over = move |reservation: &Reservation| {
        !reservation.holds() && reservation.reserved_at_ms < if reservation.hold { remembered } else { kept }
    };
    // Each whatever becomes of the others.
    let forgotten = [
        store.forget(&RESERVATIONS, is_over).await,
        forget(store, Document::Notice, &NOTICES, kept).await,
        forget(store, Document::Transfer, &TRANSFERS, kept).await,
        forget(store, Document::Count, &COUNTS, kept).await,
        opening::forget(store).await,
    ];
    let archived = archive(store).await?;
    Ok((archived, forgotten.into_iter().sum::<Result<u64, _>>()?))
}

/// A document that begins and ends. A notice may be opened again.
trait Ends {
    /// When it was opened, and closed.
    fn life(&self) -> (i64, Option<i64>);

    /// Whether it was closed before a moment.
    fn is_over(&self, before: i64) -> bool {
        self.life().1.is_some_and(|closed_at_ms| closed_at_ms < before)
    }
}

impl Ends for Notice {
    fn life(&self) -> (i64, Option<i64>) {
        (self.entered_at_ms, self.closed_at_ms)
    }
}

impl Ends for Transfer {
    fn life(&self) -> (i64, Option<i64>) {
        (self.dispatched_at_ms, self.arrived_at_ms)
    }
}

impl Ends for Count {
    fn life(&self) -> (i64, Option<i64>) {
        (self.opened_at_ms, self.closed_at_ms)
    }
}

/// Forgets documents that were closed before a moment; gives how many. Begins with the oldest, and ends where a whole part is too young. A damaged one
/// stays, for the check to find.
async fn forget<D: Ends + Record + 'static>(
    store: &Arc<Store>,
    document: Document,
    table: &'static Table<Number, D>,
    before: i64,
) -> Result<u64, StoreError> {
    let last = selling::given(store, document.name())?;
    let (mut next, mut forgotten) = (1, 0);
    while next <= last {
        let (from, up_to, reader) = (next, last.min(next + PART - 1), Arc::clone(store));
        // Where requests are answered nothing is read that nobody waits for.
        let read = tokio::task::spawn_blocking(move || old(&reader, table, from, up_to, before));
        let (over, goes_on) = read.await.map_err(|_| StoreError::Panicked)??;
        if !over.is_empty() {
            let forget = move |transaction: &mut Transaction<'_>| forget_over(transaction, table, &over, before);
            forgotten += store.commit_for(Purpose::Housekeeping, forget).await?;
        }
        if !goes_on {
            break;
        }
        next = up_to + 1;
    }
    Ok(forgotten)
}

/// Forgets documents of a part, but those that are over no longer: since they were read somebody may have reopened one. Gives how many.
fn forget_over<D: Ends + Record>(
    transaction: &mut Transaction<'_>,
    table: &Table<Number, D>,
    over: &[u64],
    before: i64,
) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for id in over {
        let document = match transaction.get(table, *id) {
            Err(StoreError::Corrupt { .. }) => continue,
            found => found?,
        };
        if document.is_some_and(|document| document.is_over(before)) {
            transaction.delete(table, *id);
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

/// Documents of a part that were closed before a moment, and whether there may be more in the next: one of a clock that was wrong for a moment ends nothing.
fn old<D: Ends + Record>(
    store: &Store,
    table: &Table<Number, D>,
    from: u64,
    up_to: u64,
    before: i64,
) -> Result<(Vec<u64>, bool), StoreError> {
    let (mut over, mut some, mut some_old) = (Vec::new(), false, false);
    for id in from..=up_to {
        let document = match store.get(table, id) {
            Err(StoreError::Corrupt { .. }) => continue,
            found => found?,
        };
        let Some(document) = document else { continue };
        some = true;
        some_old |= document.life().0 < before;
        if document.is_over(before) {
            over.push(id);
        }
    }
    Ok((over, some_old || !some))
}

/// Moves movements that are old to the archive; gives how many.
async fn archive(store: &Arc<Store>) -> Result<u64, StoreError> {
    let up_to = selling::given(store, MOVEMENT)?.saturating_sub(LIVE);
    store.archive(&MOVEMENTS, up_to, |_| Vec::new()).await
}

#[cfg(test)]
mod tests {
    use commerce::{
        Quantity, Sku, Unit,
        stock::{Condition, Portion},
    };
    use proptest::{collection::vec, prelude::*};
    use store::{Checked, Depth, EngineKind};

    use super::*;
    use crate::{
        problem::Problem,
        stock::{
            By, check,
            counts::{COUNTING, open_now as open_count},
            notices::{
                DeliveredLine, Delivery, NoticeRequest, close_now as close_notice, enter_now as enter,
                receive_now as receive, reopen_now,
            },
            reservations::{ReserveRequest, release_now as release, reserve_now as reserve},
            transfers::{Arrival, Dispatch, arrive_now as arrive, dispatch_now as dispatch},
        },
    };

    const TODAY: i64 = 20_000;
    const KEEP_DAYS: u16 = 30;

    /// A document: of which kind, opened so many days ago, and closed so many days ago if it is.
    type Paper = (usize, i64, Option<i64>);

    fn paper() -> impl Strategy<Value = Paper> {
        let life = (0..90_i64).prop_flat_map(|opened| (Just(opened), proptest::option::of(0..=opened)));
        (0..5_usize, life).prop_map(|(kind, (opened, closed))| (kind, opened, closed))
    }

    fn by(days_ago: i64) -> By {
        By { name: "(console)".into(), at_ms: (TODAY - days_ago) * DAY_MS }
    }

    fn close_count(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<(), Problem> {
        let mut count = transaction.get(&COUNTS, id)?.unwrap();
        count.close(by.at_ms)?;
        Document::Count.close(transaction, id)?;
        transaction.delete(&COUNTING, count.lines[0].sku.as_str());
        Ok(transaction.put(&COUNTS, id, &count)?)
    }

    /// Opens a document about an item of its own, and closes it. Gives its number.
    fn file(transaction: &mut Transaction<'_>, number: usize, (kind, opened, closed): Paper) -> Result<u64, Problem> {
        let sku: Sku = format!("{number:05}").parse().unwrap();
        let quantity = Quantity::pieces(2).unwrap();
        let lines = || vec![Portion { sku: sku.clone(), quantity }];
        let (here, there) = ("store-1".parse().unwrap(), "store-2".parse().unwrap());
        let notice = match kind {
            0 => NoticeRequest::Supplier { supplier: "Dairy".into(), order: number.to_string(), lines: lines() },
            _ => NoticeRequest::Store {
                store: "store-2".parse().unwrap(),
                transfer: format!("7-{number}").parse().unwrap(),
                to: "store-1".parse().unwrap(),
                lines: lines(),
            },
        };
        let id = enter(transaction, &by(opened), here, notice)?.id;
        let came = vec![DeliveredLine { sku: sku.clone(), quantity, condition: Condition::Good }];
        receive(transaction, by(opened), id, Delivery { delivery_note: None, lines: came })?;
        if kind < 2 {
            if let Some(closed) = closed {
                close_notice(transaction, &by(closed), id)?;
            }
            return Ok(id);
        }
        // It has brought the goods.
        close_notice(transaction, &by(opened), id)?;
        let here = "store-1".parse().unwrap();
        let opening = by(opened);
        Ok(match kind {
            2 => {
                let id = dispatch(transaction, opening, (here, 1), Dispatch { to: there, lines: lines() })?.id;
                if let Some(closed) = closed {
                    let here = "store-1".parse().unwrap();
                    arrive(transaction, &by(closed), &here, id, Arrival { lines: lines() })?;
                }
                id
            }
            3 => {
                let id = open_count(transaction, opening.at_ms, vec![(sku.clone(), Unit::Each)])?.id;
                if let Some(closed) = closed {
                    close_count(transaction, &by(closed), id)?;
                }
                id
            }
            _ => {
                let id =
                    reserve(transaction, opening, ReserveRequest { reference: "order".into(), lines: lines() })?.id;
                if let Some(closed) = closed {
                    release(transaction, by(closed), id)?;
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

        /// Whatever was opened and closed whenever, in any order: what is open stays, and what is closed goes when it is old enough. No transfer can be
        /// entered again, an order once it is closed, forgotten or not, and the ledger adds up.
        #[test]
        fn what_is_open_is_never_forgotten_and_what_is_closed_in_its_time(papers in vec(paper(), 1..250)) {
            let directory = tempfile::tempdir().unwrap();
            let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap());
            let filed = papers.clone();
            let filing = move |transaction: &mut Transaction<'_>| {
                filed.into_iter().enumerate().map(|(number, paper)| file(transaction, number, paper)).collect::<Result<Vec<_>, _>>()
            };
            let ids = store.commit_blocking(filing).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let now = TODAY * DAY_MS;
            runtime.block_on(tidy(&store, now, KEEP_DAYS)).unwrap();
            for ((kind, opened, closed), id) in papers.iter().zip(&ids) {
                // When a reservation ended is not on record: the day it was made counts.
                let end = if *kind == 4 { closed.map(|_| opened) } else { closed.as_ref() };
                let must_stay = end.is_none_or(|end| *end <= i64::from(KEEP_DAYS));
                prop_assert_eq!(is_there(&store, *kind, *id), must_stay, "kind {}, opened {}, closed {:?}", kind, opened, closed);
            }
            let mut checked = Checked::default();
            check(&store, Depth::Whole, &mut checked).unwrap();
            prop_assert_eq!(checked.faults, Vec::<String>::new());
            for (number, (kind, ..)) in papers.iter().enumerate() {
                let again = store.commit_blocking({
                    let paper = (*kind, 0, None);
                    move |transaction| file(transaction, number, paper)
                });
                let known = match kind {
                    0 if papers[number].2.is_some() => None,
                    0 => Some("/problems/order-known".to_owned()),
                    _ => Some("/problems/transfer-known".to_owned()),
                };
                prop_assert_eq!(again.err().map(|problem| problem.kind), known);
            }
            let mut checked = Checked::default();
            check(&store, Depth::Whole, &mut checked).unwrap();
            prop_assert_eq!(checked.faults, Vec::<String>::new());
        }
    }

    #[test]
    fn a_notice_that_is_reopened_while_old_ones_are_forgotten_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), EngineKind::Sqlite, 1).unwrap());
        let filing = |transaction: &mut Transaction<'_>| {
            file(transaction, 1, (1, 90, Some(90)))?;
            file(transaction, 2, (1, 90, Some(90)))
        };
        store.commit_blocking(filing).unwrap();
        let before = (TODAY - i64::from(KEEP_DAYS)) * DAY_MS;
        let (over, _) = old(&store, &NOTICES, 1, PART, before).unwrap();
        assert_eq!(over, [1, 2]);
        store.commit_blocking(|transaction| reopen_now(transaction, 2)).unwrap();
        let forgotten = store.commit_blocking(move |transaction| forget_over(transaction, &NOTICES, &over, before));
        assert_eq!(forgotten.unwrap(), 1);
        assert_eq!([1, 2].map(|id| is_there(&store, 1, id)), [false, true]);
        let mut checked = Checked::default();
        check(&store, Depth::Whole, &mut checked).unwrap();
        assert_eq!(checked.faults, Vec::<String>::new());
    }
}
