//! What a label's commands have drawn so far.

use super::Label;
use crate::{
    barcode::{self, Barcode, Linear, Symbology},
    bitmap::Bitmap,
    sheet::Item,
};

/// The largest side of a label in dots.
const MOST: usize = 8_000;

/// Pictures and rectangles at their places.
#[derive(Default)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    parts: Vec<(Bitmap, usize, usize)>,
    barcodes: Vec<String>,
}

impl Canvas {
    /// An empty label of a size; 0 where it is not known.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, ..Self::default() }
    }

    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize) {
        let mut dots = Bitmap::new(width.min(MOST), height.min(MOST));
        dots.fill(0, 0, width, height);
        self.picture(dots, x, y);
    }

    pub(super) fn picture(&mut self, dots: Bitmap, x: usize, y: usize) {
        self.parts.push((dots, x, y));
    }

    /// An EAN from its digits without the check digit.
    pub(super) fn ean(&mut self, digits: &str, (x, y): (usize, usize), module: usize, height: usize) {
        if let Ok(Barcode::Linear(code)) = barcode::encode(Symbology::EanBare, digits) {
            self.bars(code, digits.to_owned(), (x, y), module, height);
        }
    }

    pub(super) fn bars(&mut self, code: Linear, data: String, (x, y): (usize, usize), module: usize, height: usize) {
        self.barcodes.push(data);
        if let Some((dots, x, y)) = (Item::Bars { x, y, module: module.min(50), height: height.min(MOST), code }).dots()
        {
            self.picture(dots, x, y);
        }
    }

    /// The label. A side that the language does not give is as long as what was drawn.
    pub(super) fn label(self, copies: u32) -> Label {
        let right = self.parts.iter().map(|(dots, x, _)| x.saturating_add(dots.width())).max().unwrap_or(0);
        let bottom = self.parts.iter().map(|(dots, _, y)| y.saturating_add(dots.height())).max().unwrap_or(0);
        let side = |given: usize, drawn: usize| if given == 0 { drawn } else { given }.min(MOST);
        let mut dots = Bitmap::new(side(self.width, right), side(self.height, bottom));
        self.parts.iter().for_each(|(part, x, y)| dots.draw(part, *x, *y));
        Label { barcodes: self.barcodes, copies, dots }
    }
}

/// The numbers of a list separated by commas, as far as they are numbers.
pub(super) fn numbers(list: &str) -> Vec<usize> {
    list.split(',').map_while(|number| number.trim().parse().ok()).collect()
}
