//! The course of check-ins: when the next one is, and what it says.

use std::time::Duration;

use contract::enrolment::Order;
use tokio::time::Instant;

/// The interval of check-ins.
const EVERY: Duration = Duration::from_secs(3_600);

/// The first pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// When the hub checks in next, and with what.
pub(super) struct Course {
    pub(super) next: Instant,
    pause: Duration,
    /// What HQ ordered.
    pub(super) order: Option<Order>,
    /// Everything is sent: the next question says so.
    pub(super) wiped: bool,
}

impl Course {
    /// The first check-in at a moment.
    pub(super) fn from(next: Instant) -> Self {
        Self { next, pause: RETRY, order: None, wiped: false }
    }

    /// A closed location has sent everything. HQ is told at once; if it does not answer, after pauses.
    pub(super) fn cleared(&mut self, now: Instant) {
        if !self.wiped {
            (self.wiped, self.next) = (true, now);
        }
    }

    /// HQ has answered; `told_wiped`: a question that said that everything is sent.
    pub(super) fn answered(&mut self, now: Instant, order: Option<Order>, told_wiped: bool) {
        // An ordered renewal begins at once. So does the end, if the question was from before everything was sent.
        let renews = order == Some(Order::Renew) && self.order != order;
        let wait = if renews || self.wiped && !told_wiped { Duration::ZERO } else { EVERY };
        (self.next, self.pause, self.order) = (now + wait, RETRY, order);
    }

    /// HQ did not answer, or refused.
    pub(super) fn failed(&mut self, now: Instant) {
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_box_reports_at_once_and_then_after_growing_pauses() {
        let start = Instant::now();
        let mut course = Course::from(start);
        course.answered(start, Some(Order::Wipe { stock_to: None }), false);
        assert_eq!(course.next, start + EVERY);
        course.cleared(start);
        assert!(course.wiped && course.next == start);
        for pause in [RETRY, RETRY * 2, RETRY * 4] {
            course.failed(start);
            course.cleared(start);
            assert_eq!(course.next, start + pause);
        }
        // An answer to a question from before it was cleared is not HQ's word that it may be wiped.
        course.answered(start, Some(Order::Wipe { stock_to: None }), false);
        assert_eq!((course.next, course.pause), (start, RETRY));
    }
}
