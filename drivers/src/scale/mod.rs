//! Scales: weigh what lies on the plate.

use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod toledo8217;

/// What scales can be spoken to in.
pub const PROTOCOLS: &[Protocol<dyn Scale>] =
    &[Protocol { name: "toledo-8217", prepare: |setup| with_settings(setup, |start| Ok(toledo8217::start(start))) }];

/// What a scale weighs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum WeightUnit {
    /// Kilograms.
    #[default]
    Kilogram,
    /// Avoirdupois pounds of 453.59237 g.
    Pound,
}

/// A legal-for-trade reading, as the scale shows it: never converted, for a price by the pound is of the pounds shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Weight {
    /// Thousandths of the unit.
    pub milli: u32,
    /// The scale's unit.
    pub unit: WeightUnit,
}

impl std::fmt::Display for Weight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let symbol = match self.unit {
            WeightUnit::Kilogram => "kg",
            WeightUnit::Pound => "lb",
        };
        write!(f, "{}.{:03} {symbol}", self.milli / 1000, self.milli % 1000)
    }
}

/// What the scale last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Reading {
    /// At rest, above zero: may be sold by.
    Stable {
        /// The weight.
        #[serde(flatten)]
        weight: Weight,
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
    fn weigh(&self) -> Answer<'_, Result<Weight, ScaleError>>;
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
