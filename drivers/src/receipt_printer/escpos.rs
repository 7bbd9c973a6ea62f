//! ESC/POS, the language of most receipt printers (Epson "ESC/POS Command Reference").
//!
//! - Text goes out in code page 858 (Western Europe with the euro sign); what it lacks becomes `?`. Control characters never get into the
//!   stream from a document, so no text can be a command.
//! - Before a document and after its cut the printer is asked for its status in real time (DLE EOT 2 and 4): a cover that is open or paper that ended in the middle is
//!   seen, and the document is not taken for printed.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | no paper, cover open | [`PrintError::NeedsAttention`] with what to do; health says so until it is put right |
//! | it stops taking data | [`PrintError::TimedOut`]; the line is opened anew |
//! | the line breaks in the middle | [`PrintError::Offline`]; nobody knows how much is on the paper, so the whole document is printed again |

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{broadcast, mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{Document, PrintError, ReceiptPrinter, paper};
use crate::{
    Answer,
    device::{DeviceEvent, DeviceName, Health},
    supervise::{Driver, Handle, Reporter, Unanswered, start as supervise},
    transport::{Address, Wire},
};

/// How long a printer may take to answer a status request.
const STATUS: Duration = Duration::from_secs(2);

/// How long it may take to accept a document: the slowest print 60 mm a second, and have a buffer.
const TAKE: Duration = Duration::from_secs(20);

/// How long a job may take in all.
const JOB: Duration = Duration::from_secs(60);

/// How often an idle printer is asked how it is.
const LOOK: Duration = Duration::from_secs(3);

const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
const ESC: u8 = 0x1b;
const GS: u8 = 0x1d;

/// A running receipt printer.
pub struct EscPosPrinter(Handle<Job>);

/// Starts a receipt printer with so many characters on a line.
pub fn start(
    device: DeviceName,
    address: Address,
    columns: u8,
    events: broadcast::Sender<DeviceEvent>,
) -> EscPosPrinter {
    EscPosPrinter(supervise(device.clone(), address, EscPosDriver { device, columns }, events))
}

impl EscPosPrinter {
    /// How it is.
    pub fn health(&self) -> Health {
        self.0.health()
    }

    async fn job(&self, work: impl FnOnce() -> Work) -> Result<(), PrintError> {
        let device = || self.0.device().to_string();
        match self.0.ask(JOB, |answer| Job { work: work(), answer }).await {
            Ok(done) => done,
            Err(Unanswered::Full | Unanswered::Broken) => {
                Err(PrintError::Offline { device: device(), why: self.0.trouble() })
            }
            Err(Unanswered::TimedOut) => Err(PrintError::TimedOut { device: device(), waited_ms: 60_000 }),
        }
    }
}

impl ReceiptPrinter for EscPosPrinter {
    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<(), PrintError>> {
        Box::pin(self.job(|| Work::Print(document.clone())))
    }

    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>> {
        Box::pin(self.job(|| Work::OpenDrawer))
    }
}

enum Work {
    Print(Document),
    OpenDrawer,
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<(), PrintError>>,
}

struct EscPosDriver {
    device: DeviceName,
    columns: u8,
}

impl Driver for EscPosDriver {
    type Job = Job;

    async fn run(&mut self, mut wire: Box<dyn Wire>, jobs: &mut mpsc::Receiver<Job>, report: &Reporter) -> String {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let job = tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => job,
                    None => return "the hub let go".into(),
                },
                _ = look.tick() => {
                    match status(&mut *wire).await {
                        Ok(None) => report.ready(),
                        Ok(Some(why)) => report.attention(why),
                        Err(why) => return why,
                    }
                    continue;
                }
            };
            let bytes = match &job.work {
                Work::Print(document) => encode(document, self.columns),
                Work::OpenDrawer => DRAWER.to_vec(),
            };
            let device = || self.device.to_string();
            let (done, broken) = match send(&mut *wire, &bytes).await {
                Ok(None) => {
                    report.ready();
                    (Ok(()), None)
                }
                Ok(Some(why)) => {
                    report.attention(why.clone());
                    (Err(PrintError::NeedsAttention { device: device(), why }), None)
                }
                Err(Sent::Stalled) => {
                    let waited_ms = u64::try_from(TAKE.as_millis()).unwrap_or(u64::MAX);
                    (
                        Err(PrintError::TimedOut { device: device(), waited_ms }),
                        Some("it stopped taking data".to_owned()),
                    )
                }
                Err(Sent::Broken(why)) => (Err(PrintError::Offline { device: device(), why: why.clone() }), Some(why)),
            };
            let _ = job.answer.send(done);
            if let Some(why) = broken {
                return why;
            }
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        let _ = job.answer.send(Err(PrintError::Offline { device: self.device.to_string(), why: why.to_owned() }));
    }
}

enum Sent {
    Stalled,
    Broken(String),
}

/// Sends a document between two looks at the status. `Some` is what is wrong with the printer.
async fn send(wire: &mut dyn Wire, bytes: &[u8]) -> Result<Option<String>, Sent> {
    if let Some(why) = status(wire).await.map_err(Sent::Broken)? {
        return Ok(Some(why));
    }
    timeout(TAKE, async {
        wire.write_all(bytes).await?;
        wire.flush().await
    })
    .await
    .map_err(|_| Sent::Stalled)?
    .map_err(|error| Sent::Broken(format!("the line broke: {error}")))?;
    // In line with the data, not ahead of it: answered when everything before it is on the paper (GS r 1, paper sensor status).
    let printed = timeout(TAKE, async {
        wire.write_all(&[GS, b'r', 1]).await?;
        wire.read_u8().await
    });
    let paper =
        printed.await.map_err(|_| Sent::Stalled)?.map_err(|error| Sent::Broken(format!("the line broke: {error}")))?;
    // Bits 2 and 3: the roll is at its end.
    if paper & 0x0c != 0 {
        return Ok(Some(NO_PAPER.into()));
    }
    status(wire).await.map_err(Sent::Broken)
}

const NO_PAPER: &str = "the paper is at its end; put in a new roll";

/// Asks for the status in real time. `Ok(Some)` is what is wrong; `Err` means that the line is no good.
async fn status(wire: &mut dyn Wire) -> Result<Option<String>, String> {
    let mut answers = [0; 2];
    for (answer, question) in answers.iter_mut().zip([2, 4]) {
        let asked = timeout(STATUS, async {
            wire.write_all(&[DLE, EOT, question]).await?;
            wire.flush().await?;
            wire.read_u8().await
        });
        *answer = asked
            .await
            .map_err(|_| {
                format!(
                    "it did not tell its status within {} s; is it an ESC/POS printer, and switched on?",
                    STATUS.as_secs()
                )
            })?
            .map_err(|error| format!("the line broke: {error}"))?;
        // Bits 0, 1, 4, 7 of a status byte are fixed: 0, 1, 1, 0.
        if *answer & 0x93 != 0x12 {
            return Err(format!("it answered {answer:#04x}, which is no status; is it an ESC/POS printer?"));
        }
    }
    Ok(trouble(answers[0], answers[1]))
}

/// What is wrong, by the answers to DLE EOT 2 (offline causes) and DLE EOT 4 (paper sensors). Pure.
fn trouble(offline: u8, paper: u8) -> Option<String> {
    if offline & 0x04 != 0 {
        Some("its cover is open; close it".into())
    } else if offline & 0x20 != 0 || paper & 0x60 != 0 {
        Some(NO_PAPER.into())
    } else if offline & 0x40 != 0 {
        Some("it reports an error; switch it off and on, and look at its cutter".into())
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
