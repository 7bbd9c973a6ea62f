//! What follows from order events and from time.

use std::{sync::Arc, time::Duration};

use app::{By, Refusal, orders, timekeeping::Trust};
use commerce::Station;
use store::Purpose;

use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
    parts::events::HubEvent,
};

/// Events read at once.
const PAGE: usize = 500;

/// Tells listeners which parts changed. It begins with the events after the start: listeners read the state first.
pub(crate) struct FollowOrders {
    hub: Arc<Hub>,
    /// The next event; `None` if the store could not be read at the start.
    next: Option<u64>,
}

impl FollowOrders {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let next = orders::last_event(&hub.store).ok().map(|last| last + 1);
        Self { hub, next }
    }
}

impl Follower for FollowOrders {
    fn name(&self) -> String {
        "orders".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let last = orders::last_event(&self.hub.store)?;
        let mut next = *self.next.get_or_insert(last + 1);
        while next <= last {
            let events = orders::events_from(&self.hub.store, next, PAGE)?;
            for event in &events {
                let Some(part) = event.part() else { continue };
                let Ok(view) = orders::order(&self.hub.store, &part) else { continue };
                self.hub.tell(HubEvent::order(part.order, part.part, view.state, event.at_ms()));
            }
            next = events.last().map_or(last, |event| event.sequence) + 1;
        }
        self.next = Some(next);
        Ok(())
    }
}

/// The largest number of due parts per commit.
const DUE: usize = 100;

/// Does what is due: claims and uncollected orders expire, missed deadlines are reported, orders that HQ did not answer
/// are given up. While the clock is not trusted, nothing expires.
pub(crate) struct FollowDeadlines {
    hub: Arc<Hub>,
    rest: Duration,
}

impl FollowDeadlines {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, rest: EVERY }
    }
}

impl Follower for FollowDeadlines {
    fn name(&self) -> String {
        "order deadlines".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let mut before = Vec::new();
        loop {
            self.rest = EVERY;
            let reading = self.hub.timekeeper.read();
            let now_ms = reading.now_ms;
            let mut due = orders::due(&self.hub.store, DUE)?;
            if let Some(first) = due.first() {
                let wait = u64::try_from(first.at_ms.saturating_sub(now_ms)).unwrap_or(0).max(10);
                self.rest = EVERY.min(Duration::from_millis(wait));
            }
            due.retain(|due| due.at_ms <= now_ms);
            // The same again: a damaged part must not make this spin.
            if due.is_empty() || reading.trust != Trust::Trusted || due == before {
                return Ok(());
            }
            let by = By { actor: Station::Hub.into(), at_ms: now_ms };
            let some = due.clone();
            let ticked = move |transaction: &mut store::Transaction<'_>| orders::tick(transaction, &by, &some);
            self.hub.store.commit_for(Purpose::Ordinary, ticked).await?;
            before = due;
        }
    }

    fn rest(&self) -> Duration {
        self.rest
    }
}
