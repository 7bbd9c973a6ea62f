//! Scales.

use serde::{Deserialize, Serialize};

use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod toledo8217;

/// The protocols of scales.
pub const PROTOCOLS: &[Protocol<dyn Scale>] =
    &[Protocol { name: "toledo-8217", prepare: |setup| with_settings(setup, |start| Ok(toledo8217::start(start))) }];

/// The unit of a scale.
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

/// A legal-for-trade reading as the scale shows it. It is never converted, because a price per pound refers to the
/// pounds shown.
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

/// A scale's latest reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Reading {
    /// Stable and above zero: valid for a sale.
    Stable {
        /// The weight.
        #[serde(flatten)]
        weight: Weight,
    },
    /// In motion: try again.
    Motion,
    /// Below zero, over capacity, at zero, or outside its zero range: not valid for a sale.
    Unusable {
        /// The reason, for the cashier.
        why: String,
    },
}

/// A scale.
pub trait Scale: Device {
    /// Requests one stable weight; waits for the plate to settle, at most the driver's time-out (2 s).
    fn weigh(&self) -> Answer<'_, Result<Weight, ScaleError>>;
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
        "scale {device}: the weight did not settle within {waited_ms} ms; wait until the plate is still and weigh again"
    )]
    Unsettled {
        /// The device's name.
        device: String,
        /// How long the driver waited, in milliseconds.
        waited_ms: u64,
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
    #[error("scale {device} answered {got}; check that it is set to the protocol Toledo 8217")]
    Protocol {
        /// The device's name.
        device: String,
        /// The answer, escaped.
        got: String,
    },
}
