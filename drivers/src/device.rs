//! What all devices share: a name, a state of health, and the events they send up.

use std::{sync::Arc, time::SystemTime};

use serde::Serialize;

/// The name a store's config gives a device, such as `scale-1`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName(Arc<str>);

impl DeviceName {
    /// Takes any text; the config has checked it (letters, digits, `-`).
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
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
pub enum Health {
    /// The first attempt to reach it is under way.
    Connecting,
    /// It answers.
    Ready,
    /// It answers but needs a hand: out of paper, cover open, in an unfinished dialogue.
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

/// The kinds of [`DeviceEvent`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
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
