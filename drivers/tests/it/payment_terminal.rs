//! The real ZVT driver on TCP, with a simulated terminal whose journal shows what customers were really charged.

use std::{
    io::Write as _,
    sync::{Arc, Mutex},
};

use drivers::{
    device::{Health, What},
    payment_terminal::{
        self, Amount, Intent, Journal, MaskedPan, Outcome, PaymentTerminal, Record, Resolution, TerminalError,
        TerminalReference,
    },
    simulate::{BookedState, Decline, Point, SimulatedTerminal},
};
use serde_json::json;
use tokio::time::timeout;

use super::{DOLLARS, Heard, LIMIT, setup};

type Terminal = Arc<dyn PaymentTerminal>;

fn dollars(minor: u64) -> Amount {
    Amount { minor, currency: DOLLARS }
}

/// A payment with the current journal.
fn intent(terminal: &Terminal, minor: u64) -> Intent {
    Intent { reference: "p1".into(), amount: dollars(minor), before: terminal.journal() }
}

async fn authorise(terminal: &Terminal, minor: u64) -> Result<Outcome, TerminalError> {
    terminal.authorise(&intent(terminal, minor)).await
}

async fn until(heard: &mut Heard, wanted: fn(&What) -> bool) {
    super::until(heard, |what| wanted(what).then_some(())).await;
}

fn start(device: &SimulatedTerminal) -> (Terminal, Heard) {
    // A password; it must not appear in any output.
    let mut password = tempfile::NamedTempFile::new().unwrap();
    password.write_all(b"123456\n").unwrap();
    let address = format!("tcp://{}", device.address());
    super::start(
        payment_terminal::PROTOCOLS,
        setup("terminal-1", &address, json!({ "password_file": password.path() })),
    )
}

/// The numbers of the simulated terminal's transaction.
fn numbers(number: u32) -> TerminalReference {
    let number = number.to_string();
    serde_json::from_value(json!({ "terminal_id": "52523535", "trace": number, "receipt": number })).unwrap()
}

async fn begin() -> (SimulatedTerminal, Terminal, Heard) {
    let device = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (terminal, mut heard) = start(&device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Ready))).await;
    (device, terminal, heard)
}

/// Pays, keeps, and returns the record with its receipt text.
async fn pay(terminal: &Terminal, minor: u64) -> Record {
    match authorise(terminal, minor).await.unwrap() {
        Outcome::Approved(approved) => approved.keep().await.unwrap(),
        Outcome::Declined { why, .. } => panic!("declined: {why}"),
    }
}

