//! The bridge's view of the outbox.

use std::{future::Future, pin::Pin};

use contract::{ChainLink, Epoch, Event, HubId, Positions, Sequence, Stream};
use tokio::sync::watch;

/// The events of a stream that the hub has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first event that can still be sent.
    pub first_kept: Sequence,
    /// The last durable event.
    pub last: Sequence,
    /// The last event that the hub remembers HQ to have.
    pub acknowledged: Sequence,
}

/// The events of a stream that HQ lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The stream.
    pub stream: Stream,
    /// The first event.
    pub from: Sequence,
    /// The last event.
    pub last: Sequence,
}

/// The events for HQ; the hub implements it over its store.
pub trait Outbox: Send + Sync + 'static {
    /// The hub.
    fn hub(&self) -> HubId;
    /// The epoch of the hub's store.
    fn epoch(&self) -> Epoch;
    /// The streams, a fixed list.
    fn streams(&self) -> Vec<Stream>;
    /// The durable events of a stream. May block on the disk.
    ///
    /// # Errors
    /// The store failed.
    fn span(&self, stream: &Stream) -> Result<Span, OutboxError>;
    /// The events from `from` on, without gaps: at most `max_events`, and no more once their bodies pass `max_bytes`.
    /// May block on the disk.
    ///
    /// # Errors
    /// The store failed.
    fn read(
        &self,
        stream: &Stream,
        from: Sequence,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Event>, OutboxError>;
    /// The chain link of a durable event; `None` if the event has no link or was deleted. May block on the disk.
    ///
    /// # Errors
    /// The store failed.
    fn link(&self, stream: &Stream, sequence: Sequence) -> Result<Option<ChainLink>, OutboxError>;
    /// The current positions of the items that these events touch, each message read in one snapshot. May block on the
    /// disk while it reads the events' records.
    ///
    /// # Errors
    /// The store failed.
    fn positions(&self, backlog: &[Backlog]) -> Result<Vec<Positions>, OutboxError>;
    /// Remembers durably that HQ has everything up to `up_to`.
    fn acknowledged(
        &self,
        stream: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>>;
    /// The reason why the store has stopped, if it has.
    fn stopped(&self) -> Option<String>;
    /// Changes when the outbox may have new events.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The store behind the outbox failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("outbox unavailable: {0}")]
pub struct OutboxError(pub String);
