//! ESC/POS, the language of most receipt printers (Epson "ESC/POS Command Reference").
//!
//! - Text is sent in code page 858 (Western Europe with the euro sign); a line with other characters is drawn and sent
//!   as an image. A document's control characters are never sent, so no text can be a command.
//! - Before a document the printer is asked for its status in real time (DLE EOT 2 and 4). After it, the status is
//!   requested in line with the data (GS r 1), which the printer answers when everything before is on paper, and in
//!   real time meanwhile. So an opened cover or an empty roll is noticed during a document, which is then not taken for
//!   printed.
//! - Many inexpensive printers answer only one of the two requests. On each new connection the driver tries both before
//!   it prints; a printer that answers neither is not used.
//! - The wait for the end is as long as the slowest printer needs for the remaining lines. After that the document
//!   counts as done, but unconfirmed.
//!
//! - A printer that runs out of paper or is opened keeps the rest of a receipt in its buffer, and would print it later.
//!   So it is told to clear its buffer (DLE DC4 8). A printer that does not have the command ignores it.
//!
//! A receipt that failed is printed again as a whole, because nobody knows how much of it is on paper.

mod encode;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use self::encode::encode;
use super::{Document, PrintError, PrintOutcome, ReceiptPrinter};
use crate::{
    Answer,
    device::{Device, DeviceName, Health},
    printer::{Fault, Language, Printer, Status, Unconfirmed, Urgent, Work},
    registry::Start,
    transport::Wire,
};

/// How long a printer may take to answer a status request.
const STATUS: Duration = Duration::from_secs(2);

/// The interval of real-time status requests while printing.
const LOOK: Duration = Duration::from_secs(2);

/// Lines per second of the slowest printer: dot matrix printers reach 4.7, thermal printers 14 and more.
const SLOWEST: u32 = 3;

/// Extra time for a cut and for data in the printer's buffer.
const GRACE: Duration = Duration::from_secs(10);

const XON: u8 = 0x11;
const XOFF: u8 = 0x13;
const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
const DC4: u8 = 0x14;
const ESC: u8 = 0x1b;
const GS: u8 = 0x1d;

/// The settings of a receipt printer with this protocol.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Characters per line: 32 on paper of 58 mm, 42 or 48 on paper of 80 mm.
    #[serde(default)]
    pub(super) columns: Columns,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
pub(super) struct Columns(pub(super) u8);

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
            Err(format!("columns = {columns} is out of range; expected 20 to 64"))
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

    fn print<'a>(&'a self, document: &'a Document) -> Answer<'a, Result<PrintOutcome, PrintError>> {
        let (data, lines) = encode(document, self.columns);
        Box::pin(self.printer.see_through(Work::Print { data, lines }))
    }

    fn open_drawer(&self) -> Answer<'_, Result<(), PrintError>> {
        Box::pin(async { self.printer.send(Work::Pulse { well: &DRAWER, unwell: &DRAWER_NOW }).await.map(drop) })
    }
}

/// The language ESC/POS, and what is known about the printer.
#[derive(Default)]
struct EscPos {
    /// Whether it answers DLE EOT; `None` while unknown.
    real_time: Option<bool>,
    /// Whether it answers GS r.
    in_line: Option<bool>,
    /// Real-time requests without an answer yet.
    asked: VecDeque<u8>,
    /// In-line requests without an answer yet.
    asked_in_line: u32,
    /// It was told to clear its buffer and has not answered.
    is_clearing: bool,
    /// The last answers to DLE EOT 2 and 4, and to GS r 1.
    offline: u8,
    sensors: u8,
    paper: u8,
    /// Lines that were sent and not confirmed.
    unconfirmed: u32,
}

impl Language for EscPos {
    const JOB: Duration = Duration::from_secs(60);

    fn patience(lines: u32) -> Duration {
        GRACE + pace(lines)
    }

    fn connected(&mut self) {
        *self = Self { unconfirmed: self.unconfirmed, ..Self::default() };
    }

