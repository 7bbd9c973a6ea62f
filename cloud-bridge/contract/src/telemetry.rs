//! The hub's condition, for the people who look after the fleet.
//!
//! Samples are kept in the hub's memory, at most [`MAX_KEPT`]: the oldest are dropped and counted. They are sent once,
//! after everything else, and never stored on disk. HQ shows the newest.

use serde::{Deserialize, Serialize};

use crate::{
    message::{BadMessage, MAX_SOFTWARE, MAX_STREAMS},
    name::{Epoch, HubId, Sequence, Stream},
    wire::Wire,
};

/// The maximum number of samples that a hub keeps while HQ is unreachable: two hours' worth.
pub const MAX_KEPT: usize = 240;

/// The maximum number of samples in a message.
pub const MAX_SAMPLES: usize = 60;

/// The maximum number of devices in a sample.
pub const MAX_DEVICES: usize = 128;

/// The maximum number of alarms in a sample.
pub const MAX_ALARMS: usize = 16;

/// The maximum length of a text in a sample, in bytes.
pub const MAX_TEXT: usize = 512;

/// Samples, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Telemetry {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// 1 to [`MAX_SAMPLES`] samples.
    pub samples: Vec<Sample>,
    /// The number of samples dropped since the hub started, because its buffer was full.
    pub dropped: u64,
}

/// The condition of a hub at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = TelemetrySample))]
pub struct Sample {
    /// When it was taken: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The hub's software and version.
    pub software: String,
    /// Seconds since the hub started.
    pub uptime_s: u64,
    /// The store's devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceSample>,
    /// Free bytes on the disk of the store's data.
    pub disk_free_bytes: u64,
    /// The size of the store's files and archive, in bytes.
    pub store_bytes: u64,
    /// HQ's lag in each stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamSample>,
    /// The version of the active catalog.
    pub catalog_version: u64,
    /// Conditions that need a person; the first 16, each truncated to 512 bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// The fault of the hub's clock, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
}

/// The condition of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeviceSample {
    /// The device's name in the config.
    pub device: String,
    /// The kind, such as `scale` or `payment_terminal`.
    pub kind: String,
    /// The health, such as `ready`, as in the hub's API.
    pub health: String,
}

/// The condition of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StreamSample {
    /// The stream.
    pub stream: Stream,
    /// The last event.
    pub last: Sequence,
    /// The last event that HQ has.
    pub acknowledged: Sequence,
    /// When the oldest event that HQ lacks occurred: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unsynced_at_ms: Option<i64>,
}

impl Wire for Telemetry {
    const NAME: &'static str = "telemetry";

    fn check(&self) -> Result<(), BadMessage> {
        let most =
            |what, count, most| if count > most { Err(BadMessage::TooMany { what, count, most }) } else { Ok(()) };
        if self.samples.is_empty() {
            return Err(BadMessage::Unreadable { why: "no samples".into() });
        }
        most("samples", self.samples.len(), MAX_SAMPLES)?;
        for sample in &self.samples {
            most("devices", sample.devices.len(), MAX_DEVICES)?;
            most("streams", sample.streams.len(), MAX_STREAMS)?;
            most("alarms", sample.alarms.len(), MAX_ALARMS)?;
            let of_devices = sample.devices.iter().flat_map(|device| [&device.device, &device.kind, &device.health]);
            let texts = of_devices.chain(&sample.alarms).chain(&sample.clock);
            if let Some(bytes) = texts.map(String::len).find(|bytes| *bytes > MAX_TEXT) {
                return Err(BadMessage::TooLong { what: "text", bytes, most: MAX_TEXT });
            }
            if sample.software.len() > MAX_SOFTWARE {
                let bytes = sample.software.len();
                return Err(BadMessage::TooLong { what: "software", bytes, most: MAX_SOFTWARE });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Packed;

    fn read(samples: Vec<Sample>) -> Result<Telemetry, BadMessage> {
        let telemetry = Telemetry { hub: "store-1".parse().unwrap(), epoch: Epoch(7), samples, dropped: 3 };
        let Packed { content_type, payload } = telemetry.encode().unwrap();
        Telemetry::decode(Some(&content_type), &payload)
    }

    #[test]
    fn a_full_message_is_accepted_and_a_larger_one_is_not() {
        let device = DeviceSample { device: "x".repeat(MAX_TEXT), kind: "scale".into(), health: "ready".into() };
        let stream = StreamSample {
            stream: Stream::sales(),
            last: Sequence(9),
            acknowledged: Sequence(1),
            oldest_unsynced_at_ms: Some(1),
        };
        let full = Sample {
            software: "x".repeat(MAX_SOFTWARE),
            devices: vec![device; MAX_DEVICES],
            streams: vec![stream; MAX_STREAMS],
            alarms: vec!["x".repeat(MAX_TEXT); MAX_ALARMS],
            clock: Some("x".repeat(MAX_TEXT)),
            ..Sample::default()
        };
        let read_back = read(vec![full.clone()]).unwrap().samples;
        assert_eq!((read_back.first(), read_back.len()), (Some(&full), 1));
        assert_eq!(read(vec![Sample::default(); MAX_SAMPLES]).unwrap().dropped, 3);
        assert!(read(vec![]).is_err());
        assert!(matches!(read(vec![Sample::default(); MAX_SAMPLES + 1]), Err(BadMessage::TooMany { .. })));
        let wrong: [fn(&mut Sample); 6] = [
            |sample| sample.devices.push(sample.devices[0].clone()),
            |sample| sample.streams.push(sample.streams[0].clone()),
            |sample| sample.alarms.push(String::new()),
            |sample| sample.alarms[0].push('x'),
            |sample| sample.software.push('x'),
            |sample| sample.devices[0].device.push('x'),
        ];
        for spoil in wrong {
            let mut sample = full.clone();
            spoil(&mut sample);
            assert!(read(vec![sample]).is_err());
        }
    }
}
