//! The check and the retention of orders.

use std::collections::BTreeSet;

use commerce::order::State;
use store::{Checked, Depth, Purpose, Store, StoreError, idempotency::REMEMBERED};

use super::{
    events::{self, EVENTS},
    placed,
    records::{Kept, ORDERS, Part, QUEUE, count_open, delete},
};
use crate::{Retention, Tidied};

/// Parts deleted per commit.
const PART: usize = 100;

/// Checks the index of open parts. The stock that parts hold is compared with the positions in [`crate::check`].
pub(super) fn check(store: &Store, _: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut open = BTreeSet::new();
    store.each(&ORDERS, |kept| match kept {
        Ok(kept) => {
            checked.records += 1;
            if kept.queued().is_some() {
                open.insert(Part::of(&kept.fulfilment));
            }
            for line in &kept.fulfilment.lines {
                let (sum, ordered) = (line.sum(|_| true), line.ordered.quantity.milli() + line.variance);
                if sum != ordered {
                    let (order, line) = (&kept.fulfilment.terms.order, line.ordered.number);
                    checked.faults.push(format!("order {order}, line {line}: its states sum to {sum}, not {ordered}"));
                }
            }
        }
        Err(error) => checked.fault(error.to_string()),
    })?;
    let count = open.len();
    store.each(&QUEUE, |part| match part {
        Ok(part) if !open.remove(&part) => {
            checked.fault(format!("the queue lists order {}, part {} wrongly or twice", part.order, part.part));
        }
        Ok(_) => {}
        Err(error) => checked.fault(error.to_string()),
    })?;
    for Part { order, part } in open {
        checked.fault(format!("order {order}, part {part} is open, but not in the queue"));
    }
    let counted = count_open(store)?;
    if counted != count as u64 {
        checked.fault(format!("{count} parts of orders are open, but {counted} are counted"));
    }
    Ok(())
}

/// Whether nothing happens to a part any more.
fn is_over(kept: &Kept, before_ms: i64) -> bool {
    let is_put_back = kept.fulfilment.lines.iter().all(|line| line.of(State::Returning) == 0);
    is_put_back && kept.fulfilment.ended_at_ms.is_some_and(|ended_at_ms| ended_at_ms < before_ms)
}

/// Deletes ended parts after the retention period, and events when HQ has them.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let remembered = retention.now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    let before_ms = retention.keep_from_ms().min(remembered);
    let mut over = Vec::new();
    store.each(&ORDERS, |kept| over.extend(kept.ok().filter(|kept| is_over(kept, before_ms))))?;
    let forgotten = over.len() as u64 + placed::forget(store, before_ms)?;
    while !over.is_empty() {
        let some = over.split_off(over.len().saturating_sub(PART));
        store.commit_blocking_for(Purpose::Housekeeping, move |transaction| {
            for kept in &some {
                delete(transaction, kept);
            }
            Ok::<_, StoreError>(())
        })?;
    }
    // A store without HQ keeps events for as long as answers to commands.
    let acknowledged = store.outbox_span(contract::Stream::orders().as_str())?.acknowledged;
    let has_headquarters = retention.has_headquarters;
    let is_known = move |event: &events::OrderEvent| {
        event.at_ms() < remembered && (!has_headquarters || event.sequence <= acknowledged)
    };
    let events = store.forget(&EVENTS, is_known)?;
    Ok(vec![("orders", forgotten), ("order_events", events)])
}
