//! The real drivers, started from a config, with simulated devices at the other end of the connection.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod discover;
mod label_printers;
mod nexo_terminal;
mod nexo_witness;
mod payment_terminal;
mod payment_terminal_capture;
mod printers;
mod registries;
mod scales;
mod scanners;
mod small_terminals;

use std::{sync::Arc, time::Duration};

use drivers::{
    device::{DeviceEvent, Listener, What},
    receipt_printer::PrintError,
    registry::{Protocol, Setup, StartContext, prepare},
};
use tokio::{sync::mpsc, time::timeout};

/// Far longer than anything here takes, unless it hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// ISO 4217: US dollars.
const DOLLARS: u16 = 840;

/// The events of devices.
type Heard = mpsc::UnboundedReceiver<DeviceEvent>;

/// A device at an address, with settings and perhaps a protocol.
fn setup(name: &str, address: &str, mut settings: serde_json::Value) -> Setup {
    let protocol = settings.as_object_mut().unwrap().remove("protocol");
    let protocol = protocol.and_then(|protocol| protocol.as_str().map(str::to_owned));
    let settings = serde_json::from_value(settings).unwrap();
    Setup { settings, protocol, ..Setup::new(name.parse().unwrap(), address.parse().unwrap()) }
}

fn start<D: ?Sized>(protocols: &[Protocol<D>], setup: Setup) -> (Arc<D>, Heard) {
    let (tell, heard) = mpsc::unbounded_channel();
    let events: Listener = Arc::new(move |event| drop(tell.send(event)));
    (prepare(protocols, setup).unwrap().start(&StartContext { currency: DOLLARS, events }).unwrap(), heard)
}

async fn until<T>(heard: &mut Heard, mut wanted: impl FnMut(&What) -> Option<T>) -> T {
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

/// Repeats a request until the driver's answer is not "offline".
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, PrintError>) -> Result<T, PrintError> {
    timeout(LIMIT, async {
        loop {
            match ask().await {
                Err(PrintError::Offline { .. }) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    })
    .await
    .expect("the printer is online")
}
