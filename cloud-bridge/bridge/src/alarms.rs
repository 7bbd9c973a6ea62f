//! Conditions that need a person: logged at most once a minute each, and in the status until the hub restarts.

use std::collections::BTreeMap;

use contract::Stream;
use tokio::time::{Duration, Instant};

/// How long a continuing alarm is not logged again.
const AGAIN: Duration = Duration::from_secs(60);

/// The subject of an alarm. There is one alarm per subject; a later one replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// HQ has events that this hub does not have.
    Unknown(Stream),
    /// HQ has other events under this hub's numbers.
    Diverged(Stream),
    /// An event is too large for the broker.
    Oversized(Stream),
    /// Another hub uses this hub's name.
    Namesake,
}

/// The alarms since the bridge started.
#[derive(Default)]
pub(crate) struct Alarms(BTreeMap<About, Raised>);

struct Raised {
    why: String,
    logged_at: Instant,
}

impl Alarms {
    /// Raises an alarm.
    pub(crate) fn raise(&mut self, about: About, why: String) {
        let now = Instant::now();
        match self.0.get_mut(&about) {
            Some(raised) if now.duration_since(raised.logged_at) < AGAIN => raised.why = why,
            _ => {
                tracing::error!(%why, "connection to HQ needs attention");
                self.0.insert(about, Raised { why, logged_at: now });
            }
        }
    }

    /// The texts of all alarms.
    pub(crate) fn told(&self) -> Vec<String> {
        self.0.values().map(|raised| raised.why.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_alarm_of_each_subject_is_reported() {
        let mut alarms = Alarms::default();
        for count in 1..=3 {
            alarms.raise(About::Unknown(Stream::sales()), format!("sales {count}"));
            alarms.raise(About::Unknown(Stream::stock()), format!("stock {count}"));
        }
        assert_eq!(alarms.told(), ["sales 3", "stock 3"]);
    }
}
