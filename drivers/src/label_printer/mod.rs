//! Label printers: shelf and item labels.

use crate::Answer;

pub mod zpl;

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
    /// The code's digits: 13 for EAN-13, 8 for EAN-8, 12 for UPC-A.
    pub barcode: String,
    /// How many of it: 1 to 999.
    pub copies: u16,
}

/// A label printer as the hub uses it.
pub trait LabelPrinter: Send + Sync {
    /// Prints a label; answers when the printer has taken it and reports no fault.
    fn print<'a>(&'a self, label: &'a Label) -> Answer<'a, Result<(), PrintError>>;
}

/// Why something was not printed. Shared with receipt printers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrintError {
    /// Not connected.
    #[error("printer {device} is offline: {why}")]
    Offline {
        /// Its name.
        device: String,
        /// What its supervisor last saw.
        why: String,
    },
    /// It answers, but can't print: paper, cover, head.
    #[error("printer {device}: {why}")]
    NeedsAttention {
        /// Its name.
        device: String,
        /// What to do.
        why: String,
    },
    /// It stopped answering in the middle.
    #[error("printer {device} did not take the data within {waited_ms} ms")]
    TimedOut {
        /// Its name.
        device: String,
        /// How long the driver waited.
        waited_ms: u64,
    },
    /// What was to be printed can't be.
    #[error("can't be printed: {why}")]
    Invalid {
        /// Which field and why.
        why: String,
    },
}
