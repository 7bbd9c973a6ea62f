//! Scanners: what was read, and what kind of code it was.
//!
//! A scanner only talks; nothing can be asked of it. What it reads arrives as
//! [`What::Scan`](crate::device::What::Scan).

use serde::Serialize;

use crate::{
    device::Device,
    registry::{Protocol, with_settings},
};

mod serial;

pub use serial::MAX_SCAN;

/// What scanners speak.
pub const PROTOCOLS: &[Protocol<dyn Device>] =
    &[Protocol { name: "serial", prepare: |setup| with_settings(setup, |start| Ok(serial::start(start))) }];

/// One scanned code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Scan {
    /// The code's content, printable characters only.
    pub data: String,
    /// The kind of code by its AIM symbology identifier (ISO/IEC 15424), if the scanner sends one.
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
