//! Scales: weigh what lies on the plate.

use serde::Serialize;

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod toledo8217;

/// What scales can be spoken to in.
pub const PROTOCOLS: &[Protocol<dyn Scale>] =
    &[Protocol { name: "toledo-8217", prepare: |setup| with_settings(setup, |start| Ok(toledo8217::start(start))) }];

/// A weight in grams of the legal-for-trade reading; the driver converts from the scale's unit and keeps the division
/// exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Grams(pub u32);

/// What the scale last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Reading {
    /// At rest, above zero: may be sold by.
    Stable {
        /// The weight.
        grams: Grams,
    },
    /// In motion: ask again.
    Motion,
    /// Under zero, over capacity, at zero, or out of its zero range: not a weight to sell by.
    Unusable {
        /// Which, in words for the cashier.
        why: String,
    },
}

/// A scale as the hub uses it.
pub trait Scale: Device {
    /// Asks for one weight at rest; waits for the plate to settle, at most the driver's time-out (2 s).
    fn weigh(&self) -> Answer<'_, Result<Grams, ScaleError>>;
}

/// Why there is no weight.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// Not connected.
    #[error("scale {device} is offline: {why}")]
    Offline {
        /// Its name.
        device: String,
        /// What its supervisor last saw.
        why: String,
    },
    /// The plate did not settle in time.
    #[error(
        "scale {device}: the weight did not settle within {waited_ms} ms; wait for the plate to rest and weigh again"
    )]
    Unsettled {
        /// Its name.
        device: String,
        /// How long the driver waited.
        waited_ms: u64,
    },
    /// A reading that can't be sold by.
    #[error("scale {device}: {why}")]
    Unusable {
        /// Its name.
        device: String,
        /// Which and what to do.
        why: String,
    },
    /// It answered something else, or not in time.
    #[error("scale {device} answered {got}; check that its protocol is set to Toledo 8217")]
    Protocol {
        /// Its name.
        device: String,
        /// What came, escaped.
        got: String,
    },
}
