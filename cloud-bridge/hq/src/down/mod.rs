//! Items for hubs: a queue per hub and stream, and the publisher that sends what each hub lacks.
//!
//! # What this module promises
//!
//! - **Once, in order, or refused once.** An item leaves its queue only when the hub has acknowledged that it applied
//!   or refused it. How the hub handles repeated batches is in [`contract::down`].
//! - **A refused item blocks nothing.** It is kept with its reason, for a person, and later items continue.
//! - **Bounded.** At most one batch per hub and stream is unacknowledged; a queue takes [`MAX_WAITING`] items, an item
//!   [`MAX_BODY`] bytes. More is an error for the appender.
//!
//! # States of a queue
//!
//! ```text
//!   empty --append--> waiting --batch--> on its way --hub: up to its end--> waiting or empty
//!                        ^                  |
//!                        +-- no answer for 3 s, then 6 s .. 60 s; or a new connection: the same batch again
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | the broker, the WAN or a hub fails | the batch is repeated; to a silent hub once a minute, and when it is back |
//! | a batch or an acknowledgement is lost, duplicated or late | the batch is repeated; old ones change nothing |
//! | the hub's store is restored or replaced | see [`queue`]: a new queue begins, and lost items are counted |
//! | this process is killed | items are in the ledger's database; the next process sends them |
//! | the queues cannot be read or written | nothing is sent or deleted; it is retried |

mod publisher;
pub mod queue;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
pub mod window;

use contract::{
    BadBody, HubId, Stream,
    kind::{Body, DownKind},
};
pub use publisher::{Publisher, PublisherStatus};
pub use rows::Queues;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::database::DatabaseError;

/// The maximum number of waiting items in a queue.
pub const MAX_WAITING: usize = 200_000;

/// The maximum size of an item's body, in bytes.
pub const MAX_BODY: usize = contract::message::BATCH_BYTES;

/// An item to append.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) kind: String,
    pub(crate) body: Box<RawValue>,
}

impl Outgoing {
    /// An item of a kind.
    ///
    /// # Errors
    /// The body cannot be serialized.
    pub fn new<B: Body>(kind: &DownKind<B>, body: &B) -> Result<Self, BadBody> {
        Ok(Self { kind: kind.name().to_owned(), body: kind.write(body)? })
    }
}

/// An item that a hub refused, for a person.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedItem {
    /// The hub.
    pub hub: HubId,
    /// The stream.
    pub stream: Stream,
    /// The kind.
    pub kind: String,
    /// The body.
    pub body: Box<RawValue>,
    /// The hub's reason.
    pub why: String,
}

/// The sums of all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueSummary {
    /// Items without an acknowledgement.
    pub waiting: u64,
    /// Items that hubs applied.
    pub applied: u64,
    /// Items that hubs refused.
    pub refused: u64,
    /// Items that were applied in a store that was set back since; they must be published again.
    pub lost: u64,
}

/// The effect of an acknowledgement.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Newly applied items.
    pub applied: u64,
    /// Newly refused items, with reasons.
    pub refused: Vec<(Outgoing, String)>,
    /// A new queue began: the hub's store, or HQ, was set back.
    pub restarted: bool,
    /// Items that had been applied in the store that was set back.
    pub lost: u64,
}

impl Heard {
    /// Whether it changed anything, so that the next batch may be sent.
    pub fn is_news(&self) -> bool {
        self.applied > 0 || !self.refused.is_empty() || self.restarted
    }
}

/// Why a queue could not be read or written; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue is full.
    #[error("the queue of {hub}, stream {stream}, is full: {MAX_WAITING} items; wait until the hub has taken some")]
    Full {
        /// The hub.
        hub: HubId,
        /// The stream.
        stream: Stream,
    },
    /// An item is too large for a message.
    #[error("an item of {bytes} bytes; the limit is {MAX_BODY}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl QueueError {
    /// For whoever appends in a transaction of the ledger: it fails as a whole.
    pub(crate) fn into_database(self) -> DatabaseError {
        match self {
            Self::Database(error) => error,
            error => DatabaseError::Statement { statement: "queue/append", why: error.to_string() },
        }
    }
}
