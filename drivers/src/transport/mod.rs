//! Device addresses, and connections to them: serial lines, USB devices and TCP sockets as byte streams.
//!
//! Connecting is bounded by a time-out. Reading and writing are bounded by the drivers, which know how long their
//! device may take.

mod by_usb;
mod reports;
mod serial;
mod throttle;

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

pub(crate) use by_usb::lines as serial_adapters;
pub(crate) use reports::Reports;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

pub(crate) use self::throttle::Throttle;
use crate::usb::{Bus, UsbId};

/// A full-duplex byte stream to a device.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The address of a device, as written in a config:
///
/// - `tcp://10.0.0.5:9100`
/// - `serial:/dev/serial/by-id/usb-…?baud=9600&data=7&parity=even&stop=1`
/// - `serial:0403:6001?serial=A1&baud=9600`: the line of the USB adapter with this vendor and product
/// - `usb:0922:8003?serial=S1&interface=0`: a USB device by vendor and product; the serial number where several are
///   plugged in, and the interface where the device has several
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A serial line.
    Serial {
        /// The device file.
        path: PathBuf,
        /// The line settings.
        line: SerialLine,
    },
    /// The serial line of a USB adapter, in whichever port it is plugged in.
    UsbSerial {
        /// The adapter.
        id: UsbId,
        /// The line settings.
        line: SerialLine,
    },
    /// A USB device: HID or printer.
    Usb {
        /// The device.
        id: UsbId,
        /// The interface; by default the one for points of sale.
        interface: Option<u8>,
    },
    /// A TCP port.
    Tcp {
        /// A host name or IP address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// The settings of a serial line. The default is 9600 8N1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Bits per second, 300 to 921,600.
    pub baud: u32,
    /// Data bits, 7 or 8.
    pub data: u8,
    /// Parity.
    pub parity: Parity,
    /// Stop bits, 1 or 2.
    pub stop: u8,
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

impl Default for SerialLine {
    fn default() -> Self {
        Self { baud: 9600, data: 8, parity: Parity::None, stop: 1 }
    }
}

/// Why an address is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid device address `{given}`: {why}; expected tcp://HOST:PORT, \
     serial:/dev/…?baud=9600&data=8&parity=none&stop=1 \
     or usb:VENDOR:PRODUCT"
)]
pub struct BadAddress {
    given: String,
    why: String,
}

/// Why a device could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Could not open {address}: {why}")]
pub struct ConnectError {
    address: String,
    why: String,
}

impl Address {
    /// Connects to the device.
    ///
    /// # Errors
    /// The connection fails or takes longer than `limit`.
    pub async fn connect(&self, limit: Duration) -> Result<Box<dyn Wire>, ConnectError> {
        let failed = |why: String| ConnectError { address: self.to_string(), why };
        match self {
            Self::Tcp { host, port } => {
                let stream = timeout(limit, TcpStream::connect((host.as_str(), *port)))
                    .await
                    .map_err(|_| {
                        failed(format!(
                            "no answer within {} s; check that it is switched on and on this network",
                            limit.as_secs()
                        ))
                    })?
                    .map_err(|error| failed(format!("{error}; check that it is switched on and the port is right")))?;
                // Commands are small, and each waits for its answer.
                stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
                Ok(Box::new(stream))
            }
            Self::Usb { id, interface } => {
                let opening = async { Bus::get()?.open(id.clone(), *interface).await };
                let opened = timeout(limit, opening).await.map_err(|_| failed("it did not open in time".into()))?;
                let stream = opened.map_err(failed)?;
                let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
                Ok(Box::new(stream.map_err(|error| failed(error.to_string()))?))
            }
            Self::Serial { .. } | Self::UsbSerial { .. } => {
                let address = self.clone();
                let opening = tokio::task::spawn_blocking(move || match address {
                    Self::UsbSerial { id, line } => serial::OpenLine::open(&by_usb::line_of(&id)?, line),
                    Self::Serial { path, line } => serial::OpenLine::open(&path, line),
                    Self::Tcp { .. } | Self::Usb { .. } => Err("not a serial line".into()),
                });
                let opened = timeout(limit, opening)
                    .await
                    .map_err(|_| failed("it did not open in time".into()))?
                    .map_err(|error| failed(error.to_string()))?
                    .map_err(|why| {
                        failed(format!("{why}; check that it is plugged in and this user may open it (group dialout)"))
                    })?;
                Ok(Box::new(opened.register().map_err(|error| failed(error.to_string()))?))
            }
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let refuse = |why: &str| BadAddress { given: text.escape_debug().to_string(), why: why.to_owned() };
        if let Some(rest) = text.strip_prefix("tcp://") {
            let (host, port) = rest.rsplit_once(':').ok_or_else(|| refuse("the port is missing"))?;
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let port = port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| refuse("the port is not a number from 1 to 65535"))?;
            let plain = |char: char| char.is_ascii_alphanumeric() || "-._:%".contains(char);
            if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
                return Err(refuse("the host is not a name or an IP address"));
            }
            return Ok(Self::Tcp { host: host.to_owned(), port });
        }
        if let Some(rest) = text.strip_prefix("usb:") {
            return Self::usb(rest).map_err(|why| refuse(&why));
        }
        let rest = text.strip_prefix("serial:").ok_or_else(|| refuse("it must begin with tcp://, serial: or usb:"))?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let adapter = UsbId::parse(path, None);
        if adapter.is_none() && (!path.starts_with('/') || path.len() > 4096 || path.chars().any(char::is_control)) {
            return Err(refuse("the device file must be an absolute path or VENDOR:PRODUCT of a USB adapter"));
        }
        let mut number = None;
        let mut line = SerialLine::default();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("baud", value)) => {
                    let baud = value.parse().ok().filter(|baud| (300..=921_600).contains(baud));
                    line.baud = baud.ok_or_else(|| refuse("baud is a number from 300 to 921600"))?;
                }
                Some(("data", "7")) => line.data = 7,
                Some(("data", "8")) => line.data = 8,
                Some(("parity", "none")) => line.parity = Parity::None,
                Some(("parity", "even")) => line.parity = Parity::Even,
                Some(("parity", "odd")) => line.parity = Parity::Odd,
                Some(("stop", "1")) => line.stop = 1,
                Some(("stop", "2")) => line.stop = 2,
                Some(("serial", value)) if adapter.is_some() && is_serial_number(value) => {
                    number = Some(value.to_owned());
                }
                _ => return Err(refuse(&format!("unknown option `{}` of a serial line", option.escape_debug()))),
            }
        }
        Ok(match adapter {
            Some(id) => Self::UsbSerial { id: UsbId { serial: number, ..id }, line },
            None => Self::Serial { path: PathBuf::from(path), line },
        })
    }
}

