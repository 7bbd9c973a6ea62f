//! The window of one stream: what HQ has, what is unacknowledged, what to send next. Pure; time is passed in.
//!
//! An acknowledgement counts only for events that were sent, on this connection or an earlier one, or that the hub
//! remembers as acknowledged. So a forged acknowledgement cannot prevent sending; after a crash a few events are sent
//! again, and HQ drops them.
//!
//! | event | no cursor yet | cursor known |
//! | --- | --- | --- |
//! | HQ's cursor, at most what was sent | begin after it | move to it; if it went back, resend from it |
//! | HQ's cursor between that and `last` | begin after what was sent | move to what was sent |
//! | HQ's cursor beyond `last` | refuse | refuse |
//! | connection lost | no change | forget the cursor |
//! | time passes | no change | no progress for [`STALLED_MS`] with unacknowledged events: resend from the cursor |

use contract::Sequence;

/// The maximum number of unacknowledged events.
pub const IN_FLIGHT: u64 = 2_000;

/// The time without progress after which everything unacknowledged is resent, in milliseconds.
pub const STALLED_MS: u64 = 3_000;

/// The window of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Window {
    position: Option<Position>,
    /// The last event that HQ can have: it was sent, or the hub remembers that HQ has it.
    sent: Sequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    /// The last event that HQ has.
    acknowledged: Sequence,
    /// The next event to send.
    next: Sequence,
    /// When HQ's cursor last moved, or sending began.
    progress_at_ms: u64,
}

/// The effect of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// HQ's cursor is new, and counts up to here: remember it.
    Moved(Sequence),
    /// The cursor was known.
    Known,
    /// HQ claims events that this hub never had.
    Impossible,
}

impl Window {
    /// The hub remembers that HQ has everything up to here.
    pub fn remembered(&mut self, acknowledged: Sequence) {
        self.sent = self.sent.max(acknowledged);
    }

    /// Processes HQ's cursor; `last` is the last durable event.
    pub fn acknowledge(&mut self, up_to: Sequence, last: Sequence, now_ms: u64) -> Acknowledged {
        if up_to > last {
            return Acknowledged::Impossible;
        }
        let up_to = up_to.min(self.sent);
        match &mut self.position {
            None => {
                self.position = Some(Position { acknowledged: up_to, next: up_to.next(), progress_at_ms: now_ms });
                Acknowledged::Moved(up_to)
            }
            Some(position) if up_to == position.acknowledged => Acknowledged::Known,
            Some(position) => {
                let back = up_to < position.acknowledged;
                position.acknowledged = up_to;
                position.next = if back { up_to.next() } else { position.next.max(up_to.next()) };
                position.progress_at_ms = now_ms;
                Acknowledged::Moved(up_to)
            }
        }
    }

    /// The first event of the next batch and its maximum number of events; `None` if there is nothing to send now.
    pub fn next_batch(&self, last: Sequence) -> Option<(Sequence, u64)> {
        let position = self.position?;
        let in_flight = position.next.0 - position.acknowledged.0 - 1;
        let room = IN_FLIGHT.saturating_sub(in_flight);
        (position.next <= last && room > 0).then_some((position.next, room))
    }

    /// Events up to `through` were sent.
    pub fn sent(&mut self, through: Sequence, now_ms: u64) {
        if let Some(position) = &mut self.position {
            if position.next.0 == position.acknowledged.0 + 1 {
                position.progress_at_ms = now_ms;
            }
            position.next = position.next.max(through.next());
            self.sent = self.sent.max(through);
        }
    }

    /// Time passes. Returns whether everything unacknowledged must be resent.
    pub fn tick(&mut self, now_ms: u64) -> bool {
        match &mut self.position {
            Some(position)
                if position.next > position.acknowledged.next()
                    && now_ms.saturating_sub(position.progress_at_ms) >= STALLED_MS =>
            {
                position.next = position.acknowledged.next();
                position.progress_at_ms = now_ms;
                true
            }
            _ => false,
        }
    }

    /// The connection ended; the next one begins with HQ's cursor.
    pub fn disconnected(&mut self) {
        self.position = None;
    }

