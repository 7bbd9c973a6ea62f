//! Shares of workers, and fences.

use std::collections::BTreeSet;

use contract::{Epoch, Sequence, Stream};
use proptest::prelude::*;

use super::*;
use crate::{
    ledger::tests::batch,
    testing::{Fresh, on_each_engine},
};

on_each_engine! {
    one_worker_has_all_shards_and_two_have_half_each
    a_worker_stores_nothing_of_a_shard_that_was_taken
}

async fn one_worker_has_all_shards_and_two_have_half_each(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let first = renew(&ledger, "a", true).await.unwrap();
    assert_eq!(first.len(), 64);
    assert_eq!(renew(&ledger, "a", false).await.unwrap(), first, "the same fences");
    assert_eq!(renew(&ledger, "b", true).await.unwrap().len(), 0, "none is free yet");
    assert_eq!(renew(&ledger, "a", false).await.unwrap().len(), 32);
    let second = renew(&ledger, "b", false).await.unwrap();
    assert_eq!(second.len(), 32);
    assert!(second.iter().all(|(shard, fence)| *fence == first[shard] + 1));
    let again = renew(&ledger, "a", true).await.unwrap();
    assert!(again.iter().all(|(shard, fence)| *fence == first[shard] + 1), "a new life of the worker");
}

async fn a_worker_stores_nothing_of_a_shard_that_was_taken(fresh: Fresh) {
    let ledger = Ledger::on(fresh.database.clone());
    let batch = batch(1..=3);
    let paused = fence("a", &renew(&ledger, "a", true).await.unwrap(), &batch.hub).unwrap();
    ledger.apply_fenced(&batch, &paused).await.unwrap();
    // Its lease expires, and another takes it.
    let end = "UPDATE shard SET lease_until_ms = 1";
    let end = &*Box::leak(Box::new(crate::database::Statement { name: "end", sqlite: end, postgres: end }));
    let gone = "UPDATE worker SET until_ms = 1";
    let gone = &*Box::leak(Box::new(crate::database::Statement { name: "gone", sqlite: gone, postgres: gone }));
    let mut transaction = fresh.database.transaction().await.unwrap();
    transaction.execute(end, values![]).await.unwrap();
    transaction.execute(gone, values![]).await.unwrap();
    transaction.commit().await.unwrap();
    let taken = fence("b", &renew(&ledger, "b", true).await.unwrap(), &batch.hub).unwrap();
    let next = crate::ledger::tests::batch(1..=5);
    let refused = ledger.apply_fenced(&next, &paused).await.unwrap_err();
    assert_eq!(refused, DatabaseError::Fenced { shard: batch.hub.shard().number() });
    assert_eq!(ledger.cursor(&batch.hub, Epoch(1), &Stream::sales()).await.unwrap(), Sequence(3));
    assert_eq!(ledger.apply_fenced(&next, &taken).await.unwrap().stored, 2);
    assert_eq!(ledger.summary().await.unwrap().sales, 5);
}

proptest! {
    /// Workers come and go: a shard has one owner, its owner has the highest fence, and once the workers stay, all
    /// shards are shared out fairly.
    #[test]
    fn shards_have_one_owner_and_are_shared_out(steps in proptest::collection::vec((0_u8..4, any::<bool>(),
        0_i64..20_000), 0..60)) {
        let mut leases: Vec<_> =
            Shard::all().map(|shard| Lease { shard, owner: String::new(), until_ms: 0, fence: 0 }).collect();
        let (mut now_ms, mut seen) = (1, BTreeMap::new());
        let act = |leases: &mut Vec<Lease>, worker: u8, is_new: bool, workers: usize, now_ms: i64| {
            for changed in plan(&worker.to_string(), is_new, workers, leases, now_ms, now_ms + LEASE_MS) {
                let before = &mut leases[usize::from(changed.shard.number())];
                let is_free = before.owner == worker.to_string() || before.until_ms <= now_ms;
                assert!(is_free, "taken from {} while its lease lasts", before.owner);
                assert!(changed.owner == before.owner || changed.owner.is_empty() || changed.fence > before.fence);
                *before = changed;
            }
        };
        for (worker, is_new, passed) in steps {
            now_ms += passed;
            seen.insert(worker, now_ms + LEASE_MS);
            seen.retain(|_, until| *until > now_ms);
            act(&mut leases, worker, is_new, seen.len(), now_ms);
        }
        now_ms += LEASE_MS;
        for _ in 0..3 {
            for worker in 0..4 {
                act(&mut leases, worker, false, 4, now_ms);
            }
        }
        let owners: BTreeSet<_> = leases.iter().map(|lease| lease.owner.clone()).collect();
        prop_assert_eq!(owners.len(), 4);
        for owner in owners {
            prop_assert_eq!(leases.iter().filter(|lease| lease.owner == owner).count(), 16);
        }
    }
}
