//! From a device's table in the config to a running driver.
//!
//! Each kind of device has one list of [`Protocol`]s (`scale::PROTOCOLS`, `payment_terminal::PROTOCOLS`, …). A new
//! protocol is a module and a line in that list. It defines its own settings, which nothing else knows.
//!
//! [`prepare`] checks a table without touching a device or file. [`Prepared::start`] then starts the driver on the
//! current runtime.
//!
//! | problem | result |
//! | --- | --- |
//! | an unknown protocol | an error that lists the known ones |
//! | an unknown setting or an invalid value | an error that names it |
//! | a file in the settings can't be read | an error at the start |

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    device::{DeviceName, Listener},
    transport::Address,
};

/// A device as the config describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Its name, unique among all devices.
    pub name: DeviceName,
    /// The address.
    pub address: Address,
    /// The protocol; by default the first of the kind's list, which is the most common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The protocol's own settings.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl Setup {
    /// A device with the only protocol of its kind and default settings.
    pub fn new(name: DeviceName, address: Address) -> Self {
        Self { name, address, protocol: None, settings: Map::new() }
    }
}

/// The store's data that drivers need.
#[derive(Clone)]
pub struct StartContext {
    /// The ISO 4217 number of the store's currency.
    pub currency: u16,
    /// Called with the devices' events.
    pub events: Listener,
}

/// A protocol for a kind of device, such as `dyn Scale`.
pub struct Protocol<D: ?Sized + 'static> {
    /// The name in the config.
    pub name: &'static str,
    /// Checks a device's settings and returns its starter.
    pub prepare: fn(Setup) -> Result<Prepared<D>, SetupError>,
}

/// A device with valid settings, ready to be started.
pub struct Prepared<D: ?Sized>(Box<Starter<D>>);

type Starter<D> = dyn FnOnce(&StartContext) -> Result<Arc<D>, SetupError> + Send;

impl<D: ?Sized> Prepared<D> {
    /// Starts the driver on the current runtime.
    ///
    /// # Errors
    /// A file in its settings can't be read.
    pub fn start(self, context: &StartContext) -> Result<Arc<D>, SetupError> {
        (self.0)(context)
    }
}

/// The arguments of a protocol's `start` function.
pub(crate) struct Start<'a, S> {
    pub(crate) name: DeviceName,
    pub(crate) address: Address,
    pub(crate) settings: S,
    pub(crate) context: &'a StartContext,
}

/// Why a device of the config can't be used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The kind of device has no such protocol.
    #[error("unknown protocol `{given}`; expected one of: {known}")]
    UnknownProtocol {
        /// The protocol in the config.
        given: String,
        /// The known protocols.
        known: String,
    },
    /// A setting is unknown, missing or invalid.
    #[error("{why}")]
    Settings {
        /// The setting, and what is expected.
        why: String,
    },
    /// The settings are valid, but the device can't be started.
    #[error("{why}")]
    NotStarted {
        /// The reason and the remedy.
        why: String,
    },
}

/// Checks a device's table against the protocols of its kind.
///
/// # Errors
/// The protocol is unknown, or a setting is wrong.
pub fn prepare<D: ?Sized>(protocols: &[Protocol<D>], setup: Setup) -> Result<Prepared<D>, SetupError> {
    let known = || protocols.iter().map(|protocol| protocol.name).collect::<Vec<_>>().join(", ");
    let protocol = match (&setup.protocol, protocols) {
        (Some(given), _) => protocols
            .iter()
            .find(|protocol| protocol.name == given)
            .ok_or_else(|| SetupError::UnknownProtocol { given: given.escape_debug().to_string(), known: known() })?,
        (None, [first, ..]) => first,
        (None, []) => return Err(SetupError::UnknownProtocol { given: String::new(), known: known() }),
    };
    (protocol.prepare)(setup)
}

/// Reads a protocol's settings; `start` runs later.
pub(crate) fn with_settings<S, D>(
    setup: Setup,
    start: fn(Start<'_, S>) -> Result<Arc<D>, SetupError>,
) -> Result<Prepared<D>, SetupError>
where
    S: DeserializeOwned + Send + 'static,
    D: ?Sized + 'static,
{
    let Setup { name, address, settings, .. } = setup;
    let settings: S = serde_json::from_value(Value::Object(settings))
        .map_err(|error| SetupError::Settings { why: error.to_string() })?;
    Ok(Prepared(Box::new(move |context| start(Start { name, address, settings, context }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &'static str) -> Protocol<str> {
        Protocol {
            name,
            prepare: |setup| with_settings(setup, |_: Start<'_, Map<String, Value>>| Ok("started".into())),
        }
    }

    fn setup(protocol: Option<&str>) -> Setup {
        let setup = Setup::new("scale-1".parse().unwrap(), "tcp://127.0.0.1:1".parse().unwrap());
        Setup { protocol: protocol.map(str::to_owned), ..setup }
    }

    #[test]
    fn the_first_protocol_is_the_default() {
        let error =
            |protocols: &[Protocol<str>], named| prepare(protocols, setup(named)).err().map(|error| error.to_string());
        assert_eq!(error(&[one("a")], None), None);
        assert_eq!(error(&[one("a"), one("b")], Some("b")), None);
        assert_eq!(error(&[one("a"), one("b")], None), None);
        assert_eq!(
            error(&[one("a"), one("b")], Some("c\n")).unwrap(),
            "unknown protocol `c\\n`; expected one of: a, b"
        );
    }
}
