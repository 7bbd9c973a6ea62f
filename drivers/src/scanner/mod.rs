//! Scanners: codes and their symbologies.
//!
//! A scanner only sends. Its codes arrive as [`What::Scan`](crate::device::What::Scan).

use std::convert::Infallible;

use serde::Serialize;

use crate::{
    device::{Device, DeviceName, Health},
    registry::{Protocol, with_settings},
    supervise::{Abandon, Handle},
};

mod hid;
mod keyboard;
mod payload;
mod serial;

/// The protocols of scanners.
pub const PROTOCOLS: &[Protocol<dyn Device>] = &[
    Protocol { name: "serial", prepare: |setup| with_settings(setup, |start| Ok(serial::start(start))) },
    Protocol { name: "hid", prepare: |setup| with_settings(setup, |start| Ok(hid::start(start))) },
    Protocol { name: "keyboard", prepare: |setup| with_settings(setup, |start| Ok(keyboard::start(start))) },
];

/// A running scanner; its codes arrive as events.
struct RunningScanner(Handle<Infallible>);

impl Device for RunningScanner {
    fn name(&self) -> &DeviceName {
        self.0.device()
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

/// A scanner accepts no requests.
impl Abandon for Infallible {
    fn is_abandoned(&self) -> bool {
        match *self {}
    }
}

/// A scanned code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Scan {
    /// The content, printable characters only; GS (1D hexadecimal) separates the fields of GS1 codes.
    pub data: String,
    /// The AIM identifier of the symbology (ISO/IEC 15424), such as `]E0` for EAN-13, if the scanner sends one.
    #[cfg_attr(feature = "schema", schema(example = "]E0"))]
    pub symbology: Option<String>,
}
