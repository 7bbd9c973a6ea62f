//! Announcements from the bridge, and the publication states for HQ.

use std::{sync::Arc, time::Duration};

use app::publications::announced;
use bridge::PublicationsNow;
use contract::{
    HubId, PublicationKind,
    publication::{Announcement, BadPublication, MAX_ANNOUNCEMENT, Purpose as Signed, VerifyingKey},
};
use store::{Purpose, Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::parts::timekeeper::Timekeeper;

/// The maximum number of waiting announcements. More are dropped; the broker still has them.
const WAITING: usize = 16;

/// The wait after a failed commit.
const RETRY: Duration = Duration::from_secs(5);

/// Accepts announcements, and publishes the states.
pub(crate) struct Announcements {
    heard: mpsc::Sender<(PublicationKind, Vec<u8>)>,
    states: watch::Sender<PublicationsNow>,
}

impl Announcements {
    /// Starts on the current runtime.
    pub(crate) fn start(key: VerifyingKey, hub: HubId, store: Arc<Store>, timekeeper: Arc<Timekeeper>) -> Arc<Self> {
        let (heard, hear) = mpsc::channel(WAITING);
        tokio::spawn(Listener { key, hub, store, timekeeper }.listen(hear));
        Arc::new(Self { heard, states: watch::Sender::default() })
    }

    /// Accepts an announcement; its signature is not verified yet.
    pub(crate) fn take(&self, kind: PublicationKind, document: Vec<u8>) {
        if self.heard.try_send((kind, document)).is_err() {
            tracing::debug!("too many announcements at once; one is dropped until the next connection");
        }
    }

    /// The publication states for HQ.
    pub(crate) fn states(&self) -> watch::Receiver<PublicationsNow> {
        self.states.subscribe()
    }

    /// Updates the states.
    pub(crate) fn tell(&self, now: PublicationsNow) {
        self.states.send_if_modified(|states| {
            let is_news = *states != now;
            *states = now;
            is_news
        });
    }
}

struct Listener {
    key: VerifyingKey,
    hub: HubId,
    store: Arc<Store>,
    timekeeper: Arc<Timekeeper>,
}

impl Listener {
    async fn listen(self, mut hear: mpsc::Receiver<(PublicationKind, Vec<u8>)>) {
        let mut told = String::new();
        while let Some((kind, document)) = hear.recv().await {
            match self.read(&kind, &document) {
                Ok(announcement) => self.keep(announcement).await,
                // Whoever may publish decides how often this happens.
                Err(why) if why.to_string() == told => {}
                Err(why) => {
                    tracing::error!(%kind, %why, "refused an announcement of a publication");
                    told = why.to_string();
                }
            }
        }
    }

    fn read(&self, kind: &PublicationKind, document: &[u8]) -> Result<Announcement, BadPublication> {
        let announcement: Announcement = self.key.open(Signed::Announcement, document, MAX_ANNOUNCEMENT)?;
        if announcement.hub == self.hub && announcement.kind == *kind {
            return Ok(announcement);
        }
        let why = format!("it is for {}, of the kind {}", announcement.hub, announcement.kind);
        Err(BadPublication::Unreadable { what: "announcement", why })
    }

    async fn keep(&self, announcement: Announcement) {
        loop {
            let (now, announcement) = (self.timekeeper.read().now_ms, announcement.clone());
            let (kind, version) = (announcement.kind.clone(), announcement.version);
            let kept =
                self.store.commit_for(Purpose::Ordinary, move |transaction| announced(transaction, announcement, now));
            match kept.await {
                Ok(true) => tracing::info!(%kind, version, "headquarters announced a publication"),
                Ok(false) => {}
                Err(error @ StoreError::Stopped { .. }) => tracing::error!(%error, "could not store an announcement"),
                Err(error) => {
                    tracing::warn!(%kind, version, %error, "could not store an announcement; will retry");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            return;
        }
    }
}
