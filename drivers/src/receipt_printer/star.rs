//! Star line mode, the language of Star's receipt printers (Star "Line Mode Command Specifications").
//!
//! - Text is sent in code page 858; a line with other characters is drawn and sent as a picture (ESC GS S). A
//!   document's control characters are never sent, so no text can be a command.
//! - The printer's status is requested with ESC ACK SOH, and answered at once, also while it prints.
//! - **The end of a document is counted by the printer**: the counter is set to zero before it (ESC RS E), and ETB
//!   after its last line adds one when everything before is on paper. So a receipt counts as printed only when it is.
//!
//! | failure | effect |
//! | --- | --- |
//! | paper out, cover open before a document | [`PrintError::NeedsAttention`]; nothing was sent |
//! | the same during a document | the printer goes on by itself when that is remedied; the driver waits |
//! | no answer while it is waited for, or the connection breaks | [`PrintOutcome::Unconfirmed`] |

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

use super::{
    Document, PaperLine, PrintError, PrintOutcome, ReceiptPrinter,
    escpos::{Columns, Settings},
    letters, paper, raster,
};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status, Unconfirmed, Urgent, Work},
    registry::Start,
    transport::Wire,
};

/// How long a printer may take to answer a status request.
const STATUS: Duration = Duration::from_secs(2);

/// The interval of status requests while a document is being printed.
const LOOK: Duration = Duration::from_millis(100);

/// The same while the printer needs attention.
const TROUBLE: Duration = Duration::from_secs(1);

/// Lines per second of the slowest printer, and extra time for the cut.
const SLOWEST: u32 = 3;
const GRACE: Duration = Duration::from_secs(20);

/// A drawn line takes as long as this many lines of text.
const IMAGE_LINES: u32 = 5;

const ETB: u8 = 0x17;
const ESC: u8 = 0x1b;
const GS: u8 = 0x1d;
const RS: u8 = 0x1e;

/// ESC ACK SOH: request the status.
const REQUEST: [u8; 3] = [ESC, 0x06, 0x01];

/// ESC BEL n1 n2 BEL: a pulse of 200 ms at drawer 1, then 200 ms of rest.
const DRAWER: [u8; 5] = [ESC, 0x07, 20, 20, 0x07];

/// A running receipt printer.
struct StarPrinter {
    printer: Printer<Star>,
    columns: u8,
}

/// Starts a receipt printer.
pub(super) fn start(start: Start<'_, Settings>) -> Arc<dyn ReceiptPrinter> {
    let Columns(columns) = start.settings.columns;
    Arc::new(StarPrinter { printer: Printer::start(start), columns })
}

impl Device for StarPrinter {
    fn name(&self) -> &DeviceName {
        self.printer.name()
    }

    fn health(&self) -> Health {
        self.printer.health()
    }
}

impl ReceiptPrinter for StarPrinter {
    fn columns(&self) -> u8 {
        self.columns
    }

    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<PrintOutcome, PrintError>> {
        let (data, lines) = encode(document, self.columns);
        Box::pin(self.printer.see_through(Work::Print { data, lines }))
    }

    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>> {
        Box::pin(async { self.printer.send(Work::Pulse { well: &DRAWER, unwell: &DRAWER }).await.map(drop) })
    }
}

/// The language.
#[derive(Default)]
struct Star;

/// The printer's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    trouble: Status,
    /// Documents printed since the counter was set.
    counter: u8,
}

impl Language for Star {
    const JOB: Duration = Duration::from_secs(60);

    fn patience(lines: u32) -> Duration {
        GRACE + Duration::from_secs(u64::from(lines.div_ceil(SLOWEST)))
    }

    async fn status(&mut self, wire: &mut dyn Wire) -> Result<Status, Fault> {
        match ask(wire).await? {
            Some(state) => Ok(state.trouble),
            None => Err(Fault::Broken(SILENT.into())),
        }
    }

    async fn printed(
        &mut self,
        wire: &mut dyn Wire,
        lines: u32,
        urgent: &mut Urgent<'_>,
    ) -> Result<Status, Unconfirmed> {
        let mut end = Instant::now() + Self::patience(lines);
        loop {
            let state = ask(wire).await.map_err(Unconfirmed::from)?;
            let pause = match state {
                Some(State { counter: 1, .. }) => return Ok(None),
                Some(State { trouble: Some(why), .. }) => {
                    urgent.attention(why);
                    end = Instant::now() + Self::patience(lines);
                    TROUBLE
                }
                Some(_) => LOOK,
                None => return Err(Unconfirmed { why: SILENT.into(), line_is_lost: true }),
            };
            if Instant::now() >= end {
                let why = format!("it did not report the end within {} s (ETB)", Self::patience(lines).as_secs());
                return Err(Unconfirmed { why, line_is_lost: true });
            }
            tokio::select! {
                () = sleep(pause) => {}
                pulse = urgent.next() => {
                    let sending = timeout(STATUS, async {
                        wire.write_all(pulse.bytes).await?;
                        wire.flush().await
                    });
                    sending.await.map_err(|_| Unconfirmed::from(Fault::Stalled))?.map_err(Fault::from)?;
                    pulse.done();
                }
            }
        }
    }
}

