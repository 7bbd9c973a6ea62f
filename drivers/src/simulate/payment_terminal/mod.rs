//! A card terminal that speaks ZVT on TCP or a serial line, with a journal that outlives its connections.
//!
//! It serves one link at a time. Its messages are built byte by byte, independently of the driver's encoder.
//!
//! | the link is lost | effect |
//! | --- | --- |
//! | before the customer has finished | the payment is dropped; or [continued](SimulatedTerminal::carry_on) |
//! | after booking, before the acknowledgement | kept; or [reversed](SimulatedTerminal::reverse_unacknowledged) |
//! | later | the payment is kept |

mod line;
mod session;

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};

use self::session::Session;
use super::Pty;

/// A transaction in the terminal's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Minor units.
    pub minor: u64,
    /// The trace number.
    pub trace: u32,
    /// The receipt number.
    pub receipt: u16,
    /// The state.
    pub state: BookedState,
}

/// The state of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookedState {
    /// The customer was charged.
    Charged,
    /// Charged, then reversed.
    Reversed,
    /// Given back to the customer.
    Refund,
}

/// A point where the link can be dropped: every boundary between two messages, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The command arrived; nothing was sent or done.
    CommandReceived,
    /// The command was acknowledged.
    CommandAcknowledged,
    /// An intermediate status was sent.
    StatusSent,
    /// Its acknowledgement arrived.
    StatusAcknowledged,
    /// The bank approved and the payment is booked; the result was not sent.
    Booked,
    /// The result was sent, without waiting for its acknowledgement.
    ResultSent,
    /// The acknowledgement arrived.
    ResultAcknowledged,
    /// A line of the receipt text was sent.
    LineSent,
    /// The receipt text was sent and acknowledged.
    TextSent,
    /// The completion was sent.
    CompletionSent,
    /// The completion was acknowledged: the payment is done.
    CompletionAcknowledged,
}

impl Point {
    /// All points in order.
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

/// How a decline is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decline {
    /// By an abort only.
    #[default]
    Abort,
    /// By a result, then an abort.
    ResultThenAbort,
    /// By an abort, then a result.
    AbortThenResult,
    /// By a result, then a completion.
    ResultThenCompletion,
}

/// Behaviours that can be switched on.
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
    Offline,
}

#[derive(Default)]
struct State {
    journal: Vec<Booked>,
    trace: u32,
    /// Eight digits in BCD.
    terminal_id: [u8; 4],
    /// The currency of the registration, in BCD.
    currency: [u8; 2],
    quirks: HashSet<Quirk>,
    decline_next: Option<u8>,
    decline: Decline,
    drop_at: Option<Point>,
    /// Writes are split into pieces of this many bytes.
    split: Option<usize>,
    /// After a lost link it continues, and is busy for this many enquiries.
    carry_on: Option<u32>,
    /// Busy for this many more enquiries.
    busy: u32,
    /// The transaction in progress: minor units, and its state once booked.
    unfinished: Option<(u64, BookedState)>,
    think: Duration,
    think_before_text: Duration,
    /// The first transaction of the day in the journal.
    day: usize,
    /// One in this many frames on a serial line is spoiled.
    spoil_every: Option<u32>,
    spoiled: u32,
}

impl State {
    /// A terminal without any transaction.
    fn new() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { terminal_id: [0x52, 0x52, 0x35, 0x35], ..Self::default() }))
    }

    fn is(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn book(&mut self, minor: u64, state: BookedState) -> Booked {
        self.trace += 1;
        let receipt = u16::try_from(self.trace % 10_000).unwrap_or(0);
        let booked = Booked { minor, trace: self.trace, receipt, state };
        self.journal.push(booked.clone());
        booked
    }

    /// An enquiry: returns the state to answer with, and continues the payment in progress.
    fn enquired(&mut self) -> u8 {
        if self.busy == 0 {
            return 0x00;
        }
        self.busy -= 1;
        if self.busy == 0
            && let Some((minor, state)) = self.unfinished.take()
        {
            self.book(minor, state);
        }
        0x9c
    }
}

