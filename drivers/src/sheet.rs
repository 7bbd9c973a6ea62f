//! What goes on a label or a receipt, at its place in dots: independent of the printer's language.
//!
//! A [`Sheet`] is what a template or a document was laid out to. Printers' languages and previews are made from it, so
//! that a preview shows what is printed, to the dot.

use crate::{
    barcode::Linear,
    bitmap::Bitmap,
    font::{self, Face},
};

/// Contents at their places.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Dots from left to right.
    pub width: usize,
    /// Dots from top to bottom.
    pub height: usize,
    /// Dots per millimetre: 8 for 203 dpi, 12 for 300 dpi, 24 for 600 dpi.
    pub dots_per_mm: usize,
    /// What is on it. Nothing is white on black except within an item, so their order does not matter.
    pub items: Vec<Item>,
}

/// A place and size in dots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// From the left.
    pub x: usize,
    /// From the top.
    pub y: usize,
    /// Dots to the right.
    pub width: usize,
    /// Dots down.
    pub height: usize,
}

/// A part of a [`Sheet`].
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A black rectangle.
    Fill(Area),
    /// Lines of text.
    Text {
        /// Where it is; letters may reach over its edges.
        area: Area,
        /// Pieces of text, each in one font.
        runs: Vec<Run>,
        /// White on a black rectangle.
        inverse: bool,
    },
    /// A linear barcode.
    Bars {
        /// The left edge of its first bar.
        x: usize,
        /// The upper edge.
        y: usize,
        /// Dots per module.
        module: usize,
        /// Dots from top to bottom.
        height: usize,
        /// The barcode.
        code: Linear,
    },
    /// A picture or a two-dimensional barcode.
    Picture {
        /// The left edge.
        x: usize,
        /// The upper edge.
        y: usize,
        /// Sheet's dots per dot of the picture.
        scale: usize,
        /// The picture.
        dots: Bitmap,
    },
}

/// A piece of text in one font on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The text.
    pub text: String,
    /// The font.
    pub face: Face,
    /// The size of the em in dots.
    pub em: f32,
    /// Where it begins.
    pub x: f32,
    /// Where its letters stand.
    pub baseline: i32,
}

impl Sheet {
    /// The whole sheet as dots.
    pub fn dots(&self) -> Bitmap {
        let mut dots = Bitmap::new(self.width, self.height);
        for item in &self.items {
            match item {
                Item::Fill(area) => dots.fill(area.x, area.y, area.width, area.height),
                item => {
                    if let Some((picture, x, y)) = item.dots() {
                        dots.draw(&picture, x, y);
                    }
                }
            }
        }
        dots
    }
}

impl Item {
    /// The item as dots, without white edges, and its place. `None` if it is empty.
    pub fn dots(&self) -> Option<(Bitmap, usize, usize)> {
        match self {
            Self::Fill(area) => {
                let mut dots = Bitmap::new(area.width, area.height);
                dots.fill(0, 0, area.width, area.height);
                Some((dots, area.x, area.y))
            }
            Self::Text { area, runs, inverse: true } => {
                let mut dots = Bitmap::new(area.width, area.height);
                draw_runs(&mut dots, runs, (area.x, area.y));
                dots.invert();
                Some((dots, area.x, area.y))
            }
            Self::Text { area, runs, inverse: false } => {
                // Accents, descenders and slanted strokes reach over the edges by less than half an em.
                let em = runs.iter().map(|run| run.em).fold(0.0, f32::max);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few hundred dots
                let over = (em / 2.0).ceil() as usize;
                let (x, y) = (area.x.saturating_sub(over), area.y.saturating_sub(over));
                let (right, bottom) = (area.x + area.width + over, area.y + area.height + over);
                let mut dots = Bitmap::new(right - x, bottom - y);
                draw_runs(&mut dots, runs, (x, y));
                let (cropped, left, top) = crop(&dots)?;
                Some((cropped, x + left, y + top))
            }
            Self::Bars { x, y, module, height, code } => {
                let mut dots = Bitmap::new(code.modules() * module, *height);
                code.bars().for_each(|(from, width)| dots.fill(from * module, 0, width * module, *height));
                Some((dots, *x, *y))
            }
            Self::Picture { x, y, scale, dots } => {
                let mut large = Bitmap::new(dots.width() * scale, dots.height() * scale);
                for row in 0..dots.height() {
                    for column in (0..dots.width()).filter(|column| dots.is_black(*column, row)) {
                        large.fill(column * scale, row * scale, *scale, *scale);
                    }
                }
                Some((large, *x, *y))
            }
        }
    }
}

/// Draws text into a picture whose corner is at a place of the sheet.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // small numbers
fn draw_runs(dots: &mut Bitmap, runs: &[Run], (x, y): (usize, usize)) {
    for run in runs {
        font::draw(dots, &run.text, run.face, run.em, (run.x - x as f32, run.baseline - y as i32));
    }
}

/// The black part of a picture, and where it begins. Its left edge stays at a whole byte of the printer's rows.
fn crop(dots: &Bitmap) -> Option<(Bitmap, usize, usize)> {
    let row = dots.row_bytes();
    let is_used = |line: &[u8]| line.iter().any(|byte| *byte != 0);
    let top = dots.rows().position(is_used)?;
    let bottom = dots.height() - dots.bits().rchunks(row).position(is_used)?;
    let used = |column: &usize| dots.rows().any(|line| line.get(*column).is_some_and(|byte| *byte != 0));
    let (left, right) = ((0..row).find(used)?, (0..row).rfind(used)? + 1);
    let bits = dots.rows().take(bottom).skip(top).flat_map(|line| line.get(left..right).unwrap_or_default()).copied();
    let width = (right * 8).min(dots.width()) - left * 8;
    Some((Bitmap::from_rows(width, bottom - top, bits.collect()), left * 8, top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cropped_to_its_letters() {
        let run = Run { text: "l".into(), face: Face::Label, em: 40.0, x: 100.0, baseline: 60 };
        let area = Area { x: 20, y: 20, width: 200, height: 50 };
        let (dots, x, y) = Item::Text { area, runs: vec![run.clone()], inverse: false }.dots().unwrap();
        assert!(dots.width() <= 16 && (96..=104).contains(&x) && y > 20, "{} {x} {y}", dots.width());
        let sheet = Sheet {
            width: 240,
            height: 100,
            dots_per_mm: 8,
            items: vec![Item::Text { area, runs: vec![run], inverse: true }],
        };
        assert!(sheet.dots().is_black(20, 20) && !sheet.dots().is_black(19, 20));
        assert!(sheet.dots().black_dots() > 200 * 50 / 2);
        assert_eq!(Item::Text { area, runs: vec![], inverse: false }.dots(), None);
    }
}
