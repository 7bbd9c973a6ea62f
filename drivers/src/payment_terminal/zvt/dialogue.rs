//! The dialogue with a terminal as a pure state machine: what happened goes in, what to do comes out. No clock, no wire, no waiting.
//!
//! Whoever sends a command leads until it is taken (`80 00`); then the terminal leads, and each of its messages is acknowledged, until it says that it
//! is through (`06 0F`, `06 1E`). The one message that is not acknowledged at once is an approval: that acknowledgement is the hub's vote.
//!
//! # States and events
//!
//! What is not in these tables changes nothing and is answered by nothing. A test holds them against the code, cell by cell.
//!
#![doc = include_str!("dialogue.md")]

use std::{fmt, time::Duration};

use super::{
    bmp::Fields,
    judge::Inquiry,
    packets::{Command, Message},
    result::{in_words, progress_in_words},
    text::MAX_LINES,
    trace::{Trace, Transaction},
};
use crate::payment_terminal::{Amount, Progress, Vote};

/// T2: an enquiry needs neither customer nor bank (as implemented by ecrterm, its upper value).
const T2: Duration = Duration::from_secs(15);

/// T3: a command must be taken within this (PA00P016, as implemented by ecrterm).
pub(super) const T3: Duration = Duration::from_secs(5);

/// T4: the terminal must say something within this while it leads; each message starts it anew (as above; Portalum.Zvt #14).
pub(super) const T4: Duration = Duration::from_secs(180);

/// The hub must vote within this: a terminal does not wait for ever.
const VOTE: Duration = Duration::from_secs(30);

/// Between two enquiries of a terminal that is not ready.
const POLL: Duration = Duration::from_secs(3);

/// An idle terminal is asked so often whether it is still there.
const CHECK: Duration = Duration::from_secs(30);

/// The code of `06 1E` for a function that is not possible: to `06 20`, "there is none".
const NOT_POSSIBLE: u8 = 0x83;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The link is open.
    Opened,
    /// The hub wants an amount taken.
    Authorise(Amount),
    /// The hub wants the running authorisation stopped.
    Abort,
    /// The hub wants to know the last transaction.
    Inquire,
    /// The hub wants the transaction with this receipt number reversed.
    Reverse(u16),
    /// The hub decided on an approval; `None`: nobody is left to decide.
    Voted(Option<Vote>),
    /// The terminal said something.
    Heard(Message),
    /// Nothing happened for the state's [limit](Dialogue::limit).
    Elapsed,
    /// The link broke: how.
    Lost(String),
}

/// What to do about it, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Say this.
    Send(Command),
    /// Tell that the terminal is ready.
    Ready,
    /// Tell that it needs a hand.
    Attention(String),
    /// Tell how far a payment is.
    Progress(Progress),
    /// These are the numbers of the terminal's last transaction.
    Remember(Trace),
    /// Show an approval to the hub and await its vote.
    Approved(Transaction),
    /// What the hub asked for last has an end.
    Answer(Answer),
    /// Give the link up: why.
    Close(String),
}

/// The end of what the hub asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An authorisation came to nothing.
    Declined(u8),
    /// The vote was carried out.
    Settled(Transaction),
    /// The terminal told its last transaction.
    Inquired(Inquiry),
    /// It reversed this.
    Reversed(Transaction),
    /// It has no good end.
    Failed(Trouble),
}

/// Why something has no good end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The terminal is not ready; nothing was sent.
    NotReady,
    /// It refused.
    Refused(u8),
    /// The link broke.
    Lost(String),
    /// It was silent for so long.
    Silent(Duration),
    /// It said what the protocol does not allow, or nothing that helps.
    Protocol(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("it is not ready"),
            Self::Refused(code) => write!(f, "{} ({code:#04x})", in_words(*code)),
            Self::Lost(why) => f.write_str(why),
            Self::Silent(limit) => {
                write!(f, "it said nothing for {} s; is it a ZVT terminal, and idle?", limit.as_secs())
            }
            Self::Protocol(got) => write!(f, "{got}; check that it is set up for ZVT"),
        }
    }
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Register,
    Enquire(Purpose),
    Repeat(Purpose),
    Authorise,
    Reverse,
}

/// What an enquiry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To become ready: the terminal must be idle, then tell its last transaction.
    Greeting,
    /// To see that it is still there.
    Check,
    /// The hub asked for the last transaction.
    Inquiry,
}

