//! Times in a price book: local times of the store, and windows that repeat every week.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A time on the store's clock, such as `2026-12-01T06:00`. It has no time zone: a book holds for stores in many zones,
/// and each store resolves the time once, when the book is compiled for it. So a change happens once even if the clock
/// is set back over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime {
    year: u16,
    month: u8,
    day: u8,
    minute: u16,
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for LocalTime {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let text = utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"))
            .examples(["2026-12-01T06:00"]);
        text.into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for LocalTime {
    fn name() -> std::borrow::Cow<'static, str> {
        "LocalTime".into()
    }
}

impl LocalTime {
    /// Year, month and day, counted from 1.
    pub fn date(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// The minute of the day, from 0 to 1439.
    pub fn minute(self) -> u16 {
        self.minute
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || format!("invalid time `{}`: write it as 2026-12-01T06:00", text.escape_debug());
        let digits = text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != 16 || !digits {
            return Err(refuse());
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u16>().map_err(|_| refuse());
        let small = |range| number(range).and_then(|number| u8::try_from(number).map_err(|_| refuse()));
        let (year, month, day) = (number(0..4)?, small(5..7)?, small(8..10)?);
        let (hour, minute) = (number(11..13)?, number(14..16)?);
        let dates =
            (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !dates || hour > 23 || minute > 59 {
            return Err(refuse());
        }
        Ok(Self { year, month, day, minute: hour * 60 + minute })
    }
}

impl TryFrom<String> for LocalTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, minute } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}", minute / 60, minute % 60)
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// The moment for which a basket is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The day of the week on the store's clock.
    pub weekday: Weekday,
    /// The minute of the day on the store's clock, from 0 to 1439.
    pub minute: u16,
}

/// When something may be sold: the end is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleWindow {
    /// From when: milliseconds since 1970, UTC.
    pub from_ms: i64,
    /// Until when: milliseconds since 1970, UTC.
    pub until_ms: i64,
}

impl SaleWindow {
    /// Whether a moment is in it.
    pub fn contains(self, at_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }
}

/// Hours that repeat on days of the week, on the store's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Hours {
    /// The days; every day if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// The first minute of the day. A time from 0 to 1439.
    pub from_minute: u16,
    /// The first minute that is no longer included, up to 1440. If it is not greater than `from_minute`, the hours go
    /// past midnight, and belong to the day on which they begin.
    pub until_minute: u16,
}

impl Hours {
    /// Whether the moment is within these hours.
    pub fn contain(&self, moment: Moment) -> bool {
        let on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        let (from, until, minute) = (self.from_minute, self.until_minute, moment.minute);
        if from < until {
            on(moment.weekday) && (from..until).contains(&minute)
        } else {
            (on(moment.weekday) && minute >= from) || (on(moment.weekday.before()) && minute < until)
        }
    }

    /// When something that holds in these hours holds next: the window that contains the moment, or the first after
    /// it. `None` if they never end. A clock that is set back or forward in between is not considered.
    pub fn window(&self, moment: Moment) -> Option<SaleWindow> {
        const DAY: u64 = 1440;
        // The hours only begin and end at these minutes.
        let edges = [0, self.from_minute, self.until_minute];
        let mut edges: Vec<u64> = (0..9)
            .flat_map(|day| edges.map(|edge| (day * DAY + u64::from(edge)).saturating_sub(u64::from(moment.minute))))
            .filter(|after| *after > 0)
            .collect();
        edges.sort_unstable();
        let holds = |after: u64| {
            let minute = u64::from(moment.minute) + after;
            let day = (moment.weekday as usize + usize::try_from(minute / DAY).unwrap_or_default()) % 7;
            let minute = u16::try_from(minute % DAY).unwrap_or_default();
            self.contain(Moment { weekday: Weekday::ALL[day], minute, ..moment })
        };
        let from = std::iter::once(0).chain(edges.iter().copied()).find(|after| holds(*after))?;
        let until = edges.into_iter().find(|after| *after > from && !holds(*after))?;
        let at = |after: u64| {
            moment.at_ms - moment.at_ms.rem_euclid(60_000) + i64::try_from(after).unwrap_or_default() * 60_000
        };
        Some(SaleWindow { from_ms: at(from), until_ms: at(until) })
    }

    /// Whether the minutes are minutes of a day.
    pub fn are_valid(&self) -> bool {
        self.from_minute < 1440 && self.until_minute <= 1440
    }
}

impl Weekday {
    /// All days, from Monday.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The day before.
    fn before(self) -> Self {
        Self::ALL[(self as usize + 6) % 7]
    }
}

/// From when until when something holds. Both are optional; the end is not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Validity {
    /// The first minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LocalTime>,
    /// The first minute after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalTime>,
}

impl Validity {
    /// Whether it is not empty.
    pub fn is_ordered(self) -> bool {
        self.from.zip(self.until).is_none_or(|(from, until)| from < until)
    }

    /// The validity in a store's time zone.
    pub(super) fn resolve(self, zone: &dyn Fn(LocalTime) -> i64) -> Span {
        Span { from_ms: self.from.map_or(i64::MIN, zone), until_ms: self.until.map_or(i64::MAX, zone) }
    }
}

/// A [`Validity`] in milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ms: i64,
    pub(super) until_ms: i64,
}

