//! Events from stores about orders, quotas and transfers, in the transaction that stores them.
//!
//! Changes of parts are a projection; here their orders are only marked for the background work. The other events lead
//! to decisions of HQ, made once: answers to recalls, orders placed by stores, notices of transfers.

use std::collections::{BTreeMap, BTreeSet};

use commerce::MAX_TEXT;
use contract::{
    Event, HubId, Stream, order,
    order::{OrderOffered, OrderPlaced, OrderTracked, TRACKED, Tracked},
    quota,
    quota::{ANSWERED, MAX_QUOTAS, QuotaAnswered, StoreTotals, WebTotals},
    transfer,
    transfer::{ANNOUNCED, TransferAnnounced, TransferDispatched},
};

use super::{
    NewOrder, change, offer,
    place::place,
    quotas,
    record::{self},
    refused::{OrderError, Refused, Why},
};
use crate::{
    database::{DatabaseError, Transaction, statement::statements, values},
    down::{Outgoing, QueueError, rows},
    projection::told::Stored,
    routing::Destination,
};

statements! {
    /// Marks orders for the background work.
    NOTICE = "order/notice" + postgres;
    /// Notes that a hub refused an offer.
    REFUSE = "order/refuse_part";
    /// Whether HQ knows a hub.
    HUB_IS_KNOWN = "order/hub_is_known";
}

/// Processes events. Unreadable events are already in quarantine.
pub(crate) async fn heard(transaction: &mut Transaction, events: &[Stored], now_ms: i64) -> Result<(), QueueError> {
    let of_orders: Vec<_> = events.iter().filter(|stored| stored.stream == Stream::orders()).collect();
    let ids: BTreeSet<String> = of_orders.iter().filter_map(|stored| advanced(&stored.event)).collect();
    transaction.execute_many(&NOTICE, ids.into_iter().map(|id| values![id]).collect()).await?;
    for stored in &of_orders {
        if let Ok(placed) = order::PLACED.read(&stored.event) {
            take(transaction, &stored.hub, placed, now_ms).await?;
        } else if let Ok(withdrawn) = order::WITHDRAWN.read(&stored.event) {
            withdraw(transaction, &stored.hub, &withdrawn.order, now_ms).await?;
        } else if let Ok(TransferDispatched { notice }) = transfer::DISPATCHED.read(&stored.event) {
            announce(transaction, &stored.hub, notice).await?;
        }
    }
    let mut quotas: BTreeMap<&HubId, Vec<StoreTotals>> = BTreeMap::new();
    for stored in &of_orders {
        if let Ok(changed) = quota::CHANGED.read(&stored.event) {
            quotas.entry(&stored.hub).or_default().extend(changed.quotas);
        }
    }
    for (hub, told) in quotas {
        receive(transaction, hub, &told).await?;
    }
    Ok(())
}

/// A hub refused an item. If it was an offer, its store rejects the part.
pub(crate) async fn refused(transaction: &mut Transaction, item: &Outgoing) -> Result<(), DatabaseError> {
    if item.kind == order::OFFERED.name()
        && let Ok(offered) = serde_json::from_str::<OrderOffered>(item.body.get())
    {
        let id = offered.order.terms.order.to_string();
        transaction.execute(&REFUSE, values![offered.part, &id]).await?;
        transaction.execute_many(&NOTICE, vec![values![id]]).await?;
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
async fn receive(transaction: &mut Transaction, hub: &HubId, told: &[StoreTotals]) -> Result<(), QueueError> {
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
    let items =
        answered.chunks(MAX_QUOTAS).map(|quotas| offer::item(&ANSWERED, &QuotaAnswered { quotas: quotas.into() }));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    if !items.is_empty() {
        rows::append(transaction, hub, &Stream::orders(), &items).await?;
    }
    Ok(())
}

/// A register placed an order for another store.
async fn take(transaction: &mut Transaction, hub: &HubId, placed: OrderPlaced, now_ms: i64) -> Result<(), QueueError> {
    let id = placed.order.terms.order.clone();
    let to = match placed.to {
        order::Destination::Store(store) => Destination::Store(store),
        order::Destination::Zone(zone) => Destination::Zone(zone),
    };
    let new = NewOrder { order: placed.order, to, taken_by: Some(hub.clone()) };
    let taken = if placed.answer_by_ms <= now_ms {
        let detail = "the deadline for the answer has passed, so the store has given the order up";
        Err(Refused::of(&id, Why::TooLate, "too_late", detail).into())
    } else {
        place(transaction, new, now_ms).await
    };
    match taken {
        // Settled, and so answered.
        Ok(_) => Ok(()),
        Err(OrderError::Failed(error)) => Err(error),
        Err(OrderError::Refused(refused)) => {
            let mut why = refused.detail;
            why.truncate(why.floor_char_boundary(MAX_TEXT));
            let tracked = OrderTracked { order: id, as_of_ms: now_ms, answer: Tracked::Refused { why } };
            rows::append(transaction, hub, &Stream::orders(), &[offer::item(&TRACKED, &tracked)?]).await.map(drop)
        }
    }
}

/// The store that placed an order withdraws it.
async fn withdraw(
    transaction: &mut Transaction,
    hub: &HubId,
    id: &commerce::OrderId,
    now_ms: i64,
) -> Result<(), QueueError> {
    let record = record::lock(transaction, id).await?;
    let Some(record) = record.filter(|record| record.taken_by.as_ref() == Some(hub)) else { return Ok(()) };
    match change::cancel(transaction, record, &[], now_ms).await {
        // It was delivered already.
        Ok(_) | Err(OrderError::Refused(_)) => Ok(()),
        Err(OrderError::Failed(error)) => Err(error),
    }
}

/// Sends the notice of a transfer to the receiver.
async fn announce(
    transaction: &mut Transaction,
    hub: &HubId,
    notice: transfer::TransferNotice,
) -> Result<(), QueueError> {
    if notice.from != *hub {
        tracing::warn!(%hub, from = %notice.from, "a hub reported a transfer of another hub; ignored");
        return Ok(());
    }
    let to = notice.to.clone();
    if transaction.query(&HUB_IS_KNOWN, values![to.as_str()]).await?.is_empty() {
        tracing::warn!(%hub, %to, "a transfer goes to an unknown hub; enter it there by hand");
        return Ok(());
    }
    let item = offer::item(&ANNOUNCED, &TransferAnnounced { notice })?;
    match rows::append(transaction, &to, &Stream::orders(), &[item]).await {
        // The sender's stream must not wait for an abandoned hub.
        Err(error @ QueueError::Full { .. }) => {
            tracing::warn!(%hub, %error, "could not forward a transfer's notice; enter it at the receiver by hand");
            Ok(())
        }
        appended => appended.map(drop),
    }
}
