//! The loop that answers requests of stores and attends to orders. Several processes can run it, because each request
//! and each order is locked meanwhile.

use std::{collections::BTreeSet, time::Duration};

use commerce::OrderId;
use tokio::time::{MissedTickBehavior, interval};

use super::{attend::attend, requests};
use crate::{
    database::{Database, DatabaseError, Row, Transaction, statement::statements, values},
    down::QueueError,
    ledger::now_ms,
};

statements! {
    /// Orders whose deadline has passed.
    DUE = "order/due";
    /// Orders with open parts whose hub follows a later queue.
    STALE = "order/stale";
    /// Postpones an order.
    POSTPONE = "order/postpone";
    /// Deletes past slots.
    FORGET = "slot/forget";
}

/// The interval.
const LOOK: Duration = Duration::from_millis(200);

/// Orders that are read at once.
pub(super) const AT_ONCE: i64 = 100;

/// How long an order or a request is postponed after an error.
pub(super) const LATER_MS: i64 = 30_000;

/// How long past slots are kept.
const SLOTS_MS: i64 = 7 * 24 * 60 * 60_000;

/// Attends to orders until it is dropped.
pub async fn run(database: Database) {
    let mut every = interval(LOOK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    loop {
        every.tick().await;
        // Every ten seconds.
        let is_slow = looks.is_multiple_of(50);
        looks = looks.wrapping_add(1);
        if let Err(error) = look(&database, is_slow, now_ms()).await {
            tracing::warn!(%error, "could not read the orders; trying again");
        }
    }
}

async fn look(database: &Database, is_slow: bool, now_ms: i64) -> Result<(), DatabaseError> {
    if is_slow {
        let mut transaction = database.transaction().await?;
        transaction.execute(&FORGET, values![now_ms.saturating_sub(SLOTS_MS)]).await?;
        transaction.commit().await?;
    }
    while attend_due(database, is_slow, now_ms).await? >= AT_ONCE.unsigned_abs() {}
    Ok(())
}

/// Answers the requests of stores, attends to due orders, at most [`AT_ONCE`], and returns the number of both. One that
/// fails is postponed.
///
/// # Errors
/// The database fails.
pub async fn attend_due(database: &Database, with_stale: bool, now_ms: i64) -> Result<u64, DatabaseError> {
    let id = |row: Row| {
        let (id,): (String,) = row.read()?;
        id.parse::<OrderId>().map_err(|error| {
            let found = error.to_string();
            DatabaseError::Column { column: 0, expected: "an order id", found }
        })
    };
    let answered = requests::answer_due(database, now_ms).await?;
    let due: Result<BTreeSet<OrderId>, _> =
        database.read(&DUE, values![now_ms, AT_ONCE]).await?.into_iter().map(id).collect();
    let mut due = due?;
    if with_stale {
        for row in database.read(&STALE, values![AT_ONCE]).await? {
            due.insert(id(row)?);
        }
    }
    for id in &due {
        if let Err(error) = attend_one(database, id, now_ms).await {
            tracing::error!(order = %id, %error, "could not process an order; trying again later");
            let mut transaction = database.transaction().await?;
            let later_ms = now_ms.saturating_add(LATER_MS);
            transaction.execute(&POSTPONE, values![later_ms, id.to_string()]).await?;
            transaction.commit().await?;
        }
    }
    Ok(answered + due.len() as u64)
}

async fn attend_one(database: &Database, id: &OrderId, now_ms: i64) -> Result<(), QueueError> {
    let mut attempt = 1;
    loop {
        let mut transaction: Transaction = database.transaction().await?;
        match attend(&mut transaction, id, now_ms).await {
            Ok(()) => return Ok(transaction.commit().await?),
            Err(QueueError::Database(error)) if error.is_worth_trying_again(attempt) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}
