//! How a document falls onto the paper: pure, shared by the printer's encoder and by pages that show receipts.

use super::{Align, Block, Document};

/// A line of paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperLine {
    /// What it says, padded to where it stands; at most the paper's columns wide (half of them if `large`).
    pub text: String,
    /// Double width and height.
    pub large: bool,
    /// Bold.
    pub bold: bool,
    /// A Code 128 barcode of this text instead.
    pub barcode: bool,
}

/// Lays a document out on paper of a number of columns.
pub fn lines(document: &Document, columns: u8) -> Vec<PaperLine> {
    let columns = usize::from(columns.max(8));
    let mut lines = Vec::new();
    let mut push = |text: String, large, bold, barcode| lines.push(PaperLine { text, large, bold, barcode });
    for block in &document.blocks {
        match block {
            Block::Heading { text } => {
                for line in wrap(&clean(text), columns / 2) {
                    push(place(&line, Align::Centre, columns / 2), true, true, false);
                }
            }
            Block::Text { text, align, bold } => {
                for line in wrap(&clean(text), columns) {
                    push(place(&line, *align, columns), false, *bold, false);
                }
            }
            Block::Columns { left, right, bold } => {
                push(spread(&clean(left), &clean(right), columns), false, *bold, false);
            }
            Block::Rule => push("-".repeat(columns), false, false, false),
            Block::Barcode { data } => push(clean(data), false, false, true),
            Block::Feed { lines } => (0..(*lines).min(20)).for_each(|_| push(String::new(), false, false, false)),
        }
    }
    lines
}

/// The same as plain text.
pub fn layout(document: &Document, columns: u8) -> Vec<String> {
    let width = usize::from(columns.max(8));
    let plain = |line: PaperLine| {
        let text = if line.barcode { format!("||| {} |||", line.text) } else { line.text };
        if line.large || line.barcode { place(text.trim(), Align::Centre, width) } else { text }
    };
    lines(document, columns).into_iter().map(plain).collect()
}

/// Control characters never reach a printer.
fn clean(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Breaks at blanks where it can; words longer than a line are cut.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    // Leading blanks are an indentation and stay.
    for word in text.split_inclusive(' ') {
        let length = word.trim_end_matches(' ').chars().count();
        if width + length > columns && width > 0 {
            lines.push(String::new());
            width = 0;
        }
        for char in word.chars() {
            if width == columns {
                if char == ' ' {
                    continue;
                }
                lines.push(String::new());
                width = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(char);
            }
            width += 1;
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn place(text: &str, align: Align, columns: usize) -> String {
    let room = columns.saturating_sub(text.chars().count());
    let before = match align {
        Align::Left => 0,
        Align::Centre => room / 2,
        Align::Right => room,
    };
    format!("{}{text}", " ".repeat(before))
}

/// Left and right on one line; the left part gives way.
fn spread(left: &str, right: &str, columns: usize) -> String {
    let right: String = right.chars().take(columns).collect();
    let width = right.chars().count();
    let room = columns.saturating_sub(width + 1);
    let left: String = left.chars().take(room).collect();
    let gap = columns - width - left.chars().count();
    format!("{left}{}{right}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(block: Block) -> Document {
        Document { blocks: vec![block] }
    }

    #[test]
    fn amounts_are_never_cut_names_are() {
        let block =
            Block::Columns { left: "A very long description of an item".into(), right: "1,234.56".into(), bold: false };
        assert_eq!(layout(&document(block), 20), ["A very long 1,234.56"]);
    }

    #[test]
    fn texts_wrap_at_blanks_and_keep_their_indentation() {
        let block =
            Block::Text { text: "  two words and averyveryverylongone".into(), align: Align::Left, bold: false };
        assert_eq!(layout(&document(block), 12), ["  two words", "and", "averyveryver", "ylongone"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_paper_or_has_control_characters(left in ".{0,120}", right in ".{0,60}", columns in 8_u8..64) {
            let blocks = vec![
                Block::Heading { text: left.clone() },
                Block::Text { text: left.clone(), align: Align::Right, bold: true },
                Block::Columns { left, right, bold: false },
                Block::Rule,
            ];
            for line in lines(&Document { blocks }, columns) {
                let width = line.text.chars().count() * if line.large { 2 } else { 1 };
                prop_assert!(width <= usize::from(columns), "{:?}", line);
                prop_assert!(!line.text.chars().any(char::is_control));
            }
        }
    }
}
