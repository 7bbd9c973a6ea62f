//! The real ZVT driver on TCP, with a simulated terminal whose journal shows what customers were really charged.

mod card_numbers;
mod doubts;
mod payments;

use std::{io::Write as _, sync::Arc};

use drivers::{
    device::{Health, What},
    payment_terminal::{
        self, Amount, Intent, Operation, Outcome, PaymentTerminal, Record, Resolution, Taken, TerminalError,
        TerminalReference,
    },
    simulate::SimulatedTerminal,
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
    Intent { reference: "p1".into(), operation: Operation::Charge, amount: dollars(minor), before: terminal.journal() }
}

async fn authorise(terminal: &Terminal, minor: u64) -> Result<Outcome, TerminalError> {
    terminal.authorise(&intent(terminal, minor), Taken::default()).await
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
        setup("terminal-1", &address, json!({ "protocol": "zvt", "password_file": password.path() })),
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
        other => panic!("{other:?}"),
    }
}

/// Reverses a charge.
fn reversal(terminal: &Terminal, original: &TerminalReference, minor: u64) -> Intent {
    let operation = Operation::Reversal { original: original.clone() };
    Intent { operation, ..intent(terminal, minor) }
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
