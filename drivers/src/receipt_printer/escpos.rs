//! ESC/POS, the language of most receipt printers (Epson "ESC/POS Command Reference").
//!
//! - Text goes out in code page 858 (Western Europe with the euro sign); what it lacks becomes `?`. Control characters
//!   never get into the stream from a document, so no text can be a command.
//! - Before a document and after its cut the printer is asked for its status in real time (DLE EOT 2 and 4): a cover
//!   that is open or paper that ended in the middle is seen, and the document is not taken for printed.
//!
//! A receipt that broke off in the middle is printed again as a whole: nobody knows how much is on the paper.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Document, PrintError, ReceiptPrinter, paper};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status},
    registry::Start,
    transport::Wire,
};

/// How long a printer may take to answer a status request.
const STATUS: Duration = Duration::from_secs(2);

const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
const ESC: u8 = 0x1b;
const GS: u8 = 0x1d;

/// What a config may say of a receipt printer with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Characters on a line: 32, 42 or 48 on most.
    #[serde(default)]
    columns: Columns,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
struct Columns(u8);

impl Default for Columns {
    fn default() -> Self {
        Self(42)
    }
}

impl TryFrom<u8> for Columns {
    type Error = String;

    fn try_from(columns: u8) -> Result<Self, String> {
        if (20..=64).contains(&columns) {
            Ok(Self(columns))
        } else {
            Err(format!("columns = {columns} is out of range; write 20 to 64"))
        }
    }
}

/// A running receipt printer.
struct EscPosPrinter {
    printer: Printer<EscPos>,
    columns: u8,
}

/// Starts a receipt printer.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn ReceiptPrinter> {
    let Columns(columns) = start.settings.columns;
    Arc::new(EscPosPrinter { printer: Printer::start(start), columns })
}

impl Device for EscPosPrinter {
    fn name(&self) -> &DeviceName {
        self.printer.name()
    }

    fn health(&self) -> Health {
        self.printer.health()
    }
}

impl ReceiptPrinter for EscPosPrinter {
    fn columns(&self) -> u8 {
        self.columns
    }

    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<(), PrintError>> {
        Box::pin(self.printer.send(encode(document, self.columns)))
    }

    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>> {
        Box::pin(self.printer.send(DRAWER.to_vec()))
    }
}

/// The language.
struct EscPos;

impl Language for EscPos {
    /// The slowest print 60 mm a second, and have a buffer.
    const TAKE: Duration = Duration::from_secs(20);
    const JOB: Duration = Duration::from_secs(60);

    /// DLE EOT 2 and 4: answered in real time, ahead of what is in the buffer.
    async fn status(wire: &mut dyn Wire) -> Result<Status, Fault> {
        let mut answers = [0; 2];
        for (answer, question) in answers.iter_mut().zip([2, 4]) {
            let asked = timeout(STATUS, async {
                wire.write_all(&[DLE, EOT, question]).await?;
                wire.flush().await?;
                wire.read_u8().await
            });
            *answer = asked.await.map_err(|_| {
                Fault::Broken(format!(
                    "it did not tell its status within {} s; is it an ESC/POS printer, and switched on?",
                    STATUS.as_secs()
                ))
            })??;
            // Bits 0, 1, 4, 7 of a status byte are fixed: 0, 1, 1, 0.
            if *answer & 0x93 != 0x12 {
                return Err(Fault::Broken(format!(
                    "it answered {answer:#04x}, which is not a status; is it an ESC/POS printer?"
                )));
            }
        }
        Ok(trouble(answers[0], answers[1]))
    }

    /// GS r 1: in line with the data, so answered when everything before it is on the paper.
    async fn printed(wire: &mut dyn Wire) -> Result<Status, Fault> {
        let printed = timeout(Self::TAKE, async {
            wire.write_all(&[GS, b'r', 1]).await?;
            wire.flush().await?;
            wire.read_u8().await
        });
        let paper = printed.await.map_err(|_| Fault::Stalled)??;
        // Bits 2 and 3: the roll is at its end.
        if paper & 0x0c != 0 {
            return Ok(Some(NO_PAPER));
        }
        Self::status(wire).await
    }
}

const NO_PAPER: &str = "the paper is at its end; put in a new roll";

/// What is wrong, by the answers to DLE EOT 2 (offline causes) and DLE EOT 4 (paper sensors). Pure.
fn trouble(offline: u8, paper: u8) -> Status {
    if offline & 0x04 != 0 {
        Some("its cover is open; close it")
    } else if offline & 0x20 != 0 || paper & 0x60 != 0 {
        Some(NO_PAPER)
    } else if offline & 0x40 != 0 {
        Some("it reports an error; switch it off and on, and look at its cutter")
    } else {
        None
    }
}

/// ESC p 0: a pulse of 50 ms on pin 2, then 500 ms of rest.
const DRAWER: [u8; 5] = [ESC, b'p', 0, 25, 250];

