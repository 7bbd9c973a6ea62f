//! Refills the web's quotas. At the start, all items are looked at; after that, those whose stock has moved or whose
//! stock policy was set.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use app::{
    Refusal,
    stock::{self, ToRefill},
};
use commerce::stock::Place;
use store::{Purpose, Store, StoreError};

use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
};

/// Items per commit.
const ITEMS: usize = 200;

/// Movements read at once.
const PAGE: usize = 500;

/// Changes are gathered for so long before they are sent to HQ.
const GATHER: Duration = Duration::from_secs(2);

/// Refills quotas, and sends to HQ what changed.
pub(crate) struct FollowQuotas {
    hub: Arc<Hub>,
    /// The next movement to look at; none before all items were looked at.
    next: Option<u64>,
    rest: Duration,
}

impl FollowQuotas {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, next: None, rest: EVERY }
    }
}

/// The items that have moved since a movement, or all, and the movement from which to go on. Blocks.
fn moved(store: &Store, since: Option<u64>) -> Result<(BTreeSet<Place>, u64), StoreError> {
    let last = stock::last_movement(store)?;
    let mut places = BTreeSet::new();
    match since {
        None => stock::each_place(store, |place| {
            places.insert(place);
        })?,
        Some(mut next) => {
            while next <= last {
                let page = stock::movements_after(store, next, PAGE)?;
                let Some(end) = page.last() else { break };
                next = end.number + 1;
                places.extend(page.into_iter().flat_map(|one| one.lines).map(|line| (line.sku, line.unit)));
            }
        }
    }
    Ok((places, last + 1))
}

/// The items whose quota does not fit their stock any more, and the movement from which to go on. Most sales change
/// none, and need no further commit. Blocks.
fn to_refill(hub: &Hub, since: Option<u64>) -> Result<(Vec<ToRefill>, u64), StoreError> {
    let (mut places, next) = moved(&hub.store, since)?;
    places.extend(stock::untold_quotas(&hub.store)?);
    let catalog = hub.catalog.load();
    let epoch = hub.store.epoch();
    let mut items = Vec::new();
    for place in places {
        let department = catalog.sku(&place.0).map(|item| Arc::clone(&item.department));
        let policy = hub.config.orders.quota_of(&place.0, department.as_deref().unwrap_or_default());
        if stock::needs_refill(&hub.store, epoch, &place, &policy)? {
            items.push((place, policy));
        }
    }
    Ok((items, next))
}

impl Follower for FollowQuotas {
    fn name(&self) -> String {
        "web quotas".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let hub = Arc::clone(&self.hub);
        self.rest = EVERY;
        // Quotas that were granted under another config are recalled even if the web may sell nothing now.
        let (looking, since) = (Arc::clone(&self.hub), self.next);
        let looked = tokio::task::spawn_blocking(move || to_refill(&looking, since)).await;
        let (items, next) = looked.map_err(|_| StoreError::Panicked)??;
        let epoch = hub.store.epoch();
        for some in items.chunks(ITEMS) {
            let some = some.to_vec();
            let refill =
                move |transaction: &mut store::Transaction<'_>| stock::refill_quotas(transaction, epoch, &some);
            hub.store.commit_for(Purpose::Housekeeping, refill).await?;
        }
        self.next = Some(next);
        let untold = stock::untold_quotas(&hub.store)?;
        if untold.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(GATHER).await;
        let (untold, now_ms) = (stock::untold_quotas(&hub.store)?, hub.now_ms());
        let tell = move |transaction: &mut store::Transaction<'_>| stock::tell_quotas(transaction, now_ms, &untold);
        hub.store.commit_for(Purpose::Ordinary, tell).await?;
        // There may be more than one event takes.
        self.rest = GATHER;
        Ok(())
    }

    fn rest(&self) -> Duration {
        self.rest
    }
}
