//! EPL2 (Zebra "EPL Programming Guide" 14245L).
//!
//! - Pictures are `GW`; here a **clear** bit is black.
//! - A label begins with an empty line, which ends whatever command was interrupted, and with `N`, which clears the
//!   image.
//! - `^ee` is answered by a list of errors, `00` if there are none. It is read after the label's last command, so its
//!   answer says that the label was read, and that the printer is not in error; not that it is on paper.

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
pub(super) struct Epl;

impl Dialect for Epl {
    const REQUEST: &'static [u8] = b"^ee\r\n";
    const NAMES: (&'static str, &'static str) = ("EPL2", "^ee");

    fn encode(label: &Sheet, copies: u16) -> Vec<u8> {
        let mut epl = format!("\nN\nq{}\n", label.width).into_bytes();
        for band in bands(label, is_simple) {
            let (row, height) = (band.dots.row_bytes(), band.dots.height());
            epl.extend(format!("GW{},{},{row},{height},", band.x, band.y).bytes());
            epl.extend(band.dots.bits().iter().map(|byte| !byte));
            epl.push(b'\n');
        }
        for item in &label.items {
            match item {
                Item::Fill(area) => {
                    epl.extend(format!("LO{},{},{},{}\n", area.x, area.y, area.width, area.height).bytes());
                }
                Item::Bars { x, y, module, height, code } => {
                    let Contents::Ean(kind, digits) = &code.contents else { continue };
                    let kind = match kind {
                        Ean::Ean13 => "E30",
                        Ean::Ean8 => "E80",
                        Ean::UpcA => "UA0",
                    };
                    epl.extend(format!("B{x},{y},0,{kind},{module},{module},{height},N,\"{digits}\"\n").bytes());
                }
                Item::Text { .. } | Item::Picture { .. } => {}
            }
        }
        epl.extend(format!("P{copies}\n").bytes());
        epl
    }

    /// Codes of two digits separated by commas, then CR LF.
    fn read(answer: &[u8]) -> Reading {
        // Flow control is not part of the answer.
        let answer: Vec<u8> = answer.iter().copied().filter(|byte| !matches!(byte, 0x11 | 0x13)).collect();
        let Some(end) = answer.iter().position(|byte| *byte == b'\n') else {
            return if answer.len() > 64 { Reading::Wrong } else { Reading::Incomplete };
        };
        let line = answer.get(..end).unwrap_or_default().trim_ascii();
        let codes: Option<Vec<u8>> = line
            .split(|byte| *byte == b',')
            .map(|code| match code {
                [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
                _ => None,
            })
            .collect();
        let Some(codes) = codes else { return Reading::Wrong };
        let has = |code: u8| codes.contains(&code);
        let trouble = if has(11) {
            Some(trouble::HEAD)
        } else if has(7) {
            Some(trouble::LABELS)
        } else if has(4) {
            Some(trouble::MEMORY)
        } else if codes.iter().any(|code| *code != 0) {
            Some(trouble::ERROR)
        } else {
            None
        };
        Reading::State { trouble, is_busy: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_lists_errors() {
        let state = |trouble| Reading::State { trouble, is_busy: false };
        assert_eq!(Epl::read(b"00\r\n"), state(None));
        assert_eq!(Epl::read(b"\x1307\r\n"), state(Some(trouble::LABELS)));
        assert_eq!(Epl::read(b"11,07\r\n"), state(Some(trouble::HEAD)));
        assert_eq!(Epl::read(b"01\r\n"), state(Some(trouble::ERROR)));
        assert_eq!(Epl::read(b"00\r"), Reading::Incomplete);
        assert_eq!(Epl::read(b"hello\r\n"), Reading::Wrong);
    }
}
