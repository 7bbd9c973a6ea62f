//! A store's master data for routing: location, opening hours, capacity, costs.
//!
//! It is loaded from a CSV file with a header ([`read`]). A row replaces the store's data. Missing columns and empty
//! cells have defaults:
//!
//! | column | meaning | default |
//! | --- | --- | --- |
//! | `store` | the hub | required |
//! | `lat`, `lon` | the location, in degrees | none: no orders for a point |
//! | `zones` | the served delivery zones, separated by blanks | none |
//! | `keeps` | the temperature zones, separated by blanks | `ambient` |
//! | `time_zone`, `hours` | the opening [`Hours`] and their time zone | `UTC`, always open |
//! | `capacity` | the maximum of open orders | no maximum |
//! | `prepare_minutes` | the time to prepare an order | 30 |
//! | `parcel`, `per_km`, `handling` | the cost of a parcel, a kilometre, picking a unit | 0 |
//! | `slot_minutes`, `slot_orders` | the length of a pickup slot, and its maximum of orders | no slots |

use std::{collections::BTreeSet, io};

use commerce::order::Zone;
use contract::HubId;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::hours::Hours;
use crate::routing::{Point, Window};

/// The maximum cost, in minor units.
const MOST: i64 = 10_000_000;

/// The minutes of a week.
const WEEK: i64 = 7 * 24 * 60;

const MINUTE: i64 = 60_000;

/// A store's master data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its hub.
    pub store: HubId,
    /// Its location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Point>,
    /// The served delivery zones.
    pub zones: Vec<String>,
    /// The temperature zones.
    pub keeps: Vec<Zone>,
    /// The time zone of its hours.
    pub time_zone: String,
    /// The opening hours; without them, always open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// The maximum of open orders.
    pub capacity: u32,
    /// The time to prepare an order.
    pub prepare_minutes: i64,
    /// The cost of a parcel, in minor units.
    pub parcel: i64,
    /// The additional cost of a kilometre.
    pub per_km: i64,
    /// The cost of picking a unit.
    pub handling: i64,
    /// Its pickup slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<Slots>,
}

/// Pickup slots. The first one begins when the store opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slots {
    /// The length of a slot.
    pub minutes: i64,
    /// The maximum of orders in it.
    pub orders: u32,
}

impl Profile {
    /// A store with defaults.
    pub fn new(store: HubId) -> Self {
        Self {
            store,
            at: None,
            zones: Vec::new(),
            keeps: vec![Zone::Ambient],
            time_zone: "UTC".to_owned(),
            hours: None,
            capacity: u32::MAX,
            prepare_minutes: 30,
            parcel: 0,
            per_km: 0,
            handling: 0,
            slots: None,
        }
    }

    /// Its opening times between two moments; `None` if it is always open.
    pub fn open(&self, from_ms: i64, to_ms: i64) -> Option<Vec<Window>> {
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        self.hours.as_ref().map(|hours| hours.windows(&zone, from_ms, to_ms))
    }

    /// The opening time that contains the moment, without its end. If the store is always open, the UTC day.
    pub fn open_at(&self, at_ms: i64) -> Option<Window> {
        const DAY: i64 = 24 * 60 * MINUTE;
        let Some(windows) = self.open(at_ms, at_ms.saturating_add(1)) else {
            let from_ms = at_ms - at_ms.rem_euclid(DAY);
            return Some(Window { from_ms, to_ms: from_ms.saturating_add(DAY) });
        };
        windows.into_iter().find(|window| window.from_ms <= at_ms && at_ms < window.to_ms)
    }

    /// The start of the slot that contains the moment, if the store has slots and is open.
    pub fn slot_at(&self, at_ms: i64) -> Option<i64> {
        let Slots { minutes, .. } = self.slots?;
        let window = self.open_at(at_ms)?;
        Some(at_ms - (at_ms - window.from_ms).rem_euclid(minutes.saturating_mul(MINUTE).max(1)))
    }

