//! What each device has done since the hub started: its latest event, when it was last heard, its failures.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use drivers::device::{DeviceEvent, DeviceName, Health, What};
use serde::Serialize;
use utoipa::ToSchema;

/// What a device has done since the hub started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceRecord {
    /// The latest event: a weight, a code or a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    /// When it was last heard: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at_ms: Option<u64>,
    /// How often it needed attention.
    attentions: u64,
    /// How often it was lost.
    losses: u64,
    /// The latest of both, with the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_trouble: Option<String>,
}

/// The records of all devices.
#[derive(Default)]
pub(super) struct Records(Mutex<HashMap<DeviceName, DeviceRecord>>);

impl Records {
    pub(super) fn remember(&self, event: &DeviceEvent) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.entry(event.device.clone()).or_default();
        let said = match &event.what {
            What::Health(health) => return record.hear(health, event),
            What::Scan(scan) => scan.data.clone(),
            What::Weight(weight) => weight.to_string(),
            What::Payment(progress) => progress.text.clone(),
        };
        record.last = Some(said);
        record.is_seen(event);
    }

    pub(super) fn of(&self, device: &DeviceName) -> DeviceRecord {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(device).cloned().unwrap_or_default()
    }
}

impl DeviceRecord {
    fn hear(&mut self, health: &Health, event: &DeviceEvent) {
        match health {
            Health::Connecting => {}
            Health::Ready => self.is_seen(event),
            Health::Attention { why } => {
                self.attentions += 1;
                self.last_trouble = Some(why.clone());
                self.is_seen(event);
            }
            Health::Offline { why, .. } => {
                self.losses += 1;
                self.last_trouble = Some(why.clone());
            }
        }
    }

    fn is_seen(&mut self, event: &DeviceEvent) {
        let ms = event.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.seen_at_ms = u64::try_from(ms).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn losses_and_the_last_sign_of_life_are_kept_apart() {
        let records = Records::default();
        let device: DeviceName = "scale-1".parse().unwrap();
        let at = |seconds, what| DeviceEvent {
            device: device.clone(),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            what: What::Health(what),
        };
        records.remember(&at(1, Health::Ready));
        records.remember(&at(2, Health::Attention { why: "garbage".into() }));
        records.remember(&at(3, Health::Offline { why: "unplugged".into(), attempts: 1 }));
        let record = records.of(&device);
        assert_eq!((record.seen_at_ms, record.attentions, record.losses), (Some(2000), 1, 1));
        assert_eq!(record.last_trouble.as_deref(), Some("unplugged"));
    }
}
