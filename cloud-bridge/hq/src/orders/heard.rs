//! Events from stores about orders, quotas and transfers, in the transaction that stores them.
//!
//! Changes of parts are a projection; here their orders are only marked for the background work. Decisions about orders
//! are made later, each in its own transaction ([`requests`]). Recalls of quotas are answered, and notices of transfers
//! forwarded.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Event, HubId, Stream, order, quota,
    quota::{ANSWERED, MAX_QUOTAS, QuotaAnswered, StoreTotals, WebTotals},
    transfer,
    transfer::{ANNOUNCED, TransferAnnounced, TransferDispatched},
};

use super::{offer, quotas, requests};
use crate::{
    database::{DatabaseError, Lock, Transaction, statement::statements, values},
    down::{Outgoing, QueueError, rows},
    projection::told::Stored,
};

statements! {
    /// Marks orders for the background work.
    NOTICE = "order/notice" + postgres;
    /// Whether HQ knows a hub.
    HUB_IS_KNOWN = "order/hub_is_known";
}

/// Items for each hub.
type Outbox = BTreeMap<HubId, Vec<Outgoing>>;

/// Processes events. Unreadable events are already in quarantine.
pub(crate) async fn heard(transaction: &mut Transaction, events: &[Stored]) -> Result<(), QueueError> {
    let of_orders: Vec<_> = events.iter().filter(|stored| stored.stream == Stream::orders()).collect();
    let ids: BTreeSet<String> = of_orders.iter().filter_map(|stored| advanced(&stored.event)).collect();
    for id in &ids {
        transaction.lock(Lock::Order(id.clone()));
    }
    transaction.execute_many(&NOTICE, ids.into_iter().map(|id| values![id]).collect()).await?;
    let mut quotas: BTreeMap<&HubId, Vec<StoreTotals>> = BTreeMap::new();
    let mut outbox = Outbox::new();
    for stored in of_orders {
        if requests::is_one(stored) {
            requests::ask(transaction, &stored.hub, &stored.event.kind, stored.event.body.get()).await?;
        } else if let Ok(changed) = quota::CHANGED.read(&stored.event) {
            quotas.entry(&stored.hub).or_default().extend(changed.quotas);
        } else if let Ok(TransferDispatched { notice }) = transfer::DISPATCHED.read(&stored.event) {
            announce(transaction, &stored.hub, notice, &mut outbox).await?;
        }
    }
    for (hub, told) in quotas {
        receive(transaction, hub, &told, &mut outbox).await?;
    }
    for (hub, items) in outbox {
        match rows::append(transaction, &hub, &Stream::orders(), &items).await {
            // A sender's stream must not wait for an abandoned hub. Recalls are answered again; a notice of a transfer
            // is entered by hand.
            Err(error @ QueueError::Full { .. }) => tracing::warn!(%hub, %error, "could not answer or announce"),
            appended => drop(appended?),
        }
    }
    Ok(())
}

/// A hub refused an item. If it was an offer, its store rejects the part.
pub(crate) async fn refused(transaction: &mut Transaction, hub: &HubId, item: &Outgoing) -> Result<(), DatabaseError> {
    if item.kind == order::OFFERED.name() {
        requests::ask(transaction, hub, &item.kind, item.body.get()).await?;
    }
    Ok(())
}

/// The order of which a part changed, if the event is about one.
fn advanced(event: &Event) -> Option<String> {
    let of_advanced = order::ADVANCED.read(event).ok().map(|advanced| advanced.order);
    let of_stated = || order::STATED.read(event).ok().map(|stated| stated.fulfilment.terms.order);
    Some(of_advanced.or_else(of_stated)?.to_string())
}

/// A store's quota totals. Open recalls are answered every time, because the store may not have the answer yet.
async fn receive(
    transaction: &mut Transaction,
    hub: &HubId,
    told: &[StoreTotals],
    outbox: &mut Outbox,
) -> Result<(), DatabaseError> {
    let key = |totals: &StoreTotals| (hub.clone(), totals.sku.clone(), totals.unit);
    let mut held = quotas::lock(transaction, &told.iter().map(key).collect()).await?;
    let mut answered = BTreeMap::new();
    for totals in told {
        let key = key(totals);
        let Some(quota) = held.get_mut(&key) else { continue };
        quota.receive(&totals.totals);
        if quota.totals.epoch == totals.totals.epoch && totals.totals.outstanding() > 0 {
            answered.insert(key, quota.totals);
        }
    }
    quotas::store(transaction, &held).await?;
    let answered: Vec<_> =
        answered.into_iter().map(|((_, sku, unit), totals)| WebTotals { sku, unit, totals }).collect();
    for quotas in answered.chunks(MAX_QUOTAS) {
        let item = offer::item(&ANSWERED, &QuotaAnswered { quotas: quotas.into() })?;
        outbox.entry(hub.clone()).or_default().push(item);
    }
    Ok(())
}

/// Sends the notice of a transfer to the receiver.
async fn announce(
    transaction: &mut Transaction,
    hub: &HubId,
    notice: transfer::TransferNotice,
    outbox: &mut Outbox,
) -> Result<(), DatabaseError> {
    if notice.from != *hub {
        tracing::warn!(%hub, from = %notice.from, "a hub reported a transfer of another hub; ignored");
        return Ok(());
    }
    let to = notice.to.clone();
    if transaction.query(&HUB_IS_KNOWN, values![to.as_str()]).await?.is_empty() {
        tracing::warn!(%hub, %to, "a transfer goes to an unknown hub; enter it there by hand");
        return Ok(());
    }
    outbox.entry(to).or_default().push(offer::item(&ANNOUNCED, &TransferAnnounced { notice })?);
    Ok(())
}
