//! What all devices share: a name, a state of health, and the events they send up.

use std::{str::FromStr, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

/// What every kind of device has.
pub trait Device: Send + Sync {
    /// Its name.
    fn name(&self) -> &DeviceName;

    /// How it is now.
    fn health(&self) -> Health;
}

/// The name a store's config gives a device, such as `scale-1`: 1 to 40 letters, digits or `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[A-Za-z0-9-]{1,40}$", example = "scale-1"))]
pub struct DeviceName(Arc<str>);

/// A name that a device can't have.
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

/// How a device is, as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Health {
    /// The first attempt to reach it is under way.
    Connecting,
    /// It answers.
    Ready,
    /// It answers but needs attention: out of paper, cover open, in an unfinished dialogue.
    Attention {
        /// What is wrong and what to do about it, for a person in the store.
        why: String,
    },
    /// It can't be reached; the supervisor keeps trying.
    Offline {
        /// What went wrong, with the address tried and a remedy.
        why: String,
        /// Failed attempts since a connection last held for five seconds.
        attempts: u32,
    },
}

/// Something a device did, as told to the hub.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeviceEvent {
    /// Which device.
    pub device: DeviceName,
    /// When the driver saw it.
    #[serde(skip)]
    pub at: SystemTime,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// Hears what devices do: each event at the moment it is reported, in order for each device. Called on the driver's own
/// task, so it must not wait.
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
    Weight(crate::scale::Reading),
    /// A payment terminal reports how far it is ("insert card"); never a result.
    Payment(crate::payment_terminal::Progress),
}
