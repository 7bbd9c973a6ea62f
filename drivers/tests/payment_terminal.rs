//! The real ZVT driver on TCP, with a simulated terminal whose journal says what customers were really charged.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use drivers::{
    device::{DeviceEvent, DeviceName, Health, What},
    payment_terminal::{
        Amount, Inquiry, Outcome, PaymentTerminal, Record, TerminalError,
        zvt::{self, ZvtSettings, ZvtTerminal},
    },
    simulate::{BookedState, Point, SimulatedTerminal},
};
use tokio::{sync::broadcast, time::timeout};

const LIMIT: Duration = Duration::from_secs(60);

fn dollars(minor: u64) -> Amount {
    Amount { minor, currency: 840 }
}

async fn until(heard: &mut broadcast::Receiver<DeviceEvent>, wanted: fn(&What) -> bool) {
    let found = async { while !wanted(&heard.recv().await.unwrap().what) {} };
    timeout(LIMIT, found).await.expect("the event came");
}

async fn begin() -> (SimulatedTerminal, ZvtTerminal, broadcast::Receiver<DeviceEvent>) {
    let device = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (events, mut heard) = broadcast::channel(256);
    let settings = ZvtSettings { password: [0x12, 0x34, 0x56], currency: 840 };
    let address = format!("tcp://{}", device.address()).parse().unwrap();
    let terminal = zvt::start(DeviceName::new("terminal-1"), address, settings, events);
    until(&mut heard, |what| matches!(what, What::Health(Health::Ready))).await;
    (device, terminal, heard)
}

/// Pays, keeps, and gives the record with its receipt text.
async fn pay(terminal: &ZvtTerminal, minor: u64) -> Record {
    match terminal.authorise(dollars(minor)).await.unwrap() {
        Outcome::Approved(approved) => approved.keep().await.unwrap(),
        Outcome::Declined { why, .. } => panic!("declined: {why}"),
    }
}

