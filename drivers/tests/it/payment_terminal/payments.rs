//! Payments, refunds and closings with a link that holds.

use drivers::{
    device::{Health, What},
    payment_terminal::{
        self, Entry, Intent, MaskedPan, Operation, Outcome, Resolution, SchemeTotal, Taken, TerminalError,
        TerminalReference,
    },
    simulate::{BookedState, Decline, SimulatedTerminal},
};
use serde_json::json;

use super::{authorise, begin, dollars, intent, numbers, pay, resolve, reversal, setup, until};

#[tokio::test]
async fn an_approved_payment_has_its_traces_and_receipt_text() {
    let (device, terminal, mut heard) = begin().await;
    let record = pay(&terminal, 1234).await;
    assert_eq!(record.amount, dollars(1234));
    assert_eq!(record.reference, numbers(1));
    assert_eq!(record.masked_pan.as_ref().map(MaskedPan::as_str), Some("476173******0119"));
    assert_eq!(record.scheme.as_deref(), Some("VISA"));
    assert!(record.receipt_text.iter().any(|line| line.contains("Payment approved")));
    until(&mut heard, |what| matches!(what, What::Payment(progress) if progress.text.contains("tap the card"))).await;
    assert_eq!(pay(&terminal, 5).await.reference, numbers(2));
    assert_eq!(device.journal().len(), 2);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_vote_and_a_roll_back_reverses() {
    let (device, terminal, _heard) = begin().await;
    let Outcome::Approved(approved) = authorise(&terminal, 700).await.unwrap() else { panic!("declined") };
    approved.roll_back().await.unwrap();
    assert_eq!(device.journal()[0].state, BookedState::Reversed);
    assert_eq!(pay(&terminal, 701).await.reference, numbers(2));
}

#[tokio::test]
async fn a_decline_has_a_reason_and_charges_nothing() {
    let (device, terminal, _heard) = begin().await;
    device.decline_next(Some(0x51));
    let declined = authorise(&terminal, 700).await.unwrap();
    assert!(matches!(declined, Outcome::Declined { code, why } if code == "51" && why.contains("insufficient funds")));
    for decline in [Decline::Abort, Decline::ResultThenAbort, Decline::AbortThenResult, Decline::ResultThenCompletion] {
        device.decline_next(Some(0x78));
        device.decline_by(decline);
        let declined = authorise(&terminal, 700).await;
        assert!(
            matches!(declined, Ok(Outcome::Declined { ref code, .. }) if code == "78"),
            "{decline:?}: {declined:?}"
        );
    }
    assert_eq!(device.journal(), []);
    assert_eq!(pay(&terminal, 700).await.reference, numbers(1));
}

#[tokio::test]
async fn an_abort_stops_a_payment_unless_it_comes_too_late() {
    let (device, terminal, mut heard) = begin().await;
    device.wait_for_abort(true);
    for too_late in [false, true] {
        device.approve_after_abort(too_late);
        let (outcome, ()) = tokio::join!(authorise(&terminal, 700), async {
            until(&mut heard, |what| matches!(what, What::Payment(_))).await;
            terminal.abort().await.unwrap();
        });
        match outcome.unwrap() {
            Outcome::Declined { code, .. } => assert_eq!((code.as_str(), too_late), ("6C", false)),
            Outcome::Approved(approved) => {
                assert!(too_late);
                approved.keep().await.unwrap();
            }
            other @ Outcome::Submitted(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(device.journal().len(), 1);
}

#[tokio::test]
async fn an_amount_out_of_range_is_declined_before_anything_is_sent() {
    let (device, terminal, _heard) = begin().await;
    for (minor, code) in [(0, "C8"), (1_000_000_000_000, "C3")] {
        assert!(matches!(authorise(&terminal, minor).await, Ok(Outcome::Declined { code: said, .. }) if said == code));
    }
    assert_eq!(device.journal(), []);
    assert_eq!(pay(&terminal, 999_999_999_999).await.amount, dollars(999_999_999_999));
}

#[tokio::test]
async fn split_frames_and_repeated_results_are_accepted() {
    let (device, terminal, _heard) = begin().await;
    device.split(Some(1));
    assert_eq!(pay(&terminal, 1).await.amount, dollars(1));
    device.split(None);
    device.merge(true);
    assert_eq!(pay(&terminal, 3).await.amount, dollars(3));
    device.split(Some(7));
    device.repeat_result(true);
    assert_eq!(pay(&terminal, 2).await.amount, dollars(2));
    assert_eq!(device.bookings(), 3);
}

#[tokio::test]
async fn only_the_customers_receipt_is_kept() {
    let (device, terminal, _heard) = begin().await;
    device.print_blocks(true);
    let text = pay(&terminal, 1234).await.receipt_text;
    assert_eq!(text.len(), 5);
    assert!(!text.iter().any(|line| line.contains("MERCHANT")));
}

#[tokio::test]
async fn a_reversal_refunds_once() {
    let (device, terminal, _heard) = begin().await;
    let paid = pay(&terminal, 900).await.reference;
    let reversal = reversal(&terminal, &paid, 900);
    // The second time the terminal says that it was done before.
    for _ in 0..2 {
        let Ok(Outcome::Approved(done)) = terminal.authorise(&reversal, Taken::default()).await else {
            panic!("refused")
        };
        assert_eq!(done.record.amount, dollars(900));
        assert_eq!(device.journal()[0].state, BookedState::Reversed);
    }
    assert!(matches!(resolve(&terminal, &reversal).await, Resolution::Charged(_)));
    let operation = Operation::Reversal { original: numbers(7) };
    let unknown = terminal.authorise(&Intent { operation, ..reversal.clone() }, Taken::default()).await;
    assert!(matches!(unknown, Ok(Outcome::Declined { ref code, .. }) if code == "B5"), "{unknown:?}");
    let operation = Operation::Reversal { original: TerminalReference::default() };
    let foreign = terminal.authorise(&Intent { operation, ..reversal }, Taken::default()).await;
    assert!(matches!(foreign, Err(TerminalError::UnknownReference { .. })), "{foreign:?}");
}

#[tokio::test]
async fn a_refund_is_voted_on_like_a_charge() {
    let (device, terminal, _heard) = begin().await;
    let paid = pay(&terminal, 900).await.reference;
    for original in [Some(paid), None] {
        let operation = Operation::Refund { original };
        let refund = Intent { operation, ..intent(&terminal, 400) };
        let (taken, was_taken) = Taken::new();
        let Ok(Outcome::Approved(done)) = terminal.authorise(&refund, taken).await else { panic!("refused") };
        was_taken.await.expect("the terminal took it");
        assert_eq!(done.record.entry, Some(Entry::Contactless));
        done.keep().await.unwrap();
    }
    let states: Vec<_> = device.journal().iter().map(|booked| (booked.minor, booked.state)).collect();
    let refunded = (400, BookedState::Refund);
    assert_eq!(states, [(900, BookedState::Charged), refunded, refunded]);
}

#[tokio::test]
async fn a_day_is_closed_with_totals_by_scheme() {
    let (_device, terminal, _heard) = begin().await;
    for minor in [900, 350] {
        pay(&terminal, minor).await;
    }
    let closing = terminal.close_day().await.unwrap();
    assert_eq!(closing.schemes, [SchemeTotal { scheme: "Visa".into(), count: 2, minor: 1250 }]);
    assert!(closing.report.iter().any(|line| line.contains("END OF DAY")), "{closing:?}");
    assert_eq!(terminal.close_day().await.unwrap().schemes, [], "a new day");
    assert_eq!(terminal.diagnose().await.unwrap(), "Host connection OK");
    pay(&terminal, 5).await;
}

/// The same terminal on a serial line, whose frames it answers with wrong checks, refusals and silence.
#[tokio::test]
async fn a_serial_line_loses_nothing() {
    let device = SimulatedTerminal::on_a_line().unwrap();
    device.spoil_every(Some(5));
    let address = format!("serial:{}?stop=2", device.line().unwrap().display());
    let (terminal, mut heard) =
        crate::start(payment_terminal::PROTOCOLS, setup("terminal-1", &address, json!({ "protocol": "zvt" })));
    until(&mut heard, |what| matches!(what, What::Health(Health::Ready))).await;
    // 0x10 in the amount is doubled on the line.
    for minor in [1010, 101_010, 7] {
        assert_eq!(pay(&terminal, minor).await.amount, dollars(minor));
    }
    assert_eq!((device.bookings(), device.spoiled() > 0), (3, true));
}

#[tokio::test]
async fn one_payment_at_a_time_and_none_without_a_link() {
    let (device, terminal, mut heard) = begin().await;
    device.wait_for_abort(true);
    let (first, second) = tokio::join!(authorise(&terminal, 1), async {
        until(&mut heard, |what| matches!(what, What::Payment(_))).await;
        let second = authorise(&terminal, 2).await;
        terminal.abort().await.unwrap();
        second
    });
    assert!(matches!(first, Ok(Outcome::Declined { .. })));
    assert!(matches!(second, Err(TerminalError::Busy { .. })));
    drop(device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Offline { .. }))).await;
    assert!(matches!(authorise(&terminal, 3).await, Err(TerminalError::Offline { .. })));
}

#[tokio::test]
async fn a_payment_runs_until_the_vote_is_executed() {
    let (_device, terminal, _heard) = begin().await;
    let Ok(Outcome::Approved(approved)) = authorise(&terminal, 1).await else { panic!("declined") };
    assert!(matches!(authorise(&terminal, 2).await, Err(TerminalError::Busy { .. })));
    approved.keep().await.unwrap();
    assert_eq!(pay(&terminal, 2).await.reference, numbers(2));
}
