//! Adyen's own library as the other side: it reads what the driver seals and is read by it, and it drives the simulated
//! terminal.
//!
//! `tests/run` installs the library below `target/contract`; without it the tests say that they are skipped.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use drivers::{
    device::{Health, What},
    payment_terminal::{self, Amount, Intent, Operation, Outcome, Taken},
    simulate::SimulatedNexoTerminal,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{DOLLARS, setup};

fn library() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let found = root.join("target/contract/node_modules/@adyen/api-library");
    if found.exists() {
        return Some(found);
    }
    // Written past the test runner, which hides the output of passing tests.
    let _ = std::io::stderr().write_all(b"SKIPPED: @adyen/api-library is not installed; run tests/run\n");
    None
}

/// Runs the script; it ends with the handle.
fn witness(library: &Path, arguments: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/nexo_witness.cjs");
    let mut child = Command::new("node")
        .arg(script)
        .args(arguments)
        .env("LIBRARY", library)
        .env("PASSPHRASE", SimulatedNexoTerminal::PASSPHRASE)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn told(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = tokio::time::timeout(super::LIMIT, lines.next_line()).await.expect("in time").unwrap();
    serde_json::from_str(&line.expect("a line")).unwrap()
}

#[tokio::test]
async fn adyens_library_is_paid_by_the_driver() {
    let Some(library) = library() else { return };
    let files = tempfile::tempdir().unwrap();
    let name = format!("{}.test.terminal.adyen.com", SimulatedNexoTerminal::POI_ID);
    let signed = rcgen::generate_simple_self_signed([name]).unwrap();
    let (key, certificate, secret) =
        (files.path().join("key.pem"), files.path().join("cert.pem"), files.path().join("passphrase"));
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&secret, SimulatedNexoTerminal::PASSPHRASE).unwrap();
    let (_child, mut lines) = witness(&library, &["terminal", key.to_str().unwrap(), certificate.to_str().unwrap()]);
    let port = told(&mut lines).await["port"].as_u64().unwrap();

    let settings = json!({
        "poi_id": SimulatedNexoTerminal::POI_ID, "ca_file": certificate, "passphrase_file": secret,
        "key_identifier": "hub", "key_version": 1,
    });
    let mut setup = setup("terminal-1", &format!("tcp://127.0.0.1:{port}"), settings);
    setup.protocol = Some("nexo".into());
    let (terminal, mut heard) = super::start(payment_terminal::PROTOCOLS, setup);
    super::until(&mut heard, |what| matches!(what, What::Health(Health::Ready)).then_some(())).await;
    let amount = Amount { minor: 1234, currency: DOLLARS };
    let intent =
        Intent { reference: "HUB0000001".into(), operation: Operation::Charge, amount, before: terminal.journal() };
    let Ok(Outcome::Approved(approved)) = terminal.authorise(&intent, Taken::default()).await else {
        panic!("refused")
    };
    assert_eq!((approved.record.amount, approved.record.reference.get("transaction")), (amount, Some("adyen1")));
    let read = loop {
        let read = told(&mut lines).await;
        if read["MessageHeader"]["MessageCategory"] == "Payment" {
            break read;
        }
    };
    assert_eq!(read["MessageHeader"]["ServiceID"], "HUB0000001");
    let amounts = &read["PaymentRequest"]["PaymentTransaction"]["AmountsReq"];
    assert_eq!(*amounts, json!({ "Currency": "USD", "RequestedAmount": 12.34 }));
}

#[tokio::test]
async fn adyens_library_drives_the_simulated_terminal() {
    let Some(library) = library() else { return };
    let device = SimulatedNexoTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let port = device.address().port().to_string();
    let (_child, mut lines) = witness(&library, &["register", &port, SimulatedNexoTerminal::POI_ID]);
    let paid = told(&mut lines).await;
    assert_eq!(paid["PaymentResponse"]["PaymentResult"]["AmountsResp"]["AuthorizedAmount"], 12.34, "{paid}");
    let status = told(&mut lines).await;
    let repeated = &status["TransactionStatusResponse"]["RepeatedMessageResponse"]["RepeatedResponseMessageBody"];
    assert_eq!(repeated["PaymentResponse"], paid["PaymentResponse"]);
    assert_eq!(device.books()[0].minor, 1234);
}