const SILENT: &str =
    "it did not answer a status request (ESC ACK SOH); check that it is a Star printer in line mode and switched on";

/// Requests the state; `None` without an answer in time.
async fn ask(wire: &mut dyn Wire) -> Result<Option<State>, Fault> {
    let asking = timeout(STATUS, async {
        wire.write_all(&REQUEST).await?;
        wire.flush().await?;
        let mut answer = Vec::new();
        loop {
            answer.push(wire.read_u8().await?);
            match read(&answer) {
                Reading::Incomplete => {}
                Reading::State(state) => return Ok(Some(state)),
                Reading::Wrong => {
                    let why = format!("it answered {answer:02x?}, which is not a status; is it a Star printer?");
                    return Err(Fault::Broken(why));
                }
            }
        }
    });
    asking.await.unwrap_or(Ok(None))
}

/// What an answer means so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Incomplete,
    Wrong,
    State(State),
}

/// Reads a status of 7 to 15 bytes, whose first one tells the length. Counted from 1: in byte 3, bit 3 is offline and 5
/// an open cover; in byte 4, bits 2, 3 and 5 are errors and 6 is a hot head; in byte 6, bit 3 is the end of the paper;
/// in byte 8, bits 6, 5, 3, 2 and 1 are the counter of ETB.
fn read(answer: &[u8]) -> Reading {
    let Some(first) = answer.first() else { return Reading::Incomplete };
    // 0xx0xxx1
    if first & 0x91 != 0x01 {
        return Reading::Wrong;
    }
    let length = usize::from((first >> 2 & 0x18) | (first >> 1 & 0x07));
    if !(7..=15).contains(&length) {
        return Reading::Wrong;
    }
    if answer.len() < length {
        return Reading::Incomplete;
    }
    let bit = |byte: usize, bit: u8| answer.get(byte - 1).is_some_and(|byte| byte & (1 << bit) != 0);
    let trouble = if bit(3, 5) {
        Some("the cover is open; close it")
    } else if bit(6, 3) {
        Some("the paper is out; insert a new roll")
    } else if bit(4, 6) {
        Some("the print head is too hot; it goes on by itself when it has cooled down")
    } else if bit(4, 2) || bit(4, 3) || bit(4, 5) {
        Some("it reports an error; switch it off and on, and check the cutter")
    } else if bit(3, 3) {
        Some("it is offline; look at its lamps")
    } else {
        None
    };
    let counter = if length >= 8 {
        [1, 2, 3, 5, 6].into_iter().zip(0..).map(|(place, value)| u8::from(bit(8, place)) << value).sum()
    } else {
        0
    };
    Reading::State(State { trouble, counter })
}

/// Encodes a document and counts its lines of text. Pure.
fn encode(document: &Document, columns: u8) -> (Vec<u8>, u32) {
    let mut count = 0_u32;
    // ESC @ initialises, ESC RS E 0 sets the counter of ETB to zero, ESC GS t 4 selects code page 858.
    let mut bytes = vec![ESC, b'@', ESC, RS, b'E', 0, ESC, GS, b't', 4];
    for line in paper::lines(document, columns) {
        let (text, large, bold) = match &line {
            PaperLine::Text { text, large, bold } => (text, *large, *bold),
            PaperLine::Barcode(data) => {
                count = count.saturating_add(5);
                bytes.extend([ESC, GS, b'a', 1]);
                bytes.extend(barcode(data));
                bytes.extend([b'\n', ESC, GS, b'a', 0]);
                continue;
            }
            PaperLine::Qr(data) => {
                count = count.saturating_add(8);
                bytes.extend([ESC, GS, b'a', 1]);
                bytes.extend(qr(data));
                bytes.extend([b'\n', ESC, GS, b'a', 0]);
                continue;
            }
            PaperLine::Picture(picture) => {
                count = count.saturating_add(IMAGE_LINES * u32::try_from(picture.height() / 24 + 1).unwrap_or(1));
                bytes.extend([ESC, GS, b'a', 1]);
                bytes.extend(picture_of(&raster::cut_to(picture, usize::from(columns) * raster::WIDTH)));
                bytes.extend([ESC, GS, b'a', 0]);
                continue;
            }
        };
        count = count.saturating_add(if large { 2 } else { 1 });
        let Some(text) = letters::encode(text) else {
            count = count.saturating_add(IMAGE_LINES);
            bytes.extend(picture_of(&raster::line(text, columns, if large { 2 } else { 1 }, bold)));
            continue;
        };
        // ESC E and ESC F: bold on and off; ESC i: height and width less one.
        let size = u8::from(large);
        bytes.extend([ESC, if bold { b'E' } else { b'F' }, ESC, b'i', size, size]);
        bytes.extend(text);
        bytes.push(b'\n');
    }
    // ESC d 3: feed and partial cut.
    bytes.extend([ESC, b'd', 3, ETB]);
    (bytes, count)
}