/// A simulated terminal.
pub struct SimulatedTerminal {
    address: SocketAddr,
    line: Option<PathBuf>,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl SimulatedTerminal {
    /// Starts a terminal, on a free port if the port is 0.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = State::new();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One link at a time; an error ends it.
                let _ = stream.set_nodelay(true);
                let _ = Session::new(stream, &shared).serve().await;
            }
        });
        Ok(Self { address, line: None, state, task })
    }

    /// Starts a terminal on a serial line.
    ///
    /// # Errors
    /// The system has no pseudo-terminal.
    pub fn on_a_line() -> io::Result<Self> {
        let pty = Pty::open(None)?;
        let line = Some(pty.path().to_owned());
        let state = State::new();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let stream = line::unframed(pty, &shared);
            let _ = Session::new(stream, &shared).serve().await;
        });
        Ok(Self { address: SocketAddr::from(([0, 0, 0, 0], 0)), line, state, task })
    }

    /// The driver's path of its serial line.
    pub fn line(&self) -> Option<&Path> {
        self.line.as_deref()
    }

    /// Spoils frames on the serial line: one in this many frames from the driver is refused, and one in this
    /// many to it is first sent with a wrong check.
    pub fn spoil_every(&self, frames: Option<u32>) {
        lock(&self.state).spoil_every = frames;
    }

    /// How many frames it spoiled.
    pub fn spoiled(&self) -> u32 {
        lock(&self.state).spoiled
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives it this id instead of 52523535; eight digits in BCD. The hub learns it with its next link.
    pub fn identify(&self, terminal_id: [u8; 4]) {
        lock(&self.state).terminal_id = terminal_id;
    }

    /// The journal: what customers were really charged.
    pub fn journal(&self) -> Vec<Booked> {
        lock(&self.state).journal.clone()
    }

    /// The number of payments that are charged and not refunded.
    pub fn bookings(&self) -> usize {
        lock(&self.state).journal.iter().filter(|booked| booked.state == BookedState::Charged).count()
    }

    /// Charges an amount as if a request for it had arrived, and its answer was lost.
    pub fn charge(&self, minor: u64) {
        lock(&self.state).book(minor, BookedState::Charged);
    }

    /// Declines the next authorisation with this code.
    pub fn decline_next(&self, decline_next: Option<u8>) {
        lock(&self.state).decline_next = decline_next;
    }

    /// How declines are reported.
    pub fn decline_by(&self, decline: Decline) {
        lock(&self.state).decline = decline;
    }

    /// Drops the link of the next authorisation at this point.
    pub fn drop_link_at(&self, point: Option<Point>) {
        lock(&self.state).drop_at = point;
    }

    /// Makes it busy with something else for this many enquiries.
    pub fn busy(&self, enquiries: u32) {
        lock(&self.state).busy = enquiries;
    }

    /// After a link lost before the result, continues the payment and is busy with it for this many enquiries.
    pub fn carry_on(&self, carry_on: Option<u32>) {
        lock(&self.state).carry_on = carry_on;
    }

    /// Splits writes into pieces of this many bytes.
    pub fn split(&self, split: Option<usize>) {
        lock(&self.state).split = split;
    }

    /// How long customer and bank take.
    pub fn think(&self, think: Duration) {
        lock(&self.state).think = think;
    }

    /// The time between the result and the receipt text.
    pub fn think_before_text(&self, think: Duration) {
        lock(&self.state).think_before_text = think;
    }

    /// Stops answering.
    pub fn mute(&self, on: bool) {
        self.quirk(Quirk::Mute, on);
    }

    /// Sends an acknowledgement together with the next message.
    pub fn merge(&self, on: bool) {
        self.quirk(Quirk::Merge, on);
    }

    /// Sends the result twice.
    pub fn repeat_result(&self, on: bool) {
        self.quirk(Quirk::RepeatResult, on);
    }

    /// Approves even after an abort: it came too late.
    pub fn approve_after_abort(&self, on: bool) {
        self.quirk(Quirk::ApproveAfterAbort, on);
    }

    /// Sends a complete card number wherever possible: in its field, as track data, and in the receipt text.
    pub fn full_pan(&self, on: bool) {
        self.quirk(Quirk::FullPan, on);
    }

    /// Waits for an abort: the customer does not come.
    pub fn wait_for_abort(&self, on: bool) {
        self.quirk(Quirk::WaitForAbort, on);
    }

    /// Reverses a booked payment if the link is lost before its result is acknowledged.
    pub fn reverse_unacknowledged(&self, on: bool) {
        self.quirk(Quirk::ReverseUnacknowledged, on);
    }

    /// Sends receipts as text blocks, the merchant's as well.
    pub fn print_blocks(&self, on: bool) {
        self.quirk(Quirk::PrintBlocks, on);
    }

    /// Approves, and reports after the acknowledgement that the payment failed; the booking is reversed.
    pub fn fail_after_approval(&self, on: bool) {
        self.quirk(Quirk::FailAfterApproval, on);
    }

    /// Approves without its bank.
    pub fn offline(&self, on: bool) {
        self.quirk(Quirk::Offline, on);
    }

    /// Books a refund as if a request for it had arrived, and its answer was lost.
    pub fn refund(&self, minor: u64) {
        lock(&self.state).book(minor, BookedState::Refund);
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
