//! The layout of a document on paper. Pure; used by the printer's encoder and by pages that show receipts.

use super::{
    Align, Block, Document,
    letters::{columns_of, printable, width},
};
use crate::bitmap::Bitmap;

/// A line on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperLine {
    /// Text, padded for its alignment; at most as wide as the paper (half of it if `large`).
    Text {
        /// The text.
        text: String,
        /// Double width and height.
        large: bool,
        /// Bold.
        bold: bool,
    },
    /// A Code 128 barcode with its data below.
    Barcode(String),
    /// A QR code.
    Qr(String),
    /// A picture, centred.
    Picture(Bitmap),
}

/// Lays a document out for a number of columns.
pub fn lines(document: &Document, columns: u8) -> Vec<PaperLine> {
    let columns = usize::from(columns.max(8));
    let mut lines = Vec::new();
    let text = |text: String, large, bold| PaperLine::Text { text, large, bold };
    for block in &document.blocks {
        match block {
            Block::Heading { text: heading } => {
                let wrapped = wrap(&printable(heading), columns / 2).into_iter();
                lines.extend(wrapped.map(|line| text(place(&line, Align::Centre, columns / 2), true, true)));
            }
            Block::Text { text: content, align, bold } => {
                let wrapped = wrap(&printable(content), columns).into_iter();
                lines.extend(wrapped.map(|line| text(place(&line, *align, columns), false, *bold)));
            }
            Block::Columns { left, right, bold } => {
                let spread = spread(&printable(left), &printable(right), columns).into_iter();
                lines.extend(spread.map(|line| text(line, false, *bold)));
            }
            Block::Rule => lines.push(text("-".repeat(columns), false, false)),
            Block::Barcode { data } => lines.push(PaperLine::Barcode(printable(data))),
            Block::Qr { data } => lines.push(PaperLine::Qr(data.clone())),
            Block::Picture { picture } => lines.push(PaperLine::Picture(picture.clone())),
            Block::Feed { lines: count } => {
                lines.extend((0..(*count).min(20)).map(|_| text(String::new(), false, false)));
            }
        }
    }
    lines
}

/// The layout as plain text.
pub fn layout(document: &Document, columns: u8) -> Vec<String> {
    let width = usize::from(columns.max(8));
    let plain = |line: PaperLine| match line {
        PaperLine::Text { text, large: true, .. } => Some(place(text.trim(), Align::Centre, width)),
        PaperLine::Text { text, .. } => Some(text),
        PaperLine::Barcode(data) => Some(place(&format!("||| {data} |||"), Align::Centre, width)),
        PaperLine::Qr(data) => Some(place(&format!("[QR {data}]"), Align::Centre, width)),
        PaperLine::Picture(_) => None,
    };
    lines(document, columns).into_iter().filter_map(plain).collect()
}

/// Wraps a text, at blanks if possible; words longer than a line are split.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    // Leading blanks are indentation and are kept.
    for word in text.split_inclusive(' ') {
        if taken + width(word.trim_end_matches(' ')) > columns && taken > 0 {
            lines.push(String::new());
            taken = 0;
        }
        for char in word.chars() {
            if taken + columns_of(char) > columns {
                if char == ' ' {
                    continue;
                }
                lines.push(String::new());
                taken = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(char);
            }
            taken += columns_of(char);
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn place(text: &str, align: Align, columns: usize) -> String {
    let room = columns.saturating_sub(width(text));
    let before = match align {
        Align::Left => 0,
        Align::Centre => room / 2,
        Align::Right => room,
    };
    format!("{}{text}", " ".repeat(before))
}

/// The minimum width of a left text beside its amount.
const NARROW: usize = 8;

/// Left and right text: the left one wraps beside the right one, which is on its last line. If the right text leaves no
/// space, it gets its own lines.
fn spread(left: &str, right: &str, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(width(right) + 1);
    let fits = width(left) <= room && width(right) <= columns;
    if !fits && room < NARROW {
        let right = wrap(right, columns).into_iter().map(|line| place(&line, Align::Right, columns));
        return wrap(left, columns).into_iter().filter(|line| !line.is_empty()).chain(right).collect();
    }
    let mut lines = wrap(left, room.max(1));
    if let Some(last) = lines.last_mut() {
        let gap = columns.saturating_sub(width(last) + width(right));
        *last = format!("{last}{}{right}", " ".repeat(gap));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(block: Block) -> Document {
        Document { blocks: vec![block] }
    }

    #[test]
    fn names_wrap_beside_their_amounts() {
        let columns = |left: &str, right: &str| {
            layout(&document(Block::Columns { left: left.into(), right: right.into(), bold: false }), 20)
        };
        assert_eq!(
            columns("A very long description of an item", "1,234.56"),
            ["A very long", "description", "of an item  1,234.56"]
        );
        assert_eq!(
            columns("Bio-Vollkorn-Haferflocken Feinblatt 500 g", "1.99"),
            ["Bio-Vollkorn-Ha", "ferflocken", "Feinblatt 500 g 1.99"]
        );
        assert_eq!(columns("Receipt 000001", "EUR 12,345.67"), ["Receipt 000001", "       EUR 12,345.67"]);
        assert_eq!(columns("牛乳 Молоко", "3.69"), ["牛乳 Молоко     3.69"]);
    }

    #[test]
    fn texts_wrap_at_blanks_and_keep_their_indentation() {
        let block =
            Block::Text { text: "  two words and averyveryverylongone".into(), align: Align::Left, bold: false };
        assert_eq!(layout(&document(block), 12), ["  two words", "and", "averyveryver", "ylongone"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_paper_or_has_control_characters(
            left in ".{0,120}", right in ".{0,60}", columns in 8_u8..64
        ) {
            let blocks = vec![
                Block::Heading { text: left.clone() },
                Block::Text { text: left.clone(), align: Align::Right, bold: true },
                Block::Columns { left, right, bold: false },
                Block::Rule,
            ];
            for line in lines(&Document { blocks }, columns) {
                let PaperLine::Text { text, large, .. } = &line else { panic!("only texts") };
                let taken = width(text) * if *large { 2 } else { 1 };
                prop_assert!(taken <= usize::from(columns), "{:?}", line);
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
