//! The command set of Epson's DM-D displays, which most two-line displays speak ("ESC/POS Customer Display Commands"):
//! usually 9600 8N1, 20 columns.
//!
//! ```text
//! ESC @            initialise
//! ESC t 19         code page 858
//! US $ 1 n         cursor to the beginning of line n
//! CLR (0C)         clear
//! ```
//!
//! The display never answers, so it counts as ready when its line is open. A character that the page does not have is
//! left out: the paper has it.

use std::{convert::Infallible, sync::Arc};

use serde::Deserialize;
use tokio::{io::AsyncWriteExt, sync::watch, time::timeout};

use super::CustomerDisplay;
use crate::{
    device::{Device, DeviceName, Health},
    receipt_printer::page_858,
    registry::Start,
    supervise::{Driver, Handle, Jobs, Reporter, start as supervise},
    transport::Wire,
};

/// How long the display may take to accept what it shows.
const WRITE: std::time::Duration = std::time::Duration::from_secs(2);

/// The settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Characters in a line, 16 to 40; default 20.
    #[serde(default)]
    columns: Columns,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
struct Columns(u8);

impl Default for Columns {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u8> for Columns {
    type Error = String;

    fn try_from(columns: u8) -> Result<Self, String> {
        if (16..=40).contains(&columns) {
            Ok(Self(columns))
        } else {
            Err(format!("Invalid columns {columns}: expected 16 to 40"))
        }
    }
}

/// Two lines.
type Lines = [String; 2];

struct Display {
    handle: Handle<Infallible>,
    shown: watch::Sender<Lines>,
}

/// Starts a display.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn CustomerDisplay> {
    let (shown, wanted) = watch::channel(Lines::default());
    let driver = DisplayDriver { columns: usize::from(start.settings.columns.0), wanted };
    let handle = supervise(start.name, start.address, driver, start.context.events.clone());
    Arc::new(Display { handle, shown })
}

impl Device for Display {
    fn name(&self) -> &DeviceName {
        self.handle.device()
    }

    fn health(&self) -> Health {
        self.handle.health()
    }
}

impl CustomerDisplay for Display {
    fn show(&self, above: &str, below: &str) {
        self.shown.send_if_modified(|shown| {
            let lines = [above.to_owned(), below.to_owned()];
            let is_new = *shown != lines;
            *shown = lines;
            is_new
        });
    }
}

struct DisplayDriver {
    columns: usize,
    wanted: watch::Receiver<Lines>,
}

impl Driver for DisplayDriver {
    type Job = Infallible;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut Jobs<Infallible>, report: &Reporter) -> String {
        let mut begin = b"\x1b@\x1bt\x13\x0c".to_vec();
        loop {
            let lines = self.wanted.borrow_and_update().clone();
            begin.extend(shown(&lines, self.columns));
            match timeout(WRITE, wire.write_all(&begin)).await {
                Ok(Ok(())) => report.ready(),
                Ok(Err(error)) => return format!("the line failed: {error}"),
                Err(_) => return "it accepts nothing; check that it is switched on".into(),
            }
            begin.clear();
            let mut ignored = [0; 64];
            loop {
                tokio::select! {
                    changed = self.wanted.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return crate::supervise::HANDLE_DROPPED.into(),
                    },
                    // Nothing comes, except that the line ends.
                    read = tokio::io::AsyncReadExt::read(&mut wire, &mut ignored) => match read {
                        Ok(1..) => {}
                        Ok(0) => return "it was unplugged".into(),
                        Err(error) => return format!("the line failed: {error}"),
                    },
                    job = jobs.next() => match job {
                        Some(job) => match job {},
                        None => return crate::supervise::HANDLE_DROPPED.into(),
                    },
                }
            }
        }
    }

    fn refuse(&mut self, job: Infallible, _: &str) {
        match job {}
    }
}

/// The bytes for two lines. Pure.
fn shown([above, below]: &Lines, columns: usize) -> Vec<u8> {
    let fitted = |text: &str| -> Vec<u8> { page_858(text).into_iter().take(columns).collect() };
    let (above, below) = (fitted(above), fitted(below));
    let mut bytes = b"\x1f$\x01\x01".to_vec();
    bytes.extend_from_slice(&above);
    bytes.resize(bytes.len() + columns - above.len(), b' ');
    bytes.extend_from_slice(b"\x1f$\x01\x02");
    bytes.resize(bytes.len() + columns - below.len(), b' ');
    bytes.extend_from_slice(&below);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_lines_fill_the_display() {
        let lines = ["Äpfel 1,250 kg".to_owned(), "2,49 €".to_owned()];
        let expected = b"\x1f$\x01\x01\x8epfel 1,250 kg      \x1f$\x01\x02              2,49 \xd5";
        assert_eq!(shown(&lines, 20), expected);
    }

    proptest! {
        #[test]
        fn every_text_fits_and_gives_no_commands(above in ".{0,60}", below in ".{0,60}", columns in 16_usize..40) {
            let bytes = shown(&[above, below], columns);
            prop_assert_eq!(bytes.len(), 2 * (4 + columns));
            let texts = [&bytes[4..4 + columns], &bytes[8 + columns..]];
            prop_assert!(texts.iter().all(|text| text.iter().all(|byte| *byte >= b' ')));
        }
    }
}
