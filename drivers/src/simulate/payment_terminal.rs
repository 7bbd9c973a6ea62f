//! A card terminal that speaks ZVT on TCP, with a journal that outlives its links.
//!
//! It serves one link at a time. What it sends is put together here byte by byte, apart from the driver's encoder.
//!
//! | the link falls | what it does |
//! | --- | --- |
//! | before the customer is through | it forgets the payment; or [goes on with it](SimulatedTerminal::carry_on) and is busy meanwhile |
//! | after it booked, before the acknowledgement | it keeps the payment; or [reverses](SimulatedTerminal::reverse_unacknowledged) |
//! | later | it keeps the payment |

use std::{
    collections::{HashSet, VecDeque},
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

/// Where the link is dropped: every border between two messages, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The command came in; nothing was said or done.
    CommandReceived,
    /// The command was acknowledged.
    CommandAcknowledged,
    /// An intermediate status was sent.
    StatusSent,
    /// Its acknowledgement came in.
    StatusAcknowledged,
    /// The bank said yes and it is booked; the result was not sent.
    Booked,
    /// The result was sent; its acknowledgement was not waited for.
    ResultSent,
    /// The acknowledgement came in.
    ResultAcknowledged,
    /// A line of the receipt was sent.
    LineSent,
    /// The receipt text was sent and acknowledged.
    TextSent,
    /// The completion was sent.
    CompletionSent,
    /// The completion was acknowledged: the payment is through.
    CompletionAcknowledged,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::CommandReceived,
        Self::CommandAcknowledged,
        Self::StatusSent,
        Self::StatusAcknowledged,
        Self::Booked,
        Self::ResultSent,
        Self::ResultAcknowledged,
        Self::LineSent,
        Self::TextSent,
        Self::CompletionSent,
        Self::CompletionAcknowledged,
    ];
}

/// How a decline is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decline {
    /// By an abort alone.
    #[default]
    Abort,
    /// By a result, then an abort.
    ResultThenAbort,
    /// By an abort, then a result.
    AbortThenResult,
    /// By a result, then a completion.
    ResultThenCompletion,
}

/// Ways to behave that are on or off.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Quirk {
    Mute,
    Merge,
    RepeatResult,
    ApproveAfterAbort,
    FullPan,
    WaitForAbort,
    ReverseUnacknowledged,
    PrintBlocks,
}

#[derive(Default)]
struct State {
    journal: Vec<Booked>,
    trace: u32,
    /// As it was registered, in BCD.
    currency: [u8; 2],
    quirks: HashSet<Quirk>,
    decline_next: Option<u8>,
    decline: Decline,
    drop_at: Option<Point>,
    /// Writes go out in pieces of so many bytes.
    split: Option<usize>,
    /// After a lost link it goes on, and is busy for so many enquiries.
    carry_on: Option<u32>,
    /// It is busy for so many enquiries more.
    busy: u32,
    /// What it is busy with, in minor units.
    unfinished: Option<u64>,
    think: Duration,
}

impl State {
    fn is(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn book(&mut self, minor: u64) -> Booked {
        self.trace += 1;
        let receipt = u16::try_from(self.trace % 10_000).unwrap_or(0);
        let booked = Booked { minor, trace: self.trace, receipt, state: BookedState::Charged };
        self.journal.push(booked.clone());
        booked
    }

    /// An enquiry: the state to answer with. What it is busy with goes on meanwhile.
    fn enquired(&mut self) -> u8 {
        if self.busy == 0 {
            return 0x00;
        }
        self.busy -= 1;
        if self.busy == 0
            && let Some(minor) = self.unfinished.take()
        {
            self.book(minor);
        }
        0x9c
    }
}

/// The terminal.
pub struct SimulatedTerminal {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
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
                let _ = Session::new(stream, &shared).serve().await;
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

    /// How many payments stand: charged, and not given back.
    pub fn bookings(&self) -> usize {
        lock(&self.state).journal.iter().filter(|booked| booked.state == BookedState::Charged).count()
    }

    /// The next authorisation is declined with this code.
    pub fn decline_next(&self, decline_next: Option<u8>) {
        lock(&self.state).decline_next = decline_next;
    }

