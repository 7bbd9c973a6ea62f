//! The text of a book: one JSON record per line. Empty lines and lines that begin with `#` are skipped.

use super::{Loader, Record};

/// The lines of a text with a record, and their numbers.
pub fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

/// The longest line, in bytes.
const MAX_LINE: usize = 1024 * 1024;

impl Loader {
    /// Reads the records of a text.
    pub fn read(&mut self, text: &str) {
        for (line, text) in lines(text) {
            self.read_line(line, text);
        }
    }

    /// Reads the record of a line; what can't be read is a problem of the book.
    pub fn read_line(&mut self, line: u64, text: &str) {
        if text.len() > MAX_LINE {
            return self.problem(line, "record", format!("a line has at most {MAX_LINE} bytes"));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, Record>(&mut reader) {
            Ok(record) => match reader.end() {
                Ok(()) => self.add(line, record),
                Err(error) => self.problem(line, "record", error.to_string()),
            },
            Err(error) => {
                let path = error.path().to_string();
                let field = if path == "." { "record" } else { &path };
                self.problem(line, field, without_place(&error.inner().to_string()));
            }
        }
    }
}

/// The message without the place in the line, which the problem has already.
fn without_place(message: &str) -> String {
    message.split(" at line 1 column").next().unwrap_or(message).to_owned()
}
