//! Places an order: checks it, routes it, spends quotas and offers its parts, in one transaction.
//!
//! Refused here, not at the store: unknown items, unknown or closed stores, past or full slots, goods that no store can
//! promise. A repeated order gets the first answer; another order with the same id is refused.

use std::collections::BTreeSet;

use commerce::{
    Sku, Unit,
    order::{Kind, Order},
};
use contract::HubId;
use ring::digest::{Context, SHA256};

use super::{
    OrderPolicy, Profile, offer,
    offer::{Need, Unplaced, fetched_at},
    quotas, record,
    record::{New, Record},
    refused::{OrderError, Refused, Why},
    settle, stores,
};
use crate::{
    database::{Lock, Transaction, statement::statements, values},
    routing::{self, Destination, Other},
};

statements! {
    /// Takes a place in a pickup slot; nothing if it is full.
    TAKE = "slot/take";
}

const DAY_MS: i64 = 24 * 60 * 60_000;

/// The longest name of a delivery zone, in bytes.
const MAX_ZONE: usize = commerce::MAX_TEXT;

/// An order to be placed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The order. HQ sets the time.
    pub order: Order,
    /// The destination.
    pub to: Destination,
    /// The store that placed it, if a store did.
    pub taken_by: Option<HubId>,
}

/// Places an order, or returns it if it was placed before. After a refusal, the transaction must be dropped.
pub(crate) async fn place(transaction: &mut Transaction, new: NewOrder, now_ms: i64) -> Result<Record, OrderError> {
    let NewOrder { mut order, to, taken_by } = new;
    order.terms.placed_at_ms = 0;
    let digest = digest(&order, &to);
    let id = order.terms.order.clone();
    if let Some(known) = record::lock(transaction, &id).await? {
        return known.repeated(&digest, taken_by.as_ref());
    }
    order.terms.placed_at_ms = now_ms;
    let policy = OrderPolicy::load(transaction).await?;
    check(transaction, &order, &policy, now_ms).await?;
    let to = destination(transaction, &order, to).await?;
    let slot = slot(transaction, &order, &to, now_ms).await?;
    let taken = taken_by.as_ref();
    let is_new = record::insert(transaction, &New { order: &order, to: &to, taken_by: taken, digest: &digest }).await?;
    let record = record::lock(transaction, &id).await?;
    let mut record = record.ok_or_else(|| offer::fault("the new order", "none".into()))?;
    if !is_new {
        // Another transaction has just placed it.
        return record.repeated(&digest, taken);
    }
    match offer::promise(transaction, &record, Need::All, &policy, now_ms).await? {
        Ok(promised) => offer::offer(transaction, &mut record, "placed", promised, &policy, now_ms).await?,
        Err(unplaced) => return Err(not_available(&record, &unplaced).into()),
    }
    if let Some(slot) = slot {
        record.slot = Some(take_slot(transaction, &record, slot).await?);
    }
    settle::settle(transaction, &mut record, &policy, now_ms).await?;
    Ok(record)
}

impl Record {
    /// This order, if it was placed with the same content by the same store or shop.
    fn repeated(self, digest: &[u8], taken_by: Option<&HubId>) -> Result<Self, OrderError> {
        if self.digest == digest && self.taken_by.as_ref() == taken_by {
            return Ok(self);
        }
        let detail = "this id belongs to another order; order ids must be unique";
        Err(Refused::of(&self.order.terms.order, Why::Reused, "order_id_reused", detail).into())
    }
}

/// Distinguishes a repeated order from another one.
fn digest(order: &Order, to: &Destination) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in [serde_json::to_vec(order), serde_json::to_vec(to)] {
        context.update(&part.unwrap_or_default());
        context.update(&[0]);
    }
    context.finish().as_ref().to_vec()
}

/// Checks the order itself and its items.
pub(super) async fn check(
    transaction: &mut Transaction,
    order: &Order,
    policy: &OrderPolicy,
    now_ms: i64,
) -> Result<(), OrderError> {
    let items: BTreeSet<Sku> = order.lines.iter().map(|line| line.sku.clone()).collect();
    let units = quotas::units(transaction, items).await?;
    // If stores sell an item in several units, each of them is accepted.
    let sold_by = |sku: &Sku| {
        let units: &BTreeSet<Unit> = units.get(sku)?;
        let asked = order.lines.iter().find(|line| line.sku == *sku).map(|line| line.quantity.unit());
        asked.filter(|unit| units.contains(unit)).or_else(|| units.first().copied())
    };
    order.check(now_ms, sold_by)?;
    let last_ms = now_ms.saturating_add(policy.most_days.saturating_mul(DAY_MS));
    if order.terms.due_ms > last_ms {
        let detail = format!("`due_ms` {} is more than {} days ahead", order.terms.due_ms, policy.most_days);
        return Err(Refused::of(&order.terms.order, Why::Invalid, "slot_too_far", detail).into());
    }
    Ok(())
}

