//! The serial line of a USB adapter: found by what the kernel says of its terminals, whichever number they have.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::is_serial_number;
use crate::usb::UsbId;

/// Where the kernel lists its terminals.
const TERMINALS: &str = "/sys/class/tty";

/// The device file of an adapter. Blocks.
///
/// # Errors
/// It is not plugged in, or several are.
pub(super) fn line_of(id: &UsbId) -> Result<PathBuf, String> {
    let mut lines = lines().into_iter().filter(|(_, own)| id.is(own.vendor, own.product, own.serial.as_deref()));
    match (lines.next(), lines.next()) {
        (Some((line, _)), None) => Ok(line),
        (None, _) => Err("no such USB adapter".into()),
        (Some((one, _)), Some((other, _))) => {
            Err(format!("both {} and {} are such adapters; add serial= to the address", one.display(), other.display()))
        }
    }
}

/// The serial lines of USB adapters with their ids, in the order of their names. Blocks.
pub(crate) fn lines() -> Vec<(PathBuf, UsbId)> {
    let Ok(terminals) = fs::read_dir(TERMINALS) else { return Vec::new() };
    let mut lines: Vec<_> = terminals
        .flatten()
        .filter_map(|terminal| {
            let device = fs::canonicalize(terminal.path().join("device")).ok()?;
            let id = device.ancestors().find_map(adapter)?;
            Some((Path::new("/dev").join(terminal.file_name()), id))
        })
        .collect();
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

/// The id of a USB device's directory.
fn adapter(directory: &Path) -> Option<UsbId> {
    let text = |file: &str| Some(fs::read_to_string(directory.join(file)).ok()?.trim().to_owned());
    // A serial number that an address can't have does not find a device either.
    let serial = text("serial").filter(|serial| is_serial_number(serial));
    UsbId::parse(&format!("{}:{}", text("idVendor")?, text("idProduct")?), serial)
}