    /// How it tells a decline.
    pub fn decline_by(&self, decline: Decline) {
        lock(&self.state).decline = decline;
    }

    /// The next authorisation loses its link there.
    pub fn drop_link_at(&self, point: Option<Point>) {
        lock(&self.state).drop_at = point;
    }

    /// It is busy with something else for so many enquiries.
    pub fn busy(&self, enquiries: u32) {
        lock(&self.state).busy = enquiries;
    }

    /// After a link that fell before the result it goes on with the payment, and is busy with it for so many enquiries.
    pub fn carry_on(&self, carry_on: Option<u32>) {
        lock(&self.state).carry_on = carry_on;
    }

    /// What it sends goes out in pieces of so many bytes.
    pub fn split(&self, split: Option<usize>) {
        lock(&self.state).split = split;
    }

    /// How long customer and bank take.
    pub fn think(&self, think: Duration) {
        lock(&self.state).think = think;
    }

    /// It answers nothing any more.
    pub fn mute(&self, on: bool) {
        self.quirk(Quirk::Mute, on);
    }

    /// An acknowledgement goes out together with what follows it.
    pub fn merge(&self, on: bool) {
        self.quirk(Quirk::Merge, on);
    }

    /// It sends its result twice.
    pub fn repeat_result(&self, on: bool) {
        self.quirk(Quirk::RepeatResult, on);
    }

    /// An abort comes too late: it approves all the same.
    pub fn approve_after_abort(&self, on: bool) {
        self.quirk(Quirk::ApproveAfterAbort, on);
    }

    /// It sends a whole card number wherever it can: in the field for it, as track data, in the receipt text.
    pub fn full_pan(&self, on: bool) {
        self.quirk(Quirk::FullPan, on);
    }

    /// It waits for an abort: the customer does not come.
    pub fn wait_for_abort(&self, on: bool) {
        self.quirk(Quirk::WaitForAbort, on);
    }

    /// It gives back what was booked if the link falls before its result is acknowledged.
    pub fn reverse_unacknowledged(&self, on: bool) {
        self.quirk(Quirk::ReverseUnacknowledged, on);
    }

    /// It sends receipts as blocks of text, the merchant's as well.
    pub fn print_blocks(&self, on: bool) {
        self.quirk(Quirk::PrintBlocks, on);
    }