/// Where the dialogue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is no link.
    Closed,
    /// A command was sent and is not taken yet.
    Calling(Errand),
    Registering,
    Enquiring(Purpose),
    Repeating(Purpose, Heard),
    /// The terminal is not ready; it is asked again soon.
    Resting,
    /// It is ready, and nothing runs.
    Idle,
    Authorising(Heard),
    /// An approval waits for the hub's vote.
    AwaitingVote(Transaction),
    /// The vote was cast; the terminal finishes.
    Completing(Vote, Transaction, Heard),
    Reversing(Heard),
}

/// What the terminal said so far while it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    status: Option<Fields>,
    text: Vec<String>,
}

/// A dialogue over one link.
pub(super) struct Dialogue {
    state: State,
    /// The store's currency, for a terminal that names none.
    currency: u16,
    /// The terminal's last transaction.
    last: Trace,
    /// The hub wants the payment aborted that is being called.
    abort: bool,
    /// An abort was sent and not answered yet: the next reply may belong to it.
    abort_open: bool,
}

type Step = (State, Vec<Effect>);

impl Dialogue {
    pub(super) fn new(currency: u16, last: Trace) -> Self {
        Self { state: State::Closed, currency, last, abort: false, abort_open: false }
    }

    /// Whether the hub may ask for something.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Resting)
    }

    /// Whether it is the hub's turn, and the terminal waits.
    pub(super) fn awaits_vote(&self) -> bool {
        matches!(self.state, State::AwaitingVote(_))
    }

    /// The numbers of the terminal's last transaction, as far as it is known.
    pub(super) fn last(&self) -> &Trace {
        &self.last
    }

    /// How long to wait for the next event before telling [`Event::Elapsed`].
    pub(super) fn limit(&self) -> Duration {
        match self.state {
            State::Calling(_) => T3,
            State::Enquiring(_) | State::Repeating(..) => T2,
            State::AwaitingVote(_) => VOTE,
            State::Resting => POLL,
            State::Idle => CHECK,
            _ => T4,
        }
    }

    /// Takes an event; says what to do.
    pub(super) fn step(&mut self, event: Event) -> Vec<Effect> {
        let limit = self.limit();
        let state = std::mem::replace(&mut self.state, State::Closed);
        let (state, effects) = self.decide(state, event, limit);
        self.state = state;
        effects
    }

    fn decide(&mut self, state: State, event: Event, limit: Duration) -> Step {
        use State as S;
        match (state, event) {
            (S::Closed, Event::Opened) => call(Errand::Register, Command::Register),
            (S::Closed, _) => (S::Closed, vec![]),
            (state, Event::Lost(why)) => fail(&state, Trouble::Lost(why)),

            (S::Idle, Event::Elapsed) => call(Errand::Enquire(Purpose::Check), Command::Enquire),
            (S::Resting, Event::Elapsed) => call(Errand::Enquire(Purpose::Greeting), Command::Enquire),
            (state @ S::AwaitingVote(_), Event::Elapsed | Event::Voted(None)) => {
                // Neither yes nor no may be said for the hub.
                fail(&state, Trouble::Lost("the hub did not decide in time; nothing was acknowledged".into()))
            }
            (state, Event::Elapsed) => fail(&state, Trouble::Silent(limit)),

            (S::Idle, Event::Authorise(amount)) => {
                self.abort = false;
                call(Errand::Authorise, Command::Authorise(amount))
            }
            (S::Idle, Event::Reverse(receipt)) => call(Errand::Reverse, Command::Reverse(receipt)),
            (S::Idle | S::Resting, Event::Inquire) => call(Errand::Enquire(Purpose::Inquiry), Command::Enquire),
            (S::Resting, Event::Authorise(_) | Event::Reverse(_)) => {
                (S::Resting, vec![Effect::Answer(Answer::Failed(Trouble::NotReady))])
            }
            (S::Calling(Errand::Authorise), Event::Abort) => {
                self.abort = true;
                (S::Calling(Errand::Authorise), vec![])
            }
            (S::Authorising(heard), Event::Abort) if !self.abort_open => {
                self.abort_open = true;
                (S::Authorising(heard), vec![Effect::Send(Command::Abort)])
            }
            (S::AwaitingVote(record), Event::Voted(Some(vote))) => {
                let said = if vote == Vote::Keep { Command::Acknowledge } else { Command::NotIssued };
                (S::Completing(vote, record, Heard::default()), vec![Effect::Send(said)])
            }
            // The link is not read while the hub decides.
            (state @ S::AwaitingVote(_), _) => (state, vec![]),
            (state, Event::Heard(message)) => self.heard(state, message),
            (state, _) => (state, vec![]),
        }
    }

    fn heard(&mut self, state: State, message: Message) -> Step {
        use Message as M;
        use State as S;
        match (state, message) {
            (S::Calling(errand), M::Taken) => self.taken(errand),
            (S::Calling(errand), M::Refused(_)) if self.abort_open => {
                // That was for an abort which came too late.
                self.abort_open = false;
                (S::Calling(errand), vec![])
            }
            (S::Calling(errand), M::Refused(code)) => self.refused(errand, code),
            (state, M::Taken | M::Refused(_)) => {
                self.abort_open = false;
                (state, vec![])
            }
            // Before its command is taken the terminal does not lead; if it matters, it says it again.
            (state @ S::Calling(_), _) | (state, M::Unknown) => (state, vec![Effect::Send(Command::Impossible)]),

            (S::Registering, M::Completed { .. }) => {
                acknowledged(call(Errand::Enquire(Purpose::Greeting), Command::Enquire))
            }
            (S::Registering, M::Aborted(code)) => acknowledged(refused_registration(code)),

            (S::Enquiring(purpose), M::Completed { state: 0 }) => {
                self.abort_open = false;
                acknowledged(match purpose {
                    Purpose::Check => (S::Idle, vec![]),
                    _ => call(Errand::Repeat(purpose), Command::RepeatReceipt),
                })
            }
            (S::Enquiring(purpose), M::Completed { state: code } | M::Aborted(code)) => {
                acknowledged(not_ready(purpose, code))
            }

            (S::Repeating(purpose, heard), M::Completed { .. }) => acknowledged(self.repeated(purpose, heard, None)),
            (S::Repeating(purpose, heard), M::Aborted(code)) => acknowledged(self.repeated(purpose, heard, Some(code))),

            (S::Authorising(heard), M::Status(status)) => self.result(heard, status),
            (S::Authorising(heard), M::Completed { .. }) => match heard.status.and_then(|status| status.result) {
                Some(code) => acknowledged(self.ended(Answer::Declined(code))),
                None => out_of_protocol(&S::Authorising(Heard::default()), "a completion without a result"),
            },
            (S::Authorising(heard), M::Aborted(code)) => {
                // A result before it says more, such as the bank's reason.
                let code = heard.status.and_then(|status| status.result).unwrap_or(code);
                acknowledged(self.ended(Answer::Declined(code)))
            }

            (S::Completing(vote, record, heard), M::Status(status)) => self.result_again(vote, record, heard, status),
            (S::Completing(vote, record, heard), M::Completed { .. }) => {
                let failed = heard.status.as_ref().and_then(|status| status.result).filter(|code| *code != 0);
                acknowledged(self.completed(vote, record, heard, failed))
            }
            (S::Completing(vote, record, heard), M::Aborted(code)) => {
                acknowledged(self.completed(vote, record, heard, Some(code)))
            }

            (S::Reversing(heard), M::Completed { .. }) => acknowledged(self.reversed(heard)),
            (S::Reversing(_), M::Aborted(code)) => acknowledged(self.ended(Answer::Failed(Trouble::Refused(code)))),

            (S::Repeating(purpose, heard), M::Status(status)) => {
                let remember = self.remember(&status);
                acknowledged((S::Repeating(purpose, Heard { status: Some(status), ..heard }), remember))
            }
            (S::Reversing(heard), M::Status(status)) => {
                let remember = self.remember(&status);
                acknowledged((S::Reversing(Heard { status: Some(status), ..heard }), remember))
            }
            // Nobody could vote on an approval that nobody asked for. A decline may come late: some terminals tell it after the abort.
            (state, M::Status(status)) if status.result.is_none_or(|code| code == 0) => {
                out_of_protocol(&state, "a result that nobody asked for")
            }
            (mut state, M::Text(lines)) => {
                if let S::Repeating(_, heard) | S::Completing(_, _, heard) | S::Reversing(heard) = &mut state {
                    let room = MAX_LINES - heard.text.len().min(MAX_LINES);
                    heard.text.extend(lines.into_iter().take(room));
                }
                acknowledged((state, vec![]))
            }
            (state @ (S::Authorising(_) | S::Completing(..) | S::Reversing(_)), M::Progress(code)) => {
                let progress = Progress { text: progress_in_words(code) };
                acknowledged((state, vec![Effect::Progress(progress)]))
            }
            (state, _) => acknowledged((state, vec![])),
        }
    }

    /// A command is taken: the terminal leads.
    fn taken(&mut self, errand: Errand) -> Step {
        match errand {
            Errand::Register => (State::Registering, vec![]),
            Errand::Enquire(purpose) => (State::Enquiring(purpose), vec![]),
            Errand::Repeat(purpose) => (State::Repeating(purpose, Heard::default()), vec![]),
            Errand::Reverse => (State::Reversing(Heard::default()), vec![]),
            Errand::Authorise => {
                self.abort_open = self.abort;
                let abort = self.abort.then_some(Effect::Send(Command::Abort));
                (State::Authorising(Heard::default()), abort.into_iter().collect())
            }
        }
    }

    /// A command is refused: nothing came of it.
    fn refused(&mut self, errand: Errand, code: u8) -> Step {
        match errand {
            Errand::Register => refused_registration(code),
            Errand::Enquire(purpose) => not_ready(purpose, code),
            Errand::Repeat(purpose) => untold(purpose, Trouble::Refused(code)),
            Errand::Authorise => self.ended(Answer::Declined(code)),
            Errand::Reverse => self.ended(Answer::Failed(Trouble::Refused(code))),
        }
    }

    /// The terminal is through with `06 20`.
    fn repeated(&mut self, purpose: Purpose, heard: Heard, aborted: Option<u8>) -> Step {
        let inquiry = match (heard.status, aborted) {
            (Some(status), _) => self.inquired(status, heard.text),
            // Only of a terminal that was never seen to do one: it may as well mean that it can't tell.
            (None, Some(NOT_POSSIBLE)) if self.last == Trace::default() => Ok(Inquiry::Nothing),
            (None, Some(code)) => Err(Trouble::Refused(code)),
            (None, None) => Err(Trouble::Protocol("it repeats its last receipt without a result".into())),
        };
        match (inquiry, purpose) {
            (Ok(inquiry), Purpose::Inquiry) => {
                (State::Idle, vec![Effect::Answer(Answer::Inquired(inquiry)), Effect::Ready])
            }
            (Ok(_), _) => (State::Idle, vec![Effect::Ready]),
            (Err(trouble), _) => untold(purpose, trouble),
        }
    }

    /// What a repeated status information proves.
    fn inquired(&mut self, status: Fields, text: Vec<String>) -> Result<Inquiry, Trouble> {
        match status.result {
            Some(0) => self.record(status, text).map(Inquiry::Last).map_err(Trouble::Protocol),
            Some(_) => Ok(Inquiry::LastFailed(status.trace)),
            None => Err(Trouble::Protocol(without("result code", &status))),
        }
    }

    /// The result of an authorisation.
    fn result(&mut self, mut heard: Heard, status: Fields) -> Step {
        let here = State::Authorising(Heard::default());
        match status.result {
            None => out_of_protocol(&here, without("result code", &status)),
            Some(0) if status.trace.same(&self.last) == Some(true) => {
                out_of_protocol(&here, "a result with the numbers of the transaction before")
            }
            Some(0) => match self.record(status.clone(), vec![]) {
                Ok(record) => {
                    let mut effects = self.remember(&status);
                    effects.push(Effect::Approved(record.clone()));
                    (State::AwaitingVote(record), effects)
                }
                Err(got) => out_of_protocol(&here, got),
            },
            Some(_) => {
                heard.status = Some(status);
                acknowledged((State::Authorising(heard), vec![]))
            }
        }
    }

    /// A result after the vote: the same again, because the vote did not arrive; or what became of it.
    fn result_again(&mut self, vote: Vote, record: Transaction, mut heard: Heard, status: Fields) -> Step {
        match (status.result, vote) {
            (Some(0), _) if status.trace.same(&record.trace) == Some(true) => {
                let said = if vote == Vote::Keep { Command::Acknowledge } else { Command::NotIssued };
                (State::Completing(vote, record, heard), vec![Effect::Send(said)])
            }
            (Some(0) | None, Vote::Keep) => {
                out_of_protocol(&State::Completing(vote, record, heard), "a second result, with other numbers")
            }
            // Of the reversal; or a failure that the end will tell.
            _ => {
                let remember = self.remember(&status);
                heard.status = Some(status);
                acknowledged((State::Completing(vote, record, heard), remember))
            }
        }
    }

    /// The terminal finished after the vote.
    fn completed(&mut self, vote: Vote, record: Transaction, heard: Heard, failed: Option<u8>) -> Step {
        self.ended(match (vote, failed) {
            (Vote::Keep, Some(code)) => Answer::Failed(Trouble::Protocol(format!(
                "it failed after it had approved: {}",
                Trouble::Refused(code)
            ))),
            _ => Answer::Settled(Transaction { receipt_text: heard.text, ..record }),
        })
    }

    /// The terminal is through with `06 30`.
    fn reversed(&mut self, heard: Heard) -> Step {
        let failed = |got: String| Answer::Failed(Trouble::Protocol(got));
        let answer = match heard.status.map(|status| (status.result, status)) {
            Some((Some(0), status)) => self.record(status, heard.text).map_or_else(failed, Answer::Reversed),
            Some((Some(code), _)) => Answer::Failed(Trouble::Refused(code)),
            Some((None, status)) => failed(without("result code", &status)),
            None => failed("a reversal without a result".into()),
        };
        self.ended(answer)
    }

    /// What the hub asked for has its end.
    fn ended(&mut self, answer: Answer) -> Step {
        let mut effects = vec![Effect::Answer(answer)];
        if self.abort_open {
            // Its reply may still come and must not be taken for the next payment's: an enquiry is in between.
            effects.push(Effect::Send(Command::Enquire));
            return (State::Calling(Errand::Enquire(Purpose::Check)), effects);
        }
        (State::Idle, effects)
    }

    /// Notes the numbers of an approved transaction. A failed one's may be used again by the terminal, and would then hide a new transaction.
    fn remember(&mut self, status: &Fields) -> Vec<Effect> {
        if status.result != Some(0) || !status.trace.has_numbers() {
            return vec![];
        }
        self.last.clone_from(&status.trace);
        vec![Effect::Remember(status.trace.clone())]
    }

    fn record(&self, status: Fields, receipt_text: Vec<String>) -> Result<Transaction, String> {
        let amount = status.amount(self.currency).ok_or_else(|| without("amount", &status))?;
        let time = [status.date, status.time].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Ok(Transaction {
            amount,
            trace: status.trace,
            time: Some(time).filter(|time| !time.is_empty()),
            card: status.card,
            card_name: status.card_name,
            receipt_text,
        })
    }
}

