//! What is asked of devices: who may, what is refused, what is recorded. The devices themselves are the hub's.

use serde::Serialize;

use crate::{
    Capability,
    audit::{Act, ActKind},
    permission::{Holder, Permission},
    refusal::{Class, Kind},
};

/// See devices.
pub static READ: Permission = Permission::new(
    "devices.read",
    "See devices and how they are",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Hear one's own lane.
pub static LISTEN: Permission =
    Permission::new("devices.listen", "Hear the scans and weights of one's own lane", &[Holder::Register]);
/// Weigh.
pub static WEIGH: Permission = Permission::new("devices.weigh", "Weigh", &[Holder::Register, Holder::Person]);
/// Print labels.
pub static LABELS: Permission =
    Permission::new("devices.print_labels", "Print labels", &[Holder::Register, Holder::Person]);
/// Open the drawer.
pub static DRAWER: Permission =
    Permission::new("devices.open_drawer", "Open the drawer of one's own lane", &[Holder::Register]);

/// The register's lane, or the config, has no such device.
pub static DEVICE_UNKNOWN: Kind = Kind::new(
    "device-unknown",
    Class::NotFound,
    "Unknown device",
    "The config has no such device, or the register's lane has none of the kind.",
);
/// A scale gave no weight.
pub static SCALE_FAILED: Kind = Kind::new(
    "scale-failed",
    Class::Device,
    "Scale failed",
    "The scale refused, did not come to rest or did not answer.",
);
/// A printer did not print.
pub static PRINTER_FAILED: Kind =
    Kind::new("printer-failed", Class::Device, "Printer failed", "The printer refused or did not answer.");
/// A label has no printable form.
pub static LABEL_UNPRINTABLE: Kind = Kind::new(
    "label-unprintable",
    Class::Rule,
    "Label can't be printed",
    "The item's texts or its number have no printable form.",
);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    refusals: &[&DEVICE_UNKNOWN, &SCALE_FAILED, &PRINTER_FAILED, &LABEL_UNPRINTABLE],
    permissions: &[&READ, &LISTEN, &WEIGH, &LABELS, &DRAWER],
    acts: &[DrawerOpened::KIND],
    ..Capability::new("devices")
};

/// A drawer was opened by a command, not by a sale.
#[derive(Serialize)]
pub struct DrawerOpened {
    /// At which receipt printer.
    pub printer: String,
}

impl Act for DrawerOpened {
    const KIND: ActKind = ActKind { name: "drawer_opened", doc: "A drawer was opened by a command" };
}
