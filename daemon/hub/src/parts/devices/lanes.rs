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
    time::{Instant, UNIX_EPOCH},
};

use commerce::RegisterName;
use drivers::device::{DeviceEvent, What};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use store::hexadecimal;
use utoipa::ToSchema;

use super::leases::Leases;
use crate::{
    config::{Config, DeviceKind},
    parts::{
        codes::{Codes, Decoded},
        events::HubEvent,
    },
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
    /// For a scan: what the code means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decoded: Option<Decoded>,
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
    codes: Arc<Codes>,
    leases: Arc<Leases>,
}

impl Lanes {
    /// The lanes of a config's registers.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn new(config: &Config, codes: Arc<Codes>, leases: Arc<Leases>) -> Result<Self, String> {
        let mut boot = [0; 8];
        SystemRandom::new().fill(&mut boot).map_err(|_| "the system has no random numbers")?;
        let mut of_device = HashMap::<String, Vec<RegisterName>>::new();
        for lane in &config.register {
            for device in DeviceKind::ALL.iter().filter_map(|kind| kind.of_lane(lane)) {
                of_device.entry(device.to_owned()).or_default().push(lane.name.clone());
            }
        }
        let logs = config.register.iter().map(|lane| (lane.name.clone(), Mutex::default())).collect();
        Ok(Self { boot: hexadecimal::of(&boot).into(), of_device, logs, codes, leases })
    }

    /// Identifies this run of the hub.
    pub(crate) fn boot(&self) -> Arc<str> {
        Arc::clone(&self.boot)
    }

    /// Converts a device's event for its listeners, and numbers scans and weights in each lane.
    pub(crate) fn hear(&self, event: &DeviceEvent) -> Vec<HubEvent> {
        if matches!(event.what, What::Health(_)) {
            return vec![HubEvent::device(event.clone(), None, None, None)];
        }
        let decoded = match &event.what {
            What::Scan(scan) => {
                let at_ms = i64::try_from(at_ms(event)).unwrap_or(i64::MAX);
                Some(self.codes.decoded(&scan.data, scan.symbology.as_deref(), at_ms))
            }
            _ => None,
        };
        let lanes = self.of_device.get(event.device.as_str()).map_or(&[][..], Vec::as_slice);
        // What a leased device reads is its holder's alone.
        let holder = self.leases.holder(event.device.as_str(), Instant::now());
        let hear = lanes.iter().filter(|lane| holder.as_ref().is_none_or(|holder| holder == *lane));
        let told = hear.map(|lane| {
            let position = self.number(lane, event, decoded.clone());
            HubEvent::device(event.clone(), Some(lane), position, decoded.clone())
        });
        told.collect()
    }

    fn number(&self, lane: &RegisterName, event: &DeviceEvent, decoded: Option<Decoded>) -> Option<LanePosition> {
        if !matches!(event.what, What::Scan(_) | What::Weight(_)) {
            return None;
        }
        let at_ms = at_ms(event);
        let mut log = self.logs.get(lane)?.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = log.push(|sequence| LaneEvent { sequence, at_ms, event: event.clone(), decoded });
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

/// The time of an event: milliseconds since 1970, UTC.
fn at_ms(event: &DeviceEvent) -> u64 {
    u64::try_from(event.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
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
        scale::{Weight, WeightUnit},
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
        let codes = Arc::new(Codes::new(&config).unwrap());
        Lanes::new(&config, codes, Arc::default()).unwrap()
    }

    fn said(device: &str, what: What) -> DeviceEvent {
        DeviceEvent { device: device.parse().unwrap(), at: SystemTime::now(), what }
    }

    fn scan(device: &str, data: &str) -> DeviceEvent {
        said(device, What::Scan(Scan { data: data.into(), symbology: None }))
    }

    fn weight() -> DeviceEvent {
        let weight = Weight { milli: Some(1000), unit: WeightUnit::Pound, stable: true, ..Weight::default() };
        said("scale-1", What::Weight(weight))
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
            assert_eq!((&json["stable"], &json["milli"], &json["unit"]), (&true.into(), &1000.into(), &"pound".into()));
        }
        let heard = lanes.after(&till(2), None, 0).unwrap();
        assert_eq!((heard.last, heard.missed, heard.restarted), (2, 0, false));
        let json = serde_json::to_value(&heard.events[0]).unwrap();
        assert_eq!((&json["sequence"], &json["device"], &json["data"]), (&1.into(), &"scanner-2".into(), &"43".into()));
        assert_eq!(json["decoded"]["code"]["skus"][0], "43");
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

    #[test]
    fn the_weights_of_a_leased_scale_are_its_holders() {
        let lanes = lanes();
        lanes.leases.take("scale-1", &till(3), Instant::now()).unwrap();
        let told = lanes.hear(&weight());
        assert!(told.len() == 1 && told[0].is_for(&till(3)));
        lanes.leases.give_back("scale-1", &till(3));
        assert_eq!(lanes.hear(&weight()).len(), 2);
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