    /// Whether HQ's cursor is known.
    pub fn is_flowing(&self) -> bool {
        self.position.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// The window of a hub that remembers an acknowledgement.
    fn remembering(acknowledged: u64) -> Window {
        let mut window = Window::default();
        window.remembered(Sequence(acknowledged));
        window
    }

    #[test]
    fn an_acknowledgement_counts_up_to_what_was_sent() {
        let mut window = remembering(2);
        assert_eq!(window.acknowledge(Sequence(9), Sequence(9), 0), Acknowledged::Moved(Sequence(2)));
        assert_eq!(window.next_batch(Sequence(9)), Some((Sequence(3), IN_FLIGHT)));
        window.sent(Sequence(5), 0);
        assert_eq!(window.acknowledge(Sequence(9), Sequence(9), 0), Acknowledged::Moved(Sequence(5)));
        assert_eq!(window.next_batch(Sequence(9)).unwrap().0, Sequence(6));
        // HQ may have what was sent on an earlier connection.
        window.sent(Sequence(7), 0);
        window.disconnected();
        assert_eq!(window.acknowledge(Sequence(9), Sequence(9), 0), Acknowledged::Moved(Sequence(7)));
        assert_eq!(window.next_batch(Sequence(9)).unwrap().0, Sequence(8));
    }

    #[test]
    fn nothing_is_sent_before_hqs_cursor_is_known() {
        let mut window = remembering(4);
        assert_eq!((window.next_batch(Sequence(9)), window.is_flowing()), (None, false));
        assert_eq!(window.acknowledge(Sequence(4), Sequence(9), 0), Acknowledged::Moved(Sequence(4)));
        assert_eq!((window.next_batch(Sequence(9)), window.is_flowing()), (Some((Sequence(5), IN_FLIGHT)), true));
        window.disconnected();
        assert_eq!((window.next_batch(Sequence(9)), window.is_flowing()), (None, false));
    }

    #[test]
    fn a_full_window_waits() {
        let mut window = Window::default();
        window.acknowledge(Sequence(0), Sequence(9_999), 0);
        window.sent(Sequence(IN_FLIGHT), 0);
        assert_eq!(window.next_batch(Sequence(9_999)), None);
        window.acknowledge(Sequence(10), Sequence(9_999), 1);
        assert_eq!(window.next_batch(Sequence(9_999)), Some((Sequence(IN_FLIGHT + 1), 10)));
    }

    #[test]
    fn a_stall_sends_again_from_the_cursor_once_per_interval() {
        let mut window = remembering(2);
        window.acknowledge(Sequence(2), Sequence(9), 0);
        window.sent(Sequence(9), 100);
        assert!(!window.tick(100 + STALLED_MS - 1));
        assert!(window.tick(100 + STALLED_MS));
        assert_eq!(window.next_batch(Sequence(9)).unwrap().0, Sequence(3));
        window.sent(Sequence(9), 101 + STALLED_MS);
        assert!(!window.tick(102 + STALLED_MS));
    }

    #[test]
    fn a_repeated_cursor_is_known_and_no_progress() {
        let mut window = remembering(2);
        window.acknowledge(Sequence(2), Sequence(9), 0);
        window.sent(Sequence(9), 0);
        assert_eq!(window.acknowledge(Sequence(2), Sequence(9), STALLED_MS - 1), Acknowledged::Known);
        assert!(window.tick(STALLED_MS));
    }

    #[test]
    fn more_events_do_not_postpone_a_stall() {
        let mut window = Window::default();
        window.acknowledge(Sequence(0), Sequence(9), 0);
        window.sent(Sequence(5), 100);
        window.sent(Sequence(9), 100 + STALLED_MS - 1);
        assert!(window.tick(100 + STALLED_MS));
        assert_eq!(window.next_batch(Sequence(9)), Some((Sequence(1), IN_FLIGHT)));
    }

    #[test]
    fn an_empty_window_never_stalls() {
        let mut window = remembering(2);
        assert!(!window.tick(STALLED_MS), "no cursor yet");
        window.acknowledge(Sequence(2), Sequence(2), 0);
        assert_eq!(window.next_batch(Sequence(2)), None);
        assert!(!window.tick(STALLED_MS));
        window.sent(Sequence(5), STALLED_MS);
        assert_eq!(window.acknowledge(Sequence(5), Sequence(5), STALLED_MS), Acknowledged::Moved(Sequence(5)));
        assert!(!window.tick(2 * STALLED_MS), "everything has arrived");
    }

    #[test]
    fn the_last_event_is_sent_and_nothing_after_it() {
        let mut window = Window::default();
        window.acknowledge(Sequence(0), Sequence(1), 0);
        assert_eq!(window.next_batch(Sequence(1)), Some((Sequence(1), IN_FLIGHT)));
        window.sent(Sequence(1), 0);
        assert_eq!(window.next_batch(Sequence(1)), None);
        assert_eq!(window.next_batch(Sequence(2)), Some((Sequence(2), IN_FLIGHT - 1)));
    }

    #[test]
    fn an_hq_from_a_backup_is_followed_back() {
        let mut window = remembering(8);
        window.acknowledge(Sequence(8), Sequence(9), 0);
        assert_eq!(window.acknowledge(Sequence(3), Sequence(9), 1), Acknowledged::Moved(Sequence(3)));
        assert_eq!(window.next_batch(Sequence(9)).unwrap().0, Sequence(4));
    }

    #[test]
    fn a_cursor_beyond_the_last_event_is_refused() {
        let mut window = Window::default();
        assert_eq!(window.acknowledge(Sequence(10), Sequence(9), 0), Acknowledged::Impossible);
        assert!(!window.is_flowing());
    }

    /// What the link may do to a message.
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

    /// Puts a message into the pipe according to its fate.
    fn put<T: Clone>(pipe: &mut VecDeque<T>, message: T, fate: Fate) {
        match fate {
            Fate::Arrives => pipe.push_back(message),
            Fate::Lost => {}
            Fate::Twice => {
                pipe.push_back(message.clone());
                pipe.push_back(message);
            }
            Fate::Late => pipe.push_front(message),
        }
    }

    /// HQ according to the contract.
    #[derive(Default)]
    struct Hq {
        has: Vec<u64>,
    }

    impl Hq {
        fn cursor(&self) -> Sequence {
            Sequence(self.has.len() as u64)
        }

        fn receive(&mut self, from: u64, through: u64) {
            if from <= self.cursor().0 + 1 {
                self.has.extend(self.cursor().0 + 1..=through);
            }
        }
    }

    proptest! {
        /// However the link loses, duplicates, reorders or cuts messages, and whenever the hub is killed: once all
        /// behave, HQ has every event once, in order.
        #[test]
        fn hq_ends_with_every_event_once_in_order(
            last in 1_u64..400,
            steps in proptest::collection::vec((fate(), fate(), 0_u8..20, 1_u64..40), 0..120),
        ) {
            let (mut window, mut hq, last) = (Window::default(), Hq::default(), Sequence(last));
            let mut remembered = Sequence(0);
            let (mut up, mut down) = (VecDeque::<(u64, u64)>::new(), VecDeque::<Sequence>::new());
            let quiet = std::iter::repeat_n((Fate::Arrives, Fate::Arrives, 2, 40), 600);
            for (now, (up_fate, down_fate, event, size)) in steps.into_iter().chain(quiet).enumerate() {
                let now_ms = now as u64 * 1_000;
                if event == 0 {
                    window.disconnected();
                    up.clear();
                    down.clear();
                }
                if event == 1 {
                    // The hub is killed. What it remembers may be behind what HQ has.
                    window = remembering(remembered.0);
                    up.clear();
                    down.clear();
                }
                if !window.is_flowing() {
                    // Hello, and HQ's answer, if it arrives.
                    put(&mut down, hq.cursor(), down_fate);
                }
                window.tick(now_ms);
                if let Some((from, room)) = window.next_batch(last) {
                    let through = last.0.min(from.0 + size.min(room) - 1);
                    put(&mut up, (from.0, through), up_fate);
                    window.sent(Sequence(through), now_ms);
                }
                if let Some((from, through)) = up.pop_front() {
                    hq.receive(from, through);
                    put(&mut down, hq.cursor(), down_fate);
                }
                if let Some(cursor) = down.pop_front() {
                    match window.acknowledge(cursor, last, now_ms) {
                        // Not every cursor is flushed before the hub is killed.
                        Acknowledged::Moved(up_to) if event % 2 == 0 => remembered = up_to,
                        Acknowledged::Moved(_) | Acknowledged::Known => {}
                        Acknowledged::Impossible => prop_assert!(false, "HQ has more than there is"),
                    }
                }
            }
            prop_assert_eq!(hq.has, (1..=last.0).collect::<Vec<_>>());
        }
    }
}
