//! The store's devices: started from the config, found by name, watched.
//!
//! Each runs in its own supervised task in `drivers`; a dead one cannot slow a sale. What they say is turned into the hub's events here, with the
//! register that shall hear it.

mod routes;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use drivers::{
    device::{DeviceEvent, DeviceName, Health, What},
    label_printer::{LabelPrinter, zpl::ZplPrinter},
    payment_terminal::{
        PaymentTerminal,
        zvt::{ZvtSettings, ZvtTerminal},
    },
    receipt_printer::{ReceiptPrinter, escpos::EscPosPrinter},
    scale::{Reading, Scale, toledo8217::ToledoScale},
    scanner::serial::SerialScanner,
};
pub use routes::router;
use serde::Serialize;
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::{
    config::{Config, WeightUnit},
    events::HubEvent,
    hub::Hub,
    problem::Problem,
};

/// Events of devices that may wait for the hub; telemetry beyond it is dropped and counted.
const EVENTS: usize = 1024;

/// All devices of a store.
pub struct Devices {
    scales: HashMap<String, ToledoScale>,
    /// Kept running; they only talk.
    _scanners: Vec<SerialScanner>,
    label_printers: HashMap<String, ZplPrinter>,
    receipt_printers: HashMap<String, (EscPosPrinter, u8)>,
    terminals: HashMap<String, Arc<ZvtTerminal>>,
    states: Mutex<BTreeMap<String, DeviceState>>,
}

/// A device as the API and the page show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceState {
    /// Its name.
    pub device: String,
    /// `scale`, `scanner`, `label_printer`, `receipt_printer`, `payment_terminal`.
    pub kind: &'static str,
    /// Where it is.
    pub address: String,
    /// How it is.
    #[schema(value_type = Object)]
    pub health: Health,
    /// The last thing it said: a weight, a code, a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl Devices {
    /// Starts every device of the config; the receiver hears what they say.
    ///
    /// # Errors
    /// A terminal's password file can't be read.
    pub fn start(config: &Config) -> Result<(Self, broadcast::Receiver<DeviceEvent>), String> {
        let (events, heard) = broadcast::channel(EVENTS);
        let mut states = BTreeMap::new();
        let mut note = |name: &str, kind, address: &drivers::transport::Address| {
            let state = DeviceState {
                device: name.to_owned(),
                kind,
                address: address.to_string(),
                health: Health::Connecting,
                last: None,
            };
            states.insert(name.to_owned(), state);
            DeviceName::new(name)
        };
        let mut scales = HashMap::new();
        for scale in &config.scale {
            let name = note(&scale.name, "scale", &scale.address);
            let unit = match scale.unit {
                WeightUnit::Kilogram => drivers::scale::toledo8217::Unit::Kilogram,
                WeightUnit::Pound => drivers::scale::toledo8217::Unit::Pound,
            };
            scales.insert(
                scale.name.clone(),
                drivers::scale::toledo8217::start(name, scale.address.clone(), unit, events.clone()),
            );
        }
        let mut scanners = Vec::new();
        for scanner in &config.scanner {
            let name = note(&scanner.name, "scanner", &scanner.address);
            scanners.push(drivers::scanner::serial::start(name, scanner.address.clone(), events.clone()));
        }
        let mut label_printers = HashMap::new();
        for printer in &config.label_printer {
            let name = note(&printer.name, "label_printer", &printer.address);
            label_printers.insert(
                printer.name.clone(),
                drivers::label_printer::zpl::start(name, printer.address.clone(), events.clone()),
            );
        }
        let mut receipt_printers = HashMap::new();
        for printer in &config.receipt_printer {
            let name = note(&printer.name, "receipt_printer", &printer.address);
            let started =
                drivers::receipt_printer::escpos::start(name, printer.address.clone(), printer.columns, events.clone());
            receipt_printers.insert(printer.name.clone(), (started, printer.columns));
        }
        let mut terminals = HashMap::new();
        for terminal in &config.payment_terminal {
            let name = note(&terminal.name, "payment_terminal", &terminal.address);
            let settings = ZvtSettings { password: password(terminal)?, currency: config.store.currency.number() };
            let started =
                drivers::payment_terminal::zvt::start(name, terminal.address.clone(), settings, events.clone());
            terminals.insert(terminal.name.clone(), Arc::new(started));
        }
        let states = Mutex::new(states);
        Ok((Self { scales, _scanners: scanners, label_printers, receipt_printers, terminals, states }, heard))
    }

    /// A payment terminal by name.
    ///
    /// # Errors
    /// There is none.
    pub fn terminal(&self, name: &str) -> Result<&dyn PaymentTerminal, Problem> {
        self.terminals
            .get(name)
            .map(|terminal| &**terminal as &dyn PaymentTerminal)
            .ok_or_else(|| unknown("payment terminal", name))
    }

    /// A receipt printer by name.
    ///
    /// # Errors
    /// There is none.
    pub fn receipt_printer(&self, name: &str) -> Result<&dyn ReceiptPrinter, Problem> {
        self.receipt_printers
            .get(name)
            .map(|(printer, _)| printer as &dyn ReceiptPrinter)
            .ok_or_else(|| unknown("receipt printer", name))
    }

    /// How many characters a receipt printer has on a line.
    pub fn columns(&self, name: &str) -> u8 {
        self.receipt_printers.get(name).map_or(42, |(_, columns)| *columns)
    }

    /// A label printer by name.
    ///
    /// # Errors
    /// There is none.
    pub fn label_printer(&self, name: &str) -> Result<&dyn LabelPrinter, Problem> {
        self.label_printers
            .get(name)
            .map(|printer| printer as &dyn LabelPrinter)
            .ok_or_else(|| unknown("label printer", name))
    }

    /// A scale by name.
    ///
    /// # Errors
    /// There is none.
    pub fn scale(&self, name: &str) -> Result<&dyn Scale, Problem> {
        self.scales.get(name).map(|scale| scale as &dyn Scale).ok_or_else(|| unknown("scale", name))
    }

    /// How all of them are.
    pub fn states(&self) -> Vec<DeviceState> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Remembers what a device said.
    fn remember(&self, event: &DeviceEvent) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = states.get_mut(event.device.as_str()) else { return };
        match &event.what {
            What::Health(health) => state.health = health.clone(),
            What::Scan(scan) => state.last = Some(scan.data.clone()),
            What::Weight(Reading::Stable { grams }) => {
                state.last = Some(format!("{}.{:03} kg", grams.0 / 1000, grams.0 % 1000));
            }
            What::Weight(Reading::Motion) => state.last = Some("in motion".into()),
            What::Weight(Reading::Unusable { why }) => state.last = Some(why.clone()),
            What::Payment(progress) => state.last = Some(progress.text.clone()),
        }
    }
}

