//! Every scale protocol: the real driver against a simulated scale, on a pseudo-terminal and over TCP, with every
//! fault.

use std::{net::SocketAddr, time::Duration};

use drivers::{
    device::{Health, What},
    registry::Setup,
    scale::{self, Scale, ScaleError, WeightUnit},
    simulate::{Fault, Place, ScaleProtocol, SimulatedScale},
};
use serde_json::json;

use super::{Heard, start, until};

/// How long the tests let a plate settle.
const LIMIT: Duration = Duration::from_millis(400);

/// 1.99 per kilogram.
const PRICE: Option<u32> = Some(199);

struct Bench {
    device: SimulatedScale,
    scale: std::sync::Arc<dyn Scale>,
    heard: Heard,
    _polynomial: tempfile::NamedTempFile,
}

/// A driver that is connected to a simulated scale.
async fn bench(name: &str, protocol: ScaleProtocol, place: &Place) -> Bench {
    let device = SimulatedScale::speaking(protocol, place).unwrap();
    let polynomial = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(polynomial.path(), "11021\n").unwrap();
    let mut setup = Setup::new("scale-1".parse().unwrap(), device.address().unwrap());
    setup.protocol = Some(name.into());
    if protocol == ScaleProtocol::Dialog06 {
        setup.settings.insert("polynomial_file".into(), json!(polynomial.path()));
    }
    let (scale, heard) = start(scale::PROTOCOLS, setup);
    let mut bench = Bench { device, scale, heard, _polynomial: polynomial };
    bench.ready().await;
    bench
}

impl Bench {
    async fn ready(&mut self) {
        until(&mut self.heard, |what| matches!(what, What::Health(Health::Ready)).then_some(())).await;
    }

    async fn offline(&mut self) {
        until(&mut self.heard, |what| matches!(what, What::Health(Health::Offline { .. })).then_some(())).await;
    }

