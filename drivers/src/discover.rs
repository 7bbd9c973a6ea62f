//! What is plugged in, and which protocol it speaks: for people who set up a store.
//!
//! Looking disturbs no device: USB devices are described by what they say of themselves, and nothing is opened. Probing
//! sends requests of every scale protocol at its usual settings, so it is for a line that no driver has open and that
//! is not a printer's.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    device::{Listener, What},
    registry::{Setup, StartContext, prepare},
    scale::{self, Weight},
    transport::{Address, Parity, SerialLine, serial_adapters},
    usb::{Bus, UsbDevice},
};

/// What is plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Found {
    /// USB devices.
    pub usb: Vec<Described>,
    /// Serial lines of USB adapters.
    pub serial: Vec<Line>,
    /// Why there is no list of USB devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A USB device with the table for the config that fits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Described {
    /// What it says of itself.
    #[serde(flatten)]
    pub device: UsbDevice,
    /// The table for the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// The serial line of a USB adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SerialLine))]
pub struct Line {
    /// Its device file now.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub path: PathBuf,
    /// Its address in a config, in whichever port it is plugged in.
    pub address: String,
}

/// How long the USB thread may take for its first look.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Looks what is plugged in.
pub async fn look() -> Found {
    let serial = tokio::task::spawn_blocking(serial_adapters).await.unwrap_or_default();
    let serial = serial.into_iter().map(|(path, id)| {
        let address = Address::UsbSerial { id, line: SerialLine::default() }.to_string();
        Line { path, address }
    });
    let mut found = Found { serial: serial.collect(), ..Found::default() };
    match Bus::get() {
        Ok(bus) => {
            let mut devices = bus.devices();
            if devices.borrow().is_empty() {
                let _ = timeout(FIRST_LOOK, devices.changed()).await;
            }
            let described = |device: &UsbDevice| Described { suggestion: device.suggestion(), device: device.clone() };
            found.usb = devices.borrow().iter().map(described).collect();
        }
        Err(why) => found.trouble = Some(why),
    }
    found
}

/// A protocol that a device answered in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The protocol.
    pub protocol: &'static str,
    /// The address with the line settings that worked.
    pub address: String,
    /// The first weight.
    pub weight: Weight,
}

/// How long a device may take for its first answer.
const FIRST_ANSWER: Duration = Duration::from_millis(1_600);

const SEVEN_EVEN: SerialLine = SerialLine { baud: 9600, data: 7, parity: Parity::Even, stop: 1 };
const EIGHT_NONE: SerialLine = SerialLine { baud: 9600, data: 8, parity: Parity::None, stop: 1 };

/// The scale protocols that can be asked without selling anything, with their usual lines, the most common first.
const TRIES: &[(&str, SerialLine)] = &[
    ("toledo-8217", SEVEN_EVEN),
    ("mt-sics", EIGHT_NONE),
    ("nci", SEVEN_EVEN),
    ("cas", EIGHT_NONE),
    ("toledo-8217", SerialLine { baud: 4800, ..SEVEN_EVEN }),
    ("toledo-8217", SerialLine { baud: 2400, ..SEVEN_EVEN }),
    ("mt-sics", SerialLine { baud: 2400, ..SEVEN_EVEN }),
];

/// Tries the scale protocols at an address until one answers; `tell` hears of each attempt.
pub async fn probe(address: &Address, mut tell: impl FnMut(&str)) -> Option<Answered> {
    for (protocol, line) in TRIES {
        let address = match address {
            Address::Serial { path, .. } => Address::Serial { path: path.clone(), line: *line },
            Address::UsbSerial { id, .. } => Address::UsbSerial { id: id.clone(), line: *line },
            other => other.clone(),
        };
        tell(&format!("{protocol} at {address}"));
        if let Some(weight) = first_weight(protocol, &address).await {
            return Some(Answered { protocol, address: address.to_string(), weight });
        }
    }
    None
}

async fn first_weight(protocol: &str, address: &Address) -> Option<Weight> {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let events: Listener = Arc::new(move |event| drop(tell.send(event.what)));
    let mut setup = Setup::new("probe".parse().ok()?, address.clone());
    setup.protocol = Some(protocol.to_owned());
    let context = StartContext { currency: 0, events };
    let _scale = prepare(scale::PROTOCOLS, setup).ok()?.start(&context).ok()?;
    let listening = async {
        loop {
            // Nothing else ends the attempt: the line of the attempt before may still be closing, and the scale may
            // answer its requests as errors first.
            if let What::Weight(weight) = heard.recv().await? {
                return Some(weight);
            }
        }
    };
    timeout(FIRST_ANSWER, listening).await.ok()?
}
