//! The dialogue with a terminal as a pure state machine: events go in, effects come out. No clock, no I/O, no waiting.
//!
//! The side that sends a command leads until the command is taken (`80 00`); then the terminal leads. Each of its
//! messages is acknowledged, until it reports the end (`06 0F`, `06 1E`). Only an approval is not acknowledged at once:
//! that acknowledgement is the hub's vote.
//!
//! # States and events
//!
//! Events that are not in a state's row have no effect. A test compares every cell with the code.
//!
#![doc = include_str!("table.md")]

mod heard;

use std::{fmt, time::Duration};

use super::{
    bmp::Fields,
    judge::Inquiry,
    packets::{Command, Message},
    result::in_words,
    transaction::{Numbers, Transaction},
};
use crate::payment_terminal::{Amount, Closing, Progress, Vote};

/// T2: an enquiry needs neither the customer nor the bank (ecrterm's upper value).
const T2: Duration = Duration::from_secs(15);

/// T3: the limit for a command to be taken (PA00P016, as implemented by ecrterm).
pub(super) const T3: Duration = Duration::from_secs(5);

/// T4: the limit between two messages while the terminal leads (as above; Portalum.Zvt #14).
pub(super) const T4: Duration = Duration::from_secs(180);

/// The limit for the hub's vote: a terminal does not wait for ever.
const VOTE: Duration = Duration::from_secs(30);

/// The pause between two enquiries of a terminal that is not ready.
const POLL: Duration = Duration::from_secs(3);

/// The interval of enquiries to an idle terminal.
const CHECK: Duration = Duration::from_secs(30);

/// An input of the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The link is open.
    Opened,
    /// The hub wants to charge or refund an amount.
    Authorise(Order),
    /// The hub wants to stop the running authorisation.
    Abort,
    /// The hub wants to know the last transaction.
    Inquire,
    /// The hub wants to reverse the transaction with this receipt number.
    Reverse(u16),
    /// The hub wants to close the day or to check the terminal.
    Manage(Duty),
    /// The hub's vote on an approval; `None` if nobody is left to vote.
    Voted(Option<Vote>),
    /// The terminal sent a message.
    Heard(Message),
    /// The state's [limit](Dialogue::limit) has passed.
    Elapsed,
    /// The link was lost, with the reason.
    Lost(String),
}

/// A transaction that awaits a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `06 01`
    Charge(Amount),
    /// `06 31`, of the transaction with this receipt number or of none.
    Refund(Amount, Option<u16>),
}

impl Order {
    fn command(self) -> Command {
        match self {
            Self::Charge(amount) => Command::Authorise(amount),
            Self::Refund(amount, receipt) => Command::Refund(amount, receipt),
        }
    }
}

/// Work that involves no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// `06 50`
    CloseDay,
    /// `06 70`
    Diagnose,
}

impl Duty {
    fn command(self) -> Command {
        match self {
            Self::CloseDay => Command::CloseDay,
            Self::Diagnose => Command::Diagnose,
        }
    }
}

/// An output of the state machine; effects are executed in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Send this command.
    Send(Command),
    /// Report that the terminal is ready.
    Ready,
    /// Report that it needs attention.
    Attention(String),
    /// Report the progress of a payment.
    Progress(Progress),
    /// Report that the terminal took the transaction.
    Taken,
    /// Record the numbers of the terminal's last transaction.
    Remember(Numbers),
    /// Pass an approval to the hub and await its vote.
    Approved(Transaction),
    /// Answer the hub's request.
    Answer(Answer),
    /// Close the link, with the reason.
    Close(String),
}

/// The answer to a request of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An authorisation was declined.
    Declined(u8),
    /// The vote was executed.
    Settled(Transaction),
    /// The terminal reported its last transaction.
    Inquired(Inquiry),
    /// This transaction was reversed.
    Reversed(Transaction),
    /// The duty is done.
    Done(Closing),
    /// The request failed.
    Failed(Trouble),
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The terminal is not ready; nothing was sent.
    NotReady,
    /// It refused.
    Refused(u8),
    /// The link was lost.
    Lost(String),
    /// The terminal sent nothing for this long.
    Silent(Duration),
    /// It violated the protocol, or sent nothing useful.
    Protocol(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("it is not ready"),
            Self::Refused(code) => write!(f, "{} ({code:#04x})", in_words(*code)),
            Self::Lost(why) => f.write_str(why),
            Self::Silent(limit) => {
                write!(f, "no answer for {} s; check that it is a ZVT terminal and idle", limit.as_secs())
            }
            Self::Protocol(got) => write!(f, "{got}; check that it is set up for ZVT"),
        }
    }
}

