//! A receipt printer on TCP, for ESC/POS or Star line mode. It interprets the commands independently of the drivers and
//! keeps what is on paper.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
    time::sleep,
};

/// The number of receipts kept.
const KEPT: usize = 50;

/// The language of a simulated receipt printer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptLanguage {
    /// ESC/POS.
    #[default]
    EscPos,
    /// Star line mode.
    StarLine,
}

struct State {
    language: ReceiptLanguage,
    /// The data of a QR code that is stored and not printed yet.
    qr: String,
    /// Star: documents since the counter was set.
    counter: u8,
    printed: VecDeque<Vec<String>>,
    paper: Vec<String>,
    line: String,
    drawer: u64,
    paper_out: bool,
    /// Lines until the paper is out.
    paper_left: Option<usize>,
    cover_open: bool,
    stalled: bool,
    /// Closes the connection after this many more bytes.
    hang_up_after: Option<usize>,
    /// Does not answer DLE EOT; the next field does the same for GS r.
    mute_in_real_time: bool,
    mute_in_line: bool,
    /// Milliseconds per line.
    line_ms: u64,
    count: watch::Sender<u64>,
}

/// A simulated receipt printer.
pub struct SimulatedReceiptPrinter {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    wake: Arc<Notify>,
    count: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl SimulatedReceiptPrinter {
    /// Starts an ESC/POS printer, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, ReceiptLanguage::EscPos).await
    }

    /// Starts a printer for a language.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind_with(address: SocketAddr, language: ReceiptLanguage) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (tell, count) = watch::channel(0);
        let state = Arc::new(Mutex::new(State {
            language,
            qr: String::new(),
            counter: 0,
            printed: VecDeque::new(),
            paper: Vec::new(),
            line: String::new(),
            drawer: 0,
            paper_out: false,
            paper_left: None,
            cover_open: false,
            stalled: false,
            hang_up_after: None,
            mute_in_real_time: false,
            mute_in_line: false,
            line_ms: 0,
            count: tell,
        }));
        let wake = Arc::<Notify>::default();
        let (shared, woken) = (Arc::clone(&state), Arc::clone(&wake));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = serve(stream, &shared, &woken).await;
            }
        });
        Ok(Self { address, state, wake, count, task })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The latest receipts, oldest first, as lines.
    pub fn printed(&self) -> Vec<Vec<String>> {
        lock(&self.state).printed.iter().cloned().collect()
    }

    /// The number of receipts cut, as it changes.
    pub fn count(&self) -> watch::Receiver<u64> {
        self.count.clone()
    }

    /// How often the cash drawer was opened.
    pub fn drawer_kicks(&self) -> u64 {
        lock(&self.state).drawer
    }

    /// Removes or inserts the roll.
    pub fn paper_out(&self, on: bool) {
        lock(&self.state).paper_out = on;
        self.wake.notify_waiters();
    }

    /// Its paper ends after this many more lines.
    pub fn paper_out_after(&self, lines: usize) {
        lock(&self.state).paper_left = Some(lines);
    }

    /// Opens or closes the cover.
    pub fn cover_open(&self, on: bool) {
        lock(&self.state).cover_open = on;
        self.wake.notify_waiters();
    }

    /// Stops answering DLE EOT, GS r or both, like many inexpensive printers.
    pub fn mute(&self, in_real_time: bool, in_line: bool) {
        let mut state = lock(&self.state);
        (state.mute_in_real_time, state.mute_in_line) = (in_real_time, in_line);
    }

    /// Takes this many milliseconds per line, and processes further data only afterwards.
    pub fn slow(&self, line_ms: u64) {
        lock(&self.state).line_ms = line_ms;
    }

    /// Stops or resumes reading.
    pub fn stall(&self, on: bool) {
        lock(&self.state).stalled = on;
        self.wake.notify_waiters();
    }

    /// Closes the connection once, after this many more bytes.
    pub fn hang_up_after(&self, bytes: usize) {
        lock(&self.state).hang_up_after = Some(bytes);
    }
}

impl Drop for SimulatedReceiptPrinter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>, wake: &Notify) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        loop {
            let woken = wake.notified();
            if !lock(state).stalled {
                break;
            }
            woken.await;
        }
        let woken = wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        work_off(&mut pending, &mut stream, state).await?;
        let length = tokio::select! {
            read = stream.read(&mut buffer) => read?,
            () = woken => continue,
        };
        if length == 0 {
            return Ok(());
        }
        let hang_up = {
            let mut state = lock(state);
            match &mut state.hang_up_after {
                Some(left) if *left <= length => {
                    state.hang_up_after = None;
                    state.paper.clear();
                    state.line.clear();
                    true
                }
                Some(left) => {
                    *left -= length;
                    false
                }
                None => false,
            }
        };
        if hang_up {
            return Ok(());
        }
        pending.extend_from_slice(&buffer[..length]);
    }
}

