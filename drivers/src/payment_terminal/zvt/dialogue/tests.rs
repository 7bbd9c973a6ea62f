//! The dialogue's table compared with the code, and the important paths through it.

use super::{super::text::MAX_LINES, *};

/// The code of a terminal that can't report its last transaction.
const NOT_POSSIBLE: u8 = 0x83;

fn trace(number: u32) -> Numbers {
    Numbers { terminal_id: Some("52523535".into()), trace: Some(number), receipt: u16::try_from(number).ok() }
}

/// Transaction 7 was the last one; 8 is running.
fn status(result: Option<u8>, number: u32) -> Fields {
    Fields { result, minor: Some(500), currency: Some(978), trace: trace(number), ..Fields::default() }
}

fn record() -> Transaction {
    Transaction { amount: AMOUNT, trace: trace(8), ..Transaction::default() }
}

fn completed(state: u8) -> Message {
    Message::Completed { state, terminal_id: None }
}

const AMOUNT: Amount = Amount { minor: 500, currency: 978 };
const CHARGE: Order = Order::Charge(AMOUNT);

fn in_state(state: State) -> Dialogue {
    Dialogue { state, ..Dialogue::new(978, trace(7)) }
}

fn states() -> Vec<(&'static str, State)> {
    use Purpose as P;
    use State as S;
    vec![
        ("Closed", S::Closed),
        ("Calling `06 00`", S::Calling(Errand::Register)),
        ("Registering", S::Registering),
        ("Calling `05 01`, greeting", S::Calling(Errand::Enquire(P::Greeting))),
        ("Calling `05 01`, check", S::Calling(Errand::Enquire(P::Check))),
        ("Calling `05 01`, inquiry", S::Calling(Errand::Enquire(P::Inquiry))),
        ("Enquiring, greeting", S::Enquiring(P::Greeting)),
        ("Enquiring, check", S::Enquiring(P::Check)),
        ("Enquiring, inquiry", S::Enquiring(P::Inquiry)),
        ("Calling `06 20`, greeting", S::Calling(Errand::Repeat(P::Greeting))),
        ("Calling `06 20`, inquiry", S::Calling(Errand::Repeat(P::Inquiry))),
        ("Repeating, greeting", S::Repeating(P::Greeting, Heard { status: Some(status(Some(0), 7)), text: vec![] })),
        ("Repeating, inquiry", S::Repeating(P::Inquiry, Heard { status: Some(status(Some(0), 7)), text: vec![] })),
        ("Repeating, nothing told", S::Repeating(P::Inquiry, Heard::default())),
        ("Resting", S::Resting),
        ("Idle", S::Idle),
        ("Calling `06 01`", S::Calling(Errand::Authorise)),
        ("Authorising", S::Authorising(Heard::default())),
        ("Authorising, declined", S::Authorising(Heard { status: Some(status(Some(0x51), 8)), text: vec![] })),
        ("AwaitingVote", S::AwaitingVote(record())),
        ("Completing, keep", S::Completing(Vote::Keep, record(), Heard::default())),
        ("Completing, roll back", S::Completing(Vote::RollBack, record(), Heard::default())),
        ("Calling `06 30`", S::Calling(Errand::Reverse)),
        ("Reversing", S::Reversing(Heard { status: Some(status(Some(0), 9)), text: vec![] })),
        ("Reversing, nothing told", S::Reversing(Heard::default())),
        ("Calling `06 50`", S::Calling(Errand::Manage(Duty::CloseDay))),
        ("Managing", S::Managing(Heard::default())),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    use Event as E;
    let heard = Event::Heard;
    let without_amount = Fields { minor: None, ..status(Some(0), 8) };
    vec![
        ("opened", E::Opened),
        ("taken", heard(Message::Taken)),
        ("refused", heard(Message::Refused(0x83))),
        ("approved", heard(Message::Status(status(Some(0), 8)))),
        ("approved without amount", heard(Message::Status(without_amount))),
        ("approved with the numbers before", heard(Message::Status(status(Some(0), 7)))),
        ("declined", heard(Message::Status(status(Some(0x51), 8)))),
        ("no result code", heard(Message::Status(status(None, 8)))),
        ("progress", heard(Message::Progress("approved, finishing".into()))),
        ("text", heard(Message::Text(vec!["text".into()]))),
        ("completed", heard(completed(0))),
        ("completed, busy", heard(completed(0x9c))),
        ("aborted", heard(Message::Aborted(0x6c))),
        ("unknown", heard(Message::Unknown)),
        ("elapsed", E::Elapsed),
        ("lost", E::Lost("unplugged".into())),
        ("authorise", E::Authorise(CHARGE)),
        ("inquire", E::Inquire),
        ("reverse", E::Reverse(7)),
        ("refund", E::Authorise(Order::Refund(AMOUNT, Some(7)))),
        ("close the day", E::Manage(Duty::CloseDay)),
        ("diagnose", E::Manage(Duty::Diagnose)),
        ("abort", E::Abort),
        ("keep", E::Voted(Some(Vote::Keep))),
        ("roll back", E::Voted(Some(Vote::RollBack))),
        ("no vote", E::Voted(None)),
    ]
}

fn said(effect: &Effect) -> String {
    match effect {
        Effect::Send(command) => match command {
            Command::Register => "`06 00`",
            Command::Enquire => "`05 01`",
            Command::Authorise(_) => "`06 01`",
            Command::Abort => "`06 B0`",
            Command::RepeatReceipt => "`06 20`",
            Command::Reverse(_) => "`06 30`",
            Command::Refund(..) => "`06 31`",
            Command::CloseDay => "`06 50`",
            Command::Diagnose => "`06 70`",
            Command::Acknowledge => "`80 00`",
            Command::NotIssued => "`84 66`",
            Command::Impossible => "`84 83`",
        }
        .into(),
        Effect::Ready => "ready".into(),
        Effect::Attention(_) => "attention".into(),
        Effect::Progress(_) => "tell".into(),
        Effect::Remember(_) => "remember".into(),
        Effect::Taken => "taken".into(),
        Effect::Approved(_) => "ask the hub".into(),
        Effect::Answer(answer) => match answer {
            Answer::Declined(_) => "answer declined",
            Answer::Settled(_) => "answer settled",
            Answer::Inquired(Inquiry::Last(_)) => "answer last",
            Answer::Inquired(_) => "answer failed or none",
            Answer::Reversed(_) => "answer reversed",
            Answer::Done(_) => "answer done",
            Answer::Failed(Trouble::NotReady) => "answer not ready",
            Answer::Failed(Trouble::Refused(_)) => "answer refused",
            Answer::Failed(Trouble::Lost(_)) => "answer lost",
            Answer::Failed(Trouble::Silent(_)) => "answer silent",
            Answer::Failed(Trouble::Protocol(_)) => "answer out of protocol",
        }
        .into(),
        Effect::Close(_) => "close".into(),
    }
}

fn name(state: &State) -> &'static str {
    match state {
        State::Closed => "Closed",
        State::Calling(_) => "Calling",
        State::Registering => "Registering",
        State::Enquiring(_) => "Enquiring",
        State::Repeating(..) => "Repeating",
        State::Resting => "Resting",
        State::Idle => "Idle",
        State::Authorising(_) => "Authorising",
        State::AwaitingVote(_) => "AwaitingVote",
        State::Completing(..) => "Completing",
        State::Reversing(_) => "Reversing",
        State::Managing(_) => "Managing",
    }
}