/// The purpose of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    Register,
    Enquire(Purpose),
    Repeat(Purpose),
    Authorise,
    Reverse,
    Manage(Duty),
}

/// The purpose of an enquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// At the start: the terminal must be idle, then report its last transaction.
    Greeting,
    /// To check that it is still there.
    Check,
    /// The hub asked for the last transaction.
    Inquiry,
}

/// The state of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No link.
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
    /// An approval awaits the hub's vote.
    AwaitingVote(Transaction),
    /// The vote was sent; the terminal is finishing.
    Completing(Vote, Transaction, Heard),
    Reversing(Heard),
    Managing(Heard),
}

/// The terminal's messages so far while it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    status: Option<Fields>,
    text: Vec<String>,
}

/// A dialogue over one link.
pub(super) struct Dialogue {
    state: State,
    /// The store's currency, for a terminal that sends none.
    currency: u16,
    /// The id that the terminal reported on this link.
    terminal_id: Option<String>,
    /// The terminal's last transaction.
    last: Numbers,
    /// The hub wants to abort a payment that is not taken yet.
    abort: bool,
    /// An abort was sent and not answered: the next reply may belong to it.
    abort_open: bool,
}

type Step = (State, Vec<Effect>);

impl Dialogue {
    pub(super) fn new(currency: u16, last: Numbers) -> Self {
        Self { state: State::Closed, currency, terminal_id: None, last, abort: false, abort_open: false }
    }

    /// Whether the hub may send a request.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Resting)
    }

    /// Whether the terminal awaits the hub's vote.
    pub(super) fn awaits_vote(&self) -> bool {
        matches!(self.state, State::AwaitingVote(_))
    }

    /// The numbers of the terminal's last transaction, as far as known.
    pub(super) fn last(&self) -> &Numbers {
        &self.last
    }

    /// How long to wait for the next event before [`Event::Elapsed`].
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

    /// Processes an event and returns the effects.
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
                // Neither yes nor no may be assumed for the hub.
                fail(&state, Trouble::Lost("the hub did not decide in time; nothing was acknowledged".into()))
            }
            (state, Event::Elapsed) => fail(&state, Trouble::Silent(limit)),

            (S::Idle, Event::Authorise(order)) => {
                self.abort = false;
                call(Errand::Authorise, order.command())
            }
            (S::Idle, Event::Manage(duty)) => call(Errand::Manage(duty), duty.command()),
            (S::Idle, Event::Reverse(receipt)) => call(Errand::Reverse, Command::Reverse(receipt)),
            (S::Idle | S::Resting, Event::Inquire) => call(Errand::Enquire(Purpose::Inquiry), Command::Enquire),
            (S::Resting, Event::Authorise(_) | Event::Reverse(_) | Event::Manage(_)) => {
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
}

fn call(errand: Errand, command: Command) -> Step {
    (State::Calling(errand), vec![Effect::Send(command)])
}

/// Closes the link after answering the hub's request, if there is one.
fn fail(state: &State, trouble: Trouble) -> Step {
    let why = trouble.to_string();
    let asked = match state {
        State::Calling(errand) => match errand {
            Errand::Enquire(purpose) | Errand::Repeat(purpose) => *purpose == Purpose::Inquiry,
            Errand::Authorise | Errand::Reverse | Errand::Manage(_) => true,
            Errand::Register => false,
        },
        State::Enquiring(purpose) | State::Repeating(purpose, _) => *purpose == Purpose::Inquiry,
        State::Authorising(_)
        | State::AwaitingVote(_)
        | State::Completing(..)
        | State::Reversing(_)
        | State::Managing(_) => true,
        State::Closed | State::Registering | State::Resting | State::Idle => false,
    };
    let answer = asked.then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Closed, answer.into_iter().chain([Effect::Close(why)]).collect())
}

#[cfg(test)]
mod tests;
