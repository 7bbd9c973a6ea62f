//! The hub's half of the bridge to headquarters: outbox -> MQTT -> acknowledgement -> trim.
//!
//! # What this crate promises
//!
//! - **Nothing is lost and nothing has its effect twice**, whatever the link does: the window of what was sent and not acknowledged is kept here,
//!   from the outbox; the MQTT client's memory is never a queue and a broker's PUBACK means nothing. Every connection begins with a
//!   [`Hello`](contract::Hello) and goes on from HQ's own cursor.
//! - **Bounded.** At most [`window::IN_FLIGHT`] events are on their way; what waits beyond that waits in the outbox, on disk.
//! - **It disturbs nobody.** Reading the outbox happens off the runtime's threads, publishing never blocks, and a dead WAN costs one attempt at
//!   connecting every few seconds.
//!
//! # States
//!
//! ```text
//!   Connecting --CONNACK, SUBACK--> Greeting --HQ's cursor for a stream--> Flowing (that stream)
//!       ^                              | hello again every 5 s                | batches from cursor + 1
//!       +---- any error; new client, back-off 0.2 s .. 10 s, jittered ---------+ no progress for 3 s: back to cursor + 1
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the WAN | the client is thrown away; the backlog grows in the outbox; a new connection begins with hello |
//! | a batch or an acknowledgement is lost | no progress for 3 s: everything after HQ's cursor is sent again; HQ drops what it has |
//! | HQ comes back from a backup | its cursor is lower; the window follows it back, as far as the outbox reaches |
//! | HQ's cursor is behind what the outbox still has | reported as an error in [`BridgeStatus`]; nothing is skipped silently |
//! | HQ claims more than the hub ever had | reported as an error: the hub's disk was set back without a new epoch; the stream waits for a person |
//! | a hostile or garbled acknowledgement | ignored and counted |
//! | the hub's disk, so that its store stops | what is in the outbox goes on to HQ; hello says why, again every 5 s |
//! | the hub dies | the cursor was stored before; at the next start hello asks HQ |

mod run;
pub mod window;

use std::{future::Future, pin::Pin};

use contract::{Epoch, Event, HubId, Sequence, Stream};
pub use run::{Bridge, BridgeConfig, BridgeStatus, start};
use tokio::sync::watch;

/// How far a stream is at the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first event that can still be sent.
    pub first_kept: Sequence,
    /// The last durable event.
    pub last: Sequence,
}

/// The outbox as the bridge sees it; the hub implements it over its store.
pub trait Outbox: Send + Sync + 'static {
    /// Whose it is.
    fn hub(&self) -> HubId;
    /// In which life of its store.
    fn epoch(&self) -> Epoch;
    /// The streams there are; never changes.
    fn streams(&self) -> Vec<Stream>;
    /// How far a stream is. Only what is durable counts.
    ///
    /// # Errors
    /// The store fails.
    fn span(&self, stream: &Stream) -> Result<Span, OutboxError>;
    /// Events from `from` on, without gaps, at most `max_events`, and no more once their bodies pass `max_bytes`. May block on the disk.
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
    /// Remembers durably that HQ has everything up to `up_to`.
    fn acknowledged(
        &self,
        stream: Stream,
        up_to: Sequence,
    ) -> Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + '_>>;
    /// Why nothing comes into it any more, if its store has stopped for good.
    fn stopped(&self) -> Option<String>;
    /// Changes when something new may be in the outbox.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// The store behind the outbox failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the outbox can't be used: {0}")]
pub struct OutboxError(pub String);
