//! Activates publications at their effective time, and updates the states for HQ.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{By, Refusal, publications, timekeeping::Trust};
use bridge::PublicationsNow;
use commerce::Station;
use contract::publication::State;

use super::blocking;
use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
};

/// Activates waiting publications when they take effect. If the clock jumps ahead, the latest trusted moment counts
/// until a person has confirmed the clock.
pub(crate) struct ActivatePublications {
    hub: Arc<Hub>,
    /// The last revision, and when to look again.
    looked: Option<(u64, Instant)>,
}

impl ActivatePublications {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, looked: None }
    }

    fn now_ms(&self) -> i64 {
        let reading = self.hub.timekeeper.read();
        if reading.trust == Trust::Ahead { reading.year_ms } else { reading.now_ms }
    }
}

impl Follower for ActivatePublications {
    fn name(&self) -> String {
        "publications, active".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        // Read first: a change meanwhile is looked at once more.
        let revision = publications::revision(&self.hub.store)?;
        if self.looked.is_some_and(|(known, until)| known == revision && Instant::now() < until) {
            return Ok(());
        }
        let (hub, now_ms) = (Arc::clone(&self.hub), self.now_ms());
        let rest = blocking(move || work(&hub, now_ms)).await?;
        self.looked = Some((revision, Instant::now() + rest));
        Ok(())
    }

    fn rest(&self) -> Duration {
        self.looked.map_or(EVERY, |(_, until)| until.saturating_duration_since(Instant::now()))
    }
}

/// Does what is due now, and returns the time until the next is due. Blocks.
fn work(hub: &Hub, now_ms: i64) -> Result<Duration, Refusal> {
    for kind in publications::unsettled(&hub.store)? {
        publications::settle(&hub.store, &kind)?;
    }
    let by = By { actor: Station::Hub.into(), at_ms: now_ms };
    for (kind, version) in publications::due(&hub.store, now_ms)? {
        let activated = publications::activate(&hub.store, &by, &kind, version)?;
        tracing::info!(%kind, version, records = activated.records, "a publication of headquarters became active");
    }
    if let Some(parts) = &hub.publications {
        let (revision, states) = publications::states(&hub.store)?;
        parts.announcements.tell(PublicationsNow { revision, states });
    }
    let waiting = publications::list(&hub.store)?.into_iter().filter(|publication| publication.state == State::Waiting);
    let next = waiting.filter_map(|publication| publication.effective_ms).min();
    // A millisecond more, so that it is due at the next look.
    let left = next.map(|next| u64::try_from(next.saturating_sub(now_ms)).unwrap_or(0).saturating_add(1));
    Ok(left.map_or(EVERY, Duration::from_millis).min(EVERY))
}
