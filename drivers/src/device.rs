//! Common to all devices: name, health, and events.

use std::{str::FromStr, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

/// The interface of every kind of device.
pub trait Device: Send + Sync {
    /// The device's name.
    fn name(&self) -> &DeviceName;

    /// Its current health.
    fn health(&self) -> Health;
}

/// A device's name in the config, such as `scale-1`: 1 to 40 letters, digits or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Za-z0-9-]{1,40}$", example = "scale-1"))]
pub struct DeviceName(Arc<str>);

/// The name is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid device name `{0}`: 1 to 40 letters, digits or `-`")]
pub struct InvalidDeviceName(String);

impl DeviceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = InvalidDeviceName;

    fn from_str(text: &str) -> Result<Self, InvalidDeviceName> {
        if (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            Ok(Self(text.into()))
        } else {
            Err(InvalidDeviceName(text.escape_debug().to_string()))
        }
    }
}

impl TryFrom<String> for DeviceName {
    type Error = InvalidDeviceName;

    fn try_from(text: String) -> Result<Self, InvalidDeviceName> {
        text.parse()
    }
}

impl Serialize for DeviceName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The health of a device as seen by its supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Health {
    /// The first connection attempt is in progress.
    Connecting,
    /// It answers.
    Ready,
    /// It answers but needs attention: out of paper, cover open, or an unfinished dialogue.
    Attention {
        /// The problem and the remedy, for a person in the store.
        why: String,
    },
    /// It can't be reached; the supervisor keeps trying.
    Offline {
        /// The error, with the address and a remedy.
        why: String,
        /// Failed attempts since the last connection that lasted five seconds.
        attempts: u32,
    },
}

/// An event of a device.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeviceEvent {
    /// The device.
    pub device: DeviceName,
    /// The time when the driver saw it.
    #[serde(skip)]
    pub at: SystemTime,
    /// The event.
    #[serde(flatten)]
    pub what: What,
}

/// Called with each event when it is reported, in order per device. It runs on the driver's task, so it must not block.
pub type Listener = Arc<dyn Fn(DeviceEvent) + Send + Sync>;

/// The kinds of [`DeviceEvent`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = DeviceEventKind))]
pub enum What {
    /// Its health changed.
    Health(Health),
    /// A code was scanned.
    Scan(crate::scanner::Scan),
    /// A weight was read.
    Weight(crate::scale::Weight),
    /// A payment terminal reports its progress ("insert card"), never a result.
    Payment(crate::payment_terminal::Progress),
}
