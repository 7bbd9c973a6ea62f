//! The deadlines of a fulfilment.
//!
//! A clock starts and stops with events, and is breached at the millisecond of its deadline. A breach is reported
//! once and changes nothing else.

use serde::{Deserialize, Serialize};

use super::{Fulfilment, Policy, State};

/// A deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderClock))]
pub enum Clock {
    /// An offer must be answered.
    Answer,
    /// The order must be ready, or have left the store, at the promised time.
    Due,
    /// A customer who has arrived must receive the goods.
    HandOver,
}

impl Clock {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Due, Self::HandOver];

    /// The deadline, if the clock is running.
    pub fn due_ms(self, fulfilment: &Fulfilment, policy: &Policy) -> Option<i64> {
        let any = |of: fn(State) -> bool| fulfilment.lines.iter().any(|line| line.sum(of) > 0);
        match self {
            Self::Answer => any(|state| state == State::Offered)
                .then(|| fulfilment.offered_at_ms.saturating_add(policy.accept_within_ms)),
            Self::Due => any(|state| state < State::Ready).then_some(fulfilment.terms.due_ms),
            Self::HandOver => fulfilment
                .arrival
                .as_ref()
                .filter(|_| fulfilment.is_open())
                .map(|arrival| arrival.at_ms.saturating_add(policy.hand_over_within_ms)),
        }
    }

    /// The deadline, if it has passed and was not reported before.
    pub fn is_breached(self, fulfilment: &Fulfilment, policy: &Policy, now_ms: i64) -> Option<i64> {
        let due = self.due_ms(fulfilment, policy)?;
        (due <= now_ms && !fulfilment.breached.contains(&self)).then_some(due)
    }
}

/// Sorts by urgency: by due time, then by the time of the order.
pub fn by_urgency(fulfilments: &mut [Fulfilment]) {
    fulfilments.sort_by(|a, b| {
        let key = |of: &Fulfilment| (of.terms.due_ms, of.terms.placed_at_ms, of.part);
        key(a).cmp(&key(b)).then_with(|| a.terms.order.cmp(&b.terms.order))
    });
}
