//! How a worker changes its leases. Pure.

use contract::{SHARDS, Shard};

/// A lease on a shard. If `until_ms` is in the past, the shard is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) shard: Shard,
    pub(crate) owner: String,
    pub(crate) until_ms: i64,
    pub(crate) fence: i64,
}

/// The leases that a worker changes: it renews its own until `until_ms`, up to its share of the shards among the
/// workers, frees the others, and takes free ones. A worker that `is_new` gets new fences.
pub(crate) fn plan(
    worker: &str,
    is_new: bool,
    workers: usize,
    leases: &[Lease],
    now_ms: i64,
    until_ms: i64,
) -> Vec<Lease> {
    let most = usize::from(SHARDS).div_ceil(workers.max(1));
    let is_own = |lease: &&Lease| lease.owner == worker;
    let is_free = |lease: &&Lease| lease.owner != worker && lease.until_ms <= now_ms;
    let own = leases.iter().filter(is_own).map(|lease| {
        // Another worker may have had an expired lease in between under the same name.
        let fence = lease.fence + i64::from(is_new || lease.until_ms <= now_ms);
        Lease { until_ms, fence, ..lease.clone() }
    });
    let taken = leases.iter().filter(is_free).map(|lease| {
        let owner = worker.to_owned();
        Lease { owner, until_ms, fence: lease.fence + 1, ..lease.clone() }
    });
    let mut changed: Vec<_> = own.collect();
    for lease in changed.iter_mut().skip(most) {
        lease.owner = String::new();
        lease.until_ms = 0;
    }
    let room = most.saturating_sub(changed.len());
    changed.extend(taken.take(room));
    changed
}
