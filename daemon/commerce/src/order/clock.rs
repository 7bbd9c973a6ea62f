//! What was promised by when: the clocks of a fulfilment.
//!
//! A clock runs from what starts it until what it waits for, and is breached in the millisecond in which it is due. A
//! breach is told once and changes nothing else.

use serde::{Deserialize, Serialize};

use super::{Fulfilment, Policy, State};

/// A promise about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderClock))]
pub enum Clock {
    /// An offer gets an answer.
    Answer,
    /// It is ready, or has left the store, when it was promised.
    Due,
    /// A customer who is there gets it.
    HandOver,
}

impl Clock {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Due, Self::HandOver];

    /// When it is due, if it runs.
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

    /// Whether it is due and was not told before.
    pub fn is_breached(self, fulfilment: &Fulfilment, policy: &Policy, now_ms: i64) -> Option<i64> {
        let due = self.due_ms(fulfilment, policy)?;
        (due <= now_ms && !fulfilment.breached.contains(&self)).then_some(due)
    }
}

/// Sorts what is to be done: what is due first comes first, then what was placed first.
pub fn by_urgency(fulfilments: &mut [Fulfilment]) {
    fulfilments.sort_by(|a, b| {
        let key = |of: &Fulfilment| (of.terms.due_ms, of.terms.placed_at_ms, of.part);
        key(a).cmp(&key(b)).then_with(|| a.terms.order.cmp(&b.terms.order))
    });
}
