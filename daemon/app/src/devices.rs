//! Device operations: permissions, refusals and audit. The devices themselves belong to the hub.

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
    "See devices and their health",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Listen to the register's own lane.
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

/// The register's lane or the config has no such device.
pub static DEVICE_UNKNOWN: Kind = Kind::new(
    "device-unknown",
    Class::NotFound,
    "Unknown device",
    "The config has no such device, or the register's lane has no device of this kind.",
);
/// A scale gave no weight.
pub static SCALE_FAILED: Kind =
    Kind::new("scale-failed", Class::Device, "Scale failed", "The scale refused, did not settle or did not answer.");
/// A printer did not print.
pub static PRINTER_FAILED: Kind =
    Kind::new("printer-failed", Class::Device, "Printer failed", "The printer refused or did not answer.");
/// A label can't be printed.
pub static LABEL_UNPRINTABLE: Kind = Kind::new(
    "label-unprintable",
    Class::Rule,
    "Label can't be printed",
    "The item's texts or its number can't be printed.",
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    refusals: &[&DEVICE_UNKNOWN, &SCALE_FAILED, &PRINTER_FAILED, &LABEL_UNPRINTABLE],
    permissions: &[&READ, &LISTEN, &WEIGH, &LABELS, &DRAWER],
    acts: &[DrawerOpened::KIND],
    ..Capability::new("devices")
};

/// A drawer was opened by a command, not for a sale.
#[derive(Serialize)]
pub struct DrawerOpened {
    /// The receipt printer that it is connected to.
    pub printer: String,
}

impl Act for DrawerOpened {
    const KIND: ActKind = ActKind { name: "drawer_opened", doc: "A drawer was opened by a command" };
}