/// A document as the printer wants it. Pure.
fn encode(document: &Document, columns: u8) -> Vec<u8> {
    // ESC @ initialises, ESC t 19 selects code page 858.
    let mut bytes = vec![ESC, b'@', ESC, b't', 19];
    for line in paper::lines(document, columns) {
        if line.barcode {
            bytes.extend([ESC, b'a', 1, GS, b'h', 60, GS, b'w', 2, GS, b'H', 2]);
            bytes.extend(barcode(&line.text));
            bytes.extend([b'\n', ESC, b'a', 0]);
            continue;
        }
        bytes.extend([ESC, b'E', u8::from(line.bold), GS, b'!', if line.large { 0x11 } else { 0 }]);
        bytes.extend(line.text.chars().map(code_page_858));
        bytes.push(b'\n');
    }
    // Feed past the cutter and cut, leaving a corner: GS V 66 n.
    bytes.extend([GS, b'V', 66, 3]);
    bytes
}

/// GS k 73 n: Code 128, in code set B (`{B`), for what that set has; nothing for an empty or overlong text.
fn barcode(text: &str) -> Vec<u8> {
    let data: Vec<u8> = text.bytes().filter(|byte| (0x20..0x7f).contains(byte) && *byte != b'{').collect();
    match u8::try_from(data.len() + 2) {
        Ok(length) if !data.is_empty() && length <= 40 => [&[GS, b'k', 73, length, b'{', b'B'][..], &data].concat(),
        _ => Vec::new(),
    }
}

/// Code page 858 for what western receipts need.
fn code_page_858(char: char) -> u8 {
    const HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»";
    match char {
        ' '..='~' => u8::try_from(char).unwrap_or(b'?'),
        '€' => 0xd5,
        'Á' => 0xb5,
        'Â' => 0xb6,
        'À' => 0xb7,
        '©' => 0xb8,
        '¢' => 0xbd,
        '¥' => 0xbe,
        'ã' => 0xc6,
        'Ã' => 0xc7,
        'ß' => 0xe1,
        'õ' => 0xe4,
        'Õ' => 0xe5,
        'µ' => 0xe6,
        '°' => 0xf8,
        '·' => 0xfa,
        _ => {
            HIGH.chars().position(|high| high == char).and_then(|place| u8::try_from(0x80 + place).ok()).unwrap_or(b'?')
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Block, *};

    fn text(text: &str) -> Document {
        Document { blocks: vec![Block::Text { text: text.into(), align: super::super::Align::Left, bold: false }] }
    }

    #[test]
    fn a_document_begins_with_a_reset_and_ends_with_a_cut() {
        let bytes = encode(&text("Milk"), 42);
        assert_eq!(&bytes[..5], [0x1b, b'@', 0x1b, b't', 19]);
        assert!(bytes.ends_with(b"Milk\n\x1dVB\x03"));
    }

    #[test]
    fn western_letters_and_the_euro_sign_are_in_the_code_page() {
        let bytes: Vec<u8> = "äÖß€Çñ漢".chars().map(code_page_858).collect();
        assert_eq!(bytes, [0x84, 0x99, 0xe1, 0xd5, 0x80, 0xa4, b'?']);
    }

    #[test]
    fn status_bits_say_what_to_do() {
        assert_eq!(trouble(0x12, 0x12), None);
        assert!(trouble(0x16, 0x12).unwrap().contains("cover"));
        assert!(trouble(0x12, 0x72).unwrap().contains("roll"));
        assert!(trouble(0x32, 0x12).unwrap().contains("roll"));
        assert!(trouble(0x52, 0x12).unwrap().contains("cutter"));
    }

    proptest! {
        /// A text adds printable bytes and line feeds, and nothing that could be a command.
        #[test]
        fn no_text_can_be_a_command(content in "\\PC*|[\\x00-\\x1f\\x7f-\\u{9f}a]*") {
            let document = text(&content);
            let bytes = encode(&document, 42);
            let body = &bytes[5..bytes.len() - 4];
            let mut rest = body;
            while !rest.is_empty() {
                // Each line is its own two settings, then printable bytes, then a line feed.
                prop_assert_eq!(&rest[..6], [0x1b, b'E', 0, 0x1d, b'!', 0]);
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
                prop_assert!(rest[6..end].iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
                rest = &rest[end + 1..];
            }
        }

        #[test]
        fn barcodes_hold_only_what_code_set_b_has(data in ".{0,60}") {
            let bytes = barcode(&data);
            if let Some(data) = bytes.get(6..) {
                prop_assert_eq!(data.len() + 2, usize::from(bytes[3]));
                let plain = data.iter().all(|byte| (0x20..0x7f).contains(byte) && *byte != b'{');
                prop_assert!(plain);
            }
        }
    }
}
