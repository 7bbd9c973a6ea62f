//! The real drivers on real pseudo-terminals, with simulated devices at the other end.

use std::path::Path;

use drivers::{
    device::{Health, What},
    registry::Setup,
    scale::{self, Reading, ScaleError, Weight, WeightUnit},
    scanner::{self, Symbology},
    simulate::{SimulatedScale, SimulatedScanner},
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

/// What the tests weigh.
const KILOGRAMS: Weight = Weight { milli: 1234, unit: WeightUnit::Kilogram };

#[tokio::test]
async fn a_scale_weighs_settles_refuses_and_can_be_unplugged() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("scale");
    let mut device = SimulatedScale::open(Some(&link)).unwrap();
    let (scale, mut heard) = start(scale::PROTOCOLS, at("scale-1", &link));
    until(&mut heard, ready).await;

    device.put(1234);
    assert_eq!(scale.weigh().await, Ok(KILOGRAMS));
    until(&mut heard, |what| matches!(what, What::Weight(Reading::Stable { weight: KILOGRAMS })).then_some(())).await;

    device.over_capacity(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Unusable { why, .. }) if why.contains("take something off")));
    device.over_capacity(false);

    device.moving(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Unsettled { .. })));
    let (weighed, ()) = tokio::join!(scale.weigh(), async {
        tokio::task::yield_now().await;
        device.moving(false);
    });
    assert_eq!(weighed, Ok(KILOGRAMS));

    device.garbage(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Protocol { got, .. }) if got.contains("~!@#")));
    device.garbage(false);
    until(&mut heard, ready).await;

    device.unplug();
    until(&mut heard, offline).await;
    assert!(matches!(scale.weigh().await, Err(ScaleError::Offline { .. })));
    device.plug().unwrap();
    until(&mut heard, ready).await;
    assert_eq!(scale.weigh().await, Ok(KILOGRAMS));
}

#[tokio::test]
async fn a_scale_that_falls_silent_is_offline_until_it_answers() {
    let device = SimulatedScale::open(None).unwrap();
    let pounds = setup("scale-1", &format!("serial:{}", device.path().display()), json!({ "unit": "pound" }));
    let (scale, mut heard) = start(scale::PROTOCOLS, pounds);
    until(&mut heard, ready).await;
    device.put(1000);
    assert_eq!(scale.weigh().await, Ok(Weight { milli: 1000, unit: WeightUnit::Pound }));
    device.silent(true);
    let why = until(&mut heard, |what| match what {
        What::Health(Health::Offline { why, .. }) => Some(why.clone()),
        _ => None,
    });
    assert!(why.await.contains("Toledo 8217"));
    device.silent(false);
    until(&mut heard, ready).await;
}

#[tokio::test]
async fn a_scanner_reads_complete_codes_however_they_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("scanner");
    let mut device = SimulatedScanner::open(Some(&link)).unwrap();
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
    assert_eq!((read.data.as_str(), read.symbology), ("0400008189811", Some(Symbology::Ean13)));

    for piece in ["]E", "4963", "85074", "\r\n"] {
        device.send(piece.as_bytes()).await.unwrap();
    }
    assert_eq!(scan().await.data, "96385074");

    for ending in ["\t", "\x03", "\n"] {
        device.send(format!("\x0241{ending}").as_bytes()).await.unwrap();
        assert_eq!(scan().await.data, "41");
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
    let (_scanner, mut heard) = start(scanner::PROTOCOLS, at("scanner-1", device.path()));
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