fn unknown(kind: &str, name: &str) -> Problem {
    Problem::not_found("device", format!("the config has no {kind} `{}`", name.escape_debug()))
}

/// Six digits as three bytes of two digits each.
fn password(terminal: &crate::config::PaymentTerminal) -> Result<[u8; 3], String> {
    let Some(path) = &terminal.password_file else { return Ok([0; 3]) };
    let text = fs::read_to_string(path).map_err(|error| {
        format!("the password of payment terminal {} can't be read from {}: {error}", terminal.name, path.display())
    })?;
    match text.trim().as_bytes() {
        digits @ [_, _, _, _, _, _] if digits.iter().all(u8::is_ascii_digit) => {
            let pair = |at: usize| (digits[at] - b'0') << 4 | (digits[at + 1] - b'0');
            Ok([pair(0), pair(2), pair(4)])
        }
        _ => {
            Err(format!("the password of payment terminal {} in {} must be six digits", terminal.name, path.display()))
        }
    }
}

/// Turns what devices say into the hub's events, until the hub ends.
pub fn listen(hub: &Arc<Hub>, mut heard: broadcast::Receiver<DeviceEvent>) {
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        loop {
            match heard.recv().await {
                Ok(event) => {
                    hub.devices.remember(&event);
                    let lane = |named: fn(&crate::config::Register) -> &Option<String>| {
                        let lanes = hub.config.register.iter();
                        lanes
                            .filter(|lane| named(lane).as_deref() == Some(event.device.as_str()))
                            .map(|lane| lane.name.clone())
                            .collect()
                    };
                    let registers: Vec<String> = match &event.what {
                        What::Scan(_) => lane(|lane| &lane.scanner),
                        What::Weight(_) => lane(|lane| &lane.scale),
                        What::Payment(_) => lane(|lane| &lane.payment_terminal),
                        What::Health(_) => Vec::new(),
                    };
                    hub.tell(HubEvent::device(event, registers));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "device events were dropped");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}
