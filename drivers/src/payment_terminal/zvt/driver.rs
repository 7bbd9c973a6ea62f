//! The dialogue with a terminal over one link.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc, oneshot},
    time::timeout,
};

use super::{
    ZvtSettings,
    apdu::{Apdu, Decoder, MAX_DATA, encode},
    bmp, result, text,
};
use crate::{
    device::DeviceName,
    payment_terminal::{Amount, Inquiry, Outcome, Progress, Record, TerminalError, Trace, Unacknowledged, Vote},
    supervise::{Driver, Reporter},
    transport::Wire,
};

/// T3: an acknowledgement must come within this.
const T3: Duration = Duration::from_secs(5);

/// T4: the terminal must say something within this while it leads.
const T4: Duration = Duration::from_secs(180);

/// The hub must vote within this.
const VOTE: Duration = Duration::from_secs(30);

/// 02 the hub prints payment receipts, 04 and administration receipts, 08 wants intermediate statuses, 10 controls payments, 80 text by print lines.
const CONFIG: u8 = 0x9e;

const ACKNOWLEDGE: (u8, u8) = (0x80, 0x00);
const NOT_ISSUED: (u8, u8) = (0x84, 0x66);
const UNKNOWN_NOW: (u8, u8) = (0x84, 0x83);
const STATUS_INFORMATION: (u8, u8) = (0x04, 0x0f);
const INTERMEDIATE: (u8, u8) = (0x04, 0xff);
const COMPLETION: (u8, u8) = (0x06, 0x0f);
const ABORTED: (u8, u8) = (0x06, 0x1e);
const PRINT_LINE: (u8, u8) = (0x06, 0xd1);
const PRINT_BLOCK: (u8, u8) = (0x06, 0xd3);

/// What the hub may ask.
pub(super) enum Job {
    Authorise { amount: Amount, answer: oneshot::Sender<Result<Outcome, TerminalError>> },
    Inquire { answer: oneshot::Sender<Result<Inquiry, TerminalError>> },
    Reverse { receipt: u16, answer: oneshot::Sender<Result<Record, TerminalError>> },
}

pub(super) struct ZvtDriver {
    device: DeviceName,
    settings: ZvtSettings,
    last: Arc<Mutex<Trace>>,
    abort: Arc<Notify>,
}

/// The link broke, or the terminal did not keep to the protocol: this link is over.
enum Fault {
    Lost(String),
    Silent(Duration),
    Protocol(String),
}

/// How a command ended that the terminal led.
struct Ended {
    /// The last status information, if there was one.
    status: Option<bmp::Fields>,
    receipt_text: Vec<String>,
    /// The code of an abort; `None` for a completion.
    aborted: Option<u8>,
}

impl ZvtDriver {
    pub(super) fn new(device: DeviceName, settings: ZvtSettings, last: Arc<Mutex<Trace>>, abort: Arc<Notify>) -> Self {
        Self { device, settings, last, abort }
    }

