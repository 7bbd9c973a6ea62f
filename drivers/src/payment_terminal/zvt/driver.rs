//! Runs the [dialogue](super::dialogue) over one link: reads, writes, waits, and answers requests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, oneshot},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Registration,
    apdu::Decoder,
    dialogue::{Answer, Dialogue, Duty, Effect, Event, Order, T3, Trouble},
    judge::Inquiry,
    packets::Message,
    result::in_words,
    serial,
    transaction::{Numbers, Original, Transaction},
};
use crate::{
    device::DeviceName,
    payment_terminal::{Closing, Outcome, Progress, Record, Taken, TerminalError, Unacknowledged, Vote},
    supervise::{Abandon, Driver, HANDLE_DROPPED, Jobs, Reporter},
    transport::Wire,
};

/// The limit from the first byte to the hub's vote, and from the vote to the end: a terminal that keeps sending must
/// not hold a payment for ever.
pub(super) const WHOLE: Duration = Duration::from_secs(600);

/// The reason not to send a payment whose journal is not the terminal's last transaction: a doubt could not be settled.
const JOURNAL_OUTDATED: &str = "its last transaction changed before the payment was sent; repeat the payment";

type Reply<T> = oneshot::Sender<Result<T, TerminalError>>;

/// A request of the hub.
pub(super) enum Job {
    /// `before` is the journal: the last transaction known then.
    Authorise {
        order: Order,
        before: Numbers,
        claim: Claim,
        taken: Taken,
        reply: Reply<Outcome>,
    },
    Inquire {
        reply: Reply<Inquiry>,
    },
    Reverse {
        original: Original,
        taken: Taken,
        reply: Reply<Record>,
    },
    Manage {
        duty: Duty,
        reply: Reply<Closing>,
    },
}

impl Job {
    /// The dialogue's event, and who waits for the answer.
    fn begin(self) -> (Event, Asker) {
        match self {
            Self::Authorise { order, claim, taken, reply, .. } => {
                (Event::Authorise(order), Asker::Payment(claim, taken, reply))
            }
            Self::Inquire { reply } => (Event::Inquire, Asker::Inquirer(reply)),
            Self::Reverse { original, taken, reply } => {
                (Event::Reverse(original.receipt), Asker::Reverser(taken, reply))
            }
            Self::Manage { duty, reply } => (Event::Manage(duty), Asker::Manager(reply)),
        }
    }

    /// Whether it may be sent to the terminal with this last transaction; otherwise the reason.
    fn check(&self, device: &DeviceName, last: &Numbers) -> Result<(), TerminalError> {
        let device = || device.to_string();
        match self {
            Self::Authorise { before, .. } if before != last => {
                Err(TerminalError::Offline { device: device(), why: JOURNAL_OUTDATED.to_owned() })
            }
            Self::Reverse { original, .. } => {
                original.require_at(last).map_err(|why| TerminalError::UnknownReference { device: device(), why })
            }
            _ => Ok(()),
        }
    }

    /// Answers with an error: nothing was sent.
    fn refuse(self, error: TerminalError) {
        match self {
            Self::Authorise { claim, reply, .. } => {
                drop(claim);
                let _ = reply.send(Err(error));
            }
            Self::Inquire { reply } => drop(reply.send(Err(error))),
            Self::Reverse { reply, .. } => drop(reply.send(Err(error))),
            Self::Manage { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Authorise { reply, .. } => reply.is_closed(),
            Self::Inquire { reply } => reply.is_closed(),
            Self::Reverse { reply, .. } => reply.is_closed(),
            Self::Manage { reply, .. } => reply.is_closed(),
        }
    }
}

/// The terminal's last transaction: `None` until the terminal has reported it, empty if there is none.
pub(super) type Last = Arc<Mutex<Option<Numbers>>>;

/// The one payment that may run on a terminal: requests its abort.
pub(super) type Running = Arc<Mutex<Option<Arc<Notify>>>>;

/// Exclusive use of the terminal by a payment, until it is dropped.
pub(super) struct Claim {
    running: Running,
    abort: Arc<Notify>,
}

impl Claim {
    /// `None` if a payment is already running.
    pub(super) fn of(running: &Running) -> Option<Self> {
        let mut slot = running.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return None;
        }
        let abort = Arc::<Notify>::default();
        *slot = Some(Arc::clone(&abort));
        Some(Self { running: Arc::clone(running), abort })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Who waits for the running request.
enum Asker {
    Nobody,
    /// Waits for the outcome of a payment.
    Payment(Claim, Taken, Reply<Outcome>),
    /// Votes on an approval, once, and then waits for the end.
    Voter(Claim, Option<oneshot::Receiver<Vote>>, Reply<Record>),
    Inquirer(Reply<Inquiry>),
    Reverser(Taken, Reply<Record>),
    Manager(Reply<Closing>),
}

impl Asker {
    fn pays(&self) -> bool {
        matches!(self, Self::Payment(..) | Self::Voter(..))
    }

