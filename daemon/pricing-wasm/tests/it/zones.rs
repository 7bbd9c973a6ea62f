//! Times in the store's zone: JavaScript's `Intl` against jiff, which the hub uses.

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};

use crate::node;

/// Half hours, a change of half an hour, a skipped day, no summer time.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
];

#[test]
fn local_times_are_the_same_moments_in_the_browser() {
    if !node::has("node", "nodejs") {
        return;
    }
    let (mut asks, mut expected) = (Vec::new(), Vec::new());
    for name in ZONES {
        let zone = TimeZone::get(name).unwrap();
        // Every minute around each change of the clock, and one time a month.
        let from: Timestamp = "2011-12-01T00:00:00Z".parse().unwrap();
        let changes = zone.following(from).take(12).map(|change| change.timestamp().to_zoned(zone.clone()).datetime());
        let around = changes.flat_map(|change| (-150..150).map(move |minutes| change + minutes.minutes()));
        let months = (0..120).map(|month| DateTime::constant(2012, 1, 15, 13, 45, 0, 0) + month.months());
        let times: Vec<DateTime> = around.chain(months).collect();
        let text = |time: &DateTime| time.strftime("%Y-%m-%dT%H:%M").to_string();
        asks.push(
            json!({"resolve": std::iter::once(name.to_owned()).chain(times.iter().map(text)).collect::<Vec<_>>()}),
        );
        let moment = |time: &DateTime| {
            let minute = time.with().second(0).subsec_nanosecond(0).build().unwrap();
            minute.to_zoned(zone.clone()).unwrap().timestamp().as_millisecond()
        };
        let moments: Vec<i64> = times.iter().map(moment).collect();
        expected.push(json!(moments));
        for at_ms in moments.iter().step_by(7).map(|at_ms| at_ms + 59_999) {
            let zoned = Timestamp::from_millisecond(at_ms).unwrap().to_zoned(zone.clone());
            let weekday = zoned.strftime("%A").to_string().to_lowercase();
            asks.push(json!({"moment": [name, at_ms]}));
            let minute = i32::from(zoned.hour()) * 60 + i32::from(zoned.minute());
            expected.push(json!({"at_ms": at_ms, "weekday": weekday, "minute": minute}));
        }
    }
    let answers = node::ask(asks.clone(), None);
    for ((ask, answer), expected) in asks.iter().zip(answers).zip(expected) {
        if let (Value::Array(all), Some(times)) = (&answer, ask["resolve"].as_array()) {
            for ((at, expected), time) in all.iter().zip(expected.as_array().unwrap()).zip(&times[1..]) {
                assert_eq!(at, expected, "{time} in {}", times[0]);
            }
        }
        assert_eq!(answer, expected, "{ask}");
    }
}
