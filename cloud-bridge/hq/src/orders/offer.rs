//! Routes the units that no store has, spends quotas, and offers the parts: in one transaction.
//!
//! Quotas are spent under row locks, so HQ never promises more than was granted. If another order was faster, the rows
//! are released and the order is routed again with the current quotas. When the transaction commits, the offers are in
//! the hubs' queues.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    Quantity,
    order::{Amount, Kind, Line, Order, Ordered, State},
    stock::Place,
};
use contract::{
    HubId, Stream,
    order::{OFFERED, OrderOffered, QuotaSpent},
};

use super::{
    OrderPolicy, quotas,
    record::{Part, Record, Unsaved, as_offered},
    stores,
};
use crate::{
    database::{DatabaseError, Transaction, statement::statements, values},
    down::{Outgoing, rows},
    routing::{self, Destination, Network, Other, Plan, Request},
};

statements! {
    /// A decision of routing.
    DECIDE = "order/decide";
}

/// How often an order is routed again if other orders are faster.
const ATTEMPTS: usize = 5;

/// How much of the order must be placed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Everything; otherwise nothing is offered.
    All,
    /// As much as possible.
    Some,
}

/// A plan with its quotas spent.
pub(super) struct Promised {
    pub(super) plan: Plan,
    spent: Spent,
}

/// A plan without effect: it has no parts or, with [`Need::All`], unplaced units.
pub(super) struct Unplaced {
    pub(super) plan: Plan,
    /// An unplaced line of which another store has stock, and the constraint that excludes this store.
    pub(super) held_back: Option<(u32, Other)>,
}