    fn quirk(&self, quirk: Quirk, on: bool) {
        let quirks = &mut lock(&self.state).quirks;
        if on {
            quirks.insert(quirk)
        } else {
            quirks.remove(&quirk)
        };
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
    /// What goes out together with the next write.
    held: Vec<u8>,
    /// Commands that crossed something which waits for its acknowledgement.
    crossed: VecDeque<([u8; 2], Vec<u8>)>,
    /// Where this link is dropped.
    drop_at: Option<Point>,
}

/// The link is over, by accident or on purpose.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

const ACK: &[u8] = &[0x80, 0x00, 0x00];

impl<'a> Session<'a> {
    fn new(stream: TcpStream, state: &'a Mutex<State>) -> Self {
        Self { stream, state, pending: Vec::new(), held: Vec::new(), crossed: VecDeque::new(), drop_at: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(self.state)
    }

    async fn serve(mut self) -> Result<(), Over> {
        loop {
            let (code, data) = self.command().await?;
            if self.state().is(Quirk::Mute) {
                continue;
            }
            match code {
                [0x06, 0x00] => {
                    if let [_, _, _, _, high, low, ..] = *data {
                        self.state().currency = [high, low];
                    }
                    self.acknowledge().await?;
                    let [high, low] = self.state().currency;
                    // Status byte, terminal id, currency.
                    self.lead(&[0x06, 0x0f, 0x0a, 0x19, 0x00, 0x29, 0x52, 0x52, 0x35, 0x35, 0x49, high, low]).await?;
                }
                [0x06, 0x01] => self.authorise(&data).await?,
                [0x06, 0x20] => self.repeat_receipt().await?,
                [0x06, 0x30] => self.reverse(&data).await?,
                [0x05, 0x01] => {
                    self.acknowledge().await?;
                    let state = self.state().enquired();
                    // The software's version with its length in three digits, then the state.
                    let version = [0x06, 0x0f, 0x0b, 0xf0, 0xf0, 0xf7, b'2', b'.', b'1', b'4', b'.', b'1', b'5'];
                    self.lead(&[version.as_slice(), &[state]].concat()).await?;
                }
                [0x80 | 0x84, _] => {}
                // An abort that came after the end, and all that is not known here.
                _ => self.write(&[0x84, 0x83, 0x00]).await?,
            }
        }
    }

    async fn command(&mut self) -> Result<([u8; 2], Vec<u8>), Over> {
        match self.crossed.pop_front() {
            Some(command) => Ok(command),
            None => self.receive().await,
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

    async fn acknowledge(&mut self) -> Result<(), Over> {
        if self.state().is(Quirk::Merge) {
            self.held.extend(ACK);
            return Ok(());
        }
        self.write(ACK).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let bytes = [std::mem::take(&mut self.held).as_slice(), bytes].concat();
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
        self.acknowledgement().await
    }

    async fn acknowledgement(&mut self) -> Result<[u8; 2], Over> {
        loop {
            match self.receive().await? {
                (code @ [0x80 | 0x84, _], _) => return Ok(code),
                command => self.crossed.push_back(command),
            }
        }
    }

    /// Drops the link if it is to fall here.
    fn reached(&self, point: Point) -> Result<(), Over> {
        if self.drop_at == Some(point) { Err(Over) } else { Ok(()) }
    }

    async fn authorise(&mut self, data: &[u8]) -> Result<(), Over> {
        let drop_at = self.state().drop_at.take();
        self.drop_at = drop_at;
        self.reached(Point::CommandReceived)?;
        let [0x04, a, b, c, d, e, f, ..] = *data else {
            return self.write(&[0x84, 0x83, 0x00]).await;
        };
        let minor = [a, b, c, d, e, f]
            .iter()
            .fold(0, |minor, byte| minor * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15));
        if self.state().busy > 0 {
            return self.write(&[0x84, 0x9c, 0x00]).await;
        }
        self.acknowledge().await?;
        let paid = self.customer().await.inspect_err(|_| {
            let mut state = self.state();
            if let Some(enquiries) = state.carry_on {
                (state.busy, state.unfinished) = (enquiries, Some(minor));
            }
        })?;
        if !paid {
            return Ok(());
        }
        let booked = self.state().book(minor);
        let vote = self.result_acknowledged(&booked).await.inspect_err(|_| {
            if self.state().is(Quirk::ReverseUnacknowledged) {
                self.give_back(booked.receipt);
            }
        })?;
        self.reached(Point::ResultAcknowledged)?;
        if vote == [0x84, 0x66] {
            self.give_back(booked.receipt);
            self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
            return Ok(());
        }
        self.text(&booked).await?;
        self.reached(Point::TextSent)?;
        self.write(&[0x06, 0x0f, 0x00]).await?;
        self.reached(Point::CompletionSent)?;
        self.acknowledgement().await?;
        self.reached(Point::CompletionAcknowledged)
    }

    /// Customer and bank: whether it is paid. If not, the register was told.
    async fn customer(&mut self) -> Result<bool, Over> {
        self.reached(Point::CommandAcknowledged)?;
        self.write(&[0x04, 0xff, 0x01, 0x0a]).await?;
        self.reached(Point::StatusSent)?;
        self.acknowledgement().await?;
        self.reached(Point::StatusAcknowledged)?;
        let waits = self.state().is(Quirk::WaitForAbort);
        if waits {
            let (code, _) = self.command().await?;
            if code == [0x06, 0xb0] {
                self.acknowledge().await?;
                if !self.state().is(Quirk::ApproveAfterAbort) {
                    self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
                    return Ok(false);
                }
            }
        }
        let think = self.state().think;
        tokio::time::sleep(think).await;
        let declined = self.state().decline_next.take();
        let Some(code) = declined else { return Ok(true) };
        let (abort, result) = ([0x06, 0x1e, 0x01, code], [0x04, 0x0f, 0x02, 0x27, code]);
        let by = self.state().decline;
        match by {
            Decline::Abort => self.lead(&abort).await?,
            Decline::ResultThenAbort => {
                self.lead(&result).await?;
                self.lead(&abort).await?
            }
            Decline::AbortThenResult => {
                self.lead(&abort).await?;
                self.lead(&result).await?
            }
            Decline::ResultThenCompletion => {
                self.lead(&result).await?;
                self.lead(&[0x06, 0x0f, 0x00]).await?
            }
        };
        Ok(false)
    }

    /// Sends the result and waits for the vote on it.
    async fn result_acknowledged(&mut self, booked: &Booked) -> Result<[u8; 2], Over> {
        self.reached(Point::Booked)?;
        let result = self.result(booked, 0x00);
        self.write(&result).await?;
        self.reached(Point::ResultSent)?;
        let vote = self.acknowledgement().await?;
        let again = self.state().is(Quirk::RepeatResult);
        if again { self.lead(&result).await } else { Ok(vote) }
    }

    async fn text(&mut self, booked: &Booked) -> Result<(), Over> {
        let pan = if self.state().is(Quirk::FullPan) { "4761739001010119" } else { "476173xxxxxx0119" };
        let lines = [
            "** CARD PAYMENT **".to_owned(),
            "Terminal 52523535".to_owned(),
            format!("Trace {:06}  Receipt {:04}", booked.trace, booked.receipt),
            format!("VISA {pan}"),
            "Payment approved".to_owned(),
        ];
        let blocks = self.state().is(Quirk::PrintBlocks);
        if blocks {
            self.lead(&block(0x01, &["** MERCHANT COPY **".to_owned()])).await?;
            self.lead(&block(0x02, &lines)).await?;
            return Ok(());
        }
        for line in lines {
            let mut frame = vec![0x06, 0xd1, u8::try_from(line.len() + 1).unwrap_or(0), 0x00];
            frame.extend(line.bytes());
            self.write(&frame).await?;
            self.reached(Point::LineSent)?;
            self.acknowledgement().await?;
        }
        Ok(())
    }

    async fn repeat_receipt(&mut self) -> Result<(), Over> {
        if self.state().busy > 0 {
            return self.write(&[0x84, 0x9c, 0x00]).await;
        }
        self.acknowledge().await?;
        let last = self.state().journal.last().cloned();
        match last {
            None => {
                self.lead(&[0x06, 0x1e, 0x01, 0x83]).await?;
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
        self.acknowledge().await?;
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
        data.push(0x49);
        data.extend(self.state().currency);
        data.push(0x0b);
        data.extend(bcd(u64::from(booked.trace), 3));
        data.extend([0x0c, 0x14, 0x15, 0x16, 0x0d, 0x11, 0x24, 0x29, 0x52, 0x52, 0x35, 0x35, 0x87]);
        data.extend(bcd(u64::from(booked.receipt), 2));
        if self.state().is(Quirk::FullPan) {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19]);
            data.extend([
                0x23, 0xf1, 0xf3, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19, 0xd2, 0x81, 0x22, 0x01, 0x00,
            ]);
        } else {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0xee, 0xee, 0xee, 0x01, 0x19]);
        }
        data.extend([0x8a, 0x0a, 0x8b, 0xf0, 0xf5]);
        data.extend(b"VISA\0");
        framed([0x04, 0x0f], &data)
    }
}

/// A text block: whose receipt it is, and lines.
fn block(whose: u8, lines: &[String]) -> Vec<u8> {
    let short = |length: usize| u8::try_from(length).unwrap_or(0);
    let texts: Vec<u8> = lines.iter().flat_map(|line| [&[0x07, short(line.len())], line.as_bytes()].concat()).collect();
    let container = [&[0x1f, 0x07, 0x01, whose, 0x25, 0x81, short(texts.len())], texts.as_slice()].concat();
    framed([0x06, 0xd3], &[&[0x06, 0x82, 0x00, short(container.len())], container.as_slice()].concat())
}

fn framed(code: [u8; 2], data: &[u8]) -> Vec<u8> {
    let mut frame = code.to_vec();
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
