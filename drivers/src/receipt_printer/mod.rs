//! Receipt printers, and the cash drawer that is connected to one.
//!
//! A [`Document`] is one description for everything: the printers' languages encode its [`lines`], [`sheet`] draws them
//! for a preview, and [`layout`] shows them as text.

pub use crate::printer::{PrintError, PrintOutcome};
use crate::{
    Answer,
    bitmap::Bitmap,
    device::Device,
    registry::{Protocol, with_settings},
};

mod escpos;
mod letters;
mod paper;
mod picture;
mod raster;
mod star;

pub use paper::{PaperLine, layout, lines};
pub use picture::sheet;

/// A text in code page 858, without what the page does not have.
pub(crate) fn page_858(text: &str) -> Vec<u8> {
    letters::printable(text).chars().filter_map(letters::code_page_858).collect()
}

/// The protocols of receipt printers.
pub const PROTOCOLS: &[Protocol<dyn ReceiptPrinter>] = &[
    Protocol { name: "esc-pos", prepare: |setup| with_settings(setup, |start| Ok(escpos::start(start))) },
    Protocol { name: "star-line", prepare: |setup| with_settings(setup, |start| Ok(star::start(start))) },
];

/// The contents of a receipt, from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The blocks in order.
    pub blocks: Vec<Block>,
}

/// A part of a [`Document`].
#[derive(Clone, Debug, PartialEq, Eq)]
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
        align: Align,
        /// Printed bold.
        bold: bool,
    },
    /// Text on the left and an amount on the right; a long text wraps beside the amount.
    Columns {
        /// The left text.
        left: String,
        /// The right text.
        right: String,
        /// Printed bold.
        bold: bool,
    },
    /// A rule across the whole width.
    Rule,
    /// A Code 128 barcode with its text below.
    Barcode {
        /// The data, printable ASCII.
        data: String,
    },
    /// A QR code.
    Qr {
        /// The data.
        data: String,
    },
    /// A picture, such as the retailer's logo, centred.
    Picture {
        /// The picture; what is wider than the paper is cut off.
        picture: Bitmap,
    },
    /// Empty lines.
    Feed {
        /// The number of lines.
        lines: u8,
    },
}

/// Alignment of a line of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