impl Address {
    /// Whether it is on this machine, where looking again costs nothing.
    pub fn is_local(&self) -> bool {
        !matches!(self, Self::Tcp { .. })
    }

    /// Reads `0922:8003?serial=S1&interface=0`.
    fn usb(rest: &str) -> Result<Self, String> {
        let (id, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut id = UsbId::parse(id, None).ok_or("expected VENDOR:PRODUCT, each of four hexadecimal digits")?;
        let mut interface = None;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("serial", value)) if is_serial_number(value) => id.serial = Some(value.to_owned()),
                Some(("interface", value)) => {
                    interface = Some(value.parse().map_err(|_| "interface is a number from 0 to 255")?);
                }
                _ => return Err(format!("unknown option `{}` of a USB device", option.escape_debug())),
            }
        }
        Ok(Self::Usb { id, interface })
    }
}

fn is_serial_number(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Usb { id, interface } => {
                write!(f, "usb:{id}")?;
                let mut before = '?';
                if let Some(serial) = &id.serial {
                    write!(f, "{before}serial={serial}")?;
                    before = '&';
                }
                interface.map_or(Ok(()), |interface| write!(f, "{before}interface={interface}"))
            }
            Self::Serial { line, .. } | Self::UsbSerial { line, .. } => {
                let mut before = '?';
                match self {
                    Self::UsbSerial { id, .. } => {
                        write!(f, "serial:{id}")?;
                        if let Some(serial) = &id.serial {
                            write!(f, "{before}serial={serial}")?;
                            before = '&';
                        }
                    }
                    Self::Serial { path, .. } => write!(f, "serial:{}", path.display())?,
                    Self::Tcp { .. } | Self::Usb { .. } => {}
                }
                let usual = SerialLine::default();
                let mut option = |name: &str, value: &dyn fmt::Display, differs: bool| {
                    if differs {
                        f.write_char(before)?;
                        before = '&';
                        write!(f, "{name}={value}")?;
                    }
                    Ok(())
                };
                let parity = match line.parity {
                    Parity::None => "none",
                    Parity::Even => "even",
                    Parity::Odd => "odd",
                };
                option("baud", &line.baud, line.baud != usual.baud)?;
                option("data", &line.data, line.data != usual.data)?;
                option("parity", &parity, line.parity != usual.parity)?;
                option("stop", &line.stop, line.stop != usual.stop)
            }
        }
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;
    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_read_back_as_written() {
        for text in [
            "tcp://10.0.0.5:9100",
            "tcp://[fe80::1]:20007",
            "serial:/dev/ttyUSB0",
            "serial:/dev/ttyUSB0?baud=115200",
            "serial:/dev/serial/by-id/usb-x?data=7&parity=even",
            "serial:/dev/ttyS0?baud=2400&data=7&parity=odd&stop=2",
            "serial:0403:6001",
            "serial:0403:6001?serial=A1&baud=4800",
            "usb:0922:8003",
            "usb:0922:8003?serial=S1&interface=1",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_invalid_address_is_refused_with_a_reason() {
        for (text, why) in [
            ("10.0.0.5:9100", "begin with tcp"),
            ("tcp://10.0.0.5", "port is missing"),
            ("tcp://:9100", "host"),
            ("tcp://a b:9100", "host"),
            ("tcp://a:99999", "65535"),
            ("serial:ttyUSB0", "absolute"),
            ("serial:/dev/ttyUSB0?baud=1", "300 to 921600"),
            ("serial:/dev/ttyUSB0?data=9", "data=9"),
            ("serial:/dev/ttyUSB0?serial=A1", "serial=A1"),
            ("usb:922:8003", "four hexadecimal digits"),
            ("usb:0922:8003?port=1", "port=1"),
            ("usb:0922:8003?serial=", "serial="),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_device_says_what_to_check() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let tcp: Address = format!("tcp://{nobody}").parse().unwrap();
        let error = tcp.connect(Duration::from_secs(2)).await.err().unwrap().to_string();
        assert!(error.contains("switched on"), "{error}");
        let serial: Address = "serial:/dev/no-such-line".parse().unwrap();
        let error = serial.connect(Duration::from_secs(2)).await.err().unwrap().to_string();
        assert!(error.contains("plugged in"), "{error}");
    }

    proptest! {
        #[test]
        fn the_parser_never_panics_and_addresses_round_trip(
            text in "(tcp://|serial:/|usb:0922:8003|serial:0403:6001)?.{0,60}",
        ) {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