    /// Weighs until the driver has noticed that a fault is gone.
    async fn weighs(&self, milli: u32) {
        for _ in 0..20 {
            // A load that was sold under a fault is not sold again.
            self.device.put(milli);
            match self.scale.weigh(LIMIT, PRICE).await {
                Ok(sold) => {
                    assert_eq!((sold.milli(), sold.is_metric()), (milli, true));
                    assert!(!sold.weight().sent.is_empty());
                    return;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("no weight: {:?}", self.scale.weigh(LIMIT, PRICE).await);
    }
}

async fn every_fault(name: &str, protocol: ScaleProtocol, place: &Place) {
    let mut bench = bench(name, protocol, place).await;
    bench.device.put(1250);
    bench.weighs(1250).await;
    // A zero plate, motion, and a plate outside the range are refused with a reason, and are not weights.
    for (milli, fault, part) in [
        (0, Fault::None, "empty"),
        (1250, Fault::Moving, "did not settle"),
        (1250, Fault::Over, "take something off"),
        (1250, Fault::Under, "below zero"),
    ] {
        bench.device.put(milli);
        bench.device.fault(fault);
        // A HID scale's earlier reports may still be on their way.
        let mut refused = bench.scale.weigh(LIMIT, PRICE).await;
        for _ in 0..20 {
            if refused.as_ref().is_err_and(|error| error.to_string().contains(part)) {
                break;
            }
            refused = bench.scale.weigh(LIMIT, PRICE).await;
        }
        let why = refused.unwrap_err().to_string();
        let minimum = protocol == ScaleProtocol::Dialog06 && milli == 0 && why.contains("minimum weight");
        assert!(why.contains(part) || minimum, "{name} {fault:?}: {why}");
    }
    for fault in [Fault::Garbage, Fault::Cut, Fault::WrongCheck, Fault::Silent] {
        bench.device.put(1250);
        bench.device.fault(fault);
        // A HID report that was sent before the fault is a weight.
        let mut weighed = bench.scale.weigh(LIMIT, PRICE).await;
        for _ in 0..20 {
            if weighed.is_err() || protocol == ScaleProtocol::Hid {
                break;
            }
            weighed = bench.scale.weigh(LIMIT, PRICE).await;
        }
        assert!(weighed.is_err() || protocol == ScaleProtocol::Hid, "{name} {fault:?}: {weighed:?}");
        bench.device.fault(Fault::None);
        bench.weighs(2345).await;
    }
    bench.device.fault(Fault::Slow);
    bench.weighs(1250).await;
    bench.device.fault(Fault::None);
    bench.device.unplug();
    // A scale that is only asked when something is sold notices at the next weighing.
    let gone = bench.scale.weigh(LIMIT, PRICE).await;
    assert!(gone.is_err() || protocol == ScaleProtocol::Hid, "{name}: {gone:?}");
    bench.offline().await;
    assert!(matches!(bench.scale.weigh(LIMIT, PRICE).await, Err(ScaleError::Offline { .. })));
    bench.device.plug().unwrap();
    bench.ready().await;
    bench.weighs(777).await;
}

#[tokio::test]
async fn every_protocol_survives_every_fault_over_tcp() {
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let runs = ScaleProtocol::ALL.map(|(name, protocol)| async move {
        every_fault(name, protocol, &Place::Tcp(anywhere)).await;
    });
    let [a, b, c, d, e, f] = runs;
    tokio::join!(a, b, c, d, e, f);
}

#[tokio::test]
async fn every_serial_protocol_survives_every_fault_on_a_serial_line() {
    let directory = tempfile::tempdir().unwrap();
    let runs = ScaleProtocol::ALL.map(|(name, protocol)| {
        let link = directory.path().join(name);
        async move {
            if protocol != ScaleProtocol::Hid {
                every_fault(name, protocol, &Place::Pty(Some(link))).await;
            }
        }
    });
    let [a, b, c, d, e, f] = runs;
    tokio::join!(a, b, c, d, e, f);
}

#[tokio::test]
async fn a_price_computing_scale_computes_the_price_and_sells_a_load_once() {
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let bench = bench("dialog-06", ScaleProtocol::Dialog06, &Place::Tcp(anywhere)).await;
    bench.device.put(1250);
    let why = bench.scale.weigh(LIMIT, None).await.unwrap_err().to_string();
    assert!(why.contains("unit_price"), "{why}");
    let sold = bench.scale.weigh(LIMIT, PRICE).await.unwrap();
    assert_eq!((sold.milli(), sold.weight().amount), (1250, Some(249)));
    let again = bench.scale.weigh(LIMIT, PRICE).await.unwrap_err().to_string();
    assert!(again.contains("nothing has moved"), "{again}");
}

#[tokio::test]
async fn a_scale_reports_each_change_with_the_bytes_that_it_sent() {
    let mut bench = bench("toledo-8217", ScaleProtocol::Toledo8217, &Place::Pty(None)).await;
    bench.device.put(1250);
    let weight = until(&mut bench.heard, |what| match what {
        What::Weight(weight) if weight.milli == Some(1250) => Some(weight.clone()),
        _ => None,
    });
    let weight = weight.await;
    assert_eq!((weight.unit, weight.stable, weight.sent.as_str()), (WeightUnit::Kilogram, true, "\\x0201.250\\r"));
}

#[tokio::test]
async fn a_plate_that_settles_in_time_is_weighed() {
    let bench = bench("toledo-8217", ScaleProtocol::Toledo8217, &Place::Pty(None)).await;
    bench.device.put(1250);
    bench.device.fault(Fault::Moving);
    let (weighed, ()) = tokio::join!(bench.scale.weigh(Duration::from_secs(20), None), async {
        tokio::task::yield_now().await;
        bench.device.fault(Fault::None);
    });
    assert_eq!(weighed.unwrap().milli(), 1250);
}
