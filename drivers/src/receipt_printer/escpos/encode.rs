//! Encodes documents. Pure.

use super::{ESC, GS};
use crate::receipt_printer::{Document, PaperLine, letters, paper, raster};

/// The number of text lines that a drawn line counts for: on slow serial lines its data takes longer.
const IMAGE_LINES: u32 = 5;

const FS: u8 = 0x1c;

/// Encodes a document and counts its lines of text.
pub(super) fn encode(document: &Document, columns: u8) -> (Vec<u8>, u32) {
    let mut count = 0_u32;
    // ESC @ initialises, FS . leaves the Kanji mode in which many inexpensive printers start, ESC t 19 selects code
    // page 858.
    let mut bytes = vec![ESC, b'@', FS, b'.', ESC, b't', 19];
    for line in paper::lines(document, columns) {
        let (text, large, bold) = match &line {
            PaperLine::Text { text, large, bold } => (text, *large, *bold),
            PaperLine::Barcode(data) => {
                count = count.saturating_add(5);
                bytes.extend([ESC, b'a', 1, GS, b'h', 60, GS, b'w', 2, GS, b'H', 2]);
                bytes.extend(barcode(data));
                bytes.extend([b'\n', ESC, b'a', 0]);
                continue;
            }
            PaperLine::Qr(data) => {
                count = count.saturating_add(8);
                bytes.extend([ESC, b'a', 1]);
                bytes.extend(qr(data));
                bytes.extend([b'\n', ESC, b'a', 0]);
                continue;
            }
            PaperLine::Picture(picture) => {
                count = count.saturating_add(IMAGE_LINES * u32::try_from(picture.height() / 24 + 1).unwrap_or(1));
                bytes.extend([ESC, b'a', 1]);
                bytes.extend(raster::slices(picture, usize::from(columns) * raster::WIDTH));
                bytes.extend([ESC, b'a', 0]);
                continue;
            }
        };
        count = count.saturating_add(if large { 2 } else { 1 });
        let Some(text) = letters::encode(text) else {
            count = count.saturating_add(IMAGE_LINES);
            bytes.extend(raster::image(&raster::line(text, columns, if large { 2 } else { 1 }, bold)));
            continue;
        };
        bytes.extend([ESC, b'E', u8::from(bold), GS, b'!', if large { 0x11 } else { 0 }]);
        bytes.extend(text);
        bytes.push(b'\n');
    }
    // Feeds past the cutter and makes a partial cut: GS V 66 n.
    bytes.extend([GS, b'V', 66, 3]);
    (bytes, count)
}

/// GS ( k: a QR code of model 2, five dots per module, error correction M. Nothing if the data is too long.
fn qr(data: &str) -> Vec<u8> {
    match u16::try_from(data.len() + 3).map(u16::to_le_bytes) {
        Ok([low, high]) if (1..=1000).contains(&data.len()) => [
            &[GS, b'(', b'k', 4, 0, b'1', b'A', b'2', 0, GS, b'(', b'k', 3, 0, b'1', b'C', 5][..],
            &[GS, b'(', b'k', 3, 0, b'1', b'E', b'1', GS, b'(', b'k', low, high, b'1', b'P', b'0'],
            data.as_bytes(),
            &[GS, b'(', b'k', 3, 0, b'1', b'Q', b'0'],
        ]
        .concat(),
        _ => Vec::new(),
    }
}

/// GS k 73 n: Code 128 in code set B (`{B`), limited to its characters; nothing for an empty or overlong text.
fn barcode(text: &str) -> Vec<u8> {
    let data: Vec<u8> = text.bytes().filter(|byte| (0x20..0x7f).contains(byte) && *byte != b'{').collect();
    match u8::try_from(data.len() + 2) {
        Ok(length) if !data.is_empty() && length <= 40 => [&[GS, b'k', 73, length, b'{', b'B'][..], &data].concat(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::receipt_printer::{Align, Block};

    fn text(text: &str) -> Document {
        Document { blocks: vec![Block::Text { text: text.into(), align: Align::Left, bold: false }] }
    }

    #[test]
    fn a_document_begins_with_a_reset_and_ends_with_a_cut() {
        let (bytes, _) = encode(&text("Milk"), 42);
        assert_eq!(&bytes[..7], [0x1b, b'@', 0x1c, b'.', 0x1b, b't', 19]);
        assert!(bytes.ends_with(b"Milk\n\x1dVB\x03"));
    }

    #[test]
    fn a_qr_code_is_stored_and_printed() {
        let expected: Vec<u8> = [
            &[0x1d, 0x28, 0x6b, 4, 0, 0x31, 0x41, 0x32, 0, 0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x43, 5][..],
            &[0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x45, 0x31, 0x1d, 0x28, 0x6b, 0x1b, 0, 0x31, 0x50, 0x30],
            b"https://example.com/r/42",
            &[0x1d, 0x28, 0x6b, 3, 0, 0x31, 0x51, 0x30],
        ]
        .concat();
        assert_eq!(qr("https://example.com/r/42"), expected);
        assert_eq!(qr(""), [0; 0]);
    }

    proptest! {
        /// A text adds only printable bytes, line feeds and images.
        #[test]
        fn no_text_can_be_a_command(content in "\\PC*|[\\x00-\\x1f\\x7f-\\u{9f}a]*") {
            let document = text(&content);
            let (bytes, _) = encode(&document, 42);
            let body = &bytes[7..bytes.len() - 4];
            let mut rest = body;
            while !rest.is_empty() {
                if rest.starts_with(&[0x1d, b'v', b'0', 0]) {
                    prop_assert_eq!(&rest[4..8], [63, 0, 24, 0]);
                    rest = &rest[8 + 63 * 24..];
                    continue;
                }
                // Each line has its two settings, printable bytes, and a line feed.
                prop_assert_eq!(&rest[..6], [0x1b, b'E', 0, 0x1d, b'!', 0]);
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
                prop_assert!(rest[6..end].iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
                rest = &rest[end + 1..];
            }
        }

        #[test]
        fn barcodes_only_contain_code_set_b(data in ".{0,60}") {
            let bytes = barcode(&data);
            if let Some(data) = bytes.get(6..) {
                prop_assert_eq!(data.len() + 2, usize::from(bytes[3]));
                let plain = data.iter().all(|byte| (0x20..0x7f).contains(byte) && *byte != b'{');
                prop_assert!(plain);
            }
        }
    }
}