/// The effects of an event in a state; `None` if there are none.
fn cell(state: &State, event: Event) -> Option<String> {
    let mut dialogue = in_state(state.clone());
    let mut words: Vec<String> = dialogue.step(event).iter().map(said).collect();
    if name(&dialogue.state) != name(state) {
        words.push(format!("*{}*", name(&dialogue.state)));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// The names of events, with a common name for groups.
fn together(events: &[&str]) -> String {
    const RESULTS: [&str; 5] =
        ["approved", "approved without amount", "approved with the numbers before", "declined", "no result code"];
    const OTHERS: [&str; 6] = ["progress", "text", "completed", "completed, busy", "aborted", "unknown"];
    let mut names = events.join(" / ");
    for (all, name) in [
        (&RESULTS[..], "any result"),
        (&RESULTS[..3], "any approval"),
        (&OTHERS[..], "any other message"),
        (&OTHERS[2..4], "completed at all"),
    ] {
        names = names.replace(&all.join(" / "), name);
    }
    names
}

/// The whole table: one row per state, with events of the same effect together.
fn table() -> String {
    let mut table = String::from("| state | what happens: what is done, *next state* |\n| --- | --- |\n");
    for (name, state) in states() {
        let mut cells: Vec<(Vec<&str>, String)> = Vec::new();
        for (event_name, event) in events() {
            let Some(done) = cell(&state, event) else { continue };
            match cells.iter_mut().find(|(_, same)| *same == done) {
                Some((events, _)) => events.push(event_name),
                None => cells.push((vec![event_name], done)),
            }
        }
        let cells: Vec<String> = cells.iter().map(|(events, done)| format!("{}: {done}", together(events))).collect();
        table += &format!("| {name} | {} |\n", cells.join("<br>"));
    }
    table
}

#[test]
fn every_cell_of_the_table_is_as_written() {
    let written = include_str!("table.md");
    let table = table();
    assert!(written == table, "table.md says otherwise; the code says:\n\n{table}");
}

/// Rules for every cell, whatever the table says.
#[test]
fn no_cell_breaks_the_rules_that_protect_the_customer() {
    for (in_words, state) in states() {
        for (what, event) in events() {
            let mut dialogue = in_state(state.clone());
            let effects = dialogue.step(event.clone());
            let sends = |command: fn(&Command) -> bool| {
                effects.iter().any(|effect| matches!(effect, Effect::Send(sent) if command(sent)))
            };
            let cell = format!("{in_words}, {what}: {effects:?}");
            // An authorisation is only ever sent when the hub requests one.
            let asked = matches!((&state, &event), (State::Idle, Event::Authorise(_)));
            let orders = |command: &Command| matches!(command, Command::Authorise(_) | Command::Refund(..));
            assert_eq!(sends(orders), asked, "{cell}");
            // An approval of an authorisation is only ever acknowledged by a vote.
            let approved =
                matches!(&event, Event::Heard(Message::Status(status)) if status.result.is_none_or(|code| code == 0));
            if matches!(state, State::Idle | State::Resting | State::Authorising(_)) && approved {
                assert!(!sends(|command| *command == Command::Acknowledge), "{cell}");
            }
            // "84 66", which reverses, is only ever sent by the hub's decision.
            let rolls_back = matches!(event, Event::Voted(Some(Vote::RollBack)))
                || matches!(state, State::Completing(Vote::RollBack, ..));
            assert!(rolls_back || !sends(|command| *command == Command::NotIssued), "{cell}");
            // Whoever asked gets exactly one answer: at the end.
            let runs = |state: &State| {
                matches!(
                    state,
                    State::Calling(
                        Errand::Authorise
                            | Errand::Reverse
                            | Errand::Manage(_)
                            | Errand::Enquire(Purpose::Inquiry)
                            | Errand::Repeat(Purpose::Inquiry)
                    ) | State::Enquiring(Purpose::Inquiry)
                        | State::Repeating(Purpose::Inquiry, _)
                        | State::Authorising(_)
                        | State::AwaitingVote(_)
                        | State::Completing(..)
                        | State::Reversing(_)
                        | State::Managing(_)
                )
            };
            let answers = effects.iter().filter(|effect| matches!(effect, Effect::Answer(_))).count();
            let asks = matches!(event, Event::Authorise(_) | Event::Reverse(_) | Event::Manage(_));
            let refused = state == State::Resting && asks;
            assert_eq!(answers, usize::from(refused || runs(&state) && !runs(&dialogue.state)), "{cell}");
            // Nothing follows a close.
            if let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Close(_))) {
                assert_eq!((at + 1, &dialogue.state), (effects.len(), &State::Closed), "{cell}");
            }
            assert!(dialogue.limit() <= T4, "{cell}");
        }
    }
}

