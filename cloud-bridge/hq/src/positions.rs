//! Positions that a hub sends before its events, until the events confirm them. Pure.
//!
//! HQ sums a store's positions from its events. After an outage the sum is outdated, and the hub sends its current
//! positions before the waiting events ([`contract::positions`]). They are kept beside the sum and shown instead of it.
//! Once HQ's cursors have passed their [`Version`], the sum of the events up to the version must equal them. Then they
//! are deleted and the sum is shown again. If they differ, an alarm is raised; the sum is shown, because it is what the
//! events say.
//!
//! Positions are only compared with the sum, never added to it: whatever is lost, duplicated or late, nothing is
//! counted twice.

use commerce::stock::State;
use contract::{StockOpened, positions::Version, stock::Moved};

/// Thousandths in each state, in the order of [`State::ALL`].
pub type States = [i64; State::ALL.len()];

/// Whether to keep a position, given the version that HQ keeps, if any, and HQ's cursors.
pub fn keeps(kept: Option<Version>, told: Version, cursors: Version) -> bool {
    // HQ's events already include it.
    if has_passed(cursors, told) {
        return false;
    }
    // Versions of one store are ordered, in whatever order they arrive.
    kept.is_none_or(|kept| has_passed(told, kept))
}

/// Whether all events of a version are below the cursors.
pub fn has_passed(cursors: Version, version: Version) -> bool {
    version.sales <= cursors.sales && version.stock <= cursors.stock
}

/// The sum of an item's events in one unit up to a version: the sum now, without later events. `None` on overflow,
/// which no store's quantities cause.
pub fn summed_at_version(sum: States, later: impl IntoIterator<Item = (State, i64)>) -> Option<States> {
    let mut at = sum;
    for (state, milli) in later {
        for (other, there) in State::ALL.into_iter().zip(&mut at) {
            if other == state {
                *there = there.checked_sub(milli)?;
            }
        }
    }
    Some(at)
}

/// An effect on the stock: item, unit, state, thousandths.
pub type Effect<'e> = (&'e str, commerce::Unit, State, i64);

/// The effects of a sale or a movement on the stock.
pub fn effects_of_lines(lines: &[Moved]) -> impl Iterator<Item = Effect<'_>> {
    lines.iter().flat_map(|line| {
        let side =
            move |state: Option<State>, milli: i64| state.map(|state| (line.sku.as_str(), line.unit, state, milli));
        [side(line.from, line.quantity_milli.saturating_neg()), side(line.to, line.quantity_milli)]
            .into_iter()
            .flatten()
    })
}

