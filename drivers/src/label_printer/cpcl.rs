//! CPCL, the language of mobile printers (Zebra "CPCL Programming Reference", section 11).
//!
//! - Pictures are `EG` in hexadecimal; a set bit is black.
//! - `<ESC>h` is answered by one byte. It must not be sent within a label.

use std::fmt::Write;

use super::{
    bands,
    driver::{Dialect, Reading, trouble},
    is_simple,
};
use crate::{
    barcode::{Contents, Ean},
    sheet::{Item, Sheet},
};

/// The language.
pub(super) struct Cpcl;

impl Dialect for Cpcl {
    const REQUEST: &'static [u8] = b"\x1bh";
    const NAMES: (&'static str, &'static str) = ("CPCL", "<ESC>h");

    fn encode(label: &Sheet, copies: u16) -> Vec<u8> {
        // The resolution is that of the units, always 200.
        let mut cpcl = format!("! 0 200 200 {} {copies}\r\nPAGE-WIDTH {}\r\n", label.height, label.width);
        for band in bands(label, is_simple) {
            let (row, height) = (band.dots.row_bytes(), band.dots.height());
            let _ = write!(cpcl, "EG {row} {height} {} {} ", band.x, band.y);
            for byte in band.dots.bits() {
                let _ = write!(cpcl, "{byte:02X}");
            }
            cpcl.push_str("\r\n");
        }
        for item in &label.items {
            match item {
                // A line is drawn to the right of, and below, its points.
                Item::Fill(area) if area.width >= area.height => {
                    let right = area.x + area.width;
                    let _ = write!(cpcl, "LINE {} {} {right} {} {}\r\n", area.x, area.y, area.y, area.height);
                }
                Item::Fill(area) => {
                    let bottom = area.y + area.height;
                    let _ = write!(cpcl, "LINE {} {} {} {bottom} {}\r\n", area.x, area.y, area.x, area.width);
                }
                Item::Bars { x, y, module, height, code } => {
                    let Contents::Ean(kind, digits) = &code.contents else { continue };
                    let kind = match kind {
                        Ean::Ean13 => "EAN13",
                        Ean::Ean8 => "EAN8",
                        Ean::UpcA => "UPCA",
                    };
                    let _ = write!(cpcl, "BARCODE {kind} {module} 1 {height} {x} {y} {digits}\r\n");
                }
                Item::Text { .. } | Item::Picture { .. } => {}
            }
        }
        cpcl.push_str("FORM\r\nPRINT\r\n");
        cpcl.into_bytes()
    }

    /// One byte: bit 0 busy, 1 labels out, 2 latch open. Bit 3, a low battery, does not keep it from printing.
    fn read(answer: &[u8]) -> Reading {
        let Some(byte) = answer.first() else { return Reading::Incomplete };
        let is_set = |bit: u8| byte & (1 << bit) != 0;
        let trouble = if is_set(2) {
            Some(trouble::HEAD)
        } else if is_set(1) {
            Some(trouble::LABELS)
        } else {
            None
        };
        Reading::State { trouble, is_busy: is_set(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_byte_says_what_is_wrong() {
        let state = |trouble, is_busy| Reading::State { trouble, is_busy };
        assert_eq!(Cpcl::read(&[0]), state(None, false));
        assert_eq!(Cpcl::read(&[1]), state(None, true));
        assert_eq!(Cpcl::read(&[6]), state(Some(trouble::HEAD), false));
        assert_eq!(Cpcl::read(&[2]), state(Some(trouble::LABELS), false));
    }
}
