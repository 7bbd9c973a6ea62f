//! What HQ wants of the store, as the bridge hands it over. [`app::hq`] applies it.

use std::{future::Future, pin::Pin, sync::Arc};

use app::hq;
use bridge::{Inbox, InboxError, PublicationsNow};
use contract::{DownBatch, PublicationKind, Received, Stream};
use store::{Purpose, Store};
use tokio::sync::watch;

use crate::parts::{publications::Announcements, timekeeper::Timekeeper};

/// The store as HQ changes it.
pub(super) struct StoreInbox {
    pub(super) store: Arc<Store>,
    pub(super) timekeeper: Arc<Timekeeper>,
    /// Without HQ's key nothing that is announced is taken.
    pub(super) announcements: Option<Arc<Announcements>>,
}

fn failed(error: impl std::fmt::Display) -> InboxError {
    InboxError(error.to_string())
}

impl Inbox for StoreInbox {
    fn streams(&self) -> Vec<Stream> {
        vec![Stream::items(), Stream::orders(), Stream::customers()]
    }

    fn received(&self, stream: &Stream) -> Result<Received, InboxError> {
        hq::received(&self.store, stream).map_err(failed)
    }

    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
        Box::pin(async move {
            let now = self.timekeeper.read().now_ms;
            let commit =
                self.store.commit_for(Purpose::Ordinary, move |transaction| hq::receive(transaction, now, &batch));
            commit.await.map_err(failed)
        })
    }

    fn announced(&self, kind: PublicationKind, document: Vec<u8>) {
        match &self.announcements {
            Some(announcements) => announcements.take(kind, document),
            None => tracing::warn!(%kind, "headquarters announces publications; write its key to [publications]"),
        }
    }

    fn publications(&self) -> Option<watch::Receiver<PublicationsNow>> {
        self.announcements.as_ref().map(|announcements| announcements.states())
    }
}
