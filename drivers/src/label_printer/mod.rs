//! Label printers: shelf and item labels.

pub use crate::printer::PrintError;
use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod zpl;

/// What label printers can be spoken to in.
pub const PROTOCOLS: &[Protocol<dyn LabelPrinter>] =
    &[Protocol { name: "zpl", prepare: |setup| with_settings(setup, |start| Ok(zpl::start(start))) }];

/// A shelf or item label; the printer's driver lays it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// First line, large; wrapped to two lines at most.
    pub title: String,
    /// Small print under it (package size, department).
    pub detail: String,
    /// Price as it shall be read, such as `3.69`.
    pub price: String,
    /// Currency sign or code beside the price.
    pub currency: String,
    /// Its barcode.
    pub barcode: Barcode,
    /// How many of it: 1 to 999.
    pub copies: u16,
}

/// A label's barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barcode {
    /// A GTIN's digits: 8 as EAN-8, 12 as UPC-A, 13 as EAN-13, 14 as GS1-128 with application identifier 01.
    Gtin(String),
    /// The retailer's own number as Code 128: 1 to 32 printable ASCII characters.
    Code128(String),
}

/// A label printer as the hub uses it.
pub trait LabelPrinter: Device {
    /// Prints a label; answers when the printer has taken it and reports no fault.
    fn print<'a>(&'a self, label: &'a Label) -> Answer<'a, Result<(), PrintError>>;
}