    fn error(&self, fault: &Fault) -> TerminalError {
        let device = self.device.to_string();
        match fault {
            Fault::Lost(why) => TerminalError::LinkLost { device, why: why.clone() },
            Fault::Silent(waited) => {
                TerminalError::TimedOut { device, waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
            }
            Fault::Protocol(got) => TerminalError::Protocol { device, got: got.clone() },
        }
    }

    fn remember(&self, trace: &Trace) {
        if trace.trace.is_some() || trace.receipt.is_some() {
            self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(trace);
        }
    }

    fn record(&self, status: bmp::Fields, receipt_text: Vec<String>) -> Option<Record> {
        Some(Record {
            amount: status.amount(self.settings.currency)?,
            trace: status.trace,
            terminal_time: Some([status.date.unwrap_or_default(), status.time.unwrap_or_default()].join(" "))
                .filter(|time| time != " "),
            card: status.card,
            card_name: status.card_name,
            receipt_text,
        })
    }

    /// Registers, and learns the numbers of the last transaction.
    async fn greet(&self, link: &mut Link) -> Result<(), Fault> {
        let mut data = self.settings.password.to_vec();
        data.push(CONFIG);
        data.extend(bcd(u64::from(self.settings.currency), 2));
        if let Some(code) = link.command((0x06, 0x00), &data).await? {
            return Err(Fault::Protocol(format!(
                "it refused the registration: {} ({code:#04x})",
                result::in_words(code)
            )));
        }
        let ended = link.follow().await?;
        if let Some(code) = ended.aborted {
            return Err(Fault::Protocol(format!(
                "it aborted the registration: {} ({code:#04x})",
                result::in_words(code)
            )));
        }
        self.repeat_receipt(link).await.map(|_| ())
    }

    /// `06 20`: what was the last transaction?
    async fn repeat_receipt(&self, link: &mut Link) -> Result<Inquiry, Fault> {
        if link.command((0x06, 0x20), &self.settings.password).await?.is_some() {
            return Ok(Inquiry::Nothing);
        }
        let Ended { status, receipt_text, .. } = link.follow().await?;
        let Some(status) = status else { return Ok(Inquiry::Nothing) };
        self.remember(&status.trace);
        match status.result.unwrap_or(0) {
            0 => {
                let trace = status.trace.clone();
                Ok(self.record(status, receipt_text).map_or(Inquiry::LastFailed { code: 0xff, trace }, Inquiry::Last))
            }
            code => Ok(Inquiry::LastFailed { code, trace: status.trace }),
        }
    }

    /// `06 30`.
    async fn reverse(&self, link: &mut Link, receipt: u16) -> Result<Result<Record, TerminalError>, Fault> {
        let refused = |code: u8| TerminalError::Refused {
            device: self.device.to_string(),
            code,
            why: result::in_words(code).to_owned(),
        };
        let mut data = self.settings.password.to_vec();
        data.push(0x87);
        data.extend(bcd(u64::from(receipt), 2));
        if let Some(code) = link.command((0x06, 0x30), &data).await? {
            return Ok(Err(refused(code)));
        }
        let ended = link.follow().await?;
        let failed =
            ended.aborted.or_else(|| ended.status.as_ref().and_then(|status| status.result).filter(|code| *code != 0));
        if let Some(code) = failed {
            return Ok(Err(refused(code)));
        }
        let record = ended.status.and_then(|status| {
            self.remember(&status.trace);
            self.record(status, ended.receipt_text)
        });
        record.map(Ok).ok_or_else(|| Fault::Protocol("a reversal without a result".into()))
    }

    /// `06 01`, up to the hub's vote and on to the end. The asker is answered here, whatever happens.
    async fn authorise(
        &self,
        link: &mut Link,
        report: &Reporter,
        amount: Amount,
        answer: oneshot::Sender<Result<Outcome, TerminalError>>,
    ) -> Result<(), Fault> {
        let mut asker = Asker::Waiting(answer);
        let ended = self.lead_authorisation(link, report, amount, &mut asker).await;
        report.payment(Progress { code: 0, text: "idle".into() });
        match (&ended, asker) {
            (Err(fault), Asker::Waiting(answer)) => {
                let _ = answer.send(Err(self.error(fault)));
            }
            (Err(fault), Asker::Voted { ended, .. }) => {
                let _ = ended.send(Err(self.error(fault)));
            }
            (_, Asker::Gone | Asker::Waiting(_) | Asker::Voted { .. }) => {}
        }
        ended
    }

    async fn lead_authorisation(
        &self,
        link: &mut Link,
        report: &Reporter,
        amount: Amount,
        asker: &mut Asker,
    ) -> Result<(), Fault> {
        let mut data = vec![0x04];
        data.extend(bcd(amount.minor, 6));
        data.push(0x49);
        data.extend(bcd(u64::from(amount.currency), 2));
        if let Some(code) = link.command((0x06, 0x01), &data).await? {
            asker.answer(Outcome::Declined { code, why: result::in_words(code).to_owned() });
            return Ok(());
        }
        let (mut declined, mut receipt_text) = (None, Vec::new());
        loop {
            let frame = tokio::select! {
                frame = link.receive(T4) => frame?,
                () = self.abort.notified() => {
                    // The terminal acknowledges it in its own time; the answer still comes.
                    link.send((0x06, 0xb0), &[]).await?;
                    continue;
                }
            };
            match frame.code {
                // The acknowledgement of an abort.
                ACKNOWLEDGE | (0x84, _) => continue,
                INTERMEDIATE => {
                    let code = frame.data.first().copied().unwrap_or(0);
                    report.payment(Progress { code, text: result::progress_in_words(code) });
                }
                STATUS_INFORMATION => {
                    let status = bmp::parse(&frame.data);
                    self.remember(&status.trace);
                    match status.result {
                        Some(0) if matches!(asker, Asker::Waiting(_)) => {
                            let record = self
                                .record(status, Vec::new())
                                .ok_or_else(|| Fault::Protocol("an approval without an amount".into()))?;
                            link.send(asker.vote(record).await?, &[]).await?;
                            continue;
                        }
                        // Sent again: the acknowledgement was lost, the vote stands.
                        Some(0) => {
                            if asker.vote_is(Vote::RollBack) {
                                link.send(NOT_ISSUED, &[]).await?;
                                continue;
                            }
                        }
                        code => declined = Some(code.unwrap_or(0xff)),
                    }
                }
                PRINT_LINE => text::line(&frame.data, &mut receipt_text),
                PRINT_BLOCK => text::block(&frame.data, &mut receipt_text),
                COMPLETION | ABORTED => {
                    link.send(ACKNOWLEDGE, &[]).await?;
                    let code =
                        (frame.code == ABORTED).then(|| frame.data.first().copied().unwrap_or(0xff)).or(declined);
                    return self.close(asker, code, receipt_text);
                }
                _ => {
                    link.send(UNKNOWN_NOW, &[]).await?;
                    continue;
                }
            }
            link.send(ACKNOWLEDGE, &[]).await?;
        }
    }

    /// The terminal is through.
    fn close(&self, asker: &mut Asker, code: Option<u8>, receipt_text: Vec<String>) -> Result<(), Fault> {
        match (std::mem::replace(asker, Asker::Gone), code) {
            (Asker::Waiting(answer), Some(code)) => {
                let _ = answer.send(Ok(Outcome::Declined { code, why: result::in_words(code).to_owned() }));
                Ok(())
            }
            (Asker::Waiting(answer), None) => {
                *asker = Asker::Waiting(answer);
                Err(Fault::Protocol("a completion without a result".into()))
            }
            (Asker::Voted { ended, record, vote }, code) => {
                let told = match (vote, code) {
                    (Vote::Keep, Some(code)) => Err(self.error(&Fault::Protocol(format!(
                        "it aborted after it had approved: {} ({code:#04x})",
                        result::in_words(code)
                    )))),
                    _ => Ok(Record { receipt_text, ..record }),
                };
                let _ = ended.send(told);
                Ok(())
            }
            (Asker::Gone, _) => Ok(()),
        }
    }
}

/// Whoever asked for an authorisation.
enum Asker {
    /// For the outcome.
    Waiting(oneshot::Sender<Result<Outcome, TerminalError>>),
    /// It voted, and waits for the end.
    Voted { ended: oneshot::Sender<Result<Record, TerminalError>>, record: Record, vote: Vote },
    /// It was told everything.
    Gone,
}

impl Asker {
    fn answer(&mut self, outcome: Outcome) {
        if let Self::Waiting(answer) = std::mem::replace(self, Self::Gone) {
            let _ = answer.send(Ok(outcome));
        }
    }

