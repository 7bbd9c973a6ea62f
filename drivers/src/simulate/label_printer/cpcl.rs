//! CPCL: `! offset 200 200 height copies` … `PRINT`, in lines.

use super::{Interpreter, LabelFault, Step, canvas::Canvas};
use crate::bitmap::Bitmap;

#[derive(Default)]
pub(super) struct Cpcl {
    canvas: Canvas,
    copies: u32,
}

impl Interpreter for Cpcl {
    fn step(&mut self, input: &[u8]) -> Step {
        if input.starts_with(b"\x1bh") {
            return Step::Status(2);
        }
        if input == b"\x1b" {
            return Step::Incomplete;
        }
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return Step::Incomplete };
        let line = String::from_utf8_lossy(&input[..end]).trim().to_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let numbers = |from: usize| words.iter().skip(from).map_while(|word| word.parse().ok()).collect::<Vec<usize>>();
        match words[..] {
            ["!", _, "200", "200", height, copies] => {
                self.canvas = Canvas::new(0, height.parse().unwrap_or(0));
                self.copies = copies.parse().unwrap_or(1);
            }
            ["PAGE-WIDTH", width] => self.canvas.width = width.parse().unwrap_or(0),
            ["EG", _, _, _, _, data] => {
                if let [row, height, x, y, ..] = numbers(1)[..] {
                    let byte = |pair: &[u8]| {
                        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0)
                    };
                    let bits = data.as_bytes().chunks(2).map(byte).collect();
                    self.canvas.picture(Bitmap::from_rows(row * 8, height, bits), x, y);
                }
            }
            ["LINE", ..] => match numbers(1)[..] {
                [x, y, right, bottom, thick] if y == bottom => {
                    self.canvas.fill(x, y, right.saturating_sub(x), thick);
                }
                [x, y, right, bottom, thick] if x == right => {
                    self.canvas.fill(x, y, thick, bottom.saturating_sub(y));
                }
                _ => {}
            },
            ["BARCODE", "EAN13" | "EAN8" | "UPCA", _, _, _, _, _, data] => {
                if let [narrow, _, height, x, y, ..] = numbers(2)[..] {
                    self.canvas.ean(data, (x, y), narrow, height);
                }
            }
            ["PRINT"] => return Step::Label(end + 1, std::mem::take(&mut self.canvas).label(self.copies)),
            _ => {}
        }
        Step::Skip(end + 1)
    }

    fn status(&self, faults: &[LabelFault], waiting: u32) -> Vec<u8> {
        let bit = |fault: &LabelFault| match fault {
            LabelFault::PaperOut | LabelFault::RibbonOut => 0x02,
            LabelFault::HeadOpen => 0x04,
            LabelFault::HeadHot | LabelFault::Paused => 0x01,
            LabelFault::Silent => 0,
        };
        vec![faults.iter().map(bit).fold(u8::from(waiting > 0), |all, bit: u8| all | bit)]
    }
}
