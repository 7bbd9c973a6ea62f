//! ZPL II (Zebra "ZPL II Programming Guide").
//!
//! - Pictures are `^GFA` with Zebra's run lengths (page 368); a set bit is black.
//! - A Code 128 that changes its code set is sent as a picture: firmwares and renderers disagree about the change to
//!   set C.
//! - Field data of barcodes is sent with `^FH`: every byte that is not a letter or digit is written as `_hh`, so no
//!   data can be a command.
//! - `~HS` (host status, page 171) tells what is wrong, and how many formats and labels are still to be printed.

use std::fmt::Write;

use super::{
    bands,
    driver::{Dialect, Reading, trouble},
    is_simple,
};
use crate::{
    barcode::{Contents, Ean, Linear, Sign},
    bitmap::Bitmap,
    sheet::{Item, Sheet},
};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// The language.
pub(super) struct Zpl;

impl Dialect for Zpl {
    const REQUEST: &'static [u8] = b"~HS";
    const NAMES: (&'static str, &'static str) = ("ZPL", "~HS");

    fn encode(label: &Sheet, copies: u16) -> Vec<u8> {
        // UTF-8; the label's size; its origin.
        let mut zpl = format!("^XA^CI28^PW{}^LL{}^LH0,0", label.width, label.height);
        for band in bands(label, has_command) {
            let _ = write!(zpl, "^FO{},{}{}^FS", band.x, band.y, graphic(&band.dots));
        }
        for item in &label.items {
            match item {
                Item::Fill(area) => {
                    let (width, height) = (area.width, area.height);
                    let thickness = width.min(height);
                    let _ = write!(zpl, "^FO{},{}^GB{width},{height},{thickness}^FS", area.x, area.y);
                }
                Item::Bars { x, y, module, height, code } if has_command(item) => {
                    let _ = write!(zpl, "^FO{x},{y}^BY{module}{}^FS", barcode(code, *height));
                }
                Item::Bars { .. } | Item::Text { .. } | Item::Picture { .. } => {}
            }
        }
        let _ = write!(zpl, "^PQ{copies}^XZ");
        zpl.into_bytes()
    }

    /// Three strings, each STX … ETX CR LF. In the first, field 1 is "paper out", 2 "pause", 4 the formats in the
    /// buffer, 5 "buffer full", 7 "partial format", 9 "memory corrupt", 10 "too cold" and 11 "too hot"; in the second,
    /// 2 is "head up" and 3 "ribbon out", and the field with eight digits the labels that remain.
    fn read(answer: &[u8]) -> Reading {
        let mut strings = Vec::new();
        let mut rest = answer;
        while let Some(begin) = rest.iter().position(|byte| *byte == STX) {
            let Some(end) = rest.iter().skip(begin).position(|byte| *byte == ETX) else { break };
            strings.push(rest.get(begin + 1..begin + end).unwrap_or_default());
            rest = rest.get(begin + end + 1..).unwrap_or_default();
        }
        let [first, second, _] = strings[..] else { return Reading::Incomplete };
        let fields = |string| <[u8]>::split(string, |byte| *byte == b',').map(number).collect::<Vec<_>>();
        let (first, second) = (fields(first), fields(second));
        let flag = |fields: &[Option<u32>], place: usize| match fields.get(place) {
            Some(Some(value @ 0..=1)) => Some(*value == 1),
            _ => None,
        };
        let (Some(paper), Some(pause), Some(head), Some(ribbon)) =
            (flag(&first, 1), flag(&first, 2), flag(&second, 2), flag(&second, 3))
        else {
            return Reading::Wrong;
        };
        let is_set = |place: usize| flag(&first, place) == Some(true);
        let trouble = if head {
            Some(trouble::HEAD)
        } else if paper {
            Some(trouble::LABELS)
        } else if ribbon {
            Some(trouble::RIBBON)
        } else if is_set(11) {
            Some(trouble::HOT)
        } else if is_set(10) {
            Some(trouble::COLD)
        } else if is_set(9) {
            Some(trouble::MEMORY)
        } else if pause {
            Some(trouble::PAUSE)
        } else {
            None
        };
        let waiting = first.get(4).copied().flatten().unwrap_or(0);
        let remaining = strings[1].split(|byte| *byte == b',').find(|field| field.len() == 8).and_then(number);
        let is_busy = waiting > 0 || remaining.unwrap_or(0) > 0 || is_set(5) || is_set(7);
        Reading::State { trouble, is_busy }
    }
}

fn has_command(item: &Item) -> bool {
    match item {
        Item::Bars { code: Linear { contents: Contents::Code128(signs), .. }, .. } => {
            !signs.iter().skip(1).any(|sign| matches!(sign, Sign::ToB | Sign::ToC))
        }
        item => is_simple(item),
    }
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field.trim_ascii()).ok()?.parse().ok()
}

/// The commands and data of a barcode.
fn barcode(code: &Linear, height: usize) -> String {
    match &code.contents {
        Contents::Ean(Ean::Ean13, digits) => format!("^BEN,{height},N,N^FD{digits}"),
        Contents::Ean(Ean::Ean8, digits) => format!("^B8N,{height},N,N^FD{digits}"),
        Contents::Ean(Ean::UpcA, digits) => format!("^BUN,{height},N,N,N^FD{digits}"),
        Contents::Code128(signs) => format!("^BCN,{height},N,N,N^FH^FD{}", code_128(signs)),
    }
}

