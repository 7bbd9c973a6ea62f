//! The real drivers on real pseudo-terminals, with simulated devices on the far side.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use drivers::{
    device::{DeviceEvent, DeviceName, Health, What},
    scale::{Grams, Reading, Scale, ScaleError, toledo8217},
    scanner::{Symbology, serial},
    simulate::{SimulatedScale, SimulatedScanner},
    transport::Address,
};
use tokio::{sync::broadcast, time::timeout};

/// Far beyond what anything here takes; only a hang gets there.
const LIMIT: Duration = Duration::from_secs(60);

fn line(path: &std::path::Path) -> Address {
    format!("serial:{}", path.display()).parse().unwrap()
}

async fn until<T>(heard: &mut broadcast::Receiver<DeviceEvent>, mut wanted: impl FnMut(&What) -> Option<T>) -> T {
    timeout(LIMIT, async {
        loop {
            if let Some(found) = wanted(&heard.recv().await.unwrap().what) {
                return found;
            }
        }
    })
    .await
    .expect("the event came")
}

fn ready(what: &What) -> Option<()> {
    matches!(what, What::Health(Health::Ready)).then_some(())
}

fn offline(what: &What) -> Option<()> {
    matches!(what, What::Health(Health::Offline { .. })).then_some(())
}

#[tokio::test]
async fn a_scale_weighs_settles_refuses_and_survives_being_unplugged() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("scale");
    let mut device = SimulatedScale::open(Some(&link)).unwrap();
    let (events, mut heard) = broadcast::channel(256);
    let scale = toledo8217::start(DeviceName::new("scale-1"), line(&link), toledo8217::Unit::Kilogram, events);
    until(&mut heard, ready).await;

    device.put(Grams(1234));
    assert_eq!(scale.weigh().await, Ok(Grams(1234)));
    until(&mut heard, |what| matches!(what, What::Weight(Reading::Stable { grams: Grams(1234) })).then_some(())).await;

    device.over_capacity(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Unusable { why, .. }) if why.contains("take something off")));
    device.over_capacity(false);

    device.moving(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Unsettled { .. })));
    let (weighed, ()) = tokio::join!(scale.weigh(), async {
        tokio::task::yield_now().await;
        device.moving(false);
    });
    assert_eq!(weighed, Ok(Grams(1234)));

    device.garbage(true);
    assert!(matches!(scale.weigh().await, Err(ScaleError::Protocol { got, .. }) if got.contains("~!@#")));
    device.garbage(false);
    until(&mut heard, ready).await;

    device.unplug();
    until(&mut heard, offline).await;
    assert!(matches!(scale.weigh().await, Err(ScaleError::Offline { .. })));
    device.plug().unwrap();
    until(&mut heard, ready).await;
    assert_eq!(scale.weigh().await, Ok(Grams(1234)));
}

#[tokio::test]
async fn a_scale_that_falls_silent_is_offline_until_it_answers() {
    let device = SimulatedScale::open(None).unwrap();
    let (events, mut heard) = broadcast::channel(256);
    let _scale = toledo8217::start(DeviceName::new("scale-1"), line(device.path()), toledo8217::Unit::Pound, events);
    until(&mut heard, ready).await;
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
async fn a_scanner_reads_whole_codes_however_they_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("scanner");
    let mut device = SimulatedScanner::open(Some(&link)).unwrap();
    let (events, mut heard) = broadcast::channel(256);
    let _scanner = serial::start(DeviceName::new("scanner-1"), line(&link), events);
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
