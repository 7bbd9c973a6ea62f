//! Stores the state of an order and its effects: events for the shop, refunds, the answer to the store that placed it,
//! and the next deadline.
//!
//! Every change of an order is settled in its transaction, as its last step: the items for hubs are sent, because queues
//! are locked last, and the parts are stored. Settling twice has no further effect.

use std::collections::BTreeMap;

use commerce::order::{Payment, State};
use contract::{
    HubId, Stream,
    order::{OrderTracked, TRACKED, Tracked},
};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::json;

use super::{HQ, OrderPolicy, record::Record};
use crate::{
    database::{DatabaseError, Lock, Row, Transaction, Value, statement::statements, values},
    down::{Outgoing, QueueError, rows},
    ledger::{
        self,
        alarm::{self, Alarm},
    },
};

statements! {
    /// A new refund.
    REFUND = "refund/insert";
    /// The sum of an order's refunds.
    REFUNDED = "refund/sum";
    /// Stores the number of an order's events in the feed.
    TOLD = "order/told";
    /// Frees a place in a pickup slot.
    FREE = "slot/free";
}

/// How often routing is tried again.
const TRY_AGAIN_MS: i64 = 60_000;

/// HQ's event: the state of an order or of a part changed.
pub(crate) const CHANGED: &str = "order.changed";

/// HQ's event: a refund is due.
pub(crate) const REFUND_DUE: &str = "refund.due";

/// A part in the event.
#[derive(Serialize)]
struct PartState<'a> {
    part: u32,
    store: &'a str,
    state: State,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sales: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tracking: &'a [String],
}