/// The signs as invocation codes (page 51): `>;` and `>:` start in set C and B.
fn code_128(signs: &[Sign]) -> String {
    let mut data = String::new();
    for sign in signs {
        match sign {
            Sign::ToC => data.push_str(">;"),
            Sign::ToB => data.push_str(">:"),
            Sign::Fnc1 => data.push_str(">8"),
            Sign::Char(b'>') => data.push_str(">0"),
            Sign::Char(byte) if byte.is_ascii_alphanumeric() => data.push(char::from(*byte)),
            Sign::Char(byte) => {
                let _ = write!(data, "_{byte:02X}");
            }
            Sign::Pair(pair) => {
                let _ = write!(data, "{pair:02}");
            }
        }
    }
    data
}

/// A picture: hexadecimal digits with run lengths; `,` ends a row with zeros, `:` repeats the row before.
fn graphic(dots: &Bitmap) -> String {
    let total = dots.bits().len();
    let mut zpl = format!("^GFA,{total},{total},{},", dots.row_bytes());
    let mut before: Option<&[u8]> = None;
    for row in dots.rows() {
        if before == Some(row) {
            zpl.push(':');
            continue;
        }
        before = Some(row);
        let digits: Vec<u8> = row.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
        let used = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        for run in digits.get(..used).unwrap_or_default().chunk_by(|one, other| one == other) {
            run_length(&mut zpl, run.len());
            zpl.push(
                char::from_digit(u32::from(run.first().copied().unwrap_or(0)), 16).unwrap_or('0').to_ascii_uppercase(),
            );
        }
        if used < digits.len() {
            zpl.push(',');
        }
    }
    zpl
}

/// How often the next digit comes: `G` to `Y` are 1 to 19, `g` to `z` 20 to 400.
fn run_length(zpl: &mut String, mut length: usize) {
    if length < 3 {
        // Shorter written out; the digit itself follows once.
        if length == 2 {
            zpl.push('H');
        }
        return;
    }
    while length >= 400 {
        zpl.push('z');
        length -= 400;
    }
    let letter = |first: u8, number: usize| char::from(first + u8::try_from(number).unwrap_or(0));
    if length >= 20 {
        zpl.push(letter(b'g', length / 20 - 1));
    }
    if !length.is_multiple_of(20) {
        zpl.push(letter(b'G', length % 20 - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barcode::{Barcode, Symbology, encode};

    fn linear(symbology: Symbology, data: &str) -> Linear {
        match encode(symbology, data).unwrap() {
            Barcode::Linear(linear) => linear,
            Barcode::Matrix(_) => panic!("{data} is linear"),
        }
    }

    #[test]
    fn pictures_are_written_with_run_lengths() {
        // The box of the facts page: FF818181818181FF.
        let dots = Bitmap::from_rows(8, 8, vec![0xff, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0xff]);
        assert_eq!(graphic(&dots), "^GFA,8,8,1,HF81:::::HF");
        let wide = Bitmap::from_rows(3400, 1, vec![0xff; 424]);
        assert_eq!(graphic(&wide), "^GFA,425,425,425,zzhNF,");
        assert_eq!(graphic(&Bitmap::new(8, 3)), "^GFA,3,3,1,,::");
    }

    #[test]
    fn gs1_128_begins_with_fnc1_and_data_is_escaped() {
        let code = linear(Symbology::Gs1128, "(01)09520123456788(3103)000350(3922)1999");
        assert_eq!(barcode(&code, 80), "^BCN,80,N,N,N^FH^FD>;>80109520123456788310300035039221999");
        let code = linear(Symbology::Code128, "A>^1");
        assert_eq!(barcode(&code, 80), "^BCN,80,N,N,N^FH^FD>:A>0_5E1");
        assert_eq!(barcode(&linear(Symbology::Ean, "4006381333931"), 9), "^BEN,9,N,N^FD400638133393");
    }

    #[test]
    fn the_status_says_what_is_wrong_and_what_remains() {
        let status = |paper: u8, head: u8, formats: &str, remaining: &str| {
            let text = format!(
                "\x02030,{paper},0,1245,{formats},0,0,0,000,0,0,0\x03\r\n\
                 \x02000,0,{head},0,0,2,4,0,{remaining},1,000\x03\r\n\
                 \x020000,0\x03\r\n"
            );
            Zpl::read(text.as_bytes())
        };
        let state = |trouble, is_busy| Reading::State { trouble, is_busy };
        assert_eq!(status(0, 0, "000", "00000000"), state(None, false));
        assert_eq!(status(0, 0, "001", "00000000"), state(None, true));
        assert_eq!(status(0, 0, "000", "00000012"), state(None, true));
        assert_eq!(status(1, 0, "000", "00000000"), state(Some(trouble::LABELS), false));
        assert_eq!(status(1, 1, "000", "00000000"), state(Some(trouble::HEAD), false));
        assert_eq!(Zpl::read(b"\x02030,0,0\x03"), Reading::Incomplete);
        assert_eq!(Zpl::read(b"\x02x\x03\x02y\x03\x02z\x03"), Reading::Wrong);
    }
}
