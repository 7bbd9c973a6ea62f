//! What travels between a hub and headquarters (HQ).
//!
//! # What both ends promise
//!
//! - An event is (hub, epoch, stream, sequence). Sequences count from 1 without gaps; an epoch is drawn when a hub's
//!   store is created.
//! - HQ stores an event in the transaction that advances its cursor, and acknowledges after that commit.
//!   [`Acknowledgement`] is cumulative: "I have everything up to here". Only that lets the hub forget; a broker's
//!   PUBACK means nothing.
//! - The hub may send anything again at any time; HQ drops what it has. HQ may lose its latest events (a restored
//!   backup); it answers with its older cursor and the hub goes back to it. A hub with nothing to send asks for the
//!   cursors every 30 s, so that an HQ that forgot hears of it.
//! - A hub believes an acknowledgement up to what it has sent, or knew to be acknowledged when it started. What is
//!   beyond that it sends, and HQ drops what it has.
//! - A batch carries the [`ChainLink`] of its last event, and HQ's acknowledgement the one that it has for its cursor.
//!   If the hub has another there, its store is not the one that HQ heard (its disk was set back, or copied): nothing
//!   more is sent, its next hello says so to HQ, and both raise an alarm.
//! - An event that cannot be sent (its record is damaged, or it is larger than the broker takes) is replaced by a
//!   [`Placeholder`], which HQ keeps for a person; the events after it go on.
//! - What HQ sends down is applied once, in order, in the same way with the ends exchanged; [`down`] has the rules.
//! - Every message is JSON of at most [`MAX_MESSAGE`] bytes, compressed if that pays; its content type names its form and
//!   version ([`wire`]). Fields may be added within a version; unknown ones are ignored.
//!
//! # A conversation
//!
//! ```text
//! hub                                             HQ
//!  | -- hello: epoch, streams and their spans -->  |   at every (re)connect, repeated every 5 s until answered, or
//!  |                                               |   while the hub's store has stopped; then every 30 s
//!  | <-- acknowledgement per stream: its cursor -- |   0 for a stream it has never seen
//!  | -- positions ------------------------------>  |   if many events wait: what there is now, ahead of them
//!  | -- batch from cursor + 1 ------------------>  |   a bounded window of batches
//!  | <-- acknowledgement ------------------------- |   after the commit; on a gap: the cursor as it is
//!  | -- telemetry ------------------------------>  |   how the hub is, when nothing else waits
//!  | -- question ------------------------------->  |   what only HQ knows
//!  | <-- answer ---------------------------------- |   once, within the time that the hub waits
//!  | -- gone ----------------------------------->  |   by the broker, when the connection ends
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`name`] | hubs and their shards, streams, epochs, sequences |
//! | [`message`] | up: hello, last will, batch, acknowledgement |
//! | [`positions`] | up: what there is now, ahead of how it came to that |
//! | [`telemetry`] | up: how the hub is |
//! | [`ask`] | questions of a hub, and their answers |
//! | [`down`] | down: batch, acknowledgement, and what is due of a batch |
//! | [`wire`] | how they travel: content type, version, compression |
//! | [`topic`] | where they are published |
//! | [`kind`] | kinds: name, stream and body of what is sent |
//! | [`sale`] | up: a completed sale |
//! | [`stock`] | up: a stock movement, and an epoch's opening stock |
//! | [`item`] | down: an item of the catalog |
//! | `schema` | JSON Schemas of all of it; a feature |
//! | [`publication`] | down: what HQ wants whole: signed manifests, segments, and what hubs say of them |

pub mod ask;
pub mod down;
pub mod item;
pub mod kind;
pub mod message;
pub mod name;
pub mod positions;
pub mod publication;
pub mod sale;
#[cfg(feature = "schema")]
pub mod schema;
pub mod stock;
pub mod telemetry;
pub mod topic;
pub mod wire;

pub use ask::{Answer, Answered, Asked, Question};
pub use down::{DownAcknowledgement, DownBatch, DownItem, Received, Refusal};
pub use kind::{BadBody, Body, DownKind, EventKind};
pub use message::{
    Acknowledgement, BadMessage, Batch, Event, Gone, Hello, Known, MAX_MESSAGE, MAX_WHY, Placeholder, StreamSpan,
    VERSION,
};
pub use name::{ChainLink, Digest, Epoch, HubId, PublicationKind, SHARDS, Sequence, Shard, Stream};
pub use positions::Positions;
pub use sale::SaleCompleted;
pub use stock::{StockMoved, StockOpened};
pub use telemetry::Telemetry;
pub use wire::{Packed, Wire};
