//! What stores ask of HQ about orders: to place one, to withdraw one, and to take back an offer that a hub refused.
//!
//! A request is stored in the transaction of its message, and answered in one of its own, so that no transaction
//! decides about two orders. The requests of a hub are answered in order. If an answer fails, it is tried again later,
//! and the hub's later requests wait.

use commerce::{MAX_TEXT, OrderId};
use contract::{
    HubId, Stream,
    order::{
        self, OFFERED, OrderOffered, OrderPlaced, OrderTracked, OrderWithdrawn, PLACED, TRACKED, Tracked, WITHDRAWN,
    },
};

use super::{
    NewOrder, attend, change, offer,
    place::place,
    record,
    refused::{OrderError, Refused, Why},
    work::{AT_ONCE, LATER_MS},
};
use crate::{
    database::{Database, DatabaseError, Lock, Transaction, statement::statements, values},
    down::{QueueError, rows},
    projection::told::Stored,
    routing::Destination,
};

statements! {
    /// Stores a request.
    INSERT = "order_request/insert";
    /// The first request of each hub, if it is due.
    DUE = "order_request/due";
    /// A request, locked until the transaction ends.
    LOCK = "order_request/lock" + postgres;
    /// Deletes an answered request.
    DELETE = "order_request/delete";
    /// Postpones a request.
    POSTPONE = "order_request/postpone";
    /// Notes that a hub refused an offer.
    REFUSE = "order/refuse_part";
}

/// Whether an event is a request. Unreadable events are already in quarantine.
pub(super) fn is_one(stored: &Stored) -> bool {
    PLACED.read(&stored.event).is_ok() || WITHDRAWN.read(&stored.event).is_ok()
}

/// Stores a request.
pub(super) async fn ask(
    transaction: &mut Transaction,
    hub: &HubId,
    kind: &str,
    body: &str,
) -> Result<(), DatabaseError> {
    transaction.execute(&INSERT, values![hub.as_str(), kind, body]).await.map(drop)
}

/// Answers all requests that are due, and returns their number.
///
/// # Errors
/// The database fails.
pub(super) async fn answer_due(database: &Database, now_ms: i64) -> Result<u64, DatabaseError> {
    let mut answered = 0;
    loop {
        let due: Vec<i64> = database
            .read(&DUE, values![now_ms, AT_ONCE])
            .await?
            .into_iter()
            .map(|row| row.read().map(|(request,)| request))
            .collect::<Result<_, _>>()?;
        if due.is_empty() {
            return Ok(answered);
        }
        for request in due {
            if let Err(error) = answer(database, request, now_ms).await {
                tracing::error!(request, %error, "could not answer a store's request; trying again later");
                let mut transaction = database.transaction().await?;
                transaction.execute(&POSTPONE, values![now_ms.saturating_add(LATER_MS), request]).await?;
                transaction.commit().await?;
            }
            answered += 1;
        }
    }
}

/// A request.
struct Request {
    hub: HubId,
    kind: String,
    body: String,
}

/// Takes a request; `None` if another process has answered it.
async fn take(transaction: &mut Transaction, request: i64) -> Result<Option<Request>, DatabaseError> {
    transaction.lock(Lock::Request(request));
    let Some(row) = transaction.query(&LOCK, values![request]).await?.pop() else { return Ok(None) };
    transaction.execute(&DELETE, values![request]).await?;
    let (hub, kind, body): (String, String, String) = row.read()?;
    let hub = hub.parse().map_err(|found| offer::fault("a hub", found))?;
    Ok(Some(Request { hub, kind, body }))
}

async fn answer(database: &Database, request: i64, now_ms: i64) -> Result<(), QueueError> {
    let mut transaction = database.transaction().await?;
    let Some(asked) = take(&mut transaction, request).await? else { return Ok(()) };
    let refused = match asked.answer(&mut transaction, now_ms).await {
        Ok(()) => return Ok(transaction.commit().await?),
        Err(OrderError::Failed(error)) => return Err(error),
        Err(OrderError::Refused(refused)) => refused,
    };
    // Nothing remains of a refused order but the answer.
    drop(transaction);
    let mut transaction = database.transaction().await?;
    let Some(Request { hub, .. }) = take(&mut transaction, request).await? else { return Ok(()) };
    let Refused { order, detail: mut why, .. } = refused;
    why.truncate(why.floor_char_boundary(MAX_TEXT));
    let tracked = OrderTracked { order, as_of_ms: now_ms, answer: Tracked::Refused { why } };
    rows::append(&mut transaction, &hub, &Stream::orders(), &[offer::item(&TRACKED, &tracked)?]).await?;
    Ok(transaction.commit().await?)
}

impl Request {
    async fn answer(self, transaction: &mut Transaction, now_ms: i64) -> Result<(), OrderError> {
        let Self { hub, kind, body } = self;
        // Bodies were checked before they were stored.
        if kind == PLACED.name() {
            return place_for(transaction, hub, read(&body)?, now_ms).await;
        }
        if kind == WITHDRAWN.name() {
            let OrderWithdrawn { order, .. } = read(&body)?;
            return withdraw(transaction, &hub, &order, now_ms).await;
        }
        let OrderOffered { order, part, .. } = read(&body)?;
        debug_assert!(kind == OFFERED.name(), "{kind}");
        Ok(refuse(transaction, &order.terms.order, part, now_ms).await?)
    }
}

fn read<B: serde::de::DeserializeOwned>(body: &str) -> Result<B, DatabaseError> {
    serde_json::from_str(body).map_err(|error| offer::fault("a request", error.to_string()))
}

/// A register placed an order for another store.
async fn place_for(
    transaction: &mut Transaction,
    hub: HubId,
    placed: OrderPlaced,
    now_ms: i64,
) -> Result<(), OrderError> {
    if placed.answer_by_ms <= now_ms {
        let detail = "the deadline for the answer has passed, so the store has given the order up";
        return Err(Refused::of(&placed.order.terms.order, Why::TooLate, "too_late", detail).into());
    }
    let to = match placed.to {
        order::Destination::Store(store) => Destination::Store(store),
        order::Destination::Zone(zone) => Destination::Zone(zone),
    };
    // Settled, and so answered.
    place(transaction, NewOrder { order: placed.order, to, taken_by: Some(hub) }, now_ms).await.map(drop)
}

/// The store that placed an order withdraws it.
async fn withdraw(transaction: &mut Transaction, hub: &HubId, id: &OrderId, now_ms: i64) -> Result<(), OrderError> {
    let record = record::lock(transaction, id).await?;
    let Some(record) = record.filter(|record| record.taken_by.as_ref() == Some(hub)) else { return Ok(()) };
    match change::cancel(transaction, record, &[], now_ms).await {
        // It was delivered already.
        Err(OrderError::Refused(_)) => Ok(()),
        cancelled => cancelled.map(drop),
    }
}

/// A hub refused the offer of a part as an item: its store rejects the part.
async fn refuse(transaction: &mut Transaction, id: &OrderId, part: u32, now_ms: i64) -> Result<(), QueueError> {
    if record::lock(transaction, id).await?.is_some() {
        transaction.execute(&REFUSE, values![part, id.to_string()]).await?;
        attend::attend(transaction, id, now_ms).await?;
    }
    Ok(())
}
