//! Receipt printers, and the cash drawer that is connected to one.

use serde::{Deserialize, Serialize};

pub use crate::printer::{PrintError, PrintOutcome};
use crate::{
    Answer,
    device::Device,
    registry::{Protocol, with_settings},
};

mod escpos;
mod letters;
mod paper;
mod raster;

pub use paper::{PaperLine, layout, lines};

/// The protocols of receipt printers.
pub const PROTOCOLS: &[Protocol<dyn ReceiptPrinter>] =
    &[Protocol { name: "esc-pos", prepare: |setup| with_settings(setup, |start| Ok(escpos::start(start))) }];

/// The contents of a receipt, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

/// A part of a [`Document`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// A centred line, double size.
    Heading {
        /// The text.
        text: String,
    },
    /// A line of text, which may wrap.
    Text {
        /// The text.
        text: String,
        /// The alignment.
        #[serde(default)]
        align: Align,
        /// Printed bold.
        #[serde(default)]
        bold: bool,
    },
    /// Text on the left and an amount on the right; a long text wraps beside the amount.
    Columns {
        /// The left text.
        left: String,
        /// The right text.
        right: String,
        /// Printed bold.
        #[serde(default)]
        bold: bool,
    },
    /// A rule across the whole width.
    Rule,
    /// A Code 128 barcode with its text below.
    Barcode {
        /// The data, printable ASCII.
        data: String,
    },
    /// Empty lines.
    Feed {
        /// The number of lines.
        lines: u8,
    },
}

/// Alignment of a line of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// At the left edge.
    #[default]
    Left,
    /// In the middle.
    Centre,
    /// At the right edge.
    Right,
}

/// A receipt printer.
pub trait ReceiptPrinter: Device {
    /// The number of characters per line.
    fn columns(&self) -> u8;

    /// Prints the document and cuts; returns when the printer confirms the end, or when it no longer can. After an
    /// error the document is not on paper, or not completely, and may be printed again.
    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<PrintOutcome, PrintError>>;

    /// Opens the cash drawer, even if the printer has no paper.
    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>>;
}