/// ESC GS S: a picture, its width in bytes and its height in dots.
fn picture_of(picture: &crate::bitmap::Bitmap) -> Vec<u8> {
    let low_high = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let ([row_low, row_high], [height_low, height_high]) = (low_high(picture.row_bytes()), low_high(picture.height()));
    [&[ESC, GS, b'S', 1, row_low, row_high, height_low, height_high, 0][..], picture.bits()].concat()
}

/// ESC b 6 2 1 60 … RS: Code 128 with its text below, two dots per module.
fn barcode(text: &str) -> Vec<u8> {
    let data: Vec<u8> = text.bytes().filter(|byte| (0x20..0x7f).contains(byte)).take(38).collect();
    if data.is_empty() { Vec::new() } else { [&[ESC, b'b', 6, 2, 1, 60][..], &data, &[RS]].concat() }
}

/// ESC GS y: a QR code of model 2, error correction M, five dots per module. Nothing if the data is too long.
fn qr(data: &str) -> Vec<u8> {
    match u16::try_from(data.len()).map(u16::to_le_bytes) {
        Ok([low, high]) if (1..=1000).contains(&data.len()) => [
            &[ESC, GS, b'y', b'S', b'0', 2, ESC, GS, b'y', b'S', b'1', 1, ESC, GS, b'y', b'S', b'2', 5][..],
            &[ESC, GS, b'y', b'D', b'1', 0, low, high],
            data.as_bytes(),
            &[ESC, GS, b'y', b'P'],
        ]
        .concat(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_status_says_what_is_wrong_and_counts_documents() {
        let state = |trouble: Option<&str>, counter| match read(&[]) {
            Reading::Incomplete => (trouble.map(str::to_owned), counter),
            other => panic!("{other:?}"),
        };
        let read = |bytes: &[u8]| match read(bytes) {
            Reading::State(State { trouble, counter }) => {
                (trouble.map(|why| why.split(';').next().unwrap_or_default().to_owned()), counter)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(read(&[0x23, 6, 0, 0, 0, 0, 0, 0, 0]), state(None, 0));
        assert_eq!(read(&[0x23, 6, 8, 0, 0, 0x0c, 0, 0, 0]), state(Some("the paper is out"), 0));
        assert_eq!(read(&[0x23, 6, 0x28, 0, 0, 0, 0, 0, 0]), state(Some("the cover is open"), 0));
        assert_eq!(read(&[0x23, 6, 2, 0, 0, 0, 0, 0x02, 0]), state(None, 1));
        assert_eq!(read(&[0x23, 6, 2, 0, 0, 0, 0, 0x6e, 0]), state(None, 31));
        assert_eq!(read(&[0x0f, 6, 0, 0, 0, 0, 0]), state(None, 0));
    }

    #[test]
    fn a_document_is_counted_at_its_end() {
        let document = Document { blocks: vec![super::super::Block::Heading { text: "5 €".into() }] };
        let (bytes, lines) = encode(&document, 20);
        assert!(bytes.starts_with(&[0x1b, 0x40, 0x1b, 0x1e, 0x45, 0, 0x1b, 0x1d, 0x74, 4]));
        let heading = [0x1b, 0x45, 0x1b, 0x69, 1, 1, b' ', b' ', b' ', b'5', b' ', 0xd5, b'\n'];
        assert!(bytes.windows(heading.len()).any(|window| window == heading), "{bytes:02x?}");
        assert!(bytes.ends_with(&[0x1b, 0x64, 3, 0x17]));
        assert_eq!(lines, 2);
    }

    proptest! {
        #[test]
        fn any_answer_is_read(answer in proptest::collection::vec(any::<u8>(), 0..40)) {
            for end in 0..=answer.len() {
                let reading = read(&answer[..end]);
                prop_assert!(end < 15 || reading != Reading::Incomplete);
            }
        }

        #[test]
        fn no_text_can_be_a_command(content in "\\PC*|[\\x00-\\x1f\\x7f-\\u{9f}a]*") {
            let block = super::super::Block::Text { text: content, align: super::super::Align::Left, bold: false };
            let (bytes, _) = encode(&Document { blocks: vec![block] }, 20);
            let mut rest = &bytes[10..bytes.len() - 4];
            while !rest.is_empty() {
                if rest.starts_with(&[0x1b, 0x1d, b'S', 1]) {
                    prop_assert_eq!(&rest[4..9], [30, 0, 24, 0, 0]);
                    rest = &rest[9 + 30 * 24..];
                    continue;
                }
                prop_assert_eq!(&rest[..6], [0x1b, b'F', 0x1b, b'i', 0, 0]);
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
                prop_assert!(rest[6..end].iter().all(|byte| *byte >= 0x20 && *byte != 0x7f));
                rest = &rest[end + 1..];
            }
        }
    }
}
