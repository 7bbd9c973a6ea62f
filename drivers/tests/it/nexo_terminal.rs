//! The real nexo driver over HTTPS, with a simulated terminal whose books show what customers were really charged.

use std::sync::Arc;

use drivers::{
    device::{Health, What},
    payment_terminal::{
        self, Amount, Entry, Intent, Operation, Outcome, PaymentTerminal, Record, Resolution, SchemeTotal, Taken,
        TerminalError, TerminalReference,
    },
    simulate::{BookedState, NexoPoint, SimulatedNexoTerminal},
};
use serde_json::json;
use tokio::time::timeout;

use super::{DOLLARS, Heard, LIMIT, setup};

type Terminal = Arc<dyn PaymentTerminal>;

struct Bench {
    device: SimulatedNexoTerminal,
    terminal: Terminal,
    heard: Heard,
    sent: std::cell::Cell<u32>,
    _files: tempfile::TempDir,
}

/// A terminal that trusts nobody's passphrase but this.
async fn begin_with(passphrase: &str, tls_name: Option<&str>) -> Bench {
    let device = SimulatedNexoTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let files = tempfile::tempdir().unwrap();
    let (authority, secret) = (files.path().join("ca.pem"), files.path().join("passphrase"));
    std::fs::write(&authority, device.authority()).unwrap();
    std::fs::write(&secret, passphrase).unwrap();
    let mut settings = json!({
        "protocol": "nexo",
        "poi_id": SimulatedNexoTerminal::POI_ID,
        "ca_file": authority,
        "passphrase_file": secret,
        "key_identifier": "hub",
        "key_version": 1,
    });
    if let Some(name) = tls_name {
        settings["tls_name"] = json!(name);
    }
    let address = format!("tcp://{}", device.address());
    let (terminal, heard) = super::start(payment_terminal::PROTOCOLS, setup("terminal-1", &address, settings));
    Bench { device, terminal, heard, sent: std::cell::Cell::new(0), _files: files }
}

impl Bench {
    async fn ready() -> Self {
        let mut bench = begin_with(SimulatedNexoTerminal::PASSPHRASE, None).await;
        bench.until_ready().await;
        bench
    }

    async fn until_ready(&mut self) {
        while self.terminal.health() != Health::Ready {
            timeout(LIMIT, self.heard.recv()).await.expect("an event").unwrap();
        }
    }

    /// A transaction with an id of its own.
    fn intent(&self, operation: Operation, minor: u64) -> Intent {
        self.sent.set(self.sent.get() + 1);
        let amount = Amount { minor, currency: DOLLARS };
        Intent { reference: format!("T{:09}", self.sent.get()), operation, amount, before: self.terminal.journal() }
    }

    async fn perform(&self, intent: &Intent) -> Result<Outcome, TerminalError> {
        self.terminal.authorise(intent, Taken::default()).await
    }

