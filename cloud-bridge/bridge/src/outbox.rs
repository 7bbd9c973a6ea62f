//! The outbox as the bridge sees it.

use std::{future::Future, pin::Pin};

use contract::{ChainLink, Epoch, Event, HubId, Positions, Sequence, Stream};
use tokio::sync::watch;

/// How far a stream is at the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first event that can still be sent.
    pub first_kept: Sequence,
    /// The last durable event.
    pub last: Sequence,
    /// The last event of which the hub remembers that HQ has it.
    pub acknowledged: Sequence,
}

/// Events of a stream that HQ lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Which stream.
    pub stream: Stream,
    /// The first of them.
    pub from: Sequence,
    /// The last.
    pub last: Sequence,
}

/// What a hub has to tell HQ; the hub implements it over its store.
pub trait Outbox: Send + Sync + 'static {
    /// Whose it is.
    fn hub(&self) -> HubId;
    /// In which life of its store.
    fn epoch(&self) -> Epoch;
    /// The streams there are; never changes.
    fn streams(&self) -> Vec<Stream>;
    /// How far a stream is. Only what is durable counts. May block on the disk.
    ///
    /// # Errors
    /// The store fails.
    fn span(&self, stream: &Stream) -> Result<Span, OutboxError>;
    /// Events from `from` on, without gaps, at most `max_events`, and no more once their bodies pass `max_bytes`. May
    /// block on the disk.
    ///
    /// # Errors
    /// The store fails.
    fn read(
        &self,
        stream: &Stream,
        from: Sequence,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, OutboxError>;
    /// The link of a durable event; `None` if it has none, or is not kept any more. May block on the disk.
    ///
    /// # Errors
    /// The store fails.
    fn link(&self, stream: &Stream, sequence: Sequence) -> Result<Option<ChainLink>, OutboxError>;
    /// The current positions of the items that these events touch, each message read in one snapshot. May block on the
    /// disk, for as long as it takes to read the events' records.
    ///
    /// # Errors
    /// The store fails.
    fn positions(&self, backlog: &[Backlog]) -> Result<Vec<Positions>, OutboxError>;
    /// Remembers durably that HQ has everything up to `up_to`.
    fn acknowledged(
        &self,
        stream: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>>;
    /// Why nothing is added any more, if its store has stopped for good.
    fn stopped(&self) -> Option<String>;
    /// Changes when something new may be in the outbox.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The store behind the outbox failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("outbox unavailable: {0}")]
pub struct OutboxError(pub String);
