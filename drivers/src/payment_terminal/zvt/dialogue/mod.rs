//! The dialogue with a terminal as a pure state machine: what happened goes in, what to do comes out. No clock, no
//! wire, no waiting.
//!
//! Whoever sends a command leads until it is taken (`80 00`); then the terminal leads, and each of its messages is
//! acknowledged, until it says that it is through (`06 0F`, `06 1E`). The one message that is not acknowledged at once
//! is an approval: that acknowledgement is the hub's vote.
//!
//! # States and events
//!
//! What is not in these tables changes nothing and is answered by nothing. A test holds them against the code, cell by
//! cell.
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
use crate::payment_terminal::{Amount, Progress, Vote};

/// T2: an enquiry needs neither customer nor bank (as implemented by ecrterm, its upper value).
const T2: Duration = Duration::from_secs(15);

/// T3: a command must be taken within this (PA00P016, as implemented by ecrterm).
pub(super) const T3: Duration = Duration::from_secs(5);

/// T4: the terminal must say something within this while it leads; each message restarts it (as above; Portalum.Zvt
/// #14).
pub(super) const T4: Duration = Duration::from_secs(180);

/// The hub must vote within this: a terminal does not wait for ever.
const VOTE: Duration = Duration::from_secs(30);

/// Between two enquiries of a terminal that is not ready.
const POLL: Duration = Duration::from_secs(3);

/// An idle terminal is asked so often whether it is still there.
const CHECK: Duration = Duration::from_secs(30);

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
    /// Tell that it needs attention.
    Attention(String),
    /// Tell how far a payment is.
    Progress(Progress),
    /// These are the numbers of the terminal's last transaction.
    Remember(Numbers),
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
    last: Numbers,
    /// The hub wants the payment aborted that is being called.
    abort: bool,
    /// An abort was sent and not answered yet: the next reply may belong to it.
    abort_open: bool,
}

type Step = (State, Vec<Effect>);

impl Dialogue {
    pub(super) fn new(currency: u16, last: Numbers) -> Self {
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
    pub(super) fn last(&self) -> &Numbers {
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
}

fn call(errand: Errand, command: Command) -> Step {
    (State::Calling(errand), vec![Effect::Send(command)])
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

#[cfg(test)]
mod tests;
