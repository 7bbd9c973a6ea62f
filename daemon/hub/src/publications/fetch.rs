//! Fetches announced publications and checks them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    Refusal,
    publications::{self, Publication},
};
use contract::{
    Digest, PublicationKind,
    publication::{
        Announcement, BadPublication, Effective, Manifest, Purpose as Signed, State, manifest::MAX_MANIFEST,
    },
};
use store::{Purpose, StoreError, Transaction};
use tokio::runtime::Handle;

use super::blocking;
use crate::{
    followers::{EVERY, Follower},
    hub::Hub,
    parts::publications::{FetchError, Publications},
};

/// The first and the longest wait after a failure.
const RETRY: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];

/// Fetches announced publications.
pub(crate) struct FetchPublications {
    hub: Arc<Hub>,
    /// When each failed publication is retried, and the wait.
    retries: HashMap<(PublicationKind, u64), (Instant, Duration)>,
    /// The last revision, and when to look again.
    looked: Option<(u64, Instant)>,
}

impl FetchPublications {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, retries: HashMap::new(), looked: None }
    }

    /// How long to wait before fetching a publication.
    fn wait(&self, announcement: &Announcement, heard_at_ms: i64) -> Duration {
        let key = (announcement.kind.clone(), announcement.version);
        if let Some((at, _)) = self.retries.get(&key) {
            return at.saturating_duration_since(Instant::now());
        }
        let from_ms = heard_at_ms.saturating_add(turn_ms(announcement));
        // A clock that was set back delays it at most by its turn.
        let left = from_ms.saturating_sub(self.hub.now_ms()).clamp(0, turn_ms(announcement));
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// The hub's turn to fetch, after the announcement: by its name, so that hubs do not fetch all at once.
fn turn_ms(announcement: &Announcement) -> i64 {
    let Announcement { hub, kind, version, spread_s, .. } = announcement;
    let Digest(whole) = Digest::of(format!("{hub} {kind} {version}").as_bytes());
    let number = whole.iter().take(4).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    number % (i64::from(*spread_s) * 1_000 + 1)
}

impl Follower for FetchPublications {
    fn name(&self) -> String {
        "publications, fetched".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        // Read first: a change meanwhile is looked at once more.
        let revision = publications::revision(&self.hub.store)?;
        if self.looked.is_some_and(|(known, until)| known == revision && Instant::now() < until) {
            return Ok(());
        }
        let mut rest = EVERY;
        let hub = Arc::clone(&self.hub);
        let mut all = blocking(move || Ok(publications::list(&hub.store)?)).await?;
        all.retain(|publication| publication.state == State::Fetching);
        self.retries.retain(|(kind, version), _| {
            all.iter()
                .any(|Publication { announcement, .. }| announcement.kind == *kind && announcement.version == *version)
        });
        for publication in all {
            let wait = self.wait(&publication.announcement, publication.heard_at_ms);
            if !wait.is_zero() {
                rest = rest.min(wait);
                continue;
            }
            let (hub, runtime) = (Arc::clone(&self.hub), Handle::current());
            let key = (publication.announcement.kind.clone(), publication.announcement.version);
            let known_why = publication.why.clone();
            let work = move || Ok(runtime.block_on(complete(&hub, publication)));
            let Err(why) = blocking(work).await? else {
                self.retries.remove(&key);
                continue;
            };
            let before = self.retries.get(&key).map_or(RETRY[0] / 2, |(_, wait)| *wait);
            let wait = (before * 2).min(RETRY[1]);
            rest = rest.min(wait);
            self.retries.insert(key.clone(), (Instant::now() + wait, wait));
            if known_why.as_ref() != Some(&why) {
                let (kind, version) = key;
                tracing::warn!(%kind, version, %why, "could not fetch a publication; will retry");
                let put = move |transaction: &mut Transaction<'_>| {
                    publications::put_trouble(transaction, &kind, version, Some(why))
                };
                self.hub.store.commit_for(Purpose::Ordinary, put).await?;
            }
        }
        self.looked = Some((revision, Instant::now() + rest));
        Ok(())
    }

    fn rest(&self) -> Duration {
        self.looked.map_or(EVERY, |(_, until)| until.saturating_duration_since(Instant::now()))
    }
}

/// Why a publication is incomplete.
enum Unfinished {
    /// It is refused.
    Refused(String),
    /// It can be retried.
    Trouble(String),
}

impl From<BadPublication> for Unfinished {
    fn from(bad: BadPublication) -> Self {
        Self::Refused(bad.to_string())
    }
}

impl From<FetchError> for Unfinished {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Address(_) => Self::Refused(error.to_string()),
            FetchError::Trouble { .. } | FetchError::Disk { .. } => Self::Trouble(error.to_string()),
        }
    }
}

