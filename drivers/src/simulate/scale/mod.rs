//! A scale that speaks one of the protocols on a pseudo-terminal or TCP port.

mod speech;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};

pub use self::speech::ScaleProtocol;
use self::speech::{Plate, Speech};
use super::line::{Fault, Line, Place, Port};
use crate::transport::Address;

/// A simulated scale.
pub struct SimulatedScale {
    protocol: ScaleProtocol,
    plate: Arc<Mutex<Plate>>,
    socket: Mutex<Socket>,
}

/// Where it is plugged in.
struct Socket {
    place: Place,
    address: Option<Address>,
    path: PathBuf,
    task: Option<JoinHandle<()>>,
}

impl SimulatedScale {
    /// Plugs in a scale with Toledo 8217 on a pseudo-terminal.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        Self::speaking(ScaleProtocol::Toledo8217, &Place::Pty(link.map(Path::to_owned)))
    }

    /// Plugs in a scale with any protocol.
    ///
    /// # Errors
    /// The place can't be opened.
    pub fn speaking(protocol: ScaleProtocol, place: &Place) -> io::Result<Self> {
        let socket = Socket { place: place.clone(), address: None, path: PathBuf::new(), task: None };
        let scale = Self { protocol, plate: Arc::default(), socket: Mutex::new(socket) };
        scale.plug()?;
        Ok(scale)
    }

    /// The address for the driver's config; `None` while it is unplugged.
    pub fn address(&self) -> Option<Address> {
        self.socket().address.clone()
    }

    /// The driver's path of a scale on a pseudo-terminal.
    pub fn path(&self) -> PathBuf {
        self.socket().path.clone()
    }

    /// Puts thousandths of the scale's unit on the plate; zero clears it.
    pub fn put(&self, milli: u32) {
        let mut plate = self.plate();
        (plate.milli, plate.has_moved) = (milli, true);
    }

    /// Makes something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.plate().fault = fault;
    }

    /// Unplugs it.
    pub fn unplug(&self) {
        let mut socket = self.socket();
        socket.address = None;
        if let Some(task) = socket.task.take() {
            task.abort();
        }
    }

    /// Plugs it in again, at the same place.
    ///
    /// # Errors
    /// The place can't be opened.
    pub fn plug(&self) -> io::Result<()> {
        let mut socket = self.socket();
        let (port, place) = Port::open(&socket.place)?;
        let is_file = matches!(place, Place::File(_));
        socket.place = place;
        socket.address = port.address().ok();
        socket.path = port.path().map(Path::to_owned).unwrap_or_default();
        let (plate, protocol) = (Arc::clone(&self.plate), self.protocol);
        socket.task = Some(tokio::spawn(async move {
            // A scale has lost everything that it was told before.
            let mut speech = Speech::new(protocol);
            while let Ok(line) = port.accept().await {
                let _ = serve(line, &mut speech, &plate, is_file).await;
                if !port.has_connections() {
                    return;
                }
            }
        }));
        Ok(())
    }

    fn plate(&self) -> MutexGuard<'_, Plate> {
        self.plate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimulatedScale {
    fn drop(&mut self) {
        self.unplug();
    }
}

async fn serve(mut line: Line<'_>, speech: &mut Speech, plate: &Mutex<Plate>, is_file: bool) -> io::Result<()> {
    let now = || *plate.lock().unwrap_or_else(PoisonError::into_inner);
    if speech.protocol == ScaleProtocol::Hid {
        loop {
            let plate = now();
            let report = Speech::report(plate);
            // A gadget takes the report itself, without its length.
            let report = if is_file { report.get(2..).unwrap_or_default() } else { &report };
            line.answer(report, plate.fault).await?;
            sleep(Duration::from_millis(50)).await;
        }
    }
    let mut buffer = [0; 64];
    loop {
        let length = line.read(&mut buffer).await?;
        for byte in &buffer[..length] {
            let answer = {
                let mut plate = plate.lock().unwrap_or_else(PoisonError::into_inner);
                speech.hear(*byte, &mut plate)
            };
            line.answer(&answer, now().fault).await?;
        }
    }
}
