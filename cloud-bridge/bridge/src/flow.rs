//! One stream's way up.

use std::sync::Arc;

use contract::{
    BadMessage, Batch, Sequence, Stream, VERSION,
    message::{BATCH_BYTES, MAX_BATCH_EVENTS},
    topic,
};
use link::Link;
use tokio::{sync::watch, task::JoinError};

use crate::{
    outbox::{Outbox, OutboxError, Span},
    window::Window,
};

/// What keeps a stream from being sent, or read; it is tried again with the next change or tick.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(
        "HQ has {stream} up to {acknowledged}, but this hub kept only {first_kept} and later: events between are \
         missing; restore them from a backup of HQ or of the hub"
    )]
    Missing { stream: Stream, acknowledged: Sequence, first_kept: Sequence },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Message(#[from] BadMessage),
    #[error("reading the outbox failed: {0}")]
    Panicked(String),
}

impl From<JoinError> for Trouble {
    fn from(error: JoinError) -> Self {
        Self::Panicked(error.to_string())
    }
}

/// A stream's window and what HQ is known to have of it, also while the link is down.
pub(crate) struct Flow {
    pub(crate) window: Window,
    /// How far it is at the hub, as last read.
    pub(crate) span: Option<Span>,
    pub(crate) acknowledged: Sequence,
    /// To be stored, by [`keep_cursor`].
    pub(crate) remember: watch::Sender<Sequence>,
}

impl Flow {
    pub(crate) fn new(remember: watch::Sender<Sequence>) -> Self {
        Self { window: Window::default(), span: None, acknowledged: Sequence(0), remember }
    }

    /// Sends what the window allows.
    pub(crate) async fn send(
        &mut self,
        outbox: &Arc<dyn Outbox>,
        link: &Link,
        stream: &Stream,
        now_ms: u64,
    ) -> Result<(), Trouble> {
        let Some(span) = &mut self.span else { return Ok(()) };
        while let Some((from, room)) = self.window.next_batch(span.last) {
            if from < span.first_kept {
                let (stream, first_kept) = (stream.clone(), span.first_kept);
                return Err(Trouble::Missing { stream, acknowledged: self.acknowledged, first_kept });
            }
            let events = usize::try_from(room).unwrap_or(usize::MAX).min(MAX_BATCH_EVENTS);
            let (reader, of) = (Arc::clone(outbox), stream.clone());
            let read = tokio::task::spawn_blocking(move || reader.read(&of, from, events, BATCH_BYTES));
            let events = read.await??;
            let Some(through) = events.last().map(|event| event.sequence) else { return Ok(()) };
            // There may be more by now than at the last look.
            span.last = span.last.max(through);
            let (hub, epoch) = (outbox.hub(), outbox.epoch());
            let batch = Batch { version: VERSION, hub: hub.clone(), epoch, stream: stream.clone(), events };
            if !link.publish(topic::stream(&hub, stream), batch.encode()?) {
                return Ok(());
            }
            self.window.sent(through, now_ms);
        }
        Ok(())
    }
}

/// Stores HQ's cursor of a stream as it moves. Apart from the link, so that sending never waits for the disk; of
/// several moves meanwhile only the last is stored.
pub(crate) async fn keep_cursor(outbox: Arc<dyn Outbox>, stream: Stream, mut cursor: watch::Receiver<Sequence>) {
    while cursor.changed().await.is_ok() {
        let up_to = *cursor.borrow_and_update();
        if let Err(error) = outbox.acknowledged(stream.clone(), up_to).await {
            // HQ says it again with the next batch or hello.
            tracing::warn!(%stream, %error, %up_to, "could not store HQ's acknowledgement");
        }
    }
}