/// Executes commands one after the other; later ones wait while it prints. A printer without paper or with an open
/// cover keeps its buffer, and executes real-time commands alone.
async fn work_off(pending: &mut Vec<u8>, stream: &mut TcpStream, state: &Mutex<State>) -> io::Result<()> {
    loop {
        let mut answers = Vec::new();
        let (used, lines, line_ms) = {
            let mut state = lock(state);
            let before = state.paper.len();
            let real_time: &[u8] = match state.language {
                ReceiptLanguage::EscPos => &[0x10],
                ReceiptLanguage::StarLine => &[0x1b, 0x06, 0x01],
            };
            let urgent = || pending.windows(real_time.len()).position(|window| window == real_time);
            let at = if state.is_well() { Some(0) } else { urgent() };
            let Some(at) = at else { return Ok(()) };
            let rest = pending.get(at..).unwrap_or_default();
            let used = match state.language {
                ReceiptLanguage::EscPos => state.command(rest, &mut answers),
                ReceiptLanguage::StarLine => state.star_command(rest, &mut answers),
            };
            let Some(used) = used else { return Ok(()) };
            // Told to clear its buffer, it forgets what came before too.
            let from = if answers == CLEARED { 0 } else { at };
            (from..at + used, state.paper.len().saturating_sub(before), state.line_ms)
        };
        pending.drain(used);
        stream.write_all(&answers).await?;
        if lines > 0 && line_ms > 0 {
            sleep(Duration::from_millis(line_ms)).await;
        }
    }
}

/// The answer to DLE DC4 8.
const CLEARED: [u8; 3] = [0x37, 0x25, 0];

impl State {
    fn is_well(&self) -> bool {
        !self.paper_out && !self.cover_open
    }

    /// Executes one command and returns its length; `None` if it is incomplete.
    fn command(&mut self, bytes: &[u8], answers: &mut Vec<u8>) -> Option<usize> {
        match bytes {
            [0x10, 0x04, question, ..] => {
                let mut answer = 0x12;
                match question {
                    2 => answer |= u8::from(self.cover_open) << 2 | u8::from(self.paper_out) << 5,
                    4 if self.paper_out => answer |= 0x60,
                    _ => {}
                }
                if !self.mute_in_real_time {
                    answers.push(answer);
                }
                Some(3)
            }
            [0x1d, b'r', 1, ..] => {
                if !self.mute_in_line {
                    answers.push(0);
                }
                Some(3)
            }
            [0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8, ..] => {
                self.line.clear();
                answers.extend(CLEARED);
                Some(10)
            }
            [0x1b, b'@', ..] | [0x1c, b'.', ..] => Some(2),
            [0x1d, b'(', b'k', low, high, data @ ..] => {
                let data = data.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
                match data {
                    [b'1', b'P', b'0', text @ ..] => self.qr = String::from_utf8_lossy(text).into_owned(),
                    [b'1', b'Q', b'0'] => self.line = format!("[QR {}]", self.qr),
                    _ => {}
                }
                Some(5 + data.len())
            }
            [0x1b, b't' | b'E' | b'a', _, ..] | [0x1d, b'!' | b'h' | b'w' | b'H', _, ..] => Some(3),
            [0x1b, b'p', _, _, _, ..] | [0x10, 0x14, 1, _, _, ..] => {
                self.drawer += 1;
                Some(5)
            }
            [0x1d, b'v', b'0', _, row_low, row_high, height_low, height_high, dots @ ..] => {
                let row = usize::from(u16::from_le_bytes([*row_low, *row_high]));
                let height = usize::from(u16::from_le_bytes([*height_low, *height_high]));
                let dots = dots.get(..row * height)?;
                self.picture(row, height, dots);
                Some(8 + dots.len())
            }
            [0x1d, b'k', 73, length, data @ ..] => {
                let data = data.get(..usize::from(*length))?;
                self.line.push_str(&format!(
                    "[barcode {}]",
                    String::from_utf8_lossy(data.strip_prefix(b"{B").unwrap_or(data))
                ));
                Some(4 + data.len())
            }
            [0x1d, b'V', 66, _, ..] => {
                self.cut();
                Some(4)
            }
            [b'\n', ..] => {
                self.feed();
                Some(1)
            }
            [0x10 | 0x1b | 0x1c | 0x1d, ..] | [] => None,
            [byte, ..] => {
                self.line.push(letter(*byte));
                Some(1)
            }
        }
    }

