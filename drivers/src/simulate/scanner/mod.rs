//! A scanner on a serial line, or one that sends the reports of a USB scanner.

mod reports;

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::line::{Place, Port};
use crate::transport::Address;

/// What a simulated scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScannerProtocol {
    /// Text on a serial line, ended by CR.
    Serial,
    /// A HID point-of-sale scanner.
    Hid,
    /// A scanner that types on an American keyboard.
    Keyboard,
}

impl FromStr for ScannerProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "serial" => Ok(Self::Serial),
            "hid" => Ok(Self::Hid),
            "keyboard" => Ok(Self::Keyboard),
            other => Err(format!("unknown protocol `{}`; expected serial, hid or keyboard", other.escape_debug())),
        }
    }
}

/// A simulated scanner.
pub struct SimulatedScanner {
    protocol: ScannerProtocol,
    socket: Mutex<Socket>,
}

/// Where it is plugged in.
struct Socket {
    place: Place,
    address: Option<Address>,
    path: PathBuf,
    plugged: Option<(mpsc::Sender<Send>, JoinHandle<()>)>,
}

/// What is to be sent, in pieces, and who waits for it.
struct Send {
    pieces: Vec<Vec<u8>>,
    answer: oneshot::Sender<io::Result<Instant>>,
}

impl SimulatedScanner {
    /// Plugs in a serial scanner on a pseudo-terminal.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        Self::speaking(ScannerProtocol::Serial, &Place::Pty(link.map(Path::to_owned)))
    }

    /// Plugs in any scanner.
    ///
    /// # Errors
    /// The place can't be opened.
    pub fn speaking(protocol: ScannerProtocol, place: &Place) -> io::Result<Self> {
        let socket = Socket { place: place.clone(), address: None, path: PathBuf::new(), plugged: None };
        let scanner = Self { protocol, socket: Mutex::new(socket) };
        scanner.plug()?;
        Ok(scanner)
    }

    /// The address for the driver's config; `None` while it is unplugged.
    pub fn address(&self) -> Option<Address> {
        self.socket().address.clone()
    }

    /// The driver's path of a scanner on a pseudo-terminal.
    pub fn path(&self) -> PathBuf {
        self.socket().path.clone()
    }

    /// Scans a code; returns the time when its last byte was sent.
    ///
    /// # Errors
    /// It is unplugged.
    pub async fn scan(&self, aim: &str, data: &str) -> io::Result<Instant> {
        let is_file = matches!(self.socket().place, Place::File(_));
        let reports = match self.protocol {
            ScannerProtocol::Serial => return self.send(format!("{aim}{data}\r").as_bytes()).await,
            ScannerProtocol::Hid => reports::point_of_sale(aim, data),
            ScannerProtocol::Keyboard => reports::keyboard(&format!("{aim}{data}\r")),
        };
        // A gadget takes the report itself, without its length.
        let framed = |report: Vec<u8>| match u16::try_from(report.len()) {
            Ok(length) if !is_file => [&length.to_be_bytes(), report.as_slice()].concat(),
            _ => report,
        };
        self.send_all(reports.into_iter().map(framed).collect()).await
    }

    /// Sends any bytes, such as line noise or half a code.
    ///
    /// # Errors
    /// It is unplugged.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<Instant> {
        self.send_all(vec![bytes.to_vec()]).await
    }

    async fn send_all(&self, pieces: Vec<Vec<u8>>) -> io::Result<Instant> {
        let sends = self.socket().plugged.as_ref().map(|(sends, _)| sends.clone());
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        sends.ok_or_else(gone)?.send(Send { pieces, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Unplugs it.
    pub fn unplug(&self) {
        let mut socket = self.socket();
        socket.address = None;
        if let Some((_, task)) = socket.plugged.take() {
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
        socket.place = place;
        socket.address = port.address().ok();
        socket.path = port.path().map(Path::to_owned).unwrap_or_default();
        let (sends, sent) = mpsc::channel(8);
        socket.plugged = Some((sends, tokio::spawn(serve(port, sent))));
        Ok(())
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimulatedScanner {
    fn drop(&mut self) {
        self.unplug();
    }
}

async fn serve(port: Port, mut sent: mpsc::Receiver<Send>) {
    while let Ok(mut line) = port.accept().await {
        loop {
            let Some(Send { pieces, answer }) = sent.recv().await else { return };
            let mut done = Ok(());
            for piece in &pieces {
                if done.is_ok() {
                    done = line.write_all(piece).await;
                }
            }
            let is_broken = done.is_err();
            let _ = answer.send(done.map(|()| Instant::now()));
            if is_broken {
                break;
            }
        }
        if !port.has_connections() {
            return;
        }
    }
}