    /// Answers; if nobody listens any more, the answer is dropped. Releases the claim first, so that whoever gets the
    /// answer can pay again.
    fn answer(self, answer: Answer, device: &DeviceName) {
        match (self, answer) {
            (Self::Payment(claim, _, reply), Answer::Declined(code)) => {
                drop(claim);
                let _ = reply.send(Ok(declined(code)));
            }
            (Self::Payment(claim, _, reply), Answer::Failed(trouble)) => {
                drop(claim);
                let _ = reply.send(Err(error(device, trouble)));
            }
            (Self::Voter(claim, _, reply), Answer::Settled(record)) => {
                drop(claim);
                let _ = reply.send(Ok(record.into()));
            }
            (Self::Voter(claim, _, reply), Answer::Failed(trouble)) => {
                drop(claim);
                let _ = reply.send(Err(error(device, trouble)));
            }
            (Self::Inquirer(reply), Answer::Inquired(inquiry)) => drop(reply.send(Ok(inquiry))),
            (Self::Inquirer(reply), Answer::Failed(trouble)) => drop(reply.send(Err(error(device, trouble)))),
            (Self::Reverser(_, reply), Answer::Reversed(record)) => drop(reply.send(Ok(record.into()))),
            (Self::Reverser(_, reply), Answer::Failed(trouble)) => drop(reply.send(Err(error(device, trouble)))),
            (Self::Manager(reply), Answer::Done(closing)) => drop(reply.send(Ok(closing))),
            (Self::Manager(reply), Answer::Failed(trouble)) => drop(reply.send(Err(error(device, trouble)))),
            _ => {}
        }
    }

    /// Passes an approval to whoever requested the payment, who then votes.
    fn approve(self, approved: Transaction, device: &DeviceName) -> Self {
        let Self::Payment(claim, _, reply) = self else { return Self::Nobody };
        let (vote, voted) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let approved = Unacknowledged::awaiting(approved.into(), device.to_string(), vote, end);
        let _ = reply.send(Ok(Outcome::Approved(approved)));
        Self::Voter(claim, Some(voted), ended)
    }

    /// The terminal took the transaction.
    fn taken(&mut self) {
        if let Self::Payment(_, taken, _) | Self::Reverser(taken, _) = self {
            taken.tell();
        }
    }

    /// The hub's next message about the running request: its vote or an abort. Pending for ever if there is none.
    async fn word(&mut self) -> Event {
        match self {
            Self::Payment(claim, ..) => {
                claim.abort.notified().await;
                Event::Abort
            }
            Self::Voter(_, voted @ Some(_), _) => {
                let vote = match voted {
                    Some(voting) => voting.await.ok(),
                    None => None,
                };
                *voted = None;
                Event::Voted(vote)
            }
            _ => std::future::pending().await,
        }
    }
}

/// A result code as text: two hexadecimal digits.
fn code_text(code: u8) -> String {
    format!("{code:02X}")
}

pub(super) fn declined(code: u8) -> Outcome {
    Outcome::Declined { code: code_text(code), why: in_words(code).to_owned() }
}

fn error(device: &DeviceName, trouble: Trouble) -> TerminalError {
    let device = device.to_string();
    match trouble {
        Trouble::NotReady => TerminalError::Offline { device, why: trouble.to_string() },
        Trouble::Refused(code) => {
            TerminalError::Refused { device, code: code_text(code), why: in_words(code).to_owned() }
        }
        Trouble::Lost(why) => TerminalError::LinkLost { device, why },
        Trouble::Silent(waited) => {
            TerminalError::TimedOut { device, waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
        }
        Trouble::Protocol(got) => TerminalError::Protocol { device, got },
    }
}

pub(super) struct ZvtDriver {
    device: DeviceName,
    settings: Registration,
    last: Last,
}

impl ZvtDriver {
    pub(super) fn new(device: DeviceName, settings: Registration, last: Last) -> Self {
        Self { device, settings, last }
    }

    fn remember(&self, trace: Numbers) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(trace);
    }
}

impl Driver for ZvtDriver {
    type Job = Job;

