//! Announcements as the bridge hands them over, and what HQ is told of publications.

use std::{sync::Arc, time::Duration};

use app::publications::announced;
use contract::{
    HubId, PublicationKind,
    publication::{Announcement, BadPublication, MAX_ANNOUNCEMENT, PublicationState, Purpose as Signed, VerifyingKey},
};
use store::{Purpose, Store, StoreError};
use tokio::sync::{mpsc, watch};

use crate::parts::timekeeper::Timekeeper;

/// Announcements that may wait to be looked at. What is more is dropped; the broker has it still.
const WAITING: usize = 16;

/// How long one waits whose commit failed.
const RETRY: Duration = Duration::from_secs(5);

/// Takes announcements, and tells how publications are.
pub(crate) struct Announcements {
    heard: mpsc::Sender<(PublicationKind, Vec<u8>)>,
    states: watch::Sender<Vec<PublicationState>>,
}

impl Announcements {
    /// Starts to take them, on the current runtime.
    pub(crate) fn start(key: VerifyingKey, hub: HubId, store: Arc<Store>, timekeeper: Arc<Timekeeper>) -> Arc<Self> {
        let (heard, hear) = mpsc::channel(WAITING);
        tokio::spawn(Listener { key, hub, store, timekeeper }.listen(hear));
        Arc::new(Self { heard, states: watch::Sender::default() })
    }

    /// Takes one as it came.
    pub(crate) fn take(&self, kind: PublicationKind, document: Vec<u8>) {
        if self.heard.try_send((kind, document)).is_err() {
            tracing::debug!("too many announcements at once; one is dropped until the next connection");
        }
    }

    /// How publications are, as HQ is told.
    pub(crate) fn states(&self) -> watch::Receiver<Vec<PublicationState>> {
        self.states.subscribe()
    }

    /// Tells HQ, if it is news.
    pub(crate) fn tell(&self, now: Vec<PublicationState>) {
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
                // Whoever may publish decides how often.
                Err(why) if why.to_string() == told => {}
                Err(why) => {
                    tracing::error!(%kind, %why, "an announcement of a publication is not taken");
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
                Err(error @ StoreError::Stopped { .. }) => tracing::error!(%error, "an announcement is not kept"),
                Err(error) => {
                    tracing::warn!(%kind, version, %error, "an announcement is not kept yet; will try again");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            return;
        }
    }
}
