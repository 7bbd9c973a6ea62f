//! The store's devices: started from the config, found by name, watched.
//!
//! Each runs in its own supervised task in `drivers`; a dead one cannot slow a sale. Which protocol a device speaks is
//! known to its driver alone. What devices say is turned into the hub's events where it is reported, on the driver's own
//! task, with the register that hears it ([`lanes`]): nothing in between can drop a scan before it has its number.

pub(crate) mod lanes;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use app::{Refusal, devices::DEVICE_UNKNOWN};
use drivers::{
    device::{Device, DeviceEvent, DeviceName, Health, Listener, What},
    label_printer::{self, LabelPrinter},
    payment_terminal::{self, PaymentTerminal},
    receipt_printer::{self, ReceiptPrinter},
    registry::{Protocol, StartContext, prepare},
    scale::{self, Reading, Scale},
    scanner,
};
use serde::Serialize;
use utoipa::ToSchema;

use self::lanes::Lanes;
use super::events::HubEvent;
use crate::config::{Config, DeviceKind};

/// All devices of a store.
pub(crate) struct Devices {
    scales: ByName<dyn Scale>,
    label_printers: ByName<dyn LabelPrinter>,
    receipt_printers: ByName<dyn ReceiptPrinter>,
    terminals: ByName<dyn PaymentTerminal>,
    /// All of them, scanners as well, ordered by name.
    all: Vec<Listed>,
    /// The last thing each said.
    last: Arc<Last>,
    /// What each lane hears.
    pub(crate) lanes: Arc<Lanes>,
}

type ByName<D> = HashMap<String, Arc<D>>;

struct Listed {
    kind: DeviceKind,
    address: String,
    device: Arc<dyn Device>,
}

/// A device as the API and the page show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceState {
    /// Its name.
    pub(crate) device: String,
    /// What it is.
    #[schema(value_type = DeviceKind)]
    pub(crate) kind: &'static str,
    /// Where it is.
    pub(crate) address: String,
    /// How it is.
    pub(crate) health: Health,
    /// The last thing it said: a weight, a code, a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

impl Devices {
    /// Starts every device of the config, and tells what they say. `tell` must not wait.
    ///
    /// # Errors
    /// A file that a device's settings name can't be read.
    pub(crate) fn start(config: &Config, tell: impl Fn(HubEvent) + Send + Sync + 'static) -> Result<Self, String> {
        let (last, lanes) = (Arc::<Last>::default(), Arc::new(Lanes::new(config)?));
        let (remembers, hears) = (Arc::clone(&last), Arc::clone(&lanes));
        let events: Listener = Arc::new(move |event| {
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
        let mut all = starter.all;
        all.sort_by(|one, other| one.device.name().cmp(other.device.name()));
        Ok(Self { scales, label_printers, receipt_printers, terminals, all, last, lanes })
    }

    /// A payment terminal by name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn terminal(&self, name: &str) -> Result<&Arc<dyn PaymentTerminal>, Refusal> {
        self.terminals.get(name).ok_or_else(|| unknown("payment terminal", name))
    }

    /// A receipt printer by name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn receipt_printer(&self, name: &str) -> Result<&Arc<dyn ReceiptPrinter>, Refusal> {
        self.receipt_printers.get(name).ok_or_else(|| unknown("receipt printer", name))
    }

    /// A label printer by name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn label_printer(&self, name: &str) -> Result<&Arc<dyn LabelPrinter>, Refusal> {
        self.label_printers.get(name).ok_or_else(|| unknown("label printer", name))
    }

    /// A scale by name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn scale(&self, name: &str) -> Result<&Arc<dyn Scale>, Refusal> {
        self.scales.get(name).ok_or_else(|| unknown("scale", name))
    }

    /// How all of them are, by name.
    pub(crate) fn states(&self) -> Vec<DeviceState> {
        let last = self.last.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = |listed: &Listed| DeviceState {
            device: listed.device.name().to_string(),
            kind: listed.kind.name(),
            address: listed.address.clone(),
            health: listed.device.health(),
            last: last.get(listed.device.name()).cloned(),
        };
        self.all.iter().map(state).collect()
    }
}

/// The last thing each device said.
#[derive(Default)]
struct Last(Mutex<HashMap<DeviceName, String>>);

impl Last {
    fn remember(&self, event: &DeviceEvent) {
        let said = match &event.what {
            What::Health(_) => return,
            What::Scan(scan) => scan.data.clone(),
            What::Weight(Reading::Stable { weight }) => weight.to_string(),
            What::Weight(Reading::Motion) => "in motion".into(),
            What::Weight(Reading::Unusable { why }) => why.clone(),
            What::Payment(progress) => progress.text.clone(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(event.device.clone(), said);
    }
}

/// Starts the devices of a config, one kind after the other.
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

fn unknown(kind: &str, name: &str) -> Refusal {
    DEVICE_UNKNOWN.because(format!("the config has no {kind} `{}`", name.escape_debug()))
}