/// The effects of a part of an opening on the stock.
pub fn effects_of_opening(opened: &StockOpened) -> impl Iterator<Item = Effect<'_>> {
    opened.lines.iter().map(|line| (line.sku.as_str(), line.unit, line.state, line.quantity_milli))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use contract::Sequence;

    use proptest::prelude::*;

    use super::*;

    fn version(sales: u64, stock: u64) -> Version {
        Version { sales: Sequence(sales), stock: Sequence(stock) }
    }

    #[test]
    fn the_newest_version_is_kept_until_the_cursors_pass_it() {
        assert!(keeps(None, version(9, 4), version(3, 4)));
        assert!(!keeps(None, version(9, 4), version(9, 4)), "HQ has all of it");
        assert!(keeps(Some(version(7, 4)), version(9, 4), version(3, 4)));
        assert!(!keeps(Some(version(10, 4)), version(9, 4), version(3, 4)), "a late one");
        assert!(has_passed(version(9, 4), version(9, 4)));
        assert!(!has_passed(version(8, 4), version(9, 4)));
        assert!(!has_passed(version(9, 3), version(9, 4)));
    }

    /// An event of the model: thousandths that enter or leave one item's stock.
    type Event = (usize, i64);

    /// A store with two streams and a few items.
    #[derive(Clone, Default)]
    struct Store {
        streams: [Vec<Event>; 2],
        stock: [i64; 4],
    }

    impl Store {
        fn version(&self) -> Version {
            version(self.streams[0].len() as u64, self.streams[1].len() as u64)
        }
    }

    #[derive(Clone, Debug)]
    enum Message {
        Batch { stream: usize, from: usize, events: Vec<Event> },
        Positions { version: Version, lines: Vec<(usize, i64)> },
    }

    /// HQ as in the ledger: cursors, sums, and kept positions.
    #[derive(Default)]
    struct Hq {
        heard: [Vec<Event>; 2],
        sums: [i64; 4],
        told: BTreeMap<usize, (Version, i64)>,
        unequal: usize,
        confirmed: usize,
    }

    impl Hq {
        fn cursors(&self) -> Version {
            version(self.heard[0].len() as u64, self.heard[1].len() as u64)
        }

        fn take(&mut self, message: Message) {
            match message {
                Message::Batch { stream, from, events } => {
                    let cursor = self.heard[stream].len();
                    if from > cursor {
                        return;
                    }
                    for event in events.into_iter().skip(cursor - from) {
                        self.sums[event.0] += event.1;
                        self.heard[stream].push(event);
                    }
                    self.settle();
                }
                Message::Positions { version, lines } => {
                    for (item, milli) in lines {
                        let kept = self.told.get(&item).map(|(version, _)| *version);
                        if keeps(kept, version, self.cursors()) {
                            self.told.insert(item, (version, milli));
                        }
                    }
                }
            }
        }

        fn settle(&mut self) {
            let cursors = self.cursors();
            let due: Vec<_> = self.told.iter().filter(|(_, (version, _))| has_passed(cursors, *version)).collect();
            let due: Vec<_> = due.into_iter().map(|(item, told)| (*item, *told)).collect();
            for (item, (version, milli)) in due {
                self.told.remove(&item);
                let after = [version.sales.0, version.stock.0].map(|sequence| usize::try_from(sequence).unwrap());
                let later = self.heard.iter().zip(after).flat_map(|(heard, after)| &heard[after..]);
                let later = later.filter(|(of, _)| *of == item).map(|(_, milli)| (State::OnHand, *milli));
                if summed_at_version([self.sums[item], 0, 0, 0, 0], later) == Some([milli, 0, 0, 0, 0]) {
                    self.confirmed += 1;
                } else {
                    self.unequal += 1;
                }
            }
        }

        fn shown(&self, item: usize) -> i64 {
            self.told.get(&item).map_or(self.sums[item], |(_, milli)| *milli)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Happens(usize, Event),
        Tells,
        Sends(usize, usize, usize),
        Arrives(usize, bool, bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_usize..2, (0_usize..4, -5_i64..5)).prop_map(|(stream, event)| Step::Happens(stream, event)),
            2 => Just(Step::Tells),
            4 => (0_usize..2, 0_usize..30, 1_usize..8).prop_map(|(stream, from, most)| Step::Sends(stream, from, most)),
            8 => (0_usize..6, any::<bool>(), any::<bool>()).prop_map(|(at, kept, lost)| Step::Arrives(at, kept, lost)),
        ]
    }

    proptest! {
        /// Messages are lost, duplicated and reordered while events continue. HQ always shows positions that the store
        /// had; every kept position is confirmed; in the end the sums are shown.
        #[test]
        fn positions_are_confirmed_and_never_added(steps in proptest::collection::vec(step(), 0..150)) {
            let (mut store, mut hq, mut pipe) = (Store::default(), Hq::default(), VecDeque::<Message>::new());
            let mut had = [const { Vec::<i64>::new() }; 4].map(|mut had| { had.push(0); had });
            for step in steps {
                match step {
                    Step::Happens(stream, event) => {
                        store.streams[stream].push(event);
                        store.stock[event.0] += event.1;
                    }
                    Step::Tells => pipe.push_back(Message::Positions {
                        version: store.version(),
                        lines: store.stock.into_iter().enumerate().collect(),
                    }),
                    Step::Sends(stream, from, most) => {
                        let events: Vec<_> = store.streams[stream].iter().skip(from).take(most).copied().collect();
                        if !events.is_empty() {
                            pipe.push_back(Message::Batch { stream, from, events });
                        }
                    }
                    Step::Arrives(at, kept, lost) => {
                        let message = if kept { pipe.get(at).cloned() } else { pipe.remove(at) };
                        if let Some(message) = message.filter(|_| !lost) {
                            hq.take(message);
                        }
                    }
                }
                for (item, had) in had.iter_mut().enumerate() {
                    had.push(store.stock[item]);
                    let summed = hq.heard.iter().flatten().filter(|(of, _)| *of == item);
                    let summed: i64 = summed.map(|(_, milli)| milli).sum();
                    prop_assert_eq!(hq.sums[item], summed, "the sum is that of the events, each once");
                    prop_assert!(hq.shown(item) == summed || had.contains(&hq.shown(item)));
                }
                prop_assert_eq!(hq.unequal, 0);
            }
            for stream in 0..2 {
                let events = store.streams[stream].clone();
                hq.take(Message::Batch { stream, from: 0, events });
            }
            hq.settle();
            prop_assert_eq!((hq.unequal, hq.told.len()), (0, 0));
            for item in 0..4 {
                prop_assert_eq!(hq.shown(item), store.stock[item]);
            }
        }
    }

    #[test]
    fn an_effect_that_hq_lacks_is_found() {
        let mut hq = Hq::default();
        hq.take(Message::Positions { version: version(2, 0), lines: vec![(1, -5)] });
        assert_eq!(hq.shown(1), -5);
        hq.take(Message::Batch { stream: 0, from: 0, events: vec![(1, -3), (1, -3), (1, -1)] });
        assert_eq!((hq.unequal, hq.confirmed, hq.shown(1)), (1, 0, -7));
    }
}
