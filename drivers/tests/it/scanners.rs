//! The real drivers on real pseudo-terminals, with simulated devices at the other end.

use std::path::Path;

use drivers::{
    device::{Health, What},
    registry::Setup,
    scanner,
    simulate::{Place, ScannerProtocol, SimulatedScanner},
};
use serde_json::json;

use super::{setup, start, until};

fn at(name: &str, line: &Path) -> Setup {
    setup(name, &format!("serial:{}", line.display()), json!({}))
}

fn ready(what: &What) -> Option<()> {
    matches!(what, What::Health(Health::Ready)).then_some(())
}

fn offline(what: &What) -> Option<()> {
    matches!(what, What::Health(Health::Offline { .. })).then_some(())
}

#[tokio::test]
async fn a_scanner_reads_complete_codes_however_they_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("scanner");
    let device = SimulatedScanner::open(Some(&link)).unwrap();
    let (_scanner, mut heard) = start(scanner::PROTOCOLS, at("scanner-1", &link));
    until(&mut heard, ready).await;
    let mut scan = async || {
        until(&mut heard, |what| match what {
            What::Scan(scan) => Some(scan.clone()),
            _ => None,
        })
        .await
    };

    device.scan("]E0", "0400008189811").await.unwrap();
    let read = scan().await;
    assert_eq!((read.data.as_str(), read.symbology.as_deref()), ("0400008189811", Some("]E0")));

    for piece in ["]E", "4963", "85074", "\r\n"] {
        device.send(piece.as_bytes()).await.unwrap();
    }
    assert_eq!(scan().await.data, "96385074");

    for (code, ending) in [("41", "\t"), ("42", "\x03"), ("43", "\n")] {
        device.send(format!("\x02{code}{ending}").as_bytes()).await.unwrap();
        assert_eq!(scan().await.data, code);
    }

    device.send(b"\xff\xfe\r").await.unwrap();
    device.scan("", "42").await.unwrap();
    assert_eq!(scan().await.data, "42");

    device.unplug();
    until(&mut heard, offline).await;
    device.plug().unwrap();
    until(&mut heard, ready).await;
    device.scan("", "43").await.unwrap();
    until(&mut heard, |what| matches!(what, What::Scan(scan) if scan.data == "43").then_some(())).await;
}

#[tokio::test]
async fn an_unterminated_code_is_reported_and_not_joined_with_the_next() {
    let device = SimulatedScanner::open(None).unwrap();
    let (_scanner, mut heard) = start(scanner::PROTOCOLS, at("scanner-1", &device.path()));
    until(&mut heard, ready).await;
    device.send(b"0400008189811").await.unwrap();
    let why = until(&mut heard, |what| match what {
        What::Health(Health::Attention { why }) => Some(why.clone()),
        What::Scan(scan) => panic!("{scan:?}"),
        _ => None,
    });
    assert!(why.await.contains("without a terminator"));
    device.scan("", "42").await.unwrap();
    until(&mut heard, |what| matches!(what, What::Scan(scan) if scan.data == "42").then_some(())).await;
}

#[tokio::test]
async fn usb_scanners_read_long_codes_separators_and_are_plugged_in_again() {
    let anywhere = Place::Tcp("127.0.0.1:0".parse().unwrap());
    for (name, protocol) in [("hid", ScannerProtocol::Hid), ("keyboard", ScannerProtocol::Keyboard)] {
        let device = SimulatedScanner::speaking(protocol, &anywhere).unwrap();
        let mut setup = Setup::new("scanner-1".parse().unwrap(), device.address().unwrap());
        setup.protocol = Some(name.into());
        let (_scanner, mut heard) = start(scanner::PROTOCOLS, setup);
        until(&mut heard, ready).await;
        let long = format!("https://shop.example/01/09520123456788/10/{}?17=271231", "Batch-".repeat(12));
        for (aim, code) in [("]E0", "4006381333931"), ("]d2", "010952012345678810A\u{1d}17271231"), ("]Q1", &long)] {
            device.scan(aim, code).await.unwrap();
            let read = until(&mut heard, |what| match what {
                What::Scan(scan) => Some(scan.clone()),
                _ => None,
            });
            let read = read.await;
            assert_eq!((read.data.as_str(), read.symbology.as_deref()), (code, Some(aim)), "{name}");
        }
        device.unplug();
        until(&mut heard, offline).await;
        device.plug().unwrap();
        until(&mut heard, ready).await;
        device.scan("]E4", "96385074").await.unwrap();
        until(&mut heard, |what| matches!(what, What::Scan(scan) if scan.data == "96385074").then_some(())).await;
    }
}
