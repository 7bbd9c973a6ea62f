//! The event log of each lane: numbered scans and weights, so that a register misses none.
//!
//! An event is lost if the WebSocket breaks, although the scanner has beeped. So each lane numbers its scans and
//! weights from 1, and keeps the last [`KEPT`] in memory. A register remembers the `boot` and `sequence` of the last
//! event that it has processed. When it reconnects, it first connects to the events, then requests what followed, and
//! processes each sequence once.
//!
//! | event | answer to the register |
//! | --- | --- |
//! | its connection broke | the events that followed, in order |
//! | more than [`KEPT`] events followed | `missed`: how many are lost; scan again what is not in the basket |
//! | the hub restarted, so sequences restart | `restarted`, another `boot`, and all events since the start |

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use commerce::RegisterName;
use drivers::device::{DeviceEvent, What};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use store::hexadecimal;
use utoipa::ToSchema;

use crate::{
    config::{Config, DeviceKind},
    parts::events::HubEvent,
};

/// The number of events kept per lane.
const KEPT: usize = 256;

/// The position of an event in its lane's sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LanePosition {
    /// Identifies this run of the hub.
    #[schema(value_type = String)]
    pub(crate) boot: Arc<str>,
    /// Counted from 1 without gaps, in each run.
    pub(crate) sequence: u64,
}

/// A scan or a weight in a lane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LaneEvent {
    /// The position in the lane's sequence.
    pub(crate) sequence: u64,
    /// When it occurred: milliseconds since 1970, UTC.
    pub(crate) at_ms: u64,
    /// The device and the event: `scan` or `weight`.
    #[serde(flatten)]
    pub(crate) event: DeviceEvent,
}

/// The events of a lane after a position.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LaneEvents {
    /// Identifies this run of the hub.
    #[schema(value_type = String)]
    pub(crate) boot: Arc<str>,
    /// Whether `after` is from another run: earlier events are lost.
    pub(crate) restarted: bool,
    /// The latest sequence; 0 if there is none.
    pub(crate) last: u64,
    /// The number of events after the position that are lost.
    pub(crate) missed: u64,
    /// The events after the position, in order.
    pub(crate) events: Vec<LaneEvent>,
}

/// The lanes of a store with their devices and logs.
pub(crate) struct Lanes {
    boot: Arc<str>,
    /// The lanes of each device.
    of_device: HashMap<String, Vec<RegisterName>>,
    /// The log of each lane.
    logs: HashMap<RegisterName, Mutex<Log<LaneEvent>>>,
}

impl Lanes {
    /// The lanes of a config's registers.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let mut boot = [0; 8];
        SystemRandom::new().fill(&mut boot).map_err(|_| "the system has no random numbers")?;
        let mut of_device = HashMap::<String, Vec<RegisterName>>::new();
        for lane in &config.register {
            for device in DeviceKind::ALL.iter().filter_map(|kind| kind.of_lane(lane)) {
                of_device.entry(device.to_owned()).or_default().push(lane.name.clone());
            }
        }
        let logs = config.register.iter().map(|lane| (lane.name.clone(), Mutex::default())).collect();
        Ok(Self { boot: hexadecimal::of(&boot).into(), of_device, logs })
    }

    /// Converts a device's event for its listeners, and numbers scans and weights in each lane.
    pub(crate) fn hear(&self, event: &DeviceEvent) -> Vec<HubEvent> {
        if matches!(event.what, What::Health(_)) {
            return vec![HubEvent::device(event.clone(), None, None)];
        }
        let lanes = self.of_device.get(event.device.as_str()).map_or(&[][..], Vec::as_slice);
        let told = lanes.iter().map(|lane| HubEvent::device(event.clone(), Some(lane), self.number(lane, event)));
        told.collect()
    }

    fn number(&self, lane: &RegisterName, event: &DeviceEvent) -> Option<LanePosition> {
        if !matches!(event.what, What::Scan(_) | What::Weight(_)) {
            return None;
        }
        let at = event.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let at_ms = u64::try_from(at).unwrap_or(u64::MAX);
        let mut log = self.logs.get(lane)?.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = log.push(|sequence| LaneEvent { sequence, at_ms, event: event.clone() });
        Some(LanePosition { boot: Arc::clone(&self.boot), sequence })
    }

    /// The events of a lane after a sequence of a run; all that are kept if the run is different or missing. `None` if
    /// the lane does not exist.
    pub(crate) fn after(&self, lane: &RegisterName, boot: Option<&str>, after: u64) -> Option<LaneEvents> {
        let log = self.logs.get(lane)?.lock().unwrap_or_else(PoisonError::into_inner);
        let same = boot == Some(&*self.boot);
        let (missed, events) = log.after(if same { after } else { 0 });
        Some(LaneEvents {
            boot: Arc::clone(&self.boot),
            restarted: boot.is_some() && !same,
            last: log.last,
            missed,
            events,
        })
    }
}

/// The latest entries of a numbered log. Pure.
struct Log<T> {
    /// The last number; 0 if there is none.
    last: u64,
    kept: VecDeque<T>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { last: 0, kept: VecDeque::with_capacity(KEPT) }
    }
}

impl<T: Clone> Log<T> {
    /// Adds an entry, made from its number; the oldest is dropped if there are too many.
    fn push(&mut self, entry: impl FnOnce(u64) -> T) -> u64 {
        self.last += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(entry(self.last));
        self.last
    }