    async fn status(&mut self, wire: &mut dyn Wire) -> Result<Status, Fault> {
        if self.real_time != Some(false) {
            match self.ask_in_real_time(wire).await? {
                Some(trouble @ Some(_)) => return Ok(trouble),
                Some(None) if self.in_line.is_some() => return Ok(None),
                Some(None) => {}
                None if self.real_time == Some(true) => return Err(Fault::Broken(SILENT.into())),
                None => self.real_time = Some(false),
            }
        }
        // It answers in line only while it is ready, so a printer with trouble is not asked.
        match self.ask_in_line(wire).await? {
            Some(status) => Ok(status),
            None if self.real_time == Some(true) => {
                self.in_line = Some(false);
                Ok(None)
            }
            None => {
                self.real_time = None;
                Err(Fault::Broken(SILENT.into()))
            }
        }
    }

    async fn printed(
        &mut self,
        wire: &mut dyn Wire,
        lines: u32,
        urgent: &mut Urgent<'_>,
    ) -> Result<Status, Unconfirmed> {
        let to_print = lines.saturating_add(self.unconfirmed);
        self.unconfirmed = to_print;
        let can_tell = self.in_line == Some(true);
        let end = Instant::now() + if can_tell { Self::patience(to_print) } else { pace(to_print) };
        if can_tell {
            self.send(wire, &[GS, b'r', 1]).await.map_err(Unconfirmed::from)?;
            self.asked_in_line += 1;
        }
        let mut look = Instant::now() + LOOK;
        loop {
            let heard = tokio::select! {
                heard = timeout_at(look.min(end), self.hear(wire)) => heard,
                pulse = urgent.next() => {
                    self.send(wire, pulse.bytes).await.map_err(Unconfirmed::from)?;
                    pulse.done();
                    continue;
                }
            };
            match heard {
                Ok(heard) => {
                    heard.map_err(Unconfirmed::from)?;
                    if can_tell && self.asked_in_line == 0 {
                        self.unconfirmed = 0;
                        let no_paper = paper_is_out(self.paper).then_some(NO_PAPER);
                        return Ok(no_paper.or_else(|| self.trouble()));
                    }
                }
                Err(_) if Instant::now() < end => {
                    look = Instant::now() + LOOK;
                    // Some printers answer in real time only between two lines; such a printer is not asked again
                    // before it answers.
                    if self.real_time == Some(true) && self.asked.is_empty() {
                        self.send_real_time(wire).await.map_err(Unconfirmed::from)?;
                    }
                }
                Err(_) => break,
            }
            if self.asked.is_empty()
                && let trouble @ Some(_) = self.trouble()
            {
                // Of a line that breaks now the next look tells.
                let _ = self.clear(wire).await;
                return Ok(trouble);
            }
        }
        if can_tell {
            let why = format!("it did not confirm the end within {} s (GS r 1)", Self::patience(to_print).as_secs());
            return Err(Unconfirmed { why, line_is_lost: true });
        }
        self.unconfirmed = 0;
        match self.ask_in_real_time(wire).await.map_err(Unconfirmed::from)? {
            Some(trouble @ Some(_)) => Ok(trouble),
            Some(None) => Err(Unconfirmed { why: NO_CONFIRMATION.into(), line_is_lost: false }),
            None => Err(Unconfirmed { why: SILENT.into(), line_is_lost: true }),
        }
    }
}

/// The time that the slowest printer needs for this many lines.
fn pace(lines: u32) -> Duration {
    Duration::from_secs(u64::from(lines.div_ceil(SLOWEST)))
}

impl EscPos {
    /// DLE EOT 2 and 4, answered in real time, ahead of buffered data. `None` without an answer.
    #[allow(clippy::option_option)] // no answer; an answer of one that is well; of one that is not
    async fn ask_in_real_time(&mut self, wire: &mut dyn Wire) -> Result<Option<Status>, Fault> {
        let asking = timeout(STATUS, async {
            self.send_real_time(wire).await?;
            while !self.asked.is_empty() {
                self.hear(wire).await?;
            }
            Ok::<_, Fault>(())
        });
        match asking.await {
            Ok(answered) => answered.map(|()| Some(self.trouble())),
            Err(_) => Ok(None),
        }
    }

    /// GS r 1, answered in line with the data. `None` without an answer.
    #[allow(clippy::option_option)] // as above
    async fn ask_in_line(&mut self, wire: &mut dyn Wire) -> Result<Option<Status>, Fault> {
        let asking = timeout(STATUS, async {
            self.send(wire, &[GS, b'r', 1]).await?;
            self.asked_in_line += 1;
            while self.asked_in_line > 0 {
                self.hear(wire).await?;
            }
            Ok::<_, Fault>(())
        });
        match asking.await {
            Ok(answered) => answered.map(|()| Some(paper_is_out(self.paper).then_some(NO_PAPER))),
            Err(_) => Ok(None),
        }
    }

