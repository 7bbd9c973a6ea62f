//! Queue, window and the hub's rules together, in virtual time, over a connection that loses, duplicates and reorders.

use std::collections::VecDeque;

use contract::{DownBatch, DownItem, Epoch, HubId, Received, Refusal, Sequence, Stream};
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{
    queue::{Meaning, Queue},
    window::Window,
};

/// What happens to a message.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    Late,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![4 => Just(Fate::Arrives), 1 => Just(Fate::Lost), 1 => Just(Fate::Twice), 1 => Just(Fate::Late)]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// HQ publishes this many items.
    Publish(u64),
    /// Time passes, with these fates down and up.
    Pass(Fate, Fate),
    /// The connection breaks for either end; messages under way are lost, or arrive later.
    CutHub {
        lost: bool,
    },
    CutHq {
        lost: bool,
    },
    /// The hub's store is backed up.
    BackUp,
    /// The hub's store is replaced by its last backup, or by an empty one.
    Restore,
    /// HQ's process restarts; the clock that numbers new queues is right, or was set back.
    Forget {
        clock_is_right: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_u64..300).prop_map(Step::Publish),
        8 => (fate(), fate()).prop_map(|(down, up)| Step::Pass(down, up)),
        1 => any::<bool>().prop_map(|lost| Step::CutHub { lost }),
        1 => any::<bool>().prop_map(|lost| Step::CutHq { lost }),
    ]
}

fn worse_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => step(),
        1 => Just(Step::BackUp),
        1 => Just(Step::Restore),
        1 => any::<bool>().prop_map(|clock_is_right| Step::Forget { clock_is_right }),
    ]
}

/// The number of HQ's first queue.
const QUEUE: Epoch = Epoch(1_000_000);

/// Items of these numbers cannot be applied.
fn is_poison(number: u64) -> bool {
    number.is_multiple_of(7)
}

/// A hub according to the contract: effects and cursor change together.
#[derive(Clone, Default)]
struct Store {
    applied: Vec<u64>,
    received: Received,
}

impl Store {
    fn take(&mut self, batch: &DownBatch) {
        let (mut refused, before) = (Vec::new(), self.received.clone());
        for item in before.due(batch) {
            let number: u64 = item.body.get().parse().unwrap();
            if is_poison(number) {
                refused.push(Refusal::new(item.sequence, "poison"));
            } else {
                self.applied.push(number);
            }
        }
        self.received = before.after(batch, refused);
    }
}

struct World {
    hub: HubId,
    stream: Stream,
    queue: Queue,
    /// What waits in it, by number.
    waiting: VecDeque<u64>,
    window: Window,
    published: u64,
    /// The refusals that HQ has.
    refused: Vec<u64>,
    applied: u64,
    lost: u64,
    life: Epoch,
    store: Store,
    backup: Store,
    /// The number of HQ's processes so far, in thousands.
    processes: u64,
    down: VecDeque<DownBatch>,
    up: VecDeque<(Epoch, Received)>,
    now_ms: u64,
}

/// Puts a message into the pipe according to its fate.
fn put<T: Clone>(pipe: &mut VecDeque<T>, message: T, fate: Fate) {
    match fate {
        Fate::Arrives => pipe.push_back(message),
        Fate::Lost => {}
        Fate::Twice => pipe.extend([message.clone(), message]),
        Fate::Late => pipe.push_front(message),
    }
}

impl World {
    fn new() -> Self {
        Self {
            hub: "store-1".parse().unwrap(),
            stream: Stream::items(),
            window: Window::default(),
            published: 0,
            refused: Vec::new(),
            applied: 0,
            lost: 0,
            life: Epoch(1),
            store: Store::default(),
            backup: Store::default(),
            processes: 0,
            queue: Queue::new(QUEUE),
            waiting: VecDeque::new(),
            down: VecDeque::new(),
            up: VecDeque::new(),
            now_ms: 0,
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Publish(items) => {
                for _ in 0..items {
                    self.published += 1;
                    self.queue.waiting += 1;
                    self.waiting.push_back(self.published);
                }
            }
            Step::Pass(down, up) => self.pass(down, up),
            Step::CutHub { lost } => {
                self.cut(lost);
                self.up.push_back((self.life, self.store.received.clone()));
            }
            Step::CutHq { lost } => {
                self.cut(lost);
                self.window = Window::default();
            }
            Step::BackUp => self.backup = self.store.clone(),
            Step::Restore => {
                self.store = self.backup.clone();
                self.life = Epoch(self.life.0 + 1);
                self.act(Step::CutHub { lost: false });
            }
            Step::Forget { clock_is_right } => {
                self.processes += 1_000;
                self.waiting.clear();
                self.queue =
                    Queue::new(Epoch(if clock_is_right { QUEUE.0 + self.processes } else { QUEUE.0 - self.processes }));
                self.act(Step::CutHq { lost: false });
            }
        }
    }

