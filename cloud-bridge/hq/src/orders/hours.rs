//! Opening hours by the week: `mon-fri 08:00-20:00; sat 09:00-13:00,14:00-18:00`.
//!
//! Days without ranges are closed. A range whose end is not after its start ends on the next day. Hours are local
//! times, so days with a clock change are shorter or longer.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::routing::Window;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The maximum number of ranges.
const MOST: usize = 50;

/// The maximum length of the text, in bytes.
const LONGEST: usize = 1_000;

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// Opening hours of a week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    /// The original text.
    text: String,
    /// By day, from Monday: minutes since midnight. The end is more than a day if it is on the next one.
    week: [Vec<(u16, u16)>; 7],
}

impl Hours {
    /// The opening times that end after `from_ms` and begin before `to_ms`, in a time zone.
    pub fn windows(&self, zone: &TimeZone, from_ms: i64, to_ms: i64) -> Vec<Window> {
        let (Ok(from), Ok(to)) = (Timestamp::from_millisecond(from_ms), Timestamp::from_millisecond(to_ms)) else {
            return Vec::new();
        };
        let mut windows = Vec::new();
        // A range of the previous day may end on the first day.
        let Ok(mut date) = from.to_zoned(zone.clone()).date().yesterday() else { return windows };
        let last = to.to_zoned(zone.clone()).date();
        while date <= last {
            let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
            for (opens, closes) in self.week.get(weekday).into_iter().flatten() {
                let at = |minutes: u16| instant(zone, date.to_datetime(Time::midnight()), minutes);
                if let (Some(from), Some(to)) = (at(*opens), at(*closes))
                    && to > from_ms
                    && from < to_ms
                {
                    windows.push(Window { from_ms: from, to_ms: to });
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        windows
    }
}

/// The time of a local clock, in minutes after midnight.
fn instant(zone: &TimeZone, midnight: DateTime, minutes: u16) -> Option<i64> {
    let local = midnight.checked_add(i64::from(minutes).minutes()).ok()?;
    Some(zone.to_zoned(local).ok()?.timestamp().as_millisecond())
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.text
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("opening hours of {} bytes; the limit is {LONGEST}", text.len()));
        }
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let bad = || format!("invalid opening hours `{}`: such as `mon-fri 08:00-20:00`", part.escape_debug());
            let (days, ranges) = part.split_once(' ').ok_or_else(bad)?;
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let (first, last) = (day(first).ok_or_else(bad)?, day(last).ok_or_else(bad)?);
            for range in ranges.split(',') {
                let (opens, closes) = range.trim().split_once('-').ok_or_else(bad)?;
                let (opens, closes) = (minutes(opens).ok_or_else(bad)?, minutes(closes).ok_or_else(bad)?);
                let closes = if closes <= opens { closes + DAY } else { closes };
                let count = (last + 7 - first) % 7 + 1;
                for day in (first..first + count).map(|day| day % 7) {
                    week.get_mut(day).ok_or_else(bad)?.push((opens, closes));
                }
            }
        }
        if week.iter().map(Vec::len).sum::<usize>() > MOST {
            return Err(format!("opening hours with more than {MOST} ranges"));
        }
        Ok(Self { text: text.to_owned(), week })
    }
}

fn day(name: &str) -> Option<usize> {
    DAYS.iter().position(|day| day.eq_ignore_ascii_case(name))
}

/// `08:00` as minutes since midnight.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let sum = hours * 60 + minutes;
    (minutes < 60 && sum <= DAY).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn windows(hours: &str, zone: &str, from: &str, to: &str) -> Vec<(i64, i64)> {
        let hours: Hours = hours.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let windows = hours.windows(&zone, ms(from), ms(to));
        windows.into_iter().map(|window| (window.from_ms, window.to_ms)).collect()
    }

    #[test]
    fn hours_of_a_week_are_windows_in_the_stores_time_zone() {
        // 2026-11-28 is a Saturday.
        let found = windows(
            "mon-fri 08:00-20:00; sat 09:00-13:00, 14:00-18:00",
            "America/New_York",
            "2026-11-28T12:00:00Z",
            "2026-11-30T14:00:00Z",
        );
        let expected = [
            ("2026-11-28T14:00:00Z", "2026-11-28T18:00:00Z"),
            ("2026-11-28T19:00:00Z", "2026-11-28T23:00:00Z"),
            ("2026-11-30T13:00:00Z", "2026-12-01T01:00:00Z"),
        ];
        assert_eq!(found, expected.map(|(from, to)| (ms(from), ms(to))));
    }

    #[test]
    fn a_range_may_last_into_the_next_day_and_a_day_may_have_25_hours() {
        let night = windows("sat 22:00-02:00", "UTC", "2026-11-29T01:00:00Z", "2026-11-29T03:00:00Z");
        assert_eq!(night, [(ms("2026-11-28T22:00:00Z"), ms("2026-11-29T02:00:00Z"))]);
        let whole = windows("sun 00:00-24:00", "Europe/Berlin", "2026-10-25T06:00:00Z", "2026-10-25T07:00:00Z");
        assert_eq!(whole.iter().map(|(from, to)| (to - from) / HOUR).collect::<Vec<_>>(), [25]);
        let across = windows("sat-mon 10:00-11:00", "UTC", "2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z");
        assert_eq!(across.len(), 3, "a range of days goes over the end of the week");
    }

    #[test]
    fn an_invalid_week_is_refused_with_the_field() {
        for text in ["mon", "mo 08:00-09:00", "mon 8:00-9:00", "mon 08:00", "mon 25:00-26:00", "mon 08:60-09:00"] {
            assert!(text.parse::<Hours>().unwrap_err().contains(text), "{text}");
        }
        let many = "mon-sun ".to_owned() + &["08:00-09:00"; 8].join(",");
        assert!(many.parse::<Hours>().unwrap_err().contains("50 ranges"));
        assert!("x".repeat(1_001).parse::<Hours>().is_err());
        assert_eq!("".parse::<Hours>().unwrap().windows(&TimeZone::UTC, 0, i64::from(u32::MAX)), []);
    }
}
