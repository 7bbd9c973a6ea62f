//! A day at a terminal as seen by Wireshark's dissector: the traffic of driver and simulated terminal is written to a
//! capture and checked by `tshark`.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::Command,
    sync::{Arc, Mutex},
};

use drivers::{
    device::{Health, Listener},
    payment_terminal::{self, Amount, Intent, Operation, Outcome, Taken},
    registry::{StartContext, prepare},
    simulate::SimulatedTerminal,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// The frames, with whether the hub sent them, in order.
type Said = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

/// A proxy between hub and terminal that records each frame.
async fn listen_in(terminal: &SimulatedTerminal, said: &Said) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, beyond, said) = (listener.local_addr().unwrap(), terminal.address(), Arc::clone(said));
    tokio::spawn(async move {
        let (hub, _) = listener.accept().await.unwrap();
        let terminal = TcpStream::connect(beyond).await.unwrap();
        let ((from_hub, to_hub), (from_terminal, to_terminal)) = (hub.into_split(), terminal.into_split());
        tokio::join!(pass(from_hub, to_terminal, true, &said), pass(from_terminal, to_hub, false, &said));
    });
    address
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, by_hub: bool, said: &Said) {
    loop {
        let mut frame = vec![0; 3];
        if from.read_exact(&mut frame).await.is_err() {
            return;
        }
        let mut length = usize::from(frame[2]);
        if length == 0xff {
            let low_first = from.read_u16_le().await.unwrap();
            frame.extend(low_first.to_le_bytes());
            length = usize::from(low_first);
        }
        let mut data = vec![0; length];
        from.read_exact(&mut data).await.unwrap();
        frame.extend(data);
        said.lock().unwrap().push((by_hub, frame.clone()));
        to.write_all(&frame).await.unwrap();
    }
}

/// A sale kept, one rolled back, one declined, one refunded, one reversed, with receipts as lines and as blocks; a
/// diagnosis and the end of the day.
async fn a_day(said: &Said) {
    let device = SimulatedTerminal::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("tcp://{}", listen_in(&device, said).await);
    let (tell, mut heard) = mpsc::unbounded_channel();
    let events: Listener = Arc::new(move |event| drop(tell.send(event)));
    let setup = super::setup("terminal-1", &address, json!({ "protocol": "zvt" }));
    let context = StartContext { currency: 978, events };
    let terminal = prepare(payment_terminal::PROTOCOLS, setup).unwrap().start(&context).unwrap();
    while terminal.health() != Health::Ready {
        heard.recv().await.unwrap();
    }
    let pay = async |minor| {
        let amount = Amount { minor, currency: 978 };
        let (operation, before) = (Operation::Charge, terminal.journal());
        terminal.authorise(&Intent { reference: "p1".into(), operation, amount, before }, Taken::default()).await
    };
    let mut paid = Vec::new();
    for (minor, blocks) in [(1234, false), (999_999_999_999, true)] {
        device.print_blocks(blocks);
        let Ok(Outcome::Approved(approved)) = pay(minor).await else { panic!("declined") };
        paid.push(approved.keep().await.unwrap().reference);
    }
    let Ok(Outcome::Approved(approved)) = pay(500).await else { panic!("declined") };
    approved.roll_back().await.unwrap();
    device.decline_next(Some(0x71));
    assert!(matches!(pay(700).await, Ok(Outcome::Declined { .. })));
    let amount = Amount { minor: 1234, currency: 978 };
    let perform = async |operation| {
        let intent = Intent { reference: "p2".into(), operation, amount, before: terminal.journal() };
        let Ok(Outcome::Approved(done)) = terminal.authorise(&intent, Taken::default()).await else {
            panic!("refused")
        };
        done.keep().await.unwrap();
    };
    perform(Operation::Refund { original: Some(paid[1].clone()) }).await;
    perform(Operation::Reversal { original: paid[0].clone() }).await;
    let nothing = Intent {
        reference: "p3".into(),
        operation: Operation::Charge,
        amount: Amount { minor: 1, currency: 978 },
        before: terminal.journal(),
    };
    terminal.resolve(&nothing).await.unwrap();
    terminal.diagnose().await.unwrap();
    terminal.close_day().await.unwrap();
}

/// Skipped with a message if `tshark` is not installed.
#[tokio::test]
async fn wiresharks_dissector_finds_nothing_malformed() {
    let said = Said::default();
    a_day(&said).await;
    if Command::new("tshark").arg("--version").output().is_err() {
        // Written past the test runner, which hides the output of passing tests.
        let _ = std::io::stderr().write_all(
            b"SKIPPED: tshark is not installed, so the capture is not checked; run `apt-get install tshark`\n",
        );
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (hex, pcap) = (directory.path().join("said.txt"), directory.path().join("said.pcap"));
    let said = said.lock().unwrap();
    let mut dump = String::new();
    for (by_hub, frame) in said.iter() {
        dump.push_str(if *by_hub { "O\n0000" } else { "I\n0000" });
        for byte in frame {
            write!(dump, " {byte:02x}").unwrap();
        }
        dump.push('\n');
    }
    fs::write(&hex, dump).unwrap();
    // "O" means to the second port, 20007, the terminal's usual port.
    let written =
        Command::new("text2pcap").args(["-q", "-D", "-T", "40000,20007"]).args([&hex, &pcap]).status().unwrap();
    assert!(written.success());
    let read = |arguments: &[&str]| {
        let output = Command::new("tshark")
            .arg("-r")
            .arg(&pcap)
            .args(["-d", "tcp.port==20007,zvt"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(read(&["-Y", "_ws.malformed || _ws.expert"]), "", "malformed");
    let fields = [
        "-Y",
        "zvt",
        "-T",
        "fields",
        "-e",
        "zvt.control_field",
        "-e",
        "zvt.amount",
        "-e",
        "zvt.cc",
        "-e",
        "zvt.card_number",
    ];
    let seen = read(&fields);
    // The dissector knows neither enquiry (05 01) nor repeat receipt (06 20); all other frames are identified as ZVT.
    let unknown = said.iter().filter(|(_, frame)| matches!(frame[..2], [0x05, 0x01] | [0x06, 0x20])).count();
    assert_eq!((unknown, seen.lines().count()), (4, said.len() - unknown));
    for expected in [
        "0x0600\t\t0x0978\t",
        "0x0601\t1234\t0x0978\t",
        "0x040f\t1234\t0x0978\t476173??????0119",
        "0x040f\t999999999999\t0x0978\t476173??????0119",
        "0x0630\t\t\t",
        "0x0631\t1234\t0x0978\t",
        "0x0650\t\t\t",
    ] {
        assert!(seen.lines().any(|line| line == expected), "{expected} is not in:\n{seen}");
    }
}