    /// The same in Star line mode.
    fn star_command(&mut self, bytes: &[u8], answers: &mut Vec<u8>) -> Option<usize> {
        match bytes {
            [0x1b, 0x06, 0x01, ..] => {
                let offline = if self.is_well() { 0 } else { 0x08 } | u8::from(self.cover_open) << 5;
                let counter = self.counter;
                let counter = (counter & 0x07) << 1 | (counter & 0x18) << 2;
                if !self.mute_in_real_time {
                    answers.extend([0x23, 6, offline, 0, 0, u8::from(self.paper_out) << 3, 0, counter, 0]);
                }
                Some(3)
            }
            [0x1b, 0x1e, b'E', count, ..] => {
                self.counter = *count;
                Some(4)
            }
            [0x1b, b'@' | b'E' | b'F', ..] => Some(2),
            [0x1b, 0x1d, b't' | b'a', _, ..] | [0x1b, b'i' | 0x07, _, _, ..] => Some(4),
            [0x07, ..] => {
                self.drawer += 1;
                Some(1)
            }
            [0x1b, 0x1d, b'S', 1, row_low, row_high, height_low, height_high, 0, dots @ ..] => {
                let row = usize::from(u16::from_le_bytes([*row_low, *row_high]));
                let height = usize::from(u16::from_le_bytes([*height_low, *height_high]));
                let dots = dots.get(..row * height)?;
                self.picture(row, height, dots);
                Some(9 + dots.len())
            }
            [0x1b, 0x1d, b'y', b'S', _, _, ..] => Some(6),
            [0x1b, 0x1d, b'y', b'D', b'1', 0, low, high, data @ ..] => {
                let data = data.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
                self.qr = String::from_utf8_lossy(data).into_owned();
                Some(8 + data.len())
            }
            [0x1b, 0x1d, b'y', b'P', ..] => {
                self.line = format!("[QR {}]", self.qr);
                Some(4)
            }
            [0x1b, b'b', 6, _, _, _, data @ ..] => {
                let end = data.iter().position(|byte| *byte == 0x1e)?;
                self.line.push_str(&format!("[barcode {}]", String::from_utf8_lossy(&data[..end])));
                Some(7 + end)
            }
            [0x1b, b'd', _, ..] => {
                self.cut();
                Some(3)
            }
            [0x17, ..] => {
                self.counter = (self.counter + 1) % 32;
                Some(1)
            }
            [b'\n', ..] => {
                self.feed();
                Some(1)
            }
            [0x1b, ..] | [] => None,
            [byte, ..] => {
                self.line.push(letter(*byte));
                Some(1)
            }
        }
    }

    fn picture(&mut self, row: usize, height: usize, dots: &[u8]) {
        let black: u32 = dots.iter().map(|byte| byte.count_ones()).sum();
        self.paper.push(format!("[image {} x {height}, {black} dots]", row * 8));
    }

    fn cut(&mut self) {
        self.printed.push_back(std::mem::take(&mut self.paper));
        if self.printed.len() > KEPT {
            self.printed.pop_front();
        }
        self.count.send_modify(|count| *count += 1);
    }

    fn feed(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.paper.push(line.trim_end().to_owned());
        self.paper_left = self.paper_left.map(|left| left.saturating_sub(1));
        if self.paper_left == Some(0) {
            (self.paper_left, self.paper_out) = (None, true);
        }
    }
}

/// The character of a byte in code page 858.
fn letter(byte: u8) -> char {
    const HIGH: [&str; 8] = [
        "ÇüéâäàåçêëèïîìÄÅ",
        "ÉæÆôöòûùÿÖÜø£Ø×ƒ",
        "áíóúñÑªº¿®¬½¼¡«»",
        "░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐",
        "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤",
        "ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀",
        "ÓßÔÒõÕµþÞÚÛÙýÝ¯´",
        "\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    ];
    match byte {
        0x20..=0x7e => char::from(byte),
        0x80.. => {
            let row = HIGH.get(usize::from(byte >> 4) - 8).copied().unwrap_or_default();
            row.chars().nth(usize::from(byte & 0x0f)).unwrap_or('¤')
        }
        _ => '¤',
    }
}
