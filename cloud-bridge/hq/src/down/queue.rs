//! A queue: a hub's progress in the items waiting for it. Pure: the items themselves are rows.
//!
//! The meaning of an acknowledgement, by the queue that it names and its cursor:
//!
//! | queue | cursor | meaning |
//! | --- | --- | --- |
//! | this queue | between what is acknowledged and the last item | everything up to it is applied or refused |
//! | this queue | before what is acknowledged | an old message; in a new epoch of the store, a new queue begins |
//! | this queue | after the last item | HQ was set back: a new queue begins |
//! | an earlier one, or none | | as if its cursor were 0 |
//! | a later one | | HQ was set back: a new queue begins after that one |
//!
//! A new queue has a higher number and begins with the waiting items. So no item is skipped because its sequence was
//! used before.

use contract::{Epoch, Received, Sequence};

/// A hub's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The queue's number.
    pub number: Epoch,
    /// The last item that the hub has.
    pub acknowledged: Sequence,
    /// The number of items after it.
    pub waiting: u64,
    /// The latest known epoch of the hub's store.
    pub life: Option<Epoch>,
}

/// The meaning of an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// This many items from the first one on are applied or refused; [`Queue::acknowledged`] is the last of them.
    pub settled: u64,
    /// A new queue began: the hub's store, or HQ, was set back.
    pub restarted: bool,
    /// Items that had been applied in the store that was set back.
    pub lost: u64,
}

impl Queue {
    /// An empty queue. Later queues of the same hub and stream have higher numbers.
    pub fn new(number: Epoch) -> Self {
        Self { number, acknowledged: Sequence(0), waiting: 0, life: None }
    }

    /// Processes an acknowledgement of the hub, in an epoch of its store.
    pub fn hear(&mut self, life: Epoch, received: &Received) -> Meaning {
        let is_new_life = match self.life {
            Some(known) if life < known => return Meaning::default(),
            known => known.is_some_and(|known| life > known),
        };
        self.life = Some(life);
        if received.queue > self.number {
            return self.restart(received.queue, 0);
        }
        let up_to = if received.queue == self.number { received.up_to } else { Sequence(0) };
        match up_to.0.checked_sub(self.acknowledged.0) {
            Some(newly) if newly <= self.waiting => {
                self.acknowledged = up_to;
                self.waiting -= newly;
                Meaning { settled: newly, ..Meaning::default() }
            }
            Some(_) => self.restart(self.number, 0),
            None if is_new_life => self.restart(self.number, self.acknowledged.0 - up_to.0),
            None => Meaning::default(),
        }
    }

    fn restart(&mut self, after: Epoch, lost: u64) -> Meaning {
        self.number = Epoch(after.0.saturating_add(1));
        self.acknowledged = Sequence(0);
        Meaning { restarted: true, lost, settled: 0 }
    }
}
