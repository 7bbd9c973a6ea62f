//! The config of the demo's store: an ordinary one, with the addresses of the simulated devices.

use std::{net::SocketAddr, path::Path};

use commerce::Currency;
use hub::config::{
    Config, DayOfYear, Headquarters, LabelPrinter, Listen, PaymentTerminal, ReceiptPrinter, Register, Scale, Scanner,
    Store, WeightUnit,
};
use store::EngineKind;

use crate::{stage::Devices, wan::Wan};

/// The config of a store in a directory, whose hub listens at an address.
///
/// # Errors
/// A path that is no address.
pub(crate) fn config(
    directory: &Path,
    identity: &Path,
    listen: SocketAddr,
    engine: EngineKind,
    wan: &Wan,
    devices: &Devices,
) -> Result<Config, String> {
    let parse = |text: String| text.parse().map_err(|error: drivers::transport::BadAddress| error.to_string());
    let serial = |path: &Path, line: &str| parse(format!("serial:{}{line}", path.display()));
    let tcp = |address: SocketAddr| parse(format!("tcp://{address}"));
    let mut scanner = Vec::new();
    let mut payment_terminal = Vec::new();
    let mut register = Vec::new();
    for (lane, (scan, terminal)) in devices.scanners.iter().zip(&devices.terminals).enumerate() {
        let lane = lane + 1;
        scanner.push(Scanner { name: format!("scanner-{lane}"), address: serial(scan.path(), "")? });
        let address = tcp(terminal.address())?;
        payment_terminal.push(PaymentTerminal { name: format!("terminal-{lane}"), address, password_file: None });
        register.push(Register {
            name: format!("till-{lane}"),
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
        headquarters: Some(Headquarters {
            broker: format!("mqtts://{}", wan.address())
                .parse()
                .map_err(|error: bridge::BadBrokerAddress| error.to_string())?,
            authority: Some(identity.join("ca.pem")),
        }),
        scale: vec![Scale {
            name: "scale-1".into(),
            address: serial(devices.scale.path(), "?data=7&parity=even")?,
            unit: WeightUnit::Kilogram,
        }],
        scanner,
        label_printer: vec![LabelPrinter { name: "labels-1".into(), address: tcp(devices.label_printer.address())? }],
        receipt_printer: vec![ReceiptPrinter {
            name: "receipts-1".into(),
            address: tcp(devices.receipt_printer.address())?,
            columns: 42,
        }],
        payment_terminal,
        register,
    })
}
