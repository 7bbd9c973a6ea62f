//! What USB devices say of themselves, and which driver that suggests.
//!
//! Names and serial numbers are read from the kernel's files, so that nothing has to be opened.

use std::{fs, path::PathBuf};

use rusb::{Context, Device};
use serde::Serialize;

/// A USB device that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UsbDevice {
    /// Bus and ports, such as `1-1.4`.
    pub port: String,
    /// The vendor's number.
    pub vendor: u16,
    /// The product's number.
    pub product: u16,
    /// The vendor's name.
    pub manufacturer: Option<String>,
    /// The product's name.
    pub name: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
}

/// An interface of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Interface {
    /// Its number.
    pub number: u8,
    /// Class, subclass and protocol (USB class codes).
    pub class: [u8; 3],
    /// For HID: the usage page of its first collection, if the kernel has read it.
    pub usage_page: Option<u16>,
}

/// Printers.
pub(super) const PRINTER: u8 = 7;
/// Human interface devices.
pub(super) const HID: u8 = 3;

/// Point-of-sale scanners.
pub(super) const SCANNER_PAGE: u16 = 0x8c;
/// Scales.
pub(super) const SCALE_PAGE: u16 = 0x8d;

/// Vendors of adapters between USB and serial lines: FTDI, Prolific, Silicon Labs, WCH.
const ADAPTERS: [u16; 4] = [0x0403, 0x067b, 0x10c4, 0x1a86];

impl UsbDevice {
    /// A device as libusb sees it.
    pub(super) fn of(device: &Device<Context>) -> Option<Self> {
        let descriptor = device.device_descriptor().ok()?;
        let ports = device.port_numbers().ok()?;
        // A root hub.
        if ports.is_empty() {
            return None;
        }
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let port = format!("{}-{}", device.bus_number(), ports.join("."));
        let files = PathBuf::from("/sys/bus/usb/devices").join(&port);
        let text = |file: &str| {
            let text = fs::read_to_string(files.join(file)).ok()?;
            let text: String = text.trim().chars().filter(|sign| !sign.is_control()).take(126).collect();
            (!text.is_empty()).then_some(text)
        };
        let interfaces = device.active_config_descriptor().map(|config| {
            let first = config.interfaces().filter_map(|interface| interface.descriptors().next());
            first
                .map(|interface| {
                    let number = interface.interface_number();
                    let class = [interface.class_code(), interface.sub_class_code(), interface.protocol_code()];
                    let usage_page = (class[0] == HID).then(|| usage_page_of(&files, &port, number)).flatten();
                    Interface { number, class, usage_page }
                })
                .collect()
        });
        Some(Self {
            vendor: descriptor.vendor_id(),
            product: descriptor.product_id(),
            manufacturer: text("manufacturer"),
            name: text("product"),
            serial: text("serial"),
            interfaces: interfaces.unwrap_or_default(),
            port,
        })
    }

    /// The table for the config that fits what the device says of itself. `None` for a hub or a device that no driver
    /// knows.
    pub fn suggestion(&self) -> Option<String> {
        let id = format!("{:04x}:{:04x}", self.vendor, self.product);
        let serial = self.serial.as_deref().filter(|serial| is_plain(serial));
        let (serial, and_serial) = match serial {
            Some(serial) => (format!("?serial={serial}"), format!("?serial={serial}")),
            None => (String::new(), String::new()),
        };
        let table = |kind: &str, protocol: &str| {
            let name = kind.replace('_', "-");
            let protocol = if protocol.is_empty() { String::new() } else { format!("\nprotocol = \"{protocol}\"") };
            format!("[[{kind}]]\nname = \"{name}-1\"\naddress = \"usb:{id}{serial}\"{protocol}")
        };
        let has = |page: u16| self.interfaces.iter().any(|interface| interface.usage_page == Some(page));
        let is = |class: &[u8]| self.interfaces.iter().any(|interface| interface.class.starts_with(class));
        if has(SCALE_PAGE) {
            return Some(table("scale", "hid"));
        }
        if has(SCANNER_PAGE) {
            return Some(table("scanner", "hid"));
        }
        if is(&[PRINTER]) {
            return Some(table("receipt_printer", "esc-pos"));
        }
        if is(&[2, 2]) || ADAPTERS.contains(&self.vendor) {
            return Some(format!(
                "[[scanner]]\nname = \"scanner-1\"\naddress = \"serial:{id}{and_serial}\"\nprotocol = \"serial\""
            ));
        }
        let names = format!(
            "{} {}",
            self.manufacturer.as_deref().unwrap_or_default(),
            self.name.as_deref().unwrap_or_default()
        );
        let names = names.to_lowercase();
        let is_scanner = ["barcode", "scanner", "reader"].iter().any(|word| names.contains(word));
        // A person's keyboard must not be suggested: its keys would be taken away.
        (is(&[HID, 1, 1]) && is_scanner).then(|| table("scanner", "keyboard"))
    }
}

