//! The trusted clock: the system clock, the latest trusted moment, and the time since then. The rules are in
//! [`app::timekeeping`].

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use app::timekeeping::{self, Reading, Trust};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{Calendar, now_ms};

/// Touched by systemd-timesyncd whenever it sets the clock; it does not survive a reboot.
pub(crate) const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// The system clock with its latest trusted moment.
pub(crate) struct Timekeeper(Mutex<Anchor>);

/// A trusted moment and when it was read.
#[derive(Clone, Copy)]
struct Anchor {
    latest_ms: i64,
    since: Instant,
}

impl Anchor {
    fn passed_ms(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.since).as_millis()).unwrap_or(i64::MAX)
    }

    fn read(&mut self, clock_ms: i64, at: Instant) -> Reading {
        let reading = timekeeping::read(self.latest_ms, self.passed_ms(at), clock_ms);
        if reading.trust == Trust::Trusted && clock_ms > self.latest_ms {
            *self = Self { latest_ms: clock_ms, since: at };
        }
        reading
    }
}

impl Timekeeper {
    /// Continues from the store's latest trusted moment.
    pub(crate) fn from(latest_ms: i64) -> Self {
        Self(Mutex::new(Anchor { latest_ms, since: Instant::now() }))
    }

    /// Reads the clock.
    pub(crate) fn read(&self) -> Reading {
        self.with(|anchor| anchor.read(now_ms(), Instant::now()))
    }

    /// The latest moment at which the clock was trusted.
    pub(crate) fn latest_ms(&self) -> i64 {
        self.with(|anchor| anchor.latest_ms)
    }

    /// The time of the clock, and the earliest possible time.
    pub(crate) fn compared(&self) -> (i64, i64) {
        self.with(|anchor| (now_ms(), anchor.latest_ms.saturating_add(anchor.passed_ms(Instant::now()))))
    }

    /// A person has agreed to the time of the clock.
    pub(crate) fn agreed(&self, clock_ms: i64) {
        self.with(|anchor| *anchor = Anchor { latest_ms: clock_ms, since: Instant::now() });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Anchor) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The clock in the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ClockFigures {
    /// Whether it is trusted.
    pub(crate) trust: Trust,
    /// Whether systemd-timesyncd has set the clock from a time server since boot; false if another program does.
    pub(crate) timesyncd: bool,
    /// The fault of the clock and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

impl ClockFigures {
    /// The current state.
    pub(crate) fn of(timekeeper: &Timekeeper, calendar: &Calendar) -> Self {
        let trust = timekeeper.read().trust;
        let (clock_ms, expected_ms) = timekeeper.compared();
        let (shows, expected) = (calendar.local_time(clock_ms), calendar.local_time(expected_ms));
        let fault = |how: &str| {
            format!(
                "the clock shows {shows}, {how} {expected}; no fiscal year begins and nothing is deleted until it is \
                 set right or a person at the console agrees to it (POST /api/v1/clock/agree)"
            )
        };
        let fault = match trust {
            Trust::Trusted => None,
            Trust::Behind => Some(fault("which is more than a day before the expected time,")),
            Trust::Ahead => Some(fault("which is more than a week after the expected time,")),
        };
        Self { trust, timesyncd: Path::new(SYNCHRONIZED).exists(), fault }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LATEST: i64 = 1_795_000_000_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn elapsed_time_is_trusted_and_jumps_are_not() {
        let began = Instant::now();
        let mut anchor = Anchor { latest_ms: LATEST, since: began };
        let after = |hours: u64| began + Duration::from_hours(hours);
        let month = 30 * 24;
        for hour in 1..=month {
            let clock = LATEST + i64::try_from(hour).unwrap() * HOUR;
            assert_eq!(anchor.read(clock, after(hour)).trust, Trust::Trusted);
        }
        let now = LATEST + i64::try_from(month).unwrap() * HOUR;
        let jumped = anchor.read(now + 14 * 365 * 24 * HOUR, after(month));
        assert_eq!((jumped.trust, jumped.year_ms), (Trust::Ahead, now));
        let in_1970 = anchor.read(0, after(month + 1));
        assert_eq!((in_1970.trust, in_1970.now_ms), (Trust::Behind, now + HOUR), "moments go on");
        assert_eq!(anchor.read(now + 2 * HOUR, after(month + 2)).trust, Trust::Trusted, "it is back");
    }

    #[test]
    fn setting_the_clock_back_by_hours_does_not_move_the_latest_moment() {
        let began = Instant::now();
        let mut anchor = Anchor { latest_ms: LATEST, since: began };
        assert_eq!(anchor.read(LATEST - 12 * HOUR, began).trust, Trust::Trusted);
        assert_eq!(anchor.read(LATEST - 25 * HOUR, began).trust, Trust::Behind, "not by small steps either");
    }

    #[test]
    fn a_time_that_a_person_agreed_to_is_trusted() {
        let timekeeper = Timekeeper::from(now_ms() + 3 * 365 * 24 * HOUR);
        assert_eq!(timekeeper.read().trust, Trust::Behind);
        timekeeper.agreed(now_ms());
        assert_eq!(timekeeper.read().trust, Trust::Trusted);
    }
}
