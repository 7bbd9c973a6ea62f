//! An open device as a byte stream: two threads that wait for its transfers, and a socket pair to the driver.
//!
//! The reports of a HID device have their length before them ([`Reports`](crate::transport::Reports)); a printer's
//! bytes are the stream itself.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rusb::{Context, Device, DeviceHandle, Direction, TransferType};

use super::describe::{HID, PRINTER, SCALE_PAGE, SCANNER_PAGE, usage_page};

/// How long a read waits before it looks whether the driver has closed the stream.
const WAIT: Duration = Duration::from_millis(250);

/// How long a printer may take to accept a piece; while it is out of paper it accepts nothing.
const SLICE: Duration = Duration::from_secs(5);

/// How long the device may take for a control request.
const CONTROL: Duration = Duration::from_millis(500);

/// The interface that a driver uses.
struct Chosen {
    interface: u8,
    setting: u8,
    class: u8,
    is_boot_keyboard: bool,
    read: Option<(u8, TransferType)>,
    write: Option<u8>,
}

/// Opens a device: claims an interface, detaches the kernel's driver, starts the threads. Returns the driver's end.
///
/// # Errors
/// The reason and the remedy.
pub(super) fn open(device: &Device<Context>, wanted: Option<u8>) -> Result<UnixStream, String> {
    let handle = device.open().map_err(|error| match error {
        rusb::Error::Access => {
            "no permission; install the package's udev rules, and add the user to the group store-hub".into()
        }
        error => format!("could not open it: {error}"),
    })?;
    // Not every system can; then claiming fails with the reason.
    let _ = handle.set_auto_detach_kernel_driver(true);
    let chosen = choose(device, &handle, wanted)?;
    claim(&handle, chosen.interface).map_err(|error| match error {
        rusb::Error::Busy => "another program uses it; stop it, or remove the device from it".into(),
        error => format!("could not claim interface {}: {error}", chosen.interface),
    })?;
    if chosen.setting != 0 {
        handle
            .set_alternate_setting(chosen.interface, chosen.setting)
            .map_err(|error| format!("could not select setting {}: {error}", chosen.setting))?;
    }
    if chosen.is_boot_keyboard {
        // SET_PROTOCOL to the boot protocol, SET_IDLE to reports on change only. A device may refuse both.
        let number = u16::from(chosen.interface);
        let _ = handle.write_control(0x21, 0x0b, 0, number, &[], CONTROL);
        let _ = handle.write_control(0x21, 0x0a, 0, number, &[], CONTROL);
    }
    let (near, far) = UnixStream::pair().map_err(|error| format!("could not make a socket pair: {error}"))?;
    start(handle, &chosen, near).map_err(|error| format!("could not start its threads: {error}"))?;
    Ok(far)
}

/// Claims an interface. The threads of a stream that was just closed have it for a moment longer.
fn claim(handle: &DeviceHandle<Context>, interface: u8) -> Result<(), rusb::Error> {
    let mut tries = 0;
    loop {
        match handle.claim_interface(interface) {
            Err(rusb::Error::Busy) if tries < 4 => {
                tries += 1;
                thread::sleep(WAIT / 2);
            }
            claimed => return claimed,
        }
    }
}

/// The interface that was asked for; otherwise a point-of-sale page, another HID interface, or a printer.
fn choose(device: &Device<Context>, handle: &DeviceHandle<Context>, wanted: Option<u8>) -> Result<Chosen, String> {
    let config =
        device.active_config_descriptor().map_err(|error| format!("could not read its configuration: {error}"))?;
    let mut found: Vec<(u8, Chosen)> = Vec::new();
    for interface in config.interfaces() {
        for setting in interface.descriptors() {
            let (class, protocol) = (setting.class_code(), setting.protocol_code());
            let number = setting.interface_number();
            if wanted.is_some_and(|wanted| wanted != number) {
                continue;
            }
            let endpoint = |direction, types: &[TransferType]| {
                let mut ends = setting.endpoint_descriptors();
                ends.find(|end| end.direction() == direction && types.contains(&end.transfer_type()))
                    .map(|end| (end.address(), end.transfer_type()))
            };
            let is_boot_keyboard = class == HID && setting.sub_class_code() == 1 && protocol == 1;
            let rank = match class {
                HID if wanted.is_none() && !is_boot_keyboard => match page_of(handle, number) {
                    Some(SCALE_PAGE | SCANNER_PAGE) => 4,
                    _ => 1,
                },
                HID => 3,
                // Two-way before one-way; not IEEE 1284.4.
                PRINTER => match protocol {
                    2 => 2,
                    1 => 1,
                    _ => continue,
                },
                _ => continue,
            };
            let kinds: &[TransferType] = if class == HID { &[TransferType::Interrupt] } else { &[TransferType::Bulk] };
            found.push((
                rank,
                Chosen {
                    interface: number,
                    setting: setting.setting_number(),
                    class,
                    is_boot_keyboard,
                    read: endpoint(Direction::In, kinds),
                    write: endpoint(Direction::Out, kinds).map(|(address, _)| address),
                },
            ));
        }
    }
    found.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    found.into_iter().map(|(_, chosen)| chosen).next().ok_or_else(|| match wanted {
        Some(number) => format!("its interface {number} is neither a HID device nor a printer"),
        None => {
            "it is neither a HID device nor a printer; a serial adapter has the address serial:VENDOR:PRODUCT".into()
        }
    })
}

