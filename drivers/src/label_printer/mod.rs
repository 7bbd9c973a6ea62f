//! Label printers, and the labels they print.
//!
//! A [`Template`] and its data are laid out to a [`Sheet`] in the printer's dots, and this is encoded in the printer's
//! language: ZPL II, TSPL, EPL2 or CPCL. So all printers print the same label, and a preview shows it to the dot.
//!
//! - Text and two-dimensional barcodes are sent as pictures: printers differ in their fonts and in the size that they
//!   choose for a QR code, and their fonts lack characters. EAN and UPC barcodes, lines and boxes are sent as commands
//!   of the language, and so is a simple Code 128 in ZPL.
//! - No data of a label is part of a command, except the digits and signs of barcodes, which are checked and escaped.
//! - **A label is printed once.** Before its data is sent the printer must be ready. After that the label is the
//!   printer's: it is never sent again. If labels or ribbon run out or the head is opened meanwhile, the printer goes
//!   on by itself once that is remedied, and the driver waits, and shows in its health what is to be done. Then the
//!   label is [`Confirmed`](PrintOutcome::Confirmed).
//!
//! | failure | effect |
//! | --- | --- |
//! | the printer is not ready before the label is sent | [`PrintError::NeedsAttention`]; nothing was printed |
//! | the connection breaks before all of it was sent | [`PrintError::Offline`]; the printer has no command to print |
//! | it needs attention after that | the driver waits until the printer has printed it |
//! | the connection breaks, or the printer is switched off, after that | [`PrintOutcome::Unconfirmed`] |
//! | it did not answer for a while, but does again | the same, because it may have been switched off meanwhile |
//!
//! EPL2 reports errors but not the end of printing: there a label is confirmed when the printer has read it and reports
//! no error.

mod cpcl;
mod driver;
mod epl;
mod layout;
mod template;
mod tspl;
mod zpl;

pub use self::template::{Field, Template};
pub use crate::printer::{PrintError, PrintOutcome};
use crate::{
    Answer,
    barcode::Contents,
    bitmap::Bitmap,
    device::Device,
    registry::{Protocol, with_settings},
    sheet::{Item, Sheet},
};

/// The protocols of label printers.
pub const PROTOCOLS: &[Protocol<dyn LabelPrinter>] = &[
    Protocol { name: "zpl", prepare: |setup| with_settings(setup, |start| Ok(driver::start::<zpl::Zpl>(start))) },
    Protocol { name: "tspl", prepare: |setup| with_settings(setup, |start| Ok(driver::start::<tspl::Tspl>(start))) },
    Protocol { name: "epl2", prepare: |setup| with_settings(setup, |start| Ok(driver::start::<epl::Epl>(start))) },
    Protocol { name: "cpcl", prepare: |setup| with_settings(setup, |start| Ok(driver::start::<cpcl::Cpcl>(start))) },
];

/// The templates that are shipped, by name.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("carton", include_str!("../../templates/carton.toml")),
    ("food", include_str!("../../templates/food.toml")),
    ("pickup", include_str!("../../templates/pickup.toml")),
    ("reduced", include_str!("../../templates/reduced.toml")),
    ("shelf", include_str!("../../templates/shelf.toml")),
];

/// The most copies of a label in one job.
pub const MOST_COPIES: u16 = 999;

/// A label printer.
pub trait LabelPrinter: Device {
    /// Its dots per millimetre: labels are laid out for it.
    fn dots_per_mm(&self) -> usize;

    /// Prints a label; returns once it is on paper, as far as the printer can tell. After an error nothing was printed.
    fn print<'a>(&'a self, label: &'a Sheet, copies: u16) -> Answer<'a, Result<PrintOutcome, PrintError>>;
}

/// Encodes a label in a protocol's language, for tests with other programs. `None` for an unknown protocol.
pub fn encode(protocol: &str, label: &Sheet, copies: u16) -> Option<Vec<u8>> {
    use driver::Dialect;
    Some(match protocol {
        "zpl" => zpl::Zpl::encode(label, copies),
        "tspl" => tspl::Tspl::encode(label, copies),
        "epl2" => epl::Epl::encode(label, copies),
        "cpcl" => cpcl::Cpcl::encode(label, copies),
        _ => return None,
    })
}

/// Lines, boxes and EAN barcodes: every language has commands for them.
fn is_simple(item: &Item) -> bool {
    match item {
        Item::Fill(_) => true,
        Item::Bars { code, .. } => matches!(code.contents, Contents::Ean(..)),
        Item::Text { .. } | Item::Picture { .. } => false,
    }
}

/// A picture and its place.
struct Band {
    x: usize,
    y: usize,
    dots: Bitmap,
}

/// The parts of a label that a language has no commands for, as pictures that do not overlap: one for each run of rows
/// that are not empty.
fn bands(label: &Sheet, has_command: impl Fn(&Item) -> bool) -> Vec<Band> {
    let mut dots = Bitmap::new(label.width, label.height);
    for item in label.items.iter().filter(|item| !has_command(item)) {
        if let Some((picture, x, y)) = item.dots() {
            dots.draw(&picture, x, y);
        }
    }
    let rows: Vec<&[u8]> = dots.rows().collect();
    let is_used = |row: &&[u8]| row.iter().any(|byte| *byte != 0);
    let mut bands = Vec::new();
    let mut y = 0;
    for run in rows.chunk_by(|one, other| is_used(one) == is_used(other)) {
        let used = |column: &usize| run.iter().any(|row| row.get(*column).is_some_and(|byte| *byte != 0));
        if let (Some(left), Some(right)) = ((0..dots.row_bytes()).find(used), (0..dots.row_bytes()).rfind(used)) {
            let bits = run.iter().flat_map(|row| row.get(left..=right).unwrap_or_default()).copied().collect();
            let width = (right + 1 - left) * 8;
            bands.push(Band { x: left * 8, y, dots: Bitmap::from_rows(width, run.len(), bits) });
        }
        y += run.len();
    }
    bands
}

#[cfg(test)]
mod tests;
