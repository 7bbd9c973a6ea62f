//! A limit on what a register may write, so that a faulty one, or a stolen token, cannot fill the disk.
//!
//! A command costs the bytes of its body and [`EACH`]. A register may spend [`BURST`] at once, for example after a day
//! without the hub, and [`PER_DAY`] in the long run. The store writes up to five times as much. A busy register spends
//! about 25 MiB per day. The limit starts afresh with the hub.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use commerce::RegisterName;

/// The cost of a command besides its body, in bytes.
const EACH: u64 = 1024;

/// The maximum that a register can spend at once, in bytes.
const BURST: u64 = 256 * 1024 * 1024;

/// The maximum that a register can spend per day in the long run, in bytes.
const PER_DAY: u64 = 1024 * 1024 * 1024;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What each register has spent. Only registers of the config can be authenticated, so their number is bounded.
#[derive(Default)]
pub(crate) struct Budget(Mutex<HashMap<RegisterName, Spent>>);

struct Spent {
    bytes: u64,
    at: Instant,
}

impl Budget {
    /// Spends the cost of a command with a body.
    ///
    /// # Errors
    /// The register has spent too much; returns the seconds until the command is affordable.
    pub(crate) fn spend(&self, register: &RegisterName, body: usize) -> Result<(), u64> {
        self.spend_at(register, body, Instant::now())
    }

    fn spend_at(&self, register: &RegisterName, body: usize, now: Instant) -> Result<(), u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = all.entry(register.clone()).or_insert(Spent { bytes: 0, at: now });
        let regained = now.duration_since(spent.at).as_micros() * u128::from(PER_DAY) / DAY.as_micros();
        let bytes = spent.bytes.saturating_sub(u64::try_from(regained).unwrap_or(u64::MAX)) + body as u64 + EACH;
        if bytes > BURST {
            return Err((bytes - BURST) * DAY.as_secs() / PER_DAY + 1);
        }
        *spent = Spent { bytes, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: usize = 1024 * 1024;

    #[test]
    fn a_register_spends_its_burst_and_then_its_daily_rate() {
        let (budget, start) = (Budget::default(), Instant::now());
        let (one, other) = ("till-1".parse().unwrap(), "till-2".parse().unwrap());
        let spend = |from: Instant| (0..10_000_u32).take_while(|_| budget.spend_at(&one, BODY, from).is_ok()).count();
        assert_eq!(spend(start), 255);
        let wait = budget.spend_at(&one, BODY, start).unwrap_err();
        assert_eq!(budget.spend_at(&other, BODY, start), Ok(()), "each register has its own");
        assert!(budget.spend_at(&one, BODY, start + Duration::from_secs(wait - 1)).is_err(), "{wait}");
        assert_eq!(budget.spend_at(&one, BODY, start + Duration::from_secs(wait)), Ok(()), "{wait}");
        // In the long run, however often it tries.
        let minutes = 24 * 60;
        let later = |minute: u32| start + Duration::from_secs(wait) + Duration::from_secs(60) * minute;
        let spent: usize = (1..=minutes).map(|minute| spend(later(minute))).sum();
        assert!((1_000..=1_024).contains(&spent), "{spent}");
        assert_eq!(spend(later(10 * minutes)), 255, "no more than the burst is saved up");
    }

    #[test]
    fn small_commands_count() {
        let (budget, now) = (Budget::default(), Instant::now());
        let one = "till-1".parse().unwrap();
        let commands = (0..1_000_000_u32).take_while(|_| budget.spend_at(&one, 2, now).is_ok()).count();
        assert!((250_000..=262_144).contains(&commands), "{commands}");
    }
}