    async fn pay(&self, minor: u64) -> Record {
        match self.perform(&self.intent(Operation::Charge, minor)).await.unwrap() {
            Outcome::Approved(approved) => approved.keep().await.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn resolve(&self, intent: &Intent) -> Resolution {
        timeout(LIMIT, async {
            loop {
                match self.terminal.resolve(intent).await {
                    Ok(resolution) => return resolution,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                }
            }
        })
        .await
        .expect("the terminal answered")
    }
}

#[tokio::test]
async fn a_payment_has_its_ids_and_receipt_text() {
    let bench = Bench::ready().await;
    bench.device.script(|script| script.offline = true);
    let record = bench.pay(1234).await;
    assert_eq!((record.amount.minor, record.entry, record.offline), (1234, Some(Entry::Contactless), true));
    assert_eq!(record.reference.get("transaction"), Some("poi000001"));
    assert_eq!((record.scheme.as_deref(), record.token.is_some()), (Some("visa"), true));
    assert_eq!(record.receipt_text, ["Card 476173 **** 0119", "Payment approved"]);
    assert_eq!(bench.device.charges(), 1);
}

#[tokio::test]
async fn declines_and_partial_approvals_are_reported() {
    let bench = Bench::ready().await;
    for condition in ["Refusal", "WrongPIN", "Cancel", "InvalidCard", "UnreachableHost"] {
        bench.device.script(|script| script.decline = Some(condition.into()));
        let declined = bench.perform(&bench.intent(Operation::Charge, 700)).await;
        assert!(matches!(declined, Ok(Outcome::Declined { ref code, .. }) if code == condition), "{declined:?}");
    }
    bench.device.script(|script| script.partial = Some(300));
    assert_eq!(bench.pay(700).await.amount.minor, 300);
    bench.device.script(|script| script.busy = true);
    let busy = bench.perform(&bench.intent(Operation::Charge, 700)).await;
    assert!(matches!(busy, Err(TerminalError::Busy { .. })), "{busy:?}");
    assert_eq!(bench.device.charges(), 1);
}

#[tokio::test]
async fn reversals_and_refunds_are_submitted() {
    let bench = Bench::ready().await;
    let paid = bench.pay(900).await.reference;
    let reversal = bench.intent(Operation::Reversal { original: paid.clone() }, 900);
    assert!(matches!(bench.perform(&reversal).await, Ok(Outcome::Submitted(_))));
    assert!(matches!(bench.resolve(&reversal).await, Resolution::Submitted(_)));
    let again = bench.perform(&bench.intent(Operation::Reversal { original: paid }, 900)).await;
    assert!(matches!(again, Ok(Outcome::Declined { ref code, .. }) if code == "NotFound"), "{again:?}");
    let other = bench.pay(500).await.reference;
    for original in [Some(other), None] {
        let refund = bench.intent(Operation::Refund { original }, 200);
        assert!(matches!(bench.perform(&refund).await, Ok(Outcome::Submitted(_))));
    }
    let states: Vec<_> = bench.device.books().into_iter().map(|booked| (booked.minor, booked.state)).collect();
    let refund = (200, BookedState::Refund);
    assert_eq!(states, [(900, BookedState::Reversed), (500, BookedState::Charged), refund, refund]);
    let foreign = bench.intent(Operation::Reversal { original: TerminalReference::default() }, 1);
    assert!(matches!(bench.perform(&foreign).await, Err(TerminalError::UnknownReference { .. })));
}

#[tokio::test]
async fn an_abort_goes_over_a_connection_of_its_own() {
    let mut bench = Bench::ready().await;
    bench.device.script(|script| script.wait_for_abort = true);
    for too_late in [false, true] {
        bench.device.script(|script| script.approve_after_abort = too_late);
        let intent = bench.intent(Operation::Charge, 700);
        let (outcome, ()) = tokio::join!(bench.terminal.authorise(&intent, Taken::default()), async {
            super::until(&mut bench.heard, |what| matches!(what, What::Payment(_)).then_some(())).await;
            bench.terminal.abort().await.unwrap();
        });
        match outcome.unwrap() {
            Outcome::Declined { code, .. } => assert_eq!((code.as_str(), too_late), ("Aborted", false)),
            Outcome::Approved(_) => assert!(too_late),
            other @ Outcome::Submitted(_) => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.device.charges(), 1);
}

/// The central promise: wherever the connection is lost, a doubt is settled as the terminal's books say.
#[tokio::test]
async fn a_connection_lost_anywhere_is_settled_by_an_inquiry() {
    for point in NexoPoint::ALL {
        for declined in [false, true] {
            let case = format!("{point:?}, declined: {declined}");
            let mut bench = Bench::ready().await;
            // The previous customer paid the same amount, which alone must not match.
            bench.pay(700).await;
            let intent = bench.intent(Operation::Charge, 700);
            bench.device.script(|script| {
                script.cut_at = Some(point);
                script.in_progress_for = 2;
                script.decline = declined.then(|| "Refusal".into());
            });
            let outcome = bench.perform(&intent).await;
            let was_answered = point == NexoPoint::Answered;
            assert_eq!(outcome.is_ok(), was_answered, "{case}: {outcome:?}");
            if !was_answered {
                assert!(matches!(outcome, Err(TerminalError::LinkLost { .. })), "{case}: {outcome:?}");
            }
            let resolution = bench.resolve(&intent).await;
            let found = match &resolution {
                Resolution::Charged(record) => record.amount.minor == 700,
                Resolution::NotCharged { .. } | Resolution::NotFound { .. } => false,
                other => panic!("{case}: {other:?}"),
            };
            let is_new = matches!(resolution, Resolution::NotFound { .. });
            assert_eq!(is_new, point == NexoPoint::Requested, "{case}");
            assert_eq!(bench.device.charges(), 1 + usize::from(found), "{case}");
            assert_eq!(found, !declined && point != NexoPoint::Requested, "{case}");
            bench.device.script(|script| script.decline = None);
            bench.until_ready().await;
            bench.pay(700).await;
        }
    }
}

#[tokio::test]
async fn a_terminal_that_was_reset_is_not_believed() {
    let mut bench = Bench::ready().await;
    bench.pay(700).await;
    let intent = bench.intent(Operation::Charge, 700);
    bench.device.script(|script| script.cut_at = Some(NexoPoint::Booked));
    assert!(bench.perform(&intent).await.is_err());
    bench.device.reboot();
    let resolution = bench.resolve(&intent).await;
    assert!(matches!(resolution, Resolution::Unknown { ref why } if why.contains("reset")), "{resolution:?}");
    // The driver logs in again.
    bench.until_ready().await;
}

#[tokio::test]
async fn an_answer_that_is_not_sealed_or_not_for_the_request_is_in_doubt() {
    for broken in [true, false] {
        let bench = Bench::ready().await;
        bench.pay(1).await;
        bench.device.script(|script| {
            script.break_seal = broken;
            script.repeat_earlier = !broken;
        });
        let intent = bench.intent(Operation::Charge, 700);
        let outcome = bench.perform(&intent).await;
        bench.device.script(|script| (script.break_seal, script.repeat_earlier) = (false, false));
        if broken {
            assert!(matches!(outcome, Err(TerminalError::Protocol { .. })), "{outcome:?}");
            assert!(matches!(bench.resolve(&intent).await, Resolution::Charged(_)));
        } else {
            // Sealed, but with another amount: the hub compares it.
            assert!(matches!(outcome, Ok(Outcome::Approved(ref approved)) if approved.record.amount.minor == 1));
        }
    }
}

#[tokio::test]
async fn strangers_are_not_spoken_to() {
    for (passphrase, name, expected) in [
        ("wrong", None, "HTTP status 401"),
        (SimulatedNexoTerminal::PASSPHRASE, Some("another.test.terminal.adyen.com"), "no trusted TLS connection"),
    ] {
        let mut bench = begin_with(passphrase, name).await;
        let is_offline = |what: &What| match what {
            What::Health(Health::Offline { why, .. }) => Some(why.clone()),
            _ => None,
        };
        let why = super::until(&mut bench.heard, is_offline).await;
        assert!(why.contains(expected), "{why}");
        let outcome = bench.perform(&bench.intent(Operation::Charge, 1)).await;
        assert!(matches!(outcome, Err(TerminalError::Offline { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_day_is_closed_and_the_bank_reached() {
    let bench = Bench::ready().await;
    let paid = bench.pay(900).await.reference;
    bench.pay(350).await;
    bench.perform(&bench.intent(Operation::Refund { original: Some(paid) }, 200)).await.unwrap();
    let closing = bench.terminal.close_day().await.unwrap();
    assert_eq!(closing.schemes, [SchemeTotal { scheme: "visa".into(), count: 3, minor: 1050 }]);
    assert_eq!(bench.terminal.diagnose().await.unwrap(), "ready");
}

#[tokio::test]
async fn a_whole_card_number_goes_no_further() {
    let mut bench = Bench::ready().await;
    bench.device.script(|script| script.full_pan = true);
    let intent = bench.intent(Operation::Charge, 99);
    let outcome = bench.perform(&intent).await;
    let mut told = vec![format!("{outcome:?} {intent:?}"), format!("{:?}", bench.resolve(&intent).await)];
    told.push(serde_json::to_string(&bench.pay(98).await).unwrap());
    while let Ok(event) = bench.heard.try_recv() {
        told.push(format!("{event:?}"));
    }
    for text in told {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert!(!digits.contains("4761739001010119") && !digits.contains("739001"), "{text}");
        assert!(!text.contains(SimulatedNexoTerminal::PASSPHRASE), "{text}");
    }
}