    /// Shows an approval to the hub and waits for its vote; gives the frame that says so.
    async fn vote(&mut self, record: Record) -> Result<(u8, u8), Fault> {
        let Self::Waiting(answer) = std::mem::replace(self, Self::Gone) else {
            return Err(Fault::Protocol("a second approval".into()));
        };
        let (vote, voted) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let _ = answer.send(Ok(Outcome::Approved(Unacknowledged { record: record.clone(), vote, ended: end })));
        match timeout(VOTE, voted).await {
            Ok(Ok(vote)) => {
                *self = Self::Voted { ended, record, vote };
                Ok(if vote == Vote::Keep { ACKNOWLEDGE } else { NOT_ISSUED })
            }
            // Neither yes nor no may be said for it.
            Ok(Err(_)) | Err(_) => Err(Fault::Lost("the hub did not decide; nothing was acknowledged".into())),
        }
    }

    fn vote_is(&self, wanted: Vote) -> bool {
        matches!(self, Self::Voted { vote, .. } if *vote == wanted)
    }
}

impl Driver for ZvtDriver {
    type Job = Job;

    async fn run(&mut self, wire: Box<dyn Wire>, jobs: &mut mpsc::Receiver<Job>, report: &Reporter) -> String {
        let mut link = Link { wire, decoder: Decoder::default() };
        let why = |fault: Fault| match fault {
            Fault::Lost(why) => why,
            Fault::Silent(waited) => {
                format!("it said nothing for {} s; is it a ZVT terminal, and idle?", waited.as_secs())
            }
            Fault::Protocol(got) => format!("{got}; check that it is set up for ZVT and that the password is right"),
        };
        if let Err(fault) = self.greet(&mut link).await {
            return why(fault);
        }
        report.ready();
        loop {
            let job = tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => job,
                    None => return "the hub let go".into(),
                },
                // Nothing is due from an idle terminal; what comes is refused, and a closed link is seen.
                frame = link.receive(Duration::MAX) => match frame {
                    Ok(_) => match link.send(UNKNOWN_NOW, &[]).await {
                        Ok(()) => continue,
                        Err(fault) => return why(fault),
                    },
                    Err(fault) => return why(fault),
                },
            };
            let done = match job {
                Job::Authorise { amount, answer } => self.authorise(&mut link, report, amount, answer).await,
                Job::Inquire { answer } => match self.repeat_receipt(&mut link).await {
                    Ok(inquiry) => {
                        let _ = answer.send(Ok(inquiry));
                        Ok(())
                    }
                    Err(fault) => {
                        let _ = answer.send(Err(self.error(&fault)));
                        Err(fault)
                    }
                },
                Job::Reverse { receipt, answer } => match self.reverse(&mut link, receipt).await {
                    Ok(reversed) => {
                        let _ = answer.send(reversed);
                        Ok(())
                    }
                    Err(fault) => {
                        let _ = answer.send(Err(self.error(&fault)));
                        Err(fault)
                    }
                },
            };
            if let Err(fault) = done {
                return why(fault);
            }
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        let offline = TerminalError::Offline { device: self.device.to_string(), why: why.to_owned() };
        match job {
            Job::Authorise { answer, .. } => drop(answer.send(Err(offline))),
            Job::Inquire { answer } => drop(answer.send(Err(offline))),
            Job::Reverse { answer, .. } => drop(answer.send(Err(offline))),
        }
    }
}

