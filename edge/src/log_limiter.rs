//! Rate limits for log lines and audit entries caused from outside, so that a stranger can't flood them.
//!
//! One line per [`EVERY`] for each key. Because outsiders can make up keys, at most [`KEYS`] are tracked; further ones
//! share one key.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The minimum interval between two lines of a key.
const EVERY: Duration = Duration::from_secs(60);

/// The maximum number of tracked keys.
const KEYS: usize = 64;

/// The latest lines of each key.
#[derive(Debug, Default)]
pub struct LogLimiter(Mutex<HashMap<String, Written>>);

#[derive(Debug)]
struct Written {
    since: Instant,
    /// The number of suppressed lines since.
    suppressed: u64,
}

impl LogLimiter {
    /// Whether a line may be written now; if so, the number of suppressed lines since the last one.
    pub fn take(&self, key: impl Display) -> Option<u64> {
        self.take_at(key.to_string(), Instant::now())
    }

    fn take_at(&self, key: String, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |written: &Written| now.duration_since(written.since) >= EVERY;
        if !all.contains_key(&key) && all.len() >= KEYS {
            all.retain(|_, written| !is_over(written));
        }
        let is_apart = all.contains_key(&key) || all.len() < KEYS;
        let key = if is_apart { key } else { "others".to_owned() };
        let first = Written { since: now, suppressed: 0 };
        match all.get_mut(&key) {
            None => drop(all.insert(key, first)),
            Some(written) if is_over(written) => return Some(std::mem::replace(written, first).suppressed),
            Some(written) => {
                written.suppressed += 1;
                return None;
            }
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_once_a_minute_with_the_number_suppressed() {
        let (limiter, start) = (LogLimiter::default(), Instant::now());
        let at = |key: &str, seconds| limiter.take_at(key.into(), start + Duration::from_secs(seconds));
        assert_eq!((at("a", 0), at("a", 1), at("b", 1), at("a", 59)), (Some(0), None, Some(0), None));
        assert_eq!((at("a", 60), at("a", 61), at("a", 121)), (Some(2), None, Some(1)));
    }

    #[test]
    fn made_up_keys_are_limited() {
        let (limiter, start) = (LogLimiter::default(), Instant::now());
        let is_written = |key: &u32| {
            let first = limiter.take_at(format!("peer {key}"), start).is_some();
            first | limiter.take_at(format!("peer {key}"), start).is_some()
        };
        assert_eq!((0..10_000).filter(is_written).count(), KEYS + 1);
        assert!(limiter.0.lock().unwrap().len() <= KEYS + 1);
        assert_eq!(limiter.take_at("peer new".into(), start + EVERY), Some(0), "room again after a while");
    }
}
