//! The real drivers of ECR17 and Caisse-AP on TCP, with simulated terminals.

use std::sync::Arc;

use drivers::{
    device::{Health, What},
    payment_terminal::{
        self, Amount, Entry, Inquiry, Intent, MaskedPan, Operation, Outcome, PaymentTerminal, Record, Resolution,
        Taken, TerminalError,
    },
    simulate::{BookedState, Ecr17Point, SimulatedCaisseApTerminal, SimulatedEcr17Terminal},
};
use serde_json::{Value, json};

use super::{DOLLARS, Heard, setup};

type Terminal = Arc<dyn PaymentTerminal>;

async fn start(protocol: &str, address: std::net::SocketAddr, settings: Value) -> (Terminal, Heard) {
    let mut setup = setup("terminal-1", &format!("tcp://{address}"), settings);
    setup.protocol = Some(protocol.into());
    let (terminal, mut heard) = super::start(payment_terminal::PROTOCOLS, setup);
    super::until(&mut heard, |what| matches!(what, What::Health(Health::Ready)).then_some(())).await;
    (terminal, heard)
}

async fn ecr17() -> (SimulatedEcr17Terminal, Terminal, Heard) {
    let device = SimulatedEcr17Terminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (terminal, heard) = start("ecr17", device.address(), json!({ "terminal_id": "12345678" })).await;
    (device, terminal, heard)
}

fn intent(terminal: &Terminal, operation: Operation, minor: u64) -> Intent {
    let amount = Amount { minor, currency: DOLLARS };
    Intent { reference: "A1".into(), operation, amount, before: terminal.journal() }
}

async fn perform(terminal: &Terminal, operation: Operation, minor: u64) -> Result<Outcome, TerminalError> {
    terminal.authorise(&intent(terminal, operation, minor), Taken::default()).await
}

async fn pay(terminal: &Terminal, minor: u64) -> Record {
    match perform(terminal, Operation::Charge, minor).await.unwrap() {
        Outcome::Approved(approved) => approved.keep().await.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ecr17_pays_declines_reverses_and_closes() {
    let (device, terminal, mut heard) = ecr17().await;
    let record = pay(&terminal, 1234).await;
    assert_eq!((record.amount.minor, record.entry), (1234, Some(Entry::Chip)));
    assert_eq!(record.masked_pan.as_ref().map(MaskedPan::as_str), Some("476173******0119"));
    assert_eq!((record.reference.get("stan"), record.authorisation.as_deref()), (Some("000001"), Some("A1B2C3")));
    super::until(&mut heard, |what| matches!(what, What::Payment(said) if said.text == "INSERIRE CARTA").then_some(()))
        .await;
    device.decline_next();
    let declined = perform(&terminal, Operation::Charge, 500).await;
    assert!(matches!(declined, Ok(Outcome::Declined { ref why, .. }) if why == "CARTA RIFIUTATA"), "{declined:?}");
    let reversal = Operation::Reversal { original: record.reference };
    assert!(matches!(perform(&terminal, reversal.clone(), 1234).await, Ok(Outcome::Approved(_))));
    assert!(matches!(perform(&terminal, reversal, 1234).await, Ok(Outcome::Declined { .. })));
    let refund = perform(&terminal, Operation::Refund { original: None }, 1).await;
    assert!(matches!(refund, Err(TerminalError::Unsupported { .. })), "{refund:?}");
    pay(&terminal, 350).await;
    assert_eq!(terminal.close_day().await.unwrap().schemes[0].minor, 350);
    assert!(matches!(terminal.abort().await, Err(TerminalError::Unsupported { .. })));
    assert_eq!(device.books()[0], (1234, BookedState::Reversed));
}

#[tokio::test]
async fn ecr17_frames_that_are_damaged_are_repeated() {
    let (device, terminal, _heard) = ecr17().await;
    device.refuse_next(2);
    device.spoil_next(1);
    pay(&terminal, 100).await;
    assert_eq!(device.books(), [(100, BookedState::Charged)]);
}

#[tokio::test]
async fn ecr17_settles_a_link_lost_anywhere() {
    for point in Ecr17Point::ALL {
        for declined in [false, true] {
            let (device, terminal, _heard) = ecr17().await;
            // The previous customer paid the same amount.
            pay(&terminal, 700).await;
            let intent = intent(&terminal, Operation::Charge, 700);
            device.cut_at(point);
            if declined {
                device.decline_next();
            }
            let outcome = terminal.authorise(&intent, Taken::default()).await;
            assert_eq!(outcome.is_ok(), point == Ecr17Point::Answered, "{point:?}: {outcome:?}");
            let resolution = loop {
                if let Ok(resolution) = terminal.resolve(&intent).await {
                    break resolution;
                }
                tokio::task::yield_now().await;
            };
            let charges = device.books().iter().filter(|(_, booked)| *booked == BookedState::Charged).count();
            match resolution {
                Resolution::Charged(record) => assert_eq!((charges, record.reference.get("stan")), (2, Some("000002"))),
                Resolution::NotCharged { .. } => assert_eq!(charges, 1, "{point:?}"),
                other => panic!("{point:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn caisse_ap_pays_and_leaves_a_doubt_to_a_person() {
    let device = SimulatedCaisseApTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (terminal, _heard) = start("caisse-ap", device.address(), json!({})).await;
    assert_eq!(terminal.capabilities().inquiry, Inquiry::None);
    let record = pay(&terminal, 1234).await;
    assert_eq!((record.amount.minor, record.entry), (1234, Some(Entry::Contactless)));
    assert!(!format!("{record:?}").contains("739001"), "{record:?}");
    device.decline_next("04");
    let declined = perform(&terminal, Operation::Charge, 500).await;
    assert!(matches!(declined, Ok(Outcome::Declined { ref code, .. }) if code == "04"), "{declined:?}");
    let refund = Operation::Refund { original: None };
    assert!(matches!(perform(&terminal, refund, 200).await, Ok(Outcome::Approved(_))));
    pay(&terminal, 300).await;
    let reversal = Operation::Reversal { original: record.reference };
    assert!(matches!(perform(&terminal, reversal, 300).await, Ok(Outcome::Approved(_))));
    let states: Vec<_> = device.books().into_iter().map(|(_, booked)| booked).collect();
    assert_eq!(states, [BookedState::Charged, BookedState::Refund, BookedState::Reversed]);

    let intent = intent(&terminal, Operation::Charge, 700);
    device.lose_answer();
    let lost = terminal.authorise(&intent, Taken::default()).await;
    assert!(matches!(lost, Err(TerminalError::LinkLost { .. })), "{lost:?}");
    assert!(matches!(terminal.resolve(&intent).await, Ok(Resolution::Unknown { .. })));
}