impl From<StoreError> for Unfinished {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.to_string())
    }
}

/// Fetches and checks a publication; fails if it must be retried. Blocks.
async fn complete(hub: &Hub, publication: Publication) -> Result<(), String> {
    let Some(parts) = &hub.publications else {
        return Err("the config has no [publications]; add HQ's key there".into());
    };
    let (kind, version) = (publication.announcement.kind.clone(), publication.announcement.version);
    let ended = fetch(hub, parts, publication).await;
    let at_ms = hub.now_ms();
    let done = match ended {
        Ok(None) => return Ok(()),
        Ok(Some(effective_ms)) => {
            tracing::info!(%kind, version, effective_ms, "a publication is complete and waits for its time");
            let put = move |transaction: &mut Transaction<'_>| {
                publications::fetched(transaction, &kind, version, effective_ms, at_ms)
            };
            hub.store.commit_for(Purpose::Ordinary, put).await
        }
        Err(Unfinished::Refused(why)) => {
            tracing::error!(%kind, version, %why, "refused a publication");
            let put =
                move |transaction: &mut Transaction<'_>| publications::refused(transaction, &kind, version, why, at_ms);
            hub.store.commit_for(Purpose::Ordinary, put).await
        }
        Err(Unfinished::Trouble(why)) => return Err(why),
    };
    parts.fetcher.clear();
    done.map_err(|error| error.to_string())
}

/// The effective time of a publication that was fetched and checked; none if a later one replaced it meanwhile.
async fn fetch(hub: &Hub, parts: &Publications, publication: Publication) -> Result<Option<i64>, Unfinished> {
    let Publication { announcement, manifest, .. } = publication;
    let mut server = parts.fetcher.server(&announcement.from)?;
    let manifest = match manifest {
        Some(manifest) => manifest,
        None => {
            if announcement.bytes as usize > MAX_MANIFEST {
                let count = u64::from(announcement.bytes);
                return Err(
                    BadPublication::TooMany { what: "bytes of manifest", count, most: MAX_MANIFEST as u64 }.into()
                );
            }
            let document = server.get(announcement.manifest, announcement.bytes).await?;
            let manifest: Manifest = parts.key.open(Signed::Manifest, &document, MAX_MANIFEST)?;
            manifest.check()?;
            let Announcement { kind, version, .. } = &announcement;
            if manifest.kind != *kind || manifest.version != *version {
                let found = format!("{} version {}", manifest.kind, manifest.version);
                return Err(BadPublication::Other { kind: kind.clone(), version: *version, found }.into());
            }
            let kept = manifest.clone();
            let put = move |transaction: &mut Transaction<'_>| publications::put_manifest(transaction, kept);
            hub.store.commit_for(Purpose::Ordinary, put).await?;
            manifest
        }
    };
    let effective_ms = match &manifest.effective {
        Effective::At(at_ms) => *at_ms,
        Effective::Local(local) => hub.calendar.moment(local.as_str()).ok_or_else(|| {
            Unfinished::Refused(format!("effective {local}, which does not exist in the store's time zone"))
        })?,
    };
    for entry in publications::lacking(&hub.store, &manifest)? {
        if !publications::is_fetching(&hub.store, &manifest)? {
            return Ok(None);
        }
        let bytes = server.get(entry.digest, entry.bytes).await?;
        entry.open(&bytes)?;
        let put = move |transaction: &mut Transaction<'_>| publications::put_segment(transaction, entry.digest, &bytes);
        hub.store.commit_for(Purpose::Ordinary, put).await?;
    }
    publications::check_content(&hub.store, &manifest)?.map_err(Unfinished::Refused)?;
    Ok(Some(effective_ms))
}

#[cfg(test)]
mod tests {
    use contract::publication::Effective;

    use super::*;

    #[test]
    fn hubs_take_turns_within_the_spread() {
        let turn = |hub: u32, spread_s| {
            turn_ms(&Announcement {
                hub: format!("store-{hub}").parse().unwrap(),
                kind: "catalog".parse().unwrap(),
                version: 1,
                manifest: Digest::of(b""),
                bytes: 1,
                effective: Effective::At(1),
                from: "https://hq.example.com".into(),
                spread_s,
            })
        };
        let turns: Vec<_> = (0..1_000).map(|hub| turn(hub, 100)).collect();
        assert!(turns.iter().all(|turn| (0..=100_000).contains(turn)));
        for tenth in 0..10 {
            let count = turns.iter().filter(|turn| **turn / 10_000 == tenth).count();
            assert!((60..140).contains(&count), "{count}");
        }
        assert_eq!((turn(1, 0), turn(7, 100)), (0, turn(7, 100)));
    }
}