/// The usage page of an interface: its report descriptor, which can be read while the kernel's driver has it.
fn page_of(handle: &DeviceHandle<Context>, interface: u8) -> Option<u16> {
    let mut descriptor = [0; 64];
    let length = handle.read_control(0x81, 0x06, 0x2200, interface.into(), &mut descriptor, CONTROL).ok()?;
    usage_page(descriptor.get(..length)?)
}

fn start(handle: DeviceHandle<Context>, chosen: &Chosen, near: UnixStream) -> std::io::Result<()> {
    let handle = Arc::new(handle);
    let is_closed = Arc::new(AtomicBool::new(false));
    if let Some((endpoint, kind)) = chosen.read {
        let (handle, is_closed, near) = (Arc::clone(&handle), Arc::clone(&is_closed), near.try_clone()?);
        let is_report = chosen.class == HID;
        thread::Builder::new()
            .name("usb-read".into())
            .spawn(move || read(&handle, endpoint, kind, is_report, near, &is_closed))?;
    }
    let write_to = chosen.write.filter(|_| chosen.class == PRINTER);
    thread::Builder::new().name("usb-write".into()).spawn(move || write(&handle, write_to, near, &is_closed))?;
    Ok(())
}

/// Reads from the device until it is unplugged or the driver closes the stream.
fn read(
    handle: &DeviceHandle<Context>,
    endpoint: u8,
    kind: TransferType,
    is_report: bool,
    mut driver: UnixStream,
    is_closed: &AtomicBool,
) {
    let mut buffer = [0; 2 + 1024];
    while !is_closed.load(Ordering::Relaxed) {
        let (head, body) = buffer.split_at_mut(2);
        let read = match kind {
            TransferType::Interrupt => handle.read_interrupt(endpoint, body, WAIT),
            _ => handle.read_bulk(endpoint, body, WAIT),
        };
        let sent = match read {
            Ok(0) | Err(rusb::Error::Timeout | rusb::Error::Interrupted) => continue,
            Ok(length) if is_report => {
                head.copy_from_slice(&u16::try_from(length).unwrap_or_default().to_be_bytes());
                driver.write_all(buffer.get(..2 + length).unwrap_or_default())
            }
            Ok(length) => driver.write_all(body.get(..length).unwrap_or_default()),
            // A device that can't say anything more at this endpoint, and one that said too much.
            Err(rusb::Error::Pipe | rusb::Error::Overflow) => match handle.clear_halt(endpoint) {
                Ok(()) => continue,
                Err(_) => break,
            },
            Err(_) => break,
        };
        if sent.is_err() {
            break;
        }
    }
    // The driver's read ends, and so does the other thread's.
    let _ = driver.shutdown(Shutdown::Both);
}

/// Writes what the driver sends, until it closes the stream.
fn write(handle: &DeviceHandle<Context>, endpoint: Option<u8>, mut driver: UnixStream, is_closed: &AtomicBool) {
    let mut buffer = [0; 4096];
    'stream: loop {
        let length = match driver.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let Some(endpoint) = endpoint else { continue };
        let mut rest = buffer.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            match handle.write_bulk(endpoint, rest, SLICE) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                // Out of paper: it accepts nothing until somebody has loaded some, or the driver gives up.
                Err(rusb::Error::Timeout) if !is_hung_up(&driver) => {}
                Err(_) => break 'stream,
            }
        }
    }
    is_closed.store(true, Ordering::Relaxed);
    let _ = driver.shutdown(Shutdown::Both);
}

/// Whether the driver has closed its end.
fn is_hung_up(driver: &UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut ends = [PollFd::new(driver, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut ends, Some(&now)) {
        Ok(_) => ends.iter().any(|end| end.revents().intersects(PollFlags::HUP | PollFlags::ERR)),
        Err(_) => true,
    }
}
