//! The store's devices: started from the config and found by name.
//!
//! Each runs in its own supervised task in `drivers`, so a broken one cannot slow down a sale. Only the driver knows
//! the protocol. A device's event is converted to the hub's events, with the registers that receive it ([`lanes`]), on
//! the driver's task: nothing in between can drop a scan before it is numbered.

pub(crate) mod displays;
pub(crate) mod lanes;
pub(crate) mod leases;
mod record;
pub(crate) mod weighings;

use std::{collections::HashMap, sync::Arc, time::Instant};

use app::{
    Refusal,
    devices::{DEVICE_HELD, DEVICE_UNKNOWN},
};
use commerce::{RegisterName, card_data::holds_card_data};
use drivers::{
    customer_display,
    device::{Device, DeviceEvent, Health, Listener, What},
    label_printer::{self, LabelPrinter},
    payment_terminal::{self, PaymentTerminal},
    receipt_printer::{self, ReceiptPrinter},
    registry::{Protocol, StartContext, prepare},
    scale::{self, Scale},
    scanner,
};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::record::DeviceRecord;
use self::{displays::Displays, lanes::Lanes, leases::Leases, record::Records, weighings::Weighings};
use super::{codes::Codes, events::HubEvent};
use crate::config::{Config, DeviceKind};

/// All devices of a store.
pub(crate) struct Devices {
    scales: ByName<dyn Scale>,
    label_printers: ByName<dyn LabelPrinter>,
    receipt_printers: ByName<dyn ReceiptPrinter>,
    terminals: ByName<dyn PaymentTerminal>,
    /// All devices, including scanners, by name.
    all: Vec<Listed>,
    /// What each has done.
    records: Arc<Records>,
    /// What customers see.
    pub(crate) displays: Displays,
    /// Who holds which.
    pub(crate) leases: Arc<Leases>,
    /// The event logs of lanes.
    pub(crate) lanes: Arc<Lanes>,
    /// The weights that may become lines.
    pub(crate) weighings: Weighings,
    /// The decoder of scanned codes.
    pub(crate) codes: Arc<Codes>,
}

type ByName<D> = HashMap<String, Arc<D>>;

struct Listed {
    kind: DeviceKind,
    address: String,
    device: Arc<dyn Device>,
}

/// A device in the API and on the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceState {
    /// Its name.
    pub(crate) device: String,
    /// The kind.
    #[schema(value_type = DeviceKind)]
    pub(crate) kind: &'static str,
    /// The address.
    pub(crate) address: String,
    /// The health.
    pub(crate) health: Health,
    /// The register that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) held_by: Option<RegisterName>,
    /// What it has done since the hub started.
    #[serde(flatten)]
    pub(crate) record: DeviceRecord,
}

impl Devices {
    /// Starts every device of the config; `tell` receives their events and must not block.
    ///
    /// # Errors
    /// A file in a device's settings can't be read.
    pub(crate) fn start(config: &Config, tell: impl Fn(HubEvent) + Send + Sync + 'static) -> Result<Self, String> {
        let codes = Arc::new(Codes::new(config)?);
        let (records, leases) = (Arc::<Records>::default(), Arc::<Leases>::default());
        let lanes = Arc::new(Lanes::new(config, Arc::clone(&codes), Arc::clone(&leases))?);
        let (remembers, hears) = (Arc::clone(&records), Arc::clone(&lanes));
        let events: Listener = Arc::new(move |event| {
            let event = without_card_data(event);
            remembers.remember(&event);
            hears.hear(&event).into_iter().for_each(&tell);
        });
        let context = StartContext { currency: config.store.currency.number(), events };
        let mut starter = Starter { config, context, all: Vec::new() };
        let scales = starter.start(DeviceKind::Scale, scale::PROTOCOLS, |scale| scale)?;
        starter.start(DeviceKind::Scanner, scanner::PROTOCOLS, |scanner| scanner)?;
        let label_printers = starter.start(DeviceKind::LabelPrinter, label_printer::PROTOCOLS, |printer| printer)?;
        let receipt_printers =
            starter.start(DeviceKind::ReceiptPrinter, receipt_printer::PROTOCOLS, |printer| printer)?;
        let terminals = starter.start(DeviceKind::PaymentTerminal, payment_terminal::PROTOCOLS, |terminal| terminal)?;
        let displays = starter.start(DeviceKind::CustomerDisplay, customer_display::PROTOCOLS, |display| display)?;
        let displays = Displays::new(config, &displays);
        let mut all = starter.all;
        all.sort_by(|one, other| one.device.name().cmp(other.device.name()));
        let weighings = Weighings::new(lanes.boot());
        Ok(Self {
            scales,
            label_printers,
            receipt_printers,
            terminals,
            all,
            records,
            displays,
            leases,
            lanes,
            weighings,
            codes,
        })
    }

