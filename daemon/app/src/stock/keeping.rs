//! What becomes of the ledger with the years.
//!
//! - Old movements move to the archive and are read through it. They are never given up: positions are their sums.
//! - What the hub held for baskets that have ended is forgotten.
//! - Documents that are closed are forgotten after the config's `keep_sales_days`, as sales are. What is open is never
//!   forgotten, however old. The indexes of orders and transfers stay, some dozen bytes each: no transfer is entered
//!   twice.
//!
//! A run reads documents that exist, from the oldest on, and stops where they are too young: as many as are open or go,
//! and a part more.

use commerce::stock::{Count, Notice, Reservation, Transfer};
use store::{Number, Order, Purpose, Record, Store, StoreError, Table, Transaction, idempotency::REMEMBERED};

use super::{
    counts::COUNTS,
    ledger::{MOVEMENT, MOVEMENTS},
    notices::NOTICES,
    reservations::RESERVATIONS,
    transfers::TRANSFERS,
};
use crate::{Retention, Tidied};

/// The newest movements that stay in the engine: longer than anybody counts or plans, so that a commit finds what it
/// needs.
const LIVE: u64 = 20_000;

/// Documents looked at in one go, and forgotten with one commit: a count of 400 items has some 100 KB.
const PART: usize = 100;

/// Tidies the ledger up, while others sell. One kind of document that fails keeps no other from being tidied up.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let remembered = retention.now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    // Not before the answers to their commands.
    let kept = retention.keep_from_ms().min(remembered);
    let is_over = move |reservation: &Reservation| {
        !reservation.holds() && reservation.reserved_at_ms < if reservation.hold { remembered } else { kept }
    };
    let forgotten = [
        store.forget(&RESERVATIONS, is_over),
        forget(store, &NOTICES, kept),
        forget(store, &TRANSFERS, kept),
        forget(store, &COUNTS, kept),
    ];
    let archived = archive(store);
    let forgotten = forgotten.into_iter().sum::<Result<u64, _>>()?;
    Ok(vec![("stock_documents", forgotten), ("movements_archived", archived?)])
}

/// A document that is opened and closed. A notice may be opened again.
trait Closable {
    /// Its number.
    fn number(&self) -> u64;

    /// When it was opened.
    fn opened_at_ms(&self) -> i64;

    /// When it was closed.
    fn closed_at_ms(&self) -> Option<i64>;

    /// Whether it was closed before a moment.
    fn is_over(&self, before: i64) -> bool {
        self.closed_at_ms().is_some_and(|closed_at_ms| closed_at_ms < before)
    }
}

/// The fields of a document that say when it began and ended.
macro_rules! closable {
    ($document:ty, $opened:ident, $closed:ident) => {
        impl Closable for $document {
            fn number(&self) -> u64 {
                self.id
            }

            fn opened_at_ms(&self) -> i64 {
                self.$opened
            }

            fn closed_at_ms(&self) -> Option<i64> {
                self.$closed
            }
        }
    };
}

closable!(Notice, entered_at_ms, closed_at_ms);
closable!(Transfer, dispatched_at_ms, arrived_at_ms);
closable!(Count, opened_at_ms, closed_at_ms);

/// Forgets documents that were closed before a moment; gives how many. A damaged one stays, for the check to find.
fn forget<D: Closable + Record + 'static>(
    store: &Store,
    table: &'static Table<Number, D>,
    before: i64,
) -> Result<u64, StoreError> {
    let (mut next, mut forgotten) = (1, 0);
    loop {
        let part = store.readable_page(table, Some(next), Order::Ascending, PART, |_| {})?;
        let Some(end) = part.last() else { break };
        next = end.number() + 1;
        let over: Vec<_> = part.iter().filter(|one| one.is_over(before)).map(Closable::number).collect();
        if !over.is_empty() {
            let forget = move |transaction: &mut Transaction<'_>| forget_over(transaction, table, &over, before);
            forgotten += store.commit_blocking_for(Purpose::Housekeeping, forget)?;
        }
        // A whole part: one document of a clock that was wrong for a moment ends nothing.
        if part.iter().all(|one| one.opened_at_ms() >= before) {
            break;
        }
    }
    Ok(forgotten)
}

/// Forgets documents of a part, but those that are over no longer: since they were read somebody may have reopened one.
/// Gives how many.
fn forget_over<D: Closable + Record>(
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

/// Moves movements that are old to the archive; gives how many.
fn archive(store: &Store) -> Result<u64, StoreError> {
    let up_to = store.last_number(MOVEMENT)?.saturating_sub(LIVE);
    store.archive(&MOVEMENTS, up_to, |_| Vec::new())
}

#[cfg(test)]
mod tests;
