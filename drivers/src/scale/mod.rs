//! Scales: one type of weight and one driver for all protocols.
//!
//! A protocol is a file that says how to ask once and how to read the answer, and a line in [`PROTOCOLS`]. The driver
//! asks an idle scale twice a second and reports every change. [`Scale::weigh`] waits for a weight that may be sold
//! ([`Stable`]), or says why there is none.

use std::time::Duration;

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod cas;
mod dialog06;
mod frames;
mod hid;
mod mt_sics;
mod nci;
mod poll;
mod toledo8217;
mod weight;

pub use weight::{Stable, Unsellable, Weight, WeightUnit};

/// The protocols of scales.
pub const PROTOCOLS: &[Protocol<dyn Scale>] = &[
    Protocol {
        name: "toledo-8217",
        prepare: |setup| with_settings(setup, |start| Ok(poll::start(start, toledo8217::Toledo8217))),
    },
    Protocol {
        name: "mt-sics",
        prepare: |setup| with_settings(setup, |start| Ok(poll::start(start, |mt_sics::Settings {}| mt_sics::MtSics))),
    },
    Protocol { name: "nci", prepare: |setup| with_settings(setup, |start| Ok(poll::start(start, nci::Nci))) },
    Protocol {
        name: "cas",
        prepare: |setup| with_settings(setup, |start| Ok(poll::start(start, |cas::Settings {}| cas::Cas))),
    },
    Protocol { name: "dialog-06", prepare: |setup| with_settings(setup, dialog06::start) },
    Protocol {
        name: "hid",
        prepare: |setup| with_settings(setup, |start| Ok(poll::start(start, |hid::Settings {}| hid::Hid::default()))),
    },
];

/// A scale.
pub trait Scale: Device {
    /// Requests one stable weight; waits at most `limit` for the plate to settle. Scales that compute the price need
    /// the unit price, in the digits that they show.
    fn weigh(&self, limit: Duration, unit_price: Option<u32>) -> Answer<'_, Result<Stable, ScaleError>>;
}

/// Why there is no weight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Not connected.
    #[error("scale {device} is offline: {why}")]
    Offline {
        /// The device's name.
        device: String,
        /// The latest error that its supervisor saw.
        why: String,
    },
    /// The plate did not settle in time.
    #[error(
        "scale {device}: the weight did not settle within {} ms; wait until the plate is still and weigh again",
        waited.as_millis()
    )]
    Unsettled {
        /// The device's name.
        device: String,
        /// How long the driver waited.
        waited: Duration,
    },
    /// The reading is not valid for a sale.
    #[error("scale {device}: {why}")]
    Unusable {
        /// The device's name.
        device: String,
        /// The reason and the remedy.
        why: String,
    },
    /// It sent an invalid answer, or none in time.
    #[error("scale {device} answered {got}; check that it is set to the protocol {protocol}")]
    Protocol {
        /// The device's name.
        device: String,
        /// The answer, escaped.
        got: String,
        /// The protocol in the config.
        protocol: &'static str,
    },
}
