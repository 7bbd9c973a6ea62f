//! Links that are lost and terminals that fall silent: a doubt is settled as the terminal's journal says.

use drivers::{
    device::{Health, What},
    payment_terminal::{Intent, Journal, Outcome, Record, Resolution, Taken, TerminalError},
    simulate::{Point, SimulatedTerminal},
};
use serde_json::json;

use super::{authorise, begin, dollars, intent, numbers, pay, resolve, start, until};

#[tokio::test]
async fn an_approval_without_a_vote_is_in_doubt() {
    let (device, terminal, _heard) = begin().await;
    let intent = intent(&terminal, 700);
    let Outcome::Approved(approved) = terminal.authorise(&intent, Taken::default()).await.unwrap() else {
        panic!("declined")
    };
    let seen = approved.record.clone();
    drop(approved);
    let Resolution::Charged(record) = resolve(&terminal, &intent).await else { panic!("it was booked") };
    assert!(record.receipt_text.iter().any(|line| line.contains("Payment approved")));
    assert_eq!(Record { receipt_text: vec![], ..record }, seen);
    assert_eq!(device.journal().len(), 1);
}

/// What the terminal does with a payment if the link is lost before its result is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Keeps,
    Reverses,
    /// Like `Keeps`; without a result yet, it continues with the customer and is busy.
    GoesOn,
}

/// The central promise: wherever the link is lost, a doubt is settled as the terminal's journal says, and nothing is
/// charged twice.
async fn a_doubt_is_settled_as_the_terminal_booked(policy: Policy) {
    for point in Point::ALL {
        let case = format!("{policy:?}, {point:?}");
        let (device, terminal, _heard) = begin().await;
        device.reverse_unacknowledged(policy == Policy::Reverses);
        device.carry_on((policy == Policy::GoesOn).then_some(3));
        // The previous customer paid the same amount, which alone must not match.
        pay(&terminal, 700).await;
        let intent = intent(&terminal, 700);
        device.drop_link_at(Some(point));
        let kept = match terminal.authorise(&intent, Taken::default()).await {
            Ok(Outcome::Approved(approved)) => Some(approved.keep().await.is_ok()),
            Err(TerminalError::LinkLost { .. }) => None,
            other => panic!("{case}: {other:?}"),
        };
        let told = match point {
            Point::CompletionSent | Point::CompletionAcknowledged => Some(true),
            Point::ResultSent | Point::ResultAcknowledged | Point::LineSent | Point::TextSent => Some(false),
            _ => None,
        };
        assert_eq!(kept, told, "{case}");
        let found = match resolve(&terminal, &intent).await {
            Resolution::Charged(record) => {
                assert_eq!((record.amount, record.reference), (dollars(700), numbers(2)), "{case}");
                true
            }
            Resolution::NotCharged { .. } => false,
            other => panic!("{case}: {other:?}"),
        };
        assert_eq!(device.bookings(), 1 + usize::from(found), "{case}");
        let resulted = Point::ALL.iter().position(|other| *other == point)
            >= Point::ALL.iter().position(|other| *other == Point::Booked);
        let booked = match policy {
            Policy::Keeps => resulted,
            Policy::Reverses => resulted && !matches!(point, Point::Booked | Point::ResultSent),
            Policy::GoesOn => point != Point::CommandReceived,
        };
        assert_eq!(found, booked, "{case}");
        // The terminal can be used again as usual.
        pay(&terminal, 700).await;
        assert_eq!(device.bookings(), 2 + usize::from(found), "{case}");
    }
}

#[tokio::test]
async fn a_link_lost_anywhere_is_settled_by_an_inquiry() {
    a_doubt_is_settled_as_the_terminal_booked(Policy::Keeps).await;
}

#[tokio::test]
async fn a_link_lost_anywhere_is_settled_with_a_terminal_that_reverses() {
    a_doubt_is_settled_as_the_terminal_booked(Policy::Reverses).await;
}

#[tokio::test]
async fn a_link_lost_anywhere_is_settled_with_a_terminal_that_continues() {
    a_doubt_is_settled_as_the_terminal_booked(Policy::GoesOn).await;
}

#[tokio::test]
async fn a_terminal_that_was_busy_gets_no_payment_until_it_has_reported_its_last_one() {
    let device = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    device.busy(2);
    let (terminal, mut heard) = start(&device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Attention { why }) if why.contains("busy"))).await;
    assert!(matches!(authorise(&terminal, 1).await, Err(TerminalError::Offline { .. })));
    // Its last transaction is not known yet, so nothing was sent.
    let unsent = intent(&terminal, 1);
    assert!(unsent.before.is_unknown());
    let resolved = terminal.resolve(&unsent).await;
    assert!(matches!(resolved, Err(TerminalError::Refused { ref code, .. }) if code == "9C"), "{resolved:?}");
    assert!(matches!(terminal.resolve(&unsent).await, Ok(Resolution::NotCharged { .. })));
    // It is not sent later with the old journal either.
    assert!(matches!(terminal.authorise(&unsent, Taken::default()).await, Err(TerminalError::Offline { .. })));
    assert_eq!(pay(&terminal, 1).await.amount, dollars(1));
}

/// Waits 5 s of real time: the time-out is that of the link.
#[tokio::test]
async fn a_terminal_that_falls_silent_leaves_the_payment_in_doubt() {
    let (device, terminal, mut heard) = begin().await;
    device.mute(true);
    let intent = intent(&terminal, 1);
    assert!(matches!(
        terminal.authorise(&intent, Taken::default()).await,
        Err(TerminalError::TimedOut { waited_ms: 5000, .. })
    ));
    until(
        &mut heard,
        |what| matches!(what, What::Health(Health::Offline { why, .. }) if why.contains("no answer for")),
    )
    .await;
    device.mute(false);
    assert!(matches!(resolve(&terminal, &intent).await, Resolution::NotCharged { .. }));
    assert_eq!(device.journal(), []);
}

#[tokio::test]
async fn an_outdated_journal_sends_nothing() {
    let (device, terminal, _heard) = begin().await;
    let stale = intent(&terminal, 700);
    pay(&terminal, 700).await;
    let foreign: Journal = serde_json::from_value(json!({ "session": 7 })).unwrap();
    for before in [stale.before.clone(), Journal::default(), foreign.clone()] {
        let refused = terminal.authorise(&Intent { before, ..stale.clone() }, Taken::default()).await;
        assert!(matches!(refused, Err(TerminalError::Offline { .. })), "{refused:?}");
    }
    assert_eq!(device.journal().len(), 1);
    let foreign = resolve(&terminal, &Intent { before: foreign, ..stale }).await;
    assert!(matches!(foreign, Resolution::Unknown { ref why } if why.contains("another protocol")), "{foreign:?}");
}
