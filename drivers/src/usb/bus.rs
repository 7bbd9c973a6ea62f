//! The thread that owns libusb.

use std::{
    os::unix::net::UnixStream,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rusb::{Context, Device, Hotplug, HotplugBuilder, UsbContext};
use tokio::sync::{oneshot, watch};

use super::{UsbId, describe::UsbDevice, stream};

/// How often the thread looks itself, in case that no event told it.
const LOOK: Duration = Duration::from_millis(500);

/// How often it looks for USB on a system that has none yet.
const NO_USB: Duration = Duration::from_secs(2);

/// The USB of this machine.
pub struct Bus {
    requests: Mutex<mpsc::Sender<Open>>,
    found: watch::Receiver<Vec<UsbDevice>>,
    /// Ends the thread's wait.
    context: watch::Receiver<Option<Context>>,
}

struct Open {
    id: UsbId,
    interface: Option<u8>,
    answer: oneshot::Sender<Result<UnixStream, String>>,
}

/// Called by libusb; the events themselves only end the thread's wait, because nothing may be opened in a callback.
struct Awake;

impl Hotplug<Context> for Awake {
    fn device_arrived(&mut self, _: Device<Context>) {}
    fn device_left(&mut self, _: Device<Context>) {}
}

impl Bus {
    /// The one bus of this process; its thread starts with the first use.
    ///
    /// # Errors
    /// The system can't start a thread.
    pub fn get() -> Result<&'static Self, String> {
        static BUS: OnceLock<Result<Bus, String>> = OnceLock::new();
        BUS.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    fn start() -> Result<Self, String> {
        let (requests, waiting) = mpsc::channel();
        let (tell_found, found) = watch::channel(Vec::new());
        let (tell_context, context) = watch::channel(None);
        thread::Builder::new()
            .name("usb".into())
            .spawn(move || run(&waiting, &tell_found, &tell_context))
            .map_err(|error| format!("could not start the USB thread: {error}"))?;
        Ok(Self { requests: Mutex::new(requests), found, context })
    }

    /// The devices that are plugged in, and every change.
    pub fn devices(&self) -> watch::Receiver<Vec<UsbDevice>> {
        self.found.clone()
    }

    /// Opens a device; the caller has the time-out.
    pub(crate) async fn open(&self, id: UsbId, interface: Option<u8>) -> Result<UnixStream, String> {
        let (answer, answered) = oneshot::channel();
        if self.requests().send(Open { id, interface, answer }).is_err() {
            return Err("the USB thread has ended; restart the hub".into());
        }
        if let Some(context) = &*self.context.borrow() {
            context.interrupt_handle_events();
        }
        answered.await.unwrap_or_else(|_| Err("the USB thread has ended; restart the hub".into()))
    }

    fn requests(&self) -> MutexGuard<'_, mpsc::Sender<Open>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(
    waiting: &mpsc::Receiver<Open>,
    found: &watch::Sender<Vec<UsbDevice>>,
    context: &watch::Sender<Option<Context>>,
) {
    loop {
        match Context::new() {
            Ok(usb) => {
                context.send_replace(Some(usb.clone()));
                if serve(&usb, waiting, found).is_none() {
                    return;
                }
                context.send_replace(None);
            }
            Err(error) => match waiting.recv_timeout(NO_USB) {
                Ok(open) => drop(open.answer.send(Err(format!("this machine has no USB: {error}")))),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            },
        }
    }
}

/// Serves until libusb fails, which begins again; `None` once nobody can ask any more.
fn serve(usb: &Context, waiting: &mpsc::Receiver<Open>, found: &watch::Sender<Vec<UsbDevice>>) -> Option<()> {
    // Dropping the registration ends it.
    let _hot_plug = rusb::has_hotplug().then(|| HotplugBuilder::new().enumerate(false).register(usb, Box::new(Awake)));
    loop {
        let Ok(devices) = usb.devices() else { return Some(()) };
        let devices: Vec<(Device<Context>, UsbDevice)> =
            devices.iter().filter_map(|device| UsbDevice::of(&device).map(|described| (device, described))).collect();
        let list: Vec<UsbDevice> = devices.iter().map(|(_, described)| described.clone()).collect();
        found.send_if_modified(|known| {
            let has_changed = *known != list;
            if has_changed {
                *known = list;
            }
            has_changed
        });
        loop {
            match waiting.try_recv() {
                Ok(Open { id, interface, answer }) => {
                    let of_id = devices.iter().find(|(_, it)| id.is(it.vendor, it.product, it.serial.as_deref()));
                    let opened = match of_id {
                        Some((device, _)) => stream::open(device, interface),
                        None => Err("it is not plugged in".into()),
                    };
                    let _ = answer.send(opened);
                }
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => return None,
            }
        }
        if usb.handle_events(Some(LOOK)).is_err() {
            return Some(());
        }
    }
}
