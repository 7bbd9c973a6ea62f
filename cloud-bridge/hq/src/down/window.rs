//! When to send to a hub: one batch at a time, repeated after a time-out that grows while the hub is silent. Pure; time
//! is passed in.

/// The first time-out, in milliseconds.
pub const ANSWER_MS: u64 = 3_000;

/// The maximum time between two attempts at a silent hub, in milliseconds.
pub const SILENT_MS: u64 = 60_000;

/// The unacknowledged batch of a hub's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    sent_at_ms: Option<u64>,
    /// Attempts since the hub's last acknowledgement.
    unanswered: u32,
}

impl Window {
    /// Whether a batch may be sent now.
    pub fn may_send(&self, now_ms: u64) -> bool {
        let patience = ANSWER_MS.saturating_mul(1 << self.unanswered.saturating_sub(1).min(16)).min(SILENT_MS);
        self.sent_at_ms.is_none_or(|sent_at_ms| now_ms.saturating_sub(sent_at_ms) >= patience)
    }

    /// A batch was sent.
    pub fn sent(&mut self, now_ms: u64) {
        self.sent_at_ms = Some(now_ms);
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// The hub acknowledged. Without news the batch may still be under way: it is repeated after the first time-out, so
    /// that duplicate acknowledgements do not cause duplicate batches.
    pub fn heard(&mut self, is_news: bool) {
        self.unanswered = 1;
        if is_news {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_batch_is_sent_until_an_acknowledgement_with_news() {
        let mut window = Window::default();
        assert!(window.may_send(0));
        window.sent(0);
        assert!(!window.may_send(ANSWER_MS - 1));
        window.heard(false);
        assert!(!window.may_send(ANSWER_MS - 1));
        window.heard(true);
        assert!(window.may_send(1));
    }

    #[test]
    fn a_silent_hub_is_tried_less_often_and_at_once_when_it_is_back() {
        let (mut window, mut now, mut pauses) = (Window::default(), 0, Vec::new());
        for _ in 0..7 {
            window.sent(now);
            let pause = (0..=2 * SILENT_MS).find(|pause| window.may_send(now + pause)).unwrap();
            pauses.push(pause / 1000);
            now += pause;
        }
        assert_eq!(pauses, [3, 6, 12, 24, 48, 60, 60]);
        window.sent(now);
        assert!(!window.may_send(now + 10_000));
        window.heard(false);
        assert!(window.may_send(now + 10_000));
    }
}