    /// DLE DC4 8: what is in its buffer is not printed, nor answered, any more. Waits until it says so; one that does
    /// not know the command says nothing.
    async fn clear(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        self.send(wire, &CLEAR).await?;
        self.is_clearing = true;
        let clearing = timeout(STATUS, async {
            while self.is_clearing {
                self.hear(wire).await?;
            }
            Ok(())
        });
        clearing.await.unwrap_or(Ok(()))
    }

    async fn send_real_time(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        self.send(wire, &[DLE, EOT, 2, DLE, EOT, 4]).await?;
        self.asked.extend([2, 4]);
        Ok(())
    }

    async fn send(&self, wire: &mut dyn Wire, bytes: &[u8]) -> Result<(), Fault> {
        let sending = timeout(STATUS, async {
            wire.write_all(bytes).await?;
            wire.flush().await
        });
        sending.await.map_err(|_| Fault::Stalled)?.map_err(Fault::from)
    }

    /// Reads one answer. Fixed bits distinguish the two kinds.
    async fn hear(&mut self, wire: &mut dyn Wire) -> Result<(), Fault> {
        let byte = wire.read_u8().await?;
        if self.is_clearing && byte == CLEARED[0] {
            let mut rest = [0; 2];
            wire.read_exact(&mut rest).await?;
            if rest != CLEARED[1..] {
                return Err(Fault::Broken(format!("it answered {rest:02x?} to DLE DC4 8; is it an ESC/POS printer?")));
            }
            (self.is_clearing, self.asked_in_line, self.unconfirmed) = (false, 0, 0);
            return Ok(());
        }
        // A printer whose switches turn automatic status on sends it at any time: four bytes, the first with bits 0, 1,
        // 4, 7 as 0, 0, 1, 0. Flow control is ignored.
        if byte & 0x93 == 0x10 {
            let mut rest = [0; 3];
            wire.read_exact(&mut rest).await?;
            (self.offline, self.sensors) = automatic(byte, rest);
            return Ok(());
        }
        if matches!(byte, XON | XOFF) {
            return Ok(());
        }
        // DLE EOT: bits 0, 1, 4, 7 are 0, 1, 1, 0. GS r: bits 4 and 7 are 0.
        if byte & 0x93 == 0x12 {
            self.real_time = Some(true);
            match self.asked.pop_front() {
                Some(2) => self.offline = byte,
                Some(_) => self.sensors = byte,
                None => {}
            }
        } else if byte & 0x90 == 0 {
            self.in_line = Some(true);
            self.asked_in_line = self.asked_in_line.saturating_sub(1);
            self.paper = byte;
        } else {
            let why = format!("it answered {byte:#04x}, which is not a status; check that it is an ESC/POS printer");
            return Err(Fault::Broken(why));
        }
        Ok(())
    }

    fn trouble(&self) -> Status {
        trouble(self.offline, self.sensors)
    }
}

const SILENT: &str =
    "it answers neither status request (DLE EOT, GS r); check that it is an ESC/POS printer and switched on";

const NO_CONFIRMATION: &str = "it does not answer whether it is through (GS r 1)";

/// Bits 2 and 3 of the answer to GS r 1: the paper is out.
fn paper_is_out(paper: u8) -> bool {
    paper & 0x0c != 0
}

const NO_PAPER: &str = "the paper is out; insert a new roll";

/// Automatic status as the answers to DLE EOT 2 and 4: in the first byte, bit 5 is an open cover; in the second, bits 3
/// and 5 are errors; in the third, bits 2 and 3 are the end of the paper. Pure.
fn automatic(first: u8, [second, third, _]: [u8; 3]) -> (u8, u8) {
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let offline = 0x12 | bit(first & 0x20 != 0, 0x04) | bit(second & 0x28 != 0, 0x40);
    (offline, 0x12 | bit(third & 0x0c != 0, 0x60))
}

