//! What the terminal's messages do in each state, and what they prove.

use super::{
    super::{
        bmp::Fields,
        judge::Inquiry,
        packets::{Command, Message},
        result::progress_in_words,
        text::MAX_LINES,
        transaction::{Numbers, Transaction},
    },
    Answer, Dialogue, Effect, Errand, Heard, Purpose, State, Step, Trouble, call, fail,
};
use crate::payment_terminal::{Progress, Vote};

/// The code of `06 1E` for a function that is not possible: to `06 20`, "there is none".
const NOT_POSSIBLE: u8 = 0x83;

impl Dialogue {
    pub(super) fn heard(&mut self, state: State, message: Message) -> Step {
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
            // Nobody could vote on an approval that nobody asked for. A decline may come late: some terminals tell it
            // after the abort.
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
            (None, Some(NOT_POSSIBLE)) if self.last == Numbers::default() => Ok(Inquiry::Nothing),
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

    /// Notes the numbers of an approved transaction. A failed one's may be used again by the terminal, and would then
    /// hide a new transaction.
    fn remember(&mut self, status: &Fields) -> Vec<Effect> {
        if status.result != Some(0) || !status.trace.can_be_compared() {
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

/// Acknowledges the terminal's message before anything else.
fn acknowledged((state, mut effects): Step) -> Step {
    effects.insert(0, Effect::Send(Command::Acknowledge));
    (state, effects)
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

/// The terminal does not tell its last transaction. Without that a lost link could never be settled, so it is not used
/// for payments.
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