/// Checks the destination for the order's kind. A transfer goes to its receiver's location.
async fn destination(transaction: &mut Transaction, order: &Order, to: Destination) -> Result<Destination, OrderError> {
    let (id, kind) = (&order.terms.order, order.terms.kind);
    let refuse = |detail: String| Refused::of(id, Why::Invalid, "destination", detail);
    if kind == Kind::Transfer {
        let receiver: HubId = order.terms.receiver.as_deref().unwrap_or_default().parse().map_err(refuse)?;
        let profile = profile(transaction, order, &receiver).await?;
        let unplaced = || refuse(format!("store {receiver} has no location; load it with `lat` and `lon`"));
        return Ok(Destination::Point(profile.at.ok_or_else(unplaced)?));
    }
    match &to {
        Destination::Store(_) if kind.is_fetched() => {}
        Destination::Point(point) if !kind.is_fetched() && point.is_valid() => {}
        Destination::Zone(zone) if !kind.is_fetched() && (1..=MAX_ZONE).contains(&zone.len()) => {}
        _ if kind.is_fetched() => {
            return Err(refuse(format!("an order of kind {} is collected: name the `store`", kind.name())).into());
        }
        _ => {
            let detail = format!("an order of kind {} is delivered: name a `point` or a `zone`", kind.name());
            return Err(refuse(detail).into());
        }
    }
    Ok(to)
}

async fn profile(transaction: &mut Transaction, order: &Order, hub: &HubId) -> Result<Profile, OrderError> {
    let profile = stores::one(transaction, hub).await?;
    Ok(profile.ok_or_else(|| Refused::unknown_store(&order.terms.order, hub))?)
}

/// A pickup slot.
struct Slot {
    hub: HubId,
    from_ms: i64,
    /// The maximum of orders in it.
    most: u32,
}

/// The pickup slot of a collected order, if its store has slots.
async fn slot(
    transaction: &mut Transaction,
    order: &Order,
    to: &Destination,
    now_ms: i64,
) -> Result<Option<Slot>, OrderError> {
    let Some(hub) = fetched_at(to) else { return Ok(None) };
    let (id, due_ms) = (&order.terms.order, order.terms.due_ms);
    let profile = profile(transaction, order, hub).await?;
    if profile.open_at(due_ms).is_none() {
        let detail = format!("store {hub} is closed at {due_ms}; `GET /stores/{hub}/slots` lists when it is open");
        return Err(Refused::of(id, Why::StoreClosed, "store_closed", detail).into());
    }
    let Some((slots, from_ms)) = profile.slots.zip(profile.slot_at(due_ms)) else { return Ok(None) };
    if from_ms <= now_ms {
        let detail =
            format!("the slot of `due_ms` {due_ms} began at {from_ms}, the time is {now_ms}; choose a later slot");
        return Err(Refused::of(id, Why::PastSlot, "past_slot", detail).into());
    }
    Ok(Some(Slot { hub: hub.clone(), from_ms, most: slots.orders }))
}

/// Takes a place in a pickup slot.
async fn take_slot(transaction: &mut Transaction, record: &Record, slot: Slot) -> Result<(HubId, i64), OrderError> {
    let Slot { hub, from_ms, most } = slot;
    transaction.lock(Lock::Slot(hub.to_string(), from_ms));
    if transaction.execute(&TAKE, values![hub.as_str(), from_ms, most]).await? == 0 {
        let detail = format!("the slot from {from_ms} is full with {most} orders; choose another");
        return Err(Refused::of(&record.order.terms.order, Why::SlotFull, "slot_full", detail).into());
    }
    Ok((hub, from_ms))
}

/// The refusal of an order that can't be promised: the constraint that excludes the chosen store or a store with stock,
/// or the line of which there is too little.
pub(super) fn not_available(record: &Record, unplaced: &Unplaced) -> Refused {
    let Unplaced { plan, held_back } = unplaced;
    let id = &record.order.terms.order;
    let mut refused = Refused::of(id, Why::NotAvailable, "no_stock", "no store can promise the whole order");
    let chosen = fetched_at(&record.to);
    let why = plan.others.iter().find(|other| Some(&other.store) == chosen).map(|other| other.why);
    if let Some(why) = why.filter(|why| !matches!(why, routing::Why::NoStock { .. } | routing::Why::NotKept { .. })) {
        refused.rule = why.name();
        refused.detail = format!("store {} can't take the order: {why}", chosen.map_or("", HubId::as_str));
        return refused;
    }
    let sku = |line| record.order.line(line).map_or("", |line| line.sku.as_str());
    if let Some((line, Other { store, why })) = held_back {
        (refused.line, refused.rule) = (Some(*line), why.name());
        refused.detail = format!("store {store} has item {}, but can't take the order: {why}", sku(*line));
    } else if let Some(amount) = plan.unplaced.first() {
        let asked = record.order.line(amount.line).map_or(0, |line| line.quantity.milli());
        refused.line = Some(amount.line);
        refused.detail = format!(
            "requested {asked} thousandths of item {}, available {}; order less or at another store",
            sku(amount.line),
            asked - amount.milli
        );
    }
    refused
}
