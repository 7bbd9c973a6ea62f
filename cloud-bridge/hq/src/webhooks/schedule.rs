//! The retries of a message: after 5 s, then four times as long each time, up to 8 hours; 10 attempts in about a day.
//! Then it is a dead letter.

use std::time::Duration;

/// The number of attempts, including the first.
pub(super) const ATTEMPTS: u32 = 10;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(8 * 60 * 60);

/// The wait after failed attempts, spread by a tenth either way so that messages that failed together are not retried
/// together; none after the last attempt. `spread`: any number, different for each message.
pub(super) fn wait(attempts: u32, spread: u32) -> Option<Duration> {
    if attempts >= ATTEMPTS {
        return None;
    }
    let wait = FIRST.saturating_mul(4_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST);
    Some(wait * (900 + spread % 201) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_over_about_a_day_and_end() {
        let waits: Vec<_> = (1..).map_while(|attempts| wait(attempts, 100)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [5, 20, 80, 320, 1280, 5120, 20480, 28800, 28800]);
        let day = 24 * 60 * 60_u64;
        assert!((day * 9 / 10..=day).contains(&waits.iter().sum()));
        let spread: Vec<_> = [0, 200, 201].map(|spread| wait(3, spread).unwrap().as_secs()).into();
        assert_eq!(spread, [72, 88, 72]);
    }
}
