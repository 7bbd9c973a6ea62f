//! Dates in codes: `yymmdd`, with the century nearest to today.

use crate::ids::BusinessDay;

/// The date of a value `yymmdd`. Day 00 is the last day of the month. The century is chosen so that the date is at most
/// 49 years before and 50 years after today's year (General Specifications, 7.12). `None` if it does not exist.
pub fn day(value: &str, today: BusinessDay) -> Option<BusinessDay> {
    let number = |from: usize| value.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
    let (year, month, day) = (number(0)?, number(2)?, number(4)?);
    let (century, now) = (today.year() / 100, today.year() % 100);
    let century = match i32::from(year) - i32::from(now) {
        51.. => century - 1,
        ..=-50 => century + 1,
        _ => century,
    };
    let year = century * 100 + u16::from(year);
    if day > 0 {
        return BusinessDay::new(year, month, day);
    }
    (28..=31).rev().find_map(|day| BusinessDay::new(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_century_is_the_nearest() {
        let today = "2026-11-28".parse().unwrap();
        for (value, expected) in [
            ("271231", "2027-12-31"),
            ("270200", "2027-02-28"),
            ("280200", "2028-02-29"),
            ("770101", "1977-01-01"),
            ("760101", "2076-01-01"),
            ("260101", "2026-01-01"),
        ] {
            assert_eq!(day(value, today), Some(expected.parse().unwrap()), "{value}");
        }
        for value in ["", "27123", "271301", "270230", "xx1231"] {
            assert_eq!(day(value, today), None, "{value}");
        }
    }
}
