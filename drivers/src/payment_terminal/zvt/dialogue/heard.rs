//! How the terminal's messages change each state, and what they prove.

use super::{
    super::{
        bmp::Fields,
        judge::Inquiry,
        packets::{Command, Message},
        text::MAX_LINES,
        transaction::{Numbers, Transaction},
    },
    Answer, Dialogue, Effect, Errand, Heard, Purpose, State, Step, Trouble, call, fail,
};
use crate::payment_terminal::{Closing, Progress, Vote};

/// The code in `06 1E` for a function that is not possible; in answer to `06 20` it means that there is no transaction.
const NOT_POSSIBLE: u8 = 0x83;

impl Dialogue {
    pub(super) fn heard(&mut self, state: State, mut message: Message) -> Step {
        use Message as M;
        use State as S;
        if let M::Status(Fields { trace, .. }) = &mut message {
            trace.terminal_id = trace.terminal_id.take().or_else(|| self.terminal_id.clone());
        }
        match (state, message) {
            (S::Calling(errand), M::Taken) => self.taken(errand),
            (S::Calling(errand), M::Refused(_)) if self.abort_open => {
                // The reply to an abort that came too late.
                self.abort_open = false;
                (S::Calling(errand), vec![])
            }
            (S::Calling(errand), M::Refused(code)) => self.refused(errand, code),
            (state, M::Taken | M::Refused(_)) => {
                self.abort_open = false;
                (state, vec![])
            }
            // Before its command is taken, the terminal does not lead; it repeats what matters.
            (state @ S::Calling(_), _) | (state, M::Unknown) => (state, vec![Effect::Send(Command::Impossible)]),

            (S::Registering, M::Completed { terminal_id, .. }) => {
                self.registered(terminal_id);
                acknowledged(call(Errand::Enquire(Purpose::Greeting), Command::Enquire))
            }
            (S::Registering, M::Aborted(code)) => acknowledged(refused_registration(code)),

            (S::Enquiring(purpose), M::Completed { state: 0, .. }) => {
                self.abort_open = false;
                acknowledged(match purpose {
                    Purpose::Check => (S::Idle, vec![]),
                    _ => call(Errand::Repeat(purpose), Command::RepeatReceipt),
                })
            }
            (S::Enquiring(purpose), M::Completed { state: code, .. } | M::Aborted(code)) => {
                acknowledged(not_ready(purpose, code))
            }

            (S::Repeating(purpose, heard), M::Completed { .. }) => acknowledged(self.repeated(purpose, heard, None)),
            (S::Repeating(purpose, heard), M::Aborted(code)) => acknowledged(self.repeated(purpose, heard, Some(code))),

            (S::Authorising(heard), M::Status(status)) => self.result(heard, status),
            (S::Authorising(heard), M::Completed { .. }) => match heard.status.and_then(|status| status.result) {
                Some(code) => acknowledged(self.ended(Answer::Declined(code))),
                None => out_of_protocol(&S::Authorising(Heard::default()), "completion without a result"),
            },
            (S::Authorising(heard), M::Aborted(code)) => {
                // A result that came before says more, such as the bank's reason.
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
            (S::Managing(heard), M::Completed { .. }) => acknowledged(self.managed(heard)),
            (S::Managing(heard), M::Status(status)) => {
                acknowledged((S::Managing(Heard { status: Some(status), ..heard }), vec![]))
            }
            (S::Reversing(_) | S::Managing(_), M::Aborted(code)) => {
                acknowledged(self.ended(Answer::Failed(Trouble::Refused(code))))
            }

            (S::Repeating(purpose, heard), M::Status(status)) => {
                let remember = self.remember(&status);
                acknowledged((S::Repeating(purpose, Heard { status: Some(status), ..heard }), remember))
            }
            (S::Reversing(heard), M::Status(status)) => {
                let remember = self.remember(&status);
                acknowledged((S::Reversing(Heard { status: Some(status), ..heard }), remember))
            }
            // Nobody could vote on an approval that was not requested. A decline may come late: some terminals send it
            // after the abort.
            (state, M::Status(status)) if status.result.is_none_or(|code| code == 0) => {
                out_of_protocol(&state, "unrequested result")
            }
            (mut state, M::Text(lines)) => {
                if let S::Repeating(_, heard) | S::Completing(_, _, heard) | S::Reversing(heard) | S::Managing(heard) =
                    &mut state
                {
                    let room = MAX_LINES - heard.text.len().min(MAX_LINES);
                    heard.text.extend(lines.into_iter().take(room));
                }
                acknowledged((state, vec![]))
            }
            (state @ (S::Authorising(_) | S::Completing(..) | S::Reversing(_)), M::Progress(text)) => {
                acknowledged((state, vec![Effect::Progress(Progress { text })]))
            }
            (state, _) => acknowledged((state, vec![])),
        }
    }

    /// The terminal accepted the registration. The last transaction of another terminal is not this one's.
    fn registered(&mut self, terminal_id: Option<String>) {
        let here = Numbers { terminal_id: terminal_id.clone(), ..Numbers::default() };
        if self.last.same_terminal(&here) == Some(false) || self.last == Numbers::default() {
            self.last = here;
        }
        self.terminal_id = terminal_id;
    }

    /// The command is taken: the terminal leads.
    fn taken(&mut self, errand: Errand) -> Step {
        match errand {
            Errand::Register => (State::Registering, vec![]),
            Errand::Enquire(purpose) => (State::Enquiring(purpose), vec![]),
            Errand::Repeat(purpose) => (State::Repeating(purpose, Heard::default()), vec![]),
            Errand::Reverse => (State::Reversing(Heard::default()), vec![Effect::Taken]),
            Errand::Manage(_) => (State::Managing(Heard::default()), vec![]),
            Errand::Authorise => {
                self.abort_open = self.abort;
                let abort = self.abort.then_some(Effect::Send(Command::Abort));
                (State::Authorising(Heard::default()), [Effect::Taken].into_iter().chain(abort).collect())
            }
        }
    }

    /// The command is refused.
    fn refused(&mut self, errand: Errand, code: u8) -> Step {
        match errand {
            Errand::Register => refused_registration(code),
            Errand::Enquire(purpose) => not_ready(purpose, code),
            Errand::Repeat(purpose) => untold(purpose, Trouble::Refused(code)),
            Errand::Authorise => self.ended(Answer::Declined(code)),
            Errand::Reverse | Errand::Manage(_) => self.ended(Answer::Failed(Trouble::Refused(code))),
        }
    }

    /// The terminal has finished `06 20`.
    fn repeated(&mut self, purpose: Purpose, heard: Heard, aborted: Option<u8>) -> Step {
        let inquiry = match (heard.status, aborted) {
            (Some(status), _) => self.inquired(status, heard.text),
            // Only believed of a terminal without any known transaction; otherwise it may mean that the terminal can't
            // answer.
            (None, Some(NOT_POSSIBLE)) if !self.last.can_be_compared() => {
                Ok(Inquiry::Nothing(Numbers { terminal_id: self.terminal_id.clone(), ..Numbers::default() }))
            }
            (None, Some(code)) => Err(Trouble::Refused(code)),
            (None, None) => Err(Trouble::Protocol("receipt repetition without a result".into())),
        };
        match (inquiry, purpose) {
            (Ok(inquiry), Purpose::Inquiry) => {
                (State::Idle, vec![Effect::Answer(Answer::Inquired(inquiry)), Effect::Ready])
            }
            (Ok(_), _) => (State::Idle, vec![Effect::Ready]),
            (Err(trouble), _) => untold(purpose, trouble),
        }
    }

    /// The evidence in a repeated status information.
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
                out_of_protocol(&here, "result with the numbers of the previous transaction")
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

    /// A result after the vote: a repeat, because the vote did not arrive, or the final outcome.
    fn result_again(&mut self, vote: Vote, record: Transaction, mut heard: Heard, status: Fields) -> Step {
        match (status.result, vote) {
            (Some(0), _) if status.trace.same(&record.trace) == Some(true) => {
                let said = if vote == Vote::Keep { Command::Acknowledge } else { Command::NotIssued };
                (State::Completing(vote, record, heard), vec![Effect::Send(said)])
            }
            (Some(0) | None, Vote::Keep) => {
                out_of_protocol(&State::Completing(vote, record, heard), "second result with different numbers")
            }
            // The result of the reversal, or a failure that the completion will report.
            _ => {
                let remember = self.remember(&status);
                heard.status = Some(status);
                acknowledged((State::Completing(vote, record, heard), remember))
            }
        }
    }

    /// The terminal has finished after the vote.
    fn completed(&mut self, vote: Vote, record: Transaction, heard: Heard, failed: Option<u8>) -> Step {
        self.ended(match (vote, failed) {
            (Vote::Keep, Some(code)) => {
                Answer::Failed(Trouble::Protocol(format!("failed after the approval: {}", Trouble::Refused(code))))
            }
            _ => Answer::Settled(Transaction { receipt_text: heard.text, ..record }),
        })
    }

    /// The terminal has finished `06 30`.
    fn reversed(&mut self, heard: Heard) -> Step {
        let failed = |got: String| Answer::Failed(Trouble::Protocol(got));
        let answer = match heard.status.map(|status| (status.result, status)) {
            Some((Some(0), status)) => self.record(status, heard.text).map_or_else(failed, Answer::Reversed),
            Some((Some(code), _)) => Answer::Failed(Trouble::Refused(code)),
            Some((None, status)) => failed(without("result code", &status)),
            None => failed("reversal without a result".into()),
        };
        self.ended(answer)
    }

    /// The terminal has finished `06 50` or `06 70`.
    fn managed(&mut self, heard: Heard) -> Step {
        let status = heard.status.unwrap_or_default();
        let failed = status.result.filter(|code| *code != 0);
        self.ended(match failed {
            Some(code) => Answer::Failed(Trouble::Refused(code)),
            None => Answer::Done(Closing { schemes: status.totals, report: heard.text }),
        })
    }

    /// The hub's request is complete.
    fn ended(&mut self, answer: Answer) -> Step {
        let mut effects = vec![Effect::Answer(answer)];
        if self.abort_open {
            // The reply to an abort may still come and must not be taken for that of the next payment: send an enquiry
            // in between.
            effects.push(Effect::Send(Command::Enquire));
            return (State::Calling(Errand::Enquire(Purpose::Check)), effects);
        }
        (State::Idle, effects)
    }

    /// Records the numbers of an approved transaction. The terminal may use the numbers of a failed one again, and
    /// recording them would hide a new transaction.
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
            entry: status.entry,
            authorisation: status.authorisation,
            offline: status.offline,
            receipt_text,
        })
    }
}

