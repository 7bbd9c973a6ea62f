//! The log: one event per line on standard error.
//!
//! Events may contain data from outside (paths, names, messages of devices and brokers). It can't forge another event,
//! move the cursor or ring the bell, because control characters are escaped. A line has at most [`LINE`] bytes.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use tracing_subscriber::{Layer, filter::LevelFilter, fmt::MakeWriter, prelude::*};

/// The maximum length of a line, in bytes.
const LINE: usize = 8 * 1024;

/// Starts the log of a program: text, from the level INFO.
pub fn start() {
    let has_colours = io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_writer(Lines { has_colours }).with_ansi(has_colours);
    tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO)).init();
}

/// Writes lines to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// Whether the formatter's own colours are kept; it escapes colours in values itself.
    pub has_colours: bool,
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Line;

    fn make_writer(&'w self) -> Line {
        Line { bytes: Vec::new(), has_colours: self.has_colours }
    }
}

/// One event, written to standard error on drop.
#[derive(Debug)]
pub struct Line {
    bytes: Vec<u8>,
    has_colours: bool,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // If the log can't be written, there is nowhere to report it.
        let _ = io::stderr().lock().write_all(one_line(&self.bytes, self.has_colours).as_bytes());
    }
}

/// An event as one line of limited length.
fn one_line(event: &[u8], has_colours: bool) -> String {
    let event = String::from_utf8_lossy(event);
    let mut line = String::with_capacity(event.len() + 1);
    for sign in event.trim_end_matches('\n').chars() {
        if line.len() > LINE {
            line.push('…');
            break;
        }
        let is_colour = has_colours && sign == '\u{1b}';
        // Line and paragraph separators break lines too.
        if (sign.is_control() && !is_colour) || matches!(sign, '\u{2028}' | '\u{2029}') {
            let _ = write!(line, "{}", sign.escape_default());
        } else {
            line.push(sign);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_always_one_line() {
        let forged = "INFO peer said hello\n2026-11-28 ERROR forged\r\u{1b}[2J\u{7}\u{85}\u{2028}\0ü\n";
        let line = one_line(forged.as_bytes(), false);
        assert_eq!(line, "INFO peer said hello\\n2026-11-28 ERROR forged\\r\\u{1b}[2J\\u{7}\\u{85}\\u{2028}\\u{0}ü\n");
        assert_eq!(one_line("\u{1b}[32mINFO\u{1b}[0m\u{7}\n".as_bytes(), true), "\u{1b}[32mINFO\u{1b}[0m\\u{7}\n");
        assert!(one_line(&vec![b'\n'; 1_000_000], false).len() <= 2);
        assert!(one_line("é".repeat(1_000_000).as_bytes(), false).len() < LINE + 10);
        assert_eq!(one_line(b"\xff\n", false), "\u{fffd}\n");
    }
}
