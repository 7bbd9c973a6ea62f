//! The config of the demo's store: an ordinary one, with the addresses of the simulated devices.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use commerce::{Currency, InvalidId};
use contract::publication::VerifyingKey;
use drivers::{device::InvalidDeviceName, registry::Setup};
use hub::config::{Config, DayOfYear, DeviceKind, Headquarters, Listen, Publications, Register, Store};
use store::EngineKind;

use crate::{stage::Devices, wan::Wan};

/// The config of a store in a directory, with the hub's address.
///
/// # Errors
/// A device's path or address is not valid in a config.
pub(crate) fn config(
    directory: &Path,
    identity: &Path,
    listen: SocketAddr,
    engine: EngineKind,
    wan: &Wan,
    key: VerifyingKey,
    devices: &Devices,
) -> Result<Config, String> {
    let parse = |text: String| text.parse().map_err(|error: drivers::transport::BadAddress| error.to_string());
    let serial = |path: &Path, line: &str| parse(format!("serial:{}{line}", path.display()));
    let tcp = |address: SocketAddr| parse(format!("tcp://{address}"));
    let invalid = |error: InvalidDeviceName| error.to_string();
    let device = |name: &str, address| Ok::<_, String>(Setup::new(name.parse().map_err(invalid)?, address));
    let (mut scanners, mut terminals) = (Vec::new(), Vec::new());
    let mut register = Vec::new();
    for (lane, (scan, terminal)) in devices.scanners.iter().zip(&devices.terminals).enumerate() {
        let lane = lane + 1;
        scanners.push(device(&format!("scanner-{lane}"), serial(scan.path(), "")?)?);
        terminals.push(device(&format!("terminal-{lane}"), tcp(terminal.address())?)?);
        register.push(Register {
            name: format!("till-{lane}").parse().map_err(|error: InvalidId| error.to_string())?,
            scanner: Some(format!("scanner-{lane}")),
            scale: Some("scale-1".into()),
            receipt_printer: Some("receipts-1".into()),
            payment_terminal: Some(format!("terminal-{lane}")),
        });
    }
    Ok(Config {
        store: Store {
            hub: "store-367".parse()?,
            name: "Store 367".into(),
            currency: Currency::from_code("USD").ok_or("USD is unknown")?,
            time_zone: "UTC".into(),
            data: directory.join("data"),
            engine,
            fiscal_year_starts: DayOfYear::default(),
            keep_sales_days: 3_653,
        },
        listen: Listen { address: listen, certificate: identity.join("hub.pem"), key: identity.join("hub.key") },
        metrics: None,
        headquarters: Some(Headquarters::new(
            format!("mqtts://{}", wan.address()).parse().map_err(|error: link::BadBrokerAddress| error.to_string())?,
            Some(identity.join("ca.pem")),
        )),
        publications: Some(Publications { key, authority: None }),
        devices: BTreeMap::from([
            (DeviceKind::Scale, vec![device("scale-1", serial(devices.scale.path(), "?data=7&parity=even")?)?]),
            (DeviceKind::Scanner, scanners),
            (DeviceKind::LabelPrinter, vec![device("labels-1", tcp(devices.label_printer.address())?)?]),
            (DeviceKind::ReceiptPrinter, vec![device("receipts-1", tcp(devices.receipt_printer.address())?)?]),
            (DeviceKind::PaymentTerminal, terminals),
        ]),
        register,
    })
}