fn call(errand: Errand, command: Command) -> Step {
    (State::Calling(errand), vec![Effect::Send(command)])
}

/// Acknowledges the terminal's message before anything else.
fn acknowledged((state, mut effects): Step) -> Step {
    effects.insert(0, Effect::Send(Command::Acknowledge));
    (state, effects)
}

/// Gives the link up; what the hub asked for, if anything runs, is answered first.
fn fail(state: &State, trouble: Trouble) -> Step {
    let why = trouble.to_string();
    let asked = match state {
        State::Calling(errand) => match errand {
            Errand::Enquire(purpose) | Errand::Repeat(purpose) => *purpose == Purpose::Inquiry,
            Errand::Authorise | Errand::Reverse => true,
            Errand::Register => false,
        },
        State::Enquiring(purpose) | State::Repeating(purpose, _) => *purpose == Purpose::Inquiry,
        State::Authorising(_) | State::AwaitingVote(_) | State::Completing(..) | State::Reversing(_) => true,
        State::Closed | State::Registering | State::Resting | State::Idle => false,
    };
    let answer = asked.then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Closed, answer.into_iter().chain([Effect::Close(why)]).collect())
}

/// Gives the link up because of what the terminal said, which is not acknowledged.
fn out_of_protocol(state: &State, got: impl Into<String>) -> Step {
    fail(state, Trouble::Protocol(got.into()))
}

fn refused_registration(code: u8) -> Step {
    let why = format!("it refused the registration: {}; check its password", Trouble::Refused(code));
    (State::Closed, vec![Effect::Close(why)])
}

/// The terminal answered an enquiry with something else than "ready".
fn not_ready(purpose: Purpose, code: u8) -> Step {
    let trouble = Trouble::Refused(code);
    let why = format!("it is not ready: {trouble}");
    let answer = (purpose == Purpose::Inquiry).then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Resting, answer.into_iter().chain([Effect::Attention(why)]).collect())
}

/// The terminal does not tell its last transaction. Without that a lost link could never be settled, so it is not used for payments.
fn untold(purpose: Purpose, trouble: Trouble) -> Step {
    let why = format!(
        "it does not tell its last payment: {trouble}; make one at the terminal itself, or ask its provider to enable receipt repetition"
    );
    let answer = (purpose == Purpose::Inquiry).then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Resting, answer.into_iter().chain([Effect::Attention(why)]).collect())
}

/// A status information lacks what it must have.
fn without(what: &str, status: &Fields) -> String {
    let stopped =
        status.stopped_at.map_or_else(String::new, |tag| format!(" (it can't be read from field {tag:02X} on)"));
    format!("a result without a {what}{stopped}")
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
