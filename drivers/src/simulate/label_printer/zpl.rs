//! ZPL: `^XA` … `^XZ`.

use super::{
    Interpreter, Label, LabelFault, Step,
    canvas::{Canvas, numbers},
};
use crate::{
    barcode::{Linear, Sign},
    bitmap::Bitmap,
};

pub(super) struct Zpl;

impl Interpreter for Zpl {
    fn step(&mut self, input: &[u8]) -> Step {
        if input.starts_with(b"~HS") {
            return Step::Status(3);
        }
        if input.starts_with(b"^XA") {
            let end = input.windows(3).position(|window| window == b"^XZ");
            return match end {
                Some(end) => Step::Label(end + 3, label(&String::from_utf8_lossy(&input[..end]))),
                None => Step::Incomplete,
            };
        }
        match input {
            [] | [b'^' | b'~'] | [b'^' | b'~', _] => Step::Incomplete,
            _ => Step::Skip(1),
        }
    }

    fn status(&self, faults: &[LabelFault], waiting: u32) -> Vec<u8> {
        let has = |fault| u8::from(faults.contains(&fault));
        let (paper, pause, hot) = (has(LabelFault::PaperOut), has(LabelFault::Paused), has(LabelFault::HeadHot));
        let (head, ribbon) = (has(LabelFault::HeadOpen), has(LabelFault::RibbonOut));
        format!(
            "\x02030,{paper},{pause},0320,000,0,0,0,000,0,0,{hot}\x03\r\n\
             \x02000,0,{head},{ribbon},0,2,4,0,{waiting:08},1,000\x03\r\n\x021234,0\x03\r\n"
        )
        .into_bytes()
    }
}

fn label(zpl: &str) -> Label {
    let mut canvas = Canvas::default();
    let mut copies = 1;
    let (mut at, mut module) = ((0, 0), 2);
    let mut barcode: Option<(String, usize)> = None;
    let mut is_hexadecimal = false;
    for command in zpl.split('^') {
        let Some((name, rest)) = command.split_at_checked(2) else { continue };
        let given = numbers(rest);
        let number = |place: usize| given.get(place).copied().unwrap_or(0);
        match name {
            "PW" => canvas.width = number(0),
            "LL" => canvas.height = number(0),
            "FO" => at = (number(0), number(1)),
            "BY" => module = number(0),
            // A rectangle that is as thick as its shorter side is filled.
            "GB" if number(2) >= number(0).min(number(1)) => canvas.fill(at.0, at.1, number(0), number(1)),
            "GF" => {
                if let Some((dots, x, y)) = rest.strip_prefix("A,").and_then(picture).map(|dots| (dots, at.0, at.1)) {
                    canvas.picture(dots, x, y);
                }
            }
            "BE" | "B8" | "BU" | "BC" => {
                let height = rest.split(',').nth(1).and_then(|height| height.parse().ok()).unwrap_or(0);
                barcode = Some((name.to_owned(), height));
            }
            "FH" => is_hexadecimal = true,
            "FD" => {
                let data = if std::mem::take(&mut is_hexadecimal) { unescape(rest) } else { rest.to_owned() };
                match barcode.take() {
                    Some((name, height)) if name == "BC" => {
                        let (signs, text) = code_128(&data);
                        canvas.bars(Linear::of_signs(signs), text, at, module, height);
                    }
                    Some((_, height)) => canvas.ean(&data, at, module, height),
                    None => {}
                }
            }
            "PQ" => copies = rest.parse().unwrap_or(1),
            _ => {}
        }
    }
    canvas.label(copies)
}

/// `total,total,row,data` with run lengths.
fn picture(parameters: &str) -> Option<Bitmap> {
    let mut parts = parameters.splitn(4, ',');
    let total: usize = parts.next()?.parse().ok()?;
    let row: usize = parts.nth(1)?.parse().ok().filter(|row| *row > 0)?;
    let data = parts.next()?;
    let mut digits: Vec<u8> = Vec::new();
    let mut times = 0;
    for char in data.bytes() {
        let in_row = digits.len() % (row * 2);
        match char {
            b'G'..=b'Y' => times += usize::from(char - b'G') + 1,
            b'g'..=b'z' => times += (usize::from(char - b'g') + 1) * 20,
            b',' => digits.resize(digits.len() + (row * 2 - in_row), 0),
            b':' => {
                let before = digits.len().checked_sub(row * 2)?;
                digits.extend_from_within(before..);
            }
            _ => {
                let digit = char::from(char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
                digits.extend(std::iter::repeat_n(digit, std::mem::take(&mut times).max(1)));
            }
        }
        if digits.len() > total * 2 {
            return None;
        }
    }
    let bytes = digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect();
    Some(Bitmap::from_rows(row * 8, total / row, bytes))
}

/// Decodes `_hh` to a byte.
fn unescape(data: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = data.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'_', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The signs of a Code 128 with invocation codes, and its data.
fn code_128(data: &str) -> (Vec<Sign>, String) {
    let (mut signs, mut text) = (Vec::new(), String::new());
    let mut in_c = false;
    let mut chars = data.bytes().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek().copied()) {
            (b'>', Some(code)) => {
                chars.next();
                match code {
                    b';' | b'5' => {
                        in_c = true;
                        signs.push(Sign::ToC);
                    }
                    b':' | b'6' => {
                        in_c = false;
                        signs.push(Sign::ToB);
                    }
                    b'8' => {
                        signs.push(Sign::Fnc1);
                        text.push_str("[FNC1]");
                    }
                    _ => {
                        signs.push(Sign::Char(b'>'));
                        text.push('>');
                    }
                }
            }
            (tens @ b'0'..=b'9', Some(ones @ b'0'..=b'9')) if in_c => {
                chars.next();
                signs.push(Sign::Pair((tens - b'0') * 10 + ones - b'0'));
                text.extend([char::from(tens), char::from(ones)]);
            }
            (char, _) => {
                signs.push(Sign::Char(char));
                text.push(char::from(char));
            }
        }
    }
    (signs, text)
}
