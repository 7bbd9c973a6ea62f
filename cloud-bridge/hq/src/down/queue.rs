//! One queue: what waits for a hub in a stream. Pure; a table's transaction does the same in rows.
//!
//! What a hub's answer means, by the queue that it names and its cursor:
//!
//! | the hub follows | its cursor | what happens |
//! | --- | --- | --- |
//! | this queue | between what is acknowledged and the last item | everything up to it is applied or refused |
//! | this queue | before what is acknowledged | an old message; in a new life of its store, a new queue begins |
//! | this queue | after the last item | HQ was set back: a new queue begins |
//! | an earlier one, or none | | as if its cursor were 0 |
//! | a later one | | HQ was set back: a new queue begins after that one |
//!
//! A new queue has a higher number and begins with what still waits. So an item is never skipped because a sequence was
//! used before.

use std::collections::VecDeque;

use contract::{
    DownBatch, Epoch, HubId, Received, Sequence, Stream, VERSION,
    message::{BATCH_BYTES, MAX_BATCH_EVENTS},
};

use super::Outgoing;

/// What a hub lacks.
#[derive(Clone, Debug)]
pub struct Queue {
    number: Epoch,
    /// The hub has everything up to here.
    acknowledged: Sequence,
    /// What comes after it.
    waiting: VecDeque<Outgoing>,
    /// The newest life of the hub's store that was heard of.
    life: Option<Epoch>,
}

/// What an answer did.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Items applied since the last answer.
    pub applied: u64,
    /// Items refused since the last answer, and why.
    pub refused: Vec<(Outgoing, String)>,
    /// A new queue began: the hub's store, or HQ, was set back.
    pub restarted: bool,
    /// Items that had been applied in the store that was set back.
    pub lost: u64,
}

impl Heard {
    /// Whether anything but the answer itself is new: the next batch may go.
    pub fn is_news(&self) -> bool {
        self.applied > 0 || !self.refused.is_empty() || self.restarted
    }
}

impl Queue {
    /// A queue with nothing in it. A later one of the same hub and stream has a higher number.
    pub fn new(number: Epoch) -> Self {
        Self { number, acknowledged: Sequence(0), waiting: VecDeque::new(), life: None }
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Appends an item.
    pub fn push(&mut self, item: Outgoing) {
        self.waiting.push_back(item);
    }

    /// What the hub lacks next, as far as is known: a bounded batch.
    pub fn next(&self, hub: &HubId, stream: &Stream) -> Option<DownBatch> {
        let (mut items, mut bytes, mut sequence) = (Vec::new(), 0, self.acknowledged);
        for item in self.waiting.iter().take(MAX_BATCH_EVENTS) {
            sequence = sequence.next();
            items.push(item.at(sequence));
            bytes += item.body.get().len();
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        let batch = DownBatch { version: VERSION, hub: hub.clone(), stream: stream.clone(), queue: self.number, items };
        (!batch.items.is_empty()).then_some(batch)
    }

    /// Takes an answer of the hub, in a life of its store.
    pub fn hear(&mut self, life: Epoch, received: &Received) -> Heard {
        let is_new_life = match self.life {
            Some(known) if life < known => return Heard::default(),
            known => known.is_some_and(|known| life > known),
        };
        self.life = Some(life);
        if received.queue > self.number {
            return self.restart(received.queue, 0);
        }
        let up_to = if received.queue == self.number { received.up_to } else { Sequence(0) };
        let newly = up_to.0.checked_sub(self.acknowledged.0);
        match newly.map(|newly| usize::try_from(newly).unwrap_or(usize::MAX)) {
            Some(newly) if newly <= self.waiting.len() => self.settle(newly, received),
            Some(_) => self.restart(self.number, 0),
            None if is_new_life => self.restart(self.number, self.acknowledged.0 - up_to.0),
            None => Heard::default(),
        }
    }

    fn settle(&mut self, newly: usize, received: &Received) -> Heard {
        let mut heard = Heard::default();
        for item in self.waiting.drain(..newly) {
            self.acknowledged = self.acknowledged.next();
            match received.refused.iter().find(|refusal| refusal.sequence == self.acknowledged) {
                Some(refusal) => heard.refused.push((item, refusal.why.clone())),
                None => heard.applied += 1,
            }
        }
        heard
    }

    fn restart(&mut self, after: Epoch, lost: u64) -> Heard {
        self.number = Epoch(after.0.saturating_add(1));
        self.acknowledged = Sequence(0);
        Heard { restarted: true, lost, ..Heard::default() }
    }
}
