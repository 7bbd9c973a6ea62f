//! The layout of a document on paper. Pure; used by the printer's encoder and by pages that show receipts.

use super::{
    Align, Block, Document,
    letters::{columns_of, printable, width},
};

/// A line on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperLine {
    /// The text, padded for its alignment; at most as wide as the paper (half of it if `large`).
    pub text: String,
    /// Double width and height.
    pub large: bool,
    /// Bold.
    pub bold: bool,
    /// Print the text as a Code 128 barcode instead.
    pub barcode: bool,
}

/// Lays a document out for a number of columns.
pub fn lines(document: &Document, columns: u8) -> Vec<PaperLine> {
    let columns = usize::from(columns.max(8));
    let mut lines = Vec::new();
    let mut push = |text: String, large, bold, barcode| lines.push(PaperLine { text, large, bold, barcode });
    for block in &document.blocks {
        match block {
            Block::Heading { text } => {
                for line in wrap(&printable(text), columns / 2) {
                    push(place(&line, Align::Centre, columns / 2), true, true, false);
                }
            }
            Block::Text { text, align, bold } => {
                for line in wrap(&printable(text), columns) {
                    push(place(&line, *align, columns), false, *bold, false);
                }
            }
            Block::Columns { left, right, bold } => {
                for line in spread(&printable(left), &printable(right), columns) {
                    push(line, false, *bold, false);
                }
            }
            Block::Rule => push("-".repeat(columns), false, false, false),
            Block::Barcode { data } => push(printable(data), false, false, true),
            Block::Feed { lines } => (0..(*lines).min(20)).for_each(|_| push(String::new(), false, false, false)),
        }
    }
    lines
}

/// The layout as plain text.
pub fn layout(document: &Document, columns: u8) -> Vec<String> {
    let width = usize::from(columns.max(8));
    let plain = |line: PaperLine| {
        let text = if line.barcode { format!("||| {} |||", line.text) } else { line.text };
        if line.large || line.barcode { place(text.trim(), Align::Centre, width) } else { text }
    };
    lines(document, columns).into_iter().map(plain).collect()
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
                let taken = width(&line.text) * if line.large { 2 } else { 1 };
                prop_assert!(taken <= usize::from(columns), "{:?}", line);
                prop_assert!(!line.text.chars().any(char::is_control));
            }
        }
    }
}
