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
    pub(crate) fn raise(&mut self, about: About, why: &str) {
        if self.is_to_log(about, why) {
            tracing::error!(%why, "connection to HQ needs attention");
        }
    }

    /// Notes an alarm; says whether it was not logged within the last minute.
    fn is_to_log(&mut self, about: About, why: &str) -> bool {
        let now = Instant::now();
        let known = self.0.get_mut(&about).filter(|raised| now.duration_since(raised.logged_at) < AGAIN);
        let is_new = known.is_none();
        match known {
            Some(raised) => why.clone_into(&mut raised.why),
            None => drop(self.0.insert(about, Raised { why: why.to_owned(), logged_at: now })),
        }
        is_new
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
            alarms.raise(About::Unknown(Stream::sales()), &format!("sales {count}"));
            alarms.raise(About::Unknown(Stream::stock()), &format!("stock {count}"));
        }
        assert_eq!(alarms.told(), ["sales 3", "stock 3"]);
    }
    #[tokio::test(start_paused = true)]
    async fn a_continuing_alarm_is_logged_once_a_minute() {
        let mut alarms = Alarms::default();
        let mut raise = |about| alarms.is_to_log(about, "why");
        assert!(raise(About::Namesake) && raise(About::Unknown(Stream::sales())), "each subject");
        assert!(!raise(About::Namesake));
        tokio::time::advance(AGAIN.checked_sub(Duration::from_millis(1)).unwrap()).await;
        assert!(!raise(About::Namesake));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(raise(About::Namesake) && !raise(About::Namesake));
    }
}
