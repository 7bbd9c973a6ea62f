//! A ZPL label printer on TCP.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A printed label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintedLabel {
    /// The texts in order.
    pub fields: Vec<String>,
    /// The data of the barcode.
    pub barcode: Option<String>,
    /// The number of copies.
    pub copies: u32,
}

#[derive(Default)]
struct State {
    printed: Vec<PrintedLabel>,
    paper_out: bool,
    head_open: bool,
}

/// A simulated label printer.
pub struct SimulatedLabelPrinter {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl SimulatedLabelPrinter {
    /// Starts a printer, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One connection at a time, like print servers.
                let _ = serve(stream, &shared).await;
            }
        });
        Ok(Self { address, state, task })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The printed labels.
    pub fn printed(&self) -> Vec<PrintedLabel> {
        lock(&self.state).printed.clone()
    }

    /// Removes or inserts the labels.
    pub fn paper_out(&self, on: bool) {
        lock(&self.state).paper_out = on;
    }

    /// Opens or closes the head.
    pub fn head_open(&self, on: bool) {
        lock(&self.state).head_open = on;
    }
}

impl Drop for SimulatedLabelPrinter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut zpl = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        zpl.push_str(&String::from_utf8_lossy(&buffer[..length]));
        loop {
            if let Some(rest) = zpl.strip_prefix("~HS") {
                zpl = rest.to_owned();
                let (paper, head) = {
                    let state = lock(state);
                    (u8::from(state.paper_out), u8::from(state.head_open))
                };
                let status = format!(
                    "\x02030,{paper},0,0320,000,0,0,0,000,0,0,0\x03\r\n\x02000,0,{head},0,0,2,4,0,00000000,1,000\x03\r\n\x021234,0\x03\r\n"
                );
                stream.write_all(status.as_bytes()).await?;
            } else if let Some(end) = zpl.find("^XZ") {
                let label = interpret(&zpl[..end]);
                zpl.drain(..end + 3);
                lock(state).printed.push(label);
            } else {
                break;
            }
        }
    }
}

/// Executes a label's commands.
fn interpret(zpl: &str) -> PrintedLabel {
    let mut label = PrintedLabel { fields: Vec::new(), barcode: None, copies: 1 };
    let mut is_barcode = false;
    for command in zpl.split('^') {
        match command.get(..2).unwrap_or_default() {
            "BE" | "B8" | "BU" | "BC" => is_barcode = true,
            "FD" => {
                let data = unescape(&command[2..]);
                if std::mem::take(&mut is_barcode) {
                    // Code 128: the code sets, FNC1, and the escape for the start character.
                    label.barcode = Some(data.replace(">;>8", "[FNC1]").replace(">:", "").replace(">0", ">"));
                } else {
                    label.fields.push(data);
                }
            }
            "PQ" => label.copies = command[2..].parse().unwrap_or(1),
            _ => {}
        }
    }
    label
}

/// Decodes `_hh` to a byte.
fn unescape(data: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = data.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex) {
            (b'_', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
