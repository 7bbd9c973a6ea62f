//! The delay before the next attempt.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Delays that double with each attempt, up to a maximum. Each is drawn from the upper half of its range, so that
/// clients that fail together do not retry together.
#[derive(Debug)]
pub struct BackOff {
    policy: ExponentialBuilder,
    delays: ExponentialBackoff,
    most: Duration,
}

/// The maximum of the first delay.
const FIRST: Duration = Duration::from_millis(200);

/// The maximum of later delays.
const MOST: Duration = Duration::from_secs(10);

impl Default for BackOff {
    /// For a broker: 0.2 s at first, 10 s at most.
    fn default() -> Self {
        Self::new(FIRST, MOST)
    }
}

impl BackOff {
    fn new(first: Duration, most: Duration) -> Self {
        // The crate adds up to the delay itself as jitter.
        let policy = ExponentialBuilder::new().with_min_delay(first / 2).with_max_delay(most / 2);
        let policy = policy.without_max_times().with_jitter();
        Self { policy, delays: policy.build(), most }
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.most)
    }

    /// Begins with the first delay again, after an attempt succeeded.
    pub fn reset(&mut self) {
        self.delays = self.policy.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_restart_after_a_reset() {
        let mut back_off = BackOff::default();
        for _ in 0..2 {
            for attempt in 0..40 {
                let range = (FIRST * 2_u32.pow(attempt.min(10))).min(MOST);
                let delay = back_off.next_delay();
                assert!((range / 2..=range).contains(&delay), "attempt {attempt}: {delay:?}");
            }
            back_off.reset();
        }
    }

    #[test]
    fn two_clients_do_not_wait_equally_long() {
        let delays = || {
            let mut back_off = BackOff::default();
            (0..20).map(|_| back_off.next_delay()).collect::<Vec<_>>()
        };
        assert_ne!(delays(), delays());
    }
}
