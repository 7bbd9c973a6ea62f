//! Which worker serves which hubs: leases on shards, in the ledger's database.
//!
//! # What this module promises
//!
//! - **One at a time.** A worker stores what hubs of a shard send only while the shard's fence is the one that it was
//!   given with the lease: each of its transactions checks it. A worker that was paused, or cut off, and wakes up,
//!   stores nothing of a shard that another has taken.
//! - **Fair shares.** Each of n workers has at most 64 / n shards, rounded up. Who has more gives some back, so that
//!   whoever comes finds them free.
//! - **By one clock**, the database's. A worker's own clock decides nothing.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | a worker dies | its leases end after [`LEASE_MS`]; the others take its shards |
//! | a worker starts again under its name | its shards are its own, under a new fence |
//! | the database cannot be reached | no worker renews, and none can store anything either |
//! | two processes have one worker's name | each takes the shards from the other; the broker throws each off, and both say so |

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
    /// What the database's clock says.
    NOW = "shard/now" + postgres;
    /// All shards, held until the transaction ends.
    ALL = "shard/all" + postgres;
    /// Changes shards.
    SET = "shard/set" + postgres;
    /// Whether a shard is still a worker's; kept so until the transaction ends.
    HELD = "shard/held" + postgres;
    /// Workers that want shards, and until when.
    WORKERS = "shard/workers";
    /// A worker wants shards.
    WORK = "shard/work";
    /// Workers that want no more.
    FORGET = "shard/forget";
}

/// How long a lease lasts, in milliseconds.
pub const LEASE_MS: i64 = 15_000;

/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(5);

/// Shards that a worker has, each with its fence.
pub type Shares = BTreeMap<Shard, i64>;

/// A worker's hold of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The worker.
    pub worker: String,
    /// The shard.
    pub shard: Shard,
    /// The number that it was given with the lease.
    pub number: i64,
}

impl Fence {
    /// Keeps others from taking the shard until the transaction ends.
    ///
    /// # Errors
    /// It is another's already.
    pub(crate) async fn check(&self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let number = i64::from(self.shard.number());
        let held = transaction.query(&HELD, values![number, &self.worker, self.number]).await?;
        if held.is_empty() { Err(DatabaseError::Fenced { shard: self.shard.number() }) } else { Ok(()) }
    }
}

/// Keeps a worker's leases; stops when dropped. They end by themselves.
pub struct Leases {
    worker: String,
    shares: watch::Receiver<Shares>,
    task: JoinHandle<()>,
}

impl Leases {
    /// Starts on the current runtime. A worker's name is unique among those of a ledger.
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
                                tracing::info!(%worker, shards = now.len(), "serves another share of the hubs");
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

    /// The shards that the worker has, now and later.
    pub fn shares(&self) -> watch::Receiver<Shares> {
        self.shares.clone()
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Renews a worker's leases, gives back what is more than its share, and takes what is free. A worker that `is_new`
/// puts a new fence on what it had.
///
/// # Errors
/// The database fails; the leases are as they were.
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

/// The fence under which a worker stores what a hub sends; none if it has no such shard.
pub(crate) fn fence(worker: &str, shares: &Shares, hub: &HubId) -> Option<Fence> {
    let shard = hub.shard();
    shares.get(&shard).map(|number| Fence { worker: worker.to_owned(), shard, number: *number })
}

/// The shards of shares.
pub(crate) fn set(shares: &Shares) -> BTreeSet<Shard> {
    shares.keys().copied().collect()
}

/// Waits until a worker has shards.
pub(crate) async fn some(shares: &mut watch::Receiver<Shares>) -> Result<BTreeSet<Shard>, watch::error::RecvError> {
    shares.wait_for(|shares| !shares.is_empty()).await.map(|shares| set(&shares))
}

/// What is subscribed to for shards: a topic for each, or one for all.
pub(crate) fn topics(shards: &BTreeSet<Shard>, all: &str, of: fn(Shard) -> String) -> Vec<String> {
    if shards.len() == usize::from(SHARDS) { vec![all.to_owned()] } else { shards.iter().copied().map(of).collect() }
}
