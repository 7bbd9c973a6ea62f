//! What HQ sends down: a queue per hub and stream, and the publisher that sends what each hub lacks.
//!
//! # What this module promises
//!
//! - **Once, in order, or refused once.** An item leaves its queue when the hub says that it has applied or refused it,
//!   never before. What the hub does with a batch that arrives again is in [`contract::down`].
//! - **A refused item blocks nothing.** It is kept with its reason for a person, and the items after it go on.
//! - **Bounded.** One batch is on its way for each hub and stream; a queue takes [`MAX_WAITING`] items, an item
//!   [`MAX_BODY`] bytes. What does not fit is an error for whoever appends.
//!
//! # States of a queue
//!
//! ```text
//!   empty --append--> waiting --batch--> on its way --hub: up to its end--> waiting or empty
//!                        ^                  |
//!                        +-- no answer for 3 s, then 6 s .. 60 s; or a new connection: the same batch again
//! ```
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the broker, the WAN, a hub | the batch is sent again; to a silent hub once a minute, and as soon as it is back |
//! | a batch or an answer is lost, doubled or late | the batch is sent again; old answers change nothing |
//! | the hub's store is restored or replaced | see [`queue`]: a new queue begins, and what is lost is counted |
//! | this process dies | what waits is in the ledger's database; the next process sends it |
//! | the queues cannot be read or written | nothing is sent or forgotten; it is tried again |

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

/// The most items that wait in a queue.
pub const MAX_WAITING: usize = 200_000;

/// The largest body of an item, in bytes.
pub const MAX_BODY: usize = contract::message::BATCH_BYTES;

/// An item on its way into a queue.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) kind: String,
    pub(crate) body: Box<RawValue>,
}

impl Outgoing {
    /// An item of a kind.
    ///
    /// # Errors
    /// The body has no JSON form.
    pub fn new<B: Body>(kind: &DownKind<B>, body: &B) -> Result<Self, BadBody> {
        Ok(Self { kind: kind.name().to_owned(), body: kind.write(body)? })
    }
}

/// An item that a hub refused, for a person to look at.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedItem {
    /// Which hub.
    pub hub: HubId,
    /// In which stream.
    pub stream: Stream,
    /// What it was.
    pub kind: String,
    /// What it said.
    pub body: Box<RawValue>,
    /// Why the hub refused it.
    pub why: String,
}

/// The sums of all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueSummary {
    /// Items that hubs have not answered for yet.
    pub waiting: u64,
    /// Items that hubs applied.
    pub applied: u64,
    /// Items that hubs refused.
    pub refused: u64,
    /// Items that were applied in a store that has been set back since; they must be published again.
    pub lost: u64,
}

/// What an answer did.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Items applied since the last answer.
    pub applied: u64,
    /// Items refused since the last answer, and why.
    pub refused: Vec<(Outgoing, String)>,
    /// A new queue began: the hub's store, or HQ, was set back.
    pub restarted: bool,
    /// Items that had been applied in the store that was set back.
    pub lost: u64,
}

impl Heard {
    /// Whether anything but the answer itself is new: the next batch may go.
    pub fn is_news(&self) -> bool {
        self.applied > 0 || !self.refused.is_empty() || self.restarted
    }
}

/// Why a queue was not read or written; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No room.
    #[error("the queue of {hub}, stream {stream}, is full: {MAX_WAITING} items; wait until the hub has taken some")]
    Full {
        /// Which hub.
        hub: HubId,
        /// Which stream.
        stream: Stream,
    },
    /// An item that no message has room for.
    #[error("an item of {bytes} bytes; the limit is {MAX_BODY}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}
