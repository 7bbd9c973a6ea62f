//! A card terminal that speaks ZVT on TCP, with a journal that outlives its links.
//!
//! It serves one link at a time. What it sends is put together here byte by byte, apart from the driver's encoder.
//!
//! | the link falls | what it does |
//! | --- | --- |
//! | before the customer is through | it forgets the payment; or [goes on with it](SimulatedTerminal::carry_on) and is busy meanwhile |
//! | after it booked, before the acknowledgement | it keeps the payment; or [reverses](SimulatedTerminal::reverse_unacknowledged) |
//! | later | it keeps the payment |

mod session;

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use self::session::Session;

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
    FailAfterApproval,
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
    /// Writes go out in pieces of this many bytes.
    split: Option<usize>,
    /// After a lost link it goes on, and is busy for this many enquiries.
    carry_on: Option<u32>,
    /// It is busy for this many more enquiries.
    busy: u32,
    /// What it is busy with, in minor units.
    unfinished: Option<u64>,
    think: Duration,
    think_before_text: Duration,
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

    /// It is busy with something else for this many enquiries.
    pub fn busy(&self, enquiries: u32) {
        lock(&self.state).busy = enquiries;
    }

    /// After a link that fell before the result it goes on with the payment, and is busy with it for this many
    /// enquiries.
    pub fn carry_on(&self, carry_on: Option<u32>) {
        lock(&self.state).carry_on = carry_on;
    }

    /// What it sends goes out in pieces of this many bytes.
    pub fn split(&self, split: Option<usize>) {
        lock(&self.state).split = split;
    }

    /// How long customer and bank take.
    pub fn think(&self, think: Duration) {
        lock(&self.state).think = think;
    }

    /// How long it takes between its result and the receipt's text.
    pub fn think_before_text(&self, think: Duration) {
        lock(&self.state).think_before_text = think;
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

    /// It approves, and tells after the acknowledgement that the payment failed: what was booked is given back.
    pub fn fail_after_approval(&self, on: bool) {
        self.quirk(Quirk::FailAfterApproval, on);
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