impl Span {
    pub(super) fn contains(self, at_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_reads_back_as_it_was_written() {
        for text in ["2026-12-01T06:00", "2028-02-29T23:59", "1970-01-01T00:00"] {
            assert_eq!(text.parse::<LocalTime>().unwrap().to_string(), text);
        }
        for text in [
            "2026-02-29T06:00",
            "2026-13-01T06:00",
            "2026-12-01 06:00",
            "2026-12-01T24:00",
            "2026-12-01T06:60",
            "2026-12-01T06:00Z",
            "2026-1-01T06:000",
            "",
            "2026-12-00T06:00",
            "1969-12-31T23:59",
            "２026-12-01T06:0",
        ] {
            assert!(text.parse::<LocalTime>().unwrap_err().contains("write it as"), "{text}");
        }
    }

    #[test]
    fn hours_end_before_their_last_minute_and_may_pass_midnight() {
        let at = |weekday, minute| Moment { at_ms: 0, weekday, minute };
        let lunch = Hours { days: vec![Weekday::Friday], from_minute: 720, until_minute: 840 };
        let seen = [719, 720, 839, 840].map(|minute| lunch.contain(at(Weekday::Friday, minute)));
        assert_eq!(seen, [false, true, true, false]);
        assert!(!lunch.contain(at(Weekday::Thursday, 720)));
        let night = Hours { days: vec![Weekday::Sunday], from_minute: 1320, until_minute: 360 };
        assert!(night.contain(at(Weekday::Sunday, 1320)) && night.contain(at(Weekday::Monday, 359)));
        assert!(!night.contain(at(Weekday::Monday, 360)) && !night.contain(at(Weekday::Sunday, 359)));
    }

    #[test]
    fn a_window_is_the_one_now_or_the_next() {
        let at = |weekday, minute: u16| Moment { at_ms: i64::from(minute) * 60_000 + 5, weekday, minute };
        let window = |hours: &Hours, moment: Moment| {
            hours.window(moment).map(|window| (window.from_ms / 60_000, window.until_ms / 60_000))
        };
        let daily = Hours { days: vec![], from_minute: 480, until_minute: 1320 };
        assert_eq!(window(&daily, at(Weekday::Monday, 479)), Some((480, 1320)));
        assert_eq!(window(&daily, at(Weekday::Monday, 1319)), Some((1319, 1320)));
        assert_eq!(window(&daily, at(Weekday::Monday, 1320)), Some((1440 + 480, 1440 + 1320)));
        let not_on_sundays = Hours { days: Weekday::ALL[..6].to_vec(), from_minute: 0, until_minute: 1440 };
        assert_eq!(window(&not_on_sundays, at(Weekday::Saturday, 1439)), Some((1439, 1440)));
        assert_eq!(window(&not_on_sundays, at(Weekday::Sunday, 0)), Some((1440, 7 * 1440)));
        let night = Hours { days: vec![Weekday::Friday], from_minute: 1320, until_minute: 120 };
        assert_eq!(window(&night, at(Weekday::Friday, 1400)), Some((1400, 1440 + 120)));
        assert_eq!(window(&night, at(Weekday::Saturday, 120)), Some((6 * 1440 + 1320, 7 * 1440 + 120)));
        assert_eq!(window(&Hours { days: vec![], from_minute: 0, until_minute: 1440 }, at(Weekday::Friday, 7)), None);
    }

    proptest::proptest! {
        #[test]
        fn a_window_begins_and_ends_where_the_hours_do(
            from_minute in 0_u16..1440, until_minute in 0_u16..=1440,
            days in 0_usize..7, day in 0_usize..7, minute in 0_u16..1440,
        ) {
            let hours = Hours { days: Weekday::ALL[..days].to_vec(), from_minute, until_minute };
            let moment = Moment { at_ms: i64::from(minute) * 60_000, weekday: Weekday::ALL[day], minute };
            let after = |minutes: u16| {
                let minute = usize::from(minute + minutes);
                let weekday = Weekday::ALL[(day + minute / 1440) % 7];
                Moment { weekday, minute: u16::try_from(minute % 1440).unwrap(), ..moment }
            };
            let all: Vec<bool> = (0..9 * 1440).map(|minutes| hours.contain(after(minutes))).collect();
            let from = all.iter().position(|holds| *holds).unwrap();
            let until = all[from..].iter().position(|holds| !holds).map(|length| from + length);
            let at = |minutes: usize| moment.at_ms + i64::try_from(minutes).unwrap() * 60_000;
            let expected = until.map(|until| SaleWindow { from_ms: at(from), until_ms: at(until) });
            proptest::prop_assert_eq!(hours.window(moment), expected);
        }
    }

    #[test]
    fn hours_are_minutes_of_a_day() {
        let valid = |from_minute, until_minute| Hours { days: vec![], from_minute, until_minute }.are_valid();
        assert_eq!([valid(0, 0), valid(1439, 1440), valid(1440, 1440), valid(1439, 1441)], [true, true, false, false]);
    }

    #[test]
    fn a_local_time_is_written_as_it_was_read() {
        let text = "2026-12-01T06:05";
        let time: LocalTime = text.parse().unwrap();
        assert_eq!(serde_json::to_value(time).unwrap(), text);
    }

    #[test]
    fn a_local_time_is_on_a_day_that_exists() {
        let exists = |day: &str| format!("{day}T00:00").parse::<LocalTime>().is_ok();
        for (last, after) in [
            ("2026-01-31", "2026-01-32"),
            ("2026-04-30", "2026-04-31"),
            ("2026-06-30", "2026-06-31"),
            ("2026-09-30", "2026-09-31"),
            ("2026-11-30", "2026-11-31"),
            ("2026-02-28", "2026-02-29"),
            ("2028-02-29", "2028-02-30"),
        ] {
            assert!(exists(last) && !exists(after), "{last}");
        }
    }
}
