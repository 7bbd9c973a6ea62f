//! The system clock, and the store's calendar.

use commerce::{
    BusinessDay,
    pricing::{Moment, time::Weekday},
};
use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A store's calendar: its time zone and the start of its fiscal year.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: TimeZone,
    /// Month and day.
    fiscal_year_starts: (i8, i8),
}

impl Calendar {
    pub(crate) fn new(zone: TimeZone, fiscal_year_starts: (i8, i8)) -> Self {
        Self { zone, fiscal_year_starts }
    }

    /// The business day of a moment.
    pub(crate) fn business_day(&self, at_ms: i64) -> BusinessDay {
        let date = self.zoned(at_ms).date();
        let number = |value: i8| u8::try_from(value).unwrap_or(1);
        let day = BusinessDay::new(u16::try_from(date.year()).unwrap_or(1), number(date.month()), number(date.day()));
        // Only for years that no clock shows.
        day.unwrap_or(BusinessDay::FIRST)
    }

    /// The fiscal year of a moment, named by the calendar year in which it begins.
    pub(crate) fn fiscal_year(&self, at_ms: i64) -> u16 {
        let date: Date = self.zoned(at_ms).date();
        let has_begun = (date.month(), date.day()) >= self.fiscal_year_starts;
        u16::try_from(date.year()).unwrap_or(0).saturating_sub(u16::from(!has_begun))
    }

    /// A moment as printed on receipts; with its offset in the hour that occurs twice at the end of summer time.
    pub(crate) fn local_time(&self, at_ms: i64) -> String {
        let zoned = self.zoned(at_ms);
        let comes_twice =
            matches!(self.zone.to_ambiguous_timestamp(zoned.datetime()).offset(), AmbiguousOffset::Fold { .. });
        zoned.strftime(if comes_twice { "%Y-%m-%d %H:%M %:z" } else { "%Y-%m-%d %H:%M" }).to_string()
    }

    /// The moment of a local date and time, such as `2026-12-01T05:00`: the first of two where it comes twice, and a
    /// moment after the gap where it never comes. `None` if it is no date.
    pub(crate) fn moment(&self, local: &str) -> Option<i64> {
        let local: DateTime = local.parse().ok()?;
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond())
    }

    /// A moment as price books look at it.
    pub(crate) fn pricing_moment(&self, at_ms: i64) -> Moment {
        let zoned = self.zoned(at_ms);
        let minute = u16::from(zoned.hour().unsigned_abs()) * 60 + u16::from(zoned.minute().unsigned_abs());
        let weekday = usize::from(zoned.weekday().to_monday_zero_offset().unsigned_abs());
        Moment { at_ms, weekday: Weekday::ALL[weekday % 7], minute }
    }

    fn zoned(&self, at_ms: i64) -> Zoned {
        Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_a_moment_in_the_stores_zone() {
        let berlin = Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), (1, 1));
        let at = |time: &str| Some(time.parse::<Timestamp>().unwrap().as_millisecond());
        assert_eq!(berlin.moment("2026-12-01T05:00"), at("2026-12-01T04:00:00Z"));
        assert_eq!(berlin.moment("2026-10-25T02:30"), at("2026-10-25T00:30:00Z"), "repeated: the first");
        assert_eq!(berlin.moment("2026-03-29T02:30"), at("2026-03-29T01:30:00Z"), "skipped");
        assert_eq!(berlin.moment("2026-02-30T05:00"), None);
    }

    #[test]
    fn a_moment_has_the_day_and_minute_of_the_stores_clock() {
        let berlin = Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), (1, 1));
        let moment = berlin.pricing_moment("2026-11-29T23:30:00Z".parse::<Timestamp>().unwrap().as_millisecond());
        assert_eq!((moment.weekday, moment.minute), (Weekday::Monday, 30));
    }

    #[test]
    fn the_repeated_hour_is_printed_with_its_offset() {
        let berlin = Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), (1, 1));
        let at = |time: &str| berlin.local_time(time.parse::<Timestamp>().unwrap().as_millisecond());
        assert_eq!(at("2026-10-25T00:30:00Z"), "2026-10-25 02:30 +02:00");
        assert_eq!(at("2026-10-25T01:30:00Z"), "2026-10-25 02:30 +01:00");
        assert_eq!(at("2026-10-24T23:59:00Z"), "2026-10-25 01:59");
        assert_eq!(at("2026-10-25T02:00:00Z"), "2026-10-25 03:00");
        assert_eq!(at("2026-03-29T01:00:00Z"), "2026-03-29 03:00", "an hour that never comes is no such hour");
    }

    #[test]
    fn days_and_fiscal_years_follow_the_time_zone() {
        let new_year = 1_767_225_600_000; // 2026-01-01T00:00Z
        let berlin = Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), (1, 1));
        let chicago = Calendar::new(TimeZone::get("America/Chicago").unwrap(), (2, 1));
        assert_eq!(berlin.business_day(new_year).to_string(), "2026-01-01");
        assert_eq!(berlin.local_time(new_year), "2026-01-01 01:00");
        assert_eq!(chicago.business_day(new_year).to_string(), "2025-12-31");
        assert_eq!((berlin.fiscal_year(new_year), chicago.fiscal_year(new_year)), (2026, 2025));
        let (day, years) = (86_400_000, |at_ms| (berlin.fiscal_year(at_ms), chicago.fiscal_year(at_ms)));
        assert_eq!(years(new_year + 30 * day), (2026, 2025), "January 30 in Chicago");
        assert_eq!(years(new_year + 32 * day), (2026, 2026), "February 1 in Chicago");
        assert_eq!(berlin.fiscal_year(new_year - 2 * 3_600_000), 2025);
    }
}