/// Asks until the terminal is back.
async fn inquire(terminal: &ZvtTerminal) -> Inquiry {
    timeout(LIMIT, async {
        loop {
            match terminal.inquire().await {
                Ok(inquiry) => return inquiry,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
    .expect("the terminal came back")
}

#[tokio::test]
async fn an_approved_payment_has_its_traces_and_receipt_text() {
    let (device, terminal, mut heard) = begin().await;
    let record = pay(&terminal, 1234).await;
    assert_eq!(record.amount, dollars(1234));
    assert_eq!(
        (record.trace.trace, record.trace.receipt, record.trace.terminal_id.as_deref()),
        (Some(1), Some(1), Some("52523535"))
    );
    assert_eq!(record.card.as_ref().map(drivers::payment_terminal::MaskedPan::as_str), Some("476173******0119"));
    assert_eq!(record.card_name.as_deref(), Some("VISA"));
    assert!(record.receipt_text.iter().any(|line| line.contains("Payment approved")));
    assert_eq!(terminal.last_trace(), record.trace);
    until(&mut heard, |what| matches!(what, What::Payment(progress) if progress.text.contains("tap the card"))).await;
    assert_eq!(pay(&terminal, 5).await.trace.trace, Some(2));
    assert_eq!(device.journal().len(), 2);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_the_vote_and_a_roll_back_reverses() {
    let (device, terminal, _heard) = begin().await;
    let Outcome::Approved(approved) = terminal.authorise(dollars(700)).await.unwrap() else { panic!("declined") };
    approved.roll_back().await.unwrap();
    assert_eq!(device.journal()[0].state, BookedState::Reversed);
    assert_eq!(pay(&terminal, 701).await.trace.trace, Some(2));
}

#[tokio::test]
async fn an_approval_nobody_votes_on_is_left_in_doubt() {
    let (device, terminal, _heard) = begin().await;
    let Outcome::Approved(approved) = terminal.authorise(dollars(700)).await.unwrap() else { panic!("declined") };
    let before = approved.record.clone();
    drop(approved);
    assert_eq!(
        inquire(&terminal).await,
        Inquiry::Last(Record { receipt_text: receipt_of(&inquire(&terminal).await), ..before })
    );
    assert_eq!(device.journal().len(), 1);
}

fn receipt_of(inquiry: &Inquiry) -> Vec<String> {
    match inquiry {
        Inquiry::Last(record) => record.receipt_text.clone(),
        _ => vec![],
    }
}

#[tokio::test]
async fn a_decline_says_why_and_charges_nothing() {
    let (device, terminal, _heard) = begin().await;
    device.decline_next(Some(0x51));
    let declined = terminal.authorise(dollars(700)).await.unwrap();
    assert!(matches!(declined, Outcome::Declined { code: 0x51, why } if why.contains("not enough money")));
    assert_eq!(device.journal(), []);
}

#[tokio::test]
async fn an_abort_stops_a_payment_unless_it_comes_too_late() {
    let (device, terminal, mut heard) = begin().await;
    device.wait_for_abort(true);
    for too_late in [false, true] {
        device.approve_after_abort(too_late);
        let (outcome, ()) = tokio::join!(terminal.authorise(dollars(700)), async {
            until(&mut heard, |what| matches!(what, What::Payment(_))).await;
            terminal.abort().await.unwrap();
        });
        match outcome.unwrap() {
            Outcome::Declined { code, .. } => assert_eq!((code, too_late), (0x6c, false)),
            Outcome::Approved(approved) => {
                assert!(too_late);
                approved.keep().await.unwrap();
            }
        }
    }
    assert_eq!(device.journal().len(), 1);
}

/// The heart of it: wherever the link drops, the inquiry tells what the terminal's journal says, and nothing is ever charged twice.
#[tokio::test]
async fn wherever_the_link_drops_the_inquiry_tells_the_truth() {
    let (device, terminal, mut heard) = begin().await;
    pay(&terminal, 700).await;
    for point in Point::ALL {
        let before = terminal.last_trace();
        let charged = device.journal().len();
        device.drop_link_at(Some(point));
        // The customer before paid the same: the amount alone must not match.
        let kept = match terminal.authorise(dollars(700)).await {
            Ok(Outcome::Approved(approved)) => Some(approved.keep().await.is_ok()),
            Ok(Outcome::Declined { why, .. }) => panic!("{point:?}: declined: {why}"),
            Err(TerminalError::LinkLost { .. }) => None,
            Err(error) => panic!("{point:?}: {error}"),
        };
        assert_eq!(
            kept,
            matches!(point, Point::ResultSent | Point::ResultAcknowledged | Point::TextSent).then_some(false),
            "{point:?}"
        );
        until(&mut heard, |what| matches!(what, What::Health(Health::Ready))).await;
        let Inquiry::Last(last) = inquire(&terminal).await else { panic!("{point:?}: a journal without an end") };
        let found = last.trace != before || kept.is_some();
        let really = device.journal().len() - charged;
        assert_eq!(usize::from(found), really, "{point:?}");
        assert!(really <= 1, "{point:?}");
    }
}

#[tokio::test]
async fn frames_may_arrive_split_and_results_twice() {
    let (device, terminal, _heard) = begin().await;
    device.split(Some(1));
    assert_eq!(pay(&terminal, 1).await.amount, dollars(1));
    device.split(Some(7));
    device.repeat_result(true);
    assert_eq!(pay(&terminal, 2).await.amount, dollars(2));
    assert_eq!(device.journal().len(), 2);
}

#[tokio::test]
async fn a_reversal_gives_back_once() {
    let (device, terminal, _heard) = begin().await;
    pay(&terminal, 900).await;
    assert_eq!(terminal.reverse(1).await.unwrap().amount, dollars(900));
    assert_eq!(device.journal()[0].state, BookedState::Reversed);
    assert!(matches!(terminal.reverse(1).await, Err(TerminalError::Refused { code: 0xb4, .. })));
}

#[tokio::test]
async fn one_payment_at_a_time_and_none_without_a_link() {
    let (device, terminal, mut heard) = begin().await;
    device.wait_for_abort(true);
    let (first, second) = tokio::join!(terminal.authorise(dollars(1)), async {
        until(&mut heard, |what| matches!(what, What::Payment(_))).await;
        let second = terminal.authorise(dollars(2)).await;
        terminal.abort().await.unwrap();
        second
    });
    assert!(matches!(first, Ok(Outcome::Declined { .. })));
    assert!(matches!(second, Err(TerminalError::Busy { .. })));
    drop(device);
    until(&mut heard, |what| matches!(what, What::Health(Health::Offline { .. }))).await;
    assert!(matches!(terminal.authorise(dollars(3)).await, Err(TerminalError::Offline { .. })));
}

#[tokio::test]
async fn a_whole_card_number_from_the_terminal_goes_no_further() {
    let (device, terminal, mut heard) = begin().await;
    device.full_pan(true);
    let record = pay(&terminal, 1234).await;
    let told =
        [format!("{record:?}"), serde_json::to_string(&record).unwrap(), format!("{:?}", inquire(&terminal).await)];
    for text in &told {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert!(!digits.contains("4761739001010119"), "{text}");
    }
    assert!(told[0].contains("476173******0119"));
    while let Ok(event) = heard.try_recv() {
        assert!(!format!("{event:?}").contains("4761739001010119"));
    }
}