/// Asks until the terminal has answered.
async fn resolve(terminal: &Terminal, intent: &Intent) -> Resolution {
    timeout(LIMIT, async {
        loop {
            match terminal.resolve(intent).await {
                Ok(resolution) => return resolution,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .expect("the terminal answered")
}

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
async fn an_approval_without_a_vote_is_in_doubt() {
    let (device, terminal, _heard) = begin().await;
    let intent = intent(&terminal, 700);
    let Outcome::Approved(approved) = terminal.authorise(&intent).await.unwrap() else { panic!("declined") };
    let seen = approved.record.clone();
    drop(approved);
    let Resolution::Charged(record) = resolve(&terminal, &intent).await else { panic!("it was booked") };
    assert!(record.receipt_text.iter().any(|line| line.contains("Payment approved")));
    assert_eq!(Record { receipt_text: vec![], ..record }, seen);
    assert_eq!(device.journal().len(), 1);
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
        }
    }
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
        let kept = match terminal.authorise(&intent).await {
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
            Resolution::Unknown { why } => panic!("{case}: {why}"),
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
    assert!(matches!(terminal.authorise(&unsent).await, Err(TerminalError::Offline { .. })));
    assert_eq!(pay(&terminal, 1).await.amount, dollars(1));
}

/// Waits 5 s of real time: the time-out is that of the link.
#[tokio::test]
async fn a_terminal_that_falls_silent_leaves_the_payment_in_doubt() {
    let (device, terminal, mut heard) = begin().await;
    device.mute(true);
    let intent = intent(&terminal, 1);
    assert!(matches!(terminal.authorise(&intent).await, Err(TerminalError::TimedOut { waited_ms: 5000, .. })));
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
    assert_eq!(terminal.reverse(&paid).await.unwrap().amount, dollars(900));
    assert_eq!(device.journal()[0].state, BookedState::Reversed);
    let again = terminal.reverse(&paid).await;
    assert!(matches!(again, Err(TerminalError::Refused { ref code, .. }) if code == "B4"), "{again:?}");
    let foreign = terminal.reverse(&TerminalReference::default()).await;
    assert!(matches!(foreign, Err(TerminalError::UnknownReference { .. })), "{foreign:?}");
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

#[tokio::test]
async fn an_outdated_journal_sends_nothing() {
    let (device, terminal, _heard) = begin().await;
    let stale = intent(&terminal, 700);
    pay(&terminal, 700).await;
    let foreign: Journal = serde_json::from_value(json!({ "session": 7 })).unwrap();
    for before in [stale.before.clone(), Journal::default(), foreign.clone()] {
        let refused = terminal.authorise(&Intent { before, ..stale.clone() }).await;
        assert!(matches!(refused, Err(TerminalError::Offline { .. })), "{refused:?}");
    }
    assert_eq!(device.journal().len(), 1);
    let foreign = resolve(&terminal, &Intent { before: foreign, ..stale }).await;
    assert!(matches!(foreign, Resolution::Unknown { ref why } if why.contains("another protocol")), "{foreign:?}");
}

/// Everything that the driver returns: records, events, errors and traces.
#[test]
fn a_whole_card_number_from_the_terminal_goes_no_further() {
    let traced = Traced::default();
    let mut told = tracing::subscriber::with_default(traced.clone(), || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(whole_card_numbers())
    });
    told.push(traced.text());
    assert!(traced.text().contains("offline"), "the tracing was heard");
    for text in &told {
        // Digits only: the number must not appear in pieces either.
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        for secret in ["4761739001010119", "739001", "28122", "123456"] {
            assert!(!digits.contains(secret), "{secret} in {text}");
        }
    }
    assert!(told[0].contains("476173******0119"));
}

/// Runs payments of every outcome with a terminal that sends complete card numbers; returns all output, the first
/// record first.
async fn whole_card_numbers() -> Vec<String> {
    let (device, terminal, mut heard) = begin().await;
    device.full_pan(true);
    let record = pay(&terminal, 99).await;
    let mut told = vec![format!("{record:?}"), serde_json::to_string(&record).unwrap()];
    device.print_blocks(true);
    told.push(format!("{:?}", pay(&terminal, 99).await));
    told.push(format!("{:?}", terminal.reverse(&record.reference).await));
    for point in [Point::ResultAcknowledged, Point::ResultSent] {
        device.drop_link_at(Some(point));
        let intent = intent(&terminal, 99);
        let Ok(Outcome::Approved(approved)) = terminal.authorise(&intent).await else { panic!("declined") };
        told.push(format!("{intent:?} {approved:?}"));
        told.push(approved.keep().await.unwrap_err().to_string());
        told.push(format!("{:?}", resolve(&terminal, &intent).await));
    }
    drop(device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Offline { .. }))).await;
    told.push(authorise(&terminal, 1).await.unwrap_err().to_string());
    while let Ok(event) = heard.try_recv() {
        told.push(format!("{event:?} {}", serde_json::to_string(&event).unwrap()));
    }
    told
}

/// Collects all traces at every level.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<String>>);

impl Traced {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Traced {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("drivers")
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut Fields(&self.0));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut Fields(&self.0));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Fields(&self.0));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

struct Fields<'a>(&'a Mutex<String>);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let mut text = self.0.lock().unwrap();
        text.push_str(&format!("{field}={value:?}\n"));
    }
}
