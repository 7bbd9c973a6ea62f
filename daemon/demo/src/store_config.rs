//! The config of the demo's store: an ordinary one, with the addresses of the simulated devices.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use commerce::{Currency, InvalidId};
use contract::publication::VerifyingKey;
use drivers::{device::InvalidDeviceName, registry::Setup};
use hub::config::{
    Backup, CardPayments, Cash, Config, DayOfYear, DeviceKind, Headquarters, Listen, Operators, Orders, Publications,
    Register, Store, WebShare,
};
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
    let printer = |name: &str, protocol: &str, address| {
        device(name, address).map(|setup| Setup { protocol: Some(protocol.into()), ..setup })
    };
    let (mut scanners, mut terminals) = (Vec::new(), Vec::new());
    let mut register = Vec::new();
    for (lane, (scan, terminal)) in devices.scanners.iter().zip(&devices.terminals).enumerate() {
        let lane = lane + 1;
        let mut scanner = device(&format!("scanner-{lane}"), serial(&scan.path(), "")?)?;
        // The replay scans two of the same item faster than any person.
        scanner.settings.insert("repeat_ms".into(), 0.into());
        scanners.push(scanner);
        let terminal = device(&format!("terminal-{lane}"), tcp(terminal.address())?)?;
        terminals.push(Setup { protocol: Some("zvt".into()), ..terminal });
        register.push(Register {
            name: format!("till-{lane}").parse().map_err(|error: InvalidId| error.to_string())?,
            scanner: Some(format!("scanner-{lane}")),
            scale: Some("scale-1".into()),
            receipt_printer: Some("receipts-1".into()),
            payment_terminal: Some(format!("terminal-{lane}")),
            customer_display: None,
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
            label_templates: None,
            receipt_logo: None,
        },
        listen: Listen {
            address: listen,
            certificate: identity.join("hub.pem"),
            key: identity.join("hub.key"),
            allow_tls_1_2: false,
            authority: Some(identity.join("ca.pem")),
            announce: false,
        },
        metrics: None,
        headquarters: Some(Headquarters::new(
            format!("mqtts://{}", wan.address()).parse().map_err(|error: link::BadBrokerAddress| error.to_string())?,
            Some(identity.join("ca.pem")),
        )),
        publications: Some(Publications { key, authority: None }),
        enrolment: None,
        operators: Operators::default(),
        cash: Cash::default(),
        orders: Orders { web: WebShare { share_permille: 300, ..WebShare::default() }, ..Orders::default() },
        card_payments: CardPayments::default(),
        backup: Backup::default(),
        returns: commerce::returns::Policies::default(),
        restricted_code: Vec::new(),
        devices: BTreeMap::from([
            (DeviceKind::Scale, vec![device("scale-1", serial(&devices.scale.path(), "?data=7&parity=even")?)?]),
            (DeviceKind::Scanner, scanners),
            (DeviceKind::LabelPrinter, vec![printer("labels-1", "zpl", tcp(devices.label_printer.address())?)?]),
            (
                DeviceKind::ReceiptPrinter,
                vec![printer("receipts-1", "esc-pos", tcp(devices.receipt_printer.address())?)?],
            ),
            (DeviceKind::PaymentTerminal, terminals),
        ]),
        register,
    })
}