/// See the module.
pub(super) async fn settle(
    transaction: &mut Transaction,
    record: &mut Record,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<(), QueueError> {
    let mut is_changed = record.events == 0;
    for part in &mut record.parts {
        if let Some(why) = &part.contradiction {
            let subject = format!("order {} part {}", record.order.terms.order, part.part());
            let alarm = Alarm::new(&part.hub, alarm::Kind::Contradiction, subject, why.clone(), now_ms);
            alarm::raise(transaction, &alarm).await?;
        }
        let state = part.state_now();
        if part.state != state {
            part.state = state;
            part.is_changed();
            is_changed = true;
        }
    }
    let state = record.state_now();
    is_changed |= state != record.state;
    record.state = state;
    record.ended_at_ms = if record.is_over() { record.ended_at_ms.or(Some(now_ms)) } else { None };
    refund(transaction, record, now_ms).await?;
    if is_changed {
        tell(transaction, record, now_ms).await?;
    }
    let is_given_up = record.ended_at_ms.is_some() && record.state != State::HandedOver;
    if let Some((hub, from_ms)) = record.slot.take_if(|(_, from_ms)| is_given_up && *from_ms > now_ms) {
        transaction.lock(Lock::Slot(hub.to_string(), from_ms));
        transaction.execute(&FREE, values![hub.as_str(), from_ms]).await?;
    }
    deliver(transaction, record).await?;
    record.save_parts(transaction).await?;
    let attention_at_ms = record.attention(policy, now_ms);
    Ok(record.update(transaction, attention_at_ms).await?)
}

/// Sends the items for hubs.
pub(super) async fn deliver(transaction: &mut Transaction, record: &mut Record) -> Result<(), QueueError> {
    let mut by_hub: BTreeMap<HubId, Vec<Outgoing>> = BTreeMap::new();
    for (hub, item) in std::mem::take(&mut record.outgoing) {
        by_hub.entry(hub).or_default().push(item);
    }
    for (hub, items) in by_hub {
        let number = rows::append(transaction, &hub, &Stream::orders(), &items).await?;
        for part in record.parts.iter_mut().filter(|part| part.hub == hub && part.queue.is_none()) {
            part.queue = Some(number);
        }
    }
    Ok(())
}

impl Record {
    /// The next deadline.
    fn attention(&self, policy: &OrderPolicy, now_ms: i64) -> Option<i64> {
        if self.ended_at_ms.is_some() {
            return None;
        }
        let due_ms = self.order.terms.due_ms;
        let answers = self.parts.iter().filter(|part| part.recalled_at_ms.is_none()).filter_map(|part| {
            let waits = part.fulfilment.lines.iter().any(|line| line.of(State::Offered) > 0);
            waits.then_some(part.offered.answer_by_ms)
        });
        let again = (!self.left().is_empty()).then_some(now_ms.saturating_add(TRY_AGAIN_MS));
        let at_risk_ms = due_ms.saturating_sub(policy.risk_ms());
        let risk = [at_risk_ms, due_ms].into_iter().find(|at_ms| *at_ms > now_ms);
        answers.chain(again).chain(risk).map(|at_ms| at_ms.max(now_ms.saturating_add(1))).min()
    }
}

/// Creates a refund for the amount that exceeds the earlier refunds.
async fn refund(transaction: &mut Transaction, record: &mut Record, now_ms: i64) -> Result<(), DatabaseError> {
    let Payment::Prepaid { reference } = record.order.terms.payment.clone() else { return Ok(()) };
    let told = transaction.query(&REFUNDED, values![record.number]).await?.pop().map(Row::read::<(i64,)>);
    let told = told.transpose()?.map_or(0, |(sum,)| sum);
    let amount = record.refund().get() - told;
    if amount <= 0 {
        return Ok(());
    }
    let currency = record.order.terms.currency.code();
    let row = values![record.number, amount, currency, &reference, now_ms, Option::<&str>::None];
    transaction.execute(&REFUND, row).await?;
    let body = json!({
        "order": record.order.terms.order, "amount": amount, "currency": currency, "reference": reference,
        "at_ms": now_ms
    });
    event(transaction, record, REFUND_DUE, &body, now_ms).await
}

/// Creates the refund of goods of a prepaid order that came back to a store.
pub(super) async fn refund_return(
    transaction: &mut Transaction,
    record: &mut Record,
    (amount, reference, returned): (i64, &str, &str),
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let currency = record.order.terms.currency.code();
    let row = values![record.number, amount, currency, reference, now_ms, Some(returned)];
    transaction.execute(&REFUND, row).await?;
    let body = json!({
        "order": record.order.terms.order, "amount": amount, "currency": currency, "reference": reference,
        "returned": returned, "at_ms": now_ms
    });
    event(transaction, record, REFUND_DUE, &body, now_ms).await?;
    let events = Value::unsigned("events", record.events)?;
    transaction.execute(&TOLD, values![events, record.number]).await.map(drop)
}

/// Informs the shop through the feed, and the store that placed the order.
async fn tell(transaction: &mut Transaction, record: &mut Record, now_ms: i64) -> Result<(), DatabaseError> {
    let parts: Vec<_> = record
        .parts
        .iter()
        .map(|part| PartState {
            part: part.part(),
            store: part.hub.as_str(),
            state: part.state,
            sales: &part.sales,
            tracking: &part.fulfilment.tracking,
        })
        .collect();
    let terms = &record.order.terms;
    let body = json!({
        "order": terms.order, "kind": terms.kind, "state": record.state, "is_over": record.ended_at_ms.is_some(),
        "parts": parts, "charged": record.charged(), "currency": terms.currency.code(), "at_ms": now_ms
    });
    event(transaction, record, CHANGED, &body, now_ms).await?;
    let terms = &record.order.terms;
    if let Some(hub) = record.taken_by.clone() {
        let answer = Tracked::Accepted { state: record.state, due_ms: terms.due_ms };
        let tracked = OrderTracked { order: terms.order.clone(), as_of_ms: now_ms, answer };
        record.send(&hub, &TRACKED, &tracked)?;
    }
    Ok(())
}

/// Adds an event of HQ to the feed. Its hub is `hq`, its epoch the order's number.
async fn event(
    transaction: &mut Transaction,
    record: &mut Record,
    kind: &'static str,
    body: &impl Serialize,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    record.events += 1;
    let body = serde_json::to_string(body).unwrap_or_default();
    let digest = digest(&SHA256, body.as_bytes()).as_ref().to_vec();
    let (sequence, stream) = (Value::unsigned("sequence", record.events)?, Stream::orders());
    let row = values![HQ, record.number, stream.as_str(), sequence, kind, now_ms, now_ms, body, digest];
    transaction.execute_many(&ledger::INSERT, vec![row]).await.map(drop)
}
