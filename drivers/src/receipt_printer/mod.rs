//! Receipt printers: a document of lines, a barcode, a cut; the drawer that hangs on the printer.

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

/// What receipt printers can be spoken to in.
pub const PROTOCOLS: &[Protocol<dyn ReceiptPrinter>] =
    &[Protocol { name: "esc-pos", prepare: |setup| with_settings(setup, |start| Ok(escpos::start(start))) }];

/// What goes on the paper, top to bottom.
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
    /// A line; longer ones wrap.
    Text {
        /// The text.
        text: String,
        /// Where it stands.
        #[serde(default)]
        align: Align,
        /// Printed bold.
        #[serde(default)]
        bold: bool,
    },
    /// Text left and an amount right; a left part that is too long wraps beside the amount.
    Columns {
        /// Left part.
        left: String,
        /// Right part.
        right: String,
        /// Printed bold.
        #[serde(default)]
        bold: bool,
    },
    /// A rule over the whole width.
    Rule,
    /// A Code 128 barcode with its text below.
    Barcode {
        /// What it says, printable ASCII.
        data: String,
    },
    /// Empty lines.
    Feed {
        /// How many.
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

/// A receipt printer as the hub uses it.
pub trait ReceiptPrinter: Device {
    /// How many characters it has on a line.
    fn columns(&self) -> u8;

    /// Prints the document and cuts; answers when the printer says that it is through, or will not say so any more.
    /// An error means that the document is not on the paper, or not whole: it may be printed again.
    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<PrintOutcome, PrintError>>;

    /// Kicks the drawer that hangs on the printer, also of one without paper.
    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>>;
}
