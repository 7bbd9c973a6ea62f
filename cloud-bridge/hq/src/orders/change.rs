//! Changes of placed orders: cancellations, added lines, longer storage, arrival. HQ asks the stores, and they decide.

use commerce::order::{Amount, Ordered, State};
use contract::{
    HubId,
    order::{ARRIVED, CANCELLED, CustomerArrived, EXTENDED, OrderCancelled, OrderExtended},
};

use super::{
    OrderPolicy, offer,
    offer::Need,
    place,
    record::{self, Record},
    refused::{OrderError, Refused, Why},
    settle,
};
use crate::database::Transaction;

/// A change of an order.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The new end of the storage time.
    pub keep_until_ms: Option<i64>,
    /// Added lines, with new numbers.
    pub add: Vec<Ordered>,
}

/// Cancels the given amounts; without amounts, the whole order. Units that no store has are cancelled at once; the
/// stores are asked to cancel the others. Cancelling a cancelled order again has no effect.
pub(crate) async fn cancel(
    transaction: &mut Transaction,
    mut record: Record,
    amounts: &[Amount],
    now_ms: i64,
) -> Result<Record, OrderError> {
    let id = record.order.terms.order.clone();
    let all = record.order.lines.iter().map(|line| {
        let milli = line.quantity.milli() - record.unwanted(line.number);
        Amount { line: line.number, milli }
    });
    let amounts: Vec<Amount> = if amounts.is_empty() { all.collect() } else { amounts.to_vec() };
    if record.ended_at_ms.is_some() {
        if record.state == State::Cancelled {
            return Ok(record);
        }
        let detail = format!("the order is {}; nothing can be cancelled any more", record.state.name());
        return Err(Refused::of(&id, Why::TooLate, "wrong_state", detail).into());
    }
    let left = record.left();
    let mut asked: Vec<Vec<Amount>> = vec![Vec::new(); record.parts.len()];
    for amount in amounts.iter().filter(|amount| amount.milli != 0) {
        record.may_cancel(*amount)?;
        record::add(&mut record.given_up.unwanted, *amount);
        let mut rest = amount.milli - record::of(&left, amount.line).min(amount.milli);
        for (part, asked) in record.parts.iter().zip(&mut asked) {
            let open = part.fulfilment.line(amount.line).map_or(0, commerce::order::Line::open);
            let taken = rest.min(open);
            if taken > 0 && part.recalled_at_ms.is_none() {
                asked.push(Amount { line: amount.line, milli: taken });
            }
            rest -= taken;
        }
    }
    // Includes substitutes.
    let is_all = record.order.lines.iter().all(|line| record.unwanted(line.number) >= line.quantity.milli());
    let parts: Vec<_> = record.parts.iter().map(|part| (part.hub.clone(), part.part())).collect();
    for ((hub, part), asked) in parts.into_iter().zip(asked).filter(|(_, asked)| !asked.is_empty()) {
        let amounts = if is_all { Vec::new() } else { asked };
        record.send(&hub, &CANCELLED, &OrderCancelled { order: id.clone(), part, amounts })?;
    }
    let policy = OrderPolicy::load(transaction).await?;
    settle::settle(transaction, &mut record, &policy, now_ms).await?;
    Ok(record)
}

