//! Weighings that may become lines: each once, within two minutes.
//!
//! A register names the weighing in its line, so a line can only have a weight that the scale called stable, and keeps
//! the scale's answer. A weighing is lost when the hub restarts: weigh again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use commerce::Quantity;

/// How long a weight may be sold after it was read.
const VALID: Duration = Duration::from_secs(120);

/// The number of weighings that are kept.
const KEPT: usize = 256;

/// A stable weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weighing {
    /// The quantity for the line.
    pub(crate) quantity: Quantity,
    /// The scale's answer.
    pub(crate) sent: String,
}

/// The latest weighings.
pub(crate) struct Weighings {
    boot: Arc<str>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    weighings: VecDeque<(u64, Instant, Weighing)>,
}

/// A weighing that a command uses. It is available again unless it is [spent](Self::spend).
pub(crate) struct Claim<'w> {
    weighings: &'w Weighings,
    claimed: Option<(u64, Instant, Weighing)>,
}

impl Weighings {
    /// `boot` identifies this run of the hub.
    pub(crate) fn new(boot: Arc<str>) -> Self {
        Self { boot, kept: Mutex::default() }
    }

    /// Keeps a weighing; returns its id.
    pub(crate) fn keep(&self, weighing: Weighing, now: Instant) -> String {
        let mut kept = self.kept();
        kept.last += 1;
        let number = kept.last;
        if kept.weighings.len() == KEPT {
            kept.weighings.pop_front();
        }
        kept.weighings.push_back((number, now, weighing));
        format!("{}-{number}", self.boot)
    }

    /// A weighing by its id; `None` if it is unknown, sold or too old.
    pub(crate) fn claim(&self, id: &str, now: Instant) -> Option<Claim<'_>> {
        let number: u64 = id.strip_prefix(&*self.boot)?.strip_prefix('-')?.parse().ok()?;
        let mut kept = self.kept();
        kept.weighings.retain(|(_, at, _)| now.duration_since(*at) <= VALID);
        let place = kept.weighings.iter().position(|(kept, ..)| *kept == number)?;
        let claimed = kept.weighings.remove(place)?;
        Some(Claim { weighings: self, claimed: Some(claimed) })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// The weighing.
    pub(crate) fn weighing(&self) -> Option<&Weighing> {
        self.claimed.as_ref().map(|(.., weighing)| weighing)
    }

    /// It was sold.
    pub(crate) fn spend(mut self) {
        self.claimed = None;
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            self.weighings.kept().weighings.push_front(claimed);
        }
    }
}

#[cfg(test)]
mod tests {
    use commerce::Unit;

    use super::*;

    fn weighings() -> Weighings {
        Weighings::new("b00t".into())
    }

    fn weighing(milli: i64) -> Weighing {
        Weighing { quantity: Quantity::new(milli, Unit::Kilogram).unwrap(), sent: milli.to_string() }
    }

    #[test]
    fn a_weighing_is_sold_once() {
        let (weighings, now) = (weighings(), Instant::now());
        let id = weighings.keep(weighing(1250), now);
        // A command that is refused gives it back.
        let claim = weighings.claim(&id, now).unwrap();
        assert!(weighings.claim(&id, now).is_none());
        drop(claim);
        let claim = weighings.claim(&id, now).unwrap();
        assert_eq!(claim.weighing(), Some(&weighing(1250)));
        claim.spend();
        assert!(weighings.claim(&id, now).is_none());
    }

    #[test]
    fn an_old_or_unknown_weighing_is_not_sold() {
        let (weighings, now) = (weighings(), Instant::now());
        let id = weighings.keep(weighing(1), now);
        for unknown in ["", "b00t", "b00t-", "b00t-2", "other-1", "b00t-x"] {
            assert!(weighings.claim(unknown, now).is_none(), "{unknown}");
        }
        assert!(weighings.claim(&id, now + VALID).is_some());
        assert!(weighings.claim(&id, now + VALID + Duration::from_millis(1)).is_none());
        for number in 0..1000 {
            weighings.keep(weighing(number), now);
        }
        assert_eq!(weighings.kept().weighings.len(), KEPT);
    }
}