    fn check(self) -> Result<Self, String> {
        let in_range = |what: &str, number: i64, most: i64| {
            let is = (0..=most).contains(&number);
            is.then_some(()).ok_or_else(|| format!("`{what}` {number}: 0 to {most}"))
        };
        if self.at.is_some_and(|at| !at.is_valid()) {
            return Err("`lat` and `lon`: -90 to 90 and -180 to 180 degrees".to_owned());
        }
        TimeZone::get(&self.time_zone)
            .map_err(|_| format!("unknown time zone `{}`: such as `Europe/Berlin`", self.time_zone.escape_debug()))?;
        in_range("prepare_minutes", self.prepare_minutes, WEEK)?;
        for (what, number) in [("parcel", self.parcel), ("per_km", self.per_km), ("handling", self.handling)] {
            in_range(what, number, MOST)?;
        }
        if let Some(Slots { minutes, orders }) = self.slots {
            if minutes == 0 || orders == 0 {
                return Err("`slot_minutes` and `slot_orders`: 1 at least".to_owned());
            }
            in_range("slot_minutes", minutes, WEEK)?;
        }
        Ok(self)
    }
}

/// A row of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    store: HubId,
    #[serde(default)]
    lat: Option<f64>,
    #[serde(default)]
    lon: Option<f64>,
    #[serde(default)]
    zones: String,
    #[serde(default)]
    keeps: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    capacity: Option<u32>,
    #[serde(default)]
    prepare_minutes: Option<i64>,
    #[serde(default)]
    parcel: Option<i64>,
    #[serde(default)]
    per_km: Option<i64>,
    #[serde(default)]
    handling: Option<i64>,
    #[serde(default)]
    slot_minutes: Option<i64>,
    #[serde(default)]
    slot_orders: Option<u32>,
}

impl Line {
    fn profile(self) -> Result<Profile, String> {
        let default = Profile::new(self.store);
        let keeps = self.keeps.split_whitespace().map(zone).collect::<Result<Vec<_>, _>>()?;
        let at = match (self.lat, self.lon) {
            (Some(lat), Some(lon)) => Some(Point { lat, lon }),
            (None, None) => None,
            _ => return Err("`lat` and `lon`: both or none".to_owned()),
        };
        let slots = match (self.slot_minutes, self.slot_orders) {
            (Some(minutes), Some(orders)) => Some(Slots { minutes, orders }),
            (None, None) => None,
            _ => return Err("`slot_minutes` and `slot_orders`: both or none".to_owned()),
        };
        let profile = Profile {
            at,
            zones: self.zones.split_whitespace().map(str::to_owned).collect(),
            keeps: if keeps.is_empty() { default.keeps } else { keeps },
            time_zone: if self.time_zone.is_empty() { default.time_zone } else { self.time_zone },
            hours: if self.hours.is_empty() { None } else { Some(self.hours.parse()?) },
            capacity: self.capacity.unwrap_or(default.capacity),
            prepare_minutes: self.prepare_minutes.unwrap_or(default.prepare_minutes),
            parcel: self.parcel.unwrap_or(0),
            per_km: self.per_km.unwrap_or(0),
            handling: self.handling.unwrap_or(0),
            slots,
            store: default.store,
        };
        profile.check()
    }
}

fn zone(name: &str) -> Result<Zone, String> {
    let zone = Zone::ALL.into_iter().find(|zone| zone.name() == name);
    zone.ok_or_else(|| format!("unknown temperature zone `{}`: `ambient`, `chilled` or `frozen`", name.escape_debug()))
}

/// An invalid file.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadProfile {
    /// The line, from 1 for the header.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

