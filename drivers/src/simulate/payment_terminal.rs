//! A card terminal that speaks ZVT on TCP, with a journal that outlives its links.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A transaction in the terminal's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Minor units.
    pub minor: u64,
    /// Its trace number.
    pub trace: u32,
    /// Its receipt number.
    pub receipt: u16,
    /// What became of it.
    pub state: BookedState,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookedState {
    /// The customer was charged.
    Charged,
    /// Charged, and given back.
    Reversed,
}

/// Where an authorisation is when the link is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The command came in; nothing was said or done.
    CommandReceived,
    /// The command was acknowledged.
    CommandAcknowledged,
    /// The bank said yes and it is booked; the result was not sent.
    Booked,
    /// The result was sent; its acknowledgement was not waited for.
    ResultSent,
    /// The acknowledgement came in.
    ResultAcknowledged,
    /// The receipt text was sent and acknowledged.
    TextSent,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::CommandReceived,
        Self::CommandAcknowledged,
        Self::Booked,
        Self::ResultSent,
        Self::ResultAcknowledged,
        Self::TextSent,
    ];
}

#[derive(Default)]
struct State {
    journal: Vec<Booked>,
    trace: u32,
    decline_next: Option<u8>,
    drop_at: Option<Point>,
    mute: bool,
    /// Writes go out in pieces of so many bytes.
    split: Option<usize>,
    repeat_result: bool,
    approve_after_abort: bool,
    full_pan: bool,
    hold: bool,
    think: Duration,
}

/// The terminal.
pub struct SimulatedTerminal {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

macro_rules! fault {
    ($(#[$doc:meta])* $name:ident, $field:ident: $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, value: $type) {
            lock(&self.state).$field = value;
        }
    };
}

impl SimulatedTerminal {
    /// Switches a terminal on, at a free port if the port is 0.
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
                // One link at a time; what one does wrong ends it.
                let _ = stream.set_nodelay(true);
                let _ = Session { stream, state: &shared, pending: Vec::new() }.serve().await;
            }
        });
        Ok(Self { address, state, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its journal: what customers were really charged.
    pub fn journal(&self) -> Vec<Booked> {
        lock(&self.state).journal.clone()
    }

    fault! {
        /// The next authorisation is declined with this code.
        decline_next, decline_next: Option<u8>
    }
    fault! {
        /// The next authorisation loses its link there.
        drop_link_at, drop_at: Option<Point>
    }
    fault! {
        /// It answers nothing any more.
        mute, mute: bool
    }
    fault! {
        /// What it sends goes out in pieces of so many bytes.
        split, split: Option<usize>
    }
    fault! {
        /// It sends its result twice.
        repeat_result, repeat_result: bool
    }
    fault! {
        /// An abort comes too late: it approves all the same.
        approve_after_abort, approve_after_abort: bool
    }
    fault! {
        /// It sends a whole card number wherever it can: in the field for it, as track data, in the receipt text.
        full_pan, full_pan: bool
    }
    fault! {
        /// It waits for an abort: the customer does not come.
        wait_for_abort, hold: bool
    }
    fault! {
        /// How long customer and bank take.
        think, think: Duration
    }
}

impl Drop for SimulatedTerminal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Session<'a> {
    stream: TcpStream,
    state: &'a Mutex<State>,
    pending: Vec<u8>,
}

/// The link is over, by accident or on purpose.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

const ACK: &[u8] = &[0x80, 0x00, 0x00];

