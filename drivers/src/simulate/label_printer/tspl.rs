//! TSPL: lines that end with CR LF; `BITMAP` has binary data.

use super::{
    Interpreter, LabelFault, Step,
    canvas::{Canvas, numbers},
};
use crate::bitmap::Bitmap;

#[derive(Default)]
pub(super) struct Tspl(Canvas);

impl Interpreter for Tspl {
    fn step(&mut self, input: &[u8]) -> Step {
        if input.starts_with(b"\x1b!?") {
            return Step::Status(3);
        }
        if input.starts_with(b"\x1b") && input.len() < 3 {
            return Step::Incomplete;
        }
        if input.starts_with(b"BITMAP ") {
            let commas = input.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(place, _)| place);
            let Some(start) = commas.take(5).nth(4).map(|comma| comma + 1) else { return Step::Incomplete };
            let [x, y, row, height, ..] = numbers(&String::from_utf8_lossy(&input[7..start - 1]))[..] else {
                return Step::Skip(start);
            };
            let Some(data) = input.get(start..start + row * height) else { return Step::Incomplete };
            let bits = data.iter().map(|byte| !byte).collect();
            self.0.picture(Bitmap::from_rows(row * 8, height, bits), x, y);
            return Step::Skip(start + row * height);
        }
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return Step::Incomplete };
        let line = String::from_utf8_lossy(&input[..end]).trim().to_owned();
        let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match name {
            "SIZE" => {
                let side = |text: Option<&str>| -> usize {
                    let tenths =
                        text.and_then(|text| text.trim_end_matches(" mm").replace('.', "").trim().parse().ok());
                    tenths.unwrap_or(0usize) * 8 / 10
                };
                let mut sides = rest.split(',');
                (self.0.width, self.0.height) = (side(sides.next()), side(sides.next()));
            }
            "CLS" => {
                let (width, height) = (self.0.width, self.0.height);
                self.0 = Canvas::new(width, height);
            }
            "BAR" => {
                if let [x, y, width, height] = numbers(rest)[..] {
                    self.0.fill(x, y, width, height);
                }
            }
            "BARCODE" => {
                let parts: Vec<&str> = rest.split(',').collect();
                if let [x, y, "\"EAN13\"" | "\"EAN8\"" | "\"UPCA\"", height, "0", "0", narrow, _, data] = parts[..]
                    && let (Ok(x), Ok(y), Ok(height), Ok(narrow)) =
                        (x.parse(), y.parse(), height.parse(), narrow.parse())
                {
                    self.0.ean(data.trim_matches('"'), (x, y), narrow, height);
                }
            }
            "PRINT" => {
                let copies = rest.split(',').next().and_then(|copies| copies.parse().ok()).unwrap_or(1);
                let (width, height) = (self.0.width, self.0.height);
                let canvas = std::mem::replace(&mut self.0, Canvas::new(width, height));
                return Step::Label(end + 1, canvas.label(copies));
            }
            _ => {}
        }
        Step::Skip(end + 1)
    }

    fn status(&self, faults: &[LabelFault], waiting: u32) -> Vec<u8> {
        let bit = |fault: &LabelFault| match fault {
            LabelFault::HeadOpen => 0x01,
            LabelFault::PaperOut => 0x04,
            LabelFault::RibbonOut => 0x08,
            LabelFault::Paused => 0x10,
            LabelFault::HeadHot => 0x80,
            LabelFault::Silent => 0,
        };
        vec![faults.iter().map(bit).fold(if waiting > 0 { 0x20 } else { 0 }, |all, bit: u8| all | bit)]
    }
}