    /// The number of lost entries after a number, and those that are kept.
    fn after(&self, number: u64) -> (u64, Vec<T>) {
        let followed = self.last.saturating_sub(number);
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let missed = followed.saturating_sub(kept);
        let skipped = usize::try_from(kept.saturating_sub(followed)).unwrap_or(usize::MAX);
        (missed, self.kept.iter().skip(skipped).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use drivers::{
        device::Health,
        payment_terminal::Progress,
        scale::{Reading, Weight, WeightUnit},
        scanner::Scan,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::config;

    fn till(number: u8) -> RegisterName {
        format!("till-{number}").parse().unwrap()
    }

    /// Two lanes with a scanner each and a shared scale.
    fn lanes() -> Lanes {
        let config = config::tests::with(
            r#"
            [[scale]]
            name = "scale-1"
            address = "tcp://127.0.0.1:1"
            [[scanner]]
            name = "scanner-2"
            address = "tcp://127.0.0.1:2"
            [[register]]
            name = "till-2"
            scanner = "scanner-2"
            scale = "scale-1"
            [[register]]
            name = "till-3"
            scale = "scale-1"
            "#,
        );
        Lanes::new(&config).unwrap()
    }

    fn said(device: &str, what: What) -> DeviceEvent {
        DeviceEvent { device: device.parse().unwrap(), at: SystemTime::now(), what }
    }

    fn scan(device: &str, data: &str) -> DeviceEvent {
        said(device, What::Scan(Scan { data: data.into(), symbology: None }))
    }

    fn weight() -> DeviceEvent {
        said("scale-1", What::Weight(Reading::Stable { weight: Weight { milli: 1000, unit: WeightUnit::Pound } }))
    }

    #[test]
    fn each_lane_has_its_own_sequence_without_gaps() {
        let lanes = lanes();
        assert_eq!(lanes.hear(&scan("scanner-1", "42")).len(), 1);
        assert_eq!(lanes.hear(&scan("scanner-2", "43")).len(), 1);
        let told = lanes.hear(&weight());
        assert_eq!(told.len(), 2, "one for each lane with this scale");
        for (event, lane, sequence) in [(&told[0], 2, 2), (&told[1], 3, 1)] {
            assert!(event.is_for(&till(lane)) && !event.is_for(&till(1)));
            let json = serde_json::to_value(&event.what).unwrap();
            assert_eq!((&json["event"], &json["lane"]["sequence"]), (&"weight".into(), &sequence.into()));
            assert_eq!(
                (&json["reading"], &json["milli"], &json["unit"]),
                (&"stable".into(), &1000.into(), &"pound".into())
            );
        }
        let heard = lanes.after(&till(2), None, 0).unwrap();
        assert_eq!((heard.last, heard.missed, heard.restarted), (2, 0, false));
        let json = serde_json::to_value(&heard.events[0]).unwrap();
        assert_eq!((&json["sequence"], &json["device"], &json["data"]), (&1.into(), &"scanner-2".into(), &"43".into()));
        assert!(lanes.after(&till(9), None, 0).is_none());
    }

    #[test]
    fn health_goes_to_all_and_progress_to_the_lane_without_numbers() {
        let lanes = lanes();
        let health = lanes.hear(&said("scale-1", What::Health(Health::Ready)));
        assert!(health.len() == 1 && health[0].is_for(&till(1)) && health[0].is_for(&till(3)));
        let progress = lanes.hear(&said("scale-1", What::Payment(Progress { text: "idle".into() })));
        assert_eq!(progress.len(), 2);
        assert_eq!(lanes.after(&till(3), None, 0).unwrap().last, 0);
    }

    #[test]
    fn a_reconnecting_register_gets_missed_events_or_their_number() {
        let lanes = lanes();
        for number in 1..=300 {
            lanes.hear(&scan("scanner-2", &number.to_string()));
        }
        let boot = lanes.after(&till(2), None, 0).unwrap().boot;
        let after = |number| lanes.after(&till(2), Some(&boot), number).unwrap();
        let sequences = |events: &LaneEvents| events.events.iter().map(|event| event.sequence).collect::<Vec<_>>();
        assert_eq!((after(298).missed, sequences(&after(298))), (0, vec![299, 300]));
        assert_eq!((after(300).missed, sequences(&after(300))), (0, vec![]));
        assert_eq!((after(10).missed, sequences(&after(10))), (34, (45..=300).collect()));
        assert_eq!(sequences(&after(u64::MAX)), Vec::<u64>::new());
    }

    #[test]
    fn a_restart_is_reported() {
        let (before, now) = (lanes(), lanes());
        before.hear(&scan("scanner-2", "42"));
        let boot = before.after(&till(2), None, 0).unwrap().boot;
        now.hear(&scan("scanner-2", "43"));
        let heard = now.after(&till(2), Some(&boot), 1).unwrap();
        assert!(heard.restarted && heard.boot != boot);
        assert_eq!((heard.events.len(), heard.missed), (1, 0), "everything since the start");
    }

    proptest! {
        #[test]
        fn missed_and_returned_events_are_all_that_followed(pushed in 0_u64..600, after in 0_u64..700) {
            let mut log = Log::default();
            for _ in 0..pushed {
                log.push(|sequence| sequence);
            }
            let (missed, told) = log.after(after);
            let first = after + 1 + missed;
            let expected: Vec<u64> = (first..=pushed).collect();
            prop_assert!(told.len() <= KEPT);
            prop_assert_eq!(told, expected);
        }
    }
}
