//! Every cell of the state machine.

use super::*;

fn why() -> String {
    "why".into()
}

/// A state of each kind, with its name in the table.
fn states() -> Vec<(String, PaymentState)> {
    use PaymentState as S;
    let mut states: Vec<_> = [
        ("Created", S::Created),
        ("Sent", S::Sent),
        ("InProgress", S::InProgress),
        ("Approved", S::Approved),
        ("ApprovedOffline", S::ApprovedOffline),
        ("Declined", S::Declined { code: "05".into(), why: why() }),
        ("NotCharged", S::NotCharged { why: why() }),
        ("Reversing", S::Reversing),
        ("Reversed", S::Reversed),
        ("RefundSubmitted", S::RefundSubmitted),
    ]
    .map(|(name, state)| (name.to_owned(), state))
    .into();
    for (was, name) in [
        (Doubted::Sent, "Sent"),
        (Doubted::InProgress, "InProgress"),
        (Doubted::Approved, "Approved"),
        (Doubted::Reversing, "Reversing"),
    ] {
        for (waits_for, whom) in [(Waits::Terminal, "terminal"), (Waits::Person, "person")] {
            states.push((format!("Unknown, was {name}, {whom}"), S::Unknown { was, waits_for, why: why() }));
        }
    }
    states
}

fn events() -> Vec<(&'static str, Event)> {
    use Event as E;
    vec![
        ("send", E::Send),
        ("not sent", E::NotSent { why: why() }),
        ("taken", E::Taken),
        ("approve", E::Approve { offline: false }),
        ("approve offline", E::Approve { offline: true }),
        ("decline", E::Decline { code: "05".into(), why: why() }),
        ("submit", E::Submit),
        ("doubt", E::Doubt { why: why() }),
        ("retract", E::Retract { why: why() }),
        ("found charged", E::Found(Finding::Charged { offline: false })),
        ("found charged offline", E::Found(Finding::Charged { offline: true })),
        ("found not charged", E::Found(Finding::NotCharged { why: why() })),
        ("not found", E::Found(Finding::NotFound { why: why() })),
        ("found reversed", E::Found(Finding::Reversed)),
        ("found submitted", E::Found(Finding::Submitted)),
        ("inconclusive", E::Found(Finding::Inconclusive { why: why() })),
        ("a person: charged", E::Decide { charged: true }),
        ("a person: not charged", E::Decide { charged: false }),
        ("reverse", E::Reverse),
        ("reversed", E::Reversed),
        ("keep charged", E::KeepCharged),
        ("strand", E::Strand { why: why() }),
        ("forwarded", E::Forwarded),
        ("decline later", E::DeclineLater { code: "05".into(), why: why() }),
    ]
}

#[test]
fn the_table_is_the_code() {
    let names = states();
    let mut table = String::from("| state | event | state after |\n| --- | --- | --- |\n");
    for (name, state) in &names {
        for (event_name, event) in events() {
            let Some(after) = state.after(&event) else { continue };
            let same_kind = |(_, other): &&(String, PaymentState)| match (other, &after) {
                (PaymentState::NotCharged { .. }, PaymentState::NotCharged { .. }) => true,
                (other, after) => other == after,
            };
            let (after, _) = names.iter().find(same_kind).expect("a listed state");
            table.push_str(&format!("| {name} | {event_name} | {after} |\n"));
        }
    }
    assert_eq!(table, include_str!("table.md"), "the table in the documentation should be:\n{table}");
}

#[test]
fn only_an_inquiry_or_a_person_ends_a_doubt() {
    for (name, state) in states().iter().filter(|(_, state)| matches!(state, PaymentState::Unknown { .. })) {
        for (event_name, event) in events() {
            let is_a_way_out = matches!(event, Event::Found(_) | Event::Decide { .. });
            assert!(is_a_way_out || state.after(&event).is_none(), "{name}: {event_name}");
        }
        for charged in [true, false] {
            let decided = state.after(&Event::Decide { charged }).expect("a person can always decide");
            assert_eq!((decided.is_charged(), decided.has_ended()), (charged, true), "{name}");
        }
    }
}

#[test]
fn nothing_leads_back_to_before_the_request() {
    for (_, state) in states() {
        for (_, event) in events() {
            assert_ne!(state.after(&event), Some(PaymentState::Created));
            assert!(state.after(&event) != Some(PaymentState::Sent) || state == PaymentState::Created);
        }
    }
}

/// Whoever follows what `todo` says reaches a question to the terminal, or the end.
#[test]
fn a_payment_that_nobody_drives_is_never_forgotten() {
    for (name, state) in states() {
        for inquiry in [Inquiry::ById, Inquiry::LastOnly, Inquiry::None] {
            let mut state = state.clone();
            let last = loop {
                match todo(&state, inquiry) {
                    Todo::Store(event) => state = state.after(&event).expect("an event of the state's row"),
                    other => break other,
                }
            };
            assert_eq!(last == Todo::Wait, state.is_settled(), "{name}");
            assert!(last != Todo::Ask || inquiry != Inquiry::None, "{name}");
        }
    }
}

#[test]
fn states_are_written_as_the_api_names_them() {
    let unknown = PaymentState::Unknown { was: Doubted::InProgress, waits_for: Waits::Person, why: why() };
    let json = serde_json::to_string(&unknown).unwrap();
    assert_eq!(json, r#"{"state":"unknown","was":"in_progress","waits_for":"person","why":"why"}"#);
    for (_, state) in states() {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<PaymentState>(&json).unwrap(), state);
    }
}

#[test]
fn only_a_declined_or_unsent_payment_charged_nothing() {
    for (name, state) in states() {
        let nothing = matches!(state, PaymentState::Declined { .. } | PaymentState::NotCharged { .. });
        assert_eq!(state.charged_nothing(), nothing, "{name}");
    }
}