    /// A payment terminal by name.
    ///
    /// # Errors
    /// The terminal does not exist.
    pub(crate) fn terminal(&self, name: &str) -> Result<&Arc<dyn PaymentTerminal>, Refusal> {
        self.terminals.get(name).ok_or_else(|| unknown("payment terminal", name))
    }

    /// A receipt printer by name.
    ///
    /// # Errors
    /// The printer does not exist.
    pub(crate) fn receipt_printer(&self, name: &str) -> Result<&Arc<dyn ReceiptPrinter>, Refusal> {
        self.receipt_printers.get(name).ok_or_else(|| unknown("receipt printer", name))
    }

    /// A label printer by name.
    ///
    /// # Errors
    /// The printer does not exist.
    pub(crate) fn label_printer(&self, name: &str) -> Result<&Arc<dyn LabelPrinter>, Refusal> {
        self.label_printers.get(name).ok_or_else(|| unknown("label printer", name))
    }

    /// A scale by name.
    ///
    /// # Errors
    /// The scale does not exist.
    pub(crate) fn scale(&self, name: &str) -> Result<&Arc<dyn Scale>, Refusal> {
        self.scales.get(name).ok_or_else(|| unknown("scale", name))
    }

    /// The payment terminals.
    pub(crate) fn terminals(&self) -> impl Iterator<Item = (&String, &Arc<dyn PaymentTerminal>)> {
        self.terminals.iter()
    }

    /// Checks that no other register holds a device.
    ///
    /// # Errors
    /// Another register holds it.
    pub(crate) fn free(&self, name: &str, by: Option<&RegisterName>) -> Result<(), Refusal> {
        self.leases.free(name, by, Instant::now()).map_err(|holder| held(name, &holder))
    }

    /// Takes or renews the lease of a register.
    ///
    /// # Errors
    /// Another register holds the device, or there is none with this name.
    pub(crate) fn lease(&self, name: &str, register: &RegisterName) -> Result<(), Refusal> {
        if !self.all.iter().any(|listed| listed.device.name().as_str() == name) {
            return Err(unknown("device", name));
        }
        self.leases.take(name, register, Instant::now()).map_err(|holder| held(name, &holder))
    }

    /// The states of all devices, by name.
    pub(crate) fn states(&self) -> Vec<DeviceState> {
        let now = Instant::now();
        let state = |listed: &Listed| DeviceState {
            device: listed.device.name().to_string(),
            kind: listed.kind.name(),
            address: listed.address.clone(),
            health: listed.device.health(),
            held_by: self.leases.holder(listed.device.name().as_str(), now),
            record: self.records.of(listed.device.name()),
        };
        self.all.iter().map(state).collect()
    }
}

/// Masks the digits of a scanned code that holds card data. The terminals' driver does so for its own texts.
fn without_card_data(mut event: DeviceEvent) -> DeviceEvent {
    if let What::Scan(scan) = &mut event.what
        && holds_card_data(&scan.data)
    {
        scan.data = scan.data.chars().map(|sign| if sign.is_numeric() { '*' } else { sign }).collect();
    }
    event
}

/// Starts the devices of a config, kind by kind.
struct Starter<'a> {
    config: &'a Config,
    context: StartContext,
    all: Vec<Listed>,
}

impl Starter<'_> {
    fn start<D: ?Sized>(
        &mut self,
        kind: DeviceKind,
        protocols: &[Protocol<D>],
        listed: fn(Arc<D>) -> Arc<dyn Device>,
    ) -> Result<ByName<D>, String> {
        let mut started = HashMap::new();
        for setup in self.config.devices_of(kind) {
            let device = prepare(protocols, setup.clone()).and_then(|prepared| prepared.start(&self.context));
            let device = device.map_err(|error| format!("{} {}: {error}", kind.name(), setup.name))?;
            let address = setup.address.to_string();
            self.all.push(Listed { kind, address, device: listed(Arc::clone(&device)) });
            started.insert(setup.name.to_string(), device);
        }
        Ok(started)
    }
}

fn held(name: &str, holder: &RegisterName) -> Refusal {
    let detail = format!("{name} is held by {holder}; wait until it is given back");
    DEVICE_HELD.because(detail).member("holder", holder.as_str())
}

fn unknown(kind: &str, name: &str) -> Refusal {
    DEVICE_UNKNOWN.because(format!("unknown {kind} `{}`; add it to the config", name.escape_debug()))
}
