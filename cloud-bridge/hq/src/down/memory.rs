//! Queues in memory: what waits is gone with the process.

use std::{
    collections::BTreeMap,
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contract::{DownAcknowledgement, DownBatch, Epoch, HubId, Stream};

use super::{
    MAX_BODY, MAX_WAITING, Outgoing, QueueError, QueueSummary, Queues, RefusedItem,
    queue::{Heard, Queue},
};

/// Refused items kept whole; later ones are only counted.
const MAX_REFUSED: usize = 10_000;

/// Queues in memory.
#[derive(Clone)]
pub struct MemoryQueues(Arc<Mutex<State>>);

struct State {
    /// The number of new queues.
    number: Epoch,
    queues: BTreeMap<(HubId, Stream), Queue>,
    summary: QueueSummary,
    refused: Vec<RefusedItem>,
}

impl MemoryQueues {
    /// No queues yet. `number` is that of new ones: higher than in any process before, such as the milliseconds since
    /// 1970. A hub that knows a higher one is heard, and its queue begins after that.
    pub fn new(number: Epoch) -> Self {
        let (queues, summary, refused) = Default::default();
        Self(Arc::new(Mutex::new(State { number, queues, summary, refused })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, hub: &HubId, stream: &Stream, items: Vec<Outgoing>) -> Result<(), QueueError> {
        if let Some(bytes) = items.iter().map(|item| item.body.get().len()).find(|bytes| *bytes > MAX_BODY) {
            return Err(QueueError::TooLarge { bytes });
        }
        let number = self.number;
        let queue = self.queues.entry((hub.clone(), stream.clone())).or_insert_with(|| Queue::new(number));
        if queue.len().saturating_add(items.len()) > MAX_WAITING {
            return Err(QueueError::Full { hub: hub.clone(), stream: stream.clone() });
        }
        self.summary.waiting += items.len() as u64;
        for item in items {
            queue.push(item);
        }
        Ok(())
    }

    fn acknowledge(&mut self, answer: &DownAcknowledgement) -> Heard {
        let DownAcknowledgement { hub, stream, .. } = answer;
        // A hub for which there is nothing is not remembered.
        let Some(queue) = self.queues.get_mut(&(hub.clone(), stream.clone())) else { return Heard::default() };
        let heard = queue.hear(answer.epoch, &answer.received);
        let refused = heard.refused.len() as u64;
        let summary = &mut self.summary;
        summary.waiting = summary.waiting.saturating_sub(heard.applied + refused);
        summary.applied += heard.applied;
        summary.refused += refused;
        summary.lost += heard.lost;
        for (Outgoing { kind, body }, why) in heard.refused.iter().cloned() {
            if self.refused.len() < MAX_REFUSED {
                self.refused.push(RefusedItem { hub: hub.clone(), stream: stream.clone(), kind, body, why });
            }
        }
        heard
    }
}

impl Queues for MemoryQueues {
    fn append(
        &self,
        hub: &HubId,
        stream: &Stream,
        items: Vec<Outgoing>,
    ) -> impl Future<Output = Result<(), QueueError>> + Send {
        ready(self.state().append(hub, stream, items))
    }

    fn waiting(&self) -> impl Future<Output = Result<Vec<(HubId, Stream)>, QueueError>> + Send {
        let state = self.state();
        let waiting = state.queues.iter().filter(|(_, queue)| !queue.is_empty()).map(|(key, _)| key.clone());
        ready(Ok(waiting.collect()))
    }

    fn next(&self, hub: &HubId, stream: &Stream) -> impl Future<Output = Result<Option<DownBatch>, QueueError>> + Send {
        let state = self.state();
        ready(Ok(state.queues.get(&(hub.clone(), stream.clone())).and_then(|queue| queue.next(hub, stream))))
    }

    fn acknowledge(&self, answer: &DownAcknowledgement) -> impl Future<Output = Result<Heard, QueueError>> + Send {
        ready(Ok(self.state().acknowledge(answer)))
    }

    fn summary(&self) -> impl Future<Output = Result<QueueSummary, QueueError>> + Send {
        ready(Ok(self.state().summary))
    }

    fn refused(&self) -> impl Future<Output = Result<Vec<RefusedItem>, QueueError>> + Send {
        ready(Ok(self.state().refused.clone()))
    }
}
