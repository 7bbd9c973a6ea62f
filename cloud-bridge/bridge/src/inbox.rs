//! The inbox: items from HQ, applied in one commit with the cursor.
//!
//! One task applies batches, one after another, independently of the connection: sending continues while a commit waits
//! for the disk. It outlives connections; its acknowledgements are sent on the next one.

use std::{future::Future, pin::Pin, sync::Arc};

use contract::{DownBatch, PublicationKind, Received, Stream, publication::PublicationState};
use tokio::{
    sync::{mpsc, watch},
    task::JoinError,
};

/// Applies items from HQ; the hub implements it over its store.
pub trait Inbox: Send + Sync + 'static {
    /// The accepted streams, a fixed list. Batches of other streams are ignored and counted.
    fn streams(&self) -> Vec<Stream>;
    /// The hub's cursor in a stream. May block on the disk.
    ///
    /// # Errors
    /// The store failed.
    fn received(&self, stream: &Stream) -> Result<Received, InboxError>;
    /// Applies the [due](Received::due) items of a batch in order, and stores the new cursor
    /// ([`Received::after`]) in the same commit. An item that cannot be applied changes nothing, is listed among the
    /// refused, and does not prevent others from being applied. Returns the stored cursor.
    ///
    /// # Errors
    /// The store failed; then nothing has changed, and HQ sends the batch again.
    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>>;
    /// Accepts the announcement of a publication; its signature is not verified yet. Must not block. The broker keeps
    /// the announcement and repeats it on every connection. By default it is dropped.
    fn announced(&self, kind: PublicationKind, document: Vec<u8>) {
        drop((kind, document));
    }
    /// The states of publications, sent to HQ on every connection and every change. Empty by default.
    fn publications(&self) -> Option<watch::Receiver<PublicationsNow>> {
        None
    }
}

/// The states of a hub's publications at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationsNow {
    /// Increases with every change.
    pub revision: u64,
    /// The states.
    pub states: Vec<PublicationState>,
}

/// The store behind the inbox failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("inbox unavailable: {0}")]
pub struct InboxError(pub String);

/// The maximum number of batches waiting to be applied. HQ sends one at a time per stream; it repeats dropped ones.
const WAITING: usize = 8;

/// A request to the inbox's task.
#[derive(Debug)]
pub(crate) enum Work {
    /// Reports the cursor of every stream.
    Tell,
    /// Applies a batch.
    Apply(DownBatch),
}

/// The channels of the inbox's task.
pub(crate) struct Receiving {
    /// Requests; dropped if full.
    pub(crate) ask: mpsc::Sender<Work>,
    /// Durable cursors.
    pub(crate) told: mpsc::Receiver<(Stream, Received)>,
}

/// The inbox's task, to be spawned.
pub(crate) fn receiving(inbox: Arc<dyn Inbox>) -> (Receiving, impl Future<Output = ()> + Send) {
    let ((ask, asked), (tell, told)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
    (Receiving { ask, told }, receive(inbox, asked, tell))
}

async fn receive(inbox: Arc<dyn Inbox>, mut asked: mpsc::Receiver<Work>, tell: mpsc::Sender<(Stream, Received)>) {
    while let Some(ask) = asked.recv().await {
        match ask {
            Work::Tell => {
                for stream in inbox.streams() {
                    let (inbox, of) = (Arc::clone(&inbox), stream.clone());
                    let read = tokio::task::spawn_blocking(move || inbox.received(&of)).await;
                    say(&tell, stream, read).await;
                }
            }
            Work::Apply(batch) => {
                let (inbox, stream) = (Arc::clone(&inbox), batch.stream.clone());
                // In a separate task: a panic while applying must not end this one.
                let applied = tokio::spawn(async move { inbox.apply(batch).await }).await;
                say(&tell, stream, applied).await;
            }
        }
    }
}

/// Reports the cursor of a stream. After a failure, which is logged, nothing is acknowledged and HQ sends again.
async fn say(
    tell: &mpsc::Sender<(Stream, Received)>,
    stream: Stream,
    result: Result<Result<Received, InboxError>, JoinError>,
) {
    let why = match result {
        Ok(Ok(received)) => {
            // The receiver is dropped only when the bridge ends.
            let _ = tell.send((stream, received)).await;
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(panicked) => panicked.to_string(),
    };
    tracing::error!(%stream, %why, "could not apply a batch from HQ; HQ will send it again");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use contract::{DownItem, Epoch, Refusal, Sequence};

    use super::*;

    /// An inbox in memory. Refuses items of kind `bad`, fails for `fails`, panics for `panics`.
    #[derive(Default)]
    struct Memory(Mutex<Received>);

    impl Inbox for Memory {
        fn streams(&self) -> Vec<Stream> {
            vec![Stream::items()]
        }

        fn received(&self, _: &Stream) -> Result<Received, InboxError> {
            Ok(self.0.lock().unwrap().clone())
        }

        fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>> {
            Box::pin(async move {
                let before = self.received(&batch.stream)?;
                let mut refused = Vec::new();
                for item in before.due(&batch) {
                    match item.kind.as_str() {
                        "bad" => refused.push(Refusal::new(item.sequence, "bad")),
                        "fails" => return Err(InboxError("disk full".into())),
                        "panics" => panic!("a fault of this hub"),
                        _ => {}
                    }
                }
                let after = before.after(&batch, refused);
                *self.0.lock().unwrap() = after.clone();
                Ok(after)
            })
        }
    }

    fn batch(first: u64, kinds: &[&str]) -> DownBatch {
        let item = |(sequence, kind): (u64, &&str)| DownItem {
            sequence: Sequence(sequence),
            kind: (*kind).to_owned(),
            body: serde_json::value::RawValue::from_string("{}".into()).unwrap(),
        };
        let items = (first..).zip(kinds).map(item).collect();
        let hub = "store-1".parse().unwrap();
        DownBatch { hub, stream: Stream::items(), queue: Epoch(7), items }
    }

    #[tokio::test]
    async fn batches_are_applied_in_order_also_after_a_failure_or_a_panic() {
        let (mut receiving, task) = receiving(Arc::new(Memory::default()));
        let task = tokio::spawn(task);
        let ask = |ask| receiving.ask.try_send(ask).unwrap();
        ask(Work::Tell);
        ask(Work::Apply(batch(1, &["good", "bad"])));
        ask(Work::Apply(batch(3, &["good", "panics"])));
        ask(Work::Apply(batch(3, &["good", "fails"])));
        ask(Work::Apply(batch(3, &["good"])));
        let mut told = Vec::new();
        for _ in 0..3 {
            let (_, received) = receiving.told.recv().await.unwrap();
            told.push((received.up_to.0, received.refused.len()));
        }
        assert_eq!(told, [(0, 0), (2, 1), (3, 0)]);
        drop(receiving.ask);
        task.await.unwrap();
    }
}
