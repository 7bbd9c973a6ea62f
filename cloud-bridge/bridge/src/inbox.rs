//! The inbox: what HQ wants of the store, applied in one commit with the cursor.
//!
//! One task applies batches, one after another, apart from the connection: the outbox goes on being sent while a commit
//! waits for the disk. It outlives connections; what it has to say is said on the next one.

use std::{future::Future, pin::Pin, sync::Arc};

use contract::{DownBatch, PublicationKind, Received, Stream, publication::PublicationState};
use tokio::{
    sync::{mpsc, watch},
    task::JoinError,
};

/// Where a hub takes what HQ sends; the hub implements it over its store.
pub trait Inbox: Send + Sync + 'static {
    /// The streams it takes; never changes. Batches of others are ignored and counted.
    fn streams(&self) -> Vec<Stream>;
    /// How far it is in a stream. May block on the disk.
    ///
    /// # Errors
    /// The store fails.
    fn received(&self, stream: &Stream) -> Result<Received, InboxError>;
    /// Takes a batch: applies what is [due](Received::due), in order, and stores how far it [then](Received::after) is,
    /// in ONE commit. An item that cannot be applied changes nothing, is among the refused, and keeps none of the
    /// others from being applied. Gives what is stored.
    ///
    /// # Errors
    /// The store fails; then nothing has changed, and HQ sends the batch again.
    fn apply(&self, batch: DownBatch) -> Pin<Box<dyn Future<Output = Result<Received, InboxError>> + Send + '_>>;
    /// Takes the announcement of a publication as it came: its signature is not looked at yet. It must not block. The
    /// broker keeps the announcement and sends it at every connection. By default it is dropped.
    fn announced(&self, kind: PublicationKind, document: Vec<u8>) {
        drop((kind, document));
    }
    /// How publications are; HQ is told at every connection and whenever it changes. By default there are none.
    fn publications(&self) -> Option<watch::Receiver<Vec<PublicationState>>> {
        None
    }
}

/// The store behind the inbox failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("inbox unavailable: {0}")]
pub struct InboxError(pub String);

/// Batches that may wait to be applied. HQ sends one at a time for each stream; more are dropped, and sent again by it.
const WAITING: usize = 8;

/// What the inbox's task is asked to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// To say how far every stream is.
    Tell,
    /// To apply a batch.
    Apply(DownBatch),
}

/// The inbox's task, and how to talk with it.
pub(crate) struct Receiving {
    /// What it is asked; without room it is not asked.
    pub(crate) ask: mpsc::Sender<Work>,
    /// How far streams are, durably.
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
                // In a task of its own: a panic while applying must not end this one.
                let applied = tokio::spawn(async move { inbox.apply(batch).await }).await;
                say(&tell, stream, applied).await;
            }
        }
    }
}

/// Says how far a stream is. A failure is logged: nothing is acknowledged then, and HQ sends again.
async fn say(
    tell: &mpsc::Sender<(Stream, Received)>,
    stream: Stream,
    result: Result<Result<Received, InboxError>, JoinError>,
) {
    let why = match result {
        Ok(Ok(received)) => {
            // Nobody listens once the bridge has ended; then nothing is asked any more either.
            let _ = tell.send((stream, received)).await;
            return;
        }
        Ok(Err(error)) => error.to_string(),
        Err(panicked) => panicked.to_string(),
    };
    tracing::error!(%stream, %why, "could not apply what HQ sent; HQ will send it again");
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
    async fn batches_are_applied_in_turn_and_a_failure_or_a_panic_ends_nothing() {
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
