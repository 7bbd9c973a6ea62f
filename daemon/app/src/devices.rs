//! Device operations: permissions, refusals and audit. The devices themselves belong to the hub.

use serde::Serialize;

use crate::{
    Capability,
    audit::{Act, ActKind},
    permission::{Holder, Permission},
    refusal::{Class, Kind, Member},
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
/// Lease a device.
pub static LEASE: Permission =
    Permission::new("devices.lease", "Hold a device of one's own lane for oneself", &[Holder::Register]);
/// See what is plugged in.
pub static DISCOVER: Permission =
    Permission::new("devices.discover", "See what is plugged in and which driver fits", &[Holder::Person]);
/// Open the drawer.
pub static DRAWER: Permission =
    Permission::new("devices.open_drawer", "Open the drawer of one's own lane", &[Holder::Register]);

/// Print a test page.
pub static TEST_PRINT: Permission =
    Permission::new("devices.test_print", "Print a test page on a receipt printer", &[Holder::Person]);

/// The register's lane or the config has no such device.
pub static DEVICE_UNKNOWN: Kind = Kind::new(
    "device-unknown",
    Class::NotFound,
    "Unknown device",
    "The config has no such device, or the register's lane has no device of this kind.",
);
/// Another register holds the device.
pub static DEVICE_HELD: Kind = Kind::new(
    "device-held",
    Class::Conflict,
    "Device held",
    "Another register holds the device; it is free when that register gives it back or stops renewing its lease.",
)
.with(&[Member::text("holder", "The register that holds the device.")]);
/// A scale gave no weight.
pub static SCALE_FAILED: Kind =
    Kind::new("scale-failed", Class::Device, "Scale failed", "The scale refused, did not settle or did not answer.");
/// A printer did not print.
pub static PRINTER_FAILED: Kind =
    Kind::new("printer-failed", Class::Device, "Printer failed", "The printer refused or did not answer.");
/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    refusals: &[&DEVICE_UNKNOWN, &DEVICE_HELD, &SCALE_FAILED, &PRINTER_FAILED],
    permissions: &[&READ, &LISTEN, &WEIGH, &LEASE, &DISCOVER, &DRAWER, &TEST_PRINT],
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