/// Reads stores from CSV.
///
/// # Errors
/// A row is invalid, or a store is listed twice.
pub fn read(file: impl io::Read) -> Result<Vec<Profile>, BadProfile> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let (mut profiles, mut seen) = (Vec::new(), BTreeSet::new());
    let mut rows = reader.deserialize::<Line>();
    loop {
        // The header is read with the first row.
        let line = rows.reader().position().line().max(2);
        let Some(row) = rows.next() else { break };
        let bad = |why: String| BadProfile { line, why };
        let profile = row.map_err(|error| error.to_string()).and_then(Line::profile).map_err(bad)?;
        if !seen.insert(profile.store.clone()) {
            return Err(bad(format!("store {} is listed twice", profile.store)));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "store,lat,lon,zones,keeps,time_zone,hours,capacity,prepare_minutes,parcel,per_km,handling,\
                          slot_minutes,slot_orders\n";

    fn read_text(rows: &str) -> Result<Vec<Profile>, BadProfile> {
        read(format!("{HEADER}{rows}").as_bytes())
    }

    #[test]
    fn a_row_is_a_store_and_empty_cells_are_defaults() {
        let rows = "store-1,52.5,13.4,B1 B2,ambient chilled,Europe/Berlin,mon-sat 08:00-20:00,20,45,395,2,20,30,4\n\
                    store-2,,,,,,,,,,,,,\n";
        let read = read_text(rows).unwrap();
        assert_eq!(read[0].zones, ["B1", "B2"]);
        assert_eq!((read[0].capacity, read[0].slots), (20, Some(Slots { minutes: 30, orders: 4 })));
        assert_eq!(read[1], Profile::new("store-2".parse().unwrap()));
        let text = serde_json::to_string(&read[0]).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), read[0], "as it is stored");
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        for (rows, why) in [
            ("store 1,,,,,,,,,,,,,\n", "hub id"),
            ("store-1,91,0,,,,,,,,,,,\n", "degrees"),
            ("store-1,50,,,,,,,,,,,,\n", "both or none"),
            ("store-1,,,,warm,,,,,,,,,\n", "temperature zone"),
            ("store-1,,,,,Mars/Olympus,,,,,,,,\n", "time zone"),
            ("store-1,,,,,,mon 8-9,,,,,,,\n", "opening hours"),
            ("store-1,,,,,,,,-1,,,,,\n", "prepare_minutes"),
            ("store-1,,,,,,,,,,,,0,1\n", "slot_minutes"),
            ("store-1,,,,,,,,,,,,30,0\n", "slot_orders"),
        ] {
            let error = read_text(rows).unwrap_err();
            assert_eq!(error.line, 2, "{rows}");
            assert!(error.to_string().contains(why), "{error}");
        }
        let twice = read_text("store-1,,,,,,,,,,,,,\nstore-1,,,,,,,,,,,,,\n").unwrap_err();
        assert_eq!((twice.line, twice.why.as_str()), (3, "store store-1 is listed twice"));
    }

    #[test]
    fn slots_begin_when_the_store_opens() {
        let text = "store-1,,,,,Europe/Berlin,sat 08:15-12:00,,,,,,30,4\n";
        let profile = read_text(text).unwrap().remove(0);
        let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let slot = |text: &str| profile.slot_at(ms(text));
        assert_eq!(slot("2026-11-28T07:15:00Z"), Some(ms("2026-11-28T07:15:00Z")));
        assert_eq!(slot("2026-11-28T07:44:59Z"), Some(ms("2026-11-28T07:15:00Z")));
        assert_eq!(slot("2026-11-28T07:45:00Z"), Some(ms("2026-11-28T07:45:00Z")));
        assert_eq!([slot("2026-11-28T07:14:00Z"), slot("2026-11-28T11:00:00Z")], [None, None], "closed");
        assert!(profile.open_at(ms("2026-11-28T10:59:59Z")).is_some());
        let always = Profile::new("store-1".parse().unwrap());
        assert!(always.open_at(0).is_some() && always.slot_at(0).is_none());
    }
}