/// The trouble reported by DLE EOT 2 (offline causes) and DLE EOT 4 (paper sensors). Pure.
fn trouble(offline: u8, paper: u8) -> Status {
    if offline & 0x04 != 0 {
        Some("the cover is open; close it")
    } else if offline & 0x20 != 0 || paper & 0x60 != 0 {
        Some(NO_PAPER)
    } else if offline & 0x40 != 0 {
        Some("it reports an error; switch it off and on, and check the cutter")
    } else {
        None
    }
}

/// ESC p 0: a pulse of 50 ms on pin 2, then 500 ms of rest.
const DRAWER: [u8; 5] = [ESC, b'p', 0, 25, 250];

/// DLE DC4 1: the same pulse in real time, for a printer that does not process its buffer.
const DRAWER_NOW: [u8; 5] = [DLE, DC4, 1, 0, 1];

/// DLE DC4 8: clear the buffers (Epson, "DLE DC4 (fn=8)"); the seven bytes after the 8 are fixed.
const CLEAR: [u8; 10] = [DLE, DC4, 8, 1, 3, 20, 1, 6, 2, 8];

/// The response to it.
const CLEARED: [u8; 3] = [0x37, 0x25, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::Jobs;

    #[test]
    fn status_bits_become_instructions() {
        assert_eq!(trouble(0x12, 0x12), None);
        assert!(trouble(0x16, 0x12).unwrap().contains("cover"));
        assert!(trouble(0x12, 0x72).unwrap().contains("roll"));
        assert!(trouble(0x32, 0x12).unwrap().contains("roll"));
        assert!(trouble(0x52, 0x12).unwrap().contains("cutter"));
    }

    #[test]
    fn automatic_status_means_the_same() {
        let state = |bytes: [u8; 4]| {
            let (offline, sensors) = automatic(bytes[0], [bytes[1], bytes[2], bytes[3]]);
            trouble(offline, sensors)
        };
        assert_eq!(state([0x10, 0, 0, 0]), None);
        assert!(state([0x14, 0, 0x0f, 0]).unwrap().contains("roll"));
        assert!(state([0x38, 0, 0x03, 0]).unwrap().contains("cover"));
        assert!(state([0x18, 0x08, 0, 0]).unwrap().contains("cutter"));
    }

    /// A printer with known capabilities, and its other end, which answers DLE EOT at once and GS r after a while.
    fn known(answers_after: Option<Duration>) -> (EscPos, tokio::io::DuplexStream) {
        let language =
            EscPos { real_time: Some(true), in_line: Some(true), offline: 0x12, sensors: 0x12, ..EscPos::default() };
        let (wire, mut printer) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let mut question = [0; 3];
            let mut due = None;
            loop {
                tokio::select! {
                    read = printer.read_exact(&mut question) => match (read, question) {
                        (Ok(_), [DLE, EOT, _]) => printer.write_all(&[0x12]).await.unwrap(),
                        (Ok(_), [GS, b'r', 1]) => due = answers_after.map(|after| Instant::now() + after),
                        (read, other) => panic!("{read:?} {other:?}"),
                    },
                    () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                        due = None;
                        printer.write_all(&[0]).await.unwrap();
                    }
                }
            }
        });
        (language, wire)
    }

    async fn printed(language: &mut EscPos, wire: &mut dyn Wire, lines: u32) -> Result<Status, Unconfirmed> {
        let (_jobs, mut jobs) = Jobs::channel();
        language.printed(wire, lines, &mut Urgent::new(&mut jobs, &mut None, None)).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_slow_printer_depends_on_its_lines() {
        // 500 lines at the 4.7 lines per second of a dot matrix printer.
        let (mut language, mut wire) = known(Some(Duration::from_secs(106)));
        assert!(matches!(printed(&mut language, &mut wire, 500).await, Ok(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_a_confirmation_is_bounded() {
        let (mut language, mut wire) = known(None);
        let began = Instant::now();
        let unconfirmed = printed(&mut language, &mut wire, 30).await.err().unwrap();
        assert!(unconfirmed.line_is_lost && unconfirmed.why.contains("GS r 1"), "{}", unconfirmed.why);
        assert_eq!(began.elapsed(), EscPos::patience(30));
        // It may still print those lines, so the next job waits for them too.
        let began = Instant::now();
        assert!(printed(&mut language, &mut wire, 6).await.is_err());
        assert_eq!(began.elapsed(), EscPos::patience(36));
    }
}