    async fn run(&mut self, wire: Box<dyn Wire>, jobs: &mut Jobs<Job>, report: &Reporter) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        let wire = if self.settings.serial { serial::unframed(wire) } else { wire };
        let mut link = Link { wire, decoder: Decoder::default() };
        let mut dialogue = Dialogue::new(self.settings.currency, last);
        let mut asker = Asker::Nobody;
        let mut began = Instant::now();
        let mut event = Event::Opened;
        loop {
            let mut broken = None;
            for effect in dialogue.step(event) {
                match effect {
                    Effect::Send(command) => {
                        if let Err(why) = link.send(&command.encode(&self.settings)).await {
                            broken = Some(why);
                        }
                    }
                    Effect::Ready => {
                        self.remember(dialogue.last().clone());
                        report.ready();
                    }
                    Effect::Attention(why) => report.attention(why),
                    Effect::Progress(progress) => report.payment(progress),
                    Effect::Taken => asker.taken(),
                    Effect::Remember(trace) => self.remember(trace),
                    Effect::Approved(record) => asker = asker.approve(record, &self.device),
                    Effect::Answer(answer) => {
                        if asker.pays() {
                            report.payment(Progress { text: "idle".into() });
                        }
                        std::mem::replace(&mut asker, Asker::Nobody).answer(answer, &self.device);
                    }
                    Effect::Close(why) => return why,
                }
            }
            if let Some(why) = broken {
                event = Event::Lost(why);
                continue;
            }
            let now = Instant::now();
            if dialogue.is_open() || dialogue.awaits_vote() {
                began = now;
            }
            let deadline = (now + dialogue.limit()).min(began + WHOLE);
            event = loop {
                tokio::select! {
                    biased;
                    word = asker.word() => break word,
                    event = link.receive(), if !dialogue.awaits_vote() => break event,
                    job = jobs.next(), if dialogue.is_open() => {
                        let Some(job) = job else { return HANDLE_DROPPED.into() };
                        if let Err(error) = job.check(&self.device, dialogue.last()) {
                            job.refuse(error);
                            continue;
                        }
                        let (event, asking) = job.begin();
                        asker = asking;
                        break event;
                    }
                    () = sleep_until(deadline) => break Event::Elapsed,
                }
            };
        }
    }

    fn refuse(&mut self, job: Job, why: &str) {
        job.refuse(TerminalError::Offline { device: self.device.to_string(), why: why.to_owned() });
    }
}

struct Link {
    wire: Box<dyn Wire>,
    decoder: Decoder,
}

impl Link {
    /// Sends; an error is the reason why the link was lost.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let sent = timeout(T3, async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        });
        sent.await.map_err(|_| "it stopped accepting data".to_owned())?.map_err(|error| error.to_string())
    }

    /// The next message, or why the link was lost. Cancel-safe: received bytes stay in the decoder.
    async fn receive(&mut self) -> Event {
        let mut buffer = [0; 2048];
        loop {
            if let Some(frame) = self.decoder.next() {
                return Event::Heard(Message::of(&frame));
            }
            match self.wire.read(&mut buffer).await {
                Ok(0) => return Event::Lost("the terminal closed the link".into()),
                Ok(length) => self.decoder.push(&buffer[..length]),
                Err(error) => return Event::Lost(error.to_string()),
            }
        }
    }
}