/// Routes the units that no store has and spends the quotas.
pub(super) async fn promise(
    transaction: &mut Transaction,
    record: &Record,
    need: Need,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<Result<Promised, Unplaced>, DatabaseError> {
    let request = request(record, Some(record.order.terms.due_ms));
    let slow = record.slow();
    let items: BTreeSet<Place> = request.lines.iter().map(|line| (line.sku.clone(), line.quantity.unit())).collect();
    transaction.mark().await?;
    for _ in 0..ATTEMPTS {
        let network = stores::network(transaction, &items, now_ms).await?;
        let plan = plan(&request, &slow, &network, policy, need);
        if plan.parts.is_empty() || (need == Need::All && !plan.unplaced.is_empty()) {
            let held_back = plan.held_back(&request, &network).map(|(line, other)| (line, other.clone()));
            return Ok(Err(Unplaced { plan, held_back }));
        }
        if let Some(spent) = spend(transaction, record, &plan).await? {
            return Ok(Ok(Promised { plan, spent }));
        }
        // Another plan may need quotas that are locked before these.
        transaction.return_to_mark().await?;
    }
    Err(DatabaseError::TimedOut { what: "web quotas that others spend at once" })
}

/// The plan. A placed order rather returns to a store that did not answer in time than not at all, and is rather
/// delivered late than not at all; a new order must be on time.
fn plan(request: &Request, slow: &[HubId], network: &Network, policy: &OrderPolicy, need: Need) -> Plan {
    let route = |request: &Request| routing::route(request, network, &policy.routing);
    let plan = route(request);
    if plan.unplaced.is_empty() || need == Need::All {
        return plan;
    }
    let rejected_by = request.rejected_by.iter().filter(|store| !slow.contains(store)).cloned().collect();
    let again = Request { rejected_by, ..request.clone() };
    for request in [again.clone(), Request { due_ms: None, ..request.clone() }, Request { due_ms: None, ..again }] {
        let plan = route(&request);
        if plan.unplaced.is_empty() {
            return plan;
        }
    }
    plan
}

/// The routing request for the units that no store has.
pub(super) fn request(record: &Record, due_ms: Option<i64>) -> Request {
    let line = |amount: Amount| {
        let ordered = record.order.line(amount.line)?;
        let quantity = Quantity::new(amount.milli, ordered.quantity.unit()).ok()?;
        Some(routing::Line { line: amount.line, sku: ordered.sku.clone(), quantity, zone: ordered.zone })
    };
    Request {
        order: record.order.terms.order.clone(),
        to: record.to.clone(),
        due_ms,
        lines: record.left().into_iter().filter_map(line).collect(),
        rejected_by: record.excluded(),
        parts_elsewhere: record.parts_elsewhere(),
    }
}

impl Record {
    /// The deadline for a store's answer. No other store can replace the one where the customer collects the goods, so
    /// that one has until they are due.
    fn answer_by_ms(&self, policy: &OrderPolicy, now_ms: i64) -> i64 {
        let soon_ms = now_ms.saturating_add(policy.answer_ms());
        if fetched_at(&self.to).is_some() { soon_ms.max(self.order.terms.due_ms) } else { soon_ms }
    }

    /// The stores that must not get a part.
    fn excluded(&self) -> Vec<HubId> {
        let mut excluded = self.refused_by();
        match self.order.terms.kind {
            // The store that placed it does not have the goods.
            Kind::EndlessAisle => excluded.extend(self.taken_by.clone()),
            // A store can't send goods to itself.
            Kind::Transfer => {
                let receiver = self.order.terms.receiver.as_ref();
                excluded.extend(receiver.and_then(|receiver| receiver.parse().ok()));
            }
            _ => {}
        }
        excluded
    }
}

/// Stores a decision of routing.
pub(super) async fn decided(
    transaction: &mut Transaction,
    number: i64,
    why: &str,
    plan: &Plan,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let plan = serde_json::to_string(plan).unwrap_or_default();
    transaction.execute(&DECIDE, values![number, now_ms, why, plan]).await.map(drop)
}

/// The spent quotas of each part.
type Spent = BTreeMap<HubId, Vec<QuotaSpent>>;

/// Spends the quotas of a plan. `None`: a quota is too small by now, and nothing is spent.
async fn spend(transaction: &mut Transaction, record: &Record, plan: &Plan) -> Result<Option<Spent>, DatabaseError> {
    let mut wanted: BTreeMap<quotas::Key, i64> = BTreeMap::new();
    for part in &plan.parts {
        for amount in &part.lines {
            let Some(line) = record.order.line(amount.line) else { continue };
            let (sku, unit) = line.place();
            *wanted.entry((part.store.clone(), sku, unit)).or_default() += amount.milli;
        }
    }
    let mut held = quotas::lock(transaction, &wanted.keys().cloned().collect()).await?;
    let mut spent = Spent::new();
    for (key, milli) in wanted {
        let Some(quota) = held.get_mut(&key) else { return Ok(None) };
        if quota.spend(milli).is_err() {
            return Ok(None);
        }
        let (hub, sku, unit) = key;
        spent.entry(hub).or_default().push(QuotaSpent { sku, unit, epoch: quota.totals.epoch, milli });
    }
    quotas::store(transaction, &held).await?;
    Ok(Some(spent))
}

/// Stores the decision and offers its parts.
pub(super) async fn offer(
    transaction: &mut Transaction,
    record: &mut Record,
    why: &str,
    promised: Promised,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let Promised { plan, mut spent } = promised;
    decided(transaction, record.number, why, &plan, now_ms).await?;
    for planned in &plan.parts {
        let line = |amount: &routing::Amount| {
            let ordered = record.order.line(amount.line)?;
            let quantity = Quantity::new(amount.milli, ordered.quantity.unit()).ok()?;
            Some(Ordered { quantity, ..ordered.clone() })
        };
        let lines = planned.lines.iter().filter_map(line).collect();
        record.last_part = record.last_part.saturating_add(1);
        let offered = OrderOffered {
            order: Order { terms: record.order.terms.clone(), lines },
            part: record.last_part,
            offered_at_ms: now_ms,
            answer_by_ms: record.answer_by_ms(policy, now_ms),
            spent: spent.remove(&planned.store).unwrap_or_default(),
            accepted: Vec::new(),
        };
        let fulfilment = as_offered(&offered).map_err(|found| fault("an offer", found))?;
        record.send(&planned.store, &OFFERED, &offered)?;
        record.parts.push(Part {
            hub: planned.store.clone(),
            offered,
            queue: None,
            unsaved: Some(Unsaved::New),
            recalled_at_ms: None,
            state: State::Offered,
            fulfilment,
            sales: Vec::new(),
            is_answered: false,
            contradiction: None,
        });
    }
    Ok(())
}

/// Offers open parts again if the hub follows a later queue than the one of the offer: its store was restored or
/// replaced, and may not have them. What it had accepted it keeps; the stock of an empty disk says nothing about it.
pub(super) async fn offer_again(
    transaction: &mut Transaction,
    record: &mut Record,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let mut parts = std::mem::take(&mut record.parts);
    for part in parts.iter_mut().filter(|part| part.fulfilment.is_open()) {
        let number = rows::number(transaction, &part.hub, &Stream::orders()).await?;
        if part.queue.is_some_and(|queue| number > queue) {
            part.offered.answer_by_ms = record.answer_by_ms(policy, now_ms);
            part.offered.accepted = accepted(part);
            record.send(&part.hub, &OFFERED, &part.offered)?;
            part.queue = None;
            part.is_changed();
        }
    }
    record.parts = parts;
    Ok(())
}

/// What the store of a part accepted and has not delivered.
fn accepted(part: &Part) -> Vec<Amount> {
    let of_order = |line: &&Line| part.offered.order.line(line.ordered.number).is_some();
    let amount = |line: &Line| {
        let milli = line.sum(|state| state.is_open() && state != State::Offered);
        Amount { line: line.ordered.number, milli: milli.min(line.ordered.quantity.milli()) }
    };
    part.fulfilment.lines.iter().filter(of_order).map(amount).filter(|amount| amount.milli > 0).collect()
}

/// An item of a queue.
pub(super) fn item<B: contract::kind::Body>(
    kind: &contract::kind::DownKind<B>,
    body: &B,
) -> Result<Outgoing, DatabaseError> {
    Outgoing::new(kind, body).map_err(|error| fault("an item", error.to_string()))
}

/// An error that the types exclude.
pub(super) fn fault(expected: &'static str, found: String) -> DatabaseError {
    DatabaseError::Column { column: 0, expected, found }
}

/// The store where the customer collects the goods, if the destination is one.
pub(super) fn fetched_at(to: &Destination) -> Option<&HubId> {
    match to {
        Destination::Store(hub) => Some(hub),
        _ => None,
    }
}