    fn cut(&mut self, lost: bool) {
        if lost {
            self.down.clear();
            self.up.clear();
        }
    }

    fn pass(&mut self, down: Fate, up: Fate) {
        self.now_ms += 1_000;
        if self.window.may_send(self.now_ms)
            && let Some(batch) = self.next()
        {
            self.window.sent(self.now_ms);
            put(&mut self.down, batch, down);
        }
        if let Some(batch) = self.down.pop_front() {
            self.store.take(&batch);
            put(&mut self.up, (self.life, self.store.received.clone()), up);
        }
        if let Some((life, received)) = self.up.pop_front() {
            let before = self.queue.acknowledged;
            let meaning = self.queue.hear(life, &received);
            self.window.heard(meaning.settled > 0 || meaning.restarted);
            self.lost += meaning.lost;
            for sequence in before.0 + 1..=before.0 + meaning.settled {
                let number = self.waiting.pop_front().unwrap();
                if received.refused.iter().any(|refusal| refusal.sequence.0 == sequence) {
                    self.refused.push(number);
                } else {
                    self.applied += 1;
                }
            }
        }
    }

    fn next(&self) -> Option<DownBatch> {
        let numbered = (self.queue.acknowledged.0 + 1..).zip(self.waiting.iter().take(200));
        let item = |(sequence, number): (u64, &u64)| DownItem {
            sequence: Sequence(sequence),
            kind: "item.changed".into(),
            body: RawValue::from_string(number.to_string()).unwrap(),
        };
        let (hub, stream, queue) = (self.hub.clone(), self.stream.clone(), self.queue.number);
        let batch = DownBatch { hub, stream, queue, items: numbered.map(item).collect() };
        (!batch.items.is_empty()).then_some(batch)
    }

    /// The connection works for as long as necessary.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.waiting.is_empty() && self.down.is_empty() && self.up.is_empty() {
                return;
            }
            self.pass(Fate::Arrives, Fate::Arrives);
        }
    }
}

proptest! {
    /// However the connection loses, duplicates, reorders or cuts messages, and whichever end restarts: once it works,
    /// the hub has applied every item once, in order, and HQ knows every refusal once.
    #[test]
    fn every_item_is_applied_once_in_order_or_refused_once(steps in proptest::collection::vec(step(), 0..150)) {
        let mut world = World::new();
        for step in steps {
            world.act(step);
        }
        world.settle();
        prop_assert!(world.waiting.is_empty());
        let (poison, good): (Vec<u64>, Vec<_>) = (1..=world.published).partition(|number| is_poison(*number));
        prop_assert_eq!(world.applied, good.len() as u64);
        prop_assert_eq!(&world.store.applied, &good);
        prop_assert_eq!(&world.refused, &poison);
        prop_assert_eq!(world.lost, 0);
    }

    /// Even if either end is repeatedly set back to a backup: nothing blocks, later items are applied once and in
    /// order, and nothing is skipped.
    #[test]
    fn an_end_that_was_restored_recovers(steps in proptest::collection::vec(worse_step(), 0..150)) {
        let mut world = World::new();
        for step in steps {
            world.act(step);
        }
        world.act(Step::CutHub { lost: false });
        world.settle();
        prop_assert!(world.waiting.is_empty(), "{:?}", world.queue);
        let before = world.store.applied.len();
        let first = world.published + 1;
        world.act(Step::Publish(500));
        world.settle();
        prop_assert!(world.waiting.is_empty());
        let good: Vec<_> = (first..first + 500).filter(|number| !is_poison(*number)).collect();
        prop_assert_eq!(&world.store.applied[before..], &good);
    }
}

#[test]
fn a_store_that_was_set_back_is_reported_with_its_lost_items() {
    let mut world = World::new();
    world.act(Step::Publish(6));
    world.settle();
    world.act(Step::BackUp);
    world.act(Step::Publish(5));
    world.settle();
    world.act(Step::Publish(2));
    world.act(Step::Restore);
    world.settle();
    assert_eq!(world.store.applied, [1, 2, 3, 4, 5, 6, 12, 13]);
    assert_eq!(world.lost, 5);
}

#[test]
fn an_old_acknowledgement_of_the_same_store_changes_nothing() {
    let mut world = World::new();
    world.act(Step::Publish(2));
    world.settle();
    let old = Received { queue: QUEUE, up_to: Sequence(1), refused: Vec::new() };
    for _ in 0..2 {
        assert_eq!(world.queue.hear(world.life, &old), Meaning::default());
    }
    assert_eq!(world.queue.hear(world.life, &Received::default()), Meaning::default());
    world.act(Step::Publish(1));
    world.settle();
    assert_eq!(world.store.applied, [1, 2, 3]);
}