/// Whether a serial number can be part of an address.
fn is_plain(serial: &str) -> bool {
    serial.len() <= 64 && serial.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The usage page of an interface that the kernel's HID driver has read.
fn usage_page_of(files: &std::path::Path, port: &str, interface: u8) -> Option<u16> {
    let directory = files.join(format!("{port}:1.{interface}"));
    fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let descriptor = fs::read(entry.path().join("report_descriptor")).ok()?;
        usage_page(&descriptor)
    })
}

/// The first usage page of a report descriptor (HID 1.11, 6.2.2.7): the item 04 with one or two bytes.
pub(super) fn usage_page(descriptor: &[u8]) -> Option<u16> {
    match descriptor {
        [0x05, page, ..] => Some(u16::from(*page)),
        [0x06, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(class: [u8; 3], usage_page: Option<u16>, name: &str) -> UsbDevice {
        UsbDevice {
            port: "1-1".into(),
            vendor: 0x0922,
            product: 0x8003,
            manufacturer: None,
            name: Some(name.into()),
            serial: Some("S1".into()),
            interfaces: vec![Interface { number: 0, class, usage_page }],
        }
    }

    #[test]
    fn a_device_suggests_its_driver() {
        let scale = device([3, 0, 0], Some(SCALE_PAGE), "M25").suggestion().unwrap();
        assert_eq!(scale, "[[scale]]\nname = \"scale-1\"\naddress = \"usb:0922:8003?serial=S1\"\nprotocol = \"hid\"");
        assert!(device([3, 0, 0], Some(SCANNER_PAGE), "x").suggestion().unwrap().starts_with("[[scanner]]"));
        assert!(device([7, 1, 2], None, "x").suggestion().unwrap().starts_with("[[receipt_printer]]"));
        assert!(device([2, 2, 1], None, "x").suggestion().unwrap().contains("serial:0922:8003"));
        let wedge = device([3, 1, 1], Some(1), "Barcode Scanner").suggestion().unwrap();
        assert!(wedge.contains("protocol = \"keyboard\""));
        assert_eq!(device([3, 1, 1], Some(1), "Keyboard").suggestion(), None);
        assert_eq!(device([9, 0, 0], None, "Hub").suggestion(), None);
    }

    #[test]
    fn a_suggestion_is_a_valid_address() {
        for class in [[3, 0, 0], [7, 1, 2]] {
            let text = device(class, Some(SCALE_PAGE), "x").suggestion().unwrap();
            let address = text.lines().find_map(|line| line.strip_prefix("address = ")).unwrap().trim_matches('"');
            assert_eq!(address.parse::<crate::transport::Address>().unwrap().to_string(), address);
        }
    }

    #[test]
    fn usage_pages_have_one_or_two_bytes() {
        assert_eq!(usage_page(&[0x05, 0x8d, 0x09]), Some(SCALE_PAGE));
        assert_eq!(usage_page(&[0x06, 0x00, 0xff]), Some(0xff00));
        assert_eq!(usage_page(&[]), None);
    }
}