/// Acknowledges the terminal's message before all other effects.
fn acknowledged((state, mut effects): Step) -> Step {
    effects.insert(0, Effect::Send(Command::Acknowledge));
    (state, effects)
}

/// Closes the link because of an invalid message, which is not acknowledged.
fn out_of_protocol(state: &State, got: impl Into<String>) -> Step {
    fail(state, Trouble::Protocol(got.into()))
}

fn refused_registration(code: u8) -> Step {
    let why = format!("it refused the registration: {}; check the password", Trouble::Refused(code));
    (State::Closed, vec![Effect::Close(why)])
}

/// The terminal answered an enquiry, and it is not ready.
fn not_ready(purpose: Purpose, code: u8) -> Step {
    let trouble = Trouble::Refused(code);
    let why = format!("it is not ready: {trouble}");
    let answer = (purpose == Purpose::Inquiry).then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Resting, answer.into_iter().chain([Effect::Attention(why)]).collect())
}

/// The terminal does not report its last transaction. Without it a payment could not be settled after a lost link, so
/// the terminal is not used for payments.
fn untold(purpose: Purpose, trouble: Trouble) -> Step {
    let why = format!(
        "it does not report its last payment: {trouble}; make a payment at the terminal itself, or ask its provider \
         to enable receipt repetition"
    );
    let answer = (purpose == Purpose::Inquiry).then_some(Effect::Answer(Answer::Failed(trouble)));
    (State::Resting, answer.into_iter().chain([Effect::Attention(why)]).collect())
}

/// A status information without a required field.
fn without(what: &str, status: &Fields) -> String {
    let stopped =
        status.stopped_at.map_or_else(String::new, |tag| format!(" (can't be parsed from field {tag:02X} on)"));
    format!("result without a {what}{stopped}")
}
