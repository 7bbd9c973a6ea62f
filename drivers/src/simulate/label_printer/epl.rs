//! EPL2: lines that end with LF; `GW` has binary data.

use super::{
    Interpreter, LabelFault, Step,
    canvas::{Canvas, numbers},
};
use crate::bitmap::Bitmap;

#[derive(Default)]
pub(super) struct Epl(Canvas);

impl Interpreter for Epl {
    fn step(&mut self, input: &[u8]) -> Step {
        if input.starts_with(b"GW") {
            let commas = input.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(place, _)| place);
            let Some(start) = commas.take(4).nth(3).map(|comma| comma + 1) else { return Step::Incomplete };
            let [x, y, row, height] = numbers(&String::from_utf8_lossy(&input[2..start - 1]))[..] else {
                return Step::Skip(start);
            };
            let Some(data) = input.get(start..start + row * height) else { return Step::Incomplete };
            let bits = data.iter().map(|byte| !byte).collect();
            self.0.picture(Bitmap::from_rows(row * 8, height, bits), x, y);
            return Step::Skip(start + row * height);
        }
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return Step::Incomplete };
        let line = String::from_utf8_lossy(&input[..end]).trim().to_owned();
        if line == "^ee" {
            return Step::Status(end + 1);
        }
        match line.as_bytes() {
            [b'N'] => {
                let width = self.0.width;
                self.0 = Canvas::new(width, 0);
            }
            [b'q', ..] => self.0.width = line[1..].parse().unwrap_or(0),
            [b'L', b'O', ..] => {
                if let [x, y, width, height] = numbers(&line[2..])[..] {
                    self.0.fill(x, y, width, height);
                }
            }
            [b'B', ..] => {
                let parts: Vec<&str> = line[1..].split(',').collect();
                if let [x, y, "0", "E30" | "E80" | "UA0", narrow, _, height, "N", data] = parts[..]
                    && let (Ok(x), Ok(y), Ok(height), Ok(narrow)) =
                        (x.parse(), y.parse(), height.parse(), narrow.parse())
                {
                    self.0.ean(data.trim_matches('"'), (x, y), narrow, height);
                }
            }
            [b'P', ..] => {
                let copies = line[1..].parse().unwrap_or(1);
                let width = self.0.width;
                let canvas = std::mem::replace(&mut self.0, Canvas::new(width, 0));
                return Step::Label(end + 1, canvas.label(copies));
            }
            _ => {}
        }
        Step::Skip(end + 1)
    }

    fn status(&self, faults: &[LabelFault], _: u32) -> Vec<u8> {
        let code = |fault: &LabelFault| match fault {
            LabelFault::HeadOpen => Some("11"),
            LabelFault::PaperOut | LabelFault::RibbonOut => Some("07"),
            LabelFault::HeadHot | LabelFault::Paused => Some("09"),
            LabelFault::Silent => None,
        };
        let codes: Vec<&str> = faults.iter().filter_map(code).collect();
        let answer = if codes.is_empty() { "00".to_owned() } else { codes.join(",") };
        format!("{answer}\r\n").into_bytes()
    }
}
