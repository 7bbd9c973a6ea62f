//! Messages of many hubs: one hub's are taken one at a time, in order; several hubs' at the same time. Pure.

use std::collections::{HashMap, VecDeque};

use contract::HubId;

/// The maximum number of waiting messages.
const MOST_WAITING: usize = 64;

/// Messages that wait for the batch of their hub.
pub(super) struct Lanes<M> {
    /// Each hub with a batch being applied, and the messages it sent since.
    busy: HashMap<HubId, VecDeque<M>>,
    waiting: usize,
}

impl<M> Default for Lanes<M> {
    fn default() -> Self {
        Self { busy: HashMap::new(), waiting: 0 }
    }
}

impl<M> Lanes<M> {
    /// Returns the message if it can be taken now; otherwise keeps it.
    pub(super) fn put(&mut self, hub: &HubId, message: M) -> Option<M> {
        match self.busy.get_mut(hub) {
            None => Some(message),
            Some(lane) => {
                lane.push_back(message);
                self.waiting += 1;
                None
            }
        }
    }

    /// Whether another message may wait.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < MOST_WAITING
    }

    /// A batch of a hub is being applied.
    pub(super) fn begin(&mut self, hub: HubId) {
        self.busy.entry(hub).or_default();
    }

    /// A hub's batch was applied: its next message. The hub stays busy until this returns `None`.
    pub(super) fn next(&mut self, hub: &HubId) -> Option<M> {
        let next = self.busy.get_mut(hub).and_then(VecDeque::pop_front);
        match next {
            Some(_) => self.waiting -= 1,
            None => drop(self.busy.remove(hub)),
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_busy_hub_wait_in_order_and_others_do_not() {
        let [one, two]: [HubId; 2] = ["store-1", "store-2"].map(|hub| hub.parse().unwrap());
        let mut lanes = Lanes::default();
        assert_eq!(lanes.put(&one, 1), Some(1));
        lanes.begin(one.clone());
        assert_eq!((lanes.put(&one, 2), lanes.put(&two, 9), lanes.put(&one, 3)), (None, Some(9), None));
        assert_eq!(lanes.next(&one), Some(2));
        assert_eq!(lanes.put(&one, 4), None, "still busy");
        assert_eq!([lanes.next(&one), lanes.next(&one), lanes.next(&one)], [Some(3), Some(4), None]);
        assert_eq!(lanes.put(&one, 5), Some(5));
    }

    #[test]
    fn what_waits_is_bounded() {
        let hub: HubId = "store-1".parse().unwrap();
        let mut lanes = Lanes::default();
        lanes.begin(hub.clone());
        for message in 0..MOST_WAITING {
            assert!(lanes.has_room());
            lanes.put(&hub, message);
        }
        assert!(!lanes.has_room());
        lanes.next(&hub);
        assert!(lanes.has_room());
    }
}
