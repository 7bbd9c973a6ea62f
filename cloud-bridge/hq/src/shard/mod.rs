//! Which worker serves which hubs: leases on shards, in the ledger's database.
//!
//! # What this module promises
//!
//! - **One at a time.** A worker stores the events of a shard's hubs only while the shard has the fence of the worker's
//!   lease: every transaction checks it. A worker that was paused or cut off stores nothing of a shard that another has
//!   taken meanwhile.
//! - **Fair shares.** Each of n workers has at most 64 / n shards, rounded up. A worker with more gives some back, so
//!   that a new worker finds free ones.
//! - **One clock**, the database's. A worker's own clock does not matter.
//!
//! | failure | effect |
//! | --- | --- |
//! | a worker dies | its leases expire after [`LEASE_MS`]; the others take its shards |
//! | a worker restarts under its name | it keeps its shards, with new fences |
//! | the database cannot be reached | no worker renews its leases, and none can store anything |
//! | two processes have one worker's name | they take each other's shards and connections, and both report it |

pub(crate) mod plan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{HubId, SHARDS, Shard};
use plan::{Lease, plan};
use tokio::{sync::watch, task::JoinHandle, time::interval};

use crate::{
    Ledger,
    database::{DatabaseError, Row, Transaction, Value, statement::statements, values},
};

statements! {
    /// The database's clock.
    NOW = "shard/now" + postgres;
    /// Reads and locks all shards.
    ALL = "shard/all" + postgres;
    /// Updates shards.
    SET = "shard/set" + postgres;
    /// Checks and locks a worker's shard.
    HELD = "shard/held" + postgres;
    /// The active workers.
    WORKERS = "shard/workers";
    /// Registers a worker.
    WORK = "shard/work";
    /// Deletes expired workers.
    FORGET = "shard/forget";
}

/// How long a lease lasts, in milliseconds.
pub const LEASE_MS: i64 = 15_000;

/// How often leases are renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(5);

/// A worker's shards with their fences.
pub type Shares = BTreeMap<Shard, i64>;

/// A worker's lease of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The worker.
    pub worker: String,
    /// The shard.
    pub shard: Shard,
    /// The fence of the lease.
    pub number: i64,
}

impl Fence {
    /// Prevents others from taking the shard until the transaction ends.
    ///
    /// # Errors
    /// Another worker has taken it.
    pub(crate) async fn check(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let number = i64::from(self.shard.number());
        let held = transaction.query(&HELD, values![number, &self.worker, self.number]).await?;
        if held.is_empty() { Err(DatabaseError::Fenced { shard: self.shard.number() }) } else { Ok(()) }
    }
}

/// Renews a worker's leases; stops when dropped, and the leases expire.
pub struct Leases {
    worker: String,
    shares: watch::Receiver<Shares>,
    task: JoinHandle<()>,
}

impl Leases {
    /// Starts on the current runtime. A worker's name must be unique in its ledger.
    pub fn start(ledger: Ledger, worker: String) -> Self {
        let (tell, shares) = watch::channel(Shares::new());
        let name = worker.clone();
        let keep = async move {
            let mut every = interval(RENEWED_EVERY);
            let mut is_new = true;
            loop {
                every.tick().await;
                match renew(&ledger, &worker, is_new).await {
                    Ok(now) => {
                        is_new = false;
                        tell.send_if_modified(|before| {
                            let is_news = *before != now;
                            if is_news {
                                tracing::info!(%worker, shards = now.len(), "shards changed");
                                *before = now;
                            }
                            is_news
                        });
                    }
                    Err(error) => tracing::error!(%worker, %error, "could not renew the leases on shards"),
                }
            }
        };
        Self { worker: name, shares, task: tokio::spawn(keep) }
    }

    /// The worker's name.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// The worker's shards, and their changes.
    pub fn shares(&self) -> watch::Receiver<Shares> {
        self.shares.clone()
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Renews a worker's leases, gives back what exceeds its share, and takes free shards. A worker that `is_new` gets
/// new fences.
///
/// # Errors
/// The database failed; the leases are unchanged.
pub(crate) async fn renew(ledger: &Ledger, worker: &str, is_new: bool) -> Result<Shares, DatabaseError> {
    let mut transaction = ledger.database().transaction().await?;
    let leases: Vec<_> = transaction.query(&ALL, values![]).await?.into_iter().map(lease).collect::<Result<_, _>>()?;
    let (now_ms,) = transaction.query(&NOW, values![]).await?.into_iter().next().map_or(Ok((0,)), Row::read)?;
    let until_ms = now_ms + LEASE_MS;
    transaction.execute(&FORGET, values![now_ms]).await?;
    transaction.execute(&WORK, values![worker, until_ms]).await?;
    let workers = transaction.query(&WORKERS, values![]).await?.len();
    let changed = plan(worker, is_new, workers, &leases, now_ms, until_ms);
    let row = |lease: &Lease| values![&lease.owner, lease.until_ms, lease.fence, i64::from(lease.shard.number())];
    transaction.execute_many(&SET, changed.iter().map(row).collect()).await?;
    transaction.commit().await?;
    let own = changed.iter().filter(|lease| lease.owner == worker);
    Ok(own.map(|lease| (lease.shard, lease.fence)).collect())
}

fn lease(row: Row) -> Result<Lease, DatabaseError> {
    let (id, owner, until_ms, fence): (Value, String, i64, i64) = row.read()?;
    let Value::Number(id) = id else { return Err(bad("no number".into())) };
    let shard = u8::try_from(id).ok().and_then(Shard::new).ok_or_else(|| bad(id.to_string()))?;
    Ok(Lease { shard, owner, until_ms, fence })
}

fn bad(found: String) -> DatabaseError {
    DatabaseError::Column { column: 0, expected: "a shard", found }
}

/// The fence for a hub's events; none if the worker does not have the hub's shard.
pub(crate) fn fence(worker: &str, shares: &Shares, hub: &HubId) -> Option<Fence> {
    let shard = hub.shard();
    shares.get(&shard).map(|number| Fence { worker: worker.to_owned(), shard, number: *number })
}

/// The shards.
pub(crate) fn set(shares: &Shares) -> BTreeSet<Shard> {
    shares.keys().copied().collect()
}

/// Waits until the worker has shards.
pub(crate) async fn some(shares: &mut watch::Receiver<Shares>) -> Result<BTreeSet<Shard>, watch::error::RecvError> {
    shares.wait_for(|shares| !shares.is_empty()).await.map(|shares| set(&shares))
}

/// The subscriptions for shards: one each, or one for all.
pub(crate) fn topics(shards: &BTreeSet<Shard>, all: &str, of: fn(Shard) -> String) -> Vec<String> {
    if shards.len() == usize::from(SHARDS) { vec![all.to_owned()] } else { shards.iter().copied().map(of).collect() }
}
