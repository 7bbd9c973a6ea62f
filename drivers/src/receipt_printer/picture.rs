//! A document as a sheet, for previews. Pure.

use super::{Document, PaperLine, lines};
use crate::{
    barcode::{Barcode, Symbology, encode},
    font::{self, Face},
    sheet::{Area, Item, Run, Sheet},
};

/// Dots of a column and of a line: font A of the usual printers, and 1/6 inch at 180 dpi.
const COLUMN: usize = 12;
const LINE: usize = 30;

/// The size of the em at which a letter is as wide as a column.
const EM: f32 = 19.93;

/// The height of a barcode's bars.
const BARS: usize = 60;

/// Empty dots at the edges.
const MARGIN: usize = 24;

/// Dots of a module of a QR code.
const MODULE: usize = 5;

/// Lays a document out as it looks on paper with this many columns.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)] // dots on paper
pub fn sheet(document: &Document, columns: u8) -> Sheet {
    let paper = usize::from(columns.max(8)) * COLUMN;
    let width = paper + 2 * MARGIN;
    let mut items = Vec::new();
    let mut y = MARGIN;
    for line in lines(document, columns) {
        match line {
            PaperLine::Text { text, large, bold } => {
                let scale = if large { 2 } else { 1 };
                let em = EM * scale as f32;
                let baseline = (y + 20 * scale) as i32;
                let face = if bold { Face::ReceiptBold } else { Face::Receipt };
                // Every letter at its column, also one that is drawn from another font.
                let mut column = 0;
                let mut runs = Vec::new();
                for char in text.chars() {
                    let x = (MARGIN + column * COLUMN * scale) as f32;
                    column += super::letters::columns_of(char);
                    if char != ' ' {
                        runs.push(Run { text: char.to_string(), face, em, x, baseline });
                    }
                }
                let area = Area { x: MARGIN, y, width: paper, height: LINE * scale };
                if !runs.is_empty() {
                    items.push(Item::Text { area, runs, inverse: false });
                }
                y += LINE * scale;
            }
            PaperLine::Barcode(data) => {
                if let Ok(Barcode::Linear(code)) = encode(Symbology::Code128, &data) {
                    let module = if code.modules() * 2 <= paper { 2 } else { 1 };
                    let x = MARGIN + paper.saturating_sub(code.modules() * module) / 2;
                    items.push(Item::Bars { x, y: y + 6, module, height: BARS, code });
                    let wide = font::width(&data, Face::Receipt, EM);
                    let x = MARGIN as f32 + (paper as f32 - wide) / 2.0;
                    let area = Area { x: MARGIN, y: y + BARS + 6, width: paper, height: LINE };
                    let baseline = (y + BARS + 28) as i32;
                    let run = Run { text: data, face: Face::Receipt, em: EM, x, baseline };
                    items.push(Item::Text { area, runs: vec![run], inverse: false });
                    y += BARS + 6 + LINE;
                }
            }
            PaperLine::Qr(data) => {
                if let Ok(Barcode::Matrix(dots)) = encode(Symbology::Qr, &data) {
                    let scale = (paper / dots.width()).clamp(1, MODULE);
                    let x = MARGIN + paper.saturating_sub(dots.width() * scale) / 2;
                    let height = dots.height() * scale;
                    items.push(Item::Picture { x, y: y + 10, scale, dots });
                    y += height + 20;
                }
            }
            PaperLine::Picture(dots) => {
                let x = MARGIN + paper.saturating_sub(dots.width()) / 2;
                let height = dots.height();
                items.push(Item::Picture { x, y, scale: 1, dots });
                y += height + 6;
            }
        }
    }
    Sheet { width, height: y + MARGIN, dots_per_mm: 8, items }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Align, Block},
        *,
    };
    use crate::bitmap::Bitmap;

    #[test]
    fn a_document_is_drawn_as_wide_as_its_paper() {
        let mut logo = Bitmap::new(64, 16);
        logo.fill(0, 0, 64, 16);
        let document = Document {
            blocks: vec![
                Block::Picture { picture: logo },
                Block::Heading { text: "Store 367".into() },
                Block::Text { text: "Молоко 牛乳".into(), align: Align::Left, bold: true },
                Block::Rule,
                Block::Qr { data: "https://example.com/r/42".into() },
                Block::Barcode { data: "17-42".into() },
            ],
        };
        for columns in [32, 48] {
            let sheet = sheet(&document, columns);
            assert_eq!(sheet.width, usize::from(columns) * 12 + 48);
            let dots = sheet.dots();
            assert!(dots.black_dots() > 64 * 16 + 2000);
            // Nothing at the edges.
            assert!((0..dots.height()).all(|y| !dots.is_black(2, y) && !dots.is_black(dots.width() - 3, y)));
        }
    }
}
