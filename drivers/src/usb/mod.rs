//! USB devices through libusb: what is plugged in, and a byte stream to a device that a driver opens.
//!
//! One thread owns libusb: it learns of plugging and unplugging by hot-plug events where the system has them and looks
//! itself twice a second otherwise, and it opens devices. Each open device has two threads of its own, which wait for
//! its transfers, because libusb's asynchronous interface needs code that this project does not allow itself. So a
//! device that hangs blocks nobody else. Between the threads and the driver is a socket pair, whose buffers bound what
//! a device can flood.
//!
//! | failure | effect |
//! | --- | --- |
//! | the device is unplugged | its transfer fails, the stream ends, and the supervisor connects again |
//! | the device comes back, in whichever port | it is found by vendor, product and serial number within half a second |
//! | the kernel's driver has the device | it is detached, and attached again when the stream is closed |
//! | permissions come late (udev runs after libusb) | opening fails with the reason, and the supervisor tries again |
//! | the system has no USB | opening fails with the reason; the thread looks again |

mod bus;
mod describe;
mod stream;

use std::fmt;

pub use self::{
    bus::Bus,
    describe::{Interface, UsbDevice},
};

/// How a USB device is found: by what it says of itself, not by its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbId {
    /// The vendor.
    pub vendor: u16,
    /// The product.
    pub product: u16,
    /// The serial number, where several of the same product are plugged in.
    pub serial: Option<String>,
}

impl UsbId {
    /// Reads `0922:8003`.
    pub(crate) fn parse(text: &str, serial: Option<String>) -> Option<Self> {
        let (vendor, product) = text.split_once(':')?;
        let number = |text: &str| {
            let is_id = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_id.then(|| u16::from_str_radix(text, 16).ok()).flatten()
        };
        Some(Self { vendor: number(vendor)?, product: number(product)?, serial })
    }

    /// Whether a device is this one.
    pub(crate) fn is(&self, vendor: u16, product: u16, serial: Option<&str>) -> bool {
        self.vendor == vendor && self.product == product && self.serial.as_deref().is_none_or(|own| Some(own) == serial)
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)
    }
}