/// Runs events through a dialogue and returns the effects of the last one.
fn run(dialogue: &mut Dialogue, events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    events.into_iter().map(|event| dialogue.step(event)).last().unwrap_or_default()
}

fn heard(message: Message) -> Event {
    Event::Heard(message)
}

#[test]
fn a_link_is_ready_once_the_terminal_is_idle_and_reported_its_last_payment() {
    let mut dialogue = Dialogue::new(978, Numbers::default());
    run(&mut dialogue, [Event::Opened, heard(Message::Taken), heard(completed(0x19))]);
    let busy = run(&mut dialogue, [heard(Message::Taken), heard(completed(0x9c))]);
    assert!(matches!(&busy[..], [Effect::Send(Command::Acknowledge), Effect::Attention(why)] if why.contains("busy")));
    assert_eq!(dialogue.limit(), POLL);
    let told = run(
        &mut dialogue,
        [
            Event::Elapsed,
            heard(Message::Taken),
            heard(completed(0)),
            heard(Message::Taken),
            heard(Message::Status(status(Some(0), 7))),
        ],
    );
    assert_eq!(told, [Effect::Send(Command::Acknowledge), Effect::Remember(trace(7))]);
    let ready = dialogue.step(heard(completed(0)));
    assert_eq!(ready, [Effect::Send(Command::Acknowledge), Effect::Ready]);
    assert_eq!(dialogue.state, State::Idle);
}

