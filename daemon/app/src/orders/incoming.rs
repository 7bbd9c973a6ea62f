//! Items from HQ. An item is checked before anything is written, so a refused one changes nothing.

use commerce::{
    order::{Amount, Change, Command, Facts, Fulfilment, Reason, offer},
    stock::Sums,
};
use contract::{
    Body, DownItem, DownKind,
    order::{ARRIVED, CANCELLED, EXTENDED, OFFERED, OrderCancelled, OrderOffered, TRACKED},
};
use store::{StoreError, Transaction, engine::EngineError};

use super::{
    events, placed,
    records::{Kept, MAX_OPEN, ORDERS, Part, advance, open_parts, put, read},
    work::{require_free, step, still_open},
};
use crate::{
    By, Refusal,
    refusal::{BAD_REQUEST, DISK_FULL, Kind, STORE_STOPPED, STORE_UNREADABLE, TOO_LARGE},
    stock,
};

/// The kinds of refusals that are failures of the store.
static FAILURES: [&Kind; 4] = [&STORE_UNREADABLE, &STORE_STOPPED, &DISK_FULL, &TOO_LARGE];

/// Applies items one by one. A refusal is for HQ, a failure of the store is not.
fn each<B: Body>(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
    kind: &DownKind<B>,
    apply: fn(&mut Transaction<'_>, &By, B) -> Result<(), Refusal>,
) -> Result<Vec<Option<String>>, StoreError> {
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        refused.push(match kind.read(item) {
            Err(error) => Some(error.to_string()),
            Ok(body) => match apply(transaction, by, body) {
                Ok(()) => None,
                // The store itself fails: nothing of the batch is applied.
                Err(refusal) if FAILURES.contains(&refusal.kind) => {
                    return Err(EngineError::new("apply an item of headquarters")(refusal.detail).into());
                }
                Err(refusal) => Some(refusal.detail),
            },
        });
    }
    Ok(refused)
}

/// Offers.
pub(super) fn offered(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, items, &OFFERED, take_offer)
}

fn take_offer(transaction: &mut Transaction<'_>, by: &By, offered: OrderOffered) -> Result<(), Refusal> {
    let OrderOffered { order, part, offered_at_ms, answer_by_ms, spent, accepted } = offered;
    let home = stock::home(transaction)?;
    let id = Part { order: order.terms.order.clone(), part };
    if let Some(kept) = transaction.get(&ORDERS, id.key())? {
        return Ok(events::stated(transaction, by.at_ms, kept.fulfilment)?);
    }
    // HQ has checked the slot and the items; an item that is not on file here has no stock, and is rejected.
    order.check(i64::MIN, |sku| order.lines.iter().find(|line| line.sku == *sku).map(|line| line.quantity.unit()))?;
    if order.terms.currency != home.currency {
        let (theirs, ours) = (order.terms.currency, home.currency);
        return Err(BAD_REQUEST.because(format!(
            "order {}: the currency is {}, not {}",
            id.order,
            theirs.code(),
            ours.code()
        )));
    }
    if let Some(receiver) = &order.terms.receiver {
        let hub = receiver.parse::<contract::HubId>().map_err(|why| BAD_REQUEST.because(why))?;
        if hub == home.hub {
            return Err(BAD_REQUEST.because(format!("transfer {} is from hub {hub} to itself", id.order)));
        }
    }
    let too_late = by.at_ms > answer_by_ms;
    let reason = if too_late { Reason::TooLate } else { Reason::NoCapacity };
    let is_again = !accepted.is_empty();
    let takes = is_again || (!too_late && open_parts(transaction)? < MAX_OPEN);
    let places: std::collections::BTreeSet<_> = order.lines.iter().map(commerce::order::Ordered::place).collect();
    let (mut available, mut untracked) = (Sums::new(), Vec::new());
    for (place, found) in stock::arrive_of_quota(transaction, places, &spent)? {
        match found {
            stock::Available::UpTo(milli) => drop(available.insert(place, milli)),
            stock::Available::Untracked => {
                available.insert(place.clone(), i64::MAX);
                untracked.push(place);
            }
        }
    }
    if !takes {
        available.clear();
    }
    if is_again {
        available = Sums::new();
        for Amount { line, milli } in &accepted {
            if let Some(line) = order.line(*line) {
                *available.entry(line.place()).or_default() += milli;
            }
        }
    }
    let amount = |line: &commerce::order::Ordered| Amount { line: line.number, milli: line.quantity.milli() };
    let amounts: Vec<_> = order.lines.iter().map(amount).collect();
    let facts = Facts { now_ms: by.at_ms, policy: &home.orders };
    let (fulfilment, mut changes) = offer(&order, part, &amounts, &available, facts)?;
    let fulfilment = Fulfilment { offered_at_ms, ..fulfilment };
    if !takes {
        let given = |change: &mut Change| {
            if let Change::Rejected { reason: given } = change {
                *given = reason;
            }
        };
        changes.iter_mut().for_each(given);
    }
    if is_again {
        // The goods may be picked already: reserving them must not be refused.
        for change in &mut changes {
            if let Change::Stock { settled, .. } = change {
                *settled = true;
            }
        }
    }
    if changes.is_empty() {
        // Waits for a person; HQ knows it from the cursor.
        return Ok(put(transaction, &home.orders, None, Kept::new(fulfilment, untracked))?);
    }
    advance(transaction, by, &home, None, Kept::new(fulfilment, untracked), changes, None)
}

/// Cancellations. Closed orders stay as they are.
pub(super) fn cancelled(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, items, &CANCELLED, |transaction, by, cancelled| {
        let OrderCancelled { order, part, amounts } = cancelled;
        let before = read(transaction, &Part { order, part })?;
        if before.basket.is_none() {
            return cancel(transaction, by, &before, &amounts);
        }
        // Decided when the basket has ended.
        let cancel = match before.cancel.clone() {
            Some(earlier) if earlier.is_empty() || amounts.is_empty() => Vec::new(),
            Some(earlier) => [earlier, amounts].concat(),
            None => amounts,
        };
        let home = stock::home(transaction)?;
        Ok(put(transaction, &home.orders, Some(&before), Kept { cancel: Some(cancel), ..before.clone() })?)
    })
}

/// Cancels what is still open.
pub(super) fn cancel(
    transaction: &mut Transaction<'_>,
    by: &By,
    before: &Kept,
    amounts: &[Amount],
) -> Result<(), Refusal> {
    let amounts = still_open(before, amounts);
    if amounts.is_empty() {
        return Ok(());
    }
    step(transaction, by, before, Command::Cancel { amounts }).map(drop)
}

/// Extensions.
pub(super) fn extended(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, items, &EXTENDED, |transaction, by, extended| {
        let before = read(transaction, &Part { order: extended.order, part: extended.part })?;
        require_free(&before)?;
        step(transaction, by, &before, Command::Extend { until_ms: extended.until_ms }).map(drop)
    })
}

/// Customers who have arrived.
pub(super) fn arrived(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, items, &ARRIVED, |transaction, by, arrived| {
        let before = read(transaction, &Part { order: arrived.order, part: arrived.part })?;
        step(transaction, by, &before, Command::Arrive { bay: arrived.bay }).map(drop)
    })
}

/// HQ's answers to orders that registers placed here.
pub(super) fn tracked(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    each(transaction, by, items, &TRACKED, placed::tracked)
}