/// Changes an order: completely or not at all.
pub(crate) async fn change(
    transaction: &mut Transaction,
    mut record: Record,
    change: Change,
    now_ms: i64,
) -> Result<Record, OrderError> {
    let id = record.order.terms.order.clone();
    let refuse = |why, rule, detail: String| Err(Refused::of(&id, why, rule, detail).into());
    if record.ended_at_ms.is_some() {
        return refuse(Why::TooLate, "wrong_state", format!("the order is {}", record.state.name()));
    }
    let policy = OrderPolicy::load(transaction).await?;
    if let Some(until_ms) = change.keep_until_ms {
        if !record.order.terms.kind.is_fetched() {
            let detail = "only goods of collected orders are kept for the customer".to_owned();
            return refuse(Why::Invalid, "wrong_kind", detail);
        }
        if until_ms <= now_ms || until_ms < record.order.terms.due_ms {
            let detail = format!("`keep_until_ms` {until_ms} is past, or before the order is due");
            return refuse(Why::Invalid, "out_of_range", detail);
        }
        record.order.terms.keep_until_ms = Some(until_ms);
    }
    if !change.add.is_empty() {
        record.order.lines.extend(change.add);
        place::check(transaction, &record.order, &policy, now_ms).await?;
        match offer::promise(transaction, &record, Need::All, &policy, now_ms).await? {
            Ok(promised) => offer::offer(transaction, &mut record, "changed", promised, &policy, now_ms).await?,
            Err(unplaced) => return Err(place::not_available(&record, &unplaced).into()),
        }
    }
    if let Some(until_ms) = change.keep_until_ms {
        for (hub, part) in record.open_parts() {
            record.send(&hub, &EXTENDED, &OrderExtended { order: id.clone(), part, until_ms })?;
        }
    }
    settle::settle(transaction, &mut record, &policy, now_ms).await?;
    Ok(record)
}

/// Tells the store that the customer has arrived.
pub(crate) async fn arrive(
    transaction: &mut Transaction,
    record: &mut Record,
    bay: Option<&str>,
) -> Result<(), OrderError> {
    let id = record.order.terms.order.clone();
    let refuse = |why, rule, detail: &str| Err(Refused::of(&id, why, rule, detail).into());
    if !record.order.terms.kind.is_fetched() {
        return refuse(Why::Invalid, "wrong_kind", "only customers of collected orders arrive");
    }
    if bay.is_some_and(|bay| !(1..=commerce::MAX_TEXT).contains(&bay.len()) || !commerce::text::is_readable(bay)) {
        return refuse(Why::Invalid, "bad_text", "`bay` must be 1 to 120 bytes of text without control characters");
    }
    let open = record.open_parts();
    if open.is_empty() {
        return refuse(Why::TooLate, "wrong_state", &format!("the order is {}", record.state.name()));
    }
    for (hub, part) in open {
        let arrived = CustomerArrived { order: id.clone(), part, bay: bay.map(str::to_owned) };
        record.send(&hub, &ARRIVED, &arrived)?;
    }
    Ok(settle::deliver(transaction, record).await?)
}

impl Record {
    /// The open parts: each with its store and number.
    fn open_parts(&self) -> Vec<(HubId, u32)> {
        let open = self.parts.iter().filter(|part| part.fulfilment.is_open());
        open.map(|part| (part.hub.clone(), part.part())).collect()
    }

    /// The cancelled quantity of a line.
    fn unwanted(&self, line: u32) -> i64 {
        record::of(&self.given_up.unwanted, line)
    }

    /// Checks whether this much of a line can still be cancelled.
    fn may_cancel(&self, amount: Amount) -> Result<(), Refused> {
        let id = &self.order.terms.order;
        let refuse =
            |why, rule, detail: String| Refused { line: Some(amount.line), ..Refused::of(id, why, rule, detail) };
        let Some(line) = self.order.line(amount.line) else {
            return Err(refuse(Why::Invalid, "no_such_line", "the line does not exist in the order".into()));
        };
        if amount.milli < 0 {
            return Err(refuse(Why::Invalid, "nothing", "the quantity must be more than zero".into()));
        }
        let delivered = |line: &commerce::order::Line| {
            line.sum(|state| matches!(state, State::HandedOver | State::Shipped | State::Returning | State::Returned))
        };
        let gone: i64 = self.parts.iter().filter_map(|part| part.fulfilment.line(amount.line)).map(delivered).sum();
        let most = line.quantity.milli() - self.unwanted(amount.line) - gone;
        if amount.milli > most {
            let detail = format!("at most {} thousandths can still be cancelled, not {}", most.max(0), amount.milli);
            return Err(refuse(Why::TooLate, "not_enough", detail));
        }
        Ok(())
    }
}
