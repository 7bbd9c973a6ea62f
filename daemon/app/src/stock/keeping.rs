//! The retention of the stock ledger.
//!
//! - Old movements are archived and remain readable. They are never deleted, because positions are their sums.
//! - Reservations that the hub made for baskets are deleted once the baskets have ended.
//! - Closed documents are deleted after `keep_sales_days` in the config, like sales. Open documents are never deleted.
//!   The entries of orders and transfers in their indexes stay, a few dozen bytes each, so that no transfer is entered
//!   twice.
//! - The totals of web quotas that were sent to HQ are deleted once HQ has them.
//!
//! A run reads existing documents from the oldest on and stops at the first batch that is too young. So it reads about
//! as many documents as are open or deleted.

use commerce::stock::{Count, Notice, Reservation, Transfer};
use contract::Stream;
use store::{Number, Order, Purpose, Record, Store, StoreError, Table, Transaction, idempotency::REMEMBERED};

use super::{
    counts::COUNTS,
    ledger::{MOVEMENT, MOVEMENTS},
    notices::NOTICES,
    quota::TOLD,
    reservations::RESERVATIONS,
    transfers::TRANSFERS,
};
use crate::{Retention, Tidied};

/// The number of movements that stay in the engine: longer than anybody counts or plans, so that a commit finds what it
/// needs.
const LIVE: u64 = 20_000;

/// Documents read per batch and deleted per commit: a count of 400 items takes about 100 KB.
const PART: usize = 100;

/// Tidies up the stock while others sell. The failure of one kind of document does not stop the others.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let remembered = retention.now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    // Not before the answers to their commands are deleted.
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
    let acknowledged = store.outbox_span(Stream::orders().as_str())?.acknowledged;
    let told = store.forget(&TOLD, |told| told.sequence <= acknowledged);
    let archived = archive(store);
    let forgotten = forgotten.into_iter().sum::<Result<u64, _>>()?;
    Ok(vec![("stock_documents", forgotten), ("movements_archived", archived?), ("quota_totals", told?)])
}

/// A document that is opened and closed. A notice can be reopened.
trait Closable {
    /// The number.
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

/// Implements [`Closable`] from the fields of a document.
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

/// Deletes documents that were closed before a moment; returns how many. A damaged one stays for the check to find.
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
        // A whole batch must be younger: one document with a wrong time must not end the run.
        if part.iter().all(|one| one.opened_at_ms() >= before) {
            break;
        }
    }
    Ok(forgotten)
}

/// Deletes documents of a batch, except those that are no longer closed because somebody has reopened them meanwhile.
/// Returns how many.
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

/// Archives old movements; returns how many.
fn archive(store: &Store) -> Result<u64, StoreError> {
    let up_to = store.last_number(MOVEMENT)?.saturating_sub(LIVE);
    store.archive(&MOVEMENTS, up_to, |_| Vec::new())
}

#[cfg(test)]
mod tests;
