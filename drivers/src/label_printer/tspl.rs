//! TSPL and TSPL2 (TSC "TSPL/TSPL2 Programming").
//!
//! - Pictures are `BITMAP`; here a **clear** bit is black.
//! - The gap between labels is not sent: the printer measures it, and a host that knows better prints blank labels.
//! - `<ESC>!?` is answered by one byte at once, also while printing.

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
pub(super) struct Tspl;

impl Dialect for Tspl {
    const REQUEST: &'static [u8] = b"\x1b!?";
    const NAMES: (&'static str, &'static str) = ("TSPL", "<ESC>!?");

    fn encode(label: &Sheet, copies: u16) -> Vec<u8> {
        let millimetres = |dots: usize| {
            let tenths = (dots * 10).div_ceil(label.dots_per_mm.max(1));
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        let (width, height) = (millimetres(label.width), millimetres(label.height));
        // A label that was interrupted is printed again by the printer itself.
        let mut tspl =
            format!("\r\nSIZE {width} mm,{height} mm\r\nREFERENCE 0,0\r\nSET REPRINT ON\r\nCLS\r\n").into_bytes();
        for band in bands(label, is_simple) {
            let (row, height) = (band.dots.row_bytes(), band.dots.height());
            tspl.extend(format!("BITMAP {},{},{row},{height},0,", band.x, band.y).bytes());
            tspl.extend(band.dots.bits().iter().map(|byte| !byte));
            tspl.extend(b"\r\n");
        }
        for item in &label.items {
            match item {
                Item::Fill(area) => {
                    tspl.extend(format!("BAR {},{},{},{}\r\n", area.x, area.y, area.width, area.height).bytes());
                }
                Item::Bars { x, y, module, height, code } => {
                    let Contents::Ean(kind, digits) = &code.contents else { continue };
                    let kind = match kind {
                        Ean::Ean13 => "EAN13",
                        Ean::Ean8 => "EAN8",
                        Ean::UpcA => "UPCA",
                    };
                    let command = format!("BARCODE {x},{y},\"{kind}\",{height},0,0,{module},{module},\"{digits}\"\r\n");
                    tspl.extend(command.bytes());
                }
                Item::Text { .. } | Item::Picture { .. } => {}
            }
        }
        tspl.extend(format!("PRINT {copies},1\r\n").bytes());
        tspl
    }

    /// One byte: bit 0 head open, 1 jam, 2 labels out, 3 ribbon out, 4 pause, 5 printing, 6 cover open, 7 other.
    fn read(answer: &[u8]) -> Reading {
        let Some(byte) = answer.first() else { return Reading::Incomplete };
        let is_set = |bit: u8| byte & (1 << bit) != 0;
        let trouble = if is_set(0) || is_set(6) {
            Some(trouble::HEAD)
        } else if is_set(2) {
            Some(trouble::LABELS)
        } else if is_set(1) {
            Some(trouble::JAM)
        } else if is_set(3) {
            Some(trouble::RIBBON)
        } else if is_set(7) {
            Some(trouble::ERROR)
        } else if is_set(4) {
            Some(trouble::PAUSE)
        } else {
            None
        };
        Reading::State { trouble, is_busy: is_set(5) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bitmap::Bitmap, sheet::Area};

    #[test]
    fn a_clear_bit_is_black() {
        let dots = Bitmap::from_rows(8, 8, vec![0xff, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0xff]);
        let label = Sheet {
            width: 320,
            height: 240,
            dots_per_mm: 8,
            items: vec![
                Item::Picture { x: 0, y: 0, scale: 1, dots },
                Item::Fill(Area { x: 8, y: 100, width: 80, height: 2 }),
            ],
        };
        let tspl = Tspl::encode(&label, 3);
        let text = String::from_utf8_lossy(&tspl);
        assert!(
            text.contains("SIZE 40.0 mm,30.0 mm\r\n") && text.ends_with("BAR 8,100,80,2\r\nPRINT 3,1\r\n"),
            "{text}"
        );
        let picture = b"BITMAP 0,0,1,8,0,\x00\x7e\x7e\x7e\x7e\x7e\x7e\x00\r\n";
        assert!(tspl.windows(picture.len()).any(|window| window == picture));
    }

    #[test]
    fn the_status_byte_says_what_is_wrong() {
        let state = |trouble, is_busy| Reading::State { trouble, is_busy };
        assert_eq!(Tspl::read(&[]), Reading::Incomplete);
        for (byte, expected) in [
            (0x00, state(None, false)),
            (0x20, state(None, true)),
            (0x04, state(Some(trouble::LABELS), false)),
            (0x05, state(Some(trouble::HEAD), false)),
            (0x80, state(Some(trouble::ERROR), false)),
        ] {
            assert_eq!(Tspl::read(&[byte]), expected, "{byte:#04x}");
        }
    }
}
