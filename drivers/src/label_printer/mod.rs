//! Label printers: shelf and item labels.

pub use crate::printer::PrintError;
use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod zpl;

/// The protocols of label printers.
pub const PROTOCOLS: &[Protocol<dyn LabelPrinter>] =
    &[Protocol { name: "zpl", prepare: |setup| with_settings(setup, |start| Ok(zpl::start(start))) }];

/// A shelf or item label; the driver lays it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The first line, large; wrapped to two lines at most.
    pub title: String,
    /// Small print below it (package size, department).
    pub detail: String,
    /// The price as printed, such as `3.69`.
    pub price: String,
    /// The currency sign or code beside the price.
    pub currency: String,
    /// Its barcode.
    pub barcode: Barcode,
    /// The number of copies, 1 to 999.
    pub copies: u16,
}

/// A label's barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barcode {
    /// The digits of a GTIN: 8 as EAN-8, 12 as UPC-A, 13 as EAN-13, 14 as GS1-128 with application identifier 01.
    Gtin(String),
    /// The retailer's own number as Code 128: 1 to 32 printable ASCII characters.
    Code128(String),
}

/// A label printer.
pub trait LabelPrinter: Device {
    /// Prints a label; returns when the printer has accepted it and reports no fault.
    fn print<'a>(&'a self, label: &'a Label) -> Answer<'a, Result<(), PrintError>>;
}