#[test]
fn only_a_new_terminal_is_believed_to_have_no_payment() {
    for (last, believed) in [(Numbers::default(), true), (trace(7), false)] {
        let mut dialogue = Dialogue::new(978, last);
        dialogue.state = State::Repeating(Purpose::Inquiry, Heard::default());
        let effects = dialogue.step(heard(Message::Aborted(NOT_POSSIBLE)));
        let none = Inquiry::Nothing(Numbers::default());
        assert_eq!(effects.contains(&Effect::Answer(Answer::Inquired(none))), believed);
        assert_eq!(effects.contains(&Effect::Answer(Answer::Failed(Trouble::Refused(NOT_POSSIBLE)))), !believed);
    }
}

/// The hub knew transaction 7 of terminal 52523535.
#[test]
fn a_new_terminal_is_recognised_by_the_id_of_its_registration() {
    for (id, believed) in [("52523535", false), ("11111111", true)] {
        let mut dialogue = Dialogue::new(978, trace(7));
        let terminal_id = Some(id.to_owned());
        let none = Numbers { terminal_id: terminal_id.clone(), ..Numbers::default() };
        run(&mut dialogue, [Event::Opened, heard(Message::Taken)]);
        run(&mut dialogue, [heard(Message::Completed { state: 0x19, terminal_id })]);
        run(&mut dialogue, [heard(Message::Taken), heard(completed(0))]);
        let told = run(&mut dialogue, [heard(Message::Taken), heard(Message::Aborted(NOT_POSSIBLE))]);
        assert_eq!(told.contains(&Effect::Ready), believed, "{told:?}");
        assert_eq!(*dialogue.last(), if believed { none.clone() } else { trace(7) });
        run(&mut dialogue, [Event::Inquire, heard(Message::Taken), heard(completed(0))]);
        let told = run(&mut dialogue, [heard(Message::Taken), heard(Message::Aborted(NOT_POSSIBLE))]);
        assert_eq!(told.contains(&Effect::Answer(Answer::Inquired(Inquiry::Nothing(none)))), believed, "{told:?}");
    }
}

#[test]
fn a_result_without_a_terminal_id_is_of_the_terminal_of_the_link() {
    let mut dialogue =
        Dialogue { terminal_id: Some("52523535".into()), ..in_state(State::Authorising(Heard::default())) };
    let result = Fields { trace: Numbers { terminal_id: None, ..trace(8) }, ..status(Some(0), 8) };
    let effects = dialogue.step(heard(Message::Status(result)));
    assert_eq!(effects[0], Effect::Remember(trace(8)));
}