struct Link {
    wire: Box<dyn Wire>,
    decoder: Decoder,
}

impl Link {
    async fn send(&mut self, code: (u8, u8), data: &[u8]) -> Result<(), Fault> {
        let bytes = encode(code, data);
        let sent = timeout(T3, async {
            self.wire.write_all(&bytes).await?;
            self.wire.flush().await
        });
        sent.await.map_err(|_| Fault::Silent(T3))?.map_err(|error| Fault::Lost(error.to_string()))
    }

    /// The next frame. Safe to drop while it waits: what was read stays in the decoder.
    async fn receive(&mut self, limit: Duration) -> Result<Apdu, Fault> {
        let mut buffer = [0; 2048];
        let mut read = 0;
        loop {
            if let Some(frame) = self.decoder.next() {
                return Ok(frame);
            }
            match timeout(limit, self.wire.read(&mut buffer)).await {
                Err(_) => return Err(Fault::Silent(limit)),
                Ok(Ok(0)) => return Err(Fault::Lost("it closed the link".into())),
                Ok(Err(error)) => return Err(Fault::Lost(error.to_string())),
                Ok(Ok(length)) => self.decoder.push(&buffer[..length]),
            }
            read += buffer.len();
            if read > 2 * MAX_DATA {
                return Err(Fault::Protocol("a frame without an end".into()));
            }
        }
    }

    /// Sends a command and waits until it is taken; the code if it is refused.
    async fn command(&mut self, code: (u8, u8), data: &[u8]) -> Result<Option<u8>, Fault> {
        self.send(code, data).await?;
        loop {
            let frame = self.receive(T3).await?;
            match frame.code {
                (0x80 | 0x84, 0x00) => return Ok(None),
                (0x84, code) => return Ok(Some(code)),
                // Left over from before; the terminal asks again if it matters.
                _ => self.send(UNKNOWN_NOW, &[]).await?,
            }
        }
    }

    /// Lets the terminal lead until it is through, and acknowledges everything.
    async fn follow(&mut self) -> Result<Ended, Fault> {
        let mut ended = Ended { status: None, receipt_text: Vec::new(), aborted: None };
        loop {
            let frame = self.receive(T4).await?;
            match frame.code {
                STATUS_INFORMATION => ended.status = Some(bmp::parse(&frame.data)),
                PRINT_LINE => text::line(&frame.data, &mut ended.receipt_text),
                PRINT_BLOCK => text::block(&frame.data, &mut ended.receipt_text),
                COMPLETION | ABORTED => {
                    ended.aborted = (frame.code == ABORTED).then(|| frame.data.first().copied().unwrap_or(0xff));
                    self.send(ACKNOWLEDGE, &[]).await?;
                    return Ok(ended);
                }
                INTERMEDIATE => {}
                _ => {
                    self.send(UNKNOWN_NOW, &[]).await?;
                    continue;
                }
            }
            self.send(ACKNOWLEDGE, &[]).await?;
        }
    }
}

/// Binary coded decimal in so many bytes.
fn bcd(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut coded = vec![0; bytes];
    for byte in coded.iter_mut().rev() {
        let pair = u8::try_from(number % 100).unwrap_or(0);
        *byte = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
    coded
}
