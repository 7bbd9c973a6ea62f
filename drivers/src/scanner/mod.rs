//! Scanners: codes and their symbologies.
//!
//! A scanner only sends. Its codes arrive as [`What::Scan`](crate::device::What::Scan).

use serde::Serialize;

use crate::{
    device::Device,
    registry::{Protocol, with_settings},
};

mod serial;

pub use serial::MAX_SCAN;

/// The protocols of scanners.
pub const PROTOCOLS: &[Protocol<dyn Device>] =
    &[Protocol { name: "serial", prepare: |setup| with_settings(setup, |start| Ok(serial::start(start))) }];

/// A scanned code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Scan {
    /// The content, printable characters only.
    pub data: String,
    /// The symbology by its AIM identifier (ISO/IEC 15424), if the scanner sends one.
    pub symbology: Option<Symbology>,
}

/// AIM symbology identifiers that matter at a checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Symbology {
    /// `]E0`: EAN-13, UPC-A and UPC-E, as 13 digits.
    Ean13,
    /// `]E4`: EAN-8.
    Ean8,
    /// `]C1`: GS1-128.
    Gs1_128,
    /// `]C0` and other Code 128.
    Code128,
    /// `]e0`: GS1 DataBar.
    Gs1DataBar,
    /// `]d2`: GS1 DataMatrix.
    Gs1DataMatrix,
    /// `]Q…`: QR codes.
    Qr,
    /// Any other identifier, kept as its letter and modifier.
    Other(char, char),
}
