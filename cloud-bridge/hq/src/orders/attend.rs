//! Background work on an order: the only code path for events from stores, deadlines and interrupted work.
//!
//! 1. Parts are offered again if the hub's store was restored.
//! 2. A part is recalled, once, if its store has not answered the offer in time. A part for delivery is also recalled
//!    if it is not picked shortly before it is due and other stores can still deliver in time.
//! 3. Units that no store has are routed. They are given up when the order is due, or at once if the customer collects
//!    them at a given store.
//! 4. The order is settled.
//!
//! A recalled unit is routed again only after its store has given it up, because the store may have handed it over
//! meanwhile. So no unit is at two stores. If no other store has it, its store is offered it again, so that an order does
//! not get lost because a connection was interrupted.

use commerce::{
    OrderId,
    order::{Amount, State},
};
use contract::order::{CANCELLED, OrderCancelled};

use super::{
    OrderPolicy, offer,
    offer::{Need, fetched_at},
    record::{self, Part, Record},
    settle, stores,
};
use crate::{
    database::{DatabaseError, Transaction},
    down::QueueError,
    routing,
};

/// See the module.
pub(crate) async fn attend(transaction: &mut Transaction, id: &OrderId, now_ms: i64) -> Result<(), QueueError> {
    let Some(mut record) = record::lock(transaction, id).await? else { return Ok(()) };
    let policy = OrderPolicy::load(transaction).await?;
    offer::offer_again(transaction, &mut record, &policy, now_ms).await?;
    recall(transaction, &mut record, &policy, now_ms).await?;
    if !record.left().is_empty() {
        match offer::promise(transaction, &record, Need::Some, &policy, now_ms).await? {
            Ok(promised) => offer::offer(transaction, &mut record, "routed again", promised, &policy, now_ms).await?,
            Err(unplaced) => {
                let is_final = fetched_at(&record.to).is_some() || record.order.terms.due_ms <= now_ms;
                if is_final {
                    for amount in record.left() {
                        record::add(&mut record.given_up.unavailable, amount);
                    }
                    offer::decided(transaction, record.number, "given up", &unplaced.plan, now_ms).await?;
                }
            }
        }
    }
    settle::settle(transaction, &mut record, &policy, now_ms).await
}

/// Units of a part that nobody has picked yet.
fn unpicked(part: &Part) -> Vec<Amount> {
    let amount = |line: &commerce::order::Line| {
        let milli = line.sum(|state| matches!(state, State::Offered | State::Accepted | State::Picking));
        Amount { line: line.ordered.number, milli }
    };
    part.fulfilment.lines.iter().map(amount).filter(|amount| amount.milli > 0).collect()
}

/// Units of a part that its store has not answered for.
fn unanswered(part: &Part) -> Vec<Amount> {
    let amount = |line: &commerce::order::Line| Amount { line: line.ordered.number, milli: line.of(State::Offered) };
    part.fulfilment.lines.iter().map(amount).filter(|amount| amount.milli > 0).collect()
}

async fn recall(
    transaction: &mut Transaction,
    record: &mut Record,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let terms = &record.order.terms;
    let is_at_risk = fetched_at(&record.to).is_none()
        && terms.due_ms.saturating_sub(policy.risk_ms()) <= now_ms
        && now_ms < terms.due_ms;
    let mut recalled = Vec::new();
    for (place, part) in record.parts.iter().enumerate() {
        if part.recalled_at_ms.is_some() || !part.fulfilment.is_open() {
            continue;
        }
        let late = if part.offered.answer_by_ms <= now_ms { unanswered(part) } else { Vec::new() };
        let amounts = if late.is_empty() && is_at_risk { unpicked(part) } else { late };
        let is_due = part.offered.answer_by_ms <= now_ms && !unanswered(part).is_empty();
        if !amounts.is_empty() && (is_due || others_can(transaction, record, place, &amounts, policy, now_ms).await?) {
            recalled.push((place, amounts));
        }
    }
    for (place, amounts) in recalled {
        let Some(part) = record.parts.get_mut(place) else { continue };
        part.recalled_at_ms = Some(now_ms);
        part.is_changed();
        let (order, number, hub) = (record.order.terms.order.clone(), part.part(), part.hub.clone());
        record.send(&hub, &CANCELLED, &OrderCancelled { order, part: number, amounts })?;
    }
    Ok(())
}

/// Whether other stores could deliver these amounts of a part in time.
async fn others_can(
    transaction: &mut Transaction,
    record: &Record,
    place: usize,
    amounts: &[Amount],
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<bool, DatabaseError> {
    let mut without = record.clone();
    let hub = without.parts.remove(place).hub;
    without.order.lines.retain(|line| amounts.iter().any(|amount| amount.line == line.number));
    let mut request = offer::request(&without, Some(record.order.terms.due_ms));
    request.rejected_by.push(hub);
    let items = request.lines.iter().map(|line| (line.sku.clone(), line.quantity.unit())).collect();
    let network = stores::network(transaction, &items, now_ms).await?;
    Ok(!request.lines.is_empty() && routing::route(&request, &network, &policy.routing).unplaced.is_empty())
}