#[test]
fn inconclusive_answers_are_not_evidence() {
    let without_amount = Fields { minor: None, ..status(Some(0), 8) };
    for told in [Some(status(None, 8)), Some(without_amount), None] {
        let heard = Heard { status: told, text: vec![] };
        let effects = in_state(State::Repeating(Purpose::Inquiry, heard)).step(Event::Heard(completed(0)));
        let unproven = |effect: &Effect| matches!(effect, Effect::Answer(Answer::Failed(Trouble::Protocol(_))));
        assert!(effects.iter().any(unproven), "{effects:?}");
    }
}

#[test]
fn declines_come_in_three_orders() {
    let begun = [Event::Authorise(CHARGE), heard(Message::Taken)];
    let declined = || heard(Message::Status(status(Some(0x51), 8)));
    let aborted = || heard(Message::Aborted(0x6c));
    for (events, code) in
        [(vec![declined(), aborted()], 0x51), (vec![aborted()], 0x6c), (vec![aborted(), declined()], 0x6c)]
    {
        let mut dialogue = in_state(State::Idle);
        let all: Vec<Effect> = begun.iter().cloned().chain(events).flat_map(|event| dialogue.step(event)).collect();
        let answers: Vec<&Effect> = all.iter().filter(|effect| matches!(effect, Effect::Answer(_))).collect();
        assert_eq!(answers, [&Effect::Answer(Answer::Declined(code))]);
        assert_eq!(dialogue.state, State::Idle);
    }
}

#[test]
fn an_abort_waits_until_the_command_is_taken_and_is_sent_once() {
    let mut dialogue = in_state(State::Idle);
    assert_eq!(run(&mut dialogue, [Event::Authorise(CHARGE), Event::Abort]), []);
    assert_eq!(dialogue.step(heard(Message::Taken)), [Effect::Taken, Effect::Send(Command::Abort)]);
    assert_eq!(dialogue.step(Event::Abort), []);
}

#[test]
fn a_late_reply_to_an_abort_is_not_taken_for_that_of_the_next_payment() {
    let mut dialogue = in_state(State::Idle);
    let ended = run(
        &mut dialogue,
        [Event::Authorise(CHARGE), heard(Message::Taken), Event::Abort, heard(Message::Aborted(0x6c))],
    );
    assert_eq!(
        ended,
        [Effect::Send(Command::Acknowledge), Effect::Answer(Answer::Declined(0x6c)), Effect::Send(Command::Enquire),]
    );
    assert!(!dialogue.is_open(), "the next payment waits");
    // The reply to the abort, then those to the enquiry.
    run(&mut dialogue, [heard(Message::Refused(0x83)), heard(Message::Taken), heard(completed(0))]);
    assert_eq!(dialogue.state, State::Idle);
    run(&mut dialogue, [Event::Authorise(CHARGE)]);
    let refused = dialogue.step(heard(Message::Refused(0x83)));
    assert_eq!(refused, [Effect::Answer(Answer::Declined(0x83))]);
}

#[test]
fn a_repeated_result_gets_the_same_vote_and_a_different_one_fails() {
    for (vote, said) in [(Vote::Keep, Command::Acknowledge), (Vote::RollBack, Command::NotIssued)] {
        let mut dialogue = in_state(State::AwaitingVote(record()));
        let again = [Event::Voted(Some(vote)), heard(Message::Status(status(Some(0), 8)))];
        assert_eq!(run(&mut dialogue, again), [Effect::Send(said)]);
    }
    let mut dialogue = in_state(State::AwaitingVote(record()));
    let other = [Event::Voted(Some(Vote::Keep)), heard(Message::Status(status(Some(0), 9)))];
    assert!(matches!(run(&mut dialogue, other)[..], [Effect::Answer(Answer::Failed(_)), Effect::Close(_)]));
}

#[test]
fn receipt_text_is_kept_up_to_its_bound() {
    let mut dialogue = in_state(State::Completing(Vote::Keep, record(), Heard::default()));
    let text = || heard(Message::Text(vec!["line".into(); 50]));
    let settled = run(&mut dialogue, [text(), text(), heard(completed(0))]);
    let Some(Effect::Answer(Answer::Settled(record))) = settled.get(1) else { panic!("{settled:?}") };
    assert_eq!(record.receipt_text.len(), MAX_LINES);
}