impl Session<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(self.state)
    }

    async fn serve(mut self) -> Result<(), Over> {
        loop {
            let (code, data) = self.receive().await?;
            if self.state().mute {
                continue;
            }
            match code {
                [0x06, 0x00] => {
                    self.write(ACK).await?;
                    // Status byte, terminal id, currency.
                    self.lead(&[0x06, 0x0f, 0x0a, 0x19, 0x00, 0x29, 0x52, 0x52, 0x35, 0x35, 0x49, 0x08, 0x40]).await?;
                }
                [0x06, 0x01] => self.authorise(&data).await?,
                [0x06, 0x20] => self.repeat_receipt().await?,
                [0x06, 0x30] => self.reverse(&data).await?,
                [0x05, 0x01] => {
                    self.write(ACK).await?;
                    self.lead(&[0x06, 0x0f, 0x01, 0x00]).await?;
                }
                [0x80 | 0x84, _] => {}
                // An abort that came after the end, and all that is not known here.
                _ => self.write(&[0x84, 0x83, 0x00]).await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<([u8; 2], Vec<u8>), Over> {
        loop {
            let header = match *self.pending {
                [_, _, 0xff, low, high, ..] => Some((5, usize::from(low) | usize::from(high) << 8)),
                [_, _, 0xff, ..] => None,
                [_, _, length, ..] => Some((3, usize::from(length))),
                _ => None,
            };
            if let Some((start, length)) = header
                && self.pending.len() >= start + length
            {
                let frame: Vec<u8> = self.pending.drain(..start + length).collect();
                return Ok(([frame[0], frame[1]], frame[start..].to_vec()));
            }
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer).await? {
                0 => return Err(Over),
                length => self.pending.extend_from_slice(&buffer[..length]),
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let split = self.state().split.unwrap_or(bytes.len()).max(1);
        for piece in bytes.chunks(split) {
            self.stream.write_all(piece).await?;
            if split < bytes.len() {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Sends a frame and waits for its acknowledgement: the two bytes that say which.
    async fn lead(&mut self, frame: &[u8]) -> Result<[u8; 2], Over> {
        self.write(frame).await?;
        loop {
            let (code, _) = self.receive().await?;
            if matches!(code, [0x80 | 0x84, _]) {
                return Ok(code);
            }
        }
    }

    fn reached(&self, point: Point) -> Result<(), Over> {
        let mut state = self.state();
        if state.drop_at == Some(point) {
            state.drop_at = None;
            return Err(Over);
        }
        Ok(())
    }

    async fn authorise(&mut self, data: &[u8]) -> Result<(), Over> {
        self.reached(Point::CommandReceived)?;
        let [0x04, a, b, c, d, e, f, ..] = *data else {
            return self.write(&[0x84, 0x83, 0x00]).await;
        };
        let minor = [a, b, c, d, e, f]
            .iter()
            .fold(0, |minor, byte| minor * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15));
        self.write(ACK).await?;
        self.reached(Point::CommandAcknowledged)?;
        self.lead(&[0x04, 0xff, 0x01, 0x0a]).await?;
        let hold = self.state().hold;
        if hold {
            let (code, _) = self.receive().await?;
            if code == [0x06, 0xb0] {
                self.write(ACK).await?;
                if !self.state().approve_after_abort {
                    self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
                    return Ok(());
                }
            }
        }
        let think = self.state().think;
        tokio::time::sleep(think).await;
        let declined = self.state().decline_next.take();
        if let Some(code) = declined {
            self.lead(&[0x06, 0x1e, 0x01, code]).await?;
            return Ok(());
        }
        let booked = {
            let mut state = self.state();
            state.trace += 1;
            let receipt = u16::try_from(state.trace % 10_000).unwrap_or(0);
            let booked = Booked { minor, trace: state.trace, receipt, state: BookedState::Charged };
            state.journal.push(booked.clone());
            booked
        };
        self.reached(Point::Booked)?;
        let result = self.result(&booked, 0x00);
        let dropping = self.state().drop_at == Some(Point::ResultSent);
        if dropping {
            self.write(&result).await?;
            self.reached(Point::ResultSent)?;
        }
        let mut vote = self.lead(&result).await?;
        if self.state().repeat_result {
            vote = self.lead(&result).await?;
        }
        self.reached(Point::ResultAcknowledged)?;
        if vote == [0x84, 0x66] {
            self.give_back(booked.receipt);
            self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
            return Ok(());
        }
        self.text(&booked).await?;
        self.reached(Point::TextSent)?;
        self.lead(&[0x06, 0x0f, 0x00]).await?;
        Ok(())
    }

    async fn text(&mut self, booked: &Booked) -> Result<(), Over> {
        let pan = if self.state().full_pan { "4761739001010119" } else { "476173xxxxxx0119" };
        let lines = [
            "** CARD PAYMENT **".to_owned(),
            "Terminal 52523535".to_owned(),
            format!("Trace {:06}  Receipt {:04}", booked.trace, booked.receipt),
            format!("VISA {pan}"),
            "Payment approved".to_owned(),
        ];
        for line in lines {
            let mut frame = vec![0x06, 0xd1, u8::try_from(line.len() + 1).unwrap_or(0), 0x00];
            frame.extend(line.bytes());
            self.lead(&frame).await?;
        }
        Ok(())
    }

    async fn repeat_receipt(&mut self) -> Result<(), Over> {
        self.write(ACK).await?;
        let last = self.state().journal.last().cloned();
        match last {
            None => {
                self.lead(&[0x06, 0x1e, 0x01, 0x64]).await?;
            }
            Some(booked) => {
                let code = if booked.state == BookedState::Charged { 0x00 } else { 0x6c };
                let result = self.result(&booked, code);
                self.lead(&result).await?;
                self.text(&booked).await?;
                self.lead(&[0x06, 0x0f, 0x00]).await?;
            }
        }
        Ok(())
    }

    async fn reverse(&mut self, data: &[u8]) -> Result<(), Over> {
        let receipt = match *data {
            [_, _, _, 0x87, high, low, ..] => [high, low]
                .iter()
                .fold(0, |number, byte| number * 100 + u16::from(byte >> 4) * 10 + u16::from(byte & 15)),
            _ => return self.write(&[0x84, 0x83, 0x00]).await,
        };
        self.write(ACK).await?;
        let found = self.state().journal.iter().find(|booked| booked.receipt == receipt).cloned();
        match found {
            Some(booked) if booked.state == BookedState::Charged => {
                self.give_back(receipt);
                let result = self.result(&booked, 0x00);
                self.lead(&result).await?;
                self.lead(&[0x06, 0x0f, 0x00]).await?;
            }
            Some(_) => {
                self.lead(&[0x06, 0x1e, 0x01, 0xb4]).await?;
            }
            None => {
                self.lead(&[0x06, 0x1e, 0x01, 0xb5]).await?;
            }
        }
        Ok(())
    }

    fn give_back(&self, receipt: u16) {
        if let Some(booked) = self.state().journal.iter_mut().find(|booked| booked.receipt == receipt) {
            booked.state = BookedState::Reversed;
        }
    }

    /// A status information, `04 0F`.
    fn result(&self, booked: &Booked, code: u8) -> Vec<u8> {
        let bcd = |number: u64, bytes: u32| -> Vec<u8> {
            (0..bytes)
                .rev()
                .map(|place| u8::try_from(number / 100_u64.pow(place) % 100).unwrap_or(0))
                .map(|pair| pair / 10 * 16 + pair % 10)
                .collect()
        };
        let mut data = vec![0x27, code, 0x04];
        data.extend(bcd(booked.minor, 6));
        data.extend([0x49, 0x08, 0x40, 0x0b]);
        data.extend(bcd(u64::from(booked.trace), 3));
        data.extend([0x0c, 0x14, 0x15, 0x16, 0x0d, 0x11, 0x24, 0x29, 0x52, 0x52, 0x35, 0x35, 0x87]);
        data.extend(bcd(u64::from(booked.receipt), 2));
        if self.state().full_pan {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19]);
            data.extend([
                0x23, 0xf1, 0xf3, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19, 0xd2, 0x81, 0x22, 0x01, 0x00,
            ]);
        } else {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0xee, 0xee, 0xee, 0x01, 0x19]);
        }
        data.extend([0x8a, 0x0a, 0x8b, 0xf0, 0xf5]);
        data.extend(b"VISA\0");
        let mut frame = vec![0x04, 0x0f];
        match u8::try_from(data.len()) {
            Ok(length) if length < 0xff => frame.push(length),
            _ => frame.extend([
                0xff,
                u8::try_from(data.len() % 256).unwrap_or(0),
                u8::try_from(data.len() / 256).unwrap_or(0),
            ]),
        }
        frame.extend(data);
        frame
    }
}
